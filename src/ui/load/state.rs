//! What the form holds: what was typed, what is wrong with it, what came of a Start. It outlives runs, refusals and visits to
//! other pages.

use std::collections::BTreeSet;

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{error::ApiError, functions},
    domain::{
        plan::{Model, Plan, Shape},
        run::Run,
        schedule::Schedule,
        script::Script,
        validate::{Draft, Field, FieldError, Rules},
    },
    ui::{browser, live::Live, show, text::use_text},
};

/// The form's id in the document.
pub(super) const FORM_ID: &str = "load-test-form";

/// A handle on the form. Context of the whole page.
#[derive(Clone, Copy)]
pub struct Form {
    draft: RwSignal<Draft>,
    rules: RwSignal<Option<Rules>>,
    touched: RwSignal<BTreeSet<Field>>,
    /// What the server refused although we did not.
    refused: RwSignal<Vec<FieldError>>,
    pub(super) checked: Memo<Option<Result<Plan, Vec<FieldError>>>>,
    start: Action<Draft, Result<Run, ApiError>>,
    /// Why a plain form came back.
    came_back: RwSignal<Option<String>>,
}

impl Form {
    /// Puts a handle into context.
    pub fn provide(live: Live) -> Self {
        let draft = RwSignal::new(Draft::default());
        let rules = RwSignal::new(None::<Rules>);
        let refused = RwSignal::new(Vec::new());
        let form = Self {
            draft,
            rules,
            touched: RwSignal::default(),
            refused,
            checked: Memo::new(move |_| {
                rules.with(|rules| rules.as_ref().map(|rules| draft.with(|draft| draft.validate(rules))))
            }),
            start: Action::new(move |draft: &Draft| {
                let draft = draft.clone();
                async move {
                    let result = functions::start_run(draft).await;
                    match &result {
                        Ok(run) => {
                            live.answer.set(Some(run.clone()));
                            browser::focus_from_top_soon("run-heading".into());
                        }
                        Err(ApiError::Invalid { errors }) => refused.set(errors.clone()),
                        Err(_) => {}
                    }
                    result
                }
            }),
            came_back: RwSignal::new(None),
        };
        provide_context(form);
        form
    }

    /// Takes the rules and a first draft, once: what a plain form brought back, else a suggestion.
    pub fn seed(self, rules: &Rules, came_back: Option<(Option<Draft>, String)>) {
        if self.rules.with_untracked(Option::is_some) {
            return;
        }
        let (draft, code) = came_back.map_or((None, None), |(draft, code)| (draft, Some(code)));
        if code.as_deref() == Some("invalid") {
            self.touched.set(all_fields());
        }
        self.draft.set(draft.unwrap_or_else(|| Draft::suggested(rules)));
        self.came_back.set(code);
        self.rules.set(Some(rules.clone()));
    }

    /// Services and scripts as they are now.
    pub fn rules(self) -> Signal<Option<Rules>> {
        self.rules.into()
    }

    /// Why the last Start, or a plain form, was refused.
    pub fn problem(self) -> Signal<Option<String>> {
        let text = use_text();
        Signal::derive(move || {
            let answered = self.start.value().with(|value| match value {
                Some(Err(error)) => Some(show::api_error(error, text)),
                _ => None,
            });
            answered.or_else(|| self.came_back.with(|code| code.as_deref().map(|code| show::error_code(code, text))))
        })
    }

    /// Forgets a refusal whose reason is gone.
    pub fn forget_problem(self) {
        self.start.clear();
        self.came_back.set(None);
    }

    pub(super) fn id(field: Field) -> String {
        format!("draft-{}", field.name())
    }

    /// What a field holds now, not tracked: controls keep their own text while they are there.
    pub(super) fn value_now(self, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.clone().slot(field).clone())
    }

    pub(super) fn set(self, field: Field, value: String) {
        self.refused.update(|errors| errors.retain(|error| error.field != field));
        self.draft.update(|draft| *draft.slot(field) = value);
    }

    pub(super) fn touch(self, field: Field) {
        if self.touched.with_untracked(|touched| !touched.contains(&field)) {
            self.touched.update(|touched| {
                touched.insert(field);
            });
        }
    }

    /// What is wrong with a field, once it was touched.
    pub(super) fn error(self, field: Field) -> Memo<Option<String>> {
        let text = use_text();
        Memo::new(move |_| {
            if !self.touched.with(|touched| touched.contains(&field)) {
                return None;
            }
            let of = |errors: &[FieldError]| {
                errors.iter().filter(|error| error.field == field).map(|e| show::field_error(e, text)).collect()
            };
            let own: Vec<String> = self.checked.with(|checked| match checked {
                Some(Err(errors)) => of(errors),
                _ => vec![],
            });
            let errors = if own.is_empty() { self.refused.with(|errors| of(errors)) } else { own };
            (!errors.is_empty()).then(|| errors.join(" "))
        })
    }

    pub(super) fn invalid(self, field: Field) -> impl Fn() -> Option<&'static str> + Send + Clone + 'static {
        let error = self.error(field);
        move || error.with(Option::is_some).then_some("true")
    }

    pub(super) fn described_by(self, field: Field) -> impl Fn() -> String + Send + Clone + 'static {
        let error = self.error(field);
        move || {
            let kind = if error.with(Option::is_some) { "error" } else { "hint" };
            format!("{kind}-{}", field.name())
        }
    }

    /// The chosen script as k6 sees it.
    pub(super) fn script(self) -> Memo<Option<Script>> {
        Memo::new(move |_| {
            let name = self.draft.with(|draft| draft.script.clone());
            self.rules.with(|rules| rules.as_ref()?.scripts.iter().find(|script| script.name == name).cloned())
        })
    }

    pub(super) fn schedule(self) -> Memo<Option<Schedule>> {
        Memo::new(move |_| {
            self.checked.with(|checked| match checked {
                Some(Ok(Plan { shape: Shape::Pattern { pattern, peak, duration_s, ramp_s }, .. })) => {
                    Some(Schedule::new(*pattern, *peak, *duration_s, *ramp_s))
                }
                _ => None,
            })
        })
    }

    pub(super) fn is_open(self) -> Memo<bool> {
        Memo::new(move |_| self.draft.with(|draft| draft.model == Model::ArrivalRate.name()))
    }

    /// Asks for services and scripts as they are now, until k6 has looked at every script.
    pub(super) fn ask_for_rules(self) {
        spawn_local(async move {
            // Scripts may have changed since; without an answer the known rules stay, and the server checks anyway. It takes
            // its time as long as k6 looks at one, and then says so.
            while let Ok(rules) = functions::get_rules().await {
                let settled = rules.is_settled();
                if self.rules.try_with_untracked(|known| known.as_ref() != Some(&rules)) == Some(true) {
                    self.rules.set(Some(rules));
                }
                if settled || self.rules.is_disposed() {
                    return;
                }
            }
        });
    }

    /// Whether a Start is on its way.
    pub(super) fn is_starting(self) -> Memo<bool> {
        self.start.pending()
    }

    /// Takes over what the controls hold: typed before hydration, or filled in by the browser.
    pub(super) fn read_controls(self) {
        for field in all_fields() {
            if let Some(value) = browser::control_value(FORM_ID, &field.control())
                && value != self.value_now(field)
            {
                self.set(field, value);
            }
        }
    }

    pub(super) fn submit(self) {
        self.came_back.set(None);
        self.touched.set(all_fields());
        let first_wrong = self.checked.with_untracked(|checked| match checked {
            Some(Err(errors)) => errors.first().map(|error| error.field),
            _ => None,
        });
        match first_wrong {
            Some(field) => {
                self.start.clear();
                browser::focus_soon(focus_id(field, &self.value_now(field)));
            }
            None => {
                self.start.dispatch(self.draft.get_untracked());
            }
        }
    }
}

/// The element that takes the focus for a field: of radio buttons the chosen one.
fn focus_id(field: Field, value: &str) -> String {
    match field {
        Field::Pattern | Field::Model => format!("{}-{value}", Form::id(field)),
        _ => Form::id(field),
    }
}

fn all_fields() -> BTreeSet<Field> {
    Field::ALL.iter().copied().collect()
}

/// What a plain form brings back in a query such as `?script=…&peak=…&error=invalid`: the error's code, and the draft
/// unless it was Stop that failed. `None` without an `error`.
pub fn from_query(get: impl Fn(&str) -> Option<String>) -> Option<(Option<Draft>, String)> {
    let code = get("error")?;
    let mut draft = Draft::default();
    let mut any = false;
    for field in all_fields() {
        if let Some(value) = get(field.name()) {
            any = true;
            *draft.slot(field) = value;
        }
    }
    Some((any.then_some(draft), code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_form_brings_back_what_was_typed() {
        let query = |name: &str| match name {
            "error" => Some("invalid".to_owned()),
            "peak" => Some("\"><b>ten".to_owned()),
            _ => None,
        };
        let (draft, code) = from_query(query).expect("there is an error");
        assert_eq!(draft.map(|draft| draft.peak).as_deref(), Some("\"><b>ten"));
        assert_eq!(code, "invalid");
        assert_eq!(from_query(|_| None), None);
        let stop = |name: &str| (name == "error").then(|| "not_running".to_owned());
        assert_eq!(from_query(stop), Some((None, "not_running".into())));
    }
}
