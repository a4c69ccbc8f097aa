//! `ha-dashboard load`: adds load to the test at work on a running dashboard and takes it away again, over its REST API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ha_dashboard::domain::{
    burst::{self, Burst},
    run::RunId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Client, ManyRuns, OneRun, Refused, tell},
    exit,
};
use crate::server::{clock::now_ms, config::Settings};

/// What to do.
#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(subcommand)]
    order: Order,
    /// The run [default: the one at work].
    #[arg(long, global = true)]
    run: Option<String>,
    /// Print the dashboard's answer as JSON, also when it refuses.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Add load, all of it at once; comes back when its k6 is there.
    Add(AddArgs),
    /// Take added load away before its time.
    Remove {
        /// The number that `add` and `list` tell.
        instance: String,
    },
    /// List what was added to the test.
    List,
}

#[derive(Debug, Args)]
#[group(id = "amount", required = true, multiple = false, args = ["vus", "rate"])]
struct AddArgs {
    /// That many virtual users.
    #[arg(long)]
    vus: Option<String>,
    /// That many iterations per second.
    #[arg(long)]
    rate: Option<String>,
    /// For how long: seconds, or 90s, 5m, 1:30 [default: to the end of the test, which ends it in any case].
    #[arg(long)]
    duration: Option<String>,
    /// A service's name, all-services or all-but-dashboard [default: where the load of the test goes].
    #[arg(long)]
    target: Option<String>,
}

impl AddArgs {
    fn body(&self) -> Value {
        let given = [("vus", &self.vus), ("rate", &self.rate), ("duration", &self.duration), ("target", &self.target)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        Value::Object(given.collect())
    }
}

#[derive(Deserialize)]
struct Added {
    load: Burst,
}

/// Asks the dashboard at the configured address.
pub async fn main(args: LoadArgs, settings: Settings) -> ExitCode {
    let answer = match Client::new(&settings) {
        Ok(client) => ask(&client, &args).await,
        Err(refused) => Err(refused),
    };
    tell(answer, args.json)
}

/// The answer, and what it tells people.
async fn ask(client: &Client, args: &LoadArgs) -> Result<(Value, String), Refused> {
    let run = match &args.run {
        Some(run) => run.clone(),
        None => at_work(client).await?.to_string(),
    };
    let of_one = |body: Value| {
        let Added { load } = client.read(&body)?;
        Ok((body, burst::line(&load, now_ms())))
    };
    match &args.order {
        Order::Add(add) => of_one(client.post(&["runs", &run, "load"], &add.body()).await?),
        Order::Remove { instance } => of_one(client.delete(&["runs", &run, "load", instance]).await?),
        Order::List => {
            let body = client.get(&["runs", &run]).await?;
            let OneRun { run } = client.read(&body)?;
            let lines = run.bursts.iter().map(|load| burst::line(load, now_ms())).collect::<Vec<_>>();
            Ok((body, if lines.is_empty() { "no load was added".to_owned() } else { lines.join("\n") }))
        }
    }
}

/// The test at work.
async fn at_work(client: &Client) -> Result<RunId, Refused> {
    let ManyRuns { runs } = client.read(&client.get(&["runs"]).await?)?;
    let found = runs.into_iter().find(|run| run.state.is_active()).map(|run| run.id);
    found.ok_or_else(|| Refused {
        why: "no test is at work, so its load can't be changed: start one first".into(),
        body: None,
        code: exit::INVALID,
    })
}
