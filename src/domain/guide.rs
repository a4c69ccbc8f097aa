//! A run with a scenario explained leg by leg: what is over, what there is to see now, what comes next.
//!
//! All of it follows from the run, its scenario and the faults on record, so whoever looks in between sees the same.

use super::{
    Millis,
    fault::{Fault, FaultEnd, FaultKind, FaultState},
    plan::{ALL_BUT_DASHBOARD, Model, Pattern},
    run::Run,
    scenario::{Scenario, ScenarioError, Step},
    validate::{Draft, FieldError, Rules},
};

/// The scenario of the guided demo, by its file name.
pub const DEMO: &str = "guided-demo.yaml";

/// The script of the guided demo: customers of the demo services.
const DEMO_SCRIPT: &str = "shop-journey.js";

/// How long after its time a step may be asked for, in ms: it is asked for at once, by another clock tick at most.
const LATE_MS: Millis = 5000;

/// How far along a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is over.
    Done,
    /// It is at work.
    Now,
    /// It is still to come.
    Next,
    /// The run ended before it could come.
    Missed,
}

impl Turn {
    /// Its name in `data-turn`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Next => "next",
            Self::Missed => "missed",
        }
    }
}

/// What a leg is about. Steps are counted from 0, in the scenario's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Load, and nothing wrong.
    Load,
    /// The fault of a step.
    Fault(usize),
    /// What comes after it.
    Recovery(usize),
    /// The load has ended.
    End,
}

/// What there is to see while a leg is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// How everything is while nothing is wrong.
    Normal,
    /// A replica is gone, others are there.
    Gone,
    /// A replica takes requests and answers none, others are there.
    Silent,
    /// A replica answers late, others do not.
    Slow,
    /// A replica fails a share of its requests, others do not.
    Failing,
    /// Replicas go and come back.
    Restarting,
    /// Nobody is left to answer.
    AllGone,
    /// Everybody answers late.
    AllSlow,
    /// Everybody fails a share of the requests.
    AllFailing,
    /// All becomes as it was.
    Recovery,
    /// What it came to.
    End,
}

/// A leg of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg<'a> {
    /// What it is about.
    pub part: Part,
    /// When it is planned to begin, in seconds after the start of load.
    pub at_s: u32,
    /// How far along it is.
    pub turn: Turn,
    /// What there is to see meanwhile.
    pub watch: Watch,
    /// The step that it is about.
    pub step: Option<&'a Step>,
    /// The fault that the step has set; `None`: none yet, or it is no longer on record.
    pub fault: Option<&'a Fault>,
}

/// A run, leg by leg.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide<'a> {
    /// The legs, in the order in which they begin.
    pub legs: Vec<Leg<'a>>,
    /// The place of the next leg to come, and in how many seconds it does; `None`: none is to come, or no load has begun.
    pub next: Option<(usize, f64)>,
}

/// What is in the way of the guided demo.
#[derive(Debug, Clone, PartialEq)]
pub enum Obstacle {
    /// Its scenario file is not there.
    NoFile,
    /// Its scenario can't be run on these services.
    Scenario(ScenarioError),
    /// Its load can't be sent with this script, these services or these limits.
    Load(FieldError),
}

/// The guided demo: three minutes of a moderate load on everything, with its scenario.
pub fn demo() -> Draft {
    Draft {
        script: DEMO_SCRIPT.into(),
        target: ALL_BUT_DASHBOARD.into(),
        pattern: Pattern::Load.name().into(),
        model: Model::Vus.name().into(),
        peak: "20".into(),
        duration: "3 min".into(),
        ramp: "10 s".into(),
        scenario: DEMO.into(),
        ..Draft::default()
    }
}

/// What is in the way of the guided demo here, whatever is at work; `None`: nothing.
pub fn obstacle(rules: &Rules) -> Option<Obstacle> {
    let Some(offer) = rules.scenarios.iter().find(|offer| offer.file == DEMO) else { return Some(Obstacle::NoFile) };
    if let Err(errors) = &offer.scenario {
        return errors.first().cloned().map(Obstacle::Scenario);
    }
    demo().validate(rules).err()?.first().cloned().map(Obstacle::Load)
}

impl Watch {
    /// What there is to see of a fault; `whole`: it hits every replica.
    pub fn of(kind: FaultKind, whole: bool) -> Self {
        match (kind, whole) {
            (FaultKind::RollingRestart, _) | (FaultKind::Restart, false) => Self::Restarting,
            (FaultKind::Kill | FaultKind::Stop, false) => Self::Gone,
            (FaultKind::Freeze | FaultKind::Cut, false) => Self::Silent,
            (FaultKind::Kill | FaultKind::Stop | FaultKind::Freeze | FaultKind::Cut | FaultKind::Restart, true) => {
                Self::AllGone
            }
            (FaultKind::Errors, false) => Self::Failing,
            (FaultKind::Errors, true) => Self::AllFailing,
            (FaultKind::Latency | FaultKind::Cpu | FaultKind::Memory | FaultKind::Disk, false) => Self::Slow,
            (FaultKind::Latency | FaultKind::Cpu | FaultKind::Memory | FaultKind::Disk, true) => Self::AllSlow,
        }
    }
}

impl<'a> Guide<'a> {
    /// A run at `now_ms`, with the faults on record; `None`: it has no scenario.
    pub fn of(run: &'a Run, faults: &'a [Fault], now_ms: Millis) -> Option<Self> {
        let scenario = run.scenario.as_ref()?;
        let set = set_faults(run, scenario, faults);
        let load_s = run.duration_s();
        let mut legs = vec![leg(Part::Load, 0, Watch::Normal)];
        for (at, step) in scenario.steps.iter().enumerate() {
            let fault = set[at];
            let (replicas, of) = fault.map_or((0, 1), |fault| (fault.replicas.len() as u32, fault.of_replicas));
            let whole = step.fault.replica.is_none() || replicas >= of;
            let watch = Watch::of(step.fault.kind, whole);
            legs.push(Leg { step: Some(step), fault, ..leg(Part::Fault(at), step.at_s, watch) });
            let next_s = scenario.steps.get(at + 1).map_or(load_s, |next| next.at_s.min(load_s));
            if let Some(end_s) = end_s(step).filter(|end_s| *end_s < next_s) {
                legs.push(Leg { step: Some(step), fault, ..leg(Part::Recovery(at), end_s, Watch::Recovery) });
            }
        }
        legs.push(leg(Part::End, load_s, Watch::End));
        let clock = Clock { run, now_ms, elapsed_s: run.elapsed_s(now_ms) };
        let ends_s = legs.iter().skip(1).map(|leg| leg.at_s).collect::<Vec<_>>();
        for (at, leg) in legs.iter_mut().enumerate() {
            leg.turn = clock.turn(leg, ends_s.get(at).copied());
        }
        // A fault may be on record a moment before its time by this clock: what is quiet ends with it.
        let begun = legs.iter().rposition(|leg| matches!(leg.turn, Turn::Now | Turn::Done)).unwrap_or_default();
        let quiet = |leg: &&mut Leg| matches!(leg.part, Part::Load | Part::Recovery(_)) && leg.turn == Turn::Now;
        legs.iter_mut().take(begun).filter(quiet).for_each(|leg| leg.turn = Turn::Done);
        let next = legs.iter().position(|leg| leg.turn == Turn::Next);
        let next = next.filter(|_| run.started_ms.is_some()).map(|at| (at, clock.until_s(&legs[at])));
        Some(Self { legs, next })
    }

    /// The newest leg at work; `None`: no load has begun.
    pub fn now(&self) -> Option<&Leg<'a>> {
        self.legs.iter().rev().find(|leg| leg.turn == Turn::Now)
    }
}

fn leg<'a>(part: Part, at_s: u32, watch: Watch) -> Leg<'a> {
    Leg { part, at_s, turn: Turn::Next, watch, step: None, fault: None }
}

/// When a step's fault is planned to end, in seconds after the start of load; a restart ends with itself. `None`: with the
/// load.
fn end_s(step: &Step) -> Option<u32> {
    match step.fault.duration_s {
        _ if !step.fault.kind.lasts() => Some(step.at_s.saturating_add(1)),
        duration_s => duration_s.map(|duration_s| step.at_s.saturating_add(duration_s)),
    }
}

/// The fault that each step has set. What people set beside the scenario is another thing.
fn set_faults<'a>(run: &Run, scenario: &Scenario, faults: &'a [Fault]) -> Vec<Option<&'a Fault>> {
    let mut taken = Vec::new();
    let of_step = |step: &Step| {
        let due_ms = run.started_ms?.saturating_add(Millis::from(step.at_s) * 1000);
        let found = faults.iter().find(|fault| {
            fault.request == step.fault
                && (due_ms..due_ms.saturating_add(LATE_MS)).contains(&fault.asked_ms)
                && !taken.contains(&&fault.id)
        })?;
        taken.push(&found.id);
        Some(found)
    };
    scenario.steps.iter().map(of_step).collect()
}

/// When a run is looked at.
struct Clock<'a> {
    run: &'a Run,
    now_ms: Millis,
    elapsed_s: f64,
}

impl Clock<'_> {
    /// How far along a leg is; `end_s`: when the one after it is planned to begin.
    fn turn(&self, leg: &Leg, end_s: Option<u32>) -> Turn {
        let over = !self.run.state.is_active();
        if self.run.started_ms.is_none() {
            return if over { Turn::Missed } else { Turn::Next };
        }
        let (begun, ended) = match leg.part {
            Part::Load => (true, end_s.is_some_and(|end_s| self.past(end_s))),
            Part::Fault(_) => (leg.fault.is_some() || self.past(leg.at_s), self.fault_ended(leg)),
            Part::Recovery(_) => (self.fault_ended(leg), end_s.is_some_and(|end_s| self.past(end_s))),
            Part::End => (over || self.past(leg.at_s), over),
        };
        match (begun, ended) {
            (true, ended) if ended || over => Turn::Done,
            (true, _) => Turn::Now,
            (false, _) if over => Turn::Missed,
            (false, _) => Turn::Next,
        }
    }

    fn past(&self, at_s: u32) -> bool {
        self.elapsed_s >= f64::from(at_s)
    }

    /// Whether the fault of a leg's step is over, and not because the load is.
    fn fault_ended(&self, leg: &Leg) -> bool {
        match leg.fault.map(|fault| &fault.state) {
            Some(FaultState::Restored { why }) => *why != FaultEnd::Load,
            Some(FaultState::Failed { .. }) => true,
            Some(FaultState::Setting | FaultState::Active | FaultState::Restoring { .. }) => false,
            // It could not be set, or is no longer on record.
            None => leg.step.and_then(end_s).is_some_and(|end_s| self.past(end_s)),
        }
    }

    /// In how many seconds a leg begins.
    fn until_s(&self, leg: &Leg) -> f64 {
        let planned_s = (f64::from(leg.at_s) - self.elapsed_s).max(0.0);
        match (leg.part, leg.fault) {
            (Part::Recovery(_), Some(fault)) => fault.left_s(self.now_ms).unwrap_or(planned_s),
            _ => planned_s,
        }
    }
}
