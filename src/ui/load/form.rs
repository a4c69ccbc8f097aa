//! The form that sets up and starts a test. What is typed outlives runs, refusals and visits to other pages.

use std::collections::BTreeSet;

use leptos::{prelude::*, task::spawn_local};

use super::{
    ActionError,
    fields::{ModelField, PatternField, SelectField, TextArea, TextField},
};
use crate::{
    api::{error::ApiError, functions},
    domain::{
        format,
        frame::Unit,
        plan::{ALL_SERVICES, Model, Plan, Shape},
        run::Run,
        schedule::Schedule,
        script::{Script, ScriptKind},
        validate::{Draft, Field, FieldError, Rules},
    },
    ui::{
        browser,
        charts::SchedulePreview,
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// The form's id in the document.
const FORM_ID: &str = "load-test-form";

/// A handle on the form. Context of the whole page.
#[derive(Clone, Copy)]
pub struct Form {
    draft: RwSignal<Draft>,
    rules: RwSignal<Option<Rules>>,
    touched: RwSignal<BTreeSet<Field>>,
    /// What the server refused although we did not.
    refused: RwSignal<Vec<FieldError>>,
    checked: Memo<Option<Result<Plan, Vec<FieldError>>>>,
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
    fn script(self) -> Memo<Option<Script>> {
        Memo::new(move |_| {
            let name = self.draft.with(|draft| draft.script.clone());
            self.rules.with(|rules| rules.as_ref()?.scripts.iter().find(|script| script.name == name).cloned())
        })
    }

    fn schedule(self) -> Memo<Option<Schedule>> {
        Memo::new(move |_| {
            self.checked.with(|checked| match checked {
                Some(Ok(Plan { shape: Shape::Pattern { pattern, peak, duration_s, ramp_s }, .. })) => {
                    Some(Schedule::new(*pattern, *peak, *duration_s, *ramp_s))
                }
                _ => None,
            })
        })
    }

    fn is_open(self) -> Memo<bool> {
        Memo::new(move |_| self.draft.with(|draft| draft.model == Model::ArrivalRate.name()))
    }

    /// Takes over what the controls hold: typed before hydration, or filled in by the browser.
    fn read_controls(self) {
        for field in all_fields() {
            if let Some(value) = browser::control_value(FORM_ID, &field.control())
                && value != self.value_now(field)
            {
                self.set(field, value);
            }
        }
    }

    fn submit(self) {
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

/// The form.
#[component]
pub fn LoadForm(
    /// Whether a run has ended above it.
    again: Signal<bool>,
) -> impl IntoView {
    let form: Form = expect_context();
    let text = use_text();
    let script = form.script();

    let live: Live = expect_context();
    let engine = Memo::new(move |_| {
        live.state.with(|state| {
            let engine = &state.snapshot.status.engine;
            (engine.ready, engine.k6_version.clone())
        })
    });
    Effect::new(move |before: Option<()>| {
        // What k6 makes of the scripts is another question to another k6.
        engine.track();
        if before.is_none() {
            form.read_controls();
        }
        spawn_local(async move {
            // Scripts may have changed since; without an answer the known rules stay, and the server checks anyway. It takes
            // its time as long as k6 looks at one, and then says so.
            while let Ok(rules) = functions::get_rules().await {
                let settled = rules.is_settled();
                if form.rules.try_with_untracked(|known| known.as_ref() != Some(&rules)) == Some(true) {
                    form.rules.set(Some(rules));
                }
                if settled || form.rules.is_disposed() {
                    return;
                }
            }
        });
    });

    let scripts = Signal::derive(move || {
        let label = |script: &Script| match script.kind {
            ScriptKind::Scheduled => script.name.clone(),
            ScriptKind::Own { .. } => format!("{} ({})", script.name, text.script_own),
            ScriptKind::Pending => format!("{} ({})", script.name, text.script_pending),
            ScriptKind::Broken { .. } => format!("{} ({})", script.name, text.script_broken),
        };
        form.rules.with(|rules| {
            rules.iter().flat_map(|rules| &rules.scripts).map(|script| (script.name.clone(), label(script))).collect()
        })
    });
    let targets = Signal::derive(move || {
        form.rules.with(|rules| {
            let services = rules.iter().flat_map(|rules| rules.services.iter().cloned());
            let all = ALL_SERVICES.to_owned();
            std::iter::once(all).chain(services).map(|name| (name.clone(), show::target(&name, text))).collect()
        })
    });
    let pending = form.start.pending();

    view! {
        <form
            id=FORM_ID
            class="card form"
            method="post"
            action="/start"
            aria-label=text.form_name
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                if !pending.get_untracked() {
                    form.submit();
                }
            }
        >
            <h2>{move || if again.get() { text.again_heading } else { text.load_heading }}</h2>
            <div class="pair">
                <SelectField form field=Field::Target label=text.target choices=targets />
                <SelectField form field=Field::Script label=text.script choices=scripts />
            </div>
            {move || match script.get().map(|script| script.kind) {
                Some(ScriptKind::Own { executors, duration_s, max_vus, thresholds, .. }) => {
                    view! { <OwnOptions executors duration_s max_vus thresholds /> }.into_any()
                }
                Some(ScriptKind::Broken { message }) => view! { <Broken message /> }.into_any(),
                Some(ScriptKind::Scheduled | ScriptKind::Pending) | None => view! { <Course form /> }.into_any(),
            }}
            <Summary form />
            <ActionError error=form.problem() />
            <button type="submit" class="button primary large" aria-disabled=move || pending.get().then_some("true")>
                {move || if pending.get() { text.starting } else { text.start }}
            </button>
            <EngineLine />
        </form>
    }
}

/// Which k6 will run the test, and why that one.
#[component]
fn EngineLine() -> impl IntoView {
    let live: Live = expect_context();
    let engine = Memo::new(move |_| {
        live.state.with(|state| {
            let engine = &state.snapshot.status.engine;
            let version = engine.k6_version.as_ref().filter(|_| engine.ready)?;
            Some(format!("k6 {version}: {}", engine.note))
        })
    });
    move || engine.get().map(|line| view! { <p class="muted break engine-line" data-testid="engine">{line}</p> })
}

/// Everything that decides the load's course.
#[component]
fn Course(form: Form) -> impl IntoView {
    let text = use_text();
    let is_open = form.is_open();
    let peak_label = Signal::derive(move || if is_open.get() { text.peak_rate } else { text.peak_vus });
    let schedule = form.schedule();
    view! {
        <PatternField form />
        <ModelField form />
        <div class="pair triple">
            <TextField form field=Field::Peak label=peak_label inputmode="numeric" />
            <TextField form field=Field::Duration label=text.duration hint=text.duration_hint />
            <TextField form field=Field::Ramp label=text.ramp placeholder=text.automatic hint=text.ramp_hint />
        </div>
        <div class="pair open-only">
            <TextField
                form
                field=Field::PreAllocatedVus
                label=text.pre_allocated_vus
                placeholder=text.automatic
                inputmode="numeric"
            />
            <TextField form field=Field::MaxVus label=text.max_vus placeholder=text.automatic inputmode="numeric" />
        </div>
        <TextArea form field=Field::Thresholds label=text.thresholds_field hint=text.thresholds_hint />
        <SchedulePreview schedule=schedule />
    }
}

/// The whole test in a line.
#[component]
fn Summary(form: Form) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let numbers = show::numbers(lang);
    let count = move |n: f64| format::value(Unit::Count, n.round(), numbers);
    let line = move || {
        form.checked.with(|checked| match checked {
            None => String::new(),
            Some(Err(errors)) => {
                let fields: BTreeSet<Field> = errors.iter().map(|error| error.field).collect();
                (text.fix_fields)(fields.len())
            }
            Some(Ok(plan)) => match plan.shape {
                Shape::Own { duration_s, max_vus, .. } => {
                    (text.summary_own)(&show::duration(duration_s), &count(f64::from(max_vus)))
                }
                Shape::Pattern { pattern, peak, duration_s, ramp_s } => {
                    let schedule = Schedule::new(pattern, peak, duration_s, ramp_s);
                    let (time, phases) = (show::duration(duration_s), schedule.phases.len());
                    let top = count(f64::from(schedule.peak()));
                    match schedule.expected_iterations() {
                        None => (text.summary_vus)(&time, phases, &top),
                        Some(all) => {
                            let course = (text.summary_rate)(&time, phases, &top);
                            format!("{course}, {}", (text.summary_iterations)(&count(all)))
                        }
                    }
                }
            },
        })
    };
    view! { <p class="summary" data-testid="summary">{line}</p> }
}

/// What a script with its own options will do.
#[component]
fn OwnOptions(executors: Vec<String>, duration_s: Option<u32>, max_vus: u32, thresholds: Vec<String>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let or_none = |list: Vec<String>| if list.is_empty() { text.none.to_owned() } else { list.join(", ") };
    view! {
        <div class="own-options" data-testid="own-options">
            <p class="muted">{text.own_options}</p>
            <dl class="facts">
                <div><dt>{text.own_executors}</dt><dd>{or_none(executors)}</dd></div>
                <div>
                    <dt>{text.own_duration}</dt>
                    <dd>{duration_s.map_or(text.own_unknown.to_owned(), show::duration)}</dd>
                </div>
                <div>
                    <dt>{text.own_max_vus}</dt>
                    <dd>{format::value(Unit::Count, f64::from(max_vus), show::numbers(lang))}</dd>
                </div>
                <div><dt>{text.own_thresholds}</dt><dd class="code">{or_none(thresholds)}</dd></div>
            </dl>
        </div>
    }
}

/// Why k6 refuses a script.
#[component]
fn Broken(message: String) -> impl IntoView {
    let text = use_text();
    view! {
        <div class="notice bad" role="alert" data-testid="broken-script">
            <p><strong>{text.broken_heading}</strong></p>
            <pre>{message}</pre>
        </div>
    }
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
