//! Owns the run at work: implements the [`ha_dashboard::api::port`].

mod accounts;
mod archive;
mod audience;
mod drawn;
mod fleet;
mod keeper;
pub mod log;
mod logbook;
mod pace;
mod plans;
mod sharing;
pub mod summary;
mod supervisor;
mod uploads;
mod verdict;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use ha_dashboard::{
    api::{
        caller::Caller,
        error::ApiError,
        page::{DetailPage, LogPage, PageState, RunReport},
        port::{self, Emergency, EmergencyStop, Faults, Runs, Services, SharedControl, ShownHooks, View},
    },
    domain::{
        Millis,
        access::Call,
        breaker::Breakers,
        burst::{Burst, BurstDraft, LoadRefusal},
        detail::{Detail, Order},
        event::Event,
        fault::{Fault, FaultDraft, FaultEnd, FaultId, FaultKind, FaultRules},
        frame::History,
        hook::Delivery,
        labels::{LabelDraft, Labels},
        live::{Cursor, Snapshot, Status},
        past::{Choices, Found, Query},
        picture::{self, Course, Kept, RunPicture},
        plan::Plan,
        prefs::Lang,
        run::{Run, RunId},
        scenario::{Offer, Scenario},
        script::{Script, ScriptInput},
        service::ServiceStatus,
        threshold::NotAThreshold,
        validate::{Draft, Field, Problem, Rules},
        zoom::ZoomDraft,
    },
    report,
};
use tokio::sync::{RwLock, watch};

pub use self::archive::StateLock;
use self::{
    archive::Archive,
    audience::Audience,
    drawn::Drawn,
    keeper::Keeper,
    logbook::Logbook,
    pace::Pace,
    supervisor::{Halted, Links, OfScript, Supervisor},
};
use super::{
    access::{Access, Guarded, Policy},
    agenda::Agenda,
    board::Board,
    clock::now_ms,
    config::Config,
    database::Database,
    engine::Engine,
    feed::StoreFeed,
    hooks::Hooks,
    hub::{Courses, Details},
    journal::Journal,
    scenarios::Scenarios,
    scripts::{InspectError, Scripts},
    services::{Registry, faults},
    shares::Shares,
    shutdown::Shutdown,
};

/// A day in ms.
const DAY_MS: Millis = 86_400_000;

/// How long more is to come of a run that ended.
const FRESH_MS: Millis = 3_000;

/// What control works with.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// Runs k6.
    pub engine: Arc<dyn Engine>,
    /// The scripts there are.
    pub scripts: Arc<Scripts>,
    /// The scenarios there are.
    pub scenarios: Scenarios,
    /// The services that load may go to.
    pub services: Registry,
    /// What is done to them.
    pub faults: faults::Faults,
    /// What everybody is shown.
    pub board: Arc<Board>,
    /// Where it is written down what happens to runs.
    pub journal: Journal,
    /// Where metrics go.
    pub store: watch::Receiver<StoreFeed>,
    /// The run at work in detail.
    pub details: Details,
    /// Ends everything.
    pub shutdown: Shutdown,
}

/// What was started.
pub struct Started {
    /// Answers calls.
    pub control: SharedControl,
    /// Plans that start by themselves, where somebody keeps it.
    pub agenda: Agenda,
    /// Who is told what happens, where somebody keeps it.
    pub hooks: Hooks,
    /// Who is let in.
    pub access: Access,
}

/// Adopts or finalises what an earlier process left, then answers calls until shutdown. A run at work goes on when the
/// dashboard ends: the next start adopts it. Who wants it to end stops it and waits for its end first.
///
/// Whatever else works in the state folder must be started with `lock` in hand.
///
/// # Errors
/// When the state folder can't be used.
pub async fn start(lock: StateLock, parts: Parts) -> anyhow::Result<Started> {
    let Parts { config, engine, scripts, scenarios, services, faults, board, journal, store, details, shutdown } =
        parts;
    let archive = Archive::open(lock)?;
    let courses = Courses::new(store.clone(), config.tick, shutdown.clone());
    let database = archive.database();
    let keeper = Keeper::new(database.clone());
    shutdown.tasks.spawn(keeper.clone().follow(board.clone(), details.clone(), shutdown.token.clone()));
    let agenda = Agenda::new(database.clone(), journal.clone());
    let hooks = Hooks::new(&config, database.clone());
    let access = Access::open(database.clone(), Policy::of(&config))?;
    let audience = Audience::default();
    let links = Links {
        engine,
        archive,
        services: services.clone(),
        board: board.clone(),
        journal,
        store,
        shutdown,
        retention: config.retention,
        audience: audience.clone(),
    };
    let supervisor = Supervisor::take_over(links).await?;
    let logbook = Logbook::new(supervisor.archive());
    let control = Arc::new(Dashboard {
        config,
        scripts,
        scenarios,
        services,
        faults,
        board,
        courses,
        details,
        drawn: Drawn::default(),
        logbook,
        keeper,
        supervisor,
        shares: Shares::new(database.clone()),
        database,
        agenda: agenda.clone(),
        hooks: hooks.clone(),
        pace: Pace::default(),
        access: access.clone(),
        audience,
        starts: RwLock::default(),
    });
    let control = Arc::new(Guarded::new(control, access.clone()));
    Ok(Started { control, agenda, hooks, access })
}

struct Dashboard {
    config: Arc<Config>,
    scripts: Arc<Scripts>,
    scenarios: Scenarios,
    services: Registry,
    faults: faults::Faults,
    board: Arc<Board>,
    courses: Courses,
    details: Details,
    drawn: Drawn,
    logbook: Logbook,
    keeper: Keeper,
    supervisor: Arc<Supervisor>,
    shares: Shares,
    database: Database,
    agenda: Agenda,
    hooks: Hooks,
    pace: Pace,
    access: Access,
    audience: Audience,
    /// Held by starts, and alone by who changes scripts.
    starts: RwLock<()>,
}

impl Dashboard {
    fn rules_with(&self, caller: &Caller, scripts: Vec<Script>, scenarios: Vec<Offer>) -> Rules {
        Rules { limits: self.config.allowance(caller.role).limits, services: self.services.names(), scripts, scenarios }
    }

    /// Refuses one test too many for a day.
    async fn has_runs_left(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(most) = self.config.allowance(caller.role).runs_per_day else { return Ok(()) };
        let today = Query { since_ms: Some(DAY_MS), most: 1, ..Query::default() };
        match self.supervisor.find(today).await?.found {
            found if found >= most => Err(ApiError::EnoughForToday { most }),
            _ => Ok(()),
        }
    }

    /// How the last runs came out of the target that all of these runs have; empty: they have no common one.
    async fn trend_of(&self, caller: &Caller, columns: &[report::Column], lang: Lang) -> String {
        let Some((first, others)) = columns.split_first() else { return String::new() };
        let target = &first.run.plan.target;
        if others.iter().any(|column| column.run.plan.target != *target) {
            return String::new();
        }
        let shown = columns.iter().map(|column| column.run.id.clone()).collect::<Vec<_>>();
        // What is asked for beside it is there without it, too.
        self.trend(caller, target).await.map(|points| report::trend_html(&points, &shown, lang)).unwrap_or_default()
    }

    /// Only the script knows its own metrics, so k6 is asked about thresholds on them before a run is started.
    async fn knows_its_metrics(&self, plan: &Plan) -> Result<(), ApiError> {
        // A script's own thresholds were looked at with the script.
        let Some(schedule) = plan.schedule() else { return Ok(()) };
        let custom = plan.thresholds.iter().filter(|threshold| threshold.is_custom()).map(ToString::to_string);
        let custom = custom.collect::<Vec<_>>();
        if custom.is_empty() {
            return Ok(());
        }
        let input = ScriptInput::new(plan, Some(&schedule), &self.services.services());
        match self.scripts.inspect_with(&plan.script, &input).await {
            Err(InspectError::Refused(hint)) => {
                let problem = Problem::not_a_threshold(NotAThreshold::Refused { message: hint }, None);
                let error = problem.of(Field::Thresholds, &custom.join(", "));
                Err(ApiError::Invalid { errors: vec![error] })
            }
            // Anything else is k6's to tell when it runs.
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Runs for Dashboard {
    async fn rules(&self, caller: &Caller) -> Rules {
        self.rules_with(caller, self.scripts.list().await, self.scenarios.offers().await)
    }

    async fn rules_for(&self, caller: &Caller, script: &str) -> Rules {
        match self.scripts.one(script.trim()).await {
            Some(script) => self.rules_with(caller, vec![script], self.scenarios.look().await),
            // The error names those there are.
            None => self.rules(caller).await,
        }
    }

    async fn start(&self, caller: &Caller, draft: Draft) -> Result<Run, ApiError> {
        let since = self.supervisor.moment();
        let _scripts_stay = self.starts.read().await;
        let rules = self.rules_for(caller, &draft.script).await;
        let plan = draft.validate(&rules).map_err(|errors| ApiError::Invalid { errors })?;
        self.pace.start(caller)?;
        self.has_runs_left(caller).await?;
        let scenario = self.scenario(caller, &draft, plan.shape.duration_s()).await?;
        self.knows_its_metrics(&plan).await?;
        self.keeper.keep_shown(&self.board, &self.details).await;
        let of_script = OfScript {
            trend_stats: self.scripts.trend_stats(&plan.script),
            revision: self.scripts.revision(&plan.script).await,
        };
        self.supervisor.start_since(since, plan, scenario, of_script, caller.clone()).await
    }

    async fn scenario(&self, _: &Caller, draft: &Draft, load_s: u32) -> Result<Option<Scenario>, ApiError> {
        self.scenarios.of(draft, load_s).await
    }

    async fn stop(&self, caller: &Caller) -> Result<Run, ApiError> {
        self.supervisor.stop(caller.clone()).await
    }

    async fn add_load(&self, caller: &Caller, run: &RunId, draft: BurstDraft) -> Result<Burst, ApiError> {
        let known = self.supervisor.run(run).await?;
        if !known.state.is_active() {
            return Err(ApiError::LoadRefused { refusal: LoadRefusal::Over });
        }
        self.pace.start(caller)?;
        let script = known.plan.script;
        let rules = self.rules_with(caller, Vec::new(), Vec::new());
        let trend_stats = self.scripts.trend_stats(&script);
        self.supervisor.add_load(run.clone(), draft, rules, trend_stats, caller.clone()).await
    }

    async fn remove_load(&self, caller: &Caller, run: &RunId, instance: u32) -> Result<Burst, ApiError> {
        let known = self.supervisor.run(run).await?;
        if !known.state.is_active() && known.bursts.iter().any(|burst| burst.instance == instance) {
            return Err(ApiError::LoadRefused { refusal: LoadRefusal::BurstOver });
        }
        self.supervisor.remove_load(run.clone(), instance, caller.clone()).await
    }

    async fn pull_image(&self, caller: &Caller) -> Result<(), ApiError> {
        self.supervisor.pull(caller).await
    }

    async fn find_runs(&self, _: &Caller, query: Query) -> Result<Found, ApiError> {
        let mut found = self.supervisor.find(query).await?;
        for (run, _) in &mut found.runs {
            let shown = self.board.shown(run).into_owned();
            *run = shown;
        }
        Ok(found)
    }

    async fn run_choices(&self, _: &Caller) -> Result<Choices, ApiError> {
        self.supervisor.choices().await
    }

    async fn verdicts(&self, _: &Caller) -> Result<BTreeMap<String, u32>, ApiError> {
        self.supervisor.verdicts().await
    }

    async fn run(&self, _: &Caller, id: &RunId) -> Result<Run, ApiError> {
        self.supervisor.run(id).await.map(|run| self.board.shown(&run).into_owned())
    }

    async fn label_run(&self, caller: &Caller, id: &RunId, draft: LabelDraft) -> Result<Run, ApiError> {
        tracing::info!(run_id = %id, caller.correlation_id, door = %caller.door, "labels asked for");
        let change = move |run: &Run| draft.apply(&run.labels).map_err(|errors| ApiError::InvalidLabels { errors });
        self.supervisor.label(id, change).await.map(|run| self.board.shown(&run).into_owned())
    }

    async fn set_baseline(&self, caller: &Caller, id: &RunId, baseline: bool) -> Result<Run, ApiError> {
        tracing::info!(run_id = %id, caller.correlation_id, door = %caller.door, baseline, "baseline asked for");
        self.supervisor.set_baseline(id, baseline).await.map(|run| self.board.shown(&run).into_owned())
    }

    async fn trash_run(&self, caller: &Caller, id: &RunId, trashed: bool) -> Result<Run, ApiError> {
        tracing::info!(run_id = %id, caller.correlation_id, door = %caller.door, trashed, "trash asked for");
        let change = move |run: &Run| match run.state.is_active() {
            true => Err(ApiError::AlreadyRunning { running: run.id.clone() }),
            false if trashed && run.labels.baseline => Err(ApiError::IsBaseline { run: run.id.clone() }),
            false => Ok(Labels { trashed_ms: trashed.then(now_ms), ..run.labels.clone() }),
        };
        self.supervisor.label(id, change).await.map(|run| self.board.shown(&run).into_owned())
    }

    async fn log(&self, _: &Caller, id: &RunId) -> Result<Vec<String>, ApiError> {
        self.supervisor.log(id).await
    }
}

#[async_trait]
impl Services for Dashboard {
    async fn services(&self, _: &Caller) -> Vec<ServiceStatus> {
        self.board.services()
    }

    async fn breakers(&self, _: &Caller) -> Breakers {
        self.board.breakers()
    }
}

#[async_trait]
impl Faults for Dashboard {
    async fn fault_rules(&self, _: &Caller) -> FaultRules {
        self.faults.rules().await
    }

    async fn faults(&self, _: &Caller) -> Vec<Fault> {
        self.faults.all()
    }

    async fn fault_counts(&self, _: &Caller) -> BTreeMap<(FaultKind, String), u64> {
        self.faults.counts()
    }

    async fn fault(&self, _: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        self.faults.get(id)
    }

    async fn set_fault(&self, caller: &Caller, draft: FaultDraft) -> Result<Fault, ApiError> {
        self.pace.fault(caller)?;
        self.faults.set(caller, draft).await
    }

    async fn restore_fault(&self, _: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        self.faults.restore(id, FaultEnd::Asked).await
    }

    async fn restore_all(&self, _: &Caller) -> Result<Vec<Fault>, ApiError> {
        Ok(self.faults.restore_all(FaultEnd::Asked).await)
    }
}

#[async_trait]
impl Emergency for Dashboard {
    async fn emergency_stop(&self, caller: &Caller) -> Result<EmergencyStop, ApiError> {
        let more = self.faults.any_on();
        let (halted, faults) = tokio::join!(self.supervisor.halt(caller.clone(), more), self.faults.halt());
        let Halted { run, leftovers, mut problems } = halted;
        let on = faults.iter().filter(|fault| fault.state.is_on());
        problems.extend(on.map(|fault| format!("the fault {} is not taken back yet", fault.id)));
        for problem in &problems {
            tracing::error!(
                caller.correlation_id,
                problem,
                "the emergency stop did not get through everywhere and goes on"
            );
        }
        Ok(EmergencyStop { run, leftovers, faults, problems })
    }
}

#[async_trait]
impl port::Hooks for Dashboard {
    async fn hooks(&self, _: &Caller) -> Result<ShownHooks, ApiError> {
        self.hooks.shown().await
    }

    async fn test_hook(&self, caller: &Caller, name: &str) -> Result<Delivery, ApiError> {
        tracing::info!(caller.correlation_id, door = %caller.door, "a webhook is tried out");
        self.hooks.test(name).await
    }
}

#[async_trait]
impl View for Dashboard {
    async fn page_state(&self, caller: &Caller) -> PageState {
        let rules = self.rules(caller).await;
        let picture = self.board.brief();
        let (status, frame, recent) = (picture.status.clone(), picture.frame.clone(), picture.recent.clone());
        PageState { now_ms: now_ms(), status, frame, recent, rules }
    }

    async fn snapshot(&self, _: &Caller) -> Arc<Snapshot> {
        self.board.snapshot()
    }

    async fn brief(&self, _: &Caller) -> Arc<Snapshot> {
        self.board.brief()
    }

    async fn picture(&self, caller: &Caller, id: &RunId) -> Result<RunPicture, ApiError> {
        let run = self.run(caller, id).await?;
        let shown = self.board.snapshot();
        let is_shown = shown.status.run.as_ref().is_some_and(|shown| shown.id == *id);
        let kept = if run.state.is_active() { None } else { self.keeper.of(id).await };
        if let Some(mut kept) = kept {
            let detail = self.details.of(&run);
            let events = self.board.events();
            let news = is_shown.then(|| Kept::of(&run, &shown.status, &shown.history, &events, detail.as_deref()));
            if let Some(news) = news.flatten() {
                kept.learn(news);
            }
            return Ok(kept.picture(run, &shown.status));
        }
        // The history of a run from before a restart may still be on its way.
        if is_shown && (run.state.is_active() || !shown.history.is_empty()) {
            let detail = self.details.of(&run);
            return Ok(RunPicture { run, snapshot: shown, course: Course::Known, detail });
        }
        let (history, course, detail) = self.courses.of(&run).await;
        let status = Status { run: Some(run.clone()), ..shown.status.clone() };
        let events = picture::told(&run, self.board.events());
        let snapshot = Snapshot { status, history: History::clone(&history), events, ..Snapshot::default() };
        let picture = RunPicture { run, snapshot: Arc::new(snapshot), course, detail };
        self.keeper.keep(&picture).await;
        Ok(picture)
    }

    async fn detail(&self, caller: &Caller, id: &RunId) -> Result<Option<Arc<Detail>>, ApiError> {
        let run = self.run(caller, id).await?;
        if let Some(detail) = self.details.of(&run) {
            return Ok(Some(detail));
        }
        Ok(if run.state.is_active() { None } else { self.picture(caller, id).await?.detail })
    }

    async fn detail_page(&self, caller: &Caller, id: &RunId, order: Order, lang: Lang) -> Result<DetailPage, ApiError> {
        let run = self.run(caller, id).await?;
        let detail = self.detail(caller, id).await?;
        Ok(self.drawn.page(&run, detail, order, lang))
    }

    async fn log_page(&self, caller: &Caller, id: &RunId, filter: &str, lang: Lang) -> Result<LogPage, ApiError> {
        let over = !self.run(caller, id).await?.state.is_active();
        let told = self.logbook.of(id).await;
        Ok(report::log_page(told.version, &told.lines, filter, over, lang))
    }

    async fn report(&self, caller: &Caller, id: &RunId, zoom: &ZoomDraft, lang: Lang) -> Result<RunReport, ApiError> {
        let (run, log) = (self.run(caller, id).await?, self.log(caller, id).await?);
        if run.state.is_active() {
            let note = report::note_html(&run.labels.note);
            return Ok(RunReport { run, html: report::log_html(&log, lang), note, reading: false });
        }
        let picture = self.picture(caller, id).await?;
        let baseline = self.supervisor.baseline(&picture.run).await?;
        let against = baseline.map(|baseline| report::against_html(&picture.run, &baseline, lang));
        let shares = match caller.may(Call::ReadShares) {
            true => self.shares.of(id, now_ms()).await.unwrap_or_default(),
            false => Vec::new(),
        };
        let files = report::files_html(id, lang) + &report::shares_html(id, &shares, lang);
        let shown = std::slice::from_ref(id);
        // What is asked for beside the report is there without it, too.
        let trend = self.trend(caller, &picture.run.plan.target).await.unwrap_or_default();
        let trend = report::trend_html(&trend, shown, lang);
        let html = files + &against.unwrap_or_default() + &report::inner_html(&picture, &log, zoom, lang) + &trend;
        // The last samples come a moment after the end.
        let is_fresh = picture.run.ended_ms.is_some_and(|ended_ms| now_ms() < ended_ms + FRESH_MS);
        let reading = is_fresh || picture.course == Course::Reading;
        let note = report::note_html(&picture.run.labels.note);
        Ok(RunReport { run: picture.run, html, note, reading })
    }

    async fn comparison(&self, caller: &Caller, ids: &[RunId], lang: Lang) -> Result<String, ApiError> {
        let mut columns = Vec::new();
        for id in ids {
            let picture = self.picture(caller, id).await?;
            let history = picture.snapshot.history.clone();
            columns.push(report::Column { run: picture.run, history, detail: picture.detail });
        }
        let trend = self.trend_of(caller, &columns, lang).await;
        Ok(report::comparison_html(&columns, lang) + &trend)
    }

    async fn trend_page(&self, caller: &Caller, target: &str, lang: Lang) -> Result<String, ApiError> {
        Ok(report::trend_html(&self.trend(caller, target).await?, &[], lang))
    }

    async fn events(&self, _: &Caller) -> Vec<Event> {
        self.board.events()
    }

    async fn live(&self, caller: &Caller, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        self.audience.seat(caller, self.board.subscribe(resume))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
