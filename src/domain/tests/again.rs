use proptest::prelude::*;

use super::any;
use crate::domain::{
    plan::{OwnEnd, Plan, Shape},
    scenario::{Offer, Scenario},
    validate::{Draft, Rules},
};

proptest! {
    #[test]
    fn what_is_typed_again_is_the_same_plan(draft in any::draft(), timeout in 1_u32..=60) {
        let rules = any::rules();
        let plan = Plan { request_timeout_s: timeout, ..draft.validate(&rules).unwrap() };
        let again = Draft::again(&plan, None, &rules);
        prop_assert_eq!(again.validate(&rules), Ok(plan));
    }
}

#[test]
fn a_script_with_its_own_options_brings_them_again() {
    let rules = any::rules();
    let draft = Draft { script: "own.js".into(), ..Draft::suggested(&rules) };
    let plan = draft.validate(&rules).unwrap();
    assert_eq!(Draft::again(&plan, None, &rules).validate(&rules), Ok(plan));
    let gone = Plan {
        script: "gone.js".into(),
        target: "gone".into(),
        shape: Shape::Own { duration_s: 60, max_vus: 1, end: OwnEnd::Unknown },
        thresholds: vec![],
        request_timeout_s: 60,
        stop_when: vec![],
        regression: vec![],
    };
    let errors = Draft::again(&gone, None, &rules).validate(&rules).unwrap_err();
    let fields = errors.iter().map(|error| error.field.name()).collect::<Vec<_>>();
    assert_eq!(fields, ["script", "target"], "what is not there any more is said, and nothing else");
}

#[test]
fn its_scenario_is_the_file_that_has_it_and_nothing_where_none_does() {
    let scenario = |name: &str, description: &str| Scenario {
        name: name.into(),
        description: description.into(),
        ..Scenario::default()
    };
    let offer = |file: &str, scenario| Offer { file: file.into(), scenario: Ok(scenario) };
    let offers = vec![offer("a.yaml", scenario("A", "changed")), offer("b.yaml", scenario("A", "as it was"))];
    let rules = Rules { scenarios: offers, ..any::rules() };
    let plan = Draft::suggested(&rules).validate(&rules).unwrap();
    let file = |scenario| Draft::again(&plan, Some(&scenario), &rules).scenario;
    assert_eq!(file(scenario("A", "as it was")), "b.yaml");
    assert_eq!(file(scenario("A", "otherwise")), "a.yaml");
    for lost in [scenario("B", ""), scenario(" ", "")] {
        let draft = Draft::again(&plan, Some(&lost), &rules);
        let errors = draft.validate(&rules).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.field.name()).collect::<Vec<_>>(), ["scenario"]);
    }
}
