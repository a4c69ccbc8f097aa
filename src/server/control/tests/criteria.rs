//! Stop criteria, with real k6, a real Prometheus and the hub that looks at it.

use ha_dashboard::domain::{criterion::Watched, event::EventKind};

use super::*;
use crate::server::{
    hub,
    prometheus::{
        child,
        lab::{StateDir, Target, free_port},
    },
};

/// A dashboard that sees what its k6 measures.
fn watching(bench: &Bench, target: &Target, runtime: Runtime, state: &StateDir) -> (Life, Shutdown) {
    let store = StoreChoice::Child { binary: "prometheus".into(), port: free_port() };
    let state_dir = state.path().to_owned();
    let config = Config { services: vec![target.service()], store, state_dir, ..bench.config() };
    let (shared, shutdown) = (Arc::new(config.clone()), Shutdown::default());
    let store = {
        let _inside = runtime.enter();
        child::supervise(shared.clone(), watch::channel(RunFeed::default()).1, shutdown.clone())
    };
    poll("Prometheus", || store.borrow().url.clone());
    let life = bench.dashboard_in(runtime, config, store.clone(), shutdown.clone());
    let links = hub::Links {
        board: life.board.clone(),
        journal: life.journal.clone(),
        services: Registry::new(&shared),
        store,
        pushes: hub::Pushes::default(),
        details: hub::Details::default(),
    };
    let _inside = life.runtime.enter();
    hub::start(shared, links, &shutdown);
    drop(_inside);
    (life, shutdown)
}

impl Life {
    fn start_until(&self, criteria: &[&str]) -> Run {
        let shape = Shape::Own { duration_s: 300, max_vus: 2, end: OwnEnd::Unknown };
        let stop_when = criteria.iter().map(|text| text.parse().unwrap()).collect();
        let plan = Plan { shape, stop_when, ..plan("a.js", &[]) };
        self.wait(self.supervisor.start(plan, None, OfScript::default(), caller("abc"))).unwrap()
    }

    /// Waits for what is seen of the first criterion of a run at work.
    fn seen(&self, run: &Run, what: impl Fn(&Watched) -> bool) {
        poll("what is seen of a criterion", || {
            let seen = self.board.seen().borrow().clone()?;
            (seen.run == run.id && what(&seen.criteria[0])).then_some(())
        });
        assert_eq!(self.run(&run.id).unwrap().state, RunState::Running);
    }

    /// The run that was stopped by a criterion, which the timeline and the record tell.
    fn stopped_by(&self, run: &Run, criterion: &str) -> Run {
        let (run, verdict) = self.finished(&run.id);
        assert_eq!(verdict, Verdict::Aborted, "{run:?}");
        let met = run.met().unwrap();
        assert_eq!(met.criterion.to_string(), criterion);
        assert!(met.value.is_some_and(|value| value > met.criterion.over), "{met:?}");
        let record = self.supervisor_record(&run.id);
        assert_eq!(record["state"]["verdict"], "aborted");
        assert!(record["criteria"].as_array().unwrap().iter().any(|watched| watched["met_ms"].is_u64()), "{record}");
        let told = |event: &Event| match &event.kind {
            EventKind::CriterionMet { run: id, criterion, .. } if *id == run.id => Some(criterion.clone()),
            _ => None,
        };
        let told = self.board.events().iter().filter_map(told).collect::<Vec<_>>();
        assert_eq!(told, [criterion]);
        run
    }
}

#[test]
fn a_run_is_stopped_by_what_lasts_and_not_by_what_recovers() {
    let bench = Bench::new(&[("a.js", &script("300s", "{}", ""))]);
    let (runtime, state) = (Runtime::new().unwrap(), StateDir::new());
    let target = runtime.block_on(Target::start());
    let (life, shutdown) = watching(&bench, &target, runtime, &state);

    // All of it fails for a while, and recovers; then it is slow, and stays so.
    let (failed, slow) = ("failed > 50 % for 2 min", "p95 > 1 s for 3 s");
    let run = life.start_until(&[failed, slow]);
    target.fail_every.store(1, Ordering::Relaxed);
    life.seen(&run, |watched| watched.held_ms > 0);
    target.fail_every.store(0, Ordering::Relaxed);
    life.seen(&run, |watched| watched.held_ms == 0 && watched.value == Some(0.0));
    target.latency_ms.store(2_000, Ordering::Relaxed);
    let run = life.stopped_by(&run, slow);
    assert!(!run.criteria[0].is_met(), "{run:?}");
    target.latency_ms.store(5, Ordering::Relaxed);

    let failed = "failed > 50 % for 3 s";
    target.fail_every.store(1, Ordering::Relaxed);
    let run = life.start_until(&[failed]);
    life.stopped_by(&run, failed);
    target.fail_every.store(0, Ordering::Relaxed);

    // Any k6 uses some of its cores.
    let busy = "cpu > 0 % for 2 s";
    let run = life.start_until(&[busy]);
    life.stopped_by(&run, busy);
    assert!(!life.told().contains(&"stop-requested".to_owned()), "nobody pressed Stop");

    shutdown.token.cancel();
    shutdown.tasks.close();
    life.wait(shutdown.tasks.wait());
}
