//! Nothing of a plan is lost on its way into k6: what `domain` computed is what the real k6 reports, and does.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, thread};

use ha_dashboard::domain::{
    plan::{ALL_SERVICES, GRACE_S, Model, Pattern, Plan},
    schedule::Executor,
    script::{Script, ScriptInput, ScriptKind},
    service::Service,
    threshold::Threshold,
    validate::{Draft, Limits, Rules},
};
use proptest::{
    collection,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use support::{Server, inspect, run};

const SCRIPTS: [&str; 2] = ["api-load-test.js", "shop-journey.js"];
const SERVICES: [&str; 3] = ["product-service", "user-service", "checkout-service"];

fn rules() -> Rules {
    Rules {
        limits: Limits { max_vus: 1000, max_rate: 2000, max_duration_s: 86_400 },
        services: SERVICES.map(str::to_owned).into(),
        scripts: SCRIPTS.map(|name| Script { name: name.into(), kind: ScriptKind::Scheduled }).into(),
        scenarios: Vec::new(),
    }
}

fn draft(script: &str, model: Model) -> Draft {
    Draft { script: script.into(), model: model.name().into(), ..Draft::suggested(&rules()) }
}

fn plan(draft: &Draft) -> Plan {
    draft.validate(&rules()).unwrap()
}

fn services(address: impl Fn(&str) -> String) -> Vec<Service> {
    SERVICES.map(|name| Service::new(name, address(name))).into()
}

/// Valid drafts of a script and a model.
fn drafts(script: &'static str, model: Model) -> impl Strategy<Value = Draft> {
    let patterns = Pattern::ALL.into_iter().filter(|pattern| pattern.allows(model)).collect::<Vec<_>>();
    let duration = prop_oneof![5_u32..90, 90_u32..=86_400];
    let peak = prop_oneof![1_u32..10, 10_u32..=1000];
    let rule = prop::sample::select(vec![
        "http_req_duration:p(95)<500",
        "http_req_duration:p(99.9)<=1500.5",
        "http_req_waiting:max<1000",
        "iteration_duration:med<100",
        "api_response_time:avg<0.25",
        "http_req_failed:rate<0.01",
        "checks:rate>=0.99",
        "errors:rate<=0",
        "http_reqs:count>10",
        "iterations:rate>1",
        "dropped_iterations:count<5",
    ]);
    let target = prop::sample::select(rules().targets());
    let vus = prop::option::of((1_u32..50, 50_u32..1000));
    (
        prop::sample::select(patterns),
        duration,
        peak,
        prop::option::of(0.0..=1.0),
        vus,
        target,
        collection::vec(rule, 0..5),
    )
        .prop_map(move |(pattern, duration, peak, ramp, vus, target, rules)| Draft {
            target,
            pattern: pattern.name().into(),
            peak: peak.to_string(),
            duration: duration.to_string(),
            ramp: ramp.map(|share: f64| ((share * f64::from(duration / 2)) as u32).to_string()).unwrap_or_default(),
            pre_allocated_vus: vus.map(|(pre, _)| pre.to_string()).unwrap_or_default(),
            max_vus: vus.map(|(_, max)| max.to_string()).unwrap_or_default(),
            thresholds: rules.join("\n"),
            ..draft(script, model)
        })
}

/// k6's notation of whole seconds: `1m35s`, `24h0m3s`.
fn go_duration(seconds: u32) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

fn assert_nothing_lost(draft: &Draft) {
    let plan = plan(draft);
    let schedule = plan.schedule().unwrap();
    let input = ScriptInput::new(&plan, Some(&schedule), &services(|_| "http://127.0.0.1:9".into()));
    let options = inspect(&plan.script, &input);

    let grace = go_duration(GRACE_S);
    let stages = schedule
        .phases
        .iter()
        .map(|phase| json!({ "duration": go_duration(phase.duration_s), "target": phase.target }))
        .collect::<Vec<_>>();
    let mut expected = match schedule.executor {
        Executor::RampingVus => json!({ "executor": "ramping-vus", "startVUs": 0, "gracefulRampDown": grace }),
        Executor::RampingArrivalRate => json!({
            "executor": "ramping-arrival-rate",
            "startRate": 0,
            "timeUnit": "1s",
            "preAllocatedVUs": schedule.pre_allocated_vus,
            "maxVUs": schedule.max_vus,
        }),
    };
    expected["gracefulStop"] = json!(grace);
    expected["stages"] = json!(stages);
    let scenarios = options["scenarios"].as_object().unwrap();
    assert_eq!(scenarios.keys().collect::<Vec<_>>(), ["schedule"], "{draft:?}");
    let mut reported = scenarios["schedule"].clone();
    reported.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    assert_eq!(reported, expected, "{draft:?}");

    let thresholds = options["thresholds"].as_object().into_iter().flatten().flat_map(|(metric, rules)| {
        let rules = rules.as_array().unwrap().iter();
        rules.map(move |rule| format!("{metric}:{}", rule.as_str().unwrap()).parse::<Threshold>().unwrap().to_string())
    });
    let planned = plan.thresholds.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(thresholds.collect::<BTreeSet<_>>(), planned, "{draft:?}");

    assert_eq!(schedule.duration_s().to_string(), draft.duration);
    assert_eq!(options["totalDuration"], json!(go_duration(schedule.longest_s())), "{draft:?}");
    assert_eq!(options["maxVUs"], json!(schedule.max_vus), "{draft:?}");
    assert!(options["summaryTrendStats"].as_array().unwrap().contains(&json!("p(99)")));
    assert!(!options["systemTags"].as_array().unwrap().contains(&json!("url")));
}

#[test]
fn k6_reports_what_was_planned() {
    let mut runner = TestRunner::deterministic();
    let mut plans = Vec::new();
    for script in SCRIPTS {
        for model in Model::ALL {
            let drafts = drafts(script, model);
            plans.extend((0..6).map(|_| drafts.new_tree(&mut runner).unwrap().current()));
        }
    }
    // Each inspection keeps k6 busy for a while: two at a time.
    let (some, others) = plans.split_at(plans.len() / 2);
    thread::scope(|scope| {
        for half in [some, others] {
            scope.spawn(move || half.iter().for_each(assert_nothing_lost));
        }
    });
}

#[test]
fn the_corners_of_what_is_allowed_arrive_too() {
    for (pattern, model, peak, duration, ramp) in [
        (Pattern::Smoke, Model::Vus, 1, 5, ""),
        (Pattern::Spike, Model::Vus, 1, 6, "3"),
        (Pattern::Stress, Model::ArrivalRate, 2000, 86_400, "43200"),
        (Pattern::Breakpoint, Model::ArrivalRate, 1, 5, "0"),
    ] {
        assert_nothing_lost(&Draft {
            pattern: pattern.name().into(),
            peak: peak.to_string(),
            duration: duration.to_string(),
            ramp: ramp.into(),
            ..draft(SCRIPTS[0], model)
        });
    }
}

proptest! {
    #![proptest_config(Config { cases: 4, max_shrink_iters: 4, failure_persistence: None, ..Config::default() })]

    /// Names and addresses come from a configuration, and may hold anything.
    #[test]
    fn odd_names_arrive(name in "[a-z\"'{}<>&=\\\\\n ä😀$]{1,20}") {
        let plan = plan(&draft(SCRIPTS[0], Model::Vus));
        let service = Service::new(name, "http://127.0.0.1:9/\"'");
        let input = ScriptInput::new(&plan, plan.schedule().as_ref(), &[service]);
        prop_assert_eq!(&inspect(&plan.script, &input)["maxVUs"], &json!(10));
    }
}

#[test]
fn by_hand_the_scripts_have_small_defaults() {
    for script in SCRIPTS {
        let options = support::inspect_with_env(script, &[]).unwrap();
        assert_eq!((&options["totalDuration"], &options["maxVUs"]), (&json!("13s"), &json!(2)));
    }
}

#[test]
fn by_hand_the_services_can_be_named() {
    let server = Server::start();
    let services = format!("product-service={}/here", server.url());
    let outcome = support::run_by_hand(SCRIPTS[0], &[("HAD_SERVICES", &services)]);
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert!(server.asked().iter().all(|asked| asked.contains("/here/health")), "{:?}", server.asked());
    assert!(!server.asked().is_empty());

    let error = support::inspect_with_env(SCRIPTS[0], &[("HAD_SERVICES", "product-service")]).unwrap_err();
    assert!(error.contains("HAD_SERVICES must be name=url"), "{error}");
}

#[test]
fn a_malformed_input_is_refused_by_name() {
    for (input, key) in [
        ("{", "HAD_INPUT must be JSON"),
        ("null", "schedule"),
        ("{}", "schedule"),
        (r#"{"schedule":null,"thresholds":{},"services":[],"targets":[],"grace_s":3}"#, "targets"),
        (r#"{"schedule":null,"thresholds":{},"services":[],"targets":["a"],"grace_s":3}"#, "request_timeout_s"),
    ] {
        let error = support::inspect_with_env(SCRIPTS[0], &[("HAD_INPUT", input)]).unwrap_err();
        assert!(error.contains(key), "{input}: {error}");
    }
}

/// Runs a short plan against `server`, which plays all services.
fn run_short(server: &Server, change: impl Fn(&mut Draft)) -> support::Outcome {
    let mut draft =
        Draft { peak: "4".into(), duration: "5s".into(), ramp: "1".into(), ..draft(SCRIPTS[0], Model::Vus) };
    change(&mut draft);
    let plan = plan(&draft);
    let mut services = services(|name| format!("{}/{name}/", server.url()));
    services[1].health_path = "/status?deep=1".into();
    let input = ScriptInput::new(&plan, plan.schedule().as_ref(), &services);
    run(&plan.script, &input)
}

fn metric<'a>(outcome: &'a support::Outcome, metric: &str, value: &str) -> &'a Value {
    &outcome.summary["metrics"][metric]["values"][value]
}

#[test]
fn a_run_takes_its_duration_and_reaches_every_target_in_turn() {
    let server = Server::start();
    let outcome = run_short(&server, |_| {});
    assert_eq!(outcome.exit, Some(0), "{}", outcome.log);
    assert_eq!(outcome.stdout, "", "with a summary file nothing goes to stdout");
    let took = outcome.summary["state"]["testRunDurationMs"].as_f64().unwrap();
    assert!((5000.0..5900.0).contains(&took), "{took} ms");
    let asked = server.asked();
    let of = |path: &str| asked.iter().filter(|line| **line == format!("GET /{path}")).count();
    let counts = ["product-service/health", "user-service/status?deep=1", "checkout-service/health"].map(of);
    assert_eq!(asked.len(), counts.iter().sum::<usize>());
    assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 4, "{counts:?}");
    assert_eq!(metric(&outcome, "http_reqs", "count"), &json!(asked.len()));
    assert_eq!(metric(&outcome, "iterations", "count"), &json!(asked.len()), "one request an iteration");
    assert_eq!(metric(&outcome, "errors", "rate"), &json!(0));
    assert!(metric(&outcome, "api_response_time", "p(99)").is_number());
}

#[test]
fn every_sample_of_a_request_says_what_and_where() {
    let server = Server::start();
    let outcome = run_short(&server, |draft| draft.script = SCRIPTS[1].into());
    assert_eq!(outcome.exit, Some(0), "{}", outcome.log);
    let mut seen = BTreeSet::new();
    for sample in outcome.samples.iter().filter(|sample| sample["metric"] == "http_reqs" && sample["type"] == "Point") {
        let tag = |name: &str| sample["data"]["tags"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(tag("url"), "");
        seen.insert(format!("{}: {}", tag("service"), tag("name")));
    }
    let expected = [
        "checkout-service: check out",
        "product-service: list products",
        "product-service: show product",
        "user-service: show user",
        "user-service: sign in",
    ];
    assert_eq!(seen.iter().collect::<Vec<_>>(), expected);
    assert!(server.asked().contains(&"POST /checkout-service/checkout".to_owned()));
    assert_eq!(metric(&outcome, "errors", "rate"), &json!(0));
}

#[test]
fn a_journey_keeps_to_its_targets() {
    let server = Server::start();
    run_short(&server, |draft| (draft.script, draft.target) = (SCRIPTS[1].into(), "user-service".into()));
    let asked = server.asked().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(asked.iter().collect::<Vec<_>>(), ["GET /user-service/users/1", "POST /user-service/login"]);
}

#[test]
fn crossed_thresholds_fail_a_run() {
    let server = Server::start();
    server.answer_with(500);
    let outcome = run_short(&server, |draft| draft.thresholds = "errors:rate<0.5,http_req_failed:rate<0.5".into());
    assert_eq!(outcome.exit, Some(99), "{}", outcome.log);
    for name in ["errors", "http_req_failed"] {
        assert_eq!(metric(&outcome, name, "rate"), &json!(1));
        assert_eq!(outcome.summary["metrics"][name]["thresholds"]["rate<0.5"]["ok"], json!(false));
    }
}

#[test]
fn requests_cut_off_at_the_end_are_no_failures() {
    let server = Server::start();
    server.never_answer();
    let outcome = run_short(&server, |draft| {
        (draft.target, draft.request_timeout) = (ALL_SERVICES.into(), "1 min".into());
    });
    assert_eq!(outcome.exit, Some(0), "{}", outcome.log);
    let took = outcome.summary["state"]["testRunDurationMs"].as_f64().unwrap();
    let longest = f64::from(5 + GRACE_S) * 1000.0;
    assert!((5000.0..longest + 900.0).contains(&took), "{took} ms");
    assert!(!server.asked().is_empty());
    assert!(metric(&outcome, "http_req_failed", "rate").as_f64().unwrap_or(0.0) == 0.0);
    assert!(metric(&outcome, "http_reqs", "count").as_f64().unwrap_or(0.0) == 0.0);
}

#[test]
fn a_request_ends_when_its_time_is_over() {
    let server = Server::start();
    server.never_answer();
    for script in SCRIPTS {
        let outcome = run_short(&server, |draft| (draft.script, draft.request_timeout) = (script.into(), "1".into()));
        assert_eq!(metric(&outcome, "http_req_failed", "rate"), &json!(1), "{}", outcome.log);
        let codes =
            outcome.samples.iter().filter(|sample| sample["metric"] == "http_reqs" && sample["type"] == "Point");
        let codes = codes.map(|sample| sample["data"]["tags"]["error_code"].as_str().unwrap_or_default());
        assert_eq!(codes.collect::<BTreeSet<_>>(), BTreeSet::from(["1050"]), "k6's number for a time-out");
    }
}

#[test]
fn nobody_listening_is_all_errors() {
    let url = Server::start().url();
    let plan = plan(&Draft { peak: "1".into(), duration: "5s".into(), ..draft(SCRIPTS[0], Model::Vus) });
    let input = ScriptInput::new(&plan, plan.schedule().as_ref(), &services(|_| url.clone()));
    let outcome = run(&plan.script, &input);
    assert_eq!(outcome.exit, Some(99), "{}", outcome.log);
    assert_eq!(metric(&outcome, "errors", "rate"), &json!(1));
    assert_eq!(outcome.summary["metrics"]["api_response_time"], Value::Null, "no answer, no response time");
}
