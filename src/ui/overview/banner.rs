//! What is at work: the test and the faults, each with the time that is left and the way to end it.

use leptos::prelude::*;

use crate::{
    domain::{format, run::Run},
    ui::{
        faults::FaultCards,
        live::Live,
        pages::ReloadWithoutScript,
        show,
        text::{use_lang, use_text},
    },
};

/// Tells of what is at work; nothing while nothing is.
#[component]
pub fn Banner() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let load = Memo::new(move |_| live.run.with(|run| run.as_ref().is_some_and(|run| run.state.is_active())));
    let faults = Memo::new(move |_| {
        live.state.with(|state| state.snapshot.status.faults.iter().any(|fault| fault.state.is_on()))
    });
    move || {
        (load.get() || faults.get()).then(|| {
            view! {
                <ReloadWithoutScript />
                <section class="banner" data-testid="banner" aria-labelledby="at-work">
                    <h2 class="visually-hidden" id="at-work">{text.at_work}</h2>
                    {move || load.get().then(|| view! { <Load /> }.into_any())}
                    {move || faults.get().then(|| view! { <FaultCards /> }.into_any())}
                </section>
            }
            .into_any()
        })
    }
}

/// The test at work.
#[component]
fn Load() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let state = Memo::new(move |_| live.run.with(|run| show::state(run.as_ref(), text)));
    let said = move |words: fn(&Run, crate::domain::prefs::Lang) -> String| {
        Memo::new(move |_| live.run.with(|run| run.as_ref().map(|run| words(run, lang))))
    };
    let what = said(|run, lang| show::plan_line(&run.plan, lang));
    let left = Memo::new(move |_| {
        let now_ms = live.now_ms.get();
        let left = live.run.with(|run| run.as_ref().and_then(|run| run.remaining_s(now_ms)));
        left.map(|left| (text.time_left)(&format::clock(left.ceil())))
    });
    view! {
        <div class="banner-load" data-testid="banner-load">
            <span class="badge" data-state=move || state.get().0>{move || state.get().1}</span>
            <p class="banner-what"><strong>{text.nav_load}</strong> " " <span class="muted">{what}</span></p>
            <span class="big-time">{left}</span>
            <a class="link" href="/load">{text.watch_load}</a>
        </div>
    }
}
