//! The server functions. No logic: each body is one call of [`super::port::Control`].

use leptos::{
    prelude::*,
    server_fn::codec::{ByteStream, GetUrl, Json, Streaming},
};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::domain::{
    Millis,
    frame::Frame,
    live::{Cursor, Status},
    run::{Run, RunId},
    validate::{Draft, Rules},
};

/// What the first HTML shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageState {
    /// The server's clock.
    pub now_ms: Millis,
    /// The state.
    pub status: Status,
    /// The values now.
    pub frame: Frame,
    /// What the form needs.
    pub rules: Rules,
}

#[cfg(feature = "ssr")]
fn control() -> Result<super::port::SharedControl, ApiError> {
    use_context().ok_or_else(|| ApiError::Internal { what: "no control in context".into() })
}

/// The correlation id that the HTTP layer put into the request's extensions.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct CorrelationId(pub String);

#[cfg(feature = "ssr")]
fn correlation_id() -> String {
    use_context::<axum::http::request::Parts>()
        .and_then(|parts| parts.extensions.get::<CorrelationId>().map(|id| id.0.clone()))
        .unwrap_or_default()
}

/// Gives an error its HTTP status.
#[cfg(feature = "ssr")]
fn with_status<T>(result: Result<T, ApiError>) -> Result<T, ApiError> {
    if let Err(error) = &result
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(error.status())
    {
        response.set_status(status);
    }
    result
}

/// What the page shows before the stream starts.
#[server(prefix = "/fn", endpoint = "page_state", input = GetUrl)]
pub async fn get_page_state() -> Result<PageState, ApiError> {
    Ok(control()?.page_state().await)
}

/// What the form needs to validate: read again when somebody opens it.
#[server(prefix = "/fn", endpoint = "rules", input = GetUrl)]
pub async fn get_rules() -> Result<Rules, ApiError> {
    Ok(control()?.rules().await)
}

/// Starts a run. Also the target of the plain form, which a browser without JavaScript posts.
#[server(prefix = "/fn", endpoint = "start")]
pub async fn start_run(draft: Draft) -> Result<Run, ApiError> {
    with_status(control()?.start(draft, correlation_id()).await)
}

/// Stops the run at work. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "stop")]
pub async fn stop_run() -> Result<Run, ApiError> {
    with_status(control()?.stop(correlation_id()).await)
}

/// Begins to fetch the image that the engine lacks. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "pull")]
pub async fn pull_image() -> Result<(), ApiError> {
    with_status(control()?.pull_image(correlation_id()).await)
}

/// Earlier runs, newest first.
#[server(prefix = "/fn", endpoint = "runs", input = GetUrl)]
pub async fn list_runs() -> Result<Vec<Run>, ApiError> {
    Ok(control()?.runs().await)
}

/// The last lines of k6's log of a run.
#[server(prefix = "/fn", endpoint = "log", input = Json)]
pub async fn run_log(id: RunId) -> Result<Vec<String>, ApiError> {
    with_status(control()?.log(&id).await)
}

/// The live stream, the same bytes as `GET /api/v1/live`.
#[server(prefix = "/fn", endpoint = "live", input = GetUrl, output = Streaming)]
pub async fn live_stream(resume: Option<Cursor>) -> Result<ByteStream<ApiError>, ApiError> {
    use futures::StreamExt;
    Ok(ByteStream::new(control()?.live(resume).await.map(Ok::<_, ApiError>)))
}
