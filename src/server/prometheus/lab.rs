//! Real parts for tests: k6, a target with knobs, a store in a temporary folder.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/ports.rs"]
mod ports;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::extract::Query;
use ha_dashboard::domain::{
    fault::FaultLimits,
    labels::Labels,
    plan::{OwnEnd, Plan, Shape},
    run::{Run, RunState},
    service::Service,
    threshold::{Observed, Threshold},
    validate::Limits,
};
pub use ports::free_port;
use tokio::process::{Child, Command};

use super::child::kill_for_test;
use crate::server::{
    clock::now_ms,
    config::{Allowance, Config, DockerConfig, EngineChoice, Retention, StoreChoice},
};

/// The k6 to test with.
pub fn k6() -> PathBuf {
    let cached = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/ha-dashboard/bin/k6"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("HAD_K6").map(PathBuf::from);
    let found = named.or(cached.filter(|k6| k6.exists()));
    let found = found.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("k6")).find(|k6| k6.exists()));
    found.expect("these tests need k6: name it with HAD_K6, or run `make setup`")
}

/// How many times as long things may take on a machine that does a lot besides.
const BUSY: u32 = 5;

/// Waits for a condition that a machine with nothing else to do fulfils within `seconds`.
pub async fn until<T>(seconds: u64, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds) * BUSY;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A state folder; what still holds its Prometheus data ends with it, even when a test fails.
pub struct StateDir(tempfile::TempDir);

impl StateDir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn prometheus_data(&self) -> PathBuf {
        self.path().canonicalize().unwrap().join("prometheus/data")
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        kill_for_test(&self.prometheus_data());
    }
}

/// What a request asks for itself.
#[derive(serde::Deserialize)]
struct Asked {
    /// How long it takes, in place of [`Target::latency_ms`].
    ms: Option<u64>,
}

/// A service with knobs.
#[derive(Clone, Default)]
pub struct Target {
    pub url: String,
    pub latency_ms: Arc<AtomicU64>,
    /// One request in so many fails; 0: none.
    pub fail_every: Arc<AtomicU64>,
    pub served: Arc<AtomicU64>,
    pub failed: Arc<AtomicU64>,
    /// When each request was answered, in order.
    pub times: Arc<Mutex<Vec<Instant>>>,
}

impl Target {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = Self { url, ..Self::default() };
        target.latency_ms.store(5, Ordering::Relaxed);
        let state = target.clone();
        let work = move |Query(asked): Query<Asked>| {
            let state = state.clone();
            async move {
                let count = state.served.fetch_add(1, Ordering::Relaxed) + 1;
                let every = state.fail_every.load(Ordering::Relaxed);
                let latency_ms = asked.ms.unwrap_or_else(|| state.latency_ms.load(Ordering::Relaxed));
                tokio::time::sleep(Duration::from_millis(latency_ms)).await;
                state.times.lock().unwrap().push(Instant::now());
                if every > 0 && count.is_multiple_of(every) {
                    state.failed.fetch_add(1, Ordering::Relaxed);
                    return axum::http::StatusCode::INTERNAL_SERVER_ERROR;
                }
                axum::http::StatusCode::OK
            }
        };
        let health = axum::routing::get(|| async { "ok" });
        let router = axum::Router::new().route("/health", health).fallback(work);
        tokio::spawn(async move { axum::serve(listener, router).await });
        target
    }

    pub fn service(&self) -> Service {
        Service::new("shop", self.url.clone())
    }
}

/// A configuration with everything in `dir`.
pub fn config(dir: &Path, store: StoreChoice, services: Vec<Service>) -> Arc<Config> {
    let limits = Limits { max_vus: 100, max_rate: 1000, max_duration_s: 600 };
    Arc::new(Config {
        login: crate::server::config::Login::Auto,
        viewers: crate::server::config::Viewers::Open,
        addr: ([127, 0, 0, 1], 0).into(),
        state_dir: dir.to_owned(),
        scripts_dir: dir.to_owned(),
        script_uploads: false,
        site_root: dir.to_owned(),
        services,
        replicas: BTreeMap::new(),
        patience: ha_dashboard::domain::steady::Patience::default(),
        gateway: "unix:///nowhere".into(),
        supervisor: "/nowhere".into(),
        limits,
        runs_per_day: None,
        presenter: Allowance { limits, runs_per_day: None },
        fault_limits: FaultLimits::default(),
        retention: Retention::default(),
        store,
        grafana_url: None,
        jaeger_url: None,
        public_url: None,
        webhooks: Vec::new(),
        engine: EngineChoice::Process,
        docker: DockerConfig::default(),
        k6: "k6".into(),
        stop_grace: Duration::from_secs(5),
        tick: Duration::from_secs(1),
    })
}

/// A run that begins now.
pub fn run(id: &str, duration_s: u32, thresholds: &[&str]) -> Run {
    let thresholds: Vec<Threshold> = thresholds.iter().map(|text| text.parse().unwrap()).collect();
    Run {
        id: id.parse().unwrap(),
        thresholds: thresholds.iter().cloned().map(Observed::new).collect(),
        plan: Plan {
            script: "test.js".into(),
            target: "shop".into(),
            shape: Shape::Own { duration_s, max_vus: 10, end: OwnEnd::Time { after_s: duration_s } },
            thresholds,
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: None,
        state: RunState::Running,
        created_ms: now_ms(),
        started_ms: Some(now_ms()),
        ended_ms: None,
        deadline_ms: now_ms() + 600_000,
        totals: None,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        correlation_id: "test".into(),
    }
}

/// The quantile of values as k6 takes it; `None` without values.
pub fn k6_quantile(values: &mut [f64], q: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = q * values.len().checked_sub(1)? as f64;
    let (a, b) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
    Some(a + (b - a) * rank.fract())
}

/// Starts k6 with 5 VUs against a target, pushing to a store.
pub fn start_k6(dir: &Path, id: &str, target: &Target, store: &str, seconds: u32, native_histograms: bool) -> Child {
    let script = dir.join(format!("{id}.js"));
    std::fs::write(&script, SCRIPT).unwrap();
    k6_run(&script, id, target, store, native_histograms).env("SECONDS", seconds.to_string()).spawn().unwrap()
}

const SCRIPT: &str =
    "import http from 'k6/http'; import { check, sleep } from 'k6'; import { Trend, Rate } from 'k6/metrics';
const time = new Trend('api_response_time', true), errors = new Rate('errors');
export const options = { scenarios: { main: { executor: 'constant-vus', vus: 5, duration: `${__ENV.SECONDS}s` } } };
export default function () {
  const answer = http.get(__ENV.TARGET, { tags: { name: 'work', service: 'shop' } });
  time.add(answer.timings.duration); errors.add(answer.status !== 200);
  check(answer, { ok: (answer) => answer.status === 200 }); sleep(0.04);
}";

/// `k6 run` of a script, as an engine would start it.
pub fn k6_run(script: &Path, id: &str, target: &Target, store: &str, native_histograms: bool) -> Command {
    let mut command = Command::new(k6());
    command
        .args(["run", "--quiet", "--no-color", "--out", "experimental-prometheus-rw"])
        .args(["--tag", &format!("testid={id}"), "--tag", "instance=1"])
        .arg("--system-tags=proto,method,status,name,group,check,error_code,scenario,expected_response")
        .arg(script)
        .env("K6_PROMETHEUS_RW_SERVER_URL", format!("{store}/api/v1/write"))
        .env("K6_PROMETHEUS_RW_PUSH_INTERVAL", "1s")
        .env("K6_PROMETHEUS_RW_STALE_MARKERS", "true")
        .env("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", native_histograms.to_string())
        .env("K6_PROMETHEUS_RW_TREND_STATS", "p(95),p(99),avg,med,min,max")
        .env("K6_NO_USAGE_REPORT", "true")
        .env("TARGET", format!("{}/work", target.url))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
