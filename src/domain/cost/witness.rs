//! The gateway as a witness of a fault.

use std::collections::BTreeSet;

use super::Sighting;
use crate::domain::Millis;

/// What a gateway says of the replicas that are hit, look by look.
///
/// Only one that it took out after it had been seen in counts. What it says of a replica that is not back yet from an earlier
/// fault is no word about this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    seen_up: BTreeSet<String>,
    sighting: Sighting,
}

impl Witness {
    /// Takes what it says of some replicas at `at_ms`, each with whether it is in. Without any of those that are hit it is no
    /// witness.
    pub fn take<'a>(&mut self, at_ms: Millis, hit: impl IntoIterator<Item = (&'a str, bool)>) -> Sighting {
        let mut is_down = false;
        for (replica, is_up) in hit {
            if self.sighting == Sighting::Unwatched {
                self.sighting = Sighting::Nothing;
            }
            if is_up {
                self.seen_up.insert(replica.to_owned());
            }
            is_down |= !is_up && self.seen_up.contains(replica);
        }
        if is_down && !matches!(self.sighting, Sighting::At(_)) {
            self.sighting = Sighting::At(at_ms);
        }
        self.sighting
    }
}
