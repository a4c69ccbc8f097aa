//! Follows a keeper through its files.

use std::{io, path::PathBuf, time::Duration};

use async_trait::async_trait;
use ha_dashboard::domain::Millis;
use rustix::process::Signal;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::DropGuard;

use super::super::{
    EngineError, Instance, InstanceState,
    files::{self, InstanceFile, read_json},
};
use crate::server::shutdown::Shutdown;

/// How often the keeper's files are looked at. A look costs some ten microseconds.
pub const POLL: Duration = Duration::from_millis(50);

/// What is said of a run whose keeper vanished.
const GONE: &str = "k6 and the process that looks after it are gone; nobody knows how they ended (out of memory, killed, or \
                    the machine restarted)";

/// A k6 process and its keeper.
pub struct ProcessInstance {
    processes: Option<InstanceFile>,
    state: watch::Receiver<InstanceState>,
    /// Ends the task that follows when nobody is interested any more; the processes go on.
    _following: DropGuard,
}

impl ProcessInstance {
    /// Follows what is recorded in `dir`. `processes`: `None` where none were ever recorded.
    pub async fn follow(dir: PathBuf, processes: Option<InstanceFile>, shutdown: &Shutdown) -> Self {
        let started_ms = processes.as_ref().and_then(|processes| processes.started_ms);
        let watcher = Watcher { dir, processes: processes.clone(), started_ms, complained: false };
        let Some((mut watcher, first)) = watcher.look().await else {
            let state = InstanceState::Lost { started_ms, why: GONE.into() };
            let _following = shutdown.token.child_token().drop_guard();
            return Self { processes, state: watch::channel(state).1, _following };
        };
        let (sender, state) = watch::channel(first);
        let ended = shutdown.token.child_token();
        let _following = ended.clone().drop_guard();
        let followed = processes.clone();
        shutdown.tasks.spawn(async move {
            let mut ticks = interval(POLL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !sender.borrow().is_over() {
                tokio::select! {
                    () = ended.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                let Some((again, now)) = watcher.look().await else { return };
                watcher = again;
                sender.send_if_modified(|state| {
                    let changed = *state != now;
                    *state = now;
                    changed
                });
            }
            if let (InstanceState::Lost { .. }, Some(processes)) = (&*sender.borrow(), &followed) {
                // The kernel kills k6 with its keeper; this is for a kernel that could not.
                let _ = processes.k6.signal_group(Signal::KILL);
            }
        });
        Self { processes, state, _following }
    }
}

/// Looks at a run's files and processes.
struct Watcher {
    dir: PathBuf,
    processes: Option<InstanceFile>,
    /// The newest that is known.
    started_ms: Option<Millis>,
    /// Whether a file that can't be read was told already.
    complained: bool,
}

impl Watcher {
    /// What they say now, without holding up other tasks on a slow disk; `None` when the program ends.
    async fn look(mut self) -> Option<(Self, InstanceState)> {
        let look = tokio::task::spawn_blocking(move || {
            let state = self.see();
            (self, state)
        });
        look.await.ok()
    }

    fn see(&mut self) -> InstanceState {
        // In this order: a keeper that is gone has written all it will.
        let alive = self.processes.as_ref().is_some_and(|processes| processes.keeper.is_alive());
        match files::read_exit(&self.dir) {
            Ok(Some(exit)) => return InstanceState::Ended(exit),
            Ok(None) => {}
            Err(error) => self.complain(&error),
        }
        match read_json::<InstanceFile>(&self.dir.join(files::INSTANCE)) {
            Ok(processes) => {
                self.started_ms = processes.and_then(|processes| processes.started_ms).or(self.started_ms);
            }
            Err(error) => self.complain(&error),
        }
        match (alive, self.started_ms) {
            (false, started_ms) => InstanceState::Lost { started_ms, why: self.gone() },
            (true, None) => InstanceState::Preparing,
            (true, Some(started_ms)) => InstanceState::Running { started_ms },
        }
    }

    /// Why nobody knows how k6 ended.
    fn gone(&self) -> String {
        match (&self.processes, files::writable(&self.dir)) {
            (Some(_), Err(error)) => format!(
                "k6 ended, and how it did could not be kept: can't write in {} ({error}); see that the state folder is \
                 writable and its disk has space",
                self.dir.display()
            ),
            _ => GONE.into(),
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::error!(dir = %self.dir.display(), %error, "a record of the run's processes can't be read");
        }
    }
}

#[async_trait]
impl Instance for ProcessInstance {
    fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.clone()
    }

    async fn stop(&self) -> Result<(), EngineError> {
        match &self.processes {
            Some(processes) => processes.keeper.signal(Signal::TERM).map_err(EngineError::Stop),
            None => Ok(()),
        }
    }

    fn pids(&self) -> Vec<u32> {
        self.processes.iter().filter(|processes| processes.k6.is_alive()).map(|processes| processes.k6.pid).collect()
    }
}
