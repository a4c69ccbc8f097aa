//! The files through which dashboard and keeper talk: they must read each other's across versions and restarts.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::Millis;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{EXPORT_FILE, Exit, LOG_FILE, OLD_LOG_FILE, SUMMARY_FILE, docker::CONTAINER};
use crate::server::{disk, proc::Identity};

/// Written by the dashboard: the order to run something.
pub const LAUNCH: &str = "launch.json";
/// What the keeper renames [`LAUNCH`] to, so that only one party ever acts on it.
pub const TAKEN: &str = "launch-taken.json";
/// What the dashboard renames [`LAUNCH`] to when no keeper took it.
pub const VOID: &str = "launch-void.json";
/// Written by the keeper: the processes at work.
pub const INSTANCE: &str = "instance.json";
/// How it ended, see [`super::Exit`]: written by the keeper, or by who followed the container.
pub const EXIT: &str = "exit.json";
/// Where the end is noted when [`EXIT`] can't be written: filled with blanks before, so that its place on the disk is there.
pub const SPARE_EXIT: &str = "exit-spare.json";
/// What the keeper itself has to complain about.
pub const KEEPER_LOG: &str = "keeper.log";

/// Whether a file in a run's folder is one that engines write.
pub fn is_ours(name: &str) -> bool {
    [LAUNCH, TAKEN, VOID, INSTANCE, EXIT, SPARE_EXIT, KEEPER_LOG, CONTAINER].contains(&name)
        || [LOG_FILE, OLD_LOG_FILE, SUMMARY_FILE, EXPORT_FILE].contains(&name)
}

/// The order in [`LAUNCH`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchFile {
    /// The program, absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: PathBuf,
    /// When it is ended by force.
    pub deadline_ms: Millis,
    /// How long it gets to end after a stop before it is killed.
    pub grace_ms: u64,
}

/// The state in [`INSTANCE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFile {
    /// The keeper.
    pub keeper: Identity,
    /// k6.
    pub k6: Identity,
    /// When k6 began its scenario.
    pub started_ms: Option<Millis>,
    /// When it is ended by force.
    pub deadline_ms: Millis,
}

/// Size of [`SPARE_EXIT`] in bytes.
const SPARE: usize = 4096;

/// [`SPARE_EXIT`], held open: what is open can be written where the folder can't be entered any more.
#[derive(Debug)]
pub struct Spare(fs::File);

impl Spare {
    /// Makes it in a run's folder, before its instance starts.
    pub fn make(dir: &Path) -> io::Result<Self> {
        let mut file = fs::File::create(dir.join(SPARE_EXIT))?;
        file.write_all(&[b' '; SPARE])?;
        file.sync_all()?;
        Ok(Self(file))
    }

    /// Opens the one that is there.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::File::options().write(true).open(dir.join(SPARE_EXIT)).map(Self)
    }
}

/// Notes how the instance in a run's folder ended: where the disk is full or the folder takes no new files, there is still
/// the file that is there already.
pub fn write_exit(dir: &Path, exit: &Exit, spare: io::Result<Spare>) -> io::Result<()> {
    let Err(error) = write_json(&dir.join(EXIT), exit) else { return Ok(()) };
    let mut text = serde_json::to_vec(exit)?;
    if text.len() > SPARE {
        return Err(error);
    }
    text.resize(SPARE, b' ');
    // In place: neither made nor cut.
    let Spare(file) = spare.map_err(|_| error)?;
    file.write_all_at(&text, 0)?;
    file.sync_all()
}

/// How the instance in a run's folder ended; `None`: that is not on record.
pub fn read_exit(dir: &Path) -> io::Result<Option<Exit>> {
    if let Some(exit) = read_json(&dir.join(EXIT))? {
        return Ok(Some(exit));
    }
    match fs::read(dir.join(SPARE_EXIT)) {
        Ok(bytes) if bytes.iter().all(|byte| *byte == b' ') => Ok(None),
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tries whether a folder takes files, and some bytes in them.
pub fn writable(dir: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&[b' '; 4096])?;
    file.as_file().sync_all()?;
    file.close()
}

/// Writes a value, see [`disk::replace`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    disk::replace(path, &serde_json::to_vec(value)?)
}

/// [`write_json`] without holding up the other tasks.
pub async fn write<T: Serialize + Send + 'static>(path: PathBuf, value: T) -> io::Result<()> {
    let written = tokio::task::spawn_blocking(move || write_json(&path, &value)).await;
    written.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Reads a value; `None`: there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
