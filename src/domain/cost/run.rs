//! What a whole run says of a service's availability, taken in slice by slice.

use serde::{Deserialize, Serialize};

use super::{Budget, Slice, Tally};
use crate::domain::{Millis, service::Slo};

/// The availability of a service, or of all of them, over a run so far.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RunCost {
    /// All requests.
    pub tally: Tally,
    /// The longest run of slices in which at least half of the requests due failed, or none ended; known to within a push.
    pub longest_outage_ms: Millis,
    /// All of them together.
    pub out_ms: Millis,
    /// The one at the end.
    #[serde(skip)]
    out_now_ms: Millis,
}

impl RunCost {
    /// Takes the next slice.
    pub fn take(&mut self, slice: &Slice) {
        let rate = if self.tally.seconds > 0.0 { self.tally.valid / self.tally.seconds } else { 0.0 };
        self.tally.add(slice);
        if !slice.is_out(rate) {
            self.out_now_ms = 0;
            return;
        }
        self.out_now_ms += slice.length_ms();
        self.out_ms += slice.length_ms();
        self.longest_outage_ms = self.longest_outage_ms.max(self.out_now_ms);
    }

    /// What of the error budget is gone; `None`: nothing was asked, or nothing may ever fail.
    pub fn budget(&self, slo: Slo) -> Option<Budget> {
        Budget::of(&self.tally, slo, &self.tally)
    }
}
