//! When plans start by themselves.

use leptos::prelude::*;

use super::{
    Ask, problem,
    text::{PlannerText, words},
};
use crate::{
    api::port::ShownAppointment,
    domain::{
        agenda::{Appointment, Outcome, When},
        prefs::Lang,
        saved::SavedPlan,
    },
};

/// The appointments, and a form for one more; nothing where there is no plan to start.
pub fn section(plans: &[SavedPlan], appointments: Vec<ShownAppointment>, ask: &Ask, lang: Lang) -> Option<AnyView> {
    let words = words(lang);
    if plans.is_empty() && appointments.is_empty() {
        return None;
    }
    let rows = appointments.into_iter().map(|shown| row(shown, ask, words)).collect_view();
    let form = (!plans.is_empty()).then(|| form(plans, ask, words));
    Some(
        view! {
            <section class="card" aria-labelledby="agenda-heading">
                <h2 id="agenda-heading">{words.agenda}</h2>
                <ul class="plan-list">{rows}</ul>
                {form}
            </section>
        }
        .into_any(),
    )
}

fn row(shown: ShownAppointment, ask: &Ask, words: &'static PlannerText) -> AnyView {
    let ShownAppointment { appointment, plan, next, last } = shown;
    let name = plan.unwrap_or_else(|| appointment.plan.to_string());
    let Appointment { id, when, zone, last: outcome, .. } = appointment;
    let is_new = ask.scheduled.as_deref() == Some(id.as_str());
    let when = match when {
        When::Once { at } => (words.once)(&at, &zone),
        When::Cron { line } => (words.again)(&line, &zone),
    };
    let times = next.into_iter().map(|(_, clock)| {
        let clock = (words.clock)(&clock);
        view! { <li class="tabular">{clock}</li> }.into_any()
    });
    let times = times.collect::<Vec<_>>();
    let next = match times.is_empty() {
        true => view! { <p class="muted">{words.over}</p> }.into_any(),
        false => view! { <p class="muted">{words.next}</p> <ol class="plan-times">{times}</ol> }.into_any(),
    };
    let came = last.zip(outcome).map(|(clock, last)| {
        let tone = match last.outcome {
            Outcome::Started { .. } => "good",
            Outcome::Skipped { .. } | Outcome::Missed { .. } => "warn",
            Outcome::Failed { .. } => "bad",
        };
        let link = match &last.outcome {
            Outcome::Started { run } | Outcome::Skipped { running: run } => Some(format!("/runs/{run}")),
            _ => None,
        };
        let link = link.map(|href| view! { " " <a class="link" href=href>{words.run}</a> }.into_any());
        let told = (words.came)(&(words.clock)(&clock), &last.outcome);
        view! { <p class=format!("notice {tone}") data-testid="schedule-last">{told} {link}</p> }.into_any()
    });
    let label = format!("{}: {name}", words.unschedule);
    view! {
        <li class="plan" data-testid="schedule">
            <h3><bdi class="break">{name}</bdi></h3>
            {is_new.then(|| view! { <p class="notice good" role="status">{words.scheduled}</p> }.into_any())}
            <p class="break">{when}</p>
            {next}
            {came}
            <form class="plan-tools" method="post" action="/plans/unschedule">
                <input type="hidden" name="id" value=id.to_string() />
                <button type="submit" class="link-button" aria-label=label>{words.unschedule}</button>
            </form>
        </li>
    }
    .into_any()
}

/// Asks when a plan is to start by itself.
fn form(plans: &[SavedPlan], ask: &Ask, words: &'static PlannerText) -> AnyView {
    let typed = ask.schedule.clone().unwrap_or_default();
    let options = plans.iter().map(|plan| {
        let (id, name) = (plan.id.to_string(), plan.name.clone());
        let is_chosen = id == typed.plan;
        view! { <option value=id selected=is_chosen>{name}</option> }.into_any()
    });
    let wrong = ask.schedule.as_ref().and_then(|_| problem(ask, words));
    let field = |name: &'static str, label: &'static str, value: String, hint: &'static str| {
        let (id, hint_id) = (format!("schedule-{name}"), format!("schedule-{name}-hint"));
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input
                    type="text"
                    id=id
                    name=name
                    autocomplete="off"
                    spellcheck="false"
                    value=value
                    aria-describedby=hint_id.clone()
                />
                <p class="field-message" id=hint_id>{hint}</p>
            </div>
        }
        .into_any()
    };
    view! {
        <form class="form plan-schedule" method="post" action="/plans/schedule" data-testid="schedule-form">
            <h3>{words.schedule_heading}</h3>
            <div class="field">
                <label for="schedule-plan">{words.plan}</label>
                <select id="schedule-plan" name="plan">{options.collect_view()}</select>
            </div>
            <div class="pair triple">
                {field("at", words.at, typed.at, words.at_hint)}
                {field("cron", words.cron, typed.cron, words.cron_hint)}
                {field("zone", words.zone, typed.zone, words.zone_hint)}
            </div>
            {wrong}
            <p class="plan-tools">
                <button type="submit" class="button">{words.schedule}</button>
            </p>
        </form>
    }
    .into_any()
}
