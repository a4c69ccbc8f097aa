//! The socket gateway lets through what the dashboard needs of Docker, and nothing else: real haproxy, real engine.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long haproxy gets to listen, and the engine to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine's socket: the tests' own, or the machine's. Without one the tests fail: skipping would look like success.
fn engine() -> PathBuf {
    let own = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/ha-dashboard/docker/docker.sock"));
    let sockets = own.into_iter().chain([PathBuf::from("/var/run/docker.sock")]);
    let answering = sockets.into_iter().find(|socket| UnixStream::connect(socket).is_ok());
    answering.expect("no Docker Engine answers: run `.ci/docker start`")
}

/// haproxy with the stack's configuration, on a socket instead of a port.
struct Gateway {
    haproxy: Child,
    dir: tempfile::TempDir,
}

impl Gateway {
    fn start(engine: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring/gateway/haproxy.cfg");
        let text = std::fs::read_to_string(ours).unwrap();
        let (bind, server) = ("bind :2375", "unix@/var/run/docker.sock");
        assert!(text.contains(bind) && text.contains(server));
        let text = text
            .replace(bind, &format!("bind unix@{}", dir.path().join("gateway.sock").display()))
            .replace(server, &format!("unix@{}", engine.display()));
        let file = dir.path().join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let haproxy = Command::new("haproxy")
            .env("PATH", format!("{path}:/usr/sbin"))
            .args(["-db", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .expect("haproxy can't be started: run `make setup`");
        let gateway = Self { haproxy, dir };
        let started = Instant::now();
        while UnixStream::connect(gateway.socket()).is_err() {
            assert!(started.elapsed() < PATIENCE, "haproxy does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        gateway
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("gateway.sock")
    }

    /// Sends `line`, for example `GET /_ping`, and gives status and body.
    fn ask(&self, line: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: docker-gateway\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{line}: {answer:?}")), answer)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}

const OUR_REFUSAL: &str = "the gateway allows no such call";

#[test]
fn what_the_dashboard_needs_reaches_the_engine() {
    let gateway = Gateway::start(&engine());
    for (line, expected) in [
        ("GET /_ping", 200),
        ("HEAD /_ping", 200),
        ("GET /version", 200),
        ("GET /events?since=0&until=1", 200),
        ("GET /containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D", 200),
        ("GET /containers/no-such_container.1/json", 404),
        ("GET /containers/no-such/logs?follow=true&stdout=true", 404),
        ("GET /containers/no-such/stats?stream=false", 404),
        ("GET /containers/no-such/archive?path=%2Fsummary.json", 404),
        ("HEAD /containers/no-such/archive?path=%2Fsummary.json", 404),
        ("PUT /containers/no-such/archive?path=%2F", 404),
        ("POST /containers/no-such/start", 404),
        ("POST /containers/no-such/stop?t=60", 404),
        ("POST /containers/no-such/kill?signal=SIGKILL", 404),
        ("POST /containers/no-such/pause", 404),
        ("POST /containers/no-such/unpause", 404),
        ("POST /containers/no-such/wait?condition=not-running", 404),
        ("DELETE /containers/no-such?force=true", 404),
        ("GET /images/grafana/no-such:1.1.0/json", 404),
        ("GET /images/registry.example:5000/a/b@sha256:0000/json", 400),
    ] {
        let (status, answer) = gateway.ask(line, "", "");
        assert_eq!(status, expected, "{line}: {answer}");
    }
    // The engine's own complaint, so it was asked.
    let (status, answer) = gateway.ask("POST /containers/create?name=x", "Content-Type: application/json\r\n", "{}");
    assert!(status != 403 && answer.contains("create a container"), "{answer}");
}

#[test]
fn with_a_version_in_front_too() {
    let gateway = Gateway::start(&engine());
    let (_, answer) = gateway.ask("GET /version", "", "");
    let version = answer.split("\"ApiVersion\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!(gateway.ask(&format!("GET /v{version}/containers/json"), "", "").0, 200);
    assert_eq!(gateway.ask(&format!("GET /v{version}/volumes"), "", "").0, 403);
    assert_eq!(gateway.ask(&format!("GET /v{version}/v{version}/_ping"), "", "").0, 403);
}

#[test]
fn nothing_else_does() {
    let gateway = Gateway::start(&engine());
    for line in [
        "GET /",
        "GET /info",
        "GET /system/df",
        "GET /images/json",
        "GET /volumes",
        "GET /networks",
        "GET /swarm",
        "GET /services",
        "GET /secrets",
        "GET /configs",
        "GET /plugins",
        "GET /containers/x/export",
        "GET /containers/x/top",
        "GET /containers/x/changes",
        "GET /containers/x/attach/ws",
        "GET /images/k6/get",
        "GET /images/k6/history",
        "POST /build",
        "POST /auth",
        "POST /commit?container=x",
        "POST /session",
        "POST /grpc",
        "POST /containers/prune",
        "POST /containers/x/exec",
        "POST /containers/x/attach",
        "POST /containers/x/update",
        "POST /containers/x/rename?name=y",
        "POST /containers/x/restart",
        "POST /containers/x/resize",
        "POST /exec/x/start",
        "POST /images/load",
        "POST /images/k6/tag?repo=x",
        "POST /images/k6/push",
        "POST /images/prune",
        "POST /networks/create",
        "POST /volumes/create",
        "POST /swarm/init",
        "POST /_ping",
        "POST /containers/json",
        "PUT /containers/x/json",
        "DELETE /images/k6",
        "DELETE /containers/x/archive",
        "DELETE /containers",
        "PATCH /containers/x",
        "OPTIONS /_ping",
        "TRACE /_ping",
        // The engine's router cleans and decodes paths.
        "GET //volumes",
        "GET //containers/json",
        "GET /containers/../volumes",
        "GET /containers/x/../../volumes/json",
        "GET /containers/./json",
        "GET /containers/%2e%2e/volumes",
        "GET /volumes%2f..%2fcontainers/json",
        "GET /containers/x%2fexport/json",
        "GET /%63ontainers/json",
        "POST /containers/x%2fexec%3f/start",
        "POST /containers/x;/start",
        "GET /images/../volumes/json",
        "GET /images/a/%2e%2e/json",
        "GET /v1.41//containers/json",
        "GET /v1.41/../containers/json",
        "GET /v1.411/_ping",
        "GET /v2/_ping",
        "GET /_ping/",
        "GET \\_ping",
    ] {
        let (status, answer) = gateway.ask(line, "", "");
        // What is no HTTP does not get as far as our own refusal.
        assert!(status == 400 || (status == 403 && answer.contains(OUR_REFUSAL)), "{line}: {answer}");
        assert!(status == 403 || line.contains('\\'), "{line}: {answer}");
    }
    let (status, _) = gateway.ask("GET /containers/json", "Connection: upgrade\r\nUpgrade: h2c\r\n", "");
    assert_eq!(status, 403);
}

#[test]
fn only_k6_can_be_pulled() {
    let gateway = Gateway::start(&engine());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for query in [
        "",
        "?tag=1.1.0",
        "?fromImage=alpine&tag=latest",
        "?fromImage=grafana/k6-evil",
        "?fromImage=grafana/k6/evil",
        "?fromImage=evil.example/grafana/k6",
        "?fromImage=grafana%2Fk6%2Fevil",
        "?fromImage=grafana/k6%00",
        "?fromImage=grafana/k6&fromImage=alpine",
        "?fromImage=alpine&fromImage=grafana/k6",
        "?from%49mage=alpine&fromImage=grafana/k6",
        "?fromImage=grafana/k6;fromImage=alpine",
        "?fromImage=grafana/k6&fromSrc=http://evil.example/x.tar",
        "?fromSrc=-&repo=grafana/k6",
        "?fromImage=grafana/k6&repo=x",
        "?fromImage=grafana/k6&changes=USER%20root",
    ] {
        let (status, answer) = gateway.ask(&format!("POST /images/create{query}"), "", "");
        assert_eq!(status, 403, "{query}: {answer}");
    }
    // The engine would take a form's fields before the query's.
    assert_eq!(gateway.ask("POST /images/create?fromImage=grafana/k6", form, "fromImage=alpine").0, 403);
    // Without the registry in reach it fails, but it was tried.
    for query in [
        "fromImage=grafana%2Fk6%3Ano-such-tag&platform=",
        "fromImage=grafana/k6&tag=no-such-tag",
        "fromImage=docker.io%2Fgrafana%2Fk6&tag=no-such-tag&fromSrc=&repo=&message=&platform=",
    ] {
        let (status, answer) = gateway.ask(&format!("POST /images/create?{query}"), "", "");
        assert!(![403, 503].contains(&status), "{query}: {answer}");
    }
}

#[test]
fn an_engine_that_is_gone_is_told_in_words() {
    let gateway = Gateway::start(Path::new("/nowhere/docker.sock"));
    let (status, answer) = gateway.ask("GET /_ping", "", "");
    assert_eq!(status, 503);
    assert!(answer.contains(r#"{"message":"the Docker Engine does not answer"#), "{answer}");
}
