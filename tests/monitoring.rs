//! The files below `monitoring`, against the real program with real k6, Prometheus and demo services: every query of every
//! dashboard returns data while a run goes on.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used)]

#[path = "support/ports.rs"]
mod ports;
// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ports::free_port;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The stats that the dashboard 19665 may be set to.
const STATS: [&str; 7] = ["min", "avg", "med", "p90", "p95", "p99", "max"];

/// The trends of k6's own metrics.
const TRENDS: [&str; 9] = [
    "http_req_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "iteration_duration",
    "group_duration",
];

/// Signals a process that may be gone already.
fn signal(pid: i32, signal: Signal) {
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, signal));
}

fn monitoring(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring").join(path)
}

fn promtool(args: &[&str], file: &Path) -> String {
    let output = Command::new("promtool").args(args).arg(file).output().expect("promtool comes with Prometheus");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// The dashboards, by file name.
fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(monitoring("grafana/dashboards")).unwrap();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    files.map(|file| read(file.unwrap().path())).collect()
}

/// A dashboard's panels, those within rows included.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        found.push(panel);
        found.extend(panel["panels"].as_array().into_iter().flatten());
    }
    found
}

#[test]
fn promtool_takes_the_configuration_and_the_rules_are_complete() {
    let told = promtool(&["check", "config"], &monitoring("prometheus/prometheus.yml"));
    assert!(told.contains("1 rule files found"), "{told}");
    let rules = std::fs::read_to_string(monitoring("prometheus/rules/k6.yml")).unwrap();
    let recorded: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let gauges: Vec<_> = TRENDS.iter().flat_map(|trend| STATS.map(|stat| format!("k6_{trend}_{stat}"))).collect();
    let recent: Vec<_> = TRENDS.iter().map(|trend| format!("k6:{trend}_seconds:30s")).collect();
    assert_eq!(recorded, gauges.iter().chain(&recent).map(String::as_str).collect());
    // Without it, a series could be the same as one that k6 pushes.
    assert_eq!(rules.matches("labels: {window: 30s}").count(), gauges.len());
}

#[test]
fn dashboards_are_sound() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        assert_eq!(dashboard["refresh"], "5s", "{file}");
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{file}");
        let variables: Vec<_> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let place = format!("{file}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}: the id is taken");
            if panel["type"] == "row" {
                continue;
            }
            assert_eq!(panel["fieldConfig"]["defaults"]["noValue"], "no data", "{place}");
            if panel["type"] != "table" {
                assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{place}: no unit");
            }
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{place}");
            }
        }
        // What is left after the known ones were taken out would be shown as it stands.
        let mut text = dashboard.to_string();
        for name in variables.iter().copied().chain(["__rate_interval", "__range", "__value", "__field"]) {
            text = text.replace(&format!("${{{name}"), "").replace(&format!("${name}"), "");
        }
        assert!(!text.contains('$'), "{file} has an unknown variable: {}", &text[text.find('$').unwrap()..][..40]);
    }
    // `domain::grafana` links there.
    assert_eq!(uids, ["ha-dashboard-compare", "ha-dashboard-run"].map(str::to_owned).into());
    let source = std::fs::read_to_string(monitoring("grafana/provisioning/datasources/prometheus.yml")).unwrap();
    assert!(source.contains("uid: prometheus"));
}

/// Ends with the test: by a signal that it can answer, as a Prometheus and k6 go with it.
struct Process(Child);

impl Process {
    fn start(args: &[&str], env: &[(&str, &str)], dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"));
        let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
        command.args(args).env_clear().envs(env.iter().copied()).current_dir(dir);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    fn end(&mut self) {
        signal(self.0.id().cast_signed(), Signal::TERM);
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Demo services and a dashboard with everything that it starts, in a folder of their own.
struct Stack {
    http: reqwest::Client,
    dashboard: String,
    prometheus: String,
    services: Vec<String>,
    processes: Vec<Process>,
    dir: tempfile::TempDir,
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The dashboard first; services that are gone would look like faults.
        self.processes.iter_mut().rev().for_each(Process::end);
        // A test that failed leaves a run at work, and with it its k6 and its Prometheus: both work in our folder.
        let dir = self.dir.path().canonicalize().unwrap();
        let dir = dir.to_string_lossy().into_owned();
        for process in procfs::process::all_processes().unwrap().filter_map(Result::ok) {
            let below = |path: PathBuf| path.to_string_lossy().starts_with(&dir);
            let named = |arguments: Vec<String>| arguments.iter().any(|argument| argument.contains(&dir));
            if process.cwd().is_ok_and(below) || process.cmdline().is_ok_and(named) {
                signal(process.pid(), Signal::KILL);
            }
        }
    }
}

impl Stack {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = ["product-service", "user-service", "checkout-service"];
        let services = names.map(|_| format!("http://127.0.0.1:{}", free_port()));
        let setting =
            names.iter().zip(&services).map(|(name, url)| format!("{name}={url}")).collect::<Vec<_>>().join(",");
        let (addr, prometheus) = (format!("127.0.0.1:{}", free_port()), free_port());
        let (port, k6) = (prometheus.to_string(), support::k6());
        let state = dir.path().join("state");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("k6-scripts");
        let env = [
            ("HAD_SERVICES", setting.as_str()),
            ("HAD_ADDR", &addr),
            ("HAD_PROMETHEUS_PORT", &port),
            ("HAD_K6", k6.to_str().unwrap()),
            ("HAD_ENGINE", "process"),
            ("HAD_STATE_DIR", state.to_str().unwrap()),
            ("HAD_SCRIPTS_DIR", scripts.to_str().unwrap()),
        ];
        let mut processes: Vec<_> =
            names.iter().map(|name| Process::start(&["demo", "--service", name], &env[..1], dir.path())).collect();
        processes.push(Process::start(&["serve"], &env, dir.path()));
        let stack = Self {
            http: reqwest::Client::new(),
            dashboard: format!("http://{addr}"),
            prometheus: format!("http://127.0.0.1:{port}"),
            services: services.to_vec(),
            processes,
            dir,
        };
        stack
            .until(60, "everything is ready", async || {
                let health = stack.json("/health").await?;
                (health["status"] == "healthy").then_some(())
            })
            .await;
        stack
    }

    async fn json(&self, path: &str) -> Option<Value> {
        self.http.get(format!("{}{path}", self.dashboard)).send().await.ok()?.json().await.ok()
    }

    /// Waits for something, not longer than `seconds`.
    async fn until<T>(&self, seconds: u64, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(found) = look().await {
                return found;
            }
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "not within {seconds} s: {what}\n{}", log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn turn(&self, knobs: Value) {
        for service in &self.services {
            let answer = self.http.put(format!("{service}/knobs")).json(&knobs).send().await.unwrap();
            assert!(answer.status().is_success());
        }
    }

    /// Starts a run and tells its id.
    async fn run(&self, draft: &[(&str, &str)]) -> String {
        let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let form: Vec<_> = draft.iter().map(|(key, value)| format!("draft[{key}]={}", escaped(value))).collect();
        let request = self.http.post(format!("{}/fn/start", self.dashboard));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header("accept", "application/json").body(form.join("&")).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned()
    }

    async fn ended(&self, id: &str) {
        self.until(60, "the end of a run", async || {
            let run = self.json(&format!("/api/v1/runs/{id}")).await?;
            run.to_string().contains("finished").then_some(())
        })
        .await;
    }

    /// Prometheus' answer now: every value with its labels; an error where the query is refused.
    async fn query(&self, promql: &str) -> Result<Vec<(BTreeMap<String, String>, String)>, String> {
        let url = format!("{}/api/v1/query", self.prometheus);
        let answer = self.http.get(url).query(&[("query", promql)]).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        let Some(found) = answer["data"]["result"].as_array() else { return Err(answer["error"].to_string()) };
        let sample = |sample: &Value| {
            let labels = serde_json::from_value(sample["metric"].clone()).unwrap();
            // A histogram has another key, and is data, too.
            let value = sample["value"][1].as_str().unwrap_or("histogram").to_owned();
            (labels, value)
        };
        Ok(found.iter().map(sample).filter(|(_, value)| value != "NaN").collect())
    }

    /// The values of a label, as Grafana asks for them.
    async fn label_values(&self, matching: Option<&str>, label: &str) -> Vec<String> {
        let mut request = self.http.get(format!("{}/api/v1/label/{label}/values", self.prometheus));
        if let Some(matching) = matching {
            request = request.query(&[("match[]", matching)]);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        serde_json::from_value(answer["data"].clone()).unwrap()
    }

    /// Whether a variable's query finds something; `Err`: what it is that finds nothing.
    async fn variable(&self, query: &str, variables: &Variables) -> Result<Vec<String>, String> {
        let inner = |function: &str| query.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')');
        let found = if let Some(inner) = inner("label_values") {
            match inner.rsplit_once(',') {
                Some((matching, label)) => self.label_values(Some(&variables.put(matching)), label.trim()).await,
                None => self.label_values(None, inner).await,
            }
        } else if let Some(pattern) = inner("metrics") {
            let names = self.label_values(None, "__name__").await;
            names.into_iter().filter(|name| name.contains(pattern)).collect()
        } else {
            let promql = inner("query_result").unwrap_or_else(|| panic!("an unknown kind of variable: {query}"));
            let found = self.query(&variables.put(promql)).await?;
            // As Grafana writes them, for the variable's regular expression.
            found
                .iter()
                .map(|(labels, value)| format!("{}{{}} {value} 1", labels.get("__name__").map_or("", |n| n)))
                .collect()
        };
        if found.is_empty() { Err(format!("nothing for {query}")) } else { Ok(found) }
    }
}

/// What Grafana puts for variables.
struct Variables(Vec<(&'static str, String)>);

impl Variables {
    fn put(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
        })
    }
}

/// The queries of Grafana's public dashboard 19665, "k6 Prometheus", as its revision of 2023 sends them.
fn queries_of_19665() -> Vec<String> {
    const RUN: &str = r#"testid=~"$testid""#;
    let trend = |name: &str, more: &str| format!("avg(k6_{name}_$quantile_stat{{{RUN}{more}}})");
    let rate = |outer: &str, name: &str, more: &str| {
        format!("{outer}(irate(k6_{name}_total{{{RUN}{more}}}[$__rate_interval]))")
    };
    let [good, bad] = ["true", "false"].map(|expected| format!(r#", expected_response="{expected}""#));
    let mut queries = vec![
        format!("avg(k6_vus{{{RUN}}})"),
        format!("avg(round(k6_http_req_failed_rate{{{RUN}}}, 0.1)*100)"),
        format!("sum(k6_http_reqs_total{{{RUN}}})"),
        format!("sum(k6_http_reqs_total{{{RUN}{good}}})"),
        rate("sum", "http_reqs", ""),
        rate("sum", "http_reqs", &good),
        rate("sum", "http_reqs", &bad),
        rate("max", "http_reqs", ""),
        rate("avg", "data_sent", ""),
        rate("avg", "data_received", ""),
        format!("avg(k6_dropped_iterations_total{{{RUN}}})"),
        format!("round(k6_checks_rate{{{RUN}}}, 0.1)"),
        format!("avg(round(k6_checks_rate{{{RUN}}}, 0.1)*100)"),
        trend("http_req_duration", &good),
        trend("http_req_duration", &bad),
        "$analyze_metric".to_owned(),
    ];
    let phases = ["duration", "blocked", "tls_handshaking", "sending", "waiting", "receiving"];
    queries.extend(phases.map(|phase| trend(&format!("http_req_{phase}"), "")));
    queries.push(trend("iteration_duration", ""));
    let by_url = |stat| format!("avg by(name, method, status) (k6_http_req_duration_{stat}{{{RUN}}})");
    queries.extend(["min", "max", "p95", "p99"].map(by_url));
    queries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_every_dashboard_returns_data_while_a_run_goes_on() {
    let stack = Stack::start().await;
    let baseline = stack
        .run(&[
            ("script", "api-load-test.js"),
            ("target", "all-services"),
            ("pattern", "smoke"),
            ("model", "vus"),
            ("peak", "2"),
            ("duration", "10s"),
        ])
        .await;
    stack.ended(&baseline).await;

    // Slow enough for an open model to drop iterations, and with failures, also of the health checks.
    stack.turn(json!({ "latency_ms": 300, "error_share": 0.4 })).await;
    let run = stack
        .run(&[
            ("script", "shop-journey.js"),
            ("target", "all-services"),
            ("pattern", "load"),
            ("model", "arrival-rate"),
            ("peak", "40"),
            ("duration", "180s"),
            ("ramp", "2s"),
            ("pre_allocated_vus", "2"),
            ("max_vus", "8"),
            ("thresholds", "http_req_duration:p(95)<100,http_req_failed:rate<0.01,checks:rate>0.1"),
            // Slow requests are to show, not to fail.
            ("request_timeout", "10"),
        ])
        .await;

    let common = [
        ("__rate_interval", "8s"),
        ("__range", "10m"),
        ("quantile_stat", "p95"),
        ("analyze_metric", "k6_iteration_duration_p90"),
    ];
    let mut put: Vec<_> = common.map(|(name, value)| (name, value.to_owned())).into();
    put.extend([("testid", run.clone()), ("run", run.clone()), ("baseline", baseline.clone())]);
    // What a dashboard's own query finds.
    let started = "ha_dashboard_run_started_timestamp_seconds";
    let shift = stack
        .until(30, "both starts are known", async || {
            let starts = format!("{started}{{testid=\"{run}\"}} - on() {started}{{testid=\"{baseline}\"}}");
            let found = stack.query(&starts).await.ok()?;
            found.first()?.1.parse::<f64>().ok()
        })
        .await;
    put.push(("shift", format!("{shift:.0}")));
    let variables = Variables(put);

    // Where each comes from, and the query.
    let mut open: Vec<(String, String)> = Vec::new();
    let mut asked: Vec<(String, String)> = Vec::new();
    for (file, dashboard) in dashboards() {
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            if variable["type"] == "query" {
                let query = variable["query"]["query"].as_str().unwrap().to_owned();
                asked.push((format!("{file}: variable {}", variable["name"]), query));
            }
        }
        for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
            if let Some(query) = annotation["expr"].as_str() {
                open.push((format!("{file}: annotation {}", annotation["name"]), query.to_owned()));
            }
        }
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{file}: {} {}", panel["title"], target["refId"]);
                open.push((place, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    asked.extend(
        ["label_values(testid)", "metrics(k6_http_req_duration_)", "metrics(k6_)"]
            .map(|query| ("19665: variable".to_owned(), query.to_owned())),
    );
    open.extend(queries_of_19665().into_iter().map(|query| ("19665".to_owned(), query)));
    let count = open.len() + asked.len();
    assert!(count > 90, "{count} queries");

    // A run at work has no verdict.
    let (after_end, mut open): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|(_, query)| query.contains("ha_dashboard_run_verdict"));
    // There, several may be chosen.
    let both = Variables([("testid", format!("({run}|{baseline})"))].into());
    let of = |place: &str, query: &str| {
        let query = if place.starts_with("compare-runs") { both.put(query) } else { query.to_owned() };
        variables.put(&query)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut failed;
    loop {
        failed = Vec::new();
        let mut left = Vec::new();
        for (place, query) in open {
            match stack.query(&of(&place, &query)).await {
                Ok(found) if !found.is_empty() => {}
                Ok(_) => {
                    failed.push(format!("{place}: no data for {}", of(&place, &query)));
                    left.push((place, query));
                }
                Err(error) => panic!("{place}: {error} for {}", of(&place, &query)),
            }
        }
        open = left;
        if open.iter().all(|(_, query)| query.contains("fault-.*")) || Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Nobody can set a fault in services without doors and supervisor: with those, `tests/stage.rs` has the metric.
    failed.retain(|told| !told.contains("fault-.*"));
    assert!(failed.is_empty(), "{} of {count} queries stayed empty:\n{}", failed.len(), failed.join("\n"));
    for (place, query) in asked {
        let found = stack.variable(&query, &variables).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        match query.split_once('(').unwrap().0 {
            "label_values" => assert!(found.contains(&run) && found.contains(&baseline), "{place}: {found:?}"),
            "metrics" => assert!(found.contains(&"k6_http_req_duration_p95".to_owned()), "{place}: {found:?}"),
            _ => assert_eq!(found, [format!("{{}} {} 1", shift.round())], "{place}"),
        }
    }
    // Both runs are in the table, and the second one is no continuation of the first.
    let table = format!("sum by (testid) (last_over_time(k6_http_reqs_total{{testid=~\"{run}|{baseline}\"}}[10m]))");
    assert_eq!(stack.query(&table).await.unwrap().len(), 2);

    // Slow requests show, although each of their series is pushed once in a while only. And what k6's own gauges never do:
    // they recover. Every series of the run, as 19665 averages them.
    let slow = format!("max(k6_http_req_duration_p95{{testid=\"{run}\",service=\"user-service\"}})");
    let whole = format!("max(k6_http_req_duration_p95{{testid=\"{run}\"}})");
    let value = async |query: &str| stack.query(query).await.unwrap().first()?.1.parse::<f64>().ok();
    stack.turn(json!({ "latency_ms": 4000 })).await;
    stack.until(90, "the spike is recorded", async || value(&slow).await.filter(|p95| *p95 > 3.7)).await;
    stack.turn(json!({})).await;
    let recovered = Instant::now();
    stack.until(90, "the spike is gone", async || value(&whole).await.filter(|p95| *p95 < 0.25)).await;
    println!("{count} queries; the recorded p95 recovered after {:?}", recovered.elapsed());
    let other = format!("k6_http_req_duration_p95{{testid=\"{run}\"}}");
    let labels = stack.query(&other).await.unwrap().remove(0).0;
    for label in ["testid", "scenario", "name", "method", "status", "service", "expected_response", "proto"] {
        assert!(labels.contains_key(label), "{label} is missing in {labels:?}");
    }
    assert!(!labels.contains_key("instance") && labels["window"] == "30s", "{labels:?}");

    let stopped = stack.http.post(format!("{}/fn/stop", stack.dashboard)).header("accept", "application/json");
    assert!(stopped.send().await.unwrap().status().is_success());
    stack.ended(&run).await;
    assert!(!after_end.is_empty());
    for (place, query) in after_end {
        stack
            .until(20, &place, async || {
                let found = stack.query(&of(&place, &query)).await.ok()?;
                found.iter().any(|(labels, _)| labels["testid"] == run).then_some(())
            })
            .await;
    }
}
