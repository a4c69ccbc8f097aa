//! What came between two pushes of k6, and what such slices of time look like when nothing is wrong.

use crate::domain::{Millis, histogram::Histogram};

/// What ended between two pushes of k6, from the raw counters. k6 counts a request when it ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slice {
    /// The push before.
    pub from_ms: Millis,
    /// The push that brought it.
    pub to_ms: Millis,
    /// Requests that ended.
    pub valid: f64,
    /// Those of them whose answer was not the expected one.
    pub bad: f64,
    /// Iterations that an open model could not start.
    pub dropped: f64,
    /// Request durations, in seconds.
    pub durations: Histogram,
}

/// Requests over a stretch of time.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Its length, in seconds.
    pub seconds: f64,
    /// Requests that ended in it.
    pub valid: f64,
    /// Those of them that failed.
    pub bad: f64,
    /// Iterations that an open model could not start in it.
    pub dropped: f64,
}

/// How a service is while nothing is wrong: the time before a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Requests per second.
    pub rate: f64,
    /// Share of requests that fail all the same, 0–1.
    pub failed_share: f64,
    /// Up to this failed share a slice is as it was before, 0–1.
    pub failed_limit: f64,
    /// 95th percentile of request durations, in seconds.
    pub p95_s: Option<f64>,
    /// Up to this 95th percentile a slice is as it was before, in seconds.
    pub p95_limit_s: Option<f64>,
}

/// How long a baseline is.
const BASELINE_MS: Millis = 30_000;

/// Less is not enough to tell how it was before: so much of the time, and so many requests.
const LEAST_MS: Millis = 4000;
const LEAST_REQUESTS: f64 = 10.0;

/// How much a failed share may rise beside the baseline's own scatter: half a percentage point.
const MORE_FAILED: f64 = 0.005;

/// How much longer a 95th percentile may be beside the baseline's own scatter.
const SLOWER: f64 = 1.2;

/// Fewer requests have no 95th percentile worth the name.
const P95_REQUESTS: f64 = 20.0;

/// Requests that can't all be missing by chance.
const DUE: f64 = 3.0;

/// Standard deviations that are no surprise.
const DEVIATIONS: f64 = 3.0;

impl Slice {
    /// Its length.
    pub fn length_ms(&self) -> Millis {
        self.to_ms.saturating_sub(self.from_ms)
    }

    /// The failed share, 0–1; `None`: nothing ended.
    pub fn failed_share(&self) -> Option<f64> {
        (self.valid > 0.0).then(|| (self.bad / self.valid).clamp(0.0, 1.0))
    }

    /// The 95th percentile of request durations, in seconds; `None`: too few for one.
    pub fn p95_s(&self) -> Option<f64> {
        p95_of_many(&self.durations)
    }

    /// Whether it is an outage at a rate of so many requests a second: at least half of what was due failed, or nothing ended
    /// although something should have. Of an open model, what could not be started was due, too.
    pub fn is_out(&self, rate: f64) -> bool {
        let due = self.valid + self.dropped;
        if due > 0.0 { (self.bad + self.dropped) * 2.0 >= due } else { self.should_have_some(rate) }
    }

    /// Whether at a rate of so many requests a second it is no chance that none ended: of three that are due on average, all
    /// are missing once in twenty times (Poisson).
    fn should_have_some(&self, rate: f64) -> bool {
        rate * self.length_ms() as f64 / 1e3 >= DUE
    }
}

impl Tally {
    /// All of these slices.
    pub fn of<'a>(slices: impl IntoIterator<Item = &'a Slice>) -> Self {
        let mut tally = Self::default();
        slices.into_iter().for_each(|slice| tally.add(slice));
        tally
    }

    /// Adds a slice.
    pub fn add(&mut self, slice: &Slice) {
        self.seconds += slice.length_ms() as f64 / 1e3;
        self.valid += slice.valid;
        self.bad += slice.bad;
        self.dropped += slice.dropped;
    }

    /// Good requests of all that ended, 0–1 (SRE workbook, chapter 2: good events / valid events). `None`: nothing ended.
    ///
    /// A request is good when its answer was the expected one. An objective for a 95th percentile allows five of a hundred
    /// to be slower, so by it alone no request is bad.
    pub fn availability(&self) -> Option<f64> {
        (self.valid > 0.0).then(|| ((self.valid - self.bad) / self.valid).clamp(0.0, 1.0))
    }

    /// The same of all that was due: an open model counts what it could not start, for nobody was served then either. Our
    /// own figure, beside the one of the workbook.
    pub fn availability_of_due(&self) -> Option<f64> {
        let due = self.valid + self.dropped;
        (due > 0.0).then(|| ((self.valid - self.bad) / due).clamp(0.0, 1.0))
    }

    /// Nines: −log10(1 − availability). `None`: nothing ended, or nothing failed, which is no number of nines; see
    /// [`Tally::at_least`].
    pub fn nines(&self) -> Option<f64> {
        let unavailable = 1.0 - self.availability()?;
        (unavailable > 0.0).then(|| -unavailable.log10())
    }

    /// What "no failure in N" says of the availability with 95 % confidence: at least 1 − 3/N, the rule of three. `None`:
    /// there were failures, or so few requests that it says nothing.
    pub fn at_least(&self) -> Option<f64> {
        (self.bad <= 0.0 && self.valid > 3.0).then(|| 1.0 - 3.0 / self.valid)
    }
}

impl Baseline {
    /// The last 30 s before `at_ms`; `None`: too little was asked of the service then.
    ///
    /// The scatter is the standard deviation over the slices. Of the 95th percentile it counts as well as of the failed
    /// share: where answers take a few milliseconds, a second's percentile strays by more than a fifth while all is well.
    pub fn before(at_ms: Millis, slices: &[Slice]) -> Option<Self> {
        let begin = at_ms.saturating_sub(BASELINE_MS);
        let before = || slices.iter().filter(|slice| slice.from_ms >= begin && slice.to_ms <= at_ms);
        let all = Tally::of(before());
        if all.seconds * 1e3 < LEAST_MS as f64 || all.valid < LEAST_REQUESTS {
            return None;
        }
        let failed_share = all.bad / all.valid;
        let scatter = deviation(before().filter_map(Slice::failed_share));
        let p95_s = p95_s(&merged(before()));
        let limit = |p95: f64| (p95 * SLOWER).max(p95 + DEVIATIONS * deviation(before().filter_map(Slice::p95_s)));
        Some(Self {
            rate: all.valid / all.seconds,
            failed_share,
            failed_limit: failed_share + MORE_FAILED.max(DEVIATIONS * scatter),
            p95_s,
            p95_limit_s: p95_s.map(limit),
        })
    }

    /// Whether a slice is as it was before.
    pub fn covers(&self, slice: &Slice) -> bool {
        self.fails_no_more(slice) && self.is_as_quick(&slice.durations)
    }

    /// Whether no more of a slice failed than before. One in which nothing ended did fail, unless little was asked before, too.
    pub fn fails_no_more(&self, slice: &Slice) -> bool {
        slice.failed_share().map_or(!slice.should_have_some(self.rate), |share| share <= self.failed_limit)
    }

    /// Whether requests took no longer than before; too few for a percentile didn't.
    pub fn is_as_quick(&self, durations: &Histogram) -> bool {
        self.p95_limit_s.zip(p95_of_many(durations)).is_none_or(|(limit, p95)| p95 <= limit)
    }

    /// Failed requests of a slice beyond those that fail all the same, never below 0.
    pub fn excess(&self, slice: &Slice) -> f64 {
        (slice.bad - self.failed_share * slice.valid).max(0.0)
    }
}

/// The durations of all these slices.
pub(super) fn merged<'a>(slices: impl Iterator<Item = &'a Slice>) -> Histogram {
    let mut all = Histogram::default();
    slices.for_each(|slice| all.add(&slice.durations));
    all
}

/// The 95th percentile, in the values' unit; `None` without values.
pub(super) fn p95_s(durations: &Histogram) -> Option<f64> {
    durations.quantile(0.95).map(|quantile| quantile.value)
}

/// The 95th percentile where there are enough for one.
fn p95_of_many(durations: &Histogram) -> Option<f64> {
    (durations.count() >= P95_REQUESTS).then(|| p95_s(durations))?
}

/// The standard deviation; 0 of fewer than two.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}
