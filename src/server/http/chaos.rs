//! The chaos routes of the former analytics service, in its words, over the faults that are really set.
//!
//! An experiment is a fault, whichever way it was set. Who starts one may give it an id of their own; that is known until
//! the dashboard ends, and the fault's id is known as long as the fault is.

mod answer;
mod names;
mod request;
mod words;

use axum::{
    Json,
    extract::{Path, State},
};

use self::{
    answer::{CatalogueBody, ChaosBody, Experiment, ExperimentBody, ExperimentStartedBody},
    request::{Asked, ChaosFields},
};
pub use self::{
    names::Names,
    words::{level, word},
};
use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure},
    json::JsonObject,
};
use crate::server::clock::now_ms;

/// Starts an experiment. The answer comes when it has taken hold.
#[utoipa::path(
    post,
    path = "/api/v1/chaos/start",
    tag = "chaos",
    request_body = ChaosFields,
    responses(
        (status = 200, body = ExperimentStartedBody),
        (status = 400, description = "Malformed JSON or a field of the wrong kind", body = ErrorBody),
        (status = 409, description = "Not now: something is at work there or has that id, it is down, or it is the last one", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields", body = ErrorBody),
        (status = 429, description = "Too many from this address in a short time: `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "It does not take hold", body = ErrorBody),
    ),
)]
pub async fn start_experiment(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(body): JsonObject,
) -> Result<Json<ExperimentStartedBody>, Failure> {
    let asked = Asked::read(body)?;
    if let Some(name) = &asked.name {
        state.experiments.check_free(name, &state.control.faults(&caller).await)?;
    }
    let fault = state.control.set_fault(&caller, asked.draft).await.map_err(request::failure)?;
    if let Some(name) = asked.name {
        state.experiments.give(name, fault.id.clone());
    }
    let services = state.control.services(&caller).await;
    let experiment = Experiment::new(&fault, &state.experiments, &services);
    Ok(Json(ExperimentStartedBody::new(experiment, asked.ignored, caller.correlation_id)))
}

/// How an experiment is, and what it cost so far.
#[utoipa::path(
    get,
    path = "/api/v1/chaos/{id}/status",
    tag = "chaos",
    params(("id" = String, Path, description = "The experiment's id")),
    responses((status = 200, body = ExperimentBody), (status = 404, body = ErrorBody)),
)]
pub async fn experiment(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Failure> {
    let fault = state.control.fault(&caller, &state.experiments.id(&id)?).await?;
    Ok(Json(ExperimentBody::new(&fault, now_ms(), &state, caller).await))
}

/// Ends an experiment before its time.
#[utoipa::path(
    post,
    path = "/api/v1/chaos/{id}/stop",
    tag = "chaos",
    params(("id" = String, Path, description = "The experiment's id")),
    responses(
        (status = 200, body = ExperimentBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is over, or ends with itself", body = ErrorBody),
    ),
)]
pub async fn stop_experiment(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Failure> {
    let fault = state.control.restore_fault(&caller, &state.experiments.id(&id)?).await?;
    Ok(Json(ExperimentBody::new(&fault, now_ms(), &state, caller).await))
}

/// Which experiments there are, what they do, and to which services.
#[utoipa::path(
    get,
    path = "/api/v1/chaos/experiments",
    tag = "chaos",
    responses((status = 200, body = CatalogueBody)),
)]
pub async fn experiments(State(state): State<HttpState>, Asking(caller): Asking) -> Json<CatalogueBody> {
    let rules = state.control.fault_rules(&caller).await;
    Json(CatalogueBody::new(&rules, caller.correlation_id))
}

/// What is going on, and how the services bear it.
#[utoipa::path(get, path = "/api/v1/chaos/status", tag = "chaos", responses((status = 200, body = ChaosBody)))]
pub async fn chaos_status(State(state): State<HttpState>, Asking(caller): Asking) -> Json<ChaosBody> {
    Json(ChaosBody::new(&state, caller).await)
}

/// The same as `/api/v1/chaos/status`, at its former place.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/chaos-status",
    tag = "chaos",
    responses((status = 200, body = ChaosBody)),
)]
pub async fn analytics_status(state: State<HttpState>, asking: Asking) -> Json<ChaosBody> {
    chaos_status(state, asking).await
}
