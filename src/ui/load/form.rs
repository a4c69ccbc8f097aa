//! The form that sets up and starts a test.

use std::collections::BTreeSet;

use leptos::{prelude::*, web_sys};

use super::{
    ActionError,
    fields::{ModelField, PatternField, SeldomField, SelectField, TextField},
    rules::ThresholdsField,
    state::{DURATIONS_HINT, FORM_ID, Form, TARGET_HINT},
};
use crate::{
    domain::{
        format,
        frame::Unit,
        plan::{ALL_BUT_DASHBOARD, REQUEST_TIMEOUT_S, Shape},
        schedule::Schedule,
        script::{Script, ScriptKind},
        validate::Field,
    },
    ui::{
        charts::SchedulePreview,
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

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
            form.wake();
        }
        form.ask_for_rules();
    });

    let scripts = Signal::derive(move || {
        let label = |script: &Script| match script.kind {
            ScriptKind::Scheduled => script.name.clone(),
            ScriptKind::Own { .. } => format!("{} ({})", script.name, text.script_own),
            ScriptKind::Pending => format!("{} ({})", script.name, text.script_pending),
            ScriptKind::Broken { .. } => format!("{} ({})", script.name, text.script_broken),
        };
        form.rules().with(|rules| {
            rules.iter().flat_map(|rules| &rules.scripts).map(|script| (script.name.clone(), label(script))).collect()
        })
    });
    let targets = Signal::derive(move || {
        form.rules().with(|rules| {
            let Some(rules) = rules else { return Vec::new() };
            rules.targets().into_iter().map(|name| (name.clone(), show::target_choice(&name, rules, text))).collect()
        })
    });
    let scenarios = Signal::derive(move || {
        let none = (String::new(), text.scenario_none.to_owned());
        form.rules().with(|rules| {
            let offers = rules.iter().flat_map(|rules| &rules.scenarios);
            let offered =
                offers.filter_map(|offer| Some((offer.file.clone(), offer.scenario.as_ref().ok()?.name.clone())));
            [none].into_iter().chain(offered).collect::<Vec<_>>()
        })
    });
    // One that was asked for stays to be seen, also where there are none.
    let has_scenarios =
        Memo::new(move |_| scenarios.with(|choices| choices.len() > 1) || !form.value_now(Field::Scenario).is_empty());
    let about = form.scenario();
    let target = form.target();
    let left_out = move || (target.get() == ALL_BUT_DASHBOARD).then_some(text.all_services_hint);
    let pending = form.is_starting();

    view! {
        <p class="card muted for-viewers">{text.viewer_hint}</p>
        <form
            id=FORM_ID
            class="card form"
            method="post"
            action="/start"
            aria-label=text.form_name
            novalidate
            on:submit=move |event: web_sys::SubmitEvent| {
                // A button that leads elsewhere takes along what is filled in.
                if event.submitter().is_some_and(|button| button.has_attribute("formaction")) {
                    return;
                }
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
            <p class="field-message" id=TARGET_HINT>{left_out}</p>
            {move || match script.get().map(|script| script.kind) {
                Some(ScriptKind::Own { executors, duration_s, max_vus, thresholds, .. }) => {
                    view! { <OwnOptions executors duration_s max_vus thresholds /> }.into_any()
                }
                Some(ScriptKind::Broken { message }) => view! { <Broken message /> }.into_any(),
                Some(ScriptKind::Scheduled | ScriptKind::Pending) | None => view! { <Course form /> }.into_any(),
            }}
            <SeldomField form field=Field::StopWhen label=text.stop_when hint=text.stop_when_hint />
            <SeldomField form field=Field::Regression label=text.regression hint=text.regression_hint />
            <div class="pair">
                <TextField
                    form
                    field=Field::RequestTimeout
                    label=text.request_timeout
                    placeholder=show::duration(REQUEST_TIMEOUT_S)
                    hint=text.request_timeout_hint
                />
                {move || {
                    has_scenarios
                        .get()
                        .then(|| {
                            view! {
                                <SelectField form field=Field::Scenario label=text.scenario choices=scenarios />
                            }
                                .into_any()
                        })
                }}
            </div>
            {move || {
                has_scenarios
                    .get()
                    .then(|| {
                        view! {
                            <p class="field-message" data-testid="scenario-about">
                                {move || about.get().map(|scenario| scenario.description)}
                            </p>
                        }
                            .into_any()
                    })
            }}
            <Summary form />
            <ActionError error=form.problem() />
            <button type="submit" class="button primary large" aria-disabled=move || pending.get().then_some("true")>
                {move || if pending.get() { text.starting } else { text.start }}
            </button>
            <button type="submit" class="button" formaction="/plans/draft" formnovalidate>{text.plan_save}</button>
            <EngineLine />
        </form>
    }
}

/// Which k6 will run the test, and why that one.
#[component]
fn EngineLine() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let engine = Memo::new(move |_| {
        live.state.with(|state| {
            let engine = &state.snapshot.status.engine;
            let version = engine.k6_version.as_ref().filter(|_| engine.ready)?;
            let why = engine.why.map(|why| (text.engine_reason)(why));
            let why = why.map_or_else(|| engine.note.clone(), |why| format!("{}, {why}", engine.place));
            Some(format!("k6 {version}: {why}"))
        })
    });
    move || {
        engine.get().map(|line| view! { <p class="muted break engine-line" data-testid="engine">{line}</p> }.into_any())
    }
}

/// Everything that decides the load's course.
#[component]
fn Course(form: Form) -> impl IntoView {
    let text = use_text();
    let is_open = form.is_open();
    let peak_label = Signal::derive(move || if is_open.get() { text.peak_rate } else { text.peak_vus });
    let schedule = form.schedule();
    let scenario = form.scenario();
    let steps = Signal::derive(move || {
        scenario.get().map(|scenario| show::scenario::marks(&scenario, text)).unwrap_or_default()
    });
    view! {
        <PatternField form />
        <ModelField form />
        <div class="pair triple">
            <TextField form field=Field::Peak label=peak_label inputmode="numeric" />
            <TextField form field=Field::Duration label=text.duration hint=text.duration_hint />
            <TextField form field=Field::Ramp label=text.ramp placeholder=text.automatic hint=text.ramp_hint />
        </div>
        <p class="field-message" id=DURATIONS_HINT>{text.durations_hint}</p>
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
        <ThresholdsField form />
        <SchedulePreview schedule=schedule steps />
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
                    let (time, phases) = (show::duration(duration_s), schedule.stretches().count());
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
