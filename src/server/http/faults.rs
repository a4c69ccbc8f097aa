//! Faults: what can be done, what is set, and taking it back.

use axum::{
    Json,
    extract::{Path, State},
};
use ha_dashboard::{
    api::error::ApiError,
    domain::fault::{Effect, Fault, FaultDraft, FaultId, FaultKind, FaultLimits, Impact},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    super::clock::now_ms,
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure, shortened},
    json::{JsonObject, text, wrong_kind},
};

/// What a fault is asked for with. Numbers may also come as texts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultFields {
    /// What is done, for example `kill` or `rolling-restart`: `GET /api/v1/faults/rules` lists what can be.
    #[schema(value_type = String)]
    kind: Option<Value>,
    /// To which service; not needed with a replica.
    #[schema(value_type = Option<String>)]
    service: Option<Value>,
    /// To which of its replicas; not there: to all of them.
    #[schema(value_type = Option<String>)]
    replica: Option<Value>,
    /// How much of it, 1–10; 5 where it is not said.
    #[schema(value_type = Option<u8>)]
    intensity: Option<Value>,
    /// For how long: seconds, or a text like `1m30s`; not there: until it is restored, or the longest time is over.
    #[schema(value_type = Option<String>)]
    duration: Option<Value>,
    /// What is expected meanwhile: `failed < 1 %` or `recovered < 5 s`.
    #[schema(value_type = Option<String>)]
    hypothesis: Option<Value>,
    /// What ends it early: `failed > 50 % for 10 s`.
    #[schema(value_type = Option<String>)]
    guard: Option<Value>,
    /// Whether it may leave the service without a replica.
    #[schema(value_type = Option<bool>)]
    even_last: Option<Value>,
}

impl FaultFields {
    /// Reads the body of a request.
    pub fn draft(body: Map<String, Value>) -> Result<FaultDraft, Failure> {
        let fields: Self = serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
            what: format!("the body can't be read: {}", shortened(&error.to_string())),
        })?;
        let read = |name, value| text(name, value).map(Option::unwrap_or_default);
        Ok(FaultDraft {
            kind: read("kind", fields.kind)?,
            service: read("service", fields.service)?,
            replica: read("replica", fields.replica)?,
            intensity: read("intensity", fields.intensity)?,
            duration: read("duration", fields.duration)?,
            hypothesis: read("hypothesis", fields.hypothesis)?,
            guard: read("guard", fields.guard)?,
            even_last: match fields.even_last {
                None | Some(Value::Null) => false,
                Some(Value::Bool(even_last)) => even_last,
                Some(other) => return Err(wrong_kind("even_last", &other, "true or false")),
            },
        })
    }
}

/// Faults.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultsBody {
    /// Always true.
    success: bool,
    /// Newest first.
    faults: Vec<Fault>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A fault.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultBody {
    /// Always true.
    success: bool,
    /// The fault.
    fault: Fault,
    /// What it does, in real units.
    effect: Effect,
    /// How much it may do.
    impact: Impact,
    /// Seconds until it ends by itself; null where it is over, and for restarts.
    remaining_s: Option<f64>,
    /// Names this request in the log.
    correlation_id: String,
}

impl FaultBody {
    fn new(fault: Fault, now_ms: u64, correlation_id: String) -> Self {
        let (effect, impact, remaining_s) = (fault.request.effect(), fault.request.impact(), fault.left_s(now_ms));
        Self { success: true, fault, effect, impact, remaining_s, correlation_id }
    }
}

/// What can be done now.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultRulesBody {
    /// Always true.
    success: bool,
    /// How long faults may last.
    limits: FaultLimits,
    /// Services whose replicas something can be done to.
    services: Vec<FaultService>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A service whose replicas something can be done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultService {
    /// Its name.
    service: String,
    /// What can be done to all of it.
    kinds: Vec<FaultKind>,
    /// Its replicas.
    replicas: Vec<FaultReplica>,
}

/// A replica that something can be done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultReplica {
    /// Its name.
    replica: String,
    /// What can be done to it.
    kinds: Vec<FaultKind>,
}

/// What is set and what was, newest first.
#[utoipa::path(get, path = "/api/v1/faults", tag = "faults", responses((status = 200, body = FaultsBody)))]
pub async fn faults(State(state): State<HttpState>, Asking(caller): Asking) -> Json<FaultsBody> {
    let faults = state.control.faults(&caller).await;
    Json(FaultsBody { success: true, faults, correlation_id: caller.correlation_id })
}

/// Which faults can be set on which replica, and for how long.
#[utoipa::path(get, path = "/api/v1/faults/rules", tag = "faults", responses((status = 200, body = FaultRulesBody)))]
pub async fn rules(State(state): State<HttpState>, Asking(caller): Asking) -> Json<FaultRulesBody> {
    let rules = state.control.fault_rules(&caller).await;
    let services = rules.targets.into_iter().map(|target| FaultService {
        kinds: target.kinds(None),
        replicas: target
            .replicas
            .into_iter()
            .map(|place| FaultReplica { replica: place.name, kinds: place.kinds })
            .collect(),
        service: target.service,
    });
    let services = services.collect();
    Json(FaultRulesBody { success: true, limits: rules.limits, services, correlation_id: caller.correlation_id })
}

/// Sets a fault. The answer comes when it has taken hold.
#[utoipa::path(
    post,
    path = "/api/v1/faults",
    tag = "faults",
    request_body = FaultFields,
    responses(
        (status = 200, body = FaultBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 409, description = "Not now: something is at work there, it is down, or it is the last one", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields", body = ErrorBody),
        (status = 429, description = "Too many from this address in a short time: `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "It does not take hold", body = ErrorBody),
    ),
)]
pub async fn set(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(body): JsonObject,
) -> Result<Json<FaultBody>, Failure> {
    let fault = state.control.set_fault(&caller, FaultFields::draft(body)?).await?;
    Ok(Json(FaultBody::new(fault, now_ms(), caller.correlation_id)))
}

/// One fault.
#[utoipa::path(
    get,
    path = "/api/v1/faults/{id}",
    tag = "faults",
    params(("id" = String, Path, description = "The fault's id")),
    responses((status = 200, body = FaultBody), (status = 404, body = ErrorBody)),
)]
pub async fn fault(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<FaultBody>, Failure> {
    let fault = state.control.fault(&caller, &fault_id(id)?).await?;
    Ok(Json(FaultBody::new(fault, now_ms(), caller.correlation_id)))
}

/// Takes a fault back before its time.
#[utoipa::path(
    post,
    path = "/api/v1/faults/{id}/restore",
    tag = "faults",
    params(("id" = String, Path, description = "The fault's id")),
    responses(
        (status = 200, body = FaultBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is over, or ends with itself", body = ErrorBody),
    ),
)]
pub async fn restore(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<FaultBody>, Failure> {
    let fault = state.control.restore_fault(&caller, &fault_id(id)?).await?;
    Ok(Json(FaultBody::new(fault, now_ms(), caller.correlation_id)))
}

/// Takes back everything that is set, and lists what that was.
#[utoipa::path(post, path = "/api/v1/faults/restore-all", tag = "faults", responses((status = 200, body = FaultsBody)))]
pub async fn restore_all(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Json<FaultsBody>, Failure> {
    let faults = state.control.restore_all(&caller).await?;
    Ok(Json(FaultsBody { success: true, faults, correlation_id: caller.correlation_id }))
}

fn fault_id(text: String) -> Result<FaultId, Failure> {
    let missing = |_| ApiError::NotFound { what: format!("fault {}", shortened(&text)) }.into();
    text.clone().try_into().map_err(missing)
}
