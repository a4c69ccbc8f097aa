//! What happened in the run that is shown, newest first.

use leptos::prelude::*;

use crate::{
    domain::timeline::{self, Entry},
    ui::{
        live::Live,
        parts::{LocalTime, RunTime},
        show,
        text::{use_lang, use_text},
    },
};

/// As many as fit below the charts without scrolling for long.
const SHOWN: usize = 30;

/// The newest lines, by the clock of the charts.
#[component]
pub fn Timeline() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let origin = Memo::new(move |_| live.run.with(|run| run.as_ref().map(timeline::origin_ms)));
    let entries = Memo::new(move |_| {
        let mut entries =
            live.state.with(|state| live.run.with(|run| timeline::entries(&state.snapshot.events, run.as_ref())));
        entries.reverse();
        entries.truncate(SHOWN);
        entries
    });
    view! {
        <section class="card timeline">
            <h2>{text.timeline}</h2>
            {move || {
                let (entries, origin) = (entries.get(), origin.get());
                if entries.is_empty() {
                    return view! { <p class="muted">{text.timeline_empty}</p> }.into_any();
                }
                let item = |entry: Entry| {
                    let at_ms = entry.event.at_ms;
                    let (tone, words) = show::entry(&entry, origin.unwrap_or_default(), lang);
                    let time = match origin {
                        Some(origin_ms) => view! { <RunTime at_ms origin_ms /> }.into_any(),
                        None => view! { <LocalTime at_ms /> }.into_any(),
                    };
                    view! {
                        <li data-tone=tone>
                            {time}
                            <span>{words}</span>
                        </li>
                    }.into_any()
                };
                view! { <ol>{entries.into_iter().map(item).collect_view()}</ol> }.into_any()
            }}
        </section>
    }
}
