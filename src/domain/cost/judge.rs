//! Judging what a fault was set with: its hypothesis afterwards, its guard while it lasts.

use serde::{Deserialize, Serialize};

use super::{Cost, Lack, Slice};
use crate::domain::{
    Millis,
    fault::{Guard, Hypothesis},
};

/// What became of a hypothesis.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "outcome"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@outcome"))]
pub enum Outcome {
    /// It was right.
    Held,
    /// It was wrong.
    Broken,
    /// It could not be told.
    Untold {
        /// Why not.
        why: Lack,
    },
}

impl Hypothesis {
    /// Judges it by what the fault has cost in `elapsed_ms` since it was confirmed.
    ///
    /// The failed share is that from the fault to its end and the recovery, whichever is later. So few requests that a single failure would
    /// break the hypothesis tell nothing when there was none.
    pub fn judge(self, cost: &Cost, elapsed_ms: Millis) -> Outcome {
        match self {
            Self::FailedBelow { share } => {
                let span = &cost.span;
                if span.valid <= 0.0 {
                    return Outcome::Untold { why: if cost.settled { Lack::NoLoad } else { Lack::NotYet } };
                }
                let broken = span.bad / span.valid >= share;
                match (cost.settled, broken) {
                    (false, _) => Outcome::Untold { why: Lack::NotYet },
                    (true, true) => Outcome::Broken,
                    (true, false) if span.valid * share < 1.0 => Outcome::Untold { why: Lack::TooFew },
                    (true, false) => Outcome::Held,
                }
            }
            Self::RecoveredWithin { seconds } => {
                let most_ms = Millis::from(seconds) * 1000;
                let is_watched = matches!(cost.why_not_recovered(), Some(Lack::NotYet | Lack::NotSeen));
                match (cost.recovered_ms.or(cost.calm_ms), cost.recovered_ms) {
                    (Some(calm_ms), _) if calm_ms > most_ms => Outcome::Broken,
                    (_, Some(_)) => Outcome::Held,
                    (None, None) if elapsed_ms > most_ms && is_watched => Outcome::Broken,
                    _ => Outcome::Untold { why: cost.why_not_recovered().unwrap_or(Lack::NotYet) },
                }
            }
        }
    }
}

/// A guard at work: takes slice after slice, and remembers since when its limit is passed.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardWatch {
    guard: Guard,
    over_since_ms: Option<Millis>,
}

impl GuardWatch {
    /// A guard that has seen nothing yet.
    pub fn new(guard: Guard) -> Self {
        Self { guard, over_since_ms: None }
    }

    /// Takes the next slice. Whether the guard is broken: the limit was passed for its whole time without a break. A slice
    /// in which nothing ended is as bad as one in which all failed.
    pub fn take(&mut self, slice: &Slice) -> bool {
        if slice.failed_share().unwrap_or(1.0) <= self.guard.failed_over {
            self.over_since_ms = None;
            return false;
        }
        let since_ms = *self.over_since_ms.get_or_insert(slice.from_ms);
        slice.to_ms.saturating_sub(since_ms) >= Millis::from(self.guard.for_s) * 1000
    }
}
