//! What the metrics store knows of a run: one poll a tick.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use ha_dashboard::domain::{
    Millis,
    frame::{Frame, History, SeriesKey},
    run::Run,
    threshold::Observed,
};

use super::counters::Counters;
use crate::server::prometheus::{
    client::{Client, StoreError},
    queries,
};

/// What values "now" are taken over: as many pushes.
const PUSHES: u32 = 5;

/// Longest stretch of stored samples read at once.
const LONGEST: Duration = Duration::from_secs(120);

/// How long the first look at a run that is at work for long may take.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Samples that may be visible late in the store, or stamped a little ahead.
const MARGIN: Duration = Duration::from_secs(2);

/// Values of live series.
pub type Values = BTreeMap<SeriesKey, f64>;

/// One run, watched through the store.
pub struct Watch {
    /// The run as control last told it.
    pub run: Run,
    /// The thresholds and what was observed.
    pub observed: Vec<Observed>,
    counters: Counters,
    window: Duration,
    /// When the last poll succeeded.
    polled_ms: Option<Millis>,
}

impl Watch {
    /// Watches `run`, whose k6 pushes every `tick`.
    pub fn new(run: Run, tick: Duration) -> Self {
        let window = tick * PUSHES;
        let counters = Counters::new(window, run.started_ms);
        Self { observed: run.thresholds.clone(), run, counters, window, polled_ms: None }
    }

    /// Takes in what control says of the same run.
    pub fn update(&mut self, run: &Run) {
        self.counters.started(run.started_ms);
        self.run = run.clone();
    }

    /// The time of the newest sample seen.
    pub fn newest_ms(&self) -> Option<Millis> {
        self.counters.newest_ms()
    }

    /// Whether anything was pushed yet: a look that is cheap enough to be taken often.
    pub async fn has_samples(&self, client: &Client, native_histograms: bool) -> bool {
        let query = queries::stored(&self.run.id, MARGIN, native_histograms);
        client.samples(&query, None).await.is_ok_and(|series| !series.is_empty())
    }

    /// Reads what came since the last poll. The values now; empty where samples are too old for that.
    ///
    /// # Errors
    /// When the store does not answer, or refuses.
    pub async fn poll(
        &mut self,
        client: &Client,
        native_histograms: bool,
        now_ms: Millis,
    ) -> Result<Values, StoreError> {
        // Series that were quiet for long count too after a restart, so the first look goes back to the start.
        let since = self.polled_ms.or(self.run.started_ms).unwrap_or(now_ms);
        let back = Duration::from_millis(now_ms.saturating_sub(since)) + MARGIN;
        let longest = if self.polled_ms.is_none() { Duration::from_secs(3600) } else { LONGEST };
        let back = back.clamp(self.window + MARGIN, longest.max(self.window + MARGIN));
        let query = queries::stored(&self.run.id, back, native_histograms);
        let series = if back > LONGEST {
            let answer = client.clone().with_timeout(FIRST_LOOK).samples(&query, None).await;
            if matches!(answer, Err(StoreError::Timeout { .. } | StoreError::TooLarge)) {
                // Going back all the way is too much for this store: the next look reads the newest samples only.
                self.polled_ms = Some(now_ms);
            }
            answer?
        } else {
            client.samples(&query, None).await?
        };
        self.counters.observe(&series);
        self.polled_ms = Some(now_ms);
        let Some(newest_ms) = self.counters.newest_ms() else { return Ok(Values::new()) };

        // Everything else is asked for the time of the newest sample: then the last push is in, and the markers that k6
        // ends its series with are not.
        let fresh = now_ms.saturating_sub(newest_ms) <= self.window.as_millis() as Millis;
        let percentiles = async {
            if !native_histograms || !fresh {
                return Vec::new();
            }
            let all = queries::percentiles(&self.run.id, self.window);
            join_all(all.into_iter().map(async |query| {
                let result = client.vector(&query.promql, Some(newest_ms)).await;
                (query, result)
            }))
            .await
        };
        let trends = join_all(self.observed.iter().map(async |observed| {
            if !native_histograms {
                return None;
            }
            let query = queries::whole_run(&observed.threshold, &self.run.id)?;
            Some(client.value(&query, Some(newest_ms)).await)
        }));
        let (percentiles, trends) = tokio::join!(percentiles, trends);

        let mut values = if fresh { self.counters.values() } else { Values::new() };
        for (query, samples) in percentiles {
            let samples = samples?;
            values.extend(samples.iter().filter_map(|sample| Some((query.key(&sample.labels)?, sample.value))));
        }
        let elapsed_s = self.run.started_ms.map_or(0.0, |started| newest_ms.saturating_sub(started) as f64 / 1000.0);
        for (observed, trend) in self.observed.iter_mut().zip(trends) {
            let value = match trend {
                Some(Ok(value)) => Some(value),
                Some(Err(StoreError::NoData)) => None,
                Some(Err(error)) => return Err(error),
                None => self.counters.whole_run(&observed.threshold, elapsed_s),
            };
            // A value once known stays known.
            if let Some(value) = value.map(round) {
                observed.value = Some(value);
                observed.ok = Some(observed.threshold.holds(value));
            }
        }
        Ok(values)
    }

    /// The history of the run as the store has it, at most [`History::CAPACITY`] rows, until `to_ms`.
    ///
    /// # Errors
    /// When the store does not answer, or refuses.
    pub async fn history(
        &self,
        client: &Client,
        native_histograms: bool,
        to_ms: Millis,
    ) -> Result<Vec<Frame>, StoreError> {
        let Some(from_ms) = self.run.started_ms.filter(|from| *from < to_ms) else { return Ok(Vec::new()) };
        let seconds = (to_ms - from_ms).div_ceil(1000).div_ceil(History::CAPACITY as u64 * 3 / 4).max(1);
        let step = Duration::from_secs(seconds);
        let all = queries::windowed(&self.run.id, self.window.max(step), native_histograms);
        let answers = join_all(all.iter().map(|query| client.range(&query.promql, from_ms, to_ms, step))).await;
        let mut rows: BTreeMap<Millis, Values> = BTreeMap::new();
        for (query, series) in all.iter().zip(answers) {
            for series in series? {
                let Some(key) = query.key(&series.labels) else { continue };
                for (at_ms, value) in series.points {
                    rows.entry(at_ms).or_default().insert(key.clone(), round(value));
                }
            }
        }
        Ok(rows.into_iter().map(|(at_ms, values)| Frame { at_ms, values }).collect())
    }
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
mod tests {
    use super::round;

    #[test]
    fn values_keep_five_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.009_728_638_104, "0.0097286"),
            (123_456_789.0, "123460000"),
            (-1.000_049, "-1"),
            (99_999.7, "100000"),
            (0.1, "0.1"),
        ] {
            assert_eq!(round(value).to_string(), text);
        }
        assert!(round(f64::NAN).is_nan());
    }
}
