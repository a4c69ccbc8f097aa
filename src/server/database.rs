//! What outlasts runs, in an SQLite database in the state folder.

mod access;
mod audit;
mod outbox;
mod pictures;
mod plans;
mod runs;
mod schedules;
mod shares;

pub use self::{access::Hash, outbox::Message, runs::Leavings};

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use ha_dashboard::api::error::ApiError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::{figures::FIGURES, told};

/// The file in the state folder.
const FILE: &str = "dashboard.sqlite";

/// From one version of the tables to the next; none of them is ever changed.
const STEPS: &[M] = &[
    M::up(
        "CREATE TABLE pictures (
            run TEXT PRIMARY KEY,
            -- domain::picture::Kept as JSON, deflated.
            kept BLOB NOT NULL
        ) STRICT;",
    ),
    M::up(
        "CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            -- Whether it may be at work.
            active INTEGER NOT NULL,
            -- Empty: it is not over.
            verdict TEXT NOT NULL,
            target TEXT NOT NULL,
            pattern TEXT NOT NULL,
            star INTEGER NOT NULL,
            trashed_ms INTEGER,
            -- What is searched, in small letters.
            words TEXT NOT NULL
        ) STRICT;
        -- Apart, so that a look through all runs is one through few pages.
        CREATE TABLE records (
            run TEXT PRIMARY KEY,
            -- domain::run::Run as JSON.
            record TEXT NOT NULL
        ) STRICT;
        CREATE INDEX runs_by_time ON runs (created_ms DESC, id DESC);
        CREATE TABLE tags (
            run TEXT NOT NULL,
            tag TEXT NOT NULL,
            PRIMARY KEY (tag, run)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tags_by_run ON tags (run);
        -- What k6 left of a run that is over.
        CREATE TABLE leavings (
            run TEXT PRIMARY KEY,
            -- The last lines of its log, deflated.
            log BLOB NOT NULL,
            -- The summaries of its k6 as a JSON array, deflated.
            summaries BLOB NOT NULL
        ) STRICT;
        -- domain::past::Gist, its course as JSON.
        ALTER TABLE pictures ADD COLUMN course TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE pictures ADD COLUMN faults INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE pictures ADD COLUMN out_ms INTEGER;",
    ),
    M::up(
        "CREATE TABLE plans (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            -- domain::validate::Draft as JSON.
            draft TEXT NOT NULL,
            changed_ms INTEGER NOT NULL,
            -- In the trash since then.
            deleted_ms INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX plan_names ON plans (name) WHERE deleted_ms IS NULL;",
    ),
    M::up(
        "CREATE TABLE schedules (
            id TEXT PRIMARY KEY,
            plan TEXT NOT NULL,
            due_ms INTEGER,
            -- domain::agenda::Appointment as JSON.
            kept TEXT NOT NULL
        ) STRICT;
        CREATE INDEX schedules_of_plans ON schedules (plan);",
    ),
    M::up(
        "ALTER TABLE runs ADD COLUMN baseline INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX runs_by_target ON runs (target, created_ms DESC);",
    ),
    M::up(
        "CREATE TABLE outbox (
            hook TEXT NOT NULL,
            id TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            -- When it is tried next; none: it has arrived or is given up.
            due_ms INTEGER,
            -- domain::hook::Delivery as JSON.
            kept TEXT NOT NULL,
            -- What is sent.
            body TEXT NOT NULL,
            PRIMARY KEY (hook, id)
        ) STRICT;
        CREATE INDEX outbox_by_due ON outbox (hook, due_ms);",
    ),
    M::up(
        "CREATE TABLE shares (
            id TEXT PRIMARY KEY,
            run TEXT NOT NULL,
            -- SHA-256 of what it leads by, which is kept nowhere.
            hash BLOB NOT NULL UNIQUE,
            created_ms INTEGER NOT NULL,
            until_ms INTEGER NOT NULL,
            revoked_ms INTEGER
        ) STRICT;
        CREATE INDEX shares_by_run ON shares (run);",
    ),
    M::up(
        "CREATE TABLE accounts (
            name TEXT PRIMARY KEY,
            role TEXT NOT NULL,
            -- Of the password, as a PHC string.
            hash TEXT NOT NULL,
            created_ms INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE passes (
            id TEXT PRIMARY KEY,
            -- session, token or link.
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            -- Of a session: where it came from.
            link TEXT,
            account TEXT,
            -- Of a link: whether it is good for one session only.
            once INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            until_ms INTEGER NOT NULL,
            used_ms INTEGER,
            revoked_ms INTEGER,
            -- SHA-256 of the secret, which is kept nowhere.
            hash BLOB NOT NULL UNIQUE
        ) STRICT;
        CREATE INDEX passes_by_link ON passes (link);
        CREATE INDEX passes_by_account ON passes (account);
        CREATE TABLE audit (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            role TEXT NOT NULL,
            address TEXT NOT NULL,
            door TEXT NOT NULL,
            act TEXT NOT NULL,
            about TEXT NOT NULL,
            outcome TEXT NOT NULL,
            correlation_id TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN
            SELECT raise(ABORT, 'the audit is only ever added to');
        END;
        CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN
            SELECT raise(ABORT, 'the audit is only ever added to');
        END;
        -- Without recursive triggers an INSERT OR REPLACE fires none for what it replaces.
        CREATE TRIGGER audit_adds BEFORE INSERT ON audit WHEN new.n IN (SELECT n FROM audit) BEGIN
            SELECT raise(ABORT, 'the audit is only ever added to');
        END;",
    ),
    // Of a session by a team's provider: in which way that team logs in.
    M::up("ALTER TABLE passes ADD COLUMN team TEXT;"),
];

const MIGRATIONS: Migrations = Migrations::from_slice(STEPS);

/// How long a write waits for another one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A newer version of this program made it.
    #[error(
        "{path} was made by a newer version of this program: use that one, or give this one a state folder of its own \
         (HAD_STATE_DIR)"
    )]
    Newer {
        /// The file.
        path: String,
    },
    /// It can't be opened, read or written.
    #[error(
        "can't use {path}: {source}; see that it can be read and written and that its disk has space; if it is damaged, \
         move it away: the runs' records stay"
    )]
    Unusable {
        /// The file.
        path: String,
        /// The cause.
        source: rusqlite::Error,
    },
    /// What is in it can't be read.
    #[error("what is kept of the run can't be read: {0}")]
    Unreadable(String),
}

/// The database. Copies are handles on the same one. Its calls wait for the disk.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
    /// Apart, so that who reads does not wait for a write that waits for another program.
    reader: Arc<Mutex<Connection>>,
}

impl Database {
    /// Asks it without holding up other tasks.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] where it can't be used.
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Self) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let database = self.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&database)).await;
        asked.map_err(told::broke_off)?.map_err(told::unusable)
    }

    /// Opens the one in a state folder, makes it where it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`DatabaseError`]; the file is left as it is then.
    pub fn open(state_dir: &Path) -> Result<Self, DatabaseError> {
        let path = state_dir.join(FILE);
        let shown = || path.display().to_string();
        let unusable = |source| DatabaseError::Unusable { path: shown(), source };
        let mut connection = Connection::open(&path).map_err(unusable)?;
        connection.busy_timeout(PATIENCE).map_err(unusable)?;
        // Before anything is written: whether it is ours to write to.
        match MIGRATIONS.current_version(&connection) {
            Ok(rusqlite_migration::SchemaVersion::Outside(_)) => return Err(DatabaseError::Newer { path: shown() }),
            Ok(_) => {}
            Err(error) => return Err(unusable(cause(error))),
        }
        // A reader never waits for a writer, and a crash of this program costs nothing that was committed.
        connection.pragma_update(None, "journal_mode", "wal").map_err(unusable)?;
        connection.pragma_update(None, "synchronous", "normal").map_err(unusable)?;
        MIGRATIONS.to_latest(&mut connection).map_err(|error| unusable(cause(error)))?;
        let reader = Connection::open(&path).map_err(unusable)?;
        reader.busy_timeout(PATIENCE).map_err(unusable)?;
        reader.pragma_update(None, "query_only", true).map_err(unusable)?;
        Ok(Self { path, connection: Arc::new(Mutex::new(connection)), reader: Arc::new(Mutex::new(reader)) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that was left goes back by itself.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read(&reader).map_err(|error| self.unusable(error))
    }

    fn write<T>(&self, write: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        let mut connection = self.connection();
        let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        });
        written.map_err(|error| self.unusable(error))
    }

    fn unusable(&self, source: rusqlite::Error) -> DatabaseError {
        FIGURES.database_errors.add();
        DatabaseError::Unusable { path: self.path.display().to_string(), source }
    }
}

fn deflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes)?;
    packed.finish()
}

fn inflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut whole)?;
    Ok(whole)
}

/// What can't be written as it would not be a value of the database.
fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn cause(error: rusqlite_migration::Error) -> rusqlite::Error {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err,
        other => unfit(other),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_newer_or_damaged_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        drop(Database::open(folder.path()).unwrap());
        drop(Database::open(folder.path()).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
        let bytes = fs::read(&path).unwrap();
        let newer = Database::open(folder.path()).unwrap_err();
        assert!(matches!(newer, DatabaseError::Newer { .. }), "{newer}");
        assert_eq!(fs::read(&path).unwrap(), bytes);

        let damaged = "no database, but somebody's only copy of something".repeat(100);
        fs::write(&path, &damaged).unwrap();
        let refused = Database::open(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("move it away"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }

    #[test]
    fn the_tables_can_be_made_from_nothing() {
        MIGRATIONS.validate().unwrap();
    }
}
