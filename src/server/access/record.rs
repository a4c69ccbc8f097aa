//! Writes down who did what: in the database, and in the log where that can't be written. Nobody waits for it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ha_dashboard::{api::caller::Caller, domain::audit::Entry};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{
    Notify,
    mpsc::{self, UnboundedReceiver, UnboundedSender},
};

use super::{Database, now_ms, shown};

/// Most entries that wait to be written. What comes beyond is in the log alone: a flood must not fill the memory.
const WAITING: u64 = 10_000;

/// Takes entries and writes them in their order. Copies are handles on the same.
#[derive(Clone)]
pub struct Record(Arc<Inner>);

struct Inner {
    database: Database,
    entries: Mutex<Option<UnboundedSender<Entry>>>,
    taken: Mutex<Option<UnboundedReceiver<Entry>>>,
    added: AtomicU64,
    written: AtomicU64,
    wrote: Notify,
}

impl Record {
    /// Writes to a database, once somebody [keeps](Self::keep) it.
    pub fn new(database: Database) -> Self {
        let (entries, taken) = mpsc::unbounded_channel();
        Self(Arc::new(Inner {
            database,
            entries: Mutex::new(Some(entries)),
            taken: Mutex::new(Some(taken)),
            added: AtomicU64::new(0),
            written: AtomicU64::new(0),
            wrote: Notify::new(),
        }))
    }

    /// Takes an entry.
    pub fn add(&self, caller: &Caller, act: &str, about: String, outcome: &str) {
        let entry = Entry {
            n: 0,
            at_ms: now_ms(),
            who: caller.who.clone(),
            role: caller.role.name().into(),
            address: shown(caller.from),
            door: caller.door.name().into(),
            act: act.into(),
            about: ha_dashboard::domain::format::cut(&about, Entry::ABOUT),
            outcome: outcome.into(),
            correlation_id: caller.correlation_id.clone(),
        };
        tracing::info!(
            audit.who = entry.who,
            audit.role = entry.role,
            audit.address = entry.address,
            audit.act = entry.act,
            audit.outcome = entry.outcome,
            caller.correlation_id,
            "audit"
        );
        if self.waiting() >= WAITING {
            return;
        }
        let entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.as_ref().is_some_and(|entries| entries.send(entry).is_ok()) {
            self.0.added.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many wait to be written.
    pub fn waiting(&self) -> u64 {
        self.0.added.load(Ordering::SeqCst).saturating_sub(self.0.written.load(Ordering::SeqCst))
    }

    /// Resolves when everything that was taken so far is written, or after `patience`.
    pub async fn written(&self, patience: Duration) {
        let wanted = self.0.added.load(Ordering::SeqCst);
        let all = async {
            loop {
                let wrote = self.0.wrote.notified();
                if self.0.written.load(Ordering::SeqCst) >= wanted {
                    return;
                }
                wrote.await;
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
    }

    /// Takes no more entries.
    pub fn close(&self) {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Writes what is taken until it is closed.
    pub async fn keep(&self) {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut taken) = taken else { return };
        while let Some(entry) = taken.recv().await {
            let written = self.0.database.ask(move |database| database.add_entry(&entry)).await;
            if let Err(error) = written {
                tracing::warn!(%error, "who did what stands in this log alone");
            }
            self.0.written.fetch_add(1, Ordering::SeqCst);
            self.0.wrote.notify_waiters();
        }
    }
}

/// What a draft says, without what it leaves out: `script=a.js target=shop`.
pub fn fields(draft: &impl Serialize) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(draft) else { return String::new() };
    let said = fields.into_iter().filter_map(|(name, value)| match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(format!("{name}={text}")),
        other => Some(format!("{name}={other}")),
    });
    said.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::{
        api::caller::Door,
        domain::{audit::Search, validate::Draft},
    };

    use super::*;

    #[test]
    fn a_draft_is_told_without_what_it_leaves_out() {
        let draft = Draft { script: "a.js".into(), peak: "5".into(), ..Draft::default() };
        assert_eq!(fields(&draft), "peak=5 script=a.js");
    }

    #[tokio::test]
    async fn what_is_taken_is_written_in_its_order_and_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let record = Record::new(database.clone());
        let caller = Caller { who: "anna".into(), ..Caller::of_program("c-1", Door::Rest) };
        for n in 0..5 {
            record.add(&caller, "start", format!("{n}{}", "x".repeat(5_000)), "done");
        }
        record.close();
        record.add(&caller, "start", "late".into(), "done");
        record.keep().await;
        let entries = database.entries_of(&Search::default()).unwrap();
        let begins: Vec<_> = entries.iter().map(|entry| &entry.about[..1]).collect();
        assert_eq!(begins, ["4", "3", "2", "1", "0"]);
        assert!(entries.iter().all(|entry| entry.about.chars().count() <= Entry::ABOUT + 1));
        assert_eq!((entries[0].who.as_str(), entries[0].correlation_id.as_str()), ("anna", "c-1"));
    }
}
