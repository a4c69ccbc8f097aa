//! What is suggested for a pattern until somebody asks for something else.

use super::{
    plan::{Model, Pattern},
    validate::Limits,
};

/// Where to begin with a pattern, within the limits. The ramp is the pattern's own share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// What the peak counts.
    pub model: Model,
    /// VUs, or iterations per second.
    pub peak: u32,
    /// The whole test, in seconds.
    pub duration_s: u32,
}

impl Pattern {
    /// What to begin with, for a model where it is chosen already and goes with the pattern.
    pub fn suggestion(self, model: Option<Model>, limits: &Limits) -> Suggestion {
        let own = match self {
            // Where it breaks, a closed model would slow down with the services.
            Self::Breakpoint => Model::ArrivalRate,
            Self::Smoke | Self::Load | Self::Stress | Self::Spike | Self::Soak => Model::Vus,
        };
        let model = model.filter(|model| self.allows(*model)).unwrap_or(own);
        let (vus, rate, duration_s) = match self {
            Self::Smoke => (2, 1, 30),
            Self::Load => (10, 20, 60),
            Self::Stress => (30, 60, 120),
            Self::Spike => (30, 60, 60),
            Self::Soak => (10, 20, 1800),
            Self::Breakpoint => (50, 100, 300),
        };
        let peak = match model {
            Model::Vus => limits.max_vus.min(vus),
            Model::ArrivalRate => limits.max_rate.min(rate),
        };
        Suggestion { model, peak, duration_s: limits.max_duration_s.min(duration_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        tests::any,
        validate::{Draft, Rules},
    };

    #[test]
    fn every_suggestion_is_a_plan_within_any_limits() {
        let wide = any::rules();
        let tight = Rules { limits: Limits { max_vus: 1, max_rate: 1, max_duration_s: 5 }, ..any::rules() };
        for rules in [&wide, &tight] {
            for pattern in Pattern::ALL {
                for chosen in [None, Some(Model::Vus), Some(Model::ArrivalRate)] {
                    let Suggestion { model, peak, duration_s } = pattern.suggestion(chosen, &rules.limits);
                    let draft = Draft {
                        pattern: pattern.name().into(),
                        model: model.name().into(),
                        peak: peak.to_string(),
                        duration: duration_s.to_string(),
                        ..Draft::suggested(rules)
                    };
                    assert!(draft.validate(rules).is_ok(), "{draft:?}");
                    assert!(chosen.is_none_or(|chosen| chosen == model || !pattern.allows(chosen)));
                }
            }
        }
    }
}
