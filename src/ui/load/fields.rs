//! The form's controls: label, input, hint, error, wired to the draft.

use leptos::prelude::*;

use super::state::Form;
use crate::{
    domain::{
        plan::{Model, Pattern},
        validate::Field,
    },
    ui::{parts::literal, text::use_text},
};

/// The message below a field. Takes the place of the hint, so that nothing moves.
#[component]
pub(super) fn FieldMessage(
    /// The form.
    form: Form,
    /// The field.
    field: Field,
    /// Shown while nothing is wrong.
    #[prop(default = Signal::stored(String::new()), into)]
    hint: Signal<String>,
) -> impl IntoView {
    let name = field.name();
    let error = form.error(field);
    view! {
        <p class="field-message">
            {move || match error.get() {
                Some(message) => {
                    let id = format!("error-{name}");
                    view! {
                        <span id=id.clone() data-testid=id class="field-error" role="alert">
                            {message}
                        </span>
                    }
                        .into_any()
                }
                None => view! { <span id=format!("hint-{name}")>{hint}</span> }.into_any(),
            }}
        </p>
    }
}

/// A one-line text field.
#[component]
pub(super) fn TextField(
    /// The form.
    form: Form,
    /// The field.
    field: Field,
    /// Its label.
    #[prop(into)]
    label: Signal<&'static str>,
    /// Shown while nothing is wrong.
    #[prop(optional)]
    hint: &'static str,
    /// Shown while nothing is typed.
    #[prop(optional, into)]
    placeholder: String,
    /// Which keys a phone offers.
    #[prop(default = "text")]
    inputmode: &'static str,
) -> impl IntoView {
    let id = Form::id(field);
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                name=field.control()
                type="text"
                inputmode=inputmode
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                value=form.value_now(field)
                aria-describedby=form.described_by(field)
                aria-invalid=form.invalid(field)
                on:input=move |event| form.edit(field, event_target_value(&event))
                on:blur=move |_| form.leave(field)
            />
            <FieldMessage form field hint />
        </div>
    }
}

/// A drop-down list whose choices follow the rules.
#[component]
pub(super) fn SelectField(
    /// The form.
    form: Form,
    /// The field.
    field: Field,
    /// Its label.
    label: &'static str,
    /// Values and what is shown for them.
    #[prop(into)]
    choices: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let id = Form::id(field);
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                id=id
                name=field.control()
                aria-describedby=form.described_by(field)
                aria-invalid=form.invalid(field)
                on:change=move |event| {
                    form.edit(field, event_target_value(&event));
                    form.touch(field);
                }
            >
                {move || {
                    let chosen = form.value_now(field);
                    let mut choices = choices.get();
                    if !choices.iter().any(|(value, _)| *value == chosen) {
                        // What was asked for stays to be seen, and is refused with a message.
                        choices.insert(0, (chosen.clone(), if chosen.is_empty() { "–".into() } else { chosen.clone() }));
                    }
                    choices
                        .into_iter()
                        .map(|(value, label)| {
                            let selected = value == chosen;
                            view! {
                                <option value=value selected=selected>
                                    {label}
                                </option>
                            }.into_any()
                        })
                        .collect_view()
                }}
            </select>
            <FieldMessage form field />
        </div>
    }
}

/// A field that few ask for: several lines, closed until somebody opens it or it holds something.
#[component]
pub(super) fn SeldomField(
    /// The form.
    form: Form,
    /// The field.
    field: Field,
    /// Its label.
    label: &'static str,
    /// Shown while nothing is wrong.
    hint: &'static str,
) -> impl IntoView {
    let error = form.error(field);
    // What was opened once stays as its reader leaves it.
    let is_open = Memo::new(move |was: Option<&bool>| {
        was == Some(&true) || error.with(Option::is_some) || !form.value(field).is_empty()
    });
    let label_id = format!("label-{}", field.name());
    view! {
        <details class="field seldom-field" open=is_open>
            <summary id=label_id.clone()>{label}</summary>
            <textarea
                id=Form::id(field)
                class="code"
                name=field.control()
                rows="2"
                autocomplete="off"
                spellcheck="false"
                aria-labelledby=label_id
                aria-describedby=form.described_by(field)
                aria-invalid=form.invalid(field)
                on:input=move |event| form.edit(field, event_target_value(&event))
                on:blur=move |_| form.leave(field)
                inner_html=literal(&form.value_now(field))
            ></textarea>
            <FieldMessage form field hint=hint />
        </details>
    }
}

/// The two models, side by side.
#[component]
pub(super) fn ModelField(
    /// The form.
    form: Form,
) -> impl IntoView {
    let text = use_text();
    let field = Field::Model;
    let blocked = Memo::new(move |_| form.blocks_rate());
    let is_open = form.is_open();
    let hint = Signal::derive(move || {
        let reason = blocked.get().map(|pattern| (text.model_rate_blocked)((text.pattern_text)(pattern).name));
        let about = if is_open.get() { text.model_rate_hint } else { text.model_vus_hint };
        [about.to_owned()].into_iter().chain(reason).collect::<Vec<_>>().join(" ")
    });
    let choice = move |model: Model, label: &'static str| {
        view! {
            <label class="segment">
                <input
                    type="radio"
                    id=format!("draft-model-{}", model.name())
                    name=field.control()
                    value=model.name()
                    checked=form.value_now(field) == model.name()
                    disabled=move || model == Model::ArrivalRate && blocked.with(Option::is_some)
                    aria-describedby=form.described_by(field)
                    on:change=move |_| {
                        form.edit(field, model.name().into());
                        form.touch(field);
                    }
                />
                <span>{label}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="field" id=Form::id(field)>
            <legend>{text.model}</legend>
            <div class="segments">
                {choice(Model::Vus, text.model_vus)} {choice(Model::ArrivalRate, text.model_rate)}
            </div>
            <FieldMessage form field hint />
        </fieldset>
    }
}

/// The six patterns as cards with a picture of their course.
#[component]
pub(super) fn PatternField(
    /// The form.
    form: Form,
) -> impl IntoView {
    let text = use_text();
    let field = Field::Pattern;
    let card = move |pattern: Pattern| {
        let id = format!("draft-pattern-{}", pattern.name());
        let words = (text.pattern_text)(pattern);
        let (name_id, help_id) = (format!("{id}-name"), format!("{id}-help"));
        let blocked = Memo::new(move |_| form.is_blocked(pattern));
        view! {
            <label class="pattern">
                <input
                    type="radio"
                    id=id
                    name=field.control()
                    value=pattern.name()
                    checked=form.value_now(field) == pattern.name()
                    disabled=blocked
                    aria-labelledby=name_id.clone()
                    aria-describedby=help_id.clone()
                    on:change=move |_| {
                        form.edit(field, pattern.name().into());
                        form.touch(field);
                    }
                />
                <svg viewBox="0 0 56 24" aria-hidden="true" focusable="false">
                    <path d=glyph(pattern) />
                </svg>
                <span class="pattern-name" id=name_id>{words.name}</span>
                <span class="pattern-help" id=help_id>
                    {move || if blocked.get() { text.pattern_blocked } else { words.help }}
                </span>
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="field" id=Form::id(field)>
            <legend>{text.pattern}</legend>
            <div class="patterns">{Pattern::ALL.iter().map(|pattern| card(*pattern)).collect_view()}</div>
            <FieldMessage form field />
        </fieldset>
    }
}

/// A pattern's course in a box of 56 by 24.
fn glyph(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Smoke => "M2 22 L8 17 L48 17 L54 22",
        Pattern::Load => "M2 22 L16 5 L40 5 L54 22",
        Pattern::Stress => "M2 22 L6 17 L15 17 L19 11 L28 11 L32 5 L42 5 L54 22",
        Pattern::Spike => "M2 22 L7 17 L20 17 L25 3 L32 3 L37 17 L49 17 L54 22",
        Pattern::Soak => "M2 22 L6 8 L50 8 L54 22",
        Pattern::Breakpoint => "M2 22 L48 3 L48 22",
    }
}
