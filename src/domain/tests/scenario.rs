use super::fault::rules;
use crate::domain::{
    fault::{FaultDraft, FaultKind},
    scenario::{Scenario, ScenarioDraft, StepDraft},
};

fn step(at: &str, kind: &str, target: &str, duration: &str) -> StepDraft {
    let fault =
        FaultDraft { kind: kind.into(), service: target.into(), duration: duration.into(), ..FaultDraft::default() };
    StepDraft { at: at.into(), fault, line: None }
}

fn draft(steps: &[StepDraft]) -> ScenarioDraft {
    ScenarioDraft { name: " A demo ".into(), description: String::new(), steps: steps.to_vec() }
}

fn told(steps: &[StepDraft]) -> Vec<String> {
    let refused = draft(steps).validate(&rules(), Some(60)).map_or_else(|errors| errors, |_| vec![]);
    refused.iter().map(ToString::to_string).collect()
}

#[test]
fn steps_come_in_their_order_whatever_the_files() {
    let steps =
        [step("40", "latency", "shop", "10"), step("0:05", "kill", "shop-1", "15 s"), step("40 s", "cut", "alone", "")];
    let steps = [
        steps[0].clone(),
        steps[1].clone(),
        StepDraft { fault: FaultDraft { even_last: true, ..steps[2].fault.clone() }, ..steps[2].clone() },
    ];
    let scenario = draft(&steps).validate(&rules(), Some(60)).unwrap();
    assert_eq!(scenario.name, "A demo");
    let order = scenario.steps.iter().map(|step| (step.at_s, step.fault.kind)).collect::<Vec<_>>();
    assert_eq!(order, [(5, FaultKind::Kill), (40, FaultKind::Latency), (40, FaultKind::Cut)]);
    assert_eq!(scenario.last_s(), 40);
    let due = |from, to| scenario.due(from, to).count();
    assert_eq!((due(0.0, 5.0), due(5.0, 5.9), due(5.9, 40.0), due(39.9, 40.1)), (0, 1, 0, 2));
}

#[test]
fn what_is_wrong_is_told_with_its_step() {
    let kill = || step("5", "kill", "shop-1", "10");
    let wrong = StepDraft { line: Some(7), ..step("x", "explode", "nowhere", "0") };
    let lines = told(&[kill(), wrong]);
    let beginnings = [
        "step 2 (line 7): at: \"x\" is not allowed: give a duration from 0 s to 24 h",
        "step 2 (line 7): target: \"nowhere\" is not allowed: use one of shop, alone",
        "step 2 (line 7): fault: \"explode\" is not allowed: use one of kill, ",
        "step 2 (line 7): for: \"0\" is not allowed: give a duration from 1 s to 10 min",
    ];
    assert_eq!(lines.len(), beginnings.len(), "{lines:?}");
    for (line, beginning) in lines.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{line}");
    }
    assert_eq!(told(&[StepDraft { at: " ".into(), ..kill() }]), ["step 1: at: a value is needed"]);
    assert_eq!(told(&[]), ["there are no steps: give at least one"]);
    let many = vec![kill(); 10_000];
    assert_eq!(told(&many), ["10000 steps are too many: at most 100 are allowed"]);
    assert_eq!(
        told(&[step("60", "kill", "shop-1", "10")]),
        ["step 1: at 60 s the load has ended, it takes 60 s: begin before that"]
    );
    assert!(draft(&[step("60", "kill", "shop-1", "10")]).validate(&rules(), None).is_ok(), "nobody knows the load yet");
}

#[test]
fn steps_that_are_in_each_others_way_are_refused() {
    let overlap = |with, replica| {
        format!("step 2: step {with} is still at work on {replica}: begin after its end, or hit another replica")
    };
    let pair = |one: StepDraft, other: StepDraft| told(&[one, other]);
    assert_eq!(pair(step("5", "kill", "shop-1", "15"), step("19", "freeze", "shop-1", "5")), [overlap(1, "shop-1")]);
    assert!(pair(step("5", "kill", "shop-1", "15"), step("20", "freeze", "shop-1", "5")).is_empty());
    assert!(
        pair(step("5", "latency", "shop-1", "15"), step("10", "kill", "shop-1", "5")).is_empty(),
        "door and process"
    );
    assert_eq!(pair(step("5", "latency", "shop", ""), step("50", "errors", "shop-2", "5")), [overlap(1, "shop-2")]);
    assert_eq!(
        pair(step("5", "kill", "shop-1", "15"), step("10", "kill", "shop-2", "5")),
        ["step 2: this leaves shop without a replica: ask once more with even_last to do it all the same"]
    );
    // Of steps in any order the later one is in the way.
    let errors = told(&[step("19", "freeze", "shop-1", "5"), step("5", "kill", "shop-1", "15")]);
    assert_eq!(errors, ["step 1: step 2 is still at work on shop-1: begin after its end, or hit another replica"]);
}

#[test]
fn scenarios_and_their_errors_survive_the_wire() {
    let wrong =
        draft(&[step("x", "kill", "shop-1", "15"), step("5", "kill", "shop", ""), step("70", "cut", "shop-1", "")]);
    let errors = wrong.validate(&rules(), Some(60)).unwrap_err();
    let json = serde_json::to_string(&errors).unwrap();
    assert_eq!(serde_json::from_str::<Vec<crate::domain::scenario::ScenarioError>>(&json).unwrap(), errors);
    let scenario = draft(&[step("5", "kill", "shop-1", "15")]).validate(&rules(), Some(60)).unwrap();
    let json = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
}
