//! `/access`: who may do what, and who did.

use leptos::prelude::*;

use super::drawn::DrawnPage;
use crate::{api::functions::get_access_page, ui::text::use_text};

/// The page of who may do what.
#[component]
pub fn AccessPage() -> impl IntoView {
    let text = use_text();
    let ask = |query| Box::pin(get_access_page(query)) as _;
    view! { <DrawnPage name=text.nav_access intro=text.access_intro class="access-page" ask /> }
}
