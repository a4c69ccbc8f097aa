//! What the dashboard promises to survive, with real parts. `make chaos` runs the same for long:
//!
//! | | here | there |
//! |---|---|---|
//! | `CHAOS_KILLS`: how often the dashboard is killed, half as often again over Docker | 6 | 50 |
//! | `CHAOS_HANG`: for how many seconds Prometheus takes questions and answers none | 4 | 35 |
//! | `CHAOS_VIEWERS`: how many watch, half of whom never read | 600 | 2,000 |
//! | `CHAOS_SEED`: repeats the moments of an earlier time | | |
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used)]

#[path = "../support/docker.rs"]
mod docker;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/stage.rs"]
mod set;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

mod clock;
mod dashboard;
mod kills;
mod parts;
mod viewers;
