//! The state folder: one folder a run, with its record and everything its engine writes, and a database for what is kept
//! when it is over.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::run::{Run, RunId};

use super::{log, summary::Summary};
use crate::server::{
    database::{Database, DatabaseError},
    engine::{
        EXPORT_FILE, LOG_FILE, OLD_LOG_FILE, Part, SUMMARY_FILE,
        files::{self, read_json, write_json},
    },
};

/// A run's record in its folder.
const RECORD: &str = "run.json";
/// The record as it was when the run was made, for the day that [`RECORD`] can't be read.
const FIRST_RECORD: &str = "run-created.json";
/// Locked as long as a dashboard works in the state folder.
const LOCK: &str = "dashboard.lock";
/// How many runs are kept.
const KEPT: usize = 200;
/// How much of a log's end is read, in bytes.
const TAIL: u64 = 512 * 1024;

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
    _lock: StateLock,
}

impl Archive {
    /// Works in the state folder of `lock`.
    pub fn open(lock: StateLock) -> Result<Self, ArchiveError> {
        let runs = lock.state_dir.join("runs");
        // For our eyes only: logs and summaries may hold what the tested services answered.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&runs).map_err(unusable(&runs))?;
        Ok(Self { runs, database: Database::open(&lock.state_dir)?, _lock: lock })
    }

    /// What outlasts runs.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// A run's folder.
    pub fn dir(&self, id: &RunId) -> PathBuf {
        self.runs.join(id.as_str())
    }

    /// Makes a new run's folder with its record, and those of its instances.
    pub fn create(&self, run: &Run, instances: u32) -> Result<Vec<(Part, PathBuf)>, ArchiveError> {
        let dir = self.dir(&run.id);
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(unusable(&dir))?;
        let first = dir.join(FIRST_RECORD);
        write_json(&first, run).map_err(unusable(&first))?;
        self.write(run)?;
        let folder = |part: Part| Ok((part, part.make_folder(&dir).map_err(unusable(&dir))?));
        Part::all(instances).into_iter().map(folder).collect()
    }

    /// Rewrites a run's record; a reader finds the old or the new one, whole.
    pub fn write(&self, run: &Run) -> Result<(), ArchiveError> {
        let path = self.dir(&run.id).join(RECORD);
        write_json(&path, run).map_err(unusable(&path))
    }

    /// Forgets a run.
    pub fn remove(&self, id: &RunId) {
        let dir = self.dir(id);
        if let Err(error) = fs::remove_dir_all(&dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(run_id = %id, %error, dir = %dir.display(), "a run's folder can't be removed");
        }
        if let Err(error) = self.database.forget(id) {
            tracing::warn!(run_id = %id, %error, "what is kept of a run can't be removed");
        }
    }

    /// Tries whether a run's folder can be written to, or that of all runs.
    pub fn writable(&self, id: Option<&RunId>) -> Result<(), ArchiveError> {
        let dir = id.map_or_else(|| self.runs.clone(), |id| self.dir(id));
        files::writable(&dir).map_err(unusable(&dir))
    }

    /// Every recorded run, newest first, after the oldest were removed, and the folders whose records can't be read: they
    /// are left alone.
    pub fn load(&self) -> Result<(Vec<Run>, Vec<RunId>), ArchiveError> {
        let (mut runs, mut unknown) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.runs).map_err(unusable(&self.runs))? {
            let entry = entry.map_err(unusable(&self.runs))?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) else { continue };
            let dir = entry.path();
            match (record(&dir, RECORD, &id), record(&dir, FIRST_RECORD, &id)) {
                (Ok(Some(run)), _) => runs.push(run),
                // Its start went no further than the folder: nothing was ever launched there.
                (Ok(None), Ok(None)) if dir.is_dir() => self.remove(&id),
                (damaged, Ok(Some(run))) => {
                    let error = damaged.err().map(|error| error.to_string());
                    tracing::warn!(run_id = %id, error, "a run's record can't be read, what became of it is found out");
                    runs.push(run);
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(run_id = %id, %error, "a run's record can't be read, it is left alone");
                    unknown.push(id);
                }
                (Ok(None), Ok(None)) => {}
            }
        }
        runs.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
        take_oldest(&mut runs).iter().for_each(|run| self.remove(&run.id));
        Ok((runs, unknown))
    }

    /// The last `most` lines of the log of each k6, as k6 wrote them, in the order of their times; none where there is no
    /// log.
    pub fn log(&self, id: &RunId, most: usize) -> Vec<String> {
        log::merged(self.folders(id).iter().map(|dir| last_lines(dir, most)).collect())
    }

    /// What the summaries of all k6 come to; `None`: one is missing, or can't be read.
    pub fn summary(&self, id: &RunId) -> Option<Summary> {
        Summary::fold(self.folders(id).iter().map(|dir| summary(id, dir)).collect::<Option<_>>()?)
    }

    /// The folders of a run's instances.
    fn folders(&self, id: &RunId) -> Vec<PathBuf> {
        let dir = self.dir(id);
        Part::found(&dir).into_iter().map(|part| part.folder(&dir)).collect()
    }
}

/// A run's record in its folder; `None`: there is none.
fn record(dir: &Path, name: &str, id: &RunId) -> io::Result<Option<Run>> {
    match read_json::<Run>(&dir.join(name))? {
        Some(run) if run.id != *id => Err(io::Error::other(format!("it is that of the run {}", run.id))),
        found => Ok(found),
    }
}

/// Takes the runs that are beyond those to keep out of `runs`, newest first.
pub fn take_oldest(runs: &mut Vec<Run>) -> Vec<Run> {
    let old = runs.split_off(runs.len().min(KEPT));
    let (active, old) = old.into_iter().partition(|run| run.state.is_active());
    runs.extend::<Vec<_>>(active);
    old
}

/// The end of an instance's log.
fn last_lines(dir: &Path, most: usize) -> Vec<String> {
    let mut lines = tail(&dir.join(LOG_FILE));
    if lines.len() < most {
        let mut older = tail(&dir.join(OLD_LOG_FILE));
        older.append(&mut lines);
        lines = older;
    }
    lines.split_off(lines.len().saturating_sub(most))
}

/// An instance's summary, as k6 itself or the script's `handleSummary` wrote it; `None`: nothing that can be read.
fn summary(id: &RunId, dir: &Path) -> Option<Summary> {
    [EXPORT_FILE, SUMMARY_FILE].iter().find_map(|name| {
        let json = read_json::<serde_json::Value>(&dir.join(name)).unwrap_or_else(|error| {
            tracing::warn!(run_id = %id, file = name, %error, "the run's summary can't be read");
            None
        });
        Summary::read(&json?)
    })
}

/// The lines in the last part of a file.
fn tail(path: &Path) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(path)?;
        let skipped = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
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
