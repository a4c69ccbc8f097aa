//! The load-test routes that callers of the former analytics service use, field by field.

mod answer;
mod request;
mod words;

use axum::{Json, extract::State};
use ha_dashboard::domain::validate::Draft;

use self::{
    answer::{ScenariosBody, StartedBody, StatusBody, StoppedBody},
    request::{Asked, StartBody},
};
use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure},
    json::JsonObject,
};

/// Starts a load test.
#[utoipa::path(
    post,
    path = "/api/v1/analytics/load-test/start",
    tag = "load-test",
    request_body = StartBody,
    responses(
        (status = 200, body = StartedBody),
        (status = 400, description = "Malformed JSON or a field of the wrong kind", body = ErrorBody),
        (status = 409, description = "A test is at work already", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields", body = ErrorBody),
        (status = 429, description = "Too many from this address in a short time: `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "k6 or the metrics store is missing", body = ErrorBody),
    ),
)]
pub async fn start(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(body): JsonObject,
) -> Result<Json<StartedBody>, Failure> {
    let asked = Asked::read(body)?;
    let mut draft = asked.draft.clone();
    if draft.script.is_empty() {
        draft.script = Draft::suggested(&state.control.settled_rules(&caller).await).script;
    }
    let started = state.control.start(&caller, draft).await;
    let run = started.map_err(|error| asked.failure(error))?;
    Ok(Json(StartedBody::new(&run, asked.test_type, asked.ignored, caller.correlation_id)))
}

/// Stops the load test. k6 ends its iterations first: the status tells when it is over.
#[utoipa::path(
    post,
    path = "/api/v1/analytics/load-test/stop",
    tag = "load-test",
    responses((status = 200, body = StoppedBody), (status = 409, description = "No test is at work", body = ErrorBody)),
)]
pub async fn stop(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Json<StoppedBody>, Failure> {
    let run = state.control.stop(&caller).await?;
    Ok(Json(StoppedBody::new(&run, caller.correlation_id)))
}

/// How the load test is.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/load-test/status",
    tag = "load-test",
    responses((status = 200, body = StatusBody)),
)]
pub async fn status(State(state): State<HttpState>, Asking(caller): Asking) -> Json<StatusBody> {
    Json(StatusBody::new(&*state.control.brief(&caller).await, caller.correlation_id))
}

/// The patterns and scripts there are.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/load-test/scenarios",
    tag = "load-test",
    responses((status = 200, body = ScenariosBody)),
)]
pub async fn scenarios(State(state): State<HttpState>, Asking(caller): Asking) -> Json<ScenariosBody> {
    Json(ScenariosBody::new(&state.control.rules(&caller).await, caller.correlation_id))
}
