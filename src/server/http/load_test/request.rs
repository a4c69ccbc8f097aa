//! What `start` takes, and how it becomes a draft.

use std::collections::BTreeMap;

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        plan::{ALL_SERVICES, Model},
        validate::{self, Draft, Field, FieldError},
    },
};
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
        error::{Failure, FieldBody, Problem},
        json::wrong_kind,
    },
    words,
};

/// The script behind the test type [`words::API`].
const API_SCRIPT: &str = "api-load-test.js";

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

/// A draft and the words it was asked for with.
pub struct Asked {
    /// What is asked for.
    pub draft: Draft,
    /// The test type as it was named.
    pub test_type: String,
    /// The field that the peak was, or is to be, asked for with.
    peak: &'static str,
}

impl Asked {
    /// Takes what `start` knows out of `fields`; what stays is unknown.
    pub fn take(fields: &mut Map<String, Value>) -> Result<Self, Failure> {
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
        let test_type = take("test_type").unwrap_or_else(|| words::DEFAULT.into());
        let pattern = words::pattern(&test_type).map(|pattern| pattern.name().to_owned());
        let script = take("script").or_else(|| (test_type == words::API).then(|| API_SCRIPT.into()));
        let draft = Draft {
            script: script.unwrap_or_default(),
            target: take("target").unwrap_or_else(|| ALL_SERVICES.into()),
            pattern: pattern.unwrap_or_else(|| test_type.clone()),
            model,
            peak: peak.unwrap_or_default(),
            duration: take("duration").unwrap_or_default(),
            ramp: take("ramp").unwrap_or_default(),
            pre_allocated_vus: take("pre_allocated_vus").unwrap_or_default(),
            max_vus: take("max_vus").unwrap_or_default(),
            thresholds,
        };
        Ok(Self { draft, test_type, peak: peak_field })
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
