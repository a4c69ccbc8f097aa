//! A real HAProxy before servers that speak real HTTP.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{Router, body::Bytes, routing::any};
use ha_dashboard::domain::service::{Replica, Service};
use tokio::{
    process::{Child, Command},
    runtime::Runtime,
};

use super::*;
use crate::server::{clock::now_ms, prometheus::lab::free_port, services::Member};

/// How long something may take to show on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A server of one replica; dropped, it is gone as a killed process is.
struct Process {
    addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Process {
    fn start(name: &'static str, addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move |body: Bytes| async move {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            format!("{name} {}", String::from_utf8_lossy(&body))
        };
        // What a killed process leaves waiting must not keep the port.
        let listener = runtime.block_on(tokio::net::TcpListener::bind(addr)).unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/health", any(|| async { "fine" }))
            .route("/busy", any(|| async { axum::http::StatusCode::SERVICE_UNAVAILABLE }))
            .fallback(answer);
        runtime.spawn(async { axum::serve(listener, router).await });
        Self { addr, asked, runtime: Some(runtime) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A service `shop` with two replicas behind a gateway.
struct Stage {
    gateway: Gateway,
    service: String,
    doors: [String; 2],
    processes: Mutex<[Option<Process>; 2]>,
    http: reqwest::Client,
    _haproxy: Child,
    _folder: tempfile::TempDir,
}

const NAMES: [&str; 2] = ["shop-1", "shop-2"];

impl Stage {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = |port: u16| format!("http://127.0.0.1:{port}");
        let start = |name| std::thread::spawn(move || Process::start(name, ([127, 0, 0, 1], 0).into())).join().unwrap();
        let processes = NAMES.map(start);
        let [service, one, two] = [(); 3].map(|()| here(free_port()));
        let doors = [one, two];
        let replica = |at: usize| Replica {
            name: NAMES[at].into(),
            url: here(processes[at].addr.port()),
            door: Some(doors[at].clone()),
            container: None,
        };
        let member = Member { service: Service::new("shop", service.clone()), replicas: vec![replica(0), replica(1)] };
        let address = format!("unix://{}", folder.path().join("admin.sock").display());
        for (name, text) in configuration::files(&[member], &address).unwrap() {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let haproxy = Command::new("haproxy")
            .env("PATH", format!("{path}:/usr/sbin"))
            .arg("-db")
            .arg("-f")
            .arg(folder.path().join(configuration::CONFIGURATION_FILE))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("haproxy can't be started: run `make setup`");
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        let gateway = Gateway::new(&address);
        let processes = Mutex::new(processes.map(Some));
        let stage = Self { gateway, service, doors, processes, http, _haproxy: haproxy, _folder: folder };
        stage.servers_are([true, true]).await;
        stage
    }

    /// Waits until the gateway thinks so of both replicas, by its checks.
    async fn servers_are(&self, up: [bool; 2]) -> Vec<Server> {
        let started = Instant::now();
        loop {
            let servers = self.gateway.servers().await.unwrap_or_default();
            let checked = servers.iter().all(|server| !matches!(server.check.as_str(), "" | "INI"));
            if checked && servers.iter().map(|server| server.up).eq(up) {
                return servers;
            }
            assert!(started.elapsed() < SOON, "{servers:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status of an answer, and how long it took; `None`: there was none.
    async fn ask(&self, url: &str) -> Option<(u16, Duration)> {
        let asked = Instant::now();
        let answer = self.http.get(url).timeout(Duration::from_secs(1)).send().await.ok()?;
        let status = answer.status().as_u16();
        answer.bytes().await.ok()?;
        Some((status, asked.elapsed()))
    }

    fn kill(&self, at: usize) -> SocketAddr {
        let process = self.processes.lock().unwrap()[at].take().unwrap();
        let addr = process.addr;
        std::thread::spawn(move || drop(process)).join().unwrap();
        addr
    }
}

fn within(time: Duration) -> u64 {
    now_ms() + u64::try_from(time.as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_delay_fail_and_cut_until_they_are_cleared_or_their_time_is_over() {
    let stage = Stage::start().await;
    let (gateway, [door, other]) = (&stage.gateway, &stage.doors);
    let quick = stage.ask(door).await.unwrap();
    assert_eq!(quick.0, 200);

    let until_ms = within(Duration::from_secs(60));
    gateway.set_door("shop-1", Door { until_ms, delay_ms: 300, jitter_ms: 50, ..Door::default() }).await.unwrap();
    let (status, took) = stage.ask(door).await.unwrap();
    assert!(status == 200 && took >= Duration::from_millis(250), "{took:?}");

    gateway.set_door("shop-1", Door { until_ms, delay_ms: 2000, ..Door::default() }).await.unwrap();
    assert_eq!(stage.http.get(door).send().await.unwrap().status(), 200);
    // Meanwhile the gateway's checks came by.
    let servers = gateway.servers().await.unwrap();
    assert!(servers.iter().all(|server| server.up), "who is slow is not away: {servers:?}");

    let both = Door { until_ms, delay_ms: 200, error_percent: 100, ..Door::default() };
    gateway.set_door("shop-1", both).await.unwrap();
    let (status, took) = stage.ask(door).await.unwrap();
    assert!(status == 500 && took >= Duration::from_millis(200), "{took:?}");
    assert_eq!(gateway.doors().await.unwrap(), [("shop-1".into(), both), ("shop-2".into(), Door::default())].into());
    assert_eq!(stage.ask(other).await.unwrap().0, 200, "the other door is as it was");

    gateway.set_door("shop-1", Door { until_ms, error_percent: 30, ..Door::default() }).await.unwrap();
    let mut failed = 0;
    for _ in 0..200 {
        failed += usize::from(stage.ask(door).await.unwrap().0 == 500);
    }
    // Five standard deviations.
    assert!((28..=92).contains(&failed), "{failed} of 200 at 30 %");

    let asked = || stage.processes.lock().unwrap()[0].as_ref().unwrap().asked.load(Ordering::Relaxed);
    let before = asked();
    gateway.set_door("shop-1", Door { until_ms, cut: true, ..Door::default() }).await.unwrap();
    assert_eq!(stage.ask(door).await, None, "no answer before the caller gives up");
    stage.servers_are([false, true]).await;
    for _ in 0..20 {
        assert_eq!(stage.ask(&stage.service).await.unwrap().0, 200, "the gateway noticed");
    }
    assert_eq!(asked(), before, "nothing came through");
    gateway.clear_door("shop-1").await.unwrap();
    assert_eq!(stage.ask(door).await.unwrap().0, 200);
    stage.servers_are([true, true]).await;

    let soon = Door { until_ms: within(Duration::from_millis(1500)), error_percent: 100, ..Door::default() };
    gateway.set_door("shop-1", soon).await.unwrap();
    assert_eq!(stage.ask(door).await.unwrap().0, 500);
    let started = Instant::now();
    while stage.ask(door).await.unwrap().0 != 200 {
        assert!(started.elapsed() < SOON);
    }
    assert!(now_ms() >= soon.until_ms, "not before its time");
    assert_eq!(gateway.doors().await.unwrap()["shop-1"], soon, "nobody took it away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_costs_what_was_under_way_and_nothing_else() {
    let stage = Arc::new(Stage::start().await);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (stage, stop) = (Arc::clone(&stage), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut good, mut bad) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    // What changes something is sent elsewhere only when it reached nobody.
                    let answer = stage.http.post(&stage.service).body("order").send().await;
                    let text = match answer.and_then(reqwest::Response::error_for_status) {
                        Ok(answer) => answer.text().await.unwrap_or_default(),
                        Err(_) => String::new(),
                    };
                    let fine = text.ends_with(" order");
                    *if fine { &mut good } else { &mut bad } += 1;
                }
                (good, bad)
            })
        })
        .collect();
    let addr = {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage.kill(0)
    };
    let servers = stage.servers_are([false, true]).await;
    assert_eq!(servers.iter().map(|server| server.replica.as_str()).collect::<Vec<_>>(), NAMES);
    assert!(servers.iter().all(|server| server.service == "shop" && server.requests > 0), "{servers:?}");
    assert!(servers[0].redispatches > 0, "{servers:?}");
    stage.processes.lock().unwrap()[0] =
        Some(std::thread::spawn(move || Process::start("shop-1", addr)).join().unwrap());
    stage.servers_are([true, true]).await;
    stop.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0, 0);
    for caller in callers {
        let (fine, lost) = caller.await.unwrap();
        good += fine;
        bad += lost;
    }
    assert!(bad <= 8 && good > 100, "{bad} lost and {good} answered: each caller has one request under way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_replica_callers_are_told_and_a_services_own_503_stays_its_own() {
    let stage = Stage::start().await;
    let busy = |base: &str| format!("{base}/busy");
    assert_eq!(stage.ask(&busy(&stage.service)).await.unwrap().0, 503);
    let servers = stage.gateway.servers().await.unwrap();
    assert_eq!(servers.iter().map(|server| server.redispatches + server.retries).sum::<u64>(), 0, "{servers:?}");
    for at in [0, 1] {
        stage.kill(at);
    }
    // A connection that the system had taken for a process that was going counts as one that reached it.
    let told = stage.ask(&stage.service).await.unwrap().0;
    assert!(matches!(told, 502 | 503), "before the gateway's checks noticed: {told}");
    stage.servers_are([false, false]).await;
    assert_eq!(stage.ask(&stage.service).await.unwrap().0, 503);
    assert_eq!(stage.ask(&stage.doors[0]).await.unwrap().0, 425, "a door tells the gateway alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_replica_is_refused_and_never_part_of_a_command() {
    let stage = Stage::start().await;
    let door = Door { until_ms: u64::MAX, error_percent: 100, ..Door::default() };
    for name in [
        "shop-3",
        "",
        "Shop-1",
        "shop-1 0:0:0:0:0\nset map doors.map shop-2",
        "shop-1;show info",
        "\"shop-1\"",
        "shop-1\n",
    ] {
        let error = stage.gateway.set_door(name, door).await.unwrap_err();
        assert!(matches!(&error, GatewayError::UnknownReplica(named) if named == name), "{name:?}: {error}");
    }
    assert!(stage.gateway.doors().await.unwrap().values().all(|door| *door == Door::default()));
    let nowhere = PathBuf::from("/nowhere/admin.sock");
    let away = Gateway::new(&format!("unix://{}", nowhere.display())).servers().await.unwrap_err();
    assert!(matches!(away, GatewayError::Away { .. }), "{away}");
}
