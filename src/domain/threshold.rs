//! Thresholds in k6's own words: `http_req_duration:p(95)<500`, `http_req_duration{service:shop}:p(95)<500`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Millis, decimal, format::cut, frame::Metric};

/// How a threshold condenses its metric.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
    /// Last value of a gauge.
    Value,
}

/// How the observed value must compare with the limit.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
    /// `==`, which k6 also takes as `===`.
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
}

/// A pass/fail rule over a whole run.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// A metric of k6's own, or one that the script makes.
    pub metric: String,
    /// The tags that narrow the metric down, values by name; empty: all of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How it is condensed.
    pub aggregation: Aggregation,
    /// How it must compare.
    pub comparison: Comparison,
    /// The limit in the metric's k6 unit: ms for trends of times, 0–1 for rates, else a number.
    pub limit: f64,
}

/// The kind of a k6 metric.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricKind {
    /// Samples with percentiles; those of [`THRESHOLD_METRICS`] are times in ms.
    Trend,
    /// A share, 0–1.
    Rate,
    /// A sum.
    Counter,
    /// The last value.
    Gauge,
}

/// The metrics that are known without the script, with their kinds: k6's own, and those of our library.
pub const THRESHOLD_METRICS: &[(&str, MetricKind)] = &[
    ("http_req_duration", MetricKind::Trend),
    ("http_req_waiting", MetricKind::Trend),
    ("http_req_blocked", MetricKind::Trend),
    ("http_req_connecting", MetricKind::Trend),
    ("http_req_tls_handshaking", MetricKind::Trend),
    ("http_req_sending", MetricKind::Trend),
    ("http_req_receiving", MetricKind::Trend),
    ("iteration_duration", MetricKind::Trend),
    ("group_duration", MetricKind::Trend),
    ("api_response_time", MetricKind::Trend),
    ("http_req_failed", MetricKind::Rate),
    ("checks", MetricKind::Rate),
    ("errors", MetricKind::Rate),
    ("http_reqs", MetricKind::Counter),
    ("iterations", MetricKind::Counter),
    ("dropped_iterations", MetricKind::Counter),
    ("data_sent", MetricKind::Counter),
    ("data_received", MetricKind::Counter),
    ("vus", MetricKind::Gauge),
    ("vus_max", MetricKind::Gauge),
];

/// A stretch in which a threshold did not hold.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// Since when, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub from_ms: Millis,
    /// Until when; none: it has not held since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub to_ms: Option<Millis>,
}

/// A threshold with what was observed so far.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The rule.
    pub threshold: Threshold,
    /// The value over the whole run so far, in the threshold's unit; none: no data.
    pub value: Option<f64>,
    /// Whether the rule holds for `value`; none: no data, or too close to call.
    pub ok: Option<bool>,
    /// k6's own word at the end of the run; none before.
    pub k6_ok: Option<bool>,
    /// When the rule did not hold for the value so far, oldest first; at most 50, of which the last then stands for all later ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossings: Vec<Crossing>,
}

/// A value over the whole run and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The best estimate, in the threshold's unit.
    pub value: f64,
    /// The true value is at least this.
    pub lower: f64,
    /// The true value is at most this.
    pub upper: f64,
}

/// Why a text is not a threshold. Its text is English and says what is allowed.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "fault"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@fault"))]
pub enum NotAThreshold {
    /// There is no colon between a metric and a rule.
    #[error("write metric:statistic<limit, for example http_req_duration:p(95)<500")]
    NoRule,
    /// What stands before the colon can't be a metric's name.
    #[error("{name:?} is not a metric's name: letters, digits and _, at most {LONGEST_NAME} of them, are allowed")]
    NotAMetric {
        /// The name.
        name: String,
    },
    /// The tags in braces can't be read.
    #[error("{given:?} has tags that can't be read, write metric{{tag:value,tag:value}}")]
    BadTags {
        /// Metric and tags.
        given: String,
    },
    /// Nothing compares with a limit.
    #[error("{rule:?} has no comparison, use one of <, <=, >, >=, ==, !=")]
    NoComparison {
        /// What stands after the metric.
        rule: String,
    },
    /// The metric has no such statistic.
    #[error("{metric} has no statistic {given:?}, use one of {}", statistics(*kind))]
    WrongStatistic {
        /// The metric.
        metric: String,
        /// What was asked for.
        given: String,
        /// The metric's kind; none: only its script knows it.
        kind: Option<MetricKind>,
    },
    /// The limit makes no sense for the metric.
    #[error("the limit {given:?} of {metric} must be {}", limits(*kind))]
    WrongLimit {
        /// The metric.
        metric: String,
        /// What was asked for.
        given: String,
        /// The metric's kind; none: only its script knows it.
        kind: Option<MetricKind>,
    },
    /// There are more than are allowed.
    #[error("at most {most} thresholds are allowed")]
    TooMany {
        /// So many are.
        most: u32,
    },
    /// k6 refuses it, which only k6 can explain.
    #[error("{message}")]
    Refused {
        /// k6's message.
        message: String,
    },
}

impl Reading {
    /// A value that is known exactly.
    pub fn exact(value: f64) -> Self {
        Self { value, lower: value, upper: value }
    }
}

impl Observed {
    /// Most crossings kept of a rule; those of one that crosses more often count as one with the last.
    pub const MOST_CROSSINGS: usize = 50;

    /// A rule of which nothing was observed yet.
    pub fn new(threshold: Threshold) -> Self {
        Self { threshold, value: None, ok: None, k6_ok: None, crossings: Vec::new() }
    }

    /// Takes in the value as of `at_ms`.
    pub fn take(&mut self, reading: Reading, at_ms: Millis) {
        self.value = Some(reading.value);
        self.ok = self.threshold.judge(reading);
        let full = self.crossings.len() >= Self::MOST_CROSSINGS;
        match (self.ok, self.crossings.last_mut()) {
            (Some(true), Some(last)) if last.to_ms.is_none() => last.to_ms = Some(at_ms),
            (Some(false), Some(last)) if last.to_ms.is_none() || full => last.to_ms = None,
            (Some(false), _) => self.crossings.push(Crossing { from_ms: at_ms, to_ms: None }),
            // What is too close to call changes nothing.
            (Some(true) | None, _) => {}
        }
    }

    /// Whether there is a value, and the limit lies within what it is known to.
    pub fn is_close(&self) -> bool {
        self.value.is_some() && self.ok.is_none() && self.k6_ok.is_none()
    }
}

impl Comparison {
    /// Every comparison with k6's sign, longer signs first.
    const SIGNS: [(&str, Self); 7] = [
        ("===", Self::Equal),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Below),
        (">", Self::Above),
    ];

    /// k6's sign, for example `<=`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
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
            Self::Gauge => "value",
        }
    }

    fn allows(self, aggregation: Aggregation) -> bool {
        match self {
            Self::Trend => !matches!(aggregation, Aggregation::Rate | Aggregation::Count | Aggregation::Value),
            Self::Rate => aggregation == Aggregation::Rate,
            Self::Counter => matches!(aggregation, Aggregation::Rate | Aggregation::Count),
            Self::Gauge => aggregation == Aggregation::Value,
        }
    }
}

impl Aggregation {
    /// Reads k6's word, for example `p(95)`.
    pub fn parse(text: &str) -> Option<Self> {
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
            "value" => Some(Self::Value),
            _ => percentile(),
        }
    }
}

/// A finite number; -0 becomes 0.
fn number(text: &str) -> Option<f64> {
    decimal::parse(text.trim()).filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// The largest limit taken: more than any metric reaches, and short to write.
const LARGEST_LIMIT: f64 = 1e12;

/// Longest name of a metric, in bytes; k6's own bound.
const LONGEST_NAME: usize = 128;

/// Most characters of a text that a refusal repeats.
const SHOWN: usize = 60;

/// Longest name or value of a tag, in bytes.
const LONGEST_TAG: usize = 500;

/// A metric with the tags that narrow it down, in text `name` or `name{tag:value,…}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// Values of tags by their names.
    pub tags: BTreeMap<String, String>,
}

impl std::str::FromStr for Selector {
    type Err = NotAThreshold;

    /// Reads what k6 reads, in the same way: blanks and quotes around names and values are none of theirs.
    fn from_str(text: &str) -> Result<Self, NotAThreshold> {
        let text = text.trim();
        let bad_tags = || NotAThreshold::BadTags { given: cut(text, SHOWN) };
        let (name, tags) = match text.split_once('{') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest.strip_suffix('}').ok_or_else(bad_tags)?)),
        };
        let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
        let named = name.bytes().next().is_some_and(first)
            && name.bytes().all(|b| first(b) || b.is_ascii_digit())
            && name.len() <= LONGEST_NAME;
        if !named {
            return Err(NotAThreshold::NotAMetric { name: cut(text, SHOWN) });
        }
        let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once(':')?;
            let (name, value) = (bare(name), bare(value));
            let fits = |text: &String| {
                (1..=LONGEST_TAG).contains(&text.len()) && *text == bare(text) && !text.contains(char::is_control)
            };
            (fits(&name) && fits(&value)).then_some((name, value))
        };
        let tags = tags.map(|tags| tags.split(',').map(pair).collect::<Option<_>>().ok_or_else(bad_tags));
        Ok(Self { metric: name.to_owned(), tags: tags.transpose()?.unwrap_or_default() })
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_selector(f, &self.metric, &self.tags)
    }
}

fn write_selector(f: &mut std::fmt::Formatter<'_>, metric: &str, tags: &BTreeMap<String, String>) -> std::fmt::Result {
    f.write_str(metric)?;
    let mut before = '{';
    for (name, value) in tags {
        write!(f, "{before}{name}:{value}")?;
        before = ',';
    }
    if tags.is_empty() { Ok(()) } else { f.write_str("}") }
}

/// How much of k6's grammar is taken.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// A limit must make sense for the metric.
    People,
    /// k6 has taken it already.
    K6,
}

fn parse(text: &str, from: Source) -> Result<Threshold, NotAThreshold> {
    // A tag has a colon, and its value may have more, but no rule has a brace.
    let tagged = text.find([':', '{']).is_some_and(|at| text[at..].starts_with('{'));
    let tags_end = text.rfind('}').filter(|_| tagged).unwrap_or(0);
    let Some(colon) = text[tags_end..].find(':').map(|at| tags_end + at) else {
        return Err(NotAThreshold::NoRule);
    };
    let (selector, rule) = (text[..colon].parse::<Selector>()?, text[colon + 1..].trim());
    let known = known(&selector.metric);
    let split = |(sign, comparison)| rule.split_once(sign).map(|(left, right)| (left.trim(), comparison, right));
    let Some((aggregation, comparison, limit)) = Comparison::SIGNS.into_iter().find_map(split) else {
        return Err(NotAThreshold::NoComparison { rule: cut(rule, SHOWN) });
    };
    let fits = |aggregation: &Aggregation| known.is_none_or(|kind| kind.allows(*aggregation));
    let Some(aggregation) = Aggregation::parse(aggregation).filter(fits) else {
        let given = cut(aggregation, SHOWN);
        return Err(NotAThreshold::WrongStatistic { metric: selector.metric, given, kind: known });
    };
    let (least, most) = match known {
        _ if from == Source::K6 => (f64::MIN, f64::MAX),
        Some(MetricKind::Rate) => (0.0, 1.0),
        Some(_) => (0.0, LARGEST_LIMIT),
        None => (-LARGEST_LIMIT, LARGEST_LIMIT),
    };
    let Some(limit) = number(limit).filter(|limit| (least..=most).contains(limit)) else {
        return Err(NotAThreshold::WrongLimit {
            metric: selector.metric,
            given: cut(limit.trim(), SHOWN),
            kind: known,
        });
    };
    let Selector { metric, tags } = selector;
    Ok(Threshold { metric, tags, aggregation, comparison, limit })
}

/// The statistics of a metric, in k6's words.
fn statistics(kind: Option<MetricKind>) -> &'static str {
    kind.map_or("avg, med, min, max, p(0) to p(100), rate, count, value", MetricKind::aggregations)
}

/// What a limit must be.
fn limits(kind: Option<MetricKind>) -> &'static str {
    match kind {
        Some(MetricKind::Trend) => "a number of milliseconds",
        Some(MetricKind::Rate) => "a share from 0 to 1, 0.05 for 5 percent",
        Some(MetricKind::Counter | MetricKind::Gauge) => "a number from 0",
        None => "a number",
    }
}

/// The kind of a metric of [`THRESHOLD_METRICS`].
fn known(metric: &str) -> Option<MetricKind> {
    THRESHOLD_METRICS.iter().find(|(name, _)| *name == metric).map(|(_, kind)| *kind)
}

impl std::str::FromStr for Threshold {
    type Err = NotAThreshold;

    /// Reads `metric:statistic<limit`, the metric with or without tags, with spaces anywhere between the parts.
    fn from_str(text: &str) -> Result<Self, NotAThreshold> {
        parse(text, Source::People)
    }
}

impl std::fmt::Display for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Avg => f.write_str("avg"),
            Self::Med => f.write_str("med"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Percentile(percentile) => write!(f, "p({})", decimal::shortest(*percentile)),
            Self::Rate => f.write_str("rate"),
            Self::Count => f.write_str("count"),
            Self::Value => f.write_str("value"),
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_selector(f, &self.metric, &self.tags)?;
        write!(f, ":{}", self.expression())
    }
}

impl Threshold {
    /// Most thresholds that may be asked for.
    pub const MOST: usize = 20;

    /// Most thresholds that are taken of a script's own options.
    pub const MOST_OF_SCRIPT: usize = 100;

    /// Reads a threshold that k6 has taken, whose limit may be any number.
    ///
    /// # Errors
    /// What k6 would refuse, too, and what is too long to be kept.
    pub fn of_script(text: &str) -> Result<Self, NotAThreshold> {
        parse(text, Source::K6)
    }

    /// The metric with its tags.
    pub fn selector(&self) -> Selector {
        Selector { metric: self.metric.clone(), tags: self.tags.clone() }
    }

    /// Whether only the script knows the metric.
    pub fn is_custom(&self) -> bool {
        known(&self.metric).is_none()
    }

    /// The metric's kind. That of a custom metric follows from how it is condensed; `None` where that is `rate`, which
    /// rates and counters have.
    pub fn kind(&self) -> Option<MetricKind> {
        known(&self.metric).or(match self.aggregation {
            Aggregation::Avg | Aggregation::Med | Aggregation::Min | Aggregation::Max | Aggregation::Percentile(_) => {
                Some(MetricKind::Trend)
            }
            Aggregation::Count => Some(MetricKind::Counter),
            Aggregation::Value => Some(MetricKind::Gauge),
            Aggregation::Rate => None,
        })
    }

    /// Whether values are milliseconds. Those of a custom trend may be anything.
    pub fn is_time(&self) -> bool {
        known(&self.metric) == Some(MetricKind::Trend)
    }

    /// The expression alone, as k6's `thresholds` option takes it: `p(95)<500`.
    pub fn expression(&self) -> String {
        format!("{}{}{}", self.aggregation, self.comparison.sign(), decimal::shortest(self.limit))
    }

    /// Whether the rule holds; `None`: the limit lies within what the value is known to.
    pub fn judge(&self, reading: Reading) -> Option<bool> {
        let (lower, upper) = (self.holds(reading.lower), self.holds(reading.upper));
        let within = reading.lower < self.limit && self.limit <= reading.upper;
        let close = within && matches!(self.comparison, Comparison::Equal | Comparison::NotEqual);
        (lower == upper && !close).then_some(lower)
    }

    /// The number on the page that the rule speaks of; `None`: none, or of a part of it only.
    pub fn shown_as(&self) -> Option<Metric> {
        if !self.tags.is_empty() {
            return None;
        }
        match (self.metric.as_str(), self.aggregation) {
            ("http_req_duration", Aggregation::Med | Aggregation::Percentile(50.0)) => Some(Metric::P50),
            ("http_req_duration", Aggregation::Percentile(95.0)) => Some(Metric::P95),
            ("http_req_duration", Aggregation::Percentile(99.0)) => Some(Metric::P99),
            ("http_req_duration", Aggregation::Avg) => Some(Metric::Mean),
            ("http_req_failed", Aggregation::Rate) => Some(Metric::FailedShare),
            ("http_reqs", Aggregation::Rate) => Some(Metric::RequestRate),
            ("iterations", Aggregation::Rate) => Some(Metric::IterationRate),
            ("dropped_iterations", Aggregation::Rate) => Some(Metric::DroppedRate),
            ("vus", Aggregation::Value) => Some(Metric::Vus),
            _ => None,
        }
    }

    /// Whether the rule holds for a value in the unit of [`Threshold::shown_as`].
    pub fn holds_shown(&self, value: f64) -> bool {
        self.holds(if self.is_time() { value * 1e3 } else { value })
    }

    /// Whether the rule holds for a value in the threshold's unit; never for NaN.
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Equal => value == self.limit,
            Comparison::NotEqual => value != self.limit && !value.is_nan(),
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
            ("vus_max:value===5", "vus_max:value==5"),
            ("my_trend:p(95)<200", "my_trend:p(95)<200"),
            ("my_gauge:value!=-2.5", "my_gauge:value!=-2.5"),
            ("my_count:rate>12", "my_count:rate>12"),
            (
                "http_req_duration{ service : \"checkout-service\" , name:http://x/{id}?a=b } : p(95) < 500",
                "http_req_duration{name:http://x/{id}?a=b,service:checkout-service}:p(95)<500",
            ),
        ] {
            let threshold = text.parse::<Threshold>().unwrap();
            assert_eq!(threshold.to_string(), canonical);
            assert_eq!(canonical.parse::<Threshold>().unwrap(), threshold);
        }
    }

    #[test]
    fn refusals_say_what_is_allowed() {
        for (text, hint) in [
            ("", "metric:statistic<limit"),
            ("p(95)<500", "metric:statistic<limit"),
            ("my metric:p(95)<500", "letters, digits and _"),
            ("1st:p(95)<500", "letters, digits and _"),
            (":p(95)<500", "letters, digits and _"),
            ("x\"} or vector(1):p(95)<500", "letters, digits and _"),
            ("http_req_duration{service:x:p(95)<500", "metric{tag:value,tag:value}"),
            ("http_req_duration{}:p(95)<500", "metric{tag:value,tag:value}"),
            ("http_req_duration{service}:p(95)<500", "metric{tag:value,tag:value}"),
            ("http_req_duration{service:x,}:p(95)<500", "metric{tag:value,tag:value}"),
            ("http_req_duration{service:\u{7}}:p(95)<500", "metric{tag:value,tag:value}"),
            ("http_req_duration{service:x}", "metric:statistic<limit"),
            ("http_req_duration{service:x}:rate<1", "avg, med, min, max, p(0) to p(100)"),
            ("my_metric:p95<1", "avg, med, min, max, p(0) to p(100), rate, count, value"),
            ("my_metric:avg<1e13", "must be a number"),
            ("vus:value<-1", "a number from 0"),
            ("http_req_duration:p(95)", "<, <=, >, >=, ==, !="),
            ("http_req_duration:p(95)=500", "<, <=, >, >=, ==, !="),
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
        for long in [format!("{}:p(95)<1", "ä".repeat(10_000)), format!("m{{a:{}}}:p(95)<1", "ä".repeat(10_000))] {
            assert!(long.parse::<Threshold>().unwrap_err().to_string().len() < 500);
        }
        assert!(format!("{}:avg<1", "x".repeat(128)).parse::<Threshold>().is_ok());
        assert!(format!("{}:avg<1", "x".repeat(129)).parse::<Threshold>().is_err());
    }

    #[test]
    fn a_scripts_rule_may_have_any_limit() {
        for text in ["http_req_failed:rate<5", "http_req_duration:p(95)>-1", "http_reqs{a:b}:count>1e13"] {
            assert!(text.parse::<Threshold>().is_err());
            assert_eq!(Threshold::of_script(text).unwrap().to_string().parse::<Threshold>().ok(), None);
        }
        assert!(Threshold::of_script("http_req_failed:p(95)<5").is_err());
        assert!(Threshold::of_script("http_req_failed:rate<inf").is_err());
    }

    #[test]
    fn what_only_the_script_knows_is_told_from_how_it_is_condensed() {
        for (text, kind, is_time, is_custom) in [
            ("http_req_duration{a:b}:avg<1", Some(MetricKind::Trend), true, false),
            ("my:avg<1", Some(MetricKind::Trend), false, true),
            ("my:med<1", Some(MetricKind::Trend), false, true),
            ("my:min<1", Some(MetricKind::Trend), false, true),
            ("my:max<1", Some(MetricKind::Trend), false, true),
            ("my:p(5)<1", Some(MetricKind::Trend), false, true),
            ("my:count<1", Some(MetricKind::Counter), false, true),
            ("my:value<1", Some(MetricKind::Gauge), false, true),
            ("my:rate<1", None, false, true),
            ("checks:rate<1", Some(MetricKind::Rate), false, false),
        ] {
            let rule = text.parse::<Threshold>().unwrap();
            assert_eq!((rule.kind(), rule.is_time(), rule.is_custom()), (kind, is_time, is_custom), "{text}");
        }
    }

    #[test]
    fn rules_hold_or_not() {
        for (text, holds) in [
            ("checks:rate<0.5", [true, false, false]),
            ("checks:rate<=0.5", [true, true, false]),
            ("checks:rate>0.5", [false, false, true]),
            ("checks:rate>=0.5", [false, true, true]),
            ("checks:rate==0.5", [false, true, false]),
            ("checks:rate!=0.5", [true, false, true]),
        ] {
            let threshold = text.parse::<Threshold>().unwrap();
            assert_eq!([0.4, 0.5, 0.6].map(|value| threshold.holds(value)), holds);
            assert!(!threshold.holds(f64::NAN));
        }
    }

    #[test]
    fn crossings_are_kept_with_their_times() {
        let mut observed = Observed::new("http_req_duration:p(95)<200".parse().unwrap());
        let close = Reading { value: 200.0, lower: 190.0, upper: 210.0 };
        let steps = [(1, 100.0), (2, 300.0), (3, 310.0), (5, 100.0), (6, 90.0), (8, 400.0)];
        observed.take(close, 0);
        for (at_ms, value) in steps {
            observed.take(Reading::exact(value), at_ms);
            observed.take(close, at_ms);
        }
        let crossing = |from_ms, to_ms| Crossing { from_ms, to_ms };
        assert_eq!(observed.crossings, [crossing(2, Some(5)), crossing(8, None)]);
        // One that flaps without end keeps what it knows of the beginning, and that it does not hold now.
        for at_ms in 9..1000 {
            observed.take(Reading::exact(if at_ms % 2 == 0 { 300.0 } else { 100.0 }), at_ms);
        }
        observed.take(Reading::exact(300.0), 1000);
        assert_eq!(observed.crossings.len(), Observed::MOST_CROSSINGS);
        assert_eq!((observed.crossings[0], observed.crossings[49].to_ms), (crossing(2, Some(5)), None));
    }

    #[test]
    fn rules_over_all_requests_speak_of_a_number_that_is_shown() {
        for (rule, metric, value, holds) in [
            ("http_req_duration:p(95)<200", Some(Metric::P95), 0.25, false),
            ("http_req_duration:med<200", Some(Metric::P50), 0.15, true),
            ("http_req_duration:p(50)<200", Some(Metric::P50), 0.25, false),
            ("http_req_duration:p(99)<200", Some(Metric::P99), 0.25, false),
            ("http_req_duration:avg<200", Some(Metric::Mean), 0.25, false),
            ("http_req_failed:rate<0.05", Some(Metric::FailedShare), 0.02, true),
            ("http_reqs:rate>10", Some(Metric::RequestRate), 9.0, false),
            ("iterations:rate>10", Some(Metric::IterationRate), 11.0, true),
            ("dropped_iterations:rate<1", Some(Metric::DroppedRate), 2.0, false),
            ("vus:value<5", Some(Metric::Vus), 4.0, true),
            ("http_req_duration:p(90)<200", None, 0.0, false),
            ("http_req_duration{service:shop}:p(95)<200", None, 0.0, false),
            ("http_reqs:count>10", None, 0.0, false),
        ] {
            let rule = rule.parse::<Threshold>().unwrap();
            assert_eq!(rule.shown_as(), metric, "{rule}");
            if metric.is_some() {
                assert_eq!(rule.holds_shown(value), holds, "{rule}");
            }
        }
    }

    #[test]
    fn a_limit_within_a_values_bounds_is_too_close_to_call() {
        let mut observed = Observed::new("http_req_duration:p(95)<318".parse().unwrap());
        assert!(!observed.is_close(), "no data is another thing");
        for (lower, value, upper, ok) in [
            (290.0, 300.0, 317.9, Some(true)),
            (290.0, 310.0, 320.0, None),
            (300.0, 323.0, 330.0, None),
            (318.0, 330.0, 340.0, Some(false)),
            (311.0, 311.0, 311.0, Some(true)),
        ] {
            observed.take(Reading { value, lower, upper }, 0);
            assert_eq!((observed.value, observed.ok, observed.is_close()), (Some(value), ok, ok.is_none()));
        }
        observed.take(Reading { value: 310.0, lower: 290.0, upper: 320.0 }, 0);
        observed.k6_ok = Some(true);
        assert!(!observed.is_close(), "k6 has counted every request");
        assert_eq!(observed.threshold.judge(Reading::exact(318.0)), Some(false));
        let equal: Threshold = "http_req_duration:med==300".parse().unwrap();
        for (lower, upper, ok) in [(290.0, 310.0, None), (300.0, 300.0, Some(true)), (301.0, 330.0, Some(false))] {
            assert_eq!(equal.judge(Reading { value: 305.0, lower, upper }), ok);
        }
        // What lies in the bucket around 0 is 0, or not: requests on an open connection take no time to connect.
        let around_zero = Reading { value: 5e-40, lower: 0.0, upper: 1e-39 };
        for (rule, ok) in
            [("<=0", None), (">0", None), ("==0", None), ("!=0", None), (">=0", Some(true)), ("<1", Some(true))]
        {
            let threshold: Threshold = format!("http_req_connecting:med{rule}").parse().unwrap();
            assert_eq!(threshold.judge(around_zero), ok, "{rule}");
        }
    }
}
