//! The live picture: one poll a tick, however many watch.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use ha_dashboard::domain::live::{Cursor, Snapshot};
use tokio::sync::watch;

use super::{
    config::Config,
    feed::{Observations, RunFeed, StoreFeed},
    shutdown::Shutdown,
};

/// The live picture and its readers.
pub struct Hub {}

impl Hub {
    /// Starts ticking.
    pub fn start(
        _config: Arc<Config>,
        _runs: watch::Receiver<RunFeed>,
        _store: watch::Receiver<StoreFeed>,
        _observations: watch::Sender<Observations>,
        _shutdown: Shutdown,
    ) -> Arc<Self> {
        todo!()
    }

    /// The whole picture now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// The stream of [`ha_dashboard::api::port::Control::live`].
    pub fn subscribe(&self, _resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        todo!()
    }
}
