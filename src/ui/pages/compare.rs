//! `/runs/compare`: two to four runs beside each other.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::WithState;
use crate::{
    api::{error::ApiError, functions},
    ui::{show, text::use_text},
    wire::Wire,
};

/// What is drawn by the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Drawn {
    /// Already in the first HTML: it need not be there a second time.
    #[serde(skip)]
    html: String,
}

async fn compare(ids: String) -> Result<Drawn, ApiError> {
    functions::compare_runs(ids).await.map(|html| Drawn { html })
}

/// The page of a comparison.
#[component]
pub fn ComparePage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.compare />
        <WithState>
            <header class="page-head">
                <p class="page-back"><a class="link" href="/runs">"← " {text.back_to_runs}</a></p>
                <h1>{text.compare}</h1>
            </header>
            <Comparison />
        </WithState>
    }
}

#[component]
fn Comparison() -> impl IntoView {
    let text = use_text();
    let query = use_query_map();
    // A form names each of them, a link all at once.
    let ids = Memo::new(move |_| query.with(|query| query.get_all("ids").unwrap_or_default().join(",")));
    let drawn = Resource::<_, Wire>::new_with_options(move || ids.get(), compare, true);
    view! {
        <Transition fallback=move || view! { <p class="muted">{text.compare_waiting}</p> }>
            {move || Suspend::new(async move {
                match drawn.await {
                    Ok(drawn) => view! { <div class="report" inner_html=drawn.html></div> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="card empty">
                                <p role="alert">{show::api_error(&error, text)}</p>
                                <p><a class="button primary" href="/runs">{text.compare_choose}</a></p>
                            </div>
                        }
                            .into_any()
                    }
                }
            })}
        </Transition>
    }
}
