//! What every series of a run said last, and what came since.
//!
//! k6 pushes a series only when it has a new sample, and its counters and histograms are cumulative. Against each series'
//! last value a new one says what came in between, also for series that appear late, go quiet or have one sample a minute.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    frame::{Dimension, Metric},
    histogram::{Histogram, Quantile},
    run::{ServiceTotals, Source, Totals, rounded},
    threshold::{Aggregation, MetricKind, Reading, Threshold},
};

use super::breakdown::{Breakdown, Came, Place, Shared};
use crate::server::prometheus::{
    client::{Labels, Series},
    queries::{COUNTERS, DURATIONS, REQUESTS, VUS, VUS_MAX, sources, time_series},
};

/// A gauge older than this, against the newest one, belongs to an instance that has ended.
const GAUGE_MS: Millis = 2500;

/// Services with numbers of their own; a script that makes more only counts into the whole.
const SERVICES: usize = 50;

/// Thresholds that are watched: one for each bit of [`Entry::rules`].
const RULES: usize = 128;

/// What came between two pushes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The time of the newest sample.
    pub at_ms: Millis,
    /// Requests.
    pub requests: BTreeMap<Part, f64>,
    /// What else is counted.
    pub others: BTreeMap<Metric, f64>,
    /// Durations of requests by service, in seconds; the empty name stands for none.
    pub durations: BTreeMap<Arc<str>, Histogram>,
}

/// What requests are told apart by; an empty text stands for a label that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The service they went to.
    pub service: Arc<str>,
    /// The HTTP status.
    pub status: Arc<str>,
    /// Whether the answer was not the expected one.
    pub failed: bool,
}

/// Requests, and how many of them failed: in all, by service and by status.
pub fn sums<'a>(counts: impl Iterator<Item = (&'a Part, f64)>) -> BTreeMap<Option<(Dimension, &'a str)>, (f64, f64)> {
    let mut sums: BTreeMap<_, (f64, f64)> = BTreeMap::new();
    for (part, more) in counts {
        let keys = [
            Some(None),
            (!part.service.is_empty()).then(|| Some((Dimension::Service, &*part.service))),
            (!part.status.is_empty()).then(|| Some((Dimension::Status, &*part.status))),
        ];
        for key in keys.into_iter().flatten() {
            let (all, failed) = sums.entry(key).or_default();
            *all += more;
            *failed += if part.failed { more } else { 0.0 };
        }
    }
    sums
}

/// The last word of every series of one run.
#[derive(Debug)]
pub struct Ledger {
    series: HashMap<SeriesId, Entry>,
    hashers: [RandomState; 2],
    services: HashSet<Arc<str>>,
    rules: Vec<Rule>,
    /// What each counter comes to over all its series.
    totals: BTreeMap<Metric, f64>,
    /// All that came.
    whole: Whole,
    /// The same in detail.
    breakdown: Shared,
    /// The series that are gauges: a few, however many others there are.
    gauges: Vec<SeriesId>,
    /// What has series that are not remembered, so that it does not add up.
    partial: BTreeSet<Metric>,
    /// The rules that have such series, a bit each.
    partial_rules: u128,
    newest_ms: Option<Millis>,
    /// Whether values seen first are what came since the last push; not so for who joins in the middle of a run.
    from_zero: bool,
}

/// A hash of a series' labels: thousands of them are kept for a script that makes a series a request, and the labels
/// would take ten times as much.
type SeriesId = u128;

#[derive(Debug)]
struct Entry {
    at_ms: Millis,
    last: Value,
    role: Role,
    place: Place,
    /// The rules whose metric it belongs to, a bit each.
    rules: u128,
}

#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Histogram(Box<Histogram>),
}

/// What a series counts for, besides thresholds.
#[derive(Debug, Clone)]
enum Role {
    Requests(Part),
    Other(Metric),
    Durations(Arc<str>),
    Gauge(Metric),
    None,
}

/// What came over the whole run.
#[derive(Debug, Default)]
struct Whole {
    /// Requests by what they are told apart by.
    requests: BTreeMap<Part, f64>,
    /// Durations of requests by service.
    durations: BTreeMap<Arc<str>, Histogram>,
    /// Whether nothing was there before the ledger was.
    from_start: bool,
}

/// A threshold over the whole run.
#[derive(Debug)]
struct Rule {
    threshold: Threshold,
    /// The names that its series may have.
    sources: Vec<String>,
    /// What its metric is; `None`: no series told yet.
    kind: Option<MetricKind>,
    /// How much of the threshold's unit is one of the series'.
    unit: f64,
    seen: bool,
    count: f64,
    failed: f64,
    histogram: Histogram,
    /// Shares and gauges of which k6 pushes no counts, by series.
    gauges: HashMap<SeriesId, f64>,
}

impl Ledger {
    /// Series remembered; what has more is beyond counting.
    pub const MOST: usize = 100_000;

    /// A ledger that is there from the run's start; what it tells of the last seconds is of `length`.
    pub fn new<'a>(thresholds: impl Iterator<Item = &'a Threshold>, native_histograms: bool, length: Duration) -> Self {
        let rule = |threshold: &Threshold| Rule {
            sources: sources(threshold, native_histograms),
            kind: threshold.kind(),
            // Times are stored in seconds, thresholds on them are in milliseconds.
            unit: if threshold.is_time() { 1e3 } else { 1.0 },
            threshold: threshold.clone(),
            seen: false,
            count: 0.0,
            failed: 0.0,
            histogram: Histogram::default(),
            gauges: HashMap::new(),
        };
        Self {
            series: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            services: HashSet::new(),
            rules: thresholds.take(RULES).map(rule).collect(),
            totals: BTreeMap::new(),
            whole: Whole { from_start: true, ..Whole::default() },
            breakdown: Shared::new(length),
            gauges: Vec::new(),
            partial: BTreeSet::new(),
            partial_rules: 0,
            newest_ms: None,
            from_zero: true,
        }
    }

    /// A ledger that takes what it sees first for what was there before.
    pub fn joining<'a>(
        thresholds: impl Iterator<Item = &'a Threshold>,
        native_histograms: bool,
        length: Duration,
    ) -> Self {
        Self { from_zero: false, whole: Whole::default(), ..Self::new(thresholds, native_histograms, length) }
    }

    /// The run in detail; `None`: what was before the ledger is not known.
    pub fn breakdown(&self) -> Option<&Shared> {
        self.whole.from_start.then_some(&self.breakdown)
    }

    /// Sets when the run began, once that is known.
    pub fn started(&mut self, at_ms: Option<Millis>) {
        self.breakdown.open().started(at_ms);
    }

    /// The time of the newest sample; `None`: nothing came yet.
    pub fn newest_ms(&self) -> Option<Millis> {
        self.newest_ms
    }

    /// Whether every series of a metric is remembered: else it does not add up.
    pub fn is_whole(&self, metric: Metric) -> bool {
        !self.partial.contains(&metric)
    }

    /// Whether every series of a threshold, by its place, is remembered.
    pub fn is_whole_rule(&self, index: usize) -> bool {
        self.partial_rules.checked_shr(index as u32).is_none_or(|bits| bits & 1 == 0)
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Takes in stored samples, of which those already known change nothing. What came; `None`: nothing.
    pub fn observe(&mut self, series: Vec<Series>) -> Option<Batch> {
        let mut batch = Batch::default();
        let mut any = false;
        let breakdown = self.breakdown.clone();
        let mut breakdown = breakdown.open();
        for Series { labels, points, mut histograms } in series {
            let (at_ms, value) = match (points.last(), histograms.pop()) {
                (_, Some((at_ms, histogram))) => (at_ms, Value::Histogram(Box::new(histogram))),
                (Some((at_ms, value)), None) => (*at_ms, Value::Number(*value)),
                (None, None) => continue,
            };
            if self.take(&labels, at_ms, value, &mut batch, &mut breakdown) {
                any = true;
                self.newest_ms = self.newest_ms.max(Some(at_ms));
            }
        }
        self.from_zero = true;
        self.whole.add(&batch);
        batch.at_ms = self.newest_ms?;
        any.then(|| {
            breakdown.end_push(batch.at_ms);
            batch
        })
    }

    /// Whether the value is news.
    fn take(
        &mut self,
        labels: &Labels,
        at_ms: Millis,
        value: Value,
        batch: &mut Batch,
        breakdown: &mut Breakdown,
    ) -> bool {
        let id = self.id(labels);
        if !self.series.contains_key(&id) {
            let (role, rules) = (self.role(labels), self.join_rules(labels));
            if self.series.len() >= Self::MOST {
                self.leave_out(&role, rules);
                breakdown.leave_out();
                return false;
            }
            let last = match (&value, self.from_zero) {
                (_, false) => value.clone(),
                (Value::Number(_), true) => Value::Number(0.0),
                (Value::Histogram(_), true) => Value::Histogram(Box::default()),
            };
            match (&role, &last) {
                (Role::Other(metric), Value::Number(before)) => *self.totals.entry(*metric).or_default() += before,
                (Role::Gauge(_), _) => self.gauges.push(id),
                _ => {}
            }
            self.series.insert(id, Entry { at_ms: 0, last, role, place: breakdown.place(labels), rules });
        }
        let Some(entry) = self.series.get_mut(&id).filter(|entry| entry.at_ms < at_ms) else { return false };
        let role = &entry.role;
        let rules = self.rules.iter_mut().enumerate().filter(|(index, _)| entry.rules & (1 << index) != 0);
        let failed = matches!(role, Role::Requests(Part { failed: true, .. }));
        match (&entry.last, &value) {
            (Value::Number(last), Value::Number(now)) => {
                // A counter that falls is another one: what it says is not what came.
                let more = (now - last).max(0.0);
                breakdown.take(entry.place, at_ms, &Came::Number(more));
                match role {
                    Role::Requests(part) => {
                        *batch.requests.entry(part.clone()).or_default() += more;
                    }
                    Role::Other(metric) => {
                        *batch.others.entry(*metric).or_default() += more;
                        *self.totals.entry(*metric).or_default() += now - last;
                    }
                    Role::Durations(_) | Role::Gauge(_) | Role::None => {}
                }
                for (_, rule) in rules {
                    rule.seen = true;
                    rule.count += more;
                    rule.failed += if failed { more } else { 0.0 };
                    if rule.has_gauges() {
                        rule.gauges.insert(id, *now);
                    }
                }
            }
            (Value::Histogram(last), Value::Histogram(now)) => {
                let more = now.since(last);
                breakdown.take(entry.place, at_ms, &Came::Durations(&more));
                if let Role::Durations(service) = role {
                    batch.durations.entry(service.clone()).or_default().add(&more);
                }
                for (_, rule) in rules {
                    rule.seen = true;
                    rule.histogram.add(&more);
                }
            }
            _ => {}
        }
        entry.at_ms = at_ms;
        entry.last = value;
        true
    }

    /// Notes what a series would count into that is not remembered.
    fn leave_out(&mut self, role: &Role, rules: u128) {
        let metrics: &[Metric] = match role {
            Role::Requests(_) => &[Metric::RequestRate, Metric::FailedShare],
            Role::Durations(_) => &[Metric::P50, Metric::P95, Metric::P99, Metric::Mean],
            Role::Other(Metric::IterationRate) => &[Metric::IterationRate, Metric::IterationCount],
            Role::Other(metric) | Role::Gauge(metric) => std::slice::from_ref(metric),
            Role::None => &[],
        };
        self.partial.extend(metrics);
        self.partial_rules |= rules;
    }

    fn id(&self, labels: &Labels) -> SeriesId {
        let [a, b] = &self.hashers;
        u128::from(a.hash_one(labels)) << 64 | u128::from(b.hash_one(labels))
    }

    fn role(&mut self, labels: &Labels) -> Role {
        let label = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
        match label("__name__") {
            REQUESTS => Role::Requests(Part {
                service: self.service(labels),
                status: label("status").into(),
                failed: label("expected_response") == "false",
            }),
            DURATIONS => Role::Durations(self.service(labels)),
            VUS => Role::Gauge(Metric::Vus),
            VUS_MAX => Role::Gauge(Metric::VusMax),
            name => {
                let counter = COUNTERS.iter().find(|(counter, _)| *counter == name);
                counter.map_or(Role::None, |(_, metric)| Role::Other(*metric))
            }
        }
    }

    fn service(&mut self, labels: &Labels) -> Arc<str> {
        let name = labels.get("service").map(String::as_str).unwrap_or_default();
        if let Some(known) = self.services.get(name) {
            return known.clone();
        }
        if name.is_empty() || self.services.len() >= SERVICES {
            return Arc::default();
        }
        let name: Arc<str> = name.into();
        self.services.insert(name.clone());
        name
    }

    /// The rules that a series belongs to, which learn from it what their metric is.
    fn join_rules(&mut self, labels: &Labels) -> u128 {
        let Some(name) = labels.get("__name__") else { return 0 };
        let own = self.rules.iter_mut().enumerate().filter(|(_, rule)| rule.has(name, labels));
        own.fold(0, |bits, (index, rule)| {
            rule.learn(name);
            bits | 1 << index
        })
    }

    /// What a counter counted since the run's start.
    pub fn total(&self, metric: Metric) -> Option<f64> {
        self.totals.get(&metric).copied()
    }

    /// The figures of the whole run, of `elapsed_s`; `None`: nothing came, or what was before the ledger is not known.
    pub fn totals(&self, elapsed_s: f64) -> Option<Totals> {
        (self.whole.from_start && self.newest_ms.is_some()).then_some(())?;
        let total = |metric| self.total(metric).filter(|_| self.is_whole(metric));
        let sums = sums(self.whole.requests.iter().map(|(part, count)| (part, *count)));
        let (requests, failed) = sums.get(&None).copied().unwrap_or_default();
        let requests = Some(requests).filter(|_| self.is_whole(Metric::RequestRate));
        let sent = requests.filter(|requests| *requests > 0.0);
        let mut durations = Histogram::default();
        self.whole.durations.values().for_each(|more| durations.add(more));
        let quantile = |q| self.quantile(&durations, q);
        let by_status = sums.iter().filter(|_| requests.is_some()).filter_map(|(part, sum)| match part {
            Some((Dimension::Status, status)) => Some(((*status).to_owned(), sum.0)),
            _ => None,
        });
        let statuses = by_status.collect();
        let services = self.services(elapsed_s);
        let iterations = total(Metric::IterationRate);
        Some(Totals {
            source: Source::Store,
            requests,
            request_rate: requests.filter(|_| elapsed_s > 0.0).map(|requests| rounded(requests / elapsed_s)),
            failed_share: sent.map(|sent| rounded(failed / sent)),
            mean_s: durations.mean().map(rounded).filter(|_| self.is_whole(Metric::Mean)),
            p50_s: quantile(0.5),
            p95_s: quantile(0.95),
            p99_s: quantile(0.99),
            max_s: quantile(1.0),
            iterations,
            // The series exists only after the first drop.
            dropped_iterations: total(Metric::DroppedRate).or(iterations.map(|_| 0.0)),
            data_sent: total(Metric::DataSent),
            data_received: total(Metric::DataReceived),
            peak_vus: None,
            checks: Vec::new(),
            services,
            statuses,
        })
    }

    /// What went to each service in `elapsed_s`; empty: nothing came, or what was before the ledger is not known.
    pub fn services(&self, elapsed_s: f64) -> Vec<ServiceTotals> {
        if !self.whole.from_start || self.newest_ms.is_none() || !self.is_whole(Metric::RequestRate) {
            return Vec::new();
        }
        let service = |name: &str, (requests, failed): (f64, f64)| ServiceTotals {
            name: name.to_owned(),
            requests,
            request_rate: (elapsed_s > 0.0).then(|| rounded(requests / elapsed_s)),
            failed_share: (requests > 0.0).then(|| rounded(failed / requests)),
            p95_s: self.whole.durations.get(name).and_then(|durations| self.quantile(durations, 0.95)),
            longest_outage_ms: None,
            out_ms: None,
        };
        let sums = sums(self.whole.requests.iter().map(|(part, count)| (part, *count)));
        let of_service = |(part, sum)| match part {
            Some((Dimension::Service, name)) => Some(service(name, sum)),
            _ => None,
        };
        sums.into_iter().filter_map(of_service).collect()
    }

    fn quantile(&self, durations: &Histogram, q: f64) -> Option<f64> {
        durations.quantile(q).map(|quantile| rounded(quantile.value)).filter(|_| self.is_whole(Metric::P95))
    }

    /// A gauge over all instances, and when it was true.
    pub fn gauge(&self, metric: Metric) -> Option<(Millis, f64)> {
        let all = || {
            let entries = self.gauges.iter().filter_map(|id| self.series.get(id));
            entries.filter_map(|entry| match (&entry.role, &entry.last) {
                (Role::Gauge(own), Value::Number(value)) if *own == metric => Some((entry.at_ms, *value)),
                _ => None,
            })
        };
        let newest = all().map(|(at_ms, _)| at_ms).max()?;
        Some((newest, all().filter(|(at_ms, _)| at_ms + GAUGE_MS >= newest).map(|(_, value)| value).sum()))
    }

    /// What the stored samples tell of each threshold over the whole run; `None`: nothing. `elapsed_s` is its length.
    pub fn readings(&self, elapsed_s: f64) -> Vec<Option<Reading>> {
        let reading = |(index, rule): (usize, &Rule)| {
            rule.reading(elapsed_s, self.newest_ms.is_some()).filter(|_| self.is_whole_rule(index))
        };
        self.rules.iter().enumerate().map(reading).collect()
    }
}

impl Whole {
    fn add(&mut self, batch: &Batch) {
        for (part, more) in &batch.requests {
            *self.requests.entry(part.clone()).or_default() += more;
        }
        for (service, more) in &batch.durations {
            self.durations.entry(service.clone()).or_default().add(more);
        }
    }
}

impl Rule {
    /// Whether a series belongs to its metric and has its tags.
    fn has(&self, name: &String, labels: &Labels) -> bool {
        self.sources.contains(name) && self.threshold.tags.iter().all(|(tag, value)| labels.get(tag) == Some(value))
    }

    fn learn(&mut self, name: &str) {
        let metric = &self.threshold.metric;
        if *name == time_series(metric) {
            self.unit = 1e3;
        }
        let rate = if *name == format!("k6_{metric}_rate") { MetricKind::Rate } else { MetricKind::Counter };
        self.kind.get_or_insert(rate);
    }

    /// Whether the series hold a finished value in place of something to add up.
    fn has_gauges(&self) -> bool {
        match self.kind {
            Some(MetricKind::Rate) => self.threshold.metric != "http_req_failed",
            Some(MetricKind::Trend | MetricKind::Gauge) => true,
            Some(MetricKind::Counter) | None => false,
        }
    }

    fn reading(&self, elapsed_s: f64, pushed: bool) -> Option<Reading> {
        let gauges = || self.gauges.values().copied();
        let scaled = |Quantile { value, lower, upper }| Reading {
            value: value * self.unit,
            lower: lower * self.unit,
            upper: upper * self.unit,
        };
        match (self.kind?, self.threshold.aggregation) {
            (MetricKind::Rate, Aggregation::Rate) if self.threshold.metric == "http_req_failed" => {
                (self.count > 0.0).then(|| Reading::exact(self.failed / self.count))
            }
            // k6 pushes no counts with these, so every series weighs the same.
            (MetricKind::Rate, Aggregation::Rate) => {
                (!self.gauges.is_empty()).then(|| Reading::exact(gauges().sum::<f64>() / self.gauges.len() as f64))
            }
            (MetricKind::Counter, aggregation) => {
                // The series exists only after the first drop; 0 is known as soon as k6 pushes at all.
                let known = self.seen || (pushed && self.threshold.metric == "dropped_iterations");
                match aggregation {
                    Aggregation::Count => known.then(|| Reading::exact(self.count)),
                    Aggregation::Rate => (known && elapsed_s > 0.0).then(|| Reading::exact(self.count / elapsed_s)),
                    _ => None,
                }
            }
            (MetricKind::Trend, aggregation) if !self.histogram.is_empty() => match aggregation {
                Aggregation::Avg => self.histogram.mean().map(|mean| Reading::exact(mean * self.unit)),
                Aggregation::Med => self.histogram.quantile(0.5).map(scaled),
                Aggregation::Min => self.histogram.quantile(0.0).map(scaled),
                Aggregation::Max => self.histogram.quantile(1.0).map(scaled),
                Aggregation::Percentile(p) => self.histogram.quantile(p / 100.0).map(scaled),
                Aggregation::Rate | Aggregation::Count | Aggregation::Value => None,
            },
            (MetricKind::Trend, aggregation) => {
                let value = match aggregation {
                    Aggregation::Min => gauges().reduce(f64::min),
                    Aggregation::Max => gauges().reduce(f64::max),
                    // Percentiles and means of several series can't be put together.
                    _ => gauges().next().filter(|_| self.gauges.len() == 1),
                };
                value.map(|value| Reading::exact(value * self.unit))
            }
            // The last value of several series is that of nobody knows which.
            (MetricKind::Gauge, _) => gauges().next().filter(|_| self.gauges.len() == 1).map(Reading::exact),
            (MetricKind::Rate, _) => None,
        }
    }
}
