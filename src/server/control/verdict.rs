//! What an instance's end means, from its exit code, its log and its summary.

use super::{log::LogLine, summary::Summary};
use crate::server::engine::Exit;
use ha_dashboard::domain::{
    run::{Source, Totals, Verdict, rounded},
    threshold::{Observed, Threshold},
};

/// k6's exit codes. Those for people in plain words; see errext/exitcodes in k6.
mod code {
    pub const PASSED: i32 = 0;
    pub const UNTRAPPED_SIGNAL: i32 = 2;
    pub const THRESHOLDS_CROSSED: i32 = 99;
    pub const STOPPED_BY_SIGNAL: i32 = 105;
}

/// The verdict over an instance that ended so, with `log` as its log's end.
pub fn verdict(exit: &Exit, log: &[String]) -> Verdict {
    let by_signal = matches!(exit.code, None | Some(code::STOPPED_BY_SIGNAL | code::UNTRAPPED_SIGNAL));
    match exit.code {
        _ if exit.error.is_some() => {
            Verdict::Crashed { exit_code: None, message: exit.error.clone().unwrap_or_default() }
        }
        Some(code::PASSED) => Verdict::Passed,
        Some(code::THRESHOLDS_CROSSED) => Verdict::Failed,
        _ if exit.out_of_memory => Verdict::Crashed { exit_code: exit.code, message: crash_message(exit, log) },
        _ if exit.timed_out => Verdict::TimedOut,
        _ if exit.stop_requested && by_signal && exit.started_ms.is_none() => Verdict::Cancelled,
        _ if exit.stop_requested && by_signal => Verdict::Stopped,
        exit_code => Verdict::Crashed { exit_code, message: crash_message(exit, log) },
    }
}

/// The verdict over an instance that vanished.
pub fn lost(why: &str) -> Verdict {
    Verdict::Crashed { exit_code: None, message: why.into() }
}

fn crash_message(exit: &Exit, log: &[String]) -> String {
    let end = match (exit.code, exit.signal) {
        _ if exit.out_of_memory => {
            "k6 needed more memory than its container may have: ask for fewer VUs, or allow more with HAD_K6_MEMORY"
                .to_owned()
        }
        (Some(code), _) => format!("k6 ended with exit code {code} ({})", meaning(code)),
        (None, Some(9)) => {
            "k6 was killed (SIGKILL): by the system when memory ran out, or by somebody on the machine".to_owned()
        }
        (None, Some(signal)) => format!("k6 was ended by signal {signal}, sent by somebody on the machine"),
        (None, None) => "k6 ended in an unknown way".to_owned(),
    };
    match last_error(log) {
        Some(error) => format!("{end}: {error}"),
        None => end,
    }
}

fn meaning(code: i32) -> &'static str {
    match code {
        1 => "a general error",
        2 | 105 => "a signal that somebody on the machine sent",
        100 => "setup() took too long",
        101 => "teardown() took too long",
        102 => "a time limit of k6",
        103 => "stopped over k6's REST API",
        104 => "invalid options",
        106 => "k6's REST API could not start",
        107 => "the script threw an exception",
        108 => "the script aborted the test",
        109 => "k6 panicked",
        110 => "the script marked the test as failed",
        255 => "the script was not found or can't be read",
        _ => "not a code k6 documents",
    }
}

/// What k6 named as the reason: its last error, or a panic. Failed pushes and failed iterations are none: k6 goes on.
fn last_error(log: &[String]) -> Option<String> {
    let lines = || log.iter().rev().map(|line| LogLine::parse(line));
    let reason =
        |line: &LogLine| line.is_error() && !line.of_iteration() && line.output() != Some("Prometheus remote write");
    let said = lines().find(reason).or_else(|| {
        lines().find(|line| {
            line.level().is_none() && ["panic:", "fatal error:"].iter().any(|p| line.message().starts_with(p))
        })
    })?;
    let text = said.message().split_whitespace().collect::<Vec<_>>().join(" ");
    Some(match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    })
}

/// The verdict over a run whose plan's k6 ended with `own`, where others sent load beside it: each k6 judged its own part
/// only, so what its thresholds came to over all of them decides. Where that is not known of one, its k6's own word counts.
pub fn of_all(own: Verdict, thresholds: &[Observed]) -> Verdict {
    if !matches!(own, Verdict::Passed | Verdict::Failed) {
        return own;
    }
    let holds = |seen: &Observed| seen.k6_ok.or(seen.ok).or(seen.value.map(|value| seen.threshold.holds(value)));
    let words = thresholds.iter().map(holds).collect::<Vec<_>>();
    if words.contains(&Some(false)) {
        Verdict::Failed
    } else if words.contains(&None) {
        own
    } else {
        Verdict::Passed
    }
}

/// The verdict over a run of which a stop criterion was `met`: what was stopped then was stopped by that.
pub fn by_criterion(own: Verdict, met: bool) -> Verdict {
    if met && own == Verdict::Stopped { Verdict::Aborted } else { own }
}

/// A run's thresholds at its end: k6's value from its summary, else what was observed, and k6's own word. Those that only
/// the script knew of come last.
pub fn thresholds(observed: Vec<Observed>, exit: Option<&Exit>, summary: Option<&Summary>) -> Vec<Observed> {
    let all_held = exit.is_some_and(|exit| exit.code == Some(code::PASSED));
    let mut known = observed;
    for threshold in summary.iter().flat_map(|summary| summary.rules()) {
        if known.len() < Threshold::MOST_OF_SCRIPT && known.iter().all(|known| known.threshold != *threshold) {
            known.push(Observed::new(threshold.clone()));
        }
    }
    for observed in &mut known {
        // A histogram's percentile is as exact as its buckets are narrow; k6 has counted every request.
        if let Some(value) = summary.and_then(|summary| summary.observed(&observed.threshold)) {
            observed.value = Some(value);
            observed.ok = Some(observed.threshold.holds(value));
        }
        observed.k6_ok =
            summary.and_then(|summary| summary.held(&observed.threshold)).or_else(|| all_held.then_some(true));
    }
    known
}

/// k6's figures of the whole run.
pub fn totals(summary: &Summary) -> Totals {
    let value = |metric: &str, name: &str| summary.value(metric, name);
    // Trends are in ms.
    let duration = |name: &str| value("http_req_duration", name).map(|ms| rounded(ms / 1000.0));
    // k6 makes the metric with the first drop, so in a run with iterations none means 0.
    let iterations = value("iterations", "count");
    Totals {
        source: Source::Summary,
        requests: value("http_reqs", "count"),
        request_rate: value("http_reqs", "rate"),
        failed_share: value("http_req_failed", "rate"),
        mean_s: duration("avg"),
        p50_s: duration("med"),
        p95_s: duration("p(95)"),
        p99_s: duration("p(99)"),
        max_s: duration("max"),
        iterations,
        dropped_iterations: value("dropped_iterations", "count").or(iterations.map(|_| 0.0)),
        data_sent: value("data_sent", "count"),
        data_received: value("data_received", "count"),
        peak_vus: value("vus", "max"),
        checks: summary.checks().to_vec(),
        ..Totals::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::engine::k6::recorded;

    #[test]
    fn every_end_has_its_verdict() {
        let stopped = |code| Exit { stop_requested: true, ..Exit::of_code(code) };
        let early = |exit| Exit { started_ms: None, ..exit };
        let killed = |exit| Exit { code: None, signal: Some(9), ..exit };
        for (exit, expected) in [
            (Exit::of_code(0), Verdict::Passed),
            (Exit::of_code(99), Verdict::Failed),
            (stopped(105), Verdict::Stopped),
            (stopped(0), Verdict::Passed),
            (stopped(99), Verdict::Failed),
            (early(stopped(105)), Verdict::Cancelled),
            (early(stopped(2)), Verdict::Cancelled),
            (early(killed(stopped(0))), Verdict::Cancelled),
            (killed(stopped(0)), Verdict::Stopped),
            (Exit { timed_out: true, ..Exit::of_code(105) }, Verdict::TimedOut),
            (Exit { timed_out: true, ..killed(Exit::of_code(0)) }, Verdict::TimedOut),
            (Exit { timed_out: true, ..Exit::of_code(0) }, Verdict::Passed),
        ] {
            assert_eq!(verdict(&exit, &[]), expected, "{exit:?}");
        }
        for exit in [
            Exit::of_code(105),
            Exit::of_code(2),
            killed(Exit::of_code(0)),
            Exit { out_of_memory: true, ..killed(stopped(0)) },
            Exit::of_code(107),
            stopped(107),
            Exit::of_code(1),
            Exit::of_code(77),
        ] {
            let Verdict::Crashed { exit_code, message } = verdict(&exit, &[]) else { panic!("{exit:?}") };
            assert_eq!(exit_code, exit.code);
            assert!(message.starts_with("k6 "), "{message}");
        }
    }

    #[test]
    fn several_k6_are_judged_together() {
        use Verdict::{Failed, Passed, Stopped};
        let seen = |k6_ok, ok, value| Observed {
            k6_ok,
            ok,
            value,
            ..Observed::new("http_req_duration:p(95)<500".parse().unwrap())
        };
        for (own, thresholds, expected) in [
            (Passed, vec![], Passed),
            (Passed, vec![seen(Some(true), Some(false), Some(600.0))], Passed),
            (Passed, vec![seen(Some(true), None, None), seen(None, Some(false), Some(600.0))], Failed),
            (Failed, vec![seen(None, Some(true), Some(400.0))], Passed),
            // Too close to call for the store, and nobody knows better.
            (Passed, vec![seen(None, None, Some(501.0))], Failed),
            (Failed, vec![seen(None, None, Some(499.0))], Passed),
            (Failed, vec![seen(None, None, None), seen(Some(true), None, None)], Failed),
            (Passed, vec![seen(None, None, None)], Passed),
            (Stopped, vec![seen(Some(false), None, None)], Stopped),
        ] {
            assert_eq!(of_all(own.clone(), &thresholds), expected, "{own:?} {thresholds:?}");
        }
    }

    #[test]
    fn a_crash_names_what_k6_said_last_and_not_what_the_output_said() {
        let log = [
            r#"{"level":"error","msg":"Error: older"}"#,
            r#"{"hint":"script exception","level":"error","msg":"Error: boom\n\tat setup (file:///x.js:1:32(3))\n"}"#,
            r#"{"level":"error","msg":"Failed to send the time series data","output":"Prometheus remote write"}"#,
            r#"{"executor":"constant-vus","level":"error","msg":"in an iteration","scenario":"a","source":"stacktrace"}"#,
            "█ TOTAL RESULTS",
        ]
        .map(str::to_owned);
        let Verdict::Crashed { message, .. } = verdict(&Exit::of_code(107), &log) else { panic!() };
        assert_eq!(
            message,
            "k6 ended with exit code 107 (the script threw an exception): Error: boom at setup (file:///x.js:1:32(3))"
        );
        for log in [recorded::V1_EXCEPTION, recorded::V2_EXCEPTION] {
            let Verdict::Crashed { message, .. } = verdict(&Exit::of_code(107), &log.map(str::to_owned)) else {
                panic!()
            };
            assert!(message.ends_with(": Error: in setup at setup (file:///t2.js:1:32(3))"), "{message}");
            // An iteration that failed is no reason for the end.
            let Verdict::Crashed { message, .. } = verdict(&Exit::of_code(1), &[log[0].to_owned()]) else { panic!() };
            assert!(!message.contains("in iter"), "{message}");
        }
        let log = ["panic: out of luck".to_owned(), "goroutine 1 [running]:".to_owned()];
        let Verdict::Crashed { message, .. } = verdict(&Exit::of_code(2), &log) else { panic!() };
        assert!(message.ends_with(": panic: out of luck"), "{message}");
    }

    #[test]
    fn totals_are_k6s_own_and_in_seconds() {
        let summary = json!({"metrics": {
            "http_reqs": {"values": {"count": 120, "rate": 12.5}},
            "http_req_failed": {"values": {"rate": 0.25, "passes": 30, "fails": 90}},
            "http_req_duration": {"values": {"avg": 20.0, "med": 10.0, "p(95)": 40.0, "max": 80.0}},
            "iterations": {"values": {"count": 60, "rate": 6.25}},
        }});
        let read = |json| Summary::read(&json).unwrap();
        let totals = totals(&read(summary));
        assert_eq!((totals.requests, totals.request_rate), (Some(120.0), Some(12.5)));
        assert_eq!((totals.failed_share, totals.p95_s, totals.p99_s), (Some(0.25), Some(0.04), None));
        assert_eq!((totals.iterations, totals.dropped_iterations), (Some(60.0), Some(0.0)));
        assert_eq!(super::totals(&read(json!({"metrics": {}}))), Totals::default());
    }

    #[test]
    fn the_summary_has_the_last_word() {
        let rules = ["http_req_duration:p(95)<500", "http_req_failed:rate<0.01", "checks:rate>0.9"];
        let seen = |value, ok| move |rule: &str| Observed { value, ok, ..Observed::new(rule.parse().unwrap()) };
        let summary = json!({"metrics": {
            "http_req_duration": {"values": {"p(95)": 9.5}, "thresholds": {"p(95) < 500": {"ok": true}}},
            "http_req_failed": {"values": {"rate": 1}, "thresholds": {"rate<0.01": {"ok": false}}},
            "my_trend{a:b}": {"values": {"max": 7}, "thresholds": {"max<5": {"ok": false}}},
        }});
        let summary = Summary::read(&summary).unwrap();
        let result = thresholds(rules.map(seen(None, None)).to_vec(), Some(&Exit::of_code(99)), Some(&summary));
        let short = result.iter().map(|o| (o.value, o.ok, o.k6_ok)).collect::<Vec<_>>();
        assert_eq!(
            short,
            [
                (Some(9.5), Some(true), Some(true)),
                (Some(1.0), Some(false), Some(false)),
                (None, None, None),
                (Some(7.0), Some(false), Some(false)),
            ]
        );
        assert_eq!(result[3].threshold.to_string(), "my_trend{a:b}:max<5", "nobody but the script knew it");
        let off = rules.map(seen(Some(10.2), Some(false))).to_vec();
        let exact = thresholds(off, Some(&Exit::of_code(99)), Some(&summary));
        assert_eq!((exact[0].value, exact[0].ok), (Some(9.5), Some(true)));
        assert_eq!((exact[2].value, exact[2].ok), (Some(10.2), Some(false)));
        // Without a summary what was observed stays, a pass means that all held, and a stop means nothing.
        let seen = rules.map(seen(Some(0.5), Some(true))).to_vec();
        let passed = thresholds(seen.clone(), Some(&Exit::of_code(0)), None);
        assert!(passed.iter().all(|o| o.k6_ok == Some(true) && o.value == Some(0.5)));
        assert!(thresholds(seen, Some(&Exit::of_code(105)), None).iter().all(|o| o.k6_ok.is_none()));
    }
}
