//! Plans that start by themselves.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use ha_dashboard::{
    api::{error::ApiError, port::ShownAppointment},
    domain::{
        agenda::{Appointment, AppointmentDraft},
        id::ScheduleId,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure, shortened},
    json::JsonObject,
};

/// A plan that starts by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleEntry {
    /// The schedule.
    #[serde(flatten)]
    schedule: Appointment,
    /// What people call its plan; null: it is gone.
    #[schema(required = true)]
    plan_name: Option<String>,
    /// Its next times, five at most.
    next: Vec<ScheduleTime>,
}

/// A time to come.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleTime {
    /// In ms since 1970.
    at_ms: u64,
    /// As the schedule's clock shows it, for example `Fri 2026-11-27 09:00 CET`.
    clock: String,
}

impl From<ShownAppointment> for ScheduleEntry {
    fn from(ShownAppointment { appointment, plan, next, last: _ }: ShownAppointment) -> Self {
        let next = next.into_iter().map(|(at_ms, clock)| ScheduleTime { at_ms, clock }).collect();
        Self { schedule: appointment, plan_name: plan, next }
    }
}

/// Plans that start by themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct SchedulesBody {
    /// Always true.
    success: bool,
    /// The next one first, those that are over last.
    schedules: Vec<ScheduleEntry>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A plan that starts by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleBody {
    /// Always true.
    success: bool,
    /// It.
    schedule: ScheduleEntry,
    /// Names this request in the log.
    correlation_id: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleGoneBody {
    /// Always true.
    success: bool,
    /// Names this request in the log.
    correlation_id: String,
}

/// When a plan is to start: once (`at`) or again and again (`cron`), on the clock of a time zone.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ScheduleFields {
    /// The plan's id.
    #[expect(dead_code, reason = "it describes the body")]
    plan: String,
    /// Once: `2026-11-27 09:00`.
    #[expect(dead_code, reason = "it describes the body")]
    at: Option<String>,
    /// Again and again: five fields of cron (minute, hour, day, month, day of the week), or a word like `@daily`.
    #[expect(dead_code, reason = "it describes the body")]
    cron: Option<String>,
    /// A time zone's name, like `Europe/Berlin`; UTC where it is not said.
    #[expect(dead_code, reason = "it describes the body")]
    zone: Option<String>,
}

/// Plans that start by themselves.
#[utoipa::path(
    get,
    path = "/api/v1/schedules",
    tag = "plans",
    responses((status = 200, body = SchedulesBody), (status = 503, body = ErrorBody)),
)]
pub async fn schedules(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Json<SchedulesBody>, Failure> {
    let schedules = state.control.schedules(&caller).await?.into_iter().map(ScheduleEntry::from).collect();
    Ok(Json(SchedulesBody { success: true, schedules, correlation_id: caller.correlation_id }))
}

/// Lets a plan start by itself.
#[utoipa::path(
    post,
    path = "/api/v1/schedules",
    tag = "plans",
    request_body = ScheduleFields,
    responses(
        (status = 201, body = ScheduleBody),
        (status = 400, body = ErrorBody),
        (status = 404, description = "There is no such plan", body = ErrorBody),
        (status = 409, description = "There are too many", body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Not a time to come", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn add_schedule(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<ScheduleBody>), Failure> {
    let draft: AppointmentDraft = serde_json::from_value(Value::Object(body)).map_err(|error| {
        ApiError::BadRequest { what: format!("the body can't be read: {}", shortened(&error.to_string())) }
    })?;
    let added = state.control.add_schedule(&caller, draft).await?;
    let body = ScheduleBody { success: true, schedule: added.into(), correlation_id: caller.correlation_id };
    Ok((StatusCode::CREATED, Json(body)))
}

/// No longer lets a plan start by itself.
#[utoipa::path(
    delete,
    path = "/api/v1/schedules/{id}",
    tag = "plans",
    params(("id" = String, Path, description = "The schedule's id")),
    responses((status = 200, body = ScheduleGoneBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)),
)]
pub async fn delete_schedule(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<ScheduleGoneBody>, Failure> {
    let missing = |_| ApiError::NotFound { what: format!("schedule {}", shortened(&id)) };
    let id = ScheduleId::try_from(id.clone()).map_err(missing)?;
    state.control.delete_schedule(&caller, &id).await?;
    Ok(Json(ScheduleGoneBody { success: true, correlation_id: caller.correlation_id }))
}
