//! `/services`: what load may be sent to, and how it is.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::{
    domain::{
        cost::Figure,
        format,
        frame::{Dimension, Metric, Unit},
        run::ServiceTotals,
        service::ServiceStatus,
    },
    ui::{
        breakers::BreakerTable,
        condition::{ConditionBadge, Of, Watched},
        live::Live,
        pulse::Pulse,
        replicas::Replicas,
        show,
        text::{use_lang, use_text},
    },
};

/// The services page.
#[component]
pub fn ServicesPage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.nav_services />
        <WithState>
            <header class="page-head">
                <h1>{text.nav_services}</h1>
                <p class="muted">{text.services_intro}</p>
            </header>
            <Cards />
            <BreakerTable />
        </WithState>
    }
}

#[component]
fn Cards() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let names = Memo::new(move |_| {
        live.state.with(|state| {
            let services = state.snapshot.status.services.iter().map(|status| status.service.name.clone());
            services.collect::<Vec<_>>()
        })
    });
    move || {
        let names = names.get();
        if names.is_empty() {
            return view! { <p class="card empty">{text.services_empty}</p> }.into_any();
        }
        let cards = names.into_iter().map(|name| view! { <ServiceCard name /> }).collect_view();
        view! { <div class="service-cards">{cards}</div> }.into_any()
    }
}

/// What a service promises, and how far it kept that in the test at work or in the last one.
#[component]
fn Promise(name: String) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let service = name.clone();
    let slo = Memo::new(move |_| {
        live.state.with(|state| {
            let found = state.snapshot.status.services.iter().find(|status| status.service.name == service);
            found.and_then(|status| status.service.slo)
        })
    });
    let told = Memo::new(move |_| {
        live.run.with(|run| run.as_ref()?.by_service().iter().find(|told| told.name == name).cloned())
    });
    let facts = Memo::new(move |_| {
        told.with(|told| {
            let told = told.as_ref().filter(|told| told.requests > 0.0);
            let tally = told.map(ServiceTotals::tally);
            let facts = [
                (text.slo, slo.get().map(|slo| show::cost::promise(&slo, lang))),
                (text.availability, tally.map(|tally| show::cost::availability(&tally, lang))),
                ((text.figure)(Figure::Outage), told.and_then(|told| show::cost::longest_outage(told, lang))),
                (text.error_budget, tally.and_then(|tally| show::cost::budget_left(&tally, slo.get(), lang))),
            ];
            facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<Vec<_>>()
        })
    });
    move || {
        let facts = facts.get();
        let fact = |(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
        (!facts.is_empty()).then(|| {
            view! { <dl class="facts wide" data-testid="promise">{facts.into_iter().map(fact).collect_view()}</dl> }
                .into_any()
        })
    }
}

#[component]
fn ServiceCard(name: String) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let wanted = name.clone();
    let status = Memo::new(move |_| {
        live.state
            .with(|state| state.snapshot.status.services.iter().find(|status| status.service.name == wanted).cloned())
    });
    let watched = Watched::new(Of::Now, &name);
    let health = watched.health;
    let url = move || status.with(|s: &Option<ServiceStatus>| s.as_ref().map(|s| s.service.url.clone()));
    let process = name.clone();
    let use_of = move |metric: Metric| {
        let process = process.clone();
        Memo::new(move |_| {
            let value = live.state.with(|state| state.snapshot.frame.get_part(metric, Dimension::Process, &process));
            match metric {
                Metric::Cpu => show::cpu(value, lang),
                _ => format::value_or_none(Unit::Bytes, value, show::numbers(lang)),
            }
        })
    };
    view! {
        <article
            class="card service"
            data-testid=format!("service-{name}")
            data-health=move || show::health(&health.get(), lang).0
            data-condition=move || watched.condition.get().id()
        >
            <header class="run-head">
                <h2>{name.clone()}</h2>
                <ConditionBadge watched />
            </header>
            <dl class="facts wide">
                <div>
                    <dt>{text.health_check}</dt>
                    <dd>
                        {move || {
                            let more = show::health(&health.get(), lang).2;
                            if more.is_empty() { format::NO_DATA.to_owned() } else { more }
                        }}
                    </dd>
                </div>
                <div><dt>{text.address}</dt><dd class="break code">{url}</dd></div>
            </dl>
            <Pulse service=name.clone() />
            <Promise name=name.clone() />
            <dl class="tiles duo">
                <div class="tile"><dt>{text.cpu}</dt><dd><span class="number">{use_of(Metric::Cpu)}</span></dd></div>
                <div class="tile">
                    <dt>{text.memory}</dt>
                    <dd><span class="number">{use_of(Metric::Memory)}</span></dd>
                </div>
            </dl>
            <Replicas name=name.clone() />
        </article>
    }
}
