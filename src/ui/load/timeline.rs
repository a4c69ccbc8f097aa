//! What happened, newest first.

use leptos::prelude::*;

use crate::ui::{
    live::Live,
    parts::LocalTime,
    show,
    text::{use_lang, use_text},
};

/// As many as fit below the charts without scrolling for long.
const SHOWN: usize = 30;

/// The newest events.
#[component]
pub fn Timeline() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let events = Memo::new(move |_| {
        let mut events = live.state.with(|state| state.snapshot.events.clone());
        // After a restart, events read back come after those of the start.
        events.sort_by_key(|event| event.at_ms);
        events.reverse();
        events.truncate(SHOWN);
        events
    });
    view! {
        <section class="card timeline">
            <h2>{text.timeline}</h2>
            {move || {
                let events = events.get();
                if events.is_empty() {
                    return view! { <p class="muted">{text.timeline_empty}</p> }.into_any();
                }
                let item = |event: crate::domain::event::Event| {
                    let (tone, words) = show::event(&event.kind, lang);
                    view! {
                        <li data-tone=tone>
                            <LocalTime at_ms=event.at_ms />
                            <span>{words}</span>
                        </li>
                    }.into_any()
                };
                view! { <ol>{events.into_iter().map(item).collect_view()}</ol> }.into_any()
            }}
        </section>
    }
}
