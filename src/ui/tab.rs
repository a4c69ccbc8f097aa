//! What the browser's tab tells of the test, for who looks at something else meanwhile.

use leptos::prelude::*;

use super::{browser, live::Live, show, text::use_lang};
use crate::domain::{
    Millis, format,
    frame::{Frame, Metric, Unit},
    prefs::Lang,
    run::{Run, RunState},
};

/// What the tab says of the test. Counted, as the server asks for a page's title when all that the page owned is gone.
#[derive(Clone)]
struct Said(ArcRwSignal<Option<String>>);

/// A page's title with the state of the test in front, and keeps the tab's icon up to date. `name`: the page's own.
pub fn title(
    name: impl Fn(String) -> String + Send + Sync + 'static,
) -> impl Fn(String) -> String + Send + Sync + 'static {
    let live: Live = expect_context();
    let lang = use_lang();
    let said = ArcRwSignal::new(None);
    provide_context(Said(said.clone()));
    let latest = said.clone();
    Effect::new(move |_| say(&latest, now(live, lang)));
    Effect::new(move |_| browser::set_icon(live.run.with(|run| icon(run.as_ref()))));
    move |page| match said.get() {
        Some(said) => format!("{said} – {}", name(page)),
        None => name(page),
    }
}

/// Has the first HTML's title say what its page does.
pub fn tell(live: Live) {
    if let Some(Said(said)) = use_context() {
        say(&said, untrack(|| now(live, use_lang())));
    }
}

fn now(live: Live, lang: Lang) -> Option<String> {
    let now_ms = live.now_ms.get();
    live.run.with(|run| live.state.with(|state| words(run.as_ref(), &state.snapshot.frame, now_ms, lang)))
}

fn say(said: &ArcRwSignal<Option<String>>, words: Option<String>) {
    if said.with_untracked(|before| *before != words) {
        said.set(words);
    }
}

/// The state of the test in a few words, the most important first: a tab shows no more.
pub fn words(run: Option<&Run>, frame: &Frame, now_ms: Millis, lang: Lang) -> Option<String> {
    let run = run?;
    let text = lang.text();
    Some(match &run.state {
        RunState::Starting => format!("▶ {}", text.state_starting),
        RunState::Running => {
            let rate = frame.get(Metric::RequestRate).map(|rate| show::parts(Unit::PerSecond, Some(rate), lang).0);
            let rate = rate.map(|rate| format!(" · {rate} {}", text.rate_short)).unwrap_or_default();
            format!("▶ {}{rate}", format::clock(run.elapsed_s(now_ms)))
        }
        RunState::Stopping => format!("■ {}", text.state_stopping),
        RunState::Finished(verdict) => {
            let sign = match show::tone(verdict) {
                "ok" => '✓',
                "warn" => '■',
                _ => '✕',
            };
            format!("{sign} {}", show::verdict(verdict, text).1)
        }
    })
}

/// The icon that goes with the state: other in shape, not only in colour.
fn icon(run: Option<&Run>) -> &'static str {
    match run.map(|run| &run.state) {
        None => "/favicon.svg",
        Some(RunState::Starting | RunState::Running) => "/favicon-running.svg",
        Some(RunState::Stopping) => "/favicon-stopped.svg",
        Some(RunState::Finished(verdict)) => match show::tone(verdict) {
            "ok" => "/favicon-passed.svg",
            "warn" => "/favicon-stopped.svg",
            _ => "/favicon-failed.svg",
        },
    }
}
