//! The keys of who presents. The room sees nothing of them until it is asked for.

use std::time::Duration;

use leptos::{ev, prelude::*};

use super::View;
use crate::{
    api::functions::{emergency_stop, restore_all, set_fault, start_run, stop_run},
    domain::{
        fault::{FaultDraft, FaultKind, KEYS, preset},
        validate::Draft,
    },
    ui::{
        live::Live,
        load::Form,
        show,
        text::{Text, use_text},
    },
};

/// What a key asks the dashboard for.
#[derive(Debug, Clone, PartialEq)]
enum Order {
    Start(Draft),
    Stop,
    Set(FaultDraft),
    Restore,
    EmergencyStop,
}

/// How long after its first press the emergency stop waits for the second.
const ARMED: Duration = Duration::from_secs(5);

/// What a key does.
#[derive(Debug, Clone, PartialEq)]
enum Press {
    Order(Box<Order>),
    /// The emergency stop, when it is pressed twice.
    Emergency,
    /// On to the next view.
    Next,
    /// Shows the keys, or hides them.
    Help,
    /// Hides the keys.
    Hide,
}

/// What a key does, by its name in the browser; `fault` tells which fault a number is for. `None`: nothing.
fn press(key: &str, plan: impl FnOnce() -> Draft, fault: impl FnOnce(u8) -> Option<FaultDraft>) -> Option<Press> {
    let order = |order| Press::Order(Box::new(order));
    Some(match key {
        "s" => order(Order::Start(plan())),
        "x" => order(Order::Stop),
        "X" => Press::Emergency,
        "0" => order(Order::Restore),
        "n" => Press::Next,
        "?" => Press::Help,
        "Escape" => Press::Hide,
        key => order(Order::Set(fault(key.parse().ok()?)?)),
    })
}

/// Listens to the keys, shows them when asked, and tells what an order ran into.
#[component]
pub fn Keys(
    /// What is shown.
    shown: RwSignal<View>,
) -> impl IntoView {
    let live: Live = expect_context();
    let form: Form = expect_context();
    let text = use_text();
    let help = RwSignal::new(false);
    let armed = RwSignal::new(false);
    let order = Action::new(move |order: &Order| {
        let order = order.clone();
        async move {
            match order {
                Order::Start(draft) => start_run(draft).await.map(|run| live.answer.set(Some(run))),
                Order::Stop => stop_run().await.map(|run| live.answer.set(Some(run))),
                Order::Set(draft) => set_fault(draft).await.map(drop),
                Order::Restore => restore_all().await.map(drop),
                Order::EmergencyStop => return emergency_stop().await,
            }
            .map(|()| true)
        }
    });
    let fault = move |key| live.state.with(|state| preset(key, &state.snapshot.status.services));
    Effect::new(move |_| {
        form.wake();
        let heard = window_event_listener(ev::keydown, move |event| {
            // What is held down was meant once; with these keys the browser is meant.
            if event.repeat() || event.ctrl_key() || event.alt_key() || event.meta_key() {
                return;
            }
            let pressed = untrack(|| press(&event.key(), || form.draft(), fault));
            let Some(pressed) = pressed else { return };
            order.clear();
            let was_armed = armed.get_untracked();
            armed.set(pressed == Press::Emergency && !was_armed);
            match pressed {
                // Whatever else is still on its way.
                Press::Emergency if was_armed => drop(order.dispatch(Order::EmergencyStop)),
                Press::Emergency => set_timeout(move || armed.set(false), ARMED),
                Press::Order(what) => {
                    if !order.pending().get_untracked() {
                        order.dispatch(*what);
                    }
                }
                Press::Next => shown.update(|view| *view = view.next()),
                Press::Help => help.update(|help| *help = !*help),
                Press::Hide => help.set(false),
            }
        });
        on_cleanup(move || heard.remove());
    });
    let problem = move || {
        order.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            Some(Ok(false)) => Some(text.stop_incomplete.into()),
            _ => None,
        })
    };
    let row = |key: String, words: String| view! { <div><dt><kbd>{key}</kbd></dt><dd>{words}</dd></div> }.into_any();
    view! {
        {move || problem().map(|problem| {
            view! { <p class="notice bad present-problem" role="alert">{problem}</p> }.into_any()
        })}
        {move || armed.get().then(|| {
            view! { <p class="notice bad present-problem" role="alert">{text.emergency_again}</p> }.into_any()
        })}
        {move || help.get().then(|| {
            let presets = (1..=KEYS).filter_map(|key| Some(row(key.to_string(), words(&fault(key)?, text))));
            let presets = presets.collect_view();
            view! {
                <dl class="card present-keys" data-testid="present-keys" aria-label=text.keys>
                    {row("s".into(), text.start.into())}
                    {row("x".into(), text.stop.into())}
                    {row("X".into(), text.key_emergency.into())}
                    {presets}
                    {row("0".into(), text.restore_all.into())}
                    {row("n".into(), text.key_next.into())}
                    {row("?".into(), text.key_help.into())}
                </dl>
            }
                .into_any()
        })}
    }
}

/// A fault in a line.
fn words(draft: &FaultDraft, text: &'static Text) -> String {
    let kind = FaultKind::from_name(&draft.kind).map(text.fault_kind).unwrap_or_default();
    let time = if draft.duration.is_empty() { String::new() } else { format!(", {}", draft.duration) };
    format!("{kind} · {}{time}", draft.service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_does_one_thing() {
        let meant_by = |key: &str| {
            let fault = |key: u8| (key < 3).then(|| FaultDraft { intensity: key.to_string(), ..FaultDraft::default() });
            press(key, Draft::default, fault)
        };
        let order = |order| Press::Order(Box::new(order));
        let set = |key: &str| order(Order::Set(FaultDraft { intensity: key.into(), ..FaultDraft::default() }));
        for (key, meant) in [
            ("s", Some(order(Order::Start(Draft::default())))),
            ("x", Some(order(Order::Stop))),
            ("X", Some(Press::Emergency)),
            ("1", Some(set("1"))),
            ("2", Some(set("2"))),
            ("3", None),
            ("0", Some(order(Order::Restore))),
            ("n", Some(Press::Next)),
            ("?", Some(Press::Help)),
            ("Escape", Some(Press::Hide)),
            ("Enter", None),
            ("S", None),
            ("300", None),
            ("", None),
        ] {
            assert_eq!(meant_by(key), meant, "{key}");
        }
    }
}
