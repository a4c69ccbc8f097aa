//! Load that is added to the run at work, and taken away again.

use leptos::prelude::*;

use super::{ActionError, Form};
use crate::{
    api::functions::{add_load, remove_load},
    domain::{
        burst::{Burst, BurstDraft},
        format,
        plan::Model,
        run::{RunId, RunState},
    },
    ui::{
        browser,
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// Where the focus goes from a burst that is no longer there.
const MORE: &str = "load-more";

/// What is suggested: seen on every chart, and gone before anybody waits for it.
const USUAL_VUS: &str = "10";
const USUAL_TIME: &str = "30 s";

/// What was added, and a form for more; nothing where the run's load can't be changed.
#[component]
pub fn AddedLoad() -> impl IntoView {
    let live: Live = expect_context();
    let run = Memo::new(move |_| {
        live.run.with(|run| {
            let run = run.as_ref().filter(|run| run.state == RunState::Running && run.schedule.is_some())?;
            Some(run.id.clone())
        })
    });
    let at_work = Memo::new(move |_| {
        live.run
            .with(|run| run.iter().flat_map(|run| run.bursts_at_work().map(|burst| burst.instance)).collect::<Vec<_>>())
    });
    move || {
        run.get().map(|id| {
            let key = id.clone();
            view! {
                <div class="more-load">
                    <ul class="bursts" hidden=move || at_work.with(Vec::is_empty) data-testid="bursts">
                        {move || {
                            let row = |number| view! { <BurstRow run=key.clone() number /> }.into_any();
                            at_work.get().into_iter().map(row).collect_view()
                        }}
                    </ul>
                    <MoreLoad run=id />
                </div>
            }
            .into_any()
        })
    }
}

/// A burst at work, with the time that is left of it.
#[component]
fn BurstRow(run: RunId, number: u32) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let row = format!("burst-{number}");
    browser::hand_on_focus(format!("#{row}"), MORE);
    let burst = Memo::new(move |_| {
        let of = |burst: &&Burst| burst.instance == number;
        live.run.with(|run| run.as_ref()?.bursts.iter().find(of).cloned())
    });
    let what = Memo::new(move |_| {
        burst.with(|burst| burst.as_ref().map(|burst| show::load(burst.peak, lang)).unwrap_or_default())
    });
    let target = Memo::new(move |_| {
        let planned = live.run.with(|run| run.as_ref().map(|run| run.plan.target.clone()));
        burst.with(|burst| {
            let target =
                burst.as_ref().map(|burst| burst.target.clone()).filter(|target| Some(target) != planned.as_ref());
            target.map(|target| show::target(&target, text))
        })
    });
    let state = Memo::new(move |_| {
        burst.with(|burst| match burst {
            Some(burst) if burst.removing => text.load_removing.to_owned(),
            Some(Burst { started_ms: None, .. }) => text.load_starting.into(),
            Some(burst) => (text.time_left)(&format::clock(burst.left_s(live.now_ms.get()).ceil())),
            None => String::new(),
        })
    });
    let remove = Action::new(move |_: &()| {
        let run = run.clone();
        async move { remove_load(run, number).await }
    });
    let busy =
        Memo::new(move |_| remove.pending().get() || burst.with(|burst| burst.as_ref().is_none_or(|b| b.removing)));
    let error = Signal::derive(move || {
        remove.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => None,
        })
    });
    view! {
        <li id=row>
            <form
                method="post"
                action="/load/remove"
                on:submit=move |event| {
                    event.prevent_default();
                    if !busy.get_untracked() {
                        remove.dispatch(());
                    }
                }
            >
                <input type="hidden" name="instance" value=number.to_string() />
                <span class="burst-what">
                    <strong>"+ " {what}</strong>
                    {move || target.get().map(|target| view! { <span class="muted break">{target}</span> }.into_any())}
                    <span class="muted tabular">{state}</span>
                </span>
                <button
                    type="submit"
                    class="button"
                    aria-label=move || (text.load_remove_what)(&what.get())
                    aria-disabled=move || busy.get().then_some("true")
                >
                    {text.load_remove}
                </button>
            </form>
            <ActionError error />
        </li>
    }
}

/// The form that adds load.
#[component]
fn MoreLoad(run: RunId) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let form: Form = expect_context();
    let amount = RwSignal::new(USUAL_VUS.to_owned());
    let model = RwSignal::new(Model::Vus);
    let duration = RwSignal::new(USUAL_TIME.to_owned());
    let target = RwSignal::new(String::new());
    let draft = move || {
        let (vus, rate) = match model.get_untracked() {
            Model::Vus => (amount.get_untracked(), String::new()),
            Model::ArrivalRate => (String::new(), amount.get_untracked()),
        };
        BurstDraft { vus, rate, duration: duration.get_untracked(), target: target.get_untracked() }
    };
    let add = Action::new(move |draft: &BurstDraft| {
        let (run, draft) = (run.clone(), draft.clone());
        async move { add_load(run, draft).await }
    });
    let pending = add.pending();
    let error = Signal::derive(move || {
        add.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => None,
        })
    });
    let planned =
        Memo::new(move |_| live.run.with(|run| run.as_ref().map(|run| run.plan.target.clone()).unwrap_or_default()));
    let targets = Memo::new(move |_| {
        form.rules().with(|rules| {
            let Some(rules) = rules else { return Vec::new() };
            let others = rules.targets().into_iter().filter(|target| planned.with(|planned| planned != target));
            others.map(|target| (show::target_choice(&target, rules, text), target)).collect::<Vec<_>>()
        })
    });
    let units = Model::ALL.into_iter().map(|model| {
        let word = match model {
            Model::Vus => text.vus_unit,
            Model::ArrivalRate => text.rate_unit,
        };
        view! { <option value=model.name()>{word}</option> }.into_any()
    });
    view! {
        <details class="more-load-form">
            <summary id=MORE>{text.load_more}</summary>
            <form
                class="form"
                method="post"
                action="/load/add"
                novalidate
                aria-label=text.load_more
                on:submit=move |event| {
                    event.prevent_default();
                    if !pending.get_untracked() {
                        add.dispatch(draft());
                    }
                }
            >
                <div class="pair">
                    <div class="field">
                        <label for="load-amount">{text.load_amount}</label>
                        <input
                            type="text"
                            inputmode="numeric"
                            id="load-amount"
                            name="amount"
                            autocomplete="off"
                            value=USUAL_VUS
                            on:input=move |event| amount.set(event_target_value(&event))
                        />
                    </div>
                    <div class="field">
                        <label for="load-unit">{text.load_unit}</label>
                        <select
                            id="load-unit"
                            name="unit"
                            on:change=move |event| {
                                model.set(Model::from_name(&event_target_value(&event)).unwrap_or(Model::Vus));
                            }
                        >
                            {units.collect_view()}
                        </select>
                    </div>
                </div>
                <div class="pair">
                    <div class="field">
                        <label for="load-duration">{text.duration}</label>
                        <input
                            type="text"
                            id="load-duration"
                            name="duration"
                            autocomplete="off"
                            spellcheck="false"
                            value=USUAL_TIME
                            placeholder=text.load_to_the_end
                            on:input=move |event| duration.set(event_target_value(&event))
                        />
                    </div>
                    <div class="field">
                        <label for="load-target">{text.target}</label>
                        <select id="load-target" name="target" on:change=move |event| target.set(event_target_value(&event))>
                            <option value="">{move || show::target(&planned.get(), text)}</option>
                            {move || {
                                let option = |(label, name): (String, String)| view! { <option value=name>{label}</option> }.into_any();
                                targets.get().into_iter().map(option).collect_view()
                            }}
                        </select>
                    </div>
                </div>
                <ActionError error />
                <button type="submit" class="button" aria-disabled=move || pending.get().then_some("true")>
                    {move || if pending.get() { text.load_adding } else { text.load_more }}
                </button>
            </form>
        </details>
    }
}
