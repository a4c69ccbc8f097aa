//! Follows a keeper through its files.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use nix::sys::signal::Signal;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::DropGuard;

use super::super::{
    EngineError, Exit, Instance, InstanceState,
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
    pub fn follow(dir: PathBuf, processes: Option<InstanceFile>, shutdown: &Shutdown) -> Self {
        let (sender, state) = watch::channel(look(&dir, processes.as_ref()));
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
                let now = look(&dir, followed.as_ref());
                sender.send_if_modified(|state| {
                    let changed = *state != now;
                    *state = now;
                    changed
                });
            }
            if let (InstanceState::Lost { .. }, Some(processes)) = (&*sender.borrow(), &followed) {
                // The kernel kills k6 with its keeper; this is for a kernel that could not.
                let _ = processes.k6.signal_group(Signal::SIGKILL);
            }
        });
        Self { processes, state, _following }
    }
}

/// What the files and processes say now.
fn look(dir: &Path, processes: Option<&InstanceFile>) -> InstanceState {
    // In this order: a keeper that is gone has written all it will.
    let alive = processes.is_some_and(|processes| processes.keeper.is_alive());
    match read_json::<Exit>(&dir.join(files::EXIT)) {
        Ok(Some(exit)) => return InstanceState::Ended(exit),
        Ok(None) => {}
        Err(error) => report(dir, &error),
    }
    let started_ms = read_json::<InstanceFile>(&dir.join(files::INSTANCE))
        .unwrap_or_else(|error| {
            report(dir, &error);
            None
        })
        .and_then(|processes| processes.started_ms);
    match (alive, started_ms) {
        (false, started_ms) => InstanceState::Lost { started_ms, why: GONE.into() },
        (true, None) => InstanceState::Preparing,
        (true, Some(started_ms)) => InstanceState::Running { started_ms },
    }
}

fn report(dir: &Path, error: &io::Error) {
    tracing::error!(dir = %dir.display(), %error, "a record of the run's processes can't be read");
}

#[async_trait]
impl Instance for ProcessInstance {
    fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.clone()
    }

    async fn stop(&self) -> Result<(), EngineError> {
        match &self.processes {
            Some(processes) => processes.keeper.signal(Signal::SIGTERM).map_err(EngineError::Stop),
            None => Ok(()),
        }
    }

    fn pids(&self) -> Vec<u32> {
        self.processes.iter().filter(|processes| processes.k6.is_alive()).map(|processes| processes.k6.pid).collect()
    }
}
