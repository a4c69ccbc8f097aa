//! What is not there.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::{parts::mark_hydrated, text::use_text};

/// The page for addresses that name none.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let text = use_text();
    mark_hydrated();
    view! {
        <Title text=text.not_found />
        <NotThere heading=text.not_found hint=text.not_found_hint href="/" link=text.go_home />
    }
}

/// Says that something is missing, answers 404 and offers a way on.
#[component]
pub fn NotThere(heading: &'static str, hint: &'static str, href: &'static str, link: &'static str) -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <div class="card empty">
            <h1>{heading}</h1>
            <p>{hint}</p>
            <p><a class="button primary" href=href>{link}</a></p>
        </div>
    }
}
