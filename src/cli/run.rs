//! `ha-dashboard run`: one load test with the same parts as the dashboard, for pipelines.

mod files;
mod junit;
mod progress;
mod report;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        event::{Event, EventKind},
        live::Snapshot,
        plan::{Model, Pattern},
        prefs::Lang,
        run::{Run, RunState, Verdict},
        validate::{Draft, Problem, Rules},
    },
};

use self::{
    files::Files,
    junit::Subject,
    progress::Progress,
    report::{Ended, Report},
};
use super::exit::{self, Code};
use crate::server::{
    App,
    config::{Settings, StoreChoice},
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
pub struct RunArgs {
    /// A service's name, all-services or all-but-dashboard.
    #[arg(long, default_value = ha_dashboard::domain::plan::ALL_BUT_DASHBOARD)]
    target: String,
    /// smoke, load, stress, spike, soak or breakpoint.
    #[arg(long, default_value = Pattern::Load.name())]
    pattern: String,
    /// Peak number of virtual users (closed model).
    #[arg(long, conflicts_with = "rate")]
    vus: Option<String>,
    /// Peak of iterations started per second (open model).
    #[arg(long)]
    rate: Option<String>,
    /// The whole test, ramps included: seconds, or 90s, 5m, 1h30m, 1:30.
    #[arg(long, default_value = "60s")]
    duration: String,
    /// A script's file name in the scripts folder [default: the first that takes a schedule].
    #[arg(long)]
    script: Option<String>,
    /// First ramp up and last ramp down [default: the pattern's own share].
    #[arg(long)]
    ramp: Option<String>,
    /// Open model: VUs made before the start.
    #[arg(long, requires = "rate")]
    pre_allocated_vus: Option<String>,
    /// Open model: most VUs.
    #[arg(long, requires = "rate")]
    rate_vus: Option<String>,
    /// A rule in k6's words, like 'http_req_duration:p(95)<500'; may be repeated.
    #[arg(long)]
    threshold: Vec<String>,
    /// How long a request may take, from 1s to 60s.
    #[arg(long, default_value_t = format!("{}s", ha_dashboard::domain::plan::REQUEST_TIMEOUT_S))]
    request_timeout: String,
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
    /// A scenario's file name, or the text of a file that is not on offer.
    fn scenario(&self, rules: &Rules) -> Result<(String, String), String> {
        let Some(scenario) = &self.scenario else { return Ok(Default::default()) };
        let is_offered = rules.scenarios.iter().any(|offer| offer.file == *scenario);
        if is_offered || !Path::new(scenario).is_file() {
            return Ok((scenario.clone(), String::new()));
        }
        let text = std::fs::read_to_string(scenario);
        text.map(|text| (String::new(), text)).map_err(|error| format!("--scenario {scenario}: {error}"))
    }

    /// Where the result goes.
    pub fn files(&self) -> Files {
        Files {
            json: self.json.clone(),
            junit: self.junit.clone(),
            html: self.report.clone(),
            lang: self.lang,
            subject: Subject { target: self.target.clone(), pattern: self.pattern.clone() },
        }
    }

    fn draft(&self, script: String, (scenario, scenario_text): (String, String)) -> Draft {
        let model = if self.rate.is_some() { Model::ArrivalRate } else { Model::Vus };
        Draft {
            script,
            target: self.target.clone(),
            pattern: self.pattern.clone(),
            model: model.name().into(),
            peak: self.rate.clone().or_else(|| self.vus.clone()).unwrap_or_else(|| "10".into()),
            duration: self.duration.clone(),
            ramp: self.ramp.clone().unwrap_or_default(),
            pre_allocated_vus: self.pre_allocated_vus.clone().unwrap_or_default(),
            max_vus: self.rate_vus.clone().unwrap_or_default(),
            thresholds: self.threshold.join("\n"),
            request_timeout: self.request_timeout.clone(),
            scenario,
            scenario_text,
        }
    }
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
    telemetry::init(if explicit.log { &settings.log } else { "warn" }, settings.log_format);
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
    let caller = &Caller { correlation_id: format!("cli-{:032x}", rand::random::<u128>()), door: Door::Terminal };

    let (script, rules) = match &args.script {
        Some(script) => (script.clone(), control.rules_for(caller, script).await),
        None => {
            let rules = control.settled_rules(caller).await;
            (Draft::suggested(&rules).script, rules)
        }
    };
    let scenario = args.scenario(&rules).map_err(|why| (exit::INVALID, why))?;
    let draft = args.draft(script, scenario);
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
    finish(app, caller, run).await
}

/// What it came to, with k6's log where it crashed.
async fn finish(app: &App, caller: &Caller, (run, verdict): (Run, Verdict)) -> Result<Ended, (Code, String)> {
    let log = app.control.log(caller, &run.id).await.unwrap_or_default();
    if matches!(verdict, Verdict::Crashed { .. }) {
        for line in log.iter().rev().take(20).rev() {
            eprintln!("k6: {line}");
        }
    }
    let snapshot = last_picture(app, caller, &run).await;
    // What the store tells in place of k6 comes with that picture.
    let run = snapshot.status.run.clone().filter(|told| told.id == run.id).unwrap_or(run);
    Ok(Ended { report: Report::new(run, &verdict, &snapshot), snapshot, log })
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
