use proptest::prelude::*;

use super::any;
use crate::domain::{
    fault::FaultDraft,
    plan::{ALL_BUT_DASHBOARD, ALL_SERVICES, DASHBOARD_SERVICE, OwnEnd, Pattern, Peak, Shape},
    scenario::{Offer, ScenarioDraft, ScenarioError, StepDraft},
    schedule::Schedule,
    script::{Script, ScriptInput, ScriptKind},
    service::Service,
    threshold::Threshold,
    validate::{Draft, Field, FieldError, Limits, Problem, Rules},
};

fn draft() -> Draft {
    Draft::suggested(&any::rules())
}

fn refused(draft: &Draft) -> Vec<FieldError> {
    draft.validate(&any::rules()).unwrap_err()
}

fn only(draft: &Draft) -> FieldError {
    let mut errors = refused(draft);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn the_suggestion_is_valid_within_any_limits() {
    let plan = draft().validate(&any::rules()).unwrap();
    assert_eq!((plan.script.as_str(), plan.target.as_str()), ("api-load-test.js", ALL_SERVICES));
    assert_eq!(plan.thresholds.len(), 2);
    let tight = Rules { limits: Limits { max_vus: 1, max_rate: 1, max_duration_s: 5 }, ..any::rules() };
    let plan = Draft::suggested(&tight).validate(&tight).unwrap();
    assert_eq!(plan.shape.duration_s(), 5);
    let nothing = Rules { scripts: Vec::new(), services: Vec::new(), ..any::rules() };
    assert_eq!(Draft::suggested(&nothing).script, "");
}

#[test]
fn blanks_around_values_are_ignored() {
    let spaced = |text: &str| format!(" \t{text} \n");
    let plain = Draft { ramp: "5s".into(), duration: "1m".into(), ..draft() };
    let padded = Draft {
        script: spaced(&plain.script),
        target: spaced(&plain.target),
        pattern: spaced(&plain.pattern),
        model: spaced(&plain.model),
        peak: spaced(&plain.peak),
        duration: spaced(&plain.duration),
        ramp: spaced(&plain.ramp),
        thresholds: format!("\r\n, {};;\r\n", plain.thresholds.replace('\n', " , \r\n")),
        ..Draft::default()
    };
    assert_eq!(padded.validate(&any::rules()), plain.validate(&any::rules()));
}

#[test]
fn refusals_name_field_value_and_what_is_allowed() {
    let set = |change: &dyn Fn(&mut Draft)| {
        let mut draft = draft();
        change(&mut draft);
        draft
    };
    let open = |change: &dyn Fn(&mut Draft)| {
        let mut draft = set(&|d| d.model = "arrival-rate".into());
        change(&mut draft);
        draft
    };
    let table: Vec<(Draft, &str)> = vec![
        (set(&|d| d.peak = "0".into()), "peak: \"0\" is not allowed: give a whole number from 1 to 2000"),
        (set(&|d| d.peak = "-1".into()), "peak: \"-1\" is not allowed: give a whole number from 1 to 2000"),
        (set(&|d| d.peak = "1e9".into()), "peak: \"1e9\" is not allowed: give a whole number from 1 to 2000"),
        (
            set(&|d| d.peak = "1000000000".into()),
            "peak: \"1000000000\" is not allowed: give a whole number from 1 to 2000",
        ),
        (set(&|d| d.peak = "ten".into()), "peak: \"ten\" is not allowed: give a whole number from 1 to 2000"),
        (set(&|d| d.peak = "  ".into()), "peak: a value is needed"),
        (open(&|d| d.peak = "5001".into()), "peak: \"5001\" is not allowed: give a whole number from 1 to 5000"),
        (
            set(&|d| d.duration = "0".into()),
            "duration: \"0\" is not allowed: give a duration from 5 s to 24 h, such as 90, 90 s, 5 min, 1:30 or 1 h 30 min",
        ),
        (
            set(&|d| d.duration = "720h".into()),
            "duration: \"720h\" is not allowed: give a duration from 5 s to 24 h, such as 90, 90 s, 5 min, 1:30 or 1 h 30 min",
        ),
        (
            set(&|d| d.ramp = "31".into()),
            "ramp: \"31\" is not allowed: give a duration from 0 s to 30 s, such as 90, 90 s, 5 min, 1:30 or 1 h 30 min",
        ),
        (
            set(&|d| d.target = "http://evil".into()),
            "target: \"http://evil\" is not allowed: use one of all-services, product-service, checkout-service",
        ),
        (
            set(&|d| d.script = "../../etc/passwd".into()),
            "script: \"../../etc/passwd\" is not allowed: use one of api-load-test.js, endless.js, long.js, own.js, wide.js",
        ),
        (
            set(&|d| d.script = "broken.js".into()),
            "script: \"broken.js\" is not allowed: k6 can't run this script: Unexpected token ;",
        ),
        (
            set(&|d| *d = Draft { script: " broken.js ".into(), target: d.target.clone(), ..Draft::default() }),
            "script: \"broken.js\" is not allowed: k6 can't run this script: Unexpected token ;",
        ),
        (
            set(&|d| d.pattern = "Load".into()),
            "pattern: \"Load\" is not allowed: use one of smoke, load, stress, spike, soak, breakpoint",
        ),
        (set(&|d| d.model = "x\"}".into()), "model: \"x\\\"}\" is not allowed: use one of vus, arrival-rate"),
        (
            open(&|d| d.pattern = "soak".into()),
            "model: \"arrival-rate\" is not allowed: this model goes with the patterns load, stress, spike, breakpoint",
        ),
        (
            open(&|d| d.pre_allocated_vus = "0".into()),
            "pre_allocated_vus: \"0\" is not allowed: give a whole number from 1 to 2000",
        ),
        (
            open(&|d| (d.pre_allocated_vus, d.max_vus) = ("20".into(), "10".into())),
            "max_vus: \"10\" is not allowed: give a whole number from 20 to 2000",
        ),
        (
            set(&|d| d.thresholds = "http_req_failed:rate<5".into()),
            "thresholds: line 1, \"http_req_failed:rate<5\", is not allowed: the limit \"5\" of http_req_failed must be a share from 0 to 1, 0.05 for 5 percent",
        ),
        (
            set(&|d| d.script = "endless.js".into()),
            "script: \"endless.js\" is not allowed: its own options have no end, at most 24 h is allowed",
        ),
        (
            set(&|d| d.script = "long.js".into()),
            "script: \"long.js\" is not allowed: its own options may take 24 h 1 s, at most 24 h is allowed",
        ),
        (
            set(&|d| d.script = "wide.js".into()),
            "script: \"wide.js\" is not allowed: its own options take up to 2001 VUs, at most 2000 are allowed",
        ),
    ];
    for (draft, expected) in table {
        assert_eq!(only(&draft).to_string(), expected);
    }
}

#[test]
fn everything_wrong_is_told_at_once_in_the_forms_order() {
    let fields = refused(&Draft { ramp: "x".into(), thresholds: "x".into(), ..Draft::default() });
    let fields = fields.iter().map(|error| error.field).collect::<Vec<_>>();
    let expected = [
        Field::Script,
        Field::Target,
        Field::Pattern,
        Field::Model,
        Field::Peak,
        Field::Duration,
        Field::Ramp,
        Field::Thresholds,
    ];
    assert_eq!(fields, expected);
}

#[test]
fn a_request_gets_from_one_second_to_a_minute() {
    let planned = |text: &str| Draft { request_timeout: text.into(), ..draft() }.validate(&any::rules());
    for (text, seconds) in [("", 3), (" \t", 3), ("1", 1), ("2s", 2), (" 5 s ", 5), ("60", 60), ("1 min", 60)] {
        assert_eq!(planned(text).unwrap().request_timeout_s, seconds, "{text:?}");
    }
    for text in ["0", "61", "0.5", "-1", "2 min", "soon", "3ms"] {
        let errors = planned(text).unwrap_err();
        let problem = Problem::NotADuration { min_s: 1, max_s: 60 };
        assert_eq!(errors, [problem.of(Field::RequestTimeout, text)], "{text:?}");
    }
    let own =
        Draft { script: "own.js".into(), request_timeout: "9".into(), ..draft() }.validate(&any::rules()).unwrap();
    assert_eq!(own.request_timeout_s, 9, "a script with its own options may use what sends our scripts' requests");
    let services = [Service::new("checkout-service", "http://c")];
    assert_eq!(ScriptInput::new(&own, None, &services).request_timeout_s, 9);
}

#[test]
fn all_services_are_those_but_the_dashboard_unless_it_is_asked_for() {
    let services = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let with = Rules { services: services(&["shop", DASHBOARD_SERVICE]), ..any::rules() };
    let without = Rules { services: services(&["shop"]), ..any::rules() };
    let alone = Rules { services: services(&[DASHBOARD_SERVICE]), ..any::rules() };
    assert_eq!(with.targets(), ["all-but-dashboard", "all-services", "shop", "analytics-service"]);
    assert_eq!(without.targets(), ["all-services", "shop"]);
    assert_eq!(Draft::suggested(&with).target, ALL_BUT_DASHBOARD);

    let url = |name: &String| Service::new(name.clone(), format!("http://{name}"));
    let aimed_at = |rules: &Rules, target: &str| {
        let draft = Draft { target: target.into(), ..Draft::suggested(rules) };
        let plan = draft.validate(rules).ok()?;
        let all: Vec<_> = rules.services.iter().map(url).collect();
        Some(ScriptInput::new(&plan, None, &all).targets.join(","))
    };
    for (rules, target, expected) in [
        (&with, ALL_SERVICES, Some("shop,analytics-service")),
        (&with, ALL_BUT_DASHBOARD, Some("shop")),
        (&with, DASHBOARD_SERVICE, Some(DASHBOARD_SERVICE)),
        (&without, ALL_SERVICES, Some("shop")),
        (&without, ALL_BUT_DASHBOARD, Some("shop")),
        (&alone, ALL_SERVICES, Some(DASHBOARD_SERVICE)),
        (&alone, ALL_BUT_DASHBOARD, None),
    ] {
        assert_eq!(aimed_at(rules, target).as_deref(), expected, "{target} of {:?}", rules.services);
    }
}

#[test]
fn a_threshold_that_is_none_is_named_with_its_line() {
    let text = "checks:rate>0.9\n\nerrors:rate<0.1, http_req_failed:rate<5\nno";
    let errors = refused(&Draft { thresholds: text.into(), ..draft() });
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "thresholds: line 3, \"http_req_failed:rate<5\", is not allowed: the limit \"5\" of http_req_failed must be a share from 0 to 1, 0.05 for 5 percent",
            "thresholds: line 4, \"no\", is not allowed: write metric:statistic<limit, for example http_req_duration:p(95)<500",
        ]
    );
}

#[test]
fn long_values_are_cut() {
    let error = only(&Draft { peak: "ä".repeat(1_000_000), ..draft() });
    assert_eq!(error.value.chars().count(), 100);
    let error = only(&Draft { thresholds: "ä".repeat(1_000_000), ..draft() });
    assert!(error.to_string().len() < 1000);
}

#[test]
fn thresholds_are_taken_once_and_not_without_end() {
    let text = "checks:rate>0.9, checks : rate > 0.90\nerrors:rate<0.1";
    let plan = Draft { thresholds: text.into(), ..draft() }.validate(&any::rules()).unwrap();
    assert_eq!(
        plan.thresholds.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["checks:rate>0.9", "errors:rate<0.1"]
    );

    let text = "my_trend{a:b,c:d;e}:avg<1; checks{x:y}:rate>0.5 , m{a:b:p(95)<1\nerrors:rate<0.1";
    let error = only(&Draft { thresholds: text.into(), ..draft() });
    assert_eq!(error.value, "m{a:b:p(95)<1", "a brace that is never closed ends with its line");
    let plan = Draft { thresholds: text.replace(" , m{a:b:p(95)<1", ""), ..draft() }.validate(&any::rules()).unwrap();
    assert_eq!(
        plan.thresholds.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["my_trend{a:b,c:d;e}:avg<1", "checks{x:y}:rate>0.5", "errors:rate<0.1"]
    );

    let many = |n: usize| (0..n).map(|n| format!("http_reqs:count>{n}\n")).collect::<String>();
    let most = Draft { thresholds: many(Threshold::MOST), ..draft() }.validate(&any::rules()).unwrap();
    assert_eq!(most.thresholds.len(), Threshold::MOST);
    let error = only(&Draft { thresholds: many(Threshold::MOST + 1), ..draft() });
    assert!(matches!(error.problem, Problem::NotAThreshold { .. }), "{error}");
    let error = only(&Draft { thresholds: many(Threshold::MOST) + "x", ..draft() });
    assert_eq!(error.value, "x");
    assert!(
        error.to_string().ends_with("at most 20 thresholds are allowed"),
        "what is past the cap is not read: {error}"
    );
    let flood = refused(&Draft { thresholds: "x\n".repeat(1_000_000), ..draft() });
    assert_eq!(flood.len(), Threshold::MOST + 1);
}

#[test]
fn open_models_get_vus_that_fit_the_rate() {
    let vus = |peak: &str, pre: &str, max: &str| {
        let draft = Draft {
            model: "arrival-rate".into(),
            peak: peak.into(),
            pre_allocated_vus: pre.into(),
            max_vus: max.into(),
            ..draft()
        };
        match draft.validate(&any::rules()).unwrap().shape {
            Shape::Pattern { peak: Peak::ArrivalRate { pre_allocated_vus, max_vus, .. }, .. } => {
                (pre_allocated_vus, max_vus)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(vus("100", "", ""), (20, 200));
    assert_eq!(vus("1", "", ""), (1, 2));
    assert_eq!(vus("5000", "", ""), (1000, 2000));
    assert_eq!(vus("100", "", "7"), (7, 7));
    assert_eq!(vus("1", "50", ""), (50, 50));
    assert_eq!(vus("100", "30", "40"), (30, 40));
}

#[test]
fn a_script_with_own_options_ignores_the_patterns_fields() {
    let draft =
        Draft { script: "own.js".into(), target: "product-service".into(), peak: "x".into(), ..Draft::default() };
    let plan = draft.validate(&any::rules()).unwrap();
    assert_eq!(plan.shape, Shape::Own { duration_s: 90, max_vus: 7, end: OwnEnd::Time { after_s: 60 } });
    assert_eq!((plan.shape.duration_s(), plan.shape.longest_s()), (60, 90));
    assert_eq!(plan.schedule(), None);
    let thresholds = plan.thresholds.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(thresholds, ["http_req_duration:p(95)<500", "http_req_duration{service:x}:max<5"]);
}

#[test]
fn own_options_may_reach_the_limits_and_repeat_themselves() {
    let own = |duration_s, max_vus, thresholds: Vec<String>| {
        let kind = ScriptKind::Own {
            executors: vec![],
            duration_s: Some(duration_s),
            end: OwnEnd::Unknown,
            max_vus,
            thresholds,
        };
        let rules = Rules { scripts: vec![Script { name: "x.js".into(), kind }], ..any::rules() };
        Draft { script: "x.js".into(), target: ALL_SERVICES.into(), ..Draft::default() }.validate(&rules)
    };
    let Limits { max_vus, max_duration_s, .. } = any::LIMITS;
    assert!(own(max_duration_s, max_vus, vec![]).is_ok());
    assert!(own(max_duration_s + 1, max_vus, vec![]).is_err());
    assert!(own(max_duration_s, max_vus + 1, vec![]).is_err());

    let rule = |n: usize| format!("http_reqs:count>{n}");
    let kept =
        |texts: Vec<String>| own(60, 1, texts).unwrap().thresholds.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(kept(vec![rule(1), rule(2), rule(1), "not a rule".into(), rule(3)]), [rule(1), rule(2), rule(3)]);
    let most = (0..Threshold::MOST_OF_SCRIPT).map(rule).collect::<Vec<_>>();
    assert_eq!(kept(most.clone()), most);
    assert_eq!(kept((0..Threshold::MOST_OF_SCRIPT + 1).map(rule).collect()), most);
}

#[test]
fn where_there_is_nothing_to_choose_from_the_error_says_so() {
    let rules = Rules { scripts: vec![], ..any::rules() };
    let errors = Draft { script: "a.js".into(), ..draft() }.validate(&rules).unwrap_err();
    let told = errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told, ["script: \"a.js\" is not allowed: there is none to choose from"]);
}

#[test]
fn scripts_are_told_all_of_the_plan() {
    let services = ["product-service", "checkout-service"].map(|name| Service::new(name, format!("http://{name}")));
    let text = "http_req_duration:p(95)<500,http_req_duration:avg<200,checks{b:1, a:2}:rate>0.9";
    let plan = |target: &str| {
        let draft = Draft { target: target.into(), thresholds: text.into(), ..draft() };
        draft.validate(&any::rules()).unwrap()
    };
    let all = plan(ALL_SERVICES);
    let input = ScriptInput::new(&all, all.schedule().as_ref(), &services);
    assert_eq!(input.schedule, Some(Schedule::new(Pattern::Load, Peak::Vus { vus: 10 }, 60, None)));
    assert_eq!(input.targets, ["product-service", "checkout-service"]);
    assert_eq!(input.services, services);
    assert_eq!(input.thresholds["http_req_duration"], ["p(95)<500", "avg<200"]);
    assert_eq!(input.thresholds["checks{a:2,b:1}"], ["rate>0.9"]);
    let one = ScriptInput::new(&plan("checkout-service"), None, &services);
    assert_eq!((one.targets, one.services.len(), one.schedule), (vec!["checkout-service".to_owned()], 2, None));
}

#[test]
fn a_scenario_is_one_of_those_there_are_and_fits_the_load() {
    let fault = FaultDraft { kind: "kill".into(), service: "shop-1".into(), ..FaultDraft::default() };
    let steps = vec![StepDraft { at: "59".into(), fault, line: None }];
    let scenario = ScenarioDraft { steps, ..ScenarioDraft::default() }.validate(&super::fault::rules(), None);
    let broken = Err(vec![ScenarioError::unreadable("no YAML", None)]);
    let offer = |file: &str, scenario| Offer { file: file.into(), scenario };
    let rules = Rules { scenarios: vec![offer("a.yaml", scenario), offer("b.yaml", broken)], ..any::rules() };
    let told = |scenario: &str, duration: &str| {
        let draft = Draft { scenario: scenario.into(), duration: duration.into(), ..draft() };
        draft.validate(&rules).map_or_else(|errors| errors, |_| vec![])
    };
    for (scenario, duration) in [("", "60"), (" ", "60"), ("a.yaml", "60"), (" a.yaml ", "60")] {
        assert_eq!(told(scenario, duration), [], "{scenario:?}");
    }
    assert_eq!(told("b.yaml", "60"), [], "its own validation tells what is wrong with it");
    let late = Problem::AfterLoad { at_s: 59, load_s: 59 };
    assert_eq!(told("a.yaml", "59"), [late.of(Field::Scenario, "a.yaml")]);
    for unknown in ["c.yaml", "../a.yaml", "a\n\"b"] {
        let problem = Problem::NotOneOf { allowed: vec!["a.yaml".into()] };
        assert_eq!(told(unknown, "60"), [problem.of(Field::Scenario, unknown)]);
    }
    let fields = told("c.yaml", "soon").into_iter().map(|error| error.field).collect::<Vec<_>>();
    assert_eq!(fields, [Field::Duration, Field::Scenario]);
}

proptest! {
    #[test]
    fn bad_input_never_panics(values in proptest::collection::vec(any::text(), 14), max in any::<(u32, u32, u32)>()) {
        let mut draft = Draft::default();
        for (field, value) in Field::ALL.into_iter().zip(values) {
            *draft.slot(field) = value;
        }
        draft.scenario_text.clone_from(&draft.scenario);
        let limits = Limits { max_vus: max.0, max_rate: max.1, max_duration_s: max.2 };
        let rules = Rules { limits, ..any::rules() };
        let _ = draft.validate(&rules);
        let known = Draft { pattern: "load".into(), model: "arrival-rate".into(), peak: "1".into(), ..draft };
        for error in known.validate(&rules).unwrap_err() {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = Draft::suggested(&rules).validate(&rules);
    }

    #[test]
    fn what_is_valid_is_kept_as_given(draft in any::draft()) {
        let plan = draft.validate(&any::rules()).unwrap();
        let Shape::Pattern { pattern, peak, duration_s, ramp_s } = plan.shape else { panic!("{plan:?}") };
        prop_assert_eq!(pattern.name(), draft.pattern);
        prop_assert_eq!(peak.model().name(), draft.model);
        prop_assert_eq!(peak.value().to_string(), draft.peak);
        prop_assert_eq!(duration_s.to_string(), draft.duration);
        prop_assert_eq!(ramp_s.map(|ramp| ramp.to_string()).unwrap_or_default(), draft.ramp);
        if let Peak::ArrivalRate { pre_allocated_vus, max_vus, .. } = peak {
            prop_assert!((1..=max_vus).contains(&pre_allocated_vus));
            prop_assert!(max_vus <= any::LIMITS.max_vus);
            prop_assert!(draft.max_vus.is_empty() || draft.max_vus == max_vus.to_string());
            prop_assert!(draft.pre_allocated_vus.is_empty() || draft.pre_allocated_vus == pre_allocated_vus.to_string());
        }
    }
}
