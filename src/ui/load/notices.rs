//! What stands in the way of a test, and what to do about it.

use leptos::prelude::*;

use super::Form;
use crate::ui::{live::Live, text::use_text};

/// A notice for each part that does not work.
#[component]
pub fn Notices() -> impl IntoView {
    let live: Live = expect_context();
    let form: Form = expect_context();
    let text = use_text();
    let status = Memo::new(move |_| {
        live.state.with(|state| (state.snapshot.status.engine.clone(), state.snapshot.status.metrics.clone()))
    });
    let empty = Memo::new(move |_| {
        form.rules().with(|rules| {
            rules.as_ref().map_or((false, false), |rules| (rules.scripts.is_empty(), rules.services.is_empty()))
        })
    });
    view! {
        <div class="notices">
            {move || {
                let (engine, _) = status.get();
                (!engine.ready)
                    .then(|| {
                        view! {
                            <Notice
                                tone="bad"
                                id="engine-notice"
                                heading=text.engine_not_ready
                                detail=engine.note
                                hint=text.engine_not_ready_hint
                            />
                        }
                    })
            }}
            {move || {
                let (_, metrics) = status.get();
                (!metrics.reachable)
                    .then(|| {
                        view! {
                            <Notice
                                tone="warn"
                                id="store-notice"
                                heading=text.store_unreachable
                                detail=metrics.problem
                                hint=text.store_unreachable_hint
                            />
                        }
                    })
            }}
            {move || {
                let (no_scripts, no_services) = empty.get();
                view! {
                    {no_scripts
                        .then(|| {
                            view! {
                                <Notice
                                    tone="bad"
                                    id="scripts-notice"
                                    heading=text.no_scripts
                                    detail=String::new()
                                    hint=text.no_scripts_hint
                                />
                            }
                        })}
                    {no_services
                        .then(|| {
                            view! {
                                <Notice
                                    tone="bad"
                                    id="services-notice"
                                    heading=text.no_services
                                    detail=String::new()
                                    hint=text.no_services_hint
                                />
                            }
                        })}
                }
            }}
        </div>
    }
}

#[component]
fn Notice(
    tone: &'static str,
    id: &'static str,
    heading: &'static str,
    detail: String,
    hint: &'static str,
) -> impl IntoView {
    // The server's own line knows the cause and what to do; ours stands in where it has none.
    let words = if detail.is_empty() { hint.to_owned() } else { detail };
    view! {
        <div class=format!("notice {tone}") role="status" data-testid=id>
            <p><strong>{heading}</strong></p>
            <p>{words}</p>
        </div>
    }
}
