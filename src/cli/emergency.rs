//! `ha-dashboard emergency-stop`: ends all load and takes all faults back, over the REST API of a running dashboard.

use std::process::ExitCode;

use clap::Args;
use ha_dashboard::domain::{fault::Fault, run::RunId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Client, Refused, tell},
    exit,
};
use crate::server::config::Settings;

/// How to tell it.
#[derive(Debug, Args)]
pub struct EmergencyArgs {
    /// Print the dashboard's answer as JSON, also when it refuses.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Stopped {
    run: Option<RunId>,
    leftovers: u32,
    faults: Vec<Fault>,
    problems: Vec<String>,
}

/// Asks the dashboard at the configured address.
pub async fn main(args: EmergencyArgs, settings: Settings) -> ExitCode {
    let answer = match Client::new(&settings) {
        Ok(client) => ask(&client).await,
        Err(refused) => Err(refused),
    };
    tell(answer, args.json)
}

/// The answer, and what it tells people. Where something did not get through yet that is an error.
async fn ask(client: &Client) -> Result<(Value, String), Refused> {
    let body = client.post(&["emergency-stop"], &json!({})).await?;
    let stopped: Stopped = client.read(&body)?;
    let told = words(&stopped);
    if stopped.problems.is_empty() {
        return Ok((body, told));
    }
    let why = format!("{told}\nnot everything got through yet; it is tried again: {}", stopped.problems.join("; "));
    Err(Refused { why, body: Some(body), code: exit::ENVIRONMENT })
}

fn words(Stopped { run, leftovers, faults, .. }: &Stopped) -> String {
    let load = match (run, leftovers) {
        (None, 0) => "no load was at work".to_owned(),
        (Some(run), 0) => format!("run {run} is ending"),
        (None, more) => format!("{more} left-over k6 ended"),
        (Some(run), more) => format!("run {run} is ending, and {more} left-over k6 ended"),
    };
    let faults = match faults.len() {
        0 => "no fault was set".to_owned(),
        1 => "1 fault is taken back".to_owned(),
        many => format!("{many} faults are taken back"),
    };
    format!("{load}; {faults}; no plan starts by itself until somebody starts a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stopped_is_told_in_a_line() {
        let told = |run: Option<&str>, leftovers| {
            let run = run.and_then(|run| run.parse().ok());
            words(&Stopped { run, leftovers, faults: Vec::new(), problems: Vec::new() })
        };
        assert!(told(None, 0).starts_with("no load was at work; no fault was set; no plan starts"));
        assert!(told(Some("r-1"), 2).starts_with("run r-1 is ending, and 2 left-over k6 ended;"));
    }
}
