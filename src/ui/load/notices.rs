//! What stands in the way of a test, and what to do about it.

use leptos::prelude::*;

use super::{ActionError, Form};
use crate::{
    api::functions,
    domain::{decimal::fixed, format, live::Pull},
    ui::{
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// A notice for each part that does not work.
#[component]
pub fn Notices() -> impl IntoView {
    let live: Live = expect_context();
    let form: Form = expect_context();
    let text = use_text();
    let status = Memo::new(move |_| {
        live.state.with(|state| (state.snapshot.status.engine.clone(), state.snapshot.status.metrics.clone()))
    });
    let storage = Memo::new(move |_| live.state.with(|state| state.snapshot.status.storage_problem.clone()));
    let empty = Memo::new(move |_| {
        form.rules().with(|rules| {
            rules.as_ref().map_or((false, false), |rules| (rules.scripts.is_empty(), rules.services.is_empty()))
        })
    });
    view! {
        <div class="notices">
            {move || {
                let (engine, _) = status.get();
                (!engine.ready && engine.image.is_none())
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
            <ImageNotice />
            {move || {
                let problem = storage.get();
                (!problem.is_empty())
                    .then(|| {
                        view! {
                            <Notice
                                tone="bad"
                                id="storage-notice"
                                heading=text.storage_unusable
                                detail=problem
                                hint=""
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
                let (_, metrics) = status.get();
                metrics
                    .many_series
                    .map(|series| {
                        view! {
                            <Notice
                                tone="warn"
                                id="series-notice"
                                heading=(text.many_series)(series)
                                detail=String::new()
                                hint=text.many_series_hint
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

/// The image that Docker lacks: offered, on its way with a progress bar, or why it does not come.
#[component]
fn ImageNotice() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let numbers = show::numbers(use_lang());
    let image = Memo::new(move |_| live.state.with(|state| state.snapshot.status.engine.image.clone()));
    let name = Memo::new(move |_| image.with(|image| image.as_ref().map(|image| image.name.clone())));
    let far = Memo::new(move |_| {
        image.with(|image| match image.as_ref().map(|image| &image.pull) {
            Some(Pull::Working { done, total }) => Some((*done as f64, *total as f64)),
            _ => None,
        })
    });
    let failed = Memo::new(move |_| {
        image.with(|image| match image.as_ref().map(|image| &image.pull) {
            Some(Pull::Failed { message }) => Some(message.clone()),
            _ => None,
        })
    });
    let pull = Action::new(|_: &()| functions::pull_image());
    let refused = Signal::derive(move || {
        pull.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => failed.get(),
        })
    });
    let busy = Memo::new(move |_| pull.pending().get() || far.with(Option::is_some));
    let percent = move || far.get().map_or(0.0, |(done, total)| (done / total.max(1.0) * 100.0).round());
    move || {
        name.get().map(|name| {
            view! {
                <div class="notice warn image-notice" role="status" data-testid="image-notice">
                    <p>
                        <strong>{(text.image_missing)(&name)}</strong>
                    </p>
                    <p>{text.image_missing_hint}</p>
                    <ActionError error=refused />
                    <Show when=move || busy.get()>
                        <div
                            class="bar"
                            role="progressbar"
                            aria-label=text.image_pull
                            aria-valuemin="0"
                            aria-valuemax="100"
                            aria-valuenow=move || fixed(percent(), 0)
                        >
                            <div class="bar-fill" style:transform=move || format!("scaleX({})", fixed(percent() / 100.0, 2))></div>
                        </div>
                        <p class="tabular">
                            {move || {
                                let (done, total) = far.get().unwrap_or_default();
                                (text.image_pulling)(
                                    &format::bytes(done, numbers),
                                    &format::bytes(total, numbers),
                                )
                            }}
                        </p>
                    </Show>
                    <form
                        method="post"
                        action="/pull"
                        on:submit=move |event| {
                            event.prevent_default();
                            if !busy.get_untracked() {
                                pull.dispatch(());
                            }
                        }
                    >
                        <button type="submit" class="button" disabled=move || busy.get()>
                            {move || {
                                if failed.with(Option::is_some) { text.image_pull_again } else { text.image_pull }
                            }}
                        </button>
                    </form>
                </div>
            }
            .into_any()
        })
    }
}

#[component]
fn Notice(
    tone: &'static str,
    id: &'static str,
    #[prop(into)] heading: String,
    detail: String,
    hint: &'static str,
) -> impl IntoView {
    // The server knows the cause, but tells it in English only.
    let detail = (!detail.is_empty()).then(|| {
        view! {
            <p class="muted break" lang="en">
                {detail}
            </p>
        }
    });
    let hint = (!hint.is_empty()).then(|| view! { <p>{hint}</p> });
    view! {
        <div class=format!("notice {tone}") role="status" data-testid=id>
            <p><strong>{heading}</strong></p>
            {hint}
            {detail}
        </div>
    }
}
