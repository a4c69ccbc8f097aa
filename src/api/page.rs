//! What the page starts with.

use serde::{Deserialize, Serialize};

use crate::domain::{Millis, frame::Frame, live::Status, recent::Recent, run::Run, validate::Rules};

/// What the first HTML shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// Its note, from Markdown to HTML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether more is being read: ask again.
    pub reading: bool,
}

/// A run in detail, in HTML drawn by the server: none of it needs code in the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DetailPage {
    /// The time of the newest sample; 0: there is none.
    pub at_ms: Millis,
    /// Whether nothing more will come.
    pub over: bool,
    /// What can be chosen: the same as long as the language is.
    pub tools: String,
    /// The endpoints' columns, cells of a row.
    pub head: String,
    /// The endpoints, rows.
    pub rows: String,
    /// What to know of them, and what else there is.
    pub rest: String,
}

/// The end of k6's log, drawn by the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// Another one where there are other lines.
    pub version: u64,
    /// Whether nothing more will come.
    pub over: bool,
    /// How many lines there are, and how many of them are shown.
    pub note: String,
    /// The lines in HTML, oldest first.
    pub lines: String,
}
