//! Keeps one process: starts it, starts it again when it ends, and carries out what is ordered.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use ha_dashboard::domain::{
    Millis,
    service::{ProcessState, ProcessStatus},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::super::{ENVIRONMENT, Ended};
use crate::server::clock::now_ms;

/// How long a process gets to end after a signal.
const GRACE: Duration = Duration::from_secs(3);

/// Wait before one that ended starts again, doubled up to [`MOST_WAIT`] while it keeps ending.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const MOST_WAIT: Duration = Duration::from_secs(5);

/// One that ran this long has not ended at the start.
const STEADY: Duration = Duration::from_secs(10);

/// How often a process that starts is asked whether it takes connections.
const LOOK: Duration = Duration::from_millis(20);

/// How often the clock is compared with the end of a fault: it may be set meanwhile.
const CLOCK: Duration = Duration::from_millis(500);

/// What can be done to a process that is kept.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    /// Kill it and keep it down until then.
    Kill(Millis),
    /// Let it end in order and keep it down until then.
    Stop(Millis),
    /// Stop it in its tracks until then.
    Freeze(Millis),
    /// Let it end in order and start it again.
    Restart,
    /// Let it go on.
    Restore,
}

/// An order and where the outcome goes: nothing, or why it was refused.
type Ordered = (Deed, oneshot::Sender<Result<(), String>>);

/// What to keep.
#[derive(Debug, Clone)]
pub struct Kept {
    /// For people.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it takes connections once it is ready.
    pub ready_at: SocketAddr,
}

/// Gives orders to a keeper, and looks at its process.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Of the process.
    pub name: String,
    orders: mpsc::Sender<Ordered>,
    status: watch::Receiver<ProcessStatus>,
}

impl Handle {
    /// How the process is.
    pub fn status(&self) -> ProcessStatus {
        self.status.borrow().clone()
    }

    /// Has something done, and waits until it is.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn order(&self, deed: Deed) -> Result<(), String> {
        let (done, outcome) = oneshot::channel();
        let ending = || "the supervisor is ending".to_owned();
        self.orders.send((deed, done)).await.map_err(|_| ending())?;
        outcome.await.unwrap_or_else(|_| Err(ending()))
    }
}

/// A keeper, to be run, and its handle.
pub fn keeper(kept: Kept, end: CancellationToken) -> (Keeper, Handle) {
    let (sender, orders) = mpsc::channel(8);
    let status = ProcessStatus {
        state: ProcessState::Starting,
        since_ms: now_ms(),
        until_ms: None,
        pid: None,
        code: None,
        restarts: 0,
    };
    let (status, receiver) = watch::channel(status);
    let handle = Handle { name: kept.name.clone(), orders: sender, status: receiver };
    (Keeper { kept, end, orders, status }, handle)
}

/// Keeps a process.
pub struct Keeper {
    kept: Kept,
    end: CancellationToken,
    orders: mpsc::Receiver<Ordered>,
    status: watch::Sender<ProcessStatus>,
}

/// What comes after a process, or after the wait for its next start.
enum Next {
    /// Nothing: everything ends.
    End,
    /// Another one, at once.
    Start,
    /// Another one, when the time has come.
    Hold(Millis),
    /// It ended by itself.
    Gone(Option<i32>),
}

impl Keeper {
    /// Until the end; an error when the process can't be served at all.
    pub async fn run(mut self) -> Ended {
        let mut wait = FIRST_WAIT;
        loop {
            let started = Instant::now();
            let name = &self.kept.name;
            let mut child =
                start(&self.kept).map_err(|error| (ENVIRONMENT, format!("{name} does not start: {error}")))?;
            self.tell(ProcessState::Starting, None, child.id(), None);
            let mut next = self.attend(&mut child).await;
            let steady = started.elapsed() > STEADY;
            if steady {
                wait = FIRST_WAIT;
            }
            let at_the_start = !steady && self.status.borrow().restarts == 0;
            loop {
                next = match next {
                    Next::End => return Ok(()),
                    Next::Start => break,
                    Next::Hold(until_ms) => {
                        self.tell(ProcessState::Held, Some(until_ms), None, None);
                        self.hold(until_ms).await
                    }
                    Next::Gone(Some(code)) if at_the_start => {
                        // It has said why, and would say it again.
                        let code = u8::try_from(code).unwrap_or(ENVIRONMENT);
                        return Err((code, format!("{} can't be served", self.kept.name)));
                    }
                    Next::Gone(code) => {
                        self.tell(ProcessState::Ended, None, None, code);
                        tracing::warn!(name = %self.kept.name, ?code, wait_ms = wait.as_millis(), "ended, starts again");
                        let next = self
                            .hold(now_ms().saturating_add(wait.as_millis().try_into().unwrap_or(Millis::MAX)))
                            .await;
                        wait = (wait * 2).min(MOST_WAIT);
                        next
                    }
                }
            }
            self.status.send_modify(|status| status.restarts += 1);
        }
    }

    fn tell(&self, state: ProcessState, until_ms: Option<Millis>, pid: Option<u32>, code: Option<i32>) {
        self.status.send_modify(|status| {
            *status = ProcessStatus { state, since_ms: now_ms(), until_ms, pid, code, restarts: status.restarts };
        });
    }

    /// Stays with a process until it is gone.
    async fn attend(&mut self, child: &mut Child) -> Next {
        let mut ready = false;
        let mut frozen_until = None;
        loop {
            let look = async {
                match frozen_until {
                    Some(until_ms) => until(until_ms).await,
                    None if ready => std::future::pending().await,
                    None => {
                        sleep(LOOK).await;
                        while TcpStream::connect(self.kept.ready_at).await.is_err() {
                            sleep(LOOK).await;
                        }
                    }
                }
            };
            let (deed, done) = tokio::select! {
                status = child.wait() => return Next::Gone(code(status)),
                () = self.end.cancelled() => {
                    stop(child).await;
                    return Next::End;
                }
                () = look => {
                    if frozen_until.take().is_some() {
                        signal(child, Signal::CONT);
                    }
                    ready = true;
                    self.tell(ProcessState::Running, None, child.id(), None);
                    continue;
                }
                Some(ordered) = self.orders.recv() => ordered,
            };
            let next = match deed {
                Deed::Kill(until_ms) => {
                    let _ = child.kill().await;
                    Some(Next::Hold(until_ms))
                }
                Deed::Stop(until_ms) => {
                    stop(child).await;
                    Some(Next::Hold(until_ms))
                }
                Deed::Restart => {
                    stop(child).await;
                    Some(Next::Start)
                }
                Deed::Freeze(_) if frozen_until.is_some() => {
                    let _ = done.send(Err(format!("{} is frozen already", self.kept.name)));
                    continue;
                }
                Deed::Freeze(until_ms) => {
                    signal(child, Signal::STOP);
                    frozen_until = Some(until_ms);
                    self.tell(ProcessState::Frozen, Some(until_ms), child.id(), None);
                    None
                }
                Deed::Restore => {
                    if frozen_until.take().is_some() {
                        signal(child, Signal::CONT);
                        self.tell(
                            if ready { ProcessState::Running } else { ProcessState::Starting },
                            None,
                            child.id(),
                            None,
                        );
                    }
                    None
                }
            };
            if let Some(Next::Hold(until_ms)) = next {
                // Before the answer, which tells of it.
                self.tell(ProcessState::Held, Some(until_ms), None, None);
            }
            let _ = done.send(Ok(()));
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// Waits for the next start.
    async fn hold(&mut self, until_ms: Millis) -> Next {
        loop {
            let (deed, done) = tokio::select! {
                () = until(until_ms) => return Next::Start,
                () = self.end.cancelled() => return Next::End,
                Some(ordered) = self.orders.recv() => ordered,
            };
            match deed {
                Deed::Restart | Deed::Restore => {
                    let _ = done.send(Ok(()));
                    return Next::Start;
                }
                Deed::Kill(_) | Deed::Stop(_) | Deed::Freeze(_) => {
                    let _ = done.send(Err(format!("{} is down already", self.kept.name)));
                }
            }
        }
    }
}

async fn until(until_ms: Millis) {
    loop {
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
        if left.is_zero() {
            return;
        }
        sleep(left.min(CLOCK)).await;
    }
}

fn code(status: io::Result<ExitStatus>) -> Option<i32> {
    status.ok().and_then(|status| status.code())
}

fn start(kept: &Kept) -> io::Result<Child> {
    Command::new(&kept.program).args(&kept.arguments).stdin(Stdio::null()).kill_on_drop(true).spawn()
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        // It may be gone already.
        let _ = kill_process(pid, signal);
    }
}

async fn stop(child: &mut Child) {
    signal(child, Signal::TERM);
    // One that is frozen takes no signal before it goes on.
    signal(child, Signal::CONT);
    if timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
