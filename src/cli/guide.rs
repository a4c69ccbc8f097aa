//! `ha-dashboard guide`: the guided demo of a running dashboard, step by step on a terminal.

use std::process::ExitCode;

use clap::Args;
use ha_dashboard::{
    domain::{
        Millis, guide,
        guide::{Guide, Turn},
        live::Status,
        plan::Pattern,
        prefs::Lang,
        run::{Run, RunId, RunState},
    },
    ui::show::{
        self,
        guide::{Line, lines},
    },
};
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{Client, Refused},
    exit::{self, Code},
};
use crate::server::config::Settings;

/// How long the last figures may take after the load's end, in ms.
const LATEST_MS: Millis = 15_000;

/// What to tell of.
#[derive(Debug, Args)]
pub struct GuideArgs {
    /// Start nothing: tell of the test with a scenario that is at work.
    #[arg(long)]
    follow: bool,
}

/// Tells it to its end. Whoever ends this before ends the telling, not the demo.
pub async fn main(args: GuideArgs, settings: Settings) -> ExitCode {
    let told = match Client::new(&settings) {
        Ok(client) => tell(&client, args.follow).await,
        Err(refused) => Err(refused),
    };
    match told {
        Ok(code) => code.into(),
        Err(Refused { why, code, .. }) => {
            eprintln!("{why}");
            code.into()
        }
    }
}

async fn tell(client: &Client, follow: bool) -> Result<Code, Refused> {
    let started = if follow { None } else { Some(start(client).await?) };
    let mut picture = client.live().await?;
    let at_work = picture.next().await?.snapshot.status.run.as_ref().filter(|run| run.state.is_active());
    let id = started.or_else(|| at_work.map(|run| run.id.clone())).ok_or_else(nothing)?;
    println!("{} shows it.", client.page("/"));
    let mut teller = Teller::default();
    let mut seen = false;
    loop {
        let snapshot = &picture.next().await?.snapshot;
        let (status, now_ms) = (&snapshot.status, snapshot.now_ms);
        let Some(run) = status.run.as_ref().filter(|run| run.id == id) else {
            // What was just started may not be in the picture yet.
            if seen {
                return Err(nothing());
            }
            continue;
        };
        seen = true;
        let lines = told(run, status, now_ms).ok_or_else(nothing)?;
        let over_ms = run.ended_ms.map(|ended_ms| now_ms.saturating_sub(ended_ms));
        let is_last = over_ms.is_some_and(|over_ms| over_ms > LATEST_MS || lines.iter().all(|line| line.settled));
        for said in teller.news(&lines, is_last) {
            println!("{said}");
        }
        if let (RunState::Finished(verdict), true) = (&run.state, is_last) {
            println!("{}: {}", show::verdict(verdict, Lang::En.text()).1, client.page(&format!("/runs/{id}")));
            return Ok(verdict.into());
        }
    }
}

fn told(run: &Run, status: &Status, now_ms: Millis) -> Option<Vec<Line>> {
    Some(lines(&Guide::of(run, &status.faults, now_ms)?, &status.costs, Lang::En))
}

fn nothing() -> Refused {
    Refused { why: "no test with a scenario is at work".into(), body: None, code: exit::INVALID }
}

/// The answer to a start, as far as it is needed.
#[derive(Deserialize)]
struct Started {
    test_id: RunId,
}

async fn start(client: &Client) -> Result<RunId, Refused> {
    let demo = guide::demo();
    let body = json!({
        "script": demo.script,
        "target": demo.target,
        "test_type": Pattern::Load.name(),
        "target_vus": demo.peak,
        "duration": demo.duration,
        "ramp": demo.ramp,
        "scenario": demo.scenario,
    });
    let answer = client.post(&["analytics", "load-test", "start"], &body).await?;
    client.read::<Started>(&answer).map(|started| started.test_id)
}

/// What was said so far.
#[derive(Debug, Default)]
struct Teller {
    /// How many legs, from the first on.
    begun: usize,
    /// Of which legs it was said what has come of them.
    told: Vec<usize>,
}

impl Teller {
    /// What is to be said now; `is_last`: nothing more will become known.
    fn news(&mut self, lines: &[Line], is_last: bool) -> Vec<String> {
        let mut said = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if matches!(line.turn, Turn::Now | Turn::Done) && at >= self.begun {
                self.begun = at + 1;
                said.push(format!("{}  {}", line.at, line.title));
                said.push(format!("       {}", line.watch));
            }
            if (is_last || (line.settled && line.turn == Turn::Done)) && !self.told.contains(&at) {
                self.told.push(at);
                said.extend(line.told.iter().map(|told| format!("    => {}: {told}", line.title)));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_when_it_comes_and_its_cost_when_it_is_known() {
        let line = |turn, at: &str, told: &[&str], settled| Line {
            turn,
            at: at.into(),
            title: format!("leg {at}"),
            watch: "look",
            told: told.iter().map(|told| (*told).to_owned()).collect(),
            settled,
        };
        let (done, now, next, missed) = (Turn::Done, Turn::Now, Turn::Next, Turn::Missed);
        let mut teller = Teller::default();
        for (lines, is_last, expected) in [
            (vec![line(next, "0", &[], true), line(next, "1", &[], true)], false, vec![]),
            (vec![line(now, "0", &[], true), line(next, "1", &[], true)], false, vec!["0  leg 0", "       look"]),
            (vec![line(now, "0", &[], true), line(next, "1", &[], true)], false, vec![]),
            (
                vec![line(done, "0", &[], true), line(now, "1", &["so far"], false)],
                false,
                vec!["1  leg 1", "       look"],
            ),
            (vec![line(done, "0", &[], true), line(done, "1", &["so far"], false)], false, vec![]),
            (
                vec![line(done, "0", &[], true), line(done, "1", &["2 failed"], true)],
                false,
                vec!["    => leg 1: 2 failed"],
            ),
            (vec![line(done, "0", &[], true), line(done, "1", &["2 failed"], true)], true, vec![]),
        ] {
            assert_eq!(teller.news(&lines, is_last), expected);
        }
        let unsettled = [line(done, "0", &["1 failed"], false), line(missed, "1", &[], true)];
        let expected = ["0  leg 0", "       look", "    => leg 0: 1 failed"];
        assert_eq!(Teller::default().news(&unsettled, true), expected);
    }
}
