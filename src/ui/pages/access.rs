//! `/access`: who may do what, and who did. Drawn by the server: all that can be done on it are plain forms.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

use super::WithState;
use crate::{
    api::{error::ApiError, functions},
    ui::{show, text::use_text},
    wire::Wire,
};

/// What the server drew. It is in the first HTML already, and need not be there a second time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Drawn {
    #[serde(skip)]
    html: String,
}

async fn draw(query: String) -> Result<Drawn, ApiError> {
    functions::get_access_page(query).await.map(|html| Drawn { html })
}

/// The page of who may do what.
#[component]
pub fn AccessPage() -> impl IntoView {
    let text = use_text();
    let query = use_location().search;
    let drawn = Resource::<_, Wire>::new_with_options(move || query.get(), draw, true);
    view! {
        <Title text=text.nav_access />
        <WithState>
            <header class="page-head">
                <h1>{text.nav_access}</h1>
                <p class="muted">{text.access_intro}</p>
            </header>
            <Transition>
                {move || Suspend::new(async move {
                    match drawn.await {
                        Err(error) => {
                            view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any()
                        }
                        Ok(Drawn { html }) => view! { <div class="access-page" inner_html=html></div> }.into_any(),
                    }
                })}
            </Transition>
        </WithState>
    }
}
