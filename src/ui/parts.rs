//! Small parts that several pages use.

use leptos::prelude::*;

use super::{browser, show, text::use_lang};
use crate::domain::{Millis, format::clock};

/// A moment on the reader's clock; before hydration in UTC.
#[component]
pub fn LocalTime(
    /// When.
    at_ms: Millis,
    /// Whether to show the date too.
    #[prop(optional)]
    date: bool,
) -> impl IntoView {
    let lang = use_lang();
    let utc = show::utc(at_ms);
    let machine = format!("{}Z", utc.replace(' ', "T"));
    let first = if date { format!("{utc} UTC") } else { utc.split(' ').nth(1).unwrap_or_default().to_owned() };
    let shown = RwSignal::new(first);
    Effect::new(move |_| {
        if let Some(local) = browser::local_time(at_ms, lang, date) {
            shown.set(local);
        }
    });
    view! {
        <time class="tabular" datetime=machine>
            {shown}
        </time>
    }
}

/// A moment by a run's clock; by the reader's own on hover, and for those who listen.
#[component]
pub fn RunTime(
    /// When.
    at_ms: Millis,
    /// When the run's clock began.
    origin_ms: Millis,
) -> impl IntoView {
    let lang = use_lang();
    let utc = show::utc(at_ms);
    let machine = format!("{}Z", utc.replace(' ', "T"));
    let wall = RwSignal::new(format!("{} UTC", utc.split(' ').nth(1).unwrap_or_default()));
    Effect::new(move |_| {
        if let Some(local) = browser::local_time(at_ms, lang, false) {
            wall.set(local);
        }
    });
    view! {
        <time class="tabular" datetime=machine title=wall>
            {clock(at_ms.saturating_sub(origin_ms) as f64 / 1e3)}
            <span class="visually-hidden">" (" {wall} ")"</span>
        </time>
    }
}

/// Text for the `inner_html` of a `textarea` or `title`: as their child Leptos would write it unescaped, or with markers that
/// browsers show.
pub fn literal(text: &str) -> String {
    html_escape::encode_text(text).into_owned()
}

/// Tells the browser that every control on the page is alive.
pub fn mark_hydrated() {
    Effect::new(move |_| browser::set_html_attribute("data-hydrated", "true"));
}
