//! The process between dashboard and k6. It outlives a crash of the dashboard: it keeps k6's log and exit code, passes
//! a stop on, and holds the deadline. One thread, no settings but the order in the run's folder.
//!
//! k6 dies with it: the kernel kills k6 when the thread that started it ends.

use std::{
    future::pending,
    io,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitCode, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use ha_dashboard::domain::Millis;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Exit, LOG_FILE, OLD_LOG_FILE,
    files::{self, InstanceFile, LaunchFile, read_json, write_json},
    log::{CappedLog, pump},
    now_ms,
};
use crate::server::proc::Identity;

/// How long the log may stay open after k6 ended, where a process that k6 left behind holds it.
const LOG_END: Duration = Duration::from_millis(500);

/// Runs the order in the run folder `dir` to its end. Exits with 0 when the end is on record, else with 1.
pub fn main(dir: impl AsRef<Path>) -> ExitCode {
    let dir = dir.as_ref();
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(keep(dir)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keeper of {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

async fn keep(dir: &Path) -> io::Result<()> {
    // Before anything else, so that a stop can't end the keeper itself.
    let mut signals = Signals::new()?;
    std::fs::rename(dir.join(files::LAUNCH), dir.join(files::TAKEN))?;
    let launch: LaunchFile = read_json(&dir.join(files::TAKEN))?.ok_or(io::ErrorKind::NotFound)?;

    let spare = files::Spare::make(dir)?;
    let log = CappedLog::open(&dir.join(LOG_FILE), &dir.join(OLD_LOG_FILE))?;
    let exit = match spawn(&launch) {
        Ok(child) => look_after(child, &launch, dir, log, &mut signals).await?,
        Err(error) => Exit {
            code: None,
            signal: None,
            stop_requested: false,
            timed_out: false,
            started_ms: None,
            ended_ms: now_ms(),
            out_of_memory: false,
            error: Some(format!("{}: {error}", launch.program.display())),
        },
    };
    files::write_exit(dir, &exit, Ok(spare))
}

async fn look_after(
    mut child: Child,
    launch: &LaunchFile,
    dir: &Path,
    log: CappedLog,
    signals: &mut Signals,
) -> io::Result<Exit> {
    let k6 = child.id().and_then(Identity::of).ok_or_else(|| io::Error::other("k6 has no entry in /proc"))?;
    let keeper = Identity::of(std::process::id()).ok_or_else(|| io::Error::other("no entry in /proc"))?;
    let mut instance = InstanceFile { keeper, k6, started_ms: None, deadline_ms: launch.deadline_ms };
    write_json(&dir.join(files::INSTANCE), &instance)?;

    let (started, mut on_start) = mpsc::unbounded_channel();
    let log = Arc::new(Mutex::new(log));
    let mut pumps = tokio::task::JoinSet::new();
    if let Some(stdout) = child.stdout.take() {
        pumps.spawn(pump(stdout, log.clone(), started.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        pumps.spawn(pump(stderr, log.clone(), started));
    }

    let deadline = Instant::now() + Duration::from_millis(launch.deadline_ms.saturating_sub(now_ms()));
    let grace = Duration::from_millis(launch.grace_ms);
    let (mut stop_requested, mut timed_out) = (false, false);
    let mut listening = true;
    let mut kill_at = None;
    let status = loop {
        let ending = kill_at.is_some();
        tokio::select! {
            status = child.wait() => break status?,
            // After a stop k6 may say that its executors begin although they end at once and send nothing.
            at_ms = on_start.recv(), if listening && !ending => {
                listening = false;
                instance.started_ms = at_ms;
                // A full disk must not end the run; the end is written again.
                if let Err(error) = write_json(&dir.join(files::INSTANCE), &instance) {
                    eprintln!("can't write that k6 began: {error}");
                }
            }
            () = signals.recv(), if !ending => {
                stop_requested = true;
                // k6 would end at once on a second signal, so it gets exactly one.
                k6.signal(Signal::TERM)?;
                kill_at = Some(Instant::now() + grace);
            }
            () = sleep_until(deadline), if !ending => {
                timed_out = true;
                k6.signal(Signal::TERM)?;
                kill_at = Some(Instant::now() + grace);
            }
            () = at(kill_at) => {
                k6.signal_group(Signal::KILL)?;
                kill_at = Some(Instant::now() + grace.max(Duration::from_secs(1)));
            }
        }
    };
    let ended_ms = now_ms();
    let drained = async { while pumps.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LOG_END, drained).await;
    if kill_at.is_none() {
        // The mark may have come with the very last lines.
        instance.started_ms = instance.started_ms.or_else(|| on_start.try_recv().ok());
    }
    Ok(end(status, stop_requested, timed_out, instance.started_ms, ended_ms))
}

fn end(
    status: ExitStatus,
    stop_requested: bool,
    timed_out: bool,
    started_ms: Option<Millis>,
    ended_ms: Millis,
) -> Exit {
    Exit {
        code: status.code(),
        signal: status.signal(),
        stop_requested,
        timed_out,
        started_ms,
        ended_ms,
        out_of_memory: false,
        error: None,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// Both ways to ask for a stop.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[allow(unsafe_code)]
fn spawn(launch: &LaunchFile) -> io::Result<Child> {
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.args)
        .env_clear()
        .envs(&launch.env)
        .current_dir(&launch.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let keeper = getpid();
    // SAFETY: prctl and getppid are async-signal-safe system calls, nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The keeper may have died before the line above.
            if getppid() != Some(keeper) { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        });
    }
    command.spawn()
}
