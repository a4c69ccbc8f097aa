//! The instances of a run as one: they start together, and their states and exits are folded into the run's.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use futures::future::{join_all, select_all};
use ha_dashboard::domain::run::{RunId, Verdict};
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::verdict::verdict;
use crate::server::{
    engine::{Engine, EngineError, Exit, Instance, InstanceState, Launch, Part, Started},
    feed::Meter,
    shutdown::Shutdown,
};

/// Starts every instance of a run. After an error none is left at work.
///
/// # Errors
/// Those of [`Engine::start`], of the first instance that did not start.
pub async fn start(engine: &dyn Engine, launches: Vec<Launch>, shutdown: &Shutdown) -> Result<Started, EngineError> {
    let mut started: Vec<Started> = Vec::new();
    for launch in launches {
        match engine.start(launch).await {
            Ok(one) => started.push(one),
            Err(error) => {
                end(started).await;
                return Err(error);
            }
        }
    }
    let deadline_ms = started.iter().map(|one| one.deadline_ms).max().unwrap_or_default();
    let (engine, k6_version) = started.first().map(|one| (one.engine, one.k6_version.clone())).unwrap_or_default();
    let instance = fleet(started.into_iter().map(|one| one.instance).collect(), shutdown);
    Ok(Started { instance, deadline_ms, engine, k6_version })
}

/// Finds the instances of a run that an earlier dashboard started in the run's folder `dir`.
pub async fn recover(engine: &dyn Engine, run: &RunId, dir: &Path, shutdown: &Shutdown) -> Arc<dyn Instance> {
    let parts = Part::found(dir);
    let found = parts.into_iter().map(|part| async move { engine.recover(run, part, &part.folder(dir)).await });
    fleet(join_all(found).await, shutdown)
}

/// Ends instances and waits until they are gone; their deadline ends those that don't obey.
async fn end(started: Vec<Started>) {
    let ends = started.iter().map(|one| async {
        if let Err(error) = one.instance.stop().await {
            tracing::error!(%error, "an instance of a run that did not start can't be ended");
        }
        let _ = one.instance.state().wait_for(InstanceState::is_over).await;
    });
    join_all(ends).await;
}

/// Instances as one. One alone is its own fleet.
fn fleet(mut instances: Vec<Arc<dyn Instance>>, shutdown: &Shutdown) -> Arc<dyn Instance> {
    if instances.len() == 1
        && let Some(only) = instances.pop()
    {
        return only;
    }
    let states = instances.iter().map(|instance| instance.state()).collect::<Vec<_>>();
    let (sender, state) = watch::channel(fold(&now(&states)));
    let token = shutdown.token.child_token();
    let fleet = Arc::new(Fleet { instances: instances.clone(), state, _following: token.clone().drop_guard() });
    shutdown.tasks.spawn(async move {
        tokio::select! {
            () = follow(instances, states, sender) => {}
            () = token.cancelled() => {}
        }
    });
    fleet
}

/// Several instances.
struct Fleet {
    instances: Vec<Arc<dyn Instance>>,
    state: watch::Receiver<InstanceState>,
    /// Ends the task that folds when nobody is interested any more; the instances go on.
    _following: DropGuard,
}

async fn follow(
    instances: Vec<Arc<dyn Instance>>,
    mut states: Vec<watch::Receiver<InstanceState>>,
    sender: watch::Sender<InstanceState>,
) {
    let mut stopped = false;
    loop {
        let all = states.iter_mut().map(|state| state.borrow_and_update().clone()).collect::<Vec<_>>();
        let folded = fold(&all);
        let over = folded.is_over();
        sender.send_replace(folded);
        if over {
            return;
        }
        // What is left would be another load than the one that was asked for.
        if !stopped && all.iter().any(broke) {
            stopped = true;
            tracing::warn!("an instance of the run broke, the others are ended");
            for result in join_all(instances.iter().map(|instance| instance.stop())).await {
                result.unwrap_or_else(|error| tracing::error!(%error, "an instance can't be ended"));
            }
        }
        let open = states.iter_mut().zip(&all).filter(|(_, seen)| !seen.is_over());
        let changes = open.map(|(state, _)| Box::pin(state.changed()));
        if select_all(changes).await.0.is_err() {
            // Who followed that instance was told to end, and so are we.
            return;
        }
    }
}

fn now(states: &[watch::Receiver<InstanceState>]) -> Vec<InstanceState> {
    states.iter().map(|state| state.borrow().clone()).collect()
}

/// Whether an instance ended in a way that no plan asks for.
fn broke(state: &InstanceState) -> bool {
    match state {
        InstanceState::Preparing | InstanceState::Running { .. } => false,
        InstanceState::Ended(exit) => matches!(verdict(exit, &[]), Verdict::Crashed { .. }),
        InstanceState::Lost { .. } => true,
    }
}

/// Where a run is whose instances are there: it sends load as soon as one of them does, and is over when all are.
fn fold(states: &[InstanceState]) -> InstanceState {
    let started_ms = |state: &InstanceState| match state {
        InstanceState::Preparing => None,
        InstanceState::Running { started_ms } => Some(*started_ms),
        InstanceState::Ended(exit) => exit.started_ms,
        InstanceState::Lost { started_ms, .. } => *started_ms,
    };
    let started_ms = states.iter().filter_map(started_ms).min();
    if states.iter().any(|state| !state.is_over()) {
        return started_ms.map_or(InstanceState::Preparing, |started_ms| InstanceState::Running { started_ms });
    }
    let lost = states.iter().enumerate().find_map(|(index, state)| match state {
        InstanceState::Lost { why, .. } => Some(format!("instance {}: {why}", index + 1)),
        _ => None,
    });
    let exits = states.iter().filter_map(|state| match state {
        InstanceState::Ended(exit) => Some(exit),
        _ => None,
    });
    match (lost, exits.clone().max_by_key(|exit| weight(exit))) {
        (None, Some(worst)) => InstanceState::Ended(Exit {
            started_ms,
            ended_ms: exits.map(|exit| exit.ended_ms).max().unwrap_or_default(),
            ..worst.clone()
        }),
        (lost, _) => InstanceState::Lost { started_ms, why: lost.unwrap_or_else(|| "it had no instance".into()) },
    }
}

/// Which of two ends tells more of how the whole run ended.
fn weight(exit: &Exit) -> u8 {
    match verdict(exit, &[]) {
        Verdict::Passed => 0,
        Verdict::Cancelled => 1,
        Verdict::Stopped | Verdict::Aborted => 2,
        Verdict::TimedOut => 3,
        Verdict::Failed => 4,
        Verdict::Crashed { .. } => 5,
    }
}

#[async_trait]
impl Instance for Fleet {
    fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.clone()
    }

    async fn stop(&self) -> Result<(), EngineError> {
        // All are told, whatever becomes of one.
        join_all(self.instances.iter().map(|instance| instance.stop())).await.into_iter().collect()
    }

    fn pids(&self) -> Vec<u32> {
        self.instances.iter().flat_map(|instance| instance.pids()).collect()
    }

    fn meters(&self) -> Vec<Meter> {
        self.instances.iter().flat_map(|instance| instance.meters()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_sends_load_when_one_does_and_is_over_when_all_are() {
        use InstanceState::{Ended, Lost, Preparing, Running};
        let running = |started_ms| Running { started_ms };
        let lost = || Lost { started_ms: Some(4), why: "gone".into() };
        for (states, expected) in [
            (vec![Preparing, Preparing], Preparing),
            (vec![Preparing, running(7)], running(7)),
            (vec![running(9), running(7)], running(7)),
            (vec![Ended(Exit::of_code(0)), Preparing], running(1)),
            (vec![Ended(Exit { started_ms: None, ..Exit::of_code(107) }), Preparing], Preparing),
            (vec![lost(), running(7)], running(4)),
            (vec![Ended(Exit::of_code(0)), lost()], Lost { started_ms: Some(1), why: "instance 2: gone".into() }),
            (vec![Ended(Exit::of_code(0)), Ended(Exit { started_ms: Some(3), ended_ms: 12, ..Exit::of_code(0) })], {
                Ended(Exit { ended_ms: 12, ..Exit::of_code(0) })
            }),
        ] {
            assert_eq!(fold(&states), expected, "{states:?}");
        }
    }

    #[test]
    fn the_worst_end_is_that_of_the_run() {
        let stopped = || Exit { stop_requested: true, ..Exit::of_code(105) };
        let timed_out = || Exit { timed_out: true, ..Exit::of_code(105) };
        let killed = Exit { code: None, signal: Some(9), out_of_memory: true, ..Exit::of_code(0) };
        let crashed = |code| Verdict::Crashed { exit_code: code, message: String::new() };
        for (one, other, expected) in [
            (Exit::of_code(0), Exit::of_code(0), Verdict::Passed),
            (Exit::of_code(0), Exit::of_code(99), Verdict::Failed),
            (stopped(), Exit::of_code(99), Verdict::Failed),
            (stopped(), Exit::of_code(0), Verdict::Stopped),
            (stopped(), Exit { started_ms: None, ..stopped() }, Verdict::Stopped),
            (Exit { started_ms: None, ..stopped() }, Exit { started_ms: None, ..stopped() }, Verdict::Cancelled),
            (timed_out(), Exit::of_code(0), Verdict::TimedOut),
            (Exit::of_code(107), Exit::of_code(99), crashed(Some(107))),
            (killed, stopped(), crashed(None)),
            (Exit { code: None, signal: Some(9), ..Exit::of_code(0) }, stopped(), crashed(None)),
        ] {
            for states in [[one.clone(), other.clone()], [other, one]] {
                let InstanceState::Ended(whole) = fold(&states.clone().map(InstanceState::Ended)) else { panic!() };
                let told = match verdict(&whole, &[]) {
                    Verdict::Crashed { exit_code, .. } => crashed(exit_code),
                    other => other,
                };
                assert_eq!(told, expected, "{states:?}");
            }
        }
    }
}
