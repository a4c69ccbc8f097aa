//! Names for what is begun here.

use ha_dashboard::domain::{
    Millis,
    fault::FaultId,
    id::{PassId, PlanId, ScheduleId, ShareId},
    run::RunId,
};
use rand::Rng;

/// A new run's id, for example `20261123-174326-k7qz`: it sorts by time.
pub fn run(now_ms: Millis) -> RunId {
    new(now_ms).try_into().expect(ALLOWED)
}

/// A new fault's id; it looks like a run's.
pub fn fault(now_ms: Millis) -> FaultId {
    new(now_ms).try_into().expect(ALLOWED)
}

/// A new plan's id; it looks like a run's.
pub fn plan(now_ms: Millis) -> PlanId {
    new(now_ms).try_into().expect(ALLOWED)
}

/// The id of a new schedule; it looks like a run's.
pub fn schedule(now_ms: Millis) -> ScheduleId {
    new(now_ms).try_into().expect(ALLOWED)
}

/// The id of a new link to a run's report; it looks like a run's.
pub fn share(now_ms: Millis) -> ShareId {
    new(now_ms).try_into().expect(ALLOWED)
}

/// The id of a new pass; it looks like a run's.
pub fn pass(now_ms: Millis) -> PassId {
    new(now_ms).try_into().expect(ALLOWED)
}

const ALLOWED: &str = "digits, dashes and small letters make an id";

fn new(now_ms: Millis) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let time = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let time = time.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y%m%d-%H%M%S").to_string();
    let mut random = rand::rng();
    let suffix = [(); 4].map(|()| char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    format!("{time}-{}", suffix.iter().collect::<String>())
}
