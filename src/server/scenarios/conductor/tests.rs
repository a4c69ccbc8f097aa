//! Steps over a supervisor that does what it is told.

use ha_dashboard::domain::{
    event::EventKind,
    fault::{FaultDraft, FaultState},
    run::{Run, Verdict},
    scenario::{ScenarioDraft, StepDraft},
};

use super::*;
use crate::server::{
    prometheus::lab,
    services::faults::tests::{SOON, Stage},
};

/// A run that has sent load for an hour, beside these steps: when, what, to what.
fn run(steps: &[(&str, &str, &str)], rules: &ha_dashboard::domain::fault::FaultRules) -> Run {
    let step = |(at, kind, replica): &(&str, &str, &str)| StepDraft {
        at: (*at).into(),
        fault: FaultDraft {
            kind: (*kind).into(),
            replica: (*replica).into(),
            even_last: true,
            ..FaultDraft::default()
        },
        line: None,
    };
    let draft = ScenarioDraft { steps: steps.iter().map(step).collect(), ..ScenarioDraft::default() };
    let started_ms = Some(now_ms() - 3_600_000);
    Run { scenario: Some(draft.validate(rules, None).unwrap()), started_ms, ..lab::run("r-1", 7_200, &[]) }
}

#[tokio::test]
async fn steps_come_at_their_time_and_end_with_the_load() {
    let stage = Stage::new().await;
    let (faults, journal, shutdown) = stage.faults();
    let rules = faults.rules().await;
    let mut run = run(
        &[("1", "freeze", "shop-1"), ("2", "cut", "shop-2"), ("3", "latency", "shop-1"), ("2h", "kill", "shop-2")],
        &rules,
    );
    // What was there when the scenario was checked may be gone.
    run.scenario.as_mut().unwrap().steps[2].fault.replica = Some("shop-9".into());
    let (runs, watched) = watch::channel(RunFeed::default());
    Conductor::start(watched, faults.clone(), &shutdown);
    let feed = |run: &Run| RunFeed { run: Some(run.clone()), ..RunFeed::default() };
    runs.send_replace(feed(&Run { state: RunState::Starting, started_ms: None, ..run.clone() }));
    runs.send_replace(feed(&run));

    let mut told = faults.watch();
    let active = told.wait_for(|told| told.iter().any(|fault| fault.state == FaultState::Active));
    let by = tokio::time::timeout(SOON, active).await.unwrap().unwrap().iter().map(|fault| fault.by.clone()).next();
    assert_eq!(by.unwrap(), "scenario test");
    let failed = || {
        let events = journal.events().into_iter();
        events.filter(|event| matches!(event.kind, EventKind::FaultFailed { .. })).count()
    };
    let both_failed = async {
        while failed() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, both_failed).await.expect("no gateway and no such replica are told");

    runs.send_replace(feed(&Run { state: RunState::Stopping, ..run.clone() }));
    let over = FaultState::Restored { why: FaultEnd::Load };
    let restored = told.wait_for(|told| told.iter().any(|fault| fault.state == over));
    let left = tokio::time::timeout(SOON, restored).await.unwrap().unwrap();
    assert!(left.iter().all(|fault| !fault.state.is_on()), "{left:?}");
    drop(left);
    runs.send_replace(feed(&Run { state: RunState::Finished(Verdict::Stopped), ..run }));
    assert_eq!(stage.orders().len(), 2, "frozen and restored, once: {:?}", stage.orders());
}

#[tokio::test]
async fn of_a_run_that_was_taken_over_only_what_is_to_come_comes() {
    let stage = Stage::new().await;
    let (faults, _journal, shutdown) = stage.faults();
    let rules = faults.rules().await;
    let run = run(&[("1", "freeze", "shop-1"), ("1 h 1 s", "freeze", "shop-2")], &rules);
    let feed = RunFeed { run: Some(run), adopted: true, ..RunFeed::default() };
    let (_runs, watched) = watch::channel(feed);
    Conductor::start(watched, faults.clone(), &shutdown);
    let mut told = faults.watch();
    let set = told.wait_for(|told| told.iter().any(|fault| fault.state == FaultState::Active));
    let set = tokio::time::timeout(SOON, set).await.unwrap().unwrap();
    assert_eq!(set.iter().flat_map(|fault| &fault.replicas).collect::<Vec<_>>(), ["shop-2"]);
}
