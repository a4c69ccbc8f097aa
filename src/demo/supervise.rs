//! Keeps one process a demo service.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{ENVIRONMENT, Ended, INVALID, Name, on_signals};
use crate::server::config::Settings;

/// How long a service gets to end after a signal.
const GRACE: Duration = Duration::from_secs(3);

/// Wait before a crashed service starts again, doubled up to [`MOST_WAIT`] while it keeps crashing.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const MOST_WAIT: Duration = Duration::from_secs(5);

/// A service that ran this long has not crashed at the start.
const STEADY: Duration = Duration::from_secs(10);

/// Serves all until a signal. Ends when a service can't be served at all.
pub async fn all(settings: &Settings) -> Ended {
    let shutdown = on_signals()?;
    let mut services = JoinSet::new();
    for name in Name::ALL {
        let addr = name.addr(settings).map_err(|error| (INVALID, error))?;
        let pairs: Vec<_> = settings.config.services.iter().map(|s| format!("{}={}", s.name, s.url)).collect();
        let mut arguments = vec!["demo".to_owned(), "--service".into(), name.text().into()];
        arguments.extend(["--addr".into(), addr.to_string(), "--services".into(), pairs.join(",")]);
        arguments.extend(["--parent".into(), std::process::id().to_string()]);
        services.spawn(keep(name, arguments, shutdown.token.clone()));
    }
    // Only a service that can't be served ends before the signal; its siblings end with this process.
    match services.join_next().await {
        Some(Ok(ended)) if ended.is_err() => {
            services.shutdown().await;
            ended
        }
        _ => {
            while services.join_next().await.is_some() {}
            Ok(())
        }
    }
}

async fn keep(name: Name, arguments: Vec<String>, end: CancellationToken) -> Ended {
    let mut wait = FIRST_WAIT;
    loop {
        let started = Instant::now();
        let mut child =
            start(&arguments).map_err(|error| (ENVIRONMENT, format!("{} does not start: {error}", name.text())))?;
        let status = tokio::select! {
            status = child.wait() => status,
            () = end.cancelled() => {
                stop(&mut child).await;
                return Ok(());
            }
        };
        let code = status.ok().and_then(|status| status.code());
        if let Some(code @ (INVALID_CODE | ENVIRONMENT_CODE)) = code {
            // It has said why, and would say it again.
            return Err((code as u8, format!("{} can't be served", name.text())));
        }
        wait = if started.elapsed() > STEADY { FIRST_WAIT } else { (wait * 2).min(MOST_WAIT) };
        tracing::warn!(service = name.text(), ?code, wait_ms = wait.as_millis(), "ended, starts again");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = end.cancelled() => return Ok(()),
        }
    }
}

const INVALID_CODE: i32 = INVALID as i32;
const ENVIRONMENT_CODE: i32 = ENVIRONMENT as i32;

fn start(arguments: &[String]) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args(arguments).stdin(Stdio::null()).kill_on_drop(true).spawn()
}

async fn stop(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        // It may be gone already.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Makes this process end when its parent does, however that ends.
pub fn end_with(parent: i32) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| format!("can't watch the parent process: {error}"))?;
    // The parent may have ended before.
    if getppid() == Pid::from_raw(parent) { Ok(()) } else { Err("the parent process is gone".into()) }
}
