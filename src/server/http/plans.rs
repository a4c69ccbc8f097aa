//! Plans that are kept for another time.

mod forms;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ha_dashboard::{
    api::error::ApiError,
    domain::{id::PlanId, run::Run, saved::SavedPlan},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use self::forms::router;
use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure, shortened},
    json::{JsonObject, wrong_kind},
};
use crate::server::plans::file::{self, PlanText};

/// A plan that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanEntry {
    /// Its id.
    id: PlanId,
    /// What it asks for, and what people call it.
    #[serde(flatten)]
    plan: PlanText,
    /// When it was saved last, in ms since 1970.
    changed_ms: u64,
}

impl From<SavedPlan> for PlanEntry {
    fn from(SavedPlan { id, name, draft, changed_ms }: SavedPlan) -> Self {
        Self { id, plan: PlanText::new(&name, &draft), changed_ms }
    }
}

/// The plans that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlansBody {
    /// Always true.
    success: bool,
    /// By name.
    plans: Vec<PlanEntry>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanBody {
    /// Always true.
    success: bool,
    /// The plan.
    plan: PlanEntry,
    /// Names this request in the log.
    correlation_id: String,
}

impl PlanBody {
    fn new(plan: SavedPlan, correlation_id: String) -> Json<Self> {
        Json(Self { success: true, plan: plan.into(), correlation_id })
    }
}

/// A run that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanStartedBody {
    /// Always true.
    success: bool,
    /// The run.
    run: Run,
    /// Names this request in the log.
    correlation_id: String,
}

/// A plan to be kept. Numbers may also come as numbers.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SaveFields {
    /// What it asks for, and what people call it.
    #[serde(flatten)]
    #[expect(dead_code, reason = "it describes the body, which is read as a file is")]
    plan: PlanText,
    /// Whether it takes the place of a plan of that name.
    #[serde(default)]
    #[expect(dead_code, reason = "it describes the body, which is read as a file is")]
    replace: bool,
}

/// What a plan is to be called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameFields {
    /// 1 to 80 characters in one line.
    name: String,
}

/// The plans that are kept, by name.
#[utoipa::path(
    get,
    path = "/api/v1/plans",
    tag = "plans",
    responses((status = 200, body = PlansBody), (status = 503, body = ErrorBody)),
)]
pub async fn plans(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Json<PlansBody>, Failure> {
    let plans = state.control.plans(&caller).await?.into_iter().map(PlanEntry::from).collect();
    Ok(Json(PlansBody { success: true, plans, correlation_id: caller.correlation_id }))
}

/// Keeps a plan under a name.
#[utoipa::path(
    post,
    path = "/api/v1/plans",
    tag = "plans",
    request_body = SaveFields,
    responses(
        (status = 201, body = PlanBody),
        (status = 400, description = "Malformed JSON, or a field that no plan has", body = ErrorBody),
        (status = 409, description = "There is one of that name, or there are too many", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn save_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(mut body): JsonObject,
) -> Result<(StatusCode, Json<PlanBody>), Failure> {
    let replace = match body.remove("replace") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(replace)) => replace,
        Some(other) => return Err(wrong_kind("replace", &other, "true or false")),
    };
    let read = file::read(&Value::Object(body).to_string());
    let (name, draft) = read.map_err(|error| ApiError::BadRequest {
        what: format!("the body can't be read as a plan: {}", shortened(&error.to_string())),
    })?;
    let saved = state.control.save_plan(&caller, &name, draft, replace).await?;
    Ok((StatusCode::CREATED, PlanBody::new(saved, caller.correlation_id)))
}

/// One plan.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{id}",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    responses((status = 200, body = PlanBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)),
)]
pub async fn plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<PlanBody>, Failure> {
    let plan = state.control.plan(&caller, &plan_id(id)?).await?;
    Ok(PlanBody::new(plan, caller.correlation_id))
}

/// A plan as a file that `ha-dashboard run --plan` takes.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{id}/plan.yaml",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    responses(
        (status = 200, description = "YAML, with the names of the form's fields", content_type = "application/yaml", body = Value),
        (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn plan_file(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let plan = state.control.plan(&caller, &plan_id(id)?).await?;
    Ok(yaml(&format!("plan-{}.yaml", plan.id), file::write(&plan.name, &plan.draft)))
}

/// Calls a plan otherwise.
#[utoipa::path(
    patch,
    path = "/api/v1/plans/{id}",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    request_body = RenameFields,
    responses(
        (status = 200, body = PlanBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "Another one has that name", body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Not a name", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn rename_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Json<PlanBody>, Failure> {
    let fields: RenameFields = serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
        what: format!("the body can't be read: {}", shortened(&error.to_string())),
    })?;
    let plan = state.control.rename_plan(&caller, &plan_id(id)?, &fields.name).await?;
    Ok(PlanBody::new(plan, caller.correlation_id))
}

/// Puts a plan into the trash, from which `restore` takes it back.
#[utoipa::path(
    delete,
    path = "/api/v1/plans/{id}",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    responses(
        (status = 200, body = PlanBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It starts by itself: take its schedule away first", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn delete_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<PlanBody>, Failure> {
    let plan = state.control.delete_plan(&caller, &plan_id(id)?).await?;
    Ok(PlanBody::new(plan, caller.correlation_id))
}

/// Takes a plan back from the trash.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{id}/restore",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    responses(
        (status = 200, body = PlanBody),
        (status = 404, description = "It is not in the trash", body = ErrorBody),
        (status = 409, description = "Another one has its name by now, or there are too many", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn restore_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<PlanBody>, Failure> {
    let plan = state.control.restore_plan(&caller, &plan_id(id)?).await?;
    Ok(PlanBody::new(plan, caller.correlation_id))
}

/// Starts a load test as it is planned.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{id}/start",
    tag = "plans",
    params(("id" = String, Path, description = "The plan's id")),
    responses(
        (status = 200, body = PlanStartedBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "A test is at work already", body = ErrorBody),
        (status = 422, description = "It no longer fits", body = ErrorBody),
        (status = 429, description = "Too many from this address in a short time: `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn start_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<PlanStartedBody>, Failure> {
    let run = state.control.start_plan(&caller, &plan_id(id)?).await?;
    Ok(Json(PlanStartedBody { success: true, run, correlation_id: caller.correlation_id }))
}

/// A YAML file to keep, under a name of letters, digits, dots and dashes.
pub fn yaml(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/yaml".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

/// The id in a path.
pub fn plan_id(text: String) -> Result<PlanId, Failure> {
    text.clone().try_into().map_err(|_| ApiError::NotFound { what: format!("plan {}", shortened(&text)) }.into())
}
