use super::any;
use crate::domain::{
    fault::{Fault, FaultDraft, FaultEnd, FaultKind, FaultState},
    guide::{self, Guide, Obstacle, Part, Turn, Watch},
    run::{Run, RunState, Verdict},
    scenario::{Offer, Scenario, ScenarioDraft, ScenarioError, ScenarioProblem, StepDraft},
    script::{Script, ScriptKind},
    validate::Field,
};

const STARTED_MS: u64 = 10_000;

/// A kill of one of two at 10 s, all of them frozen at 30 s, each for 5 s.
fn scenario() -> Scenario {
    let step = |at: &str, kind: &str, service: &str| StepDraft {
        at: at.into(),
        fault: FaultDraft {
            kind: kind.into(),
            service: service.into(),
            duration: "5".into(),
            even_last: true,
            ..FaultDraft::default()
        },
        line: None,
    };
    let steps = vec![step("10", "kill", "shop-1"), step("30", "freeze", "shop")];
    ScenarioDraft { steps, ..ScenarioDraft::default() }.validate(&super::fault::rules(), Some(60)).unwrap()
}

fn run(state: RunState) -> Run {
    let over = !state.is_active();
    Run {
        state,
        scenario: Some(scenario()),
        started_ms: Some(STARTED_MS),
        ended_ms: over.then_some(STARTED_MS + 60_000),
        ..any::run_of_a_minute()
    }
}

/// The fault of a step, asked for so many ms after its time.
fn fault(step: usize, late_ms: u64, state: FaultState) -> Fault {
    let step = &scenario().steps[step];
    let asked_ms = STARTED_MS + u64::from(step.at_s) * 1000 + late_ms;
    let replicas = match &step.fault.replica {
        Some(replica) => vec![replica.clone()],
        None => vec!["shop-1".into(), "shop-2".into()],
    };
    Fault {
        id: format!("f-{}-{late_ms}", step.at_s).parse().unwrap(),
        request: step.fault.clone(),
        replicas,
        of_replicas: 2,
        state,
        asked_ms,
        set_at_ms: Some(asked_ms + 200),
        until_ms: asked_ms + 5200,
        restored_at_ms: None,
        healthy_again_ms: None,
        by: String::new(),
    }
}

fn restored(step: usize, why: FaultEnd) -> Fault {
    fault(step, 20, FaultState::Restored { why })
}

/// How far along each leg is, a letter each: done, now, next, missed.
fn turns(run: &Run, faults: &[Fault], at_s: u64) -> String {
    let guide = Guide::of(run, faults, STARTED_MS + at_s * 1000).unwrap();
    let letter = |turn| match turn {
        Turn::Done => 'd',
        Turn::Now => 'N',
        Turn::Next => '.',
        Turn::Missed => 'x',
    };
    guide.legs.iter().map(|leg| letter(leg.turn)).collect()
}

#[test]
fn legs_follow_the_scenario_and_what_became_of_it() {
    let running = run(RunState::Running);
    let parts =
        Guide::of(&running, &[], STARTED_MS).unwrap().legs.iter().map(|leg| (leg.part, leg.at_s)).collect::<Vec<_>>();
    let all = [
        (Part::Load, 0),
        (Part::Fault(0), 10),
        (Part::Recovery(0), 15),
        (Part::Fault(1), 30),
        (Part::Recovery(1), 35),
        (Part::End, 60),
    ];
    assert_eq!(parts, all);
    assert_eq!(Guide::of(&any::run_of_a_minute(), &[], 0), None, "it has no scenario");

    let (kill, freeze) = (restored(0, FaultEnd::Time), fault(1, 20, FaultState::Active));
    let finished = |verdict| run(RunState::Finished(verdict));
    let ended_at = |at_s: u64| Run { ended_ms: Some(STARTED_MS + at_s * 1000), ..finished(Verdict::Stopped) };
    let unstarted = |state| Run { started_ms: None, ..run(state) };
    for (why, run, faults, at_s, expected) in [
        ("k6 is being started", unstarted(RunState::Starting), vec![], 0, "......"),
        ("before the first fault", running.clone(), vec![], 9, "N....."),
        ("it is being set", running.clone(), vec![fault(0, 20, FaultState::Setting)], 10, "dN...."),
        (
            "it is on record before this clock says so",
            running.clone(),
            vec![fault(0, 0, FaultState::Active)],
            9,
            "dN....",
        ),
        ("so is the second", running.clone(), vec![freeze.clone(), kill.clone()], 29, "dddN.."),
        ("it is due, and not on record yet", running.clone(), vec![], 10, "dN...."),
        ("it takes longer than planned", running.clone(), vec![fault(0, 20, FaultState::Active)], 16, "dN...."),
        ("a guard ended it", running.clone(), vec![restored(0, FaultEnd::Guard)], 12, "ddN..."),
        (
            "it could not be set",
            running.clone(),
            vec![fault(0, 20, FaultState::Failed { reason: "x".into() })],
            11,
            "ddN...",
        ),
        ("it left no record", running.clone(), vec![], 16, "ddN..."),
        ("between the two", running.clone(), vec![kill.clone()], 29, "ddN..."),
        ("the second", running.clone(), vec![freeze.clone(), kill.clone()], 31, "dddN.."),
        ("after it", running.clone(), vec![restored(1, FaultEnd::Time), kill.clone()], 40, "ddddN."),
        (
            "the time is up, k6 still at work",
            running.clone(),
            vec![restored(1, FaultEnd::Time), kill.clone()],
            61,
            "dddddN",
        ),
        ("all of it", finished(Verdict::Passed), vec![restored(1, FaultEnd::Time), kill.clone()], 90, "dddddd"),
        ("stopped in the second", ended_at(32), vec![restored(1, FaultEnd::Load), kill.clone()], 90, "ddddxd"),
        ("stopped before the first", ended_at(5), vec![], 90, "dxxxxd"),
        ("never began", unstarted(RunState::Finished(Verdict::Cancelled)), vec![], 90, "xxxxxx"),
    ] {
        assert_eq!(turns(&run, &faults, at_s), expected, "{why}");
    }
}

#[test]
fn what_comes_next_is_counted_down() {
    let running = run(RunState::Running);
    let next = |run: &Run, faults: &[Fault], at_ms: u64| Guide::of(run, faults, STARTED_MS + at_ms).unwrap().next;
    assert_eq!(next(&running, &[], 0), Some((1, 10.0)));
    assert_eq!(next(&running, &[], 9_500), Some((1, 0.5)));
    assert_eq!(next(&running, &[fault(0, 20, FaultState::Active)], 11_220), Some((2, 4.0)), "by its own end");
    assert_eq!(next(&running, &[], 40_000), Some((5, 20.0)));
    assert_eq!(next(&running, &[], 60_000), None);
    assert_eq!(next(&Run { started_ms: None, ..running }, &[], 0), None);
}

#[test]
fn a_step_is_held_against_the_fault_that_it_set() {
    let running = run(RunState::Running);
    let found = |faults: &[Fault]| {
        let guide = Guide::of(&running, faults, STARTED_MS + 12_000).unwrap();
        guide.legs[1].fault.map(|fault| fault.id.to_string())
    };
    let own = fault(0, 20, FaultState::Active);
    let earlier = Fault { asked_ms: STARTED_MS, ..fault(0, 1, FaultState::Active) };
    let by_hand = Fault { request: scenario().steps[1].fault.clone(), ..fault(0, 10, FaultState::Active) };
    assert_eq!(found(&[by_hand, own.clone(), earlier.clone()]), Some(own.id.to_string()));
    assert_eq!(found(&[earlier]), None);
    assert_eq!(found(&[fault(0, 6_000, FaultState::Active)]), None, "set long after");
}

#[test]
fn there_is_something_to_see_of_every_fault() {
    let watch = |whole| FaultKind::ALL.map(|kind| Watch::of(kind, whole));
    use Watch::{AllFailing, AllGone, AllSlow, Failing, Gone, Restarting, Silent, Slow};
    let one = [Gone, Gone, Silent, Restarting, Restarting, Silent, Slow, Failing, Slow, Slow, Slow];
    let all = [AllGone, AllGone, AllGone, AllGone, Restarting, AllGone, AllSlow, AllFailing, AllSlow, AllSlow, AllSlow];
    assert_eq!((watch(false), watch(true)), (one, all));
    let running = run(RunState::Running);
    let of = |faults: &[Fault]| {
        let guide = Guide::of(&running, faults, STARTED_MS + 12_000).unwrap();
        guide.legs.iter().map(|leg| leg.watch).collect::<Vec<_>>()
    };
    let (normal, recovery, end) = (Watch::Normal, Watch::Recovery, Watch::End);
    assert_eq!(of(&[]), [normal, Gone, recovery, AllGone, recovery, end]);
    let last = Fault { of_replicas: 1, ..fault(0, 20, FaultState::Active) };
    assert_eq!(of(&[last])[1], AllGone, "the only replica is the whole service");
}

#[test]
fn a_step_that_the_next_one_follows_closely_has_no_recovery() {
    let mut tight = run(RunState::Running);
    let steps = tight.scenario.as_mut().map(|scenario| &mut scenario.steps).unwrap();
    steps[1].at_s = 12;
    steps[1].fault.duration_s = None;
    let guide = Guide::of(&tight, &[], STARTED_MS).unwrap();
    let parts = guide.legs.iter().map(|leg| leg.part).collect::<Vec<_>>();
    assert_eq!(parts, [Part::Load, Part::Fault(0), Part::Fault(1), Part::End]);
    assert_eq!(turns(&tight, &[], 13), "dNN.", "both are at work");
    assert_eq!(Guide::of(&tight, &[], STARTED_MS + 13_000).unwrap().now().map(|leg| leg.part), Some(Part::Fault(1)));
    assert_eq!(turns(&tight, &[], 20), "ddN.", "without an end it lasts as long as the load");
}

#[test]
fn what_is_in_the_way_of_the_demo_is_told() {
    let script = Script { name: guide::demo().script, kind: ScriptKind::Scheduled };
    let offer = |scenario| Offer { file: guide::DEMO.into(), scenario };
    let mut rules = any::rules();
    rules.scripts.push(script);
    assert_eq!(guide::obstacle(&rules), Some(Obstacle::NoFile));
    let error = ScenarioError { step: Some(1), line: Some(5), problem: ScenarioProblem::Empty };
    rules.scenarios = vec![offer(Err(vec![error.clone()]))];
    assert_eq!(guide::obstacle(&rules), Some(Obstacle::Scenario(error)));
    rules.scenarios = vec![offer(Ok(scenario()))];
    assert_eq!(guide::obstacle(&rules), None);
    rules.limits.max_duration_s = 60;
    let Some(Obstacle::Load(error)) = guide::obstacle(&rules) else { panic!("three minutes are too long") };
    assert_eq!(error.field, Field::Duration);
}
