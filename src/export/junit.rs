//! A test as JUnit XML, which GitLab, Jenkins and GitHub's reporters read: a test case for the run, and one for each
//! threshold, each hypothesis of a fault and each check.

use std::time::Duration;

use ha_dashboard::{
    domain::{
        cost::{FaultCost, Outcome},
        detail::Check,
        fault::Fault,
        prefs::Lang,
        regression::{Judged, Ruling},
        run::{Run, RunState, Verdict},
        threshold::Observed,
    },
    ui::show,
};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

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

/// A test that is over.
#[derive(Debug)]
pub struct Over<'a> {
    /// The run.
    pub run: &'a Run,
    /// The faults that were set in it, with what they cost.
    pub faults: &'a [(Fault, FaultCost)],
    /// Its script's checks.
    pub checks: &'a [Check],
    /// What else is known of it, by name.
    pub more: Vec<(&'static str, String)>,
    /// It in words, in English.
    pub told: String,
    /// k6's last lines, oldest first.
    pub log: &'a [String],
}

/// A test that is over.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn ended(over: Over<'_>) -> std::io::Result<String> {
    let Over { run, faults, checks, more, told, log } = over;
    let subject = Subject { target: run.plan.target.clone(), pattern: show::pattern_name(&run.plan).into() };
    let suite = subject.suite();
    let end = run.ended_ms.unwrap_or(run.created_ms);
    let time = Duration::from_millis(end.saturating_sub(run.started_ms.unwrap_or(run.created_ms)));

    let mut cases = TestSuite::new(&suite);
    let created = i64::try_from(run.created_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    cases.timestamp = created.and_then(|at| at.to_string().parse().ok());
    let properties = [
        ("run_id", run.id.to_string()),
        ("script", run.plan.script.clone()),
        ("target", run.plan.target.clone()),
        ("pattern", subject.pattern.clone()),
        ("peak", show::peak(&run.plan, LANG)),
        ("duration_s", run.duration_s().to_string()),
    ];
    cases.add_properties(properties.into_iter().chain(more).map(|(name, value)| Property::new(name, value)));

    let mut whole = case(RUN, &suite, run_status(run), time);
    whole.set_system_out(told);
    if tells_log(run) && !log.is_empty() {
        whole.set_system_err(log.join("\n"));
    }
    cases.add_test_case(whole);
    let thresholds = run.thresholds.iter().map(|seen| (seen.threshold.to_string(), threshold_status(seen)));
    let hypotheses = faults.iter().filter_map(hypothesis);
    let regressions = run.regressions.iter().map(|judged| (judged.limit.to_string(), regression_status(judged)));
    let judged = thresholds
        .chain(regressions)
        .chain(hypotheses)
        .map(|(name, status)| case(&name, &suite, status, Duration::ZERO));
    cases.add_test_cases(judged.chain(checks.iter().map(|check| check_case(check, run, &suite))));
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
        Verdict::Failed if run.is_worse() || run.thresholds.iter().any(|seen| show::holds(seen) == Some(false)) => {
            return TestCaseStatus::success();
        }
        Verdict::Failed | Verdict::Aborted => NonSuccessKind::Failure,
        Verdict::Stopped | Verdict::Cancelled | Verdict::Crashed { .. } | Verdict::TimedOut => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(id).set_message(&sentence);
    status.set_description([sentence].into_iter().chain(points).collect::<Vec<_>>().join("\n"));
    status
}

fn regression_status(judged: &Judged) -> TestCaseStatus {
    let text = show::judged(judged, LANG);
    let mut status = match judged.outcome {
        Ruling::Held => return TestCaseStatus::success(),
        Ruling::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::skipped(),
    };
    status.set_message(&text);
    if judged.outcome == Ruling::Broken {
        status.set_type("regression").set_description(format!("{}: {text}", judged.limit));
    }
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
        None => skipped("not measured"),
    }
}

/// What was expected of a service during a fault; `None`: nothing was.
fn hypothesis((fault, told): &(Fault, FaultCost)) -> Option<(String, TestCaseStatus)> {
    let request = &fault.request;
    let expected = show::cost::hypothesis(request.hypothesis.as_ref()?, LANG);
    let (text, outcome) = (LANG.text(), told.cost.outcome);
    let name = format!("{expected} ({} {})", (text.fault_kind)(request.kind), fault.replicas.join(", "));
    let came_of_it = outcome.map_or_else(|| "not judged".to_owned(), |outcome| show::cost::outcome(&outcome, text).1);
    let status = match outcome {
        Some(Outcome::Held) => TestCaseStatus::success(),
        Some(Outcome::Broken) => failure("hypothesis", &show::cost::sentence(&told.cost, LANG)),
        Some(Outcome::Untold { .. }) | None => skipped(&came_of_it),
    };
    Some((name, status))
}

/// A check of the script. k6 counts checks and judges none of them: one that did not always hold is a failure where the test
/// did not pass, and told otherwise, so that no file contradicts its verdict.
fn check_case(check: &Check, run: &Run, suite: &str) -> TestCase {
    let (made, held) = (check.passes + check.fails, check.passes);
    let text = format!("held {held} of {made} times");
    let status = match (check.share(), &run.state) {
        (None, _) => skipped("never made"),
        (Some(_), RunState::Finished(Verdict::Passed)) => TestCaseStatus::success(),
        (Some(_), _) if check.fails > 0.0 => failure("check", &text),
        (Some(_), _) => TestCaseStatus::success(),
    };
    let mut case = case(&format!("check: {}", check.name), suite, status, Duration::ZERO);
    case.set_system_out(text);
    case
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message).set_description(message);
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn finish(mut suite: TestSuite, time: Duration) -> std::io::Result<String> {
    suite.set_time(time);
    let mut report = Report::new("ha-dashboard");
    report.set_time(time).add_test_suite(suite);
    let xml = report.to_string().map_err(std::io::Error::other)?;
    // Jenkins' schema knows this count for suites only, not for all of them together.
    let mut xml = xml.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1);
    // XML 1.0 forbids these two, and the library lets them through.
    xml.retain(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    Ok(xml)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
