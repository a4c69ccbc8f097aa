//! Events that follow from one state and the next.

use ha_dashboard::domain::{
    Millis,
    event::{Event, EventKind},
    live::MetricsStatus,
    run::{Run, RunState},
    service::{Health, ServiceStatus},
    threshold::Observed,
};

/// What happened to the run; `epoch_ms` is when this dashboard started.
pub fn run(before: Option<&Run>, after: Option<&Run>, epoch_ms: Millis, now_ms: Millis) -> Vec<Event> {
    let Some(after) = after else { return Vec::new() };
    let before = before.filter(|before| before.id == after.id);
    let id = || after.id.clone();
    let was = |state: fn(&RunState) -> bool| before.is_some_and(|before| state(&before.state));
    let mut events = Vec::new();
    if let Some(started_ms) = after.started_ms
        && before.is_none_or(|before| before.started_ms.is_none())
    {
        events.push(Event { at_ms: started_ms, kind: EventKind::RunStarted { run: id() } });
    }
    if before.is_none() && after.state.is_active() && after.created_ms < epoch_ms {
        events.push(Event { at_ms: now_ms, kind: EventKind::RunAdopted { run: id() } });
    }
    if after.state == RunState::Stopping && !was(|state| *state == RunState::Stopping) {
        events.push(Event { at_ms: now_ms, kind: EventKind::StopRequested { run: id() } });
    }
    if let RunState::Finished(verdict) = &after.state
        && !was(|state| !state.is_active())
    {
        let kind = EventKind::RunEnded { run: id(), verdict: verdict.clone() };
        events.push(Event { at_ms: after.ended_ms.unwrap_or(now_ms), kind });
    }
    events
}

/// Which thresholds were crossed or hold again. That a rule holds from the start is no event.
pub fn thresholds(before: &[Observed], after: &[Observed], now_ms: Millis) -> Vec<Event> {
    let changed = before.iter().zip(after).filter_map(|(before, after)| match (before.ok, after.ok) {
        (None | Some(true), Some(false)) | (Some(false), Some(true)) => Some(Event {
            at_ms: now_ms,
            kind: EventKind::Threshold { threshold: after.threshold.to_string(), ok: after.ok? },
        }),
        _ => None,
    });
    changed.collect()
}

/// Whose health changed; how long an answer took is no change, and neither is the first look.
pub fn health(before: &[ServiceStatus], after: &[ServiceStatus], now_ms: Millis) -> Vec<Event> {
    let same = |a: &Health, b: &Health| match (a, b) {
        (Health::Degraded { status: a }, Health::Degraded { status: b }) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    let changed = before.iter().zip(after).filter(|(before, after)| {
        let first = before.health == Health::Unknown && matches!(after.health, Health::Up { .. });
        !first && !same(&before.health, &after.health)
    });
    let event = |(_, after): (_, &ServiceStatus)| Event {
        at_ms: now_ms,
        kind: EventKind::Health { service: after.service.name.clone(), health: after.health.clone() },
    };
    changed.map(event).collect()
}

/// Whether samples stopped, or came again. `active`: the run is still at work.
pub fn metrics(before: &MetricsStatus, after: &MetricsStatus, active: bool, now_ms: Millis) -> Option<Event> {
    let kind = match (before.delayed_s, after.delayed_s) {
        (None, Some(seconds)) => EventKind::MetricsDelayed { seconds },
        (Some(_), None) if active => EventKind::MetricsBack,
        _ => return None,
    };
    Some(Event { at_ms: now_ms, kind })
}
