//! One execution of a plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    burst::Burst,
    cost::Tally,
    criterion::Watched,
    detail::{Check, Detail},
    labels::Labels,
    origin::Origin,
    plan::{Model, Plan},
    regression::Judged,
    scenario::Scenario,
    schedule::{Phase, Schedule},
    threshold::Observed,
};

/// A run's id, and its Prometheus label `testid`: 1–64 characters of `a-z`, `0-9` and `-`.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// How a run ended.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "verdict"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@verdict"))]
pub enum Verdict {
    /// Ran to its end, every threshold held.
    Passed,
    /// Ran to its end or aborted, a threshold was crossed, or it is worse than its baseline by more than allowed.
    Failed,
    /// Somebody stopped it after it had begun to send load.
    Stopped,
    /// One of its stop criteria was met, so the dashboard stopped it.
    Aborted,
    /// Stopped before it sent any load.
    Cancelled,
    /// k6 ended by itself in any other way, or vanished.
    Crashed {
        /// k6's exit code, where one is known.
        exit_code: Option<i32>,
        /// What k6 said, in a line or two.
        message: String,
    },
    /// Ended by the dashboard because it was past its deadline.
    TimedOut,
}

impl Verdict {
    /// Every name there is.
    pub const NAMES: [&'static str; 7] =
        ["passed", "failed", "stopped", "aborted", "cancelled", "crashed", "timed-out"];

    /// Its name on the wire, for example `timed-out`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
            Self::Crashed { .. } => "crashed",
            Self::TimedOut => "timed-out",
        }
    }
}

/// Where a run is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "state"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@state"))]
pub enum RunState {
    /// k6 is being started; no load yet.
    Starting,
    /// k6 sends load.
    Running,
    /// A stop was asked for, k6 has not ended yet.
    Stopping,
    /// It is over.
    Finished(Verdict),
}

/// Who tells a run's totals.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// k6, in its summary: exact.
    #[default]
    Summary,
    /// The metrics store, where k6 left no summary: what was pushed before the end, durations to within a bucket (10 %).
    Store,
}

/// The figures of a whole run; none where nothing was measured.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Who tells them.
    pub source: Source,
    /// Requests sent.
    pub requests: Option<f64>,
    /// Requests per second, over the whole run.
    pub request_rate: Option<f64>,
    /// Share of failed requests, 0–1.
    pub failed_share: Option<f64>,
    /// Mean request duration, in seconds.
    pub mean_s: Option<f64>,
    /// Median request duration, in seconds.
    pub p50_s: Option<f64>,
    /// 95th percentile of request durations, in seconds.
    pub p95_s: Option<f64>,
    /// 99th percentile of request durations, in seconds.
    pub p99_s: Option<f64>,
    /// Longest request, in seconds.
    pub max_s: Option<f64>,
    /// Iterations that ended.
    pub iterations: Option<f64>,
    /// Iterations that an open model could not start.
    pub dropped_iterations: Option<f64>,
    /// Bytes sent.
    pub data_sent: Option<f64>,
    /// Bytes received.
    pub data_received: Option<f64>,
    /// Most VUs at work at the same time.
    pub peak_vus: Option<f64>,
    /// The script's checks, as k6 counts them; empty where it left no summary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What went to each service, by name; empty where the store told nothing of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceTotals>,
    /// Requests by HTTP status, `0` for those without an answer; empty where the store told nothing of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<String, f64>,
}

/// What went to a service over a whole run, as the metrics store tells it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceTotals {
    /// Its name.
    pub name: String,
    /// Requests sent.
    pub requests: f64,
    /// Requests per second, over the whole run.
    pub request_rate: Option<f64>,
    /// Share of failed requests, 0–1.
    pub failed_share: Option<f64>,
    /// 95th percentile of request durations, in seconds, to within a bucket (10 %).
    pub p95_s: Option<f64>,
    /// The longest time for which at least half of its requests failed or none ended, in ms, to within a push; none: not
    /// every push of the run was seen.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub longest_outage_ms: Option<Millis>,
    /// All such times together, in ms; none where that is.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub out_ms: Option<Millis>,
}

impl ServiceTotals {
    /// Its requests, and those that failed.
    pub fn tally(&self) -> Tally {
        let bad = (self.requests * self.failed_share.unwrap_or_default()).round();
        let seconds = self.request_rate.filter(|rate| *rate > 0.0).map_or(0.0, |rate| self.requests / rate);
        Tally { seconds, valid: self.requests, bad, dropped: 0.0 }
    }
}

impl Totals {
    /// Whether they tell of each service, which only the store knows. Without requests there is nothing to tell.
    pub fn has_parts(&self) -> bool {
        self.requests == Some(0.0) || !self.statuses.is_empty()
    }

    /// Adds of the store's figures what k6 does not tell; percentiles and most VUs of several k6 are among it.
    pub fn complete(&mut self, store: &Self) {
        if self.has_parts() {
            return;
        }
        self.services.clone_from(&store.services);
        self.statuses.clone_from(&store.statuses);
        for (own, stored) in [
            (&mut self.p50_s, store.p50_s),
            (&mut self.p95_s, store.p95_s),
            (&mut self.p99_s, store.p99_s),
            (&mut self.peak_vus, store.peak_vus),
        ] {
            *own = own.or(stored);
        }
    }
}

/// A figure for the record, to a millionth: written and read again it stays the same. 0 has no sign.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6 + 0.0
}

/// A run.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id, also the Prometheus label `testid`.
    pub id: RunId,
    /// What was asked for.
    pub plan: Plan,
    /// The phases that follow from it; none where the script brings its own options.
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub schedule: Option<Schedule>,
    /// The faults that come with its load; none where it has no scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
    /// Load that was added to it while it was at work, in the order in which that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bursts: Vec<Burst>,
    /// Where it is.
    pub state: RunState,
    /// When Start was pressed, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub created_ms: Millis,
    /// When k6 began its scenario, in ms since 1970; none before.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub started_ms: Option<Millis>,
    /// When k6 ended, in ms since 1970; none before.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub ended_ms: Option<Millis>,
    /// When the engine ends it by force, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub deadline_ms: Millis,
    /// Thresholds and what was observed.
    pub thresholds: Vec<Observed>,
    /// Its stop criteria and what was observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Watched>,
    /// Its regression thresholds and what became of them; empty before the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regressions: Vec<Judged>,
    /// The figures of the whole run; none before its end, and where neither k6 nor the store tells them.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub totals: Option<Totals>,
    /// What went to each service so far, as the metrics store tells it; once it is over, its totals say that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub so_far: Vec<ServiceTotals>,
    /// Why a stop that was asked for has not reached k6 yet; it is tried again until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_problem: Option<String>,
    /// What people say of it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Who asked for it, and what ran it.
    #[serde(default, skip_serializing_if = "Origin::is_empty")]
    pub origin: Origin,
    /// The correlation id of the request that started it.
    pub correlation_id: String,
}

/// What was observed of a run from outside of k6. The [`Run`] is what is told of it; [`Run::shown`] puts the two together.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The run.
    pub run: RunId,
    /// One entry a threshold, in the run's order.
    pub thresholds: Vec<Observed>,
    /// One entry a stop criterion, in the run's order.
    pub criteria: Vec<Watched>,
    /// What went to each service so far.
    pub so_far: Vec<ServiceTotals>,
    /// The store's figures of the whole run, once it is over and its last samples are counted.
    pub totals: Option<Totals>,
}

/// Why a text is not a run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run id has 1 to 64 characters of a-z, 0-9 and -")]
pub struct NotARunId;

impl TryFrom<String> for RunId {
    type Error = NotARunId;

    fn try_from(text: String) -> Result<Self, NotARunId> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) { Ok(Self(text)) } else { Err(NotARunId) }
    }
}

impl std::str::FromStr for RunId {
    type Err = NotARunId;

    fn from_str(text: &str) -> Result<Self, NotARunId> {
        text.to_owned().try_into()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RunState {
    /// Whether k6 may still be at work.
    pub fn is_active(&self) -> bool {
        !matches!(self, Self::Finished(_))
    }
}

impl Run {
    /// The run as it is shown: what was seen of it counts where k6 has not spoken. One that is over and has its figures has
    /// nothing more to learn.
    pub fn shown(mut self, seen: &Seen) -> Self {
        let over = !self.state.is_active();
        if seen.run != self.id {
            return self;
        }
        if let Some(totals) = self.totals.as_mut().filter(|_| over) {
            seen.totals.iter().for_each(|seen| totals.complete(seen));
            return self;
        }
        for (told, seen) in self.thresholds.iter_mut().zip(&seen.thresholds) {
            let k6_spoke = told.k6_ok.is_some() && told.value.is_some();
            if !k6_spoke && told.threshold == seen.threshold && seen.value.is_some() {
                (told.value, told.ok) = (seen.value, seen.ok);
            }
            if told.threshold == seen.threshold {
                told.crossings.clone_from(&seen.crossings);
            }
        }
        if over {
            self.totals.clone_from(&seen.totals);
        } else {
            self.so_far.clone_from(&seen.so_far);
            self.watch_on(&seen.criteria);
        }
        self
    }

    /// Takes what was seen of its stop criteria; what one of them was met by stays.
    pub fn watch_on(&mut self, seen: &[Watched]) {
        if self.met().is_some() {
            return;
        }
        for (told, seen) in self.criteria.iter_mut().zip(seen) {
            if told.criterion == seen.criterion {
                told.clone_from(seen);
            }
        }
    }

    /// The stop criterion that was met.
    pub fn met(&self) -> Option<&Watched> {
        self.criteria.iter().find(|watched| watched.is_met())
    }

    /// What went to each service: over the whole run, or so far.
    pub fn by_service(&self) -> &[ServiceTotals] {
        self.totals.as_ref().map_or(&self.so_far, |totals| &totals.services)
    }

    /// The script's checks: k6's own count, which is exact for every script, else what is counted in its detail.
    pub fn checks<'a>(&'a self, detail: Option<&'a Detail>) -> &'a [Check] {
        let counted = self.totals.as_ref().map(|totals| totals.checks.as_slice()).filter(|checks| !checks.is_empty());
        counted.or(detail.map(|detail| detail.checks.as_slice())).unwrap_or_default()
    }

    /// Of two that were told on different ways, the one that knows more: the later run, or the later state of one run.
    pub fn newer<'a>(one: &'a Self, other: &'a Self) -> &'a Self {
        let rank = |run: &Self| match run.state {
            RunState::Starting => 0,
            RunState::Running => 1,
            RunState::Stopping => 2,
            RunState::Finished(_) => 3,
        };
        let ahead = match one.id == other.id {
            true => rank(other) > rank(one),
            false => other.created_ms >= one.created_ms,
        };
        if ahead { other } else { one }
    }

    /// The length the plan asks for, in seconds.
    pub fn duration_s(&self) -> u32 {
        self.plan.shape.duration_s()
    }

    /// Seconds since k6 began its scenario, never past the end of the run; 0 before.
    pub fn elapsed_s(&self, now_ms: Millis) -> f64 {
        let Some(started) = self.started_ms else { return 0.0 };
        self.ended_ms.unwrap_or(now_ms).saturating_sub(started) as f64 / 1000.0
    }

    /// How much is over, 0–1: of the planned length, or of the iterations where they decide, of which `done` have ended as
    /// far as is known; when finished, how far the run came.
    pub fn progress(&self, now_ms: Millis, done: Option<f64>) -> f64 {
        let (elapsed, planned) = (self.elapsed_s(now_ms), f64::from(self.duration_s().max(1)));
        let whole = match self.state {
            RunState::Finished(Verdict::Passed) => true,
            // A crossed threshold may have ended it early. What a script's own options ask for may take less than planned,
            // and what is measured of the last second is less than a second.
            RunState::Finished(Verdict::Failed) => self.schedule.is_none() || elapsed + 1.0 >= planned,
            _ => false,
        };
        if whole {
            return 1.0;
        }
        let share = match self.plan.shape.iterations() {
            Some(all) => {
                let counted = self.totals.as_ref().and_then(|totals| totals.iterations).or(done);
                counted.unwrap_or(0.0) / all.max(1) as f64
            }
            None => elapsed / planned,
        };
        share.clamp(0.0, 1.0)
    }

    /// Seconds of the planned length that are left; 0 when finished or overdue. `None`: iterations decide, and nobody knows
    /// how long they take.
    pub fn remaining_s(&self, now_ms: Millis) -> Option<f64> {
        if !self.state.is_active() {
            return Some(0.0);
        }
        if self.plan.shape.iterations().is_some() {
            return None;
        }
        Some((f64::from(self.duration_s()) - self.elapsed_s(now_ms)).max(0.0))
    }

    /// The phase at work and the seconds it has left; `None` before k6 began, after the last phase, when finished, and
    /// for a script with its own options.
    pub fn phase(&self, now_ms: Millis) -> Option<(Phase, f64)> {
        if self.started_ms.is_none() || !self.state.is_active() {
            return None;
        }
        self.schedule.as_ref()?.phase_at(self.elapsed_s(now_ms)).map(|(phase, left)| (*phase, left))
    }

    /// The load that is asked for now, in VUs or iterations per second: of the plan, and of what was added in the same unit.
    /// `None` where [`Run::phase`] is.
    pub fn asked(&self, now_ms: Millis) -> Option<f64> {
        self.phase(now_ms)?;
        let schedule = self.schedule.as_ref()?;
        let same = |burst: &&Burst| (burst.peak.model() == Model::ArrivalRate) == schedule.is_open();
        let sent = |burst: &&Burst| burst.started_ms.is_some() && burst.left_s(now_ms) > 0.0;
        let added = self.bursts_at_work().filter(same).filter(sent).map(|burst| f64::from(burst.peak.value()));
        Some(schedule.value_at(self.elapsed_s(now_ms)) + added.sum::<f64>())
    }
}
