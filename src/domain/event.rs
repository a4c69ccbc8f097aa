//! What happened, for the timeline.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    agenda::Outcome,
    breaker::BreakerState,
    burst::BurstEnd,
    fault::{FaultEnd, FaultId, FaultKind},
    plan::Peak,
    run::{RunId, Verdict},
    service::{Health, ProcessState},
};

/// A thing on the timeline.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub at_ms: Millis,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "event"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@event"))]
pub enum EventKind {
    /// k6 began to send load.
    RunStarted {
        /// The run.
        run: RunId,
    },
    /// Somebody asked for a stop.
    StopRequested {
        /// The run.
        run: RunId,
    },
    /// Somebody pressed the emergency stop: all load is ended and all faults are taken back.
    EmergencyStop {
        /// The run at work then.
        #[serde(default)]
        run: Option<RunId>,
    },
    /// A stop criterion was met, so the run is stopped.
    CriterionMet {
        /// The run.
        run: RunId,
        /// The criterion, for example `failed > 20 % for 10 s`.
        criterion: String,
        /// What it was last: a share of 1, or seconds.
        #[serde(default)]
        value: Option<f64>,
    },
    /// k6 ended.
    RunEnded {
        /// The run.
        run: RunId,
        /// How.
        verdict: Verdict,
    },
    /// The dashboard took over a run that an earlier process of it had started.
    RunAdopted {
        /// The run.
        run: RunId,
    },
    /// Load was added to a run: its k6 began to send it.
    LoadAdded {
        /// The run.
        run: RunId,
        /// The k6 that sends it.
        instance: u32,
        /// How much.
        peak: Peak,
        /// Where it goes.
        target: String,
        /// For how long, in seconds.
        for_s: u32,
    },
    /// Load that was added to a run is no longer sent.
    LoadRemoved {
        /// The run.
        run: RunId,
        /// The k6 that sent it.
        instance: u32,
        /// How much it was.
        peak: Peak,
        /// Why it ended.
        end: BurstEnd,
        /// What its k6 said where it crashed; else empty.
        #[serde(default)]
        message: String,
    },
    /// A threshold no longer holds, or holds again.
    Threshold {
        /// The threshold in k6's words.
        threshold: String,
        /// Whether it holds now.
        ok: bool,
    },
    /// A threshold was too close to call, and k6's exact figure decided it.
    ThresholdDecided {
        /// The threshold in k6's words.
        threshold: String,
        /// k6's value, in the threshold's unit.
        value: Option<f64>,
        /// Whether it held.
        ok: bool,
    },
    /// A service's health changed.
    Health {
        /// The service.
        service: String,
        /// How it is now.
        health: Health,
    },
    /// A circuit breaker changed.
    Breaker {
        /// The service that calls through it.
        service: String,
        /// The replica of it.
        replica: String,
        /// Who is called.
        dependency: String,
        /// Its state now.
        state: BreakerState,
    },
    /// The health of a replica changed, as our own probe noticed.
    ReplicaHealth {
        /// The service.
        service: String,
        /// The replica.
        replica: String,
        /// How it is now.
        health: Health,
    },
    /// The gateway sends requests to a replica no longer, or again.
    GatewayServer {
        /// The service.
        service: String,
        /// The replica.
        replica: String,
        /// Whether it does now.
        up: bool,
        /// What its check said, in its own words.
        #[serde(default)]
        check: String,
    },
    /// The process of a replica changed, as whoever runs it noticed.
    Process {
        /// The service.
        service: String,
        /// The replica.
        replica: String,
        /// Where it is now.
        state: ProcessState,
        /// Its exit code, where it ended by itself.
        #[serde(default)]
        code: Option<i32>,
    },
    /// No samples came for a while although the run goes on.
    MetricsDelayed {
        /// For how long, in seconds.
        seconds: u32,
        /// What is wrong with the store; empty where nothing is known to be.
        #[serde(default)]
        reason: String,
    },
    /// The time of a plan that starts by itself has come, or was missed.
    PlanDue {
        /// What people call the plan.
        plan: String,
        /// What came of it.
        #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
        #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
        outcome: Outcome,
    },
    /// Samples come again.
    MetricsBack,
    /// A fault was set and is confirmed.
    FaultSet {
        /// The fault.
        fault: FaultId,
        /// What is done.
        kind: FaultKind,
        /// The service that is hit.
        service: String,
        /// The replicas that are hit.
        replicas: Vec<String>,
        /// How much of it, 1–10, where there is more and less.
        #[serde(default)]
        intensity: Option<u8>,
        /// After how many seconds it ends by itself; a restart ends when it is done.
        #[serde(default)]
        for_s: Option<u32>,
    },
    /// A fault was taken back.
    FaultRestored {
        /// The fault.
        fault: FaultId,
        /// What was done.
        kind: FaultKind,
        /// The service that was hit.
        service: String,
        /// The replicas that were hit.
        replicas: Vec<String>,
        /// Why it ended.
        why: FaultEnd,
    },
    /// A fault could not be set, or not be taken back.
    FaultFailed {
        /// The fault.
        fault: FaultId,
        /// What was to be done.
        kind: FaultKind,
        /// The service.
        service: String,
        /// The replicas.
        replicas: Vec<String>,
        /// What went wrong, in a line.
        reason: String,
    },
}

impl EventKind {
    /// Whether both tell of one and the same thing that happens only once, however it was judged.
    pub fn is_same_once(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::RunStarted { run }, Self::RunStarted { run: other })
            | (Self::StopRequested { run }, Self::StopRequested { run: other })
            | (Self::RunEnded { run, .. }, Self::RunEnded { run: other, .. }) => run == other,
            (
                Self::CriterionMet { run, criterion, .. },
                Self::CriterionMet { run: other_run, criterion: other_criterion, .. },
            ) => (run, criterion) == (other_run, other_criterion),
            (Self::LoadAdded { run, instance, .. }, Self::LoadAdded { run: other_run, instance: other, .. })
            | (Self::LoadRemoved { run, instance, .. }, Self::LoadRemoved { run: other_run, instance: other, .. }) => {
                (run, instance) == (other_run, other)
            }
            (Self::FaultSet { fault, .. }, Self::FaultSet { fault: other, .. })
            | (Self::FaultRestored { fault, .. }, Self::FaultRestored { fault: other, .. }) => fault == other,
            _ => false,
        }
    }
}
