//! Our own, richer words for runs.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::Response,
};
use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        burst::{Burst, BurstDraft},
        compare::{self, Difference, Figure},
        detail::Detail,
        endpoints::{self, Compared},
        labels::LabelDraft,
        past::{self, Found, Search},
        prefs::Prefs,
        run::{Run, RunId},
        trend,
        validate::Draft,
    },
    report as page,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure, shortened},
    exports::{file, patient_picture},
    json::{JsonObject, text},
    plans::yaml,
    run_id,
};
use crate::server::{plans::file as plan_file, prometheus};

/// Most runs of a page.
const PAGE: u32 = 200;

/// Runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunsBody {
    /// Always true.
    success: bool,
    /// Newest first, the one at work included.
    runs: Vec<Run>,
    /// How many there are on all pages.
    found: u32,
    /// The page, from 1.
    page: u32,
    /// How many pages there are, at least one.
    pages: u32,
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

impl RunBody {
    fn told(run: Run, caller: Caller) -> Json<Self> {
        Json(Self { success: true, run, correlation_id: caller.correlation_id })
    }
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

/// A run in detail.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailBody {
    /// Always true.
    success: bool,
    /// Endpoints, failures and checks; none before the first sample, and where nobody counted them.
    #[schema(required = true)]
    detail: Option<Detail>,
    /// Names this request in the log.
    correlation_id: String,
}

/// What is to be said of a run; a field that is not there leaves it as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelFields {
    /// A name of at most 80 characters in one line; empty: none.
    name: Option<String>,
    /// A note in Markdown, of at most 10,000 characters; empty: none.
    note: Option<String>,
    /// At most 10 tags of at most 30 letters, digits, `-`, `_` and `.`; capital letters become small ones.
    tags: Option<Vec<String>>,
    /// Whether it is starred: kept whatever its age.
    star: Option<bool>,
}

/// Which runs to compare.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToCompare {
    ids: String,
}

/// Runs beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonBody {
    /// Always true.
    success: bool,
    /// The runs, in the order in which they were named.
    ids: Vec<RunId>,
    /// What is compared.
    figures: Vec<FigureBody>,
    /// What went to each endpoint, those with most requests first.
    endpoints: Vec<EndpointBody>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A figure of each run. Durations are in seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureBody {
    /// Which.
    figure: Figure,
    /// Its value in each run; null where it was not measured.
    values: Vec<Option<f64>>,
    /// How the value of each run but the first differs from the first one's; null where one of both was not measured.
    differences: Vec<Option<Difference>>,
}

/// A method and name in each run. Durations are in seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointBody {
    /// The HTTP method.
    method: String,
    /// The name that the script gives it.
    name: String,
    /// The status that most answers have in all runs together, `0` where there was none: durations are of those.
    status: String,
    /// What went to it in each run; null where nothing did, or nobody counted.
    sums: Vec<Option<endpoints::Sum>>,
    /// The same by figure.
    figures: Vec<FigureBody>,
}

/// How the last runs of a target came out.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendBody {
    /// Always true.
    success: bool,
    /// The target.
    target: String,
    /// The last 20 of them that sent load and are over, oldest first.
    points: Vec<trend::Point>,
    /// Names this request in the log.
    correlation_id: String,
}

/// Which target's runs.
#[derive(Debug, Deserialize)]
pub struct Trended {
    target: String,
}

impl FigureBody {
    fn new(figure: Figure, values: Vec<Option<f64>>) -> Self {
        Self { figure, differences: Difference::of_all(figure.wish(), &values), values }
    }
}

impl From<Compared> for EndpointBody {
    fn from(Compared { method, name, status, sums }: Compared) -> Self {
        let figure = |figure: &Figure| {
            FigureBody::new(*figure, sums.iter().map(|sum| figure.of_endpoint(sum.as_ref()?)).collect())
        };
        Self { figures: endpoints::FIGURES.iter().map(figure).collect(), method, name, status, sums }
    }
}

/// Runs, newest first, at most 200 a page.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    params(
        ("search" = Option<String>, Query, description = "Words that name, note, tags, target, script, pattern or id hold, all of them"),
        ("target" = Option<String>, Query, description = "The target"),
        ("pattern" = Option<String>, Query, description = "The pattern, or `own`: the script's own options"),
        ("verdict" = Option<String>, Query, description = "The verdict, for example `failed`"),
        ("tag" = Option<String>, Query, description = "A tag"),
        ("since" = Option<String>, Query, description = "`24h`, `7d`, `30d` or `365d`: made in that time up to now"),
        ("starred" = Option<String>, Query, description = "Anything: starred ones only"),
        ("trash" = Option<String>, Query, description = "Anything: those in the trash instead"),
        ("page" = Option<u32>, Query, description = "The page, from 1"),
    ),
    responses(
        (status = 200, body = RunsBody),
        (status = 400, description = "A parameter that is there twice", body = ErrorBody),
        (status = 422, body = ErrorBody),
    ),
)]
pub async fn runs(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(search): Query<Search>,
) -> Result<Json<RunsBody>, Failure> {
    let query = search.validate().map_err(|errors| ApiError::InvalidSearch { errors })?;
    let page = query.page + 1;
    let Found { runs, found } = state.control.find_runs(&caller, past::Query { most: PAGE, ..query }).await?;
    let runs = runs.into_iter().map(|(run, _)| run).collect();
    let pages = found.div_ceil(PAGE).max(1);
    Ok(Json(RunsBody { success: true, runs, found, page, pages, correlation_id: caller.correlation_id }))
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
    Ok(RunBody::told(run, caller))
}

/// Says something of a run: a name, a note, tags, a star.
#[utoipa::path(
    patch,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    request_body = LabelFields,
    responses(
        (status = 200, body = RunBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields", body = ErrorBody),
    ),
)]
pub async fn label(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Json<RunBody>, Failure> {
    let fields: LabelFields = serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
        what: format!("the body can't be read: {}", shortened(&error.to_string())),
    })?;
    let LabelFields { name, note, tags, star } = fields;
    let draft = LabelDraft { name, note, tags: tags.map(|tags| tags.join(",")), star };
    let run = state.control.label_run(&caller, &run_id(id)?, draft).await?;
    Ok(RunBody::told(run, caller))
}

/// Throws a run away. It can be brought back for a week.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = RunBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
    ),
)]
pub async fn trash(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Failure> {
    let run = state.control.trash_run(&caller, &run_id(id)?, true).await?;
    Ok(RunBody::told(run, caller))
}

/// Brings a run back that was thrown away.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/restore",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = RunBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)),
)]
pub async fn untrash(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Failure> {
    let run = state.control.trash_run(&caller, &run_id(id)?, false).await?;
    Ok(RunBody::told(run, caller))
}

/// What load is added with. Numbers may also come as texts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadFields {
    /// VUs; not with a rate.
    #[schema(value_type = Option<u32>)]
    vus: Option<Value>,
    /// Iterations per second; not with VUs.
    #[schema(value_type = Option<u32>)]
    rate: Option<Value>,
    /// For how long: seconds, or a text like `1m30s`; not there: to the end of the run, which ends it in any case.
    #[schema(value_type = Option<String>)]
    duration: Option<Value>,
    /// Where it goes; not there: where the load of the run does.
    #[schema(value_type = Option<String>)]
    target: Option<Value>,
}

impl LoadFields {
    fn draft(body: Map<String, Value>) -> Result<BurstDraft, Failure> {
        let fields: Self = serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
            what: format!("the body can't be read: {}", shortened(&error.to_string())),
        })?;
        let read = |name, value| text(name, value).map(Option::unwrap_or_default);
        Ok(BurstDraft {
            vus: read("vus", fields.vus)?,
            rate: read("rate", fields.rate)?,
            duration: read("duration", fields.duration)?,
            target: read("target", fields.target)?,
        })
    }
}

/// Load that was added to a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadBody {
    /// Always true.
    success: bool,
    /// The run.
    run: RunId,
    /// What was added, and the k6 that sends it.
    load: Burst,
    /// Names this request in the log.
    correlation_id: String,
}

/// Adds load to a run at work: a k6 of its own sends it, all of it at once. The answer comes when that k6 is there; the run
/// tells when it began.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/load",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    request_body = LoadFields,
    responses(
        (status = 200, body = LoadBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "Not now: the run sends no load yet, ends, or is over", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Refused fields; limits hold for the sum of all that is at work", body = ErrorBody),
        (status = 429, description = "Too many from this address in a short time: `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "k6 or the metrics store is missing", body = ErrorBody),
    ),
)]
pub async fn add_load(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Json<LoadBody>, Failure> {
    let run = run_id(id)?;
    let load = state.control.add_load(&caller, &run, LoadFields::draft(body)?).await?;
    Ok(Json(LoadBody { success: true, run, load, correlation_id: caller.correlation_id }))
}

/// Takes added load away before its time. Its k6 ends its iterations first: the run tells when it is over.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}/load/{instance}",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("instance" = String, Path, description = "The number of the k6 that sends it"),
    ),
    responses(
        (status = 200, body = LoadBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is over already", body = ErrorBody),
        (status = 503, description = "Its k6 can't be reached: it is tried again until it can", body = ErrorBody),
    ),
)]
pub async fn remove_load(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path((id, instance)): Path<(String, String)>,
) -> Result<Json<LoadBody>, Failure> {
    let run = run_id(id)?;
    let unknown = |_| ApiError::NotFound { what: format!("added load {} of run {run}", shortened(&instance)) };
    let instance = instance.parse::<u32>().map_err(unknown)?;
    let load = state.control.remove_load(&caller, &run, instance).await?;
    Ok(Json(LoadBody { success: true, run, load, correlation_id: caller.correlation_id }))
}

/// Makes a run the baseline of its target, in place of any other: later runs are held against it.
#[utoipa::path(
    put,
    path = "/api/v1/runs/{id}/baseline",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = RunBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is at work", body = ErrorBody),
    ),
)]
pub async fn make_baseline(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Failure> {
    let run = state.control.set_baseline(&caller, &run_id(id)?, true).await?;
    Ok(RunBody::told(run, caller))
}

/// Makes a run the baseline of its target no longer.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}/baseline",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = RunBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)),
)]
pub async fn drop_baseline(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Failure> {
    let run = state.control.set_baseline(&caller, &run_id(id)?, false).await?;
    Ok(RunBody::told(run, caller))
}

/// Two to four runs beside each other: every figure of each, and how it differs from the first run's.
#[utoipa::path(
    get,
    path = "/api/v1/runs/compare",
    tag = "runs",
    params(("ids" = String, Query, description = "Two to four run ids, separated by commas")),
    responses(
        (status = 200, body = ComparisonBody),
        (status = 400, description = "`ids` is there twice", body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody),
    ),
)]
pub async fn compare_runs(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(asked): Query<ToCompare>,
) -> Result<Json<ComparisonBody>, Failure> {
    let ids = compare::ids(&asked.ids).map_err(|why| ApiError::Incomparable { why })?;
    let (mut totals, mut details) = (Vec::new(), Vec::new());
    for id in &ids {
        totals.push(state.control.run(&caller, id).await?.totals.unwrap_or_default());
        details.push(state.control.detail(&caller, id).await?);
    }
    let figure = |figure: &Figure| FigureBody::new(*figure, totals.iter().map(|totals| figure.of(totals)).collect());
    let figures = Figure::ALL.iter().map(figure).collect();
    let endpoints = Compared::of(&details.iter().map(Option::as_deref).collect::<Vec<_>>());
    let endpoints = endpoints.into_iter().map(EndpointBody::from).collect();
    Ok(Json(ComparisonBody { success: true, ids, figures, endpoints, correlation_id: caller.correlation_id }))
}

/// How the last runs of a target came out: p95, failed share and request rate of each.
#[utoipa::path(
    get,
    path = "/api/v1/runs/trend",
    tag = "runs",
    params(("target" = String, Query, description = "The target, as the runs name it")),
    responses(
        (status = 200, body = TrendBody),
        (status = 400, description = "No target is named", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn trend_of_runs(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(asked): Query<Trended>,
) -> Result<Json<TrendBody>, Failure> {
    let points = state.control.trend(&caller, asked.target.trim()).await?;
    Ok(Json(TrendBody { success: true, target: asked.target, points, correlation_id: caller.correlation_id }))
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

/// A run in detail: each endpoint, what failed, and the checks that the script counts.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/detail",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = DetailBody), (status = 404, body = ErrorBody)),
)]
pub async fn detail(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<DetailBody>, Failure> {
    let detail = state.control.detail(&caller, &run_id(id)?).await?;
    Ok(Json(DetailBody {
        success: true,
        detail: detail.map(|detail| Detail::clone(&detail)),
        correlation_id: caller.correlation_id,
    }))
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
    let picture = patient_picture(&state, &caller, id).await?;
    let log = state.control.log(&caller, &picture.run.id).await.unwrap_or_default();
    let sent = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lang = Prefs::from_headers(sent(header::COOKIE), sent(header::ACCEPT_LANGUAGE)).lang;
    let page = page::html(&picture, &log, lang);
    Ok(file("text/html; charset=utf-8", &format!("load-test-{}.html", picture.run.id), page))
}

/// The plan of a run as a file that `ha-dashboard run --plan` takes.
#[utoipa::path(
    get,
    path = "/runs/{id}/plan.yaml",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, description = "YAML, with the names of the form's fields", content_type = "application/yaml", body = Value),
        (status = 404, body = ErrorBody),
    ),
)]
pub async fn run_plan(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let run = state.control.run(&caller, &run_id(id)?).await?;
    let rules = state.control.rules(&caller).await;
    let text = plan_file::write(run.id.as_str(), &Draft::again(&run.plan, run.scenario.as_ref(), &rules));
    Ok(yaml(&format!("plan-{}.yaml", run.id), text))
}

/// The last lines of the log of our own Prometheus; none for an external store.
#[utoipa::path(get, path = "/api/v1/prometheus/log", tag = "metrics", responses((status = 200, body = LogBody)))]
pub async fn prometheus_log(State(state): State<HttpState>, Asking(caller): Asking) -> Json<LogBody> {
    let lines = prometheus::child::log_tail(&state.settings.config.state_dir).await;
    Json(LogBody { success: true, lines, correlation_id: caller.correlation_id })
}
