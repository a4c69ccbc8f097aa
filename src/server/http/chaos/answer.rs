//! What the chaos routes answer.

use std::collections::BTreeMap;

use ha_dashboard::{
    api::caller::Caller,
    domain::{
        Millis,
        cost::Cost,
        fault::{self, Effect, Fault, FaultEnd, FaultKind, FaultRules, FaultState, Impact},
        service::ServiceStatus,
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{HttpState, health},
    Names, words,
};
use crate::server::clock::{now_text, text};

/// An experiment: what was asked for, and whom it concerns.
#[derive(Debug, Serialize, ToSchema)]
pub struct Experiment {
    /// The id that its caller gave; else that of the fault.
    experiment_id: String,
    /// The fault's id, as `/api/v1/faults` knows it.
    fault_id: String,
    /// Its type.
    experiment_type: &'static str,
    /// The service that is hit.
    target_service: String,
    /// The replicas of it that are hit.
    replicas: Vec<String>,
    /// After how many seconds it ends by itself; null for a restart, which ends when it is done.
    #[schema(required = true)]
    duration: Option<u32>,
    /// 1–10; null where there is no more and less of it.
    #[schema(required = true)]
    intensity: Option<u8>,
    /// By the intensity: 1–3 low, 4–7 medium, 8–10 high. Without one: high where a replica stays away, else less.
    impact_level: Impact,
    /// What it does, in real units.
    effect: Effect,
    /// The service that is hit, and those that call it, nearest first.
    affected_services: Vec<String>,
    /// When it took hold, or was asked for where it has not yet, as RFC 3339 in UTC.
    start_time: String,
}

/// A started experiment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExperimentStartedBody {
    /// Always true.
    success: bool,
    /// Always `started`.
    status: &'static str,
    /// For people.
    message: String,
    /// The experiment.
    #[serde(flatten)]
    experiment: Experiment,
    /// Fields of the request that mean nothing here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// Names this request in the log.
    correlation_id: String,
}

/// How an experiment is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExperimentBody {
    /// Always true.
    success: bool,
    /// `starting`, `running`, `stopping`; `completed`: it ended by itself; `stopped`: it was ended early; `failed`.
    status: &'static str,
    /// Whether something of it may be set.
    active: bool,
    /// For people.
    message: String,
    /// The experiment.
    #[serde(flatten)]
    experiment: Experiment,
    /// Seconds since it took hold, up to its end; null where it never did.
    #[schema(required = true)]
    elapsed_time: Option<f64>,
    /// Seconds until it ends by itself; 0 when over, null for a restart at work.
    #[schema(required = true)]
    remaining_time: Option<f64>,
    /// When it was taken back, as RFC 3339 in UTC; null before.
    #[schema(required = true)]
    end_time: Option<String>,
    /// What it cost so far, or in the end; null where nothing is known of that.
    #[schema(required = true)]
    final_metrics: Option<FinalMetrics>,
    /// Names this request in the log.
    correlation_id: String,
}

/// What an experiment cost. Times are seconds after it took hold; null: not known, or not yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct FinalMetrics {
    /// Whether nothing of it will change any more.
    settled: bool,
    /// Requests up to its end and the recovery, whichever is later; null: there was no load.
    #[schema(required = true)]
    requests: Option<f64>,
    /// Those of them that failed.
    #[schema(required = true)]
    failed_requests: Option<f64>,
    /// Failed requests beyond those that fail all the same.
    #[schema(required = true)]
    requests_lost: Option<f64>,
    /// Seconds of the longest outage, as a probe ten times a second saw it; 0: there was none.
    #[schema(required = true)]
    longest_outage: Option<f64>,
    /// When the gateway noticed.
    #[schema(required = true)]
    detected_by_gateway: Option<f64>,
    /// When a probe of the dashboard noticed.
    #[schema(required = true)]
    detected_by_probe: Option<f64>,
    /// When customers stopped to notice; 0: they never did.
    #[schema(required = true)]
    recovered: Option<f64>,
    /// When every replica was up again.
    #[schema(required = true)]
    redundant_again: Option<f64>,
}

/// The catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatalogueBody {
    /// Always true.
    success: bool,
    /// What `type` may be.
    types: Vec<TypeBody>,
    /// What `service` may be, replicas aside.
    services: Vec<String>,
    /// What `intensity` may be.
    intensity_levels: Vec<LevelBody>,
    /// Most seconds of `duration`.
    max_duration: u32,
    /// Names this request in the log.
    correlation_id: String,
}

/// A type of experiments.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypeBody {
    /// Its name, which `type` takes.
    name: &'static str,
    /// The fault that it is.
    fault: FaultKind,
    /// What it does.
    description: &'static str,
    /// What it does in real units, intensity by intensity from 1; only one where there is no more and less of it.
    effects: Vec<Effect>,
    /// The services that all of it can be done to now.
    services: Vec<String>,
}

/// An intensity.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelBody {
    /// The intensity.
    intensity: u8,
    /// What it may do.
    impact_level: Impact,
}

/// What is going on, and how the services bear it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChaosBody {
    /// When, as RFC 3339 in UTC.
    timestamp: String,
    /// The experiments at work.
    chaos_engineering: Engineering,
    /// How the services bear it.
    system_resilience: Resilience,
    /// Names this request in the log.
    correlation_id: String,
}

/// The experiments at work, whichever way they were started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Engineering {
    /// Whether there is one.
    active: bool,
    /// The type of the newest; null: there is none.
    #[schema(required = true)]
    scenario: Option<&'static str>,
    /// The services that are hit by any of them, and those that call these.
    affected_services: Vec<String>,
    /// When the oldest took hold, as RFC 3339 in UTC; null: there is none.
    #[schema(required = true)]
    start_time: Option<String>,
    /// The highest of them; null: there is none.
    #[schema(required = true)]
    impact_level: Option<Impact>,
    /// All of them, newest first.
    experiments: Vec<Experiment>,
}

/// How the services bear it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resilience {
    /// How often a circuit breaker opened while the dashboard watched; null: no service tells of any.
    #[schema(required = true)]
    circuit_breakers_triggered: Option<u64>,
    /// How often processes of replicas were started again; null: nobody here runs any.
    #[schema(required = true)]
    auto_recovery_attempts: Option<u64>,
    /// Of each service: 1 healthy, 0.5 answers with an error, 0 does not answer; null: not known yet.
    service_health_scores: BTreeMap<String, Option<f64>>,
}

impl Experiment {
    /// A fault in the contract's words.
    pub fn new(fault: &Fault, names: &Names, services: &[ServiceStatus]) -> Self {
        let request = &fault.request;
        let calls: Vec<_> = services.iter().map(|told| (&*told.service.name, &*told.service.depends_on)).collect();
        let whole_s =
            || u32::try_from(fault.until_ms.saturating_sub(fault.asked_ms).div_ceil(1000)).unwrap_or(u32::MAX);
        Self {
            experiment_id: names.of(&fault.id),
            fault_id: fault.id.to_string(),
            experiment_type: words::word(request.kind),
            target_service: request.service.clone(),
            replicas: fault.replicas.clone(),
            duration: request.kind.lasts().then(|| request.duration_s.unwrap_or_else(whole_s)),
            intensity: request.intensity,
            impact_level: request.impact(),
            effect: request.effect(),
            affected_services: fault::affected(&request.service, &calls).into_iter().map(Into::into).collect(),
            start_time: text(began_ms(fault)),
        }
    }
}

impl ExperimentStartedBody {
    /// `experiment` was started; `ignored` are fields that mean nothing here.
    pub fn new(experiment: Experiment, ignored: Vec<String>, correlation_id: String) -> Self {
        let Experiment { experiment_id, experiment_type, target_service, .. } = &experiment;
        let message = format!("Experiment {experiment_id} started: {experiment_type} on {target_service}");
        Self { success: true, status: "started", message, experiment, ignored, correlation_id }
    }
}

impl ExperimentBody {
    /// How a fault is at `now_ms`.
    pub async fn new(fault: &Fault, now_ms: Millis, state: &HttpState, caller: Caller) -> Self {
        let services = state.control.services(&caller).await;
        let snapshot = state.control.brief(&caller).await;
        let experiment = Experiment::new(fault, &state.experiments, &services);
        let status = state_word(&fault.state);
        let message = match &fault.state {
            FaultState::Failed { reason } => format!("Experiment {} failed: {reason}", experiment.experiment_id),
            _ => format!("Experiment {} is {status}", experiment.experiment_id),
        };
        let cost = snapshot.status.costs.iter().find(|told| told.fault == fault.id);
        let active = fault.state.is_on();
        let until_ms = fault.restored_at_ms.or(active.then_some(now_ms));
        Self {
            success: true,
            status,
            active,
            message,
            elapsed_time: until_ms.map(|until_ms| seconds(until_ms.saturating_sub(began_ms(fault)))),
            remaining_time: if active { fault.left_s(now_ms) } else { Some(0.0) },
            end_time: fault.restored_at_ms.map(text),
            final_metrics: cost.map(|told| FinalMetrics::new(&told.cost)),
            experiment,
            correlation_id: caller.correlation_id,
        }
    }
}

impl FinalMetrics {
    fn new(cost: &Cost) -> Self {
        let asked = cost.span.valid > 0.0;
        Self {
            settled: cost.settled,
            requests: asked.then_some(cost.span.valid),
            failed_requests: asked.then_some(cost.span.bad),
            requests_lost: cost.lost,
            longest_outage: cost.outage.map(|outage| seconds(outage.length_ms)),
            detected_by_gateway: cost.detection.gateway_ms.map(seconds),
            detected_by_probe: cost.detection.probe_ms.map(seconds),
            recovered: cost.recovered_ms.map(seconds),
            redundant_again: cost.redundant_ms.map(seconds),
        }
    }
}

impl CatalogueBody {
    /// What may be started.
    pub fn new(rules: &FaultRules, correlation_id: String) -> Self {
        let targets = &rules.targets;
        let types = FaultKind::ALL.into_iter().map(|kind| TypeBody {
            name: words::word(kind),
            fault: kind,
            description: words::description(kind),
            effects: (1..=if kind.has_intensity() { 10 } else { 1 }).map(|level| Effect::of(kind, level)).collect(),
            services: (targets.iter().filter(|target| target.kinds(None).contains(&kind)))
                .map(|target| target.service.clone())
                .collect(),
        });
        let level = |intensity| LevelBody { intensity, impact_level: Impact::of(intensity) };
        Self {
            success: true,
            types: types.collect(),
            services: targets.iter().map(|target| target.service.clone()).collect(),
            intensity_levels: (1..=10).map(level).collect(),
            max_duration: rules.limits.longest_s,
            correlation_id,
        }
    }
}

impl ChaosBody {
    /// The picture now.
    pub async fn new(state: &HttpState, caller: Caller) -> Self {
        let services = state.control.services(&caller).await;
        let breakers = state.control.breakers(&caller).await;
        let mut faults = state.control.faults(&caller).await;
        faults.retain(|fault| fault.state.is_on());
        let experiments: Vec<_> =
            faults.iter().map(|fault| Experiment::new(fault, &state.experiments, &services)).collect();
        let mut affected_services = Vec::new();
        for service in experiments.iter().flat_map(|experiment| &experiment.affected_services) {
            if !affected_services.contains(service) {
                affected_services.push(service.clone());
            }
        }
        let restarts = services.iter().flat_map(|told| &told.replicas).filter_map(|one| one.process.as_ref());
        let scores = services.iter().map(|told| (told.service.name.clone(), health::score(&told.health)));
        Self {
            timestamp: now_text(),
            chaos_engineering: Engineering {
                active: !faults.is_empty(),
                scenario: faults.first().map(|fault| words::word(fault.request.kind)),
                affected_services,
                start_time: faults.iter().map(began_ms).min().map(text),
                impact_level: faults.iter().map(|fault| fault.request.impact()).max(),
                experiments,
            },
            system_resilience: Resilience {
                circuit_breakers_triggered: (!breakers.is_empty()).then_some(breakers.triggered),
                auto_recovery_attempts: restarts
                    .map(|process| u64::from(process.restarts))
                    .reduce(|sum, restarts| sum + restarts),
                service_health_scores: scores.collect(),
            },
            correlation_id: caller.correlation_id,
        }
    }
}

fn state_word(state: &FaultState) -> &'static str {
    match state {
        FaultState::Setting => "starting",
        FaultState::Active => "running",
        FaultState::Restoring { .. } => "stopping",
        FaultState::Restored { why: FaultEnd::Time | FaultEnd::Done } => "completed",
        FaultState::Restored { .. } => "stopped",
        FaultState::Failed { .. } => "failed",
    }
}

fn began_ms(fault: &Fault) -> Millis {
    fault.set_at_ms.unwrap_or(fault.asked_ms)
}

fn seconds(ms: Millis) -> f64 {
    ms as f64 / 1000.0
}
