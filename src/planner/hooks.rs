//! Who is told what happens, and whether that arrives.

use leptos::prelude::*;

use super::{
    Ask,
    text::{PlannerText, words},
};
use crate::{
    api::port::{ShownHook, ShownHooks},
    domain::{
        hook::{Delivery, DeliveryState, HookEvent},
        prefs::Lang,
    },
    ui::show,
};

/// The targets, each with a button to try it out, and the last messages.
pub fn section(hooks: ShownHooks, ask: &Ask, lang: Lang) -> AnyView {
    let words = words(lang);
    let ShownHooks { hooks, deliveries } = hooks;
    let is_empty = hooks.is_empty();
    let tested = |hook: &ShownHook| {
        let is_asked = ask.tested.as_deref() == Some(hook.name.as_str());
        let test = |it: &&Delivery| it.event == HookEvent::Test && it.hook == hook.name;
        is_asked.then(|| deliveries.iter().find(test).cloned()).flatten()
    };
    let rows = hooks.into_iter().map(|hook| {
        let tested = tested(&hook);
        row(hook, tested, words)
    });
    let rows = rows.collect::<Vec<_>>();
    let targets = match is_empty {
        true => view! {
            <p class="empty-line">{words.no_hooks}</p>
            <pre>
                <code>{EXAMPLE}</code>
            </pre>
        }
        .into_any(),
        false => view! { <ul class="plan-list">{rows}</ul> }.into_any(),
    };
    let messages = (!is_empty).then(|| messages(deliveries, words));
    view! {
        <section class="card" id="webhooks" aria-labelledby="webhooks-heading" data-needs="presenter">
            <h2 id="webhooks-heading">{words.hooks}</h2>
            {targets}
            {messages}
        </section>
    }
    .into_any()
}

/// What makes a target.
const EXAMPLE: &str = "[[webhook]]\nname = \"team\"\nkind = \"slack\"\nurl_file = \"slack.url\"";

fn row(hook: ShownHook, tested: Option<Delivery>, words: &'static PlannerText) -> AnyView {
    let ShownHook { name, address, form, is_signed, events, is_unwanted } = hook;
    let tested = tested.map(|test| {
        let (tone, told) = match (test.state, &test.answer) {
            (DeliveryState::Delivered, _) => ("good", words.test_arrived.to_owned()),
            (DeliveryState::GivenUp, Some(answer)) => ("bad", (words.test_failed)(&(words.message_answer)(answer))),
            _ => ("", words.test_waits.to_owned()),
        };
        view! { <p class=format!("notice {tone}") role="status" data-testid="webhook-tested">{told}</p> }.into_any()
    });
    let unwanted = is_unwanted.then(|| view! { <p class="notice warn">{words.hook_unwanted}</p> }.into_any());
    let signed = if is_signed { words.hook_signed } else { words.hook_unsigned };
    let line = [form.name(), &address, signed].join(" · ");
    let events = events.into_iter().map(words.hook_event).collect::<Vec<_>>().join(", ");
    let label = format!("{}: {name}", words.hook_test);
    view! {
        <li class="plan" data-testid="webhook">
            <h3>{name.clone()}</h3>
            <p class="break">{line}</p>
            <p class="muted">{events}</p>
            {unwanted}
            {tested}
            <form class="plan-tools" method="post" action="/plans/webhook-test">
                <input type="hidden" name="name" value=name />
                <button type="submit" class="button" aria-label=label>{words.hook_test}</button>
            </form>
        </li>
    }
    .into_any()
}

fn messages(deliveries: Vec<Delivery>, words: &'static PlannerText) -> AnyView {
    if deliveries.is_empty() {
        return view! { <p class="muted">{words.no_messages}</p> }.into_any();
    }
    let rows = deliveries.into_iter().map(|delivery| {
        let Delivery { hook, event, at_ms, state, tries, due_ms, answer, .. } = delivery;
        let (tone, state) = match state {
            DeliveryState::Delivered => ("ok", words.message_arrived),
            DeliveryState::Waiting => ("warn", words.message_waits),
            DeliveryState::GivenUp => ("bad", words.message_given_up),
        };
        let answer = answer.map(|answer| (words.message_answer)(&answer));
        let next = due_ms.filter(|_| tries > 0).map(|due_ms| (words.message_next)(&show::utc(due_ms)));
        let more = answer.into_iter().chain(next).collect::<Vec<_>>();
        let more =
            (!more.is_empty()).then(|| view! { " · " <span class="muted break">{more.join("; ")}</span> }.into_any());
        view! {
            <tr data-testid="webhook-message">
                <th scope="row" class="two-lines">
                    {(words.hook_event)(event)} " " <span class="muted">{show::utc(at_ms)}</span>
                </th>
                <td>{hook}</td>
                <td class="num">{tries}</td>
                <td class="hook-answer">
                    <span class="status" data-tone=tone>{state}</span>
                    {more}
                </td>
            </tr>
        }
        .into_any()
    });
    let rows = rows.collect::<Vec<_>>();
    view! {
        <h3 id="webhook-messages">{words.messages}</h3>
        <div class="table-wrap" tabindex="0" role="group" aria-labelledby="webhook-messages">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{words.message_event}</th>
                        <th scope="col">{words.message_hook}</th>
                        <th scope="col" class="num">{words.message_tries}</th>
                        <th scope="col">{words.message_state}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
