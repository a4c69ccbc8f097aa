//! What flows between the long-lived parts, each through a `tokio::sync::watch` channel that holds the newest value.

use std::sync::{Arc, Mutex, PoisonError};

use ha_dashboard::domain::{live::EngineStatus, run::Run};

/// What something uses of its machine, measured by somebody else and read when it is needed.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Option<Usage>>>);

/// What is used of a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Cores.
    pub cores: f64,
    /// Memory in bytes.
    pub bytes: f64,
}

impl Meter {
    /// The newest value; `None`: nothing is measured.
    pub fn read(&self) -> Option<Usage> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new value.
    pub fn set(&self, usage: Option<Usage>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }
}

/// Two are the same when they show the same thing, whatever that uses.
impl PartialEq for Meter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// From control to the board, and from there to everybody: what is at work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFeed {
    /// The run at work, or the last one.
    pub run: Option<Run>,
    /// The engine.
    pub engine: EngineStatus,
    /// The k6 processes of the run at work, for their CPU and memory.
    pub k6_pids: Vec<u32>,
    /// Their CPU and memory where the engine measures it, in place of `k6_pids`.
    pub k6_meters: Vec<Meter>,
    /// Whether `run` was started by an earlier process of the dashboard and taken over at work.
    pub adopted: bool,
    /// What is wrong with the state folder, in a line that says what to do; empty when nothing is.
    pub storage_problem: String,
}

/// From the Prometheus supervisor to everybody: where the store is and how it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreFeed {
    /// Base address, for example `http://127.0.0.1:9090`; `None` while it starts.
    pub url: Option<String>,
    /// What is wrong, in a line that says what to do; empty when nothing is.
    pub problem: String,
    /// Whether the store keeps native histograms.
    pub native_histograms: bool,
}
