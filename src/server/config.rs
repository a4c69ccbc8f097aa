//! The configuration, read once: flags over `HAD_*` variables over `ha-dashboard.toml`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ha_dashboard::domain::{service::Service, validate::Limits};

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// Docker where it answers and has the k6 image, else the binary.
    Auto,
    /// The k6 binary.
    Process,
}

/// Where metrics go to and come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// An external store with the Prometheus API.
    External {
        /// Its base address.
        url: String,
    },
    /// A Prometheus of our own, as a child.
    Child {
        /// The program.
        binary: PathBuf,
        /// The port it gets on loopback; another one where it is taken.
        port: u16,
    },
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the dashboard listens.
    pub addr: SocketAddr,
    /// Where runs, logs and Prometheus data live.
    pub state_dir: PathBuf,
    /// Where the scripts are.
    pub scripts_dir: PathBuf,
    /// Where the built site is.
    pub site_root: PathBuf,
    /// Services that load may go to, in the form's order.
    pub services: Vec<Service>,
    /// Bounds of a plan.
    pub limits: Limits,
    /// The metrics store.
    pub store: StoreChoice,
    /// The engine.
    pub engine: EngineChoice,
    /// The k6 program.
    pub k6: PathBuf,
    /// How long k6 gets to end after a stop before it is killed.
    pub stop_grace: Duration,
    /// How often k6 pushes samples, and how often the hub ticks.
    pub tick: Duration,
}
