//! `ha-dashboard fault`: sets, lists and takes back faults of a running dashboard, over its REST API.

mod words;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ha_dashboard::domain::fault::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Refused, tell};
use crate::server::{clock::now_ms, config::Settings};

/// What to do.
#[derive(Debug, Args)]
pub struct FaultArgs {
    #[command(subcommand)]
    order: Order,
    /// Print the dashboard's answer as JSON, also when it refuses.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Break something on purpose; comes back when it has taken hold.
    Set(SetArgs),
    /// List what is set and what was, newest first.
    List,
    /// Take a fault back before its time.
    Restore {
        /// The fault's id.
        id: String,
    },
    /// Take back everything that is set.
    RestoreAll,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// kill, stop, freeze, restart, rolling-restart, cut, latency, errors, cpu, memory or disk.
    kind: String,
    /// A replica's name, or a service's for all of its replicas.
    target: String,
    /// How much of it, from 1 to 10, where there is more and less [default: 5].
    #[arg(long)]
    intensity: Option<String>,
    /// For how long: seconds, or 90s, 5m, 1:30 [default: until it is restored, or the longest time is over].
    #[arg(long)]
    duration: Option<String>,
    /// What is expected meanwhile, like 'failed < 1 %' or 'recovered < 5 s'.
    #[arg(long)]
    hypothesis: Option<String>,
    /// What ends it early, like 'failed > 50 % for 10 s'.
    #[arg(long)]
    guard: Option<String>,
    /// Leave the service without a replica, if that is what it does.
    #[arg(long)]
    even_last: bool,
}

impl SetArgs {
    /// What the dashboard is asked for: the same words, so that it checks them as it does those of a page.
    fn body(&self) -> Value {
        let mut body = json!({ "kind": self.kind, "service": self.target, "even_last": self.even_last });
        let given = [
            ("intensity", &self.intensity),
            ("duration", &self.duration),
            ("hypothesis", &self.hypothesis),
            ("guard", &self.guard),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        body
    }
}

#[derive(Deserialize)]
struct One {
    fault: Fault,
}

#[derive(Deserialize)]
struct Many {
    faults: Vec<Fault>,
}

/// Asks the dashboard at the configured address.
pub async fn main(args: FaultArgs, settings: Settings) -> ExitCode {
    let answer = match Client::new(&settings) {
        Ok(client) => ask(&client, &args.order).await,
        Err(refused) => Err(refused),
    };
    tell(answer, args.json)
}

/// The answer, and what it tells people.
async fn ask(client: &Client, order: &Order) -> Result<(Value, String), Refused> {
    let of_one = |body: Value| {
        let One { fault } = client.read(&body)?;
        Ok((body, words::fault(&fault, now_ms())))
    };
    let of_many = |body: Value, none: &str| {
        let Many { faults } = client.read(&body)?;
        let lines = faults.iter().map(|fault| words::fault(fault, now_ms())).collect::<Vec<_>>();
        Ok((body, if lines.is_empty() { none.to_owned() } else { lines.join("\n") }))
    };
    match order {
        Order::Set(set) => of_one(client.post(&["faults"], &set.body()).await?),
        Order::List => of_many(client.get(&["faults"]).await?, "nothing is set, and nothing was"),
        Order::Restore { id } => of_one(client.post(&["faults", id, "restore"], &json!({})).await?),
        Order::RestoreAll => of_many(client.post(&["faults", "restore-all"], &json!({})).await?, "nothing was set"),
    }
}
