//! Runs that end when nobody follows them who could stop them. There is no metrics store here.

use futures::StreamExt;
use ha_dashboard::domain::access::Role;

use super::*;

#[test]
fn a_run_ends_when_nobody_follows_who_could_stop_it_and_only_then() {
    let bench = Bench::new(&[("a.js", &script("60s", "{}", ""))]);
    let life = bench.dashboard();
    let plan = Plan { stop_when: vec!["unwatched for 1 s".parse().unwrap()], ..plan("a.js", &[]) };
    let admin = Caller { role: Role::Admin, ..caller("page") };
    let follow = |role| {
        let follower = Caller { role, ..admin.clone() };
        life.audience.seat(&follower, futures::stream::pending().boxed())
    };
    let presenter = follow(Role::Presenter);
    let run = life.wait(life.supervisor.start(plan, None, OfScript::default(), admin.clone())).unwrap();
    life.running();
    // Far longer than it takes to find out that nobody does.
    let before = bench.hits.load(Ordering::Relaxed);
    let started = Instant::now();
    poll("load to be sent for long", || {
        let sent = bench.hits.load(Ordering::Relaxed) > before + 20;
        (sent && started.elapsed() > Duration::from_secs(4)).then_some(())
    });
    assert_eq!(life.runs.borrow().run.as_ref().unwrap().state, RunState::Running);

    let _viewer = follow(Role::Viewer);
    drop(presenter);
    let (run, verdict) = life.finished(&run.id);
    assert_eq!(verdict, Verdict::Aborted);
    let met = run.met().unwrap();
    assert!(met.criterion.to_string() == "unwatched for 1 s" && met.held_ms >= 1_000, "{met:?}");
    assert!(life.told().contains(&"criterion-met".into()));
}
