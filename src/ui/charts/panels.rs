//! The panels as data. A new panel is one row here, and its words in [`super::text`].

use super::theme::Tone;
use crate::domain::{
    frame::{Dimension, Metric},
    threshold::Aggregation,
};

/// One chart.
#[derive(Debug)]
pub struct Panel {
    /// Its name: `chart-<id>` is the test id.
    pub id: &'static str,
    /// What it draws, back to front.
    pub traces: &'static [TraceSpec],
    /// The thresholds whose limits it shows.
    pub limits: &'static [LimitSpec],
}

impl Panel {
    /// Whether all it draws is what processes use of this machine, which only the dashboard at work knows.
    pub fn is_of_processes(&self) -> bool {
        self.traces.iter().all(|trace| matches!(trace.source, Source::Parts(_, Dimension::Process)))
    }
}

/// One series, or one for every part of a dimension.
#[derive(Debug, Clone, Copy)]
pub struct TraceSpec {
    /// Where its values come from.
    pub source: Source,
    /// Its colour; parts are coloured by name instead.
    pub tone: Tone,
    /// How it is drawn.
    pub look: Look,
    /// For which runs.
    pub when: When,
    /// On an axis of its own at the right.
    pub right: bool,
}

/// For which runs a series is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// For all.
    Always,
    /// Where VUs are the load: closed models, and scripts that keep their own options.
    Closed,
    /// Where iterations per second are the load.
    Open,
}

/// Where values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A series of the whole run.
    Whole(Metric),
    /// Every part of a metric.
    Parts(Metric, Dimension),
    /// The course that the plan asks for, in the unit of this metric.
    Planned(Metric),
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A line.
    Line,
    /// A thin line, for parts among lines of the whole.
    Thin,
    /// A line over a tinted area.
    Area,
    /// A thin dashed line.
    Dashed,
}

/// Thresholds of a k6 metric, shown in terms of a metric of ours.
#[derive(Debug, Clone, Copy)]
pub struct LimitSpec {
    /// k6's name.
    pub k6_metric: &'static str,
    /// Which aggregations have a place on the axis.
    pub fits: fn(Aggregation) -> bool,
    /// From the threshold's unit to the axis'.
    pub factor: f64,
}

const fn whole(metric: Metric, tone: Tone, look: Look) -> TraceSpec {
    TraceSpec { source: Source::Whole(metric), tone, look, when: When::Always, right: false }
}

const fn parts(metric: Metric, dimension: Dimension) -> TraceSpec {
    TraceSpec {
        source: Source::Parts(metric, dimension),
        tone: Tone::Muted,
        look: Look::Line,
        when: When::Always,
        right: false,
    }
}

const fn planned(metric: Metric, when: When) -> TraceSpec {
    TraceSpec { source: Source::Planned(metric), tone: Tone::Muted, look: Look::Dashed, when, right: false }
}

const fn open(spec: TraceSpec) -> TraceSpec {
    TraceSpec { when: When::Open, ..spec }
}

const fn thin(spec: TraceSpec) -> TraceSpec {
    TraceSpec { look: Look::Thin, ..spec }
}

/// Every panel, in the page's order. The colours 2 to 5 are those of services.
pub const PANELS: &[Panel] = &[
    Panel {
        id: "load",
        traces: &[
            open(whole(Metric::IterationRate, Tone::Series(1), Look::Area)),
            open(whole(Metric::DroppedRate, Tone::Bad, Look::Line)),
            // In an open model VUs are what the rate costs, not the load itself: an axis of their own.
            open(TraceSpec { right: true, ..whole(Metric::Vus, Tone::Series(6), Look::Line) }),
            TraceSpec { when: When::Closed, ..whole(Metric::Vus, Tone::Series(1), Look::Area) },
            planned(Metric::Vus, When::Closed),
            planned(Metric::IterationRate, When::Open),
        ],
        limits: &[],
    },
    Panel {
        id: "throughput",
        traces: &[
            whole(Metric::RequestRate, Tone::Series(1), Look::Area),
            parts(Metric::RequestRate, Dimension::Service),
        ],
        limits: &[LimitSpec { k6_metric: "http_reqs", fits: |a| a == Aggregation::Rate, factor: 1.0 }],
    },
    Panel {
        id: "latency",
        traces: &[
            whole(Metric::P50, Tone::Series(8), Look::Line),
            whole(Metric::P95, Tone::Series(1), Look::Line),
            whole(Metric::P99, Tone::Series(7), Look::Line),
            thin(parts(Metric::P95, Dimension::Service)),
        ],
        limits: &[LimitSpec { k6_metric: "http_req_duration", fits: |_| true, factor: 1.0 }],
    },
    Panel {
        id: "errors",
        traces: &[
            whole(Metric::FailedShare, Tone::Bad, Look::Area),
            thin(parts(Metric::FailedShare, Dimension::Service)),
        ],
        limits: &[LimitSpec { k6_metric: "http_req_failed", fits: |a| a == Aggregation::Rate, factor: 100.0 }],
    },
    Panel { id: "cpu", traces: &[parts(Metric::Cpu, Dimension::Process)], limits: &[] },
    Panel { id: "memory", traces: &[parts(Metric::Memory, Dimension::Process)], limits: &[] },
];
