//! The live picture: one poll a tick, however many watch.

mod counters;
mod poll;
mod stage;
mod timeline;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::BoxStream;
use ha_dashboard::domain::{
    Millis,
    event::Event,
    frame::{Dimension, Frame, Metric, SeriesKey},
    live::{Cursor, MetricsStatus, Snapshot, Status},
    run::{Run, RunState},
    service::ServiceStatus,
    threshold::Observed,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    poll::{Values, Watch, round},
    stage::Stage,
};
use super::{
    clock::now_ms,
    config::Config,
    feed::{Observations, RunFeed, StoreFeed},
    health,
    prometheus::client::{Client, StoreError},
    shutdown::Shutdown,
    usage::{Usage, loopback_port},
};

/// How long after a run's end its last samples are waited for and the charts go on.
const AFTER_END_MS: Millis = 5000;

/// Samples older than this while the run goes on are delayed.
const DELAYED_MS: Millis = 3000;

/// Pause between looks for a run's first samples, so that they are shown as soon as they are there.
const PROBE: Duration = Duration::from_millis(150);

/// How long reading a history again may take.
const REFILL: Duration = Duration::from_secs(10);

/// Tries to read a history again.
const REFILL_TRIES: u32 = 5;

/// Where in the interval between two pushes the hub looks: late enough for a push to be stored, early enough for the
/// reader.
const PHASE: f64 = 0.2;

/// The live picture and its readers.
pub struct Hub {
    stage: Arc<Stage>,
    shutdown: Shutdown,
}

impl Hub {
    /// Starts ticking.
    pub fn start(
        config: Arc<Config>,
        runs: watch::Receiver<RunFeed>,
        store: watch::Receiver<StoreFeed>,
        observations: watch::Sender<Observations>,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        let health = health::watch(&config.services, &shutdown);
        let epoch_ms = now_ms();
        let status = Status {
            run: None,
            services: health.borrow().clone(),
            engine: runs.borrow().engine.clone(),
            metrics: MetricsStatus { grafana: config.grafana_url.clone(), ..MetricsStatus::default() },
        };
        let stage = Arc::new(Stage::new(epoch_ms, status.clone()));
        let ticker = Ticker {
            epoch_ms,
            runs,
            store,
            health,
            observations,
            stage: stage.clone(),
            http: reqwest::Client::new(),
            status,
            run: None,
            watch: None,
            observed: Vec::new(),
            load: Values::new(),
            usage: Values::new(),
            refills_left: 0,
            config,
        };
        shutdown.tasks.spawn(ticker.run(shutdown.token.clone()));
        Arc::new(Self { stage, shutdown })
    }

    /// The whole picture now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.stage.snapshot(now_ms())
    }

    /// The picture now, without its history.
    pub fn brief(&self) -> Arc<Snapshot> {
        self.stage.brief(now_ms())
    }

    /// The stream of [`ha_dashboard::api::port::Control::live`].
    pub fn subscribe(&self, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        self.stage.subscribe(resume, self.shutdown.token.clone(), now_ms)
    }
}

/// The one task that makes ticks.
struct Ticker {
    config: Arc<Config>,
    epoch_ms: Millis,
    runs: watch::Receiver<RunFeed>,
    store: watch::Receiver<StoreFeed>,
    health: watch::Receiver<Vec<ServiceStatus>>,
    observations: watch::Sender<Observations>,
    stage: Arc<Stage>,
    http: reqwest::Client,
    /// As last published.
    status: Status,
    /// The run at work, or the last one.
    run: Option<Run>,
    /// The same run in the store; lent out while a tick is gathered.
    watch: Option<Watch>,
    /// What was seen of the run's thresholds.
    observed: Vec<Observed>,
    /// The last tick's values, for ticks in between.
    load: Values,
    usage: Values,
    refills_left: u32,
}

/// What a tick is made of.
struct Gathered {
    watch: Option<Watch>,
    /// `None`: the store was not asked.
    polled: Option<Result<Values, StoreError>>,
    meter: Usage,
    usage: Values,
}

impl Ticker {
    async fn run(mut self, token: CancellationToken) {
        let mut meter = Usage::default();
        let mut next = Instant::now();
        self.take_run();
        loop {
            let probe = self.awaits_first_sample().then(|| Instant::now() + PROBE).filter(|probe| *probe < next);
            tokio::select! {
                biased;
                () = token.cancelled() => return,
                changed = self.runs.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if self.take_run() {
                        // The last values and thresholds are in the store by now.
                        next = next.min(Instant::now() + PROBE);
                    }
                }
                () = sleep_until(probe.unwrap_or(next)) => {
                    if probe.is_some() && !self.has_first_sample().await {
                        continue;
                    }
                    let started = Instant::now();
                    meter = self.tick(meter).await;
                    next = (started + self.pause()).max(Instant::now() + self.config.tick / 4);
                }
            }
        }
    }

    /// Until the next tick. While samples come, the pause is stretched or shortened so that the ticks fall shortly after
    /// the pushes: what k6 measured is then on its way to the readers after a fifth of a tick, not after a whole one.
    fn pause(&self) -> Duration {
        let tick = self.config.tick.as_secs_f64();
        let newest_ms = self.watch.as_ref().filter(|watch| watch.run.state.is_active()).and_then(Watch::newest_ms);
        let Some(newest_ms) = newest_ms else { return self.config.tick };
        // How far the newest sample is from where it should be, as a share of a tick, from -0.5 to 0.5.
        let age = now_ms().saturating_sub(newest_ms) as f64 / 1000.0 / tick;
        let off = (age - PHASE + 0.5).rem_euclid(1.0) - 0.5;
        if off.abs() < 0.1 {
            return self.config.tick;
        }
        Duration::from_secs_f64(tick * (1.0 - off.clamp(-0.15, 0.15)))
    }

    /// Takes in what control says and tells it at once. Whether the run has ended just now.
    fn take_run(&mut self) -> bool {
        let run = self.runs.borrow_and_update().run.clone();
        let before = std::mem::replace(&mut self.run, run.clone());
        let now = now_ms();
        let same = before.as_ref().map(|run| &run.id) == run.as_ref().map(|run| &run.id);
        if !same {
            self.load.clear();
            self.observed = run.as_ref().map(|run| run.thresholds.clone()).unwrap_or_default();
            self.watch = run.clone().map(|run| Watch::new(run, self.config.tick));
            // A run from before our time has a history that only the store knows.
            let earlier = run.as_ref().is_some_and(|run| run.created_ms < self.epoch_ms);
            self.refills_left = if earlier { REFILL_TRIES } else { 0 };
        } else if let (Some(watch), Some(run)) = (&mut self.watch, &run) {
            watch.update(run);
        }
        let events = timeline::run(before.as_ref(), run.as_ref(), self.epoch_ms, now);
        let over = |run: &Option<Run>| run.as_ref().is_some_and(|run| !run.state.is_active());
        let ended = same && over(&run) && !over(&before);
        // What comes back of our own observations, or other process numbers, is nothing to tell.
        let news = self.told_run() != self.status.run || self.runs.borrow().engine != self.status.engine;
        if news || !events.is_empty() {
            self.publish(now, ended, events);
        }
        ended
    }

    /// The run as readers get it.
    fn told_run(&self) -> Option<Run> {
        let run = self.run.clone()?;
        Some(Run { thresholds: with_observed(&run.thresholds, &self.observed), ..run })
    }

    /// Sends the picture as it is.
    fn publish(&mut self, now: Millis, record: bool, mut events: Vec<Event>) {
        let mut values = self.usage.clone();
        let run = self.told_run();
        match &run {
            // k6 is gone: that is known, whatever the store says.
            Some(run) if !run.state.is_active() => {
                values.insert(SeriesKey::whole(Metric::Vus), 0.0);
            }
            Some(_) => values.extend(self.load.iter().map(|(key, value)| (key.clone(), *value))),
            None => {}
        }
        if let (Some(before), Some(after)) = (&self.status.run, &run)
            && before.id == after.id
        {
            events.extend(timeline::thresholds(&before.thresholds, &after.thresholds, now));
        }
        let services = self.health.borrow().clone();
        events.extend(timeline::health(&self.status.services, &services, now));
        let engine = self.runs.borrow().engine.clone();
        self.status = Status { run, services, engine, metrics: self.status.metrics.clone() };
        self.stage.publish(Frame { at_ms: now, values }, record, self.status.clone(), events);
    }

    fn client(&self, timeout: Duration) -> Option<Client> {
        let store = self.store.borrow();
        Some(Client::new(self.http.clone(), store.url.as_deref()?, timeout))
    }

    fn native_histograms(&self) -> bool {
        self.store.borrow().native_histograms
    }

    /// Whether the run is at work but nothing came from it yet.
    fn awaits_first_sample(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.run.state.is_active() && watch.newest_ms().is_none())
    }

    async fn has_first_sample(&self) -> bool {
        let (Some(watch), Some(client)) = (&self.watch, self.client(PROBE)) else { return false };
        watch.has_samples(&client, self.native_histograms()).await
    }

    /// One regular tick; what control says meanwhile is told at once.
    async fn tick(&mut self, meter: Usage) -> Usage {
        self.refill().await;
        let now = now_ms();
        let recent = self.run.as_ref().is_some_and(|run| is_recent(run, now));
        // A poll makes two rounds of queries.
        let client = self.client(self.config.tick.mul_f64(0.4)).filter(|_| recent);
        let gathering = gather(self.watch.take(), client, self.native_histograms(), now, self.meter(meter));
        tokio::pin!(gathering);
        let gathered = loop {
            tokio::select! {
                biased;
                gathered = &mut gathering => break gathered,
                changed = self.runs.changed() => match changed {
                    Ok(()) => { self.take_run(); }
                    Err(_) => break gathering.await,
                }
            }
        };
        self.finish(gathered)
    }

    /// What the machine is used for, measured where it may block.
    fn meter(&self, mut meter: Usage) -> impl Future<Output = (Usage, Values)> + use<> {
        let services = self.config.services.iter();
        let mut ports: Vec<_> = services.filter_map(|s| Some((s.name.clone(), loopback_port(&s.url)?))).collect();
        let store = self.store.borrow().url.as_deref().and_then(loopback_port);
        ports.extend(store.map(|port| ("prometheus".to_owned(), port)));
        let active = self.run.as_ref().is_some_and(|run| run.state.is_active());
        let pids = if active { self.runs.borrow().k6_pids.clone() } else { Vec::new() };
        let k6 = if active { self.runs.borrow().k6_meter.clone() } else { None };
        let look = tokio::task::spawn_blocking(move || {
            meter.set_ports(ports);
            let mut values = meter.look(&pids);
            if let Some(used) = k6.and_then(|k6| k6.read()) {
                values.insert(SeriesKey::part(Metric::Cpu, Dimension::Process, "k6"), used.cores);
                values.insert(SeriesKey::part(Metric::Memory, Dimension::Process, "k6"), used.bytes);
            }
            (meter, values)
        });
        async move {
            look.await.unwrap_or_else(|error| {
                tracing::error!(%error, "the use of the machine could not be measured");
                Default::default()
            })
        }
    }

    fn finish(&mut self, gathered: Gathered) -> Usage {
        let now = now_ms();
        self.usage = gathered.usage;
        self.usage.values_mut().for_each(|value| *value = round(*value));
        // The run may have changed while the answers were on their way.
        let same = |watch: &Watch| self.run.as_ref().is_some_and(|run| run.id == watch.run.id);
        let mut error = None;
        let polled = gathered.polled.is_some();
        if let Some(mut watch) = gathered.watch.filter(same) {
            if let Some(run) = &self.run {
                watch.update(run);
            }
            self.load = match gathered.polled {
                Some(Ok(values)) => values,
                Some(Err(failed)) => {
                    error = Some(failed);
                    Values::new()
                }
                None => Values::new(),
            };
            self.load.values_mut().for_each(|value| *value = round(*value));
            self.observed = watch.observed.clone();
            self.watch = Some(watch);
        }
        let events: Vec<_> = self.metrics_status(error, polled, now).into_iter().collect();
        self.tell_observations();
        let record = self.run.as_ref().is_none_or(|run| run.started_ms.is_some() && is_recent(run, now));
        self.publish(now, record, events);
        gathered.meter
    }

    /// Brings the store's state up to date.
    fn metrics_status(&mut self, error: Option<StoreError>, polled: bool, now: Millis) -> Option<Event> {
        let store = self.store.borrow().clone();
        let running = self.run.as_ref().filter(|run| run.state == RunState::Running);
        let newest = self.watch.as_ref().and_then(Watch::newest_ms);
        let since = running.and_then(|run| newest.or(run.started_ms));
        let age_ms = since.map(|since| now.saturating_sub(since)).filter(|age| *age > DELAYED_MS);
        if let Some(error) = &error {
            let run = self.run.as_ref().map(|run| run.id.to_string());
            tracing::warn!(run, %error, "the poll of the metrics store failed");
        }
        let after = MetricsStatus {
            url: store.url.clone().filter(|url| loopback_port(url).is_some()),
            reachable: store.url.is_some() && error.is_none(),
            problem: match (error, store.problem.is_empty()) {
                (Some(error), _) if polled => error.to_string(),
                (_, true) if store.url.is_none() => "the metrics store is starting".to_owned(),
                _ => store.problem,
            },
            grafana: self.config.grafana_url.clone(),
            delayed_s: age_ms.and_then(|age| u32::try_from(age / 1000).ok()),
        };
        let event = timeline::metrics(&self.status.metrics, &after, running.is_some(), now);
        self.status.metrics = after;
        event
    }

    fn tell_observations(&self) {
        let Some(run) = &self.run else { return };
        let now =
            Observations { run: Some(run.id.clone()), thresholds: with_observed(&run.thresholds, &self.observed) };
        self.observations.send_if_modified(|before| {
            let changed = *before != now;
            if changed {
                *before = now;
            }
            changed
        });
    }

    /// Reads the history of a run from before our time.
    async fn refill(&mut self) {
        if self.refills_left == 0 {
            return;
        }
        let (Some(watch), Some(client)) = (&self.watch, self.client(REFILL)) else { return };
        let to_ms = watch.run.ended_ms.unwrap_or_else(now_ms);
        match watch.history(&client, self.native_histograms(), to_ms).await {
            Ok(frames) => {
                self.refills_left = 0;
                if !frames.is_empty() {
                    self.stage.refill(&frames);
                }
                tracing::info!(run = %watch.run.id, rows = frames.len(), "read the run's history again");
            }
            Err(error) => {
                self.refills_left -= 1;
                tracing::warn!(run = %watch.run.id, %error, "the run's history could not be read again");
            }
        }
    }
}

/// Asks everybody at the same time.
async fn gather(
    mut watch: Option<Watch>,
    client: Option<Client>,
    native_histograms: bool,
    now: Millis,
    meter: impl Future<Output = (Usage, Values)>,
) -> Gathered {
    let poll = async {
        match (&mut watch, client) {
            (Some(watch), Some(client)) => Some(watch.poll(&client, native_histograms, now).await),
            _ => None,
        }
    };
    let (polled, (meter, usage)) = tokio::join!(poll, meter);
    Gathered { watch, polled, meter, usage }
}

/// Whether the run's samples matter: while it is at work and shortly after.
fn is_recent(run: &Run, now_ms: Millis) -> bool {
    run.state.is_active() || run.ended_ms.is_some_and(|ended| now_ms < ended + AFTER_END_MS)
}

/// Thresholds as control tells them, with what was seen of them since; k6's own figures at the end stay.
fn with_observed(told: &[Observed], seen: &[Observed]) -> Vec<Observed> {
    let merged = told.iter().enumerate().map(|(index, told)| match seen.get(index) {
        // k6 has spoken.
        _ if told.k6_ok.is_some() && told.value.is_some() => told.clone(),
        Some(seen) if seen.threshold == told.threshold && seen.value.is_some() => {
            Observed { value: seen.value, ok: seen.ok, ..told.clone() }
        }
        _ => told.clone(),
    });
    merged.collect()
}

#[cfg(test)]
mod tests;
