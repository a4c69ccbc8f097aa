//! How a test is going: a bar on a terminal, a line every few seconds elsewhere.

use std::time::{Duration, Instant};

use ha_dashboard::domain::{
    duration,
    format::{self, Numbers},
    frame::Metric,
    live::Snapshot,
    run::{Run, RunState},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two plain lines.
const LINES: Duration = Duration::from_secs(5);

/// Shows a run on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
}

impl Progress {
    /// Begins.
    pub fn new(run: &Run) -> Self {
        let target = ProgressDrawTarget::stderr();
        let bar = (!target.is_hidden()).then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(1_000), target).with_style(style)
        });
        let progress = Self { bar, last_line: None };
        let length = match run.plan.shape.iterations() {
            Some(all) => format!("{all} iterations"),
            None => duration::text(run.duration_s()),
        };
        progress.say(&format!("run {}: {} against {} for {length}", run.id, run.plan.script, run.plan.target));
        progress
    }

    /// A line of its own.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// How it is now.
    pub fn show(&mut self, run: &Run, snapshot: &Snapshot) {
        let values = values(run, snapshot);
        let progress = run.progress(snapshot.now_ms, snapshot.frame.get(Metric::IterationCount));
        match &self.bar {
            Some(bar) => {
                bar.set_position((progress * 1_000.0) as u64);
                bar.set_message(values);
            }
            None if self.last_line.is_none_or(|last| last.elapsed() >= LINES) => {
                self.last_line = Some(Instant::now());
                eprintln!("{:>3.0} %  {values}", progress * 100.0);
            }
            None => {}
        }
    }

    /// Clears the bar.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn values(run: &Run, snapshot: &Snapshot) -> String {
    let state = match &run.state {
        RunState::Starting => "starting".into(),
        RunState::Stopping => "stopping".into(),
        RunState::Finished(_) => "ended".into(),
        RunState::Running => match run.phase(snapshot.now_ms) {
            Some((phase, left)) => format!("{} ({} left)", phase.name.name(), format::clock(left)),
            None => "running".into(),
        },
    };
    let shown =
        [("VUs", Metric::Vus), ("req", Metric::RequestRate), ("p95", Metric::P95), ("failed", Metric::FailedShare)];
    let values = shown.map(|(name, metric)| {
        let value = format::value_or_none(metric.spec().unit, snapshot.frame.get(metric), Numbers::En);
        format!("{name} {value}")
    });
    format!("{state}  {}", values.join("  "))
}
