//! A test as JUnit XML, which GitLab, Jenkins and GitHub's reporters read: one test case for the run and one for each
//! threshold.

use std::time::Duration;

use ha_dashboard::{
    domain::{
        prefs::Lang,
        run::{Run, RunState, Verdict},
        threshold::Observed,
    },
    ui::show,
};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::report::Ended;

/// What a test is of, as it was asked for.
#[derive(Debug, Clone)]
pub struct Subject {
    /// A service's name, all-services or all-but-dashboard.
    pub target: String,
    /// The pattern's name.
    pub pattern: String,
}

impl Subject {
    /// Names the suite: the same for every run of a plan, so that a pipeline can compare them.
    fn suite(&self) -> String {
        format!("load-test.{}.{}", self.target, self.pattern)
    }
}

/// The words stay English: programs compare them from run to run.
const LANG: Lang = Lang::En;

/// The case that stands for the run itself.
const RUN: &str = "the test runs to its end";

/// A test that never ran.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn not_run(subject: &Subject, why: &str) -> std::io::Result<String> {
    let suite = subject.suite();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not-run").set_message(why.lines().next().unwrap_or_default()).set_description(why);
    let mut cases = TestSuite::new(&suite);
    cases.add_test_case(case(RUN, &suite, status, Duration::ZERO));
    cases.timestamp = Timestamp::now().to_string().parse().ok();
    finish(cases, Duration::ZERO)
}

/// A test that ran.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn ended(ended: &Ended) -> std::io::Result<String> {
    let run = &ended.report.run;
    let subject = Subject { target: run.plan.target.clone(), pattern: show::pattern_name(&run.plan).into() };
    let suite = subject.suite();
    let end = run.ended_ms.unwrap_or(run.created_ms);
    let time = Duration::from_millis(end.saturating_sub(run.started_ms.unwrap_or(run.created_ms)));

    let mut cases = TestSuite::new(&suite);
    let created = i64::try_from(run.created_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    cases.timestamp = created.and_then(|at| at.to_string().parse().ok());
    let k6 = ended.snapshot.status.engine.k6_version.clone().unwrap_or_else(|| "unknown".into());
    let properties = [
        ("run_id", run.id.to_string()),
        ("script", run.plan.script.clone()),
        ("target", run.plan.target.clone()),
        ("pattern", subject.pattern.clone()),
        ("peak", show::peak(&run.plan, LANG)),
        ("duration_s", run.duration_s().to_string()),
        ("k6_version", k6),
        ("exit_code", ended.report.exit_code.to_string()),
    ];
    cases.add_properties(properties.map(|(name, value)| Property::new(name, value)));

    let mut whole = case(RUN, &suite, run_status(run), time);
    whole.set_system_out(ended.report.text());
    if tells_log(run) && !ended.log.is_empty() {
        whole.set_system_err(ended.log.join("\n"));
    }
    cases.add_test_case(whole);
    for seen in &run.thresholds {
        cases.add_test_case(case(&seen.threshold.to_string(), &suite, threshold_status(seen), Duration::ZERO));
    }
    finish(cases, time)
}

fn case(name: &str, suite: &str, status: TestCaseStatus, time: Duration) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(suite).set_time(time);
    case
}

fn tells_log(run: &Run) -> bool {
    matches!(run.state, RunState::Finished(Verdict::Crashed { .. } | Verdict::TimedOut))
}

fn run_status(run: &Run) -> TestCaseStatus {
    let RunState::Finished(verdict) = &run.state else {
        return TestCaseStatus::success();
    };
    let (id, _) = show::verdict(verdict, LANG.text());
    let (sentence, points) = show::reason(run, verdict, LANG);
    let kind = match verdict {
        Verdict::Passed => return TestCaseStatus::success(),
        // The thresholds' own cases tell it, where one of them is known to be crossed.
        Verdict::Failed if run.thresholds.iter().any(|seen| show::holds(seen) == Some(false)) => {
            return TestCaseStatus::success();
        }
        Verdict::Failed => NonSuccessKind::Failure,
        Verdict::Stopped | Verdict::Cancelled | Verdict::Crashed { .. } | Verdict::TimedOut => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(id).set_message(&sentence);
    status.set_description([sentence].into_iter().chain(points).collect::<Vec<_>>().join("\n"));
    status
}

fn threshold_status(seen: &Observed) -> TestCaseStatus {
    match show::holds(seen) {
        Some(true) => TestCaseStatus::success(),
        Some(false) => {
            let value = show::threshold_value(&seen.threshold, seen.value, LANG);
            let text = format!("observed {value}, limit {}", show::limit(&seen.threshold, LANG));
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("threshold").set_message(&text).set_description(format!("{}: {text}", seen.threshold));
            status
        }
        None => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("not measured");
            status
        }
    }
}

fn finish(mut suite: TestSuite, time: Duration) -> std::io::Result<String> {
    suite.set_time(time);
    let mut report = Report::new("ha-dashboard");
    report.set_time(time).add_test_suite(suite);
    let mut xml = report.to_string().map_err(std::io::Error::other)?;
    // XML 1.0 forbids these two, and the library lets them through.
    xml.retain(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    Ok(xml)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
