//! A picture as SVG, for reports: drawn once, with no script at hand.
//!
//! Percentages place text, and only the inner drawing is stretched, so that labels stay readable at every width.

use leptos::prelude::*;

use super::{
    lanes::drawn_lanes,
    panel::look_id,
    panels::{Look, PANELS, Panel},
    picture::{Axis, Limit, Picture, Point, Trace, axis, course_at, figure},
    scale::{tick, time_step},
    spans::spans,
    text::ChartText,
};
use crate::domain::{
    Millis,
    format::{NO_DATA, clock},
    frame::{Frame, History, Metric, SeriesKey},
    live::LiveState,
    prefs::Lang,
    run::Run,
    zoom::Zoom,
};

/// The side of the stretched drawing, in its own units.
const SIDE: f64 = 1e3;

/// The length of the time axis, in whole seconds.
pub fn axis_s(state: &LiveState) -> u32 {
    axis(state.snapshot.status.run.as_ref(), &state.snapshot.history).1.ceil() as u32
}

/// Every panel of a run, with whatever its history holds of a stretch of the time axis; `None`: of all of it.
pub fn drawn_charts(state: &LiveState, zoom: Option<Zoom>, lang: Lang) -> impl IntoView + use<> {
    let text = ChartText::of(lang);
    let close = zoom.map(|zoom| within(state, zoom));
    let shown = close.as_ref().unwrap_or(state);
    let charts = |of_processes| {
        let panels = PANELS.iter().filter(move |panel| panel.is_of_processes() == of_processes);
        panels.filter_map(|panel| chart(panel, shown, zoom, text)).collect_view()
    };
    view! {
        <div class="charts">
            {charts(false)}
            {drawn_lanes(state, zoom, text)}
            {charts(true)}
        </div>
    }
}

/// Only the rows of a stretch.
fn within(state: &LiveState, zoom: Zoom) -> LiveState {
    let mut state = state.clone();
    let snapshot = &mut state.snapshot;
    let (origin_ms, _) = axis(snapshot.status.run.as_ref(), &snapshot.history);
    snapshot.history.keep_from(origin_ms + Millis::from(zoom.from_s) * 1000);
    snapshot.history.keep_to(origin_ms + Millis::from(zoom.to_s) * 1000);
    // Where it has no row, what was last is not of it either.
    snapshot.frame = Frame::default();
    state
}

/// A picture whose time axis is a stretch of its own.
fn narrowed(picture: Picture, zoom: Zoom, state: &LiveState, lang: Lang) -> Picture {
    let (from, to) = (f64::from(zoom.from_s), f64::from(zoom.to_s));
    let origin_ms = picture.origin_ms + Millis::from(zoom.from_s) * 1000;
    let corner = |at| course_at(&picture.planned, at).map(|value| (at - from, value));
    let between = picture.planned.iter().filter(|(at, _)| *at > from && *at < to);
    let between = between.map(|(at, value)| (at - from, *value));
    let planned = corner(from).into_iter().chain(between).chain(corner(to)).collect();
    let band = |(a, b): (u32, u32)| {
        let inside = (a.max(zoom.from_s), b.min(zoom.to_s));
        (inside.0 < inside.1).then(|| (inside.0 - zoom.from_s, inside.1 - zoom.from_s))
    };
    let gap = |(a, b): (f64, f64)| (a < to && b > from).then(|| (a.max(from) - from, b.min(to) - from));
    let mut marks = picture.marks;
    marks.retain(|mark| (from..=to).contains(&mark.at_s));
    marks.iter_mut().for_each(|mark| mark.at_s -= from);
    let run = state.snapshot.status.run.as_ref();
    Picture {
        origin_ms,
        length_s: to - from,
        time_step_s: time_step(to - from),
        planned,
        bands: picture.bands.into_iter().filter_map(band).collect(),
        gaps: picture.gaps.into_iter().filter_map(gap).collect(),
        marks,
        spans: run.map_or_else(Vec::new, |run| spans(&state.snapshot, run.ended_ms, origin_ms, to - from, lang)),
        ..picture
    }
}

/// A chart of each metric, with a line for each of several runs; `names` stand for the runs.
pub fn compared_charts(
    metrics: &[Metric],
    names: &[String],
    runs: &[(&Run, &History)],
    lang: Lang,
) -> impl IntoView + use<> {
    let text = ChartText::of(lang);
    let chart = |metric: &Metric| {
        let (picture, rows) = Picture::compared(*metric, names, runs, text);
        let title = (text.metric)(*metric);
        let highest = |(_, history): &(&Run, &History)| {
            let values = history.series.get(&SeriesKey::whole(*metric)).into_iter().flatten().flatten().copied();
            values.reduce(f64::max).map_or_else(|| NO_DATA.to_owned(), |value| figure(*metric, value, text))
        };
        let values = runs.iter().map(highest).collect::<Vec<_>>();
        let said =
            names.iter().zip(&values).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ");
        let legend = picture.traces.iter().zip(&values).map(|(trace, value)| {
            let (tone, look, name) = (trace.tone.id(), look_id(trace.look), trace.name.clone());
            view! {
                <li data-tone=tone data-look=look>
                    <span class="chart-name">{name} " " {text.highest}</span>
                    " "
                    <span class="chart-value">{value.clone()}</span>
                </li>
            }
        });
        let drawing = match rows.iter().any(|rows| !rows.is_empty()) {
            true => {
                let label = format!("{title}: {} {said}", text.highest);
                plot(&picture, 0.0, rows, label, text).into_any()
            }
            false => view! { <p class="plot-empty">{text.no_data}</p> }.into_any(),
        };
        view! {
            <section class="chart" data-testid=format!("compared-{}", metric.spec().id)>
                <header class="chart-head">
                    <h3>{title}</h3>
                    <span class="chart-unit">{picture.left.unit.clone()}</span>
                </header>
                <ul class="chart-legend">{legend.collect_view()}</ul>
                {drawing}
            </section>
        }
    };
    view! { <div class="charts">{metrics.iter().map(chart).collect_view()}</div> }
}

/// `None`: it is about this machine, of which nothing is known any more.
fn chart(
    panel: &Panel,
    state: &LiveState,
    zoom: Option<Zoom>,
    text: &'static ChartText,
) -> Option<impl IntoView + use<>> {
    let history = &state.snapshot.history;
    let mut picture = Picture::of(panel, state, text);
    if let Some(zoom) = zoom {
        picture = narrowed(picture, zoom, state, text.lang);
    }
    if panel.is_of_processes() && !picture.has_data(state) {
        return None;
    }
    let words = text.panel(panel.id);
    let title = words.map(|words| words.title).unwrap_or_default();
    let points = history.at_ms.len() - picture.first_row(history);
    let highest = |trace: &Trace| {
        picture.highest(trace, history).map_or_else(|| NO_DATA.to_owned(), |value| figure(trace.metric, value, text))
    };
    let values = picture.traces.iter().map(|trace| (trace, highest(trace))).collect::<Vec<_>>();
    let said = values.iter().map(|(trace, value)| format!("{} {value}", trace.name)).collect::<Vec<_>>().join(", ");
    let legend = values.iter().map(|(trace, value)| {
        let (tone, look, name) = (trace.tone.id(), look_id(trace.look), trace.name.clone());
        view! {
            <li data-tone=tone data-look=look>
                <span class="chart-name">{name} " " {text.highest}</span>
                " "
                <span class="chart-value">{value.clone()}</span>
            </li>
        }
    });
    let right = picture.right.as_ref().map(|axis| format!(" · {} →", axis.unit)).unwrap_or_default();
    let drawing = if picture.has_data(state) {
        let label = format!("{title}: {} {said}", text.highest);
        let begin_s = zoom.map_or(0.0, |zoom| f64::from(zoom.from_s));
        plot(&picture, begin_s, picture.rows(history, text), label, text).into_any()
    } else {
        view! { <p class="plot-empty">{text.no_data}</p> }.into_any()
    };
    let section = view! {
        <section
            class="chart"
            data-testid=format!("chart-{}", panel.id)
            data-points=points.to_string()
            aria-labelledby=format!("chart-{}-title", panel.id)
        >
            <header class="chart-head">
                <h3 id=format!("chart-{}-title", panel.id)>{title}</h3>
                <span class="chart-unit">{format!("{}{right}", picture.left.unit)}</span>
            </header>
            <p class="chart-help">{words.map(|words| words.help)}</p>
            <ul class="chart-legend">{legend.collect_view()}</ul>
            {drawing}
        </section>
    };
    Some(section)
}

/// `begin_s`: the run's time at which the picture's begins.
fn plot(
    picture: &Picture,
    begin_s: f64,
    rows: Vec<Vec<Point>>,
    label: String,
    text: &ChartText,
) -> impl IntoView + use<> {
    let numbers = text.numbers();
    let bands = picture.bands.iter().map(|(from, to)| {
        let (from, to) = (x(picture, f64::from(*from)), x(picture, f64::from(*to)));
        view! { <rect class="plot-band" x=percent(from) width=percent(to - from) y="0" height="100%" /> }
    });
    let gaps = picture.gaps.iter().map(|(from, to)| {
        let (from, to) = (x(picture, *from), x(picture, *to));
        view! {
            <rect class="plot-gap" x=percent(from) width=percent(to - from) y="0" height="100%">
                <title>{picture.gap_name}</title>
            </rect>
        }
    });
    let spans = picture.spans.iter().map(|span| {
        let (from, to) = (x(picture, span.from_s), x(picture, span.to_s));
        view! {
            <rect class="plot-fault" x=percent(from) width=percent(to - from) y="0" height="100%">
                <title>{span.words.clone()}</title>
            </rect>
            <text class="plot-fault-name" text-anchor="middle" x=percent((from + to) / 2.0) y="0" dy="1.2em">{span.name.clone()}</text>
        }
    });
    let levels = steps(picture.left.scale.max, picture.left.scale.step).map(|value| {
        let y = percent(y(&picture.left, value));
        let label = format!("{}{}", tick(value, numbers), picture.left.suffix);
        view! {
            <line class="plot-grid" x1="0" x2="100%" y1=y.clone() y2=y.clone() />
            <text class="plot-label" text-anchor="end" x="0" y=y dx="-8" dy="0.35em">{label}</text>
        }
    });
    let right = picture.right.iter().flat_map(|axis| {
        steps(axis.scale.max, axis.scale.step).map(|value| {
            let label = format!("{}{}", tick(value, numbers), axis.suffix);
            view! { <text class="plot-label" x="100%" y=percent(y(axis, value)) dx="8" dy="0.35em">{label}</text> }
        })
    });
    let step_s = f64::from(picture.time_step_s);
    let first_s = (begin_s / step_s).ceil() * step_s;
    let times = steps((begin_s + picture.length_s - first_s).max(0.0), step_s).map(|at| {
        let x = percent(x(picture, first_s + at - begin_s));
        view! { <text class="plot-label" text-anchor="middle" x=x y="100%" dy="1.5em">{clock(first_s + at)}</text> }
    });
    let (lines, dots): (Vec<_>, Vec<_>) =
        picture.traces.iter().zip(&rows).map(|(trace, rows)| strokes(picture, trace, rows)).unzip();
    let limits = picture.limits.iter().enumerate().map(|(i, limit)| limit_line(i, limit, &picture.left));
    let marks = picture.marks.iter().map(|mark| {
        let x = percent(x(picture, mark.at_s));
        view! {
            <line class="plot-mark" style=format!("--tone:var(--{})", mark.tone.id()) x1=x.clone() x2=x y1="0" y2="100%">
                <title>{mark.words.clone()}</title>
            </line>
        }
    });
    let class = if picture.right.is_some() { "plot two-axes" } else { "plot" };
    view! {
        <svg class=class role="img" aria-label=label>
            {bands.collect_view()}
            {spans.collect_view()}
            {gaps.collect_view()}
            {levels.collect_view()}
            {right.collect_view()}
            {times.collect_view()}
            <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%">
                {lines}
            </svg>
            {dots}
            {limits.collect_view()}
            {marks.collect_view()}
        </svg>
    }
}

/// A trace's lines, broken where values are missing, and the dots of values that stand alone.
fn strokes(picture: &Picture, trace: &Trace, rows: &[Point]) -> (AnyView, AnyView) {
    let axis = picture.right.as_ref().filter(|_| trace.right).unwrap_or(&picture.left);
    let tone = format!("--tone:var(--{})", trace.tone.id());
    let mut lines: Vec<Vec<(f64, f64)>> = vec![vec![]];
    let mut dots = vec![];
    for row in rows {
        match row {
            Point::Pair(ms, Some(value)) => {
                if let Some(line) = lines.last_mut() {
                    line.push((x(picture, ms / 1e3) * SIDE, y(axis, *value) * SIDE));
                }
            }
            Point::Pair(_, None) => lines.push(vec![]),
            Point::Dot { value: (ms, value), .. } => dots.push((x(picture, ms / 1e3), y(axis, *value))),
        }
    }
    let look = look_id(trace.look);
    let line = |line: Vec<(f64, f64)>| {
        let (Some((from, _)), Some((to, _))) = (line.first(), line.last()) else { return ().into_any() };
        let points = line.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        let area = (trace.look == Look::Area).then(|| {
            let points = format!("{from:.1},{SIDE} {points} {to:.1},{SIDE}");
            view! { <polygon class="plot-area" style=tone.clone() points=points /> }
        });
        view! {
            {area}
            <polyline class="plot-line" data-look=look style=tone.clone() points=points vector-effect="non-scaling-stroke" />
        }
        .into_any()
    };
    let lines = lines.into_iter().map(line).collect_view().into_any();
    let dot = |(x, y)| view! { <circle class="plot-dot" style=tone.clone() cx=percent(x) cy=percent(y) r="2.5" /> };
    (lines, dots.into_iter().map(dot).collect_view().into_any())
}

fn limit_line(i: usize, limit: &Limit, axis: &Axis) -> impl IntoView + use<> {
    let tone = if limit.crossed { "--tone:var(--bad)" } else { "--tone:var(--warn)" };
    let at = if limit.above { 0.0 } else { y(axis, limit.value) };
    let line = (!limit.above).then(|| {
        let y = percent(at);
        view! { <line class="plot-limit" style=tone x1="0" x2="100%" y1=y.clone() y2=y /> }
    });
    // Side by side, as limits may lie close together.
    let (x, dx, anchor) = [("100%", "-4", "end"), ("0", "4", "start"), ("50%", "0", "middle")][i % 3];
    let dy = if at < 0.15 { "1.2em" } else { "-0.4em" };
    let label = if limit.above { format!("{} ↑", limit.label) } else { limit.label.clone() };
    view! {
        {line}
        <text class="plot-limit-label" style=tone x=x dx=dx y=percent(at) dy=dy text-anchor=anchor>{label}</text>
    }
}

/// Place on the time axis, 0–1.
fn x(picture: &Picture, at_s: f64) -> f64 {
    (at_s / picture.length_s.max(1.0)).clamp(0.0, 1.0)
}

/// Place on a value axis from the top, 0–1.
fn y(axis: &Axis, value: f64) -> f64 {
    (1.0 - value / axis.scale.max).clamp(0.0, 1.0)
}

/// From 0 to `end`.
fn steps(end: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..=(end / step + 1e-9) as u32).map(move |i| f64::from(i) * step)
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}
