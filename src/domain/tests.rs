//! Laws that hold for everything valid, and tables of what is refused.
#![allow(clippy::unwrap_used)]

mod again;
pub(super) mod any;
mod burst;
mod cost;
mod criterion;
mod detail;
mod fault;
mod grafana;
mod guide;
mod history;
mod live;
mod picture;
mod plan;
mod progress;
mod regression;
mod run;
mod scenario;
mod schedule;
mod story;
mod timeline;
mod validate;
mod wire;
