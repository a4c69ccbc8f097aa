use std::sync::Arc;

use crate::domain::{
    Millis,
    cost::{Cost, FaultCost},
    detail::{Detail, Failure},
    event::{Event, EventKind},
    fault::{Fault, FaultEnd, FaultKind, FaultRequest, FaultState},
    frame::{Dimension, Frame, History, Metric, SeriesKey},
    live::Snapshot,
    origin::Origin,
    picture::{Course, RunPicture},
    plan::{Pattern, Peak, Plan, Shape},
    run::{Run, RunState, Source, Totals, Verdict},
    service::{Health, Silence},
    story::{After, Finding, Gap, Stretch, findings, gaps, generator, kept},
    threshold::{Observed, Threshold},
};

const START: Millis = 1_000_000;

fn at(second: Millis) -> Millis {
    START + second * 1_000
}

/// A run of 60 s that held or broke its rules over its whole time.
pub fn run(rules: &[(&str, bool)]) -> Run {
    let shape = Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 10 }, duration_s: 60, ramp_s: None };
    let seen = |(rule, ok): &(&str, bool)| Observed {
        value: Some(1.0),
        ok: Some(*ok),
        k6_ok: Some(*ok),
        ..Observed::new(rule.parse().unwrap())
    };
    let failed = rules.iter().any(|(_, ok)| !ok);
    Run {
        id: "r-1".parse().unwrap(),
        plan: Plan {
            script: "a.js".into(),
            target: "shop".into(),
            shape,
            thresholds: vec![],
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: None,
        scenario: None,
        state: RunState::Finished(if failed { Verdict::Failed } else { Verdict::Passed }),
        created_ms: START,
        started_ms: Some(START),
        ended_ms: Some(at(60)),
        deadline_ms: at(90),
        thresholds: rules.iter().map(seen).collect(),
        totals: Some(Totals {
            requests: Some(6000.0),
            failed_share: Some(0.0),
            dropped_iterations: Some(0.0),
            ..Totals::default()
        }),
        so_far: Vec::new(),
        stop_problem: None,
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        correlation_id: String::new(),
        labels: Default::default(),
    }
}

/// A row a second: 100 requests, p95 and share of failed ones as they are told, in seconds and 0–1.
fn picture(run: Run, p95: impl Fn(Millis) -> f64, failed: impl Fn(Millis) -> f64) -> RunPicture {
    let mut history = History::default();
    for second in 0..=60 {
        let values = [
            (SeriesKey::whole(Metric::P95), p95(second)),
            (SeriesKey::whole(Metric::RequestRate), 100.0),
            (SeriesKey::whole(Metric::FailedShare), failed(second)),
            (SeriesKey::part(Metric::Cpu, Dimension::Process, "k6"), 0.2 + second as f64 / 100.0),
        ];
        history.push(&Frame { at_ms: at(second), values: values.into(), ..Frame::default() });
    }
    let mut snapshot = Snapshot { history, ..Snapshot::default() };
    snapshot.status.run = Some(run.clone());
    RunPicture { run, snapshot: Arc::new(snapshot), course: Course::Known, detail: Some(Arc::default()) }
}

/// The same with a replica killed from `second` on for `seconds`.
fn with_fault(mut picture: RunPicture, second: Millis, seconds: Millis) -> RunPicture {
    let request = FaultRequest {
        kind: FaultKind::Kill,
        service: "shop".into(),
        replica: Some("shop-2".into()),
        intensity: None,
        duration_s: None,
        even_last: false,
        hypothesis: None,
        guard: None,
    };
    let fault = Fault {
        id: "f-1".parse().unwrap(),
        request,
        replicas: vec!["shop-2".into()],
        of_replicas: 2,
        state: FaultState::Restored { why: FaultEnd::Time },
        asked_ms: at(second),
        set_at_ms: Some(at(second)),
        until_ms: at(second + seconds),
        restored_at_ms: Some(at(second + seconds)),
        healthy_again_ms: None,
        by: "test".into(),
    };
    let cost = FaultCost { fault: fault.id.clone(), run: Some(picture.run.id.clone()), cost: Cost::default() };
    let snapshot = Arc::make_mut(&mut picture.snapshot);
    snapshot.status.faults.push(fault);
    snapshot.status.costs.push(cost);
    picture
}

fn within(second: Millis, from: Millis, to: Millis) -> bool {
    (from..=to).contains(&second)
}

const P95: &str = "http_req_duration:p(95)<500";
const FAILED: &str = "http_req_failed:rate<0.01";

#[test]
fn what_crossed_its_limit_is_told_with_its_time_its_cause_and_what_came_of_it() {
    let slow = |second| if within(second, 13, 16) { 0.9 } else { 0.1 };
    let failing = |second| if within(second, 13, 14) { 0.006 } else { 0.0 };
    let told = findings(&with_fault(picture(run(&[(P95, true), (FAILED, true)]), slow, failing), 12, 15));
    let [Finding::Crossed { threshold, when, to_end, more, after, failed_share, held }, Finding::RestHeld] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((threshold.to_string().as_str(), *to_end, *more, *held), (P95, false, 0, true));
    assert_eq!(*when, Stretch { from_ms: at(12), to_ms: at(16) });
    assert_eq!(after, &Some(After::Fault { kind: FaultKind::Kill, whom: "shop-2".into() }));
    assert!((failed_share.unwrap() - 0.003).abs() < 1e-9, "{failed_share:?}");
}

#[test]
fn each_rule_leads_to_its_sentence() {
    let fine = |_| 0.1;
    let none = |_| 0.0;
    let late = |second| if second >= 50 { 0.9 } else { 0.1 };
    let twice = |second| if within(second, 10, 12) || within(second, 30, 31) { 0.9 } else { 0.1 };
    let names = |told: &[Finding]| {
        let name = |finding: &Finding| match finding {
            Finding::Crossed { to_end, more, held, after, .. } => {
                format!("crossed to_end={to_end} more={more} held={held} after={}", after.is_some())
            }
            Finding::Broken { seen } => format!("broken {}", seen.threshold),
            Finding::Failed { requests, first, .. } => format!("failed {requests} first={}", first.is_some()),
            Finding::AllHeld { rules } => format!("all {rules} held"),
            other => format!("{other:?}"),
        };
        told.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let checks = "checks:rate>0.9";
    for (picture, expected) in [
        (picture(run(&[]), fine, none), "NoneFailed, NoRules"),
        (picture(run(&[(P95, true)]), fine, none), "NoneFailed, all 1 held"),
        (picture(run(&[(P95, true), (FAILED, true)]), fine, none), "NoneFailed, all 2 held"),
        // It broke, and no single second says when.
        (picture(run(&[(checks, false), (P95, true)]), fine, none), "broken checks:rate>0.9, NoneFailed, RestHeld"),
        (picture(run(&[(P95, false)]), late, none), "crossed to_end=true more=0 held=false after=false, NoneFailed"),
        (picture(run(&[(P95, true)]), twice, none), "crossed to_end=false more=1 held=true after=false, NoneFailed"),
        // What was done a minute before is not why.
        (
            with_fault(picture(run(&[(P95, false)]), late, none), 5, 10),
            "crossed to_end=true more=0 held=false after=false, NoneFailed",
        ),
        // What is still at work may be.
        (
            with_fault(picture(run(&[(P95, false)]), late, none), 5, 50),
            "crossed to_end=true more=0 held=false after=true, NoneFailed",
        ),
    ] {
        assert_eq!(names(&findings(&picture)), expected);
    }

    let mut lost = run(&[(P95, true)]);
    lost.totals = Some(Totals {
        requests: Some(6000.0),
        failed_share: Some(0.002),
        dropped_iterations: Some(7.0),
        ..Totals::default()
    });
    let mut told = picture(lost, fine, none);
    assert_eq!(names(&findings(&told)), "failed 12 first=false, all 1 held, Dropped { iterations: 7.0 }");
    let failure = |second| Failure { requests: 6.0, first_ms: at(second), ..Failure::default() };
    told.detail = Some(Arc::new(Detail { failures: vec![failure(40), failure(20)], ..Detail::default() }));
    let snapshot = Arc::make_mut(&mut told.snapshot);
    let health = Health::Down { reason: "gone".into(), why: Silence::Other };
    let kind = EventKind::ReplicaHealth { service: "shop".into(), replica: "shop-1".into(), health };
    snapshot.events.push(Event { at_ms: at(19), kind });
    let first = Some((at(20), Some(After::Down { whom: "shop-1".into() })));
    assert_eq!(findings(&told)[0], Finding::Failed { requests: 12.0, share: 0.002, first });
    // Of a run without figures there is little to tell.
    told.run.totals = None;
    assert_eq!(names(&findings(&told)), "all 1 held");
}

#[test]
fn how_long_a_limit_was_kept_counts_only_what_is_known() {
    let told = picture(run(&[]), |second| if within(second, 31, 40) { 0.9 } else { 0.1 }, |_| 0.0);
    let rule = |text: &str| text.parse::<Threshold>().unwrap();
    let known = kept(&rule(P95), &told.snapshot.history).unwrap();
    assert_eq!((known.judged_ms, known.held_ms), (60_000, 50_000));
    assert_eq!(known.crossed, [Stretch { from_ms: at(30), to_ms: at(40) }]);
    let mut gap = told.snapshot.history.clone();
    gap.keep_to(at(10));
    let values = [(SeriesKey::whole(Metric::P95), 0.1)];
    gap.push(&Frame { at_ms: at(50), values: values.into(), ..Frame::default() });
    let known = kept(&rule(P95), &gap).unwrap();
    assert_eq!((known.judged_ms, known.held_ms), (15_000, 15_000), "nobody knows of the gap");
    for text in ["http_reqs:rate>10", "checks:rate>0.9", "http_req_duration{name:x}:p(95)<5", "http_req_duration:max<5"]
    {
        assert_eq!(kept(&rule(text), &told.snapshot.history), None, "{text}");
    }
    assert_eq!(kept(&rule("http_req_duration{service:shop}:p(95)<5"), &told.snapshot.history), None, "no such series");
    assert_eq!(kept(&rule(P95), &History::default()), None);
}

#[test]
fn what_a_run_cannot_tell_is_said() {
    let whole = with_fault(picture(run(&[(P95, true)]), |_| 0.1, |_| 0.0), 12, 15);
    assert_eq!(gaps(&whole), []);
    let mut bare = picture(run(&[(P95, true)]), |_| 0.1, |_| 0.0);
    bare.detail = None;
    bare.run.thresholds[0].value = None;
    bare.run.totals = Some(Totals { source: Source::Store, requests: Some(30.0), ..Totals::default() });
    let snapshot = Arc::make_mut(&mut bare.snapshot);
    snapshot.history.series.retain(|key, _| key.metric == Metric::RequestRate);
    let delayed = |seconds| Event { at_ms: at(20), kind: EventKind::MetricsDelayed { seconds, reason: String::new() } };
    snapshot.events = vec![delayed(4), delayed(9)];
    assert_eq!(
        gaps(&bare),
        [
            Gap::Times,
            Gap::Exact,
            Gap::Endpoints,
            Gap::Delayed { seconds: 9 },
            Gap::Few { requests: 30.0 },
            Gap::Rules { rules: 1 },
            Gap::Generator,
            Gap::Faults,
        ]
    );
    Arc::make_mut(&mut bare.snapshot).history = History::default();
    bare.detail = Some(Arc::new(Detail { left_out: true, ..Detail::default() }));
    let told = gaps(&bare);
    assert!(
        told.contains(&Gap::Course) && told.contains(&Gap::AllEndpoints) && !told.contains(&Gap::Times),
        "{told:?}"
    );
    // One that never began has nothing to tell at all.
    bare.run.started_ms = None;
    assert_eq!(gaps(&bare), []);
}

#[test]
fn the_generator_is_measured_where_it_is_and_unknown_elsewhere() {
    let told = picture(run(&[]), |_| 0.1, |_| 0.0);
    let fared = generator(&told.run, &told.snapshot.history);
    assert!((fared.cpu_most.unwrap() - 0.8).abs() < 1e-9 && (fared.cpu_mean.unwrap() - 0.5).abs() < 1e-9, "{fared:?}");
    assert_eq!((fared.host_most, fared.dropped), (None, Some(0.0)));
    let unknown = generator(&Run { totals: None, ..told.run }, &History::default());
    assert_eq!((unknown.cpu_most, unknown.cpu_mean, unknown.dropped), (None, None, None));
    assert_eq!((unknown.busy_share, unknown.held_up()), (None, false));
}

#[test]
fn a_machine_that_is_busy_for_a_tenth_of_the_time_holds_k6_up() {
    let fared = |used: &[f64], cores| {
        let mut history = History::default();
        for (second, used) in (1..).zip(used) {
            let mut row = Frame { at_ms: second * 1000, ..Frame::default() };
            row.set(SeriesKey::part(Metric::Cpu, Dimension::Process, "host"), *used);
            history.push(&row);
        }
        let origin = Origin { cores, ..Origin::default() };
        let fared = generator(&Run { origin, ..run(&[]) }, &history);
        (fared.busy_share, fared.held_up())
    };
    let once = |most: f64| [&[most][..], &[1.0; 9]].concat();
    assert_eq!(fared(&once(1.8), Some(2)), (Some(0.1), true));
    assert_eq!(fared(&once(1.79), Some(2)), (Some(0.0), false));
    assert_eq!(fared(&once(1.8), Some(4)), (Some(0.0), false));
    assert!(!fared(&[once(1.8), vec![1.0]].concat(), Some(2)).1, "less than a tenth");
    assert_eq!(fared(&once(1.8), None), (None, false), "of how many, nobody knows");
    assert_eq!(fared(&[], Some(2)), (None, false));
}
