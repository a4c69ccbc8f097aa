//! What the page starts with.

use serde::{Deserialize, Serialize};

use crate::domain::{Millis, frame::Frame, live::Status, recent::Recent, run::Run, validate::Rules};

/// What the first HTML shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageState {
    /// The server's clock.
    pub now_ms: Millis,
    /// The state.
    pub status: Status,
    /// The values now.
    pub frame: Frame,
    /// How services and replicas were in the last minutes.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub recent: Recent,
    /// What the form needs.
    pub rules: Rules,
}

/// What the page of one run shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run.
    pub run: Run,
    /// Its report in HTML, drawn by the server; while the run is at work only k6's log so far.
    pub html: String,
    /// Whether more is being read: ask again.
    pub reading: bool,
}
