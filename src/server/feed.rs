//! What flows between the long-lived parts, each through a `tokio::sync::watch` channel that holds the newest value.

use ha_dashboard::domain::{
    live::EngineStatus,
    run::{Run, RunId},
    threshold::Observed,
};

/// From control to the hub: what is at work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFeed {
    /// The run at work, or the last one.
    pub run: Option<Run>,
    /// The engine.
    pub engine: EngineStatus,
    /// The k6 processes of the run at work, for their CPU and memory.
    pub k6_pids: Vec<u32>,
    /// Whether `run` was started by an earlier process of the dashboard and taken over at work.
    pub adopted: bool,
}

/// From the hub to control: what was observed of a run's thresholds, for its record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observations {
    /// The run; `None`: nothing observed yet.
    pub run: Option<RunId>,
    /// One entry a threshold, in the plan's order.
    pub thresholds: Vec<Observed>,
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
