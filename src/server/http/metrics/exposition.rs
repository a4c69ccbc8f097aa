//! Runs and events in the Prometheus text format: what Grafana draws beside k6's own series.
//!
//! Bounded: the newest [`RUNS`] runs, the thresholds that their plans allow, and one series a kind and subject of events,
//! whose value is the time of the last one. Earlier ones are in Prometheus' past.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    Millis,
    breaker::{self, BreakerCalls, BreakerState, Breakers},
    event::{Event, EventKind},
    fault::{Fault, FaultKind},
    plan::{Model, Shape},
    run::{Run, RunState},
    service::{Health, ProcessState, ServiceStatus},
    threshold::{Aggregation, MetricKind, Threshold},
};

use super::{super::chaos, seconds};
use crate::server::exposition::Exposition;

/// How many runs are told, the newest first.
pub const RUNS: u32 = 20;

/// How long after its end an event still belongs to a run.
const AFTER_END_MS: Millis = 5000;

/// The circuit breakers of all services, under the names that they use themselves.
pub fn breakers(text: &mut Exposition, breakers: &Breakers) {
    for breaker in &breakers.all {
        let of = [
            ("service", breaker.service.as_str()),
            ("replica", breaker.replica.as_str()),
            ("dependency", breaker.dependency.as_str()),
        ];
        let with = |name, value| [of[0], of[1], of[2], (name, value)];
        for state in BreakerState::ALL {
            let help = "1 for the state that a circuit breaker is in, 0 for the others; all 0: not known for now.";
            let value = f64::from(u8::from(breaker.state == Some(state)));
            text.gauge(breaker::STATE, help, &with("state", state.name()), value);
        }
        let BreakerCalls { success, failure, rejected } = breaker.calls;
        for (outcome, count) in [("success", success), ("failure", failure), ("rejected", rejected)] {
            let help = "Calls by outcome; rejected: refused by the circuit breaker.";
            text.counter(breaker::CALLS, help, &with("outcome", outcome), count);
        }
        if let Some(share) = breaker.failure_share {
            let help = "Share of failures among the last calls that were made, 0-1.";
            text.gauge(breaker::FAILURE_SHARE, help, &of, share);
        }
        if let Some(at_ms) = breaker.last_change_ms {
            let help = "When a circuit breaker changed last, in seconds since 1970.";
            text.gauge(breaker::LAST_CHANGE, help, &of, seconds(at_ms));
        }
    }
    let help = "How often a circuit breaker opened while the dashboard watched.";
    text.counter("circuit_breaker_triggered_total", help, &[], breakers.triggered);
}

/// The faults that are on, and `counts`, how often one took hold, under the names of the former analytics service.
pub fn chaos(text: &mut Exposition, faults: &[Fault], counts: &BTreeMap<(FaultKind, String), u64>) {
    for ((kind, service), count) in counts {
        let help = "How often an experiment took hold since the dashboard started.";
        let labels = [("experiment_type", chaos::word(*kind)), ("service", service)];
        text.counter("chaos_experiments_total", help, &labels, *count);
    }
    let impact = faults.iter().filter(|fault| fault.state.is_on()).map(|fault| fault.request.impact()).max();
    let active = f64::from(u8::from(impact.is_some()));
    text.gauge("chaos_experiment_active", "Whether a chaos experiment is at work.", &[], active);
    let help = "The highest impact of the chaos experiments at work: 1 low, 2 medium, 3 high, 0: there is none.";
    text.gauge("chaos_impact_level", help, &[], f64::from(impact.map_or(0, chaos::level)));
}

/// How often the replicas were started again, of those that somebody here runs.
pub fn restarts(text: &mut Exposition, services: &[ServiceStatus]) {
    for (service, one) in services.iter().flat_map(|told| told.replicas.iter().map(|one| (&told.service.name, one))) {
        if let Some(process) = &one.process {
            let help = "How often the process of a replica was started again.";
            let labels = [("service", &**service), ("replica", &one.replica.name)];
            text.counter("auto_recovery_attempts_total", help, &labels, process.restarts.into());
        }
    }
}

/// What was asked of the newest runs, and what came of it so far.
pub fn newest_runs(text: &mut Exposition, runs: &[Run]) {
    for run in runs {
        let testid = ("testid", run.id.as_str());
        let (pattern, peak) = shape(run.plan.shape);
        let duration = format!("{}s", run.duration_s());
        let labels = [
            testid,
            ("script", &run.plan.script),
            ("target", &run.plan.target),
            ("pattern", pattern),
            ("peak", &peak),
            ("duration", &duration),
        ];
        text.gauge("ha_dashboard_run_info", "What was asked for, of the newest load tests.", &labels, 1.0);
        if let Some(at_ms) = run.started_ms {
            let help = "When k6 began to send load, in seconds since 1970.";
            text.gauge("ha_dashboard_run_started_timestamp_seconds", help, &[testid], seconds(at_ms));
        }
        if let Some(at_ms) = run.ended_ms {
            let help = "When k6 ended, in seconds since 1970.";
            text.gauge("ha_dashboard_run_ended_timestamp_seconds", help, &[testid], seconds(at_ms));
        }
        if let RunState::Finished(verdict) = &run.state {
            let labels = [testid, ("verdict", verdict.name())];
            text.gauge("ha_dashboard_run_verdict", "How a load test ended.", &labels, 1.0);
        }
        for observed in &run.thresholds {
            let threshold = &observed.threshold;
            let (unit, factor) = unit(threshold);
            let (words, aggregation) = (threshold.to_string(), threshold.aggregation.to_string());
            let labels = [
                testid,
                ("threshold", &words),
                ("metric", &threshold.metric),
                ("aggregation", &aggregation),
                ("unit", unit),
            ];
            let help = "The limit of a threshold, in the unit that the label says.";
            text.gauge("ha_dashboard_threshold_limit", help, &labels, threshold.limit * factor);
            if let Some(value) = observed.value {
                let help = "What was observed over the whole run, in the unit that the label says.";
                text.gauge("ha_dashboard_threshold_value", help, &labels, value * factor);
            }
            if let Some(ok) = observed.k6_ok.or(observed.ok) {
                let help = "Whether a threshold holds.";
                text.gauge("ha_dashboard_threshold_ok", help, &labels, f64::from(u8::from(ok)));
            }
        }
    }
}

/// The timeline: one series a run, kind and subject.
pub fn events(text: &mut Exposition, runs: &[Run], events: &[Event]) {
    let mut last = BTreeMap::new();
    for event in events {
        let (kind, subject, named) = words(&event.kind);
        let at_work = |run: &&Run| {
            run.created_ms <= event.at_ms && run.ended_ms.is_none_or(|ended| event.at_ms <= ended + AFTER_END_MS)
        };
        let run = match named {
            Some(id) => match runs.iter().find(|run| run.id == *id) {
                None => continue,
                found => found,
            },
            None => runs.iter().find(at_work),
        };
        let at_ms = last.entry((run.map_or("", |run| run.id.as_str()), kind, subject)).or_insert(0);
        *at_ms = event.at_ms.max(*at_ms);
    }
    for ((testid, kind, subject), at_ms) in last {
        let labels = [("testid", testid), ("kind", kind), ("subject", subject)];
        let help =
            "When something last happened, in seconds since 1970; without testid: while no load test was at work.";
        text.gauge("ha_dashboard_event_timestamp_seconds", help, &labels, seconds(at_ms));
    }
}

/// An event's kind, what or who it is about, and the run that it names. Never empty: Grafana shows a missing label's name
/// instead.
fn words(kind: &EventKind) -> (&'static str, &str, Option<&ha_dashboard::domain::run::RunId>) {
    match kind {
        EventKind::RunStarted { run } => ("run-started", run.as_str(), Some(run)),
        EventKind::StopRequested { run } => ("stop-requested", run.as_str(), Some(run)),
        EventKind::EmergencyStop { run } => {
            ("emergency-stop", run.as_ref().map_or("-", |run| run.as_str()), run.as_ref())
        }
        EventKind::CriterionMet { run, criterion, .. } => ("criterion-met", criterion, Some(run)),
        EventKind::RunEnded { run, verdict } => ("run-ended", verdict.name(), Some(run)),
        EventKind::RunAdopted { run } => ("run-adopted", run.as_str(), Some(run)),
        EventKind::LoadAdded { run, target, .. } => ("load-added", target, Some(run)),
        EventKind::LoadRemoved { run, end, .. } => ("load-removed", end.name(), Some(run)),
        EventKind::Threshold { threshold, ok: true } => ("threshold-holds", threshold, None),
        EventKind::Threshold { threshold, ok: false } => ("threshold-crossed", threshold, None),
        EventKind::ThresholdDecided { threshold, ok: true, .. } => ("threshold-held", threshold, None),
        EventKind::ThresholdDecided { threshold, ok: false, .. } => ("threshold-crossed", threshold, None),
        EventKind::Health { service, health } => {
            let kind = match health {
                Health::Unknown => "service-unknown",
                Health::Up { .. } => "service-up",
                Health::Degraded { .. } => "service-degraded",
                Health::Down { .. } => "service-down",
            };
            (kind, service, None)
        }
        EventKind::Breaker { replica, state, .. } => {
            let kind = match state {
                BreakerState::Closed => "breaker-closed",
                BreakerState::HalfOpen => "breaker-half-open",
                BreakerState::Open => "breaker-open",
            };
            (kind, replica, None)
        }
        EventKind::ReplicaHealth { replica, health, .. } => {
            let kind = match health {
                Health::Unknown => "replica-unknown",
                Health::Up { .. } => "replica-up",
                Health::Degraded { .. } => "replica-degraded",
                Health::Down { .. } => "replica-down",
            };
            (kind, replica, None)
        }
        EventKind::GatewayServer { replica, up: true, .. } => ("gateway-up", replica, None),
        EventKind::GatewayServer { replica, up: false, .. } => ("gateway-down", replica, None),
        EventKind::Process { replica, state, .. } => {
            let kind = match state {
                ProcessState::Starting => "process-starting",
                ProcessState::Running => "process-running",
                ProcessState::Frozen => "process-frozen",
                ProcessState::Held => "process-held",
                ProcessState::Ended => "process-ended",
            };
            (kind, replica, None)
        }
        EventKind::MetricsDelayed { .. } => ("metrics-delayed", "samples", None),
        EventKind::MetricsBack => ("metrics-back", "samples", None),
        EventKind::FaultSet { kind, service, replicas, .. } => {
            let about = match kind {
                FaultKind::Kill => "fault-kill",
                FaultKind::Stop => "fault-stop",
                FaultKind::Freeze => "fault-freeze",
                FaultKind::Restart => "fault-restart",
                FaultKind::RollingRestart => "fault-rolling-restart",
                FaultKind::Cut => "fault-cut",
                FaultKind::Latency => "fault-latency",
                FaultKind::Errors => "fault-errors",
                FaultKind::Cpu => "fault-cpu",
                FaultKind::Memory => "fault-memory",
                FaultKind::Disk => "fault-disk",
            };
            (about, hit(service, replicas), None)
        }
        EventKind::FaultRestored { service, replicas, .. } => ("fault-restored", hit(service, replicas), None),
        EventKind::PlanDue { plan, .. } => ("plan-due", plan, None),
        EventKind::FaultFailed { service, replicas, .. } => ("fault-failed", hit(service, replicas), None),
    }
}

/// The one replica that a fault hits, or the service where it hits several.
fn hit<'a>(service: &'a str, replicas: &'a [String]) -> &'a str {
    match replicas {
        [replica] => replica,
        _ => service,
    }
}

/// The pattern's name and the peak in words.
fn shape(shape: Shape) -> (&'static str, String) {
    match shape {
        Shape::Pattern { pattern, peak, .. } => {
            let unit = match peak.model() {
                Model::Vus => "VUs",
                Model::ArrivalRate => "iterations/s",
            };
            (pattern.name(), format!("{} {unit}", peak.value()))
        }
        Shape::Own { max_vus, .. } => ("own", format!("{max_vus} VUs")),
    }
}

/// Prometheus' unit for a threshold, and what its own is multiplied with for it.
fn unit(threshold: &Threshold) -> (&'static str, f64) {
    match (threshold.kind(), threshold.aggregation) {
        (Some(MetricKind::Trend), _) if threshold.is_time() => ("seconds", 1e-3),
        (Some(MetricKind::Rate), _) => ("ratio", 1.0),
        (Some(MetricKind::Counter), Aggregation::Rate) => ("per second", 1.0),
        _ => ("count", 1.0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{burst::BurstEnd, plan::Peak, run::Verdict};

    use super::*;
    use crate::server::prometheus::lab;

    #[test]
    fn runs_and_thresholds_are_told_in_base_units() {
        let mut live = lab::run("r-1", 10, &["http_req_duration:p(95)<500", "http_req_failed:rate<0.01"]);
        live.plan.script = "odd \"name\".js".into();
        live.thresholds[0].value = Some(250.0);
        live.thresholds[0].ok = Some(true);
        let mut finished = lab::run("r-0", 10, &[]);
        finished.state = RunState::Finished(Verdict::Failed);
        (finished.started_ms, finished.ended_ms) = (Some(1_500), Some(2_500));
        let runs = [live, finished];

        let mut text = Exposition::default();
        newest_runs(&mut text, &runs);
        let text = text.finish();
        for line in [
            r#"ha_dashboard_run_info{testid="r-1",script="odd \"name\".js",target="shop",pattern="own",peak="10 VUs",duration="10s"} 1"#,
            r#"ha_dashboard_run_started_timestamp_seconds{testid="r-0"} 1.5"#,
            r#"ha_dashboard_run_ended_timestamp_seconds{testid="r-0"} 2.5"#,
            r#"ha_dashboard_run_verdict{testid="r-0",verdict="failed"} 1"#,
            r#"ha_dashboard_threshold_limit{testid="r-1",threshold="http_req_duration:p(95)<500",metric="http_req_duration",aggregation="p(95)",unit="seconds"} 0.5"#,
            r#"ha_dashboard_threshold_value{testid="r-1",threshold="http_req_duration:p(95)<500",metric="http_req_duration",aggregation="p(95)",unit="seconds"} 0.25"#,
            r#"ha_dashboard_threshold_ok{testid="r-1",threshold="http_req_duration:p(95)<500",metric="http_req_duration",aggregation="p(95)",unit="seconds"} 1"#,
            r#"ha_dashboard_threshold_limit{testid="r-1",threshold="http_req_failed:rate<0.01",metric="http_req_failed",aggregation="rate",unit="ratio"} 0.01"#,
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("verdict{testid=\"r-1\""), "a run at work has no verdict");
    }

    #[test]
    fn breakers_are_told_with_whose_they_are_and_without_what_is_not_known() {
        let closed = breaker::Breaker {
            service: "shop".into(),
            replica: "shop-1".into(),
            dependency: "bank".into(),
            state: Some(BreakerState::Closed),
            failure_share: Some(0.25),
            calls: BreakerCalls { success: 3, failure: 1, rejected: 0 },
            opened: 0,
            last_change_ms: Some(1_500),
        };
        let silent = breaker::Breaker {
            replica: "shop-2".into(),
            state: None,
            failure_share: None,
            last_change_ms: None,
            ..closed.clone()
        };
        let mut text = Exposition::default();
        breakers(&mut text, &Breakers { all: vec![closed, silent], triggered: 2 });
        let text = text.finish();
        let of = |replica: &str| format!(r#"service="shop",replica="{replica}",dependency="bank""#);
        for line in [
            format!(r#"circuit_breaker_state{{{},state="closed"}} 1"#, of("shop-1")),
            format!(r#"circuit_breaker_state{{{},state="closed"}} 0"#, of("shop-2")),
            format!(r#"circuit_breaker_calls_total{{{},outcome="failure"}} 1"#, of("shop-2")),
            format!("circuit_breaker_failure_share{{{}}} 0.25", of("shop-1")),
            format!("circuit_breaker_last_change_timestamp_seconds{{{}}} 1.5", of("shop-1")),
            "circuit_breaker_triggered_total 2".into(),
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains(&format!("share{{{}}}", of("shop-2"))), "no data is not zero");
    }

    #[test]
    fn events_belong_to_the_run_at_their_time_and_the_last_of_a_kind_counts() {
        let mut run = lab::run("r-1", 10, &[]);
        (run.created_ms, run.ended_ms) = (1_000, Some(20_000));
        let event = |at_ms, kind| Event { at_ms, kind };
        let crossed = |ok| EventKind::Threshold { threshold: "checks:rate>0.9".into(), ok };
        let down = || EventKind::Health {
            service: "shop".into(),
            health: Health::Down { reason: "gone".into(), why: Default::default() },
        };
        let gone = EventKind::RunStarted { run: "forgotten".parse().unwrap() };
        let told = [
            event(500, down()),
            event(700, gone),
            event(2_000, EventKind::RunStarted { run: run.id.clone() }),
            event(3_000, crossed(false)),
            event(4_000, crossed(true)),
            event(5_500, crossed(false)),
            event(20_000, EventKind::RunEnded { run: run.id.clone(), verdict: Verdict::Failed }),
            event(21_000, EventKind::MetricsBack),
            event(40_000, down()),
        ];
        let mut text = Exposition::default();
        events(&mut text, &[run], &told);
        let text = text.finish();
        let lines: Vec<_> = text.lines().skip(2).map(|line| line.split_once('{').unwrap().1).collect();
        let expected = [
            r#"testid="",kind="service-down",subject="shop"} 40"#,
            r#"testid="r-1",kind="metrics-back",subject="samples"} 21"#,
            r#"testid="r-1",kind="run-ended",subject="failed"} 20"#,
            r#"testid="r-1",kind="run-started",subject="r-1"} 2"#,
            r#"testid="r-1",kind="threshold-crossed",subject="checks:rate>0.9"} 5.5"#,
            r#"testid="r-1",kind="threshold-holds",subject="checks:rate>0.9"} 4"#,
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn grafana_has_an_annotation_for_every_kind_of_event() {
        let dashboard = include_str!("../../../../monitoring/grafana/dashboards/load-test-run.json");
        let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
        let annotations = dashboard["annotations"]["list"].as_array().unwrap();
        let asked = annotations.iter().filter_map(|annotation| annotation["expr"].as_str());
        let asked = asked.filter_map(|expr| Some(expr.split_once("kind=~\"")?.1.split_once('"')?.0));
        let shown: Vec<&str> = asked.flat_map(|kinds| kinds.split('|')).collect();
        let (service, replica) = (String::new, String::new);
        let kinds = [
            EventKind::RunAdopted { run: "r-1".parse().unwrap() },
            EventKind::StopRequested { run: "r-1".parse().unwrap() },
            EventKind::LoadAdded {
                run: "r-1".parse().unwrap(),
                instance: 2,
                peak: Peak::Vus { vus: 5 },
                target: service(),
                for_s: 30,
            },
            EventKind::LoadRemoved {
                run: "r-1".parse().unwrap(),
                instance: 2,
                peak: Peak::Vus { vus: 5 },
                end: BurstEnd::Removed,
                message: String::new(),
            },
            EventKind::Threshold { threshold: String::new(), ok: true },
            EventKind::Health { service: service(), health: Health::Unknown },
            EventKind::ReplicaHealth { service: service(), replica: replica(), health: Health::Unknown },
            EventKind::GatewayServer { service: service(), replica: replica(), up: false, check: String::new() },
            EventKind::Process { service: service(), replica: replica(), state: ProcessState::Ended, code: None },
            EventKind::Breaker {
                service: service(),
                replica: replica(),
                dependency: service(),
                state: BreakerState::Open,
            },
            EventKind::MetricsBack,
            EventKind::FaultSet {
                fault: "f-1".parse().unwrap(),
                kind: FaultKind::RollingRestart,
                service: service(),
                replicas: Vec::new(),
                intensity: None,
                for_s: None,
            },
        ];
        for kind in &kinds {
            let (told, ..) = words(kind);
            let fits = |pattern: &&str| pattern.strip_suffix(".*").map_or(*pattern == told, |p| told.starts_with(p));
            assert!(shown.iter().any(&fits), "{told} is not among {shown:?}");
        }
    }
}
