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
    theme::{Colours, Tone},
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
const RIGHT_WITH_AXIS: f64 = 52.0;

/// The chart of a picture, without rows.
pub fn whole(picture: &Picture, colours: &Colours) -> Whole {
    let right = if picture.right.is_some() { RIGHT_WITH_AXIS } else { RIGHT };
    let mut y_axis = vec![value_axis(&picture.left, colours, true)];
    y_axis.extend(picture.right.iter().map(|axis| value_axis(axis, colours, false)));
    // The background goes first, so that nothing is hidden behind it.
    let mut series = vec![backdrop(picture, colours), gaps(picture, colours)];
    series.extend(picture.traces.iter().enumerate().map(|(i, trace)| line(i, trace, colours)));
    series.extend(picture.limits.iter().enumerate().map(|(i, limit)| limit_line(i, limit, picture, colours)));
    Whole {
        use_utc: true,
        animation: false,
        grid: Grid::new().left(LEFT).right(right).top(14.0).bottom(30.0),
        x_axis: time_axis(picture, colours),
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

fn label(colours: &Colours) -> AxisLabel {
    AxisLabel::new().font_size(FONT_SIZE).color(colours.get(Tone::Muted))
}

fn time_axis(picture: &Picture, colours: &Colours) -> ChartAxis {
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
        .line_style(LineStyle::new().color(colours.get(Tone::Text)).width(1.0).type_(LineStyleType::Solid));
    let labelled = label(colours).formatter(format);
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

fn value_axis(axis: &Axis, colours: &Colours, grid: bool) -> ChartAxis {
    ChartAxis::new()
        .type_(AxisType::Value)
        .min(0.0)
        .max(axis.scale.max)
        .interval(axis.scale.step)
        .axis_label(label(colours).formatter(format!("{{value}}{}", axis.suffix).as_str()))
        .axis_line(AxisLine::new().show(false))
        .axis_tick(AxisTick::new().show(false))
        .split_line(SplitLine::new().show(grid).line_style(LineStyle::new().color(colours.get(Tone::Grid)).width(1.0)))
        .axis_pointer(AxisPointer::new().show(false))
}

fn line(i: usize, trace: &Trace, colours: &Colours) -> Line {
    let colour = colours.get(trace.tone);
    let style = match trace.look {
        Look::Dashed => LineStyle::new().color(colour).width(2.0).type_(LineStyleType::Dashed),
        Look::Line | Look::Area => LineStyle::new().color(colour).width(2.5).type_(LineStyleType::Solid),
    };
    let line = Line::new()
        .id(trace_id(i))
        .name(trace.name.as_str())
        // Single points between gaps bring their own symbol; all others have none.
        .show_symbol(true)
        .symbol(Symbol::None)
        .connect_nulls(false)
        .item_style(ItemStyle::new().color(colour))
        .line_style(style)
        .emphasis(Emphasis::new().disabled(true))
        .silent(true)
        .y_axis_index(if trace.right { 1.0 } else { 0.0 });
    match trace.look {
        Look::Area => line.area_style(AreaStyle::new().color(colour).opacity(0.16)).sampling(Sampling::Lttb),
        Look::Line => line.sampling(Sampling::Lttb),
        // The corners of the plan must not be thinned.
        Look::Dashed => line,
    }
}

fn backdrop(picture: &Picture, colours: &Colours) -> Line {
    let edge = |s: u32| MarkAreaData::new().x_axis(moment(f64::from(s)));
    let bands: Vec<_> = picture.bands.iter().map(|(from, to)| (edge(*from), edge(*to))).collect();
    Line::new().id("phases").silent(true).mark_area(
        MarkArea::new()
            .silent(true)
            .item_style(ItemStyle::new().color(colours.get(Tone::Muted)).opacity(0.06))
            .data(bands),
    )
}

/// What is missing is shown as missing, and named.
fn gaps(picture: &Picture, colours: &Colours) -> Line {
    let edge = |s: f64| MarkAreaData::new().x_axis(moment(s));
    let areas: Vec<_> = picture.gaps.iter().map(|(from, to)| (edge(*from).name(picture.gap_name), edge(*to))).collect();
    let name = Label::new().show(true).position(LabelPosition::InsideTop).font_size(FONT_SIZE);
    Line::new().id("gaps").silent(true).mark_area(
        MarkArea::new()
            .silent(true)
            .label(name.color(colours.get(Tone::Warn)))
            .item_style(ItemStyle::new().color(colours.get(Tone::Warn)).opacity(0.12))
            .data(areas),
    )
}

/// Charming takes the edges of areas as text only, and ECharts reads text on a time axis as a date.
fn moment(s: f64) -> String {
    let ms = (s * 1e3).round() as u64;
    let (day, s) = (1 + ms / 86_400_000, ms / 1000 % 86_400);
    format!("1970-01-{day:02}T{:02}:{:02}:{:02}.{:03}Z", s / 3600, s / 60 % 60, s % 60, ms % 1000)
}

fn limit_line(i: usize, limit: &Limit, picture: &Picture, colours: &Colours) -> Line {
    let colour = colours.get(if limit.crossed { Tone::Bad } else { Tone::Warn });
    let (value, text, width) = match limit.above {
        // Out of the picture: its name at the upper edge, without a line.
        true => (picture.left.scale.max, format!("{} ↑", limit.label), 0.0),
        false => (limit.value, limit.label.clone(), if limit.crossed { 2.5 } else { 2.0 }),
    };
    let position = label_position(i, value > picture.left.scale.max * 0.85);
    let label = Label::new()
        .show(true)
        .position(position)
        .formatter(text.as_str())
        .font_size(FONT_SIZE)
        .color(colour)
        .background_color(colours.get(Tone::Surface))
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
