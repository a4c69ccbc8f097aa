//! Runs real k6 containers on a real Docker Engine. `docker` on the command line is the independent witness.

use std::process::{Child, Command, Stdio};

use super::*;
use ha_dashboard::domain::{
    live::Pull,
    script::{Script, ScriptKind},
    upload::UploadDraft,
    validate::Problem,
};

pub use crate::server::engine::docker::lab::{IMAGE, host};
use crate::server::{
    engine::{
        EngineError, choose,
        docker::{
            DockerError,
            lab::{docker, docker_at},
        },
        holds_uploads,
    },
    scripts::{Folders, Scripts},
};
use rustix::process::{Pid, Signal, kill_process};

impl Bench {
    fn docker(&self) -> Config {
        Config { engine: EngineChoice::Docker, ..self.config() }
    }

    fn owner(&self) -> String {
        fs::read_to_string(self.folder.path().join("state/docker-owner")).unwrap()
    }

    /// Our containers on an engine, whether or not they run.
    fn containers_at(&self, host: &str) -> Vec<String> {
        let filter = format!("label=ha-dashboard.owner={}", self.owner());
        let names = docker_at(host, ["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]);
        names.lines().map(str::to_owned).collect()
    }

    fn nothing_left(&self) {
        self.nothing_left_at(&host());
    }

    fn nothing_left_at(&self, host: &str) {
        poll("no container to be left", || self.containers_at(host).is_empty().then_some(()));
    }
}

fn container(id: &RunId) -> String {
    format!("ha-dashboard-{id}-1")
}

fn launch(bench: &Bench, config: &Config, id: &str, allowed: Duration) -> Launch {
    let dir = bench.folder.path().join(id);
    fs::create_dir_all(&dir).unwrap();
    fs::create_dir_all(&config.state_dir).unwrap();
    Launch {
        run: id.parse().unwrap(),
        part: Part::WHOLE,
        dir,
        script: "a.js".into(),
        input: ScriptInput::new(&plan("a.js", &[]), None, &config.services),
        trend_stats: vec![],
        allowed,
        store_url: "http://127.0.0.1:9".into(),
        native_histograms: false,
    }
}

#[test]
fn a_run_in_a_container_passes_and_leaves_its_record_and_nothing_else() {
    let say = "export function setup() {
        console.log('env ' + Object.keys(__ENV).sort().join()); console.log('x'.repeat(40000)); }";
    let bench = Bench::new(&[("a.js", &script("3s", "{ http_req_failed: ['rate < 0.5'] }", say))]);
    let life = bench.dashboard_with(bench.docker());
    let engine = life.runs.borrow().engine.clone();
    assert!(engine.ready && engine.k6_version.is_some_and(|version| version.starts_with('v')), "{}", engine.note);
    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);

    life.running();
    let found: serde_json::Value = serde_json::from_str(&docker(&["inspect", &container(&run.id)])).unwrap();
    let (config, rights) = (&found[0]["Config"], &found[0]["HostConfig"]);
    assert_eq!(config["Labels"]["ha-dashboard.run"], run.id.to_string());
    assert_eq!(config["Labels"]["ha-dashboard.instance"], "1");
    let label = config["Labels"]["ha-dashboard.deadline-ms"].as_str().unwrap().parse::<u64>().unwrap();
    assert!((run.created_ms..=run.deadline_ms).contains(&label), "{label} {run:?}");
    assert_eq!(config["User"], "12345:12345");
    assert_eq!((&rights["ReadonlyRootfs"], &rights["Privileged"]), (&true.into(), &false.into()));
    assert_eq!(rights["CapDrop"], serde_json::json!(["ALL"]));
    assert_eq!(rights["SecurityOpt"], serde_json::json!(["no-new-privileges:true"]));
    assert_eq!((&rights["Memory"], &rights["CpuQuota"]), (&(512 << 20).into(), &200_000.into()));
    assert_eq!((&rights["PidsLimit"], &rights["Binds"]), (&512.into(), &serde_json::Value::Null));
    let volume = docker(&["volume", "ls", "-q"]);
    let mounted = found[0]["Mounts"][0]["Name"].as_str().unwrap();
    assert!(volume.contains(mounted), "{volume}");

    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Passed);
    let (started, ended) = (run.started_ms.unwrap(), run.ended_ms.unwrap());
    assert!(run.created_ms < started && (2900..).contains(&(ended - started)), "{run:?}");
    assert_eq!((run.thresholds[0].k6_ok, run.thresholds[0].value), (Some(true), Some(0.0)));
    assert!(run.totals.is_some_and(|totals| totals.requests > Some(10.0)));
    for summary in ["summary.json", "summary-export.json"] {
        assert!(life.supervisor.archive_dir(&run.id).join(summary).is_file(), "{summary} did not come home");
    }
    let log = life.wait(life.supervisor.log(&run.id)).unwrap();
    let env = log.iter().find_map(|line| line.split_once(" INFO env ")).expect("the script's line").1;
    let allowed = ["HOME", "HOSTNAME", "PATH", "HAD_INPUT_FILE", "HAD_SUMMARY"];
    assert!(env.split(',').all(|name| allowed.contains(&name) || name.starts_with("K6_")), "{env}");
    assert!(log.iter().all(|line| !line.contains(" DEBUG ")));
    assert!(log.iter().any(|line| line.contains("xxxxxxxx") && line.len() < 20_000), "the long line");
    let began = log.iter().find_map(|line| line.split_once(" INFO began ")).expect("k6's own time").1;
    let off = began.parse::<u64>().unwrap().abs_diff(started);
    println!("started_ms is {off} ms off");
    assert!(off < 5000, "{off} ms");
    bench.nothing_left();
    poll("the volume to go", || (!docker(&["volume", "ls", "-q"]).contains(mounted)).then_some(()));
}

#[test]
fn a_stop_ends_a_container_with_its_summary_and_a_stubborn_one_by_force() {
    let bench = Bench::new(&[
        ("a.js", &script("60s", "{ http_req_duration: ['p(95)<0.001'] }", "")),
        ("stubborn.js", &script("60s", "{}", "export function teardown() { sleep(50); }")),
        ("slow.js", &script("60s", "{}", "export function setup() { sleep(20); }")),
    ]);
    let life = bench.dashboard_with(Config { stop_grace: Duration::from_secs(2), ..bench.docker() });
    let run = life.start("a.js", &["http_req_duration:p(95)<0.001"]);
    life.running();
    let hits = bench.hits.load(Ordering::Relaxed);
    poll("requests", || (bench.hits.load(Ordering::Relaxed) > hits + 4).then_some(()));
    let asked = Instant::now();
    life.stop();
    life.stop_again();
    let (run, verdict) = life.finished(&run.id);
    println!("stopped after {:?}", asked.elapsed());
    assert_eq!((verdict, run.thresholds[0].k6_ok), (Verdict::Stopped, Some(false)));

    let run = life.start("stubborn.js", &[]);
    life.running();
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);

    let run = life.start("slow.js", &[]);
    life.stop();
    let (run, verdict) = life.finished(&run.id);
    assert_eq!((verdict, run.started_ms), (Verdict::Cancelled, None));
    bench.nothing_left();
}

#[test]
fn containers_outlive_the_dashboard_and_are_adopted_or_finalised() {
    let bench = Bench::new(&[("a.js", &script("5s", "{ http_req_failed: ['rate<0.5'] }", ""))]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
    let started = life.running().started_ms;
    life.crash();
    // Whatever engine the next run would take, this one is where it was.
    let life = bench.dashboard_with(Config { engine: EngineChoice::Auto, k6: "/nowhere/k6".into(), ..bench.docker() });
    let feed = life.runs.borrow().clone();
    assert!(feed.adopted);
    assert_eq!(feed.run.as_ref().map(|run| (&run.state, run.started_ms)), Some((&RunState::Running, started)));
    assert_eq!(life.finished(&run.id).1, Verdict::Passed);
    bench.nothing_left();

    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
    life.crash();
    docker(&["wait", &container(&run.id)]);
    let life = bench.dashboard_with(bench.docker());
    let feed = life.runs.borrow().clone();
    assert!(!feed.adopted);
    let run = feed.run.unwrap();
    assert_eq!((run.state, run.thresholds[0].k6_ok), (RunState::Finished(Verdict::Passed), Some(true)));
    bench.nothing_left();
}

#[test]
fn a_container_at_work_is_found_whatever_became_of_its_records() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let dir = life.supervisor.archive_dir(&run.id);
    life.crash();
    for name in ["run.json", "container.json"] {
        fs::write(dir.join(name), "{\"id\":").unwrap();
    }
    let life = bench.dashboard_with(bench.docker());
    assert!(life.runs.borrow().adopted);
    // From its log, which is read again.
    assert!(life.running().started_ms.is_some());
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    bench.nothing_left();
}

#[test]
fn a_container_past_its_deadline_is_ended_by_whoever_follows_it() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let config = bench.docker();
    let launch = launch(&bench, &config, "late", Duration::from_secs(2));
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        choose(&config, &Shutdown::default()).start(launch.clone()).await.map(drop).unwrap();
    });
    runtime.shutdown_background();
    let runtime = Runtime::new().unwrap();
    let end = runtime.block_on(async {
        let instance = choose(&config, &Shutdown::default()).recover(&launch.run, Part::WHOLE, &launch.dir).await;
        let mut states = instance.state();
        tokio::time::timeout(LIMIT, states.wait_for(InstanceState::is_over)).await.unwrap().unwrap().clone()
    });
    let InstanceState::Ended(exit) = end else { panic!("{end:?}") };
    assert_eq!(verdict::verdict(&exit, &[]), Verdict::TimedOut);
    bench.nothing_left();
}

#[test]
fn a_container_removed_by_hand_is_missed() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start("a.js", &[]);
    life.running();
    docker(&["rm", "-f", "-v", &container(&run.id)]);
    let (run, verdict) = life.finished(&run.id);
    let Verdict::Crashed { exit_code: None, message } = verdict else { panic!("{verdict:?}") };
    assert!(message.contains("removed") || message.contains("SIGKILL"), "{message}");
    assert!(run.started_ms.is_some());
    bench.nothing_left();
    let again = life.start("a.js", &[]);
    life.running();
    life.stop();
    assert_eq!(life.finished(&again.id).1, Verdict::Stopped);
}

#[test]
fn k6_that_needs_too_much_memory_is_told_so() {
    let greedy = "const kept = []; export function setup() { for (;;) kept.push('y'.repeat(1 << 20) + kept.length); }";
    let bench = Bench::new(&[("a.js", &script("10s", "{}", greedy))]);
    let config = bench.docker();
    let memory = DockerConfig { memory: 96 << 20, ..config.docker.clone() };
    let life = bench.dashboard_with(Config { docker: memory, ..config });
    let run = life.start("a.js", &[]);
    let (_, verdict) = life.finished(&run.id);
    let Verdict::Crashed { message, .. } = verdict else { panic!("{verdict:?}") };
    assert!(message.contains("HAD_K6_MEMORY"), "{message}");
    bench.nothing_left();
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard_with(bench.docker());
    let owner = bench.owner();
    let made = |name: &str, owner: &str| {
        let label = format!("ha-dashboard.owner={owner}");
        docker(&["create", "--name", name, "--network", "none", "--label", &label, IMAGE, "version"]);
    };
    let [foreign, stray, taken] = ["foreign", "stray", "taken"].map(|what| format!("ha-dashboard-test-{owner}-{what}"));
    made(&foreign, "0123456789abcdef");
    made(&stray, &owner);
    life.crash();

    // What an earlier dashboard left behind goes when the next one starts.
    let life = bench.dashboard_with(bench.docker());
    bench.nothing_left();
    assert!(docker(&["ps", "-a", "--format", "{{.Names}}"]).contains(&foreign));
    docker(&["rm", &foreign]);
    life.crash();

    // A container that happens to have our name stays, and is named.
    let id = format!("test-{owner}-taken");
    let launch = launch(&bench, &bench.docker(), &id, Duration::from_secs(60));
    let name = container(&launch.run);
    docker(&["create", "--name", &name, "--network", "none", "--label", &taken, IMAGE, "version"]);
    let error = Runtime::new()
        .unwrap()
        .block_on(async { choose(&bench.docker(), &Shutdown::default()).start(launch).await.err() });
    assert!(
        matches!(&error, Some(EngineError::Docker(DockerError::NameTaken { name: of })) if *of == name),
        "{error:?}"
    );
    docker(&["rm", &name]);
    bench.nothing_left();
}

#[test]
fn the_emergency_stop_removes_containers_that_nobody_knows_of_and_says_where_docker_is_out_of_reach() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start("a.js", &[]);
    life.running();
    let owner = bench.owner();
    let (stray, foreign) = (format!("ha-dashboard-test-{owner}-stray"), format!("ha-dashboard-test-{owner}-foreign"));
    for (name, owner) in [(&stray, owner.as_str()), (&foreign, "0123456789abcdef")] {
        let label = format!("ha-dashboard.owner={owner}");
        docker(&["create", "--name", name, "--network", "none", "--label", &label, IMAGE, "version"]);
    }
    let halted = life.wait(life.supervisor.halt(caller("halt"), false));
    // The sweep may have been faster with the stray.
    assert_eq!((halted.run.as_ref(), halted.problems), (Some(&run.id), vec![]));
    assert!(halted.leftovers <= 1);
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    bench.nothing_left();
    assert!(docker(&["ps", "-a", "--format", "{{.Names}}"]).contains(&foreign));
    docker(&["rm", &foreign]);
    life.crash();

    let mut nowhere = bench.docker();
    nowhere.docker.host = "unix:///nowhere/docker.sock".into();
    let life = bench.dashboard_with(nowhere);
    let halted = life.wait(life.supervisor.halt(caller("halt"), false));
    assert!(halted.problems.len() == 1 && halted.problems[0].contains("no Docker"), "{:?}", halted.problems);
}

#[test]
fn what_is_missing_is_named_and_no_half_started_run_stays() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let with = |docker: DockerConfig| Config { docker, ..bench.docker() };
    let usual = bench.docker().docker;
    let missing = "localhost:1/grafana/k6:none";
    for (docker, ready, expected) in [
        (DockerConfig { host: "unix:///nonexistent/docker.sock".into(), ..usual.clone() }, false, "HAD_DOCKER_HOST"),
        (DockerConfig { host: "tcp://127.0.0.1:9".into(), ..usual.clone() }, false, "does not answer"),
        (DockerConfig { image: missing.into(), ..usual.clone() }, false, "docker pull localhost:1/grafana/k6:none"),
        (DockerConfig { network: "no-such-network".into(), ..usual.clone() }, true, "HAD_DOCKER_NETWORK"),
    ] {
        let life = bench.dashboard_with(with(docker));
        let engine = life.runs.borrow().engine.clone();
        assert_eq!(engine.ready, ready, "{}", engine.note);
        assert!(ready || engine.note.contains(expected), "{}", engine.note);
        let refused = life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
        let Err(ApiError::Unavailable { what }) = refused else { panic!("{refused:?}") };
        assert!(what.contains(expected), "{what}");
        assert_eq!((life.runs.borrow().run.clone(), bench.run_dirs()), (None, 0));
        bench.nothing_left();
        life.crash();
    }

    // The image is offered, and what is wrong with the registry is told.
    let life = bench.dashboard_with(with(DockerConfig { image: missing.into(), ..usual }));
    let image = life.runs.borrow().engine.image.clone().expect("an offer");
    assert_eq!((image.name.as_str(), image.pull), (missing, Pull::Offered));
    life.wait(life.supervisor.pull(&Caller::default())).unwrap();
    let mut runs = life.runs.clone();
    let failed = life.wait(async {
        let failed =
            |feed: &RunFeed| feed.engine.image.as_ref().is_some_and(|image| matches!(image.pull, Pull::Failed { .. }));
        runs.wait_for(failed).await.map(|feed| feed.engine.image.clone()).unwrap()
    });
    let Pull::Failed { message } = failed.unwrap().pull else { unreachable!() };
    assert!(message.contains("registry") && message.contains("docker load"), "{message}");
}

#[test]
fn scripts_are_inspected_in_a_container_without_a_network() {
    let bench = Bench::new(&[
        ("broken.js", "export default function () {\n  let = ;\n}"),
        ("own.js", "export const options = { vus: 3, duration: '90s' }; export default function () {}"),
    ]);
    let config = bench.docker();
    fs::create_dir_all(&config.state_dir).unwrap();
    let runtime = Runtime::new().unwrap();
    let list = runtime.block_on(list(&config));
    let ScriptKind::Broken { message } = &list[0].kind else { panic!("{list:?}") };
    assert!(message.starts_with("broken.js: Line 2:") && !message.contains("/ha-dashboard"), "{message}");
    assert!(matches!(list[1].kind, ScriptKind::Own { duration_s: Some(120), max_vus: 3, .. }), "{list:?}");
    bench.nothing_left();
}

/// A network that goes with this value.
struct Network(String);

impl Network {
    fn new(name: String, options: &[&str]) -> Self {
        docker(&[&["network", "create"], options, &[&name]].concat());
        Self(name)
    }

    /// The machine's address in it.
    fn gateway(&self) -> String {
        docker(&["network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", &self.0])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["-H", &host(), "network", "rm", &self.0]).output();
    }
}

/// Imports the library, tries to open a file of this machine, and to get each of some addresses.
fn curious(secret: &Path, addresses: &[String]) -> String {
    format!(
        "import http from 'k6/http'; import {{ hello }} from './lib/hello.js';
        export const options = {{ iterations: 1, vus: 1 }};
        let file; try {{ file = 'opened ' + open('{}'); }} catch (error) {{ file = 'no file'; }}
        export default function () {{
            console.log(hello + ', ' + file + ', ' + {addresses:?}.map((url) => http.get(url, {{ timeout: '1s' }}).status).join());
        }}",
        secret.display()
    )
}

#[test]
fn an_uploaded_script_imports_the_library_and_reaches_neither_this_machine_nor_another_network() {
    let bench = Bench::new(&[]);
    let dir = bench.folder.path();
    fs::create_dir(dir.join("scripts/lib")).unwrap();
    fs::write(dir.join("scripts/lib/hello.js"), "export const hello = 'hello';").unwrap();
    fs::write(dir.join("secret"), "secret").unwrap();
    let unique = format!("ha-dashboard-test-{:08x}", rand::random::<u32>());
    // As the compose file makes it.
    let inhibit = "com.docker.network.bridge.inhibit_ipv4=true";
    let own = Network::new(format!("{unique}-own"), &["--internal", "--opt", inhibit]);
    let other = Network::new(format!("{unique}-other"), &[]);
    // The same server, under the machine's address in each of them.
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("0.0.0.0:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async { axum::serve(listener, axum::Router::new().fallback(|| async { "ok" })).await });
    let addresses = [&own, &other].map(|network| format!("http://{}:{port}/", network.gateway()));
    let text = curious(&dir.join("secret"), &addresses);

    let within = |network: &Network, script_uploads| {
        let config = bench.docker();
        let docker = DockerConfig { network: network.0.clone(), ..config.docker.clone() };
        Config { script_uploads, docker, ..config }
    };
    let config = within(&own, true);
    let life = bench.dashboard_with(config.clone());
    let shutdown = Shutdown::default();
    let scripts = Scripts::new(Folders::of(&config), choose(&config, &shutdown), config.services.clone(), &shutdown);
    let upload = |name: &str, script: &str| {
        let draft = UploadDraft { name: name.into(), script: script.into(), replace: false };
        let uploaded = || {
            life.wait(async {
                let turn = scripts.turn().await?;
                scripts.check(draft.clone(), &turn).await?.keep()
            })
        };
        // On a busy machine Docker may let wait longer than whoever looks at it does.
        poll("k6 to be asked", || Some(uploaded()).filter(|told| !matches!(told, Err(ApiError::Unavailable { .. }))))
    };
    let Err(ApiError::InvalidUpload { errors }) = upload("wrong.js", "import './lib/none.js'; export default 1") else {
        panic!("k6 knows no such file");
    };
    let Problem::BrokenScript { message } = &errors[0].problem else { panic!("{errors:?}") };
    assert!(message.contains("lib/none.js") && message.contains("couldn't be found"), "{message}");
    upload("mine.js", &text).unwrap();

    let said = |life: &Life, script: &str| {
        let run = life.start(script, &[]);
        assert_eq!(life.finished(&run.id).1, Verdict::Passed);
        let log = life.wait(life.supervisor.log(&run.id)).unwrap();
        log.iter().find_map(|line| line.split_once(" INFO hello, ")).expect("the script's line").1.to_owned()
    };
    assert_eq!(said(&life, "mine.js"), "no file, 0,0");
    life.crash();

    // In an open network the way is there, so that only what is of the catalogue runs in it.
    fs::write(dir.join("scripts/catalogue.js"), &text).unwrap();
    let life = bench.dashboard_with(within(&other, true));
    let refused = life.wait(life.supervisor.start(plan("mine.js", &[]), None, OfScript::default(), Caller::default()));
    assert!(matches!(&refused, Err(ApiError::Unavailable { what }) if what.contains("is open")), "{refused:?}");
    assert!(said(&life, "catalogue.js").ends_with(",200"));
    bench.nothing_left();
}

#[test]
fn where_the_engine_was_left_open_uploads_need_docker_to_be_there() {
    let bench = Bench::new(&[]);
    let checked = |engine, host: String, script_uploads| {
        let config = bench.config();
        let docker = DockerConfig { host, network: "own".into(), ..config.docker.clone() };
        let config = Config { engine, docker, script_uploads, ..config };
        fs::create_dir_all(&config.state_dir).unwrap();
        let shutdown = Shutdown::default();
        let check = async {
            let held = holds_uploads(&config, &*choose(&config, &shutdown)).await;
            assert!(shutdown.finish(LIMIT).await, "no container is left");
            held
        };
        Runtime::new().unwrap().block_on(check)
    };
    let nowhere = || "unix:///nowhere/docker.sock".to_owned();
    let error = checked(EngineChoice::Auto, nowhere(), true).unwrap_err().to_string();
    assert!(error.starts_with("script_uploads: \"on\" is not allowed; allowed: off, or on where"), "{error}");
    assert!(error.contains("there is no Docker at unix:///nowhere"), "{error}");
    assert_eq!(checked(EngineChoice::Auto, nowhere(), false), Ok(()));
    assert_eq!(checked(EngineChoice::Docker, nowhere(), true), Ok(()), "it may come later");
    poll("Docker to say how it is", || checked(EngineChoice::Auto, host(), true).ok());
}

/// The scripts as the engine of a configuration sees them.
async fn list(config: &Config) -> Vec<Script> {
    let shutdown = Shutdown::default();
    let engine = choose(config, &shutdown);
    Scripts::new(Folders::of(config), engine, config.services.clone(), &shutdown).list().await
}

/// A way to the tests' engine that can be cut and mended.
struct Wire {
    folder: tempfile::TempDir,
    carrying: Option<Runtime>,
    hung: Option<std::os::unix::net::UnixListener>,
    /// How long each connection takes to get through.
    delay: Duration,
}

impl Wire {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut wire = Self { folder, carrying: None, hung: None, delay: Duration::ZERO };
        wire.mend();
        wire
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// `bench`'s configuration with this way to Docker.
    fn config(&self, bench: &Bench) -> Config {
        let config = bench.docker();
        Config { docker: DockerConfig { host: self.host(), ..config.docker.clone() }, ..config }
    }

    /// No socket and no connection is left.
    fn cut(&mut self) {
        if let Some(carrying) = self.carrying.take() {
            carrying.shutdown_timeout(LIMIT);
        }
        self.hung = None;
        let _ = fs::remove_file(self.socket());
    }

    /// Takes everything and answers nothing.
    fn hang(&mut self) {
        self.cut();
        self.hung = Some(std::os::unix::net::UnixListener::bind(self.socket()).unwrap());
    }

    fn mend(&mut self) {
        self.cut();
        let carrying = Runtime::new().unwrap();
        let (socket, delay) = (self.socket(), self.delay);
        let engine = host().strip_prefix("unix://").expect("the tests' engine has a socket").to_owned();
        let listener = carrying.block_on(async { tokio::net::UnixListener::bind(socket) }).unwrap();
        carrying.spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let engine = engine.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let mut far = tokio::net::UnixStream::connect(engine).await?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        self.carrying = Some(carrying);
    }
}

#[test]
fn a_stop_that_docker_missed_is_tried_until_k6_has_it_by_the_next_dashboard_too() {
    let mut wire = Wire::new();
    let bench = Bench::new(&[("a.js", &script("60s", "{ http_req_duration: ['p(95)<0.001'] }", ""))]);
    for restart in [false, true] {
        let mut life = bench.dashboard_with(wire.config(&bench));
        let run = life.start("a.js", &["http_req_duration:p(95)<0.001"]);
        life.running();
        // k6 says that it begins before the script says so.
        let began = |life: &Life| {
            let log = life.wait(life.supervisor.log(&run.id)).unwrap();
            log.iter().any(|line| line.contains(" INFO began ")).then_some(())
        };
        poll("the script's first words", || began(&life));
        wire.cut();
        for _ in 0..2 {
            let stop = life.wait(life.supervisor.stop(Caller::default()));
            assert!(matches!(&stop, Err(ApiError::Unavailable { what }) if what.contains("tried again")), "{stop:?}");
            let shown = life.until(|run| run.stop_problem.is_some());
            assert_eq!(shown.state, RunState::Stopping);
            assert!(shown.stop_problem.unwrap().contains("no Docker at"));
        }
        if restart {
            life.crash();
            life = bench.dashboard_with(wire.config(&bench));
            life.until(|run| run.state == RunState::Stopping && run.stop_problem.is_some());
            // It can't be read again yet.
            assert!(began(&life).is_some(), "the log is kept");
        }
        wire.mend();
        let (run, verdict) = life.finished(&run.id);
        assert_eq!((verdict, run.stop_problem, run.thresholds[0].k6_ok), (Verdict::Stopped, None, Some(false)));
        bench.nothing_left();
        life.crash();
    }
}

#[test]
fn several_stops_at_once_are_one_for_k6() {
    let text = script("60s", "{ http_req_failed: ['rate<0.5'] }", "export function teardown() { sleep(2); }");
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
    life.running();
    let stop = || life.supervisor.stop(Caller::default());
    let stops = life.wait(futures::future::join_all([stop(), stop(), stop(), stop()]));
    assert!(stops.iter().all(Result::is_ok), "{stops:?}");
    let (run, verdict) = life.finished(&run.id);
    // A second signal would have cost the summary.
    assert_eq!((verdict, run.totals.is_some(), run.thresholds[0].k6_ok), (Verdict::Stopped, true, Some(true)));
    bench.nothing_left();
}

#[test]
fn docker_that_hangs_holds_up_neither_the_dashboard_nor_a_run() {
    let mut wire = Wire::new();
    let bench = Bench::new(&[("a.js", &script("1s", "{}", ""))]);
    wire.hang();
    let life = bench.dashboard_with(Config { engine: EngineChoice::Auto, ..wire.config(&bench) });
    let engine = life.runs.borrow().engine.clone();
    assert!(engine.ready && engine.name == "process", "{engine:?}");
    let run = life.start("a.js", &[]);
    assert_eq!(life.finished(&run.id).1, Verdict::Passed);
    life.crash();

    // Where only Docker will do, that is said, and nobody waits for it script by script.
    let life = bench.dashboard_with(wire.config(&bench));
    let engine = life.runs.borrow().engine.clone();
    assert!(!engine.ready && engine.note.contains("does not answer"), "{engine:?}");
    let config = wire.config(&bench);
    let list = life.wait(list(&config));
    let ScriptKind::Broken { message } = &list[0].kind else { panic!("{list:?}") };
    assert!(message.contains("does not answer"), "{message}");
}

#[test]
fn the_time_that_k6_may_take_counts_from_its_launch() {
    let mut wire = Wire::new();
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    (wire.delay, _) = (Duration::from_secs(1), wire.cut());
    wire.mend();
    let config = wire.config(&bench);
    let launch = launch(&bench, &config, "late", Duration::from_secs(60));
    let runtime = Runtime::new().unwrap();
    let asked_ms = now_ms();
    let started = runtime.block_on(choose(&config, &Shutdown::default()).start(launch.clone())).unwrap();
    let waited = started.deadline_ms - asked_ms;
    assert!(waited >= 61_000, "{waited} ms");
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(launch.dir.join("container.json")).unwrap()).unwrap();
    assert_eq!(record["deadline_ms"], started.deadline_ms);
    docker(&["rm", "-f", "-v", &container(&launch.run)]);
}

#[test]
fn a_stopped_run_lets_go_of_a_docker_that_is_gone_for_good() {
    let mut wire = Wire::new();
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let config = Config { stop_grace: Duration::from_secs(1), ..wire.config(&bench) };
    let life = bench.dashboard_with(config.clone());
    let run = life.start("a.js", &[]);
    life.running();
    wire.cut();
    let start = || life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
    assert_eq!(start(), Err(ApiError::AlreadyRunning { running: run.id.clone() }), "it may well be at work");
    life.wait(life.supervisor.stop(Caller::default())).unwrap_err();
    let (_, verdict) = life.finished(&run.id);
    let Verdict::Crashed { exit_code: None, message } = verdict else { panic!("{verdict:?}") };
    assert!(message.contains("if it is still at work, it ends by itself by "), "{message}");
    let refused = start();
    assert!(matches!(&refused, Err(ApiError::Unavailable { what }) if what.contains("no Docker")), "{refused:?}");
    life.crash();
    // What was left goes when Docker is back.
    wire.mend();
    let _life = bench.dashboard_with(config);
    bench.nothing_left();
}

/// An image of some of this machine's files, which goes with the value.
struct Image(String);

impl Image {
    fn import(files: &[String]) -> Self {
        let name = format!("ha-dashboard-test-{:08x}", rand::random::<u32>());
        let mut tar = Command::new("tar")
            .args(["ch", "--transform=s,.*/bin/k6$,usr/bin/k6,"])
            .args(files)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let imported = Command::new("docker")
            .args(["-H", &host(), "import", "--change", "ENTRYPOINT [\"k6\"]", "-", &name])
            .stdin(tar.stdout.take().unwrap())
            .output();
        assert!(imported.unwrap().status.success() && tar.wait().unwrap().success());
        Self(name)
    }

    fn config(&self, bench: &Bench) -> Config {
        let config = bench.docker();
        Config { docker: DockerConfig { image: self.0.clone(), ..config.docker.clone() }, ..config }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["-H", &host(), "image", "rm", &self.0]).output();
    }
}

#[test]
fn an_image_with_nothing_to_end_k6_by_itself_is_refused() {
    let image = Image::import(&["/etc/hostname".into()]);
    let bench = Bench::new(&[]);
    let life = bench.dashboard_with(image.config(&bench));
    let engine = life.runs.borrow().engine.clone();
    bench.nothing_left();
    assert!(!engine.ready && engine.note.contains("no program `timeout`"), "{engine:?}");
}

#[test]
fn the_timeout_of_coreutils_tells_k6_once_to_end() {
    let mut files = ["/bin/sh", "/usr/bin/timeout"].map(str::to_owned).to_vec();
    for program in files.clone() {
        let libraries = String::from_utf8(Command::new("ldd").arg(program).output().unwrap().stdout).unwrap();
        files.extend(libraries.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
    }
    files.push(k6().display().to_string());
    files.sort();
    files.dedup();
    let image = Image::import(&files);
    let text = script("60s", "{ http_req_failed: ['rate<0.5'] }", "export function teardown() { sleep(1); }");
    let bench = Bench::new(&[("a.js", &text)]);
    let life = bench.dashboard_with(image.config(&bench));
    for _ in 0..3 {
        let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
        life.running();
        let entrypoint = docker(&["inspect", "--format", "{{json .Config.Entrypoint}}", &container(&run.id)]);
        assert_eq!(entrypoint.matches("--foreground").count(), 2, "{entrypoint}");
        life.stop();
        let (run, verdict) = life.finished(&run.id);
        assert_eq!((verdict, run.thresholds[0].k6_ok), (Verdict::Stopped, Some(true)));
    }
    bench.nothing_left();
}

/// A Docker Engine of the test's own, which may be killed.
struct OwnEngine {
    folder: tempfile::TempDir,
    daemon: Option<Child>,
    bridge: String,
}

impl OwnEngine {
    /// `disk_mib`: how large its disk is; `None`: as large as ours.
    fn start(disk_mib: Option<u32>) -> Self {
        let bridge = format!("had-{:08x}", rand::random::<u32>());
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Self { folder, daemon: None, bridge };
        // Without one of its own it would take the machine's engine's away.
        for args in [
            format!("link add {} type bridge", engine.bridge),
            format!("address add 10.212.254.1/24 dev {}", engine.bridge),
            format!("link set {} up", engine.bridge),
        ] {
            assert!(Command::new("ip").args(args.split(' ')).status().unwrap().success(), "a bridge needs root");
        }
        fs::create_dir(engine.data()).unwrap();
        if let Some(size) = disk_mib {
            let options = format!("size={size}m");
            let mounted =
                Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(engine.data()).status();
            assert!(mounted.unwrap().success(), "a small disk needs root");
        }
        engine.up();
        engine
    }

    /// The same with k6's image.
    fn with_image(disk_mib: Option<u32>) -> Self {
        let engine = Self::start(disk_mib);
        let mut saved =
            Command::new("docker").args(["-H", &host(), "save", IMAGE]).stdout(Stdio::piped()).spawn().unwrap();
        let loaded = Command::new("docker")
            .args(["-H", &engine.host(), "load", "-q"])
            .stdin(saved.stdout.take().unwrap())
            .output();
        assert!(loaded.unwrap().status.success() && saved.wait().unwrap().success());
        engine
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    fn up(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let log = fs::File::options().create(true).append(true).open(path("log")).unwrap();
        let daemon = Command::new("dockerd")
            .args(["--bridge", &self.bridge, "--iptables=false", "--ip-masq=false", "-H", &self.host()])
            .arg("--data-root")
            .arg(self.data())
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.daemon = Some(daemon.expect("there is no dockerd: run `make setup`"));
        let host = self.host();
        poll("the engine", || {
            let version = Command::new("docker").args(["-H", &host, "version"]).output().unwrap();
            version.status.success().then_some(())
        });
    }

    fn signal(&mut self, signal: Signal) {
        if let Some(mut daemon) = self.daemon.take() {
            kill_process(Pid::from_child(&daemon), signal).unwrap();
            daemon.wait().unwrap();
            // Its containerd dies with it; a zombie of that would pass for one at work.
            let containerd = self.folder.path().join("exec/containerd");
            if let Ok(pid) = fs::read_to_string(containerd.join("containerd.pid")) {
                gone(pid.trim().parse().unwrap());
            }
            let _ = fs::remove_dir_all(containerd);
        }
    }
}

impl OwnEngine {
    /// What runs in its containers, or did when a killed engine lost sight of it.
    fn inmates(&self) -> Vec<i32> {
        let shims = self.shims();
        let all = procfs::process::all_processes().unwrap().filter_map(|process| process.ok()?.stat().ok());
        all.filter(|stat| shims.contains(&stat.ppid) && stat.state != 'Z').map(|stat| stat.pid).collect()
    }

    fn shims(&self) -> Vec<i32> {
        let folder = self.folder.path().display().to_string();
        let ours = |process: &procfs::process::Process| {
            let line = process.cmdline().unwrap_or_default();
            line.first().is_some_and(|name| name.contains("shim")) && line.iter().any(|word| word.contains(&folder))
        };
        procfs::process::all_processes().unwrap().flatten().filter(ours).map(|process| process.pid).collect()
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        // What a killed engine left behind.
        for pid in self.inmates().into_iter().chain(self.shims()) {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        let _ = Command::new("ip").args(["link", "delete", &self.bridge]).status();
        // The small disk, the machine's network that it held on to, and its data folder where it was killed.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for place in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(place).starts_with(self.folder.path()) {
                let _ = Command::new("umount").arg(place).status();
            }
        }
    }
}

#[test]
fn k6_in_a_container_ends_by_itself_whatever_becomes_of_docker_and_of_who_reads_its_log() {
    let mut engine = OwnEngine::with_image(None);
    let loud = "export function teardown() { for (;;) { console.log('x'.repeat(4000)); sleep(0.001); } }";
    let bench = Bench::new(&[("a.js", &script("60s", "{}", loud))]);
    let config = bench.docker();
    let docker = DockerConfig { host: engine.host(), ..config.docker.clone() };
    let config = Config { docker, stop_grace: Duration::from_secs(2), ..config };
    let runtime = Runtime::new().unwrap();
    let launch = launch(&bench, &config, "orphan", Duration::from_secs(1));
    runtime.block_on(async { choose(&config, &Shutdown::default()).start(launch).await.map(drop).unwrap() });
    runtime.shutdown_background();
    let alive = engine.inmates();
    assert_eq!(alive.len(), 1, "{alive:?}");
    engine.signal(Signal::KILL);
    // Told to end it would talk on in its teardown(), to a pipe that nobody empties.
    poll("k6 to end by itself", || engine.inmates().is_empty().then_some(()));
}

#[test]
fn a_restart_of_docker_ends_the_run_and_is_told() {
    let mut engine = OwnEngine::with_image(None);
    let bench = Bench::new(&[("a.js", &script("60s", "{ http_req_failed: ['rate<0.5'] }", ""))]);
    let config = bench.docker();
    let docker = DockerConfig { host: engine.host(), ..config.docker.clone() };
    let life = bench.dashboard_with(Config { docker, ..config });
    for signal in [Signal::TERM, Signal::KILL] {
        let run = life.start("a.js", &["http_req_failed:rate<0.5"]);
        life.running();
        engine.signal(signal);
        let asked = signal == Signal::KILL;
        if asked {
            let stop = life.wait(life.supervisor.stop(Caller::default()));
            assert!(matches!(&stop, Err(ApiError::Unavailable { what }) if what.contains("Docker")), "{stop:?}");
        }
        engine.up();
        let (run, verdict) = life.finished(&run.id);
        println!("{signal:?}: {verdict:?}");
        let Verdict::Crashed { message, .. } = verdict else { panic!("{verdict:?}") };
        assert!(message.contains("k6"), "{message}");
        // A new engine does not find what the killed one left, so nothing is claimed of it.
        let alive = engine.inmates();
        let told = message.contains("if it is still at work, it ends by itself by ");
        assert!(alive.is_empty() || told, "{alive:?}: {message}");
        assert!(run.started_ms.is_some() && run.ended_ms.is_some());
        bench.nothing_left_at(&engine.host());
    }
    // The next run is as good as any.
    let run = life.start("a.js", &[]);
    life.running();
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let engine = OwnEngine::with_image(Some(300));
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let config = bench.docker();
    let docker = DockerConfig { host: engine.host(), ..config.docker.clone() };
    let life = bench.dashboard_with(Config { docker, ..config });
    assert!(life.runs.borrow().engine.ready);
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M"])
        .arg(format!("of={}", engine.data().join("filler").display()))
        .output();
    assert!(!filled.unwrap().status.success(), "the disk must be full");
    let refused = life.wait(life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), Caller::default()));
    let Err(ApiError::Unavailable { what }) = refused else { panic!("{refused:?}") };
    assert!(what.contains("disk is full"), "{what}");
    assert_eq!((life.runs.borrow().run.clone(), bench.run_dirs()), (None, 0));
    bench.nothing_left_at(&engine.host());
}

/// A registry that holds k6's image as our engine saves it, and sends the second half of each layer only when it may.
struct Registry {
    port: u16,
    go_on: Arc<tokio::sync::Semaphore>,
    _runtime: Runtime,
}

impl Registry {
    const REPOSITORY: &str = "grafana/k6";

    fn start() -> Self {
        use axum::{body::Body, extract::Path as At, http::HeaderMap, routing::get};

        let dir = tempfile::tempdir().unwrap();
        let saved = dir.path().join("image.tar");
        docker(&["save", "-o", saved.to_str().unwrap(), IMAGE]);
        assert!(Command::new("tar").arg("xf").arg(&saved).arg("-C").arg(dir.path()).status().unwrap().success());
        let list: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.path().join("manifest.json")).unwrap()).unwrap();
        let mut blobs = BTreeMap::new();
        let mut blob = |kind: &str, name: &serde_json::Value| {
            let path = dir.path().join(name.as_str().unwrap());
            let digest = sha256(&path);
            let bytes = fs::read(path).unwrap();
            let about = serde_json::json!({
                "mediaType": format!("application/vnd.docker.{kind}"), "size": bytes.len(), "digest": digest,
            });
            blobs.insert(digest, bytes);
            about
        };
        let config = blob("container.image.v1+json", &list[0]["Config"]);
        let layers: Vec<_> = list[0]["Layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| blob("image.rootfs.diff.tar.gzip", layer))
            .collect();
        const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest =
            serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})
                .to_string();
        let file = dir.path().join("manifest");
        fs::write(&file, &manifest).unwrap();
        let digest = sha256(&file);

        let go_on = Arc::new(tokio::sync::Semaphore::new(0));
        let gate = go_on.clone();
        let blobs = Arc::new(blobs);
        let send = move |At(digest): At<String>| {
            let (bytes, gate) = (blobs[&digest].clone(), gate.clone());
            async move {
                let half = bytes.len() / 2;
                let parts = futures::stream::iter(
                    bytes.chunks(64 << 10).map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter().enumerate(),
                );
                let length = [("content-length", bytes.len().to_string())];
                let body = Body::from_stream(futures::StreamExt::then(parts, move |(at, part)| {
                    let gate = gate.clone();
                    async move {
                        if part.len() * (at + 1) > half && at > 16 {
                            drop(gate.acquire().await.unwrap());
                        }
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        Ok::<_, std::convert::Infallible>(part)
                    }
                }));
                (length, body)
            }
        };
        let describe = move || {
            let headers = [("content-type", MANIFEST), ("docker-content-digest", &digest)];
            let headers: HeaderMap =
                headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).into_iter().collect();
            std::future::ready((headers, manifest.clone()))
        };
        let routes = axum::Router::new()
            .route("/v2/", get(|| async { "{}" }))
            .route(&format!("/v2/{}/manifests/{{reference}}", Self::REPOSITORY), get(describe))
            .route(&format!("/v2/{}/blobs/{{digest}}", Self::REPOSITORY), get(send));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async { axum::serve(listener, routes).await });
        Self { port, go_on, _runtime: runtime }
    }
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    format!("sha256:{}", String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap())
}

#[test]
fn a_missing_image_is_pulled_with_its_progress_shown_and_used_at_once() {
    let (engine, registry) = (OwnEngine::start(None), Registry::start());
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let config = bench.docker();
    let image = format!("127.0.0.1:{}/{}:1.1.0", registry.port, Registry::REPOSITORY);
    let docker = DockerConfig { host: engine.host(), image: image.clone(), ..config.docker.clone() };
    let life = bench.dashboard_with(Config { docker, ..config });
    let offered = life.runs.borrow().engine.image.clone().expect("an offer");
    assert_eq!((offered.name, offered.pull), (image, Pull::Offered));
    life.wait(life.supervisor.pull(&Caller::default())).unwrap();
    life.wait(life.supervisor.pull(&Caller::default())).unwrap();
    let mut runs = life.runs.clone();
    life.wait(async {
        let partly = |feed: &RunFeed| {
            let pull = feed.engine.image.as_ref().map(|image| &image.pull);
            matches!(pull, Some(Pull::Working { done, total }) if *done > 1 << 20 && done < total)
        };
        runs.wait_for(partly).await.map(drop).unwrap();
        registry.go_on.add_permits(1);
        runs.wait_for(|feed| feed.engine.ready).await.map(drop).unwrap();
    });
    assert_eq!(life.runs.borrow().engine.image, None);
    let run = life.start("a.js", &[]);
    life.running();
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    bench.nothing_left_at(&engine.host());
}

#[test]
fn load_is_added_to_a_run_in_containers_and_taken_away() {
    let bench = Bench::new(&[("a.js", &super::bursts::scheduled())]);
    super::bursts::comes_and_goes(&bench.dashboard_with(bench.docker()));
    bench.nothing_left();
}

#[test]
fn added_load_in_containers_is_taken_over_and_ends_with_the_run() {
    let bench = Bench::new(&[("a.js", &super::bursts::scheduled())]);
    let life = bench.dashboard_with(bench.docker());
    let run = life.start_scheduled(60, &[]);
    life.running_on_record();
    life.add(&run.id, super::bursts::vus("2", ""));
    life.crash();

    let life = bench.dashboard_with(bench.docker());
    assert!(life.runs.borrow().adopted);
    // Beside those that ask k6 for its version.
    let there = bench.containers_at(&host());
    let expected = [1, 2].map(|number| format!("ha-dashboard-{}-{number}", run.id));
    assert!(expected.iter().all(|name| there.contains(name)), "{there:?}");
    life.remove(&run.id, 2).unwrap();
    let removed = life.burst(2, |burst| burst.end.is_some());
    assert_eq!(removed.end, Some(ha_dashboard::domain::burst::BurstEnd::Removed));
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    super::bursts::ends_with_the_run(&life);
    bench.nothing_left();
}
