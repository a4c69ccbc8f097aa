//! The queries: which k6 series to read, and one PromQL expression a metric.
//!
//! Counters and gauges are read as stored samples ([`stored`]) and counted by the hub, which sees the first values of a
//! series and rare ones, where `rate()` does not. Percentiles, and everything when the history is read again, are left
//! to PromQL ([`windowed`]). Trend gauges (`k6_…_p95`) are cumulative and never recover, so they only serve whole-run
//! thresholds in stores without native histograms.

use std::time::Duration;

use ha_dashboard::domain::{
    frame::{Dimension, Metric, SeriesKey},
    run::RunId,
    threshold::{Aggregation, MetricKind, Threshold},
};

use super::client::Labels;

/// The counter behind [`Metric::RequestRate`] and [`Metric::FailedShare`].
pub const REQUESTS: &str = "k6_http_reqs_total";

/// The gauge that k6 pushes every second as long as it is alive.
pub const VUS: &str = "k6_vus";

/// The gauge behind [`Metric::VusMax`].
pub const VUS_MAX: &str = "k6_vus_max";

/// Counters without parts, and the metric each stands behind as a rate.
pub const COUNTERS: &[(&str, Metric)] = &[
    ("k6_iterations_total", Metric::IterationRate),
    ("k6_dropped_iterations_total", Metric::DroppedRate),
    ("k6_data_sent_total", Metric::DataSent),
    ("k6_data_received_total", Metric::DataReceived),
];

/// The trends a threshold may name, as a part of a regular expression.
const TRENDS: &str = "http_req_duration|http_req_waiting|iteration_duration|api_response_time";

/// A query over a window, and the series it gives values for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What it measures.
    pub metric: Metric,
    /// What it is split by.
    pub by: Option<Dimension>,
    /// The expression.
    pub promql: String,
}

impl Query {
    /// The live series a result belongs to; `None` where the label it is split by is missing.
    pub fn key(&self, labels: &Labels) -> Option<SeriesKey> {
        match self.by {
            None => Some(SeriesKey::whole(self.metric)),
            Some(dimension) => {
                let value = labels.get(label(dimension)).filter(|value| !value.is_empty())?;
                Some(SeriesKey::part(self.metric, dimension, value))
            }
        }
    }
}

/// A text as a PromQL string, quotes included.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The counters, gauges and rates of a run as they were stored in the last `window`, with their own times. One query, so
/// that all of them come from the same pushes.
pub fn stored(run: &RunId, window: Duration, native_histograms: bool) -> String {
    let mut names = vec![REQUESTS, VUS, VUS_MAX, "k6_checks_rate", "k6_errors_rate"];
    names.extend(COUNTERS.iter().map(|(name, _)| *name));
    let mut names = names.join("|");
    if !native_histograms {
        names.push_str(&format!("|k6_({TRENDS})_(p[0-9]+|avg|med|min|max)"));
    }
    format!("{{__name__=~{},testid={}}}[{}]", quoted(&names), quoted(run.as_str()), duration(window))
}

/// Every percentile and the mean over the last `window`; needs native histograms.
pub fn percentiles(run: &RunId, window: Duration) -> Vec<Query> {
    let window = duration(window);
    let rate =
        |by: &str| format!("sum {by}(rate(k6_http_req_duration_seconds{{testid={}}}[{window}]))", quoted(run.as_str()));
    let quantile = |metric, by: Option<Dimension>, q: f64| {
        let grouped = by.map(|dimension| format!("by ({}) ", label(dimension))).unwrap_or_default();
        Query { metric, by, promql: format!("histogram_quantile({q}, {})", rate(&grouped)) }
    };
    let all = rate("");
    vec![
        quantile(Metric::P50, None, 0.5),
        quantile(Metric::P95, None, 0.95),
        quantile(Metric::P99, None, 0.99),
        Query { metric: Metric::Mean, by: None, promql: format!("histogram_sum({all}) / histogram_count({all})") },
        quantile(Metric::P95, Some(Dimension::Service), 0.95),
    ]
}

/// Every live series of a run over the last `window`, for reading a history again.
pub fn windowed(run: &RunId, window: Duration, native_histograms: bool) -> Vec<Query> {
    let text = duration(window);
    let run_label = quoted(run.as_str());
    let rate = |name: &str, more: &str| format!("rate({name}{{testid={run_label}{more}}}[{text}])");
    let query = |metric, by: Option<Dimension>, promql| Query { metric, by, promql };
    let mut queries = vec![
        query(Metric::Vus, None, format!("sum({VUS}{{testid={run_label}}})")),
        query(Metric::VusMax, None, format!("sum({VUS_MAX}{{testid={run_label}}})")),
    ];
    for by in [None, Some(Dimension::Service), Some(Dimension::Status)] {
        let sum = by.map(|dimension| format!("sum by ({}) ", label(dimension))).unwrap_or_else(|| "sum".into());
        let all = rate(REQUESTS, "");
        queries.push(query(Metric::RequestRate, by, format!("{sum}({all})")));
        if by != Some(Dimension::Status) {
            // `or` gives the parts without failures their 0, so that a part with requests always has a share.
            let failed = rate(REQUESTS, ",expected_response=\"false\"");
            let share = format!("({sum}({failed}) or {sum}({all}) * 0) / ({sum}({all}) > 0)");
            queries.push(query(Metric::FailedShare, by, share));
        }
    }
    for (name, metric) in COUNTERS {
        let sum = format!("sum({})", rate(name, ""));
        let promql = match metric {
            // The series exists only after the first drop; 0 is known as long as k6 pushes at all.
            Metric::DroppedRate => format!("{sum} or sum({VUS}{{testid={run_label}}}) * 0"),
            _ => sum,
        };
        queries.push(query(*metric, None, promql));
    }
    if native_histograms {
        queries.extend(percentiles(run, window));
    }
    queries
}

/// The whole-run value of a trend's threshold, in ms; `None` for other kinds. `min` and `max` come from the histogram's
/// buckets and may be off by a bucket's width, 10 % at most.
pub fn whole_run(threshold: &Threshold, run: &RunId) -> Option<String> {
    if threshold.kind()? != MetricKind::Trend || !threshold.is_time() || !threshold.tags.is_empty() {
        return None;
    }
    let histogram = format!("sum(k6_{}_seconds{{testid={}}})", threshold.metric, quoted(run.as_str()));
    let quantile = |q: f64| Some(format!("1000 * histogram_quantile({q}, {histogram})"));
    match threshold.aggregation {
        Aggregation::Avg => Some(format!("1000 * histogram_sum({histogram}) / histogram_count({histogram})")),
        Aggregation::Med => quantile(0.5),
        Aggregation::Min => quantile(0.0),
        Aggregation::Max => quantile(1.0),
        Aggregation::Percentile(p) => quantile(p / 100.0),
        Aggregation::Rate | Aggregation::Count | Aggregation::Value => None,
    }
}

/// The trend gauge that holds a threshold's whole-run value in seconds, in stores without native histograms.
pub fn trend_gauge(threshold: &Threshold) -> Option<String> {
    if threshold.kind()? != MetricKind::Trend || !threshold.is_time() || !threshold.tags.is_empty() {
        return None;
    }
    let stat = match threshold.aggregation {
        Aggregation::Avg => "avg".to_owned(),
        Aggregation::Med => "med".to_owned(),
        Aggregation::Min => "min".to_owned(),
        Aggregation::Max => "max".to_owned(),
        Aggregation::Percentile(p) if p.fract() == 0.0 => format!("p{p}"),
        Aggregation::Percentile(_) | Aggregation::Rate | Aggregation::Count | Aggregation::Value => return None,
    };
    Some(format!("k6_{}_{stat}", threshold.metric))
}

/// The label that k6 puts a dimension's parts into.
fn label(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Service => "service",
        Dimension::Status => "status",
        Dimension::Process => "process",
    }
}

fn duration(window: Duration) -> String {
    format!("{}ms", window.as_millis())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(quoted(r#"a"b\c{}"#), r#""a\"b\\c{}""#);
        assert_eq!(quoted("x\ny\t\r"), r#""x\ny\t\r""#);
        assert_eq!(quoted("ä'`{testid=~\".*\"}"), r#""ä'`{testid=~\".*\"}""#);
    }

    #[test]
    fn thresholds_of_trends_are_in_milliseconds() {
        let run: RunId = "r-1".parse().unwrap();
        let threshold = |metric: &str, aggregation| Threshold {
            metric: metric.into(),
            tags: Default::default(),
            aggregation,
            comparison: ha_dashboard::domain::threshold::Comparison::Below,
            limit: 500.0,
        };
        assert_eq!(
            whole_run(&threshold("http_req_duration", Aggregation::Percentile(95.0)), &run).unwrap(),
            r#"1000 * histogram_quantile(0.95, sum(k6_http_req_duration_seconds{testid="r-1"}))"#
        );
        assert_eq!(whole_run(&threshold("http_reqs", Aggregation::Count), &run), None);
        assert_eq!(whole_run(&threshold("unheard_of", Aggregation::Avg), &run), None);
        let gauge = |aggregation| trend_gauge(&threshold("http_req_duration", aggregation));
        assert_eq!(gauge(Aggregation::Percentile(95.0)).unwrap(), "k6_http_req_duration_p95");
        assert_eq!(gauge(Aggregation::Percentile(99.9)), None);
    }

    #[test]
    fn a_missing_label_names_no_series() {
        let query = Query { metric: Metric::P95, by: Some(Dimension::Service), promql: String::new() };
        assert_eq!(query.key(&Labels::new()), None);
        let labels = Labels::from([("service".to_owned(), "a".to_owned())]);
        assert_eq!(query.key(&labels).unwrap().to_string(), "p95{service=a}");
    }
}
