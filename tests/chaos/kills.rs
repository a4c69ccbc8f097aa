//! The dashboard is killed at random moments while tests, added load and faults are at work. Afterwards nothing is lost, doubled
//! or left behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    thread,
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    dashboard::{Dashboard, eventually, id, k6s, number},
    docker::engine,
    set::{self, Stage, until},
};

/// What was asked for, and what was answered.
#[derive(Default)]
struct Ledger {
    /// Tests whose start was answered.
    runs: BTreeSet<String>,
    /// Starts that nobody answered: they may have been done or not.
    unanswered: usize,
    /// Load whose addition was answered: the run and the number.
    bursts: BTreeSet<(String, u64)>,
    /// Faults that were answered.
    faults: BTreeSet<String>,
    /// Tests whose stop was answered.
    stopped: BTreeSet<String>,
}

impl Dashboard<'_> {
    /// Does one thing that presenters do.
    fn act(&self, rng: &mut StdRng, ledger: &mut Ledger) -> Option<()> {
        let told = self.get("/api/v1/analytics/load-test/status")?;
        let at_work = told["running"].as_bool()?;
        if !at_work {
            let body = json!({
                "duration": rng.random_range(8..20), "target_vus": 2, "target": "product-service", "ramp": 1,
                "test_type": "baseline",
            });
            match self.post("/api/v1/analytics/load-test/start", &body) {
                Some((200, started)) => ledger.runs.insert(started["test_id"].as_str()?.to_owned()),
                Some((409 | 429 | 503, _)) => false,
                Some(other) => panic!("{other:?}"),
                None => {
                    ledger.unanswered += 1;
                    false
                }
            };
            return Some(());
        }
        let run = told["test_id"].as_str()?.to_owned();
        match rng.random_range(0..10) {
            0..4 => {
                let body = json!({ "vus": 1, "duration": format!("{}s", rng.random_range(2..6)) });
                if let (200, added) = self.post(&format!("/api/v1/runs/{run}/load"), &body)? {
                    ledger.bursts.insert((run, added["load"]["instance"].as_u64()?));
                }
            }
            4..8 => {
                let replica = ["product-service-1", "user-service-2", "checkout-service-1"][rng.random_range(0..3)];
                let kind = ["latency", "errors", "cut", "kill", "freeze", "cpu"][rng.random_range(0..6)];
                let duration = ["2s", "5s", "10m"][rng.random_range(0..3)];
                let body = json!({ "kind": kind, "replica": replica, "duration": duration });
                if let (200, set) = self.post("/api/v1/faults", &body)? {
                    ledger.faults.insert(set["fault"]["id"].as_str()?.to_owned());
                }
            }
            8 => drop(self.post("/api/v1/faults/restore-all", &json!({}))?),
            _ => {
                // Most tests end by themselves.
                if rng.random_bool(0.3)
                    && let (200, stopped) = self.post("/api/v1/analytics/load-test/stop", &json!({}))?
                {
                    ledger.stopped.insert(stopped["test_id"].as_str()?.to_owned());
                }
            }
        }
        Some(())
    }

    /// Lives for so long, at work all the time, and is killed.
    fn live_and_die(&mut self, life: Duration, rng: &mut StdRng, ledger: &mut Ledger) {
        self.start();
        let mut serve = self.serve.take().unwrap();
        let killer = thread::spawn(move || {
            thread::sleep(life);
            let alive = serve.try_wait().unwrap().is_none();
            serve.kill().unwrap();
            serve.wait().unwrap();
            assert!(alive, "it ended by itself");
        });
        let mut looked = false;
        while !killer.is_finished() {
            if !looked && let Some(runs) = self.runs() {
                nothing_lost(&runs, ledger);
                looked = true;
            }
            let _ = self.act(rng, ledger);
            thread::sleep(Duration::from_millis(rng.random_range(0..200)));
        }
        killer.join().unwrap();
        one_of_each(&self.folder);
    }
}

/// Every test that was answered is there once, and no other but those whose start nobody answered.
fn nothing_lost(runs: &[Value], ledger: &Ledger) {
    let ids = runs.iter().map(id).collect::<BTreeSet<_>>();
    assert_eq!(ids.len(), runs.len(), "doubled: {ids:?}");
    let lost = ledger.runs.difference(&ids).collect::<Vec<_>>();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(ids.len() <= ledger.runs.len() + ledger.unanswered, "nobody asked for all of these: {ids:?}");
    let at_work = runs.iter().filter(|run| run["state"]["state"] != "finished").count();
    assert!(at_work <= 1, "{at_work} tests are at work");
}

/// No folder has two k6 at work.
fn one_of_each(folder: &Path) {
    let mut places = BTreeMap::<_, u32>::new();
    k6s(folder).into_iter().for_each(|(_, place)| *places.entry(place).or_default() += 1);
    assert!(places.values().all(|k6| *k6 == 1), "{places:?}");
}

/// How many events of a kind tell of something.
fn told(events: &[Value], kind: &str, key: &str, of: &Value) -> usize {
    events.iter().filter(|event| event["kind"]["event"] == kind && event["kind"][key] == *of).count()
}

/// The load that was added to a test.
fn bursts_of(run: &Value) -> impl Iterator<Item = &Value> {
    run["bursts"].as_array().into_iter().flatten()
}

/// Everything that was answered is on the timeline of its test, once.
fn nothing_untold(run: &Value, events: &[Value], faults: &[Value], ledger: &Ledger) {
    let (id, name) = (&run["id"], id(run));
    let once = |kind: &str, key: &str, of: &Value| {
        let times = told(events, kind, key, of);
        assert_eq!(times, 1, "{kind} of {of} in {name}: {events:#?}");
    };
    if run["started_ms"].is_u64() {
        once("run-started", "run", id);
    }
    once("run-ended", "run", id);
    if ledger.stopped.contains(&name) {
        once("stop-requested", "run", id);
    }
    for burst in bursts_of(run) {
        let was_answered = ledger.bursts.contains(&(name.clone(), burst["instance"].as_u64().unwrap()));
        assert!(burst["end"].is_string() && (burst["end"] != "crashed" || !was_answered), "{burst:#}");
        if burst["started_ms"].is_u64() {
            once("load-added", "instance", &burst["instance"]);
            // The end of the run tells of those that end with it.
            let times = told(events, "load-removed", "instance", &burst["instance"]);
            assert_eq!(times, usize::from(burst["end"] != "with-run"), "{burst:#}");
        }
    }
    let (Some(started_ms), Some(ended_ms)) = (run["started_ms"].as_u64(), run["ended_ms"].as_u64()) else { return };
    let within = |at_ms: &Value| at_ms.as_u64().is_some_and(|at_ms| (started_ms..=ended_ms).contains(&at_ms));
    for fault in faults {
        if within(&fault["set_at_ms"]) {
            once("fault-set", "fault", &fault["id"]);
        }
        if within(&fault["set_at_ms"]) && within(&fault["restored_at_ms"]) {
            once("fault-restored", "fault", &fault["id"]);
        }
    }
}

#[test]
fn whenever_the_dashboard_is_killed_nothing_is_lost_doubled_or_left() {
    let stage = Stage::start();
    survive(&stage, Dashboard::over(&stage), number("CHAOS_KILLS").unwrap_or(6));
}

#[test]
fn whenever_it_is_killed_no_container_of_it_is_left_in_docker_either() {
    let stage = Stage::start();
    let dashboard = Dashboard::over(&stage).in_containers(engine());
    survive(&stage, dashboard, number("CHAOS_KILLS").unwrap_or(6) / 2);
}

fn survive(stage: &Stage, mut dashboard: Dashboard, kills: u64) {
    let seed = number("CHAOS_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("CHAOS_SEED={seed}, {kills} kills");
    let (mut rng, mut ledger) = (StdRng::seed_from_u64(seed), Ledger::default());
    // A first one that comes up whole, so that there is something to be killed in.
    dashboard.live_and_die(Duration::from_secs(8), &mut rng, &mut ledger);
    for _ in 1..kills {
        let life = Duration::from_millis(rng.random_range(0..5_000));
        dashboard.live_and_die(life, &mut rng, &mut ledger);
    }

    dashboard.start();
    let over = |run: &Value| run["state"]["state"] == "finished";
    let runs = eventually("all tests are over", || dashboard.runs().filter(|runs| runs.iter().all(over)));
    nothing_lost(&runs, &ledger);
    let restored = |fault: &Value| fault["state"] == "restored" || fault["state"] == "failed";
    let faults = eventually("no fault is set", || dashboard.faults().filter(|faults| faults.iter().all(restored)));
    until("every replica runs", || stage.states().iter().all(|(_, state)| state == "running").then_some(()));
    for door in stage.doors.as_flattened() {
        until("the door is as it was", || (set::status(*door, "GET /health") == Some(200)).then_some(()));
    }

    let mut events = 0;
    for run in runs.iter().filter(|run| ledger.runs.contains(&id(run))) {
        let name = id(run);
        assert_ne!(run["state"]["verdict"], "crashed", "{run:#}");
        let document = eventually("what is on record", || dashboard.get(&format!("/runs/{name}/run.json")));
        let told = document["events"].as_array().unwrap();
        nothing_untold(&document["run"], told, &faults, &ledger);
        events += told.len();
    }
    // Load may have been added to a test of whose start nobody was told.
    let of_run = |run| bursts_of(run).map(move |burst| (id(run), burst["instance"].as_u64().unwrap()));
    let bursts = runs.iter().flat_map(of_run);
    let bursts = bursts.collect::<BTreeSet<_>>();
    let lost = ledger.bursts.difference(&bursts).collect::<Vec<_>>();
    assert!(lost.is_empty(), "lost load: {lost:?}");
    let known = faults.iter().map(id).collect::<BTreeSet<_>>();
    // So many are told of.
    assert!(faults.len() >= 50 || ledger.faults.is_subset(&known), "lost faults: {:?}", ledger.faults);

    eventually("no container is left", || dashboard.containers().is_empty().then_some(()));
    dashboard.end();
    println!(
        "{kills} kills survived: {} tests, {} bursts and {} faults asked for, {events} events told",
        ledger.runs.len(),
        ledger.bursts.len(),
        ledger.faults.len(),
    );
}
