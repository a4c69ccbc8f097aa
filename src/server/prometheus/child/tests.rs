#![allow(clippy::unwrap_used)]

use ha_dashboard::domain::run::{RunState, Verdict};

use super::*;
use crate::server::prometheus::lab::{StateDir, config, free_port, run, until};

/// A dashboard's part in this: its own runtime, so that it can crash.
struct Dashboard {
    runtime: tokio::runtime::Runtime,
    feed: watch::Receiver<StoreFeed>,
    runs: watch::Sender<RunFeed>,
    shutdown: Shutdown,
}

impl Dashboard {
    fn start(dir: &Path, binary: &str, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (runs, receiver) = watch::channel(RunFeed::default());
        let shutdown = Shutdown::default();
        let store = StoreChoice::Child { binary: binary.into(), port };
        let feed = {
            let _inside = runtime.enter();
            supervise(config(dir, store, Vec::new()), receiver, shutdown.clone())
        };
        Self { runtime, feed, runs, shutdown }
    }

    async fn ready(&self) -> StoreFeed {
        until(20, "Prometheus is ready", || Some(self.feed.borrow().clone()).filter(|feed| feed.url.is_some())).await
    }

    fn crash(self) {
        self.runtime.shutdown_background();
    }

    async fn end(self) {
        self.shutdown.token.cancel();
        self.shutdown.tasks.close();
        self.shutdown.tasks.wait().await;
        self.runtime.shutdown_background();
    }
}

async fn process(dir: &StateDir) -> Option<Identity> {
    leftover(&dir.prometheus_data()).await.map(|server| server.identity)
}

#[tokio::test]
async fn a_killed_child_comes_back_on_its_port_and_ends_with_the_dashboard() {
    let dir = StateDir::new();
    let port = free_port();
    let dashboard = Dashboard::start(dir.path(), "prometheus", port);
    let first = dashboard.ready().await;
    assert_eq!(first.url.as_deref(), Some(format!("http://127.0.0.1:{port}").as_str()));
    assert!(first.native_histograms && first.problem.is_empty(), "{first:?}");

    // What a page of elsewhere would be let see in a browser on this machine.
    let asked = reqwest::Client::new()
        .get(format!("http://127.0.0.1:{port}/api/v1/labels"))
        .header("origin", "https://elsewhere.example")
        .send();
    let asked = asked.await.unwrap();
    assert!(asked.status() == 200 && !asked.headers().contains_key("access-control-allow-origin"), "{asked:?}");

    let killed = process(&dir).await.unwrap();
    killed.signal(Signal::KILL).unwrap();
    let problem = until(5, "the death is told", || {
        Some(dashboard.feed.borrow().problem.clone()).filter(|problem| !problem.is_empty())
    });
    assert!(problem.await.contains("prometheus.log"));
    assert_eq!(dashboard.ready().await.url, first.url);
    let next = process(&dir).await.unwrap();
    assert_ne!(next, killed);
    assert!(!log_tail(dir.path()).await.is_empty());

    dashboard.end().await;
    assert!(!next.is_alive());
}

#[tokio::test]
async fn a_crash_of_the_dashboard_leaves_the_child_and_the_next_start_adopts_it() {
    let dir = StateDir::new();
    let crashed = Dashboard::start(dir.path(), "prometheus", free_port());
    let url = crashed.ready().await.url;
    let child = process(&dir).await.unwrap();
    crashed.crash();
    assert!(child.is_alive());
    // As a dashboard from before there were rules would have left it.
    let rules = async || {
        let answer = reqwest::get(format!("{}/api/v1/rules", url.as_deref().unwrap())).await.ok()?;
        serde_json::from_str::<serde_json::Value>(&answer.text().await.ok()?).ok()?["data"]["groups"]
            .as_array()
            .map(Vec::len)
    };
    let loaded = async |groups: usize| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while rules().await != Some(groups) {
            assert!(Instant::now() < deadline, "not {groups} groups of rules");
            sleep(Duration::from_millis(50)).await;
        }
    };
    loaded(1).await;
    std::fs::write(dir.path().join("prometheus/prometheus.yml"), "scrape_configs: []\n").unwrap();
    child.signal(Signal::HUP).unwrap();
    loaded(0).await;

    let mut test = run("r-1", 60, &[]);
    let next = Dashboard::start(dir.path(), "prometheus", free_port());
    let adopted = next.ready().await;
    assert_eq!(adopted.url, url);
    assert!(adopted.native_histograms);
    assert_eq!(process(&dir).await, Some(child));
    loaded(1).await;
    // An orderly end while a run is at work leaves it too.
    next.runs.send_replace(RunFeed { run: Some(test.clone()), ..RunFeed::default() });
    next.end().await;
    assert!(child.is_alive());

    let last = Dashboard::start(dir.path(), "prometheus", free_port());
    assert_eq!(last.ready().await.url, url);
    test.state = RunState::Finished(Verdict::Passed);
    last.runs.send_replace(RunFeed { run: Some(test), ..RunFeed::default() });
    last.end().await;
    assert!(!child.is_alive());
}

#[test]
fn the_dashboard_is_told_where_it_can_be_reached() {
    let dir = StateDir::new();
    let told = || std::fs::read_to_string(dir.path().join("prometheus").join(TARGETS_FILE)).ok();
    for (addr, target) in [("10.1.2.3:80", "10.1.2.3:80"), ("0.0.0.0:81", "127.0.0.1:81"), ("[::]:82", "[::1]:82")] {
        announce(dir.path(), Some((addr.parse().unwrap(), "had_secret")));
        assert_eq!(told().unwrap(), format!("[{{\"targets\":[\"{target}\"]}}]\n"));
    }
    announce(dir.path(), None);
    announce(dir.path(), None);
    assert_eq!(told(), None);
}

#[tokio::test]
async fn a_taken_port_is_gone_round_and_said() {
    let dir = StateDir::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let dashboard = Dashboard::start(dir.path(), "prometheus", port);
    let feed = dashboard.ready().await;
    assert_ne!(feed.url, Some(format!("http://127.0.0.1:{port}")));
    assert!(feed.problem.contains(&format!("port {port} can't be used")), "{feed:?}");
    dashboard.end().await;
}

#[tokio::test]
async fn what_is_not_prometheus_is_told_with_what_to_do() {
    let dir = StateDir::new();
    let said = async |binary: &str| {
        let dashboard = Dashboard::start(dir.path(), binary, free_port());
        let problem = until(10, "a problem", || {
            Some(dashboard.feed.borrow().problem.clone()).filter(|problem| !problem.is_empty())
        });
        let problem = problem.await;
        dashboard.end().await;
        problem
    };
    let problem = said("/nowhere/prometheus").await;
    assert!(problem.contains("apt install prometheus") && problem.contains("HAD_PROMETHEUS_URL"), "{problem}");
    let problem = said("/bin/echo").await;
    assert!(problem.contains("--version failed"), "{problem}");
}
