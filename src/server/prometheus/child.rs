//! A Prometheus of our own, restarted with back-off, or the watch over an external store.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

use crate::server::{config::Config, feed::StoreFeed, shutdown::Shutdown};

/// Starts supervising the store that `config` names and tells how it is.
pub fn supervise(_config: Arc<Config>, _shutdown: Shutdown) -> watch::Receiver<StoreFeed> {
    todo!()
}

/// The last lines of the child's log; empty for an external store.
pub async fn log_tail(_state_dir: &Path) -> Vec<String> {
    todo!()
}
