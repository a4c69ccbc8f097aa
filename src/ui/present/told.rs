//! What is at work, what happened last, and what the last fault cost.

use leptos::prelude::*;

use crate::{
    domain::{Millis, event::Event, format},
    ui::{
        faults,
        live::{Connection, Live},
        parts::LocalTime,
        show,
        text::{use_lang, use_text},
    },
};

/// As many events as a room reads at a glance.
const EVENTS: usize = 3;

/// From that age on, in seconds, values are old: some comes every second.
const OLD_S: f64 = 5.0;

/// The test and its time, faults with theirs, and whether all this is still live.
#[component]
pub fn Head() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let state = Memo::new(move |_| live.run.with(|run| show::state(run.as_ref(), text)));
    let plan = Memo::new(move |_| live.run.with(|run| run.as_ref().map(|run| show::plan_line(&run.plan, lang))));
    let left = Memo::new(move |_| {
        let now_ms = live.now_ms.get();
        let left = live.run.with(|run| run.as_ref().filter(|run| run.state.is_active())?.remaining_s(now_ms));
        left.map(|left| (text.time_left)(&format::clock(left.ceil())))
    });
    let on = Memo::new(move |_| {
        let now_ms = live.now_ms.get();
        live.state.with(|state| {
            let on = state.snapshot.status.faults.iter().filter(|fault| fault.state.is_on());
            let said = on.map(|fault| {
                let left = fault.left_s(now_ms).map(|left| format!(" · {}", format::clock(left.ceil())));
                faults::title(fault, text) + &left.unwrap_or_default()
            });
            said.collect::<Vec<_>>()
        })
    });
    let old = Memo::new(move |_| {
        let newest_ms = live.state.with(|state| state.snapshot.now_ms);
        let lost = live.connection.get() == Connection::Lost;
        let age = age_s(lost, newest_ms, live.now_ms.get()).map(|age_s| (text.values_old)(&format::clock(age_s)));
        let lost = lost.then(|| text.connection_lost.to_owned());
        age.map(|age| lost.into_iter().chain([age]).collect::<Vec<_>>().join(" "))
    });
    view! {
        <header class="present-head">
            <span class="badge" data-testid="run-state" data-state=move || state.get().0>{move || state.get().1}</span>
            <span class="present-plan">{plan}</span>
            <strong class="tabular">{left}</strong>
            {move || {
                let one = |said: String| {
                    view! { <span class="badge tabular" data-state="failed" data-testid="present-fault">{said}</span> }.into_any()
                };
                on.get().into_iter().map(one).collect_view()
            }}
            {move || old.get().map(|said| {
                view! { <span class="badge present-old tabular" data-state="stopping" data-testid="present-old">{said}</span> }.into_any()
            })}
        </header>
    }
}

/// How old what is shown is, in seconds, where that is worth saying: as long as the connection is lost, and when nothing came for
/// so long that it is, though nobody noticed yet: after a sleep, say.
fn age_s(lost: bool, newest_ms: Millis, now_ms: Millis) -> Option<f64> {
    let age_s = now_ms.saturating_sub(newest_ms) as f64 / 1e3;
    (lost || age_s >= OLD_S).then_some(age_s)
}

/// What the last fault costs, in a sentence.
#[component]
pub fn LastCost() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let said = Memo::new(move |_| {
        live.state.with(|state| {
            let status = &state.snapshot.status;
            let told = status.costs.first()?;
            let fault = status.faults.iter().find(|fault| fault.id == told.fault)?;
            Some((faults::title(fault, text), show::cost::sentence(&told.cost, lang)))
        })
    });
    move || {
        said.get().map(|(fault, cost)| {
            view! {
                <p class="present-cost" data-testid="present-cost">
                    <span class="muted">{fault}</span>
                    " "
                    <strong>{cost}</strong>
                </p>
            }
            .into_any()
        })
    }
}

/// What happened last, newest first.
#[component]
pub fn Ticker() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let last = Memo::new(move |_| {
        live.state.with(|state| state.snapshot.events.iter().rev().take(EVENTS).cloned().collect::<Vec<_>>())
    });
    let line = move |event: Event| {
        let (tone, words) = show::event(&event.kind, lang);
        view! { <li data-tone=tone><LocalTime at_ms=event.at_ms /> <span>{words}</span></li> }.into_any()
    };
    view! {
        <ol class="ticker" data-testid="ticker" aria-label=text.timeline>
            {move || last.get().into_iter().map(line).collect_view()}
        </ol>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_said_before_anybody_noticed_why() {
        assert_eq!(age_s(false, 10_000, 14_900), None);
        assert_eq!(age_s(false, 10_000, 15_000), Some(5.0), "slept through");
        assert_eq!(age_s(true, 10_000, 11_500), Some(1.5), "the connection is lost");
        assert_eq!(age_s(false, 10_000, 9_000), None, "a clock that was set back");
    }
}
