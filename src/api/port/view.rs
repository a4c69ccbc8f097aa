//! The live picture.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{
    api::{caller::Caller, page::PageState},
    domain::{
        event::Event,
        live::{Cursor, Snapshot},
    },
};

/// The part of the port that shows what is going on.
#[async_trait]
pub trait View: Send + Sync + 'static {
    /// What the first HTML shows: state and numbers, without history.
    async fn page_state(&self, caller: &Caller) -> PageState;

    /// The whole picture now.
    async fn snapshot(&self, caller: &Caller) -> Arc<Snapshot>;

    /// The picture now without its history, which is nearly all of it and costs accordingly, and without events.
    async fn brief(&self, caller: &Caller) -> Arc<Snapshot>;

    /// What happened, oldest first, as far back as it is kept.
    async fn events(&self, caller: &Caller) -> Vec<Event>;

    /// The live stream in server-sent-event framing, the same shared bytes for every reader: a snapshot, or, with a
    /// cursor the hub still holds, what was missed; then ticks until the dashboard shuts down.
    async fn live(&self, caller: &Caller, resume: Option<Cursor>) -> BoxStream<'static, Bytes>;
}
