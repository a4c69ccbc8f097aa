//! The dashboard's clock jumps, as it does where a machine wakes up, or is told the time after all. Those of k6, Prometheus and
//! the gateway stay: they are programs without the C library's clock, which is the one that can be moved here.

use std::{fs, os::unix::fs::FileExt, path::Path, process::Command};

use serde_json::json;

use crate::{
    dashboard::{Dashboard, eventually},
    set::Stage,
};

/// A clock in a file: by how many seconds it is wrong.
struct Clock(fs::File);

impl Clock {
    fn new(file: &Path) -> Self {
        fs::write(file, 0_i64.to_ne_bytes()).unwrap();
        Self(fs::File::options().write(true).open(file).unwrap())
    }

    fn jump(&self, seconds: i64) {
        self.0.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

#[test]
fn a_clock_that_jumps_an_hour_costs_no_test_and_no_fault_stays() {
    let stage = Stage::start();
    let (library, file) = (stage.folder.path().join("clock.so"), stage.folder.path().join("clock"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/clock.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(made.success(), "it takes a C compiler: run `make setup`");
    let clock = Clock::new(&file);
    let mut dashboard = Dashboard::over(&stage).with("LD_PRELOAD", library).with("CHAOS_CLOCK", file);
    dashboard.begin();
    for seconds in [3600, -3600] {
        let body = json!({ "duration": 60, "ramp": 1, "target_vus": 2, "target": "product-service" });
        let run = dashboard.run(&body);
        dashboard.measures(true);
        let fault = json!({ "kind": "latency", "replica": "user-service-1", "duration": "60s", "intensity": 1 });
        assert_eq!(dashboard.post("/api/v1/faults", &fault).unwrap().0, 200);
        let before = dashboard.record(&run).unwrap();
        clock.jump(seconds);
        if seconds > 0 {
            // What k6 measures is long ago, so there are no values of now.
            dashboard.measures(false);
        }
        for path in ["/", "/faults", "/services"] {
            dashboard.shows(path);
        }
        // To the next dashboard all of it was in the future, or long ago.
        dashboard.crash();
        assert_eq!(dashboard.record(&run).unwrap()["state"]["state"], "running", "after {seconds} s");
        eventually("no fault is set", || {
            dashboard.faults()?.iter().all(|fault| fault["state"] == "restored").then_some(())
        });
        clock.jump(0);
        dashboard.measures(true);
        dashboard.stop();
        let record = dashboard.finished(&run);
        assert_eq!(record["state"]["verdict"], "stopped", "{record:#}");
        assert_eq!(record["started_ms"], before["started_ms"]);
        assert!(record["ended_ms"].as_u64() > record["started_ms"].as_u64(), "{record:#}");
        assert!(record["totals"]["requests"].as_f64().is_some_and(|requests| requests > 0.0), "{record:#}");
    }
    assert_eq!(dashboard.runs().map(|runs| runs.len()), Some(2));
    dashboard.end();
}
