//! How long a service was out, as those saw it who asked it all the time.

use serde::{Deserialize, Serialize};

use super::Slice;
use crate::domain::Millis;

/// One question of a quick probe: asked every [`Probe::PERIOD_MS`], whether or not earlier ones were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When it was asked.
    pub at_ms: Millis,
    /// Whether it was answered well and in time.
    pub ok: bool,
}

/// A stretch of time in which a service was out.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When it began, after the fault was confirmed.
    pub after_ms: Millis,
    /// How long it was, or is by now; 0: there was none.
    pub length_ms: Millis,
    /// Whether it goes on.
    pub goes_on: bool,
}

impl Probe {
    /// Ten times a second.
    pub const PERIOD_MS: Millis = 100;
}

impl Outage {
    const NONE: Self = Self { after_ms: 0, length_ms: 0, goes_on: false };

    fn longer(self, other: Self) -> Self {
        if other.length_ms > self.length_ms { other } else { self }
    }

    /// The largest gap between two successes of the probe from `from_ms` on, less the probe's period. One after the last
    /// success goes on. `None`: nobody probed.
    ///
    /// cf. Hauer et al., Meaningful Availability, NSDI 2020: what counts is how long users could not get anything.
    pub fn of_probes(probes: &[Probe], from_ms: Millis) -> Option<Self> {
        // The last success before the fault is where a gap may begin.
        let first = probes.iter().rposition(|probe| probe.ok && probe.at_ms <= from_ms).unwrap_or_default();
        let probes = probes.get(first..).filter(|probes| probes.last().is_some_and(|last| last.at_ms >= from_ms))?;
        let (mut longest, mut good_ms, mut failed) = (Self::NONE, None, false);
        let gap = |good_ms: Option<Millis>, to_ms: Millis, goes_on| {
            // Without a success before, it may have begun with the first question, or earlier.
            let begin_ms = good_ms.map_or(probes[0].at_ms, |good_ms| good_ms + Probe::PERIOD_MS).max(from_ms);
            Self { after_ms: begin_ms - from_ms, length_ms: to_ms.saturating_sub(begin_ms), goes_on }
        };
        for probe in probes {
            if probe.ok {
                // Questions that were asked late and answered well are no gap.
                if failed {
                    longest = longest.longer(gap(good_ms, probe.at_ms, false));
                }
                good_ms = Some(probe.at_ms);
            }
            failed = !probe.ok;
        }
        if failed {
            longest = longest.longer(gap(good_ms, probes.last()?.at_ms + Probe::PERIOD_MS, true));
        }
        Some(longest)
    }

    /// The longest run of slices from `from_ms` on in which at least half of the requests due failed, or none ended although
    /// there were `rate` a second before. `None`: there is no slice.
    pub fn of_slices(slices: &[Slice], from_ms: Millis, rate: f64) -> Option<Self> {
        let mut longest = Self::NONE;
        let mut began_ms = None;
        let mut after = slices.iter().filter(|slice| slice.to_ms > from_ms).peekable();
        after.peek()?;
        while let Some(slice) = after.next() {
            if !slice.is_out(rate) {
                began_ms = None;
                continue;
            }
            let begin_ms = *began_ms.get_or_insert(slice.from_ms.max(from_ms));
            let length_ms = slice.to_ms - begin_ms;
            let goes_on = after.peek().is_none();
            longest = longest.longer(Self { after_ms: begin_ms - from_ms, length_ms, goes_on });
        }
        Some(longest)
    }
}
