//! Orderly ends: every task listens to one token and is tracked until it is done.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handed to every part that spawns tasks.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled when the program shall end.
    pub token: CancellationToken,
    /// Every spawned task.
    pub tasks: TaskTracker,
}

impl Shutdown {
    /// Cancels the token at the first SIGTERM or SIGINT (ctrl-c). A second one ends the program at once, with 130.
    /// A run at work goes on either way: the next start adopts it.
    ///
    /// # Errors
    /// When the signals can't be listened to.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let token = self.token.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if token.is_cancelled() {
                    tracing::warn!("asked a second time to end: ending at once");
                    std::process::exit(130);
                }
                tracing::info!("asked to end");
                token.cancel();
            }
        });
        Ok(())
    }

    /// Cancels the token and waits until every task is done, at most `limit`. Says whether all were.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.token.cancel();
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finish_waits_for_tasks_that_listen_and_gives_up_on_one_that_does_not() {
        let shutdown = Shutdown::default();
        let token = shutdown.token.clone();
        shutdown.tasks.spawn(async move { token.cancelled().await });
        assert!(shutdown.finish(Duration::from_secs(10)).await);

        let shutdown = Shutdown::default();
        shutdown.tasks.spawn(std::future::pending::<()>());
        assert!(!shutdown.finish(Duration::from_millis(10)).await);
    }
}
