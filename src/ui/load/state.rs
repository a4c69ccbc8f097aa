//! What the form holds: what was typed, what is wrong with it, what came of a Start. It outlives runs, refusals and visits to
//! other pages.

use std::collections::BTreeSet;

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{error::ApiError, functions},
    domain::{
        duration,
        plan::{Model, Pattern, Plan, Shape},
        run::Run,
        scenario::Scenario,
        schedule::Schedule,
        script::Script,
        suggest::Suggestion,
        validate::{Draft, Field, FieldError, Problem, Rules},
    },
    ui::{browser, live::Live, show, text::use_text},
};

/// The form's id in the document.
pub(super) const FORM_ID: &str = "load-test-form";

/// The id of the hint on what the target leaves out.
pub(super) const TARGET_HINT: &str = "hint-left-out";

/// The id of the hint on how times are written.
pub(super) const DURATIONS_HINT: &str = "hint-durations";

/// Begins the ids of the controls of a threshold.
pub(super) const RULE_ID: &str = "rule";

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
    /// Whether the page's address filled the form.
    is_brought: RwSignal<bool>,
    /// Fields that hold what somebody typed or chose: no suggestion takes its place.
    own: RwSignal<BTreeSet<Field>>,
    /// Whether the page is alive: before, nothing could undo what it forbids.
    alive: RwSignal<bool>,
    /// Says that controls were filled by something else than hands.
    refilled: RwSignal<()>,
    /// Whether thresholds are edited as text.
    as_text: RwSignal<bool>,
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
            is_brought: RwSignal::new(false),
            own: RwSignal::default(),
            alive: RwSignal::new(false),
            refilled: RwSignal::new(()),
            as_text: RwSignal::new(false),
        };
        provide_context(form);
        form
    }

    /// Takes the rules and a first draft, once: what the page's address brings, else a suggestion.
    pub fn seed(self, rules: &Rules, brought: Brought) {
        if self.rules.with_untracked(Option::is_some) {
            return;
        }
        let Brought { draft, error } = brought;
        if draft.is_some() {
            self.own.set(all_fields());
            self.touched.set(all_fields());
        }
        self.is_brought.set(draft.is_some());
        self.draft.set(draft.unwrap_or_else(|| Draft::suggested(rules)));
        self.came_back.set(error);
        self.rules.set(Some(rules.clone()));
    }

    /// Takes the scenario that a link to this page names, with a load that is long enough for it.
    pub fn take_scenario(self, file: String) {
        let known =
            self.rules.with_untracked(|rules| rules.as_ref().is_some_and(|rules| rules.scenario(&file).is_some()));
        if known && self.value_now(Field::Scenario) != file {
            self.own.update(|own| {
                own.remove(&Field::Duration);
            });
            self.edit(Field::Scenario, file);
            // Else what this tab has kept takes its place.
            browser::keep(&kept_as(Field::Duration), &self.value_now(Field::Duration));
        }
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

    /// Whether the page's address filled the form, not tracked.
    pub fn is_brought(self) -> bool {
        self.is_brought.get_untracked()
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

    /// What a field holds.
    pub fn value(self, field: Field) -> String {
        self.draft.with(|draft| draft.clone().slot(field).clone())
    }

    /// All that was typed.
    pub fn draft(self) -> Draft {
        self.draft.get()
    }

    /// The plan as it stands; `None`: something about it is wrong.
    pub fn plan(self) -> Option<Plan> {
        self.checked.with(|checked| checked.as_ref().and_then(|checked| checked.as_ref().ok().cloned()))
    }

    fn set(self, field: Field, value: String) {
        self.refused.update(|errors| errors.retain(|error| error.field != field));
        self.draft.update(|draft| *draft.slot(field) = value);
    }

    /// Like [`Self::set`], and shows the value in its control.
    fn fill(self, field: Field, value: String) {
        browser::set_control_value(FORM_ID, &field.control(), &value);
        self.set(field, value);
        if field == Field::Thresholds {
            self.refilled.notify();
        }
    }

    /// Takes what somebody typed or chose, and keeps it for this tab.
    pub(super) fn edit(self, field: Field, value: String) {
        browser::keep(&kept_as(field), &value);
        self.own.update(|own| {
            if value.trim().is_empty() {
                own.remove(&field)
            } else {
                own.insert(field)
            };
        });
        self.set(field, value);
        if matches!(field, Field::Pattern | Field::Model | Field::Scenario) {
            self.suggest();
        }
    }

    /// Takes thresholds that were edited one by one.
    pub(super) fn type_thresholds(self, text: String) {
        browser::set_control_value(FORM_ID, &Field::Thresholds.control(), &text);
        self.edit(Field::Thresholds, text);
    }

    /// Fills what nobody typed with what fits the pattern and the model.
    fn suggest(self) {
        let Some(limits) = self.rules.with_untracked(|rules| rules.as_ref().map(|rules| rules.limits)) else { return };
        let own = self.own.get_untracked();
        let Some(pattern) = self.draft.with_untracked(|draft| Pattern::from_name(&draft.pattern)) else { return };
        let chosen = self.draft.with_untracked(|draft| Model::from_name(&draft.model));
        let Suggestion { model, peak, duration_s } =
            pattern.suggestion(chosen.filter(|_| own.contains(&Field::Model)), &limits);
        let needed_s = self.scenario().get_untracked().map_or(0, |scenario| scenario.load_s());
        let duration_s = duration_s.max(needed_s).min(limits.max_duration_s);
        for (field, value) in [
            (Field::Model, model.name().to_owned()),
            (Field::Peak, peak.to_string()),
            (Field::Duration, duration::text(duration_s)),
        ] {
            if !own.contains(&field) && self.value_now(field) != value {
                self.fill(field, value);
            }
        }
    }

    /// Brings the form to life, once: takes over what was typed before, and what this tab has kept.
    pub fn wake(self) {
        self.read_controls();
        if self.alive.get_untracked() {
            return;
        }
        self.alive.set(true);
        if self.own.with_untracked(|own| own.len() == Field::ALL.len()) {
            // What a plain form brought back is the last that was typed.
            for field in Field::ALL {
                browser::keep(&kept_as(field), &self.value_now(field));
            }
            return;
        }
        let typed = self.own.get_untracked();
        for field in Field::ALL.into_iter().filter(|field| !typed.contains(field)) {
            let Some(value) = browser::kept(&kept_as(field)).filter(|value| self.is_known(field, value)) else {
                continue;
            };
            if !value.trim().is_empty() {
                self.own.update(|own| {
                    own.insert(field);
                });
            }
            if value != self.value_now(field) {
                self.fill(field, value);
            }
        }
        self.suggest();
    }

    /// Whether a kept value may still be chosen; what is typed may be anything.
    fn is_known(self, field: Field, value: &str) -> bool {
        self.rules.with_untracked(|rules| match (field, rules) {
            (Field::Script, Some(rules)) => rules.script(value).is_some(),
            (Field::Target, Some(rules)) => rules.targets().iter().any(|target| target == value),
            (Field::Pattern, _) => Pattern::from_name(value).is_some(),
            (Field::Model, _) => Model::from_name(value).is_some(),
            (Field::Scenario, Some(rules)) => rules.scenario(value).is_some(),
            _ => true,
        })
    }

    /// Whether thresholds are edited as text.
    pub(super) fn as_text(self) -> RwSignal<bool> {
        self.as_text
    }

    /// Changes when thresholds were filled in by something else than hands.
    pub(super) fn refilled(self) -> RwSignal<()> {
        self.refilled
    }

    /// Whether a pattern can't be chosen, because of a model that somebody chose.
    pub(super) fn is_blocked(self, pattern: Pattern) -> bool {
        let model = self.draft.with(|draft| Model::from_name(&draft.model).filter(|_| draft.pattern != pattern.name()));
        let chosen = self.own.with(|own| own.contains(&Field::Model));
        self.alive.get() && chosen && model.is_some_and(|model| !pattern.allows(model))
    }

    /// The pattern with which the open model can't be chosen.
    pub(super) fn blocks_rate(self) -> Option<Pattern> {
        let model = Model::ArrivalRate;
        let pattern =
            self.draft.with(|draft| Pattern::from_name(&draft.pattern).filter(|_| draft.model != model.name()));
        pattern.filter(|pattern| self.alive.get() && !pattern.allows(model))
    }

    pub(super) fn touch(self, field: Field) {
        if self.touched.with_untracked(|touched| !touched.contains(&field)) {
            self.touched.update(|touched| {
                touched.insert(field);
            });
        }
    }

    /// Notes that somebody left a field. What is wrong with it may take more lines than its hint does.
    pub(super) fn leave(self, field: Field) {
        browser::after_click(move || self.touch(field));
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
            (!errors.is_empty()).then(|| errors.join("\n"))
        })
    }

    /// Whether the threshold in a row, which is a line of the text, is wrong.
    pub(super) fn invalid_rule(self, row: usize) -> impl Fn() -> Option<&'static str> + Send + Clone + 'static {
        move || {
            let is_this = |error: &FieldError| match &error.problem {
                Problem::NotAThreshold { line, .. } => *line == u32::try_from(row + 1).ok(),
                _ => false,
            };
            let touched = self.touched.with(|touched| touched.contains(&Field::Thresholds));
            let wrong = self.checked.with(|checked| match checked {
                Some(Err(errors)) => errors.iter().any(is_this),
                _ => false,
            });
            (touched && wrong).then_some("true")
        }
    }

    pub(super) fn invalid(self, field: Field) -> impl Fn() -> Option<&'static str> + Send + Clone + 'static {
        let error = self.error(field);
        move || error.with(Option::is_some).then_some("true")
    }

    pub(super) fn described_by(self, field: Field) -> impl Fn() -> String + Send + Clone + 'static {
        let error = self.error(field);
        move || {
            let kind = if error.with(Option::is_some) { "error" } else { "hint" };
            let more = match field {
                Field::Target => TARGET_HINT,
                Field::Duration | Field::Ramp | Field::RequestTimeout => DURATIONS_HINT,
                _ => "",
            };
            format!("{kind}-{} {more}", field.name()).trim_end().to_owned()
        }
    }

    /// The chosen script as k6 sees it.
    pub(super) fn script(self) -> Memo<Option<Script>> {
        Memo::new(move |_| {
            let name = self.draft.with(|draft| draft.script.clone());
            self.rules.with(|rules| rules.as_ref()?.scripts.iter().find(|script| script.name == name).cloned())
        })
    }

    /// The chosen scenario, where it can be run.
    pub(super) fn scenario(self) -> Memo<Option<Scenario>> {
        Memo::new(move |_| {
            let file = self.draft.with(|draft| draft.scenario.clone());
            self.rules.with(|rules| rules.as_ref()?.scenario(&file).cloned())
        })
    }

    pub(super) fn target(self) -> Memo<String> {
        Memo::new(move |_| self.draft.with(|draft| draft.target.clone()))
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
    pub fn ask_for_rules(self) {
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
    pub fn is_starting(self) -> Memo<bool> {
        self.start.pending()
    }

    /// Takes over what the controls hold: typed before hydration, or filled in by the browser.
    fn read_controls(self) {
        for field in all_fields() {
            if let Some(value) = browser::control_value(FORM_ID, &field.control())
                && value != self.value_now(field)
            {
                self.edit(field, value);
            }
        }
    }

    /// The element that takes the focus for a wrong field: of radio buttons the chosen one, of thresholds the first that is
    /// wrong.
    fn focus_id(self, field: Field) -> String {
        match field {
            Field::Pattern | Field::Model => format!("{}-{}", Self::id(field), self.value_now(field)),
            Field::Thresholds if !self.as_text.get_untracked() => {
                let row = self.checked.with_untracked(|checked| {
                    let errors = checked.as_ref().and_then(|checked| checked.as_ref().err());
                    errors.into_iter().flatten().find_map(|error| match error.problem {
                        Problem::NotAThreshold { line, .. } => line,
                        _ => None,
                    })
                });
                format!("{RULE_ID}-{}-limit", row.unwrap_or(1).saturating_sub(1))
            }
            _ => Self::id(field),
        }
    }

    /// Starts what is planned; where something about it is wrong, shows what.
    pub fn submit(self) {
        self.came_back.set(None);
        self.touched.set(all_fields());
        let first_wrong = self.checked.with_untracked(|checked| match checked {
            Some(Err(errors)) => errors.first().map(|error| error.field),
            _ => None,
        });
        match first_wrong {
            Some(field) => {
                self.start.clear();
                browser::focus_soon(self.focus_id(field));
            }
            None => {
                self.start.dispatch(self.draft.get_untracked());
            }
        }
    }
}

/// The name under which this tab keeps what was typed.
fn kept_as(field: Field) -> String {
    format!("had_draft_{}", field.name())
}

fn all_fields() -> BTreeSet<Field> {
    Field::ALL.iter().copied().collect()
}

/// What the page's address brings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Brought {
    /// What fills the form.
    pub draft: Option<Draft>,
    /// Why a plain form came back: the error's code.
    pub error: Option<String>,
}

impl Brought {
    /// Reads a query such as `?script=…&peak=…`, with `error=invalid` where a plain form came back.
    pub fn of_query(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut draft = Draft::default();
        let mut any = false;
        for field in all_fields() {
            if let Some(value) = get(field.name()) {
                // A link to a scenario fills nothing else.
                any |= field != Field::Scenario;
                *draft.slot(field) = value;
            }
        }
        Self { draft: any.then_some(draft), error: get("error") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validate::Limits;

    /// A form with its first draft, made in the owner that `check` runs in.
    fn with_form(check: impl FnOnce(Form)) {
        let limits = Limits { max_vus: 200, max_rate: 1000, max_duration_s: 3600 };
        let rules = Rules { limits, services: vec!["shop".into()], scripts: vec![], scenarios: vec![] };
        Owner::new().with(|| {
            let form = Form::provide(Live::provide());
            form.seed(&rules, Brought::default());
            check(form);
        });
    }

    #[test]
    fn a_pattern_brings_its_own_peak_and_duration_but_not_over_what_was_typed() {
        with_form(|form| {
            let now = || [Field::Model, Field::Peak, Field::Duration].map(|field| form.value_now(field));
            form.edit(Field::Pattern, "smoke".into());
            assert_eq!(now(), ["vus", "2", "30 s"]);
            form.edit(Field::Pattern, "breakpoint".into());
            assert_eq!(now(), ["arrival-rate", "100", "5 min"]);
            form.edit(Field::Peak, "70".into());
            form.edit(Field::Pattern, "soak".into());
            assert_eq!(now(), ["vus", "70", "30 min"]);
            form.edit(Field::Peak, String::new());
            form.edit(Field::Model, "arrival-rate".into());
            form.edit(Field::Pattern, "load".into());
            assert_eq!(now(), ["arrival-rate", "20", "60 s"]);
        });
    }

    #[test]
    fn what_does_not_go_together_can_not_be_chosen() {
        with_form(|form| {
            let blocked = || Pattern::ALL.into_iter().filter(|pattern| form.is_blocked(*pattern)).collect::<Vec<_>>();
            form.edit(Field::Pattern, "smoke".into());
            assert_eq!(form.blocks_rate(), None, "without JavaScript nothing could undo it");
            form.wake();
            assert_eq!((form.blocks_rate(), blocked()), (Some(Pattern::Smoke), vec![]));
            form.edit(Field::Pattern, "breakpoint".into());
            assert_eq!((form.blocks_rate(), blocked()), (None, vec![]), "nobody asked for the arrival rate");
            form.edit(Field::Model, "arrival-rate".into());
            assert_eq!(blocked(), [Pattern::Smoke, Pattern::Soak]);
        });
    }

    #[test]
    fn a_plain_form_brings_back_what_was_typed() {
        let query = |name: &str| match name {
            "error" => Some("invalid".to_owned()),
            "peak" => Some("\"><b>ten".to_owned()),
            _ => None,
        };
        let Brought { draft, error } = Brought::of_query(query);
        assert_eq!(draft.map(|draft| draft.peak).as_deref(), Some("\"><b>ten"));
        assert_eq!(error.as_deref(), Some("invalid"));
        assert_eq!(Brought::of_query(|_| None), Brought::default());
        let stop = |name: &str| (name == "error").then(|| "not_running".to_owned());
        assert_eq!(Brought::of_query(stop), Brought { draft: None, error: Some("not_running".into()) });
        let scenario = |name: &str| (name == "scenario").then(|| "a.yaml".to_owned());
        assert_eq!(Brought::of_query(scenario), Brought::default(), "it fills nothing else");
    }
}
