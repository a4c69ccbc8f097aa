use crate::domain::{
    event::{Event, EventKind},
    labels::Labels,
    plan::{Pattern, Peak, Plan, Shape},
    run::{Run, RunState, Verdict},
    service::Health,
    timeline::entries,
};

fn at(second: u64, kind: EventKind) -> Event {
    Event { at_ms: second * 1000, kind }
}

fn crossed(ok: bool) -> EventKind {
    EventKind::Threshold { threshold: "http_req_duration:p(95)<200".into(), ok }
}

fn health(service: &str, up: bool) -> EventKind {
    let health = if up { Health::Up { latency_ms: 1.0 } } else { Health::Degraded { status: 503 } };
    EventKind::Health { service: service.into(), health }
}

/// From 10 s to 70 s.
fn run() -> Run {
    let peak = Peak::Vus { vus: 1 };
    let shape = Shape::Pattern { pattern: Pattern::Load, peak, duration_s: 60, ramp_s: None };
    Run {
        id: "r-1".parse().unwrap(),
        plan: Plan {
            script: "a.js".into(),
            target: "all-services".into(),
            shape,
            thresholds: Vec::new(),
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: None,
        state: RunState::Finished(Verdict::Passed),
        created_ms: 10_000,
        started_ms: Some(11_000),
        ended_ms: Some(70_000),
        deadline_ms: 90_000,
        thresholds: Vec::new(),
        totals: None,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        correlation_id: String::new(),
    }
}

/// The lines' last and first second, and how many changes they stand for.
fn lines(events: &[Event], run: Option<&Run>) -> Vec<(u64, u64, usize)> {
    entries(events, run).iter().map(|line| (line.event.at_ms / 1000, line.since_ms / 1000, line.changes)).collect()
}

#[test]
fn a_timeline_belongs_to_one_run() {
    let (this, other) = ("r-1".parse().unwrap(), "r-0".parse().unwrap());
    let events = [
        at(5, health("shop", false)),
        at(12, EventKind::RunStarted { run: this }),
        // Read back late.
        at(11, EventKind::RunEnded { run: other, verdict: Verdict::Passed }),
        at(30, crossed(false)),
        at(75, crossed(true)),
        at(81, health("shop", true)),
    ];
    assert_eq!(lines(&events, Some(&run())), [(12, 12, 1), (30, 30, 1), (75, 75, 1)]);
    let active = Run { ended_ms: None, state: RunState::Running, ..run() };
    assert_eq!(lines(&events, Some(&active)).len(), 4);
    assert_eq!(lines(&events, None).len(), 6, "without a run, everything");
    assert_eq!(lines(&events, None)[1].0, 11, "in order");
}

#[test]
fn flapping_is_one_line_and_a_crossing_with_its_recovery_is_two() {
    assert_eq!(lines(&[at(20, crossed(false)), at(24, crossed(true))], Some(&run())), [(20, 20, 1), (24, 24, 1)]);
    let flapping: Vec<_> = (0..10).map(|i| at(20 + 2 * i, crossed(i % 2 == 1))).collect();
    assert_eq!(lines(&flapping, Some(&run())), [(38, 20, 10)]);
    // Others in between keep their lines, and long after it is another story.
    let mut events = flapping;
    events.extend([at(25, health("shop", false)), at(60, crossed(false))]);
    assert_eq!(lines(&events, Some(&run())), [(25, 25, 1), (38, 20, 10), (60, 60, 1)]);
}

#[test]
fn two_services_that_fall_over_together_are_not_flapping() {
    let events =
        [at(20, health("a", false)), at(21, health("b", false)), at(22, health("a", true)), at(23, health("b", true))];
    assert_eq!(lines(&events, Some(&run())).len(), 4);
}
