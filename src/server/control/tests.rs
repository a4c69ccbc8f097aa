//! Runs real k6 below real keepers. What takes the keeper's part is this test program itself, see [`keeper_process`].

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ha_dashboard::{
    api::caller::Caller,
    domain::{
        fault::FaultLimits,
        live::EngineReason,
        plan::{ALL_SERVICES, OwnEnd, Pattern, Peak, Plan, Shape},
        run::{RunState, Seen, Source, Totals, Verdict},
        script::ScriptInput,
        service::Service,
        threshold::Observed,
        validate::Limits,
    },
};
use tokio::runtime::Runtime;

mod bursts;
mod criteria;
mod docker;
mod halting;
mod regression;
mod roles;
mod unwatched;

use super::*;
use crate::server::{
    config::{Allowance, DockerConfig, EngineChoice, Retention, StoreChoice},
    engine::{
        Instance, InstanceState, Launch, Part, keeper,
        process::{KeeperCommand, ProcessEngine},
        selection::Selection,
    },
    feed::RunFeed,
    prometheus::lab,
};

const LIMITS: Limits = Limits { max_vus: 10, max_rate: 10, max_duration_s: 60 };

const LIMIT: Duration = Duration::from_secs(60);

/// Not a test by itself: the keeper of the other tests' runs.
#[test]
fn keeper_process() {
    if let Some(dir) = std::env::var_os("HAD_KEEPER_DIR") {
        keeper::main(PathBuf::from(dir));
    }
}

fn k6() -> PathBuf {
    if let Some(named) = std::env::var_os("HAD_K6") {
        return named.into();
    }
    let cached = PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/ha-dashboard/bin/k6");
    if cached.exists() { cached } else { "k6".into() }
}

fn caller(correlation_id: &str) -> Caller {
    Caller { correlation_id: correlation_id.into(), ..Caller::default() }
}

/// A state folder, a scripts folder and a service to send load to.
struct Bench {
    folder: tempfile::TempDir,
    target: SocketAddr,
    hits: Arc<AtomicU64>,
    _target: Runtime,
}

impl Bench {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scripts")).unwrap();
        for (name, text) in scripts {
            fs::write(folder.path().join("scripts").join(name), text).unwrap();
        }
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let target = listener.local_addr().unwrap();
        let hits = Arc::new(AtomicU64::new(0));
        let counted = hits.clone();
        let answer = move || async move {
            counted.fetch_add(1, Ordering::Relaxed);
            "ok"
        };
        runtime.spawn(async { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Self { folder, target, hits, _target: runtime }
    }

    fn config(&self) -> Config {
        Config {
            login: crate::server::config::Login::Auto,
            viewers: crate::server::config::Viewers::Open,
            addr: ([127, 0, 0, 1], 0).into(),
            state_dir: self.folder.path().join("state"),
            scripts_dir: self.folder.path().join("scripts"),
            script_uploads: false,
            site_root: PathBuf::new(),
            services: vec![Service::new("target", format!("http://{}", self.target))],
            replicas: BTreeMap::new(),
            patience: ha_dashboard::domain::steady::Patience::default(),
            gateway: "unix:///nowhere".into(),
            supervisor: "/nowhere".into(),
            limits: LIMITS,
            runs_per_day: None,
            presenter: Allowance { limits: LIMITS, runs_per_day: None },
            fault_limits: FaultLimits::default(),
            retention: Retention::default(),
            store: StoreChoice::External { url: String::new() },
            grafana_url: None,
            jaeger_url: None,
            public_url: None,
            webhooks: Vec::new(),
            engine: EngineChoice::Process,
            k6: k6(),
            docker: DockerConfig {
                host: docker::host(),
                network: "host".into(),
                image: docker::IMAGE.into(),
                memory: 512 << 20,
                cpus: 2,
            },
            stop_grace: Duration::from_secs(5),
            tick: Duration::from_secs(1),
        }
    }

    fn run_dirs(&self) -> usize {
        fs::read_dir(self.folder.path().join("state/runs")).map_or(0, Iterator::count)
    }

    /// Starts a dashboard without its hub and web parts.
    fn dashboard(&self) -> Life {
        self.dashboard_with(self.config())
    }

    fn dashboard_with(&self, config: Config) -> Life {
        // k6 complains that nobody takes its samples there, and goes on.
        let store = StoreFeed { url: Some("http://127.0.0.1:9".into()), native_histograms: true, ..Default::default() };
        self.dashboard_in(Runtime::new().unwrap(), config, watch::channel(store).1, Shutdown::default())
    }

    /// The same with what pushes go to, and with what ends its parts.
    fn dashboard_in(
        &self,
        runtime: Runtime,
        config: Config,
        store: watch::Receiver<StoreFeed>,
        shutdown: Shutdown,
    ) -> Life {
        let lock = poll("the state folder's lock", || StateLock::claim(&config.state_dir).ok());
        let archive = Archive::open(lock).unwrap();
        let engine: Arc<dyn Engine> = match config.engine {
            EngineChoice::Process => {
                Arc::new(ProcessEngine::new(&config, EngineReason::Configured, &shutdown).with_keeper(keeper_command()))
            }
            EngineChoice::Auto | EngineChoice::Docker => {
                Arc::new(Selection::new(&config, &shutdown).with_keeper(keeper_command()))
            }
        };
        let (board, journal) = Board::blank();
        let audience = Audience::default();
        let links = Links {
            engine,
            archive,
            services: Registry::new(&config),
            board: board.clone(),
            journal: journal.clone(),
            store,
            shutdown,
            retention: config.retention,
            audience: audience.clone(),
        };
        let supervisor = runtime.block_on(Supervisor::take_over(links)).unwrap();
        let life = Life { runtime, supervisor, runs: board.runs(), board, journal, audience };
        // On a busy machine the first look may take longer than the start waits for it.
        let mut looked = life.runs.clone();
        life.wait(async { looked.wait_for(|feed| !feed.engine.name.is_empty()).await.map(drop) }).unwrap();
        life
    }
}

fn keeper_command() -> KeeperCommand {
    KeeperCommand {
        program: "/proc/self/exe".into(),
        args: ["--exact", "server::control::tests::keeper_process", "--nocapture"].map(Into::into).to_vec(),
        env: BTreeMap::from([("HAD_KEEPER_DIR".into(), String::new())]),
    }
}

/// One process' worth of dashboard.
struct Life {
    runtime: Runtime,
    supervisor: Arc<Supervisor>,
    runs: watch::Receiver<RunFeed>,
    board: Arc<Board>,
    journal: Journal,
    audience: Audience,
}

impl Life {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let limited = async { tokio::time::timeout(LIMIT, future).await };
        self.runtime.block_on(limited).expect("took too long")
    }

    fn start(&self, script: &str, thresholds: &[&str]) -> Run {
        self.wait(self.supervisor.start(plan(script, thresholds), None, OfScript::default(), caller("abc"))).unwrap()
    }

    fn stop(&self) -> Run {
        self.wait(self.supervisor.stop(caller("def"))).unwrap()
    }

    /// Asking again changes nothing, whether k6 is still there or not.
    fn stop_again(&self) {
        match self.wait(self.supervisor.stop(caller("again"))) {
            Ok(run) => assert_eq!(run.state, RunState::Stopping),
            Err(error) => assert_eq!(error, ApiError::NotRunning),
        }
    }

    /// What is on the timeline, by name.
    fn told(&self) -> Vec<String> {
        let name = |event: &Event| serde_json::to_value(&event.kind).unwrap()["event"].as_str().unwrap().to_owned();
        self.board.events().iter().map(name).collect()
    }

    /// Waits for a state of the current run.
    fn until(&self, what: impl Fn(&Run) -> bool) -> Run {
        let mut runs = self.runs.clone();
        let feed = self
            .wait(async { runs.wait_for(|feed| feed.run.as_ref().is_some_and(&what)).await.map(|feed| feed.clone()) });
        feed.unwrap().run.unwrap()
    }

    fn running(&self) -> Run {
        let run = self.until(|run| !matches!(run.state, RunState::Starting));
        assert_eq!(run.state, RunState::Running, "{run:?}");
        run
    }

    /// The same once that is on record: everybody is told before.
    fn running_on_record(&self) -> Run {
        let run = self.running();
        poll("the record", || (self.supervisor_record(&run.id)["state"]["state"] == "running").then_some(()));
        run
    }

    fn finished(&self, id: &RunId) -> (Run, Verdict) {
        let run = self.until(|run| run.id == *id && !run.state.is_active());
        let RunState::Finished(verdict) = run.state.clone() else { panic!("{run:?}") };
        // The record is written after everybody was told.
        poll("the record", || {
            let record = self.supervisor_record(id);
            (record["state"]["state"] == "finished").then_some(())
        });
        (run, verdict)
    }

    /// What is wrong with the state folder, once something is.
    fn storage_problem(&self) -> String {
        let mut runs = self.runs.clone();
        let told = async { runs.wait_for(|feed| !feed.storage_problem.is_empty()).await.map(|feed| feed.clone()) };
        self.wait(told).unwrap().storage_problem
    }

    /// What the database has; null: nothing.
    fn supervisor_record(&self, id: &RunId) -> serde_json::Value {
        let database = self.supervisor.archive_dir(id).join("../../dashboard.sqlite");
        let connection = rusqlite::Connection::open(database).unwrap();
        let sql = "SELECT record FROM records WHERE run = ?1";
        let record = connection.query_row(sql, [id.as_str()], |row| row.get::<_, String>(0));
        record.map_or(serde_json::Value::Null, |record| serde_json::from_str(&record).unwrap())
    }

    /// All runs, newest first.
    fn all(&self) -> Vec<Run> {
        let found = self.wait(self.supervisor.find(Query { most: 1000, ..Query::default() })).unwrap();
        found.runs.into_iter().map(|(run, _)| run).collect()
    }

    fn run(&self, id: &RunId) -> Result<Run, ApiError> {
        self.wait(self.supervisor.run(id))
    }

    /// Ends as a killed process would: no destructor tells anybody.
    fn crash(self) {
        self.runtime.shutdown_background();
    }
}

fn plan(script: &str, thresholds: &[&str]) -> Plan {
    Plan {
        script: script.into(),
        target: ALL_SERVICES.into(),
        shape: Shape::Own { duration_s: 2, max_vus: 2, end: OwnEnd::Unknown },
        thresholds: thresholds.iter().map(|text| text.parse().unwrap()).collect(),
        request_timeout_s: 3,
        stop_when: vec![],
        regression: vec![],
    }
}

fn poll<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn gone(pid: u64) {
    poll("the process to end", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

fn instance(dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(dir.join("instance.json")).unwrap()).unwrap()
}

fn gone_with_keeper(dir: &Path) {
    let instance = instance(dir);
    gone(instance["k6"]["pid"].as_u64().unwrap());
    gone(instance["keeper"]["pid"].as_u64().unwrap());
}

/// A journey against the service for a time, with a summary as our scripts write it.
fn script(duration: &str, thresholds: &str, more: &str) -> String {
    format!(
        "import http from 'k6/http'; import exec from 'k6/execution'; import {{ sleep }} from 'k6';
        const input = JSON.parse(__ENV.HAD_INPUT_FILE ? open(__ENV.HAD_INPUT_FILE) : __ENV.HAD_INPUT);
        export const options = {{ scenarios: {{ a: {{ executor: 'constant-vus', vus: 2, duration: '{duration}',
            gracefulStop: '1s' }} }}, thresholds: {thresholds} }};
        {more}
        export default function () {{
            if (exec.scenario.iterationInTest === 0) console.log('began ' + exec.scenario.startTime);
            http.get(input.services[0].url + '/', {{ tags: {{ name: 'x' }} }}); sleep(0.05);
        }}
        export function handleSummary(data) {{ return {{ [__ENV.HAD_SUMMARY]: JSON.stringify(data) }}; }}"
    )
}

#[test]
fn a_run_passes_and_leaves_its_record() {
    let say = "export function setup() { console.log('env ' + Object.keys(__ENV).sort().join()); }";
    let text = script("2s", "{ http_req_failed: ['rate < 0.5'] }", say);
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard();
    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
    assert_eq!((run.state.is_active(), run.correlation_id.as_str()), (true, "abc"));
    assert_eq!(life.runs.borrow().run.as_ref().map(|run| run.id.clone()), Some(run.id.clone()));

    life.running();
    let pids = life.runs.borrow().k6_pids.clone();
    let k6 = procfs::process::Process::new(i32::try_from(pids[0]).unwrap()).unwrap();
    assert!(fs::read_to_string(format!("/proc/{}/comm", pids[0])).unwrap().starts_with("k6"));
    let listening = k6.tcp().unwrap().into_iter().filter(|tcp| tcp.state == procfs::net::TcpState::Listen);
    let sockets = k6.fd().unwrap().filter_map(|fd| match fd.unwrap().target {
        procfs::process::FDTarget::Socket(inode) => Some(inode),
        _ => None,
    });
    let sockets = sockets.collect::<Vec<_>>();
    assert_eq!(listening.filter(|tcp| sockets.contains(&tcp.inode)).count(), 0, "k6 must not listen");

    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Passed);
    let (started, ended) = (run.started_ms.unwrap(), run.ended_ms.unwrap());
    assert!(run.created_ms < started && (1900..).contains(&(ended - started)), "{run:?}");
    assert_eq!(
        (run.thresholds[0].k6_ok, run.thresholds[0].ok, run.thresholds[0].value),
        (Some(true), Some(true), Some(0.0))
    );
    let log = life.wait(life.supervisor.log(&run.id)).unwrap();
    let env = log.iter().find_map(|line| line.split_once(" INFO env ")).expect("the script's line").1;
    let allowed = ["HOME", "HAD_INPUT", "HAD_SUMMARY", "SSL_CERT_DIR", "SSL_CERT_FILE"];
    assert!(env.split(',').all(|name| allowed.contains(&name) || name.starts_with("K6_")), "{env}");
    assert!(log.iter().all(|line| !line.contains(" DEBUG ")));
    let began = log.iter().find_map(|line| line.split_once(" INFO began ")).expect("k6's own time").1;
    let off = began.parse::<u64>().unwrap().abs_diff(started);
    println!("started_ms is {off} ms off");
    assert!(off < 5000, "{off} ms");
    assert!(life.runs.borrow().k6_pids.is_empty());
    gone_with_keeper(&life.supervisor.archive_dir(&run.id));
    assert_eq!(life.wait(life.supervisor.stop(Caller::default())), Err(ApiError::NotRunning));

    // The next process knows it.
    let before = life.all();
    life.crash();
    let life = bench.dashboard();
    assert_eq!((life.all(), life.runs.borrow().adopted), (before, false));
}

#[test]
fn a_schedule_runs_as_it_was_computed() {
    let text = "export const options = (() => { const s = JSON.parse(__ENV.HAD_INPUT).schedule;
        return { scenarios: { main: { executor: s.executor, startVUs: 0, gracefulStop: '3s', stages: s.phases.map((p) =>
            ({ duration: p.duration_s + 's', target: p.target })) } } }; })();
        export default function () { }";
    let bench = Bench::new(&[("a.js", text)]);
    let life = bench.dashboard();
    let shape = Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 2 }, duration_s: 3, ramp_s: None };
    let run = life
        .wait(life.supervisor.start(Plan { shape, ..plan("a.js", &[]) }, None, OfScript::default(), Caller::default()))
        .unwrap();
    assert!(run.deadline_ms - run.created_ms >= (30 + 3 + 3 + 10) * 1000, "{run:?}");
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Passed);
    let took = run.ended_ms.unwrap() - run.started_ms.unwrap();
    assert!((2900..).contains(&took), "{took} ms");
}

#[test]
fn crossed_thresholds_fail_a_run() {
    let text = script("1s", "{ http_req_duration: ['p(95)<0.001'] }", "");
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard();
    let run = life.start("a.js", &["http_req_duration:p(95)<0.001"]);
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Failed);
    assert_eq!((run.thresholds[0].k6_ok, run.thresholds[0].ok), (Some(false), Some(false)));
    assert!(run.thresholds[0].value.is_some_and(|ms| ms > 0.001));
}

#[test]
fn a_script_without_a_summary_of_its_own_has_totals_and_every_threshold_named() {
    let text = "import http from 'k6/http'; import { Trend } from 'k6/metrics';
        const size = new Trend('size'), unused = new Trend('unused');
        export const options = { iterations: 3, summaryTrendStats: ['med', 'p(12.5)'], thresholds: {
            size: ['p(99.9)<7', 'max<=7'], 'size{service:none}': ['avg<1'], 'http_req_duration{service:x}': ['max<0.001'],
            'http_reqs{ service : x }': ['count==3'] } };
        export default function () {
            http.get(`${JSON.parse(__ENV.HAD_INPUT).services[0].url}/`, { tags: { service: 'x' } }); size.add(7); }";
    let bench = Bench::new(&[("a.js", text)]);
    let life = bench.dashboard();
    let known = ["size:p(99.9)<7", "size:max<=7", "size{service:none}:avg<1", "http_req_duration{service:x}:max<0.001"];
    let stats = vec!["med".to_owned(), "p(12.5)".to_owned()];
    let run = life
        .wait(life.supervisor.start(
            plan("a.js", &known),
            None,
            OfScript { trend_stats: stats, revision: "0123456789ab".into() },
            Caller::default(),
        ))
        .unwrap();
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Failed);
    let came = &run.origin;
    assert_eq!((&*came.door, &*came.engine, &*came.scripts), ("rest", "process", "0123456789ab"));
    assert!(came.k6.contains('.') && came.cores.is_some_and(|cores| cores > 0), "{came:?}");
    let totals = run.totals.unwrap();
    assert_eq!((totals.requests, totals.iterations, totals.failed_share), (Some(3.0), Some(3.0), Some(0.0)));
    assert!(totals.p99_s.is_some_and(|seconds| seconds > 0.0) && totals.p50_s <= totals.p95_s, "{totals:?}");
    let seen = run.thresholds.iter().map(|seen| (seen.threshold.to_string(), seen.value, seen.k6_ok));
    let seen = seen.collect::<Vec<_>>();
    let slowest = run.thresholds[3].value;
    assert!(slowest.is_some_and(|ms| ms > 0.001), "{seen:?}");
    let expected = [
        (known[0], Some(7.0), false),
        (known[1], Some(7.0), true),
        (known[2], None, true),
        (known[3], slowest, false),
        ("http_reqs{service:x}:count==3", Some(3.0), true),
    ];
    assert_eq!(seen, expected.map(|(rule, value, held)| (rule.to_owned(), value, Some(held))));
    let export = fs::read_to_string(life.supervisor.archive_dir(&run.id).join("summary-export.json")).unwrap();
    assert!(export.contains("p(12.5)"), "the script's own are told, too");
}

#[test]
fn a_stop_ends_a_run_at_once_and_shows_what_was_crossed() {
    let text = script("60s", "{ http_req_duration: ['p(95)<0.001'] }", "");
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard();
    let pressed = Instant::now();
    let run = life.start("a.js", &["http_req_duration:p(95)<0.001"]);
    let answered = pressed.elapsed();
    life.running();
    println!("start answered after {answered:?}, load after {:?}", pressed.elapsed());
    // Until k6 has seen answers, the threshold has nothing to be crossed by.
    let hits = bench.hits.load(Ordering::Relaxed);
    poll("requests", || (bench.hits.load(Ordering::Relaxed) > hits + 4).then_some(()));
    let asked = Instant::now();
    assert_eq!(life.stop().state, RunState::Stopping);
    life.stop_again();
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(life.told()[..3], ["run-started", "stop-requested", "run-ended"]);
    println!("stopped after {:?}", asked.elapsed());
    assert_eq!(verdict, Verdict::Stopped);
    assert_eq!(run.thresholds[0].k6_ok, Some(false));
}

#[test]
fn a_stop_before_the_first_load_cancels() {
    let setup = "export function setup() { console.log('in setup'); sleep(20); }";
    let bench = Bench::new(&[("a.js", &script("60s", "{}", setup))]);
    let life = bench.dashboard();
    for in_setup in [false, true] {
        let run = life.start("a.js", &[]);
        let log = life.supervisor.archive_dir(&run.id).join("k6.log");
        if in_setup {
            poll("setup", || fs::read_to_string(&log).is_ok_and(|log| log.contains("in setup")).then_some(()));
        }
        life.stop();
        let (run, verdict) = life.finished(&run.id);
        assert_eq!((verdict, run.started_ms), (Verdict::Cancelled, None), "in setup: {in_setup}");
    }
}

#[test]
fn a_stop_while_k6_is_being_launched_is_passed_on() {
    // However late the stop comes through on a busy machine, no load has begun yet.
    let setup = "export function setup() { sleep(20); }";
    let bench = Bench::new(&[("a.js", &script("60s", "{}", setup))]);
    let life = bench.dashboard();
    let (started, stopped) = life.wait(async {
        let start = life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default());
        let mut runs = life.runs.clone();
        let stop = async {
            runs.wait_for(|feed| feed.run.is_some()).await.unwrap();
            life.supervisor.stop(Caller::default()).await
        };
        tokio::join!(start, stop)
    });
    assert_eq!(stopped.unwrap().state, RunState::Stopping);
    let (_, verdict) = life.finished(&started.unwrap().id);
    assert_eq!(verdict, Verdict::Cancelled);
}

#[test]
fn k6_that_does_not_end_is_killed_after_the_grace_time() {
    let text = script("60s", "{}", "export function teardown() { sleep(50); }");
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard_with(Config { stop_grace: Duration::from_millis(500), ..bench.config() });
    let run = life.start("a.js", &[]);
    life.running();
    life.stop();
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Stopped);
    gone_with_keeper(&life.supervisor.archive_dir(&run.id));
}

#[test]
fn a_run_survives_the_dashboard_and_is_adopted() {
    let bench = Bench::new(&[("a.js", &script("4s", "{}", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    let started = life.running().started_ms;
    assert_eq!(life.told(), ["run-started"]);
    life.crash();

    let life = bench.dashboard();
    let feed = life.runs.borrow().clone();
    assert!(feed.adopted && !feed.k6_pids.is_empty());
    assert_eq!(feed.run.as_ref().map(|run| (&run.state, run.started_ms)), Some((&RunState::Running, started)));
    let refused = life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
    assert_eq!(refused, Err(ApiError::AlreadyRunning { running: run.id.clone() }));
    assert_eq!(life.finished(&run.id).1, Verdict::Passed);
    assert_eq!(life.told(), ["run-started", "run-adopted", "run-ended"]);
    assert_eq!(life.board.events()[0].at_ms, started.unwrap());
}

#[test]
fn a_run_that_ended_without_the_dashboard_is_finalised() {
    let bench = Bench::new(&[("a.js", &script("1s", "{ http_req_failed: ['rate<0.5'] }", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
    let dir = life.supervisor.archive_dir(&run.id);
    life.crash();
    poll("the end", || dir.join("exit.json").exists().then_some(()));

    let life = bench.dashboard();
    let feed = life.runs.borrow().clone();
    assert!(!feed.adopted);
    assert_eq!(feed.run.clone().unwrap().state, RunState::Finished(Verdict::Passed));
    assert_eq!(feed.run.clone().unwrap().thresholds[0].k6_ok, Some(true));
    assert_eq!(life.told(), ["run-started", "run-ended"]);
    assert_eq!(life.board.events()[1].at_ms, feed.run.unwrap().ended_ms.unwrap());
}

#[test]
fn a_run_at_work_is_found_by_its_processes_whatever_became_of_its_records() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    for damaged in [&["run.json"][..], &["instance.json"], &["run.json", "instance.json"]] {
        let life = bench.dashboard();
        let run = life.start("a.js", &[]);
        life.running_on_record();
        let dir = life.supervisor.archive_dir(&run.id);
        let pid = instance(&dir)["k6"]["pid"].as_u64().unwrap();
        life.crash();
        for name in damaged {
            fs::write(dir.join(name), "{\"id\":").unwrap();
        }

        let life = bench.dashboard();
        let feed = life.runs.borrow().clone();
        assert!(feed.adopted && feed.k6_pids == [u32::try_from(pid).unwrap()], "{damaged:?}: {feed:?}");
        let refused = life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
        assert_eq!(refused, Err(ApiError::AlreadyRunning { running: run.id.clone() }), "{damaged:?}");
        life.stop();
        assert_eq!(life.finished(&run.id).1, Verdict::Stopped, "{damaged:?}");
        gone(pid);
        life.crash();
    }

    // Where nothing tells what it is, it must not go on beside the next run.
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let dir = life.supervisor.archive_dir(&run.id);
    let pid = instance(&dir)["k6"]["pid"].as_u64().unwrap();
    life.crash();
    for name in ["run.json", "instance.json"] {
        fs::write(dir.join(name), "{\"id\":").unwrap();
    }
    let database = rusqlite::Connection::open(dir.join("../../dashboard.sqlite")).unwrap();
    database.execute("DELETE FROM records", []).unwrap();
    let life = bench.dashboard();
    assert!(life.run(&run.id).is_err());
    gone(pid);
}

/// Something mounted at a place, which goes with the value.
struct Mount(PathBuf);

impl Mount {
    /// A disk of some KiB.
    fn small_disk(place: PathBuf, kib: u32) -> Self {
        fs::create_dir_all(&place).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], &place);
        Self(place)
    }

    /// The folder that is there already, which can't be written to by its name.
    fn read_only(place: PathBuf) -> Self {
        mount(&["--bind", &place.display().to_string()], &place);
        mount(&["-o", "remount,bind,ro"], &place);
        Self(place)
    }

    fn fill(&self) {
        let filled = fs::write(self.0.join("filler"), vec![0; 1 << 22]);
        assert!(filled.is_err(), "the disk must be full");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str], place: &Path) {
    let mounted = std::process::Command::new("mount").args(args).arg(place).status().unwrap();
    assert!(mounted.success(), "mounting needs root");
}

#[test]
fn a_disk_that_fills_up_is_told_and_costs_no_verdict() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", "")), ("quick.js", &script("1s", "{}", ""))]);
    let disk = Mount::small_disk(bench.folder.path().join("state"), 1024);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running();
    let dir = life.supervisor.archive_dir(&run.id);
    // What is noted when k6 begins is on disk.
    poll("the record", || (!instance(&dir)["started_ms"].is_null()).then_some(()));
    disk.fill();
    life.stop();
    let ended = life.until(|run| !run.state.is_active());
    assert_eq!(ended.state, RunState::Finished(Verdict::Stopped));
    assert!(ended.started_ms.is_some() && ended.ended_ms.is_some());
    let problem = life.storage_problem();
    assert!(problem.contains("No space left") && problem.contains("HAD_STATE_DIR"), "{problem}");
    let refused = life.wait(life.supervisor.start(plan("quick.js", &[]), None, OfScript::default(), Caller::default()));
    assert!(matches!(&refused, Err(ApiError::Unavailable { what }) if what.contains("No space left")), "{refused:?}");

    // What could not be kept is kept as soon as it can be.
    disk.free();
    let next = life.start("quick.js", &[]);
    assert_eq!(life.finished(&next.id).1, Verdict::Passed);
    assert_eq!(life.runs.borrow().storage_problem, "");
    assert_eq!(life.supervisor_record(&run.id)["state"]["verdict"], "stopped");
    life.crash();
    drop(disk);
}

#[test]
fn a_folder_that_turns_read_only_in_mid_run_is_told_and_costs_no_verdict() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let dir = life.supervisor.archive_dir(&run.id);
    let folder = Mount::read_only(dir.clone());
    life.stop();
    let ended = life.until(|run| !run.state.is_active());
    assert_eq!(ended.state, RunState::Finished(Verdict::Stopped));
    let problem = life.storage_problem();
    assert!(problem.contains("Read-only file system"), "{problem}");
    gone_with_keeper(&dir);
    life.crash();
    drop(folder);

    let life = bench.dashboard();
    assert_eq!(life.run(&run.id).unwrap().state, RunState::Finished(Verdict::Stopped));
    assert_eq!(life.supervisor_record(&run.id)["state"]["verdict"], "stopped");
}

#[test]
fn k6_dies_with_its_keeper_and_the_run_counts_as_crashed() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running();
    let dir = life.supervisor.archive_dir(&run.id);
    kill(instance(&dir)["keeper"]["pid"].as_i64().unwrap());
    let (run, verdict) = life.finished(&run.id);
    assert!(matches!(verdict, Verdict::Crashed { exit_code: None, .. }), "{verdict:?}");
    assert!(run.started_ms.is_some() && run.ended_ms.is_some());
    gone_with_keeper(&dir);
}

#[test]
fn k6_that_is_killed_counts_as_crashed() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", "")), ("quick.js", &script("1s", "{}", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &["http_reqs:count>5"]);
    life.running();
    kill(instance(&life.supervisor.archive_dir(&run.id))["k6"]["pid"].as_i64().unwrap());
    let (run, verdict) = life.finished(&run.id);
    let Verdict::Crashed { exit_code: None, message } = verdict else { panic!("{verdict:?}") };
    assert!(message.contains("SIGKILL"), "{message}");
    assert_eq!(run.totals, None);

    // It left no summary, so the store's figures are taken when they come.
    let threshold = Observed { value: Some(7.0), ok: Some(true), ..run.thresholds[0].clone() };
    let of_store = |requests| Seen {
        run: run.id.clone(),
        thresholds: vec![threshold.clone()],
        criteria: vec![],
        so_far: Vec::new(),
        totals: Some(Totals { source: Source::Store, requests: Some(requests), ..Totals::default() }),
    };
    life.board.observe(of_store(9.0));
    let told = life.until(|run| run.totals.is_some());
    assert_eq!((told.totals, &told.thresholds[..]), (of_store(9.0).totals, &[threshold.clone()][..]));
    poll("the record", || (life.supervisor_record(&run.id)["totals"]["source"] == "store").then_some(()));

    // Where k6 has spoken, its word counts.
    let run = life.start("quick.js", &[]);
    let (run, _) = life.finished(&run.id);
    assert_eq!(run.totals.as_ref().map(|totals| totals.source), Some(Source::Summary));
    life.wait(life.supervisor.complete(Seen { run: run.id.clone(), ..of_store(9.0) }));
    assert_eq!(life.run(&run.id).unwrap().totals, run.totals);
}

fn kill(pid: i64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn several_k6_share_the_load_of_a_run_and_end_as_one() {
    let bench = Bench::new(&[("a.js", &script("2s", "{}", "")), ("long.js", &script("60s", "{}", ""))]);
    let config = bench.config();
    let archive = Archive::open(StateLock::claim(&config.state_dir).unwrap()).unwrap();
    let runtime = Runtime::new().unwrap();
    let shutdown = Shutdown::default();
    let engine = ProcessEngine::new(&config, EngineReason::Configured, &shutdown).with_keeper(keeper_command());
    let start = |id: &str, script: &str| {
        let run = lab::run(id, 10, &[]);
        let launch = |(part, dir)| Launch {
            run: run.id.clone(),
            part,
            dir,
            script: script.into(),
            input: ScriptInput::new(&plan(script, &[]), None, &config.services),
            trend_stats: vec![],
            allowed: LIMIT,
            store_url: "http://127.0.0.1:9".into(),
            native_histograms: false,
        };
        let launches = archive.create(&run, 2).unwrap().into_iter().map(launch).collect();
        let started = runtime.block_on(fleet::start(&engine, launches, &shutdown)).unwrap();
        (run.id, started.instance)
    };
    let wait = |instance: &Arc<dyn Instance>, state: fn(&InstanceState) -> bool| {
        let mut states = instance.state();
        let waited = async { tokio::time::timeout(LIMIT, states.wait_for(state)).await.unwrap().unwrap().clone() };
        runtime.block_on(waited)
    };

    let (id, instance) = start("r-fleet", "a.js");
    assert_eq!(instance.pids().len(), 2);
    assert!(matches!(wait(&instance, |state| *state != InstanceState::Preparing), InstanceState::Running { .. }));
    let over = wait(&instance, InstanceState::is_over);
    let InstanceState::Ended(exit) = &over else { panic!("{over:?}") };
    assert_eq!(verdict::verdict(exit, &archive.log(&id, LIMIT.as_secs() as usize)), Verdict::Passed);
    let folders = Part::all(2).into_iter().map(|part| part.folder(&archive.dir(&id)));
    for folder in folders {
        let export = fs::read_to_string(folder.join("summary-export.json")).unwrap();
        let own = summary::Summary::read(&serde_json::from_str(&export).unwrap()).unwrap();
        assert_eq!(own.value("vus_max", "value"), Some(1.0), "half of the two VUs");
    }
    let hits = bench.hits.load(Ordering::Relaxed) as f64;
    assert_eq!(archive.summary(&id).unwrap().value("http_reqs", "count"), Some(hits));
    let recovered = runtime.block_on(fleet::recover(&engine, &id, &archive.dir(&id), &shutdown));
    assert_eq!(*recovered.state().borrow(), over);

    // One that breaks takes the others with it.
    let (id, instance) = start("r-broken", "long.js");
    wait(&instance, |state| *state != InstanceState::Preparing);
    let processes = instance.pids();
    kill(processes[1].into());
    let over = wait(&instance, InstanceState::is_over);
    let InstanceState::Ended(exit) = &over else { panic!("{over:?}") };
    assert!(matches!(verdict::verdict(exit, &archive.log(&id, 9)), Verdict::Crashed { .. }), "{exit:?}");
    processes.into_iter().for_each(|pid| gone(pid.into()));
}

#[test]
fn a_run_past_its_deadline_is_ended_without_any_dashboard() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let config = bench.config();
    let dir = bench.folder.path().join("late");
    fs::create_dir(&dir).unwrap();
    let id: RunId = "late".parse().unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let engine =
            ProcessEngine::new(&config, EngineReason::Configured, &Shutdown::default()).with_keeper(keeper_command());
        let input = ScriptInput::new(&plan("a.js", &[]), None, &config.services);
        let launch = Launch {
            run: id.clone(),
            part: Part::WHOLE,
            dir: dir.clone(),
            script: "a.js".into(),
            input,
            trend_stats: vec![],
            allowed: Duration::from_secs(2),
            store_url: "http://127.0.0.1:9".into(),
            native_histograms: false,
        };
        engine.start(launch).await.map(drop).unwrap();
    });
    runtime.shutdown_background();
    poll("the end", || dir.join("exit.json").exists().then_some(()));
    gone_with_keeper(&dir);

    let engine = ProcessEngine::new(&config, EngineReason::Configured, &Shutdown::default());
    let found = Runtime::new()
        .unwrap()
        .block_on(async { engine.recover(&id, Part::WHOLE, &dir).await.state().borrow().clone() });
    let InstanceState::Ended(exit) = found else { panic!("{found:?}") };
    assert_eq!(verdict::verdict(&exit, &[]), Verdict::TimedOut);
}

#[test]
fn of_two_starts_at_the_same_instant_one_wins() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let start = || life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default());
    let (one, other) = life.wait(async { tokio::join!(start(), start()) });
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    let id = won.unwrap().id;
    assert_eq!(lost, Err(ApiError::AlreadyRunning { running: id.clone() }));
    assert_eq!((life.all().len(), bench.run_dirs()), (1, 1));
    life.stop();
    life.finished(&id);
}

#[test]
fn a_script_that_throws_crashes_the_run_with_its_words() {
    let bench = Bench::new(&[("a.js", "throw new Error('no luck'); export default function () {}")]);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    let (_, verdict) = life.finished(&run.id);
    let Verdict::Crashed { exit_code: Some(107), message } = verdict else { panic!("{verdict:?}") };
    assert!(message.contains("the script threw an exception") && message.contains("no luck"), "{message}");
}

#[test]
fn a_start_that_fails_leaves_everything_as_it_was() {
    let bench = Bench::new(&[("a.js", &script("1s", "{}", ""))]);
    fs::write(bench.folder.path().join("outside.js"), "export default function () {}").unwrap();
    std::os::unix::fs::symlink("../outside.js", bench.folder.path().join("scripts/link.js")).unwrap();
    let life = bench.dashboard();
    for name in ["../outside.js", "link.js", "missing.js", "/etc/passwd", ""] {
        let refused = life.wait(life.supervisor.start(plan(name, &[]), None, OfScript::default(), Caller::default()));
        let Err(ApiError::Unavailable { what }) = refused else { panic!("{name}: {refused:?}") };
        assert!(what.contains("scripts folder"), "{what}");
        assert_eq!((life.runs.borrow().run.clone(), life.all(), bench.run_dirs()), (None, vec![], 0));
    }
    life.crash();

    for k6 in ["/nowhere/k6", "/bin/true"] {
        let life = bench.dashboard_with(Config { k6: k6.into(), ..bench.config() });
        let engine = life.runs.borrow().engine.clone();
        assert!(!engine.ready && engine.note.contains("HAD_K6"), "{engine:?}");
        let refused = life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
        assert!(matches!(&refused, Err(ApiError::Unavailable { what }) if what.contains("HAD_K6")), "{refused:?}");
        assert_eq!((life.runs.borrow().run.clone(), bench.run_dirs()), (None, 0));
        life.crash();
    }
    let status = bench.dashboard().runs.borrow().engine.clone();
    assert!(status.ready && status.k6_version.is_some_and(|version| version.starts_with('v')), "{}", status.note);
}

#[test]
fn two_dashboards_cant_share_a_state_folder() {
    let bench = Bench::new(&[]);
    let _life = bench.dashboard();
    let refused = StateLock::claim(&bench.config().state_dir).expect_err("in use").to_string();
    assert!(refused.contains("HAD_STATE_DIR") && refused.contains(&std::process::id().to_string()), "{refused}");
}

#[test]
fn records_of_folders_are_taken_over_old_runs_are_forgotten_and_broken_folders_do_no_harm() {
    let bench = Bench::new(&[("a.js", &script("1s", "{}", ""))]);
    let config = || Config { retention: Retention { runs: 200, age_ms: None }, ..bench.config() };
    let life = bench.dashboard_with(config());
    let run = life.start("a.js", &[]);
    life.finished(&run.id);
    let runs = bench.folder.path().join("state/runs");
    let copy = |id: &str, created_ms: u64, state: RunState| {
        fs::create_dir(runs.join(id)).unwrap();
        let run = Run { id: id.parse().unwrap(), created_ms, state, ..run.clone() };
        fs::write(runs.join(id).join("run.json"), serde_json::to_vec(&run).unwrap()).unwrap();
    };
    for number in 0..205 {
        copy(&format!("old-{number:03}"), 1000 + number, RunState::Finished(Verdict::Passed));
    }
    fs::write(runs.join("old-100/k6.log"), "{\"level\":\"info\",\"msg\":\"of old\"}\n").unwrap();
    fs::write(runs.join("old-101/own.html"), "what a script left").unwrap();
    // A start that broke off before anything was launched; a record cut in half; a stranger's folder.
    copy("half", 2000, RunState::Starting);
    fs::create_dir(runs.join("empty")).unwrap();
    fs::create_dir(runs.join("cut")).unwrap();
    fs::write(runs.join("cut/run.json"), "{\"id\":").unwrap();
    fs::create_dir(runs.join("Not A Run")).unwrap();
    life.crash();

    let forgotten = |life: &Life, id: &str| {
        poll("the oldest goes", || life.run(&id.parse().unwrap()).is_err().then_some(()));
    };
    let life = bench.dashboard_with(config());
    forgotten(&life, "old-006");
    let known = life.all();
    assert_eq!((known.len(), known[0].id.clone()), (200, run.id.clone()));
    assert_eq!(life.runs.borrow().run.as_ref(), Some(&known[0]), "the last run, not the last finalised one");
    let half = life.run(&"half".parse().unwrap()).unwrap();
    assert!(matches!(half.state, RunState::Finished(Verdict::Crashed { .. })), "{half:?}");
    let left = |name: &str| runs.join(name).exists();
    assert!(["old-204", "old-100", "empty"].iter().all(|gone| !left(gone)), "they are in the database");
    assert!(["cut", "Not A Run", "old-101/own.html"].iter().all(|kept| left(kept)) && !left("old-101/run.json"));
    assert_eq!(life.wait(life.supervisor.log(&"old-100".parse().unwrap())).unwrap().len(), 1);
    assert!(life.wait(life.supervisor.log(&half.id)).unwrap().is_empty());
    assert!(life.wait(life.supervisor.log(&"unknown".parse().unwrap())).is_err());

    // One more comes, so the oldest goes, unless it is starred.
    let star = LabelDraft { star: Some(true), ..LabelDraft::default() };
    let starred: RunId = "old-007".parse().unwrap();
    let label = move |run: &Run| star.apply(&run.labels).map_err(|errors| ApiError::InvalidLabels { errors });
    assert!(life.wait(life.supervisor.label(&starred, label)).unwrap().labels.star);
    let again = life.start("a.js", &[]);
    life.finished(&again.id);
    let another = life.start("a.js", &[]);
    life.finished(&another.id);
    forgotten(&life, "old-008");
    let known = life.all();
    assert_eq!((known.len(), known[0].id.clone()), (201, another.id));
    assert!(life.run(&starred).is_ok() && !left(run.id.as_str()), "its folder is no longer needed")
}
