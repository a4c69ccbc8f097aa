//! `/plans`: plans that are kept for another time.

use leptos::prelude::*;

use super::drawn::DrawnPage;
use crate::{api::functions::get_plans_page, ui::text::use_text};

/// The page of plans.
#[component]
pub fn PlansPage() -> impl IntoView {
    let text = use_text();
    let ask = |query| Box::pin(get_plans_page(query)) as _;
    view! { <DrawnPage name=text.nav_plans intro=text.plans_intro class="plans-page" ask /> }
}
