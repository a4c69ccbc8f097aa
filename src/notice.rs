//! What others are told of runs and faults, as JSON for programs and in plain words for people. Drawn by the server alone.

mod slack;
mod words;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    domain::{
        Millis,
        cost::FaultCost,
        event::EventKind,
        fault::Fault,
        hook::{HookEvent, HookForm},
        prefs::Lang,
        run::{Run, RunState},
        threshold::Threshold,
    },
    ui::show,
};

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// When it happened.
    pub at_ms: Millis,
    /// What.
    pub what: What,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// k6 began to send a run's load.
    Started(Box<Run>),
    /// A run is over.
    Finished(Box<Run>),
    /// A threshold of a run no longer holds, or holds again.
    Threshold {
        /// The run.
        run: Box<Run>,
        /// The threshold in k6's words.
        threshold: String,
        /// Whether it holds now.
        ok: bool,
        /// How often that was told of it before.
        before: u32,
    },
    /// A fault is over.
    FaultOver {
        /// The fault.
        fault: Box<Fault>,
        /// What it cost; none where that never became known.
        cost: Option<Box<FaultCost>>,
    },
    /// Somebody tries it out.
    Test {
        /// The target.
        hook: String,
    },
}

/// A run, as far as it is told.
#[derive(Serialize)]
struct ToldRun<'a> {
    id: &'a str,
    name: Option<&'a str>,
    url: Option<String>,
    script: &'a str,
    target: &'a str,
    pattern: &'static str,
    verdict: Option<&'static str>,
    created_ms: Millis,
    started_ms: Option<Millis>,
    ended_ms: Option<Millis>,
    requests: Option<f64>,
    failed_share: Option<f64>,
    p95_s: Option<f64>,
    thresholds: Vec<Value>,
}

impl Notice {
    /// What it is called on the wire.
    pub fn event(&self) -> HookEvent {
        match &self.what {
            What::Started(_) => HookEvent::RunStarted,
            What::Finished(_) => HookEvent::RunFinished,
            What::Threshold { ok: false, .. } => HookEvent::ThresholdCrossed,
            What::Threshold { ok: true, .. } => HookEvent::ThresholdRecovered,
            What::FaultOver { .. } => HookEvent::FaultOver,
            What::Test { .. } => HookEvent::Test,
        }
    }

    /// What tells it from every other notice, and is the same when it is told twice.
    pub fn key(&self) -> String {
        let event = self.event().name();
        match &self.what {
            What::Started(run) | What::Finished(run) => format!("{event} {}", run.id),
            What::Threshold { run, threshold, before, .. } => format!("{event} {} {before} {threshold}", run.id),
            What::FaultOver { fault, .. } => format!("{event} {}", fault.id),
            What::Test { hook } => format!("{event} {hook} {}", self.at_ms),
        }
    }

    /// What is sent; `public_url`: where people reach the dashboard, without a slash at the end.
    pub fn body(&self, form: HookForm, lang: Lang, public_url: Option<&str>) -> String {
        let body = match form {
            HookForm::Json => json!({
                "type": self.event().name(),
                "timestamp": timestamp(self.at_ms),
                "data": self.data(lang, public_url),
            }),
            HookForm::Slack => {
                json!({ "text": slack::text(&self.lines(lang), self.link(public_url), words::words(lang)) })
            }
        };
        body.to_string()
    }

    /// In plain words, a line each, the first one by itself enough.
    pub fn lines(&self, lang: Lang) -> Vec<String> {
        let words = words::words(lang);
        match &self.what {
            What::Started(run) => vec![(words.started)(&title(run, lang))],
            What::Finished(run) => {
                let RunState::Finished(verdict) = &run.state else { return Vec::new() };
                let text = lang.text();
                let first = (words.finished)(&title(run, lang), show::verdict(verdict, text).1);
                let (reason, points) = show::reason(run, verdict, lang);
                let figures = run.totals.as_ref().map(|totals| words::figures(totals, lang));
                let points = points.into_iter().map(|point| format!("• {point}"));
                [first, reason].into_iter().chain(points).chain(figures).collect()
            }
            What::Threshold { run, threshold, ok, .. } => {
                let told = EventKind::Threshold { threshold: threshold.clone(), ok: *ok };
                vec![show::event(&told, lang).1, title(run, lang)]
            }
            What::FaultOver { fault, cost } => {
                let text = lang.text();
                let whom = show::hit(&fault.request.service, &fault.replicas, text);
                let first = (words.fault_over)(&whom, (text.fault_kind)(fault.request.kind));
                let cost = cost.as_ref().map(|told| show::cost::sentence(&told.cost, lang));
                vec![first, format!("{}.", cost.unwrap_or_else(|| words.no_cost.into()))]
            }
            What::Test { hook } => vec![(words.test)(hook)],
        }
    }

    fn data(&self, lang: Lang, public_url: Option<&str>) -> Value {
        let text = self.lines(lang).join("\n");
        match &self.what {
            What::Started(run) | What::Finished(run) => json!({ "text": text, "run": told(run, public_url) }),
            What::Threshold { run, threshold, ok, .. } => {
                let seen = run.thresholds.iter().find(|seen| seen.threshold.to_string() == *threshold);
                json!({
                    "text": text,
                    "run": told(run, public_url),
                    "threshold": { "threshold": threshold, "ok": ok, "value": seen.and_then(|seen| seen.value) },
                })
            }
            What::FaultOver { fault, cost } => json!({
                "text": text,
                "fault": {
                    "id": fault.id,
                    "kind": fault.request.kind,
                    "service": fault.request.service,
                    "replicas": fault.replicas,
                    "set_ms": fault.set_at_ms,
                    "restored_ms": fault.restored_at_ms,
                    "run": cost.as_ref().and_then(|told| told.run.as_ref()),
                    "cost": cost.as_ref().map(|told| &told.cost),
                },
            }),
            What::Test { hook } => json!({ "text": text, "webhook": hook }),
        }
    }

    /// Where there is more of it.
    fn link(&self, public_url: Option<&str>) -> Option<String> {
        let public_url = public_url?;
        Some(match &self.what {
            What::Started(run) | What::Finished(run) | What::Threshold { run, .. } => {
                run_url(public_url, run.id.as_str())
            }
            What::FaultOver { cost, .. } => match cost.as_ref().and_then(|told| told.run.as_ref()) {
                Some(run) => run_url(public_url, run.as_str()),
                None => format!("{public_url}/faults"),
            },
            What::Test { .. } => format!("{public_url}/plans"),
        })
    }
}

fn run_url(public_url: &str, run: &str) -> String {
    format!("{public_url}/runs/{run}")
}

/// What people call a run, and what it does.
fn title(run: &Run, lang: Lang) -> String {
    let line = show::plan_line(&run.plan, lang);
    if run.labels.name.is_empty() { line } else { format!("{} ({line})", run.labels.name) }
}

fn told<'a>(run: &'a Run, public_url: Option<&str>) -> ToldRun<'a> {
    let verdict = match &run.state {
        RunState::Finished(verdict) => Some(verdict.name()),
        _ => None,
    };
    let totals = run.totals.as_ref();
    let threshold = |threshold: &Threshold| threshold.to_string();
    let thresholds = run.thresholds.iter();
    let thresholds = thresholds
        .map(|seen| json!({ "threshold": threshold(&seen.threshold), "ok": show::holds(seen), "value": seen.value }));
    ToldRun {
        id: run.id.as_str(),
        name: Some(run.labels.name.as_str()).filter(|name| !name.is_empty()),
        url: public_url.map(|public_url| run_url(public_url, run.id.as_str())),
        script: &run.plan.script,
        target: &run.plan.target,
        pattern: show::pattern_name(&run.plan),
        verdict,
        created_ms: run.created_ms,
        started_ms: run.started_ms,
        ended_ms: run.ended_ms,
        requests: totals.and_then(|totals| totals.requests),
        failed_share: totals.and_then(|totals| totals.failed_share),
        p95_s: totals.and_then(|totals| totals.p95_s),
        thresholds: thresholds.collect(),
    }
}

/// As RFC 3339 in UTC.
fn timestamp(at_ms: Millis) -> String {
    format!("{}.{:03}Z", show::utc(at_ms).replace(' ', "T"), at_ms % 1000)
}

#[cfg(test)]
mod tests;
