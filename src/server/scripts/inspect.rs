//! One `k6 inspect`: what k6 would do with a script, without running it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use ha_dashboard::domain::{format::cut, plan::OwnEnd, schedule::Schedule};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use crate::server::engine::{CommandError, Output};

/// Most characters of k6's message.
const MESSAGE: usize = 500;

/// What k6 would do with a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Its scenarios in the order of their names.
    pub scenarios: Vec<Scenario>,
    /// Its thresholds as `metric:expression`, by metric.
    pub thresholds: Vec<String>,
    /// The longest it may run, in seconds, rounded up; `None`: it has no end.
    pub duration_s: Option<u32>,
    /// Most VUs.
    pub max_vus: u32,
    /// What its summary tells of trends, for example `p(95)`.
    pub trend_stats: Vec<String>,
}

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its executor, for example `ramping-vus`.
    pub executor: String,
    /// Its stages, for executors that have some.
    pub stages: Vec<Stage>,
    /// When its time is over, the time for iterations to end not included, in milliseconds after the run's start; `None`
    /// where iterations end it.
    pub ends_ms: Option<u64>,
    /// All of its iterations, for executors that have a number of them.
    pub iterations: Option<u64>,
}

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Its length in milliseconds.
    pub duration_ms: u64,
    /// VUs or iterations per time unit at its end.
    pub target: u32,
}

/// Why there is no inspection.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// There is no such script.
    #[error("there is no script {0:?} in the scripts folder")]
    NoScript(String),
    /// k6 refuses the script; its message.
    #[error("{0}")]
    Refused(String),
    /// k6 could not be asked.
    #[error(transparent)]
    NotAsked(#[from] CommandError),
    /// k6 answered with something else than what we know.
    #[error("k6 inspect answered in an unknown way: {0}")]
    Unknown(String),
}

impl InspectError {
    /// How long the answer may be kept; `None`: until the script changes.
    pub fn believed_for(&self) -> Option<Duration> {
        match self {
            Self::NoScript(_) | Self::Refused(_) | Self::NotAsked(CommandError::TooMuch) => None,
            // Costly to ask again, and whoever wants to start it waits for it.
            Self::NotAsked(CommandError::TimedOut) => Some(Duration::from_secs(300)),
            Self::Unknown(_) => Some(Duration::from_secs(5)),
            // Costs nothing, and once k6 is there people want to start.
            Self::NotAsked(CommandError::NotRun(_)) => Some(Duration::ZERO),
        }
    }
}

impl Inspection {
    /// What ends it. Where the clock ends some scenarios and iterations others, only the clock can be foretold.
    pub fn end(&self) -> OwnEnd {
        let iterations = self.scenarios.iter().map(|scenario| scenario.iterations);
        if let Some(iterations) = iterations.sum::<Option<u64>>().filter(|_| !self.scenarios.is_empty()) {
            return OwnEnd::Iterations { iterations };
        }
        let ends = self.scenarios.iter().filter_map(|scenario| scenario.ends_ms).max();
        let after_s =
            ends.and_then(|ends| u32::try_from(ends.div_ceil(1000)).ok()).filter(|_| self.duration_s.is_some());
        after_s.map_or(OwnEnd::Unknown, |after_s| OwnEnd::Time { after_s })
    }
}

impl Scenario {
    /// Whether it runs the schedule as it stands.
    pub fn follows(&self, schedule: &Schedule) -> bool {
        let planned = schedule
            .phases
            .iter()
            .map(|phase| Stage { duration_ms: u64::from(phase.duration_s) * 1000, target: phase.target });
        self.executor == schedule.executor.name() && planned.eq(self.stages.iter().copied())
    }
}

/// Reads what k6 said about a script.
pub(super) fn read(output: &Output) -> Result<Inspection, InspectError> {
    if !output.success {
        let message = message(&output.stderr, &output.script);
        return Err(InspectError::Refused(if message.is_empty() {
            format!("k6 ended with {}", output.status)
        } else {
            message
        }));
    }
    parse(&output.stdout)
}

/// The part of k6's answer that we read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    scenarios: Option<BTreeMap<String, RawScenario>>,
    thresholds: Option<BTreeMap<String, Vec<RawRule>>>,
    total_duration: String,
    #[serde(rename = "maxVUs")]
    max_vus: u32,
    summary_trend_stats: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawScenario {
    executor: String,
    start_time: Option<String>,
    duration: Option<String>,
    stages: Option<Vec<RawStage>>,
    vus: Option<u64>,
    iterations: Option<u64>,
}

/// An expression, or an object with the expression and what to do when it is crossed.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawRule {
    Expression(String),
    Object { threshold: String },
}

#[derive(Deserialize)]
struct RawStage {
    duration: String,
    target: u32,
}

/// Reads what `k6 inspect` prints.
///
/// # Errors
/// It is something else.
pub fn parse(answer: &str) -> Result<Inspection, InspectError> {
    let unknown = |what: &dyn std::fmt::Display| InspectError::Unknown(what.to_string());
    let answer = serde_json::from_str::<Answer>(answer).map_err(|error| unknown(&error))?;
    let millis = |text: &str| milliseconds(text).ok_or_else(|| unknown(&format!("{text:?} is not a duration")));

    let mut scenarios = Vec::new();
    for RawScenario { executor, start_time, duration, stages, vus, iterations } in
        answer.scenarios.unwrap_or_default().into_values()
    {
        let stages = stages
            .unwrap_or_default()
            .into_iter()
            .map(|stage| Ok(Stage { duration_ms: millis(&stage.duration)?, target: stage.target }))
            .collect::<Result<Vec<_>, InspectError>>()?;
        let iterations = match executor.as_str() {
            "shared-iterations" => Some(iterations.unwrap_or(1)),
            "per-vu-iterations" => Some(iterations.unwrap_or(1).saturating_mul(vus.unwrap_or(1))),
            _ => None,
        };
        let length = duration.as_deref().map(millis).transpose()?;
        let staged = || stages.iter().map(|stage| stage.duration_ms).reduce(u64::saturating_add);
        let start_ms = start_time.as_deref().map(millis).transpose()?.unwrap_or_default();
        let ends_ms = length.or_else(staged).map(|length| start_ms.saturating_add(length));
        scenarios.push(Scenario { executor, stages, ends_ms, iterations });
    }
    let mut thresholds = Vec::new();
    for (metric, rules) in answer.thresholds.unwrap_or_default() {
        for RawRule::Expression(rule) | RawRule::Object { threshold: rule } in rules {
            thresholds.push(format!("{metric}:{rule}"));
        }
    }
    let endless = scenarios.iter().any(|scenario| scenario.executor == "externally-controlled");
    let duration_s = u32::try_from(millis(&answer.total_duration)?.div_ceil(1000)).ok().filter(|_| !endless);
    let trend_stats = answer.summary_trend_stats.unwrap_or_default();
    Ok(Inspection { scenarios, thresholds, duration_s, max_vus: answer.max_vus, trend_stats })
}

/// Reads Go's notation, for example `1m35s`, `1.5s`, `24h0m3s`; rounded up to the millisecond.
fn milliseconds(text: &str) -> Option<u64> {
    let length = Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?;
    u64::try_from(length.as_nanos().div_ceil(1_000_000)).ok()
}

/// k6's own words from its log, without stack, paths and colours.
fn message(log: &str, script: &Path) -> String {
    let errors = log.lines().filter_map(|line| match serde_json::from_str::<Value>(line) {
        Ok(entry) => {
            let level = entry.get("level").and_then(Value::as_str).unwrap_or("error");
            let text = entry.get("msg").and_then(Value::as_str).unwrap_or_default();
            matches!(level, "error" | "fatal" | "panic").then(|| text.to_owned())
        }
        Err(_) => Some(without_colours(line)),
    });
    let text = errors.collect::<Vec<_>>().join("\n");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("at "));
    let mut text = lines.collect::<Vec<_>>().join(" ");
    if let Some(dir) = script.parent() {
        text = text.replace(&format!("file://{}/", dir.display()), "").replace(&format!("{}/", dir.display()), "");
    }
    if let Some(name) = script.file_name().and_then(|name| name.to_str()) {
        text = text.replace(&format!("could not load JS test '{name}': "), "");
        text = text.replace(&format!("could not initialize '{name}': "), "");
        let path = script.display();
        text = text.replace(&format!("could not initialize '{path}': "), "");
    }
    cut(text.trim_start_matches("GoError: "), MESSAGE)
}

/// A text without terminal sequences and other control characters.
fn without_colours(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                let _ = chars.by_ref().find(char::is_ascii_alphabetic);
            }
            c if c.is_control() && c != '\t' => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, expected) in [
            ("0s", Some(0)),
            ("1m35s", Some(95_000)),
            ("24h0m3s", Some(86_403_000)),
            ("1.5s", Some(1500)),
            ("100ms", Some(100)),
            ("1µs", Some(1)),
            ("", None),
            ("5", None),
            ("s", None),
            ("5x", None),
            ("1..5s", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn messages_are_k6s_words_alone() {
        let script = Path::new("/scripts/a.js");
        let line = |msg: &str| serde_json::json!({"level": "error", "msg": msg}).to_string();
        for (log, expected) in [
            (
                line("GoError: file:///scripts/a.js: Line 2:9 Unexpected token ; (and 1 more errors)\n"),
                "a.js: Line 2:9 Unexpected token ; (and 1 more errors)",
            ),
            (line("Error: one\ntwo <b>\n\tat file:///scripts/a.js:2:7(15)\n\tat native\n"), "Error: one two <b>"),
            (
                line(
                    "could not initialize '/scripts/a.js': could not load JS test 'file:///scripts/a.js': unknown executor type 'foo'",
                ),
                "unknown executor type 'foo'",
            ),
            ("\u{1b}[31mERRO\u{1b}[0m plain".into(), "ERRO plain"),
            (serde_json::json!({"level": "warning", "msg": "no"}).to_string(), ""),
            (String::new(), ""),
        ] {
            assert_eq!(message(&log, script), expected);
        }
        assert_eq!(message(&line(&"ä".repeat(10_000)), script).chars().count(), MESSAGE);
    }
}
