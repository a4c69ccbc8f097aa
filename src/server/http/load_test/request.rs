//! What `start` takes, and how it becomes a draft.

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        plan::{ALL_SERVICES, Model},
        validate::{self, Draft, Field, FieldError},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, Schema},
    },
};

use super::{
    super::{
        error::{Failure, FieldBody, Problem, shortened},
        json::{text, wrong_kind},
    },
    words,
};

/// The script behind the test type [`words::API`].
const API_SCRIPT: &str = "api-load-test.js";

/// Most fields without a meaning that an answer names.
const IGNORED: usize = 20;

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
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct StartFields {
    /// The whole test, ramps included: seconds, or a text like `5m`.
    duration: Option<Value>,
    /// The peak: VUs, or with `model: "arrival-rate"` iterations per second.
    #[schema(value_type = Option<u32>)]
    rps: Option<Value>,
    /// The peak in VUs; wins over `rps` in the closed model.
    #[schema(value_type = Option<u32>)]
    target_vus: Option<Value>,
    /// A service's name, `all-services`, the default, or `all-but-dashboard`: all but this one.
    #[schema(value_type = Option<String>)]
    target: Option<Value>,
    /// `baseline` (the default), `spike`, `stress`, `api`, or a pattern's own name.
    #[schema(value_type = Option<String>)]
    test_type: Option<Value>,
    /// A script's file name; else the first that takes our schedule.
    #[schema(value_type = Option<String>)]
    script: Option<Value>,
    /// `vus` (the default): the peak counts VUs; `arrival-rate`: it counts iterations started per second.
    #[schema(value_type = Option<String>)]
    model: Option<Value>,
    /// First ramp up and last ramp down, like `duration`; else the pattern's own share.
    ramp: Option<Value>,
    /// Open model: VUs made before the start.
    #[schema(value_type = Option<u32>)]
    pre_allocated_vus: Option<Value>,
    /// Open model: most VUs.
    #[schema(value_type = Option<u32>)]
    max_vus: Option<Value>,
    /// Rules in k6's words, for example `http_req_duration:p(95)<500`.
    #[schema(value_type = Option<Vec<String>>)]
    thresholds: Option<Value>,
    /// How long a request may take, like `duration`, from 1 to 60 s; else 3 s.
    request_timeout: Option<Value>,
    /// What stops it by itself when it lasts, for example `failed > 20 % for 10 s`, `p95 > 2 s for 15 s` or `cpu > 90 % for 15 s`, which
    /// is the load generator's.
    #[schema(value_type = Option<Vec<String>>)]
    stop_when: Option<Value>,
    /// By how much it may be worse than the baseline of its target, for example `p95 not worse than baseline by more than 10 %`, in short
    /// `p95 10 %`.
    #[schema(value_type = Option<Vec<String>>)]
    regression: Option<Value>,
    /// Faults beside the load: the file name of a scenario from `GET /api/v1/scenarios`, or the scenario itself, as an object or
    /// as YAML of several lines.
    scenario: Option<Value>,
    /// What means nothing here.
    #[serde(flatten)]
    #[schema(ignore)]
    ignored: Map<String, Value>,
}

/// A draft and the words it was asked for with.
pub struct Asked {
    /// What is asked for.
    pub draft: Draft,
    /// The test type as it was named.
    pub test_type: String,
    /// Fields of the request that mean nothing here, so many as are named.
    pub ignored: Vec<String>,
    /// The field that the peak was, or is to be, asked for with.
    peak: &'static str,
}

impl Asked {
    /// Reads the body of `start`.
    pub fn read(body: Map<String, Value>) -> Result<Self, Failure> {
        let fields: StartFields = serde_json::from_value(Value::Object(body))
            .map_err(|error| ApiError::BadRequest { what: format!("the body can't be read: {error}") })?;
        let duration = text("duration", fields.duration)?;
        let (rps, target_vus) = (text("rps", fields.rps)?, text("target_vus", fields.target_vus)?);
        let target = text("target", fields.target)?;
        let test_type = text("test_type", fields.test_type)?;
        let script = text("script", fields.script)?;
        let model = text("model", fields.model)?;
        let ramp = text("ramp", fields.ramp)?;
        let pre_allocated_vus = text("pre_allocated_vus", fields.pre_allocated_vus)?;
        let max_vus = text("max_vus", fields.max_vus)?;
        let thresholds = lines("thresholds", fields.thresholds, "http_req_duration:p(95)<500")?;
        let request_timeout = text("request_timeout", fields.request_timeout)?;
        let stop_when = lines("stop_when", fields.stop_when, "failed > 20 % for 10 s")?;
        let regression = lines("regression", fields.regression, "p95 10 %")?;
        let (scenario, scenario_text) = scenario(fields.scenario)?;

        let model = model.unwrap_or_else(|| Model::Vus.name().into());
        let (rps, target_vus) = (("rps", rps), ("target_vus", target_vus));
        let (first, second) = if model == Model::ArrivalRate.name() { (rps, target_vus) } else { (target_vus, rps) };
        let (peak_field, peak) = if first.1.is_none() && second.1.is_some() { second } else { first };
        let test_type = test_type.unwrap_or_else(|| words::DEFAULT.into());
        let pattern = words::pattern(&test_type).map(|pattern| pattern.name().to_owned());
        let script = script.or_else(|| (test_type == words::API).then(|| API_SCRIPT.into()));
        let draft = Draft {
            script: script.unwrap_or_default(),
            target: target.unwrap_or_else(|| ALL_SERVICES.into()),
            pattern: pattern.unwrap_or_else(|| test_type.clone()),
            model,
            peak: peak.unwrap_or_default(),
            duration: duration.unwrap_or_default(),
            ramp: ramp.unwrap_or_default(),
            pre_allocated_vus: pre_allocated_vus.unwrap_or_default(),
            max_vus: max_vus.unwrap_or_default(),
            thresholds,
            request_timeout: request_timeout.unwrap_or_default(),
            stop_when,
            regression,
            scenario,
            scenario_text,
        };
        let ignored = fields.ignored.keys().map(|name| shortened(name)).take(IGNORED).collect();
        Ok(Self { draft, test_type, ignored, peak: peak_field })
    }

    /// Names refused fields and what is allowed as the contract does.
    pub fn failure(&self, error: ApiError) -> Failure {
        let ApiError::Invalid { errors } = error else { return error.into() };
        let named = |mut error: FieldError| {
            let field = match error.field {
                Field::Peak => self.peak,
                Field::Pattern => "test_type",
                field => field.name(),
            };
            if let (Field::Pattern, validate::Problem::NotOneOf { allowed }) = (error.field, &mut error.problem) {
                *allowed = words::all();
            }
            FieldBody::new(error, field)
        };
        Problem::invalid(errors.into_iter().map(named).collect()).into()
    }
}

/// A scenario's file name, or its text. JSON is YAML, too.
fn scenario(value: Option<Value>) -> Result<(String, String), Failure> {
    match value {
        None | Some(Value::Null) => Ok(Default::default()),
        Some(Value::String(text)) if text.trim().contains('\n') => Ok((String::new(), text)),
        Some(Value::String(file)) => Ok((file, String::new())),
        Some(object @ Value::Object(_)) => Ok((String::new(), object.to_string())),
        Some(other) => Err(wrong_kind("scenario", &other, "a scenario's file name, an object, or YAML")),
    }
}

/// A list of texts, each a line; or a text of them.
fn lines(field: &str, value: Option<Value>, example: &str) -> Result<String, Failure> {
    let allowed = || format!("a list of texts like {example:?}");
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(items)) => {
            let lines: Result<Vec<_>, _> =
                (items.iter()).map(|item| item.as_str().ok_or_else(|| wrong_kind(field, item, &allowed()))).collect();
            Ok(lines?.join("\n"))
        }
        Some(other) => Err(wrong_kind(field, &other, &allowed())),
    }
}
