//! How server functions, REST handlers and pages reach the server: one trait, implemented in the binary.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{error::ApiError, functions::PageState};
use crate::domain::{
    live::{Cursor, Snapshot},
    run::{Run, RunId},
    validate::{Draft, Rules},
};

/// A handle on everything the dashboard can do.
pub type SharedControl = Arc<dyn Control>;

/// Everything the dashboard can do.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// What the first HTML shows: state and numbers, without history.
    async fn page_state(&self) -> PageState;

    /// The whole picture now.
    async fn snapshot(&self) -> Arc<Snapshot>;

    /// The picture now without its history, which is nearly all of it and costs accordingly.
    async fn brief(&self) -> Arc<Snapshot>;

    /// The bounds, services and scripts that [`Draft::validate`] needs; scripts are read again where files changed. One that
    /// takes k6 long is [`ScriptKind::Pending`](crate::domain::script::ScriptKind::Pending): ask again.
    async fn rules(&self) -> Rules;

    /// The same once no script is pending, for a choice among them that is always the same.
    async fn settled_rules(&self) -> Rules {
        loop {
            let rules = self.rules().await;
            if rules.is_settled() {
                return rules;
            }
        }
    }

    /// The same for a draft that names this script, which is never pending then: the others need not be looked at.
    async fn rules_for(&self, script: &str) -> Rules {
        let _ = script;
        self.rules().await
    }

    /// Checks a draft and starts it. Resolves when the engine has k6 running or refused.
    ///
    /// # Errors
    /// [`ApiError::Invalid`], [`ApiError::AlreadyRunning`], [`ApiError::Unavailable`].
    async fn start(&self, draft: Draft, correlation_id: String) -> Result<Run, ApiError>;

    /// Asks the run at work to end. Resolves as soon as the signal is out; the end itself comes through the live stream.
    ///
    /// # Errors
    /// [`ApiError::NotRunning`].
    async fn stop(&self, correlation_id: String) -> Result<Run, ApiError>;

    /// Begins to fetch the image that the engine lacks; the live stream tells how it goes. Asking again changes nothing.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn pull_image(&self, correlation_id: String) -> Result<(), ApiError>;

    /// Earlier runs, newest first, the one at work included.
    async fn runs(&self) -> Vec<Run>;

    /// Shows every run, newest first, without making copies. What `look` does holds up everybody else who asks.
    fn look_at_runs(&self, look: &mut dyn FnMut(&Run));

    /// One run.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn run(&self, id: &RunId) -> Result<Run, ApiError>;

    /// The last lines of k6's log of a run, oldest first.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn log(&self, id: &RunId) -> Result<Vec<String>, ApiError>;

    /// The live stream in server-sent-event framing, the same shared bytes for every reader: a snapshot, or, with a
    /// cursor the hub still holds, what was missed; then ticks until the dashboard shuts down.
    async fn live(&self, resume: Option<Cursor>) -> BoxStream<'static, Bytes>;
}
