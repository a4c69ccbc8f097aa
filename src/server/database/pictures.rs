//! What is kept of runs that are over.

use std::io;

use ha_dashboard::domain::{picture::Kept, run::RunId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Database, DatabaseError, deflated, inflated, unfit};

impl Database {
    /// What is kept of a run; `None`: nothing.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn picture(&self, run: &RunId) -> Result<Option<Kept>, DatabaseError> {
        let found = self.read(|connection| read(connection, run))?;
        found.map(|bytes| unpack(&bytes)).transpose()
    }

    /// Adds to what is kept of a run.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then what was kept stays.
    pub fn keep(&self, run: &RunId, news: Kept) -> Result<(), DatabaseError> {
        let written = write(&mut self.connection(), run, news);
        written.map_err(|error| self.unusable(error))
    }
}

fn write(connection: &mut Connection, run: &RunId, news: Kept) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = read(&transaction, run)?.and_then(|bytes| match unpack(&bytes) {
        Ok(known) => Some(known),
        Err(error) => {
            tracing::warn!(run_id = %run, %error, "what is known by now takes its place");
            None
        }
    });
    let mut kept = known.unwrap_or_default();
    kept.learn(news);
    let bytes = pack(&kept).map_err(unfit)?;
    let gist = kept.gist();
    let course = serde_json::to_string(&gist.course_ms).map_err(unfit)?;
    transaction.execute(
        "INSERT INTO pictures (run, kept, course, faults, out_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run) DO UPDATE SET kept = excluded.kept, course = excluded.course, faults = excluded.faults,
         out_ms = excluded.out_ms",
        params![run.as_str(), bytes, course, gist.faults, gist.out_ms.and_then(|ms| i64::try_from(ms).ok())],
    )?;
    transaction.commit()
}

fn read(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT kept FROM pictures WHERE run = ?1")?;
    statement.query_row([run.as_str()], |row| row.get(0)).optional()
}

fn pack(kept: &Kept) -> io::Result<Vec<u8>> {
    deflated(&serde_json::to_vec(kept)?)
}

fn unpack(bytes: &[u8]) -> Result<Kept, DatabaseError> {
    let json = inflated(bytes).map_err(|error| error.to_string());
    json.and_then(|json| serde_json::from_slice(&json).map_err(|error| error.to_string()))
        .map_err(DatabaseError::Unreadable)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        path::Path,
        process::{Command, Stdio},
    };

    use ha_dashboard::domain::{
        event::{Event, EventKind},
        frame::{Frame, History, Metric, SeriesKey},
    };

    use super::*;

    fn id(text: &str) -> RunId {
        text.parse().unwrap()
    }

    /// As many rows as a run of some seconds has, none like another.
    fn kept(rows: u64) -> Kept {
        let mut history = History::default();
        for row in 1..=rows {
            let mut frame = Frame { at_ms: row, ..Frame::default() };
            frame.set(SeriesKey::whole(Metric::P95), (row * row * 7919 % 1_000_003) as f64 / 8.0);
            history.push(&frame);
        }
        Kept { history, events: vec![Event { at_ms: rows, kind: EventKind::MetricsBack }], ..Kept::default() }
    }

    #[test]
    fn what_is_kept_of_a_run_is_there_after_a_restart_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.picture(&id("r-1")).unwrap(), None);
        database.keep(&id("r-1"), kept(30)).unwrap();
        database.keep(&id("r-1"), kept(10)).unwrap();
        database.keep(&id("r-2"), kept(1)).unwrap();
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        let told = database.picture(&id("r-1")).unwrap().unwrap();
        assert_eq!((&told.history, told.events.len()), (&kept(30).history, 2));
        database.forget(&[id("r-1")]).unwrap();
        assert_eq!(database.picture(&id("r-1")).unwrap(), None);
        assert_eq!(database.picture(&id("r-2")).unwrap(), Some(kept(1)));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_kept_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let damaged = "INSERT INTO pictures (run, kept) VALUES ('r-1', x'00ff00ff')";
        database.connection().execute(damaged, []).unwrap();
        let error = database.picture(&id("r-1")).unwrap_err();
        assert!(matches!(error, DatabaseError::Unreadable(_)), "{error}");
        database.keep(&id("r-1"), kept(2)).unwrap();
        assert_eq!(database.picture(&id("r-1")).unwrap(), Some(kept(2)));
    }

    #[test]
    fn where_there_is_no_room_what_was_kept_stays() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        database.keep(&id("r-1"), kept(2)).unwrap();
        let pages: u32 = database.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        database.connection().pragma_update(None, "max_page_count", pages).unwrap();
        let error = database.keep(&id("r-1"), kept(1200)).unwrap_err();
        assert!(error.to_string().contains("disk has space"), "{error}");
        assert_eq!(database.picture(&id("r-1")).unwrap(), Some(kept(2)));
        database.connection().pragma_update(None, "max_page_count", 6000).unwrap();
        database.keep(&id("r-1"), kept(1200)).unwrap();
    }

    /// Not a test by itself: keeps more and more, and says how much it has.
    #[test]
    fn keeping_process() {
        let Some(folder) = std::env::var_os("HAD_KEEPING_DIR") else { return };
        let database = Database::open(Path::new(&folder)).unwrap();
        for rows in 1..=1000 {
            database.keep(&id("r-1"), kept(rows)).unwrap();
            println!("kept {rows}");
        }
    }

    #[test]
    fn a_killed_process_leaves_what_it_said_it_kept() {
        let folder = tempfile::tempdir().unwrap();
        for last in [3, 40, 80] {
            let mut process = Command::new("/proc/self/exe")
                .args(["--exact", "server::database::pictures::tests::keeping_process", "--nocapture"])
                .env("HAD_KEEPING_DIR", folder.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
            let said = lines.filter_map(|line| line.strip_prefix("kept ")?.parse::<usize>().ok());
            let said = said.take_while(|rows| *rows < last).last().unwrap_or_default();
            process.kill().unwrap();
            process.wait().unwrap();
            let found = Database::open(folder.path()).unwrap().picture(&id("r-1")).unwrap().unwrap();
            assert!(found.history.at_ms.len() > said, "{} of {said}", found.history.at_ms.len());
        }
    }
}
