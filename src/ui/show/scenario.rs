//! What is wrong with a scenario, in the reader's language.

use super::{duration, field_error};
use crate::{
    domain::{
        scenario::{ScenarioError, ScenarioProblem},
        validate::FieldName,
    },
    ui::text::Text,
};

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
