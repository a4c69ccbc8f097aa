//! What a test came to: words for people, JSON for programs.

use std::{collections::BTreeMap, io::Write, path::Path};

use ha_dashboard::domain::{
    format::{self, NO_DATA, Numbers},
    frame::{METRICS, SeriesKey},
    live::Snapshot,
    run::{Run, Verdict},
};
use serde::Serialize;

use crate::{
    cli::exit::{self, Code},
    server::http::load_test::verdict_name,
};

/// The result of a test.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The run's id.
    id: String,
    /// `passed`, `failed`, `stopped`, `cancelled`, `crashed` or `timed-out`.
    verdict: &'static str,
    /// The program's exit code.
    exit_code: u8,
    /// The rules.
    thresholds: Vec<Rule>,
    /// Values of the whole run by metric, in seconds, shares and counts.
    numbers: BTreeMap<&'static str, Summary>,
    /// Everything that is on record.
    run: Run,
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

/// A series in short.
#[derive(Debug, Clone, Copy, Serialize)]
struct Summary {
    mean: f64,
    max: f64,
    last: f64,
}

impl Report {
    /// Sums up a finished run.
    pub fn new(run: Run, verdict: &Verdict, snapshot: &Snapshot) -> Self {
        let rules = run.thresholds.iter().map(|observed| Rule {
            threshold: observed.threshold.to_string(),
            value: observed.value,
            ok: observed.ok,
            k6_ok: observed.k6_ok,
        });
        let history = snapshot.status.run.as_ref().filter(|shown| shown.id == run.id).map(|_| &snapshot.history);
        let numbers = METRICS.iter().filter_map(|spec| {
            let values = history?.series.get(&SeriesKey::whole(spec.metric))?;
            Some((spec.id, short(values.iter().flatten().copied())?))
        });
        Self {
            id: run.id.to_string(),
            verdict: verdict_name(verdict),
            exit_code: Code::from(verdict).0,
            thresholds: rules.collect(),
            numbers: numbers.collect(),
            run,
        }
    }

    /// Tells it, and gives the exit code.
    pub fn write(&self, json: Option<&Path>) -> Code {
        let on_stdout = json.is_some_and(|path| path == Path::new("-"));
        let text = self.text();
        // A reader that has gone away changes nothing about the result.
        let _ = if on_stdout {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        };
        if let Some(path) = json {
            let written = serde_json::to_vec_pretty(self).map_err(std::io::Error::from).and_then(|mut bytes| {
                bytes.push(b'\n');
                if on_stdout { std::io::stdout().write_all(&bytes) } else { std::fs::write(path, bytes) }
            });
            if let Err(error) = written {
                eprintln!("--json {}: {error}", path.display());
                return exit::ENVIRONMENT;
            }
        }
        Code(self.exit_code)
    }

    fn text(&self) -> String {
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
        for spec in METRICS {
            if let Some(Summary { mean, max, .. }) = self.numbers.get(spec.id) {
                let value = |value: &f64| format::value(spec.unit, *value, Numbers::En);
                lines.push(format!("  {:<14} mean {:>12}  max {:>12}", spec.id, value(mean), value(max)));
            }
        }
        lines.join("\n") + "\n"
    }
}

fn short(values: impl Iterator<Item = f64>) -> Option<Summary> {
    let (mut count, mut sum, mut max, mut last) = (0_u32, 0.0, f64::MIN, None);
    for value in values {
        (count, sum, max, last) = (count + 1, sum + value, max.max(value), Some(value));
    }
    last.map(|last| Summary { mean: sum / f64::from(count), max, last })
}
