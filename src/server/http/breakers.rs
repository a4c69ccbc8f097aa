//! The circuit breakers that services tell of.

use axum::{Json, extract::State};
use ha_dashboard::domain::breaker::Breakers;
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, edge::Asking};

/// Circuit breakers.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakersBody {
    /// Always true.
    success: bool,
    /// All that are known of.
    breakers: Breakers,
    /// Names this request in the log.
    correlation_id: String,
}

/// The circuit breakers that services tell of on their `/metrics`.
#[utoipa::path(
    get,
    path = "/api/v1/circuit-breakers",
    tag = "metrics",
    responses((status = 200, body = BreakersBody)),
)]
pub async fn breakers(State(state): State<HttpState>, Asking(caller): Asking) -> Json<BreakersBody> {
    let breakers = state.control.breakers(&caller).await;
    Json(BreakersBody { success: true, breakers, correlation_id: caller.correlation_id })
}
