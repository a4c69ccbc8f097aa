//! What runs k6: [`Engine`] is the trait, one file an implementation.

mod command;
pub mod docker;
pub mod files;
pub mod k6;
pub mod keeper;
pub mod log;
mod part;
pub mod process;
pub mod selection;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use ha_dashboard::domain::{Millis, live::EngineStatus, run::RunId, script::ScriptInput};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use self::part::Part;
use super::{
    clock::now_ms,
    config::{
        Config, ConfigError, EngineChoice,
        table::{SCRIPT_UPLOADS, Setting},
    },
    feed::Meter,
    scripts::Folders,
    shutdown::Shutdown,
};

/// The file in a run's folder that takes k6's log, one JSON object a line.
pub const LOG_FILE: &str = "k6.log";
/// The older part of the log, once it has grown large.
pub const OLD_LOG_FILE: &str = "k6.log.1";
/// The file in a run's folder that the scripts' `handleSummary` writes.
pub const SUMMARY_FILE: &str = "summary.json";
/// The file in a run's folder that k6 writes its summary to, whatever the script does.
pub const EXPORT_FILE: &str = "summary-export.json";

/// Everything an instance needs.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The run it belongs to.
    pub run: RunId,
    /// Which of the run's instances it is.
    pub part: Part,
    /// The instance's folder: it exists, and belongs to this one alone.
    pub dir: PathBuf,
    /// The script's file name.
    pub script: String,
    /// What the script is told.
    pub input: ScriptInput,
    /// What k6's summary tells of trends beside the usual, for example `p(99.9)`.
    pub trend_stats: Vec<String>,
    /// How long k6 may take from its launch on; then the engine ends it, even when no dashboard is there.
    pub allowed: Duration,
    /// Base address of the metrics store.
    pub store_url: String,
    /// Whether the store keeps native histograms.
    pub native_histograms: bool,
}

/// How an instance ended; also the file [`files::EXIT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code; `None`: ended by a signal.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was asked to stop before.
    pub stop_requested: bool,
    /// Whether it was ended because its deadline had come.
    pub timed_out: bool,
    /// When it began its scenario; `None`: it never did.
    pub started_ms: Option<Millis>,
    /// When it ended.
    pub ended_ms: Millis,
    /// Whether it was killed because it needed more memory than its container may have.
    #[serde(default)]
    pub out_of_memory: bool,
    /// Why it could not be started at all.
    pub error: Option<String>,
}

#[cfg(test)]
impl Exit {
    /// That of a k6 that sent load from 1 to 2, and that nobody ended.
    pub fn of_code(code: i32) -> Self {
        Self {
            code: Some(code),
            signal: None,
            stop_requested: false,
            timed_out: false,
            started_ms: Some(1),
            ended_ms: 2,
            out_of_memory: false,
            error: None,
        }
    }
}

/// Where an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceState {
    /// k6 prepares: reads the script, makes VUs, runs `setup()`.
    Preparing,
    /// k6 sends load.
    Running {
        /// Since when.
        started_ms: Millis,
    },
    /// k6 ended.
    Ended(Exit),
    /// k6 is gone and nobody knows how it ended.
    Lost {
        /// When it began its scenario.
        started_ms: Option<Millis>,
        /// What became of it, as far as is known.
        why: String,
    },
}

impl InstanceState {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Lost { .. })
    }
}

/// Why an operation of an engine failed; one variant an operation, each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The script may not be run.
    #[error("the script {script:?} is not a file in the scripts folder {dir}: choose one of the listed scripts")]
    Script {
        /// What was asked for.
        script: String,
        /// The scripts folder.
        dir: String,
    },
    /// There is no k6.
    #[error("{0}")]
    NoK6(String),
    /// The run's folder can't be used.
    #[error("can't write {path}: {source}; check that the state folder is writable and the disk has space")]
    Folder {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The instance could not be started.
    #[error("k6 did not start: {0}; see the dashboard's log, check the k6 program (HAD_K6), and start again")]
    Start(String),
    /// The instance could not be told to stop.
    #[error("can't signal the process that looks after k6: {0}; end it by hand, or wait for the run's deadline")]
    Stop(std::io::Error),
    /// A way leads out of the containers' network.
    #[error(
        "an uploaded script is only run where no way leads out, but the network {network} is open: name one that was made with \
         `docker network create --internal` with HAD_DOCKER_NETWORK"
    )]
    OpenNetwork {
        /// The network.
        network: String,
    },
    /// Docker refused or failed.
    #[error(transparent)]
    Docker(#[from] docker::DockerError),
    /// There is nothing to pull.
    #[error("the engine that runs k6 here needs no image: there is nothing to pull")]
    NoImage,
}

impl EngineError {
    /// What callers are told of it: not where files are, which is for the log.
    pub fn told(&self) -> String {
        match self {
            Self::Script { script, .. } => {
                format!("the script {script:?} is not a file in the scripts folder: choose one of the listed scripts")
            }
            Self::Folder { source, .. } => {
                format!("can't write to the state folder: {source}; check that it is writable and the disk has space")
            }
            other => other.to_string(),
        }
    }
}

/// An instance at work, or one that just ended.
#[async_trait]
pub trait Instance: Send + Sync + 'static {
    /// Follows it. The last value is [`InstanceState::is_over`], unless the dashboard ends first.
    fn state(&self) -> watch::Receiver<InstanceState>;

    /// Asks it to end; it gets a grace time, then it is killed. Asking again changes nothing, nor does asking an
    /// instance that is over.
    ///
    /// # Errors
    /// [`EngineError::Stop`].
    async fn stop(&self) -> Result<(), EngineError>;

    /// Its processes on this machine, to measure their use of it; empty where they run elsewhere or are over.
    fn pids(&self) -> Vec<u32> {
        Vec::new()
    }

    /// What it uses of its machine, where the engine measures that.
    fn meters(&self) -> Vec<Meter> {
        Vec::new()
    }
}

/// A start that went well.
pub struct Started {
    /// The instance.
    pub instance: Arc<dyn Instance>,
    /// When the engine ends it.
    pub deadline_ms: Millis,
    /// The engine's name, as in [`EngineStatus::name`].
    pub engine: &'static str,
    /// The version of k6.
    pub k6_version: String,
}

/// What a k6 command said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether it ended with 0.
    pub success: bool,
    /// How it ended, in words.
    pub status: String,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// The script's path as k6 saw it.
    pub script: PathBuf,
}

/// Why a k6 command has no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("k6 can't be run: {0}")]
    NotRun(String),
    /// It took longer than [`COMMAND_LIMIT`].
    #[error("k6 did not say within {} s what it makes of the script", COMMAND_LIMIT.as_secs())]
    TimedOut,
    /// It said more than [`OUTPUT_LIMIT`].
    #[error("k6 said more than {} MB about the script", OUTPUT_LIMIT >> 20)]
    TooMuch,
}

/// How long `k6 inspect` gets. It needs 0.3 s on an idle machine.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// Most bytes taken from each of k6's outputs.
pub const OUTPUT_LIMIT: u64 = 1 << 20;

/// Runs k6 instances that outlive the dashboard.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Looks how it is. Takes seconds where the engine is slow to answer.
    async fn look(&self) -> EngineStatus;

    /// Starts an instance. Resolves when its k6 is there; after an error nothing is left running, or, where Docker can't
    /// be asked, goes as soon as it can.
    ///
    /// # Errors
    /// [`EngineError::Script`], [`EngineError::NoK6`], [`EngineError::Folder`], [`EngineError::Start`],
    /// [`EngineError::Docker`].
    async fn start(&self, launch: Launch) -> Result<Started, EngineError>;

    /// Finds the instance of a run that an earlier dashboard started in the folder `dir`: at work, ended or lost.
    async fn recover(&self, run: &RunId, part: Part, dir: &Path) -> Arc<dyn Instance>;

    /// What `k6 inspect --execution-requirements` says about a script that is handed `input`. `script` is a file directly
    /// in one of the scripts folders, all links resolved, or one that is to be in there under the same name.
    ///
    /// # Errors
    /// When k6 can't be asked; a script that k6 refuses is an [`Output`].
    async fn inspect(&self, script: &Path, input: &str) -> Result<Output, CommandError>;

    /// Begins to fetch k6's image; [`EngineStatus::image`] tells how it goes. Asking again changes nothing.
    ///
    /// # Errors
    /// [`EngineError::NoImage`], [`EngineError::Docker`].
    async fn pull(&self) -> Result<(), EngineError> {
        Err(EngineError::NoImage)
    }

    /// Ends every k6 of this state folder but those that are followed: the processes of the numbers `known`, and the containers
    /// that are. Says how many there were.
    ///
    /// # Errors
    /// [`EngineError::Docker`], [`EngineError::Stop`]; what could be ended is.
    async fn end_unknown(&self, known: &[u32]) -> Result<u32, EngineError> {
        let _ = known;
        Ok(0)
    }

    /// Removes what earlier dashboards with the same state folder left behind and nobody follows any more.
    async fn sweep(&self) {}
}

/// The engine that the configuration asks for. It takes over runs of the other one, too.
pub fn choose(config: &Config, shutdown: &Shutdown) -> Arc<dyn Engine> {
    Arc::new(selection::Selection::new(config, shutdown))
}

/// Refuses uploads where the engine was left open, and would be the k6 program: that holds nothing.
///
/// # Errors
/// The setting, as where the configuration is read.
pub async fn holds_uploads(config: &Config, engine: &dyn Engine) -> Result<(), ConfigError> {
    if !config.script_uploads || config.engine != EngineChoice::Auto {
        return Ok(());
    }
    let status = engine.look().await;
    if status.ready || status.image.is_some() {
        return Ok(());
    }
    let allowed = Setting::named(SCRIPT_UPLOADS).map_or("", |setting| setting.allowed);
    Err(ConfigError {
        place: SCRIPT_UPLOADS.into(),
        value: "on".into(),
        allowed: format!("{allowed}. The engine was left open, and it would be the k6 program: {}", status.note),
    })
}

/// When something that may take `allowed` from now on is over.
fn deadline(allowed: Duration) -> Millis {
    now_ms().saturating_add(millis(allowed))
}

/// A duration as a difference of times.
fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// A lock whose holder never leaves anything half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A script's real path; only files in the scripts folders themselves may run.
fn script_path(folders: &Folders, name: &str) -> Result<PathBuf, EngineError> {
    let dir = || folders.catalogue().display().to_string();
    folders.find(name).ok_or_else(|| EngineError::Script { script: name.into(), dir: dir() })
}
