//! The state machine of runs: Starting → Running → Stopping → Finished. The only writer of [`RunFeed`], and of
//! what happens to runs in the journal.

mod bursts;
mod halting;
mod stopping;
mod unwatched;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        Millis,
        criterion::Watched,
        event::{Event, EventKind},
        labels::Labels,
        live::{EngineStatus, Pull},
        origin::Origin,
        past::{Choices, Found, Query},
        plan::{Plan, Shape},
        run::{Run, RunId, RunState, Seen, Totals},
        scenario::Scenario,
        schedule::Schedule,
        script::ScriptInput,
        threshold::{MetricKind, Observed, Threshold},
    },
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{interval, timeout},
};
use tracing::Instrument;

pub use self::halting::{Halted, Moment};
use self::{halting::Hold, stopping::Tries};
use super::{
    archive::{Archive, ArchiveError, Left},
    audience::Audience,
    fleet,
    log::LogLine,
    verdict,
};
use crate::server::{
    board::Board,
    clock::now_ms,
    config::Retention,
    engine::{Engine, EngineError, Exit, Instance, InstanceState, Launch, Part, Started, process},
    feed::{RunFeed, StoreFeed},
    ids,
    journal::Journal,
    services::Registry,
    shutdown::Shutdown,
    told,
};

/// What k6 may take before its schedule begins (init code, VUs, `setup()`), in seconds.
const START_ALLOWANCE_S: u32 = 30;
/// What k6 may take after its schedule ended (`teardown()`, last push, summary), in seconds.
const END_ALLOWANCE_S: u32 = 10;
/// What is known of a script when a run of it starts.
#[derive(Debug, Clone, Default)]
pub struct OfScript {
    /// What it wants k6's summary to tell of trends.
    pub trend_stats: Vec<String>,
    /// Its revision; empty where that can't be told.
    pub revision: String,
}

/// How many k6 share a run's load.
const INSTANCES: u32 = 1;
/// Lines of k6's log that are shown.
const LOG_LINES: usize = 500;
/// How long the start of the dashboard waits for the first look at the engine.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How long somebody who stops something waits until that is written down.
const RECORDED: Duration = Duration::from_secs(1);
/// How many of the newest runs are at hand, whether or not they are at work.
const AT_HAND: usize = 2;
/// How often it is looked whether runs are to be forgotten.
const FORGET: Duration = Duration::from_secs(3600);
/// How often the engine and the state folder are looked at.
const ENGINE_CHECK: Duration = Duration::from_secs(10);
/// How often it is looked at while an image is fetched.
const PULL_CHECK: Duration = Duration::from_millis(500);

/// Owns the run at work and the record of all runs.
pub struct Supervisor {
    engine: Arc<dyn Engine>,
    archive: Arc<Archive>,
    services: Registry,
    board: Arc<Board>,
    journal: Journal,
    store: watch::Receiver<StoreFeed>,
    shutdown: Shutdown,
    retention: Retention,
    audience: Audience,
    state: Mutex<State>,
    /// Told when a burst is over, or was never there.
    bursts_changed: Notify,
    /// Held while a record is written, so that the newest state is the last one written.
    writing: tokio::sync::Mutex<()>,
    /// Held while it is written down whether anything starts by itself.
    holding: tokio::sync::Mutex<()>,
}

/// What a [`Supervisor`] works with.
pub struct Links {
    /// Runs k6.
    pub engine: Arc<dyn Engine>,
    /// Where runs are recorded.
    pub archive: Archive,
    /// The configured services.
    pub services: Registry,
    /// What everybody is shown.
    pub board: Arc<Board>,
    /// Where it is written down what happens to runs.
    pub journal: Journal,
    /// Where metrics go.
    pub store: watch::Receiver<StoreFeed>,
    /// Ends everything.
    pub shutdown: Shutdown,
    /// How long runs are kept.
    pub retention: Retention,
    /// Who could stop them.
    pub audience: Audience,
}

#[derive(Default)]
struct State {
    /// The runs at work, the newest ones, and those whose newest state is not on disk, newest first.
    runs: Vec<Run>,
    /// The run at work, or the last one.
    current: Option<RunId>,
    /// The instance of the current run, once it is there.
    instance: Option<Arc<dyn Instance>>,
    /// The tries to stop it, once somebody asked.
    tries: Option<Tries>,
    /// Those of its bursts, by number.
    extras: BTreeMap<u32, Arc<dyn Instance>>,
    /// The highest number that an instance of the current run has had.
    last_instance: u32,
    /// Whether the instance of the current run is over, and its bursts are being ended.
    closing: bool,
    adopted: bool,
    /// Whether what the earlier process left is known, so that what happens now is news.
    open: bool,
    engine: EngineStatus,
    /// Runs whose newest state is not on disk.
    unwritten: BTreeSet<RunId>,
    /// What is wrong with the state folder; empty when nothing is.
    storage_problem: String,
    hold: Hold,
}

impl State {
    fn run(&self, id: &RunId) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == *id)
    }

    fn run_mut(&mut self, id: &RunId) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == *id)
    }

    fn current(&self) -> Option<&Run> {
        self.run(self.current.as_ref()?)
    }

    /// Every k6 of the current run.
    fn instances(&self) -> impl Iterator<Item = &Arc<dyn Instance>> {
        self.instance.iter().chain(self.extras.values())
    }

    fn feed(&self) -> RunFeed {
        RunFeed {
            run: self.current().cloned(),
            engine: self.engine.clone(),
            k6_meters: self.instances().flat_map(|instance| instance.meters()).collect(),
            k6_pids: self.instances().flat_map(|instance| instance.pids()).collect(),
            adopted: self.adopted,
            storage_problem: self.storage_problem.clone(),
        }
    }
}

impl Supervisor {
    /// Takes over what an earlier process left: a run at work is adopted, one that ended meanwhile is finalised.
    ///
    /// # Errors
    /// When the records can't be read.
    pub async fn take_over(links: Links) -> Result<Arc<Self>, ArchiveError> {
        let Links { engine, archive, services, board, journal, store, shutdown, retention, audience } = links;
        let archive = Arc::new(archive);
        let load = {
            let archive = archive.clone();
            tokio::task::spawn_blocking(move || archive.load())
        };
        let Left { active, unwritten, last, unknown } =
            load.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let not_on_disk = unwritten.iter().map(|run| run.id.clone()).collect();
        let at_work = active.iter().map(|run| run.id.clone()).collect::<Vec<_>>();
        let mut runs = active.into_iter().chain(unwritten).chain(last).collect::<Vec<_>>();
        runs.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
        runs.dedup_by(|a, b| a.id == b.id);
        let current = at_work.first().or(runs.first().map(|run| &run.id)).cloned();
        let state =
            State { runs, current: current.clone(), engine: unseen(), unwritten: not_on_disk, ..State::default() };
        let this = Arc::new(Self {
            engine,
            archive,
            services,
            board,
            journal,
            store,
            shutdown,
            retention,
            audience,
            state: Mutex::new(state),
            bursts_changed: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            holding: tokio::sync::Mutex::default(),
        });
        this.remember_hold();
        for id in at_work {
            let adopt = current.as_ref() == Some(&id);
            this.recover(id, adopt).await;
        }
        for id in unknown {
            this.end_stray(id).await;
        }
        {
            let mut state = this.state();
            if !state.current().is_some_and(|run| run.state.is_active()) {
                state.current = state.runs.first().map(|run| run.id.clone());
            }
            if let Some(run) = state.current() {
                this.tell_known(run);
            }
            state.open = true;
            this.publish(&state);
        }
        this.watch_seen();
        this.watch_audience();
        this.watch_age();
        // Not before an engine that hangs has answered: what is known by then is shown, the rest when it comes.
        let _ = timeout(FIRST_LOOK, this.watch_engine()).await;
        Ok(this)
    }

    async fn recover(self: &Arc<Self>, id: RunId, adopt: bool) {
        let instance = self.recovered(&id).await;
        let extras = self.recover_bursts(&id).await;
        let found = instance.state().borrow().clone();
        if found.is_over() && extras.is_empty() {
            tracing::info!(run_id = %id, "the run ended while no dashboard was there");
            self.note(&id, &found).await;
            return;
        }
        tracing::info!(run_id = %id, ?found, "taking over the run at work");
        {
            let mut state = self.state();
            if adopt {
                state.instance = Some(instance.clone());
                state.extras = extras.iter().cloned().collect();
                state.adopted = true;
            }
            // The earlier process may have ended between noting a stop and passing it on. There is one run at a time,
            // so a second one at work is a stray.
            let asked = state.run(&id).is_some_and(|run| run.state == RunState::Stopping);
            let wanted = |number: &u32| {
                let burst = state.run(&id)?.bursts.iter().find(|burst| burst.instance == *number)?;
                (!burst.removing).then_some(())
            };
            for (number, k6) in &extras {
                if asked || !adopt || wanted(number).is_none() {
                    self.insist_on_burst(&id, *number, k6.clone());
                }
            }
            if asked || !adopt {
                let tries = self.insist(id.clone(), instance.clone());
                if adopt {
                    state.tries = Some(tries);
                }
            }
        }
        for (number, k6) in extras {
            self.follow_burst(id.clone(), number, k6);
        }
        if !found.is_over() {
            self.note(&id, &found).await;
        }
        self.follow(id, instance);
    }

    async fn recovered(&self, id: &RunId) -> Arc<dyn Instance> {
        fleet::recover(&*self.engine, id, &self.archive.dir(id), &self.shutdown).await
    }

    /// Ends what is at work in a folder whose record can't be read: it would send load beside the next run.
    async fn end_stray(self: &Arc<Self>, id: RunId) {
        let instance = self.recovered(&id).await;
        let bursts = self.recover_bursts(&id).await.into_iter().map(|(_, k6)| k6);
        for k6 in [instance].into_iter().chain(bursts).filter(|k6| !k6.state().borrow().is_over()) {
            tracing::error!(run_id = %id, "ending the k6 of a run whose record can't be read");
            self.insist(id.clone(), k6.clone());
            self.follow(id.clone(), k6);
        }
    }

    /// Starts a plan that is asked for now.
    #[cfg(test)]
    pub async fn start(
        self: &Arc<Self>,
        plan: Plan,
        scenario: Option<Scenario>,
        of_script: OfScript,
        caller: Caller,
    ) -> Result<Run, ApiError> {
        self.start_since(self.moment(), plan, scenario, of_script, caller).await
    }

    /// Starts a plan that was asked for then, with what its scenario does beside it. Of two calls at the same instant one wins.
    ///
    /// # Errors
    /// [`ApiError::AlreadyRunning`], [`ApiError::Halted`], [`ApiError::Unavailable`]; then everything is as before.
    pub async fn start_since(
        self: &Arc<Self>,
        since: Moment,
        plan: Plan,
        scenario: Option<Scenario>,
        of_script: OfScript,
        caller: Caller,
    ) -> Result<Run, ApiError> {
        let this = self.clone();
        let start = async move { this.start_whole(since, plan, scenario, of_script, caller).await };
        // A task of its own: a caller who goes away must not leave half a start behind.
        let start = self.shutdown.tasks.spawn(start.instrument(tracing::info_span!("start a run")));
        start.await.unwrap_or_else(|error| Err(told::broke_off(error)))
    }

    async fn start_whole(
        self: Arc<Self>,
        since: Moment,
        plan: Plan,
        scenario: Option<Scenario>,
        OfScript { trend_stats, revision }: OfScript,
        caller: Caller,
    ) -> Result<Run, ApiError> {
        let door = caller.door;
        let origin = Origin { door: door.name().into(), scripts: revision, ..Origin::default() };
        let correlation_id = caller.correlation_id.clone();
        let reservation = self.reserve(new_run(plan, scenario, origin, correlation_id, now_ms()), since, &caller)?;
        let run = reservation.run.clone();
        match self.launch(&run, trend_stats).await {
            Ok(started) => {
                let instance = started.instance.clone();
                let (run, stop) = reservation.keep(started);
                let script = &run.plan.script;
                tracing::info!(run_id = %run.id, correlation_id = %run.correlation_id, %door, script, "run started");
                if stop {
                    self.record(&run.id).await;
                }
                tracing::info_span!("run", run_id = %run.id).in_scope(|| self.follow(run.id.clone(), instance));
                if self.state().lift(since, &caller) {
                    self.keep_hold().await;
                }
                Ok(run)
            }
            Err(error) => {
                tracing::warn!(run_id = %run.id, correlation_id = %run.correlation_id, %door, %error, "run not started");
                reservation.undo().await;
                Err(error)
            }
        }
    }

    /// Forgets the runs that are too many or too old, from now on.
    fn watch_age(self: &Arc<Self>) {
        let this = self.clone();
        self.shutdown.tasks.spawn(async move {
            let mut ticks = interval(FORGET);
            loop {
                tokio::select! {
                    _ = ticks.tick() => this.forget_overdue().await,
                    () = this.shutdown.token.cancelled() => return,
                }
            }
        });
    }

    async fn forget_overdue(&self) {
        let retention = self.retention;
        let gone = self.in_archive(move |archive| {
            let gone = archive.database().overdue(&retention, now_ms())?;
            archive.remove(&gone);
            Ok(gone.len())
        });
        match gone.await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "forgot runs that are too many or too old"),
            Err(error) => tracing::error!(%error, "old runs could not be forgotten"),
        }
    }

    /// Does something that waits for the disk.
    async fn in_archive<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&Archive) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let archive = self.archive.clone();
        match tokio::task::spawn_blocking(move || deed(&archive)).await {
            Ok(done) => done.map_err(|error| error.told()),
            Err(error) => Err(told::broke_off(error)),
        }
    }

    async fn launch(&self, run: &Run, trend_stats: Vec<String>) -> Result<Started, ApiError> {
        let store = self.store()?;
        let unavailable = |error: &EngineError| ApiError::Unavailable { what: error.told() };
        let record = run.clone();
        let at_hand = self.state().runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>();
        let create = move |archive: &Archive| {
            archive.tidy(&at_hand)?;
            archive.create(&record, INSTANCES)
        };
        let folders = self.in_archive(create).await?;
        let input = ScriptInput::new(&run.plan, run.schedule.as_ref(), &self.services.services());
        let allowed = Duration::from_millis(run.deadline_ms.saturating_sub(run.created_ms));
        let launch = |place| self.launch_of(run, place, input.clone(), trend_stats.clone(), allowed, &store);
        let launches = folders.into_iter().map(launch).collect();
        fleet::start(&*self.engine, launches, &self.shutdown).await.map_err(|error| unavailable(&error))
    }

    /// Where metrics go.
    fn store(&self) -> Result<Store, ApiError> {
        let StoreFeed { url, problem, native_histograms } = self.store.borrow().clone();
        match (url, problem.as_str()) {
            (Some(url), _) => Ok(Store { url, native_histograms }),
            (None, "") => {
                let what = "the metrics store is still starting: try again in a few seconds".into();
                Err(ApiError::Unavailable { what })
            }
            (None, problem) => {
                Err(ApiError::Unavailable { what: format!("the metrics store is not there: {problem}") })
            }
        }
    }

    /// What one of a run's instances is launched with.
    fn launch_of(
        &self,
        run: &Run,
        (part, dir): (Part, PathBuf),
        input: ScriptInput,
        mut trend_stats: Vec<String>,
        allowed: Duration,
        store: &Store,
    ) -> Launch {
        let of_trend = |threshold: &&Threshold| threshold.kind() == Some(MetricKind::Trend);
        trend_stats.extend(run.plan.thresholds.iter().filter(of_trend).map(|rule| rule.aggregation.to_string()));
        Launch {
            run: run.id.clone(),
            part,
            dir,
            script: run.plan.script.clone(),
            input,
            trend_stats,
            allowed,
            store_url: store.url.clone(),
            native_histograms: store.native_histograms,
        }
    }

    /// The run at work, from when it takes the place for one to its end.
    pub fn at_work(&self) -> Option<Run> {
        self.state().current().filter(|run| run.state.is_active()).cloned()
    }

    /// Takes the one place there is for a run at work.
    fn reserve(self: &Arc<Self>, run: Run, since: Moment, caller: &Caller) -> Result<Reservation, ApiError> {
        let mut state = self.state();
        state.admits(since, caller)?;
        if let Some(running) = state.current().filter(|run| run.state.is_active()) {
            return Err(ApiError::AlreadyRunning { running: running.id.clone() });
        }
        let before = Before {
            current: state.current.take(),
            instance: state.instance.take(),
            tries: state.tries.take(),
            adopted: state.adopted,
        };
        state.runs.insert(0, run.clone());
        state.current = Some(run.id.clone());
        (state.adopted, state.closing, state.last_instance) = (false, false, INSTANCES);
        self.publish(&state);
        drop(state);
        Ok(Reservation { supervisor: self.clone(), run, before: Some(before) })
    }

    /// Asks the run at work to end. Asking again changes nothing for a k6 that knows, else it is tried at once.
    ///
    /// # Errors
    /// [`ApiError::NotRunning`]; [`ApiError::Unavailable`] where k6 can't be reached: it is then tried until it can.
    pub async fn stop(self: &Arc<Self>, caller: Caller) -> Result<Run, ApiError> {
        let this = self.clone();
        let stop = async move { this.stop_whole(caller).await };
        let stop = self.shutdown.tasks.spawn(stop.instrument(tracing::info_span!("stop a run")));
        stop.await.unwrap_or_else(|error| Err(told::broke_off(error)))
    }

    async fn stop_whole(self: Arc<Self>, caller: Caller) -> Result<Run, ApiError> {
        let (run, tries) = {
            let mut state = self.state();
            let id = state.current.clone().ok_or(ApiError::NotRunning)?;
            let run = state.run(&id).filter(|run| run.state.is_active()).ok_or(ApiError::NotRunning)?;
            let kind = EventKind::StopRequested { run: id.clone() };
            let news = (run.state != RunState::Stopping).then(|| Event { at_ms: now_ms(), kind });
            self.begin_stop(&mut state, &id, news, |_| {}).ok_or(ApiError::NotRunning)?
        };
        tracing::info!(run_id = %run.id, caller.correlation_id, door = %caller.door, "stop asked for");
        let Some(tries) = tries else { return Ok(run) };
        // The next dashboard goes on with a stop that this one does not get through.
        let (problem, ()) = tokio::join!(tries.problem(), self.record_soon(&run.id));
        match problem {
            None => Ok(run),
            Some(problem) => {
                let what = format!("the stop has not reached k6 yet and is tried again until it has: {problem}");
                Err(ApiError::Unavailable { what })
            }
        }
    }

    /// Lets a run be stopped, which `news` tells where it is; `note` notes why.
    fn begin_stop(
        self: &Arc<Self>,
        state: &mut State,
        id: &RunId,
        news: Option<Event>,
        note: impl FnOnce(&mut Run),
    ) -> Option<(Run, Option<Tries>)> {
        let run = state.run_mut(id)?;
        run.state = RunState::Stopping;
        note(run);
        let (run, first) = (run.clone(), news.is_some());
        news.into_iter().for_each(|event| self.journal.append(event));
        // Where k6 is not there yet, the start passes the stop on.
        if let (None, Some(instance)) = (&state.tries, &state.instance) {
            state.tries = Some(self.insist(id.clone(), instance.clone()));
        }
        if first {
            for (number, k6) in state.extras() {
                self.insist_on_burst(id, number, k6);
            }
        }
        self.publish(state);
        Some((run, state.tries.clone()))
    }

    /// Stops the run at work where one of its stop criteria was met, unless somebody was faster.
    async fn heed(self: &Arc<Self>, seen: &Seen) {
        let Some(met) = seen.criteria.iter().find(|watched| watched.is_met()) else { return };
        {
            let mut state = self.state();
            let at_work = state.current().is_some_and(|run| run.id == seen.run && run.state == RunState::Running);
            if !at_work {
                return;
            }
            let event = Event { at_ms: now_ms(), kind: criterion_met(&seen.run, met) };
            self.begin_stop(&mut state, &seen.run, Some(event), |run| run.watch_on(&seen.criteria));
        }
        tracing::info!(run_id = %seen.run, criterion = %met.criterion, value = met.value, "a stop criterion was met");
        // The next dashboard goes on with a stop that this one does not get through.
        self.record(&seen.run).await;
    }

    /// What is looked for among the runs.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn find(&self, query: Query) -> Result<Found, ApiError> {
        let mut found = self.in_archive(move |archive| Ok(archive.database().find(&query, now_ms())?)).await?;
        // What is not on disk yet counts.
        let state = self.state();
        for (run, _) in &mut found.runs {
            if let Some(newest) = state.run(&run.id) {
                run.clone_from(newest);
            }
        }
        Ok(found)
    }

    /// What may be looked for.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn choices(&self) -> Result<Choices, ApiError> {
        self.in_archive(|archive| Ok(archive.database().choices()?)).await
    }

    /// How many finished runs there are of each verdict.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn verdicts(&self) -> Result<BTreeMap<String, u32>, ApiError> {
        self.in_archive(|archive| Ok(archive.database().verdicts()?)).await
    }

    /// One run.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn run(&self, id: &RunId) -> Result<Run, ApiError> {
        let at_hand = self.state().run(id).cloned();
        if let Some(run) = at_hand {
            return Ok(run);
        }
        let asked = id.clone();
        let found = self.in_archive(move |archive| Ok(archive.database().run(&asked)?)).await?;
        found.ok_or_else(|| ApiError::NotFound { what: format!("run {id}") })
    }

    /// Changes what people say of a run.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`], and those of `change`; then it is as before.
    pub async fn label<F>(&self, id: &RunId, change: F) -> Result<Run, ApiError>
    where
        F: Fn(&Run) -> Result<Labels, ApiError> + Send + 'static,
    {
        let at_hand = {
            let mut state = self.state();
            let changed = state.run_mut(id).map(|run| {
                run.labels = change(run)?;
                Ok(run.clone())
            });
            self.publish(&state);
            changed.transpose()?
        };
        if let Some(run) = at_hand {
            self.record(id).await;
            return Ok(run);
        }
        let asked = id.clone();
        let changed = self.in_archive(move |archive| {
            let mut refused = None;
            let changed = archive.database().change(&asked, |run| match change(run) {
                Ok(labels) => run.labels = labels,
                Err(error) => refused = Some(error),
            })?;
            Ok(refused.map_or(Ok(changed), Err))
        });
        changed.await??.ok_or_else(|| ApiError::NotFound { what: format!("run {id}") })
    }

    /// The folders of runs.
    pub fn archive(&self) -> Arc<Archive> {
        self.archive.clone()
    }

    /// Makes a run the baseline of its target in place of any other, or no longer.
    ///
    /// # Errors
    /// [`ApiError::AlreadyRunning`] where it is at work, [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn set_baseline(&self, id: &RunId, baseline: bool) -> Result<Run, ApiError> {
        let set = |baseline: bool| {
            move |run: &Run| match run.state.is_active() {
                true => Err(ApiError::AlreadyRunning { running: run.id.clone() }),
                false => Ok(Labels { baseline, ..run.labels.clone() }),
            }
        };
        let run = self.label(id, set(baseline)).await?;
        if baseline {
            let target = run.plan.target.clone();
            let all = self.in_archive(move |archive| Ok(archive.database().baselines(&target)?)).await?;
            for other in all.iter().filter(|other| other.id != *id) {
                self.label(&other.id, set(false)).await?;
            }
        }
        Ok(run)
    }

    /// What a run is held against; `None`: there is nothing, or it is that itself.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn baseline(&self, run: &Run) -> Result<Option<Run>, ApiError> {
        let (id, target) = (run.id.clone(), run.plan.target.clone());
        let found = self.in_archive(move |archive| Ok(archive.database().baselines(&target)?)).await?;
        Ok(found.into_iter().next().filter(|baseline| baseline.id != id))
    }

    /// The last lines of a run's log for people, oldest first.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn log(&self, id: &RunId) -> Result<Vec<String>, ApiError> {
        self.run(id).await?;
        let id = id.clone();
        let read = move |archive: &Archive| {
            Ok(archive.log(&id, LOG_LINES).iter().map(|line| LogLine::parse(line).readable()).collect())
        };
        self.in_archive(read).await
    }

    /// A run's folder.
    #[cfg(test)]
    pub fn archive_dir(&self, id: &RunId) -> std::path::PathBuf {
        self.archive.dir(id)
    }

    /// Brings a run forward with its instance until that is over.
    fn follow(self: &Arc<Self>, id: RunId, instance: Arc<dyn Instance>) {
        let this = self.clone();
        let follow = async move {
            let mut states = instance.state();
            loop {
                let now = states.borrow_and_update().clone();
                if now.is_over() {
                    this.end_bursts(&id).await;
                    if this.shutdown.token.is_cancelled() {
                        // The next dashboard notes how it ended, when all of it has.
                        return;
                    }
                }
                this.note(&id, &now).await;
                if now.is_over() {
                    return;
                }
                tokio::select! {
                    changed = states.changed() => if changed.is_err() { return },
                    () = this.shutdown.token.cancelled() => return,
                }
            }
        };
        self.shutdown.tasks.spawn(follow.in_current_span());
    }

    /// Takes in what is known of a run's instance.
    async fn note(&self, id: &RunId, now: &InstanceState) {
        match now {
            InstanceState::Preparing => {}
            InstanceState::Running { started_ms } => {
                let changed = self.change(id, |run| {
                    if run.state == RunState::Starting {
                        run.state = RunState::Running;
                    }
                    run.started_ms = Some(*started_ms);
                });
                if changed {
                    tracing::info!(run_id = %id, started_ms, "k6 sends load");
                    self.record(id).await;
                }
            }
            InstanceState::Ended(exit) => self.finish(id, Ok(exit), exit.started_ms, exit.ended_ms).await,
            InstanceState::Lost { started_ms, why } => {
                self.finish(id, Err(why), *started_ms, now_ms()).await;
            }
        }
    }

    async fn finish(&self, id: &RunId, exit: Result<&Exit, &String>, started_ms: Option<Millis>, ended_ms: Millis) {
        let (archive, run) = (self.archive.clone(), id.clone());
        let read = move || (archive.log(&run, LOG_LINES), archive.summary(&run));
        let (log, summary) = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        let baseline = self.baseline_of(id).await;
        let mut verdict = exit.map_or_else(|why| verdict::lost(why), |exit| verdict::verdict(exit, &log));
        let changed = self.change(id, |run| {
            let Run { thresholds: seen, criteria, .. } = self.board.shown(run).into_owned();
            run.criteria = criteria;
            let alone = run.is_of_one();
            // Where others sent load beside it, its own end says nothing of theirs.
            run.thresholds = verdict::thresholds(seen, exit.ok().filter(|_| alone), summary.as_ref());
            run.totals = summary.as_ref().map(verdict::totals);
            if !alone {
                verdict = verdict::of_all(verdict, &run.thresholds);
                // None of them saw all VUs.
                run.totals.iter_mut().for_each(|totals| totals.peak_vus = None);
            }
            verdict = verdict::by_criterion(verdict, run.met().is_some());
            run.started_ms = started_ms.or(run.started_ms);
            run.ended_ms = Some(ended_ms);
            run.stop_problem = None;
            run.state = RunState::Finished(verdict);
            run.hold_against(baseline.as_ref());
        });
        if changed {
            let state = self.state().run(id).map(|run| run.state.clone());
            tracing::info!(run_id = %id, ?state, "run finished");
            self.record(id).await;
            self.forget_overdue().await;
        }
    }

    /// The figures of what a run is to be held against; none where nothing asks for that, or there is none.
    async fn baseline_of(&self, id: &RunId) -> Option<Totals> {
        let run = self.state().run(id).filter(|run| !run.plan.regression.is_empty()).cloned()?;
        match self.baseline(&run).await {
            Ok(found) => found.map(|baseline| baseline.totals.unwrap_or_default()),
            Err(error) => {
                tracing::warn!(run_id = %id, %error, "the baseline can't be read, so nothing is held against it");
                None
            }
        }
    }

    /// Completes, from now on, what k6 tells of a run with what the store does.
    fn watch_seen(self: &Arc<Self>) {
        let this = self.clone();
        let mut seen = self.board.seen();
        self.shutdown.tasks.spawn(async move {
            loop {
                let now = seen.borrow_and_update().clone();
                if let Some(now) = now {
                    this.heed(&now).await;
                    this.complete(now).await;
                }
                tokio::select! {
                    changed = seen.changed() => if changed.is_err() { return },
                    () = this.shutdown.token.cancelled() => return,
                }
            }
        });
    }

    /// Takes what the store tells of a finished run and k6 does not.
    pub async fn complete(&self, seen: Seen) {
        let id = seen.run.clone();
        {
            let mut state = self.state();
            let over = |run: &&mut Run| !run.state.is_active();
            let Some(run) = state.run_mut(&id).filter(over).filter(|_| seen.totals.is_some()) else { return };
            let mut completed = run.clone().shown(&seen);
            completed.hold_again();
            if *run == completed {
                return;
            }
            if run.totals.is_none() {
                tracing::info!(run_id = %id, "k6 left no summary, the run's figures are the metrics store's");
            }
            *run = completed;
            self.publish(&state);
        }
        self.record(&id).await;
    }

    /// Changes a run that is not finished, and tells everybody where that made a difference, and what happened.
    fn change(&self, id: &RunId, change: impl FnOnce(&mut Run)) -> bool {
        let mut state = self.state();
        let Some(run) = state.run_mut(id).filter(|run| run.state.is_active()) else { return false };
        let before = run.clone();
        change(run);
        // It was at work before, so an end is news.
        let known = before.load_events();
        let load = run.load_events().into_iter().filter(|event| !known.contains(event)).collect::<Vec<_>>();
        let events = [started(run).filter(|_| before.started_ms.is_none()), ended(run)];
        let (changed, over) = (*run != before, !run.state.is_active());
        if state.current.as_ref() == Some(id) {
            if over {
                (state.instance, state.tries) = (None, None);
                state.extras.clear();
            }
            if state.open {
                let [started, ended] = events;
                started.into_iter().chain(load).chain(ended).for_each(|event| self.journal.append(event));
            }
        }
        self.publish(&state);
        changed
    }

    /// Writes down what an earlier process left at work, or last.
    fn tell_known(&self, run: &Run) {
        let adopted = run.state.is_active().then(|| EventKind::RunAdopted { run: run.id.clone() });
        let stopping = || (run.state == RunState::Stopping).then(|| EventKind::StopRequested { run: run.id.clone() });
        let met = run.met().and_then(|met| Some(Event { at_ms: met.met_ms?, kind: criterion_met(&run.id, met) }));
        let stopping = stopping().filter(|_| met.is_none());
        let now = |kind| Event { at_ms: now_ms(), kind };
        let past = met.into_iter().chain(adopted.into_iter().chain(stopping).map(now));
        let load = run.load_events();
        started(run).into_iter().chain(load).chain(past).chain(ended(run)).for_each(|event| self.journal.append(event));
    }

    /// Writes a run's newest state to its folder, and that of runs that could not be written before. A full disk must not
    /// end a run, so this only complains, and it is tried again.
    async fn record(&self, id: &RunId) {
        self.state().unwritten.insert(id.clone());
        self.write_records().await;
    }

    /// The same for who is waited for: goes on alone where the disk or the database takes its time.
    async fn record_soon(self: &Arc<Self>, id: &RunId) {
        let (this, id) = (self.clone(), id.clone());
        let recorded = self.shutdown.tasks.spawn(async move { this.record(&id).await });
        let _ = timeout(RECORDED, recorded).await;
    }

    async fn write_records(&self) {
        let _one_at_a_time = self.writing.lock().await;
        let runs = {
            let state = self.state();
            state.unwritten.iter().filter_map(|id| state.run(id).cloned()).collect::<Vec<_>>()
        };
        let archive = self.archive.clone();
        let write = move || runs.into_iter().map(|run| (archive.write(&run), run)).collect::<Vec<_>>();
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_default();
        let mut problem = String::new();
        for (result, run) in written {
            let mut state = self.state();
            match result {
                // It may have changed meanwhile.
                Ok(()) if state.run(&run.id).is_none_or(|newest| *newest == run) => {
                    state.unwritten.remove(&run.id);
                }
                Ok(()) => {}
                Err(error) => problem = error.to_string(),
            }
        }
        self.let_go();
        self.tell_storage(problem);
    }

    /// Lets go of runs that need not be at hand.
    fn let_go(&self) {
        let mut state = self.state();
        let State { runs, unwritten, .. } = &mut *state;
        let mut place = 0;
        runs.retain(|run| {
            place += 1;
            place <= AT_HAND || run.state.is_active() || unwritten.contains(&run.id)
        });
    }

    /// Tries whether what runs leave can be kept, and keeps what could not be before.
    async fn look_at_storage(&self) {
        let (archive, id, due) = {
            let state = self.state();
            let active = state.current().filter(|run| run.state.is_active()).map(|run| run.id.clone());
            (self.archive.clone(), active, !state.unwritten.is_empty())
        };
        match tokio::task::spawn_blocking(move || archive.writable(id.as_ref())).await {
            Ok(Ok(())) if due => self.write_records().await,
            Ok(Ok(())) => self.tell_storage(String::new()),
            Ok(Err(error)) => self.tell_storage(error.to_string()),
            Err(error) => tracing::error!(%error, "the state folder was not looked at"),
        }
    }

    fn tell_storage(&self, problem: String) {
        let mut state = self.state();
        if state.storage_problem != problem {
            if !problem.is_empty() {
                tracing::error!(problem, "what runs leave can't be kept");
            }
            state.storage_problem = problem;
            self.publish(&state);
        }
    }

    /// Looks at the engine from now on. Resolves with the first look.
    fn watch_engine(self: &Arc<Self>) -> oneshot::Receiver<()> {
        let this = self.clone();
        let (first, looked) = oneshot::channel();
        let mut first = Some(first);
        self.shutdown.tasks.spawn(async move {
            let mut ticks = interval(ENGINE_CHECK);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = this.shutdown.token.cancelled() => return,
                }
                this.look_at_storage().await;
                this.look_at_engine().await;
                if let Some(first) = first.take() {
                    let _ = first.send(());
                }
                this.engine.sweep().await;
            }
        });
        looked
    }

    async fn look_at_engine(&self) -> EngineStatus {
        let status = self.engine.look().await;
        let mut state = self.state();
        state.engine = status.clone();
        self.publish(&state);
        status
    }

    /// Begins to fetch the image that the engine lacks; the engine's status tells how it goes.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn pull(self: &Arc<Self>, caller: &Caller) -> Result<(), ApiError> {
        self.engine.pull().await.map_err(|error| ApiError::Unavailable { what: error.to_string() })?;
        tracing::info!(caller.correlation_id, door = %caller.door, "pulling k6's image");
        self.look_at_engine().await;
        let this = self.clone();
        self.shutdown.tasks.spawn(async move {
            let mut ticks = interval(PULL_CHECK);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = this.shutdown.token.cancelled() => return,
                }
                let status = this.look_at_engine().await;
                if !status.image.is_some_and(|image| matches!(image.pull, Pull::Working { .. })) {
                    return;
                }
            }
        });
        Ok(())
    }

    /// Must be called with the state locked, so that feeds come in the order of the changes.
    fn publish(&self, state: &State) {
        self.board.control(state.feed());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That k6 began to send load, where it did.
fn started(run: &Run) -> Option<Event> {
    Some(Event { at_ms: run.started_ms?, kind: EventKind::RunStarted { run: run.id.clone() } })
}

/// That a stop criterion of a run was met.
fn criterion_met(run: &RunId, met: &Watched) -> EventKind {
    EventKind::CriterionMet { run: run.clone(), criterion: met.criterion.to_string(), value: met.value }
}

/// That k6 ended, where it did.
fn ended(run: &Run) -> Option<Event> {
    let RunState::Finished(verdict) = &run.state else { return None };
    let kind = EventKind::RunEnded { run: run.id.clone(), verdict: verdict.clone() };
    Some(Event { at_ms: run.ended_ms.unwrap_or_else(now_ms), kind })
}

/// A metrics store that is there.
struct Store {
    url: String,
    native_histograms: bool,
}

/// The engine before anybody looked at it.
fn unseen() -> EngineStatus {
    EngineStatus { note: "still looking for Docker and k6".into(), ..EngineStatus::default() }
}

/// The place of a run that is being started. Dropped without [`Reservation::keep`] it makes the start undone.
struct Reservation {
    supervisor: Arc<Supervisor>,
    run: Run,
    before: Option<Before>,
}

/// What a start that is made undone brings back.
struct Before {
    current: Option<RunId>,
    instance: Option<Arc<dyn Instance>>,
    tries: Option<Tries>,
    adopted: bool,
}

impl Reservation {
    /// Makes the start good. Says whether a stop was asked for meanwhile.
    fn keep(mut self, started: Started) -> (Run, bool) {
        self.before = None;
        let Started { instance, deadline_ms, engine, k6_version } = started;
        let mut state = self.supervisor.state();
        state.instance = Some(instance.clone());
        if let Some(run) = state.run_mut(&self.run.id) {
            run.deadline_ms = deadline_ms;
            // In Docker it may be another machine.
            let cores = (engine == process::NAME).then(std::thread::available_parallelism).and_then(Result::ok);
            run.origin.cores = cores.and_then(|cores| u32::try_from(cores.get()).ok());
            (run.origin.engine, run.origin.k6) = (engine.into(), k6_version);
        }
        let run = state.run(&self.run.id).unwrap_or(&self.run).clone();
        self.supervisor.publish(&state);
        let stop = run.state == RunState::Stopping;
        if stop {
            state.tries = Some(self.supervisor.insist(run.id.clone(), instance));
        }
        (run, stop)
    }
}

impl Reservation {
    /// Makes the start undone, without holding up other tasks on a slow disk.
    async fn undo(self) {
        if let Err(error) = tokio::task::spawn_blocking(move || drop(self)).await {
            tracing::error!(%error, "a start could not be made undone");
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(Before { current, instance, tries, adopted }) = self.before.take() else { return };
        let mut state = self.supervisor.state();
        state.runs.retain(|run| run.id != self.run.id);
        (state.current, state.instance, state.tries, state.adopted) = (current, instance, tries, adopted);
        self.supervisor.publish(&state);
        drop(state);
        self.supervisor.archive.remove(std::slice::from_ref(&self.run.id));
    }
}

fn new_run(plan: Plan, scenario: Option<Scenario>, origin: Origin, correlation_id: String, now_ms: Millis) -> Run {
    let schedule = match plan.shape {
        Shape::Pattern { pattern, peak, duration_s, ramp_s } => Some(Schedule::new(pattern, peak, duration_s, ramp_s)),
        Shape::Own { .. } => None,
    };
    let thresholds = plan.thresholds.iter().cloned().map(Observed::new).collect();
    let criteria = plan.stop_when.iter().copied().map(Watched::new).collect();
    let mut run = Run {
        id: ids::run(now_ms),
        plan,
        schedule,
        scenario,
        state: RunState::Starting,
        created_ms: now_ms,
        started_ms: None,
        ended_ms: None,
        deadline_ms: now_ms,
        thresholds,
        criteria,
        regressions: Vec::new(),
        totals: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin,
        correlation_id,
    };
    let allowed_s = [START_ALLOWANCE_S, run.plan.shape.longest_s(), END_ALLOWANCE_S];
    run.deadline_ms += allowed_s.map(u64::from).iter().sum::<u64>() * 1000;
    run
}
