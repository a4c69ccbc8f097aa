//! The replicas of a service: how each is to its callers, to the gateway and to the system.

use leptos::prelude::*;

use super::{
    live::Live,
    pulse::Pulse,
    show,
    text::{use_lang, use_text},
};
use crate::domain::{
    format,
    service::{Health, ProcessState, ReplicaStatus},
};

/// The replicas of the service `name`, where it has some apart from itself.
#[component]
pub fn Replicas(
    /// The service.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let service = name.clone();
    let replicas = Memo::new(move |_| {
        live.state.with(|state| {
            let status = state.snapshot.status.services.iter().find(|status| status.service.name == name);
            let apart = status.filter(|status| status.has_replicas());
            apart.map(|status| status.replicas.clone()).unwrap_or_default()
        })
    });
    let names =
        Memo::new(move |_| replicas.with(|all| all.iter().map(|one| one.replica.name.clone()).collect::<Vec<_>>()));
    move || {
        let names = names.get();
        (!names.is_empty()).then(|| {
            let row = |name| view! { <Row service=service.clone() name replicas /> };
            let rows = names.into_iter().map(row).collect_view();
            view! {
                <h3 class="replicas-head">{text.replicas}</h3>
                <ul class="replicas">{rows}</ul>
            }
        })
    }
}

#[component]
fn Row(service: String, name: String, replicas: Memo<Vec<ReplicaStatus>>) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let wanted = name.clone();
    let one = Memo::new(move |_| replicas.with(|all| all.iter().find(|one| one.replica.name == wanted).cloned()));
    let health = Memo::new(move |_| one.with(|one| one.as_ref().map_or(Health::Unknown, |one| one.health.clone())));
    let process = move || {
        one.with(|one| {
            let process = one.as_ref()?.process.clone()?;
            let word = (text.process_state)(process.state, process.code);
            // Counted from the server's clock, and never before it.
            let age_s = live.now_ms.get().saturating_sub(process.since_ms) as f64 / 1e3;
            let since = (text.state_since)(&format::clock(age_s));
            Some(match process.restarts {
                0 => format!("{word} {since}"),
                times => format!("{word} {since}, {}", (text.restarts)(times)),
            })
        })
    };
    let gateway = move || {
        one.with(|one| {
            let word = one.as_ref()?.gateway.clone()?;
            let share = word.share.map(|share| (share * 100.0).round() as u32);
            Some(match (word.up, share) {
                (false, _) => text.gateway_down.to_owned(),
                (true, Some(share)) => (text.gateway_share)(share),
                (true, None) => text.gateway_up.to_owned(),
            })
        })
    };
    let fact = |label: &'static str, value: String| view! { <div><dt>{label}</dt><dd>{value}</dd></div> };
    let state = move || one.with(|one| one.as_ref().and_then(|one| Some(one.process.as_ref()?.state)));
    view! {
        <li
            data-testid=format!("replica-{name}")
            data-health=move || show::health(&health.get(), lang).0
            data-process=move || state().map(ProcessState::name)
            data-gateway=move || one.with(|one| Some(if one.as_ref()?.gateway.as_ref()?.up { "up" } else { "down" }))
        >
            <div class="run-head">
                <h4>{name.clone()}</h4>
                <span class="health" data-tone=move || show::health_tone(&health.get())>
                    {move || show::health(&health.get(), lang).1}
                </span>
            </div>
            <dl>
                {move || {
                    let more = show::health(&health.get(), lang).2;
                    (!more.is_empty()).then(|| fact(text.health_check, more))
                }}
                {move || process().map(|said| fact(text.process, said))}
                {move || gateway().map(|said| fact(text.gateway, said))}
            </dl>
            <Pulse service replica=name.clone() />
        </li>
    }
}
