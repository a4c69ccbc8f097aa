//! The state folder: one folder for a run at work, with its record and everything its engine writes, and a database for what
//! is kept when it is over.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use ha_dashboard::{
    api::error::ApiError,
    domain::run::{Run, RunId},
};

use super::{log, summary::Summary};
use crate::server::{
    database::{Database, DatabaseError, Leavings},
    engine::{
        EXPORT_FILE, LOG_FILE, OLD_LOG_FILE, Part, SUMMARY_FILE,
        files::{self, read_json, write_json},
    },
    told,
};

/// A run's record in its folder.
const RECORD: &str = "run.json";
/// What earlier versions wrote besides.
const OLD_FIRST_RECORD: &str = "run-created.json";
/// Locked as long as a dashboard works in the state folder.
const LOCK: &str = "dashboard.lock";
/// Lines of k6's log that are kept.
const LOG_LINES: usize = 10_000;
/// How much of a log's end is read for each line that is asked for, in bytes: far more than most have.
const LINE: u64 = 1024;

/// Why the state folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is in use.
    #[error(
        "another dashboard (process {pid}) works in the state folder {dir}: stop it, or give this one a folder of its \
         own (HAD_STATE_DIR)"
    )]
    InUse {
        /// The folder.
        dir: String,
        /// Who uses it.
        pid: String,
    },
    /// It can't be read or written.
    #[error(
        "can't use {path}: {source}; make the state folder (HAD_STATE_DIR) readable and writable, and see that \
         its disk has space"
    )]
    Unusable {
        /// What can't be used.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The database in it can't be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl ArchiveError {
    /// What callers are told of it.
    pub fn told(&self) -> ApiError {
        match self {
            Self::Unusable { source, .. } => {
                tracing::error!(error = %self, "the state folder can't be used");
                let what = format!(
                    "the state folder can't be used: {source}; make it (HAD_STATE_DIR) readable and writable, and see that \
                     its disk has space"
                );
                ApiError::Unavailable { what }
            }
            Self::InUse { .. } | Self::Database(_) => told::unusable(self),
        }
    }
}

/// A state folder that no other dashboard works in as long as this value lives.
#[derive(Debug)]
pub struct StateLock {
    state_dir: PathBuf,
    _file: fs::File,
}

impl StateLock {
    /// Takes the state folder, and makes it where it is missing.
    ///
    /// # Errors
    /// [`ArchiveError::InUse`], [`ArchiveError::Unusable`].
    pub fn claim(state_dir: &Path) -> Result<Self, ArchiveError> {
        let state_dir = std::path::absolute(state_dir).map_err(unusable(state_dir))?;
        fs::create_dir_all(&state_dir).map_err(unusable(&state_dir))?;
        let lock = state_dir.join(LOCK);
        let mut file = fs::File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock)
            .map_err(unusable(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&lock).unwrap_or_default();
                return Err(ArchiveError::InUse { dir: state_dir.display().to_string(), pid: pid.trim().into() });
            }
            Err(fs::TryLockError::Error(source)) => return Err(unusable(&lock)(source)),
        }
        // Only for the message above.
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable(&lock))?;
        Ok(Self { state_dir, _file: file })
    }
}

/// The run folders below a state folder.
#[derive(Debug)]
pub struct Archive {
    runs: PathBuf,
    database: Database,
    lock: StateLock,
}

impl Archive {
    /// Works in the state folder of `lock`.
    pub fn open(lock: StateLock) -> Result<Self, ArchiveError> {
        let runs = lock.state_dir.join("runs");
        // For our eyes only: logs and summaries may hold what the tested services answered.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&runs).map_err(unusable(&runs))?;
        Ok(Self { runs, database: Database::open(&lock.state_dir)?, lock })
    }

    /// What outlasts runs.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Where all of it is.
    pub fn state_dir(&self) -> PathBuf {
        self.lock.state_dir.clone()
    }

    /// A run's folder.
    pub fn dir(&self, id: &RunId) -> PathBuf {
        self.runs.join(id.as_str())
    }

    /// Makes a new run's folder with its record, and those of its instances.
    pub fn create(&self, run: &Run, instances: u32) -> Result<Vec<(Part, PathBuf)>, ArchiveError> {
        let dir = self.dir(&run.id);
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(unusable(&dir))?;
        self.write(run)?;
        let folder = |part: Part| Ok((part, part.make_folder(&dir).map_err(unusable(&dir))?));
        Part::all(instances).into_iter().map(folder).collect()
    }

    /// Makes the folder of an instance that sends load that was added to a run.
    pub fn add(&self, id: &RunId, part: Part) -> Result<PathBuf, ArchiveError> {
        let dir = self.dir(id);
        part.make_folder(&dir).map_err(unusable(&dir))
    }

    /// Rewrites a run's record, in its folder as long as it has one, and in the database, where what k6 left comes along when
    /// it is over. A reader finds the old or the new one, whole.
    pub fn write(&self, run: &Run) -> Result<(), ArchiveError> {
        let dir = self.dir(&run.id);
        if !dir.is_dir() {
            return Ok(self.database.put(run, None)?);
        }
        let path = dir.join(RECORD);
        let written = write_json(&path, run).map_err(unusable(&path));
        let leavings = (!run.state.is_active())
            .then(|| Leavings { log: self.log_of(&run.id, LOG_LINES), summaries: self.summaries(&run.id) });
        let put = self.database.put(run, leavings.as_ref());
        written.and(put.map_err(Into::into))
    }

    /// Forgets runs.
    pub fn remove(&self, ids: &[RunId]) {
        for id in ids {
            let dir = self.dir(id);
            if let Err(error) = fs::remove_dir_all(&dir)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(run_id = %id, %error, dir = %dir.display(), "a run's folder can't be removed");
            }
        }
        if let Err(error) = self.database.forget(ids) {
            tracing::warn!(?ids, %error, "what is kept of runs can't be removed");
        }
    }

    /// Tries whether a run's folder can be written to, or that of all runs.
    pub fn writable(&self, id: Option<&RunId>) -> Result<(), ArchiveError> {
        let dir = id.map(|id| self.dir(id)).filter(|dir| dir.is_dir()).unwrap_or_else(|| self.runs.clone());
        files::writable(&dir).map_err(unusable(&dir))
    }

    /// What an earlier process left. Folders of runs that are over are taken into the database and go; those whose records
    /// can't be read are left alone.
    pub fn load(&self) -> Result<Left, ArchiveError> {
        let settled = self.database.settled()?;
        let mut left = Left::default();
        for entry in fs::read_dir(&self.runs).map_err(unusable(&self.runs))? {
            let entry = entry.map_err(unusable(&self.runs))?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) else { continue };
            let dir = entry.path();
            if settled.contains(&id) {
                clear(&dir);
                continue;
            }
            let found = record(&dir, &id);
            match (found, self.database.run(&id)?) {
                (Ok(Some(run)), _) => self.take_in(run, &mut left),
                (damaged, Some(run)) => {
                    let error = damaged.err().map(|error| error.to_string());
                    tracing::warn!(run_id = %id, error, "a run's record can't be read in its folder, the database's counts");
                    self.take_in(run, &mut left);
                }
                // Its start went no further than the folder: nothing was ever launched there.
                (Ok(None), None) if dir.is_dir() => self.remove(&[id]),
                (Err(error), None) => {
                    tracing::warn!(run_id = %id, %error, "a run's record can't be read, it is left alone");
                    left.unknown.push(id);
                }
                (Ok(None), None) => {}
            }
        }
        // Their folders are gone.
        let lost = self.database.active()?.into_iter().filter(|run| left.active.iter().all(|known| known.id != run.id));
        left.active.extend(lost.collect::<Vec<_>>());
        left.active.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
        left.last = self.database.newest(1)?.pop();
        Ok(left)
    }

    /// Takes in a run with a folder.
    fn take_in(&self, run: Run, left: &mut Left) {
        if run.state.is_active() {
            left.active.push(run);
            return;
        }
        match self.write(&run) {
            Ok(()) => clear(&self.dir(&run.id)),
            Err(error) => {
                tracing::warn!(run_id = %run.id, %error, "a run's record can't be taken into the database, it is tried again");
                left.unwritten.push(run);
            }
        }
    }

    /// Removes the folders of runs that are over, but for those of `newest`: all that is asked for is in the database.
    pub fn tidy(&self, newest: &[RunId]) -> Result<(), ArchiveError> {
        let settled = self.database.settled()?;
        for entry in fs::read_dir(&self.runs).map_err(unusable(&self.runs))? {
            let entry = entry.map_err(unusable(&self.runs))?;
            let id = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok());
            if id.is_some_and(|id| settled.contains(&id) && !newest.contains(&id)) {
                clear(&entry.path());
            }
        }
        Ok(())
    }

    /// The last `most` lines of the log of each k6, as k6 wrote them, in the order of their times; none where there is no
    /// log.
    pub fn log(&self, id: &RunId, most: usize) -> Vec<String> {
        if self.dir(id).is_dir() {
            return self.log_of(id, most);
        }
        let mut log = self.leavings(id).log;
        log.split_off(log.len().saturating_sub(most))
    }

    fn log_of(&self, id: &RunId, most: usize) -> Vec<String> {
        log::merged(self.folders(id).iter().map(|dir| last_lines(dir, most)).collect())
    }

    /// How large the logs of all k6 are: another size as soon as one has another line.
    pub fn log_bytes(&self, id: &RunId) -> u64 {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |about| about.len());
        self.folders(id).iter().map(|dir| size(dir.join(LOG_FILE)) + size(dir.join(OLD_LOG_FILE))).sum()
    }

    /// The same of one k6 alone.
    pub fn log_of_part(&self, id: &RunId, part: Part, most: usize) -> Vec<String> {
        last_lines(&part.folder(&self.dir(id)), most)
    }

    /// What the summaries of all k6 that sent load come to; `None`: one is missing, or can't be read.
    pub fn summary(&self, id: &RunId) -> Option<Summary> {
        let folders = self.senders(id);
        let summaries = folders.iter().filter_map(|dir| summary(id, dir)).collect::<Vec<_>>();
        let whole = summaries.len() == folders.len();
        Summary::fold(summaries.iter().map(Summary::read).collect::<Option<_>>().filter(|_| whole)?)
    }

    /// The summaries of those k6 that left one that can be read.
    fn summaries(&self, id: &RunId) -> Vec<serde_json::Value> {
        self.senders(id).iter().filter_map(|dir| summary(id, dir)).collect()
    }

    fn leavings(&self, id: &RunId) -> Leavings {
        let leavings = self.database.leavings(id).unwrap_or_else(|error| {
            tracing::warn!(run_id = %id, %error, "what k6 left of a run can't be read");
            None
        });
        leavings.unwrap_or_default()
    }

    /// The folders of those instances of a run that were to send load from its start on, and of those that did so later.
    fn senders(&self, id: &RunId) -> Vec<PathBuf> {
        let dir = self.dir(id);
        let sent = |folder: &PathBuf| !matches!(files::read_exit(folder), Ok(Some(exit)) if exit.started_ms.is_none());
        let planned = Part::found(&dir).into_iter().map(|part| part.folder(&dir));
        let added = Part::bursts(&dir).into_iter().map(|part| part.folder(&dir)).filter(sent);
        planned.chain(added).collect()
    }

    /// The folders of a run's instances.
    fn folders(&self, id: &RunId) -> Vec<PathBuf> {
        let dir = self.dir(id);
        Part::found(&dir).into_iter().chain(Part::bursts(&dir)).map(|part| part.folder(&dir)).collect()
    }
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub struct Left {
    /// Runs that may be at work, newest first.
    pub active: Vec<Run>,
    /// Runs that are over and not in the database.
    pub unwritten: Vec<Run>,
    /// The newest run that is over.
    pub last: Option<Run>,
    /// Folders whose records can't be read.
    pub unknown: Vec<RunId>,
}

/// A run's record in its folder; `None`: there is none.
fn record(dir: &Path, id: &RunId) -> io::Result<Option<Run>> {
    match read_json::<Run>(&dir.join(RECORD))? {
        Some(run) if run.id != *id => Err(io::Error::other(format!("it is that of the run {}", run.id))),
        found => Ok(found),
    }
}

/// Removes what is ours of a run's folder, and the folder unless its script left more there.
fn clear(dir: &Path) {
    let cleared = || -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let (name, is_dir) = (entry.file_name(), entry.file_type()?.is_dir());
            let name = name.to_string_lossy();
            match is_dir {
                true if Part::is_folder(&name) => clear(&entry.path()),
                false if name == RECORD || name == OLD_FIRST_RECORD || files::is_ours(&name) => {
                    fs::remove_file(entry.path())?;
                }
                _ => {}
            }
        }
        fs::remove_dir(dir)
    };
    if let Err(error) = cleared() {
        tracing::debug!(%error, dir = %dir.display(), "a run's folder stays");
    }
}

/// The end of an instance's log.
fn last_lines(dir: &Path, most: usize) -> Vec<String> {
    let bytes = most as u64 * LINE;
    let mut lines = tail(&dir.join(LOG_FILE), bytes);
    if lines.len() < most {
        let mut older = tail(&dir.join(OLD_LOG_FILE), bytes);
        older.append(&mut lines);
        lines = older;
    }
    lines.split_off(lines.len().saturating_sub(most))
}

/// An instance's summary, as k6 itself or the script's `handleSummary` wrote it; `None`: nothing that can be read.
fn summary(id: &RunId, dir: &Path) -> Option<serde_json::Value> {
    [EXPORT_FILE, SUMMARY_FILE].iter().find_map(|name| {
        let json = read_json::<serde_json::Value>(&dir.join(name)).unwrap_or_else(|error| {
            tracing::warn!(run_id = %id, file = name, %error, "the run's summary can't be read");
            None
        });
        json.filter(|json| Summary::read(json).is_some())
    })
}

/// The lines in the last `most` bytes of a file.
fn tail(path: &Path, most: u64) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(path)?;
        let skipped = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        // The first line may have lost its beginning.
        let whole = if skipped == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        Ok(bytes.split_off(whole))
    };
    let bytes = read().unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.display().to_string();
    move |source| ArchiveError::Unusable { path, source }
}
