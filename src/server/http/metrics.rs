//! Measured values: the two routes of the former analytics service, and our own for Prometheus.

mod exposition;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use ha_dashboard::domain::{
    Millis,
    frame::{Dimension, Frame, Metric},
    past::Query,
    service::Health,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, edge::Asking, health};
use crate::server::{
    clock::now_text,
    exposition::{self as text_format, Exposition},
    figures::FIGURES,
};

/// The name of the whole machine among the measured processes.
const HOST: &str = "host";

/// A value and when it was true.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sample {
    /// Null: not measured.
    #[schema(required = true)]
    value: Option<f64>,
    /// Seconds since 1970; null: never measured anything.
    #[schema(required = true)]
    timestamp: Option<f64>,
}

/// The load test's values now.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadMetrics {
    /// Requests per second.
    request_rate: Sample,
    /// Share of failed requests, 0–1.
    error_rate: Sample,
    /// 95th percentile of the response times, in seconds.
    response_time_p95: Sample,
    /// Mean response time, in seconds.
    response_time_avg: Sample,
    /// VUs at work.
    active_vus: Sample,
}

/// The load test's values.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricsBody {
    /// Always true.
    success: bool,
    /// The values.
    metrics: LoadMetrics,
    /// When, as RFC 3339 in UTC.
    timestamp: String,
    /// Whether the metrics store answers.
    prometheus_available: bool,
    /// Names this request in the log.
    correlation_id: String,
}

/// Everything in one look.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverviewBody {
    /// When, as RFC 3339 in UTC.
    timestamp: String,
    /// Of the whole.
    metrics: Overview,
    /// Of each service.
    services: BTreeMap<String, ServiceBody>,
    /// Names this request in the log.
    correlation_id: String,
}

/// Values of the whole; null: not measured.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Requests per second.
    #[schema(required = true)]
    requests_per_second: Option<f64>,
    /// Mean response time, in seconds.
    #[schema(required = true)]
    average_response_time: Option<f64>,
    /// Share of failed requests, 0–1.
    #[schema(required = true)]
    error_rate: Option<f64>,
    /// VUs at work.
    #[schema(required = true)]
    active_users: Option<f64>,
    /// CPU cores in use on the dashboard's machine.
    #[schema(required = true)]
    cpu_usage: Option<f64>,
    /// Bytes of memory in use on the dashboard's machine.
    #[schema(required = true)]
    memory_usage: Option<f64>,
}

/// A service.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceBody {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    status: &'static str,
    /// Mean response time under load, else of the last probe, in seconds; null: not measured.
    #[schema(required = true)]
    response_time: Option<f64>,
    /// Requests per second of the load test; null: not measured.
    #[schema(required = true)]
    requests: Option<f64>,
}

/// The load test's values now; a value that isn't there is null.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/load-test/metrics",
    tag = "load-test",
    responses((status = 200, body = MetricsBody)),
)]
pub async fn current(State(state): State<HttpState>, Asking(caller): Asking) -> Json<MetricsBody> {
    let snapshot = state.control.brief(&caller).await;
    let sample = |metric| sample(&snapshot.frame, metric);
    Json(MetricsBody {
        success: true,
        metrics: LoadMetrics {
            request_rate: sample(Metric::RequestRate),
            error_rate: sample(Metric::FailedShare),
            response_time_p95: sample(Metric::P95),
            response_time_avg: sample(Metric::Mean),
            active_vus: sample(Metric::Vus),
        },
        timestamp: now_text(),
        prometheus_available: snapshot.status.metrics.reachable,
        correlation_id: caller.correlation_id,
    })
}

/// Values of the whole and of each service.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/metrics/load-test",
    tag = "metrics",
    responses((status = 200, body = OverviewBody)),
)]
pub async fn overview(State(state): State<HttpState>, Asking(caller): Asking) -> Json<OverviewBody> {
    let snapshot = state.control.brief(&caller).await;
    let frame = &snapshot.frame;
    let services = state.control.services(&caller).await;
    let services = services.iter().map(|status| {
        let name = &status.service.name;
        let probed = match status.health {
            Health::Up { latency_ms } => Some(latency_ms / 1000.0),
            _ => None,
        };
        let body = ServiceBody {
            status: health::word(&status.health),
            response_time: frame.get_part(Metric::Mean, Dimension::Service, name).or(probed),
            requests: frame.get_part(Metric::RequestRate, Dimension::Service, name),
        };
        (name.clone(), body)
    });
    Json(OverviewBody {
        timestamp: now_text(),
        metrics: Overview {
            requests_per_second: frame.get(Metric::RequestRate),
            average_response_time: frame.get(Metric::Mean),
            error_rate: frame.get(Metric::FailedShare),
            active_users: frame.get(Metric::Vus),
            cpu_usage: frame.get_part(Metric::Cpu, Dimension::Process, HOST),
            memory_usage: frame.get_part(Metric::Memory, Dimension::Process, HOST),
        },
        services: services.collect(),
        correlation_id: caller.correlation_id,
    })
}

/// Our own metrics for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "metrics",
    responses((status = 200, description = "The Prometheus text format", content_type = "text/plain", body = String)),
)]
pub async fn exposition(State(state): State<HttpState>, Asking(caller): Asking) -> Response {
    let snapshot = state.control.brief(&caller).await;
    // What is measured now is told even where the records can't be read.
    let newest = state.control.find_runs(&caller, Query { most: exposition::RUNS, ..Query::default() }).await;
    let newest = newest.unwrap_or_default().runs.into_iter().map(|(run, _)| run).collect::<Vec<_>>();
    let mut text = Exposition::default();
    for (verdict, count) in state.control.verdicts(&caller).await.unwrap_or_default() {
        let help = "Finished load tests on record.";
        text.gauge("ha_dashboard_runs", help, &[("verdict", &verdict)], f64::from(count));
    }
    let active = snapshot.status.run.as_ref().is_some_and(|run| run.state.is_active());
    text.gauge("ha_dashboard_run_active", "Whether a load test is at work.", &[], f64::from(u8::from(active)));
    let services = state.control.services(&caller).await;
    for status in &services {
        let Some(score) = health::score(&status.health) else { continue };
        let help = "1: healthy, 0.5: answers with an error, 0: does not answer.";
        text.gauge("service_health_score", help, &[("service", &status.service.name)], score);
    }
    exposition::breakers(&mut text, &state.control.breakers(&caller).await);
    exposition::chaos(&mut text, &state.control.faults(&caller).await, &state.control.fault_counts(&caller).await);
    exposition::restarts(&mut text, &services);
    exposition::newest_runs(&mut text, &newest);
    exposition::events(&mut text, &newest, &state.control.events(&caller).await);
    FIGURES.tell(&mut text, state.shutdown.tasks.len());
    ([(header::CONTENT_TYPE, text_format::CONTENT_TYPE)], text.finish()).into_response()
}

fn sample(frame: &Frame, metric: Metric) -> Sample {
    Sample { value: frame.get(metric), timestamp: (frame.at_ms > 0).then(|| seconds(frame.at_ms)) }
}

fn seconds(at_ms: Millis) -> f64 {
    at_ms as f64 / 1000.0
}
