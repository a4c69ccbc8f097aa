//! `ha-dashboard demo` sets the stage: replicas that are killed and frozen for real, behind a real HAProxy. And the dashboard
//! over stages that others have set, with programs that are none of ours.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used)]

#[path = "support/ports.rs"]
mod ports;
#[path = "support/stage.rs"]
mod set;

use std::{
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use ports::{free_port, free_ports};
use serde_json::{Value, json};
use set::{SERVICES, SOON, Stage, ask, ask_as, now_ms, status, until};

/// Asks for products from four threads while `deed` is done; how many answers were good, and the statuses of the others.
fn under_load(port: u16, deed: impl FnOnce()) -> (usize, Vec<Option<u16>>) {
    let (stop, good, bad) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    match status(port, "GET /products") {
                        Some(200) => {
                            good.fetch_add(1, Relaxed);
                        }
                        other => bad.lock().unwrap().push(other),
                    }
                }
            });
        }
        until("load", || (good.load(Relaxed) > 50).then_some(()));
        deed();
        stop.store(true, Relaxed);
    });
    (good.into_inner(), bad.into_inner().unwrap())
}

#[test]
fn the_shop_works_through_the_gateway_and_knobs_reach_every_replica() {
    let stage = Stage::start();
    let [[product, first, second], [user, ..], [checkout, ..]] = stage.ports;
    let order = json!({ "user_id": 1, "items": [{ "product_id": 1, "quantity": 2 }] }).to_string();
    assert_eq!(ask(checkout, "POST /checkout", &order).unwrap().0, 201);
    assert_eq!(status(user, "GET /users/1"), Some(200));

    let knobs = |latency_ms: u32| json!({ "latency_ms": latency_ms, "jitter_ms": 0, "error_share": 0.0 });
    let turned = |port: u16| {
        let knobs: Value = serde_json::from_str(&ask(port, "GET /knobs", "").unwrap().1).unwrap();
        knobs["latency_ms"].as_u64().unwrap()
    };
    assert_eq!(ask(product, "PUT /knobs", &knobs(7).to_string()).unwrap().0, 200);
    assert_eq!([first, second].map(turned), [7, 7], "at the service's address");
    assert_eq!(ask(first, "PUT /knobs", &knobs(9).to_string()).unwrap().0, 200);
    assert_eq!([first, second].map(turned), [9, 7], "at one replica's");
    let refused = ask(product, "PUT /knobs", "{\"latency_ms\":-1}").unwrap().0;
    assert!((400..500).contains(&refused), "{refused}");
    assert_eq!([first, second].map(turned), [9, 7]);
}

#[test]
fn nothing_of_the_stage_is_steered_from_elsewhere() {
    let stage = Stage::start();
    let [[product, first, _], ..] = stage.ports;
    let knobs = json!({ "latency_ms": 7, "jitter_ms": 0, "error_share": 0.0 }).to_string();
    // A browser here that follows a name which was made to point here.
    for port in [product, first] {
        assert_eq!(ask_as("evil.example", port, "PUT /knobs", &knobs).unwrap().0, 403);
    }
    let listening = stage.listening();
    assert!(listening.len() >= 12, "gateway, doors and replicas: {listening:?}");
    assert!(listening.iter().all(|address| address.ip().is_loopback()), "{listening:?}");
    // Whoever may give orders to the supervisor or the gateway is the same user.
    for name in ["supervisor.sock", "gateway.sock"] {
        let about = std::fs::metadata(stage.folder.path().join("stage").join(name)).unwrap();
        assert_eq!(about.permissions().mode() & 0o077, 0, "{name}");
    }
}

#[test]
fn a_killed_and_a_frozen_replica_are_noticed_survived_and_brought_back() {
    let stage = Stage::start();
    let port = stage.ports[0][0];
    stage.is_redundant("product-service");
    let order = |order: &str, until_ms: u64| {
        let answer = stage.order(&json!({ "order": order, "replica": "product-service-1", "until_ms": until_ms }));
        assert!(answer["replicas"].is_array(), "{answer}");
    };

    let mut noticed = Duration::ZERO;
    let until_ms = now_ms() + 2500;
    let (good, bad) = under_load(port, || {
        order("kill", until_ms);
        noticed = stage.is_degraded("product-service");
        assert_eq!(stage.state("product-service-1"), "held");
        stage.is_redundant("product-service");
    });
    assert!(now_ms() >= until_ms, "not before its time");
    println!("kill: noticed by the gateway after {noticed:?}, {} of {good} requests lost", bad.len());
    // The sockets of a killed process close one after the other: one that listens a little longer takes a caller's next
    // request, too.
    assert!(bad.len() <= 8, "lost besides {good}: {bad:?}; of each of four callers the one under way, and the next");

    let (good, bad) = under_load(port, || {
        order("freeze", now_ms() + 4000);
        noticed = stage.is_degraded("product-service");
        assert_eq!(stage.state("product-service-1"), "frozen");
        stage.is_redundant("product-service");
    });
    println!("freeze: noticed by the gateway after {noticed:?}, {} of {good} requests lost", bad.len());
    assert!(bad.len() <= 8, "lost besides {good}: {bad:?}; those under way when it froze, and when it was dropped");
    assert_eq!(stage.state("product-service-1"), "running");
}

/// The dashboard over a stage.
struct Dashboard {
    serve: Child,
    port: u16,
}

impl Dashboard {
    fn start(stage: &Stage) -> Self {
        Self::with(stage.folder.path(), &[])
    }

    /// Over what the configuration in a folder names.
    fn with(folder: &Path, options: &[&str]) -> Self {
        let port = free_port();
        let serve = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"))
            .args(["serve", "--log", "warn", "--engine", "process", "--prometheus-url", "http://127.0.0.1:1"])
            .args(["--addr", &format!("127.0.0.1:{port}"), "--config"])
            .arg(folder.join("ha-dashboard.toml"))
            .arg("--state-dir")
            .arg(folder)
            .args(options)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let dashboard = Self { serve, port };
        until("the dashboard answers", || (status(port, "GET /live") == Some(200)).then_some(()));
        dashboard
    }

    /// What it tells of a replica.
    fn replica(&self, service: &str, name: &str) -> Value {
        let told: Value = serde_json::from_str(&ask(self.port, "GET /health/detailed", "").unwrap().1).unwrap();
        told["dependencies"][service]["replicas"][name].clone()
    }

    /// Waits until it tells something of a replica.
    fn tells(&self, service: &str, name: &str, wanted: &Value) -> Value {
        let started = Instant::now();
        loop {
            let told = self.replica(service, name);
            if wanted.as_object().unwrap().iter().all(|(key, value)| told[key] == *value) {
                return told;
            }
            assert!(started.elapsed() < SOON, "{name} is not {wanted} within {SOON:?}, but {told}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sets a fault, until it is restored.
    fn set(&self, fault: &Value) {
        let (status, answer) = until("an answer", || ask(self.port, "POST /api/v1/faults", &fault.to_string()));
        assert_eq!(status, 200, "{fault}: {answer}");
    }

    /// The faults that it tells of, newest first.
    fn faults(&self) -> Vec<Value> {
        let (_, answer) = until("an answer", || ask(self.port, "GET /api/v1/faults", ""));
        let told: Value = serde_json::from_str(&answer).unwrap();
        told["faults"].as_array().unwrap().clone()
    }

    fn restore_all(&self) {
        assert_eq!(until("an answer", || status(self.port, "POST /api/v1/faults/restore-all")), 200);
    }

    /// The kinds of events that are on record about a replica.
    fn events(&self, name: &str) -> Vec<String> {
        let about = format!("subject=\"{name}\"");
        let kind = |line: &str| Some(line.split_once("kind=\"")?.1.split_once('"')?.0.to_owned());
        let text = ask(self.port, "GET /metrics", "").unwrap().1;
        text.lines().filter(|line| line.contains(&about)).filter_map(kind).collect()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.serve.kill();
        let _ = self.serve.wait();
    }
}

#[test]
fn the_dashboard_tells_who_noticed_what() {
    let stage = Stage::start();
    let dashboard = Dashboard::start(&stage);
    let (service, name) = ("user-service", "user-service-2");
    let is = |wanted: Value| dashboard.tells(service, name, &wanted);
    let fine = is(json!({ "status": "healthy", "process": "running", "gateway": true, "restarts": 0 }));
    assert!(fine["response_time"].as_f64().is_some_and(|seconds| seconds > 0.0), "{fine}");

    let order = |order: &str, for_ms: u64| {
        let until_ms = now_ms() + for_ms;
        stage.order(&json!({ "order": order, "replica": name, "until_ms": until_ms }))
    };
    order("kill", 600_000);
    is(json!({ "status": "unhealthy", "process": "held", "gateway": false, "response_time": null }));
    let noticed = ["gateway-down", "process-held", "replica-down"];
    assert!(noticed.iter().all(|kind| dashboard.events(name).iter().any(|told| told == kind)));
    assert_eq!(dashboard.events("user-service-1"), Vec::<String>::new());
    stage.order(&json!({ "order": "restore", "replica": name }));
    is(json!({ "status": "healthy", "process": "running", "gateway": true, "restarts": 1 }));
    order("freeze", 600_000);
    is(json!({ "status": "unhealthy", "process": "frozen", "gateway": false }));
    stage.order(&json!({ "order": "restore", "replica": name }));
    is(json!({ "status": "healthy", "process": "running", "gateway": true, "restarts": 1 }));
    let told = dashboard.events(name);
    for kind in ["gateway-up", "process-frozen", "process-running", "replica-up"] {
        assert!(told.iter().any(|told| told == kind), "{kind}: {told:?}");
    }
}

/// Every kind of fault that lasts, where it is in no other's way.
const LASTING: [(&str, &str); 9] = [
    ("kill", "product-service-1"),
    ("latency", "product-service-2"),
    ("cpu", "product-service-2"),
    ("stop", "user-service-1"),
    ("errors", "user-service-2"),
    ("memory", "user-service-2"),
    ("freeze", "checkout-service-1"),
    ("cut", "checkout-service-2"),
    ("disk", "checkout-service-2"),
];

/// What [`LASTING`] faults are at their full intensity, or that nothing is left of them.
fn is_at_work(stage: &Stage, at_work: bool) {
    let [_, [_, latent], [_, failing], [_, cut]] = [[0; 2], stage.doors[0], stage.doors[1], stage.doors[2]];
    let states = if at_work { ["held", "held", "frozen"] } else { ["running"; 3] };
    for (service, state) in SERVICES.into_iter().zip(states) {
        until(state, || (stage.state(&format!("{service}-1")) == state).then_some(()));
        assert_eq!(stage.state(&format!("{service}-2")), "running");
    }
    for (at, [door, _]) in stage.doors.into_iter().enumerate() {
        let answers = || (status(door, "GET /health") == Some(200)) != at_work;
        until(&format!("the first door of {}", SERVICES[at]), || answers().then_some(()));
    }
    until("the door that is slow", || {
        let asked = Instant::now();
        let answer = status(latent, "GET /health");
        let slow = asked.elapsed() >= Duration::from_millis(700);
        (answer == Some(200) && slow == at_work).then_some(())
    });
    let expected = |bad| if at_work { bad } else { Some(200) };
    until("the door that fails", || (status(failing, "GET /health") == expected(Some(500))).then_some(()));
    until("the door that is cut", || (status(cut, "GET /health") == expected(None)).then_some(()));
    for ([.., replica], (knob, full)) in
        stage.ports.into_iter().zip([("cpu", json!(2.0)), ("memory_mb", json!(640)), ("disk_mb_s", json!(80))])
    {
        let turned = || serde_json::from_str::<Value>(&ask(replica, "GET /knobs", "")?.1).ok()?.get(knob).cloned();
        let neutral = |turned: &Value| turned.as_f64() == Some(0.0);
        until(knob, || turned().filter(|turned| if at_work { *turned == full } else { neutral(turned) }));
    }
}

#[test]
fn a_dashboard_that_is_killed_during_a_fault_of_any_kind_leaves_nothing_of_it() {
    let stage = Stage::start();
    let set_all = |dashboard: &Dashboard, duration: &str| {
        for (kind, replica) in LASTING {
            let mut fault = json!({ "kind": kind, "replica": replica, "duration": duration, "even_last": true });
            if !["kill", "stop", "freeze", "cut"].contains(&kind) {
                fault["intensity"] = json!(10);
            }
            dashboard.set(&fault);
        }
        is_at_work(&stage, true);
        dashboard.faults()
    };
    // The newest faults, when all of them are over.
    let over = |dashboard: &Dashboard, newest: usize, why: &str| {
        let over = |fault: &Value| fault["state"] == "restored" && fault["why"] == why;
        until(&format!("all are over: {why}"), || {
            let faults = dashboard.faults();
            faults.get(..newest).filter(|newest| newest.iter().all(over)).map(<[Value]>::to_vec)
        })
    };

    // Each ends at its time, though there is no dashboard.
    let dashboard = Dashboard::start(&stage);
    let left = set_all(&dashboard, "30s");
    drop(dashboard);
    let first_end_ms = left.iter().filter_map(|fault| fault["until_ms"].as_u64()).min().unwrap();
    assert!(now_ms() < first_end_ms, "all were at work when it was killed");
    is_at_work(&stage, false);
    let last_end_ms = left.iter().filter_map(|fault| fault["until_ms"].as_u64()).max().unwrap();
    assert!(now_ms() >= last_end_ms, "not before their time");
    let dashboard = Dashboard::start(&stage);
    let ended = over(&dashboard, LASTING.len(), "time");
    for (fault, left) in ended.iter().zip(&left) {
        assert_eq!((&fault["id"], &fault["restored_at_ms"]), (&left["id"], &left["until_ms"]));
    }
    for (kind, replica) in LASTING {
        let told = dashboard.events(replica);
        let about = [format!("fault-{kind}"), "fault-restored".to_owned()];
        assert!(about.iter().all(|kind| told.contains(kind)), "{about:?}: {told:?}");
    }

    // What has long to go is taken back by the next one.
    set_all(&dashboard, "10m");
    drop(dashboard);
    is_at_work(&stage, true);
    let dashboard = Dashboard::start(&stage);
    over(&dashboard, LASTING.len(), "start");
    is_at_work(&stage, false);

    // A restart is the supervisor's as soon as it is ordered; of a rolling one, what was not ordered yet is not done.
    dashboard.set(&json!({ "kind": "rolling-restart", "service": "product-service" }));
    dashboard.set(&json!({ "kind": "restart", "replica": "user-service-1" }));
    drop(dashboard);
    let dashboard = Dashboard::start(&stage);
    until("both are over", || {
        let faults = dashboard.faults();
        faults[..2].iter().all(|fault| fault["state"] == "restored").then_some(())
    });
    for service in SERVICES {
        stage.is_redundant(service);
    }
    is_at_work(&stage, false);

    // What each cost is closed, with the time in which nobody looked.
    let page = until("a page", || ask(dashboard.port, "GET /faults", "")).1;
    assert!(page.contains("The dashboard was away from "), "{page}");
    let costs = || serde_json::from_slice(&std::fs::read(stage.folder.path().join("costs.json")).ok()?).ok();
    let closed = |cost: &Value| cost["cost"]["settled"] == true && cost["cost"]["away"].is_object();
    until("all costs are closed", || {
        let costs: Vec<Value> = costs()?;
        let lasting = costs.iter().filter(|cost| closed(cost)).count();
        (lasting >= 2 * LASTING.len()).then_some(())
    });
}

#[test]
fn what_is_down_already_is_refused_or_spared() {
    let stage = Stage::start();
    let dashboard = Dashboard::start(&stage);
    let set = |fault: Value| {
        let (status, answer) = until("an answer", || ask(dashboard.port, "POST /api/v1/faults", &fault.to_string()));
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    for order in ["kill", "freeze"] {
        stage.order(&json!({ "order": order, "replica": "user-service-1", "until_ms": now_ms() + 600_000 }));
        for kind in ["kill", "stop", "freeze", "cut", "latency", "cpu"] {
            let (status, answer) = set(json!({ "kind": kind, "replica": "user-service-1" }));
            let why = answer["error"].as_str().unwrap();
            assert!(status == 409 && why.contains("user-service-1 is down already"), "{kind}: {answer}");
        }
        let (status, answer) = set(json!({ "kind": "latency", "service": "user-service", "intensity": 1 }));
        assert_eq!((status, &answer["fault"]["replicas"]), (200, &json!(["user-service-2"])), "{answer}");
        dashboard.restore_all();
        // What is down can be started again.
        assert_eq!(set(json!({ "kind": "restart", "replica": "user-service-1" })).0, 200);
        until("it runs", || (stage.state("user-service-1") == "running").then_some(()));
        until("it is over", || (dashboard.faults()[0]["state"] == "restored").then_some(()));
    }
}

/// Exit code, standard output and standard error of `ha-dashboard fault`.
fn fault(port: u16, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"));
    let output = command.arg("fault").args(words).args(["--addr", &format!("127.0.0.1:{port}")]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn faults_are_set_listed_and_taken_back_from_the_command_line() {
    let stage = Stage::start();
    let dashboard = Dashboard::start(&stage);
    let fault = |words: &[&str]| fault(dashboard.port, words);
    assert_eq!(fault(&["list"]), (0, "nothing is set, and nothing was\n".into(), String::new()));

    let latency = ["set", "latency", "product-service-1", "--intensity", "3", "--duration", "5m"];
    let (code, told, problem) = fault(&latency);
    assert_eq!((code, problem.as_str()), (0, ""));
    assert!(told.contains("  latency on product-service-1 (1 of 2, 300 ms ± 60 ms): active, "), "{told}");
    let id = told.split(' ').next().unwrap();
    // What Grafana's annotation of faults asks for.
    assert_eq!(dashboard.events("product-service-1"), ["fault-latency"]);
    let (code, listed, _) = fault(&["list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((code, &listed["faults"][0]["id"], &listed["faults"][0]["state"]), (0, &json!(id), &json!("active")));

    let (code, told, problem) = fault(&latency);
    assert_eq!((code, told.as_str()), (2, ""));
    assert!(problem.contains(&format!("latency is at work on product-service-1 already (fault {id})")), "{problem}");
    let wrong = ["set", "explode", "no\"\nwhere", "--intensity", "11", "--duration", "30 days", "--json"];
    let (code, refusal, problem) = fault(&wrong);
    assert_eq!(code, 2);
    for field in ["kind", "service", "intensity", "duration"] {
        assert!(problem.contains(&format!("{field}: ")), "{field}: {problem}");
    }
    assert_eq!(serde_json::from_str::<Value>(&refusal).unwrap()["code"], "invalid");

    let (code, told, _) = fault(&["restore", id]);
    assert!(code == 0 && told.ends_with(": restored, somebody asked\n"), "{told}");
    assert_eq!(fault(&["restore", id]).0, 2, "it is over");
    let (code, _, problem) = fault(&["restore", "../../health?"]);
    assert_eq!((code, problem.as_str()), (2, "there is no fault ../../health?\n"));

    assert_eq!(fault(&["set", "freeze", "user-service-2"]).0, 0);
    assert_eq!(stage.state("user-service-2"), "frozen");
    let (code, told, _) = fault(&["restore-all"]);
    assert!(code == 0 && told.contains("freeze on user-service-2 (1 of 2): restored"), "{told}");
    assert_eq!(stage.state("user-service-2"), "running");
    assert_eq!(fault(&["restore-all"]), (0, "nothing was set\n".into(), String::new()));

    let (code, _, problem) = self::fault(stage.ports[0][0], &["list"]);
    assert!(code == 3 && problem.contains("is no dashboard"), "{problem}");
    drop(dashboard);
    let nobody = free_port();
    let (code, _, problem) = self::fault(nobody, &["list"]);
    assert!(code == 3 && problem.contains("no dashboard answers"), "{problem}");
}

#[test]
fn an_emergency_stop_takes_faults_back_without_a_metrics_store() {
    let stage = Stage::start();
    let dashboard = Dashboard::start(&stage);
    dashboard.set(&json!({ "kind": "latency", "replica": "product-service-2", "intensity": 1 }));
    let stop = || {
        let addr = format!("127.0.0.1:{}", dashboard.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"));
        let done = command.args(["emergency-stop", "--json", "--addr", &addr]).output().unwrap();
        (done.status.code(), serde_json::from_slice::<Value>(&done.stdout).unwrap())
    };
    let (code, told) = stop();
    assert_eq!((code, &told["complete"], &told["run"]), (Some(0), &json!(true), &Value::Null), "{told}");
    assert_eq!(told["faults"][0]["state"], "restored", "{told}");
    let (code, told) = stop();
    assert_eq!((code, told["faults"].as_array().map(Vec::len)), (Some(0), Some(0)), "{told}");
}

/// A pipeline's test of the product service beside a scenario.
fn load_with(stage: &Stage, scenario: &str, duration: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"));
    let socket = |name: &str| stage.folder.path().join("stage").join(name).display().to_string();
    command
        .args(["run", "--engine", "process", "--target", "product-service", "--vus", "2", "--json", "-"])
        .args(["--duration", duration, "--scenario", scenario, "--supervisor", &socket("supervisor.sock")])
        .args(["--gateway", &format!("unix://{}", socket("gateway.sock")), "--config"])
        .arg(stage.folder.path().join("ha-dashboard.toml"))
        .stdin(Stdio::null());
    command
}

#[test]
fn a_scenario_goes_with_the_load_and_ends_with_it() {
    let stage = Stage::start();
    let file = stage.folder.path().join("hang.yaml");
    let path = file.display().to_string();
    let steps = "steps:\n- {at: 1 s, fault: freeze, target: product-service-1, for: 10 min}\n\
                 - {at: 2 s, fault: latency, target: product-service-2, intensity: 1}\n";
    std::fs::write(&file, format!("name: One hangs\n{steps}")).unwrap();
    let mut run = load_with(&stage, &path, "10s").stdout(Stdio::piped()).spawn().unwrap();
    until("the first step", || (stage.state("product-service-1") == "frozen").then_some(()));
    let mut told = String::new();
    run.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    run.wait().unwrap();
    assert_eq!(stage.state("product-service-1"), "running", "the load has ended");
    let told: Value = serde_json::from_str(&told).unwrap();
    let scenario = &told["run"]["scenario"];
    assert_eq!((&scenario["name"], &scenario["steps"][1]["at_s"]), (&json!("One hangs"), &json!(2)));
    // Clean again, so that nothing is left of the latency.
    assert!(told["run"]["totals"]["requests"].as_f64().is_some_and(|requests| requests > 0.0), "{told}");

    std::fs::write(&file, "steps:\n- at: 10 s\n  fault: kill\n  target: nobody\n").unwrap();
    let wrong = [
        (path.as_str(), "step 1 (line 2): at 10 s the load has ended"),
        (path.as_str(), "step 1 (line 2): target: \"nobody\" is not allowed: use one of product-service, "),
        ("none.yaml", "scenario: \"none.yaml\" is not allowed: use one of brownout.yaml, failover.yaml"),
    ];
    for (scenario, why) in wrong {
        let refused = load_with(&stage, scenario, "10s").output().unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && told.contains(why), "{told}");
    }
}

#[test]
fn a_gateway_that_dies_comes_back_and_a_crash_of_the_supervisor_leaves_nothing() {
    let mut stage = Stage::start();
    let port = stage.ports[1][0];
    let haproxy = |stage: &Stage| {
        let gateway = stage.children().into_iter().find(|child| {
            // One that brings its own libraries is run by its loader.
            child.cmdline().is_ok_and(|words| words.iter().any(|word| word.ends_with("haproxy")))
        });
        gateway.map(|gateway| gateway.pid())
    };
    let pid = haproxy(&stage).unwrap();
    let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    until("another gateway", || haproxy(&stage).filter(|other| *other != pid));
    until("it answers", || (status(port, "GET /health") == Some(200)).then_some(()));

    stage.order(&json!({ "order": "freeze", "replica": "user-service-2", "until_ms": now_ms() + 600_000 }));
    let children = stage.children();
    assert_eq!(children.len(), 7, "six replicas and the gateway");
    stage.demo.kill().unwrap();
    stage.demo.wait().unwrap();
    until("nothing is left", || children.iter().all(|child| !child.is_alive()).then_some(()));
}

#[test]
fn in_order_it_ends_with_all_that_it_started() {
    let mut stage = Stage::start();
    let children = stage.children();
    stage.order(&json!({ "order": "freeze", "replica": "user-service-2", "until_ms": now_ms() + 600_000 }));
    let ended = Command::new("kill").arg(stage.demo.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert!(stage.demo.wait().unwrap().success());
    until("nothing is left", || children.iter().all(|child| !child.is_alive()).then_some(()));
    assert!(!stage.folder.path().join("stage/supervisor.sock").exists());
}

/// A program that ends with its value.
struct Program(Child);

impl Program {
    fn start(program: &str, args: &[&str]) -> Self {
        // Debian has haproxy where only root looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let child =
            Command::new(program).args(args).env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{program}: {error}: run `make setup`")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn programs_that_are_not_ours_get_a_gateway_doors_and_faults() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [known, first, second, door, other_door] = free_ports();
    std::fs::write(path("index.html"), "hello").unwrap();
    let text = format!(
        r#"gateway = "unix://{}"
[[service]]
name = "web"
url = "http://127.0.0.1:{known}"
health_path = "/index.html"
[[service.replica]]
name = "web-1"
url = "http://127.0.0.1:{first}"
door = "http://127.0.0.1:{door}"
[[service.replica]]
name = "web-2"
url = "http://127.0.0.1:{second}"
door = "http://127.0.0.1:{other_door}"
"#,
        path("gateway.sock"),
    );
    std::fs::write(path("ha-dashboard.toml"), text).unwrap();
    let replica =
        |port: u16| Program::start("busybox", &["httpd", "-f", "-p", &format!("127.0.0.1:{port}"), "-h", &path("")]);
    let (dying, _other) = (replica(first), replica(second));
    let written = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"))
        .args(["gateway", "--config", &path("ha-dashboard.toml"), "--dir", &path("")])
        .status()
        .unwrap();
    assert!(written.success());
    let _gateway = Program::start("haproxy", &["-db", "-f", &path("haproxy.cfg")]);
    let dashboard = Dashboard::with(folder.path(), &[]);
    let fine = json!({ "status": "healthy", "gateway": true, "process": null });
    for name in ["web-1", "web-2"] {
        dashboard.tells("web", name, &fine);
    }
    let time = || {
        let asked = Instant::now();
        assert_eq!(ask(known, "GET /index.html", ""), Some((200, "hello".into())));
        asked.elapsed()
    };
    dashboard.set(&json!({ "kind": "latency", "service": "web", "intensity": 5 }));
    assert!(time() >= Duration::from_millis(400), "500 ms ± 100 ms on every answer");
    dashboard.restore_all();
    until("it is as quick as before", || (time() < Duration::from_millis(400)).then_some(()));
    dashboard.set(&json!({ "kind": "cut", "replica": "web-2" }));
    dashboard.tells("web", "web-2", &json!({ "status": "unhealthy", "gateway": false }));
    time();
    dashboard.restore_all();
    dashboard.tells("web", "web-2", &fine);
    // One that ends by itself. There is nobody to start it again, and nobody who could kill the other one.
    drop(dying);
    dashboard.tells("web", "web-1", &json!({ "status": "unhealthy", "gateway": false }));
    time();
    let kill = json!({ "kind": "kill", "replica": "web-2" }).to_string();
    let (status, answer) = ask(dashboard.port, "POST /api/v1/faults", &kill).unwrap();
    assert!(status == 422 && answer.contains("latency"), "{answer}");
}

/// The engine that `.ci/docker` started, or another one that is named.
fn engine() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        format!("unix://{home}/.cache/ha-dashboard/docker/docker.sock")
    })
}

/// A container that goes with its value.
struct Container(String);

impl Container {
    fn docker(args: &[&str]) -> String {
        let output = Command::new("docker").args(["-H", &engine()]).args(args).output().expect("there is no docker");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn state(&self) -> String {
        Self::docker(&["inspect", "--format", "{{.State.Status}}", &self.0])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["-H", &engine(), "rm", "-f", &self.0]).output();
    }
}

#[test]
fn a_container_without_any_gateway_gets_probes_kill_and_freeze() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let web = Container(format!("had-test-web-{port}"));
    let published = format!("127.0.0.1:{port}:8000");
    // An image of the tests, for its busybox.
    let httpd = ["grafana/k6:1.1.0", "busybox", "httpd", "-f", "-p", "8000", "-h", "/etc"];
    let options = ["run", "-d", "--name", &web.0, "-p", &published, "--entrypoint"];
    Container::docker(&[&options[..], &["env"], &httpd].concat());
    let text = format!(
        r#"[[service]]
name = "web"
url = "http://127.0.0.1:{port}"
health_path = "/passwd"
[[service.replica]]
name = "web-1"
url = "http://127.0.0.1:{port}"
container = "{}"
"#,
        web.0
    );
    std::fs::write(folder.path().join("ha-dashboard.toml"), text).unwrap();
    let dashboard = Dashboard::with(folder.path(), &["--docker-host", &engine()]);
    let is = |wanted: Value| dashboard.tells("web", "web-1", &wanted);
    let fine = json!({ "status": "healthy", "process": "running", "gateway": null });
    is(fine.clone());
    let once = json!({ "kind": "kill", "replica": "web-1" }).to_string();
    let (status, answer) = ask(dashboard.port, "POST /api/v1/faults", &once).unwrap();
    assert!(status == 409 && answer.contains("even_last"), "{answer}");
    for (kind, state, told) in [
        ("kill", "exited", json!({ "status": "unhealthy", "process": "ended", "exit_code": 137 })),
        ("freeze", "paused", json!({ "status": "unhealthy", "process": "frozen" })),
    ] {
        dashboard.set(&json!({ "kind": kind, "replica": "web-1", "even_last": true }));
        assert_eq!(web.state(), state);
        is(told);
        dashboard.restore_all();
        assert_eq!(web.state(), "running");
        is(fine.clone());
    }
}
