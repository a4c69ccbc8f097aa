//! Load that is added to a run at work: a burst, sent by a k6 of its own under the same run id, and taken away again.

use serde::{Deserialize, Serialize};

use super::{
    Millis, duration,
    event::{Event, EventKind},
    plan::{Model, Pattern, Peak, Plan, Shape},
    run::{Run, RunState},
    schedule::Schedule,
    script::ScriptInput,
    service::Service,
    validate::{FieldError, FieldName, Limits, Problem, Refused, Rules},
};

/// Load beside that of a run's plan.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// The k6 that sends it: the label `instance` of its series. The plan's is 1.
    pub instance: u32,
    /// How much: all of it from its first moment on.
    pub peak: Peak,
    /// Where it goes: a service's name, `all-services` or `all-but-dashboard`.
    pub target: String,
    /// For how long, in seconds; the end of the run ends it, too.
    pub duration_s: u32,
    /// When it was asked for, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub asked_ms: Millis,
    /// When its k6 began to send load, in ms since 1970; none before.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub started_ms: Option<Millis>,
    /// When its k6 ended, in ms since 1970; none before.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub ended_ms: Option<Millis>,
    /// Whether somebody asked for its end.
    #[serde(default)]
    pub removing: bool,
    /// Why it ended; none before.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub end: Option<BurstEnd>,
    /// What its k6 said where it crashed, in a line or two; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Why a burst ended.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BurstEnd {
    /// Its time was over.
    Done,
    /// Somebody took it away.
    Removed,
    /// The run ended.
    WithRun,
    /// Its k6 ended in any other way.
    Crashed,
}

impl BurstEnd {
    /// Its name on the wire, for example `with-run`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Removed => "removed",
            Self::WithRun => "with-run",
            Self::Crashed => "crashed",
        }
    }
}

/// A burst as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BurstDraft {
    /// VUs; empty with a rate.
    pub vus: String,
    /// Iterations per second; empty with VUs.
    pub rate: String,
    /// Seconds, or as people write it, see [`duration::parse`]; empty: to the end of the run.
    pub duration: String,
    /// A service's name, `all-services` or `all-but-dashboard`; empty: that of the run.
    pub target: String,
}

/// The fields of a [`BurstDraft`], named as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurstField {
    /// [`BurstDraft::vus`]
    Vus,
    /// [`BurstDraft::rate`]
    Rate,
    /// [`BurstDraft::duration`]
    Duration,
    /// [`BurstDraft::target`]
    Target,
}

impl FieldName for BurstField {
    fn name(self) -> &'static str {
        match self {
            Self::Vus => "vus",
            Self::Rate => "rate",
            Self::Duration => "duration",
            Self::Target => "target",
        }
    }
}

/// Why a run's load can't be changed now. Its text is English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadRefusal {
    /// It sends no load yet.
    #[error("the run sends no load yet: try again when it does")]
    NotYet,
    /// It is being stopped.
    #[error("the run is being stopped, so its load can't be changed")]
    Stopping,
    /// It is about to end.
    #[error("the run is about to end, so there is no time for more load")]
    Ending,
    /// It is over.
    #[error("the run is over: start one first")]
    Over,
    /// Its script does not take the dashboard's schedule.
    #[error(
        "the run's script decides on its load itself: load can be added to those that take the dashboard's schedule"
    )]
    OwnOptions,
    /// There are too many at the same time.
    #[error("{} bursts are at work already: remove one first, or wait for its end", Burst::MOST_AT_WORK)]
    TooMany,
    /// There were too many.
    #[error("load was added {} times already, which is as often as it can be", Burst::MOST_OF_RUN)]
    TooOften,
    /// What is to be removed is over.
    #[error("that load is over already")]
    BurstOver,
}

/// Why a burst is not started.
#[derive(Debug, Clone, PartialEq)]
pub enum NoBurst {
    /// What is asked for is not valid.
    Invalid(Vec<FieldError<BurstField>>),
    /// It can't be now.
    Refused(LoadRefusal),
}

/// A checked burst that has no k6 yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// How much.
    pub peak: Peak,
    /// Where it goes.
    pub target: String,
    /// For how long, in seconds: to the end of the run at most.
    pub duration_s: u32,
}

impl BurstDraft {
    /// Checks what is asked for beside all that `run` has at work. The limits hold for the sum: of the VUs of plan and bursts,
    /// and of their iterations per second. A longer time than the run has left is cut to that.
    ///
    /// # Errors
    /// Why it can't be.
    pub fn admit(&self, run: &Run, rules: &Rules, now_ms: Millis) -> Result<Admitted, NoBurst> {
        let left_s = time_left(run, now_ms).map_err(NoBurst::Refused)?;
        let mut refused = Refused::default();
        let peak = self.peak(run, &rules.limits, &mut refused);
        let duration_s = match self.duration.trim() {
            "" => Some(left_s),
            text => refused.duration(BurstField::Duration, text, 1, rules.limits.max_duration_s),
        };
        let target = match self.target.trim() {
            "" => Some(run.plan.target.clone()),
            name if rules.is_target(name) => Some(name.to_owned()),
            name => refused.add(BurstField::Target, name, Problem::NotOneOf { allowed: rules.targets() }),
        };
        match (peak, duration_s, target) {
            (Some(peak), Some(duration_s), Some(target)) => {
                Ok(Admitted { peak, target, duration_s: duration_s.min(left_s) })
            }
            _ => Err(NoBurst::Invalid(refused.into_errors())),
        }
    }

    fn peak(&self, run: &Run, limits: &Limits, refused: &mut Refused<BurstField>) -> Option<Peak> {
        let (vus, rate) = (self.vus.trim(), self.rate.trim());
        if !vus.is_empty() && !rate.is_empty() {
            return refused.add(BurstField::Rate, rate, Problem::EitherOr);
        }
        let planned = run.planned(Model::Vus);
        let (field, text, model, most) = match rate {
            "" => (BurstField::Vus, vus, Model::Vus, limits.max_vus),
            rate => (BurstField::Rate, rate, Model::ArrivalRate, limits.max_rate),
        };
        let asked = refused.needed(field, text)?;
        let value = refused.number(field, asked, 1, most)?;
        let mut past = |of: Model, planned, max| refused.add(field, asked, Problem::PastSum { of, planned, max });
        let room = |planned: u32, max: u32| max.saturating_sub(planned);
        if value > room(run.planned(model), most) {
            return past(model, run.planned(model), most);
        }
        match model {
            Model::Vus => Some(Peak::Vus { vus: value }),
            Model::ArrivalRate => match room(planned, limits.max_vus) {
                // Without a VU nothing is sent.
                0 => past(Model::Vus, planned, limits.max_vus),
                vus => Some(Peak::open(value, None, None, vus)),
            },
        }
    }
}

/// Seconds that load may be added for.
fn time_left(run: &Run, now_ms: Millis) -> Result<u32, LoadRefusal> {
    match run.state {
        RunState::Starting => return Err(LoadRefusal::NotYet),
        RunState::Stopping => return Err(LoadRefusal::Stopping),
        RunState::Finished(_) => return Err(LoadRefusal::Over),
        RunState::Running => {}
    }
    if run.schedule.is_none() {
        return Err(LoadRefusal::OwnOptions);
    }
    if run.bursts_at_work().count() >= Burst::MOST_AT_WORK {
        return Err(LoadRefusal::TooMany);
    }
    if run.bursts.len() >= Burst::MOST_OF_RUN {
        return Err(LoadRefusal::TooOften);
    }
    match run.remaining_s(now_ms).unwrap_or_default().floor() as u32 {
        0 => Err(LoadRefusal::Ending),
        left_s => Ok(left_s),
    }
}

impl Burst {
    /// Most at work at the same time: each is a k6 with some 50 MB of its own.
    pub const MOST_AT_WORK: usize = 8;

    /// Most in a run: all of them are on its record.
    pub const MOST_OF_RUN: usize = 100;

    /// What was admitted, with the k6 that is to send it.
    pub fn new(admitted: Admitted, instance: u32, now_ms: Millis) -> Self {
        let Admitted { peak, target, duration_s } = admitted;
        Self {
            instance,
            peak,
            target,
            duration_s,
            asked_ms: now_ms,
            started_ms: None,
            ended_ms: None,
            removing: false,
            end: None,
            message: String::new(),
        }
    }

    /// Whether its k6 may still be at work.
    pub fn is_at_work(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// What its script is told: as that of the run, but for where load goes and its course.
    pub fn input(&self, of: &Run, services: &[Service]) -> ScriptInput {
        let plan = Plan { target: self.target.clone(), ..of.plan.clone() };
        ScriptInput::new(&plan, Some(&self.schedule()), services)
    }

    /// Its course: all of it at once, and nothing afterwards.
    pub fn schedule(&self) -> Schedule {
        Schedule::new(Pattern::Smoke, self.peak, self.duration_s, Some(0))
    }

    /// Seconds until its time is over; all of it before it began, 0 when it ended.
    pub fn left_s(&self, now_ms: Millis) -> f64 {
        match (self.started_ms, self.ended_ms) {
            (_, Some(_)) => 0.0,
            (None, None) => f64::from(self.duration_s),
            (Some(started_ms), None) => {
                (f64::from(self.duration_s) - now_ms.saturating_sub(started_ms) as f64 / 1000.0).max(0.0)
            }
        }
    }
}

impl Run {
    /// The bursts that may still be at work.
    pub fn bursts_at_work(&self) -> impl Iterator<Item = &Burst> {
        self.bursts.iter().filter(|burst| burst.is_at_work())
    }

    /// Whether its plan's k6 was the only one that sent load.
    pub fn is_of_one(&self) -> bool {
        self.bursts.iter().all(|burst| burst.started_ms.is_none())
    }

    /// What plan and bursts at work come to at most: VUs, or iterations per second.
    pub fn planned(&self, model: Model) -> u32 {
        let most = |peak: Peak| match (model, peak) {
            (Model::Vus, peak) => peak.max_vus(),
            (Model::ArrivalRate, Peak::ArrivalRate { rate, .. }) => rate,
            (Model::ArrivalRate, Peak::Vus { .. }) => 0,
        };
        let plan = match (self.plan.shape, model) {
            (Shape::Pattern { peak, .. }, _) => most(peak),
            (Shape::Own { max_vus, .. }, Model::Vus) => max_vus,
            (Shape::Own { .. }, Model::ArrivalRate) => 0,
        };
        self.bursts_at_work().map(|burst| most(burst.peak)).fold(plan, u32::saturating_add)
    }

    /// When its load was changed, in the order of the bursts. The end of the run tells of those that end with it.
    pub fn load_events(&self) -> Vec<Event> {
        let of = |burst: &Burst| {
            let (run, instance, peak) = (self.id.clone(), burst.instance, burst.peak);
            let added = burst.started_ms.map(|at_ms| {
                let (run, target, for_s) = (run.clone(), burst.target.clone(), burst.duration_s);
                Event { at_ms, kind: EventKind::LoadAdded { run, instance, peak, target, for_s } }
            });
            let told = |end: &BurstEnd| match end {
                BurstEnd::Done | BurstEnd::Removed => burst.started_ms.is_some(),
                BurstEnd::WithRun => false,
                BurstEnd::Crashed => true,
            };
            let removed = burst.end.filter(told).zip(burst.ended_ms).map(|(end, at_ms)| {
                let (run, message) = (run.clone(), burst.message.clone());
                Event { at_ms, kind: EventKind::LoadRemoved { run, instance, peak, end, message } }
            });
            [added, removed]
        };
        self.bursts.iter().flat_map(of).flatten().collect()
    }
}

/// A peak in English, for example `20 VUs` or `50 iterations/s`.
pub fn peak_text(peak: Peak) -> String {
    match peak {
        Peak::Vus { vus } => format!("{vus} VUs"),
        Peak::ArrivalRate { rate, .. } => format!("{rate} iterations/s"),
    }
}

/// A burst in a line of English, for terminals.
pub fn line(burst: &Burst, now_ms: Millis) -> String {
    let (peak, time) = (peak_text(burst.peak), duration::text(burst.duration_s));
    let state = match burst.end {
        Some(BurstEnd::Done) => "over".to_owned(),
        Some(BurstEnd::Removed) => "removed".to_owned(),
        Some(BurstEnd::WithRun) => "ended with the run".to_owned(),
        Some(BurstEnd::Crashed) => format!("broke off: {}", burst.message),
        None if burst.removing => "being removed".to_owned(),
        None if burst.started_ms.is_none() => "starting".to_owned(),
        None => format!("{} left", duration::text(burst.left_s(now_ms).ceil() as u32)),
    };
    format!("{}  {peak} on {} for {time}: {state}", burst.instance, burst.target)
}
