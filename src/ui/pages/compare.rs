//! `/runs/compare`: two to four runs beside each other.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::{WithState, drawn::DrawnPart};
use crate::{
    api::{error::ApiError, functions::compare_runs},
    ui::{
        show,
        text::{Text, use_text},
    },
};

/// The page of a comparison.
#[component]
pub fn ComparePage() -> impl IntoView {
    let text = use_text();
    let query = use_query_map();
    // A form names each of them, a link all at once.
    let ids = Memo::new(move |_| query.with(|query| query.get_all("ids").unwrap_or_default().join(",")));
    let ask = |ids| Box::pin(compare_runs(ids)) as _;
    view! {
        <Title text=text.compare />
        <WithState>
            <header class="page-head">
                <p class="page-back"><a class="link" href="/runs">"← " {text.back_to_runs}</a></p>
                <h1>{text.compare}</h1>
            </header>
            <DrawnPart of=ids class="report" ask waiting=text.compare_waiting refused />
        </WithState>
    }
}

fn refused(error: &ApiError, text: &'static Text) -> AnyView {
    view! {
        <div class="card empty">
            <p role="alert">{show::api_error(error, text)}</p>
            <p><a class="button primary" href="/runs">{text.compare_choose}</a></p>
        </div>
    }
    .into_any()
}
