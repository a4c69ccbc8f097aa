//! One run as far as it is known: what its page and its report tell.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    cost::FaultCost,
    detail::Detail,
    event::{Event, EventKind},
    fault::Fault,
    frame::History,
    live::{Snapshot, Status},
    past::Gist,
    run::{Run, RunState},
    service::ServiceStatus,
    threshold::Crossing,
    timeline,
};

/// A run with its course over time.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPicture {
    /// The run.
    pub run: Run,
    /// Services, rows and events; rows of another run do not count.
    pub snapshot: Arc<Snapshot>,
    /// How much of the rows is there.
    pub course: Course,
    /// Endpoints, failures and checks; none: nobody counted them.
    pub detail: Option<Arc<Detail>>,
}

impl RunPicture {
    /// What of the snapshot is about the run.
    pub fn own(&self) -> Snapshot {
        let (run, mut snapshot) = (&self.run, Snapshot::clone(&self.snapshot));
        if snapshot.status.run.as_ref().is_none_or(|shown| shown.id != run.id) {
            snapshot.history = History::default();
            snapshot.events.clear();
        }
        snapshot.status.run = Some(run.clone());
        // What is measured after the end is the end's echo in the sliding windows.
        if let (Some(started), Some(ended)) = (run.started_ms, run.ended_ms) {
            snapshot.history.keep_to(started + ended.saturating_sub(started).div_ceil(1_000) * 1_000);
        }
        snapshot
    }
}

/// How much is known of a run's values over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// All there is.
    Known,
    /// They are being read from the metrics store: ask again.
    Reading,
    /// The metrics store no longer has them.
    Gone,
    /// The metrics store could not be asked.
    Unread {
        /// Why, in a line.
        why: String,
    },
}

/// What happened in a run; of one that nobody remembers, what its record says.
pub fn told(run: &Run, mut known: Vec<Event>) -> Vec<Event> {
    let about = |kind: &EventKind| match kind {
        EventKind::RunStarted { run: about } | EventKind::RunEnded { run: about, .. } => *about == run.id,
        _ => false,
    };
    if known.iter().any(|event| about(&event.kind)) {
        return known;
    }
    let started = run.started_ms.map(|at_ms| Event { at_ms, kind: EventKind::RunStarted { run: run.id.clone() } });
    let ended = match (&run.state, run.ended_ms) {
        (RunState::Finished(verdict), Some(at_ms)) => {
            Some(Event { at_ms, kind: EventKind::RunEnded { run: run.id.clone(), verdict: verdict.clone() } })
        }
        _ => None,
    };
    let crossings = run.thresholds.iter().flat_map(|seen| {
        let rule = seen.threshold.to_string();
        let event = move |at_ms, ok| Event { at_ms, kind: EventKind::Threshold { threshold: rule.clone(), ok } };
        let times = |crossing: &Crossing| [Some((crossing.from_ms, false)), crossing.to_ms.map(|at_ms| (at_ms, true))];
        seen.crossings.iter().flat_map(times).flatten().map(move |(at_ms, ok)| event(at_ms, ok))
    });
    known.extend(started.into_iter().chain(run.load_events()).chain(crossings).chain(ended));
    known
}

/// What is kept of a run that is over, so that its report needs neither the metrics store nor who saw it run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Its values over time.
    pub history: History,
    /// What happened in it, in the order of its time.
    pub events: Vec<Event>,
    /// The faults that were set while it was at work.
    pub faults: Vec<Fault>,
    /// How the services were when it was over: with the events, how they were in it. Empty where nobody noted that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceStatus>,
    /// What they cost.
    pub costs: Vec<FaultCost>,
    /// Endpoints, failures and checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<Detail>>,
}

impl Kept {
    /// What is known of a run; `None`: it is not over.
    pub fn of(
        run: &Run,
        status: &Status,
        history: &History,
        events: &[Event],
        detail: Option<&Detail>,
    ) -> Option<Self> {
        if run.state.is_active() {
            return None;
        }
        let (faults, costs) = status.costed(&run.id).into_iter().unzip();
        let detail = detail.map(|detail| Arc::new(detail.clone().whole()));
        let services = status.services.clone();
        let mut kept = Self { faults, costs, history: history.clone(), services, detail, ..Self::default() };
        kept.events = events.iter().filter(|event| timeline::belongs(event, run)).cloned().collect();
        kept.events.sort_by_key(|event| event.at_ms);
        Some(kept)
    }

    /// Adds what is known by now. Somebody who came later may know less: nothing is lost by it.
    pub fn learn(&mut self, news: Self) {
        // One that covers more may have fewer rows: it was thinned.
        let told = |history: &History| (history.length_ms(), history.at_ms.len());
        if told(&news.history) >= told(&self.history) {
            self.history = news.history;
        }
        // What was noted first was nearest to its end.
        if self.services.is_empty() {
            self.services = news.services;
        }
        let unknown = news.events.into_iter().filter(|event| !self.events.contains(event)).collect::<Vec<_>>();
        self.events.extend(unknown);
        self.events.sort_by_key(|event| event.at_ms);
        self.faults.retain(|known| news.faults.iter().all(|fault| fault.id != known.id));
        self.costs.retain(|known| news.costs.iter().all(|cost| cost.fault != known.fault));
        let knows_less = |news: &Arc<Detail>| self.detail.as_ref().is_some_and(|known| known.at_ms > news.at_ms);
        if let Some(news) = news.detail.filter(|news| !knows_less(news)) {
            self.detail = Some(news);
        }
        self.faults.extend(news.faults);
        self.costs.extend(news.costs);
    }

    /// What a list tells of it.
    pub fn gist(&self) -> Gist {
        let outs = self.costs.iter().filter_map(|told| Some(told.cost.outage?.length_ms));
        Gist {
            course_ms: Gist::course(&self.history),
            faults: u32::try_from(self.faults.len()).unwrap_or(u32::MAX),
            out_ms: outs.max(),
        }
    }

    /// The run's picture; `now`: how the services are.
    pub fn picture(self, run: Run, now: &Status) -> RunPicture {
        let Self { history, events, faults, services, costs, detail } = self;
        let services = if services.is_empty() { now.services.clone() } else { services };
        let status = Status { run: Some(run.clone()), faults, costs, services, ..now.clone() };
        let events = told(&run, events);
        RunPicture {
            run,
            snapshot: Arc::new(Snapshot { status, history, events, ..Snapshot::default() }),
            course: Course::Known,
            detail,
        }
    }
}
