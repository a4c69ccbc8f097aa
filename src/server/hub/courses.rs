//! Courses of earlier runs: read again from the store when somebody asks, and kept for a few runs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ha_dashboard::domain::{
    detail::Detail,
    frame::History,
    picture::Course,
    run::{Run, RunId},
};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::replay;
use crate::server::{feed::StoreFeed, prometheus::client::Client, shutdown::Shutdown};

/// How many runs' courses are kept: each is at most a few megabytes.
const KEPT: usize = 6;

/// How many are read at the same time, so that readers of old pages don't slow down the picture of the run at work.
const READERS: usize = 2;

/// How long a question to the store may take, and a whole course.
const ANSWER: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(60);

/// How long who asks waits for a course: a page must be there soon.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What was read: rows, or why there are none, and the run in detail.
type Read = (Arc<History>, Course, Option<Arc<Detail>>);

/// A course, once it is read.
type Pending = watch::Receiver<Option<Read>>;

/// The courses of earlier runs. Copies are handles on the same ones.
#[derive(Clone)]
pub struct Courses {
    store: watch::Receiver<StoreFeed>,
    http: reqwest::Client,
    tick: Duration,
    shutdown: Shutdown,
    turn: Arc<Semaphore>,
    /// The one asked for first comes first.
    known: Arc<Mutex<VecDeque<(RunId, Pending)>>>,
}

impl Courses {
    /// Courses of runs whose k6 pushes every `tick`.
    pub fn new(store: watch::Receiver<StoreFeed>, tick: Duration, shutdown: Shutdown) -> Self {
        Self {
            store,
            http: reqwest::Client::new(),
            tick,
            shutdown,
            turn: Arc::new(Semaphore::new(READERS)),
            known: Arc::default(),
        }
    }

    /// The course of a run that is over. Comes back soon, if need be with [`Course::Reading`].
    pub async fn of(&self, run: &Run) -> Read {
        let mut pending = self.pending(run);
        match timeout(PATIENCE, pending.wait_for(Option::is_some)).await {
            Ok(Ok(read)) => read.clone().unwrap_or_else(reading),
            Ok(Err(_)) => unread("the dashboard is ending"),
            Err(_) => reading(),
        }
    }

    /// What is known or being read of a run; begins to read where nothing is.
    fn pending(&self, run: &Run) -> Pending {
        let mut known = self.known();
        if let Some((_, pending)) = known.iter().find(|(id, _)| *id == run.id) {
            return pending.clone();
        }
        let (sender, pending) = watch::channel(None);
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((run.id.clone(), pending.clone()));
        let (this, run, token) = (self.clone(), run.clone(), self.shutdown.token.clone());
        self.shutdown.tasks.spawn(async move {
            let read = tokio::select! {
                read = this.read(&run) => read,
                () = token.cancelled() => return,
            };
            // Another time the store may answer.
            if let Course::Unread { why } = &read.1 {
                tracing::warn!(run = %run.id, why, "the course of a run could not be read");
                this.known().retain(|(id, _)| *id != run.id);
            }
            sender.send_replace(Some(read));
        });
        pending
    }

    async fn read(&self, run: &Run) -> Read {
        let (Some(started_ms), Some(ended_ms)) = (run.started_ms, run.ended_ms) else {
            // It never sent anything.
            return (Arc::default(), Course::Known, None);
        };
        let Ok(_turn) = self.turn.acquire().await else { return reading() };
        let store = self.store.borrow().clone();
        let Some(url) = store.url else { return unread(&store.problem) };
        let client = Client::new(self.http.clone(), &url, ANSWER);
        let read = replay::read(run, &client, self.tick, store.native_histograms, started_ms, ended_ms);
        match timeout(WHOLE, read).await {
            Err(_) => unread(&format!("the metrics store did not tell all within {} s", WHOLE.as_secs())),
            Ok(Err(error)) => unread(&error.to_string()),
            Ok(Ok(replay)) if replay.frames.is_empty() => (Arc::default(), Course::Gone, None),
            Ok(Ok(replay)) => {
                let mut history = History::default();
                replay.frames.iter().chain(&replay::last_row(run)).for_each(|frame| history.push(frame));
                let detail = replay.count.breakdown().and_then(|breakdown| breakdown.detail(run));
                (Arc::new(history), Course::Known, detail)
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(RunId, Pending)>> {
        // Entries are added and removed whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reading() -> Read {
    (Arc::default(), Course::Reading, None)
}

fn unread(why: &str) -> Read {
    (Arc::default(), Course::Unread { why: why.to_owned() }, None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::{net::TcpListener, time::Instant};

    use super::*;
    use crate::server::prometheus::lab;

    fn ended() -> Run {
        let mut run = lab::run("r-1", 60, &[]);
        (run.started_ms, run.ended_ms) = (Some(1_000_000), Some(1_060_000));
        run
    }

    #[tokio::test]
    async fn a_store_that_is_away_or_silent_holds_nobody_up() {
        let (sender, store) = watch::channel(StoreFeed { problem: "it is starting".into(), ..StoreFeed::default() });
        let courses = Courses::new(store, Duration::from_secs(1), Shutdown::default());
        let run = ended();
        let unread = Course::Unread { why: "it is starting".into() };
        assert_eq!(courses.of(&run).await, (Arc::default(), unread, None));

        // Asked again, as the store may be back: this one takes every question and answers none.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        sender.send_replace(StoreFeed { url: Some(url), ..StoreFeed::default() });
        let asked = Instant::now();
        assert_eq!(courses.of(&run).await.1, Course::Reading);
        assert!(asked.elapsed() < PATIENCE * 2);
        assert_eq!(courses.known().len(), 1, "it is being read, once");
        assert_eq!(courses.of(&run).await.1, Course::Reading);
        assert_eq!(courses.known().len(), 1);
    }

    #[tokio::test]
    async fn no_more_courses_are_kept_than_fit_and_one_that_never_began_has_none() {
        let (_, store) = watch::channel(StoreFeed::default());
        let courses = Courses::new(store, Duration::from_secs(1), Shutdown::default());
        for number in 0..KEPT + 3 {
            let run = Run { id: format!("r-{number}").parse().unwrap(), started_ms: None, ..ended() };
            assert_eq!(courses.of(&run).await, (Arc::default(), Course::Known, None));
        }
        assert_eq!(courses.known().len(), KEPT);
    }
}
