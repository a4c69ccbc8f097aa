use proptest::prelude::*;

use super::any;
use crate::domain::{
    cost::{Cost, FaultCost},
    detail::Detail,
    event::{Event, EventKind},
    fault::Fault,
    frame::{Frame, History},
    labels::Labels,
    live::Status,
    picture::{Course, Kept, told},
    plan::{OwnEnd, Pattern, Peak, Plan, Shape},
    run::{Run, RunState, Seen, ServiceTotals, Totals, Verdict},
    schedule::PhaseName,
    threshold::{Crossing, Observed},
};

/// 60 s of load up to 10 VUs, begun at 5 s.
fn run(shape: Shape) -> Run {
    let plan = Plan {
        script: "a.js".into(),
        target: "shop".into(),
        shape,
        thresholds: vec![],
        request_timeout_s: 3,
        stop_when: vec![],
        regression: vec![],
    };
    Run {
        id: "r-1".parse().unwrap(),
        schedule: plan.schedule(),
        plan,
        state: RunState::Running,
        created_ms: 1_000,
        started_ms: Some(5_000),
        ended_ms: None,
        deadline_ms: 100_000,
        thresholds: vec![],
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

fn load() -> Run {
    run(Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 10 }, duration_s: 60, ramp_s: Some(10) })
}

fn own(end: OwnEnd) -> Run {
    run(Shape::Own { duration_s: 90, max_vus: 1, end })
}

#[test]
fn time_goes_from_the_start_to_the_planned_end() {
    let run = load();
    assert_eq!(run.duration_s(), 60);
    for (now_ms, elapsed, progress, left) in [
        (4_000, 0.0, 0.0, 60.0),
        (5_000, 0.0, 0.0, 60.0),
        (20_000, 15.0, 0.25, 45.0),
        (65_000, 60.0, 1.0, 0.0),
        (67_500, 62.5, 1.0, 0.0),
    ] {
        assert_eq!(run.elapsed_s(now_ms), elapsed);
        assert_eq!(run.progress(now_ms, Some(1e9)), progress);
        assert_eq!(run.remaining_s(now_ms), Some(left));
    }
    let waiting = Run { started_ms: None, state: RunState::Starting, ..load() };
    assert_eq!((waiting.elapsed_s(9_000), waiting.progress(9_000, None)), (0.0, 0.0));
    assert_eq!(waiting.remaining_s(9_000), Some(60.0));
    let stopping = Run { state: RunState::Stopping, ..load() };
    assert_eq!((stopping.progress(20_000, None), stopping.remaining_s(20_000)), (0.25, Some(45.0)));
}

#[test]
fn a_finished_run_stands_still() {
    let finished = Run { state: RunState::Finished(Verdict::Passed), ended_ms: Some(66_000), ..load() };
    assert_eq!((finished.elapsed_s(1_000_000), finished.remaining_s(20_000)), (61.0, Some(0.0)));
    assert_eq!((finished.phase(20_000), finished.asked(20_000)), (None, None));
}

#[test]
fn the_phase_and_what_it_asks_for_follow_the_schedule() {
    let run = load();
    let phase = |now_ms| run.phase(now_ms).map(|(phase, left)| (phase.name, left));
    for (now_ms, expected, asked) in [
        (5_000, Some((PhaseName::RampUp, 10.0)), Some(0.0)),
        (10_000, Some((PhaseName::RampUp, 5.0)), Some(5.0)),
        (20_000, Some((PhaseName::Hold, 35.0)), Some(10.0)),
        (60_000, Some((PhaseName::RampDown, 5.0)), Some(5.0)),
        (65_000, None, None),
    ] {
        assert_eq!((phase(now_ms), run.asked(now_ms)), (expected, asked), "{now_ms}");
    }
    let waiting = Run { started_ms: None, ..load() };
    assert_eq!((waiting.phase(20_000), waiting.asked(20_000)), (None, None));
    let unknown = own(OwnEnd::Unknown);
    assert_eq!((unknown.phase(20_000), unknown.asked(20_000)), (None, None));
}

#[test]
fn a_script_with_its_own_options_ends_by_its_own_clock_or_its_iterations() {
    let timed = own(OwnEnd::Time { after_s: 60 });
    assert_eq!((timed.duration_s(), timed.plan.shape.longest_s(), timed.plan.shape.iterations()), (60, 90, None));
    assert_eq!((timed.progress(35_000, None), timed.remaining_s(35_000)), (0.5, Some(30.0)));
    let unknown = own(OwnEnd::Unknown);
    assert_eq!((unknown.duration_s(), unknown.remaining_s(35_000)), (90, Some(60.0)));

    let counted = own(OwnEnd::Iterations { iterations: 20 });
    assert_eq!((counted.duration_s(), counted.plan.shape.longest_s()), (90, 90));
    assert_eq!(counted.plan.shape.iterations(), Some(20));
    assert_eq!(counted.remaining_s(35_000), None, "nobody knows how long iterations take");
    for (done, progress) in [(None, 0.0), (Some(0.0), 0.0), (Some(5.0), 0.25), (Some(20.0), 1.0), (Some(21.0), 1.0)] {
        assert_eq!(counted.progress(35_000, done), progress);
    }
    let totals = Some(Totals { iterations: Some(15.0), ..Totals::default() });
    let stopped = Run { state: RunState::Finished(Verdict::Stopped), totals, ..counted };
    assert_eq!(stopped.progress(35_000, Some(14.0)), 0.75, "k6 has counted them");
    assert_eq!(own(OwnEnd::Iterations { iterations: 0 }).progress(5_000, Some(0.0)), 0.0);
    assert_eq!(load().plan.shape.longest_s(), 63);
    assert_eq!(load().plan.shape.iterations(), None);
}

#[test]
fn only_what_is_not_finished_is_active() {
    for (state, active) in [
        (RunState::Starting, true),
        (RunState::Running, true),
        (RunState::Stopping, true),
        (RunState::Finished(Verdict::Passed), false),
    ] {
        assert_eq!(state.is_active(), active);
    }
}

proptest::proptest! {
    #[test]
    fn no_time_breaks_the_arithmetic(run in any::run(), now_ms: u64, done in proptest::option::of(any::number())) {
        proptest::prop_assert!((0.0..=1.0).contains(&run.progress(now_ms, done)));
        proptest::prop_assert!(run.remaining_s(now_ms).is_none_or(|left| left >= 0.0));
    }
}

#[test]
fn what_was_seen_counts_until_k6_has_spoken() {
    let observed = |value, k6_ok| Observed {
        threshold: "http_req_duration:p(95)<500".parse().unwrap(),
        value,
        ok: Some(true),
        k6_ok,
        crossings: Vec::new(),
    };
    let totals = |requests| Some(Totals { requests: Some(requests), ..Totals::default() });
    let seen = Seen {
        run: load().id,
        thresholds: vec![observed(Some(641.0), None)],
        criteria: vec![],
        so_far: Vec::new(),
        totals: totals(9.0),
    };
    let finished = || RunState::Finished(Verdict::Failed);
    for (told, state, known, value, shown) in [
        (observed(None, None), RunState::Running, None, Some(641.0), None),
        (observed(Some(1.0), None), RunState::Running, None, Some(641.0), None),
        (observed(Some(613.0), Some(false)), finished(), None, Some(613.0), totals(9.0)),
        (observed(None, Some(true)), finished(), None, Some(641.0), totals(9.0)),
        (observed(None, Some(true)), finished(), totals(7.0), None, totals(7.0)),
    ] {
        let run = Run { thresholds: vec![told], state, totals: known, ..load() }.shown(&seen);
        assert_eq!((run.thresholds[0].value, run.totals), (value, shown));
    }
    let other = Run { id: "r-2".parse().unwrap(), thresholds: vec![observed(None, None)], ..load() };
    assert_eq!(other.clone().shown(&seen), other);
    // When a rule did not hold, and what went where, k6 never tells.
    let crossings = vec![Crossing { from_ms: 5, to_ms: Some(9) }];
    let shop = ServiceTotals { name: "shop".into(), requests: 9.0, ..ServiceTotals::default() };
    let store = Totals { services: vec![shop], statuses: [("200".into(), 9.0)].into(), ..totals(9.0).unwrap() };
    let threshold = Observed { crossings: crossings.clone(), ..observed(Some(641.0), None) };
    let parts = Seen { thresholds: vec![threshold], totals: Some(store.clone()), ..seen.clone() };
    let told = vec![observed(Some(613.0), Some(true))];
    let run = Run { thresholds: told.clone(), ..load() }.shown(&parts);
    assert_eq!((run.thresholds[0].value, &run.thresholds[0].crossings), (Some(613.0), &crossings));
    let run = Run { thresholds: told, state: finished(), totals: totals(7.0), ..load() }.shown(&parts);
    assert_eq!(run.totals, Some(Totals { requests: Some(7.0), ..store }));
    assert!(run.totals.unwrap().has_parts() && !totals(7.0).unwrap().has_parts() && totals(0.0).unwrap().has_parts());
    let another_rule = Observed::new("http_req_duration:p(95)<501".parse().unwrap());
    let other = Run { thresholds: vec![another_rule], ..load() };
    assert_eq!(other.clone().shown(&seen), other);
    let nothing_seen = Seen { thresholds: vec![observed(None, None)], ..seen };
    let told = Run { thresholds: vec![observed(Some(613.0), None)], ..load() };
    assert_eq!(told.clone().shown(&nothing_seen), told, "no value is nothing to learn");
}

#[test]
fn of_two_words_about_a_run_the_later_one_counts() {
    let at = |state: RunState| Run { state, ..load() };
    let finished = RunState::Finished(Verdict::Stopped);
    let states = [RunState::Starting, RunState::Running, RunState::Stopping, finished];
    for (earlier, later) in states.iter().zip(&states[1..]) {
        let (earlier, later) = (at(earlier.clone()), at(later.clone()));
        assert_eq!(Run::newer(&earlier, &later), &later);
        assert_eq!(Run::newer(&later, &earlier), &later);
    }
    let told = Run { stop_problem: Some("told first".into()), ..load() };
    assert_eq!(Run::newer(&told, &load()), &told, "of two equal ones the first");
    let next = Run { id: "r-2".parse().unwrap(), created_ms: 1_001, state: RunState::Starting, ..load() };
    assert_eq!((Run::newer(&load(), &next), Run::newer(&next, &load())), (&next, &next));
    let same_time = Run { created_ms: 1_000, ..next };
    assert_eq!(Run::newer(&load(), &same_time), &same_time);
}

#[test]
fn a_run_that_nobody_remembers_is_told_from_its_record() {
    let ended = Run { state: RunState::Finished(Verdict::Passed), ended_ms: Some(66_000), ..load() };
    let event = |at_ms, kind| Event { at_ms, kind };
    let started = |run: &str| EventKind::RunStarted { run: run.parse().unwrap() };
    let over = EventKind::RunEnded { run: ended.id.clone(), verdict: Verdict::Passed };
    let other = event(1, started("r-2"));
    let known = vec![other.clone(), event(5_100, started("r-1"))];
    assert_eq!(told(&ended, known.clone()), known);
    let record = [event(5_000, started("r-1")), event(66_000, over)];
    assert_eq!(told(&ended, vec![other.clone()]), [&[other], &record[..]].concat());
    assert_eq!(told(&load(), vec![]), record[..1]);
    let rule = "http_req_failed:rate<0.1";
    let spells = [(8_000, Some(9_000)), (20_000, None)].map(|(from_ms, to_ms)| Crossing { from_ms, to_ms });
    let seen = Observed { crossings: spells.into(), ..Observed::new(rule.parse().unwrap()) };
    let crossed = |at_ms, ok| event(at_ms, EventKind::Threshold { threshold: rule.into(), ok });
    assert_eq!(
        told(&Run { thresholds: vec![seen], ..load() }, vec![]),
        [record[0].clone(), crossed(8_000, false), crossed(9_000, true), crossed(20_000, false)]
    );
    assert_eq!(told(&Run { started_ms: None, ..load() }, vec![]), []);
}

#[test]
fn who_knows_less_takes_nothing_from_what_is_kept_of_a_run() {
    let over = Run { state: RunState::Finished(Verdict::Passed), ended_ms: Some(65_000), ..load() };
    let rows = |count: u64| {
        let mut history = History::default();
        (1..=count).for_each(|row| history.push(&Frame { at_ms: 5_000 + 1_000 * row, ..Frame::default() }));
        history
    };
    let event = |at_ms| Event { at_ms, kind: EventKind::MetricsBack };
    let detail = |rows: u64| Detail { at_ms: 5_000 + 1_000 * rows, recent_ms: Some(5_000), ..Detail::default() };
    let events = [event(40_000), event(2_000), event(500), event(90_000)];
    let status = Status::default();
    assert_eq!(Kept::of(&load(), &status, &rows(3), &[], None), None, "it goes on");
    let mut kept = Kept::of(&over, &status, &rows(60), &events, Some(&detail(60))).unwrap();
    assert_eq!(kept.events, [event(2_000), event(40_000)], "those of the run, in order");
    let whole = kept.clone();
    kept.learn(Kept::default());
    kept.learn(whole.clone());
    assert_eq!(kept, whole);
    kept.learn(Kept::of(&over, &status, &rows(2), &[event(70_000), event(30_000)], Some(&detail(2))).unwrap());
    assert_eq!((kept.history.at_ms.len(), kept.events.len()), (60, 4));
    assert!(kept.events.is_sorted_by_key(|event| event.at_ms));
    kept.learn(Kept { history: rows(61), ..Kept::default() });
    assert_eq!((kept.history.at_ms.len(), kept.events.len()), (61, 4));

    let picture = kept.clone().picture(over.clone(), &status);
    assert_eq!((picture.course, &picture.run), (Course::Known, &over));
    assert!(
        picture.snapshot.events.iter().any(|event| matches!(event.kind, EventKind::RunEnded { .. })),
        "as its record says"
    );
    assert_eq!(picture.snapshot.history, kept.history);
    assert_eq!(picture.detail.as_deref(), Some(&detail(60).whole()));
}

proptest! {
    #[test]
    fn what_a_fault_cost_is_told_once_and_as_it_is_known_last(
        known in prop::collection::vec((any::fault(), any::cost()), 0..4),
        news in prop::collection::vec((any::fault(), any::cost()), 0..4),
        again in any::cost(),
    ) {
        let told = |all: Vec<(Fault, Cost)>| {
            let costs = all.iter().map(|(fault, cost)| FaultCost { fault: fault.id.clone(), run: None, cost: cost.clone() });
            Kept { costs: costs.collect(), faults: all.iter().map(|(fault, _)| fault.clone()).collect(), ..Kept::default() }
        };
        let mut kept = Kept::default();
        kept.learn(told(known.clone()));
        kept.learn(told(news));
        if let Some((fault, _)) = known.first() {
            kept.learn(told(vec![(fault.clone(), again.clone())]));
            prop_assert_eq!(kept.costs.iter().filter(|cost| cost.fault == fault.id).map(|cost| &cost.cost).collect::<Vec<_>>(), [&again]);
            prop_assert_eq!(kept.faults.iter().filter(|one| one.id == fault.id).count(), 1);
        }
        prop_assert!(known.iter().all(|(fault, _)| kept.faults.iter().any(|one| one.id == fault.id)));
    }
}
