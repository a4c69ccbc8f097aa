//! How the dashboard is, for load balancers and people.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use ha_dashboard::domain::{
    live::{EngineStatus, MetricsStatus, Status},
    service::{Health, ReplicaStatus, ServiceStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, edge::Asking};
use crate::server::clock::now_text;

/// The name under which the dashboard is known to its callers.
const NAME: &str = ha_dashboard::domain::plan::DASHBOARD_SERVICE;

/// In short.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// `healthy`: everything needed for a test is there; `degraded`: something is missing, see `dependencies`.
    status: &'static str,
    /// Always `analytics-service`.
    service: &'static str,
    /// The program's version.
    version: &'static str,
    /// Each dependency's state: `healthy`, `degraded`, `unhealthy` or `unknown`.
    dependencies: BTreeMap<String, &'static str>,
    /// When, as RFC 3339 in UTC.
    timestamp: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// In detail.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailedBody {
    /// As in `/health`.
    status: &'static str,
    /// Always `analytics-service`.
    service: &'static str,
    /// The program's version.
    version: &'static str,
    /// Each dependency.
    dependencies: BTreeMap<String, Dependency>,
    /// When, as RFC 3339 in UTC.
    timestamp: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// A dependency in detail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependency {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    status: &'static str,
    /// What is known, or what is wrong and what to do.
    message: String,
    /// How long the last probe took, in seconds; null where nothing was measured.
    response_time: Option<f64>,
    /// Of a service with replicas: each of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    replicas: BTreeMap<String, ReplicaBody>,
}

/// A replica in detail.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplicaBody {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`, asked the way its callers take.
    status: &'static str,
    /// How long the last probe took, in seconds; null where nothing was measured.
    response_time: Option<f64>,
    /// `starting`, `running`, `frozen`, `held` or `ended`; null where nobody here runs it.
    process: Option<&'static str>,
    /// Its exit code, where its process has ended by itself; null where it runs, or a signal ended it.
    exit_code: Option<i32>,
    /// How many times its process was started again; null where nobody here runs it.
    restarts: Option<u32>,
    /// Whether the gateway sends requests there; null where there is none, or it does not answer.
    gateway: Option<bool>,
    /// Its share of the service's requests in the last ten seconds, 0 to 1; null where there was hardly any traffic.
    traffic_share: Option<f64>,
}

impl ReplicaBody {
    fn of(one: &ReplicaStatus) -> Self {
        Self {
            status: word(&one.health),
            response_time: seconds(&one.health),
            process: one.process.as_ref().map(|process| process.state.name()),
            exit_code: one.process.as_ref().and_then(|process| process.code),
            restarts: one.process.as_ref().map(|process| process.restarts),
            gateway: one.gateway.as_ref().map(|word| word.up),
            traffic_share: one.gateway.as_ref().and_then(|word| word.share),
        }
    }
}

fn seconds(health: &Health) -> Option<f64> {
    match health {
        Health::Up { latency_ms } => Some(latency_ms / 1000.0),
        Health::Unknown | Health::Degraded { .. } | Health::Down { .. } => None,
    }
}

/// Whether a test could be started.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadyBody {
    /// Whether k6 and the metrics store are there, and what a run leaves can be kept.
    ready: bool,
    /// `ready` or `not_ready`.
    status: &'static str,
    /// The states of k6, the metrics store and the state folder.
    dependencies: BTreeMap<String, &'static str>,
    /// Names this request in the log.
    correlation_id: String,
}

/// Whether the process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveBody {
    /// Always true.
    alive: bool,
    /// Always `alive`.
    status: &'static str,
    /// Names this request in the log.
    correlation_id: String,
}

/// The dashboard's health in short. 200 as long as it answers: a service under test that is down is no reason to restart
/// the dashboard.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = HealthBody)))]
pub async fn health(State(state): State<HttpState>, Asking(caller): Asking) -> Json<HealthBody> {
    // What looks after the dashboard has no login, and is told nothing but whether its parts work.
    let probe = caller.as_program();
    let snapshot = state.control.brief(&probe).await;
    let dependencies = dependencies(&snapshot.status, &state.control.services(&probe).await);
    Json(HealthBody {
        status: overall(&dependencies),
        service: NAME,
        version: env!("CARGO_PKG_VERSION"),
        dependencies: dependencies.into_iter().map(|(name, state)| (name, state.status)).collect(),
        timestamp: now_text(),
        correlation_id: caller.correlation_id,
    })
}

/// The dashboard's health with each dependency in detail.
#[utoipa::path(get, path = "/health/detailed", tag = "health", responses((status = 200, body = DetailedBody)))]
pub async fn detailed(State(state): State<HttpState>, Asking(caller): Asking) -> Json<DetailedBody> {
    let snapshot = state.control.brief(&caller).await;
    let dependencies = dependencies(&snapshot.status, &state.control.services(&caller).await);
    Json(DetailedBody {
        status: overall(&dependencies),
        service: NAME,
        version: env!("CARGO_PKG_VERSION"),
        dependencies,
        timestamp: now_text(),
        correlation_id: caller.correlation_id,
    })
}

/// Whether a test could be started: k6 and the metrics store are there, and what it leaves can be kept.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "health",
    responses((status = 200, body = ReadyBody), (status = 503, description = "k6 or the metrics store is missing, or the state folder takes nothing", body = ReadyBody)),
)]
pub async fn ready(State(state): State<HttpState>, Asking(caller): Asking) -> (StatusCode, Json<ReadyBody>) {
    let snapshot = state.control.brief(&caller.as_program()).await;
    let Status { engine, metrics, storage_problem, .. } = &snapshot.status;
    let ready = engine.ready && metrics.reachable && storage_problem.is_empty();
    let dependencies =
        [("k6", of_engine(engine)), ("prometheus", of_metrics(metrics)), ("storage", of_storage(storage_problem))];
    let body = ReadyBody {
        ready,
        status: if ready { "ready" } else { "not_ready" },
        dependencies: dependencies.into_iter().map(|(name, state)| (name.to_owned(), state.status)).collect(),
        correlation_id: caller.correlation_id,
    };
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/live", tag = "health", responses((status = 200, body = LiveBody)))]
pub async fn alive(Asking(caller): Asking) -> Json<LiveBody> {
    Json(LiveBody { alive: true, status: "alive", correlation_id: caller.correlation_id })
}

fn overall(dependencies: &BTreeMap<String, Dependency>) -> &'static str {
    if dependencies.values().all(|dependency| dependency.status == "healthy") { "healthy" } else { "degraded" }
}

fn dependencies(status: &Status, services: &[ServiceStatus]) -> BTreeMap<String, Dependency> {
    let own = [
        ("k6", of_engine(&status.engine)),
        ("prometheus", of_metrics(&status.metrics)),
        ("storage", of_storage(&status.storage_problem)),
    ];
    let own = own.map(|(name, dependency)| (name.to_owned(), dependency));
    let services = services.iter().map(|state| {
        let dependency = Dependency {
            status: word(&state.health),
            message: match &state.health {
                Health::Unknown => "not probed yet".into(),
                Health::Up { .. } => format!("answers at {}", state.service.url),
                Health::Degraded { status } => format!("answers {status} at {}", asked(state)),
                Health::Down { reason, .. } => format!("{reason} at {}", asked(state)),
            },
            response_time: seconds(&state.health),
            replicas: match state.has_replicas() {
                true => state.replicas.iter().map(|one| (one.replica.name.clone(), ReplicaBody::of(one))).collect(),
                false => BTreeMap::new(),
            },
        };
        (state.service.name.clone(), dependency)
    });
    services.chain(own).collect()
}

/// Where a service is asked for its health.
fn asked(state: &ServiceStatus) -> String {
    format!("{}{}", state.service.url, state.service.health_path)
}

/// A health in the contract's words.
pub fn word(health: &Health) -> &'static str {
    match health {
        Health::Unknown => "unknown",
        Health::Up { .. } => "healthy",
        Health::Degraded { .. } => "degraded",
        Health::Down { .. } => "unhealthy",
    }
}

/// A service's health as a number: 1 healthy, 0.5 answers with an error, 0 does not answer; `None`: not known yet.
pub fn score(health: &Health) -> Option<f64> {
    match health {
        Health::Unknown => None,
        Health::Up { .. } => Some(1.0),
        Health::Degraded { .. } => Some(0.5),
        Health::Down { .. } => Some(0.0),
    }
}

fn of_engine(engine: &EngineStatus) -> Dependency {
    let version = engine.k6_version.as_deref().unwrap_or("not found");
    Dependency {
        status: if engine.ready { "healthy" } else { "unhealthy" },
        message: format!("k6 {version}, engine {}: {}", engine.name, engine.note),
        response_time: None,
        replicas: BTreeMap::new(),
    }
}

fn of_storage(problem: &str) -> Dependency {
    let (status, message) = match problem {
        "" => ("healthy", "takes what runs leave"),
        problem => ("unhealthy", problem),
    };
    Dependency { status, message: message.into(), response_time: None, replicas: BTreeMap::new() }
}

fn of_metrics(metrics: &MetricsStatus) -> Dependency {
    let message = match (metrics.reachable, metrics.problem.as_str()) {
        (true, "") => "answers queries".into(),
        (false, "") => "starting".into(),
        (_, problem) => problem.to_owned(),
    };
    let status = match (metrics.reachable, metrics.problem.is_empty()) {
        (true, true) => "healthy",
        (true, false) => "degraded",
        (false, _) => "unhealthy",
    };
    Dependency { status, message, response_time: None, replicas: BTreeMap::new() }
}
