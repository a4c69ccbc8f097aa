//! What people see.

use leptos::prelude::*;

/// The whole page's content.
#[component]
pub fn App() -> impl IntoView {
    view! { <h1>"High Availability Dashboard"</h1> }
}
