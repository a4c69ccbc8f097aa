//! A picture as ECharts options.

use charming::{
    component::{Axis as ChartAxis, Grid},
    element::{
        AreaStyle, AxisLabel, AxisLine, AxisPointer, AxisPointerType, AxisTick, AxisType, Emphasis, ItemStyle, Label,
        LabelPosition, LineStyle, LineStyleType, MarkArea, MarkAreaData, MarkLine, MarkLineData, MarkLineVariant,
        Sampling, SplitLine, Symbol,
    },
    series::Line,
};
use serde::Serialize;

use super::{
    panels::Look,
    picture::{Axis, Limit, Picture, Point, Trace},
    theme::{Style, Tone},
};

/// A whole chart: what of charming's `Chart` is in use. That one brings the browser all kinds of charts there are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    /// The times are counted from 0, not a zone's midnight.
    #[serde(rename = "useUTC")]
    use_utc: bool,
    animation: bool,
    grid: Grid,
    x_axis: ChartAxis,
    y_axis: Vec<ChartAxis>,
    series: Vec<Line>,
}

/// Only the rows, to be merged into a whole chart.
#[derive(Debug, Serialize)]
pub struct Rows {
    series: Vec<SeriesRows>,
}

#[derive(Debug, Serialize)]
struct SeriesRows {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Vec<Point>,
}

const FONT_SIZE: f64 = 13.0;
/// The same margins in all panels keep their time axes in line: room for `1,000 ms`.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;
const RIGHT_WITH_AXIS: f64 = 52.0;

/// The chart of a picture, without rows.
pub fn whole(picture: &Picture, style: &Style) -> Whole {
    let right = if picture.right.is_some() { RIGHT_WITH_AXIS } else { RIGHT };
    let mut y_axis = vec![value_axis(&picture.left, style, true)];
    y_axis.extend(picture.right.iter().map(|axis| value_axis(axis, style, false)));
    // The background goes first, so that nothing is hidden behind it.
    let mut series = vec![backdrop(picture, style), faults(picture, style), gaps(picture, style)];
    series.extend(marks(picture, style));
    series.extend(picture.traces.iter().enumerate().map(|(i, trace)| line(i, trace, style)));
    series.extend(picture.limits.iter().enumerate().map(|(i, limit)| limit_line(i, limit, picture, style)));
    Whole {
        use_utc: true,
        animation: false,
        grid: Grid::new().left(style.px(LEFT)).right(style.px(right)).top(style.px(TOP)).bottom(style.px(BOTTOM)),
        x_axis: time_axis(picture, style),
        y_axis,
        series,
    }
}

/// The rows of a picture's traces.
pub fn rows(rows: Vec<Vec<Point>>) -> Rows {
    let series = rows.into_iter().enumerate();
    Rows { series: series.map(|(i, data)| SeriesRows { id: trace_id(i), kind: "line", data }).collect() }
}

fn trace_id(i: usize) -> String {
    format!("trace-{i}")
}

fn label(style: &Style) -> AxisLabel {
    AxisLabel::new().font_size(style.px(FONT_SIZE)).color(style.colour(Tone::Muted))
}

fn time_axis(picture: &Picture, style: &Style) -> ChartAxis {
    let format = if picture.length_s > 3600.0 { "{H}:{mm}:{ss}" } else { "{mm}:{ss}" };
    let end = picture.length_s;
    let step = f64::from(picture.time_step_s);
    // A label that would be cut off by the frame is left out.
    let labels = (0..).map(|i| f64::from(i) * step).take_while(|at| *at <= end).map(|s| s * 1e3);
    let labels: Vec<f64> = labels.collect();
    let pointer = AxisPointer::new()
        .show(true)
        .type_(AxisPointerType::Line)
        .snap(false)
        .animation(false)
        .label(Label::new().show(false))
        .line_style(LineStyle::new().color(style.colour(Tone::Text)).width(1.0).type_(LineStyleType::Solid));
    let labelled = label(style).formatter(format);
    ChartAxis::new()
        .type_(AxisType::Time)
        .min(0.0)
        .max(end * 1e3)
        .axis_label(labels.iter().fold(labelled, |labelled, at| labelled.custom_values(*at)))
        .axis_tick(AxisTick::new().show(true).custom_values(labels))
        .axis_line(AxisLine::new().show(true).on_zero(false))
        .split_line(SplitLine::new().show(false))
        .axis_pointer(pointer)
}

fn value_axis(axis: &Axis, style: &Style, grid: bool) -> ChartAxis {
    ChartAxis::new()
        .type_(AxisType::Value)
        .min(0.0)
        .max(axis.scale.max)
        .interval(axis.scale.step)
        .axis_label(label(style).formatter(format!("{{value}}{}", axis.suffix).as_str()))
        .axis_line(AxisLine::new().show(false))
        .axis_tick(AxisTick::new().show(false))
        .split_line(SplitLine::new().show(grid).line_style(LineStyle::new().color(style.colour(Tone::Grid)).width(1.0)))
        .axis_pointer(AxisPointer::new().show(false))
}

fn line(i: usize, trace: &Trace, style: &Style) -> Line {
    let colour = style.colour(trace.tone);
    let stroke = match trace.look {
        Look::Dashed => LineStyle::new().color(colour).width(style.px(2.0)).type_(LineStyleType::Dashed),
        Look::Thin => LineStyle::new().color(colour).width(style.px(1.5)).type_(LineStyleType::Solid),
        Look::Line | Look::Area => LineStyle::new().color(colour).width(style.px(2.5)).type_(LineStyleType::Solid),
    };
    let line = Line::new()
        .id(trace_id(i))
        .name(trace.name.as_str())
        // Single points between gaps bring their own symbol; all others have none.
        .show_symbol(true)
        .symbol(Symbol::None)
        .connect_nulls(false)
        .item_style(ItemStyle::new().color(colour))
        .line_style(stroke)
        .emphasis(Emphasis::new().disabled(true))
        .silent(true)
        .y_axis_index(if trace.right { 1.0 } else { 0.0 });
    match trace.look {
        Look::Area => line.area_style(AreaStyle::new().color(colour).opacity(0.16)).sampling(Sampling::Lttb),
        Look::Line | Look::Thin => line.sampling(Sampling::Lttb),
        // The corners of the plan must not be thinned.
        Look::Dashed => line,
    }
}

fn backdrop(picture: &Picture, style: &Style) -> Line {
    let edge = |s: u32| MarkAreaData::new().x_axis(moment(f64::from(s)));
    let bands: Vec<_> = picture.bands.iter().map(|(from, to)| (edge(*from), edge(*to))).collect();
    Line::new().id("phases").silent(true).mark_area(
        MarkArea::new()
            .silent(true)
            .item_style(ItemStyle::new().color(style.colour(Tone::Muted)).opacity(0.06))
            .data(bands),
    )
}

/// What is missing is shown as missing, and named.
fn gaps(picture: &Picture, style: &Style) -> Line {
    named_areas("gaps", Tone::Warn, picture.gaps.iter().map(|(from, to)| (*from, *to, picture.gap_name)), style)
}

/// While a fault was set.
fn faults(picture: &Picture, style: &Style) -> Line {
    named_areas("faults", Tone::Bad, picture.spans.iter().map(|span| (span.from_s, span.to_s, &*span.name)), style)
}

/// Tinted stretches of time, each with its name at the top.
fn named_areas<'a>(id: &str, tone: Tone, areas: impl Iterator<Item = (f64, f64, &'a str)>, style: &Style) -> Line {
    let edge = |s: f64| MarkAreaData::new().x_axis(moment(s));
    let areas: Vec<_> = areas.map(|(from, to, name)| (edge(from).name(name), edge(to))).collect();
    let name = Label::new().show(true).position(LabelPosition::InsideTop).font_size(style.px(FONT_SIZE));
    Line::new().id(id).silent(true).mark_area(
        MarkArea::new()
            .silent(true)
            .label(name.color(style.colour(tone)))
            .item_style(ItemStyle::new().color(style.colour(tone)).opacity(0.12))
            .data(areas),
    )
}

/// What happened, as lines across the picture: one series a tone.
fn marks(picture: &Picture, style: &Style) -> Vec<Line> {
    let mut tones = Vec::new();
    for mark in &picture.marks {
        if !tones.contains(&mark.tone) {
            tones.push(mark.tone);
        }
    }
    let of_tone = |tone: Tone| {
        let data = picture.marks.iter().filter(|mark| mark.tone == tone).map(|mark| mark.at_s * 1e3);
        let data = data.map(|at| MarkLineVariant::Simple(MarkLineData::new().x_axis(at))).collect();
        let stroke = LineStyle::new().color(style.colour(tone)).width(style.px(1.5)).type_(LineStyleType::Solid);
        let mark = MarkLine::new()
            .silent(true)
            .symbol(vec![Symbol::None, Symbol::Circle])
            .label(Label::new().show(false))
            .line_style(stroke.opacity(0.75))
            .data(data);
        Line::new().id(format!("marks-{}", tone.id())).silent(true).mark_line(mark)
    };
    tones.into_iter().map(of_tone).collect()
}

/// Charming takes the edges of areas as text only, and ECharts reads text on a time axis as a date.
fn moment(s: f64) -> String {
    let ms = (s * 1e3).round() as u64;
    let (day, s) = (1 + ms / 86_400_000, ms / 1000 % 86_400);
    format!("1970-01-{day:02}T{:02}:{:02}:{:02}.{:03}Z", s / 3600, s / 60 % 60, s % 60, ms % 1000)
}

fn limit_line(i: usize, limit: &Limit, picture: &Picture, style: &Style) -> Line {
    let colour = style.colour(if limit.crossed { Tone::Bad } else { Tone::Warn });
    let (value, text, width) = match limit.above {
        // Out of the picture: its name at the upper edge, without a line.
        true => (picture.left.scale.max, format!("{} ↑", limit.label), 0.0),
        false => (limit.value, limit.label.clone(), style.px(if limit.crossed { 2.5 } else { 2.0 })),
    };
    let position = label_position(i, value > picture.left.scale.max * 0.85);
    let label = Label::new()
        .show(true)
        .position(position)
        .formatter(text.as_str())
        .font_size(style.px(FONT_SIZE))
        .color(colour)
        .background_color(style.colour(Tone::Surface))
        .padding((1.0, 4.0, 1.0, 4.0));
    let mark = MarkLine::new()
        .silent(true)
        .symbol(vec![Symbol::None, Symbol::None])
        .label(label)
        .line_style(LineStyle::new().color(colour).width(width).type_(LineStyleType::Dashed))
        .data(vec![MarkLineVariant::Simple(MarkLineData::new().y_axis(value))]);
    Line::new().id(format!("limit-{i}")).silent(true).mark_line(mark)
}

/// Side by side, as limits may lie close together, and inside the frame.
fn label_position(i: usize, below: bool) -> LabelPosition {
    match (i % 3, below) {
        (0, true) => LabelPosition::InsideEndBottom,
        (0, false) => LabelPosition::InsideEndTop,
        (1, true) => LabelPosition::InsideStartBottom,
        (1, false) => LabelPosition::InsideStartTop,
        (_, true) => LabelPosition::InsideMiddleBottom,
        (_, false) => LabelPosition::InsideMiddleTop,
    }
}
