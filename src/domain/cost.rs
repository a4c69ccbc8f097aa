//! What a fault costs: who noticed and when, how long the service was out, how many requests were lost, when it was over.
//!
//! Everything is reckoned from the moment at which the fault was confirmed, by raw counts of k6's pushes and by a quick probe
//! of the service through its gateway. What can't be told is not there, and [`Cost::untold`] says why.

mod absence;
mod judge;
mod outage;
mod run;
mod slice;
mod witness;

use serde::{Deserialize, Serialize};

use self::slice::{merged, p95_s};
pub use self::{
    absence::{Absence, Earlier},
    judge::{GuardWatch, Outcome},
    outage::{Outage, Probe},
    run::RunCost,
    slice::{Baseline, Slice, Tally},
    witness::Witness,
};
use super::{
    Millis,
    fault::{FaultId, Hypothesis},
    histogram::Histogram,
    run::RunId,
    service::Slo,
};

/// A figure of a fault's cost.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// [`Cost::until_recovered`]
    Availability,
    /// [`Cost::outage`]
    Outage,
    /// [`Cost::outage_by_load`]
    OutageByLoad,
    /// [`Cost::degraded_ms`]
    Degraded,
    /// [`Detection::client_ms`]
    DetectedByClient,
    /// [`Detection::gateway_ms`]
    DetectedByGateway,
    /// [`Detection::probe_ms`]
    DetectedByProbe,
    /// [`Detection::breaker_ms`]
    DetectedByBreaker,
    /// [`Cost::recovered_ms`]
    Recovered,
    /// [`Cost::redundant_ms`]
    Redundant,
    /// [`Cost::lost`]
    Lost,
    /// [`Latency::before_s`]
    LatencyBefore,
    /// [`Latency::during_s`]
    LatencyDuring,
    /// [`Latency::after_s`]
    LatencyAfter,
    /// [`Cost::budget`]
    Budget,
}

/// Why a figure is not there.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// Nobody asked anything of the service.
    NoLoad,
    /// Too little was asked before the fault to tell how it is when nothing is wrong.
    ShortBaseline,
    /// It goes on, or the next seconds will tell.
    NotYet,
    /// The load ended before it could be seen.
    LoadEnded,
    /// It was watched for long enough, and did not happen.
    NotSeen,
    /// Nobody was there who could have noticed.
    NotWatched,
    /// The service has no objective.
    NoObjective,
    /// There were too few requests for an answer.
    TooFew,
    /// The dashboard was away when it could have been seen.
    Away,
}

/// A figure that is not there.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// Which.
    pub figure: Figure,
    /// Why.
    pub why: Lack,
}

/// What somebody who watches saw of a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sighting {
    /// There is nobody of the kind.
    #[default]
    Unwatched,
    /// Nothing.
    Nothing,
    /// That something was wrong.
    At(Millis),
}

/// All that is known of a fault's consequences.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// When the fault was confirmed.
    pub set_ms: Millis,
    /// When it was taken back.
    pub restored_ms: Option<Millis>,
    /// When every replica of the service was up again.
    pub redundant_ms: Option<Millis>,
    /// What was asked of the service, oldest first and without gaps, from before the fault on.
    pub slices: &'a [Slice],
    /// When the load ended.
    pub load_ended_ms: Option<Millis>,
    /// What the quick probe saw, oldest first.
    pub probes: &'a [Probe],
    /// When the gateway marked a replica down.
    pub gateway: Sighting,
    /// When a probe of the dashboard said that a replica is down.
    pub probe: Sighting,
    /// When a breaker opened.
    pub breaker: Sighting,
    /// What the service promises.
    pub slo: Option<Slo>,
    /// All that was asked of the service in the run so far.
    pub run: Option<Tally>,
    /// What was expected.
    pub hypothesis: Option<Hypothesis>,
    /// What an earlier process of the dashboard knew of it.
    pub earlier: Option<Earlier<'a>>,
}

/// Who noticed a fault, and how long after it was confirmed.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// The first requests of the load failed, known to within a push: by then they had.
    pub client_ms: Option<Millis>,
    /// The gateway marked a replica down. It can't be later than its interval × fall + its time-out.
    pub gateway_ms: Option<Millis>,
    /// A probe of the dashboard said that a replica is down.
    pub probe_ms: Option<Millis>,
    /// A circuit breaker opened.
    pub breaker_ms: Option<Millis>,
}

/// The 95th percentile of request durations, in seconds.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Over the baseline.
    pub before_s: Option<f64>,
    /// From the fault to the recovery; where customers noticed nothing, to the fault's end.
    pub during_s: Option<f64>,
    /// Over the seconds that proved the recovery.
    pub after_s: Option<f64>,
}

/// What a fault took of a service's error budget.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// How many times faster than allowed it was used up: failed share / (1 − SLO). The SRE workbook (chapter 5) pages
    /// at 14.4 over an hour, at 6 over six hours, and opens a ticket at 1 over three days.
    pub burn_rate: f64,
    /// Share of the run's budget: failed requests / ((1 − SLO) × the run's requests). Above 1: more than there was.
    pub of_run: f64,
    /// Share of the budget of 30 days at the run's rate of requests.
    pub of_30_days: f64,
}

/// What a fault cost, so far or in the end. Times are ms after the moment at which it was confirmed.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Whether nothing of it will change any more.
    pub settled: bool,
    /// Requests from the fault to its end and the recovery, whichever is later, or up to now.
    pub span: Tally,
    /// Requests from the fault to the recovery, or up to now; where customers noticed nothing, to the fault's end.
    pub until_recovered: Option<Tally>,
    /// The longest outage as a probe ten times a second saw it.
    pub outage: Option<Outage>,
    /// The longest outage as the load saw it, known to within a push: the check on `outage`.
    pub outage_by_load: Option<Outage>,
    /// How long customers were worse off than before without the service being out.
    pub degraded_ms: Option<Millis>,
    /// Who noticed, and when.
    pub detection: Detection,
    /// When customers stopped to notice: the beginning of 10 s in a row that are as before. 0: they never noticed.
    pub recovered_ms: Option<Millis>,
    /// The beginning of what may become that: since then all is as before.
    pub calm_ms: Option<Millis>,
    /// When every replica was up again, so that the next fault may come.
    pub redundant_ms: Option<Millis>,
    /// Failed requests up to the recovery beyond those that fail all the same.
    pub lost: Option<f64>,
    /// How long answers took.
    pub latency: Latency,
    /// What it took of the error budget.
    pub budget: Option<Budget>,
    /// What became of the hypothesis.
    pub outcome: Option<Outcome>,
    /// When the dashboard was away meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Absence>,
    /// The figures that are not there, and why.
    pub untold: Vec<Untold>,
}

/// The cost of a fault on record.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultCost {
    /// The fault.
    pub fault: FaultId,
    /// The run that was at work when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Its cost, so far or in the end.
    pub cost: Cost,
}

/// As long as this all must be as before to count as recovered.
const CALM_MS: Millis = 10_000;

/// As long as this after a fault's end things may still become known.
const SETTLE_MS: Millis = 60_000;

/// Seconds of 30 days.
const MONTH_S: f64 = 2_592_000.0;

impl Budget {
    /// What a stretch of a run took of an objective's budget; `None`: nothing was asked, or nothing may ever fail.
    pub fn of(tally: &Tally, slo: Slo, run: &Tally) -> Option<Self> {
        let allowed = 1.0 - slo.availability / 100.0;
        let known = allowed > 0.0 && tally.valid > 0.0 && run.valid > 0.0 && run.seconds > 0.0;
        known.then(|| Self {
            burn_rate: tally.bad / tally.valid / allowed,
            of_run: tally.bad / (allowed * run.valid),
            of_30_days: tally.bad / (allowed * run.valid / run.seconds * MONTH_S),
        })
    }
}

impl Cost {
    /// Reckons by what is known at `now_ms`.
    pub fn reckon(evidence: &Evidence, now_ms: Millis) -> Self {
        match evidence.earlier {
            None => Self::of(evidence, now_ms),
            Some(earlier) => Self::resumed(evidence, earlier, now_ms),
        }
    }

    /// Reckons what was watched all the time.
    fn of(evidence: &Evidence, now_ms: Millis) -> Self {
        let mut cost = Self::default();
        let Evidence { set_ms, slices, .. } = *evidence;
        let baseline = Baseline::before(set_ms, slices);
        let after = || slices.iter().filter(move |slice| slice.to_ms > set_ms);
        let over_ms = evidence.restored_ms.map(|restored_ms| restored_ms + SETTLE_MS);
        let late = over_ms.is_some_and(|over_ms| now_ms >= over_ms);

        let calm = baseline.as_ref().and_then(|baseline| calm(baseline, slices, set_ms));
        cost.calm_ms = calm.map(|calm| calm.after_ms);
        cost.recovered_ms = calm.filter(|calm| calm.lasted).map(|calm| calm.after_ms);
        let why_not_recovered = match (&baseline, after().next()) {
            (_, None) => Lack::NoLoad,
            (None, _) => Lack::ShortBaseline,
            _ if evidence.load_ended_ms.is_some() => Lack::LoadEnded,
            _ if late => Lack::NotSeen,
            _ => Lack::NotYet,
        };
        cost.tell(Figure::Recovered, cost.recovered_ms.is_some(), why_not_recovered);

        let watched = evidence.redundant_ms.filter(|redundant_ms| *redundant_ms >= set_ms);
        cost.redundant_ms = watched.map(|redundant_ms| redundant_ms - set_ms);
        cost.tell(Figure::Redundant, cost.redundant_ms.is_some(), if late { Lack::NotSeen } else { Lack::NotYet });
        let recovery_known = cost.recovered_ms.is_some() || why_not_recovered != Lack::NotYet;
        cost.settled = late || (evidence.restored_ms.is_some() && cost.redundant_ms.is_some() && recovery_known);

        let recovered_ms = cost.recovered_ms.map(|after_ms| set_ms + after_ms);
        let end_ms = match (recovered_ms, evidence.restored_ms) {
            (Some(recovered_ms), Some(restored_ms)) => recovered_ms.max(restored_ms),
            _ => Millis::MAX,
        };
        cost.span = Tally::of(after().filter(|slice| slice.from_ms < end_ms));
        cost.requests(baseline.as_ref(), evidence, recovered_ms);
        cost.outages(baseline.as_ref(), evidence, recovered_ms);
        cost.detections(baseline.as_ref(), evidence);
        cost.latencies(baseline.as_ref(), evidence, recovered_ms);
        cost.budgets(evidence);
        // What the newest push does not tell yet is not known.
        let elapsed_ms = slices.last().map_or(0, |newest| newest.to_ms.saturating_sub(set_ms));
        cost.outcome = evidence.hypothesis.map(|hypothesis| hypothesis.judge(&cost, elapsed_ms));
        cost
    }

    /// Why a figure is not there; `None`: it is.
    pub fn why_not(&self, figure: Figure) -> Option<Lack> {
        self.untold.iter().find(|untold| untold.figure == figure).map(|untold| untold.why)
    }

    /// Why it is not known when customers stopped to notice.
    pub fn why_not_recovered(&self) -> Option<Lack> {
        self.why_not(Figure::Recovered)
    }

    /// Whether the load had nothing to complain of: never out, nothing failed beyond what fails all the same, as quick as
    /// before.
    pub fn is_unnoticed(&self) -> bool {
        self.recovered_ms == Some(0)
    }

    fn tell(&mut self, figure: Figure, there: bool, why: Lack) {
        if !there {
            self.untold.push(Untold { figure, why });
        }
    }

    /// Availability and losses up to the recovery.
    fn requests(&mut self, baseline: Option<&Baseline>, evidence: &Evidence, recovered_ms: Option<Millis>) {
        let until = || within(evidence, recovered_ms.unwrap_or(Millis::MAX));
        let tally = if self.is_unnoticed() { self.span } else { Tally::of(until()) };
        self.until_recovered = (tally.valid > 0.0).then_some(tally);
        self.tell(Figure::Availability, self.until_recovered.is_some(), Lack::NoLoad);
        let why = if after_is_empty(evidence) { Lack::NoLoad } else { Lack::ShortBaseline };
        self.lost = baseline
            .filter(|_| !after_is_empty(evidence))
            .map(|baseline| until().map(|slice| baseline.excess(slice)).sum());
        self.tell(Figure::Lost, self.lost.is_some(), why);
    }

    /// Outages and degraded time.
    fn outages(&mut self, baseline: Option<&Baseline>, evidence: &Evidence, recovered_ms: Option<Millis>) {
        self.outage = Outage::of_probes(evidence.probes, evidence.set_ms);
        self.tell(Figure::Outage, self.outage.is_some(), Lack::NotWatched);
        // Where nobody knows how many are due, one is.
        let rate = baseline.map_or(f64::INFINITY, |baseline| baseline.rate);
        self.outage_by_load = Outage::of_slices(evidence.slices, evidence.set_ms, rate);
        self.tell(Figure::OutageByLoad, self.outage_by_load.is_some(), Lack::NoLoad);
        let worse = |baseline: &Baseline| {
            let until = within(evidence, recovered_ms.unwrap_or(Millis::MAX));
            let worse = until.filter(|slice| !slice.is_out(baseline.rate) && !baseline.covers(slice));
            worse.map(|slice| slice.to_ms - slice.from_ms.max(evidence.set_ms)).sum()
        };
        let empty = after_is_empty(evidence);
        self.degraded_ms = baseline.filter(|_| !empty).map(worse);
        self.tell(Figure::Degraded, self.degraded_ms.is_some(), if empty { Lack::NoLoad } else { Lack::ShortBaseline });
    }

    /// The four clocks.
    fn detections(&mut self, baseline: Option<&Baseline>, evidence: &Evidence) {
        let set_ms = evidence.set_ms;
        // What fails all the same is no sign of the fault.
        let usual = |slice: &Slice| {
            let some_fail = baseline.filter(|baseline| baseline.failed_share > 0.0);
            some_fail.map_or(0.0, |baseline| baseline.failed_limit * slice.valid)
        };
        let first = within(evidence, Millis::MAX).find(|slice| slice.bad > usual(slice));
        let client = match first {
            Some(slice) => Sighting::At(slice.to_ms),
            None if after_is_empty(evidence) => Sighting::Unwatched,
            None => Sighting::Nothing,
        };
        let after = |sighting: Sighting| match sighting {
            Sighting::At(at_ms) => at_ms.checked_sub(set_ms),
            Sighting::Nothing | Sighting::Unwatched => None,
        };
        self.detection = Detection {
            client_ms: after(client),
            gateway_ms: after(evidence.gateway),
            probe_ms: after(evidence.probe),
            breaker_ms: after(evidence.breaker),
        };
        let unseen = if self.settled || self.recovered_ms.is_some() { Lack::NotSeen } else { Lack::NotYet };
        for (figure, sighting, unwatched) in [
            (Figure::DetectedByClient, client, Lack::NoLoad),
            (Figure::DetectedByGateway, evidence.gateway, Lack::NotWatched),
            (Figure::DetectedByProbe, evidence.probe, Lack::NotWatched),
            (Figure::DetectedByBreaker, evidence.breaker, Lack::NotWatched),
        ] {
            let why = if sighting == Sighting::Unwatched { unwatched } else { unseen };
            self.tell(figure, after(sighting).is_some(), why);
        }
    }

    /// How long answers took before, meanwhile and afterwards.
    fn latencies(&mut self, baseline: Option<&Baseline>, evidence: &Evidence, recovered_ms: Option<Millis>) {
        let during_end_ms = match recovered_ms {
            Some(recovered_ms) if recovered_ms > evidence.set_ms => recovered_ms,
            Some(_) => evidence.restored_ms.unwrap_or(Millis::MAX),
            None => Millis::MAX,
        };
        let proof = |recovered_ms: Millis| {
            let slices = evidence.slices.iter().filter(move |slice| slice.from_ms >= recovered_ms);
            p95_s(&merged(slices.filter(move |slice| slice.from_ms < recovered_ms + CALM_MS)))
        };
        self.latency = Latency {
            before_s: baseline.and_then(|baseline| baseline.p95_s),
            during_s: p95_s(&merged(within(evidence, during_end_ms))),
            after_s: recovered_ms.and_then(proof),
        };
        let Latency { before_s, during_s, after_s } = self.latency;
        self.tell(Figure::LatencyBefore, before_s.is_some(), Lack::ShortBaseline);
        self.tell(Figure::LatencyDuring, during_s.is_some(), Lack::NoLoad);
        self.tell(Figure::LatencyAfter, after_s.is_some(), self.why_not_recovered().unwrap_or(Lack::NoLoad));
    }

    /// What the objective allows, and what of it is gone.
    fn budgets(&mut self, evidence: &Evidence) {
        let Some(slo) = evidence.slo else {
            return self.tell(Figure::Budget, false, Lack::NoObjective);
        };
        self.budget = self.until_recovered.zip(evidence.run).and_then(|(tally, run)| Budget::of(&tally, slo, &run));
        self.tell(Figure::Budget, self.budget.is_some(), Lack::NoLoad);
    }
}

/// The slices after the fault that begin before `end_ms`.
fn within<'a>(evidence: &Evidence<'a>, end_ms: Millis) -> impl Iterator<Item = &'a Slice> + use<'a> {
    let set_ms = evidence.set_ms;
    evidence.slices.iter().filter(move |slice| slice.to_ms > set_ms && slice.from_ms < end_ms)
}

fn after_is_empty(evidence: &Evidence) -> bool {
    within(evidence, Millis::MAX).next().is_none()
}

/// Slices in a row that are as before.
#[derive(Debug, Clone, Copy)]
struct Calm {
    after_ms: Millis,
    /// Whether it has lasted for long enough.
    lasted: bool,
}

/// The first calm that lasts, or else the one at the end.
///
/// Time to recover: the first second that starts 10 s in a row, in each of which the failed share is at most e0 + max(0.5
/// percentage points, 3σ), and over which the 95th percentile is at most 1.2 times the baseline's; see [`Baseline::before`].
/// A percentile of one second strays too far to tell: half a second of slow answers shows in that of ten as well.
fn calm(baseline: &Baseline, slices: &[Slice], set_ms: Millis) -> Option<Calm> {
    let first = slices.iter().position(|slice| slice.to_ms > set_ms)?;
    (first..slices.len()).find_map(|begin| {
        let begin_ms = slices[begin].from_ms.max(set_ms);
        let mut durations = Histogram::default();
        let mut lasted = false;
        for slice in &slices[begin..] {
            if !baseline.fails_no_more(slice) {
                return None;
            }
            durations.add(&slice.durations);
            if slice.to_ms - begin_ms >= CALM_MS {
                lasted = true;
                break;
            }
        }
        baseline.is_as_quick(&durations).then_some(Calm { after_ms: begin_ms - set_ms, lasted })
    })
}
