//! The page of plans, drawn by the server alone: what stands on it changes when somebody presses a button, and all of them are
//! plain forms.

mod agenda;
mod hooks;
mod text;

use leptos::prelude::*;

use self::text::{PlannerText, words};
use crate::{
    api::port::{ShownAppointment, ShownHooks},
    domain::{
        agenda::AppointmentDraft,
        id::PlanId,
        prefs::Lang,
        saved::SavedPlan,
        validate::{Draft, Field, Rules},
    },
    report::drawn,
    ui::show,
};

/// What an address of the page asks for beside the plans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// A plan to be saved, as it was typed.
    pub draft: Option<Draft>,
    /// The name that was typed for it, or for the plan to be renamed.
    pub name: String,
    /// The plan to be renamed.
    pub rename: Option<PlanId>,
    /// The plan that was just deleted, and its name.
    pub deleted: Option<(PlanId, String)>,
    /// The plan that was just saved, renamed or taken back.
    pub done: Option<PlanId>,
    /// When a plan is to start by itself, as it was typed.
    pub schedule: Option<AppointmentDraft>,
    /// The appointment that was just made.
    pub scheduled: Option<String>,
    /// The webhook that was just tried out.
    pub tested: Option<String>,
    /// Why what was asked for is not done: an error's code.
    pub error: Option<String>,
}

impl Ask {
    /// Reads the query of an address.
    pub fn of_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut ask = Self::default();
        let id = |text: &str| PlanId::try_from(text.to_owned()).ok();
        let mut deleted = None;
        for (name, value) in pairs {
            match name {
                "name" => ask.name = value.into(),
                "rename" => ask.rename = id(value),
                "deleted" => deleted = id(value),
                "done" => ask.done = id(value),
                "scheduled" => ask.scheduled = Some(value.into()),
                "tested" => ask.tested = Some(value.into()),
                "plan" => ask.schedule.get_or_insert_default().plan = value.into(),
                "at" => ask.schedule.get_or_insert_default().at = value.into(),
                "cron" => ask.schedule.get_or_insert_default().cron = value.into(),
                "zone" => ask.schedule.get_or_insert_default().zone = value.into(),
                "error" => ask.error = Some(value.into()),
                _ => {
                    if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
                        *ask.draft.get_or_insert_default().slot(field) = value.into();
                    }
                }
            }
        }
        ask.deleted = deleted.map(|id| (id, ask.name.clone()));
        ask
    }
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The plans, by name, and when they start by themselves; else why they can't be read, in English.
    pub kept: Result<(Vec<SavedPlan>, Vec<ShownAppointment>), String>,
    /// Who is told what happens; nobody where that can't be read.
    pub hooks: ShownHooks,
    /// What may be asked for now.
    pub rules: Rules,
    /// What the address asks for.
    pub ask: Ask,
}

/// The page without what is around every page.
pub fn inner_html(shown: Shown, lang: Lang) -> String {
    drawn(lang, move || page(shown, lang))
}

fn page(shown: Shown, lang: Lang) -> AnyView {
    let Shown { kept, hooks, rules, ask } = shown;
    let words = words(lang);
    let (plans, appointments) = match kept {
        Ok(kept) => kept,
        Err(why) => {
            let why = (words.unreadable)(&why);
            return view! { <p class="notice bad" role="alert">{why}</p> }.into_any();
        }
    };
    let undo = ask.deleted.clone().map(|(id, name)| deleted(&id, &name, words));
    let done = plans.iter().find(|plan| ask.done.as_ref() == Some(&plan.id)).map(|plan| {
        let told = (words.kept)(&plan.name);
        view! { <p class="notice good" role="status" data-testid="plan-done">{told}</p> }.into_any()
    });
    let save = ask.draft.as_ref().map(|draft| save(draft, &ask, &rules, lang));
    // Of what the forms below it ask for, they say it themselves.
    let stray = (ask.draft.is_none() && ask.rename.is_none() && ask.schedule.is_none()).then(|| problem(&ask, words));
    let (count, agenda) = (plans.len(), agenda::section(&plans, appointments, &ask, lang));
    let hooks = hooks::section(hooks, &ask, lang);
    let rows = plans.into_iter().map(|plan| row(plan, &ask, &rules, lang)).collect_view();
    let list = match count {
        0 => view! {
            <p class="empty-line" data-needs="presenter">{words.none}</p>
            <p class="empty-line for-viewers">{words.none_viewer}</p>
        }
        .into_any(),
        _ => view! { <ul class="plan-list">{rows}</ul> }.into_any(),
    };
    view! {
        {undo}
        {done}
        {stray}
        {save}
        <section class="card" aria-labelledby="plans-heading">
            <h2 id="plans-heading">{words.heading}</h2>
            {list}
        </section>
        {agenda}
        {hooks}
    }
    .into_any()
}

/// Says what was deleted, and how to get it back.
fn deleted(id: &PlanId, name: &str, words: &'static PlannerText) -> AnyView {
    view! {
        <form class="notice undo" method="post" action="/plans/restore" data-testid="plan-deleted">
            <p role="status">{(words.deleted)(name)}</p>
            <input type="hidden" name="id" value=id.to_string() />
            <button type="submit" class="button">{words.undo}</button>
        </form>
    }
    .into_any()
}

/// Why what was asked for is not done.
fn problem(ask: &Ask, words: &'static PlannerText) -> Option<AnyView> {
    let code = ask.error.as_deref()?;
    Some(view! { <p class="notice bad" role="alert" data-testid="plan-problem">{(words.problem)(code)}</p> }.into_any())
}

/// Asks for the name of a plan to be saved.
fn save(draft: &Draft, ask: &Ask, rules: &Rules, lang: Lang) -> AnyView {
    let words = words(lang);
    let mut typed = draft.clone();
    let hidden = Field::ALL.map(|field| {
        let value = typed.slot(field).clone();
        view! { <input type="hidden" name=field.control() value=value /> }.into_any()
    });
    let taken = ask.error.as_deref() == Some("name_taken");
    let replace = taken.then(|| {
        view! {
            <label class="check">
                <input type="checkbox" name="replace" value="true" />
                " "
                {words.replace}
            </label>
        }
        .into_any()
    });
    view! {
        <form class="card form plan-save" method="post" action="/plans/save" data-testid="plan-save">
            <h2>{words.save_heading}</h2>
            {told(draft, rules, lang)}
            {hidden.into_iter().collect_view()}
            {name_field("plan-name", &ask.name, ask.error.is_some(), words)}
            {problem(ask, words)}
            {replace}
            <p class="plan-tools">
                <button type="submit" class="button primary">{words.save}</button>
                <a class="link" href="/load">{words.back}</a>
            </p>
        </form>
    }
    .into_any()
}

fn name_field(id: &str, value: &str, is_wrong: bool, words: &'static PlannerText) -> AnyView {
    let hint = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id.to_owned()>{words.name}</label>
            <input
                type="text"
                id=id.to_owned()
                name="name"
                dir="auto"
                autocomplete="off"
                required
                autofocus
                value=value.to_owned()
                aria-describedby=hint.clone()
                aria-invalid=is_wrong.then_some("true")
            />
            <p class="field-message" id=hint>{(words.name_hint)(SavedPlan::LONGEST_NAME)}</p>
        </div>
    }
    .into_any()
}

/// A plan in a line; else all that is wrong with it now.
fn told(draft: &Draft, rules: &Rules, lang: Lang) -> AnyView {
    let words = words(lang);
    match draft.validate(rules) {
        Ok(plan) => {
            let (what, thresholds) = (show::plan_line(&plan, lang), (words.thresholds)(plan.thresholds.len()));
            let scenario = (!draft.scenario.is_empty()).then(|| draft.scenario.clone());
            let line = [what, thresholds].into_iter().chain(scenario).collect::<Vec<_>>().join(" · ");
            view! { <p class="muted break">{line}</p> }.into_any()
        }
        Err(errors) => {
            let items = errors.iter().map(|error| {
                let line = format!("{}: {}", label(error.field, lang), show::field_error(error, lang.text()));
                view! { <li class="break">{line}</li> }.into_any()
            });
            view! {
                <div class="notice warn" data-testid="plan-misfit">
                    <p>{words.misfit}</p>
                    <ul>{items.collect_view()}</ul>
                </div>
            }
            .into_any()
        }
    }
}

/// What the form calls a field.
fn label(field: Field, lang: Lang) -> &'static str {
    let text = lang.text();
    match field {
        Field::Script => text.script,
        Field::Target => text.target,
        Field::Pattern => text.pattern,
        Field::Model => text.model,
        Field::Peak => text.peak,
        Field::Duration => text.duration,
        Field::Ramp => text.ramp,
        Field::PreAllocatedVus => text.pre_allocated_vus,
        Field::MaxVus => text.max_vus,
        Field::Thresholds => text.thresholds_field,
        Field::RequestTimeout => text.request_timeout,
        Field::StopWhen => text.stop_when,
        Field::Regression => text.regression,
        Field::Scenario => text.scenario,
    }
}

/// A plan and what can be done with it.
fn row(plan: SavedPlan, ask: &Ask, rules: &Rules, lang: Lang) -> AnyView {
    let words = words(lang);
    let SavedPlan { id, name, draft, changed_ms } = plan;
    let is_renamed = ask.rename.as_ref() == Some(&id);
    let rename = is_renamed.then(|| {
        let typed = if ask.error.is_some() { &ask.name } else { &name };
        view! {
            <form class="form" method="post" action="/plans/rename">
                <input type="hidden" name="id" value=id.to_string() />
                {name_field("plan-rename", typed, ask.error.is_some(), words)}
                {problem(ask, words)}
                <p class="plan-tools">
                    <button type="submit" class="button">{words.rename}</button>
                    <a class="link" href="/plans" rel="external">{words.cancel}</a>
                </p>
            </form>
        }
        .into_any()
    });
    let of_plan = |what: &str| format!("{what}: {name}");
    view! {
        <li class="plan" data-testid="plan">
            <h3><bdi class="break">{name.clone()}</bdi></h3>
            {told(&draft, rules, lang)}
            {rename}
            <div class="plan-tools">
                <a
                    class="button primary"
                    href=format!("/again?plan={id}")
                    rel="external"
                    aria-label=of_plan(words.fill)
                >
                    {words.fill}
                </a>
                <a class="link" href=format!("/plans?rename={id}") rel="external" aria-label=of_plan(words.rename)>
                    {words.rename}
                </a>
                <a
                    class="link"
                    href=format!("/api/v1/plans/{id}/plan.yaml")
                    download=""
                    rel="external"
                    aria-label=of_plan(words.download)
                >
                    {words.download}
                </a>
                <form method="post" action="/plans/delete">
                    <input type="hidden" name="id" value=id.to_string() />
                    <button type="submit" class="link-button" aria-label=of_plan(words.delete)>{words.delete}</button>
                </form>
                <span class="muted">{(words.changed)(&show::utc(changed_ms))}</span>
            </div>
        </li>
    }
    .into_any()
}
