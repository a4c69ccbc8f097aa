//! The faults of a run, and what they cost.

use leptos::prelude::*;

use crate::{
    domain::{Millis, cost::FaultCost, fault::Fault, run::Run, timeline},
    ui::{
        parts::RunTime,
        show,
        text::{use_lang, use_text},
    },
};

/// One after the other; nothing where there were none.
#[component]
pub fn Faults(costed: Vec<(Fault, FaultCost)>, run: Run) -> impl IntoView {
    let text = use_text();
    if costed.is_empty() {
        return ().into_any();
    }
    let origin_ms = timeline::origin_ms(&run);
    let one = |(fault, told): (Fault, FaultCost)| view! { <One fault told origin_ms /> };
    view! {
        <section class="card" data-testid="report-faults">
            <h2>{text.report_faults}</h2>
            {costed.into_iter().map(one).collect_view()}
        </section>
    }
    .into_any()
}

#[component]
fn One(fault: Fault, told: FaultCost, origin_ms: Millis) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let Fault { request, replicas, set_at_ms, asked_ms, .. } = fault;
    let name = (text.fault_kind)(request.kind);
    let whom = show::hit(&request.service, &replicas, text);
    let outcome = request.hypothesis.zip(told.cost.outcome).map(|(hypothesis, outcome)| {
        format!("{}: {}", show::cost::hypothesis(&hypothesis, lang), show::cost::outcome(&outcome, text).1)
    });
    let row = |(name, value): (&'static str, String)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    view! {
        <article class="report-fault" data-testid="report-fault">
            <h3>{name}": "{whom}" ("<RunTime at_ms=set_at_ms.unwrap_or(asked_ms) origin_ms />")"</h3>
            <p>{show::cost::sentence(&told.cost, lang)}"."</p>
            {show::cost::away(&told.cost, lang).map(|away| view! { <p>{away}</p> })}
            {outcome.map(|words| view! { <p>{words}"."</p> })}
            <dl class="clocks">{show::cost::clocks(&told.cost, lang).into_iter().map(row).collect_view()}</dl>
            <dl class="facts wide">{show::cost::figures(&told.cost, lang).into_iter().map(row).collect_view()}</dl>
        </article>
    }
}
