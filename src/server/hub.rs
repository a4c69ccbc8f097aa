//! The numbers: one poll a tick, however many watch.

mod breakdown;
mod courses;
mod ledger;
mod poll;
mod pushes;
mod replay;
mod window;

use std::{collections::VecDeque, sync::Arc, time::Duration};

pub use self::{
    breakdown::Details,
    courses::Courses,
    pushes::{Follower, Push, Pushes},
};
use futures::{FutureExt, future::BoxFuture};
use ha_dashboard::domain::{
    Millis,
    criterion::Vigil,
    event::{Event, EventKind},
    frame::{Dimension, Frame, Metric, SeriesKey},
    live::MetricsStatus,
    run::{Run, RunState, Seen, ServiceTotals, Totals},
    threshold::Observed,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    poll::{PUSHES, Watch, has_samples, round},
    replay::Replay,
    window::Values,
};
use super::{
    board::Board,
    clock::now_ms,
    config::Config,
    feed::{Meter, RunFeed, StoreFeed},
    figures::FIGURES,
    journal::Journal,
    prometheus::client::{Client, StoreError},
    services::Registry,
    shutdown::Shutdown,
    usage::{Usage, loopback_port},
};

/// How long after a run's end its last samples are waited for and the charts go on.
const AFTER_END_MS: Millis = 5000;

/// Samples older than this while the run goes on are delayed.
const DELAYED_MS: Millis = 3000;

/// Pause between looks for a run's first samples, so that they are shown as soon as they are there.
const PROBE: Duration = Duration::from_millis(150);

/// How long a poll may take. Ticks go on meanwhile; what is wrong with the store is known before samples are delayed.
const POLL: Duration = Duration::from_secs(2);

/// How long reading a stretch of a history again may take.
const REPLAY: Duration = Duration::from_secs(10);

/// Tries to read a history again, and the pause between two of them.
const REPLAYS: u32 = 5;
const REPLAY_PAUSE: Duration = Duration::from_secs(5);

/// A run with more series than this has requests whose names are not few, which no store bears for long.
const MANY_SERIES: u32 = 2000;

/// Where in the interval between two pushes the hub looks: late enough for a push to be stored, early enough for the
/// reader.
const PHASE: f64 = 0.2;

/// Looks at the machine's use that are remembered, to show each with the samples of its time.
const LOOKS: usize = 4;

/// What the hub works with.
pub struct Links {
    /// Where what is measured is shown.
    pub board: Arc<Board>,
    /// Where it is written down that samples stop and come again.
    pub journal: Journal,
    /// The services whose use of this machine is measured.
    pub services: Registry,
    /// Where metrics go.
    pub store: watch::Receiver<StoreFeed>,
    /// Where each push is told.
    pub pushes: Pushes,
    /// Where a run is told in detail.
    pub details: Details,
}

/// Ticks from now on: what is measured goes to the board.
pub fn start(config: Arc<Config>, links: Links, shutdown: &Shutdown) {
    let ticker = Ticker::new(config, links);
    shutdown.tasks.spawn(ticker.run(shutdown.token.clone()));
}

/// The one task that makes ticks.
struct Ticker {
    config: Arc<Config>,
    epoch_ms: Millis,
    board: Arc<Board>,
    journal: Journal,
    services: Registry,
    pushes: Pushes,
    details: Details,
    runs: watch::Receiver<RunFeed>,
    store: watch::Receiver<StoreFeed>,
    http: reqwest::Client,
    /// As last told.
    metrics: MetricsStatus,
    /// The run at work, or the last one.
    run: Option<Run>,
    /// The same run in the store; lent out while a poll is under way.
    watch: Option<Watch>,
    /// What was seen of the run's thresholds.
    observed: Vec<Observed>,
    /// What was seen of the run's stop criteria.
    vigil: Vigil,
    /// What went to each service so far.
    so_far: Vec<ServiceTotals>,
    /// The store's figures of the whole run.
    totals: Option<Totals>,
    /// The time of the run's newest sample.
    newest_ms: Option<Millis>,
    /// The values at the newest sample.
    load: Option<Frame>,
    /// What the machine was used for at the last few looks.
    usage: VecDeque<(Millis, Values)>,
    /// Lent out while the machine is looked at.
    meter: Option<Usage>,
    metering: Option<BoxFuture<'static, (Usage, Values)>>,
    polling: Option<BoxFuture<'static, Polled>>,
    replaying: Option<BoxFuture<'static, Option<(Run, Replay)>>>,
    /// A history that was read while the watch was lent out.
    replayed: Option<(Run, Replay)>,
    ending: Ending,
    /// When the tick began whose values are not on their way yet.
    begun: Option<Instant>,
}

/// Whether the run's last row is still to come: it has to wait for the last samples, which are older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    /// The run is over.
    Due,
    /// The store was asked since.
    Asked,
}

/// What became of the question to the store.
enum Answer {
    /// Nothing was asked.
    None,
    /// It is under way.
    Pending,
    /// It is there.
    Here(Result<(), StoreError>),
}

/// What a poll brings back.
struct Polled {
    watch: Watch,
    result: Result<Option<Frame>, StoreError>,
}

/// A future that may not be there: then it never ends.
async fn arrival<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(pending) => {
            let value = pending.await;
            *future = None;
            value
        }
        None => std::future::pending().await,
    }
}

impl Ticker {
    fn new(config: Arc<Config>, links: Links) -> Self {
        let Links { board, journal, services, store, pushes, details } = links;
        Self {
            epoch_ms: now_ms(),
            runs: board.runs(),
            metrics: board.brief().status.metrics.clone(),
            board,
            journal,
            services,
            pushes,
            details,
            store,
            http: reqwest::Client::new(),
            run: None,
            watch: None,
            observed: Vec::new(),
            vigil: Vigil::default(),
            so_far: Vec::new(),
            totals: None,
            newest_ms: None,
            load: None,
            usage: VecDeque::new(),
            meter: Some(Usage::default()),
            metering: None,
            polling: None,
            replaying: None,
            replayed: None,
            ending: Ending::No,
            begun: None,
            config,
        }
    }

    async fn run(mut self, token: CancellationToken) {
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
                (meter, values) = arrival(&mut self.metering) => self.take_usage(meter, values),
                polled = arrival(&mut self.polling) => self.take_poll(polled),
                replay = arrival(&mut self.replaying) => {
                    self.replayed = replay;
                    self.take_replay();
                }
                () = sleep_until(probe.unwrap_or(next)) => {
                    if probe.is_some() && !self.has_first_sample().await {
                        continue;
                    }
                    let started = Instant::now();
                    self.tick();
                    next = (started + self.pause()).max(Instant::now() + self.config.tick / 4);
                }
            }
        }
    }

    /// Until the next tick. While samples come, the pause is stretched or shortened so that the ticks fall shortly after
    /// the pushes: what k6 measured is then on its way to the readers after a fifth of a tick, not after a whole one.
    fn pause(&self) -> Duration {
        let tick = self.config.tick.as_secs_f64();
        let active = self.run.as_ref().is_some_and(|run| run.state.is_active());
        let Some(newest_ms) = self.newest_ms.filter(|_| active) else { return self.config.tick };
        // How far the newest sample is from where it should be, as a share of a tick, from -0.5 to 0.5.
        let age = now_ms().saturating_sub(newest_ms) as f64 / 1000.0 / tick;
        let off = (age - PHASE + 0.5).rem_euclid(1.0) - 0.5;
        if off.abs() < 0.1 {
            return self.config.tick;
        }
        Duration::from_secs_f64(tick * (1.0 - off.clamp(-0.15, 0.15)))
    }

    /// Takes in what control says. Whether the run has ended just now.
    fn take_run(&mut self) -> bool {
        let run = self.runs.borrow_and_update().run.clone();
        let before = std::mem::replace(&mut self.run, run.clone());
        let now = now_ms();
        let same = before.as_ref().map(|run| &run.id) == run.as_ref().map(|run| &run.id);
        if !same {
            (self.load, self.newest_ms, self.totals, self.ending) = (None, None, None, Ending::No);
            self.so_far.clear();
            self.observed = run.as_ref().map(|run| run.thresholds.clone()).unwrap_or_default();
            self.vigil = Vigil::new(run.as_ref().map(|run| run.criteria.as_slice()).unwrap_or_default());
            self.watch = run.clone().map(|run| Watch::new(run, self.config.tick));
            // A run from before our time has a history that only the store knows.
            let earlier = run.clone().filter(|run| run.created_ms < self.epoch_ms);
            self.replaying = earlier.map(|run| self.replay(run).boxed());
            self.replayed = None;
        } else if let (Some(watch), Some(run)) = (&mut self.watch, &run) {
            watch.update(run);
        }
        let over = |run: &Option<Run>| run.as_ref().is_some_and(|run| !run.state.is_active());
        let ended = same && over(&run) && !over(&before);
        if ended {
            self.ending = Ending::Due;
        }
        if ended || !same {
            // That nobody sends load any more is known before the store says so.
            self.publish(self.frame(now), false);
        }
        ended
    }

    /// Shows numbers; `record`: they are a row of the history.
    fn publish(&self, frame: Frame, record: bool) {
        self.board.tick(self.run.as_ref().map(|run| &run.id), frame, record, self.metrics.clone());
    }

    /// The newest values, at the time when they were true.
    fn frame(&self, now: Millis) -> Frame {
        let mut frame = match (&self.run, &self.load) {
            // k6 is gone: that is known, whatever the store says.
            (Some(run), _) if !run.state.is_active() => {
                Frame { at_ms: now, values: [(SeriesKey::whole(Metric::Vus), 0.0)].into(), ..Frame::default() }
            }
            (Some(_), Some(load)) if load.at_ms + self.window_ms() >= now => load.clone(),
            // Nothing newer came, so there is nothing to show since then.
            (Some(_), _) => Frame { at_ms: now.saturating_sub(self.window_ms()), ..Frame::default() },
            (None, _) => Frame { at_ms: now, ..Frame::default() },
        };
        frame.values.extend(self.usage_at(frame.at_ms));
        frame
    }

    fn window_ms(&self) -> Millis {
        (self.config.tick * PUSHES).as_millis() as Millis
    }

    /// What the machine was used for at about that time.
    fn usage_at(&self, at_ms: Millis) -> Values {
        let nearest = self.usage.iter().min_by_key(|(looked_ms, _)| looked_ms.abs_diff(at_ms));
        nearest.map(|(_, values)| values.clone()).unwrap_or_default()
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

    fn has_first_sample(&self) -> impl Future<Output = bool> + use<> {
        let asked = self.run.clone().zip(self.client(PROBE));
        async move {
            match asked {
                Some((run, client)) => has_samples(&run, &client).await,
                None => false,
            }
        }
    }

    /// Looks at the machine and asks the store, unless earlier looks are still under way; then what is known is told.
    fn tick(&mut self) {
        let now = now_ms();
        self.begun.get_or_insert_with(Instant::now);
        if let Some(meter) = self.meter.take() {
            self.metering = Some(self.look(meter).boxed());
        }
        let recent = self.run.as_ref().is_some_and(|run| is_recent(run, now));
        if let Some(watch) = self.watch.as_mut().filter(|_| !recent) {
            watch.forget();
        }
        let client = self.client(POLL).filter(|_| recent);
        if let Some(client) = client
            && let Some(mut watch) = self.watch.take()
        {
            let native_histograms = self.native_histograms();
            if self.ending == Ending::Due {
                self.ending = Ending::Asked;
            }
            self.polling = Some(
                async move {
                    let result = watch.poll(&client, native_histograms, now).await;
                    Polled { watch, result }
                }
                .boxed(),
            );
            return;
        }
        let answer = if self.polling.is_some() { Answer::Pending } else { Answer::None };
        self.tell(now, answer);
    }

    /// What the machine is used for, measured where it may block.
    fn look(&self, mut meter: Usage) -> impl Future<Output = (Usage, Values)> + use<> {
        let mut ports = self.services.ports();
        let store = self.store.borrow().url.as_deref().and_then(loopback_port);
        ports.extend(store.map(|port| ("prometheus".to_owned(), port)));
        let active = self.run.as_ref().is_some_and(|run| run.state.is_active());
        let pids = if active { self.runs.borrow().k6_pids.clone() } else { Vec::new() };
        let k6 = if active { self.runs.borrow().k6_meters.clone() } else { Vec::new() };
        let look = tokio::task::spawn_blocking(move || {
            meter.set_ports(ports);
            let mut values = meter.look(&pids);
            for used in k6.iter().filter_map(Meter::read) {
                *values.entry(SeriesKey::part(Metric::Cpu, Dimension::Process, "k6")).or_default() += used.cores;
                *values.entry(SeriesKey::part(Metric::Memory, Dimension::Process, "k6")).or_default() += used.bytes;
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

    fn take_usage(&mut self, meter: Usage, mut values: Values) {
        self.meter = Some(meter);
        values.values_mut().for_each(|value| *value = round(*value));
        if self.usage.len() == LOOKS {
            self.usage.pop_front();
        }
        self.usage.push_back((now_ms(), values));
    }

    fn take_poll(&mut self, polled: Polled) {
        let now = now_ms();
        let Polled { mut watch, result } = polled;
        // The run may have changed while the answer was on its way.
        let Some(run) = self.run.as_ref().filter(|run| run.id == watch.run.id) else { return };
        watch.update(run);
        // While a history is read again, all of it comes from there, push by push.
        let is_read_again = self.replaying.is_some() || self.replayed.is_some();
        watch.take_push().filter(|_| !is_read_again).into_iter().for_each(|push| self.pushes.add(push));
        self.watch = Some(watch);
        // Where the run's end was not known when the store was asked, more may be to come.
        if result.is_ok() && self.ending != Ending::Due {
            self.add_up(self.watch.as_ref().and_then(Watch::totals));
        }
        if let Ok(Some(frame)) = &result {
            self.look_at_criteria(frame);
        }
        let result = result.map(|frame| self.load = frame.or(self.load.take()));
        self.take_replay();
        self.take_watch();
        self.tell(now, Answer::Here(result));
    }

    /// Holds what came against the stop criteria of a run at work that nobody stops yet.
    fn look_at_criteria(&mut self, frame: &Frame) {
        if self.run.as_ref().is_some_and(|run| run.state == RunState::Running) {
            let used = self.usage_at(frame.at_ms);
            let used = used.get(&SeriesKey::part(Metric::Cpu, Dimension::Process, "k6"));
            let cores = k6_cores(&self.runs.borrow(), self.config.docker.cpus);
            self.vigil.look(frame, used.zip(cores).map(|(used, cores)| used / cores));
        }
    }

    /// Takes in what the store tells of the whole run, which k6 tells in part, or not at all.
    fn add_up(&mut self, totals: Option<Totals>) {
        let lacks = |run: &Run| run.totals.as_ref().is_none_or(|totals| !totals.has_parts());
        if self.run.as_ref().is_some_and(|run| !run.state.is_active() && lacks(run)) {
            self.totals = totals.or(self.totals.take());
        }
    }

    /// What the watch tells everybody.
    fn take_watch(&mut self) {
        let Some(watch) = &self.watch else { return };
        self.newest_ms = watch.newest_ms();
        self.observed = watch.observed.clone();
        self.so_far = watch.so_far();
        self.details.show(&watch.run.id, watch.breakdown());
        self.tell_seen();
    }

    /// Sends what a tick brought.
    fn tell(&mut self, now: Millis, answer: Answer) {
        let ending = match (self.ending, &answer) {
            (Ending::Due, Answer::None) | (Ending::Asked, Answer::Here(_)) => {
                self.ending = Ending::No;
                true
            }
            _ => false,
        };
        self.metrics_status(answer, now);
        let mut frame = self.frame(now);
        let ended_ms = self.run.as_ref().and_then(|run| run.ended_ms);
        if ending && let Some(ended_ms) = ended_ms {
            let last_ms = self.load.take().map(|last| self.record_last(last));
            frame.at_ms = last_ms.map_or(ended_ms, |last_ms| ended_ms.max(last_ms + 1));
        }
        let run = self.run.as_ref();
        // Before a run began there is nothing to draw of it.
        let begun = |run: &Run| run.started_ms.is_some_and(|started_ms| started_ms <= frame.at_ms);
        let record = run.is_none_or(|run| begun(run) && is_recent(run, now));
        self.publish(frame, record && self.ending == Ending::No);
        if let Some(begun) = self.begun.take_if(|_| self.polling.is_none()) {
            FIGURES.ticks.add(begun.elapsed());
        }
    }

    /// Makes what k6 pushed last a row like any other, although k6 is gone. The row's time.
    fn record_last(&self, mut last: Frame) -> Millis {
        last.values.extend(self.usage_at(last.at_ms));
        let at_ms = last.at_ms;
        self.publish(last, true);
        at_ms
    }

    /// Brings the store's state up to date.
    fn metrics_status(&mut self, answer: Answer, now: Millis) {
        let store = self.store.borrow().clone();
        let running = self.run.as_ref().filter(|run| run.state == RunState::Running);
        let since = running.and_then(|run| self.newest_ms.or(run.started_ms));
        let before = &self.metrics;
        // A question under way may bring the samples, or the reason why there are none.
        let known = before.delayed_s.is_some() || !matches!(answer, Answer::Pending);
        let age_ms = since.map(|since| now.saturating_sub(since)).filter(|age| known && *age > DELAYED_MS);
        let (reachable, problem) = match answer {
            _ if store.url.is_none() && store.problem.is_empty() => (false, "the metrics store is starting".to_owned()),
            Answer::Here(Err(error)) => {
                FIGURES.store_errors.add();
                let run = self.run.as_ref().map(|run| run.id.to_string());
                tracing::warn!(run, %error, "the poll of the metrics store failed");
                (false, error.to_string())
            }
            // As it was last seen.
            Answer::Pending if !before.problem.is_empty() => (before.reachable, before.problem.clone()),
            Answer::None | Answer::Pending | Answer::Here(Ok(())) => (store.url.is_some(), store.problem),
        };
        let series = self.watch.as_ref().map_or(before.many_series, |watch| {
            u32::try_from(watch.series()).ok().filter(|series| *series > MANY_SERIES)
        });
        let after = MetricsStatus {
            url: store.url.clone().filter(|url| loopback_port(url).is_some()),
            reachable,
            problem,
            grafana: self.config.grafana_url.clone(),
            jaeger: self.config.jaeger_url.clone(),
            delayed_s: age_ms.and_then(|age| u32::try_from(age / 1000).ok()),
            many_series: series,
        };
        let event = match (before.delayed_s, after.delayed_s) {
            (None, Some(seconds)) => Some(EventKind::MetricsDelayed { seconds, reason: after.problem.clone() }),
            (Some(_), None) if running.is_some() => Some(EventKind::MetricsBack),
            _ => None,
        };
        event.into_iter().for_each(|kind| self.journal.append(Event { at_ms: now, kind }));
        self.metrics = after;
    }

    fn tell_seen(&self) {
        let Some(run) = &self.run else { return };
        let (thresholds, criteria) = (self.observed.clone(), self.vigil.watched().to_vec());
        let (so_far, totals) = (self.so_far.clone(), self.totals.clone());
        self.board.observe(Seen { run: run.id.clone(), thresholds, criteria, so_far, totals });
    }

    /// Reads the history of a run from before our time; `None`: there is none, or it can't be had.
    fn replay(&self, run: Run) -> impl Future<Output = Option<(Run, Replay)>> + use<> {
        let (mut store, http, tick) = (self.store.clone(), self.http.clone(), self.config.tick);
        async move {
            let started_ms = run.started_ms?;
            for pause in [None].into_iter().chain([Some(REPLAY_PAUSE); REPLAYS as usize - 1]) {
                if let Some(pause) = pause {
                    sleep(pause).await;
                }
                let found = store.wait_for(|store| store.url.is_some()).await.ok()?.clone();
                let client = Client::new(http.clone(), found.url.as_deref()?, REPLAY);
                let to_ms = run.ended_ms.unwrap_or_else(now_ms);
                match replay::read(&run, &client, tick, found.native_histograms, started_ms, to_ms).await {
                    Ok(replay) => return Some((run, replay)),
                    Err(error) => {
                        tracing::warn!(run = %run.id, %error, "the run's history could not be read again");
                    }
                }
            }
            None
        }
    }

    /// Takes in a history that was read again, once the watch is at home.
    fn take_replay(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let Some((run, Replay { mut frames, count, pushes })) = self.replayed.take() else { return };
        if watch.run.id != run.id {
            return;
        }
        pushes.into_iter().for_each(|push| self.pushes.add(push));
        tracing::info!(run = %run.id, rows = frames.len(), "read the run's history again");
        frames.extend(replay::last_row(&run));
        if !frames.is_empty() {
            self.board.refill(&run.id, &frames);
        }
        // One that is over has its last word on record.
        if run.state.is_active() {
            watch.replace(count);
            // The poll that the history waited for may have brought newer values.
            self.load = [frames.pop(), self.load.take()].into_iter().flatten().max_by_key(|frame| frame.at_ms);
        } else {
            self.details.show(&run.id, count.breakdown());
            self.add_up(count.totals(&run));
            self.tell_seen();
        }
    }
}

/// How many cores all k6 of the run at work may use together: those of this machine, where they are containers no more than each of
/// them may. `None`: nobody knows.
fn k6_cores(feed: &RunFeed, of_container: u32) -> Option<f64> {
    let machine = std::thread::available_parallelism().ok()?.get() as f64;
    Some(match feed.k6_meters.len() {
        0 => machine,
        containers => machine.min(containers as f64 * f64::from(of_container)),
    })
}

/// Whether the run's samples matter: while it is at work and shortly after.
fn is_recent(run: &Run, now_ms: Millis) -> bool {
    run.state.is_active() || run.ended_ms.is_some_and(|ended| now_ms < ended + AFTER_END_MS)
}

#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod tests;
