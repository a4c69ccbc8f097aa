//! The socket gateway lets through what the dashboard needs of Docker, and nothing else: real haproxy, real engine.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used)]

#[path = "support/docker.rs"]
mod docker;
#[path = "support/ports.rs"]
mod ports;
#[path = "support/stage.rs"]
mod set;

use std::{
    io::{
        Error,
        ErrorKind::{BrokenPipe, ConnectionReset},
        Read, Write,
    },
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use docker::engine;
use ports::free_port;
use serde_json::{Value, json};
use set::{ask, until};

/// How long haproxy gets to listen, and the engine to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// haproxy with the stack's configuration, on a socket instead of a port.
struct Gateway {
    haproxy: Child,
    dir: tempfile::TempDir,
}

impl Gateway {
    fn start(engine: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring/gateway");
        let text = std::fs::read_to_string(ours.join("haproxy.cfg")).unwrap();
        let (bind, server, list) = ("bind :2375", "unix@/var/run/docker.sock", "/usr/local/etc/haproxy/replicas.lst");
        assert!(text.contains(bind) && text.contains(server) && text.contains(list));
        let text = text
            .replace(list, &ours.join("replicas.lst").display().to_string())
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
        let request = format!(
            "{line} HTTP/1.1\r\nHost: docker-gateway\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        // A refusal can come before all was sent.
        let early = |error: Error| assert!(matches!(error.kind(), BrokenPipe | ConnectionReset), "{line}: {error}");
        stream.write_all(request.as_bytes()).unwrap_or_else(early);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_or_else(early, drop);
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

const OUR_REFUSAL: &str = "the gateway does not allow this call";

#[test]
fn what_the_dashboard_needs_reaches_the_engine() {
    let gateway = Gateway::start(&engine());
    for (line, expected) in [
        ("GET /_ping", 200),
        ("HEAD /_ping", 200),
        ("GET /version", 200),
        ("GET /events?since=0&until=1", 200),
        ("GET /containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D", 200),
        ("GET /containers/ha-dashboard-20261123-174326-k7qz-1/json", 404),
        ("GET /containers/ha-dashboard-once-0123456789abcdef/logs?follow=true&stdout=true", 404),
        ("GET /containers/ha-dashboard-once-0123456789abcdef/stats?stream=false", 404),
        ("GET /containers/ha-dashboard-once-0123456789abcdef/archive?path=%2Fsummary.json", 404),
        ("HEAD /containers/ha-dashboard-once-0123456789abcdef/archive?path=%2Fsummary.json", 404),
        ("PUT /containers/ha-dashboard-once-0123456789abcdef/archive?path=%2F", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/start", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/stop?t=60", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/kill?signal=SIGKILL", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/pause", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/unpause", 404),
        ("POST /containers/ha-dashboard-once-0123456789abcdef/wait?condition=not-running", 404),
        ("DELETE /containers/ha-dashboard-20261123-174326-k7qz-1?force=true", 404),
        ("GET /images/grafana/no-such:1.1.0/json", 404),
        ("GET /images/registry.example:5000/a/b@sha256:0000/json", 400),
    ] {
        let (status, answer) = gateway.ask(line, "", "");
        assert_eq!(status, expected, "{line}: {answer}");
    }
    // The stack may be there or not.
    let (status, answer) = gateway.ask("GET /networks/ha-dashboard-k6", "", "");
    assert!(matches!(status, 200 | 404), "{status}: {answer}");
}

/// A container as the dashboard asks for it, of an image that no engine has.
const RECIPE: &str = r#"{"User":"12345:12345","Env":["HOME=/k6","K6_NO_USAGE_REPORT=true","NAME=Ünï\u0007","X={\"Binds\":[\"/\"],\"Privileged\":true}"],"Entrypoint":["timeout","-s","HUP","95","timeout","-s","TERM","65","k6","run","a.js"],"Image":"grafana/k6:no-such-tag","Labels":{"ha-dashboard.run":"x"},"HostConfig":{"NetworkMode":"ha-dashboard-k6","Mounts":[{"Target":"/k6","Type":"volume"}],"Tmpfs":{"/tmp":"rw,size=64m"},"ReadonlyRootfs":true,"CapDrop":["ALL"],"SecurityOpt":["no-new-privileges:true"],"Privileged":false,"Memory":1073741824,"PidsLimit":512,"RestartPolicy":{"Name":"no"},"LogConfig":{"Type":"json-file","Config":{"max-size":"8m"}}}}"#;

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn k6_containers_can_be_made_and_no_others() {
    let gateway = Gateway::start(&engine());
    let create = |name: &str, body: &str| gateway.ask(&format!("POST /containers/create?{name}"), JSON, body);
    let ours = "name=ha-dashboard-20261123-174326-k7qz-1";
    for name in [ours, "name=ha-dashboard-once-0123456789abcdef&platform="] {
        for recipe in [RECIPE, &RECIPE.replace("ha-dashboard-k6", "none")] {
            let (status, answer) = create(name, recipe);
            assert!(status == 404 && answer.contains("o such image"), "{name}: {answer}");
        }
    }
    for name in
        ["", "name=x", "name=ha-dashboard-grafana-1", "platform=", &format!("{ours}&name=x"), &format!("{ours}/")]
    {
        assert_eq!(create(name, RECIPE).0, 403, "{name}");
    }
    let more = |field: &str| RECIPE.replace(r#""Memory""#, &format!(r#"{field},"Memory""#));
    for body in [
        String::new(),
        "{}".into(),
        RECIPE.replace("grafana/k6:", "alpine:"),
        RECIPE.replace("grafana/k6:", "evil.example/grafana/k6:"),
        RECIPE.replace("ha-dashboard-k6", "host"),
        RECIPE.replace("ha-dashboard-k6", "bridge"),
        RECIPE.replace("ha-dashboard-k6", "default"),
        RECIPE.replace("ha-dashboard-k6", "ha-dashboard-app"),
        RECIPE.replace("ha-dashboard-k6", ""),
        more(r#""NetworkingConfig":{"EndpointsConfig":{"ha-dashboard-app":{}}}"#),
        RECIPE.replace("ha-dashboard-k6", "container:ha-dashboard-grafana-1"),
        RECIPE.replace(r#"["ALL"]"#, "[]"),
        RECIPE.replace("no-new-privileges:true", "seccomp=unconfined"),
        RECIPE.replace(r#""Privileged":false"#, r#""Privileged":true"#),
        RECIPE.replace(r#""Privileged":false"#, r#""privileged" : true"#),
        RECIPE.replace(r#""Type":"volume""#, r#""Type":"bind","Source":"/""#),
        RECIPE.replace(r#""Type":"volume""#, r#""Type":"volume","Source":"ha-dashboard_dashboard-state""#),
        RECIPE.replace(
            r#""Type":"volume""#,
            r#""Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/"}}}"#,
        ),
        more(r#""Binds":["/:/host"]"#),
        more(r#""BINDS":["/:/host"]"#),
        more(r#""bind\u0073":["/:/host"]"#),
        more("\"bind\u{17f}\":[\"/:/host\"]"),
        more("\"lin\u{212a}s\":[\"x\"]"),
        more("\n\"Binds\"\n:[\"/:/host\"]"),
        more(r#""CapAdd":["SYS_ADMIN"]"#),
        more(r#""Devices":[{"PathOnHost":"/dev/sda"}]"#),
        more(r#""PidMode":"host""#),
        more(r#""VolumesFrom":["k6-load-tester"]"#),
        more(r#""networkmode":"host""#),
        more(r#""securityopt":["seccomp=unconfined"]"#),
        more(r#""capdrop":[]"#),
        more(r#""entrypoint":["sh"]"#),
        RECIPE.replace(r#""HUP","95""#, r#""HUP","0""#),
        RECIPE.replace(r#""TERM","65","k6""#, r#""TERM","k6""#),
        RECIPE.replace(r#""Entrypoint":["timeout","-s","HUP","95","#, r#""Entrypoint":["#),
        RECIPE.replace(r#""Entrypoint""#, r#""Cmd""#),
        more(r#""PortBindings":{"80/tcp":[{}]}"#),
        RECIPE.replace(r#""HostConfig""#, r#""image":"alpine","HostConfig""#),
        // Longer than what is read of it.
        RECIPE.replace("a.js", &"a".repeat(80_000)),
    ] {
        let (status, answer) = create(ours, &body);
        assert_eq!(status, 403, "{}: {answer}", &body[..body.len().min(2000)]);
    }
}

#[test]
fn other_containers_are_out_of_reach() {
    let gateway = Gateway::start(&engine());
    let id = "9834b657d0eca035a6057615e66cbdbbb383f0fb9e357aa220f8585bd807d426";
    for name in ["x", "k6-load-tester", "ha-dashboard-grafana-1", "ha-dashboard_grafana_1", "ha-dashboard-", id] {
        for line in ["GET /json", "GET /logs", "GET /archive?path=/", "PUT /archive?path=/", "POST /stop", "POST /wait"]
        {
            let line = line.replace(" /", &format!(" /containers/{name}/"));
            assert_eq!(gateway.ask(&line, "", "").0, 403, "{line}");
        }
        assert_eq!(gateway.ask(&format!("DELETE /containers/{name}"), "", "").0, 403, "{name}");
    }
}

/// A replica of the stack, which the tests' engine has not. That the engine says so shows that it was asked.
const REPLICA: &str = "ha-dashboard-product-service-2";

#[test]
fn replicas_can_be_looked_at_and_hit_and_nothing_else() {
    let gateway = Gateway::start(&engine());
    for call in [
        "GET json",
        "GET stats?stream=false&one-shot=true",
        "POST kill?signal=SIGKILL",
        "POST stop?t=10",
        "POST start",
        "POST restart?t=10",
        "POST pause",
        "POST unpause",
    ] {
        let line = |name: &str| call.replace(' ', &format!(" /containers/{name}/"));
        let (status, answer) = gateway.ask(&line(REPLICA), "", "");
        assert!(status == 404 && answer.contains("o such container"), "{call}: {answer}");
        // Others that only look like one, and what names none.
        for name in ["ha-dashboard-product-service-20", "ha-dashboard-product-service", "product-service-2", "x"] {
            let (status, answer) = gateway.ask(&line(name), "", "");
            assert_eq!(status, 403, "{call} of {name}: {answer}");
        }
    }
    for call in [
        "GET logs",
        "GET archive?path=/",
        "GET export",
        "GET top",
        "GET changes",
        "PUT archive?path=/",
        "PUT json",
        "POST exec",
        "POST attach",
        "POST rename?name=x",
        "POST resize",
        "POST wait",
        "POST json",
        "POST stats",
        "POST update",
        "POST start/",
        "POST json/start",
        "GET kill",
        "DELETE stop",
    ] {
        let (status, answer) = gateway.ask(&call.replace(' ', &format!(" /containers/{REPLICA}/")), "", "");
        assert!(status == 403 && answer.contains(OUR_REFUSAL), "{call}: {answer}");
    }
    assert_eq!(gateway.ask(&format!("DELETE /containers/{REPLICA}"), "", "").0, 403);
    assert_eq!(gateway.ask(&format!("POST /containers/x/{REPLICA}/start"), "", "").0, 403);
}

#[test]
fn of_a_replica_one_limit_at_a_time_can_be_changed() {
    let gateway = Gateway::start(&engine());
    let update = |name: &str, body: &str| gateway.ask(&format!("POST /containers/{name}/update"), JSON, body);
    for body in [
        r#"{"NanoCpus":600000000}"#,
        r#"{"CpuPeriod":100000,"CpuQuota":5000}"#,
        r#"{"CpuPeriod":100000,"CpuQuota":-1}"#,
        r#"{"Memory":134217728}"#,
    ] {
        let (status, answer) = update(REPLICA, body);
        assert!(status == 404 && answer.contains("o such container"), "{body}: {answer}");
        assert_eq!(update("k6-load-tester", body).0, 403);
        assert_eq!(update("ha-dashboard-20261123-174326-k7qz-1", body).0, 403);
    }
    for body in [
        "",
        "{}",
        r#"{"Memory":-1}"#,
        r#"{"Memory":0}"#,
        r#"{"Memory":1.5}"#,
        r#"{"Memory":134217728,"MemorySwap":-1}"#,
        r#"{"Memory":134217728}{"Privileged":true}"#,
        r#"{"memory":134217728}"#,
        r#" {"Memory":134217728}"#,
        r#"{"CpuQuota":5000}"#,
        r#"{"RestartPolicy":{"Name":"always"}}"#,
        r#"{"Memory":134217728,"RestartPolicy":{"Name":"always"}}"#,
        r#"{"PidsLimit":-1}"#,
        r#"{"Devices":[{"PathOnHost":"/dev/sda"}]}"#,
        r#"{"CgroupParent":"/"}"#,
        &format!(r#"{{"Memory":134217728}}{}"#, " ".repeat(80_000)),
    ] {
        let (status, answer) = update(REPLICA, body);
        assert_eq!(status, 403, "{}: {answer}", &body[..body.len().min(100)]);
    }
    // What has no length can't be told to be whole.
    let chunked = format!("{JSON}Transfer-Encoding: chunked\r\n");
    let (status, answer) = gateway.ask(
        &format!("POST /containers/{REPLICA}/update"),
        &chunked,
        "14\r\n{\"Memory\":134217728}\r\n0\r\n\r\n",
    );
    assert!([400, 403].contains(&status), "{answer}");
}

#[test]
fn no_version_in_which_a_start_changes_what_a_container_may() {
    let gateway = Gateway::start(&engine());
    let body = r#"{"Binds":["/:/host"],"Privileged":true}"#;
    for name in [REPLICA, "ha-dashboard-once-0123456789abcdef"] {
        for version in ["1.1", "1.12", "1.23", "1.023", "0.24"] {
            let (status, answer) = gateway.ask(&format!("POST /v{version}/containers/{name}/start"), JSON, body);
            assert_eq!(status, 403, "{version}: {answer}");
        }
        // From the next version on, the engine refuses to.
        let (status, answer) = gateway.ask(&format!("POST /v1.24/containers/{name}/start"), JSON, body);
        assert!([400, 404].contains(&status), "{answer}");
    }
}

#[test]
fn the_list_of_replicas_is_that_of_the_stack() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let list = read("monitoring/gateway/replicas.lst");
    let listed = list.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    let (services, stack) = (read("monitoring/stage/ha-dashboard.toml"), read("docker-compose.yml"));
    let after = |text: &str, key: &str| {
        let values = text.lines().filter_map(|line| line.trim().strip_prefix(key));
        values.map(|value| value.trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed, after(&services, "container = "));
    let named = after(&stack, "container_name: ");
    assert_eq!(listed, named.iter().filter(|name| *name != "k6-load-tester").collect::<Vec<_>>());
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
        "GET /containers/ha-dashboard-once-01/export",
        "GET /containers/ha-dashboard-once-01/top",
        "GET /containers/ha-dashboard-once-01/changes",
        "GET /containers/ha-dashboard-once-01/attach/ws",
        "GET /images/k6/get",
        "GET /images/k6/history",
        "POST /build",
        "POST /auth",
        "POST /commit?container=x",
        "POST /session",
        "POST /grpc",
        "POST /containers/prune",
        "POST /containers/ha-dashboard-once-01/exec",
        "POST /containers/ha-dashboard-once-01/attach",
        "POST /containers/ha-dashboard-once-01/update",
        "POST /containers/ha-dashboard-once-01/rename?name=y",
        "POST /containers/ha-dashboard-once-01/restart",
        "POST /containers/ha-dashboard-once-01/resize",
        "POST /exec/x/start",
        "POST /images/load",
        "POST /images/k6/tag?repo=x",
        "POST /images/k6/push",
        "POST /images/prune",
        "POST /networks/create",
        "GET /networks/ha-dashboard-app",
        "POST /networks/ha-dashboard-app/connect",
        "POST /networks/ha-dashboard-k6/disconnect",
        "DELETE /networks/ha-dashboard-k6",
        "GET /exec/x/json",
        "POST /volumes/create",
        "POST /swarm/init",
        "POST /_ping",
        "POST /containers/json",
        "PUT /containers/ha-dashboard-once-01/json",
        "DELETE /images/k6",
        "DELETE /containers/ha-dashboard-once-01/archive",
        "DELETE /containers",
        "PATCH /containers/ha-dashboard-once-01",
        "OPTIONS /_ping",
        "TRACE /_ping",
        // The engine's router cleans and decodes paths.
        "GET //volumes",
        "GET //containers/json",
        "GET /containers/../volumes",
        "GET /containers/ha-dashboard-once-01/../../volumes/json",
        "GET /containers/./json",
        "GET /containers/%2e%2e/volumes",
        "GET /volumes%2f..%2fcontainers/json",
        "GET /containers/ha-dashboard-once-01%2fexport/json",
        "GET /%63ontainers/json",
        "POST /containers/ha-dashboard-once-01%2fexec%3f/start",
        "POST /containers/ha-dashboard-once-01;/start",
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
}

#[test]
fn no_other_protocol_reaches_the_engine() {
    // Answers with the head of what it was asked.
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("engine.sock");
    let engine = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut stream in engine.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap_or_default();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(&head[..length]);
        }
    });
    let gateway = Gateway::start(&socket);
    let (status, asked) = gateway.ask("GET /containers/json", "X-Seen: yes\r\n", "");
    assert!(status == 200 && asked.to_ascii_lowercase().contains("x-seen: yes"), "{asked}");
    for protocol in ["h2c", "H2C", "tcp", "websocket", "h2c, tcp", "tcp, h2c"] {
        for connection in ["upgrade", "Upgrade, HTTP2-Settings"] {
            let headers = format!("Connection: {connection}\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABk\r\n");
            let (status, answer) = gateway.ask("GET /containers/json", &headers, "");
            // HAProxy 3 takes the wish for h2c away before our rules see it; the engine does not see it either.
            let wished = answer.lines().any(|line| line.to_ascii_lowercase().starts_with("upgrade:"));
            let plain = protocol.eq_ignore_ascii_case("h2c") && !wished;
            assert!([400, 403].contains(&status) || (status == 200 && plain), "{protocol}: {answer}");
        }
    }
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

/// The dashboard behind the gateway, until dropped.
struct Dashboard {
    serve: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Dashboard {
    fn start(gateway: &Gateway) -> Self {
        let (port, prometheus) = (free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let serve = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"))
            .args(["serve", "--log", "error", "--engine", "docker", "--docker-network", "none"])
            .args(["--docker-host", &format!("unix://{}", gateway.socket().display())])
            .args(["--addr", &format!("127.0.0.1:{port}"), "--prometheus-port", &prometheus.to_string()])
            .args(["--services", "shop=http://127.0.0.1:1", "--state-dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let dashboard = Self { serve, port, _folder: folder };
        until("it is ready", || (set::status(port, "GET /ready") == Some(200)).then_some(()));
        dashboard
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = until(path, || ask(self.port, &format!("POST {path}"), &body.to_string()));
        (status, serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{path}: {answer}")))
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        // In order, so that its Prometheus ends with it.
        let _ = Command::new("kill").arg(self.serve.id().to_string()).status();
        let _ = self.serve.wait();
    }
}

#[test]
fn whatever_the_api_is_asked_for_a_container_gets_no_more_than_k6_needs() {
    let engine = engine();
    let gateway = Gateway::start(&engine);
    let dashboard = Dashboard::start(&gateway);
    let start = |body: &Value| dashboard.post("/api/v1/analytics/load-test/start", body);

    // What is no script of the catalogue is none.
    for script in [
        "../monitoring/gateway/haproxy.cfg",
        "/etc/passwd",
        "lib/../../Cargo.toml",
        "./../k6-scripts/../README.md",
        "..%2f..%2fetc%2fpasswd",
        "api-load-test.js/../../Cargo.toml",
        "lib/requests.js",
        "lib",
        ".",
        "https://evil.example/x.js",
        "file:///etc/passwd",
        "api-load-test.js\0.js",
        "api-load-test.js --address=0.0.0.0:6565",
        "-",
    ] {
        let (status, answer) = start(&json!({ "script": script, "target": "shop", "duration": 10, "target_vus": 1 }));
        assert!(status == 422 && answer["error"].as_str().unwrap().contains("script"), "{script}: {answer}");
    }
    // Nor is a container that is no replica one, or a call that there is not.
    for replica in ["k6-load-tester", "docker-gateway", "ha-dashboard-grafana-1", "../../volumes", "shop/../x", ""] {
        for kind in ["kill", "freeze", "cpu", "exec", "privileged"] {
            let (status, answer) = dashboard.post("/api/v1/faults", &json!({ "kind": kind, "replica": replica }));
            assert_eq!(status, 422, "{kind} of {replica}: {answer}");
        }
    }
    for path in ["/api/v1/scripts", "/api/v1/containers", "/api/v1/exec", "/api/v1/faults/exec", "/containers/create"] {
        let (status, answer) = dashboard.post(path, &json!({ "Cmd": ["sh"], "script": "export default () => {}" }));
        assert!([404, 405].contains(&status), "{path}: {answer}");
    }

    let (status, started) = start(&json!({
        "script": "api-load-test.js", "target": "shop", "duration": 20, "target_vus": 1,
        "Image": "alpine", "Entrypoint": ["sh"], "Privileged": true, "Binds": ["/:/host"], "CapAdd": ["SYS_ADMIN"],
        "network": "host", "env": { "LD_PRELOAD": "/host/evil.so" }, "HostConfig": { "NetworkMode": "host", "PidMode": "host" },
    }));
    assert_eq!(status, 200, "{started}");
    assert_eq!(started["ignored"].as_array().map(Vec::len), Some(8), "{started}");
    let name = format!("ha-dashboard-{}-1", started["test_id"].as_str().unwrap());
    let direct = Command::new("curl")
        .args(["--silent", "--unix-socket", engine.to_str().unwrap(), &format!("http://docker/containers/{name}/json")])
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&direct.stdout).unwrap();
    let (config, host) = (&made["Config"], &made["HostConfig"]);
    assert!(config["Image"].as_str().unwrap().starts_with("grafana/k6:"), "{config:#}");
    assert!(!config.to_string().contains("evil"), "{config:#}");
    let rights = [
        ("Privileged", json!(false)),
        ("ReadonlyRootfs", json!(true)),
        ("NetworkMode", json!("none")),
        ("CapDrop", json!(["ALL"])),
        ("PidMode", json!("")),
    ];
    for (right, expected) in rights {
        assert_eq!(host[right], expected, "{right}: {host:#}");
    }
    for none in ["Binds", "CapAdd", "Devices", "VolumesFrom"] {
        assert!(host[none].as_array().is_none_or(Vec::is_empty), "{none}: {host:#}");
    }
    let mounts = made["Mounts"].as_array().unwrap();
    assert!(mounts.iter().all(|mount| mount["Type"] != "bind"), "{mounts:#?}");
    assert_ne!(config["User"].as_str().unwrap().split(':').next(), Some("0"));

    assert_eq!(dashboard.post("/api/v1/analytics/load-test/stop", &json!({})).0, 200);
    until("it is over", || {
        let told = ask(dashboard.port, "GET /api/v1/analytics/load-test/status", "")?.1;
        serde_json::from_str::<Value>(&told).ok().filter(|told| told["running"] == false)
    });
}
