//! A run that is over as files to keep and for other programs.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        picture::{Course, RunPicture},
        prefs::Lang,
        timeline,
    },
    report,
};
use tokio::time::Instant;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure},
    run_id,
};
use crate::{
    export::{document::RunDocument, junit, table},
    server::told,
};

/// How long a file waits for values over time: it is kept, so they had better be in it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run with its values over time, where they come in time.
pub(super) async fn patient_picture(state: &HttpState, caller: &Caller, id: String) -> Result<RunPicture, Failure> {
    let (id, until) = (run_id(id)?, Instant::now() + PATIENCE);
    loop {
        let picture = state.control.picture(caller, &id).await?;
        if picture.course != Course::Reading || Instant::now() > until {
            return Ok(picture);
        }
    }
}

/// The same of a run that is over.
async fn over(state: &HttpState, caller: &Caller, id: String) -> Result<RunPicture, Failure> {
    let run = state.control.run(caller, &run_id(id.clone())?).await?;
    if run.state.is_active() {
        return Err(ApiError::NotOver { run: run.id }.into());
    }
    patient_picture(state, caller, id).await
}

/// Whether the values over time are there.
///
/// # Errors
/// When the metrics store can't say it now.
fn has_course(picture: &RunPicture) -> Result<bool, ApiError> {
    let later =
        |why: &str| ApiError::Unavailable { what: format!("the values over time can't be read now: {why}; try again") };
    match &picture.course {
        Course::Known => Ok(true),
        Course::Gone => Ok(false),
        Course::Reading => Err(later("the metrics store takes its time")),
        Course::Unread { why } => Err(later(why)),
    }
}

/// A file for the reader's disk. The id of a run has nothing in it that a file's name may not have.
pub(super) fn file(kind: &'static str, name: &str, content: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], content).into_response()
}

pub(super) fn unwritten(error: std::io::Error) -> ApiError {
    told::broke_off(error)
}

/// Everything on record of a run that is over, in one document.
#[utoipa::path(
    get,
    path = "/runs/{id}/run.json",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, description = "A JSON file", body = RunDocument),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
        (status = 503, description = "Its values over time can't be read now", body = ErrorBody),
    ),
)]
pub async fn run_json(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let picture = over(&state, &caller, id).await?;
    let (id, has_course) = (picture.run.id.clone(), has_course(&picture)?);
    let log = state.control.log(&caller, &id).await.unwrap_or_default();
    let document = RunDocument::new(&picture, log, has_course);
    let text = serde_json::to_string_pretty(&document).map_err(|error| unwritten(error.into()))?;
    Ok(file("application/json", &format!("load-test-{id}.json"), text + "\n"))
}

/// A run that is over as JUnit XML: a test case for the run, and one for each threshold, each hypothesis of a fault and each
/// check.
#[utoipa::path(
    get,
    path = "/runs/{id}/junit.xml",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, description = "An XML file", content_type = "application/xml", body = String),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
    ),
)]
pub async fn junit_xml(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let picture = over(&state, &caller, id).await?;
    let run = &picture.run;
    let log = state.control.log(&caller, &run.id).await.unwrap_or_default();
    let text = junit::ended(junit::Over {
        run,
        faults: &picture.snapshot.status.costed(&run.id),
        checks: run.checks(picture.detail.as_deref()),
        more: Vec::new(),
        told: report::sentences(&picture, Lang::En).join("\n"),
        log: &log,
    });
    Ok(file("application/xml", &format!("load-test-{}-junit.xml", run.id), text.map_err(unwritten)?))
}

/// What went to each endpoint of a run that is over, a row for each method, name and status.
#[utoipa::path(
    get,
    path = "/runs/{id}/endpoints.csv",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (
            status = 200, content_type = "text/csv", body = String,
            description = "CSV (RFC 4180) with a head, units in it. What a spreadsheet would take for a formula has an apostrophe before it",
        ),
        (status = 404, description = "There is no such run, or nobody counted its endpoints", body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
    ),
)]
pub async fn endpoints_csv(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let RunPicture { run, detail, .. } = over(&state, &caller, id).await?;
    let missing = || ApiError::NotFound { what: format!("count of the endpoints of run {}", run.id) };
    let text = table::endpoints(&detail.ok_or_else(missing)?.endpoints).map_err(unwritten)?;
    Ok(file(CSV, &format!("load-test-{}-endpoints.csv", run.id), text))
}

/// The values over time of a run that is over, a row for each time.
#[utoipa::path(
    get,
    path = "/runs/{id}/series.csv",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (
            status = 200, content_type = "text/csv", body = String,
            description = "CSV (RFC 4180) with a head, units in it. A cell is empty where nothing was measured",
        ),
        (status = 404, description = "There is no such run, or the metrics store no longer has its values", body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
        (status = 503, description = "They can't be read now", body = ErrorBody),
    ),
)]
pub async fn series_csv(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let picture = over(&state, &caller, id).await?;
    let run = &picture.run;
    if !has_course(&picture)? {
        let what = format!("value over time of run {}: the metrics store no longer has them", run.id);
        return Err(ApiError::NotFound { what }.into());
    }
    let text = table::series(&picture.own().history, timeline::origin_ms(run)).map_err(unwritten)?;
    Ok(file(CSV, &format!("load-test-{}-series.csv", run.id), text))
}

const CSV: &str = "text/csv; charset=utf-8; header=present";
