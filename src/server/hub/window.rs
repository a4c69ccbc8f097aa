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

use super::ledger::{Batch, Part, sums};

/// Pushes jitter by this much around their interval.
pub const JITTER_MS: Millis = 250;

/// Rates over less than this are too rough to show.
const SHORTEST_MS: Millis = 300;

/// How far two counts of a steady load may lie apart: so many standard deviations, and a share for the pushes' ragged ends.
const DEVIATIONS: f64 = 4.0;
const RAGGED: f64 = 0.05;

/// Values of live series.
pub type Values = BTreeMap<SeriesKey, f64>;

/// The values at the newest push.
#[derive(Debug, Default)]
pub struct Now {
    /// The values.
    pub values: Values,
    /// The length of the window that rates and shares are taken over.
    pub rates_ms: Option<u32>,
    /// The length of the window that percentiles are taken over.
    pub percentiles_ms: Option<u32>,
}

/// The batches of the last few pushes.
///
/// A window ends with the newest push and begins where one ended, so that every request lies wholly inside or outside.
/// Percentiles are taken over all of it. Rates and shares are means, so they are taken over as much of it as the load was
/// steady in: calm in a steady load, and without a trace of what was before a jump.
#[derive(Debug)]
pub struct Window {
    length_ms: Millis,
    started_ms: Option<Millis>,
    /// Oldest first. The first one only marks where the window begins.
    batches: VecDeque<Batch>,
    /// What was counted once stays known: its rate may be 0.
    parts: BTreeSet<Part>,
    others: BTreeSet<Metric>,
    /// Where the load last jumped: rates know nothing of what was before.
    steady_from_ms: Millis,
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
            steady_from_ms: 0,
        }
    }

    /// When the run began, once that is known.
    pub fn started_ms(&self) -> Option<Millis> {
        self.started_ms
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
    pub fn now(&mut self) -> Now {
        let Some((first, newest)) = self.batches.front().zip(self.batches.back()) else { return Now::default() };
        let (first_ms, newest_ms) = (first.at_ms, newest.at_ms);
        if first_ms + SHORTEST_MS > newest_ms {
            return Now::default();
        }
        let base = self.steady_base();
        let rates_ms = newest_ms - self.batches[base].at_ms;
        self.steady_from_ms = self.batches[base].at_ms;
        let mut values = self.rates(base, rates_ms as f64 / 1000.0);
        let percentiles = self.percentiles();
        let percentiles_ms = (!percentiles.is_empty()).then_some(newest_ms - first_ms);
        values.extend(percentiles);
        let length = |ms: Millis| u32::try_from(ms).unwrap_or(u32::MAX);
        Now { values, rates_ms: Some(length(rates_ms)), percentiles_ms: percentiles_ms.map(length) }
    }

    /// The mark from which on the load was steady. A load that has jumped never was steady before that, whatever comes.
    fn steady_base(&self) -> usize {
        let length = |from: usize, to: usize| self.batches[to].at_ms.saturating_sub(self.batches[from].at_ms) as f64;
        let newest = self.batches.len() - 1;
        let (mut base, mut counts) = (newest - 1, Counts::of(&self.batches[newest]));
        while let Some(earlier) =
            base.checked_sub(1).filter(|earlier| self.batches[*earlier].at_ms >= self.steady_from_ms)
        {
            let more = Counts::of(&self.batches[base]);
            let (own_ms, more_ms) = (length(base, newest), length(earlier, base));
            if own_ms >= SHORTEST_MS as f64 && !counts.is_steady(own_ms, &more, more_ms) {
                break;
            }
            counts.add(&more);
            base = earlier;
        }
        base
    }

    /// Rates and shares of what came after a mark, over so many seconds.
    fn rates(&self, base: usize, seconds: f64) -> Values {
        let mut values = Values::new();
        let batches = || self.batches.iter().skip(base + 1);

        let came = |part| batches().filter_map(|batch| batch.requests.get(part)).sum();
        let requests = sums(self.parts.iter().map(|part| (part, came(part))));
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
        values
    }

    /// Percentiles of all that came after the first mark.
    fn percentiles(&self) -> Values {
        let mut values = Values::new();
        let batches = self.batches.iter().skip(1);
        let mut all = Histogram::default();
        let mut services: BTreeMap<&Arc<str>, Histogram> = BTreeMap::new();
        for (service, more) in batches.flat_map(|batch| &batch.durations) {
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

/// What is counted of a load to tell whether it was steady: requests in all, by service, those that failed, and what an
/// open model could not start.
#[derive(Debug, Default)]
struct Counts(BTreeMap<Counted, f64>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Requests,
    Of(Arc<str>),
    Failed,
    Dropped,
}

impl Counts {
    fn of(batch: &Batch) -> Self {
        let mut counts = Self::default();
        for (part, more) in &batch.requests {
            counts.count(Counted::Requests, *more);
            counts.count(Counted::Of(part.service.clone()), *more);
            if part.failed {
                counts.count(Counted::Failed, *more);
            }
        }
        counts.count(Counted::Dropped, batch.others.get(&Metric::DroppedRate).copied().unwrap_or_default());
        counts
    }

    fn count(&mut self, what: Counted, more: f64) {
        *self.0.entry(what).or_default() += more;
    }

    fn add(&mut self, more: &Self) {
        for (what, count) in &more.0 {
            self.count(what.clone(), *count);
        }
    }

    /// Whether two stretches of these lengths may be of one rate: counts of one scatter as Poisson's do at most.
    fn is_steady(&self, own_ms: f64, other: &Self, other_ms: f64) -> bool {
        let mut all = self.0.keys().chain(other.0.keys());
        all.all(|what| {
            let (own, other) = (self.get(what), other.get(what));
            let expected = own * other_ms / own_ms;
            let mean = (own + other) / (own_ms + other_ms);
            let deviation = (mean * other_ms * (1.0 + other_ms / own_ms)).sqrt();
            (other - expected).abs() <= DEVIATIONS * deviation + RAGGED * expected.max(other)
        })
    }

    fn get(&self, what: &Counted) -> f64 {
        self.0.get(what).copied().unwrap_or_default()
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
