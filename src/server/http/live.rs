//! The live stream for everybody but the page: server-sent events, the same bytes from the same hub.

use std::ops::Range;

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use ha_dashboard::{api::error::ApiError, domain::live::Cursor};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure, shortened},
};

/// How long a reader may wait before it connects again, in ms: each is told another time, so that those of a dashboard that
/// starts again don't come all at once.
const AGAIN_MS: Range<u32> = 1_000..6_000;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Resume {
    /// The `id:` of the last event seen, `epoch-seq`. The header `Last-Event-ID`, which browsers send, wins.
    resume: Option<String>,
}

/// Everything live: a snapshot, or what was missed since `resume`, then a tick a second until the dashboard ends.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "live",
    params(Resume, ("Last-Event-ID" = Option<String>, Header, description = "The `id:` of the last event seen")),
    responses(
        (status = 200, description = "Server-sent events: `event:` is `snapshot` for the whole picture and `tick` for what changed since, `id:` the place, `data:` the message as JSON; the first one has `retry:`, another time for each reader. In browsers they come to listeners of these names, not to `onmessage`.", content_type = "text/event-stream", body = String),
        (status = 400, body = ErrorBody),
        (status = 503, description = "Too many follow it: `Retry-After` says when to try again", body = ErrorBody),
    ),
)]
pub async fn live(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Query(query): Query<Resume>,
) -> Result<Response, Failure> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let cursor = match header.or(query.resume).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(text.parse::<Cursor>().map_err(|error| ApiError::BadRequest {
            what: format!("resume: {:?} is not allowed: {error}, as in the `id:` of an event", shortened(&text)),
        })?),
    };
    let again = Bytes::from(format!("retry: {}\n", rand::random_range(AGAIN_MS)));
    let stream = stream::iter([again]).chain(state.control.live(&caller, cursor).await);
    let ended = state.shutdown.token.clone().cancelled_owned();
    let body = Body::from_stream(stream.take_until(ended).map(Ok::<_, std::convert::Infallible>));
    let rules = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx holds answers back unless told not to.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((rules, body).into_response())
}
