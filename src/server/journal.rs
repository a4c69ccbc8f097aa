//! What happened, in the order in which it became known: written where things happen, read by whoever shows, counts or
//! passes them on. It is on disk before anybody is told, so that whoever is killed leaves it to the next.

mod diary;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ha_dashboard::domain::event::Event;

use self::diary::Diary;

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
    /// How many an earlier process wrote.
    earlier: usize,
    /// Where they outlast this process.
    diary: Option<Diary>,
}

impl Journal {
    /// The journal in a state folder, with what earlier processes wrote.
    pub fn open(state_dir: &Path) -> Self {
        let (diary, known) = Diary::open(state_dir, KEPT);
        let (earlier, kept) = (known.len(), known.into());
        Self(Arc::new(Mutex::new(Entries { gone: 0, kept, earlier, diary: Some(diary) })))
    }

    /// Adds what happened, unless it is there already: who takes over tells again what can happen only once.
    pub fn append(&self, event: Event) {
        let mut entries = self.entries();
        if entries.kept.iter().any(|known| *known == event || known.kind.is_same_once(&event.kind)) {
            return;
        }
        if let Some(diary) = &mut entries.diary {
            diary.write(&event);
        }
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

    /// Reads on from the first entry of this process.
    pub fn follow_own(&self) -> Follower {
        Follower { next: self.entries().earlier, ..self.follow() }
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
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{
        event::EventKind,
        run::{RunId, Verdict},
    };

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

    #[test]
    fn what_happened_outlasts_the_process_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let run: RunId = "20261127-020000-abcd".parse().unwrap();
        let back = |at_ms| Event { at_ms, kind: EventKind::MetricsBack };
        let ended = |at_ms, verdict| Event { at_ms, kind: EventKind::RunEnded { run: RunId::clone(&run), verdict } };
        let first = Journal::open(folder.path());
        first.append(back(1));
        first.append(ended(2, Verdict::Passed));
        drop(first);

        let next = Journal::open(folder.path());
        let (mut all, mut own) = (next.follow(), next.follow_own());
        next.append(back(1));
        next.append(ended(3, Verdict::Failed));
        next.append(back(4));
        let expected = [back(1), ended(2, Verdict::Passed), back(4)];
        assert_eq!((all.news(), own.news()), (expected.to_vec(), vec![back(4)]));
        drop(next);
        assert_eq!(Journal::open(folder.path()).events(), expected);
    }
}
