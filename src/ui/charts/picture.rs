//! From the live state to what a panel shows: everything but the rows in [`Picture`], the rows in [`Picture::rows`].
//!
//! As long as two pictures are equal, the chart only needs new rows.

#[cfg(feature = "ssr")]
mod compared;

use serde::Serialize;

use super::{
    panels::{LimitSpec, Look, Panel, Source, TraceSpec, When},
    scale::{ValueScale, tick, time_step},
    spans::{Span, spans},
    text::ChartText,
    theme::Tone,
};
use crate::domain::{
    Millis, decimal,
    event::EventKind,
    format::{self, Numbers},
    frame::{Dimension, History, Metric, SeriesKey, Unit},
    live::{LiveState, Snapshot},
    plan::{DASHBOARD_SERVICE, GRACE_S},
    run::Run,
    schedule::Schedule,
    threshold::{Aggregation, Observed},
    timeline,
};
use crate::ui::show;

/// A panel at one moment, without its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// When the time axis starts.
    pub origin_ms: Millis,
    /// The length of the time axis, in seconds.
    pub length_s: f64,
    /// The distance of its labels, in seconds.
    pub time_step_s: u32,
    /// The axis at the left.
    pub left: Axis,
    /// The axis at the right, where there is one.
    pub right: Option<Axis>,
    /// The series, back to front.
    pub traces: Vec<Trace>,
    /// The course that the plan asks for: (seconds, value).
    pub planned: Vec<(f64, f64)>,
    /// Limits of thresholds.
    pub limits: Vec<Limit>,
    /// Every second phase: (from, to) in seconds.
    pub bands: Vec<(u32, u32)>,
    /// Where no samples came although the run went on: (from, to) in seconds.
    pub gaps: Vec<(f64, f64)>,
    /// What happened, oldest first.
    pub marks: Vec<Mark>,
    /// While faults were set, oldest first.
    pub spans: Vec<Span>,
    /// What a gap is called.
    pub gap_name: &'static str,
    /// Whether the run is over, so that its peaks say more than its last values.
    pub over: bool,
}

/// A value axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it counts, in words: `requests/s`.
    pub unit: String,
    /// What stands behind its labels: ` ms`; empty for plain numbers.
    pub suffix: &'static str,
    /// Its range.
    pub scale: ValueScale,
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its values in the history; `None`: the planned course.
    pub key: Option<SeriesKey>,
    /// The metric it is measured in.
    pub metric: Metric,
    /// Its name in the legend.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// How it is drawn.
    pub look: Look,
    /// Whether it belongs to the axis at the right.
    pub right: bool,
}

/// The limit of a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The threshold in short: `p95 < 500 ms`.
    pub label: String,
    /// The limit in the axis' unit.
    pub value: f64,
    /// Whether it lies above the axis, so that only its label shows.
    pub above: bool,
    /// Whether the threshold is crossed.
    pub crossed: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When, in seconds since the start.
    pub at_s: f64,
    /// How good it is.
    pub tone: Tone,
    /// What it was.
    pub words: String,
}

/// A row of a series as ECharts takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Point {
    /// Milliseconds since the start, value; `None` is a gap.
    Pair(f64, Option<f64>),
    /// A value between two gaps: a line needs two, so it gets a dot.
    #[serde(rename_all = "camelCase")]
    Dot {
        /// Milliseconds since the start, value.
        value: (f64, f64),
        /// ECharts' symbol.
        symbol: &'static str,
        /// Its size, in px.
        symbol_size: u8,
    },
}

/// How a metric is written on an axis.
struct Units {
    /// From the metric's own unit to the axis'.
    factor: f64,
    /// What stands behind a number.
    suffix: &'static str,
    /// The axis' unit in words.
    label: String,
    /// The smallest upper end of an axis, in its unit.
    least: f64,
    whole: bool,
}

/// A value in words, for legends.
pub fn figure(metric: Metric, value: f64, text: &ChartText) -> String {
    let numbers = text.numbers();
    match metric.spec().unit {
        Unit::Cores => format::percent(value, numbers),
        // A course between two corners is no whole number of VUs.
        Unit::Count => format::number(value.round(), 0, numbers),
        unit => format::value(unit, value, numbers),
    }
}

fn units(metric: Metric, text: &ChartText) -> Units {
    let percent = match text.numbers() {
        Numbers::En => "%",
        Numbers::De => " %",
    };
    let (factor, suffix, label, least, whole) = match metric.spec().unit {
        Unit::Count => (1.0, "", (text.metric)(metric), 4.0, true),
        Unit::PerSecond if metric == Metric::RequestRate => (1.0, "/s", text.requests_per_second, 4.0, false),
        Unit::PerSecond => (1.0, "/s", text.iterations_per_second, 4.0, false),
        Unit::Share => (100.0, percent, "%", 1.0, false),
        Unit::Seconds => (1e3, " ms", "ms", 1.0, false),
        Unit::Bytes => (1e-6, " MB", "MB", 10.0, false),
        Unit::BytesPerSecond => (1e-6, " MB/s", "MB/s", 1.0, false),
        Unit::Cores => (100.0, percent, text.percent_of_core, 10.0, false),
    };
    Units { factor, suffix, label: label.to_owned(), least, whole }
}

impl Picture {
    /// What `panel` shows of `state`.
    pub fn of(panel: &Panel, state: &LiveState, text: &ChartText) -> Self {
        let snapshot = &state.snapshot;
        let run = snapshot.status.run.as_ref();
        let schedule = run.and_then(|run| run.schedule.as_ref());
        let history = &snapshot.history;
        let services = service_names(state);

        let (origin_ms, length_s) = axis(run, history);
        let traces: Vec<Trace> =
            panel.traces.iter().flat_map(|spec| traces_of(spec, schedule, snapshot, &services, text)).collect();
        let has_plan = traces.iter().any(|trace| trace.key.is_none());
        let planned = schedule.filter(|_| has_plan).map(Schedule::points).unwrap_or_default();

        let highest = |right: bool, factor: f64| {
            let own = traces.iter().filter(|t| t.right == right).filter_map(|t| history.series.get(t.key.as_ref()?));
            let own = own.flatten().flatten().copied().fold(0.0, f64::max) * factor;
            if right { own } else { planned.iter().map(|(_, value)| *value).fold(own, f64::max) }
        };
        let axis = |right: bool, limits: &[Limit]| {
            let metric = traces.iter().find(|t| t.right == right).map(|t| t.metric).or_else(|| first_metric(panel))?;
            let units = units(metric, text);
            let data = highest(right, units.factor);
            // A limit far above the data would press the data flat: it then stands at the upper edge as a label.
            let near = |limit: &&Limit| data == 0.0 || limit.value <= data * FAR;
            let top = limits.iter().filter(near).map(|limit| limit.value).fold(data, f64::max);
            let scale = ValueScale::reaching(top, units.least, units.whole);
            Some(Axis { unit: units.label, suffix: units.suffix, scale })
        };
        let mut limits: Vec<Limit> = run.map(|run| limits_of(panel, run, text)).unwrap_or_default();
        let left = axis(false, &limits).unwrap_or(Axis {
            unit: String::new(),
            suffix: "",
            scale: ValueScale::reaching(0.0, 1.0, false),
        });
        for limit in &mut limits {
            limit.above = limit.value > left.scale.max;
        }
        let right = traces.iter().any(|t| t.right).then(|| axis(true, &[])).flatten();
        Self {
            origin_ms,
            length_s,
            time_step_s: time_step(length_s),
            left,
            right,
            traces,
            planned,
            limits,
            bands: schedule.map(bands).unwrap_or_default(),
            gaps: if is_of_samples(panel) { gaps(history, run, origin_ms) } else { Vec::new() },
            marks: if is_of_samples(panel) { marks(snapshot, run, origin_ms, text) } else { Vec::new() },
            spans: run.map_or_else(Vec::new, |run| spans(snapshot, run.ended_ms, origin_ms, length_s, text.lang)),
            gap_name: text.no_metrics,
            over: run.is_some_and(|run| !run.state.is_active()),
        }
    }

    /// The rows of every trace, in the order of [`Picture::traces`].
    pub fn rows(&self, history: &History, text: &ChartText) -> Vec<Vec<Point>> {
        let first = self.first_row(history);
        let since_origin = |at: Millis| at.saturating_sub(self.origin_ms) as f64;
        let rows_of = |trace: &Trace| {
            let Some(key) = &trace.key else {
                return self.planned.iter().map(|(s, value)| Point::Pair(s * 1e3, Some(*value))).collect();
            };
            let factor = units(trace.metric, text).factor;
            let values = history.series.get(key).map(|values| values.get(first..).unwrap_or_default());
            let spans = || history.spans(trace.metric).skip(first);
            let spans = || spans().map(|(from, to)| (since_origin(from), since_origin(to))).collect::<Vec<_>>();
            values.map(|values| points(&spans(), values, factor)).unwrap_or_default()
        };
        self.traces.iter().map(rows_of).collect()
    }

    /// The index of the first row of the run.
    pub fn first_row(&self, history: &History) -> usize {
        history.at_ms.partition_point(|at| *at < self.origin_ms)
    }

    /// What happened near a place on the time axis, in ms, or was going on there.
    pub fn told_at(&self, at_ms: f64) -> Option<&str> {
        let at_s = at_ms / 1e3;
        let away = |mark: &&Mark| (mark.at_s - at_s).abs();
        let nearest = self.marks.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        let mark = nearest.filter(|mark| away(mark) <= self.length_s * NEAR).map(|mark| mark.words.as_str());
        let span = || self.spans.iter().rev().find(|span| (span.from_s..=span.to_s).contains(&at_s));
        mark.or_else(|| span().map(|span| span.words.as_str()))
    }

    /// Whether any measured series has a value, in the history or, before that came, now.
    pub fn has_data(&self, state: &LiveState) -> bool {
        let Snapshot { history, frame, .. } = &state.snapshot;
        let first = self.first_row(history);
        let mut keys = self.traces.iter().filter_map(|trace| trace.key.as_ref());
        keys.any(|key| {
            let past = history.series.get(key).and_then(|values| values.get(first..));
            past.is_some_and(|values| values.iter().any(Option::is_some))
                || (history.at_ms.is_empty() && frame.values.contains_key(key))
        })
    }

    /// A trace's highest value, in the metric's unit.
    pub fn highest(&self, trace: &Trace, history: &History) -> Option<f64> {
        match &trace.key {
            Some(key) => {
                let rows = history.series.get(key).and_then(|values| values.get(self.first_row(history)..));
                rows.into_iter().flatten().flatten().copied().reduce(f64::max)
            }
            None => self.planned.iter().map(|(_, value)| *value).reduce(f64::max),
        }
    }

    /// A trace's value at a row of the history, in the metric's unit; without a row: its value now.
    pub fn value_at(&self, trace: &Trace, state: &LiveState, row: Option<usize>) -> Option<f64> {
        let Snapshot { history, frame, .. } = &state.snapshot;
        match (&trace.key, row) {
            (Some(key), Some(row)) => *history.series.get(key)?.get(true_at(history, trace.metric, row))?,
            (Some(key), None) => frame.values.get(key).copied(),
            (None, Some(row)) => {
                course_at(&self.planned, history.at_ms.get(row)?.saturating_sub(self.origin_ms) as f64 / 1e3)
            }
            (None, None) => None,
        }
    }
}

/// What lies within this share of the time axis is near.
const NEAR: f64 = 0.015;

/// Most marks shown, the newest: more would hide the data.
const MARKS: usize = 40;

/// Limits further above the data than this factor stand at the upper edge.
const FAR: f64 = 10.0;

fn first_metric(panel: &Panel) -> Option<Metric> {
    panel.traces.last().map(|spec| match spec.source {
        Source::Whole(metric) | Source::Parts(metric, _) | Source::Planned(metric) => metric,
    })
}

/// When the time axis starts, and its length in seconds.
pub fn axis(run: Option<&Run>, history: &History) -> (Millis, f64) {
    let origin_ms = origin(run, history);
    (origin_ms, length(run, history, origin_ms))
}

fn origin(run: Option<&Run>, history: &History) -> Millis {
    let first = history.at_ms.first().copied();
    run.map(timeline::origin_ms).or(first).unwrap_or_default()
}

/// Up to the planned end, so that nothing jumps; a finished run up to where it really ended.
fn length(run: Option<&Run>, history: &History, origin_ms: Millis) -> f64 {
    let last_s = history.at_ms.last().map_or(0.0, |at| at.saturating_sub(origin_ms) as f64 / 1e3);
    let Some(run) = run else { return last_s.max(60.0) };
    // Iterations may be done long before the longest that they may take.
    let planned_s = match run.plan.shape.iterations() {
        Some(_) => run.duration_s().min(60),
        None => run.duration_s().saturating_add(GRACE_S),
    };
    let planned_s = f64::from(planned_s);
    let planned_s = match run.ended_ms {
        Some(ended) if !run.state.is_active() => {
            planned_s.min(ended.saturating_sub(origin_ms) as f64 / 1e3).ceil().max(5.0)
        }
        _ => planned_s,
    };
    // Rows past the planned end move it in steps, not with each row.
    if last_s > planned_s { (last_s / 10.0).ceil() * 10.0 } else { planned_s }
}

fn traces_of(
    spec: &TraceSpec,
    schedule: Option<&Schedule>,
    snapshot: &Snapshot,
    services: &[&str],
    text: &ChartText,
) -> Vec<Trace> {
    let open = schedule.is_some_and(Schedule::is_open);
    if matches!((spec.when, open), (When::Closed, true) | (When::Open, false)) {
        return Vec::new();
    }
    let trace = |key, metric, name: String, tone| Trace { key, metric, name, tone, look: spec.look, right: spec.right };
    match spec.source {
        Source::Planned(_) if schedule.is_none() => Vec::new(),
        Source::Planned(metric) => vec![trace(None, metric, text.planned.to_owned(), spec.tone)],
        Source::Whole(metric) => {
            let name = if metric == Metric::RequestRate { text.total } else { (text.metric)(metric) };
            vec![trace(Some(SeriesKey::whole(metric)), metric, name.to_owned(), spec.tone)]
        }
        Source::Parts(metric, dimension) => {
            let past = snapshot.history.parts(metric, dimension).map(|(name, _)| name);
            let now = snapshot.frame.values.keys().filter_map(|key| match &key.part {
                Some((d, name)) if key.metric == metric && *d == dimension => Some(name.as_str()),
                _ => None,
            });
            let mut names: Vec<&str> = past.chain(now).collect();
            names.sort_by_key(|name| rank(name, services));
            names.dedup();
            // Gigabytes next to megabytes: the machine's line would press all others flat. The table has its number.
            names.retain(|name| (metric, *name) != (Metric::Memory, "host"));
            // One process with two names.
            if names.contains(&DASHBOARD_SERVICE) {
                names.retain(|name| *name != "dashboard");
            }
            // The only part is the whole once more.
            if dimension == Dimension::Service && names.len() < 2 {
                names.clear();
            }
            let part = |name: &str| {
                let shown = match (metric, name) {
                    (Metric::Cpu | Metric::Memory, "host") => text.host.to_owned(),
                    // Beside the other percentiles of all.
                    (Metric::P95, name) => format!("p95 {}", short(name, services)),
                    (_, name) => short(name, services).to_owned(),
                };
                let key = SeriesKey::part(metric, dimension, name);
                trace(Some(key), metric, shown, part_tone(name, services))
            };
            names.into_iter().map(part).collect()
        }
    }
}

/// Processes that are no services, in the legend's order, each with a colour of its own.
const PROCESSES: &[(&str, Tone)] =
    &[("k6", Tone::Series(6)), ("dashboard", Tone::Series(7)), ("prometheus", Tone::Series(8)), ("host", Tone::Text)];

fn rank<'a>(name: &'a str, services: &[&str]) -> (usize, &'a str) {
    let service = services.iter().position(|service| *service == name);
    let process = PROCESSES.iter().position(|(process, _)| *process == name).map(|i| services.len() + 1 + i);
    (service.or(process).unwrap_or(services.len()), name)
}

/// A service's name without the last word, where that is the same for all: `shop` of `shop-service`.
fn short<'a>(name: &'a str, services: &[&str]) -> &'a str {
    let last = |name: &str| name.rsplit_once('-').map(|(_, last)| last.to_owned());
    let split = name.rsplit_once('-').filter(|_| services.len() > 1 && services.contains(&name));
    match split {
        Some((first, _)) if services.iter().all(|service| last(service) == last(name)) => first,
        _ => name,
    }
}

/// A service's name as the charts show it.
pub fn service_label(state: &LiveState, name: &str) -> String {
    short(name, &service_names(state)).to_owned()
}

/// A service's colour, the same wherever it is drawn.
pub fn service_tone(state: &LiveState, name: &str) -> Tone {
    part_tone(name, &service_names(state))
}

fn service_names(state: &LiveState) -> Vec<&str> {
    state.snapshot.status.services.iter().map(|status| status.service.name.as_str()).collect()
}

/// A service has the same colour in every panel.
fn part_tone(name: &str, services: &[&str]) -> Tone {
    if let Some(i) = services.iter().position(|service| *service == name) {
        return Tone::Series(2 + (i % 4) as u8);
    }
    PROCESSES.iter().find(|(process, _)| *process == name).map_or(Tone::Series(1), |(_, tone)| *tone)
}

fn limits_of(panel: &Panel, run: &Run, text: &ChartText) -> Vec<Limit> {
    let Some(metric) = first_metric(panel) else { return Vec::new() };
    let suffix = units(metric, text).suffix;
    let limit = |observed: &Observed| {
        let threshold = &observed.threshold;
        let fits = |spec: &&LimitSpec| spec.k6_metric == threshold.metric && (spec.fits)(threshold.aggregation);
        let value = threshold.limit * panel.limits.iter().find(fits)?.factor;
        let name = match threshold.aggregation {
            Aggregation::Avg => (text.metric)(Metric::Mean).to_owned(),
            Aggregation::Med => "p50".to_owned(),
            Aggregation::Min => "min".to_owned(),
            Aggregation::Max => "max".to_owned(),
            Aggregation::Percentile(p) => format!("p{}", decimal::shortest(p)),
            Aggregation::Rate | Aggregation::Count | Aggregation::Value => (text.metric)(metric).to_owned(),
        };
        let sign = show::sign(threshold.comparison);
        let part = threshold.tags.values().map(|value| format!(" {value}")).collect::<String>();
        let label = format!("{name}{part} {sign} {}{suffix}", tick(value, text.numbers()));
        Some(Limit { label, value, above: false, crossed: observed.ok == Some(false) })
    };
    run.thresholds.iter().filter_map(limit).collect()
}

/// Every second phase as a band; jumps have no length, so they do not count.
fn bands(schedule: &Schedule) -> Vec<(u32, u32)> {
    let mut end = 0;
    let stretches = schedule.phases.iter().filter(|phase| phase.duration_s > 0).map(|phase| {
        let from = end;
        end += phase.duration_s;
        (from, end)
    });
    stretches.skip(1).step_by(2).collect()
}

/// Changes of the load, crossings and recoveries, changes of health and of breakers, faults, and delays.
fn marks(snapshot: &Snapshot, run: Option<&Run>, origin_ms: Millis, text: &ChartText) -> Vec<Mark> {
    let shows = |kind: &EventKind| {
        use EventKind::{
            Breaker, CriterionMet, FaultFailed, FaultRestored, FaultSet, GatewayServer, Health, LoadAdded, LoadRemoved,
            MetricsBack, MetricsDelayed, Threshold,
        };
        matches!(
            kind,
            Health { .. }
                | Breaker { .. }
                | GatewayServer { .. }
                | MetricsBack
                | MetricsDelayed { .. }
                | Threshold { .. }
                | CriterionMet { .. }
                | LoadAdded { .. }
                | LoadRemoved { .. }
                | FaultSet { .. }
                | FaultRestored { .. }
                | FaultFailed { .. }
        )
    };
    let lines = timeline::entries(&snapshot.events, run);
    let mut marks: Vec<Mark> = Vec::new();
    for line in lines.iter().filter(|line| shows(&line.event.kind)) {
        let (tone, words) = show::entry(line, origin_ms, text.lang);
        let mark = |at_ms: Millis, tone| Mark {
            at_s: at_ms.saturating_sub(origin_ms) as f64 / 1e3,
            tone,
            words: words.clone(),
        };
        // Flapping is told by where it began and by how it ended.
        marks.extend((line.changes > 1).then(|| mark(line.since_ms, Tone::Warn)));
        marks.push(mark(
            line.event.at_ms,
            match tone {
                "ok" => Tone::Ok,
                "bad" => Tone::Bad,
                _ => Tone::Warn,
            },
        ));
    }
    marks.drain(..marks.len().saturating_sub(MARKS));
    marks
}

/// Whether a panel shows what k6 measured; the use of the machine is known without it.
fn is_of_samples(panel: &Panel) -> bool {
    !matches!(first_metric(panel), Some(Metric::Cpu | Metric::Memory))
}

/// From the last row with VUs to the next one, wherever rows without them lie between: k6 pushes VUs as long as it is
/// alive.
fn gaps(history: &History, run: Option<&Run>, origin_ms: Millis) -> Vec<(f64, f64)> {
    let (Some(run), Some(vus)) = (run, history.series.get(&SeriesKey::whole(Metric::Vus))) else { return Vec::new() };
    let ended_ms = run.ended_ms.unwrap_or(Millis::MAX);
    let rows = history.at_ms.iter().zip(vus).filter(|(at_ms, _)| (origin_ms..=ended_ms).contains(at_ms));
    let seconds = |at_ms: Millis| at_ms.saturating_sub(origin_ms) as f64 / 1e3;
    let (mut gaps, mut last, mut open) = (Vec::new(), None, None);
    for (at_ms, vus) in rows {
        match (vus, last) {
            (Some(_), _) => {
                gaps.extend(open.take().map(|from| (from, seconds(*at_ms))));
                last = Some(*at_ms);
            }
            (None, Some(last)) => open = open.or(Some(seconds(last))),
            // Before the first sample nothing is missing.
            (None, None) => {}
        }
    }
    gaps.extend(open.zip(history.at_ms.last().map(|at_ms| seconds(*at_ms))));
    gaps
}

pub(super) fn course_at(course: &[(f64, f64)], at_s: f64) -> Option<f64> {
    let after = course.iter().position(|(s, _)| *s >= at_s)?;
    let (to_s, to) = course[after];
    let Some((from_s, from)) = after.checked_sub(1).map(|i| course[i]) else { return Some(to) };
    if to_s <= from_s { Some(to) } else { Some(from + (to - from) * (at_s - from_s) / (to_s - from_s)) }
}

/// The row whose value of a metric was true at the time of `row`: that of a rate, whose window ends with its row, comes later.
fn true_at(history: &History, metric: Metric, row: usize) -> usize {
    let Some(at) = history.at_ms.get(row) else { return row };
    let from_row = history.times(metric).enumerate().skip(row);
    from_row.min_by_key(|(_, time)| time.abs_diff(*at)).map_or(row, |(row, _)| row)
}

/// The points of a series whose values are each true from one time to another. Between two windows that overlap lies a
/// line from middle to middle; where the next one begins as the one before ends the load has jumped, and so does the line.
fn points(spans: &[(f64, f64)], values: &[Option<f64>], factor: f64) -> Vec<Point> {
    // Three decimals are more than the screen has pixels for, and keep the rows short.
    let scaled = |value: f64| (value * factor * 1e3).round() / 1e3;
    let at = |i: Option<usize>| Some((*spans.get(i?)?, (*values.get(i?)?)?));
    let mut points = Vec::with_capacity(spans.len() + 2);
    for (i, ((from, to), value)) in spans.iter().copied().zip(values).enumerate() {
        let middle = (from + to) / 2.0;
        let Some(value) = value.map(scaled) else {
            points.push(Point::Pair(middle, None));
            continue;
        };
        let (before, after) = (at(i.checked_sub(1)), at(Some(i + 1)));
        if before.is_none() && after.is_none() && from >= to {
            points.push(Point::Dot { value: (middle, value), symbol: "circle", symbol_size: 5 });
            continue;
        }
        let begins = match before {
            None => true,
            Some(((_, before_to), _)) => before_to <= from,
        };
        if begins && from < to {
            points.extend(before.map(|((_, to), value)| Point::Pair(to, Some(scaled(value)))));
            points.push(Point::Pair(from, Some(value)));
        }
        points.push(Point::Pair(middle, Some(value)));
        if after.is_none() && from < to {
            points.push(Point::Pair(to, Some(value)));
        }
    }
    points
}
