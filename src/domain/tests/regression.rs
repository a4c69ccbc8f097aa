//! Regression thresholds: how they are written, and what becomes of them.

use super::any;
use crate::domain::{
    compare::Figure,
    regression::{Regression, Ruling, Slack},
    run::{Run, RunState, Totals, Verdict},
    validate::{Draft, Field, Problem},
};

fn limit(text: &str) -> Regression {
    text.parse().unwrap()
}

#[test]
fn limits_are_read_in_short_and_at_length() {
    let long = "p95 not worse than baseline by more than 10 %";
    for (text, of, by, written) in [
        (long, Figure::P95, Slack::Share(0.1), long),
        ("P95  not worse than the baseline by more than 10%", Figure::P95, Slack::Share(0.1), long),
        ("p95 10 %", Figure::P95, Slack::Share(0.1), long),
        ("p95 +10%", Figure::P95, Slack::Share(0.1), long),
        ("p50 0 %", Figure::P50, Slack::Share(0.0), "p50 not worse than baseline by more than 0 %"),
        ("max 100 %", Figure::Max, Slack::Share(1.0), "max not worse than baseline by more than 100 %"),
        ("rate 2,5 %", Figure::RequestRate, Slack::Share(0.025), "rate not worse than baseline by more than 2.5 %"),
        ("failed 50 %", Figure::FailedShare, Slack::Share(0.5), "failed not worse than baseline by more than 50 %"),
        (
            "failed 0.5 points",
            Figure::FailedShare,
            Slack::Points(0.005),
            "failed not worse than baseline by more than 0.5 points",
        ),
        (
            "failed 1 point",
            Figure::FailedShare,
            Slack::Points(0.01),
            "failed not worse than baseline by more than 1 points",
        ),
    ] {
        let read = limit(text);
        assert_eq!((read, read.to_string().as_str()), (Regression { of, by }, written), "{text}");
        assert_eq!(limit(written), read);
    }
    for text in [
        "",
        "p95",
        "p95 10",
        "p95 -10 %",
        "p95 101 %",
        "p95 10 points",
        "failed 5 % points",
        "vus 10 %",
        "p95 worse 10 %",
    ] {
        assert!(text.parse::<Regression>().is_err(), "{text}");
    }
}

#[test]
fn a_plan_names_what_is_no_limit() {
    let rules = any::rules();
    let planned = |text: &str| Draft { regression: text.into(), ..Draft::suggested(&rules) }.validate(&rules);
    assert_eq!(planned("p95 10 %, failed 0,5 points; p95 +10 %").unwrap().regression.len(), 2);
    let errors = planned("p95 10 %\nbaseline").unwrap_err();
    assert_eq!(errors, [Problem::NotARegression.of(Field::Regression, "baseline")]);
    assert!(errors[0].to_string().contains("regression: \"baseline\" is not allowed: write p95 not worse"));
}

/// The figures of a run with this value in each of them.
fn totals(value: impl Into<Option<f64>>) -> Totals {
    let value = value.into();
    Totals { p95_s: value, failed_share: value, request_rate: value, ..Totals::default() }
}

#[test]
fn a_run_may_be_as_much_worse_as_is_allowed() {
    use Ruling::{Broken, Held, NotInBaseline, NotMeasured};
    for (text, before, value, ruling) in [
        ("p95 10 %", Some(0.2), Some(0.1), Held),
        ("p95 10 %", Some(0.2), Some(0.2), Held),
        ("p95 10 %", Some(0.2), Some(0.22), Held),
        ("p95 10 %", Some(0.3), Some(0.33), Held),
        ("p95 10 %", Some(0.2), Some(0.2201), Broken),
        ("p95 0 %", Some(0.2), Some(0.2), Held),
        ("p95 0 %", Some(0.2), Some(0.2001), Broken),
        // More requests are better.
        ("rate 5 %", Some(100.0), Some(120.0), Held),
        ("rate 5 %", Some(100.0), Some(95.0), Held),
        ("rate 5 %", Some(100.0), Some(94.9), Broken),
        ("rate 5 %", Some(0.0), Some(0.0), Held),
        // Of nothing, any share is nothing.
        ("failed 50 %", Some(0.0), Some(0.0), Held),
        ("failed 50 %", Some(0.0), Some(0.0001), Broken),
        ("failed 0.5 points", Some(0.0), Some(0.005), Held),
        ("failed 0.5 points", Some(0.0), Some(0.0051), Broken),
        ("failed 0.5 points", Some(0.02), Some(0.01), Held),
        // What is not known is neither good nor bad.
        ("p95 10 %", None, Some(0.2), NotInBaseline),
        ("p95 10 %", Some(0.2), None, NotMeasured),
        ("p95 10 %", None, None, NotInBaseline),
    ] {
        let judged = limit(text).judge(Some(&totals(value)), Some(&totals(before)));
        assert_eq!(
            (judged.outcome, judged.baseline, judged.value),
            (ruling, before, value),
            "{text} {before:?} {value:?}"
        );
    }
    assert_eq!(limit("p95 10 %").judge(None, Some(&totals(0.2))).outcome, NotMeasured);
    assert_eq!(limit("p95 10 %").judge(Some(&totals(0.2)), None).outcome, Ruling::NoBaseline);
}

#[test]
fn only_a_run_that_passed_fails_for_being_worse() {
    let ended = |verdict: &Verdict, value: Option<f64>| {
        let mut run = Run { totals: Some(totals(value)), ..any::run_of_a_minute() };
        run.plan.regression = vec![limit("p95 10 %"), limit("failed 10 points")];
        run.state = RunState::Finished(verdict.clone());
        run
    };
    let after = |mut run: Run, baseline: Option<f64>| {
        run.hold_against(baseline.map(totals).as_ref());
        (run.state.clone(), run.is_worse(), run)
    };
    let (passed, failed) = (RunState::Finished(Verdict::Passed), RunState::Finished(Verdict::Failed));
    let (state, worse, _) = after(ended(&Verdict::Passed, Some(0.3)), Some(0.25));
    assert_eq!((state, worse), (failed.clone(), true));
    let (state, worse, _) = after(ended(&Verdict::Passed, Some(0.3)), Some(0.3));
    assert_eq!((state, worse), (passed.clone(), false));
    let (state, worse, run) = after(ended(&Verdict::Passed, Some(0.3)), None);
    assert_eq!((state, worse, run.regressions[1].outcome), (passed.clone(), false, Ruling::NoBaseline));
    for verdict in [Verdict::Stopped, Verdict::Aborted, Verdict::Cancelled, Verdict::TimedOut] {
        let (state, worse, _) = after(ended(&verdict, Some(0.3)), Some(0.1));
        assert_eq!((state, worse), (RunState::Finished(verdict), true));
    }
    // Percentiles over several k6 come later, from the store.
    let (state, _, mut run) = after(ended(&Verdict::Passed, None), Some(0.1));
    assert_eq!((state, run.regressions[0].outcome), (passed, Ruling::NotMeasured));
    run.totals = Some(totals(0.3));
    run.hold_again();
    assert_eq!((run.state, run.regressions[0].value), (failed, Some(0.3)));
}
