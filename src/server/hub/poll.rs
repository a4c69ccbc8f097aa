//! What the metrics store knows of a run: one poll a tick.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ha_dashboard::domain::{
    Millis,
    cost::RunCost,
    frame::{Frame, Metric, SeriesKey},
    run::{Run, RunId, ServiceTotals, Totals},
    threshold::{Observed, Threshold},
};

use super::{
    breakdown::Shared,
    ledger::Ledger,
    pushes::Push,
    window::{Now, Window},
};
use crate::server::prometheus::{
    client::{Client, Series, StoreError},
    queries,
};

/// What values "now" are taken over at most: as many pushes.
pub const PUSHES: u32 = 5;

/// Longest stretch of stored samples read at once. What was missed before shows in the counters all the same.
const LONGEST: Duration = Duration::from_secs(120);

/// Samples that may be visible late in the store, or stamped a little ahead.
const MARGIN: Duration = Duration::from_secs(2);

/// What a run's samples add up to.
#[derive(Debug)]
pub struct Count {
    ledger: Ledger,
    window: Window,
    /// Whether the ledger knows all that was before.
    complete: bool,
    /// Most VUs that were at work.
    peak_vus: Option<f64>,
    /// When each service was out; `None`: not every push was seen.
    outages: Option<BTreeMap<Arc<str>, RunCost>>,
    run: RunId,
    /// What the newest sample brought, until somebody takes it.
    push: Option<Push>,
}

impl Count {
    /// Counts from the run's start.
    pub fn new(run: &Run, window: Duration, native_histograms: bool) -> Self {
        let ledger = Ledger::new(thresholds(run), native_histograms, window);
        Self::with(ledger, run, window, true)
    }

    /// Counts from now on, in the middle of a run.
    pub fn joining(run: &Run, window: Duration, native_histograms: bool) -> Self {
        let ledger = Ledger::joining(thresholds(run), native_histograms, window);
        Self::with(ledger, run, window, false)
    }

    fn with(mut ledger: Ledger, run: &Run, window: Duration, complete: bool) -> Self {
        ledger.started(run.started_ms);
        let (run, window) = (run.id.clone(), Window::new(window, run.started_ms));
        let outages = complete.then(BTreeMap::new);
        Self { ledger, window, complete, peak_vus: None, outages, run, push: None }
    }

    /// Takes in stored samples. The values at the newest one; `None`: nothing came.
    pub fn observe(&mut self, series: Vec<Series>) -> Option<Frame> {
        self.push = None;
        let before_ms = self.ledger.newest_ms().or(self.window.started_ms());
        let batch = self.ledger.observe(series)?;
        let at_ms = batch.at_ms;
        // Of what came late only requests matter: its time is told already.
        let news = before_ms.filter(|before| at_ms > *before || !batch.requests.is_empty());
        self.push = news.filter(|_| self.complete).map(|before_ms| Push::of(&self.run, before_ms, &batch));
        if let (Some(outages), Some(push)) = (&mut self.outages, &self.push) {
            for name in push.services.keys() {
                outages.entry(name.clone()).or_default();
            }
            outages.iter_mut().for_each(|(name, cost)| cost.take(&push.of_service(name)));
        }
        self.window.push(batch, self.complete);
        self.complete = true;
        let Now { mut values, rates_ms, percentiles_ms } = self.window.now();
        let vus = self.ledger.gauge(Metric::Vus);
        self.peak_vus = [self.peak_vus, vus.map(|(_, vus)| vus)].into_iter().flatten().reduce(f64::max);
        for (metric, gauge) in [(Metric::Vus, vus), (Metric::VusMax, self.ledger.gauge(Metric::VusMax))] {
            values.extend(gauge.map(|(_, value)| (SeriesKey::whole(metric), value)));
        }
        values.values_mut().for_each(|value| *value = round(*value));
        // Exact, as it is shown against the number that was asked for.
        let done = self.ledger.total(Metric::IterationRate);
        values.extend(done.map(|done| (SeriesKey::whole(Metric::IterationCount), done)));
        // Numbers that leave something out are worse than none.
        values.retain(|key, _| self.ledger.is_whole(key.metric));
        let counted_ms = vus.map(|(counted_ms, _)| counted_ms).filter(|at| *at != at_ms);
        Some(Frame { at_ms, counted_ms, rates_ms, percentiles_ms, values })
    }

    /// What the newest sample brought, once.
    pub fn take_push(&mut self) -> Option<Push> {
        self.push.take()
    }

    /// Lets something have been brought.
    #[cfg(test)]
    pub fn bring(&mut self, push: Push) {
        self.push = Some(push);
    }

    /// The time of the newest sample.
    pub fn newest_ms(&self) -> Option<Millis> {
        self.ledger.newest_ms()
    }

    /// Sets when the run began, once that is known.
    fn started(&mut self, at_ms: Option<Millis>) {
        self.window.started(at_ms);
        self.ledger.started(at_ms);
    }

    /// The run in detail; `None`: not everything was counted.
    pub fn breakdown(&self) -> Option<&Shared> {
        self.ledger.breakdown()
    }

    /// How many series were counted.
    pub fn series(&self) -> usize {
        self.ledger.len()
    }

    /// The figures of the whole run, which is over; `None`: not everything was counted.
    pub fn totals(&self, run: &Run) -> Option<Totals> {
        let mut totals = self.ledger.totals(run.elapsed_s(run.ended_ms?))?;
        self.tell_outages(&mut totals.services);
        Some(Totals { peak_vus: self.peak_vus, ..totals })
    }

    /// What went to each service of a run that is at work.
    fn so_far(&self, run: &Run) -> Vec<ServiceTotals> {
        let elapsed_s = run.elapsed_s(self.newest_ms().unwrap_or_default());
        let mut services = self.ledger.services(elapsed_s);
        self.tell_outages(&mut services);
        services
    }

    fn tell_outages(&self, services: &mut [ServiceTotals]) {
        for service in services {
            let cost = self.outages.as_ref().and_then(|outages| outages.get(&*service.name));
            service.longest_outage_ms = cost.map(|cost| cost.longest_outage_ms);
            service.out_ms = cost.map(|cost| cost.out_ms);
        }
    }
}

/// One run, watched through the store.
pub struct Watch {
    /// The run as control last told it.
    pub run: Run,
    /// The thresholds and what was observed.
    pub observed: Vec<Observed>,
    count: Option<Count>,
    window: Duration,
    /// How many series were counted by the time they were forgotten.
    forgotten: usize,
}

impl Watch {
    /// Watches `run`, whose k6 pushes every `tick`.
    pub fn new(run: Run, tick: Duration) -> Self {
        Self { observed: run.thresholds.clone(), run, count: None, window: tick * PUSHES, forgotten: 0 }
    }

    /// Takes in what control says of the same run.
    pub fn update(&mut self, run: &Run) {
        if let Some(count) = &mut self.count {
            count.started(run.started_ms);
        }
        self.run = run.clone();
    }

    /// Goes on from what was counted of the same run up to now.
    pub fn replace(&mut self, count: Count) {
        self.count = Some(count);
        self.judge();
    }

    /// The time of the newest sample seen.
    pub fn newest_ms(&self) -> Option<Millis> {
        self.count.as_ref().and_then(Count::newest_ms)
    }

    /// How many series the run has, as far as they are counted.
    pub fn series(&self) -> usize {
        self.count.as_ref().map_or(self.forgotten, Count::series)
    }

    /// The figures of the whole run, once it is over; `None`: not everything was counted.
    pub fn totals(&self) -> Option<Totals> {
        self.count.as_ref()?.totals(&self.run)
    }

    /// What went to each service so far; empty: not everything was counted.
    pub fn so_far(&self) -> Vec<ServiceTotals> {
        self.count.as_ref().map(|count| count.so_far(&self.run)).unwrap_or_default()
    }

    /// The run in detail; `None`: not everything was counted, or it is forgotten.
    pub fn breakdown(&self) -> Option<&Shared> {
        self.count.as_ref()?.breakdown()
    }

    /// Gives back what was remembered of each series: for a run of which nothing more will come.
    pub fn forget(&mut self) {
        self.forgotten = self.series();
        self.count = None;
    }

    /// What the last poll brought, once.
    pub fn take_push(&mut self) -> Option<Push> {
        self.count.as_mut()?.take_push()
    }

    /// Reads what came since the last poll. The values at the newest sample; `None`: nothing came.
    ///
    /// # Errors
    /// When the store does not answer, or refuses.
    pub async fn poll(
        &mut self,
        client: &Client,
        native_histograms: bool,
        now_ms: Millis,
    ) -> Result<Option<Frame>, StoreError> {
        let since = self.newest_ms().or(self.run.started_ms).unwrap_or(now_ms);
        let back = Duration::from_millis(now_ms.saturating_sub(since)) + MARGIN;
        let selector = selector(&self.run, native_histograms);
        let series = client.samples(&queries::stored(&selector, back.min(LONGEST)), None).await?;
        let (run, window) = (&self.run, self.window);
        let count = self.count.get_or_insert_with(|| {
            // A run that is older than what was read has counted before.
            if back > LONGEST {
                Count::joining(run, window, native_histograms)
            } else {
                Count::new(run, window, native_histograms)
            }
        });
        let frame = count.observe(series);
        self.judge();
        Ok(frame)
    }

    /// What is known of each threshold as of the newest sample.
    fn judge(&mut self) {
        let Some(count) = &self.count else { return };
        let newest_ms = count.newest_ms().unwrap_or_default();
        let elapsed_s = self.run.started_ms.map_or(0.0, |started| newest_ms.saturating_sub(started) as f64 / 1000.0);
        let readings = count.ledger.readings(elapsed_s).into_iter().enumerate();
        for (observed, (index, reading)) in self.observed.iter_mut().zip(readings) {
            match reading {
                Some(reading) => {
                    observed.take(reading, newest_ms);
                    observed.value = observed.value.map(round);
                }
                None if !count.ledger.is_whole_rule(index) => (observed.value, observed.ok) = (None, None),
                // A value once known stays known.
                None => {}
            }
        }
    }
}

/// The series of a run.
pub fn selector(run: &Run, native_histograms: bool) -> String {
    queries::live(&run.id, thresholds(run), native_histograms)
}

fn thresholds(run: &Run) -> impl Iterator<Item = &Threshold> {
    run.thresholds.iter().map(|observed| &observed.threshold)
}

/// Whether anything of a run was pushed yet: a look that is cheap enough to be taken often.
pub async fn has_samples(run: &Run, client: &Client) -> bool {
    let query = queries::stored(&queries::first_signs(&run.id), MARGIN);
    client.samples(&query, None).await.is_ok_and(|series| !series.is_empty())
}

/// Five significant digits: more than anybody sees, and half the bytes.
pub fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 4 - value.abs().log10().floor() as i32;
    // Dividing by a power of ten keeps the shortest text, multiplying by a fraction does not.
    match digits {
        0..=300 => (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits),
        -300..0 => (value / 10_f64.powi(-digits)).round() * 10_f64.powi(-digits),
        _ => value,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
