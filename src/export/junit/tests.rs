use std::collections::BTreeMap;

use ha_dashboard::domain::{
    cost::{Cost, Lack, Tally},
    fault::{FaultEnd, FaultKind, FaultRequest, FaultState, Hypothesis},
    run::Totals,
};
use quick_junit::Report;

use super::*;
use crate::server::prometheus::lab;

/// `(name, observed value, whether it holds)`.
type Rule = (&'static str, Option<f64>, Option<bool>);

fn finished(verdict: Verdict, rules: &[Rule]) -> Run {
    let names: Vec<&str> = rules.iter().map(|rule| rule.0).collect();
    let mut run = lab::run("r-1", 60, &names);
    for (seen, (_, value, ok)) in run.thresholds.iter_mut().zip(rules) {
        (seen.value, seen.k6_ok) = (*value, *ok);
    }
    run.ended_ms = run.started_ms.map(|started| started + 61_500);
    run.state = RunState::Finished(verdict);
    run.totals = Some(Totals { requests: Some(12.0), ..Totals::default() });
    run
}

fn written(run: &Run, log: &[&str]) -> String {
    let log = log.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let more = vec![("exit_code", "99".to_owned())];
    ended(Over { run, faults: &[], checks: &[], more, told: "told".into(), log: &log }).unwrap()
}

/// What a reader of the file sees: each case's name, and its status with message.
fn cases(xml: &str) -> BTreeMap<String, String> {
    let report = Report::deserialize_from_str(xml).unwrap();
    assert_eq!(report.test_suites.len(), 1);
    let told = |case: &TestCase| match &case.status {
        TestCaseStatus::Success { .. } => "passed".to_owned(),
        TestCaseStatus::NonSuccess { kind, message, .. } => {
            format!("{kind:?}: {}", message.as_ref().map(|text| text.as_str()).unwrap_or_default())
        }
        TestCaseStatus::Skipped { message, .. } => {
            format!("skipped: {}", message.as_ref().map(|text| text.as_str()).unwrap_or_default())
        }
    };
    report.test_suites[0].test_cases.iter().map(|case| (case.name.as_str().to_owned(), told(case))).collect()
}

#[test]
fn each_threshold_is_a_case_that_passed_failed_or_was_skipped() {
    let rules: [Rule; 3] = [
        ("http_req_duration:p(95)<500", Some(812.0), Some(false)),
        ("http_req_failed:rate<0.01", Some(0.0), Some(true)),
        ("checks:rate>0.9", None, None),
    ];
    let failed = finished(Verdict::Failed, &rules);
    let xml = written(&failed, &[]);
    let cases = cases(&xml);
    assert_eq!(cases[RUN], "passed", "its threshold tells it");
    assert_eq!(cases["http_req_duration:p(95)<500"], "Failure: observed 812 ms, limit 500 ms");
    assert_eq!(cases["http_req_failed:rate<0.01"], "passed");
    assert_eq!(cases["checks:rate>0.9"], "skipped: not measured");
    assert!(xml.contains(r#"failures="1""#) && xml.contains(r#"time="61.500""#), "{xml}");
    let told = Report::deserialize_from_str(&xml).unwrap().test_suites[0].timestamp.map(|at| at.timestamp_millis());
    assert_eq!(told.map(i64::cast_unsigned), Some(failed.created_ms));
    for property in [r#"name="run_id" value="r-1""#, r#"name="exit_code" value="99""#] {
        assert!(xml.contains(property), "{xml}");
    }
}

#[test]
fn a_verdict_that_no_threshold_explains_fails_the_run_itself() {
    let rules: [Rule; 1] = [("http_req_failed:rate<0.01", Some(0.0), Some(true))];
    assert!(cases(&written(&finished(Verdict::Failed, &rules), &[]))[RUN].starts_with("Failure: "));
    for verdict in [Verdict::Stopped, Verdict::Cancelled, Verdict::TimedOut] {
        let told = cases(&written(&finished(verdict.clone(), &[]), &[]));
        assert!(told[RUN].starts_with("Error: "), "{verdict:?} {told:?}");
    }
    assert_eq!(cases(&written(&finished(Verdict::Passed, &[]), &[]))[RUN], "passed");
}

#[test]
fn a_crash_brings_what_k6_said_and_stays_well_formed() {
    let message = "k6 said \u{1b}[31m<b>&\u{0}\u{8}]]>\u{fffe} \"no\"".to_owned();
    let crash = Verdict::Crashed { exit_code: Some(107), message };
    let log = ["TypeError: a < b && c\u{c}", "]]> end"];
    let xml = written(&finished(crash, &[]), &log);
    // XML 1.0 has no place for these, not even escaped.
    assert!(!xml.contains(['\u{0}', '\u{8}', '\u{c}', '\u{1b}', '\u{fffe}']), "{xml:?}");
    assert!(cases(&xml)[RUN].starts_with("Error: k6 ended by itself with exit code 107"));
    let report = Report::deserialize_from_str(&xml).unwrap();
    let case = &report.test_suites[0].test_cases[0];
    assert!(case.system_err.as_ref().unwrap().as_str().contains("TypeError: a < b && c"));
}

#[test]
fn a_test_that_never_ran_says_why() {
    let subject = Subject { target: "shop\"><x".into(), pattern: "load".into() };
    let xml = not_run(&subject, "peak: \"ten\" is not allowed\nduration: \u{1}").unwrap();
    assert_eq!(cases(&xml)[RUN], "Error: peak: \"ten\" is not allowed");
    assert!(xml.contains(r#"errors="1""#), "{xml}");
}

fn costed(hypothesis: Option<Hypothesis>, outcome: Option<Outcome>) -> (Fault, FaultCost) {
    let id: ha_dashboard::domain::fault::FaultId = "f-1".to_owned().try_into().unwrap();
    let request = FaultRequest {
        kind: FaultKind::Kill,
        service: "shop".into(),
        replica: Some("shop-1".into()),
        intensity: None,
        duration_s: Some(15),
        even_last: false,
        hypothesis,
        guard: None,
    };
    let fault = Fault {
        id: id.clone(),
        request,
        replicas: vec!["shop-1".into()],
        of_replicas: 2,
        state: FaultState::Restored { why: FaultEnd::Time },
        asked_ms: 1,
        set_at_ms: Some(1),
        until_ms: 2,
        restored_at_ms: Some(2),
        healthy_again_ms: Some(3),
        by: "form".into(),
    };
    let span = Tally { seconds: 60.0, valid: 100.0, bad: 7.0, dropped: 0.0 };
    (fault, FaultCost { fault: id, run: None, cost: Cost { settled: true, span, outcome, ..Cost::default() } })
}

#[test]
fn each_hypothesis_is_a_case() {
    let expected = Some(Hypothesis::FailedBelow { share: 0.01 });
    let run = finished(Verdict::Passed, &[]);
    for (outcome, status) in [
        (Some(Outcome::Held), "passed"),
        (Some(Outcome::Broken), "Failure: "),
        (Some(Outcome::Untold { why: Lack::NoLoad }), "skipped: could not be told"),
        (None, "skipped: not judged"),
    ] {
        let faults = [costed(None, None), costed(expected, outcome)];
        let over = Over { run: &run, faults: &faults, checks: &[], more: vec![], told: String::new(), log: &[] };
        let cases = cases(&ended(over).unwrap());
        let names = cases.keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(names, ["The failed share stays below 1.00% (Kill shop-1)", RUN], "{outcome:?}");
        assert!(cases[names[0]].starts_with(status), "{outcome:?}: {cases:?}");
    }
}

#[test]
fn checks_fail_no_test_that_passed() {
    let check = |name: &str, passes, fails| Check { name: name.into(), passes, fails };
    let checks = [check("a", 9.0, 0.0), check("b <&>", 8.0, 1.0), check("c", 0.0, 0.0)];
    let told = |verdict| {
        let run = finished(verdict, &[("checks:rate>0.99", Some(0.94), Some(false))]);
        let over = Over { run: &run, faults: &[], checks: &checks, more: vec![], told: String::new(), log: &[] };
        let xml = ended(over).unwrap();
        assert!(xml.contains("held 8 of 9 times"), "{xml}");
        let cases = cases(&xml);
        ["a", "b <&>", "c"].map(|name| cases[&format!("check: {name}")].clone())
    };
    assert_eq!(told(Verdict::Passed), ["passed", "passed", "skipped: never made"]);
    assert_eq!(told(Verdict::Failed), ["passed", "Failure: held 8 of 9 times", "skipped: never made"]);
}

/// What jenkins-junit.xsd allows, by element.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("testsuites", &["name", "time", "tests", "failures", "disabled", "errors"]),
    (
        "testsuite",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        ],
    ),
    ("properties", &[]),
    ("property", &["name", "value"]),
    ("testcase", &["name", "assertions", "time", "classname", "status"]),
    ("skipped", &["message"]),
    ("error", &["type", "message"]),
    ("failure", &["type", "message"]),
    ("system-out", &[]),
    ("system-err", &[]),
];

#[test]
fn nothing_is_in_it_that_the_schema_of_jenkins_does_not_know() {
    let run =
        finished(Verdict::Failed, &[("checks:rate>0.9", None, None), ("http_reqs:count>1", Some(0.0), Some(false))]);
    let crashed = Verdict::Crashed { exit_code: None, message: "gone".into() };
    let subject = Subject { target: "shop".into(), pattern: "load".into() };
    for xml in [written(&run, &[]), written(&finished(crashed, &[]), &["log"]), not_run(&subject, "why").unwrap()] {
        let page = scraper::Html::parse_fragment(&xml);
        let elements =
            page.tree.values().filter_map(scraper::Node::as_element).filter(|it| !matches!(it.name(), "html" | "body"));
        for element in elements {
            let allowed = ALLOWED.iter().find(|(name, _)| *name == element.name());
            let (_, allowed) = allowed.unwrap_or_else(|| panic!("{} in {xml}", element.name()));
            for (name, _) in element.attrs() {
                assert!(allowed.contains(&name), "{name} of {} in {xml}", element.name());
            }
        }
    }
}

#[test]
fn each_regression_threshold_is_a_case() {
    let mut run = finished(Verdict::Failed, &[]);
    let totals = |p95_s, rate| Totals { p95_s: Some(p95_s), request_rate: rate, ..Totals::default() };
    run.totals = Some(totals(0.3, Some(10.0)));
    run.plan.regression = ["p95 10 %", "rate 5 %", "failed 1 %"].map(|text| text.parse().unwrap()).to_vec();
    run.hold_against(Some(&totals(0.2, Some(10.0))));
    let cases = cases(&written(&run, &[]));
    assert_eq!(cases[RUN], "passed", "its case tells it");
    assert_eq!(cases["p95 not worse than baseline by more than 10 %"], "Failure: 300 ms, baseline 200 ms");
    assert_eq!(cases["rate not worse than baseline by more than 5 %"], "passed");
    let untold = "skipped: could not be judged: the baseline has no such value";
    assert_eq!(cases["failed not worse than baseline by more than 1 %"], untold);
}
