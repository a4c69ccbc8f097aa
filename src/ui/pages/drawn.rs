//! What the server draws: pages, and parts of them, that need nothing of the browser.

use std::pin::Pin;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

use super::WithState;
use crate::{
    api::error::ApiError,
    ui::{
        show,
        text::{Text, use_text},
    },
    wire::Wire,
};

/// The HTML that is on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<String, ApiError>> + Send>>;

/// What the server drew. It is in the first HTML already, and need not be there a second time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Drawn {
    #[serde(skip)]
    html: String,
}

/// A page that the server draws whole: all that can be done on it are plain forms.
#[component]
pub fn DrawnPage(
    /// Its name.
    name: &'static str,
    /// What it is for.
    intro: &'static str,
    /// The class of what is drawn.
    class: &'static str,
    /// Asks the server for it, with the query of the address.
    ask: fn(String) -> Answer,
) -> impl IntoView {
    let query = use_location().search;
    view! {
        <Title text=name />
        <WithState>
            <header class="page-head">
                <h1>{name}</h1>
                <p class="muted">{intro}</p>
            </header>
            <DrawnPart of=query class ask refused=notice />
        </WithState>
    }
}

fn notice(error: &ApiError, text: &'static Text) -> AnyView {
    view! { <p class="notice bad" role="alert">{show::api_error(error, text)}</p> }.into_any()
}

/// A part that the server draws anew whenever something else is asked for.
#[component]
pub fn DrawnPart(
    /// What is asked for.
    of: Memo<String>,
    /// The class of what is drawn.
    class: &'static str,
    /// Asks the server for it.
    ask: fn(String) -> Answer,
    /// What is shown until it is there for the first time.
    #[prop(optional)]
    waiting: Option<&'static str>,
    /// What is shown where it is refused.
    refused: fn(&ApiError, &'static Text) -> AnyView,
) -> impl IntoView {
    let text = use_text();
    let draw = move |of| async move { ask(of).await.map(|html| Drawn { html }) };
    let drawn = Resource::<_, Wire>::new_with_options(move || of.get(), draw, true);
    view! {
        <Transition fallback=move || waiting.map(|words| view! { <p class="muted">{words}</p> })>
            {move || Suspend::new(async move {
                match drawn.await {
                    Err(error) => refused(&error, text),
                    Ok(Drawn { html }) => view! { <div class=class inner_html=html></div> }.into_any(),
                }
            })}
        </Transition>
    }
}
