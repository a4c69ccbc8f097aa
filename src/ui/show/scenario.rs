//! What a scenario does, or what is wrong with it, in the reader's language.

use super::{duration, field_error};
use crate::{
    domain::{
        fault::FaultRequest,
        scenario::{Scenario, ScenarioError, ScenarioProblem, Step},
        validate::FieldName,
    },
    ui::{charts::Mark, text::Text},
};

/// What a step does to whom, and for how long.
pub fn step(step: &Step, text: &'static Text) -> String {
    let FaultRequest { kind, service, replica, .. } = &step.fault;
    let place = replica.clone().unwrap_or_else(|| (text.scenario_all_of)(service));
    let more = [
        kind.has_intensity().then(|| (text.fault_effect)(&step.fault.effect())),
        step.fault.duration_s.map(|seconds| (text.fault_for)(&duration(seconds))),
    ];
    let words = [format!("{} · {place}", (text.fault_kind)(*kind))].into_iter().chain(more.into_iter().flatten());
    words.collect::<Vec<_>>().join(", ")
}

/// The steps as marks in the picture of a plan.
pub fn marks(scenario: &Scenario, text: &'static Text) -> Vec<Mark> {
    let mark = |one: &Step| Mark { at_s: one.at_s, for_s: one.fault.duration_s, words: step(one, text) };
    scenario.steps.iter().map(mark).collect()
}

/// An error with its place.
pub fn error(error: &ScenarioError, text: &'static Text) -> String {
    let words = match &error.problem {
        ScenarioProblem::Field(error) => format!("{}: {}", error.field.name(), field_error(error, text)),
        ScenarioProblem::AfterEnd { at_s, load_s } => (text.scenario_after_end)(&duration(*at_s), &duration(*load_s)),
        ScenarioProblem::Overlap { with, replica } => (text.scenario_overlap)(*with, replica),
        ScenarioProblem::Refused(refusal) => (text.fault_refused)(refusal),
        ScenarioProblem::Empty => text.scenario_empty.into(),
        ScenarioProblem::TooMany { given, most } => (text.scenario_too_many)(*given, *most),
        ScenarioProblem::Unreadable { message, column } => (text.scenario_unreadable)(message, *column),
    };
    format!("{}{words}", (text.scenario_place)(error.step, error.line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{prefs::Lang, scenario::ScenarioProblem::Overlap};

    #[test]
    fn an_error_names_its_place() {
        let overlap = |step, line| {
            let problem = Overlap { with: 1, replica: "shop-1".into() };
            let told = ScenarioError { step, line, problem };
            [Lang::En, Lang::De].map(|lang| error(&told, lang.text()))
        };
        let [en, de] = overlap(Some(2), Some(7));
        assert_eq!(en, "Step 2 (line 7): step 1 is still at work on shop-1.");
        assert_eq!(de, "Schritt 2 (Zeile 7): An shop-1 ist noch Schritt 1 am Werk.");
        assert!(overlap(None, None)[0].starts_with("step 1"));
    }
}
