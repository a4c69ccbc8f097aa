//! What happened, for the timeline.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    run::{RunId, Verdict},
    service::Health,
};

/// A thing on the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at_ms: Millis,
    /// What.
    pub kind: EventKind,
}

/// What happened.
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
    /// No samples came for a while although the run goes on.
    MetricsDelayed {
        /// For how long, in seconds.
        seconds: u32,
        /// What is wrong with the store; empty where nothing is known to be.
        #[serde(default)]
        reason: String,
    },
    /// Samples come again.
    MetricsBack,
}
