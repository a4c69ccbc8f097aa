//! What is set, with the time that is left, and what was.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{how_long, title};
use crate::{
    api::functions::{restore_all, restore_fault},
    domain::{
        Millis,
        cost::Cost,
        fault::{Fault, FaultId, FaultState},
        format,
        prefs::Lang,
    },
    ui::{
        live::Live,
        parts::LocalTime,
        show,
        text::{Text, use_lang, use_text},
    },
};

/// The faults that are on, or not.
fn faults(live: Live, on: bool) -> Memo<Vec<FaultId>> {
    Memo::new(move |_| {
        live.state.with(|state| {
            let faults = state.snapshot.status.faults.iter();
            faults.filter(|fault| fault.state.is_on() == on).map(|fault| fault.id.clone()).collect()
        })
    })
}

/// One of them.
fn fault(live: Live, id: FaultId) -> Memo<Option<Fault>> {
    Memo::new(move |_| {
        live.state.with(|state| state.snapshot.status.faults.iter().find(|fault| fault.id == id).cloned())
    })
}

/// What a fault costs, so far or in the end.
fn cost(live: Live, id: FaultId) -> Memo<Option<Cost>> {
    Memo::new(move |_| {
        live.state.with(|state| {
            let told = state.snapshot.status.costs.iter().find(|told| told.fault == id);
            told.map(|told| told.cost.clone())
        })
    })
}

/// What a fault costs: as a sentence, on four clocks, and in all figures; and what became of its hypothesis.
#[component]
fn CostView(id: FaultId) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let pledge = fault(live, id.clone());
    let cost = cost(live, id);
    let known = Memo::new(move |_| cost.with(Option::is_some));
    let of = move |f: fn(&Cost, Lang) -> Vec<(&'static str, String)>| {
        Memo::new(move |_| cost.with(|cost| cost.as_ref().map(|cost| f(cost, lang)).unwrap_or_default()))
    };
    let facts = |rows: Memo<Vec<(&'static str, String)>>| {
        move || {
            let row = |(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
            rows.get().into_iter().map(row).collect_view()
        }
    };
    let sentence = move || cost.with(|cost| cost.as_ref().map(|cost| show::cost::sentence(cost, lang)));
    let away = Memo::new(move |_| cost.with(|cost| cost.as_ref().and_then(|cost| show::cost::away(cost, lang))));
    let out = Memo::new(move |_| cost.with(|cost| cost.as_ref().and_then(|cost| show::cost::out_for(cost, lang))));
    let outcome = Memo::new(move |_| {
        let hypothesis = pledge.with(|fault| fault.as_ref().and_then(|fault| fault.request.hypothesis))?;
        let (tone, word) = cost.with(|cost| Some(show::cost::outcome(&cost.as_ref()?.outcome?, text)))?;
        Some((show::cost::hypothesis(&hypothesis, lang), tone, word))
    });
    move || {
        known.get().then(|| {
            let (clocks, figures) = (of(show::cost::clocks), of(show::cost::figures));
            view! {
                {move || out.get().map(|out| view! { <p class="fault-out" data-testid="fault-out">{out}</p> }.into_any())}
                <p class="fault-cost" data-testid="fault-cost">{sentence}</p>
                {move || away.get().map(|away| view! { <p data-testid="fault-away">{away}</p> }.into_any())}
                {move || outcome.get().map(|(what, tone, word)| {
                    view! { <p data-testid="fault-hypothesis">{what}": "<strong class="outcome" data-tone=tone>{word}</strong></p> }
                        .into_any()
                })}
                <dl class="clocks" data-testid="fault-clocks">{facts(clocks)}</dl>
                <details class="fault-more">
                    <summary>{text.cost_all_figures}</summary>
                    <dl class="facts wide" data-testid="fault-figures">{facts(figures)}</dl>
                </details>
            }
            .into_any()
        })
    }
}

/// Tells every page that something is set, and leads to it.
#[component]
pub fn FaultBadge() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let count = Memo::new(move |_| {
        live.state.with(|state| state.snapshot.status.faults.iter().filter(|fault| fault.state.is_on()).count())
    });
    move || {
        let count = count.get();
        (count > 0).then(|| {
            view! {
                <a class="badge fault-badge" href="/faults" data-state="failed" data-testid="fault-badge">
                    {(text.faults_on)(count)}
                </a>
            }
            .into_any()
        })
    }
}

/// What is set now.
#[component]
pub fn ActiveFaults() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let on = faults(live, true);
    let all = Action::new(|_: &()| restore_all());
    view! {
        <section class="card" aria-labelledby="faults-active">
            <header class="run-head">
                <h2 id="faults-active" tabindex="-1">{text.faults_active}</h2>
                {move || on.with(|on| !on.is_empty()).then(|| {
                    view! {
                        <form method="post" action="/faults/restore-all" on:submit=move |event| { event.prevent_default(); all.dispatch(()); }>
                            <button type="submit" class="button" aria-disabled=move || all.pending().get().then_some("true")>
                                {text.restore_all}
                            </button>
                        </form>
                    }
                        .into_any()
                })}
            </header>
            {move || match on.with(Vec::is_empty) {
                true => view! { <p class="empty-line">{text.faults_none}</p> }.into_any(),
                false => view! { <FaultCards /> }.into_any(),
            }}
        </section>
    }
}

/// A card for each fault that is set.
#[component]
pub fn FaultCards() -> impl IntoView {
    let live: Live = expect_context();
    let on = faults(live, true);
    let cards = move || on.get().into_iter().map(|id| view! { <Active id /> }).collect_view();
    view! { <ul class="fault-list">{cards}</ul> }
}

/// A fault that is set.
#[component]
fn Active(id: FaultId) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let fault = fault(live, id.clone());
    let part =
        move |f: fn(&Fault, &'static Text) -> String| move || fault.with(|one| one.as_ref().map(|one| f(one, text)));
    let state = Memo::new(move |_| fault.with(|one| one.as_ref().map_or("restored", |one| one.state.name())));
    let left =
        Memo::new(move |_| fault.with(|one| one.as_ref().and_then(|one| one.left_s(live.now_ms.get()))).map(f64::ceil));
    let share = move || {
        let whole = fault
            .with(|one| one.as_ref().map(|one| one.until_ms.saturating_sub(one.set_at_ms.unwrap_or(one.asked_ms))));
        let whole = whole.filter(|whole| *whole > 0)? as f64 / 1e3;
        let left = fault.with(|one| one.as_ref().and_then(|one| one.left_s(live.now_ms.get())))?;
        Some((left / whole).clamp(0.0, 1.0))
    };
    let restore = Action::new(|id: &FaultId| restore_fault(id.clone()));
    let problem = move || {
        restore.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => None,
        })
    };
    let (name, for_cost) = (id.to_string(), id.clone());
    let here = use_location().pathname;
    view! {
        <li class="fault" data-testid="fault" data-state=state>
            <div class="run-head">
                <h3>{part(title)}</h3>
                <span class="badge" data-state=move || if state.get() == "active" { "failed" } else { "stopping" }>
                    {move || (text.fault_state)(state.get())}
                </span>
            </div>
            <p class="muted">{part(|fault, text| (text.fault_effect)(&fault.request.effect()))}</p>
            <CostView id=for_cost />
            <div class="fault-time">
                <span class="fault-left">
                    {move || match left.get() {
                        Some(left) => (text.time_left)(&format::clock(left)),
                        None => String::new(),
                    }}
                </span>
                <form method="post" action=move || format!("/faults/restore?back={}", here.get()) on:submit=move |event| { event.prevent_default(); restore.dispatch(id.clone()); }>
                    <input type="hidden" name="id" value=name />
                    <button
                        type="submit"
                        class="button"
                        hidden=move || left.get().is_none()
                        aria-disabled=move || (restore.pending().get() || state.get() != "active").then_some("true")
                    >
                        {text.restore}
                    </button>
                </form>
            </div>
            <div class="bar" aria-hidden="true">
                <div class="bar-fill" style:transform=move || format!("scaleX({:.3})", share().unwrap_or_default())></div>
            </div>
            {move || problem().map(|message| view! { <p class="notice bad" role="alert">{message}</p> }.into_any())}
        </li>
    }
}

/// What was set.
#[component]
pub fn EarlierFaults() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let over = faults(live, false);
    view! {
        <section class="card" aria-labelledby="faults-earlier">
            <h2 id="faults-earlier">{text.faults_earlier}</h2>
            {move || {
                let over = over.get();
                if over.is_empty() {
                    return view! {
                        <p class="empty-line" data-needs="presenter">{text.faults_none_earlier}</p>
                        <p class="empty-line for-viewers">{text.faults_none_earlier_viewer}</p>
                    }
                    .into_any();
                }
                let rows = over.into_iter().map(|id| view! { <Earlier id /> }).collect_view();
                view! { <ul class="fault-list">{rows}</ul> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Earlier(id: FaultId) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let found = fault(live, id.clone());
    let away = cost(live, id);
    let away = Memo::new(move |_| away.with(|cost| cost.as_ref().and_then(|cost| cost.away)));
    move || {
        let fault = found.get()?;
        let set_ms = fault.set_at_ms.unwrap_or(fault.asked_ms);
        // Who was not there when it ended does not know for how long all had been well.
        let is_seen = |restored_ms: Millis| away.get().is_none_or(|away| restored_ms >= set_ms + away.to_ms);
        let head = title(&fault, text);
        let time = how_long(&fault.request, text);
        let effect = (text.fault_effect)(&fault.request.effect());
        let what = if time.is_empty() { effect } else { format!("{effect}, {time}") };
        let end = match &fault.state {
            FaultState::Restored { why } => {
                let after = match (fault.restored_at_ms, fault.healthy_again_ms) {
                    (Some(restored), Some(_)) if !is_seen(restored) => text.fault_well_when_back.to_owned(),
                    (Some(restored), Some(healthy)) => {
                        (text.fault_well_after)(&show::cost::seconds(healthy.saturating_sub(restored), lang))
                    }
                    _ => text.fault_not_well_yet.to_owned(),
                };
                format!("{}; {after}", (text.fault_ended)((text.fault_end)(*why)))
            }
            FaultState::Failed { reason } => (text.fault_failed)(reason),
            _ => String::new(),
        };
        Some(
            view! {
                <li class="fault" data-testid="earlier-fault" data-state=fault.state.name()>
                    <div class="run-head">
                        <h3>{head}</h3>
                        <LocalTime at_ms=set_ms />
                    </div>
                    <p class="muted">{what}</p>
                    <CostView id=fault.id.clone() />
                    <p>{end}</p>
                </li>
            }
            .into_any(),
        )
    }
}
