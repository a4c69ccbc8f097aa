//! What makes a demo service's answers believable: they take time, more when a knob says so, and fail when one says so. Other
//! knobs let the service use up its machine.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use ha_dashboard::domain::Millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::pressure::{Presser, Pressure};
use crate::server::{clock::now_ms, http::guard::asks_no_foreign_name};

/// Most latency a knob may add, in ms.
const MOST_LATENCY_MS: u32 = 60_000;

/// Median of the time that an answer takes by nature, in ms.
const MEDIAN_MS: f64 = 4.0;

/// Spread of that time: one answer in twenty takes over twice the median.
const SPREAD: f64 = 0.5;

/// What can be turned, for demos and tests.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Added to every answer, in ms.
    latency_ms: u32,
    /// Added on top at random, up to this many ms.
    jitter_ms: u32,
    /// Share of answers that fail with 503, 0–1.
    error_share: f64,
    /// Cores that are used up beside the work.
    cpu: f64,
    /// Memory that is held beside the work, in MiB.
    memory_mb: u32,
    /// What is written to the disk beside the work, in MiB a second.
    disk_mb_s: u32,
    /// When the last three end, in ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<Millis>,
}

impl Knobs {
    fn pressure(self) -> Pressure {
        let Self { cpu, memory_mb, disk_mb_s, until_ms, .. } = self;
        Pressure { cpu, memory_mb, disk_mb_s, until_ms }
    }

    fn with(self, pressure: Pressure) -> Self {
        let Pressure { cpu, memory_mb, disk_mb_s, until_ms } = pressure;
        Self { cpu, memory_mb, disk_mb_s, until_ms, ..self }
    }
}

/// A service's knobs.
#[derive(Debug, Default)]
pub struct Work {
    knobs: RwLock<Knobs>,
    presser: Presser,
}

impl Work {
    fn knobs(&self) -> Knobs {
        *self.knobs.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a request take its time, then handles it or lets it fail.
pub async fn take_time(State(work): State<Arc<Work>>, request: Request, next: Next) -> Response {
    let knobs = work.knobs();
    let jitter = if knobs.jitter_ms == 0 { 0.0 } else { rand::random_range(0.0..=f64::from(knobs.jitter_ms)) };
    tokio::time::sleep(Duration::from_secs_f64((natural_ms() + f64::from(knobs.latency_ms) + jitter) / 1000.0)).await;
    if rand::random::<f64>() < knobs.error_share {
        let body = Json(json!({ "error": "the error_share knob let this request fail" }));
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    next.run(request).await
}

/// Log-normal, as real services' times roughly are, by the Box–Muller transform.
fn natural_ms() -> f64 {
    let (u, v) = (1.0 - rand::random::<f64>(), rand::random::<f64>());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    (MEDIAN_MS * (SPREAD * normal).exp()).min(MEDIAN_MS * 10.0)
}

/// The routes for the knobs.
pub fn knobs(work: Arc<Work>) -> Router {
    Router::new().route("/knobs", get(show).put(turn)).with_state(work)
}

async fn show(State(work): State<Arc<Work>>) -> Json<Knobs> {
    Json(work.knobs().with(work.presser.now()))
}

async fn turn(
    State(work): State<Arc<Work>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(knobs): Json<Knobs>,
) -> Response {
    let refused = |status, error: &str| (status, Json(json!({ "error": error }))).into_response();
    if !caller.ip().to_canonical().is_loopback() {
        return refused(StatusCode::FORBIDDEN, "knobs can only be turned from the service's own machine");
    }
    // The caller's machine is ours when a browser here follows a foreign name that was made to point here.
    if !asks_no_foreign_name(&headers) {
        return refused(StatusCode::FORBIDDEN, "knobs can only be turned by the service's IP address, or as localhost");
    }
    if knobs.latency_ms > MOST_LATENCY_MS || knobs.jitter_ms > MOST_LATENCY_MS {
        let error = format!("latency_ms and jitter_ms must be whole numbers from 0 to {MOST_LATENCY_MS}");
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &error);
    }
    if !(0.0..=1.0).contains(&knobs.error_share) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "error_share must be a number from 0 to 1");
    }
    let pressure = knobs.pressure();
    if let Err(error) = pressure.check(now_ms()) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &error);
    }
    *work.knobs.write().unwrap_or_else(PoisonError::into_inner) = knobs;
    let presses = Arc::clone(&work);
    let pressed = tokio::task::spawn_blocking(move || presses.presser.press(pressure)).await;
    if let Err(error) = pressed.map_err(std::io::Error::other).flatten() {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, &format!("the system refuses: {error}"));
    }
    tracing::info!(?knobs, "turned");
    show(State(work)).await.into_response()
}
