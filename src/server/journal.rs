//! What happened, in the order in which it became known: written where things happen, read by whoever shows, counts or
//! passes them on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ha_dashboard::domain::event::Event;

/// Entries kept. A reader that is further behind misses the oldest.
const KEPT: usize = 1000;

/// The journal: entries are added, never changed. Copies are handles on the same one.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// How many came before those that are kept.
    gone: usize,
    kept: VecDeque<Event>,
}

impl Journal {
    /// Adds what happened.
    pub fn append(&self, event: Event) {
        let mut entries = self.entries();
        if entries.kept.len() == KEPT {
            entries.kept.pop_front();
            entries.gone += 1;
        }
        entries.kept.push_back(event);
    }

    /// Everything that is kept, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.entries().kept.iter().cloned().collect()
    }

    /// Reads on from the oldest entry that is kept.
    pub fn follow(&self) -> Follower {
        Follower { journal: self.clone(), next: 0 }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Nothing that can panic runs between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader's place in the journal.
#[derive(Debug)]
pub struct Follower {
    journal: Journal,
    next: usize,
}

impl Follower {
    /// What was added since the last look, oldest first.
    pub fn news(&mut self) -> Vec<Event> {
        let entries = self.journal.entries();
        let read = self.next.saturating_sub(entries.gone);
        self.next = entries.gone + entries.kept.len();
        entries.kept.iter().skip(read).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use ha_dashboard::domain::event::EventKind;

    use super::*;

    #[test]
    fn every_follower_reads_each_entry_once_and_late_ones_what_is_left() {
        let journal = Journal::default();
        let append = |at_ms| journal.append(Event { at_ms, kind: EventKind::MetricsBack });
        let times = |events: Vec<Event>| events.into_iter().map(|event| event.at_ms).collect::<Vec<_>>();
        let mut first = journal.follow();
        append(1);
        append(2);
        assert_eq!((times(first.news()), times(first.news())), (vec![1, 2], vec![]));
        let mut slow = journal.follow();
        (3..=1002).for_each(append);
        assert_eq!(times(first.news()), (3..=1002).collect::<Vec<_>>());
        assert_eq!(times(slow.news()), (3..=1002).collect::<Vec<_>>(), "the two oldest are gone");
        append(1003);
        assert_eq!((times(first.news()), times(slow.news())), (vec![1003], vec![1003]));
        assert_eq!(times(journal.events()), (4..=1003).collect::<Vec<_>>());
    }
}
