//! Thresholds in k6's own words: `http_req_duration:p(95)<500`.

use serde::{Deserialize, Serialize};

use super::format::cut;

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

impl Comparison {
    /// Every comparison with k6's sign, longer signs first.
    const SIGNS: [(&str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];

    /// k6's sign, for example `<=`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl MetricKind {
    /// The aggregations that the kind knows, in k6's words, for people.
    pub fn aggregations(self) -> &'static str {
        match self {
            Self::Trend => "avg, med, min, max, p(0) to p(100)",
            Self::Rate => "rate",
            Self::Counter => "count, rate",
        }
    }

    fn allows(self, aggregation: Aggregation) -> bool {
        match self {
            Self::Trend => !matches!(aggregation, Aggregation::Rate | Aggregation::Count),
            Self::Rate => aggregation == Aggregation::Rate,
            Self::Counter => matches!(aggregation, Aggregation::Rate | Aggregation::Count),
        }
    }
}

impl Aggregation {
    fn parse(text: &str) -> Option<Self> {
        let percentile = || {
            let inner = text.strip_prefix('p')?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
            let percentile = number(inner)?;
            (0.0..=100.0).contains(&percentile).then_some(Self::Percentile(percentile))
        };
        match text {
            "avg" => Some(Self::Avg),
            "med" => Some(Self::Med),
            "min" => Some(Self::Min),
            "max" => Some(Self::Max),
            "rate" => Some(Self::Rate),
            "count" => Some(Self::Count),
            _ => percentile(),
        }
    }
}

/// A finite number; -0 becomes 0.
fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// The largest limit taken: more than any metric reaches, and short to write.
const LARGEST_LIMIT: f64 = 1e12;

impl std::str::FromStr for Threshold {
    type Err = NotAThreshold;

    /// Reads `metric:aggregation<limit`, with spaces anywhere between the parts.
    fn from_str(text: &str) -> Result<Self, NotAThreshold> {
        let refuse = |why: String| Err(NotAThreshold(why));
        let quote = |text: &str| format!("{:?}", cut(text, 60));

        let Some((metric, rule)) = text.split_once(':').map(|(metric, rule)| (metric.trim(), rule.trim())) else {
            return refuse("write metric:aggregation<limit, for example http_req_duration:p(95)<500".into());
        };
        let Some((name, kind)) = THRESHOLD_METRICS.iter().find(|(name, _)| *name == metric) else {
            let names = THRESHOLD_METRICS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return refuse(format!("the metric {} is not known, use one of {names}", quote(metric)));
        };
        let split = |(sign, comparison)| rule.split_once(sign).map(|(left, right)| (left.trim(), comparison, right));
        let Some((aggregation, comparison, limit)) = Comparison::SIGNS.into_iter().find_map(split) else {
            return refuse(format!("{} has no comparison, use one of <, <=, >, >=", quote(rule)));
        };
        let Some(aggregation) = Aggregation::parse(aggregation).filter(|aggregation| kind.allows(*aggregation)) else {
            let (name, kinds) = (*name, kind.aggregations());
            return refuse(format!("{name} can't be condensed by {}, use one of {kinds}", quote(aggregation)));
        };
        let most = if *kind == MetricKind::Rate { 1.0 } else { LARGEST_LIMIT };
        let Some(limit) = number(limit).filter(|limit| (0.0..=most).contains(limit)) else {
            let unit = match kind {
                MetricKind::Trend => "a number of milliseconds",
                MetricKind::Rate => "a share from 0 to 1, 0.05 for 5 percent",
                MetricKind::Counter => "a number from 0",
            };
            return refuse(format!("the limit {} of {name} must be {unit}", quote(limit.trim())));
        };
        Ok(Self { metric: (*name).into(), aggregation, comparison, limit })
    }
}

impl std::fmt::Display for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Avg => f.write_str("avg"),
            Self::Med => f.write_str("med"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Percentile(percentile) => write!(f, "p({percentile})"),
            Self::Rate => f.write_str("rate"),
            Self::Count => f.write_str("count"),
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.metric, self.expression())
    }
}

impl Threshold {
    /// Most thresholds of a plan.
    pub const MOST: usize = 20;

    /// The metric's kind; `None` for a metric that [`THRESHOLD_METRICS`] does not list.
    pub fn kind(&self) -> Option<MetricKind> {
        THRESHOLD_METRICS.iter().find(|(name, _)| *name == self.metric).map(|(_, kind)| *kind)
    }

    /// The expression alone, as k6's `thresholds` option takes it: `p(95)<500`.
    pub fn expression(&self) -> String {
        format!("{}{}{}", self.aggregation, self.comparison.sign(), self.limit)
    }

    /// Whether the rule holds for a value in the threshold's unit; never for NaN.
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn k6_notation_is_read_and_written() {
        for (text, canonical) in [
            ("http_req_duration:p(95)<500", "http_req_duration:p(95)<500"),
            (" http_req_duration : p ( 99.9 ) <= 1.5e3 ", "http_req_duration:p(99.9)<=1500"),
            ("api_response_time:avg>=0.25", "api_response_time:avg>=0.25"),
            ("iteration_duration:med>-0", "iteration_duration:med>0"),
            ("http_req_waiting:max<10", "http_req_waiting:max<10"),
            ("http_req_failed:rate<0.01", "http_req_failed:rate<0.01"),
            ("checks:rate>=1", "checks:rate>=1"),
            ("errors:rate<1", "errors:rate<1"),
            ("http_reqs:count>1000", "http_reqs:count>1000"),
            ("http_reqs:rate>12.5", "http_reqs:rate>12.5"),
            ("dropped_iterations:count<=0", "dropped_iterations:count<=0"),
        ] {
            let threshold = text.parse::<Threshold>().unwrap();
            assert_eq!(threshold.to_string(), canonical);
            assert_eq!(canonical.parse::<Threshold>().unwrap(), threshold);
        }
    }

    #[test]
    fn refusals_say_what_is_allowed() {
        for (text, hint) in [
            ("", "metric:aggregation<limit"),
            ("p(95)<500", "metric:aggregation<limit"),
            ("latency:p(95)<500", "http_req_duration"),
            ("http_req_duration{service:x}:p(95)<500", "http_req_failed"),
            ("http_req_duration:p(95)", "<, <=, >, >="),
            ("http_req_duration:p(95)=500", "<, <=, >, >="),
            ("http_req_duration:rate<1", "avg, med, min, max, p(0) to p(100)"),
            ("http_req_duration:p(101)<1", "p(0) to p(100)"),
            ("http_req_duration:p(-1)<1", "p(0) to p(100)"),
            ("http_req_duration:p95<1", "p(0) to p(100)"),
            ("http_req_duration:p(95)<", "milliseconds"),
            ("http_req_duration:p(95)<=>5", "milliseconds"),
            ("http_req_duration:p(95)<NaN", "milliseconds"),
            ("http_req_duration:p(95)<inf", "milliseconds"),
            ("http_req_duration:p(95)<-1", "milliseconds"),
            ("http_req_duration:p(95)<1e300", "milliseconds"),
            ("http_req_failed:p(95)<0.1", "use one of rate"),
            ("http_req_failed:rate<5", "0 to 1"),
            ("http_reqs:avg<5", "count, rate"),
            ("http_reqs:count<x\"} or vector(1)", "a number from 0"),
        ] {
            let why = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(why.contains(hint), "{text}: {why}");
        }
        let long = format!("{}:p(95)<1", "ä".repeat(10_000));
        assert!(long.parse::<Threshold>().unwrap_err().to_string().len() < 500);
    }

    #[test]
    fn rules_hold_or_not() {
        for (text, holds) in [
            ("checks:rate<0.5", [true, false, false]),
            ("checks:rate<=0.5", [true, true, false]),
            ("checks:rate>0.5", [false, false, true]),
            ("checks:rate>=0.5", [false, true, true]),
        ] {
            let threshold = text.parse::<Threshold>().unwrap();
            assert_eq!([0.4, 0.5, 0.6].map(|value| threshold.holds(value)), holds);
            assert!(!threshold.holds(f64::NAN));
        }
    }
}
