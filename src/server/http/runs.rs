//! Our own, richer words for runs.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use ha_dashboard::{
    domain::{picture::Course, prefs::Prefs, run::Run, validate::Draft},
    report as file,
};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure},
    run_id,
};
use crate::server::{plans::file as plan_file, prometheus};

/// How long a report waits for values over time: a file is kept, so they had better be in it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunsBody {
    /// Always true.
    success: bool,
    /// Newest first, the one at work included.
    runs: Vec<Run>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBody {
    /// Always true.
    success: bool,
    /// The run.
    run: Run,
    /// Names this request in the log.
    correlation_id: String,
}

/// Log lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogBody {
    /// Always true.
    success: bool,
    /// The last lines, oldest first.
    lines: Vec<String>,
    /// Names this request in the log.
    correlation_id: String,
}

/// All runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", responses((status = 200, body = RunsBody)))]
pub async fn runs(State(state): State<HttpState>, Asking(caller): Asking) -> Json<RunsBody> {
    Json(RunsBody { success: true, runs: state.control.runs(&caller).await, correlation_id: caller.correlation_id })
}

/// One run.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = RunBody), (status = 404, body = ErrorBody)),
)]
pub async fn run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Failure> {
    let run = state.control.run(&caller, &run_id(id)?).await?;
    Ok(Json(RunBody { success: true, run, correlation_id: caller.correlation_id }))
}

/// The last lines of k6's log of a run.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/log",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = LogBody), (status = 404, body = ErrorBody)),
)]
pub async fn log(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<LogBody>, Failure> {
    let lines = state.control.log(&caller, &run_id(id)?).await?;
    Ok(Json(LogBody { success: true, lines, correlation_id: caller.correlation_id }))
}

/// The report of a run as a file to keep. Where the metrics store no longer has the values over time, it says so.
#[utoipa::path(
    get,
    path = "/runs/{id}/report.html",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, description = "An HTML file that needs nothing else", content_type = "text/html", body = String),
        (status = 404, body = ErrorBody),
    ),
)]
pub async fn report(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (id, until) = (run_id(id)?, Instant::now() + PATIENCE);
    let picture = loop {
        let picture = state.control.picture(&caller, &id).await?;
        if picture.course != Course::Reading || Instant::now() > until {
            break picture;
        }
    };
    let log = state.control.log(&caller, &picture.run.id).await.unwrap_or_default();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lang = Prefs::from_headers(text(header::COOKIE), text(header::ACCEPT_LANGUAGE)).lang;
    let page = file::html(&picture, &log, lang);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"load-test-{}.html\"", picture.run.id)),
    ];
    Ok((headers, page).into_response())
}

/// The plan of a run as a file that `ha-dashboard run --plan` takes.
#[utoipa::path(
    get,
    path = "/runs/{id}/plan.yaml",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, description = "YAML, with the names of the form's fields", content_type = "application/yaml", body = String),
        (status = 404, body = ErrorBody),
    ),
)]
pub async fn plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let run = state.control.run(&caller, &run_id(id)?).await?;
    let rules = state.control.rules(&caller).await;
    let text = plan_file::write(run.id.as_str(), &Draft::again(&run.plan, run.scenario.as_ref(), &rules));
    Ok(yaml(&format!("plan-{}.yaml", run.id), text))
}

/// A YAML file to keep, under a name of letters, digits, dots and dashes.
fn yaml(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/yaml".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

/// The last lines of the log of our own Prometheus; none for an external store.
#[utoipa::path(get, path = "/api/v1/prometheus/log", tag = "metrics", responses((status = 200, body = LogBody)))]
pub async fn prometheus_log(State(state): State<HttpState>, Asking(caller): Asking) -> Json<LogBody> {
    let lines = prometheus::child::log_tail(&state.settings.config.state_dir).await;
    Json(LogBody { success: true, lines, correlation_id: caller.correlation_id })
}
