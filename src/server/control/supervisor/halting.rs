//! The emergency stop of what sends load. It waits for nothing but k6 and what runs it, and for them not for long.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        event::{Event, EventKind},
        run::{RunId, RunState},
    },
};
use tokio::time::timeout;

use super::{State, Supervisor};
use crate::server::clock::now_ms;

/// In the state folder: nothing starts by itself.
const HELD: &str = "emergency-stop";

/// How long leftovers are looked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A moment: what was asked for before an emergency stop does not begin after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment(u64);

/// What an emergency stop came to.
#[derive(Debug, Default)]
pub struct Halted {
    /// The run that is being ended.
    pub run: Option<RunId>,
    /// How many other k6 were ended.
    pub leftovers: u32,
    /// What did not get through yet, in a line each.
    pub problems: Vec<String>,
}

/// Whether an emergency stop holds back what starts by itself.
#[derive(Debug, Default)]
pub struct Hold {
    /// How many there were.
    stops: u64,
    /// Whether nobody has started a test since the last one.
    pub held: bool,
}

impl Hold {
    /// As an earlier process left it.
    fn left(state_dir: &std::path::Path) -> Self {
        Self { stops: 0, held: state_dir.join(HELD).exists() }
    }
}

impl State {
    /// Whether what was asked for then may begin now.
    pub fn admits(&self, since: Moment, caller: &Caller) -> Result<(), ApiError> {
        let by_itself = caller.door == Door::Schedule;
        if self.hold.stops != since.0 || (by_itself && self.hold.held) { Err(ApiError::Halted) } else { Ok(()) }
    }

    /// A test that was asked for then has begun. Says whether that lets others begin by themselves again.
    pub fn lift(&mut self, since: Moment, caller: &Caller) -> bool {
        let lifts = self.hold.stops == since.0 && caller.door != Door::Schedule;
        lifts && std::mem::take(&mut self.hold.held)
    }
}

impl Supervisor {
    /// This moment.
    pub fn moment(&self) -> Moment {
        Moment(self.state().hold.stops)
    }

    /// Ends the run at work, also one that is only just being started, and every k6 of ours that belongs to no run at work.
    /// `more`: there are faults to take back as well.
    pub async fn halt(self: &Arc<Self>, caller: Caller, more: bool) -> Halted {
        let this = self.clone();
        // A task of its own: a caller who goes away must not leave half of it behind.
        let halt = self.shutdown.tasks.spawn(async move { this.halt_whole(caller, more).await });
        halt.await.unwrap_or_else(|error| Halted { problems: vec![error.to_string()], ..Halted::default() })
    }

    async fn halt_whole(self: Arc<Self>, caller: Caller, more: bool) -> Halted {
        let (run, tries, known) = {
            let mut state = self.state();
            state.hold.stops += 1;
            let was_held = std::mem::replace(&mut state.hold.held, true);
            let active = state.current().filter(|run| run.state.is_active());
            let (run, fresh) =
                (active.map(|run| run.id.clone()), active.is_some_and(|run| run.state != RunState::Stopping));
            if fresh || more || !was_held {
                self.journal.append(Event { at_ms: now_ms(), kind: EventKind::EmergencyStop { run: run.clone() } });
            }
            let news = run
                .clone()
                .filter(|_| fresh)
                .map(|run| Event { at_ms: now_ms(), kind: EventKind::StopRequested { run } });
            let begun = run.as_ref().and_then(|run| self.begin_stop(&mut state, run, news, |_| {}));
            let known = state.instances().flat_map(|instance| instance.pids()).collect::<Vec<_>>();
            (run, begun.and_then(|(_, tries)| tries), known)
        };
        tracing::warn!(run_id = ?run, caller.correlation_id, door = %caller.door, "emergency stop");
        // Who presses waits for no disk.
        let (this, written) = (self.clone(), run.clone());
        self.shutdown.tasks.spawn(async move {
            this.keep_hold().await;
            if let Some(run) = written {
                this.record(&run).await;
            }
        });
        let stopped = async { if let Some(tries) = tries { tries.problem().await } else { None } };
        let (stopped, ended) = tokio::join!(stopped, timeout(PATIENCE, self.engine.end_unknown(&known)));
        let stopped = stopped.map(|problem| format!("the stop has not reached k6 yet: {problem}"));
        let (leftovers, unreached) = match ended {
            Ok(Ok(leftovers)) => (leftovers, None),
            Ok(Err(error)) => (0, Some(error.to_string())),
            Err(_) => (0, Some(format!("no answer for {} s", PATIENCE.as_secs()))),
        };
        let unreached = unreached.map(|problem| format!("it is not known whether k6 is left somewhere: {problem}"));
        Halted { run, leftovers, problems: stopped.into_iter().chain(unreached).collect() }
    }

    /// Whether an earlier process was told to hold back what starts by itself.
    pub fn remember_hold(&self) {
        self.state().hold = Hold::left(&self.archive.state_dir());
    }

    /// Lets the next process know, too.
    pub async fn keep_hold(&self) {
        let _one_at_a_time = self.holding.lock().await;
        let held = self.state().hold.held;
        let path = self.archive.state_dir().join(HELD);
        let kept =
            tokio::task::spawn_blocking(move || keep(path, held)).await.unwrap_or_else(|error| Err(error.into()));
        if let Err(error) = kept {
            tracing::warn!(%error, held, "the next start of the dashboard won't know whether plans may start by themselves");
        }
    }
}

fn keep(path: PathBuf, held: bool) -> std::io::Result<()> {
    if held {
        return std::fs::write(path, "Nothing starts by itself until somebody starts a test.\n");
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
