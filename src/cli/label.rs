//! `ha-dashboard label`: says something of a run on a running dashboard, over its REST API.

use std::{io::Read, process::ExitCode};

use clap::Args;
use ha_dashboard::domain::labels::Labels;
use serde_json::{Map, Value, json};

use super::{
    client::{Client, ManyRuns, OneRun, Refused, tell},
    exit,
};
use crate::server::config::Settings;

/// What to say, and of which run. What is not named stays as it is; without any of it the run's labels are printed.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// The run [default: the newest].
    run: Option<String>,
    /// Its name, of at most 80 characters; empty: none.
    #[arg(long)]
    name: Option<String>,
    /// A note in Markdown, of at most 10,000 characters; empty: none; -: from standard input.
    #[arg(long)]
    note: Option<String>,
    /// A tag, in place of those it has; may be repeated; empty: none.
    #[arg(long)]
    tag: Vec<String>,
    /// Star it, so that it is kept whatever its age.
    #[arg(long, conflicts_with = "unstar")]
    star: bool,
    /// Take its star away.
    #[arg(long)]
    unstar: bool,
    /// Print the dashboard's answer as JSON, also when it refuses.
    #[arg(long)]
    json: bool,
}

/// Asks the dashboard at the configured address.
pub async fn main(args: LabelArgs, settings: Settings) -> ExitCode {
    let answer = match Client::new(&settings) {
        Ok(client) => ask(&client, &args).await,
        Err(refused) => Err(refused),
    };
    tell(answer, args.json)
}

async fn ask(client: &Client, args: &LabelArgs) -> Result<(Value, String), Refused> {
    let fields = args.fields()?;
    let run = match &args.run {
        Some(run) => run.clone(),
        None => newest(client).await?,
    };
    let body = match fields {
        Value::Object(fields) if fields.is_empty() => client.get(&["runs", &run]).await?,
        fields => client.patch(&["runs", &run], &fields).await?,
    };
    let OneRun { run } = client.read(&body)?;
    Ok((body, format!("{}\n{}", run.id, lines(&run.labels))))
}

async fn newest(client: &Client) -> Result<String, Refused> {
    let ManyRuns { runs } = client.read(&client.get(&["runs"]).await?)?;
    let newest = runs.into_iter().next().map(|run| run.id.to_string());
    newest.ok_or_else(|| invalid("there is no run yet: start a test first".into()))
}

fn invalid(why: String) -> Refused {
    Refused { why, body: None, code: exit::INVALID }
}

impl LabelArgs {
    /// The body of the request.
    fn fields(&self) -> Result<Value, Refused> {
        let mut fields = Map::new();
        let mut say = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        if let Some(name) = &self.name {
            say("name", json!(name));
        }
        match self.note.as_deref() {
            None => {}
            Some("-") => {
                let mut note = String::new();
                let read = std::io::stdin().read_to_string(&mut note);
                read.map_err(|error| invalid(format!("the note can't be read from standard input: {error}")))?;
                say("note", json!(note));
            }
            Some(note) => {
                say("note", json!(note));
            }
        }
        if !self.tag.is_empty() {
            say("tags", json!(self.tag.iter().filter(|tag| !tag.is_empty()).collect::<Vec<_>>()));
        }
        if self.star || self.unstar {
            say("star", json!(self.star));
        }
        Ok(Value::Object(fields))
    }
}

/// What is said of a run, a line each.
fn lines(labels: &Labels) -> String {
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let note = labels.note.lines().collect::<Vec<_>>().join("\n      ");
    let star = if labels.star { "yes" } else { "no" };
    format!(
        "name: {}\ntags: {}\nstar: {star}\nnote: {}",
        or_none(&labels.name),
        or_none(&labels.tags.join(", ")),
        or_none(&note)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LabelArgs,
    }

    fn fields(line: &[&str]) -> Value {
        let line = [&["label"], line].concat();
        Line::try_parse_from(line).unwrap().args.fields().unwrap_or_else(|refused| panic!("{}", refused.why))
    }

    #[test]
    fn only_what_is_named_is_said() {
        assert_eq!(fields(&[]), json!({}));
        assert_eq!(fields(&["r-1", "--name", "", "--note", "**x**"]), json!({ "name": "", "note": "**x**" }));
        assert_eq!(fields(&["--tag", "a", "--tag", "b", "--star"]), json!({ "tags": ["a", "b"], "star": true }));
        assert_eq!(fields(&["--tag", "", "--unstar"]), json!({ "tags": [], "star": false }));
        assert!(Line::try_parse_from(["label", "--star", "--unstar"]).is_err());
    }
}
