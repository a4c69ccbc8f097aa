//! What each push of k6 brought, for who reckons with single seconds instead of smooth rates.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ha_dashboard::domain::{Millis, cost::Slice, frame::Metric, run::RunId};

use super::ledger::Batch;

/// Pushes kept. A reader that is further behind misses the oldest.
const KEPT: usize = 900;

/// What came between two pushes of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// The run.
    pub run: RunId,
    /// What came, by service; the empty name stands for requests of which k6 does not say where they went.
    pub services: BTreeMap<Arc<str>, Slice>,
    /// The push before.
    pub from_ms: Millis,
    /// The time of its newest sample.
    pub to_ms: Millis,
    /// Iterations that an open model could not start.
    pub dropped: f64,
}

/// The pushes of the last minutes. Copies are handles on the same ones.
#[derive(Debug, Clone, Default)]
pub struct Pushes(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// How many came before those that are kept.
    gone: usize,
    pushes: VecDeque<Arc<Push>>,
}

/// A reader's place among the pushes.
#[derive(Debug)]
pub struct Follower {
    pushes: Pushes,
    next: usize,
}

impl Push {
    /// What a batch brought since the push at `from_ms`.
    pub fn of(run: &RunId, from_ms: Millis, batch: &Batch) -> Self {
        let to_ms = batch.at_ms;
        let mut services: BTreeMap<Arc<str>, Slice> = BTreeMap::new();
        let mut slice = |service: &Arc<str>, change: &dyn Fn(&mut Slice)| {
            change(services.entry(service.clone()).or_insert_with(|| Slice { from_ms, to_ms, ..Slice::default() }));
        };
        for (part, more) in &batch.requests {
            slice(&part.service, &|slice| {
                slice.valid += more;
                slice.bad += if part.failed { *more } else { 0.0 };
            });
        }
        for (service, more) in &batch.durations {
            slice(service, &|slice| slice.durations.add(more));
        }
        let dropped = batch.others.get(&Metric::DroppedRate).copied().unwrap_or_default();
        Self { run: run.clone(), services, from_ms, to_ms, dropped }
    }

    /// What came for one service alone; a slice without requests where nothing did.
    pub fn of_service(&self, name: &str) -> Slice {
        let none = || Slice { from_ms: self.from_ms, to_ms: self.to_ms, ..Slice::default() };
        self.services.get(name).cloned().unwrap_or_else(none)
    }

    /// What came for these services together. Requests of which nobody knows where they went may have gone to any.
    pub fn slice(&self, services: &[String]) -> Slice {
        let mut all = Slice { from_ms: self.from_ms, to_ms: self.to_ms, dropped: self.dropped, ..Slice::default() };
        let counts = |name: &str| name.is_empty() || services.iter().any(|service| service == name);
        for (_, own) in self.services.iter().filter(|(name, _)| counts(name)) {
            all.valid += own.valid;
            all.bad += own.bad;
            all.durations.add(&own.durations);
        }
        all
    }
}

impl Pushes {
    /// Adds what came.
    pub fn add(&self, push: Push) {
        let mut kept = self.kept();
        if kept.pushes.len() == KEPT {
            kept.pushes.pop_front();
            kept.gone += 1;
        }
        kept.pushes.push_back(Arc::new(push));
    }

    /// Reads on from the oldest one that is kept.
    pub fn follow(&self) -> Follower {
        Follower { pushes: self.clone(), next: 0 }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that can panic runs between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// What was added since the last look, oldest first.
    pub fn news(&mut self) -> Vec<Arc<Push>> {
        let kept = self.pushes.kept();
        let read = self.next.saturating_sub(kept.gone);
        self.next = kept.gone + kept.pushes.len();
        kept.pushes.iter().skip(read).cloned().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::ledger::{Batch, Part},
        *,
    };

    #[test]
    fn requests_are_told_apart_by_service_and_added_up_for_several() {
        let part = |service: &str, failed| Part { service: service.into(), status: "200".into(), failed };
        let requests =
            [(part("a", false), 8.0), (part("a", true), 2.0), (part("b", false), 5.0), (part("", true), 1.0)];
        let others = [(Metric::DroppedRate, 3.0)].into();
        let batch = Batch { at_ms: 2000, requests: requests.into(), others, ..Batch::default() };
        let push = Push::of(&"r".parse().unwrap(), 1000, &batch);
        let told = |services: &[&str]| {
            let slice = push.slice(&services.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            (slice.valid, slice.bad, slice.dropped, slice.length_ms())
        };
        assert_eq!(told(&["a"]), (11.0, 3.0, 3.0, 1000));
        assert_eq!(told(&["a", "b"]), (16.0, 3.0, 3.0, 1000));
        assert_eq!(told(&["c"]), (1.0, 1.0, 3.0, 1000), "nobody knows where that one went");
    }

    #[test]
    fn a_late_reader_gets_what_is_left() {
        let pushes = Pushes::default();
        let add = |to_ms| pushes.add(Push::of(&"r".parse().unwrap(), 0, &Batch { at_ms: to_ms, ..Batch::default() }));
        let mut early = pushes.follow();
        (1..=2).for_each(&add);
        assert_eq!(early.news().len(), 2);
        (3..=KEPT as Millis + 3).for_each(add);
        assert_eq!(early.news().first().unwrap().to_ms, 4, "one was missed");
        assert_eq!(pushes.follow().news().len(), KEPT);
        assert!(early.news().is_empty());
    }
}
