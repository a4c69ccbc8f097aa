//! The emergency stop, with real k6, and with what it must not need broken. There is no metrics store in any of these tests.

use ha_dashboard::{api::caller::Door, domain::access::Role};

use super::*;
use crate::server::control::supervisor::Halted;

impl Life {
    fn halt(&self) -> Halted {
        self.wait(self.supervisor.halt(caller("halt"), false))
    }

    fn start_as(&self, door: Door) -> Result<Run, ApiError> {
        let caller = Caller { role: Role::Admin, door, ..caller("abc") };
        self.wait(self.supervisor.start(plan("a.js", &[]), None, OfScript::default(), caller))
    }
}

#[test]
fn all_load_ends_also_that_nobody_knows_of_and_again_does_no_harm() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running();
    // Started by this very dashboard, as far as the system knows; its control knows nothing of it.
    let dir = bench.folder.path().join("state/runs/stray");
    fs::create_dir_all(&dir).unwrap();
    let config = bench.config();
    let stray = Launch {
        run: "stray".parse().unwrap(),
        part: Part::WHOLE,
        dir: dir.clone(),
        script: "a.js".into(),
        input: ScriptInput::new(&plan("a.js", &[]), None, &config.services),
        trend_stats: vec![],
        allowed: Duration::from_secs(600),
        store_url: "http://127.0.0.1:9".into(),
        native_histograms: true,
    };
    let engine =
        ProcessEngine::new(&config, EngineReason::Configured, &Shutdown::default()).with_keeper(keeper_command());
    let _stray = life.wait(engine.start(stray)).unwrap();
    // Somebody who reads a log there is none of ours.
    let mut reader = std::process::Command::new("sleep").arg("600").current_dir(&dir).spawn().unwrap();

    let Halted { run: halted, leftovers, problems } = life.halt();
    assert_eq!((halted.as_ref(), leftovers, problems), (Some(&run.id), 1, vec![]));
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    gone_with_keeper(&life.supervisor.archive_dir(&run.id));
    gone_with_keeper(&dir);
    assert!(reader.try_wait().unwrap().is_none());
    reader.kill().unwrap();
    reader.wait().unwrap();
    let told = life.told();
    let pressed = told.iter().filter(|name| *name == "emergency-stop").count();
    assert!(pressed == 1 && told.contains(&"stop-requested".into()), "{told:?}");

    let Halted { run, leftovers, problems } = life.halt();
    assert_eq!((run, leftovers, problems, life.told().len()), (None, 0, vec![], told.len()), "nothing is new");
}

#[test]
fn what_was_asked_for_before_does_not_begin_and_schedules_wait_for_somebody() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let before = life.supervisor.moment();
    life.halt();
    let late = life.supervisor.start_since(before, plan("a.js", &[]), None, OfScript::default(), caller("late"));
    assert_eq!(life.wait(late), Err(ApiError::Halted));
    assert_eq!(life.start_as(Door::Schedule), Err(ApiError::Halted));
    poll("the next start to be told", || bench.folder.path().join("state/emergency-stop").exists().then_some(()));
    life.crash();

    let life = bench.dashboard();
    assert_eq!(life.start_as(Door::Schedule), Err(ApiError::Halted));
    let run = life.start_as(Door::Rest).unwrap();
    life.stop();
    life.finished(&run.id);
    let run = life.start_as(Door::Schedule).unwrap();
    life.halt();
    life.finished(&run.id);
    assert_eq!(life.start_as(Door::Schedule), Err(ApiError::Halted));
}

#[test]
fn a_start_that_is_under_way_ends() {
    let setup = "export function setup() { sleep(20); }";
    let bench = Bench::new(&[("a.js", &script("60s", "{}", setup))]);
    let life = bench.dashboard();
    let started = life.wait(async {
        let start = life.supervisor.start(plan("a.js", &[]), None, OfScript::default(), caller("abc"));
        let mut runs = life.runs.clone();
        let halt = async {
            runs.wait_for(|feed| feed.run.is_some()).await.unwrap();
            life.supervisor.halt(caller("halt"), false).await
        };
        tokio::join!(start, halt).0
    });
    // Its k6 may have been found before its start knew that it was there.
    if let Ok(run) = started {
        assert!(matches!(life.finished(&run.id).1, Verdict::Cancelled | Verdict::Crashed { .. }));
    }
    assert_eq!(life.halt().run, None);
    assert_eq!(bench.hits.load(Ordering::Relaxed), 0);
}

#[test]
fn the_database_is_not_needed() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let database = bench.folder.path().join("state/dashboard.sqlite");

    // Locked, and it stays so until k6 is gone.
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let dir = life.supervisor.archive_dir(&run.id);
    let processes = instance(&dir);
    let locked = rusqlite::Connection::open(&database).unwrap();
    locked.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let halted = life.halt();
    assert_eq!((halted.run, halted.problems), (Some(run.id.clone()), vec![]));
    gone(processes["k6"]["pid"].as_u64().unwrap());
    locked.execute_batch("ROLLBACK").unwrap();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);

    // Broken.
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let processes = instance(&life.supervisor.archive_dir(&run.id));
    for file in ["dashboard.sqlite", "dashboard.sqlite-wal", "dashboard.sqlite-shm"] {
        let path = bench.folder.path().join("state").join(file);
        let length = fs::metadata(&path).map_or(0, |about| about.len());
        fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
    }
    let halted = life.halt();
    assert_eq!((halted.run, halted.problems), (Some(run.id), vec![]));
    gone(processes["k6"]["pid"].as_u64().unwrap());
    life.until(|run| !run.state.is_active());

    // Who asks meanwhile hears what to do, and not where it is.
    let failed = [
        life.wait(life.supervisor.find(Query { most: 1, ..Query::default() })).err(),
        life.wait(life.supervisor.choices()).err(),
        life.wait(life.supervisor.verdicts()).err(),
    ];
    for error in failed.into_iter().flatten() {
        let told = error.to_string();
        assert!(told.contains("HAD_STATE_DIR") && !told.contains("sqlite") && !told.contains('/'), "{told}");
    }
}

#[test]
fn a_full_disk_is_no_obstacle() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let disk = Mount::small_disk(bench.folder.path().join("state"), 1024);
    let life = bench.dashboard();
    let run = life.start("a.js", &[]);
    life.running_on_record();
    let processes = instance(&life.supervisor.archive_dir(&run.id));
    disk.fill();
    let halted = life.halt();
    assert_eq!((halted.run, halted.problems), (Some(run.id), vec![]));
    gone(processes["k6"]["pid"].as_u64().unwrap());
    assert_eq!(life.start_as(Door::Schedule), Err(ApiError::Halted));
    life.crash();
    drop(disk);
}
