//! Keeps what is known of runs that are over: their reports outlast the metrics store's data, and this process.

use std::{sync::Arc, time::Duration};

use ha_dashboard::domain::{
    Millis,
    cost::FaultCost,
    picture::{Course, Kept, RunPicture},
    run::{Run, RunId},
    timeline,
};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::server::{
    board::Board,
    clock::now_ms,
    database::{Database, DatabaseError},
    hub::Details,
};

/// How often it is looked whether more is known of the run that is shown.
const LOOK: Duration = Duration::from_secs(1);

/// As long as this after a run's end more may become known: what a fault cost, the last values.
const OPEN_MS: Millis = 300_000;

/// What is kept. Copies are handles on the same.
#[derive(Debug, Clone)]
pub struct Keeper(Database);

/// How much of a run was kept last.
#[derive(Debug, PartialEq)]
struct Mark {
    run: RunId,
    rows: usize,
    events: usize,
    costs: Vec<FaultCost>,
    detail_ms: Option<Millis>,
}

impl Keeper {
    /// Keeps in a database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// What is kept of a run.
    pub async fn of(&self, id: &RunId) -> Option<Kept> {
        let (database, id) = (self.0.clone(), id.clone());
        self.wait(id.clone(), move || database.picture(&id)).await.flatten()
    }

    /// Keeps a picture that was read from the metrics store.
    pub async fn keep(&self, picture: &RunPicture) {
        let RunPicture { run, snapshot, course, detail } = picture;
        let kept = Kept::of(run, &snapshot.status, &snapshot.history, &snapshot.events, detail.as_deref());
        if let (Course::Known, Some(kept)) = (course, kept) {
            // How the services are now says nothing of then.
            self.learn(run, Kept { services: Vec::new(), ..kept }).await;
        }
    }

    /// Keeps what the board shows of a run that is over, before another one takes its place there.
    pub async fn keep_shown(&self, board: &Board, details: &Details) {
        self.look(board, details, &mut None).await;
    }

    /// Keeps what the board shows of a run that is over, and its details, whenever more is known of it, until the end, and
    /// then once more.
    pub async fn follow(self, board: Arc<Board>, details: Details, end: CancellationToken) {
        let mut looks = interval(LOOK);
        let mut last = None;
        loop {
            let ending = tokio::select! {
                _ = looks.tick() => false,
                () = end.cancelled() => true,
            };
            self.look(&board, &details, &mut last).await;
            if ending {
                return;
            }
        }
    }

    async fn look(&self, board: &Board, details: &Details, last: &mut Option<Mark>) {
        let is_open = |run: &Run| {
            let is_known = last.as_ref().is_some_and(|last| last.run == run.id);
            let is_recent = run.ended_ms.is_none_or(|ended_ms| now_ms() <= ended_ms + OPEN_MS);
            !run.state.is_active() && (is_recent || !is_known)
        };
        if !board.shows_run(is_open) {
            return;
        }
        let shown = board.snapshot();
        let Some(run) = &shown.status.run else { return };
        let (events, detail) = (board.events(), details.of(run));
        let mark = Mark {
            run: run.id.clone(),
            rows: shown.history.at_ms.len(),
            events: events.iter().filter(|event| timeline::belongs(event, run)).count(),
            costs: shown.status.costed(&run.id).into_iter().map(|(_, cost)| cost).collect(),
            detail_ms: detail.as_ref().map(|detail| detail.at_ms),
        };
        if mark.rows == 0 || last.as_ref() == Some(&mark) {
            return;
        }
        let kept = Kept::of(run, &shown.status, &shown.history, &events, detail.as_deref());
        let Some(kept) = kept else { return };
        if self.learn(run, kept).await {
            *last = Some(mark);
        }
    }

    async fn learn(&self, run: &Run, kept: Kept) -> bool {
        if kept.history.is_empty() {
            return false;
        }
        let (database, id) = (self.0.clone(), run.id.clone());
        self.wait(run.id.clone(), move || database.keep(&id, kept)).await.is_some()
    }

    /// Does something that waits for the disk.
    async fn wait<T: Send + 'static>(
        &self,
        run: RunId,
        deed: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
    ) -> Option<T> {
        match tokio::task::spawn_blocking(deed).await {
            Ok(Ok(done)) => Some(done),
            Ok(Err(error)) => {
                tracing::warn!(run_id = %run, %error, "the picture of a run that is over");
                None
            }
            Err(error) => {
                tracing::error!(run_id = %run, %error, "the picture of a run that is over");
                None
            }
        }
    }
}
