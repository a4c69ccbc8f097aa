//! The values "now": what came over the last few pushes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    frame::{Dimension, Metric, SeriesKey},
    histogram::Histogram,
};

use super::ledger::{Batch, Part};

/// Pushes jitter by this much around their interval.
const JITTER_MS: Millis = 250;

/// Rates over less than this are too rough to show.
const SHORTEST_MS: Millis = 300;

/// Values of live series.
pub type Values = BTreeMap<SeriesKey, f64>;

/// The batches of the last few pushes.
///
/// The window ends with the newest push and begins where one ended, so that every request lies wholly inside or outside.
#[derive(Debug)]
pub struct Window {
    length_ms: Millis,
    started_ms: Option<Millis>,
    /// Oldest first. The first one only marks where the window begins.
    batches: VecDeque<Batch>,
    /// What was counted once stays known: its rate may be 0.
    parts: BTreeSet<Part>,
    others: BTreeSet<Metric>,
}

impl Window {
    /// A window over the last `length` of a run that began at `started_ms`.
    pub fn new(length: Duration, started_ms: Option<Millis>) -> Self {
        Self {
            length_ms: length.as_millis() as Millis,
            started_ms,
            batches: VecDeque::new(),
            parts: BTreeSet::new(),
            // The series exists only after the first drop; 0 is known as soon as k6 pushes at all.
            others: BTreeSet::from([Metric::DroppedRate]),
        }
    }

    /// Sets when the run began, once that is known.
    pub fn started(&mut self, at_ms: Option<Millis>) {
        self.started_ms = self.started_ms.or(at_ms);
    }

    /// Adds what a push brought; `complete`: it holds all that came since the push before, or since the run's start.
    pub fn push(&mut self, batch: Batch, complete: bool) {
        self.parts.extend(batch.requests.keys().cloned());
        self.others.extend(batch.others.keys());
        let at_ms = batch.at_ms;
        match self.batches.back_mut() {
            // The run's counters began at 0, so the first push counts from there.
            None if complete => self.batches.extend(
                self.started_ms
                    .filter(|started| (*started..started + self.length_ms).contains(&at_ms))
                    .map(|at_ms| Batch { at_ms, ..Batch::default() }),
            ),
            Some(last) if last.at_ms >= at_ms => {
                last.add(batch);
                return;
            }
            None | Some(_) => {}
        }
        self.batches.push_back(batch);
        // The window begins with the newest mark that is a whole length old; older ones have served.
        while self.batches.get(1).is_some_and(|second| second.at_ms + self.length_ms <= at_ms + JITTER_MS) {
            self.batches.pop_front();
        }
        // After an outage there is no such mark: an average over the gap would not be the value now.
        if self.batches.front().is_some_and(|first| first.at_ms + 2 * self.length_ms < at_ms) {
            self.batches.pop_front();
        }
    }

    /// Rates, shares and percentiles at the newest push.
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        let Some((base, newest)) = self.batches.front().zip(self.batches.back()) else { return values };
        if base.at_ms + SHORTEST_MS > newest.at_ms {
            return values;
        }
        let seconds = (newest.at_ms - base.at_ms) as f64 / 1000.0;
        let batches = || self.batches.iter().skip(1);

        let mut requests: BTreeMap<Option<(Dimension, &str)>, (f64, f64)> = BTreeMap::new();
        for part in &self.parts {
            let more: f64 = batches().filter_map(|batch| batch.requests.get(part)).sum();
            let parts = [
                Some(None),
                (!part.service.is_empty()).then(|| Some((Dimension::Service, &*part.service))),
                (!part.status.is_empty()).then(|| Some((Dimension::Status, &*part.status))),
            ];
            for key in parts.into_iter().flatten() {
                let (all, failed) = requests.entry(key).or_default();
                *all += more;
                *failed += if part.failed { more } else { 0.0 };
            }
        }
        for (part, (all, failed)) in requests {
            let by_status = part.is_some_and(|(dimension, _)| dimension == Dimension::Status);
            let part = part.map(|(dimension, name)| (dimension, name.to_owned()));
            if all > 0.0 && !by_status {
                values.insert(SeriesKey { metric: Metric::FailedShare, part: part.clone() }, failed / all);
            }
            values.insert(SeriesKey { metric: Metric::RequestRate, part }, all / seconds);
        }
        for metric in &self.others {
            let more: f64 = batches().filter_map(|batch| batch.others.get(metric)).sum();
            values.insert(SeriesKey::whole(*metric), more / seconds);
        }

        let mut all = Histogram::default();
        let mut services: BTreeMap<&Arc<str>, Histogram> = BTreeMap::new();
        for (service, more) in batches().flat_map(|batch| &batch.durations) {
            all.add(more);
            services.entry(service).or_default().add(more);
        }
        let quantile = |histogram: &Histogram, q| histogram.quantile(q).map(|quantile| quantile.value);
        for (metric, value) in [
            (Metric::P50, quantile(&all, 0.5)),
            (Metric::P95, quantile(&all, 0.95)),
            (Metric::P99, quantile(&all, 0.99)),
            (Metric::Mean, all.mean()),
        ] {
            values.extend(value.map(|value| (SeriesKey::whole(metric), value)));
        }
        for (service, histogram) in services.into_iter().filter(|(service, _)| !service.is_empty()) {
            let key = SeriesKey::part(Metric::P95, Dimension::Service, &**service);
            values.extend(quantile(&histogram, 0.95).map(|value| (key, value)));
        }
        values
    }
}

impl Batch {
    fn add(&mut self, more: Self) {
        for (part, count) in more.requests {
            *self.requests.entry(part).or_default() += count;
        }
        for (metric, count) in more.others {
            *self.others.entry(metric).or_default() += count;
        }
        for (service, histogram) in more.durations {
            self.durations.entry(service).or_default().add(&histogram);
        }
    }
}
