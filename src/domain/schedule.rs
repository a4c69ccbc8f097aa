//! The stages that follow from a plan: computed once, drawn as the preview, handed to k6 as they stand.

use serde::{Deserialize, Serialize};

use super::plan::{GRACE_S, Pattern, Peak, Plan, Shape};

/// The k6 executor a schedule uses.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// Closed model.
    RampingVus,
    /// Open model.
    RampingArrivalRate,
}

/// What a phase does, for people.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How k6 drives it.
    pub executor: Executor,
    /// VUs made before the start; the peak for `ramping-vus`.
    pub pre_allocated_vus: u32,
    /// Most VUs; the peak for `ramping-vus`.
    pub max_vus: u32,
    /// The phases in order; the load starts at 0.
    pub phases: Vec<Phase>,
}

impl Executor {
    /// k6's name for it, for example `ramping-vus`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RampingVus => "ramping-vus",
            Self::RampingArrivalRate => "ramping-arrival-rate",
        }
    }
}

impl PhaseName {
    /// Its name on the wire, for example `ramp-up`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RampUp => "ramp-up",
            Self::Hold => "hold",
            Self::Step => "step",
            Self::Baseline => "baseline",
            Self::Spike => "spike",
            Self::Recovery => "recovery",
            Self::RampDown => "ramp-down",
        }
    }
}

impl Plan {
    /// The schedule that follows from the plan; `None` where the script brings its own options.
    pub fn schedule(&self) -> Option<Schedule> {
        match self.shape {
            Shape::Pattern { pattern, peak, duration_s, ramp_s } => {
                Some(Schedule::new(pattern, peak, duration_s, ramp_s))
            }
            Shape::Own { .. } => None,
        }
    }
}

impl Schedule {
    /// Most steps of a stress test.
    const STEPS: u32 = 5;

    /// The schedule of a pattern. Lasts `duration_s` to the second, never passes the peak, starts and ends at zero.
    ///
    /// `ramp_s` is the length of the first ramp up and of the last ramp down, each; what is longer than half the test is
    /// cut to half. `None` is the pattern's own share of the test:
    ///
    /// | pattern | own ramp | between the ramps |
    /// |---|---|---|
    /// | smoke | none: jumps | hold the peak |
    /// | load | a fifth | hold the peak |
    /// | stress | a tenth | up to five equally long and equally high steps; the first ramp reaches the first one |
    /// | spike | a tenth | a tenth of the peak; from 3/10 to 6/10 of the time the peak; a tenth again |
    /// | soak | a twentieth | hold the peak |
    /// | breakpoint | a twentieth | nothing: the climb takes all that the ramp down leaves |
    pub fn new(pattern: Pattern, peak: Peak, duration_s: u32, ramp_s: Option<u32>) -> Self {
        let top = peak.value();
        let share = |part: u32| (duration_s / part).max(1);
        let ramp = ramp_s
            .unwrap_or_else(|| match pattern {
                Pattern::Smoke => 0,
                Pattern::Load => share(5),
                Pattern::Stress | Pattern::Spike => share(10),
                Pattern::Soak | Pattern::Breakpoint => share(20),
            })
            .min(duration_s / 2);
        let between = duration_s - 2 * ramp;

        let mut phases = Vec::new();
        let mut add = |name, duration_s, target| phases.push(Phase { name, duration_s, target });
        match pattern {
            Pattern::Smoke | Pattern::Load | Pattern::Soak => {
                add(PhaseName::RampUp, ramp, top);
                add(PhaseName::Hold, between, top);
            }
            Pattern::Stress => {
                let steps = Self::STEPS.min(top).min(between).max(1);
                add(PhaseName::RampUp, ramp, part_of(top, 1, steps));
                for step in 1..=steps {
                    let target = part_of(top, step, steps);
                    if step > 1 {
                        add(PhaseName::Step, 0, target);
                    }
                    add(PhaseName::Step, part_of(between, step, steps) - part_of(between, step - 1, steps), target);
                }
            }
            // With no time for a baseline, the ramps themselves are the spike.
            Pattern::Spike if between == 0 => add(PhaseName::RampUp, ramp, top),
            Pattern::Spike => {
                let normal = (top / 10).max(1).min(top);
                let before = part_of(between, 3, 10);
                let spike = before.max(1);
                add(PhaseName::RampUp, ramp, normal);
                add(PhaseName::Baseline, before, normal);
                add(PhaseName::Spike, 0, top);
                add(PhaseName::Spike, spike, top);
                add(PhaseName::Recovery, 0, normal);
                add(PhaseName::Recovery, between - before - spike, normal);
            }
            Pattern::Breakpoint => add(PhaseName::RampUp, duration_s - ramp, top),
        }
        add(PhaseName::RampDown, ramp, 0);

        let (executor, pre_allocated_vus, max_vus) = match peak {
            Peak::Vus { vus } => (Executor::RampingVus, vus, vus),
            Peak::ArrivalRate { pre_allocated_vus, max_vus, .. } => {
                (Executor::RampingArrivalRate, pre_allocated_vus, max_vus)
            }
        };
        Self { executor, pre_allocated_vus, max_vus, phases }
    }

    /// The phases that take time: a jump between two of them is no phase to people.
    pub fn stretches(&self) -> impl Iterator<Item = &Phase> {
        self.phases.iter().filter(|phase| phase.duration_s > 0)
    }

    /// The whole length, in seconds.
    pub fn duration_s(&self) -> u32 {
        self.phases.iter().map(|phase| phase.duration_s).sum()
    }

    /// The longest that k6 may take, in seconds: the whole length and the time for iterations to end.
    pub fn longest_s(&self) -> u32 {
        self.duration_s().saturating_add(GRACE_S)
    }

    /// The highest target of any phase.
    pub fn peak(&self) -> u32 {
        self.phases.iter().map(|phase| phase.target).max().unwrap_or(0)
    }

    /// The load that is asked for `elapsed_s` seconds after the start. Where the course jumps, the value after the jump;
    /// 0 before the start and from the end on.
    pub fn value_at(&self, elapsed_s: f64) -> f64 {
        let Some((index, left)) = self.locate(elapsed_s) else { return 0.0 };
        let Phase { duration_s, target, .. } = self.phases[index];
        let from = if index == 0 { 0 } else { self.phases[index - 1].target };
        let (from, target) = (f64::from(from), f64::from(target));
        let value = target + (from - target) * (left / f64::from(duration_s));
        value.clamp(from.min(target), from.max(target))
    }

    /// The phase at work `elapsed_s` seconds after the start and the seconds it has left; `None` after the end. Jumps
    /// take no time, so they are never at work.
    pub fn phase_at(&self, elapsed_s: f64) -> Option<(&Phase, f64)> {
        self.locate(elapsed_s).map(|(index, left)| (&self.phases[index], left))
    }

    /// The index of the phase at work, never of a jump, and the seconds it has left.
    fn locate(&self, elapsed_s: f64) -> Option<(usize, f64)> {
        if elapsed_s < 0.0 || elapsed_s.is_nan() {
            return None;
        }
        let mut end = 0.0;
        self.phases.iter().enumerate().find_map(|(index, phase)| {
            end += f64::from(phase.duration_s);
            (elapsed_s < end).then_some((index, end - elapsed_s))
        })
    }

    /// The corners of the course, (seconds, load), for drawing.
    pub fn points(&self) -> Vec<(f64, f64)> {
        let mut seconds = 0.0;
        std::iter::once((0.0, 0.0))
            .chain(self.phases.iter().map(|phase| {
                seconds += f64::from(phase.duration_s);
                (seconds, f64::from(phase.target))
            }))
            .collect()
    }

    /// Whether it asks for iterations per second, not for VUs.
    pub fn is_open(&self) -> bool {
        self.executor == Executor::RampingArrivalRate
    }

    /// Iterations the schedule starts by itself: the area below the course for an open model, `None` for a closed one.
    pub fn expected_iterations(&self) -> Option<f64> {
        if !self.is_open() {
            return None;
        }
        let points = self.points();
        Some(points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum())
    }
}

/// `whole * part / parts`, rounded down, without overflow.
fn part_of(whole: u32, part: u32, parts: u32) -> u32 {
    u32::try_from(u64::from(whole) * u64::from(part) / u64::from(parts)).unwrap_or(u32::MAX)
}
