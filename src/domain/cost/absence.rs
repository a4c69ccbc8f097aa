//! A fault whose dashboard was away for a time: what can still be told of it, and what can't.

use serde::{Deserialize, Serialize};

use super::{Cost, Detection, Evidence, Figure, Lack, Outage, Outcome, Untold};
use crate::domain::Millis;

/// A stretch in which the dashboard was away, so that only k6 took notice. Times are ms after the moment at which the fault
/// was confirmed.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When it began.
    pub from_ms: Millis,
    /// When it ended.
    pub to_ms: Millis,
}

/// What an earlier process of the dashboard reckoned of a fault, and when there was none.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// The cost as that process knew it last; `None`: it had not reckoned any.
    pub cost: Option<&'a Cost>,
    /// When it looked last.
    pub from_ms: Millis,
    /// When the next one began to look.
    pub to_ms: Millis,
}

/// What the load tells. k6 goes on without a dashboard.
const BY_LOAD: [Figure; 10] = [
    Figure::Availability,
    Figure::OutageByLoad,
    Figure::Degraded,
    Figure::DetectedByClient,
    Figure::Recovered,
    Figure::Lost,
    Figure::LatencyBefore,
    Figure::LatencyDuring,
    Figure::LatencyAfter,
    Figure::Budget,
];

/// What only who was there could have seen.
const BY_WATCH: [Figure; 3] = [Figure::DetectedByGateway, Figure::DetectedByProbe, Figure::DetectedByBreaker];

impl Cost {
    /// Reckons the cost of a fault on which an earlier process had its eye.
    ///
    /// What k6 measured counts as a whole where the store gave all of it again, from before the fault on; else it stays what it
    /// was. Who noticed stays as it was, too: what was first seen after the return may have been there for long. Of the
    /// outages that were seen the longest counts.
    pub(super) fn resumed(evidence: &Evidence, earlier: Earlier, now_ms: Millis) -> Self {
        let set_ms = evidence.set_ms;
        let since = |at_ms: Millis| at_ms.saturating_sub(set_ms);
        let is_whole = evidence.slices.first().is_some_and(|first| first.from_ms <= set_ms);
        let slices = if is_whole { evidence.slices } else { &[] };
        let mut cost = Self::of(&Evidence { slices, ..*evidence }, now_ms);
        let unknown = Self {
            outcome: Some(Outcome::Untold { why: Lack::Away }),
            untold: BY_LOAD.into_iter().chain(BY_WATCH).map(away).collect(),
            ..Self::default()
        };
        let known = earlier.cost.unwrap_or(&unknown);
        if !is_whole {
            cost.keep_load(known);
        }
        cost.keep_watch(known);
        if evidence.restored_ms.is_some_and(|restored_ms| restored_ms <= earlier.to_ms) && cost.redundant_ms.is_some() {
            cost.redundant_ms = None;
            cost.untold.push(away(Figure::Redundant));
        }
        cost.away = Some(Absence { from_ms: since(earlier.from_ms), to_ms: since(earlier.to_ms) });
        cost
    }

    fn keep_load(&mut self, known: &Self) {
        let detection = Detection { client_ms: known.detection.client_ms, ..self.detection };
        *self = Self {
            settled: self.settled,
            outage: self.outage,
            detection,
            redundant_ms: self.redundant_ms,
            untold: std::mem::take(&mut self.untold),
            outcome: self.outcome.and(known.outcome),
            // It went on for as long as it was seen.
            outage_by_load: known.outage_by_load.map(over),
            ..known.clone()
        };
        if let Some(Outcome::Untold { why }) = &mut self.outcome {
            *why = gone(*why);
        }
        self.keep_lacks(known, &BY_LOAD);
    }

    fn keep_watch(&mut self, known: &Self) {
        let Detection { gateway_ms, probe_ms, breaker_ms, .. } = known.detection;
        self.detection = Detection { gateway_ms, probe_ms, breaker_ms, ..self.detection };
        self.keep_lacks(known, &BY_WATCH);
        self.outage = match (known.outage.map(over), self.outage) {
            (Some(before), Some(after)) if before.length_ms >= after.length_ms && !after.goes_on => Some(before),
            (before, after) => after.or(before),
        };
        if self.outage.is_some() {
            self.untold.retain(|untold| untold.figure != Figure::Outage);
        }
    }

    /// Takes over why figures are not there; what was not known yet can't be known any more.
    fn keep_lacks(&mut self, known: &Self, figures: &[Figure]) {
        self.untold.retain(|untold| !figures.contains(&untold.figure));
        let theirs = known.untold.iter().filter(|untold| figures.contains(&untold.figure));
        self.untold.extend(theirs.map(|untold| Untold { why: gone(untold.why), ..*untold }));
    }
}

fn away(figure: Figure) -> Untold {
    Untold { figure, why: Lack::Away }
}

fn gone(why: Lack) -> Lack {
    match why {
        Lack::NotYet | Lack::NotSeen => Lack::Away,
        other => other,
    }
}

fn over(outage: Outage) -> Outage {
    Outage { goes_on: false, ..outage }
}
