//! What a test came to: words for people, JSON for programs.

use std::{io::Write, sync::Arc};

use ha_dashboard::{
    domain::{
        cost::Cost,
        detail::Detail,
        event::Event,
        fault::Fault,
        format::{self, NO_DATA, Numbers},
        frame::Unit,
        live::Snapshot,
        picture::{Course, RunPicture},
        prefs::Lang,
        regression::Ruling,
        run::{Run, Source, Totals, Verdict},
        timeline,
    },
    ui::show,
};
use serde::Serialize;

use crate::{cli::exit::Code, export::junit};

/// The result of a test.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The run's id.
    id: String,
    /// `passed`, `failed`, `stopped`, `aborted`, `cancelled`, `crashed` or `timed-out`.
    verdict: &'static str,
    /// The program's exit code.
    pub exit_code: u8,
    /// The rules.
    thresholds: Vec<Rule>,
    /// The figures of the whole run; null where nobody tells them.
    totals: Option<Totals>,
    /// What happened, oldest first.
    events: Vec<Event>,
    /// The faults that were set, oldest first.
    faults: Vec<Costed>,
    /// Everything that is on record.
    pub run: Run,
}

/// A fault with its cost.
#[derive(Debug, Serialize)]
struct Costed {
    #[serde(flatten)]
    fault: Fault,
    cost: Cost,
}

/// A test that ran, however it ended.
#[derive(Debug)]
pub struct Ended {
    /// What it came to.
    pub report: Report,
    /// The picture at its end, with its course over time.
    pub snapshot: Snapshot,
    /// The run in detail; none: nothing was counted.
    pub detail: Option<Arc<Detail>>,
    /// k6's last lines, oldest first.
    pub log: Vec<String>,
}

/// A rule and what was observed.
#[derive(Debug, Serialize)]
struct Rule {
    threshold: String,
    /// In k6's unit; null: not measured.
    value: Option<f64>,
    ok: Option<bool>,
    /// k6's own word.
    k6_ok: Option<bool>,
}

impl Ended {
    /// What a report tells.
    pub fn picture(&self) -> RunPicture {
        let snapshot = Arc::new(self.snapshot.clone());
        let detail = self.detail.clone();
        RunPicture { run: self.report.run.clone(), snapshot, course: Course::Known, detail }
    }

    /// It as JUnit XML.
    ///
    /// # Errors
    /// Never in practice: writing to memory.
    pub fn junit(&self) -> std::io::Result<String> {
        let (run, status) = (&self.report.run, &self.snapshot.status);
        let k6 = status.engine.k6_version.clone().unwrap_or_else(|| "unknown".into());
        junit::ended(junit::Over {
            run,
            faults: &status.costed(&run.id),
            checks: run.checks(self.detail.as_deref()),
            more: vec![("k6_version", k6), ("exit_code", self.report.exit_code.to_string())],
            told: self.report.text(),
            log: &self.log,
        })
    }
}

impl Report {
    /// Sums up a finished run; `snapshot` is the picture at its end.
    pub fn new(run: Run, verdict: &Verdict, snapshot: &Snapshot) -> Self {
        let costed = snapshot.status.costed(&run.id).into_iter();
        let rules = run.thresholds.iter().map(|observed| Rule {
            threshold: observed.threshold.to_string(),
            value: observed.value,
            ok: observed.ok,
            k6_ok: observed.k6_ok,
        });
        Self {
            id: run.id.to_string(),
            verdict: verdict.name(),
            exit_code: Code::from(verdict).0,
            thresholds: rules.collect(),
            totals: run.totals.clone(),
            events: snapshot.events.iter().filter(|event| timeline::belongs(event, &run)).cloned().collect(),
            faults: costed.map(|(fault, told)| Costed { fault, cost: told.cost }).collect(),
            run,
        }
    }

    /// The program's exit code.
    pub fn code(&self) -> Code {
        Code(self.exit_code)
    }

    /// Tells it, on standard error where standard output is for JSON.
    pub fn tell(&self, json_on_stdout: bool) {
        let text = self.text();
        // A reader that has gone away changes nothing about the result.
        let _ = if json_on_stdout {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        };
    }

    /// It in words.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("run {} {}", self.id, self.verdict)];
        for rule in &self.thresholds {
            let mark = match rule.k6_ok.or(rule.ok) {
                Some(true) => "✓",
                Some(false) => "✗",
                None => "?",
            };
            let value = rule.value.map_or(NO_DATA.into(), |value| format::number(value, 3, Numbers::En));
            lines.push(format!("  {mark} {}  observed {value}", rule.threshold));
        }
        if let Some(met) = self.run.met() {
            let value = show::measured(met.criterion.of, met.value, Lang::En);
            lines.push(format!("  ✗ stopped by {}  observed {value}", met.criterion));
        }
        for judged in &self.run.regressions {
            let mark = match judged.outcome {
                Ruling::Held => "✓",
                Ruling::Broken => "✗",
                _ => "?",
            };
            lines.push(format!("  {mark} {}  {}", judged.limit, show::judged(judged, Lang::En)));
        }
        let totals = self.totals.clone().unwrap_or_default();
        if totals.source == Source::Store {
            lines.push("  k6 left no summary, these are the metrics store's figures:".into());
        }
        let figures = [
            ("requests", Unit::Count, totals.requests),
            ("requests/s", Unit::PerSecond, totals.request_rate),
            ("failed", Unit::Share, totals.failed_share),
            ("p50", Unit::Seconds, totals.p50_s),
            ("p95", Unit::Seconds, totals.p95_s),
            ("p99", Unit::Seconds, totals.p99_s),
            ("iterations", Unit::Count, totals.iterations),
            ("dropped", Unit::Count, totals.dropped_iterations),
        ];
        for (name, unit, value) in figures {
            lines.push(format!("  {name:<12} {:>12}", format::value_or_none(unit, value, Numbers::En)));
        }
        lines.join("\n") + "\n"
    }
}
