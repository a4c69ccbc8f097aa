//! Request bodies that are a JSON object.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use ha_dashboard::api::error::ApiError;
use serde_json::{Map, Value};

use super::error::{Failure, Problem, shortened};

/// A body that is a JSON object.
pub struct JsonObject(pub Map<String, Value>);

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

/// Refuses a value of the wrong kind, and names what is allowed.
pub fn wrong_kind(name: &str, value: &Value, allowed: &str) -> Failure {
    let value = shortened(&value.to_string());
    ApiError::BadRequest { what: format!("{name}: {value} is not allowed; allowed: {allowed}") }.into()
}

/// A value that may come as a number or as a text; `None`: it is not there.
///
/// # Errors
/// When it is something else.
pub fn text(name: &str, value: Option<Value>) -> Result<Option<String>, Failure> {
    Ok(match value {
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
