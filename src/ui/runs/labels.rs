//! What people say of a run, to read and to change.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        error::ApiError,
        functions::{label_run, set_baseline, trash_run},
    },
    domain::{
        labels::{LabelDraft, LabelField},
        run::{Run, RunId},
    },
    ui::{parts::literal, show, text::use_text},
};

/// That a run was thrown away, with the way back.
#[component]
pub fn Gone(
    /// The run.
    id: RunId,
    /// What it is called.
    name: String,
    /// It is back.
    on_back: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let text = use_text();
    let failed = RwSignal::new(None);
    let back = id.clone();
    let restore = Action::new(move |_: &()| {
        let id = back.clone();
        async move {
            match trash_run(id, false).await {
                Ok(_) => on_back(),
                Err(error) => failed.set(Some(show::api_error(&error, text))),
            }
        }
    });
    view! {
        <div class="notice warn run-gone" data-testid="run-gone">
            <p>{(text.run_gone)(&name)}</p>
            <form method="post" action=format!("/runs/restore?back=%2Fruns%2F{id}") on:submit=move |event| { event.prevent_default(); restore.dispatch(()); }>
                <input type="hidden" name="id" value=id.to_string() />
                <button type="submit" class="button">{text.run_restore}</button>
            </form>
            {move || failed.get().map(|error| view! { <p role="alert">{error}</p> })}
        </div>
    }
}

/// Makes a run the baseline of its target, or no longer.
#[component]
pub fn BaselineButton(
    /// The run.
    run: Run,
    /// It changed.
    on_change: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let text = use_text();
    let (id, wanted) = (run.id, !run.labels.baseline);
    let failed = RwSignal::new(None);
    let asked = id.clone();
    let set = Action::new(move |_: &()| {
        let id = asked.clone();
        async move {
            match set_baseline(id, wanted).await {
                Ok(_) => on_change(),
                Err(error) => failed.set(Some(show::api_error(&error, text))),
            }
        }
    });
    view! {
        <form class="run-baseline" method="post" action="/runs/baseline" on:submit=move |event| { event.prevent_default(); set.dispatch(()); }>
            <input type="hidden" name="id" value=id.to_string() />
            <input type="hidden" name="baseline" value=wanted.to_string() />
            <button type="submit" class="link-button" title=text.baseline_hint>
                {if wanted { text.baseline_set } else { text.baseline_unset }}
            </button>
            {move || failed.get().map(|error| view! { <span class="field-error" role="alert">{error}</span> })}
        </form>
    }
}

/// What a form of labels holds that is not saved. The card around it is drawn anew whenever more is known of the run, and
/// nothing of this may go with it.
#[derive(Debug, Clone, Copy)]
pub struct Unsaved {
    /// Name, tags and note as they were typed.
    typed: RwSignal<Option<[String; 3]>>,
    /// Why they were refused.
    failed: RwSignal<Option<ApiError>>,
}

impl Unsaved {
    /// Nothing.
    pub fn new() -> Self {
        Self { typed: RwSignal::new(None), failed: RwSignal::new(None) }
    }
}

/// A run's name, note, tags and star, with the form that changes them.
#[component]
pub fn LabelCard(
    /// The run.
    run: Run,
    /// Its note as HTML.
    note_html: String,
    /// What is typed and not saved.
    unsaved: Unsaved,
    /// It changed.
    on_change: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let text = use_text();
    let id = run.id.clone();
    let labels = run.labels.clone();
    let Unsaved { typed, failed } = unsaved;
    // What a plain form sent and was refused comes back in the address.
    let query = use_query_map().get_untracked();
    let error = query.get("error").map(|_| text.error_invalid);
    let sent = |name, known: String| error.and_then(|_| query.get(name)).unwrap_or(known);
    let known =
        [sent("name", labels.name.clone()), sent("tags", labels.tags.join(", ")), sent("note", labels.note.clone())];
    let begun = typed.with_untracked(Option::is_some);
    let first = typed.get_untracked().unwrap_or_else(|| known.clone());
    let [first_name, first_tags, first_note] = first.clone();
    let now = StoredValue::new(first);
    let edit = move |place: usize, value: String| {
        now.update_value(|now| now[place] = value);
        typed.set(Some(now.get_value()));
    };
    let saved = id.clone();
    let save = Action::new(move |_: &()| {
        let [name, tags, note] = now.get_value().map(Some);
        let (id, draft) = (saved.clone(), LabelDraft { name, note, tags, star: None });
        async move {
            match label_run(id, draft).await {
                Ok(_) => {
                    typed.set(None);
                    failed.set(None);
                    on_change();
                }
                Err(error) => failed.set(Some(error)),
            }
        }
    });
    let wrong = move |field: LabelField| {
        failed.with(|failed| match failed {
            Some(ApiError::InvalidLabels { errors }) => {
                errors.iter().find(|error| error.field == field).map(|error| show::field_error(error, text))
            }
            _ => None,
        })
    };
    let other = move || {
        failed.with(|failed| match failed {
            Some(ApiError::InvalidLabels { .. }) | None => None,
            Some(error) => Some(show::api_error(error, text)),
        })
    };
    let invalid = move |field| move || wrong(field).map(|_| "true");
    let message = move |field: LabelField, hint: &'static str| {
        move || match wrong(field) {
            Some(message) => view! { <span class="field-error" role="alert">{message}</span> }.into_any(),
            None => view! { <span>{hint}</span> }.into_any(),
        }
    };
    let is_said = !(labels.note.is_empty() && labels.tags.is_empty());
    let shown_tags = labels.tags.iter().map(|tag| {
        let href = super::address(&crate::domain::past::Search { tag: tag.clone(), ..Default::default() });
        view! { <a class="tag" href=href>{tag.clone()}</a> }
    });
    view! {
        <section class="card run-labels" aria-label=text.run_said>
            {is_said.then(|| view! {
                <p class="run-tags">{shown_tags.collect_view()}</p>
                <div class="prose" data-testid="run-note" inner_html=note_html></div>
            })}
            {error.map(|error| view! { <p class="notice bad" role="alert">{error}</p> })}
            <details open=error.is_some() || begun>
                <summary>{if is_said || !labels.name.is_empty() { text.run_say_more } else { text.run_say }}</summary>
                <form
                    class="form"
                    method="post"
                    action=format!("/runs/label?back=%2Fruns%2F{id}")
                    on:submit=move |event| { event.prevent_default(); save.dispatch(()); }
                >
                    <input type="hidden" name="id" value=id.to_string() />
                    <div class="pair">
                        <div class="field">
                            <label for="run-name">{text.run_name}</label>
                            <input
                                id="run-name" name="name" type="text" autocomplete="off" maxlength=LabelDraft::NAME value=first_name
                                aria-invalid=invalid(LabelField::Name) aria-describedby="run-name-about"
                                on:input=move |event| edit(0, event_target_value(&event))
                            />
                            <p class="field-message" id="run-name-about">{message(LabelField::Name, text.run_name_hint)}</p>
                        </div>
                        <div class="field">
                            <label for="run-tags">{text.run_tags}</label>
                            <input
                                id="run-tags" name="tags" type="text" autocomplete="off" value=first_tags
                                aria-invalid=invalid(LabelField::Tags) aria-describedby="run-tags-about"
                                on:input=move |event| edit(1, event_target_value(&event))
                            />
                            <p class="field-message" id="run-tags-about">{message(LabelField::Tags, text.run_tags_hint)}</p>
                        </div>
                    </div>
                    <div class="field">
                        <label for="run-note">{text.run_note}</label>
                        <textarea
                            id="run-note" name="note" rows="4" maxlength=LabelDraft::NOTE
                            aria-invalid=invalid(LabelField::Note) aria-describedby="run-note-about"
                            on:input=move |event| edit(2, event_target_value(&event))
                            inner_html=literal(&first_note)
                        ></textarea>
                        <p class="field-message" id="run-note-about">{message(LabelField::Note, text.run_note_hint)}</p>
                    </div>
                    {move || other().map(|error| view! { <p class="notice bad" role="alert">{error}</p> })}
                    <p><button type="submit" class="button primary">{text.run_save}</button></p>
                </form>
            </details>
        </section>
    }
}
