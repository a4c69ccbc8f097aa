use std::collections::BTreeMap;

use ha_dashboard::domain::{live::Snapshot, run::Totals};
use quick_junit::Report;

use super::*;
use crate::{cli::run::report::Report as Summary, server::prometheus::lab};

/// `(name, observed value, whether it holds)`.
type Rule = (&'static str, Option<f64>, Option<bool>);

fn finished(verdict: Verdict, rules: &[Rule], log: &[&str]) -> Ended {
    let names: Vec<&str> = rules.iter().map(|rule| rule.0).collect();
    let mut run = lab::run("r-1", 60, &names);
    for (seen, (_, value, ok)) in run.thresholds.iter_mut().zip(rules) {
        (seen.value, seen.k6_ok) = (*value, *ok);
    }
    run.ended_ms = run.started_ms.map(|started| started + 61_500);
    run.state = RunState::Finished(verdict.clone());
    run.totals = Some(Totals { requests: Some(12.0), ..Totals::default() });
    Ended {
        report: Summary::new(run, &verdict, &Snapshot::default()),
        snapshot: Snapshot::default(),
        detail: None,
        log: log.iter().map(|line| (*line).to_owned()).collect(),
    }
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
    let failed = finished(Verdict::Failed, &rules, &[]);
    let xml = ended(&failed).unwrap();
    let cases = cases(&xml);
    assert_eq!(cases[RUN], "passed", "its threshold tells it");
    assert_eq!(cases["http_req_duration:p(95)<500"], "Failure: observed 812 ms, limit 500 ms");
    assert_eq!(cases["http_req_failed:rate<0.01"], "passed");
    assert_eq!(cases["checks:rate>0.9"], "skipped: not measured");
    assert!(xml.contains(r#"failures="1""#) && xml.contains(r#"time="61.500""#), "{xml}");
    let told = Report::deserialize_from_str(&xml).unwrap().test_suites[0].timestamp.map(|at| at.timestamp_millis());
    assert_eq!(told.map(i64::cast_unsigned), Some(failed.report.run.created_ms));
    for property in [r#"name="run_id" value="r-1""#, r#"name="exit_code" value="99""#] {
        assert!(xml.contains(property), "{xml}");
    }
}

#[test]
fn a_verdict_that_no_threshold_explains_fails_the_run_itself() {
    let rules: [Rule; 1] = [("http_req_failed:rate<0.01", Some(0.0), Some(true))];
    assert!(cases(&ended(&finished(Verdict::Failed, &rules, &[])).unwrap())[RUN].starts_with("Failure: "));
    for verdict in [Verdict::Stopped, Verdict::Cancelled, Verdict::TimedOut] {
        let told = cases(&ended(&finished(verdict.clone(), &[], &[])).unwrap());
        assert!(told[RUN].starts_with("Error: "), "{verdict:?} {told:?}");
    }
    assert_eq!(cases(&ended(&finished(Verdict::Passed, &[], &[])).unwrap())[RUN], "passed");
}

#[test]
fn a_crash_brings_what_k6_said_and_stays_well_formed() {
    let message = "k6 said \u{1b}[31m<b>&\u{0}\u{8}]]>\u{fffe} \"no\"".to_owned();
    let crash = Verdict::Crashed { exit_code: Some(107), message };
    let log = ["TypeError: a < b && c\u{c}", "]]> end"];
    let xml = ended(&finished(crash, &[], &log)).unwrap();
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
