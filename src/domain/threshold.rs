//! Thresholds in k6's own words: `http_req_duration:p(95)<500`.

use serde::{Deserialize, Serialize};

/// How a threshold condenses its metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// Mean of a trend.
    Avg,
    /// Median of a trend.
    Med,
    /// Smallest value of a trend.
    Min,
    /// Largest value of a trend.
    Max,
    /// Percentile of a trend, 0–100.
    Percentile(f64),
    /// Share of a rate (0–1), or counts per second of a counter.
    Rate,
    /// Sum of a counter.
    Count,
}

/// How the observed value must compare with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
}

/// A pass/fail rule over a whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// A metric of [`THRESHOLD_METRICS`].
    pub metric: String,
    /// How it is condensed.
    pub aggregation: Aggregation,
    /// How it must compare.
    pub comparison: Comparison,
    /// The limit in the metric's k6 unit: ms for trends, 0–1 for rates, a number for counters.
    pub limit: f64,
}

/// The kind of a k6 metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Durations in ms.
    Trend,
    /// A share, 0–1.
    Rate,
    /// A sum.
    Counter,
}

/// The metrics a threshold may name, with their kinds.
pub const THRESHOLD_METRICS: &[(&str, MetricKind)] = &[
    ("http_req_duration", MetricKind::Trend),
    ("http_req_waiting", MetricKind::Trend),
    ("iteration_duration", MetricKind::Trend),
    ("api_response_time", MetricKind::Trend),
    ("http_req_failed", MetricKind::Rate),
    ("checks", MetricKind::Rate),
    ("errors", MetricKind::Rate),
    ("http_reqs", MetricKind::Counter),
    ("iterations", MetricKind::Counter),
    ("dropped_iterations", MetricKind::Counter),
];

/// A threshold with what was observed so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The rule.
    pub threshold: Threshold,
    /// The value over the whole run so far, in the threshold's unit; `None`: no data.
    pub value: Option<f64>,
    /// Whether the rule holds for `value`; `None`: no data.
    pub ok: Option<bool>,
    /// k6's own word at the end of the run.
    pub k6_ok: Option<bool>,
}

/// Why a text is not a threshold; says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAThreshold(pub String);

impl std::str::FromStr for Threshold {
    type Err = NotAThreshold;

    fn from_str(_text: &str) -> Result<Self, NotAThreshold> {
        todo!()
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

impl Threshold {
    /// The metric's kind; `None` for a metric that [`THRESHOLD_METRICS`] does not list.
    pub fn kind(&self) -> Option<MetricKind> {
        THRESHOLD_METRICS.iter().find(|(name, _)| *name == self.metric).map(|(_, kind)| *kind)
    }

    /// The expression alone, as k6's `thresholds` option takes it: `p(95)<500`.
    pub fn expression(&self) -> String {
        todo!()
    }

    /// Whether the rule holds for a value in the threshold's unit.
    pub fn holds(&self, _value: f64) -> bool {
        todo!()
    }
}
