//! What the dashboard works with hangs, crashes, is full or makes too much of a thing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use procfs::process::Process;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    dashboard::{Dashboard, eventually, k6s, number, signal},
    support::Server,
};

/// A test of a minute at most that asks for little.
const CALM: &str = "import http from 'k6/http';\nimport { sleep } from 'k6';\n\
    export const options = { vus: 2, duration: '60s' };\n\
    export default function () { http.get(`${__ENV.SHOP}/products`); sleep(0.1); }\n";

/// A test that writes 100 MB into its log.
const FLOOD: &str = "export const options = { vus: 1, iterations: 1 };\nconst line = 'x'.repeat(10000);\n\
    export default function () { for (let i = 0; i < 10000; i++) console.log(line); }\n";

/// A shop and a folder for the dashboard over it.
pub struct Place {
    shop: Server,
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { shop: Server::start(), folder: tempfile::tempdir().unwrap() };
        let scripts = place.folder.path().join("scripts");
        fs::create_dir(&scripts).unwrap();
        let calm = CALM.replace("${__ENV.SHOP}", &place.shop.url());
        for (name, text) in [("calm.js", calm.as_str()), ("flood.js", FLOOD)] {
            fs::write(scripts.join(name), text).unwrap();
        }
        place
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn dashboard(&self) -> Dashboard<'static> {
        let (shop, scripts) = (format!("shop={}", self.shop.url()), self.folder.path().join("scripts"));
        let args = ["--services", &shop, "--scripts-dir", scripts.to_str().unwrap(), "--stop-grace", "1s"];
        Dashboard::new(&self.state(), &args)
    }
}

pub fn script(name: &str) -> Value {
    json!({ "script": name, "target": "shop" })
}

/// The kinds of events that are on record of a test that is over.
fn kinds(dashboard: &Dashboard, run: &str) -> Vec<String> {
    let document = eventually("what is on record", || dashboard.get(&format!("/runs/{run}/run.json")));
    let kind = |event: &Value| event["kind"]["event"].as_str().unwrap().to_owned();
    document["events"].as_array().unwrap().iter().map(kind).collect()
}

#[test]
fn prometheus_that_hangs_or_is_killed_costs_no_test() {
    let place = Place::new();
    let mut dashboard = place.dashboard();
    dashboard.begin();
    let run = dashboard.run(&script("calm.js"));
    dashboard.measures(true);
    let store = dashboard.store().expect("a Prometheus");

    // It takes every question, and answers after so many seconds.
    signal("STOP", store);
    dashboard.measures(false);
    let page = format!("/runs/{run}");
    for path in ["/", &page, "/services", "/faults"] {
        dashboard.shows(path);
    }
    thread::sleep(Duration::from_secs(number("CHAOS_HANG").unwrap_or(4)));
    dashboard.shows("/");
    signal("CONT", store);
    dashboard.measures(true);

    signal("KILL", store);
    let other = eventually("another Prometheus", || dashboard.store().filter(|pid| *pid != store));
    dashboard.measures(true);
    signal("STOP", other);
    dashboard.stop();
    signal("CONT", other);
    let record = dashboard.finished(&run);
    assert_eq!(record["state"]["verdict"], "stopped", "{record:#}");
    assert_eq!(record["totals"]["source"], "summary", "{record:#}");
    assert!(record["totals"]["requests"].as_f64().is_some_and(|requests| requests > 0.0), "{record:#}");
    let kinds = kinds(&dashboard, &run);
    for kind in ["metrics-delayed", "metrics-back"] {
        assert!(kinds.iter().any(|told| told == kind), "{kind}: {kinds:?}");
    }
    dashboard.end();
}

/// A disk of some MiB at a place, until dropped.
struct Disk(PathBuf);

impl Disk {
    fn new(place: PathBuf, mib: u32) -> Self {
        fs::create_dir_all(&place).unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).status().unwrap();
        assert!(mounted.success(), "mounting needs root");
        Self(place)
    }

    fn fill(&self) {
        fs::write(self.0.join("filler"), vec![0; 1 << 26]).unwrap_err();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_of_prometheus_costs_no_test() {
    let place = Place::new();
    let disk = Disk::new(place.state().join("prometheus"), 32);
    let mut dashboard = place.dashboard();
    dashboard.begin();
    let run = dashboard.run(&script("calm.js"));
    dashboard.measures(true);
    disk.fill();
    dashboard.measures(false);
    dashboard.shows("/");
    dashboard.stop();
    let record = dashboard.finished(&run);
    assert_eq!((&record["state"]["verdict"], &record["totals"]["source"]), (&json!("stopped"), &json!("summary")));

    fs::remove_file(disk.0.join("filler")).unwrap();
    let next = eventually("a start", || {
        let (status, started) = dashboard.post("/api/v1/analytics/load-test/start", &script("calm.js"))?;
        (status == 200).then(|| started["test_id"].as_str().unwrap().to_owned())
    });
    dashboard.measures(true);
    dashboard.stop();
    assert_eq!(dashboard.finished(&next)["state"]["verdict"], "stopped");
    dashboard.end();
}

/// How many bytes the files below a folder have.
fn bytes(folder: &Path) -> u64 {
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes(&entry.path()),
        about => about.map_or(0, |about| about.len()),
    };
    fs::read_dir(folder).unwrap().flatten().map(of).sum()
}

/// The most memory that a process has had so far, in bytes.
pub fn most_memory(pid: i32) -> u64 {
    Process::new(pid).unwrap().status().unwrap().vmhwm.unwrap() * 1024
}

#[test]
fn k6_that_hangs_crashes_or_floods_its_log_harms_nothing_else() {
    let place = Place::new();
    let mut dashboard = place.dashboard();
    dashboard.begin();
    let k6 = || eventually("its k6", || k6s(&place.state()).first().map(|(pid, _)| *pid));

    let hung = dashboard.run(&script("calm.js"));
    dashboard.running(&hung);
    signal("STOP", k6());
    dashboard.measures(false);
    dashboard.stop();
    assert_eq!(dashboard.finished(&hung)["state"]["verdict"], "stopped");
    eventually("it is killed", || k6s(&place.state()).is_empty().then_some(()));

    let crashed = dashboard.run(&script("calm.js"));
    dashboard.measures(true);
    signal("KILL", k6());
    let record = dashboard.finished(&crashed);
    assert_eq!(record["state"]["verdict"], "crashed", "{record:#}");

    let (disk, memory) = (bytes(&place.state()), most_memory(dashboard.pid()));
    let flood = dashboard.run(&script("flood.js"));
    let record = dashboard.finished(&flood);
    assert_eq!(record["state"]["verdict"], "passed", "{record:#}");
    dashboard.shows(&format!("/runs/{flood}"));
    dashboard.shows(&format!("/api/v1/runs/{flood}/log"));
    let grown = |now: u64, before: u64| now.saturating_sub(before) / (1 << 20);
    let (disk, memory) = (grown(bytes(&place.state()), disk), grown(most_memory(dashboard.pid()), memory));
    println!("a log of 100 MB: {disk} MiB on disk, {memory} MiB of memory");
    assert!(disk <= 40, "{disk} MiB on disk");
    assert!(memory <= 100, "{memory} MiB of memory");
    dashboard.end();
}

#[test]
fn a_locked_database_costs_no_test() {
    let place = Place::new();
    let mut dashboard = place.dashboard();
    dashboard.begin();
    let run = dashboard.run(&script("calm.js"));
    dashboard.running(&run);
    let database = Connection::open(place.state().join("dashboard.sqlite")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    dashboard.stop();
    eventually("its end", || k6s(&place.state()).is_empty().then_some(()));
    eventually("it is told", || {
        let told = crate::set::ask(dashboard.port, "GET /health/detailed", "")?.1;
        told.contains("database is locked").then_some(())
    });
    dashboard.shows("/");
    database.execute_batch("ROLLBACK").unwrap();
    eventually("it is told no longer", || dashboard.get("/ready"));
    assert_eq!(dashboard.finished(&run)["state"]["verdict"], "stopped");

    // Locked for a start, and for one that is killed meanwhile.
    let next = dashboard.run(&script("calm.js"));
    dashboard.running(&next);
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    signal("TERM", k6s(&place.state())[0].0);
    eventually("its end", || k6s(&place.state()).is_empty().then_some(()));
    drop(database);
    dashboard.crash();
    for run in [&run, &next] {
        dashboard.finished(run);
    }
    assert_eq!(dashboard.runs().map(|runs| runs.len()), Some(2));
    dashboard.end();
}
