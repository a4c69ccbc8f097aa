//! The Docker Engine to test with.

use std::{os::unix::net::UnixStream, path::PathBuf};

/// The engine's socket: the one that is named, the tests' own, or the machine's. Without one the tests fail: skipping would
/// look like success.
pub fn engine() -> PathBuf {
    let named = std::env::var("DOCKER_HOST").ok().and_then(|host| host.strip_prefix("unix://").map(PathBuf::from));
    let own = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/ha-dashboard/docker/docker.sock"));
    let sockets = named.into_iter().chain(own).chain([PathBuf::from("/var/run/docker.sock")]);
    let answering = sockets.into_iter().find(|socket| UnixStream::connect(socket).is_ok());
    answering.expect("no Docker Engine answers: run `.ci/docker start`")
}
