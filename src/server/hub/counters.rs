//! Counts a run's stored samples into live rates and whole-run values.
//!
//! k6 pushes a series only when it has a new sample, and its counters are cumulative. Keeping each series' last value
//! makes the sums right for series that appear late or go quiet, and the samples' own times make rates exact however
//! the pushes jitter.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    frame::{Dimension, Metric, SeriesKey},
    threshold::{Aggregation, MetricKind, Threshold},
};

use crate::server::prometheus::{
    client::{Labels, Series},
    queries::{COUNTERS, REQUESTS, VUS, VUS_MAX, trend_gauge},
};

/// Pushes jitter by this much around their interval.
const JITTER_MS: Millis = 250;

/// Rates over less than this are too rough to show.
const SHORTEST_MS: Millis = 300;

/// A gauge older than this, against the newest sample, belongs to an instance that has ended.
const GAUGE_MS: Millis = 2500;

/// The counting of one run.
#[derive(Debug)]
pub struct Counters {
    window_ms: Millis,
    started_ms: Option<Millis>,
    /// The last point of every series, by labels, the name included.
    last: BTreeMap<Labels, (Millis, f64)>,
    /// The sums at the newest pushes, oldest first.
    marks: VecDeque<Mark>,
}

#[derive(Debug, Clone, Default)]
struct Mark {
    at_ms: Millis,
    requests: BTreeMap<Part, f64>,
    others: BTreeMap<Metric, f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    service: String,
    status: String,
    failed: bool,
}

impl Counters {
    /// Counts a run that began at `started_ms`, with rates over `window`.
    pub fn new(window: Duration, started_ms: Option<Millis>) -> Self {
        let window_ms = window.as_millis() as Millis;
        Self { window_ms, started_ms, last: BTreeMap::new(), marks: VecDeque::new() }
    }

    /// Sets when the run began, once that is known.
    pub fn started(&mut self, at_ms: Option<Millis>) {
        self.started_ms = self.started_ms.or(at_ms);
    }

    /// The time of the newest sample; `None`: nothing came yet.
    pub fn newest_ms(&self) -> Option<Millis> {
        self.marks.back().map(|mark| mark.at_ms)
    }

    /// Takes in stored samples; those already known change nothing.
    pub fn observe(&mut self, series: &[Series]) {
        for Series { labels, points } in series {
            let Some(point) = points.last() else { continue };
            match self.last.get_mut(labels) {
                Some(known) if known.0 <= point.0 => *known = *point,
                Some(_) => {}
                None => {
                    self.last.insert(labels.clone(), *point);
                }
            }
        }
        let Some(newest) = self.last.values().map(|(at, _)| *at).max() else { return };
        match self.newest_ms() {
            // The run's counters began at 0, so the first push counts from there.
            None => self.marks.extend(
                self.started_ms
                    .filter(|started| (*started..started + self.window_ms).contains(&newest))
                    .map(|at_ms| Mark { at_ms, ..Mark::default() }),
            ),
            Some(known) if known >= newest => return,
            Some(_) => {}
        }
        let mark = self.sum_up(newest);
        self.marks.push_back(mark);
        // The base of the next rate is the newest mark that is a whole window old; older ones have served.
        while self.marks.get(1).is_some_and(|second| second.at_ms + self.window_ms <= newest + JITTER_MS) {
            self.marks.pop_front();
        }
        // After an outage there is no base: an average over the gap would not be the value now.
        if self.marks.front().is_some_and(|base| base.at_ms + 2 * self.window_ms < newest) {
            self.marks.pop_front();
        }
    }

    fn sum_up(&self, at_ms: Millis) -> Mark {
        let mut mark = Mark { at_ms, ..Mark::default() };
        for (labels, (_, value)) in &self.last {
            let name = name(labels);
            if name == REQUESTS {
                let label = |label: &str| labels.get(label).cloned().unwrap_or_default();
                let failed = labels.get("expected_response").is_some_and(|expected| expected == "false");
                let part = Part { service: label("service"), status: label("status"), failed };
                *mark.requests.entry(part).or_default() += value;
            } else if let Some((_, metric)) = COUNTERS.iter().find(|(counter, _)| *counter == name) {
                *mark.others.entry(*metric).or_default() += value;
            }
        }
        // The series exists only after the first drop; 0 is known as soon as k6 pushes at all.
        mark.others.entry(Metric::DroppedRate).or_default();
        mark
    }

    /// The values at the newest push: VUs, and rates over the window or, early in the run, since its start.
    pub fn values(&self) -> BTreeMap<SeriesKey, f64> {
        let mut values = BTreeMap::new();
        let Some(now) = self.marks.back() else { return values };
        for (gauge, metric) in [(VUS, Metric::Vus), (VUS_MAX, Metric::VusMax)] {
            let fresh = self.named(gauge).filter(|(at, _)| at + GAUGE_MS >= now.at_ms);
            if let Some(sum) = fresh.map(|(_, value)| *value).reduce(|a, b| a + b) {
                values.insert(SeriesKey::whole(metric), sum);
            }
        }
        let base = self.marks.front().filter(|base| base.at_ms + SHORTEST_MS <= now.at_ms);
        let Some(base) = base else { return values };
        let seconds = (now.at_ms - base.at_ms) as f64 / 1000.0;

        let mut requests: BTreeMap<Option<(Dimension, String)>, (f64, f64)> = BTreeMap::new();
        for (part, total) in &now.requests {
            let more = (total - base.requests.get(part).unwrap_or(&0.0)).max(0.0);
            let parts = [
                Some(None),
                (!part.service.is_empty()).then(|| Some((Dimension::Service, part.service.clone()))),
                (!part.status.is_empty()).then(|| Some((Dimension::Status, part.status.clone()))),
            ];
            for key in parts.into_iter().flatten() {
                let (all, failed) = requests.entry(key).or_default();
                *all += more;
                *failed += if part.failed { more } else { 0.0 };
            }
        }
        for (part, (all, failed)) in requests {
            let by_status = part.as_ref().is_some_and(|(dimension, _)| *dimension == Dimension::Status);
            if all > 0.0 && !by_status {
                values.insert(SeriesKey { metric: Metric::FailedShare, part: part.clone() }, failed / all);
            }
            values.insert(SeriesKey { metric: Metric::RequestRate, part }, all / seconds);
        }
        for (metric, total) in &now.others {
            let more = (total - base.others.get(metric).unwrap_or(&0.0)).max(0.0);
            values.insert(SeriesKey::whole(*metric), more / seconds);
        }
        values
    }

    /// A threshold's whole-run value in its own unit, where the stored samples tell it; trends only from gauges.
    pub fn whole_run(&self, threshold: &Threshold, elapsed_s: f64) -> Option<f64> {
        let now = self.marks.back()?;
        if !threshold.tags.is_empty() {
            return None;
        }
        match (threshold.kind()?, threshold.aggregation) {
            (MetricKind::Rate, Aggregation::Rate) if threshold.metric == "http_req_failed" => {
                let all: f64 = now.requests.values().sum();
                let failed: f64 = now.requests.iter().filter(|(part, _)| part.failed).map(|(_, count)| count).sum();
                (all > 0.0).then(|| failed / all)
            }
            // k6 pushes no counts with these, so every series weighs the same.
            (MetricKind::Rate, Aggregation::Rate) => {
                let shares: Vec<_> =
                    self.named(&format!("k6_{}_rate", threshold.metric)).map(|(_, share)| *share).collect();
                (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
            }
            (MetricKind::Counter, aggregation) => {
                let total = self.total(&threshold.metric)?;
                match aggregation {
                    Aggregation::Count => Some(total),
                    Aggregation::Rate => (elapsed_s > 0.0).then(|| total / elapsed_s),
                    _ => None,
                }
            }
            (MetricKind::Trend, aggregation) => {
                let gauge = trend_gauge(threshold)?;
                let mut values = self.named(&gauge).map(|(_, seconds)| seconds * 1000.0);
                match aggregation {
                    Aggregation::Min => values.reduce(f64::min),
                    Aggregation::Max => values.reduce(f64::max),
                    // Percentiles and means of several series can't be put together.
                    _ => values.next().filter(|_| values.next().is_none()),
                }
            }
            (MetricKind::Rate | MetricKind::Gauge, _) => None,
        }
    }

    fn total(&self, metric: &str) -> Option<f64> {
        let now = self.marks.back()?;
        match metric {
            "http_reqs" => Some(now.requests.values().sum()).filter(|_| !now.requests.is_empty()),
            "iterations" => now.others.get(&Metric::IterationRate).copied(),
            "dropped_iterations" => now.others.get(&Metric::DroppedRate).copied(),
            _ => None,
        }
    }

    fn named<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a (Millis, f64)> {
        self.last.iter().filter(move |(labels, _)| name(labels) == wanted).map(|(_, point)| point)
    }
}

fn name(labels: &Labels) -> &str {
    labels.get("__name__").map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::threshold::Comparison;

    use super::*;

    const START: Millis = 1_000_000;

    fn series(name: &str, labels: &[(&str, &str)], at_s: f64, value: f64) -> Series {
        let mut all = Labels::from([("__name__".to_owned(), name.to_owned())]);
        all.extend(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        Series { labels: all, points: vec![(START + (at_s * 1000.0) as Millis, value)] }
    }

    fn requests(status: &str, at_s: f64, value: f64) -> Series {
        let expected = if status == "200" { "true" } else { "false" };
        series(REQUESTS, &[("service", "shop"), ("status", status), ("expected_response", expected)], at_s, value)
    }

    fn get(counters: &Counters, key: &str) -> Option<f64> {
        counters.values().get(&SeriesKey::try_from(key.to_owned()).unwrap()).copied()
    }

    fn counters() -> Counters {
        Counters::new(Duration::from_secs(5), Some(START))
    }

    fn threshold(metric: &str, aggregation: Aggregation) -> Threshold {
        Threshold {
            metric: metric.into(),
            tags: BTreeMap::new(),
            aggregation,
            comparison: Comparison::Below,
            limit: 1.0,
        }
    }

    #[test]
    fn the_first_push_counts_from_the_start() {
        let mut counters = counters();
        assert!(counters.values().is_empty());
        counters.observe(&[requests("200", 1.0, 50.0), series(VUS, &[], 1.0, 7.0)]);
        assert_eq!(get(&counters, "rps"), Some(50.0));
        assert_eq!(get(&counters, "vus"), Some(7.0));
        assert_eq!(get(&counters, "dropped"), Some(0.0));
        assert_eq!(get(&counters, "iterations"), None, "no data is not 0");
    }

    #[test]
    fn a_late_and_rare_series_counts_in_full() {
        let mut counters = counters();
        for second in 1..=10 {
            counters.observe(&[requests("200", f64::from(second), f64::from(second) * 10.0)]);
        }
        assert_eq!(get(&counters, "failed"), Some(0.0));
        counters.observe(&[requests("200", 11.0, 108.0), requests("500", 11.0, 2.0)]);
        assert_eq!(get(&counters, "failed"), Some(2.0 / 50.0));
        assert_eq!(get(&counters, "rps"), Some(10.0));
        assert_eq!(get(&counters, "rps{status=500}"), Some(0.4));
        for second in 12..=20 {
            counters.observe(&[requests("200", f64::from(second), f64::from(second) * 10.0)]);
        }
        assert_eq!(get(&counters, "failed{service=shop}"), Some(0.0));
        // It was quiet for 600 s; only its own new request counts.
        counters.observe(&[requests("200", 620.0, 7000.0), requests("500", 620.0, 3.0)]);
        assert_eq!(get(&counters, "rps"), None, "a mean over a gap is not the value now");
        counters.observe(&[requests("200", 621.0, 7009.0), requests("500", 621.0, 4.0)]);
        assert_eq!(get(&counters, "rps"), Some(10.0));
        assert_eq!(counters.whole_run(&threshold("http_reqs", Aggregation::Count), 621.0), Some(7013.0));
        assert_eq!(counters.whole_run(&threshold("http_req_failed", Aggregation::Rate), 621.0), Some(4.0 / 7013.0));
    }

    #[test]
    fn jittering_pushes_give_a_steady_rate() {
        let mut counters = counters();
        for (at, count) in [(0.9, 90.0), (2.1, 210.0), (2.9, 290.0), (4.05, 405.0), (5.0, 500.0), (6.1, 610.0)] {
            counters.observe(&[requests("200", at, count)]);
            let rate = get(&counters, "rps").unwrap();
            assert!((rate - 100.0).abs() < 1e-9, "{rate}");
        }
    }

    #[test]
    fn requests_that_hang_let_the_rate_fall_to_zero() {
        let mut counters = counters();
        for second in 1..=16_u32 {
            let at = f64::from(second);
            let done = f64::from(second.min(10)) * 10.0;
            let mut pushed = vec![series(VUS, &[], at, 5.0)];
            if second <= 10 {
                pushed.push(requests("200", at, done));
            }
            counters.observe(&pushed);
        }
        assert_eq!(get(&counters, "rps"), Some(0.0));
        assert_eq!(get(&counters, "failed"), None, "no requests, no share");
    }

    #[test]
    fn instances_add_up_and_ended_ones_drop_out_of_the_vus() {
        let mut counters = counters();
        let vus = |instance: &str, at, value| series(VUS, &[("instance", instance)], at, value);
        counters.observe(&[vus("1", 1.0, 10.0), vus("2", 1.2, 5.0)]);
        assert_eq!(get(&counters, "vus"), Some(15.0));
        counters.observe(&[vus("1", 4.0, 10.0), vus("2", 1.2, 5.0)]);
        assert_eq!(get(&counters, "vus"), Some(10.0));
    }

    #[test]
    fn percentiles_of_several_gauges_are_not_put_together() {
        let mut counters = counters();
        let gauge = |stat: &str, service: &str, value| {
            series(&format!("k6_http_req_duration_{stat}"), &[("service", service)], 1.0, value)
        };
        let p95 = threshold("http_req_duration", Aggregation::Percentile(95.0));
        counters.observe(&[gauge("p95", "a", 0.2), gauge("max", "a", 0.3)]);
        assert_eq!(counters.whole_run(&p95, 1.0), Some(200.0));
        counters.observe(&[gauge("p95", "b", 0.4), gauge("max", "b", 0.5)]);
        assert_eq!(counters.whole_run(&p95, 1.0), None);
        assert_eq!(counters.whole_run(&threshold("http_req_duration", Aggregation::Max), 1.0), Some(500.0));
    }
}
