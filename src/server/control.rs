//! Owns the run at work: implements [`ha_dashboard::api::port::Control`].

use std::sync::Arc;

use ha_dashboard::api::port::SharedControl;
use tokio::sync::watch;

use super::{
    config::Config,
    engine::Engine,
    feed::{Observations, RunFeed, StoreFeed},
    hub::Hub,
    scripts::Scripts,
    shutdown::Shutdown,
};

/// What control works with.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// Runs k6.
    pub engine: Arc<dyn Engine>,
    /// The scripts there are.
    pub scripts: Arc<Scripts>,
    /// The live picture, for snapshots and streams.
    pub hub: Arc<Hub>,
    /// What is at work, written by control only.
    pub runs: watch::Sender<RunFeed>,
    /// What the hub observed.
    pub observations: watch::Receiver<Observations>,
    /// Where metrics go.
    pub store: watch::Receiver<StoreFeed>,
    /// Ends everything.
    pub shutdown: Shutdown,
}

/// Adopts or finalises what an earlier process left, then answers calls until shutdown.
///
/// # Errors
/// When the state folder can't be used.
pub async fn start(_parts: Parts) -> anyhow::Result<SharedControl> {
    todo!()
}
