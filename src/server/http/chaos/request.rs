//! What `start` takes, and how it becomes a draft of a fault.

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        fault::{FaultDraft, FaultField, FaultKind},
        validate::{self, FieldError, FieldName},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    super::{
        error::{Failure, FieldBody, Problem, shortened},
        json::{text, wrong_kind},
    },
    words,
};

/// Most fields without a meaning that an answer names.
const IGNORED: usize = 20;

/// Most characters of an id that a caller gives.
const LONGEST_NAME: usize = 64;

/// What `start` takes. Numbers may also come as texts; fields that are not listed are named in `ignored`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct ChaosFields {
    /// `latency`, `cpu_stress`, `memory_stress`, `disk_io`, `network_partition`, `error_injection`, or a fault's own name:
    /// `GET /api/v1/chaos/experiments` lists what can be.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Option<Value>,
    /// A service's name: all of its replicas are hit; or a replica's: only that one.
    #[schema(value_type = String)]
    service: Option<Value>,
    /// Seconds, or a text like `1m30s`; not there: until it is stopped, or the longest time is over.
    #[schema(value_type = Option<u32>)]
    duration: Option<Value>,
    /// How much of it, 1–10; 5 where it is not said.
    #[schema(value_type = Option<u8>)]
    intensity: Option<Value>,
    /// An id for it: 1–64 letters, digits, `-`, `_` and `.`; else it gets one.
    #[serde(rename = "experimentId")]
    #[schema(value_type = Option<String>)]
    experiment_id: Option<Value>,
    /// Whether it may leave the service without a replica.
    #[schema(value_type = Option<bool>)]
    even_last: Option<Value>,
    /// What means nothing here.
    #[serde(flatten)]
    #[schema(ignore)]
    ignored: Map<String, Value>,
}

/// A draft, and what else was said.
pub struct Asked {
    /// What is asked for.
    pub draft: FaultDraft,
    /// The id that the caller wants to know it by.
    pub name: Option<String>,
    /// Fields of the request that mean nothing here, so many as are named.
    pub ignored: Vec<String>,
}

impl Asked {
    /// Reads the body of `start`.
    pub fn read(body: Map<String, Value>) -> Result<Self, Failure> {
        let fields: ChaosFields = serde_json::from_value(Value::Object(body)).map_err(|error| {
            ApiError::BadRequest { what: format!("the body can't be read: {}", shortened(&error.to_string())) }
        })?;
        let read = |name, value| text(name, value).map(Option::unwrap_or_default);
        let kind = read("type", fields.kind)?;
        let draft = FaultDraft {
            kind: words::kind(&kind).map_or(kind, |kind| kind.name().into()),
            service: read("service", fields.service)?,
            intensity: read("intensity", fields.intensity)?,
            duration: read("duration", fields.duration)?,
            even_last: match fields.even_last {
                None | Some(Value::Null) => false,
                Some(Value::Bool(even_last)) => even_last,
                Some(other) => return Err(wrong_kind("even_last", &other, "true or false")),
            },
            ..FaultDraft::default()
        };
        let name = text("experimentId", fields.experiment_id)?.map(name).transpose()?;
        let ignored = fields.ignored.keys().map(|name| shortened(name)).take(IGNORED).collect();
        Ok(Self { draft, name, ignored })
    }
}

fn name(text: String) -> Result<String, Failure> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text);
    }
    Err(wrong_kind("experimentId", &Value::String(text), "1 to 64 letters, digits, -, _ and ."))
}

/// Names refused fields and what is allowed as the contract does.
pub fn failure(error: ApiError) -> Failure {
    let ApiError::InvalidFault { errors } = error else { return error.into() };
    let named = |mut error: FieldError<FaultField>| {
        let field = match error.field {
            FaultField::Kind => "type",
            field => field.name(),
        };
        if let (FaultField::Kind, validate::Problem::NotOneOf { allowed }) = (error.field, &mut error.problem) {
            for name in allowed {
                if let Some(kind) = FaultKind::from_name(name) {
                    words::word(kind).clone_into(name);
                }
            }
        }
        if let (FaultField::Kind, Some(kind)) = (error.field, FaultKind::from_name(&error.value)) {
            words::word(kind).clone_into(&mut error.value);
        }
        FieldBody::new(error, field)
    };
    Problem::invalid(errors.into_iter().map(named).collect()).into()
}
