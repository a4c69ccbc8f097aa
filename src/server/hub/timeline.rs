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

/// Which thresholds were crossed or hold again, and what k6 decided of those that were too close to call. That a rule
/// holds from the start is no event. `told` is what was last told of each.
pub fn thresholds(told: &mut [Option<bool>], before: &[Observed], after: &[Observed], now_ms: Millis) -> Vec<Event> {
    let mut events = Vec::new();
    for ((told, before), after) in told.iter_mut().zip(before).zip(after) {
        let Some(ok) = after.ok else { continue };
        let threshold = || after.threshold.to_string();
        let decided = before.is_close() && after.k6_ok.is_some();
        let kind = match (decided, *told) {
            (true, _) => EventKind::ThresholdDecided { threshold: threshold(), value: after.value, ok },
            (false, None | Some(true)) if !ok => EventKind::Threshold { threshold: threshold(), ok },
            (false, Some(false)) if ok => EventKind::Threshold { threshold: threshold(), ok },
            (false, _) => {
                *told = Some(ok);
                continue;
            }
        };
        *told = Some(ok);
        events.push(Event { at_ms: now_ms, kind });
    }
    events
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
        (None, Some(seconds)) => EventKind::MetricsDelayed { seconds, reason: after.problem.clone() },
        (Some(_), None) if active => EventKind::MetricsBack,
        _ => return None,
    };
    Some(Event { at_ms: now_ms, kind })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{run::Verdict, service::Service};

    use super::*;
    use crate::server::prometheus::lab;

    fn names(events: &[Event]) -> Vec<String> {
        let name = |event: &Event| serde_json::to_value(&event.kind).unwrap()["event"].as_str().unwrap().to_owned();
        events.iter().map(name).collect()
    }

    #[test]
    fn a_run_tells_its_stations_once() {
        let running = lab::run("r-1", 10, &[]);
        let starting = Run { state: RunState::Starting, started_ms: None, ..running.clone() };
        let stopping = Run { state: RunState::Stopping, ..running.clone() };
        let finished = Run { state: RunState::Finished(Verdict::Stopped), ended_ms: Some(77), ..running.clone() };
        let step = |before: Option<&Run>, after: &Run| names(&run(before, Some(after), 0, 5));
        assert!(step(None, &starting).is_empty());
        assert_eq!(step(Some(&starting), &running), ["run-started"]);
        assert!(step(Some(&running), &running).is_empty());
        assert_eq!(step(Some(&running), &stopping), ["stop-requested"]);
        assert_eq!(step(Some(&stopping), &finished), ["run-ended"]);
        assert!(step(Some(&finished), &finished).is_empty());
        assert_eq!(run(Some(&stopping), Some(&finished), 0, 5)[0].at_ms, 77);
        // One from before this dashboard's time.
        assert_eq!(names(&run(None, Some(&running), u64::MAX, 5)), ["run-started", "run-adopted"]);
        assert_eq!(names(&run(None, Some(&finished), u64::MAX, 5)), ["run-started", "run-ended"]);
        let other = Run { id: "r-2".parse().unwrap(), ..starting };
        assert!(step(Some(&finished), &other).is_empty());
        assert!(run(Some(&finished), None, 0, 5).is_empty());
    }

    #[test]
    fn only_crossings_are_events() {
        let unseen = lab::run("r-1", 10, &["http_reqs:count>1"]).thresholds.remove(0);
        let observed = |ok: Option<bool>| Observed { ok, value: Some(1.0), ..unseen.clone() };
        // Holds, crossed, too close to call, holds again, crossed again over the doubt.
        let steps =
            [None, Some(true), Some(false), None, Some(false), None, Some(true), None, Some(false)].map(observed);
        let (mut told, mut before, mut events) = ([None], unseen.clone(), Vec::new());
        for after in steps {
            events.extend(thresholds(&mut told, &[before], std::slice::from_ref(&after), 5));
            before = after;
        }
        let oks = |event: &Event| match &event.kind {
            EventKind::Threshold { ok, .. } => *ok,
            other => panic!("{other:?}"),
        };
        assert_eq!(events.iter().map(oks).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn k6_decides_what_was_too_close_to_call() {
        let unseen = lab::run("r-1", 10, &["http_req_duration:p(95)<318"]).thresholds.remove(0);
        let close = Observed { value: Some(323.0), ..unseen };
        let decided = Observed { value: Some(311.0), ok: Some(true), k6_ok: Some(true), ..close.clone() };
        let events = thresholds(&mut [None], &[close], &[decided], 5);
        let threshold = "http_req_duration:p(95)<318".to_owned();
        let kind = EventKind::ThresholdDecided { threshold, value: Some(311.0), ok: true };
        assert_eq!(events, [Event { at_ms: 5, kind }]);
    }

    #[test]
    fn another_latency_is_no_change_of_health() {
        let service = Service { name: "shop".into(), url: String::new() };
        let status = |health| vec![ServiceStatus { service: service.clone(), health }];
        let up = |latency_ms| status(Health::Up { latency_ms });
        let down = status(Health::Down { reason: "refused".into() });
        let step = |before: &[ServiceStatus], after: &[ServiceStatus]| health(before, after, 5).len();
        assert_eq!(step(&up(1.0), &up(2.0)) + step(&status(Health::Unknown), &up(1.0)), 0);
        assert_eq!(step(&up(1.0), &down) + step(&down, &up(1.0)) + step(&status(Health::Unknown), &down), 3);
        let degraded = |status_code| status(Health::Degraded { status: status_code });
        assert_eq!(step(&degraded(500), &degraded(503)), 1);
    }
}
