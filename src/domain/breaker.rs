//! Circuit breakers, and the names under which any service may tell of its own on its `/metrics`.
//!
//! Every sample carries the label `dependency`: who is called through the breaker.

use serde::{Deserialize, Serialize};

use super::Millis;

/// Gauge, 1 for the state in the label `state` (see [`BreakerState::name`]) and 0 for the others.
pub const STATE: &str = "circuit_breaker_state";

/// Counter of calls by the label `outcome`: `success`, `failure` (the dependency's), or `rejected` (by the breaker).
pub const CALLS: &str = "circuit_breaker_calls_total";

/// Gauge, 0–1: the share of failures among the last calls that were made. Absent where there were none lately.
pub const FAILURE_SHARE: &str = "circuit_breaker_failure_share";

/// Counter of changes by the label `state`: the new one.
pub const CHANGES: &str = "circuit_breaker_changes_total";

/// Gauge, in seconds since 1970: when the state changed last. Absent where it never did.
pub const LAST_CHANGE: &str = "circuit_breaker_last_change_timestamp_seconds";

/// What a breaker does with calls.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Lets a few through, to see whether the dependency has recovered.
    HalfOpen,
    /// Refuses them at once.
    Open,
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The value of the label `state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A breaker as its service tells of it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// The service that calls.
    pub service: String,
    /// The replica of it; each has breakers of its own.
    pub replica: String,
    /// Who is called.
    pub dependency: String,
    /// Its state; none: the replica tells nothing for now, and the rest is what it told last.
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub state: Option<BreakerState>,
    /// The share of failures among the last calls that were made, 0–1; none: there were none lately.
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub failure_share: Option<f64>,
    /// Calls since the replica started.
    pub calls: BreakerCalls,
    /// How often it opened since the replica started.
    pub opened: u64,
    /// When it changed last, in ms since 1970; none: never.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub last_change_ms: Option<Millis>,
}

/// Calls by what came of them.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerCalls {
    /// Answered.
    pub success: u64,
    /// The dependency failed.
    pub failure: u64,
    /// Refused by the breaker.
    pub rejected: u64,
}

/// All breakers that are known of.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakers {
    /// In the order of services, replicas and dependencies.
    pub all: Vec<Breaker>,
    /// How often one opened while the dashboard watched.
    pub triggered: u64,
}

impl Breakers {
    /// Whether nobody told of any.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
