//! The stages that follow from a plan: computed once, drawn as the preview, handed to k6 as they stand.

use serde::{Deserialize, Serialize};

use super::plan::{Pattern, Peak};

/// The k6 executor a schedule uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// Closed model.
    RampingVus,
    /// Open model.
    RampingArrivalRate,
}

/// What a phase does, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseName {
    /// Load grows.
    RampUp,
    /// Load stays.
    Hold,
    /// One step of a stress test.
    Step,
    /// Normal load before or after a spike.
    Baseline,
    /// The jump and its top.
    Spike,
    /// After the spike: what recovery costs.
    Recovery,
    /// Load falls to zero.
    RampDown,
}

/// A named stretch of linear change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What it does.
    pub name: PhaseName,
    /// Its length in seconds; 0 is a jump.
    pub duration_s: u32,
    /// VUs or iterations/s at its end.
    pub target: u32,
}

/// A load's course over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How k6 drives it.
    pub executor: Executor,
    /// VUs made before the start; the peak for [`Executor::RampingVus`].
    pub pre_allocated_vus: u32,
    /// Most VUs; the peak for [`Executor::RampingVus`].
    pub max_vus: u32,
    /// The phases in order; the load starts at 0.
    pub phases: Vec<Phase>,
}

impl Schedule {
    /// Seconds k6 gives iterations to end after the last phase, and VUs when the load falls.
    pub const GRACE_S: u32 = 3;

    /// The schedule of a pattern. Lasts `duration_s` to the second, never passes the peak, starts and ends at zero.
    pub fn new(_pattern: Pattern, _peak: Peak, _duration_s: u32, _ramp_s: Option<u32>) -> Self {
        todo!()
    }

    /// The whole length, in seconds.
    pub fn duration_s(&self) -> u32 {
        self.phases.iter().map(|phase| phase.duration_s).sum()
    }

    /// The highest target of any phase.
    pub fn peak(&self) -> u32 {
        self.phases.iter().map(|phase| phase.target).max().unwrap_or(0)
    }

    /// The load that is asked for `elapsed_s` seconds after the start.
    pub fn value_at(&self, _elapsed_s: f64) -> f64 {
        todo!()
    }

    /// The phase at work `elapsed_s` seconds after the start and the seconds it has left; `None` after the end.
    pub fn phase_at(&self, _elapsed_s: f64) -> Option<(&Phase, f64)> {
        todo!()
    }

    /// The corners of the course, (seconds, load), for drawing.
    pub fn points(&self) -> Vec<(f64, f64)> {
        todo!()
    }

    /// Iterations the schedule starts by itself: the area below the course for an open model, `None` for a closed one.
    pub fn expected_iterations(&self) -> Option<f64> {
        todo!()
    }
}
