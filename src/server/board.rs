//! What everybody is shown. Each part of it has one writer: control tells the run, the engine and the state folder, the hub
//! what it observed of the run, the numbers and the metrics store, the probes the services, the breakers who asks for them, and
//! everybody the journal. Here
//! alone they are put together, and who is told of a change by its writer finds it here already.

mod stage;
mod thresholds;

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::stream::BoxStream;
use ha_dashboard::domain::{
    breaker::Breakers,
    cost::FaultCost,
    event::Event,
    fault::{Fault, still_told},
    frame::{Dimension, Frame},
    live::{Cursor, MetricsStatus, Snapshot, Status},
    run::{Run, RunId, Seen},
    service::ServiceStatus,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{stage::Stage, thresholds::Told};
use super::{
    clock::now_ms,
    feed::RunFeed,
    journal::{Follower, Journal},
};

/// Most faults that are over and still shown.
const FAULTS_OVER: usize = 10;

/// The picture, its parts and its readers.
pub struct Board {
    /// Held while a change is put into the picture, so that changes are shown in their order.
    parts: Mutex<Parts>,
    runs: watch::Sender<RunFeed>,
    seen: watch::Sender<Option<Seen>>,
    services: watch::Receiver<Vec<ServiceStatus>>,
    breakers: watch::Receiver<Breakers>,
    journal: Journal,
    stage: Arc<Stage>,
    end: CancellationToken,
}

/// What was shown last.
struct Parts {
    status: Status,
    frame: Frame,
    told: Told,
    news: Follower,
}

impl Board {
    /// A board on which no run is; its streams end with `end`.
    pub fn new(
        metrics: MetricsStatus,
        services: watch::Receiver<Vec<ServiceStatus>>,
        breakers: watch::Receiver<Breakers>,
        journal: Journal,
        end: CancellationToken,
    ) -> Arc<Self> {
        let epoch_ms = now_ms();
        let status = Status { services: services.borrow().clone(), metrics, ..Status::default() };
        Arc::new(Self {
            stage: Arc::new(Stage::new(epoch_ms, status.clone())),
            parts: Mutex::new(Parts {
                status,
                frame: Frame { at_ms: epoch_ms, ..Frame::default() },
                told: Told::default(),
                news: journal.follow(),
            }),
            runs: watch::channel(RunFeed::default()).0,
            seen: watch::channel(None).0,
            services,
            breakers,
            journal,
            end,
        })
    }

    /// Takes what control says, and shows it at once.
    pub fn control(&self, feed: RunFeed) {
        let mut parts = self.parts();
        let changed = self.runs.send_if_modified(|last| {
            let changed = *last != feed;
            *last = feed;
            changed
        });
        if !changed {
            return;
        }
        let status = self.status(parts.status.metrics.clone(), &parts.status);
        let Parts { status: shown, frame, .. } = &mut *parts;
        if id(&status) != id(shown) {
            // The numbers are those of another run.
            frame.values.retain(|key, _| matches!(key.part, Some((Dimension::Process, _))));
        }
        // Other process numbers are nothing to show.
        let same = (&status.run, &status.engine, &status.storage_problem)
            == (&shown.run, &shown.engine, &shown.storage_problem);
        if !same {
            self.show(&mut parts, status, false);
        }
    }

    /// Takes what the hub observed of a run; shown with the numbers of the next tick.
    pub fn observe(&self, seen: Seen) {
        self.seen.send_if_modified(|last| {
            let changed = last.as_ref() != Some(&seen);
            if changed {
                *last = Some(seen);
            }
            changed
        });
    }

    /// Takes the hub's numbers `about` a run, and how the store is. `record`: the frame is a row of the run's history.
    /// Numbers about a run that another one has replaced meanwhile are dropped.
    pub fn tick(&self, about: Option<&RunId>, frame: Frame, record: bool, metrics: MetricsStatus) {
        let mut parts = self.parts();
        let status = self.status(metrics, &parts.status);
        if id(&status) == about {
            parts.frame = frame;
            self.show(&mut parts, status, record);
        }
    }

    /// Takes what is done to the services, and what that costs, both newest first, and shows at once what is set and the last of
    /// what was.
    pub fn faults(&self, faults: &[Fault], costs: &[FaultCost]) {
        let mut parts = self.parts();
        let mut status = self.status(parts.status.metrics.clone(), &parts.status);
        let mut is_shown = still_told(FAULTS_OVER);
        status.faults = faults.iter().filter(|fault| is_shown(fault)).cloned().collect();
        let is_theirs = |cost: &&FaultCost| status.faults.iter().any(|fault| fault.id == cost.fault);
        status.costs = costs.iter().filter(is_theirs).cloned().collect();
        if status != parts.status {
            self.show(&mut parts, status, false);
        }
    }

    /// Puts rows of a run that were read again from the store before the rows there are.
    pub fn refill(&self, about: &RunId, frames: &[Frame]) {
        let parts = self.parts();
        if id(&parts.status) == Some(about) {
            self.stage.refill(frames);
        }
    }

    /// A run as it is shown.
    pub fn shown<'a>(&self, run: &'a Run) -> Cow<'a, Run> {
        match &*self.seen.borrow() {
            Some(seen) if seen.run == run.id => Cow::Owned(run.clone().shown(seen)),
            _ => Cow::Borrowed(run),
        }
    }

    /// Follows what control says.
    pub fn runs(&self) -> watch::Receiver<RunFeed> {
        self.runs.subscribe()
    }

    /// Follows what the hub observed.
    pub fn seen(&self) -> watch::Receiver<Option<Seen>> {
        self.seen.subscribe()
    }

    /// The services and how they are.
    pub fn services(&self) -> Vec<ServiceStatus> {
        self.services.borrow().clone()
    }

    /// Whether a run is shown that is as asked for.
    pub fn shows_run(&self, is: impl FnOnce(&Run) -> bool) -> bool {
        self.parts().status.run.as_ref().is_some_and(is)
    }

    /// The circuit breakers that services tell of.
    pub fn breakers(&self) -> Breakers {
        self.breakers.borrow().clone()
    }

    /// Follows the circuit breakers.
    pub fn follow_breakers(&self) -> watch::Receiver<Breakers> {
        self.breakers.clone()
    }

    /// What happened, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.journal.events()
    }

    /// The whole picture now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.stage.snapshot(now_ms())
    }

    /// The picture now, without its history and events.
    pub fn brief(&self) -> Arc<Snapshot> {
        self.stage.brief(now_ms())
    }

    /// The stream of [`ha_dashboard::api::port::View::live`].
    pub fn subscribe(&self, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        self.stage.subscribe(resume, self.end.clone(), now_ms)
    }

    /// The parts put together; `before`: what was shown last.
    fn status(&self, metrics: MetricsStatus, before: &Status) -> Status {
        let feed = self.runs.borrow();
        Status {
            run: feed.run.as_ref().map(|run| self.shown(run).into_owned()),
            services: self.services(),
            breakers: self.breakers(),
            faults: before.faults.clone(),
            costs: before.costs.clone(),
            engine: feed.engine.clone(),
            metrics,
            storage_problem: feed.storage_problem.clone(),
        }
    }

    fn show(&self, parts: &mut Parts, status: Status, record: bool) {
        let now = now_ms();
        for kind in parts.told.news(parts.status.run.as_ref(), status.run.as_ref(), || self.journal.events()) {
            self.journal.append(Event { at_ms: now, kind });
        }
        self.stage.publish(now, parts.frame.clone(), record, status.clone(), parts.news.news());
        parts.status = status;
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // What is shown is replaced whole, so it is sound after a panic elsewhere.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Board {
    /// A board of no services, and its journal.
    pub fn blank() -> (Arc<Self>, Journal) {
        let journal = Journal::default();
        let (_, services) = watch::channel(Vec::new());
        let (_, breakers) = watch::channel(Breakers::default());
        let end = CancellationToken::new();
        (Self::new(MetricsStatus::default(), services, breakers, journal.clone(), end), journal)
    }
}

fn id(status: &Status) -> Option<&RunId> {
    status.run.as_ref().map(|run| &run.id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
