//! Orderly ends: every task listens to one token and is tracked until it is done.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handed to every part that spawns tasks.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled when the program shall end.
    pub token: CancellationToken,
    /// Every spawned task.
    pub tasks: TaskTracker,
}
