//! Which of k6's series are read, and how.
//!
//! Everything is read as stored samples with their own times ([`stored`]) and counted by the hub: k6 pushes a series only
//! when it has a new sample, and `rate()` counts nothing of a series with fewer than two in its window, so in PromQL slow,
//! rare and new requests would be missing. Trend gauges (`k6_…_p95`) are cumulative and never recover, so they only serve
//! whole-run thresholds in stores without native histograms.

use std::time::Duration;

use ha_dashboard::domain::{
    frame::Metric,
    run::RunId,
    threshold::{Aggregation, MetricKind, Threshold},
};

/// The counter behind [`Metric::RequestRate`] and [`Metric::FailedShare`].
pub const REQUESTS: &str = "k6_http_reqs_total";

/// The native histogram behind percentiles and [`Metric::Mean`].
pub const DURATIONS: &str = "k6_http_req_duration_seconds";

/// The counter that our scripts count their checks with: of k6's own there is only a share so far, without counts.
pub const CHECKS: &str = "k6_check_results_total";

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

/// Every series that the live picture of a run and its thresholds are made of. One selector, so that all of them come from
/// the same pushes.
pub fn live<'a>(run: &RunId, thresholds: impl Iterator<Item = &'a Threshold>, native_histograms: bool) -> String {
    let mut names = vec![REQUESTS.to_owned(), CHECKS.to_owned(), VUS.to_owned(), VUS_MAX.to_owned()];
    names.extend(COUNTERS.iter().map(|(name, _)| (*name).to_owned()));
    if native_histograms {
        names.push(DURATIONS.to_owned());
    }
    names.extend(thresholds.flat_map(|threshold| sources(threshold, native_histograms)));
    selector(run, names)
}

/// What tells that anything of a run was pushed at all.
pub fn first_signs(run: &RunId) -> String {
    selector(run, vec![REQUESTS.to_owned(), VUS.to_owned()])
}

/// The samples of a [`selector`] as they were stored in the last `window`, with their own times.
pub fn stored(selector: &str, window: Duration) -> String {
    format!("{selector}[{}ms]", window.as_millis())
}

fn selector(run: &RunId, mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    format!("{{__name__=~{},testid={}}}", quoted(&names.join("|")), quoted(run.as_str()))
}

/// The names that the series may have which tell a threshold's whole-run value, tags aside; none where nothing does. What
/// a custom metric is only the script knows, and k6 names its series by that.
pub fn sources(threshold: &Threshold, native_histograms: bool) -> Vec<String> {
    let metric = &threshold.metric;
    // They become a regular expression.
    if !metric.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Vec::new();
    }
    let (rate, total) = (format!("k6_{metric}_rate"), format!("k6_{metric}_total"));
    match threshold.kind() {
        Some(MetricKind::Rate) if metric == "http_req_failed" => vec![REQUESTS.to_owned()],
        Some(MetricKind::Rate) => vec![rate],
        Some(MetricKind::Counter) => vec![total],
        Some(MetricKind::Gauge) => vec![format!("k6_{metric}")],
        Some(MetricKind::Trend) if native_histograms && threshold.is_time() => vec![time_series(metric)],
        Some(MetricKind::Trend) if native_histograms => vec![time_series(metric), format!("k6_{metric}")],
        // Whether such a gauge is in seconds or in the script's own unit, its name does not tell.
        Some(MetricKind::Trend) if threshold.is_custom() => Vec::new(),
        Some(MetricKind::Trend) => trend_gauge(threshold).into_iter().collect(),
        None => vec![rate, total],
    }
}

/// The native histogram of a trend whose values are times: it is in seconds, where k6 has milliseconds.
pub fn time_series(metric: &str) -> String {
    format!("k6_{metric}_seconds")
}

/// The trend gauge that holds a threshold's whole-run value in seconds, in stores without native histograms.
fn trend_gauge(threshold: &Threshold) -> Option<String> {
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
    fn thresholds_bring_their_own_series() {
        let sources = |text: &str, native| sources(&text.parse().unwrap(), native).join(" ");
        for (text, native, gauge) in [
            ("http_req_duration:p(95)<500", "k6_http_req_duration_seconds", "k6_http_req_duration_p95"),
            ("http_req_duration{service:x}:p(99.9)<500", "k6_http_req_duration_seconds", ""),
            ("api_response_time:avg<5", "k6_api_response_time_seconds", "k6_api_response_time_avg"),
            ("http_req_failed:rate<0.1", REQUESTS, REQUESTS),
            ("checks:rate>0.9", "k6_checks_rate", "k6_checks_rate"),
            ("iterations:count>1", "k6_iterations_total", "k6_iterations_total"),
            ("vus:value>1", "k6_vus", "k6_vus"),
            ("mine:max<5", "k6_mine_seconds k6_mine", ""),
            ("mine:value<5", "k6_mine", "k6_mine"),
            ("mine:count<5", "k6_mine_total", "k6_mine_total"),
            ("mine{a:b}:rate<5", "k6_mine_rate k6_mine_total", "k6_mine_rate k6_mine_total"),
        ] {
            assert_eq!((sources(text, true).as_str(), sources(text, false).as_str()), (native, gauge), "{text}");
        }
        let evil = Threshold { metric: "x\"} or vector(1".into(), ..Threshold::of_script("x:max<5").unwrap() };
        assert!(super::sources(&evil, true).is_empty());
        let run = "r-1".parse().unwrap();
        let asked = live(&run, ["checks:rate>0.9".parse().unwrap()].iter(), true);
        assert_eq!(
            stored(&asked, Duration::from_secs(3)),
            "{__name__=~\"k6_check_results_total|k6_checks_rate|k6_data_received_total|k6_data_sent_total|k6_dropped_iterations_total|\
             k6_http_req_duration_seconds|k6_http_reqs_total|k6_iterations_total|k6_vus|k6_vus_max\",testid=\"r-1\"}[3000ms]"
        );
    }
}
