//! The circuit breakers that services tell of.

use leptos::prelude::*;

use crate::{
    domain::{breaker::Breaker, format, frame::Unit},
    ui::{
        live::Live,
        parts::LocalTime,
        show,
        text::{use_lang, use_text},
    },
};

/// A row a breaker.
#[component]
pub fn BreakerTable() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let names = Memo::new(move |_| {
        live.state.with(|state| {
            let breakers = state.snapshot.status.breakers.all.iter();
            breakers.map(|breaker| (breaker.replica.clone(), breaker.dependency.clone())).collect::<Vec<_>>()
        })
    });
    let rows = move || {
        let names = names.get();
        if names.is_empty() {
            return view! { <p class="muted">{text.breakers_empty}</p> }.into_any();
        }
        let rows = names.into_iter().map(|(replica, dependency)| view! { <Row replica dependency /> }).collect_view();
        view! {
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.breakers>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.breaker_path}</th>
                            <th scope="col">{text.breaker_state}</th>
                            <th scope="col" class="num">{text.breaker_share}</th>
                            <th scope="col" class="num">{text.breaker_calls}</th>
                            <th scope="col" class="num">{text.breaker_failed}</th>
                            <th scope="col" class="num">{text.breaker_rejected}</th>
                            <th scope="col" class="num">{text.breaker_changed}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" data-testid="breakers">
            <h2>{text.breakers}</h2>
            <p class="muted">{text.breakers_hint}</p>
            {rows}
        </section>
    }
}

#[component]
fn Row(replica: String, dependency: String) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let wanted = (replica.clone(), dependency.clone());
    let breaker = Memo::new(move |_| {
        live.state.with(|state| {
            let mut breakers = state.snapshot.status.breakers.all.iter();
            breakers.find(|one| (&one.replica, &one.dependency) == (&wanted.0, &wanted.1)).cloned()
        })
    });
    let state = Memo::new(move |_| breaker.with(|one| one.as_ref().and_then(|one| one.state)));
    let changed_ms = Memo::new(move |_| breaker.with(|one| one.as_ref().and_then(|one| one.last_change_ms)));
    let figure = move |unit, value: fn(&Breaker) -> Option<f64>| {
        move || breaker.with(|one| format::value_or_none(unit, one.as_ref().and_then(value), show::numbers(lang)))
    };
    view! {
        <tr
            data-testid=format!("breaker-{replica}-{dependency}")
            data-state=move || state.get().map_or("unknown", |state| state.name())
        >
            <th scope="row" class="two-lines">
                {replica.clone()}
                " "
                <span class="muted">{(text.breaker_calls_whom)(&dependency)}</span>
            </th>
            <td>
                <span class="health" data-tone=move || show::breaker(state.get(), text).0>
                    {move || show::breaker(state.get(), text).1}
                </span>
            </td>
            <td class="num">{figure(Unit::Share, |one| one.failure_share)}</td>
            <td class="num">{figure(Unit::Count, |one| Some((one.calls.success + one.calls.failure) as f64))}</td>
            <td class="num">{figure(Unit::Count, |one| Some(one.calls.failure as f64))}</td>
            <td class="num">{figure(Unit::Count, |one| Some(one.calls.rejected as f64))}</td>
            <td class="num">
                {move || match changed_ms.get() {
                    Some(at_ms) => view! { <LocalTime at_ms /> }.into_any(),
                    None => text.breaker_never.into_any(),
                }}
            </td>
        </tr>
    }
}
