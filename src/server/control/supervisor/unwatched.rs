//! A run that asks for it ends when for a time nobody follows it who could stop it. Neither the metrics store nor what it tells
//! of the run has a part in that.

use std::{sync::Arc, time::Duration};

use ha_dashboard::domain::{
    Millis,
    criterion::Measure,
    event::Event,
    run::{RunId, RunState},
};
use tokio::time::{Instant, sleep};

use super::{Supervisor, criterion_met};
use crate::server::clock::now_ms;

/// How often it is looked whether the time is over.
const LOOK: Duration = Duration::from_millis(500);

impl Supervisor {
    /// Stops the run at work when for as long as it says nobody follows it, from now on.
    pub fn watch_audience(self: &Arc<Self>) {
        let this = self.clone();
        let mut audience = self.audience.watch();
        self.shutdown.tasks.spawn(async move {
            let mut alone_since = Instant::now();
            loop {
                let alone = *audience.borrow_and_update() == 0;
                let ended = if alone {
                    tokio::select! {
                        changed = audience.changed() => changed.is_err(),
                        () = sleep(LOOK) => {
                            this.heed_absence(alone_since.elapsed()).await;
                            false
                        }
                        () = this.shutdown.token.cancelled() => true,
                    }
                } else {
                    let changed = tokio::select! {
                        changed = audience.changed() => changed.is_err(),
                        () = this.shutdown.token.cancelled() => true,
                    };
                    alone_since = Instant::now();
                    changed
                };
                if ended {
                    return;
                }
            }
        });
    }

    async fn heed_absence(self: &Arc<Self>, alone: Duration) {
        let alone_ms = Millis::try_from(alone.as_millis()).unwrap_or(Millis::MAX);
        let Some(id) = self.end_unwatched(alone_ms) else { return };
        tracing::info!(run_id = %id, alone_ms, "nobody follows the run, so it is stopped");
        // The next dashboard goes on with a stop that this one does not get through.
        self.record(&id).await;
    }

    fn end_unwatched(self: &Arc<Self>, alone_ms: Millis) -> Option<RunId> {
        let mut state = self.state();
        let now_ms = now_ms();
        let run = state.current().filter(|run| run.state == RunState::Running)?;
        // What was before it sent load does not count.
        let alone_ms = alone_ms.min(now_ms.saturating_sub(run.started_ms?));
        let is_met = |for_s: u32| alone_ms >= Millis::from(for_s) * 1000;
        let met = run
            .criteria
            .iter()
            .position(|told| told.criterion.of == Measure::Unwatched && is_met(told.criterion.for_s))?;
        let event = Event { at_ms: now_ms, kind: criterion_met(&run.id, &run.criteria[met]) };
        let id = run.id.clone();
        self.begin_stop(&mut state, &id, Some(event), |run| {
            if let Some(told) = run.criteria.get_mut(met) {
                (told.held_ms, told.met_ms) = (alone_ms, Some(now_ms));
            }
        });
        Some(id)
    }
}
