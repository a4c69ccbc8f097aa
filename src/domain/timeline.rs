//! What happened in one run, by its clock, with flapping folded into one line.

use super::{
    Millis,
    event::{Event, EventKind},
    run::Run,
};

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened, or the last of it.
    pub event: Event,
    /// When the first of it was.
    pub since_ms: Millis,
    /// How many changes it stands for; 1 for a line of its own.
    pub changes: usize,
}

/// What comes so soon after a run's end still belongs to it: k6's last word on its thresholds.
const AFTER_END_MS: Millis = 10_000;

/// Changes of one thing that follow each other at most this closely may be flapping.
const CLOSE_MS: Millis = 15_000;

/// As many changes in a row are flapping: there and back again, twice.
const FLAPPING: usize = 4;

/// When a run's clock begins.
pub fn origin_ms(run: &Run) -> Millis {
    run.started_ms.unwrap_or(run.created_ms)
}

/// The lines of a run, oldest first; without a run, of everything.
pub fn entries(events: &[Event], run: Option<&Run>) -> Vec<Entry> {
    let mut events: Vec<&Event> = events.iter().filter(|event| run.is_none_or(|run| belongs(event, run))).collect();
    // After a restart, events read back come after those of the start.
    events.sort_by_key(|event| event.at_ms);
    let mut chains: Vec<Vec<&Event>> = Vec::new();
    for event in events {
        let follows = |chain: &&mut Vec<&Event>| {
            let last = chain.last().filter(|last| subject(last).is_some() && subject(last) == subject(event));
            last.is_some_and(|last| event.at_ms - last.at_ms <= CLOSE_MS)
        };
        match chains.iter_mut().rev().find(follows) {
            Some(chain) => chain.push(event),
            None => chains.push(vec![event]),
        }
    }
    let mut entries: Vec<Entry> = chains.iter().flat_map(|chain| folded(chain)).collect();
    entries.sort_by_key(|entry| entry.event.at_ms);
    entries
}

fn folded(chain: &[&Event]) -> Vec<Entry> {
    let entry = |event: &Event, since: &Event, changes| Entry { event: event.clone(), since_ms: since.at_ms, changes };
    match chain {
        [first, .., last] if chain.len() >= FLAPPING => vec![entry(last, first, chain.len())],
        _ => chain.iter().map(|event| entry(event, event, 1)).collect(),
    }
}

/// Whether something happened in a run or is about it.
pub fn belongs(event: &Event, run: &Run) -> bool {
    let named = match &event.kind {
        EventKind::RunStarted { run }
        | EventKind::StopRequested { run }
        | EventKind::CriterionMet { run, .. }
        | EventKind::RunEnded { run, .. }
        | EventKind::RunAdopted { run }
        | EventKind::LoadAdded { run, .. }
        | EventKind::LoadRemoved { run, .. } => Some(run),
        EventKind::EmergencyStop { run } => run.as_ref(),
        _ => None,
    };
    let end_ms = run.ended_ms.map_or(Millis::MAX, |ended_ms| ended_ms.saturating_add(AFTER_END_MS));
    named.map_or((run.created_ms..=end_ms).contains(&event.at_ms), |named| *named == run.id)
}

/// What may change there and back again.
#[derive(PartialEq)]
enum Subject<'a> {
    Threshold(&'a str),
    Service(&'a str),
    /// Replica and dependency.
    Breaker(&'a str, &'a str),
    Replica(&'a str),
    GatewayServer(&'a str),
    Process(&'a str),
    Metrics,
}

fn subject(event: &Event) -> Option<Subject<'_>> {
    match &event.kind {
        EventKind::Threshold { threshold, .. } => Some(Subject::Threshold(threshold)),
        EventKind::Health { service, .. } => Some(Subject::Service(service)),
        EventKind::Breaker { replica, dependency, .. } => Some(Subject::Breaker(replica, dependency)),
        EventKind::ReplicaHealth { replica, .. } => Some(Subject::Replica(replica)),
        EventKind::GatewayServer { replica, .. } => Some(Subject::GatewayServer(replica)),
        EventKind::Process { replica, .. } => Some(Subject::Process(replica)),
        EventKind::MetricsDelayed { .. } | EventKind::MetricsBack => Some(Subject::Metrics),
        EventKind::RunStarted { .. }
        | EventKind::StopRequested { .. }
        | EventKind::EmergencyStop { .. }
        | EventKind::CriterionMet { .. }
        | EventKind::RunEnded { .. }
        | EventKind::RunAdopted { .. }
        | EventKind::LoadAdded { .. }
        | EventKind::LoadRemoved { .. }
        | EventKind::ThresholdDecided { .. }
        | EventKind::FaultSet { .. }
        | EventKind::FaultRestored { .. }
        | EventKind::FaultFailed { .. }
        | EventKind::PlanDue { .. } => None,
    }
}
