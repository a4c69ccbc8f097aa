//! The demo services on a stage of their own, and how to ask what listens there.
#![allow(dead_code)]

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use procfs::{
    net::TcpState,
    process::{FDTarget, Process, all_processes},
};
use serde_json::{Value, json};

use super::ports::free_ports;

/// How long something may take to show on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

pub const SERVICES: [&str; 3] = ["product-service", "user-service", "checkout-service"];

pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(started.elapsed() < SOON, "{what}: not within {SOON:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Status and body of an answer; `None`: there was none within four seconds.
pub fn ask(port: u16, line: &str, body: &str) -> Option<(u16, String)> {
    ask_as(&format!("127.0.0.1:{port}"), port, line, body)
}

/// The same, asked for by a name.
pub fn ask_as(host: &str, port: u16, line: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n");
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

pub fn status(port: u16, line: &str) -> Option<u16> {
    ask(port, line, "").map(|(status, _)| status)
}

pub struct Stage {
    pub demo: Child,
    pub folder: tempfile::TempDir,
    /// Of each service: its own port, and those of its two replicas.
    pub ports: [[u16; 3]; 3],
    /// Of each service: the doors of its two replicas.
    pub doors: [[u16; 2]; 3],
}

impl Stage {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = free_ports::<15>();
        let mut text = String::new();
        let ports = [0, 1, 2].map(|at| [free[at * 5], free[at * 5 + 1], free[at * 5 + 2]]);
        let doors = [0, 1, 2].map(|at| [free[at * 5 + 3], free[at * 5 + 4]]);
        for (at, name) in SERVICES.into_iter().enumerate() {
            let here = |port: u16| format!("\"http://127.0.0.1:{port}\"");
            writeln!(text, "[[service]]\nname = \"{name}\"\nurl = {}", here(ports[at][0])).unwrap();
            for number in [1, 2] {
                let (url, door) = (here(ports[at][number]), here(doors[at][number - 1]));
                writeln!(text, "[[service.replica]]\nname = \"{name}-{number}\"\nurl = {url}\ndoor = {door}").unwrap();
            }
        }
        let config = folder.path().join("ha-dashboard.toml");
        std::fs::write(&config, text).unwrap();
        let demo = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"))
            .args(["demo", "--log", "warn", "--config"])
            .arg(&config)
            .arg("--state-dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let stage = Self { demo, folder, ports, doors };
        until("every replica runs", || stage.states().iter().all(|(_, state)| state == "running").then_some(()));
        for [known, ..] in ports {
            until("the gateway answers", || (status(known, "GET /health") == Some(200)).then_some(()));
        }
        stage
    }

    pub fn order(&self, order: &Value) -> Value {
        let mut socket = until("the supervisor listens", || {
            UnixStream::connect(self.folder.path().join("stage/supervisor.sock")).ok()
        });
        socket.write_all(format!("{order}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    pub fn states(&self) -> Vec<(String, String)> {
        let answer = self.order(&json!({ "order": "list" }));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let one = |one: &Value| (text(&one["replica"]), text(&one["state"]));
        answer["replicas"].as_array().unwrap().iter().map(one).collect()
    }

    pub fn state(&self, name: &str) -> String {
        self.states().into_iter().find(|(replica, _)| replica == name).unwrap().1
    }

    /// The processes that it has started.
    pub fn children(&self) -> Vec<Process> {
        let me = self.demo.id().cast_signed();
        let ours = |process: &Process| process.stat().is_ok_and(|stat| stat.ppid == me && stat.state != 'Z');
        all_processes().unwrap().flatten().filter(ours).collect()
    }

    /// Where its processes take connections over the network.
    pub fn listening(&self) -> Vec<SocketAddr> {
        let demo = Process::new(self.demo.id().cast_signed()).unwrap();
        let all = self.children().into_iter().chain([demo]).collect::<Vec<_>>();
        let sockets =
            all.iter().filter_map(|process| process.fd().ok()).flatten().flatten().filter_map(|fd| match fd.target {
                FDTarget::Socket(inode) => Some(inode),
                _ => None,
            });
        let sockets = sockets.collect::<Vec<_>>();
        let [tcp, tcp6] = [all[0].tcp(), all[0].tcp6()].map(Result::unwrap_or_default);
        let open = tcp.into_iter().chain(tcp6).filter(|entry| entry.state == TcpState::Listen);
        open.filter(|entry| sockets.contains(&entry.inode)).map(|entry| entry.local_address).collect()
    }

    /// What the gateway says of the replicas of a service.
    pub fn servers(&self, service: &str) -> Vec<(String, bool)> {
        let Ok(mut socket) = UnixStream::connect(self.folder.path().join("stage/gateway.sock")) else {
            return Vec::new();
        };
        socket.write_all(b"show servers state\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let server = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let ours = words.get(1).is_some_and(|section| section.strip_prefix("service:") == Some(service));
            ours.then(|| (words[3].to_owned(), words[5] == "2"))
        };
        answer.lines().filter_map(server).collect()
    }

    pub fn is_redundant(&self, service: &str) {
        until("the gateway takes both", || {
            let servers = self.servers(service);
            (servers.len() == 2 && servers.iter().all(|(_, up)| *up)).then_some(())
        });
    }

    pub fn is_degraded(&self, service: &str) -> Duration {
        let started = Instant::now();
        until("the gateway drops one", || self.servers(service).iter().any(|(_, up)| !up).then_some(()));
        started.elapsed()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.demo.kill();
        let _ = self.demo.wait();
    }
}
