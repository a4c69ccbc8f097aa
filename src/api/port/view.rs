//! The live picture.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{
    api::{
        caller::Caller,
        error::ApiError,
        page::{DetailPage, LogPage, PageState, RunReport},
    },
    domain::{
        detail::{Detail, Order},
        event::Event,
        live::{Cursor, Snapshot},
        picture::RunPicture,
        prefs::Lang,
        run::RunId,
        zoom::ZoomDraft,
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

    /// One run with its course over time: from the live picture, or, for earlier runs, from the metrics store. It is there
    /// soon, also where the store takes its time: [`Course`](crate::domain::picture::Course) says so.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn picture(&self, caller: &Caller, id: &RunId) -> Result<RunPicture, ApiError>;

    /// A run in detail, as of its newest sample, added up once for all who ask; `None`: nothing is counted yet, or nobody
    /// counted it.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn detail(&self, caller: &Caller, id: &RunId) -> Result<Option<Arc<Detail>>, ApiError>;

    /// The same as tables, drawn once for all who ask for the same.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn detail_page(&self, caller: &Caller, id: &RunId, order: Order, lang: Lang) -> Result<DetailPage, ApiError>;

    /// The last lines of k6's log that have the text `filter`, drawn.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn log_page(&self, caller: &Caller, id: &RunId, filter: &str, lang: Lang) -> Result<LogPage, ApiError>;

    /// What the page of one run shows: the run, and its report once it is over; before that only k6's log.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn report(&self, caller: &Caller, id: &RunId, zoom: &ZoomDraft, lang: Lang) -> Result<RunReport, ApiError>;

    /// Runs beside each other, as HTML in a language.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn comparison(&self, caller: &Caller, ids: &[RunId], lang: Lang) -> Result<String, ApiError>;

    /// How the last runs of a target came out, as HTML in a language; empty: there are too few to tell.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn trend_page(&self, caller: &Caller, target: &str, lang: Lang) -> Result<String, ApiError>;

    /// What happened, oldest first, as far back as it is kept.
    async fn events(&self, caller: &Caller) -> Vec<Event>;

    /// The live stream in server-sent-event framing, the same shared bytes for every reader: a snapshot, or, with a
    /// cursor the hub still holds, what was missed; then ticks until the dashboard shuts down.
    async fn live(&self, caller: &Caller, resume: Option<Cursor>) -> BoxStream<'static, Bytes>;
}
