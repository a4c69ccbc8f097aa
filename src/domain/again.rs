//! A plan once more: back from what was run to what can be typed.

use super::{
    duration,
    plan::{Peak, Plan, Shape},
    scenario::Scenario,
    validate::{Draft, Rules},
};

impl Draft {
    /// What to type for a plan, with the faults that came with its load: under the rules by which it was made, its validation
    /// makes the same plan. What a script with its own options brings itself is filled with what is suggested.
    pub fn again(plan: &Plan, scenario: Option<&Scenario>, rules: &Rules) -> Self {
        let mut draft = Self {
            script: plan.script.clone(),
            target: plan.target.clone(),
            request_timeout: duration::text(plan.request_timeout_s),
            stop_when: plan.stop_when.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            regression: plan.regression.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            scenario: scenario.map(|scenario| offered(scenario, rules)).unwrap_or_default(),
            ..Self::suggested(rules)
        };
        let Shape::Pattern { pattern, peak, duration_s, ramp_s } = plan.shape else { return draft };
        draft.pattern = pattern.name().into();
        draft.model = peak.model().name().into();
        draft.peak = peak.value().to_string();
        draft.duration = duration::text(duration_s);
        draft.ramp = ramp_s.map(duration::text).unwrap_or_default();
        if let Peak::ArrivalRate { pre_allocated_vus, max_vus, .. } = peak {
            draft.pre_allocated_vus = pre_allocated_vus.to_string();
            draft.max_vus = max_vus.to_string();
        }
        draft.thresholds = plan.thresholds.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        draft
    }
}

/// The file that holds a scenario: the one that is still the same, else one of that name. Where there is none, the scenario's
/// own name, which is refused: nobody is to believe that its faults come again.
fn offered(scenario: &Scenario, rules: &Rules) -> String {
    let offers = || rules.scenarios.iter().filter_map(|offer| Some((&offer.file, offer.scenario.as_ref().ok()?)));
    let same = offers().find(|(_, offered)| *offered == scenario);
    let found = same.or_else(|| offers().find(|(_, offered)| offered.name == scenario.name));
    match found {
        Some((file, _)) => file.clone(),
        None if scenario.name.trim().is_empty() => "scenario".into(),
        None => scenario.name.clone(),
    }
}
