//! What a presenter does most, a press each: start what was planned, stop it, kill a replica, take everything back.

use leptos::prelude::*;

use super::guide::{GuidedDemo, Own};
use crate::{
    api::{
        error::ApiError,
        functions::{restore_all, set_fault},
    },
    domain::{
        duration,
        fault::{FaultDraft, FaultKind},
        validate::Field,
    },
    ui::{
        browser,
        live::Live,
        load::{ActionError, Form, StopForm},
        show,
        text::{use_lang, use_text},
    },
};

/// For how long a replica is killed: long enough to be seen, short enough to wait for.
const KILLED_S: u32 = 15;

/// The heading's id: where the focus goes from what is no longer there.
const HEADING: &str = "quick-actions";

/// The actions.
#[component]
pub fn QuickActions(
    /// The guided demo that was started here.
    own: Own,
) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let active = Memo::new(move |_| live.run.with(|run| run.as_ref().is_some_and(|run| run.state.is_active())));
    let faults = Memo::new(move |_| {
        live.state.with(|state| state.snapshot.status.faults.iter().any(|fault| fault.state.is_on()))
    });
    view! {
        <section class="card quick" data-needs="presenter" aria-labelledby=HEADING>
            <h2 id=HEADING tabindex="-1">{text.quick_actions}</h2>
            {move || {
                if active.get() { view! { <Stop /> }.into_any() } else { view! { <Start /> }.into_any() }
            }}
            <GuidedDemo own />
            <Kill />
            {move || faults.get().then(|| view! { <RestoreAll /> }.into_any())}
        </section>
    }
}

/// Starts what was planned last on the load page, else what is suggested there.
#[component]
fn Start() -> impl IntoView {
    let form: Form = expect_context();
    let (lang, text) = (use_lang(), use_text());
    Effect::new(move |_| form.wake());
    browser::hand_on_focus(".quick-start", HEADING);
    let pending = form.is_starting();
    let plan = move || form.plan().map(|plan| show::plan_line(&plan, lang));
    let field = move |field: Field| {
        view! { <input type="hidden" name=field.control() value=move || form.value(field) /> }.into_any()
    };
    view! {
        <form
            class="quick-start"
            method="post"
            action="/start?back=/"
            on:submit=move |event| {
                event.prevent_default();
                if !pending.get_untracked() {
                    form.submit();
                }
            }
        >
            {Field::ALL.iter().map(|one| field(*one)).collect_view()}
            <button type="submit" class="button primary large" aria-disabled=move || pending.get().then_some("true")>
                {move || if pending.get() { text.starting } else { text.start }}
            </button>
            <p class="muted" data-testid="quick-plan">
                {move || plan().unwrap_or_else(|| text.quick_plan_wrong.to_owned())} " "
                <a class="link" href="/load">{text.quick_plan_change}</a>
            </p>
            <ActionError error=form.problem() />
        </form>
    }
}

/// Stops the test at work.
#[component]
fn Stop() -> impl IntoView {
    browser::hand_on_focus(".quick-stop", HEADING);
    view! { <div class="quick-stop"><StopForm back="/" /></div> }
}

/// Kills one of the replicas that somebody here runs, for a while.
#[component]
fn Kill() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let replicas = Memo::new(move |_| {
        live.state.with(|state| {
            let services = state.snapshot.status.services.iter().filter(|status| status.replicas.len() > 1);
            let killable = services.flat_map(|status| &status.replicas).filter(|one| one.process.is_some());
            killable.map(|one| one.replica.name.clone()).collect::<Vec<_>>()
        })
    });
    let chosen = RwSignal::new(None::<String>);
    let place = move || chosen.get().or_else(|| replicas.with(|all| all.first().cloned())).unwrap_or_default();
    let time = duration::text(KILLED_S);
    let lasts = time.clone();
    let kill = Action::new(move |place: &String| {
        let (kind, service, duration) = (FaultKind::Kill.name().into(), place.clone(), lasts.clone());
        set_fault(FaultDraft { kind, service, duration, ..FaultDraft::default() })
    });
    let error = Signal::derive(move || failure(kill.value(), text));
    let pending = kill.pending();
    move || {
        let all = replicas.get();
        if all.is_empty() {
            return ().into_any();
        }
        let option = |name: String| {
            let value = name.clone();
            view! { <option value=value>{name}</option> }.into_any()
        };
        view! {
            <form
                class="quick-kill"
                method="post"
                action="/faults/set?back=/"
                on:submit=move |event| {
                    event.prevent_default();
                    if !pending.get_untracked() {
                        kill.dispatch(untrack(place));
                    }
                }
            >
                <input type="hidden" name="draft[kind]" value=FaultKind::Kill.name() />
                <input type="hidden" name="draft[duration]" value=time.clone() />
                <label for="quick-place">{text.quick_kill}</label>
                <div class="quick-row">
                    <select
                        id="quick-place"
                        name="draft[service]"
                        on:change=move |event| chosen.set(Some(event_target_value(&event)))
                    >
                        {all.into_iter().map(option).collect_view()}
                    </select>
                    <button type="submit" class="button danger" aria-disabled=move || pending.get().then_some("true")>
                        {(text.quick_kill_for)(&time)}
                    </button>
                </div>
                <p class="field-message">{text.quick_kill_hint}</p>
                <ActionError error />
            </form>
        }
        .into_any()
    }
}

/// Takes back every fault that is set.
#[component]
fn RestoreAll() -> impl IntoView {
    let text = use_text();
    let all = Action::new(|_: &()| restore_all());
    browser::hand_on_focus(".quick-restore", HEADING);
    let error = Signal::derive(move || failure(all.value(), text));
    let pending = all.pending();
    view! {
        <form
            class="quick-restore"
            method="post"
            action="/faults/restore-all?back=/"
            on:submit=move |event| {
                event.prevent_default();
                all.dispatch(());
            }
        >
            <button type="submit" class="button large" aria-disabled=move || pending.get().then_some("true")>
                {text.restore_all}
            </button>
            <ActionError error />
        </form>
    }
}

/// Why an action did not work.
fn failure<T: Send + Sync + 'static>(
    answer: impl With<Value = Option<Result<T, ApiError>>>,
    text: &'static crate::ui::text::Text,
) -> Option<String> {
    answer.with(|answer| match answer {
        Some(Err(error)) => Some(show::api_error(error, text)),
        _ => None,
    })
}

/// Where else there is something to see.
#[component]
pub fn MorePlaces() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let places = Memo::new(move |_| {
        live.state.with(|state| {
            let metrics = &state.snapshot.status.metrics;
            let places = [("Grafana", &metrics.grafana), ("Prometheus", &metrics.url), ("Jaeger", &metrics.jaeger)];
            let set = places.into_iter().filter_map(|(name, url)| Some((name, url.clone()?)));
            set.collect::<Vec<_>>()
        })
    });
    move || {
        let link = |(name, url): (&'static str, String)| {
            view! { <a class="link" href=url rel="external">{name}</a> }.into_any()
        };
        let links = places.get().into_iter().map(link).collect_view();
        view! {
            <p class="run-links">
                <a class="link" href="/present">{text.present}</a>
                {links}
            </p>
        }
        .into_any()
    }
}
