//! Sets the stage: one process a replica, the gateway before them, and a socket for orders.

mod control;
mod gateway;
mod keeper;

use std::{net::SocketAddr, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::task::JoinSet;

pub use self::gateway::become_haproxy;
use self::{
    control::Control,
    keeper::{Handle, Kept, keeper},
};
use super::{ENVIRONMENT, Ended, INVALID, Name, address, on_signals};
use crate::server::{
    config::{Config, Settings},
    services::{Member, Registry, gateway::configuration::stands_before},
};

/// Serves all until a signal. Ends when something of it can't be served at all.
pub async fn all(settings: &Settings) -> Ended {
    let shutdown = on_signals()?;
    let config = &settings.config;
    let registry = Registry::new(config);
    let program =
        std::env::current_exe().map_err(|error| (ENVIRONMENT, format!("this program is not to be found: {error}")))?;
    let stage = config.state_dir.join("stage");
    let unusable = |error: std::io::Error| (ENVIRONMENT, format!("{} can't be used: {error}", stage.display()));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&stage).map_err(unusable)?;
    let control = Control::open(&config.supervisor).map_err(|error| {
        let place = config.supervisor.display();
        (ENVIRONMENT, format!("the supervisor can't listen at {place}: {error}; end the other one, or choose another place with HAD_SUPERVISOR"))
    })?;

    let mut keepers = JoinSet::new();
    let mut replicas = Vec::new();
    for kept in services(&program, config, &registry)? {
        let (keeper, handle) = keeper(kept, shutdown.token.clone());
        keepers.spawn(keeper.run());
        replicas.push(handle);
    }
    if let Some(kept) = before(&program, config, &registry, &stage)? {
        keepers.spawn(keeper(kept, shutdown.token.clone()).0.run());
    }
    let replicas: Arc<[Handle]> = replicas.into();
    let ended = tokio::select! {
        ended = keepers.join_next() => ended,
        () = control.serve(replicas) => None,
    };
    // Only what can't be served ends before the signal; its siblings end with this process.
    match ended {
        Some(Ok(ended)) if ended.is_err() => {
            keepers.shutdown().await;
            ended
        }
        _ => {
            while keepers.join_next().await.is_some() {}
            Ok(())
        }
    }
}

/// The demo services' replicas.
fn services(program: &Path, config: &Config, registry: &Registry) -> Result<Vec<Kept>, (u8, String)> {
    let pairs: Vec<_> = config.services.iter().map(|s| format!("{}={}", s.name, s.url)).collect();
    let mut all = Vec::new();
    for name in Name::ALL {
        let member = registry.members().iter().find(|member| member.service.name == name.text());
        let member = member.ok_or_else(|| {
            let name = name.text();
            (INVALID, format!("services: {name} is missing; add {name}=http://127.0.0.1:PORT"))
        })?;
        for replica in &member.replicas {
            let ready_at = address(&replica.name, &replica.url)?;
            let mut arguments = vec!["demo".to_owned(), "--service".into(), name.text().into()];
            arguments.extend(["--addr".into(), ready_at.to_string(), "--services".into(), pairs.join(",")]);
            arguments.extend(["--parent".into(), std::process::id().to_string()]);
            for sibling in member.replicas.iter().filter(|sibling| sibling.name != replica.name) {
                arguments.extend(["--sibling".into(), sibling.url.clone()]);
            }
            all.push(Kept { name: replica.name.clone(), program: program.to_owned(), arguments, ready_at });
        }
    }
    Ok(all)
}

/// The gateway, where there is something to stand before.
fn before(program: &Path, config: &Config, registry: &Registry, stage: &Path) -> Result<Option<Kept>, (u8, String)> {
    let Some(first) = registry.members().iter().find(|member| stands_before(member)) else { return Ok(None) };
    gateway::write(config, registry, stage)?;
    let ready_at = known_at(first)?;
    let mut arguments = vec!["demo".to_owned(), "--gateway-files".into(), stage.display().to_string()];
    arguments.extend(["--parent".into(), std::process::id().to_string()]);
    Ok(Some(Kept { name: "the gateway".into(), program: program.to_owned(), arguments, ready_at }))
}

fn known_at(member: &Member) -> Result<SocketAddr, (u8, String)> {
    address(&member.service.name, &member.service.url)
}

/// Makes this process, and what it becomes, end when its parent does, however that ends, and even when it is frozen.
pub fn end_with(parent: i32) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("can't watch the parent process: {error}"))?;
    // The parent may have ended before.
    if getppid() == Pid::from_raw(parent) { Ok(()) } else { Err("the parent process is gone".into()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
