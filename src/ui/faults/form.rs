//! The form that sets a fault.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::how_long;
use crate::{
    api::{
        error::ApiError,
        functions::{get_fault_rules, set_fault},
    },
    domain::{
        duration,
        fault::{self, FaultDraft, FaultField, FaultKind, FaultRequest, FaultRules, FaultTarget, Refusal},
    },
    ui::{
        show,
        text::{Text, use_text},
    },
    wire::Wire,
};

/// The form's id in the document.
const FORM_ID: &str = "fault-form";

/// What a plain form brings back where the last replica would be hit.
pub const LAST_REPLICA: &str = "last_replica";

/// How long a fault lasts where nobody says otherwise: long enough to be seen, short enough to wait for.
const USUAL_S: u32 = 15;

/// The form, once it is known what can be done.
#[component]
pub fn FaultForm() -> impl IntoView {
    let text = use_text();
    let rules = Resource::<_, Wire>::new_with_options(|| (), |()| get_fault_rules(), true);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match rules.await {
                    Err(error) => {
                        view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any()
                    }
                    Ok(rules) if rules.targets.is_empty() => {
                        view! {
                            <section class="card empty" data-testid="no-faults">
                                <h2>{text.fault_heading}</h2>
                                <p>{text.faults_impossible}</p>
                            </section>
                        }
                            .into_any()
                    }
                    Ok(rules) => view! { <Fields rules /> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// What is chosen and typed.
#[derive(Clone, Copy)]
struct Chosen {
    place: RwSignal<String>,
    kind: RwSignal<FaultKind>,
    intensity: RwSignal<u8>,
    duration: RwSignal<String>,
    hypothesis: RwSignal<String>,
    guard: RwSignal<String>,
    even_last: RwSignal<bool>,
}

impl Chosen {
    /// What can be done to a place, and how many of its replicas that hits.
    fn look(self, rules: &FaultRules) -> (Vec<FaultKind>, usize, usize) {
        let place = self.place.get();
        let of = |target: &FaultTarget| target.replicas.len();
        match rules.target(&place) {
            Some(target) => (target.kinds(None), of(target), of(target)),
            None => {
                let holds = |target: &&FaultTarget| target.replicas.iter().any(|replica| replica.name == place);
                let target = rules.targets.iter().find(holds);
                target.map_or_else(Default::default, |target| (target.kinds(Some(&place)), 1, of(target)))
            }
        }
    }

    /// What a plain form brought back, else a fault that a demonstration begins with: one of several replicas is killed.
    fn new(rules: &FaultRules, brought: impl Fn(&str) -> Option<String>) -> Self {
        let first = rules.targets.iter().find(|target| target.replicas.len() > 1).or(rules.targets.first());
        let first = first.and_then(|target| target.replicas.first()).map(|place| place.name.clone());
        let text = |name, otherwise: String| RwSignal::new(brought(name).unwrap_or(otherwise));
        Self {
            place: text("service", first.unwrap_or_default()),
            kind: RwSignal::new(
                brought("kind").and_then(|kind| FaultKind::from_name(&kind)).unwrap_or(FaultKind::Kill),
            ),
            intensity: RwSignal::new(
                brought("intensity").and_then(|n| n.parse().ok()).unwrap_or(FaultRequest::INTENSITY),
            ),
            duration: text("duration", duration::text(USUAL_S)),
            hypothesis: text("hypothesis", String::new()),
            guard: text("guard", String::new()),
            even_last: RwSignal::new(false),
        }
    }

    fn draft(self) -> FaultDraft {
        FaultDraft {
            kind: self.kind.get().name().into(),
            service: self.place.get(),
            replica: String::new(),
            intensity: self.intensity.get().to_string(),
            duration: self.duration.get(),
            hypothesis: self.hypothesis.get(),
            guard: self.guard.get(),
            even_last: self.even_last.get(),
        }
    }
}

#[component]
fn Fields(rules: FaultRules) -> impl IntoView {
    let text = use_text();
    let query = use_query_map().get_untracked();
    let chosen = Chosen::new(&rules, |name| query.get(name));
    let came_back = RwSignal::new(query.get("error"));
    let set = Action::new(|draft: &FaultDraft| set_fault(draft.clone()));
    let answer = set.value();
    let last = Memo::new(move |_| {
        answer
            .with(|answer| matches!(answer, Some(Err(ApiError::FaultRefused { refusal: Refusal::LastReplica { .. } }))))
            || came_back.with(|code| code.as_deref() == Some(LAST_REPLICA))
    });
    let rules = StoredValue::new(rules);
    let looked = Memo::new(move |_| rules.with_value(|rules| chosen.look(rules)));
    // Another choice makes what was refused moot.
    Effect::new(move |before: Option<()>| {
        chosen.place.track();
        chosen.kind.track();
        if before.is_some() {
            set.clear();
            came_back.set(None);
            chosen.even_last.set(false);
        }
    });
    let errors = move |field: FaultField| {
        let typed = rules.with_value(|rules| chosen.draft().validate(rules).err());
        let sent = answer.with(|answer| match answer {
            Some(Err(ApiError::InvalidFault { errors })) => errors.clone(),
            _ => Vec::new(),
        });
        let found = typed.into_iter().flatten().chain(sent).find(|error| error.field == field);
        found.map(|error| show::field_error(&error, text))
    };
    let wrong_time = Memo::new(move |_| errors(FaultField::Duration));
    let wrong_hypothesis = Memo::new(move |_| errors(FaultField::Hypothesis));
    let wrong_guard = Memo::new(move |_| errors(FaultField::Guard));
    let problem = move || {
        answer.with(|answer| match answer {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => came_back.with(|code| code.as_deref().map(|code| show::error_code(code, text))),
        })
    };
    let what = move || {
        let draft = chosen.draft();
        let (_, hit, of) = looked.get();
        let request = rules.with_value(|rules| draft.validate(rules)).ok()?;
        let time = how_long(&request, text);
        let effect = (text.fault_effect)(&request.effect());
        Some((text.fault_sentence)(&draft.service, &(text.fault_hits)(hit, of), &effect, &time))
    };
    let pending = set.pending();
    let longest = rules.with_value(|rules| show::duration(rules.limits.longest_s));
    view! {
        <form
            id=FORM_ID
            class="card form fault-form"
            method="post"
            action="/faults/set"
            aria-label=text.fault_heading
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                if !pending.get_untracked() {
                    came_back.set(None);
                    set.dispatch(untrack(|| chosen.draft()));
                }
            }
        >
            <h2>{text.fault_heading}</h2>
            <div class="field">
                <label for="fault-place">{text.fault_place}</label>
                <select
                    id="fault-place"
                    name="draft[service]"
                    on:change=move |event| chosen.place.set(event_target_value(&event))
                >
                    {places(&rules.read_value(), &chosen.place.get_untracked(), text)}
                </select>
            </div>
            <fieldset class="field">
                <legend>{text.fault_what}</legend>
                <div class="patterns fault-kinds">
                    {FaultKind::ALL.iter().map(|kind| card(*kind, chosen, looked, text)).collect_view()}
                </div>
            </fieldset>
            <div class="field" hidden=move || !chosen.kind.get().has_intensity()>
                <label for="fault-intensity">
                    {text.fault_intensity} " " <output class="tabular">{move || chosen.intensity.get()}</output>
                </label>
                <input
                    type="range"
                    id="fault-intensity"
                    name="draft[intensity]"
                    min="1"
                    max="10"
                    step="1"
                    value=chosen.intensity.get_untracked().to_string()
                    aria-describedby="fault-effect"
                    on:input=move |event| {
                        if let Ok(intensity) = event_target_value(&event).parse() {
                            chosen.intensity.set(intensity);
                        }
                    }
                />
                <p class="field-message" id="fault-effect">
                    {move || (text.fault_effect)(&fault::Effect::of(chosen.kind.get(), chosen.intensity.get()))}
                </p>
            </div>
            <div class="field" hidden=move || !chosen.kind.get().lasts()>
                <label for="fault-duration">{text.duration}</label>
                <input
                    type="text"
                    id="fault-duration"
                    name="draft[duration]"
                    autocomplete="off"
                    spellcheck="false"
                    value=chosen.duration.get_untracked()
                    aria-describedby="fault-duration-hint"
                    aria-invalid=move || wrong_time.with(Option::is_some).then_some("true")
                    on:input=move |event| chosen.duration.set(event_target_value(&event))
                />
                {message("fault-duration-hint".into(), wrong_time, (text.fault_duration_hint)(&longest))}
            </div>
            <details class="field fault-more">
                <summary>{text.fault_more}</summary>
                {pledge("hypothesis", text.fault_hypothesis, text.fault_hypothesis_hint, chosen.hypothesis, wrong_hypothesis)}
                {pledge("guard", text.fault_guard, text.fault_guard_hint, chosen.guard, wrong_guard)}
            </details>
            <p class="summary" data-testid="fault-summary" aria-live="polite">{what}</p>
            {move || problem().map(|message| {
                view! { <p class="notice bad" role="alert" data-testid="fault-problem">{message}</p> }.into_any()
            })}
            <label class="check" hidden=move || !last.get() && !chosen.even_last.get()>
                <input
                    type="checkbox"
                    name="draft[even_last]"
                    value="true"
                    prop:checked=chosen.even_last
                    on:change=move |event| chosen.even_last.set(event_target_checked(&event))
                />
                " "
                {text.fault_even_last}
            </label>
            <button type="submit" class="button danger large" aria-disabled=move || pending.get().then_some("true")>
                {move || if pending.get() { text.fault_setting } else { text.fault_set }}
            </button>
        </form>
    }
}

/// Every service and its replicas.
fn places(rules: &FaultRules, chosen: &str, text: &'static Text) -> Vec<AnyView> {
    let option = |value: &str, label: String| {
        view! { <option value=value.to_owned() selected=value == chosen>{label}</option> }.into_any()
    };
    let group = |target: &FaultTarget| {
        let all = (target.replicas.len() > 1)
            .then(|| option(&target.service, (text.fault_all_of)(&target.service, target.replicas.len())));
        let replicas = target.replicas.iter().map(|replica| option(&replica.name, replica.name.clone()));
        let options = replicas.chain(all).collect_view();
        view! { <optgroup label=target.service.clone()>{options}</optgroup> }.into_any()
    };
    rules.targets.iter().map(group).collect()
}

/// A kind to choose.
fn card(kind: FaultKind, chosen: Chosen, looked: Memo<(Vec<FaultKind>, usize, usize)>, text: &'static Text) -> AnyView {
    let blocked = move || looked.with(|(kinds, ..)| !kinds.contains(&kind));
    view! {
        <label class="pattern">
            <input
                type="radio"
                name="draft[kind]"
                value=kind.name()
                checked=kind == chosen.kind.get_untracked()
                disabled=blocked
                on:change=move |_| chosen.kind.set(kind)
            />
            <span class="pattern-name">{(text.fault_kind)(kind)}</span>
            <span class="pattern-help">{(text.fault_help)(kind)}</span>
        </label>
    }
    .into_any()
}

/// A field for what a fault is set with beside itself.
fn pledge(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    typed: RwSignal<String>,
    wrong: Memo<Option<String>>,
) -> AnyView {
    let id = format!("fault-{name}");
    let hint_id = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                type="text"
                id=id
                name=format!("draft[{name}]")
                autocomplete="off"
                spellcheck="false"
                class="code"
                value=typed.get_untracked()
                aria-describedby=hint_id.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                on:input=move |event| typed.set(event_target_value(&event))
            />
            {message(hint_id, wrong, hint.to_owned())}
        </div>
    }
    .into_any()
}

/// What is wrong with a field, in the place of its hint.
fn message(id: String, wrong: Memo<Option<String>>, hint: String) -> AnyView {
    view! {
        <p class="field-message" id=id>
            {move || match wrong.get() {
                Some(message) => view! { <span class="field-error" role="alert">{message}</span> }.into_any(),
                None => hint.clone().into_any(),
            }}
        </p>
    }
    .into_any()
}
