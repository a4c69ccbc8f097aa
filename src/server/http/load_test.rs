//! The load-test routes that callers of the former analytics service use, field by field.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header},
};
use ha_dashboard::{
    api::error::ApiError,
    domain::{
        frame::Metric,
        plan::{Model, Pattern, Peak, Shape},
        run::{Run, RunState, Verdict},
        script::ScriptKind,
        validate::{self, Draft, Field, FieldError, Rules},
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, Schema},
    },
};

use super::{
    HttpState,
    edge::Correlation,
    error::{ErrorBody, Failure, FieldBody, Problem, shortened},
};

/// The script behind `test_type: "api"`.
const API_SCRIPT: &str = "api-load-test.js";

/// What the contract calls our patterns; all others keep their names.
const TEST_TYPES: [(&str, Pattern); 4] =
    [("baseline", Pattern::Load), ("spike", Pattern::Spike), ("stress", Pattern::Stress), ("api", Pattern::Load)];

/// Describes what `start` takes, and how much of it is needed.
pub struct StartBody;

impl ToSchema for StartBody {}

impl PartialSchema for StartBody {
    fn schema() -> RefOr<Schema> {
        let needs = |fields: &[&str]| fields.iter().fold(ObjectBuilder::new(), |object, field| object.required(*field));
        let enough = AnyOfBuilder::new()
            .item(needs(&["duration", "target_vus"]))
            .item(needs(&["duration", "rps"]))
            .item(needs(&["script"]))
            .description(Some("A duration and a peak, or a script with its own options."));
        AllOfBuilder::new().item(StartFields::schema()).item(enough).into()
    }
}

/// What `start` takes. Numbers may also come as texts; fields that are not listed are named in `ignored`.
#[derive(ToSchema)]
#[allow(dead_code)]
struct StartFields {
    /// The whole test, ramps included: seconds, or a text like `5m`.
    #[schema(value_type = Option<Value>)]
    duration: Option<Value>,
    /// The peak: VUs, or with `model: "arrival-rate"` iterations per second.
    #[schema(value_type = Option<u32>)]
    rps: Option<Value>,
    /// The peak in VUs; wins over `rps` in the closed model.
    #[schema(value_type = Option<u32>)]
    target_vus: Option<Value>,
    /// A service's name or `all-services`, the default.
    target: Option<String>,
    /// `baseline` (the default), `spike`, `stress`, `api`, or a pattern's own name.
    test_type: Option<String>,
    /// A script's file name; else the first that takes our schedule.
    script: Option<String>,
    /// `vus` (the default): the peak counts VUs; `arrival-rate`: it counts iterations started per second.
    model: Option<String>,
    /// First ramp up and last ramp down, like `duration`; else the pattern's own share.
    #[schema(value_type = Option<Value>)]
    ramp: Option<Value>,
    /// Open model: VUs made before the start.
    #[schema(value_type = Option<u32>)]
    pre_allocated_vus: Option<Value>,
    /// Open model: most VUs.
    #[schema(value_type = Option<u32>)]
    max_vus: Option<Value>,
    /// Rules in k6's words, for example `http_req_duration:p(95)<500`.
    thresholds: Option<Vec<String>>,
}

/// What is asked of k6.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Configuration {
    /// Seconds, ramps included.
    duration: u32,
    /// Most VUs.
    target_vus: u32,
    /// A service's name or `all-services`.
    target_service: String,
    /// `baseline`, `spike`, `stress`, `api`, a pattern's own name, or `own` for a script with its own options.
    test_type: String,
    /// The script's file name.
    script_file: String,
    /// `vus` or `arrival-rate`; null for a script with its own options.
    model: Option<&'static str>,
    /// Most iterations started per second, open model only.
    target_rate: Option<u32>,
}

/// A started test.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedBody {
    /// Always true.
    success: bool,
    /// Always `started`.
    status: &'static str,
    /// The run's id.
    test_id: String,
    /// For people.
    message: String,
    /// What is asked of k6.
    configuration: Configuration,
    /// Seconds.
    expected_duration: u32,
    /// Fields of the request that mean nothing here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A stopped test.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoppedBody {
    /// Always true.
    success: bool,
    /// Always `stopped`.
    status: &'static str,
    /// The run's id.
    test_id: String,
    /// For people.
    message: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// How the test is.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusBody {
    /// Always true.
    success: bool,
    /// `idle`: none yet; `running`; `completed`: the last one is over.
    status: &'static str,
    /// Whether a test is at work.
    running: bool,
    /// VUs at work; 0 when no test is, null while none were measured.
    #[schema(required = true)]
    current_vus: Option<f64>,
    /// Whether there are measured values now.
    metrics_available: bool,
    /// The run's id; null when idle.
    #[schema(required = true)]
    test_id: Option<String>,
    /// Tests at work: 0 or 1.
    active_tests: u32,
    /// Percent, 0–100.
    progress: f64,
    /// Seconds since k6 began to send load.
    elapsed_time: f64,
    /// Seconds left; 0 when over.
    remaining_time: Option<f64>,
    /// What is asked of k6; null when idle.
    #[schema(required = true)]
    configuration: Option<Configuration>,
    /// Whether a k6 of ours is at work.
    is_k6_running: bool,
    /// `passed`, `failed`, `stopped`, `cancelled`, `crashed`, `timed-out`; null before the end.
    #[schema(required = true)]
    verdict: Option<&'static str>,
    /// For people.
    message: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// The patterns and scripts there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenariosBody {
    /// Always true.
    success: bool,
    /// The patterns.
    scenarios: Vec<Scenario>,
    /// The scripts.
    scripts: Vec<ScriptBody>,
    /// What `target` may be.
    targets: Vec<String>,
    /// The bounds.
    limits: LimitsBody,
    /// Names this request in the log.
    correlation_id: String,
}

/// A pattern.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scenario {
    /// Its name, which `test_type` takes.
    name: &'static str,
    /// Its other names.
    test_types: Vec<&'static str>,
    /// What it is for.
    description: &'static str,
    /// The models it goes with.
    models: Vec<&'static str>,
}

/// A script.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptBody {
    /// Its file name, which `script` takes.
    name: String,
    /// `scheduled`: takes our schedule; `own`: has its own options; `pending`: k6 is still looking at it; `broken`: k6 refuses
    /// it.
    kind: &'static str,
    /// k6's message where it refuses the script.
    #[schema(required = true)]
    message: Option<String>,
}

/// The bounds of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// Most VUs.
    max_vus: u32,
    /// Most iterations per second.
    max_rate: u32,
    /// Longest test in seconds.
    max_duration: u32,
}

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
        (status = 503, description = "k6 or the metrics store is missing", body = ErrorBody),
    ),
)]
pub async fn start(
    State(state): State<HttpState>,
    Correlation(correlation_id): Correlation,
    JsonObject(mut fields): JsonObject,
) -> Result<Json<StartedBody>, Failure> {
    let asked = take_draft(&mut fields)?;
    let test_type = asked.test_type;
    let mut draft = asked.draft;
    if draft.script.is_empty() {
        draft.script = Draft::suggested(&state.control.settled_rules().await).script;
    }
    let started = state.control.start(draft, correlation_id.clone()).await;
    let run = started.map_err(|error| in_the_requests_words(error, asked.peak))?;
    let mut configuration = configuration(&run);
    if configuration.model.is_some() {
        configuration.test_type = test_type;
    }
    Ok(Json(StartedBody {
        success: true,
        status: "started",
        test_id: run.id.to_string(),
        message: format!("Load test {} started against {}", run.id, run.plan.target),
        configuration,
        expected_duration: run.duration_s(),
        ignored: fields.into_iter().map(|(name, _)| shortened(&name)).take(20).collect(),
        correlation_id,
    }))
}

/// Stops the load test. k6 ends its iterations first: the status tells when it is over.
#[utoipa::path(
    post,
    path = "/api/v1/analytics/load-test/stop",
    tag = "load-test",
    responses((status = 200, body = StoppedBody), (status = 409, description = "No test is at work", body = ErrorBody)),
)]
pub async fn stop(
    State(state): State<HttpState>,
    Correlation(correlation_id): Correlation,
) -> Result<Json<StoppedBody>, Failure> {
    let run = state.control.stop(correlation_id.clone()).await?;
    let message = format!("Load test {} is told to stop", run.id);
    Ok(Json(StoppedBody { success: true, status: "stopped", test_id: run.id.to_string(), message, correlation_id }))
}

/// How the load test is.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/load-test/status",
    tag = "load-test",
    responses((status = 200, body = StatusBody)),
)]
pub async fn status(State(state): State<HttpState>, Correlation(correlation_id): Correlation) -> Json<StatusBody> {
    let page = state.control.brief().await;
    let run = page.status.run.as_ref();
    let active = run.is_some_and(|run| run.state.is_active());
    let vus = page.frame.get(Metric::Vus);
    let done = page.frame.get(Metric::IterationCount);
    Json(StatusBody {
        success: true,
        status: match run {
            None => "idle",
            Some(_) if active => "running",
            Some(_) => "completed",
        },
        running: active,
        current_vus: if active { vus } else { Some(0.0) },
        metrics_available: vus.is_some(),
        test_id: run.map(|run| run.id.to_string()),
        active_tests: u32::from(active),
        progress: run.map_or(0.0, |run| rounded(run.progress(page.now_ms, done) * 100.0)),
        elapsed_time: run.map_or(0.0, |run| rounded(run.elapsed_s(page.now_ms))),
        remaining_time: run.map_or(Some(0.0), |run| run.remaining_s(page.now_ms)).map(rounded),
        configuration: run.map(configuration),
        is_k6_running: active,
        verdict: run.and_then(|run| match &run.state {
            RunState::Finished(verdict) => Some(verdict_name(verdict)),
            _ => None,
        }),
        message: run.map_or_else(|| "No load test has been started yet".into(), message),
        correlation_id,
    })
}

/// The patterns and scripts there are.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/load-test/scenarios",
    tag = "load-test",
    responses((status = 200, body = ScenariosBody)),
)]
pub async fn scenarios(
    State(state): State<HttpState>,
    Correlation(correlation_id): Correlation,
) -> Json<ScenariosBody> {
    let rules = state.control.rules().await;
    Json(ScenariosBody {
        success: true,
        scenarios: Pattern::ALL.into_iter().map(scenario).collect(),
        scripts: scripts(&rules),
        targets: rules.targets(),
        limits: LimitsBody {
            max_vus: rules.limits.max_vus,
            max_rate: rules.limits.max_rate,
            max_duration: rules.limits.max_duration_s,
        },
        correlation_id,
    })
}

fn scenario(pattern: Pattern) -> Scenario {
    Scenario {
        name: pattern.name(),
        test_types: TEST_TYPES.iter().filter(|(_, p)| *p == pattern).map(|(name, _)| *name).collect(),
        description: match pattern {
            Pattern::Smoke => "A few VUs, to see that everything works",
            Pattern::Load => "Up to the expected peak, hold, down",
            Pattern::Stress => "In steps up to the peak",
            Pattern::Spike => "A sudden jump to the peak, and back",
            Pattern::Soak => "The peak for a long time",
            Pattern::Breakpoint => "A steady climb to the peak, to find where the stack gives in",
        },
        models: Model::ALL.into_iter().filter(|model| pattern.allows(*model)).map(Model::name).collect(),
    }
}

fn scripts(rules: &Rules) -> Vec<ScriptBody> {
    let body = |script: &ha_dashboard::domain::script::Script| {
        let (kind, message) = match &script.kind {
            ScriptKind::Scheduled => ("scheduled", None),
            ScriptKind::Own { .. } => ("own", None),
            ScriptKind::Pending => ("pending", None),
            ScriptKind::Broken { message } => ("broken", Some(message.clone())),
        };
        ScriptBody { name: script.name.clone(), kind, message }
    };
    rules.scripts.iter().map(body).collect()
}

fn configuration(run: &Run) -> Configuration {
    let (target_vus, test_type, model, target_rate) = match run.plan.shape {
        Shape::Own { max_vus, .. } => (max_vus, "own", None, None),
        Shape::Pattern { pattern, peak, .. } => {
            let known = TEST_TYPES.iter().find(|(_, p)| *p == pattern).map_or(pattern.name(), |(name, _)| name);
            let rate = match peak {
                Peak::ArrivalRate { rate, .. } => Some(rate),
                Peak::Vus { .. } => None,
            };
            (peak.max_vus(), known, Some(peak.model().name()), rate)
        }
    };
    Configuration {
        duration: run.duration_s(),
        target_vus,
        target_service: run.plan.target.clone(),
        test_type: test_type.into(),
        script_file: run.plan.script.clone(),
        model,
        target_rate,
    }
}

/// A verdict's name on the wire.
pub fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Stopped => "stopped",
        Verdict::Cancelled => "cancelled",
        Verdict::Crashed { .. } => "crashed",
        Verdict::TimedOut => "timed-out",
    }
}

fn message(run: &Run) -> String {
    let what = match &run.state {
        RunState::Starting => "is starting".into(),
        RunState::Running => "is running".into(),
        RunState::Stopping => "is stopping".into(),
        RunState::Finished(Verdict::Passed) => "passed: every threshold held".into(),
        RunState::Finished(Verdict::Failed) => "failed: a threshold was crossed".into(),
        RunState::Finished(Verdict::Stopped) => "was stopped".into(),
        RunState::Finished(Verdict::Cancelled) => "was stopped before it sent any load".into(),
        RunState::Finished(Verdict::Crashed { message, .. }) => format!("crashed: {message}"),
        RunState::Finished(Verdict::TimedOut) => "was ended because it was past its deadline".into(),
    };
    format!("Load test {} {what}", run.id)
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A draft and the words it was asked for with.
struct Asked {
    draft: Draft,
    test_type: String,
    /// The field that the peak was, or is to be, asked for with.
    peak: &'static str,
}

/// Names refused fields and what is allowed as the contract does.
fn in_the_requests_words(error: ApiError, peak: &'static str) -> Failure {
    let ApiError::Invalid { errors } = error else { return error.into() };
    let named = |mut error: FieldError| {
        let field = match error.field {
            Field::Peak => peak,
            Field::Pattern => "test_type",
            field => field.name(),
        };
        if let (Field::Pattern, validate::Problem::NotOneOf { allowed }) = (error.field, &mut error.problem) {
            let others = Pattern::ALL.iter().map(|pattern| pattern.name());
            let others = others.filter(|name| TEST_TYPES.iter().all(|(test_type, _)| test_type != name));
            *allowed = TEST_TYPES.iter().map(|(name, _)| *name).chain(others).map(str::to_owned).collect();
        }
        FieldBody::new(error, field)
    };
    Problem::invalid(errors.into_iter().map(named).collect()).into()
}

/// Takes what `start` knows out of `fields`; what stays is unknown.
fn take_draft(fields: &mut Map<String, Value>) -> Result<Asked, Failure> {
    let mut texts = BTreeMap::new();
    for name in [
        "duration",
        "rps",
        "target_vus",
        "target",
        "test_type",
        "script",
        "model",
        "ramp",
        "pre_allocated_vus",
        "max_vus",
    ] {
        if let Some(text) = take_text(fields, name)? {
            texts.insert(name, text);
        }
    }
    let thresholds = take_thresholds(fields)?;
    let mut take = |name| texts.remove(name);

    let model = take("model").unwrap_or_else(|| Model::Vus.name().into());
    let (rps, target_vus) = (take("rps"), take("target_vus"));
    let (rps, target_vus) = (("rps", rps), ("target_vus", target_vus));
    let (first, second) = if model == Model::ArrivalRate.name() { (rps, target_vus) } else { (target_vus, rps) };
    let (peak_field, peak) = if first.1.is_none() && second.1.is_some() { second } else { first };
    let test_type = take("test_type").unwrap_or_else(|| "baseline".into());
    let pattern = TEST_TYPES.iter().find(|(name, _)| *name == test_type).map(|(_, pattern)| pattern.name().to_owned());
    let script = take("script").or_else(|| (test_type == "api").then(|| API_SCRIPT.into()));
    let draft = Draft {
        script: script.unwrap_or_default(),
        target: take("target").unwrap_or_else(|| ha_dashboard::domain::plan::ALL_SERVICES.into()),
        pattern: pattern.unwrap_or_else(|| test_type.clone()),
        model,
        peak: peak.unwrap_or_default(),
        duration: take("duration").unwrap_or_default(),
        ramp: take("ramp").unwrap_or_default(),
        pre_allocated_vus: take("pre_allocated_vus").unwrap_or_default(),
        max_vus: take("max_vus").unwrap_or_default(),
        thresholds,
    };
    Ok(Asked { draft, test_type, peak: peak_field })
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Failure> {
    Ok(match fields.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        // 60.0 is a way to write 60 in JSON.
        Some(Value::Number(number)) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => Some(format!("{float:.0}")),
            _ => Some(number.to_string()),
        },
        Some(other) => return Err(wrong_kind(name, &other, "a number or a text")),
    })
}

fn take_thresholds(fields: &mut Map<String, Value>) -> Result<String, Failure> {
    const ALLOWED: &str = "a list of texts like \"http_req_duration:p(95)<500\"";
    match fields.remove("thresholds") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(items)) => {
            let lines: Result<Vec<_>, _> = (items.iter())
                .map(|item| item.as_str().ok_or_else(|| wrong_kind("thresholds", item, ALLOWED)))
                .collect();
            Ok(lines?.join("\n"))
        }
        Some(other) => Err(wrong_kind("thresholds", &other, ALLOWED)),
    }
}

fn wrong_kind(name: &str, value: &Value, allowed: &str) -> Failure {
    let value = shortened(&value.to_string());
    ApiError::BadRequest { what: format!("{name}: {value} is not allowed; allowed: {allowed}") }.into()
}

/// A body that is a JSON object.
pub struct JsonObject(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                format!("content-type: {:?} is not allowed; allowed: application/json", shortened(kind)),
            )
            .into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.status();
            Problem::new(
                status,
                if status == StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "bad_request" },
                rejection.body_text(),
            )
        })?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => Err(wrong_kind("the body", &other, "a JSON object")),
            Err(error) => Err(ApiError::BadRequest { what: format!("the body is not JSON: {error}") }.into()),
        }
    }
}
