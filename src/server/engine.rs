//! What runs k6: [`Engine`] is the trait, one file an implementation.

pub mod files;
pub mod keeper;
mod proc;
pub mod process;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use ha_dashboard::domain::{Millis, live::EngineStatus, run::RunId, script::ScriptInput};
use tokio::sync::watch;

use super::config::{Config, EngineChoice};

/// The file in a run's folder that takes k6's log, one JSON object a line.
pub const LOG_FILE: &str = "k6.log";
/// The older part of the log, once it has grown large.
pub const OLD_LOG_FILE: &str = "k6.log.1";
/// The file in a run's folder that the scripts' `handleSummary` writes.
pub const SUMMARY_FILE: &str = "summary.json";

/// Everything an instance needs.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The run it belongs to.
    pub run: RunId,
    /// The run's folder: it exists, and belongs to this run alone.
    pub dir: PathBuf,
    /// The script's file name.
    pub script: String,
    /// What the script is told.
    pub input: ScriptInput,
    /// When the engine ends the instance, even when no dashboard is there.
    pub deadline_ms: Millis,
    /// Base address of the metrics store.
    pub store_url: String,
    /// Whether the store keeps native histograms.
    pub native_histograms: bool,
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Why it could not be started at all.
    pub error: Option<String>,
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
    fn pids(&self) -> Vec<u32>;
}

/// Runs k6 instances that outlive the dashboard.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// How it is; looks again on every call.
    async fn status(&self) -> EngineStatus;

    /// Starts an instance. Resolves when its k6 is there; after an error nothing is left running.
    ///
    /// # Errors
    /// [`EngineError::Script`], [`EngineError::NoK6`], [`EngineError::Folder`], [`EngineError::Start`].
    async fn start(&self, launch: Launch) -> Result<Arc<dyn Instance>, EngineError>;

    /// Finds the instance that an earlier dashboard started in the folder `dir`: at work, ended or lost.
    async fn recover(&self, run: &RunId, dir: &Path) -> Arc<dyn Instance>;
}

/// The engine that the configuration asks for.
pub fn choose(config: &Config) -> Arc<dyn Engine> {
    let why = match config.engine {
        EngineChoice::Process => "chosen by configuration",
        EngineChoice::Auto => "chosen automatically",
    };
    Arc::new(process::ProcessEngine::new(config, why))
}
