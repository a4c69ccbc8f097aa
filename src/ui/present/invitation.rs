//! How those in the room see it on a screen of their own: the dashboard's address, as a link and as a code to scan.

use leptos::prelude::*;

use crate::ui::{browser, text::use_text};

/// The address under which the page was asked for, and its code, which the server draws.
#[component]
pub fn Invitation() -> impl IntoView {
    let text = use_text();
    let address = RwSignal::new(asked_for());
    Effect::new(move |_| {
        if let Some(origin) = browser::origin() {
            address.set(origin);
        }
    });
    view! {
        <figure class="present-link">
            <img src="/present/qr.svg" alt=text.qr_code width="132" height="132" />
            <figcaption><a href="/">{address}</a></figcaption>
        </figure>
    }
}

/// On the server, as the request says it.
#[cfg(feature = "ssr")]
fn asked_for() -> String {
    let parts = use_context::<axum::http::request::Parts>();
    parts.map(|parts| crate::web::origin(&parts.headers)).unwrap_or_default()
}

#[cfg(not(feature = "ssr"))]
fn asked_for() -> String {
    browser::origin().unwrap_or_default()
}
