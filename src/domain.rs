//! Plans, schedules, runs, frames, histograms, services, breakers, faults and what they cost, scenarios, events, thresholds,
//! formats and readers' preferences.
//!
//! Pure and deterministic: no I/O, no clock. Of features there is what the server derives to describe its API, and what keeps
//! the page small: where numbers come from in [`decimal`], and names for serde. Time and ids are passed in. Every type here
//! may cross the wire.

pub mod access;
pub mod again;
pub mod agenda;
pub mod audit;
pub mod breaker;
pub mod burst;
pub mod compare;
pub mod condition;
pub mod cost;
pub mod criterion;
pub mod decimal;
pub mod detail;
pub mod duration;
pub mod endpoints;
pub mod event;
pub mod fault;
pub mod format;
pub mod frame;
pub mod grafana;
pub mod guide;
pub mod histogram;
pub mod hook;
pub mod id;
pub mod labels;
pub mod lanes;
pub mod live;
pub mod origin;
pub mod pass;
pub mod past;
pub mod picture;
pub mod plan;
pub mod prefs;
pub mod recent;
pub mod regression;
pub mod rule;
pub mod run;
pub mod saved;
pub mod scenario;
pub mod schedule;
pub mod script;
pub mod service;
pub mod share;
pub mod steady;
pub mod story;
pub mod suggest;
pub mod team;
pub mod threshold;
pub mod timeline;
pub mod trend;
pub mod upload;
pub mod validate;
pub mod zoom;

#[cfg(test)]
mod tests;

/// Milliseconds since the Unix epoch.
pub type Millis = u64;
