//! What the page starts with.

use serde::{Deserialize, Serialize};

use crate::domain::{Millis, frame::Frame, live::Status, run::Run, validate::Rules};

/// What the first HTML shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageState {
    /// The server's clock.
    pub now_ms: Millis,
    /// The state.
    pub status: Status,
    /// The values now.
    pub frame: Frame,
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
