//! What the page starts with.

use serde::{Deserialize, Serialize};

use crate::domain::{Millis, frame::Frame, live::Status, validate::Rules};

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
