//! The dashboard, started again and again in one place.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use procfs::process::{Process, all_processes};
use serde_json::{Value, json};

use crate::{
    ports::free_port,
    set::{Stage, ask},
};

/// How long something that takes its time may take on a busy machine.
pub const LAST: Duration = Duration::from_secs(120);

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(started.elapsed() < LAST, "{what}: not within {LAST:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// The k6 that work below a folder, and where.
pub fn k6s(folder: &Path) -> Vec<(i32, PathBuf)> {
    let at_work = |process: Process| {
        let is_k6 = process.stat().is_ok_and(|stat| stat.comm == "k6" && stat.state != 'Z');
        let place = process.cwd().ok().filter(|place| is_k6 && place.starts_with(folder))?;
        Some((process.pid(), place))
    };
    all_processes().unwrap().flatten().filter_map(at_work).collect()
}

pub fn signal(signal: &str, pid: i32) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "{signal} to {pid}");
}

/// The dashboard in a folder, always at the same port and over the same Prometheus.
pub struct Dashboard<'a> {
    pub folder: PathBuf,
    pub port: u16,
    prometheus: u16,
    args: Vec<String>,
    env: Vec<(&'static str, PathBuf)>,
    stage: Option<&'a Stage>,
    /// The Docker Engine in whose containers k6 runs; none: in processes.
    engine: Option<PathBuf>,
    pub serve: Option<Child>,
}

impl<'a> Dashboard<'a> {
    /// One over services that anybody has started.
    pub fn new(folder: &Path, args: &[&str]) -> Self {
        Self {
            folder: folder.to_owned(),
            port: free_port(),
            prometheus: free_port(),
            args: args.iter().copied().map(str::to_owned).collect(),
            env: Vec::new(),
            stage: None,
            engine: None,
            serve: None,
        }
    }

    /// One over a stage, in its folder.
    pub fn over(stage: &'a Stage) -> Self {
        let folder = stage.folder.path();
        let config = folder.join("ha-dashboard.toml");
        let mut dashboard = Self::new(folder, &["--config", config.to_str().unwrap()]);
        dashboard.stage = Some(stage);
        dashboard
    }

    /// With k6 in containers.
    pub fn in_containers(mut self, engine: PathBuf) -> Self {
        self.engine = Some(engine);
        self
    }

    /// With more in its environment.
    pub fn with(mut self, name: &'static str, value: PathBuf) -> Self {
        self.env.push((name, value));
        self
    }

    pub fn start(&mut self) {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"));
        match &self.engine {
            None => serve.args(["serve", "--engine", "process"]),
            Some(engine) => {
                serve.args(["serve", "--engine", "docker", "--docker-host", &format!("unix://{}", engine.display())])
            }
        };
        serve
            .args(["--log", "error", "--addr", &format!("127.0.0.1:{}", self.port)])
            .args(["--prometheus-port", &self.prometheus.to_string(), "--state-dir"])
            .arg(&self.folder)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        self.serve = Some(serve.spawn().unwrap());
    }

    /// Its containers, whether or not they run.
    pub fn containers(&self) -> Vec<String> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let owner = fs::read_to_string(self.folder.join("docker-owner")).unwrap();
        let listed = Command::new("docker")
            .args(["-H", &format!("unix://{}", engine.display()), "ps", "--all", "--format", "{{.Names}}"])
            .args(["--filter", &format!("label=ha-dashboard.owner={owner}")])
            .output()
            .unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Starts it, and waits until it can run tests.
    pub fn begin(&mut self) {
        self.start();
        eventually("it is ready", || self.get("/ready"));
    }

    pub fn pid(&self) -> i32 {
        self.serve.as_ref().unwrap().id().cast_signed()
    }

    /// Ends it in order: nothing that it started is left.
    pub fn end(&mut self) {
        signal("TERM", self.pid());
        assert!(self.serve.take().unwrap().wait().unwrap().success());
        eventually("no process is left", || self.strangers().is_empty().then_some(()));
    }

    /// Kills it, and starts it again.
    pub fn crash(&mut self) {
        let mut serve = self.serve.take().unwrap();
        serve.kill().unwrap();
        serve.wait().unwrap();
        self.begin();
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        ask(self.port, &format!("GET {path}"), "")
            .filter(|(status, _)| *status == 200)
            .and_then(|(_, body)| serde_json::from_str(&body).ok())
    }

    pub fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let (status, body) = ask(self.port, &format!("POST {path}"), &body.to_string())?;
        Some((status, serde_json::from_str(&body).unwrap()))
    }

    /// Whether a page comes as it should.
    pub fn shows(&self, path: &str) {
        assert_eq!(ask(self.port, &format!("GET {path}"), "").map(|(status, _)| status), Some(200), "{path}");
    }

    /// Starts a test. Its id.
    pub fn run(&self, body: &Value) -> String {
        let (status, started) = eventually("an answer", || self.post("/api/v1/analytics/load-test/start", body));
        assert_eq!(status, 200, "{started}");
        started["test_id"].as_str().unwrap().to_owned()
    }

    pub fn stop(&self) {
        let (status, stopped) = self.post("/api/v1/analytics/load-test/stop", &json!({})).expect("an answer at once");
        assert_eq!(status, 200, "{stopped}");
    }

    /// What is on record of a test.
    pub fn record(&self, run: &str) -> Option<Value> {
        Some(self.get(&format!("/api/v1/runs/{run}"))?["run"].clone())
    }

    /// Waits until a test is over. What is on record of it.
    pub fn finished(&self, run: &str) -> Value {
        eventually("the end", || self.record(run).filter(|run| run["state"]["state"] == "finished"))
    }

    /// Waits until a test sends load.
    pub fn running(&self, run: &str) {
        eventually("load", || self.record(run).filter(|run| run["started_ms"].is_u64()));
    }

    /// Waits until values of the test at work come, or don't.
    pub fn measures(&self, wanted: bool) {
        eventually("metrics or none", || {
            let told = self.get("/api/v1/analytics/load-test/status")?;
            (told["metrics_available"] == wanted).then_some(())
        });
    }

    /// Every test on record.
    pub fn runs(&self) -> Option<Vec<Value>> {
        let mut runs = Vec::new();
        for page in 1.. {
            let told = self.get(&format!("/api/v1/runs?page={page}"))?;
            runs.extend(told["runs"].as_array()?.iter().cloned());
            if told["pages"].as_u64()? <= page {
                break;
            }
        }
        Some(runs)
    }

    pub fn faults(&self) -> Option<Vec<Value>> {
        Some(self.get("/api/v1/faults")?["faults"].as_array()?.clone())
    }

    /// Its Prometheus.
    pub fn store(&self) -> Option<i32> {
        let is_store =
            |pid: &i32| Process::new(*pid).and_then(|one| one.stat()).is_ok_and(|stat| stat.comm == "prometheus");
        self.strangers().into_iter().find(is_store)
    }

    /// The processes that work in its folder, without itself and the stage's own.
    pub fn strangers(&self) -> Vec<i32> {
        let folder = self.folder.to_str().unwrap();
        let stage = self.stage.iter().flat_map(|stage| {
            stage.children().iter().map(Process::pid).chain([stage.demo.id().cast_signed()]).collect::<Vec<_>>()
        });
        let own = stage.chain(self.serve.iter().map(|serve| serve.id().cast_signed())).collect::<BTreeSet<_>>();
        let works_here = |process: &Process| {
            let alive = process.stat().is_ok_and(|stat| stat.state != 'Z');
            let named = process.cmdline().is_ok_and(|words| words.iter().any(|word| word.contains(folder)));
            alive && (named || process.cwd().is_ok_and(|place| place.starts_with(folder)))
        };
        let is_strange = |process: &Process| !own.contains(&process.pid()) && works_here(process);
        all_processes().unwrap().flatten().filter(is_strange).map(|process| process.pid()).collect()
    }
}

impl Drop for Dashboard<'_> {
    fn drop(&mut self) {
        if let Some(serve) = &mut self.serve {
            let _ = serve.kill();
            let _ = serve.wait();
        }
        self.serve = None;
        // After a failure, too.
        for pid in self.strangers() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}
