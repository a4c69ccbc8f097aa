//! The course of a plan as a small picture, drawn as SVG: it shows at once, with and without JavaScript.

use leptos::prelude::*;

use super::{
    scale::{ValueScale, tick, time_step},
    text::ChartText,
};
use crate::{
    domain::{
        decimal::fixed,
        format::clock,
        frame::Metric,
        schedule::{Executor, Schedule},
    },
    ui::text::use_lang,
};

/// What happens beside the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When, in seconds after the start.
    pub at_s: u32,
    /// For how long, in seconds; `None`: nobody knows.
    pub for_s: Option<u32>,
    /// What, in words.
    pub words: String,
}

/// What a plan will do to the services: load over time, and its phases in words.
#[component]
pub fn SchedulePreview(
    /// The plan's schedule; `None` while the plan is not valid.
    #[prop(into)]
    schedule: Signal<Option<Schedule>>,
    /// What happens beside it, in its order.
    #[prop(into)]
    steps: Signal<Vec<Mark>>,
) -> impl IntoView {
    let text = ChartText::of(use_lang());
    view! {
        <figure class="preview" data-testid="chart-preview" aria-label=text.preview>
            {move || match schedule.get() {
                Some(schedule) => drawing(&schedule, &steps.get(), text).into_any(),
                None => view! { <p class="preview-missing">{text.preview_missing}</p> }.into_any(),
            }}
        </figure>
    }
}

fn drawing(schedule: &Schedule, steps: &[Mark], text: &'static ChartText) -> impl IntoView + use<> {
    let course = Course::of(schedule);
    let unit = match schedule.executor {
        Executor::RampingVus => (text.metric)(Metric::Vus),
        Executor::RampingArrivalRate => text.iterations_per_second,
    };
    let levels = course.levels().map(|(y, value)| {
        view! {
            <line class="preview-grid" x1="0" x2="100%" y1=y.clone() y2=y.clone() />
            <text class="preview-level" x="0" y=y dx="-8" dy="0.35em">{tick(value, text.numbers())}</text>
        }
        .into_any()
    });
    let times = course.times().map(|(share, at)| {
        // The last label would stick out of a narrow picture.
        let anchor = if share > 0.95 { "end" } else { "middle" };
        let x = percent(share);
        view! { <text class="preview-time" text-anchor=anchor x=x y="100%" dy="1.4em">{at}</text> }.into_any()
    });
    let phases = schedule.stretches().map(|phase| {
        view! {
            <li>
                <span class="preview-phase">{(text.phase)(phase.name)}</span>
                {format!(" {} → {}", clock(f64::from(phase.duration_s)), tick(f64::from(phase.target), text.numbers()))}
            </li>
        }
        .into_any()
    });
    let spans = steps.iter().filter_map(|mark| course.span(mark)).map(|(x, width)| {
        view! {
            <rect class="preview-span" x=percent(x) y="0" width=percent(width) height="100%" />
            <line class="preview-mark" x1=percent(x) x2=percent(x) y1="0" y2="100%" />
        }
        .into_any()
    });
    let spans = spans.collect_view();
    let steps = steps.iter().map(|mark| {
        let at = clock(f64::from(mark.at_s));
        view! { <li><span class="preview-phase">{at}</span>" "{mark.words.clone()}</li> }.into_any()
    });
    let steps = steps.collect_view();
    let label = format!("{}: {} {unit}, {}", text.preview, schedule.peak(), clock(course.length_s));
    view! {
        <figcaption class="preview-head">
            <span>{text.preview}</span>
            " "
            <span class="chart-unit">{unit}</span>
        </figcaption>
        <svg class="preview-drawing" role="img" aria-label=label width="100%" height="150">
            // Inside, percentages place text without stretching it; only the course itself is stretched.
            <svg class="preview-plot" x="48" y="10" width="84%" height="112" overflow="visible">
                {levels.collect_view()} {times.collect_view()} {spans}
                <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%" overflow="visible">
                    <polygon class="preview-area" points=course.area() />
                    <polyline class="preview-line" points=course.line() vector-effect="non-scaling-stroke" />
                </svg>
            </svg>
        </svg>
        <ol class="preview-phases">{phases.collect_view()}</ol>
        <ol class="preview-phases preview-steps" data-testid="preview-steps">{steps}</ol>
    }
}

/// A schedule's course with its axes, in thousandths of the plot.
struct Course {
    points: Vec<(f64, f64)>,
    length_s: f64,
    scale: ValueScale,
}

impl Course {
    fn of(schedule: &Schedule) -> Self {
        let length_s = f64::from(schedule.duration_s().max(1));
        let scale = ValueScale::reaching(f64::from(schedule.peak()), 1.0, true);
        let place = |(s, value): (f64, f64)| (s / length_s * 1e3, 1e3 - value / scale.max * 1e3);
        Self { points: schedule.points().into_iter().map(place).collect(), length_s, scale }
    }

    fn line(&self) -> String {
        self.points.iter().map(|(x, y)| format!("{},{}", fixed(*x, 1), fixed(*y, 1))).collect::<Vec<_>>().join(" ")
    }

    fn area(&self) -> String {
        format!("0,1000 {} 1000,1000", self.line())
    }

    /// Where a mark is: (place, width), as shares of the plot; `None`: after the end.
    fn span(&self, mark: &Mark) -> Option<(f64, f64)> {
        let at = f64::from(mark.at_s) / self.length_s;
        let width = f64::from(mark.for_s.unwrap_or(0)) / self.length_s;
        (at < 1.0).then(|| (at, width.min(1.0 - at)))
    }

    /// Labels of the value axis: (place, value).
    fn levels(&self) -> impl Iterator<Item = (String, f64)> + use<> {
        let ValueScale { max, step } = self.scale;
        let count = (max / step).round() as u32;
        (0..=count).map(move |i| f64::from(i) * step).map(move |value| (percent(1.0 - value / max), value))
    }

    /// Labels of the time axis: (place, time).
    fn times(&self) -> impl Iterator<Item = (f64, String)> + use<> {
        let (length, step) = (self.length_s, f64::from(time_step(self.length_s)));
        let count = (length / step).floor() as u32;
        (0..=count).map(move |i| f64::from(i) * step).map(move |at| (at / length, clock(at)))
    }
}

fn percent(share: f64) -> String {
    format!("{}%", fixed(share * 100.0, 2))
}
