//! The gateway before the replicas: its files, and the process that becomes HAProxy.

use std::{io, os::unix::process::CommandExt, path::Path, process::Command};

use super::super::{ENVIRONMENT, Ended, INVALID};
use crate::server::{
    config::Config,
    services::{
        Registry,
        gateway::configuration::{self, CONFIGURATION_FILE},
    },
};

/// The longest path of its admin socket. Systems allow little more than 100 bytes, and HAProxy opens it under a longer name.
const LONGEST_PATH: usize = 90;

/// Writes what HAProxy is started with to `dir`.
pub fn write(config: &Config, registry: &Registry, dir: &Path) -> Ended {
    if let Some(path) = config.gateway.strip_prefix("unix://").filter(|path| path.len() > LONGEST_PATH) {
        let error = format!("gateway: {path:?} is too long; allowed: a socket's path of {LONGEST_PATH} bytes at most");
        return Err((INVALID, error));
    }
    let files =
        configuration::files(registry.members(), &config.gateway).map_err(|error| (INVALID, error.to_string()))?;
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text)
            .map_err(|error| (ENVIRONMENT, format!("{} can't be written: {error}", path.display())))?;
    }
    Ok(())
}

/// Becomes HAProxy with the files in `dir`. Comes back only with an error.
pub fn become_haproxy(dir: &Path) -> Ended {
    // Debian has it where only root looks.
    let path = std::env::var("PATH").unwrap_or_default();
    let error = Command::new("haproxy")
        .env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin"))
        .arg("-db")
        .arg("-f")
        .arg(dir.join(CONFIGURATION_FILE))
        .exec();
    let told = match error.kind() {
        io::ErrorKind::NotFound => "haproxy is not there: install it (Debian's package haproxy)".to_owned(),
        _ => format!("haproxy does not start: {error}"),
    };
    Err((ENVIRONMENT, told))
}
