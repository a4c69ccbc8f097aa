//! `ha-dashboard webhooks`: who is told what happens by a running dashboard, over its REST API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ha_dashboard::domain::hook::{Answer, Delivery, DeliveryState, HookEvent, HookForm};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Client, Refused, tell},
    exit,
};
use crate::server::{clock, config::Settings};

/// What to do.
#[derive(Debug, Args)]
pub struct WebhooksArgs {
    #[command(subcommand)]
    order: Option<Order>,
    /// Print the dashboard's answer as JSON, also when it refuses.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// List who is told, and the last messages (the default).
    List,
    /// Send a message to try out whether it arrives.
    Test {
        /// The webhook's name.
        name: String,
    },
}

#[derive(Deserialize)]
struct Hook {
    name: String,
    address: String,
    form: HookForm,
    events: Vec<HookEvent>,
}

#[derive(Deserialize)]
struct Listed {
    webhooks: Vec<Hook>,
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Tested {
    delivery: Delivery,
}

/// Asks the dashboard at the configured address.
pub async fn main(args: WebhooksArgs, settings: Settings) -> ExitCode {
    let answer = match Client::new(&settings) {
        Ok(client) => ask(&client, args.order.unwrap_or(Order::List)).await,
        Err(refused) => Err(refused),
    };
    tell(answer, args.json)
}

async fn ask(client: &Client, order: Order) -> Result<(Value, String), Refused> {
    match order {
        Order::List => {
            let body = client.get(&["webhooks"]).await?;
            let Listed { webhooks, deliveries } = client.read(&body)?;
            let hooks = webhooks.iter().map(|hook| {
                let events = hook.events.iter().map(|event| event.name()).collect::<Vec<_>>().join(", ");
                format!("{}: {} to {}: {events}", hook.name, hook.form.name(), hook.address)
            });
            let lines = hooks.chain(deliveries.iter().map(line)).collect::<Vec<_>>();
            Ok((body, if lines.is_empty() { "nobody is told what happens".into() } else { lines.join("\n") }))
        }
        Order::Test { name } => {
            let body = client.post(&["webhooks", &name, "test"], &json!({})).await?;
            let Tested { delivery } = client.read(&body)?;
            match delivery.state {
                DeliveryState::GivenUp => {
                    Err(Refused { why: line(&delivery), body: Some(body), code: exit::ENVIRONMENT })
                }
                DeliveryState::Delivered | DeliveryState::Waiting => Ok((body, line(&delivery))),
            }
        }
    }
}

/// A message: `2026-11-26T19:00:00.000Z run.finished to ci: delivered after 1 try, answered 204`.
fn line(delivery: &Delivery) -> String {
    let Delivery { hook, event, at_ms, state, tries, answer, .. } = delivery;
    let state = match state {
        DeliveryState::Delivered => "delivered",
        DeliveryState::Waiting => "waiting",
        DeliveryState::GivenUp => "given up",
    };
    let tries = if *tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
    let answer = match answer {
        Some(Answer::Status { status, .. }) => format!(", answered {status}"),
        Some(Answer::Timeout) => ", no answer in time".into(),
        Some(Answer::Unreachable { reason }) => format!(", could not be reached: {reason}"),
        None => String::new(),
    };
    format!("{} {} to {hook}: {state} after {tries}{answer}", clock::text(*at_ms), event.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_in_a_line() {
        let delivery = |state, tries, answer| Delivery {
            id: "msg_1".into(),
            hook: "ci".into(),
            event: HookEvent::RunFinished,
            at_ms: 0,
            state,
            tries,
            due_ms: None,
            tried_ms: None,
            answer,
        };
        let at = "1970-01-01T00:00:00.000Z run.finished to ci: ";
        let status = Some(Answer::Status { status: 204, retry_after_s: None });
        for (delivery, told) in [
            (delivery(DeliveryState::Delivered, 1, status), "delivered after 1 try, answered 204"),
            (delivery(DeliveryState::Waiting, 0, None), "waiting after 0 tries"),
            (delivery(DeliveryState::GivenUp, 10, Some(Answer::Timeout)), "given up after 10 tries, no answer in time"),
        ] {
            assert_eq!(line(&delivery), format!("{at}{told}"));
        }
    }
}
