//! A run in detail: what came for each endpoint, what failed, and what the script counted of its checks.
//!
//! The hub writes it with every push, and it is added up when somebody looks: once for all who look until the next push.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    detail::{Check, Detail, Endpoint, Failure, Figures},
    format::cut,
    histogram::Histogram,
    run::{Run, RunId},
};

use super::window::JITTER_MS;
use crate::server::prometheus::{
    client::Labels,
    queries::{CHECKS, DURATIONS, REQUESTS},
};

/// Endpoints that are counted; those beyond only count into the whole. A script that gives each request a name of its own
/// makes many, of which those that matter may come late.
const COUNTED: usize = 5000;

/// Endpoints that are told, the ones with the most requests, and failures and checks.
const ENDPOINTS: usize = 500;
const FAILURES: usize = 200;
const CHECKED: usize = 200;

/// Bins of the picture of all durations.
const BINS: usize = 40;

/// Most characters of a name.
const NAME: usize = 200;

/// What a series counts into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// Nothing here.
    #[default]
    None,
    /// Requests to an endpoint, where it is told apart, and a way to fail.
    Requests {
        /// The endpoint's number.
        endpoint: Option<usize>,
        /// Whether the answers were not the expected ones.
        failed: bool,
        /// The failure's number.
        failure: Option<usize>,
    },
    /// Durations of requests to an endpoint.
    Durations(Option<usize>),
    /// A check, and whether it held.
    Check(usize, bool),
}

/// What came of a series since its last sample.
pub enum Came<'a> {
    /// So many more.
    Number(f64),
    /// Values.
    Durations(&'a Histogram),
}

/// What was counted of one run.
#[derive(Debug, Default)]
pub struct Breakdown {
    length_ms: Millis,
    started_ms: Option<Millis>,
    /// Their places in `endpoints`.
    numbers: BTreeMap<Named, usize>,
    endpoints: Vec<(Named, Tally)>,
    failures: Vec<Failure>,
    checks: Vec<Check>,
    durations: Histogram,
    left_out: bool,
    newest_ms: Millis,
    /// What came with the last pushes, oldest first. The first one only marks where the stretch begins.
    batches: VecDeque<Batch>,
    /// What comes with the push that is being counted.
    coming: HashMap<usize, Tally>,
    /// As it was added up last: when the run ended by then, and what it came to.
    told: Option<(Option<Millis>, Arc<Detail>)>,
}

/// What endpoints are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    name: String,
    method: String,
    status: String,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    requests: f64,
    failed: f64,
    durations: Histogram,
}

#[derive(Debug, Default)]
struct Batch {
    at_ms: Millis,
    tallies: HashMap<usize, Tally>,
}

/// A breakdown that one writes and others look at. Copies are handles on the same.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Breakdown>>);

/// The breakdown of the run at work, or of the last one. Copies are handles on the same.
#[derive(Debug, Clone, Default)]
pub struct Details(Arc<Mutex<Option<(RunId, Shared)>>>);

impl Shared {
    /// A breakdown whose last seconds are at most `length` long.
    pub fn new(length: Duration) -> Self {
        let length_ms = length.as_millis() as Millis;
        Self(Arc::new(Mutex::new(Breakdown { length_ms, ..Breakdown::default() })))
    }

    /// To write into.
    pub fn open(&self) -> MutexGuard<'_, Breakdown> {
        // What is written is counted piece by piece: after a panic elsewhere it is as sound as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run in detail, as of its newest sample; `None`: nothing came yet.
    pub fn detail(&self, run: &Run) -> Option<Arc<Detail>> {
        self.open().detail(run)
    }
}

impl Details {
    /// Shows what is counted of a run.
    pub fn show(&self, run: &RunId, shared: Option<&Shared>) {
        let mut shown = self.shown();
        match shared {
            Some(shared) => *shown = Some((run.clone(), shared.clone())),
            // Nothing of it is counted any more: what was stays.
            None => *shown = shown.take().filter(|(known, _)| known == run),
        }
    }

    /// A run in detail; `None`: it is neither at work nor the last one, or not everything of it was counted.
    pub fn of(&self, run: &Run) -> Option<Arc<Detail>> {
        let shared = self.shown().as_ref().filter(|(known, _)| *known == run.id).map(|(_, shared)| shared.clone());
        shared?.detail(run)
    }

    fn shown(&self) -> MutexGuard<'_, Option<(RunId, Shared)>> {
        // It is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Breakdown {
    /// Sets when the run began, once that is known.
    pub fn started(&mut self, at_ms: Option<Millis>) {
        self.started_ms = self.started_ms.or(at_ms);
    }

    /// What a series that is seen for the first time counts into.
    pub fn place(&mut self, labels: &Labels) -> Place {
        let label = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
        match label("__name__") {
            REQUESTS => {
                let failed = label("expected_response") == "false";
                let failure = failed.then(|| self.failure(&named(labels), label("error_code"))).flatten();
                Place::Requests { endpoint: self.endpoint(named(labels)), failed, failure }
            }
            DURATIONS => Place::Durations(self.endpoint(named(labels))),
            CHECKS => {
                self.check(label("check")).map_or(Place::None, |check| Place::Check(check, label("result") == "pass"))
            }
            _ => Place::None,
        }
    }

    fn endpoint(&mut self, named: Named) -> Option<usize> {
        let number = self.numbers.get(&named).copied().or_else(|| {
            let number = self.endpoints.len();
            (number < COUNTED).then(|| {
                self.numbers.insert(named.clone(), number);
                self.endpoints.push((named, Tally::default()));
                number
            })
        });
        self.left_out |= number.is_none();
        number
    }

    fn failure(&mut self, named: &Named, code: &str) -> Option<usize> {
        let Named { name, method, status } = named;
        let is_own =
            |own: &Failure| own.name == *name && own.method == *method && own.status == *status && own.code == code;
        let known = self.failures.iter().position(is_own);
        let number = known.or_else(|| {
            (self.failures.len() < FAILURES).then(|| {
                let (method, name, status) = (method.clone(), name.clone(), status.clone());
                self.failures.push(Failure { method, name, status, code: cut(code, NAME), ..Failure::default() });
                self.failures.len() - 1
            })
        });
        self.left_out |= number.is_none();
        number
    }

    fn check(&mut self, name: &str) -> Option<usize> {
        let name = cut(name, NAME);
        let known = self.checks.iter().position(|check| check.name == name);
        let number = known.or_else(|| {
            (self.checks.len() < CHECKED).then(|| {
                self.checks.push(Check { name, ..Check::default() });
                self.checks.len() - 1
            })
        });
        self.left_out |= number.is_none();
        number
    }

    /// Counts what came of a series whose newest sample is of `at_ms`.
    pub fn take(&mut self, place: Place, at_ms: Millis, came: &Came<'_>) {
        match (place, came) {
            (Place::Requests { endpoint, failed, failure }, Came::Number(more)) => {
                self.count(endpoint, |tally| {
                    tally.requests += more;
                    tally.failed += if failed { *more } else { 0.0 };
                });
                if let Some(failure) = failure.and_then(|number| self.failures.get_mut(number)).filter(|_| *more > 0.0)
                {
                    failure.first_ms = if failure.requests > 0.0 { failure.first_ms } else { at_ms };
                    failure.last_ms = failure.last_ms.max(at_ms);
                    failure.requests += more;
                }
            }
            (Place::Durations(endpoint), Came::Durations(more)) => {
                self.durations.add(more);
                self.count(endpoint, |tally| tally.durations.add(more));
            }
            (Place::Check(check, held), Came::Number(more)) => {
                if let Some(check) = self.checks.get_mut(check) {
                    *(if held { &mut check.passes } else { &mut check.fails }) += more;
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, endpoint: Option<usize>, change: impl Fn(&mut Tally)) {
        let Some(number) = endpoint else { return };
        change(self.coming.entry(number).or_default());
        if let Some((_, whole)) = self.endpoints.get_mut(number) {
            change(whole);
        }
    }

    /// Ends a push, whose newest sample is of `at_ms`. The last seconds begin and end where a push did, as in
    /// [`Window`](super::window::Window).
    pub fn end_push(&mut self, at_ms: Millis) {
        self.told = None;
        self.newest_ms = at_ms;
        let batch = Batch { at_ms, tallies: std::mem::take(&mut self.coming) };
        match self.batches.back_mut() {
            None => {
                let from_ms = self.started_ms.filter(|started| (*started..started + self.length_ms).contains(&at_ms));
                self.batches.extend(from_ms.map(|at_ms| Batch { at_ms, ..Batch::default() }));
            }
            Some(last) if last.at_ms >= at_ms => {
                for (number, more) in batch.tallies {
                    last.tallies.entry(number).or_default().add(&more);
                }
                return;
            }
            Some(_) => {}
        }
        self.batches.push_back(batch);
        while self.batches.get(1).is_some_and(|second| second.at_ms + self.length_ms <= at_ms + JITTER_MS) {
            self.batches.pop_front();
        }
        if self.batches.front().is_some_and(|first| first.at_ms + 2 * self.length_ms < at_ms) {
            self.batches.pop_front();
        }
    }

    /// Notes that something was not counted.
    pub fn leave_out(&mut self) {
        self.left_out = true;
    }

    fn detail(&mut self, run: &Run) -> Option<Arc<Detail>> {
        if let Some((_, told)) = self.told.as_ref().filter(|(ended_ms, _)| *ended_ms == run.ended_ms) {
            return Some(told.clone());
        }
        (self.newest_ms > 0).then_some(())?;
        let detail = Arc::new(self.add_up(run));
        self.told = Some((run.ended_ms, detail.clone()));
        Some(detail)
    }

    fn add_up(&self, run: &Run) -> Detail {
        let elapsed_s = run.elapsed_s(self.newest_ms);
        let span_ms = self.batches.front().map(|first| self.newest_ms.saturating_sub(first.at_ms));
        let recent_ms = span_ms.filter(|span| *span > 0 && run.state.is_active());
        let recent = |number| {
            let seconds = recent_ms? as f64 / 1e3;
            let mut all = Tally::default();
            self.batches.iter().skip(1).filter_map(|batch| batch.tallies.get(&number)).for_each(|more| all.add(more));
            Some(all.figures(seconds))
        };
        let endpoint = |(number, (named, whole)): (usize, &(Named, Tally))| Endpoint {
            method: named.method.clone(),
            name: named.name.clone(),
            status: named.status.clone(),
            whole: whole.figures(elapsed_s),
            recent: recent(number),
        };
        let mut told = self.endpoints.iter().enumerate().collect::<Vec<_>>();
        told.sort_by(|(_, (_, a)), (_, (_, b))| b.requests.total_cmp(&a.requests));
        let mut endpoints = told.into_iter().take(ENDPOINTS).map(endpoint).collect::<Vec<_>>();
        endpoints.sort_by(|a, b| (&a.name, &a.method, &a.status).cmp(&(&b.name, &b.method, &b.status)));
        let mut failures = self.failures.iter().filter(|failure| failure.requests > 0.0).cloned().collect::<Vec<_>>();
        failures
            .sort_by(|a, b| (&a.name, &a.method, &a.status, &a.code).cmp(&(&b.name, &b.method, &b.status, &b.code)));
        Detail {
            at_ms: self.newest_ms,
            recent_ms: recent_ms.and_then(|span| u32::try_from(span).ok()),
            endpoints,
            failures,
            checks: self.checks.clone(),
            durations: self.durations.bins(BINS),
            left_out: self.left_out || self.endpoints.len() > ENDPOINTS,
        }
    }
}

impl Tally {
    fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.failed += more.failed;
        self.durations.add(&more.durations);
    }

    fn figures(&self, seconds: f64) -> Figures {
        Figures::of(self.requests, self.failed, &self.durations, seconds)
    }
}

fn named(labels: &Labels) -> Named {
    let label = |label: &str| cut(labels.get(label).map(String::as_str).unwrap_or_default(), NAME);
    Named { name: label("name"), method: label("method"), status: label("status") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
