//! Carries out the steps of the scenario that goes with the run at work, each at its time, and takes back what is still set
//! when the load ends.
//!
//! It looks at the run only: one that is taken over from an earlier process goes on with the steps that are still to come.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::time::Duration;

use futures::future::join_all;
use ha_dashboard::{
    api::caller::{Caller, Door},
    domain::{
        Millis,
        fault::{FaultEnd, FaultId},
        run::{RunId, RunState},
        scenario::{Scenario, Step},
    },
};
use tokio::{sync::watch, task::JoinHandle};

use crate::server::{clock::now_ms, feed::RunFeed, services::faults::Faults, shutdown::Shutdown};

/// Follows the runs.
pub struct Conductor {
    runs: watch::Receiver<RunFeed>,
    faults: Faults,
    shutdown: Shutdown,
}

/// A scenario beside a load that has begun.
struct Performance {
    run: RunId,
    scenario: Scenario,
    started_ms: Millis,
    /// Steps before that are no business of ours.
    from_ms: Millis,
    caller: Caller,
}

impl Performance {
    /// That of the run at work, while k6 sends load and nobody has asked it to end. Of one that was taken over, what was due
    /// before is done, or has missed its time.
    fn of(feed: &RunFeed) -> Option<Self> {
        let run = feed.run.as_ref()?;
        let (scenario, started_ms) = (run.scenario.clone()?, run.started_ms?);
        let from_ms = if feed.adopted { now_ms() } else { started_ms };
        let caller = Caller::of_program(run.correlation_id.clone(), Door::Scenario);
        (run.state == RunState::Running).then(|| Self { run: run.id.clone(), scenario, started_ms, from_ms, caller })
    }
}

impl Conductor {
    /// Follows `runs` from now on, until shutdown.
    pub fn start(runs: watch::Receiver<RunFeed>, faults: Faults, shutdown: &Shutdown) {
        let conductor = Self { runs, faults, shutdown: shutdown.clone() };
        shutdown.tasks.spawn(conductor.follow());
    }

    async fn follow(mut self) {
        let mut last = None;
        loop {
            let due = Performance::of(&self.runs.borrow_and_update());
            if let Some(due) = due.filter(|due| last.as_ref() != Some(&due.run)) {
                self.perform(&due).await;
                last = Some(due.run);
                continue;
            }
            tokio::select! {
                changed = self.runs.changed() => if changed.is_err() { return },
                () = self.shutdown.token.cancelled() => return,
            }
        }
    }

    async fn perform(&self, of: &Performance) {
        let name = &of.scenario.name;
        tracing::info!(run_id = %of.run, scenario = name, steps = of.scenario.steps.len(), "the scenario begins");
        let mut begun = Vec::new();
        let steps = async {
            for step in &of.scenario.steps {
                let at_ms = of.started_ms + Millis::from(step.at_s) * 1000;
                if at_ms >= of.from_ms {
                    until(at_ms).await;
                    begun.push(self.begin(of, step));
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = steps => {}
            () = over(self.runs.clone(), of.run.clone()) => {}
            // Whoever sets faults takes them back then.
            () = self.shutdown.token.cancelled() => return,
        }
        // One that was just beginning is not left behind.
        let set = join_all(begun).await.into_iter().flatten().flatten().collect::<Vec<_>>();
        join_all(set.iter().map(|fault| self.faults.restore(fault, FaultEnd::Load))).await;
        tracing::info!(run_id = %of.run, scenario = name, "the scenario is over");
    }

    /// Sets a step's fault. On its own: one that takes its time holds up no other.
    fn begin(&self, of: &Performance, step: &Step) -> JoinHandle<Option<FaultId>> {
        let (faults, caller, request) = (self.faults.clone(), of.caller.clone(), step.fault.clone());
        self.shutdown.tasks.spawn(async move {
            match faults.carry_out(&caller, request).await {
                Ok(fault) => Some(fault.id),
                Err(error) => {
                    tracing::warn!(caller.correlation_id, %error, "a step of the scenario failed");
                    None
                }
            }
        })
    }
}

/// Resolves when a run no longer sends load, or is asked to end.
async fn over(mut runs: watch::Receiver<RunFeed>, id: RunId) {
    let over = |feed: &RunFeed| !feed.run.as_ref().is_some_and(|run| run.id == id && run.state == RunState::Running);
    // Who does not tell of runs any more has ended with them.
    let _ = runs.wait_for(over).await;
}

async fn until(at_ms: Millis) {
    tokio::time::sleep(Duration::from_millis(at_ms.saturating_sub(now_ms()))).await;
}
