//! A real Docker Engine for tests. `docker` on the command line is the independent witness.
#![allow(clippy::expect_used)]

use std::{ffi::OsStr, path::PathBuf, process::Command};

/// The image of the compose file, which `.ci/images` builds from the real k6.
pub const IMAGE: &str = "grafana/k6:1.1.0";

/// The engine that `.ci/docker` started, or another one that is named. Without one the tests fail: skipping would look
/// like success.
pub fn host() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| {
        let ours =
            PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/ha-dashboard/docker/docker.sock");
        let path = if ours.exists() { ours } else { "/var/run/docker.sock".into() };
        format!("unix://{}", path.display())
    })
}

/// What the `docker` command says of an engine.
pub fn docker_at<S: AsRef<OsStr>>(host: &str, args: impl IntoIterator<Item = S>) -> String {
    let output = Command::new("docker").args(["-H", host]).args(args).output().expect("there is no docker command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What the `docker` command says of [`host`].
pub fn docker(args: &[&str]) -> String {
    docker_at(&host(), args)
}
