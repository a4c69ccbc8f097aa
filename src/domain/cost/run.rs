//! What a whole run says of a service's availability, taken in slice by slice.

use super::{Slice, Tally};
use crate::domain::Millis;

/// The availability of a service, or of all of them, over a run so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunCost {
    /// All requests.
    pub tally: Tally,
    /// The longest run of slices in which at least half of the requests due failed, or none ended; known to within a push.
    pub longest_outage_ms: Millis,
    /// All of them together.
    pub out_ms: Millis,
    /// The one at the end.
    out_now_ms: Millis,
    /// How long no request has ended now: an outage only if the next ones fail, for load may just have ended.
    silent_ms: Millis,
}

impl RunCost {
    /// Takes the next slice.
    pub fn take(&mut self, slice: &Slice) {
        let rate = if self.tally.seconds > 0.0 { self.tally.valid / self.tally.seconds } else { 0.0 };
        self.tally.add(slice);
        let (is_out, is_silent) = (slice.is_out(rate), slice.valid + slice.dropped <= 0.0);
        if is_out && is_silent {
            self.silent_ms += slice.length_ms();
            return;
        }
        let silent_ms = std::mem::take(&mut self.silent_ms);
        if !is_out {
            self.out_now_ms = 0;
            return;
        }
        let more_ms = silent_ms + slice.length_ms();
        self.out_now_ms += more_ms;
        self.out_ms += more_ms;
        self.longest_outage_ms = self.longest_outage_ms.max(self.out_now_ms);
    }
}
