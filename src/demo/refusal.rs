//! How the demo services say no.

use axum::{Json, http::StatusCode};
use serde_json::{Value, json};

/// An answer without what was asked for.
pub type Refusal = (StatusCode, Json<Value>);

/// Says why.
pub fn refusal(status: StatusCode, error: &str) -> Refusal {
    (status, Json(json!({ "error": error })))
}
