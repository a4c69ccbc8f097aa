//! One run as far as it is known: what its page and its report tell.

use std::sync::Arc;

use super::{
    event::{Event, EventKind},
    live::Snapshot,
    run::{Run, RunState},
    threshold::Crossing,
};

/// A run with its course over time.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPicture {
    /// The run.
    pub run: Run,
    /// Services, rows and events; rows of another run do not count.
    pub snapshot: Arc<Snapshot>,
    /// How much of the rows is there.
    pub course: Course,
}

/// How much is known of a run's values over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// All there is.
    Known,
    /// They are being read from the metrics store: ask again.
    Reading,
    /// The metrics store no longer has them.
    Gone,
    /// The metrics store could not be asked.
    Unread {
        /// Why, in a line.
        why: String,
    },
}

/// What happened in a run; of one that nobody remembers, what its record says.
pub fn told(run: &Run, mut known: Vec<Event>) -> Vec<Event> {
    let about = |kind: &EventKind| match kind {
        EventKind::RunStarted { run: about } | EventKind::RunEnded { run: about, .. } => *about == run.id,
        _ => false,
    };
    if known.iter().any(|event| about(&event.kind)) {
        return known;
    }
    let started = run.started_ms.map(|at_ms| Event { at_ms, kind: EventKind::RunStarted { run: run.id.clone() } });
    let ended = match (&run.state, run.ended_ms) {
        (RunState::Finished(verdict), Some(at_ms)) => {
            Some(Event { at_ms, kind: EventKind::RunEnded { run: run.id.clone(), verdict: verdict.clone() } })
        }
        _ => None,
    };
    let crossings = run.thresholds.iter().flat_map(|seen| {
        let rule = seen.threshold.to_string();
        let event = move |at_ms, ok| Event { at_ms, kind: EventKind::Threshold { threshold: rule.clone(), ok } };
        let times = |crossing: &Crossing| [Some((crossing.from_ms, false)), crossing.to_ms.map(|at_ms| (at_ms, true))];
        seen.crossings.iter().flat_map(times).flatten().map(move |(at_ms, ok)| event(at_ms, ok))
    });
    known.extend(started.into_iter().chain(crossings).chain(ended));
    known
}
