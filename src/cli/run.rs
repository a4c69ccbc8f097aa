//! `ha-dashboard run`: one load test with the same parts as the dashboard, for pipelines.

mod files;
mod progress;
mod report;

use std::{
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{ArgGroup, Args};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        event::{Event, EventKind},
        live::Snapshot,
        plan::{ALL_BUT_DASHBOARD, Model, Pattern},
        prefs::Lang,
        run::{Run, RunState, Totals, Verdict},
        validate::{Draft, Field, Problem, Rules},
    },
};

use self::{
    files::Files,
    progress::Progress,
    report::{Ended, Report},
};
use super::exit::{self, Code};
use crate::export::junit::Subject;
use crate::server::{
    App,
    config::{Settings, StoreChoice},
    plans::file,
    shutdown::Shutdown,
    telemetry,
};

/// How long k6 and the metrics store get to be there.
const READY: Duration = Duration::from_secs(30);

/// How long the values of a run's last moments get to arrive.
const LAST_VALUES: Duration = Duration::from_secs(3);

/// How often to look while waiting for them.
const LOOK: Duration = Duration::from_millis(100);

/// What to run.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("open").args(["rate", "plan"]).multiple(true)))]
pub struct RunArgs {
    /// A plan as YAML, as the page "Plans" saves it: names of the form's fields and their values. Options on the command line
    /// win over what it says.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// A service's name, all-services or all-but-dashboard [default: all-but-dashboard].
    #[arg(long)]
    target: Option<String>,
    /// smoke, load, stress, spike, soak or breakpoint [default: load].
    #[arg(long)]
    pattern: Option<String>,
    /// Peak number of virtual users (closed model) [default: 10].
    #[arg(long, conflicts_with = "rate")]
    vus: Option<String>,
    /// Peak of iterations started per second (open model).
    #[arg(long)]
    rate: Option<String>,
    /// The whole test, ramps included: seconds, or 90s, 5m, 1h30m, 1:30 [default: 60s].
    #[arg(long)]
    duration: Option<String>,
    /// A script's file name in the scripts folder [default: the first that takes a schedule].
    #[arg(long)]
    script: Option<String>,
    /// First ramp up and last ramp down [default: the pattern's own share].
    #[arg(long)]
    ramp: Option<String>,
    /// Open model: VUs made before the start.
    #[arg(long, requires = "open", conflicts_with = "vus")]
    pre_allocated_vus: Option<String>,
    /// Open model: most VUs.
    #[arg(long, requires = "open", conflicts_with = "vus")]
    rate_vus: Option<String>,
    /// A rule in k6's words, like 'http_req_duration:p(95)<500'; may be repeated.
    #[arg(long)]
    threshold: Vec<String>,
    /// How long a request may take, from 1s to 60s [default: 3s].
    #[arg(long)]
    request_timeout: Option<String>,
    /// What stops the test by itself when it lasts, like 'p95 > 2s for 15s', 'failed > 20 % for 10s' or 'cpu > 90 % for 15s', which
    /// is the load generator's; may be repeated.
    #[arg(long, value_name = "CRITERION")]
    stop_when: Vec<String>,
    /// By how much the test may be worse than the baseline, like 'p95 not worse than baseline by more than 10 %', in short 'p95 10 %';
    /// may be repeated. The baseline is that of the state folder's target, or --baseline.
    #[arg(long, value_name = "LIMIT")]
    regression: Vec<String>,
    /// What the test is held against: a result that --json wrote.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Faults beside the load: a scenario's file name in the scripts' folder, or the path of another YAML file.
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// Write the result as JSON to this file, also when the test fails or can't start; -: to standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the result as JUnit XML to this file, also when the test fails or can't start.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report with charts to this file, one HTML page that needs no network; also when the test fails or can't
    /// start.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The report's language: en or de.
    #[arg(long, default_value = "en", value_parser = language)]
    lang: Lang,
}

fn language(tag: &str) -> Result<Lang, String> {
    Lang::from_tag(tag).ok_or_else(|| "allowed: en, de".into())
}

impl RunArgs {
    /// What is asked for: by the options, else by the plan's file, else what is usual.
    ///
    /// # Errors
    /// A line that names the file and what is wrong with it.
    fn draft(&self) -> Result<Draft, String> {
        let mut draft = match &self.plan {
            Some(path) => plan(path)?,
            None => Draft::default(),
        };
        let model = match (&self.vus, &self.rate) {
            (_, Some(_)) => Some(Model::ArrivalRate),
            (Some(_), None) => Some(Model::Vus),
            (None, None) => None,
        };
        let lines = |given: &[String]| (!given.is_empty()).then(|| given.join("\n"));
        let (thresholds, stop_when) = (lines(&self.threshold), lines(&self.stop_when));
        let regression = lines(&self.regression);
        for (field, given, usual) in [
            (Field::Script, self.script.as_deref(), ""),
            (Field::Target, self.target.as_deref(), ALL_BUT_DASHBOARD),
            (Field::Pattern, self.pattern.as_deref(), Pattern::Load.name()),
            (Field::Model, model.map(Model::name), Model::Vus.name()),
            (Field::Peak, self.rate.as_deref().or(self.vus.as_deref()), "10"),
            (Field::Duration, self.duration.as_deref(), "60s"),
            (Field::Ramp, self.ramp.as_deref(), ""),
            (Field::PreAllocatedVus, self.pre_allocated_vus.as_deref(), ""),
            (Field::MaxVus, self.rate_vus.as_deref(), ""),
            (Field::Thresholds, thresholds.as_deref(), ""),
            (Field::RequestTimeout, self.request_timeout.as_deref(), ""),
            (Field::StopWhen, stop_when.as_deref(), ""),
            (Field::Regression, regression.as_deref(), ""),
            (Field::Scenario, self.scenario.as_deref(), ""),
        ] {
            let slot = draft.slot(field);
            match given {
                Some(given) => *slot = given.into(),
                None if slot.trim().is_empty() => *slot = usual.into(),
                None => {}
            }
        }
        Ok(draft)
    }

    /// Where the result goes.
    pub fn files(&self) -> Files {
        // What is wrong with it is told when it is asked for to be run.
        let Draft { target, pattern, .. } = self.draft().unwrap_or_default();
        Files {
            json: self.json.clone(),
            junit: self.junit.clone(),
            html: self.report.clone(),
            lang: self.lang,
            subject: Subject { target, pattern },
        }
    }
}

/// The figures of an earlier test, from the JSON of its result.
fn baseline(path: &Path) -> Result<Totals, String> {
    #[derive(serde::Deserialize)]
    struct Result {
        totals: Option<Totals>,
    }
    let wrong = |why: &dyn std::fmt::Display| format!("--baseline {}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let result: Result = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    result.totals.ok_or_else(|| wrong(&"it holds no totals: give what --json wrote of a test that ran"))
}

/// The plan in a file.
fn plan(path: &Path) -> Result<Draft, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("--plan {}: {why}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(&error))?;
    // One byte more than is allowed tells that there are too many.
    file.take(file::LARGEST as u64 + 1).read_to_string(&mut text).map_err(|error| wrong(&error))?;
    file::read(&text).map(|(_, draft)| draft).map_err(|error| wrong(&error))
}

/// Puts the text of a scenario in the place of the path of a file that is not on offer.
fn with_scenario(mut draft: Draft, rules: &Rules) -> Result<Draft, String> {
    let path = std::mem::take(&mut draft.scenario);
    let is_offered = rules.scenarios.iter().any(|offer| offer.file == path.trim());
    if is_offered || !Path::new(&path).is_file() {
        return Ok(Draft { scenario: path, ..draft });
    }
    let text = std::fs::read_to_string(&path);
    text.map(|text| Draft { scenario_text: text, ..draft }).map_err(|error| format!("scenario {path}: {error}"))
}

/// Which settings were given, and not just defaults.
#[derive(Debug, Clone)]
pub struct Explicit {
    /// The state folder.
    pub state_dir: bool,
    /// The services.
    pub services: bool,
    /// What is logged.
    pub log: bool,
    /// Where the state goes when no folder was given.
    pub temp_dir: PathBuf,
}

/// Runs it to its end.
pub async fn main(args: RunArgs, mut settings: Settings, explicit: Explicit) -> ExitCode {
    telemetry::init(if explicit.log { &settings.log } else { "warn" }, settings.log_format, None);
    if !explicit.services {
        // No dashboard serves here, so it can't be a target.
        let own = settings.config.addr.port();
        settings.config.services.retain(|service| !service.url.ends_with(&format!(":{own}")));
    }
    let mut own_state = None;
    if !explicit.state_dir {
        // A dashboard may be using the usual folder.
        let dir = explicit.temp_dir.join(format!("ha-dashboard-run-{:016x}", rand::random::<u64>()));
        settings.config.state_dir = dir.clone();
        own_state = Some(dir);
    }
    if let StoreChoice::Child { port, .. } = &mut settings.config.store {
        *port = free_port().unwrap_or(*port);
    }

    let files = args.files();
    let code = match files.claim() {
        Ok(()) => run(&args, &files, settings).await,
        Err(problem) => {
            eprintln!("{problem}");
            exit::ENVIRONMENT
        }
    };
    if let Some(dir) = own_state
        && let Err(error) = tokio::fs::remove_dir_all(&dir).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(dir = %dir.display(), %error, "the run's folder is left behind");
    }
    code.into()
}

async fn run(args: &RunArgs, files: &Files, settings: Settings) -> Code {
    let app = match App::build(settings).await {
        Ok(app) => app,
        Err(error) => {
            let why = format!("{error:#}");
            eprintln!("{why}");
            return files.give_up(&why, exit::ENVIRONMENT);
        }
    };
    let result = follow(&app, args).await;
    app.end().await;
    match result {
        Ok(ended) => {
            ended.report.tell(args.json.as_deref() == Some(Path::new("-")));
            match files.ended(&ended) {
                Ok(()) => ended.report.code(),
                Err(problems) => {
                    eprintln!("{problems}");
                    exit::ENVIRONMENT
                }
            }
        }
        Err((code, why)) => {
            eprintln!("{why}");
            files.give_up(&why, code)
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(std::net::TcpListener::bind(addr)?.local_addr()?.port())
}

async fn follow(app: &App, args: &RunArgs) -> Result<Ended, (Code, String)> {
    let signals = Shutdown::default();
    signals.on_signals().map_err(|error| (exit::ENVIRONMENT, format!("the system refuses signals: {error}")))?;
    let control = &app.control;
    let caller = &Caller::of_program(format!("cli-{:032x}", rand::random::<u128>()), Door::Terminal);

    let mut draft = args.draft().map_err(|why| (exit::INVALID, why))?;
    let baseline = args.baseline.as_deref().map(baseline).transpose().map_err(|why| (exit::INVALID, why))?;
    let rules = match draft.script.trim() {
        "" => {
            let rules = control.settled_rules(caller).await;
            draft.script = Draft::suggested(&rules).script;
            rules
        }
        script => control.rules_for(caller, script).await,
    };
    let draft = with_scenario(draft, &rules).map_err(|why| (exit::INVALID, why))?;
    // Refused at once, not after Prometheus has started.
    let plan = draft.validate(&rules);
    if let Ok(plan) = &plan {
        control.scenario(caller, &draft, plan.shape.duration_s()).await.map_err(failed)?;
    }
    if let Err(errors) = plan {
        let engine = control.brief(caller).await.status.engine.clone();
        // Without k6 every script is broken, and that is not the caller's plan.
        let no_k6 =
            engine.k6_version.is_none() && errors.iter().any(|e| matches!(e.problem, Problem::BrokenScript { .. }));
        return Err(if no_k6 { (exit::ENVIRONMENT, engine.note) } else { failed(ApiError::Invalid { errors }) });
    }
    tokio::select! {
        ready = ready(app, caller) => ready?,
        () = signals.token.cancelled() => return Err((exit::STOPPED, "stopped before the test began".into())),
    }

    let run = control.start(caller, draft).await.map_err(failed)?;
    let mut progress = Progress::new(&run);
    let mut interval = tokio::time::interval(Duration::from_millis(500));
    let mut asked = false;
    let run = loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = signals.token.cancelled(), if !asked => {
                asked = true;
                progress.say("stopping");
                match control.stop(caller).await {
                    // It may have ended in this very moment.
                    Ok(_) | Err(ApiError::NotRunning) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        let now = control.run(caller, &run.id).await.map_err(failed)?;
        let snapshot = control.snapshot(caller).await;
        progress.show(&now, &snapshot);
        if let RunState::Finished(verdict) = &now.state {
            let verdict = verdict.clone();
            break (now, verdict);
        }
    };
    progress.end();
    finish(app, caller, run, baseline).await
}

/// What it came to, with k6's log where it crashed.
async fn finish(
    app: &App,
    caller: &Caller,
    (run, verdict): (Run, Verdict),
    baseline: Option<Totals>,
) -> Result<Ended, (Code, String)> {
    let log = app.control.log(caller, &run.id).await.unwrap_or_default();
    if matches!(verdict, Verdict::Crashed { .. }) {
        for line in log.iter().rev().take(20).rev() {
            eprintln!("k6: {line}");
        }
    }
    let mut snapshot = last_picture(app, caller, &run).await;
    // What the store tells in place of k6 comes with that picture.
    let mut run = snapshot.status.run.clone().filter(|told| told.id == run.id).unwrap_or(run);
    if let Some(baseline) = baseline {
        run.hold_against(Some(&baseline));
        snapshot.status.run = Some(run.clone());
    }
    let verdict = match &run.state {
        RunState::Finished(verdict) => verdict.clone(),
        _ => verdict,
    };
    for event in &mut snapshot.events {
        if let EventKind::RunEnded { run: id, verdict: told } = &mut event.kind
            && *id == run.id
        {
            told.clone_from(&verdict);
        }
    }
    let detail = app.control.detail(caller, &run.id).await.unwrap_or_default();
    Ok(Ended { report: Report::new(run, &verdict, &snapshot), snapshot, detail, log })
}

/// The picture with the values of the run's last moments: they reach the hub with the poll after k6's end.
async fn last_picture(app: &App, caller: &Caller, run: &Run) -> Snapshot {
    let deadline = Instant::now() + LAST_VALUES;
    let mut told_at = None;
    loop {
        let snapshot = app.control.snapshot(caller).await;
        let told = |event: &Event| matches!(&event.kind, EventKind::RunEnded { run: id, .. } if *id == run.id);
        let untold = |told: &Run| told.id == run.id && told.started_ms.is_some() && told.totals.is_none();
        if snapshot.events.iter().any(told) {
            let seq = *told_at.get_or_insert(snapshot.cursor.seq);
            if snapshot.cursor.seq > seq && !snapshot.status.run.as_ref().is_some_and(untold) {
                return Snapshot::clone(&snapshot);
            }
        }
        if Instant::now() >= deadline {
            return Snapshot::clone(&snapshot);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn failed(error: ApiError) -> (Code, String) {
    match error {
        ApiError::Invalid { errors } => (exit::INVALID, lines(&errors)),
        ApiError::InvalidScenario { errors } => (exit::INVALID, lines(&errors)),
        error => (exit::ENVIRONMENT, error.to_string()),
    }
}

fn lines(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Waits for k6 and the metrics store.
async fn ready(app: &App, caller: &Caller) -> Result<(), (Code, String)> {
    let deadline = Instant::now() + READY;
    loop {
        let snapshot = app.control.brief(caller).await;
        let (engine, metrics) = (&snapshot.status.engine, &snapshot.status.metrics);
        if engine.ready && metrics.reachable {
            return Ok(());
        }
        // A Docker engine may come up yet; a program that is missing won't.
        if !engine.ready && engine.name == "process" {
            return Err((exit::ENVIRONMENT, engine.note.clone()));
        }
        if Instant::now() >= deadline {
            let problem = if engine.ready { &metrics.problem } else { &engine.note };
            return Err((exit::ENVIRONMENT, format!("not ready within {} s: {problem}", READY.as_secs())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: RunArgs,
    }

    fn asked(line: &[&str]) -> Result<Draft, String> {
        Line::parse_from([&["run"], line].concat()).args.draft()
    }

    #[test]
    fn options_win_over_the_plan_and_the_plan_over_what_is_usual() {
        let usual = asked(&[]).unwrap();
        let fields = [&usual.target, &usual.pattern, &usual.model, &usual.peak, &usual.duration];
        assert_eq!(fields, ["all-but-dashboard", "load", "vus", "10", "60s"]);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        let path = path.to_str().unwrap();
        let text = "name: n\ntarget: shop\nmodel: arrival-rate\npeak: 50\nthresholds: [\"checks:rate>0.9\"]\nscenario: a.yaml\n";
        std::fs::write(path, text).unwrap();
        let plan = asked(&["--plan", path]).unwrap();
        let fields = [&plan.target, &plan.pattern, &plan.model, &plan.peak, &plan.thresholds, &plan.scenario];
        assert_eq!(fields, ["shop", "load", "arrival-rate", "50", "checks:rate>0.9", "a.yaml"]);
        let more = [
            "--plan",
            path,
            "--vus",
            "7",
            "--target",
            "cart",
            "--threshold",
            "checks:rate>0.5",
            "--threshold",
            "x:value<1",
        ];
        let plan = asked(&more).unwrap();
        let fields = [&plan.target, &plan.model, &plan.peak, &plan.thresholds, &plan.scenario];
        assert_eq!(fields, ["cart", "vus", "7", "checks:rate>0.5\nx:value<1", "a.yaml"]);
        assert_eq!(asked(&["--plan", path, "--rate-vus", "9"]).unwrap().max_vus, "9");

        std::fs::write(path, "vus: 5\n").unwrap();
        let refused = asked(&["--plan", path]).unwrap_err();
        assert!(refused.contains("plan.yaml") && refused.contains("vus") && refused.contains("line 1"), "{refused}");
        std::fs::write(path, "stop_when: [p95 > 2 s for 15 s]\n").unwrap();
        assert_eq!(asked(&["--plan", path]).unwrap().stop_when, "p95 > 2 s for 15 s");
        let more = ["--plan", path, "--stop-when", "failed > 20 % for 10s", "--stop-when", "cpu > 90 % for 15s"];
        assert_eq!(asked(&more).unwrap().stop_when, "failed > 20 % for 10s\ncpu > 90 % for 15s");
        let against = asked(&["--regression", "p95 10 %", "--regression", "rate 5 %"]).unwrap();
        assert_eq!(against.regression, "p95 10 %\nrate 5 %");
        let missing = asked(&["--plan", "none.yaml"]).unwrap_err();
        assert!(missing.starts_with("--plan none.yaml: "), "{missing}");
        let endless = asked(&["--plan", "/dev/zero"]).unwrap_err();
        assert!(endless.ends_with("it has more than 65536 bytes"), "{endless}");
    }

    #[test]
    fn a_baseline_is_what_json_wrote_of_an_earlier_test() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("earlier.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            baseline(&path)
        };
        let known = r#"{"id": "r-1", "verdict": "passed", "totals": {"p95_s": 0.25}, "run": {}}"#;
        assert_eq!(read(known).unwrap().p95_s, Some(0.25));
        for (text, why) in
            [("{", "EOF"), (r#"{"not_run": "no k6"}"#, "it holds no totals"), (r#"{"totals": 5}"#, "totals")]
        {
            let told = read(text).unwrap_err();
            assert!(told.starts_with("--baseline ") && (told.contains(why) || told.contains("line 1")), "{told}");
        }
        assert!(baseline(&folder.path().join("none")).is_err());
    }
}
