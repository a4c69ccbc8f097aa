//! Circuit breakers, and the names under which any service may tell of its own on its `/metrics`.
//!
//! Every sample carries the label `dependency`: who is called through the breaker.

use serde::{Deserialize, Serialize};

/// Gauge, 1 for the state in the label `state` (see [`BreakerState::name`]) and 0 for the others.
pub const STATE: &str = "circuit_breaker_state";

/// Counter of calls by the label `outcome`: `success`, `failure` (the dependency's), or `rejected` (by the breaker).
pub const CALLS: &str = "circuit_breaker_calls_total";

/// Gauge, 0–1: the share of failures that the breaker goes by. Absent where it has no calls to go by.
pub const FAILURE_SHARE: &str = "circuit_breaker_failure_share";

/// Counter of changes by the label `state`: the new one.
pub const CHANGES: &str = "circuit_breaker_changes_total";

/// Gauge, in seconds since 1970: when the state changed last. Absent where it never did.
pub const LAST_CHANGE: &str = "circuit_breaker_last_change_timestamp_seconds";

/// What a breaker does with calls.
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
}
