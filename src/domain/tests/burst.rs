use crate::domain::{
    Millis,
    burst::{Admitted, Burst, BurstDraft, BurstEnd, BurstField, LoadRefusal, NoBurst},
    event::EventKind,
    plan::{Model, OwnEnd, Peak, Shape},
    run::{Run, RunState, Verdict},
    timeline,
    validate::{Limits, Problem, Rules},
};

use super::any;

const STARTED_MS: Millis = 10_000;

fn rules() -> Rules {
    Rules { limits: Limits { max_vus: 20, max_rate: 100, max_duration_s: 600 }, ..any::rules() }
}

/// A minute with 5 VUs, at work since [`STARTED_MS`].
fn run() -> Run {
    Run { state: RunState::Running, started_ms: Some(STARTED_MS), ..any::run_of_a_minute() }
}

fn with(mut run: Run, peaks: &[Peak]) -> Run {
    for peak in peaks {
        let admitted = Admitted { peak: *peak, target: "shop".into(), duration_s: 10 };
        run.bursts.push(Burst::new(admitted, run.bursts.len() as u32 + 2, 11_000));
    }
    run
}

fn draft(vus: &str, rate: &str, duration: &str, target: &str) -> BurstDraft {
    BurstDraft { vus: vus.into(), rate: rate.into(), duration: duration.into(), target: target.into() }
}

#[test]
fn limits_hold_for_the_sum_of_all_that_is_at_work() {
    let vus = |vus| Peak::Vus { vus };
    let open = |rate, pre_allocated_vus, max_vus| Peak::ArrivalRate { rate, pre_allocated_vus, max_vus };
    let past = |of, planned, max| Problem::PastSum { of, planned, max };
    let over = |mut run: Run| {
        run.bursts.iter_mut().for_each(|burst| burst.ended_ms = Some(12_000));
        run
    };
    for (run, draft, expected) in [
        (run(), draft("15", "", "", ""), Ok(vus(15))),
        (run(), draft("16", "", "", ""), Err((BurstField::Vus, past(Model::Vus, 5, 20)))),
        (with(run(), &[vus(10)]), draft(" 5 ", "", "", ""), Ok(vus(5))),
        (with(run(), &[vus(10)]), draft("6", "", "", ""), Err((BurstField::Vus, past(Model::Vus, 15, 20)))),
        (with(run(), &[vus(10), vus(5)]), draft("1", "", "", ""), Err((BurstField::Vus, past(Model::Vus, 20, 20)))),
        // What is over makes room.
        (over(with(run(), &[vus(10), vus(5)])), draft("15", "", "", ""), Ok(vus(15))),
        // An open one takes no more VUs than are left.
        (run(), draft("", "5", "", ""), Ok(open(5, 1, 10))),
        (run(), draft("", "50", "", ""), Ok(open(50, 10, 15))),
        (
            with(run(), &[open(60, 5, 5)]),
            draft("", "41", "", ""),
            Err((BurstField::Rate, past(Model::ArrivalRate, 60, 100))),
        ),
        (with(run(), &[vus(15)]), draft("", "1", "", ""), Err((BurstField::Rate, past(Model::Vus, 20, 20)))),
        (run(), draft("", "", "", ""), Err((BurstField::Vus, Problem::Missing))),
        (run(), draft("5", "5", "", ""), Err((BurstField::Rate, Problem::EitherOr))),
        (run(), draft("0", "", "", ""), Err((BurstField::Vus, Problem::NotInRange { min: 1, max: 20 }))),
        (run(), draft("-1", "", "", ""), Err((BurstField::Vus, Problem::NotInRange { min: 1, max: 20 }))),
        (run(), draft("", "4294967296", "", ""), Err((BurstField::Rate, Problem::NotInRange { min: 1, max: 100 }))),
        (
            run(),
            draft("5", "", "soon", ""),
            Err((BurstField::Duration, Problem::NotADuration { min_s: 1, max_s: 600 })),
        ),
        (
            run(),
            draft("5", "", "11 min", ""),
            Err((BurstField::Duration, Problem::NotADuration { min_s: 1, max_s: 600 })),
        ),
        (
            run(),
            draft("5", "", "", "nobody"),
            Err((BurstField::Target, Problem::NotOneOf { allowed: rules().targets() })),
        ),
    ] {
        let admitted = draft.admit(&run, &rules(), 20_000);
        let short = match &admitted {
            Ok(admitted) => Ok(admitted.peak),
            Err(NoBurst::Invalid(errors)) if errors.len() == 1 => Err((errors[0].field, errors[0].problem.clone())),
            other => panic!("{draft:?}: {other:?}"),
        };
        assert_eq!(short, expected, "{draft:?}");
    }
    let Err(NoBurst::Invalid(errors)) = draft("x", "", "y", "z").admit(&run(), &rules(), 20_000) else { panic!() };
    assert_eq!(
        errors.iter().map(|error| error.field).collect::<Vec<_>>(),
        [BurstField::Vus, BurstField::Duration, BurstField::Target]
    );
}

#[test]
fn the_time_is_that_of_the_run_at_most() {
    let seconds =
        |text, now_ms| draft("1", "", text, "").admit(&run(), &rules(), now_ms).map(|admitted| admitted.duration_s);
    assert_eq!(seconds("", 20_000), Ok(50));
    assert_eq!(seconds("30 s", 20_000), Ok(30));
    assert_eq!(seconds("5 min", 20_000), Ok(50));
    assert_eq!(seconds("30 s", 68_900), Ok(1));
    let ending = LoadRefusal::Ending;
    assert_eq!(seconds("30 s", 69_100), Err(NoBurst::Refused(ending)));
    assert_eq!(seconds("30 s", 90_000), Err(NoBurst::Refused(ending)));
    let admitted = draft("1", "", "", "checkout-service").admit(&run(), &rules(), 20_000).unwrap();
    assert_eq!(
        (admitted.target.as_str(), draft("1", "", "", "").admit(&run(), &rules(), 20_000).unwrap().target.as_str()),
        ("checkout-service", "shop")
    );
    let burst = Burst::new(admitted, 2, 20_000);
    assert_eq!(
        (burst.schedule().duration_s(), burst.schedule().value_at(0.0), burst.schedule().value_at(50.0)),
        (50, 1.0, 0.0)
    );
    assert_eq!(burst.left_s(99_000), 50.0);
    let begun = Burst { started_ms: Some(21_000), ..burst };
    assert_eq!((begun.left_s(31_000), begun.left_s(99_000)), (40.0, 0.0));
    assert_eq!(Burst { ended_ms: Some(22_000), ..begun }.left_s(21_500), 0.0);
}

#[test]
fn load_is_added_only_while_a_run_sends_it() {
    let in_state = |state| Run { state, ..run() };
    let own = Run {
        schedule: None,
        plan: crate::domain::plan::Plan {
            shape: Shape::Own { duration_s: 60, max_vus: 2, end: OwnEnd::Unknown },
            ..run().plan
        },
        ..run()
    };
    let mut often = with(run(), &[Peak::Vus { vus: 1 }; Burst::MOST_OF_RUN]);
    often.bursts.iter_mut().for_each(|burst| burst.ended_ms = Some(12_000));
    for (run, expected) in [
        (in_state(RunState::Starting), LoadRefusal::NotYet),
        (in_state(RunState::Stopping), LoadRefusal::Stopping),
        (in_state(RunState::Finished(Verdict::Passed)), LoadRefusal::Over),
        (own, LoadRefusal::OwnOptions),
        (with(run(), &[Peak::Vus { vus: 1 }; Burst::MOST_AT_WORK]), LoadRefusal::TooMany),
        (often, LoadRefusal::TooOften),
    ] {
        assert_eq!(draft("1", "", "", "").admit(&run, &rules(), 20_000), Err(NoBurst::Refused(expected)));
    }
}

#[test]
fn what_is_asked_for_is_the_sum_in_the_same_unit() {
    let mut run = with(run(), &[Peak::Vus { vus: 7 }, Peak::open(9, None, None, 9), Peak::Vus { vus: 2 }]);
    assert_eq!(run.asked(40_000), Some(5.0), "none of it is sent yet");
    run.bursts.iter_mut().for_each(|burst| burst.started_ms = Some(35_000));
    run.bursts[2].ended_ms = Some(36_000);
    assert_eq!(run.asked(40_000), Some(12.0));
    assert_eq!(run.asked(46_000), Some(5.0), "its time is over");
}

#[test]
fn each_change_of_the_load_is_on_the_timeline_and_a_record_tells_it_again() {
    let mut run = with(run(), &[Peak::Vus { vus: 7 }; 5]);
    assert!(run.load_events().is_empty() && run.is_of_one());
    let ends = [BurstEnd::Done, BurstEnd::Removed, BurstEnd::WithRun, BurstEnd::Crashed];
    for (burst, end) in run.bursts.iter_mut().zip(ends) {
        (burst.started_ms, burst.ended_ms, burst.end) = (Some(20_000), Some(30_000), Some(end));
    }
    // Ended before it sent anything: nothing was added.
    (run.bursts[4].ended_ms, run.bursts[4].end) = (Some(25_000), Some(BurstEnd::Removed));
    let told = run.load_events();
    let short = told.iter().map(|event| match &event.kind {
        EventKind::LoadAdded { instance, .. } => format!("+{instance}"),
        EventKind::LoadRemoved { instance, end, .. } => format!("-{instance} {}", end.name()),
        other => panic!("{other:?}"),
    });
    assert_eq!(short.collect::<Vec<_>>(), ["+2", "-2 done", "+3", "-3 removed", "+4", "+5", "-5 crashed"]);
    assert!(!run.is_of_one() && told.iter().all(|event| timeline::belongs(event, &run)));
    assert_eq!(timeline::entries(&told, Some(&run)).len(), told.len(), "they are no flapping");
}

#[test]
fn records_from_before_there_were_bursts_are_read() {
    let json = serde_json::to_value(run()).unwrap();
    assert!(json.get("bursts").is_none(), "{json}");
    assert_eq!(serde_json::from_value::<Run>(json).unwrap(), run());
}
