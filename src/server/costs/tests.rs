use std::sync::Mutex;

use ha_dashboard::domain::{
    Millis,
    breaker::{Breaker, BreakerCalls, BreakerState},
    cost::{Figure, Lack, Slice},
    event::{Event, EventKind},
    fault::{FaultEnd, FaultKind, FaultRequest, FaultState, Guard},
    labels::Labels,
    plan::{Pattern, Peak, Plan, Shape},
    run::{Run, RunState},
    service::{Health, Service, Silence, Slo},
};

use super::*;
use crate::server::services::Member;

/// A stage without processes: pushes, faults and events come from the test.
struct Stage {
    faults: watch::Sender<Vec<Fault>>,
    runs: watch::Sender<RunFeed>,
    pushes: Pushes,
    journal: Journal,
    halted: Arc<Mutex<Vec<FaultId>>>,
    costs: watch::Receiver<Vec<FaultCost>>,
    shutdown: Shutdown,
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap())
    }

    /// The next process over the same folder.
    fn next(self) -> Self {
        Self::over(self.dir)
    }

    fn over(dir: tempfile::TempDir) -> Self {
        let (faults, runs) = (watch::channel(Vec::new()).0, watch::channel(RunFeed::default()).0);
        let (pushes, journal, shutdown) = (Pushes::default(), Journal::default(), Shutdown::default());
        let halted: Arc<Mutex<Vec<FaultId>>> = Arc::default();
        let told = Arc::clone(&halted);
        let service = |name: &str| Service::new(name, "http://127.0.0.1:1");
        let shop = Service { slo: Some(Slo { availability: 99.0, p95_ms: None }), ..service("shop") };
        let checkout = Service { depends_on: vec!["shop".into()], ..service("checkout") };
        let links = Links {
            faults: faults.subscribe(),
            pushes: pushes.clone(),
            runs: runs.subscribe(),
            journal: journal.clone(),
            services: [shop, checkout, service("other")].into_iter().map(Member::from).collect(),
            breakers: watch::channel(breakers()).1,
            gateway: Gateway::new("unix:///nowhere/haproxy.sock"),
            state_dir: dir.path().to_owned(),
            halt: Box::new(move |fault| told.lock().unwrap().push(fault)),
        };
        let costs = start(links, &shutdown);
        Self { faults, runs, pushes, journal, halted, costs, shutdown, dir }
    }

    /// A second that ends at `to_ms`: so many requests to each of shop, checkout and other, so many of which failed.
    fn push(&self, to_ms: Millis, valid: f64, bad: f64) {
        let slice = Slice { from_ms: to_ms - 1000, to_ms, valid, bad, ..Slice::default() };
        let services = ["shop", "checkout", "other"].map(|name| (name.into(), slice.clone())).into();
        let run = run().id;
        self.pushes.add(Push { run, services, from_ms: to_ms - 1000, to_ms, dropped: 0.0 });
    }

    async fn cost(&mut self, wanted: impl Fn(&FaultCost) -> bool) -> FaultCost {
        let found = self.costs.wait_for(|costs| costs.first().is_some_and(&wanted));
        tokio::time::timeout(Duration::from_secs(60), found).await.unwrap().unwrap()[0].clone()
    }
}

/// One through which checkout calls the shop.
fn breakers() -> Breakers {
    let shop = Breaker {
        service: "checkout".into(),
        replica: "checkout-1".into(),
        dependency: "shop".into(),
        state: Some(BreakerState::Closed),
        failure_share: None,
        calls: BreakerCalls::default(),
        opened: 0,
        last_change_ms: None,
    };
    Breakers { all: vec![shop], triggered: 0 }
}

fn run() -> Run {
    let shape = Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 5 }, duration_s: 60, ramp_s: None };
    let plan = Plan {
        script: "a.js".into(),
        target: "shop".into(),
        shape,
        thresholds: vec![],
        request_timeout_s: 3,
        stop_when: vec![],
        regression: vec![],
    };
    Run {
        id: "r-1".parse().unwrap(),
        schedule: plan.schedule(),
        plan,
        state: RunState::Running,
        created_ms: 0,
        started_ms: Some(1000),
        ended_ms: None,
        deadline_ms: Millis::MAX,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        thresholds: vec![],
        totals: None,
        correlation_id: String::new(),
    }
}

fn fault(now_ms: Millis, guard: Option<Guard>) -> Fault {
    Fault {
        id: "f-1".parse().unwrap(),
        request: FaultRequest {
            kind: FaultKind::Kill,
            service: "shop".into(),
            replica: None,
            intensity: None,
            duration_s: Some(15),
            even_last: true,
            hypothesis: None,
            guard,
        },
        replicas: vec!["shop-1".into()],
        of_replicas: 1,
        state: FaultState::Setting,
        asked_ms: now_ms,
        set_at_ms: None,
        until_ms: now_ms + 15_000,
        restored_at_ms: None,
        healthy_again_ms: None,
        by: String::new(),
    }
}

#[tokio::test]
async fn a_fault_is_followed_until_nothing_of_it_can_change() {
    let mut stage = Stage::new();
    stage.runs.send_replace(RunFeed { run: Some(run()), ..RunFeed::default() });
    // All of it is past, so that no time has to pass.
    let set_ms = now_ms() - 40_000;
    (1..=20).rev().for_each(|s| stage.push(set_ms - s * 1000, 50.0, 0.0));
    stage.faults.send_replace(vec![fault(set_ms, None)]);
    let active = Fault { state: FaultState::Active, set_at_ms: Some(set_ms), ..fault(set_ms, None) };
    stage.faults.send_replace(vec![active.clone()]);
    (1..=3).for_each(|s| stage.push(set_ms + s * 1000, 50.0, 50.0));
    let open = stage.cost(|told| told.cost.span.bad >= 300.0).await;
    assert!(!open.cost.settled);
    assert_eq!(open.run, Some(run().id));
    assert_eq!(open.cost.span.valid, 300.0, "those of the shop and of checkout, which calls it, and of nobody else");
    assert_eq!(open.cost.why_not(Figure::Recovered), Some(Lack::NotYet));

    let down = Health::Down { reason: "refused".into(), why: Silence::Refused };
    let event = |service: &str, at_ms| {
        stage
            .journal
            .append(Event { at_ms, kind: EventKind::Health { service: service.into(), health: down.clone() } });
    };
    let replica = |replica: &str, at_ms| {
        let (service, replica, health) = ("shop".into(), replica.into(), down.clone());
        stage.journal.append(Event { at_ms, kind: EventKind::ReplicaHealth { service, replica, health } });
    };
    event("other", set_ms + 500);
    replica("shop-2", set_ms + 600);
    event("shop", set_ms - 500);
    replica("shop-1", set_ms + 2100);
    event("shop", set_ms + 2600);
    event("shop", set_ms + 9100);
    let breaker = |at_ms, state| {
        let (service, replica, dependency) = ("checkout".into(), "checkout-1".into(), "shop".into());
        stage.journal.append(Event { at_ms, kind: EventKind::Breaker { service, replica, dependency, state } });
    };
    breaker(set_ms + 2000, BreakerState::HalfOpen);
    breaker(set_ms + 2700, BreakerState::Open);
    breaker(set_ms + 9000, BreakerState::Open);
    (4..=20).for_each(|s| stage.push(set_ms + s * 1000, 50.0, 0.0));
    let restored = Fault {
        state: FaultState::Restored { why: FaultEnd::Time },
        restored_at_ms: Some(set_ms + 15_000),
        healthy_again_ms: Some(set_ms + 16_000),
        ..active
    };
    stage.faults.send_replace(vec![restored]);
    let cost = stage.cost(|told| told.cost.settled).await.cost;
    assert_eq!((cost.recovered_ms, cost.redundant_ms, cost.lost), (Some(3000), Some(16_000), Some(300.0)));
    assert_eq!((cost.detection.client_ms, cost.detection.probe_ms), (Some(1000), Some(2100)));
    assert_eq!(cost.detection.breaker_ms, Some(2700));
    assert_eq!(cost.why_not(Figure::DetectedByGateway), Some(Lack::NotWatched));
    let budget = cost.budget.unwrap();
    assert!((budget.burn_rate - 100.0).abs() < 1e-6 && (budget.of_run - 7.5).abs() < 1e-6, "{budget:?}");

    // What is settled is there at the next start.
    let path = stage.dir.path().join(FILE);
    let kept = async {
        while !path.exists() || read(&path).iter().any(|kept| !kept.told.cost.settled) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.unwrap();
    assert_eq!(read(&path)[0].told.fault, fault(0, None).id);
    assert!(stage.shutdown.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_broken_guard_halts_its_fault_once() {
    let mut stage = Stage::new();
    stage.runs.send_replace(RunFeed { run: Some(run()), ..RunFeed::default() });
    let set_ms = now_ms() - 20_000;
    let guarded = fault(set_ms, Some(Guard { failed_over: 0.5, for_s: 3 }));
    // What failed before the fault is nothing to its guard.
    (0..5).rev().for_each(|s| stage.push(set_ms - s * 1000, 10.0, 10.0));
    stage.faults.send_replace(vec![Fault { state: FaultState::Active, set_at_ms: Some(set_ms), ..guarded }]);
    stage.cost(|_| true).await;
    assert!(stage.halted.lock().unwrap().is_empty());
    (1..=8).for_each(|s| stage.push(set_ms + s * 1000, 10.0, 6.0));
    stage.cost(|told| told.cost.span.valid >= 160.0).await;
    assert_eq!(*stage.halted.lock().unwrap(), ["f-1".parse().unwrap()]);
    assert!(stage.shutdown.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_fault_without_load_says_so() {
    let mut stage = Stage::new();
    let set_ms = now_ms() - 100_000;
    let restored_at_ms = Some(set_ms + 15_000);
    stage.faults.send_replace(vec![Fault {
        state: FaultState::Active,
        set_at_ms: Some(set_ms),
        ..fault(set_ms, None)
    }]);
    stage.cost(|told| told.cost.outage.is_some()).await;
    let state = FaultState::Restored { why: FaultEnd::Asked };
    let healthy_again_ms = restored_at_ms;
    let over = Fault { state, set_at_ms: Some(set_ms), restored_at_ms, healthy_again_ms, ..fault(set_ms, None) };
    stage.faults.send_replace(vec![over]);
    let told = stage.cost(|told| told.cost.settled).await;
    assert_eq!((told.run, told.cost.until_recovered), (None, None));
    assert_eq!(told.cost.why_not(Figure::DetectedByBreaker), Some(Lack::NotSeen), "there is one, and nobody calls");
    assert_eq!(told.cost.why_not(Figure::Recovered), Some(Lack::NoLoad));
    assert!(told.cost.outage.is_some_and(|outage| outage.goes_on), "nothing answers there");
    assert!(stage.shutdown.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn what_was_open_when_the_dashboard_was_killed_is_closed_by_the_next() {
    let mut stage = Stage::new();
    stage.runs.send_replace(RunFeed { run: Some(run()), ..RunFeed::default() });
    let set_ms = now_ms() - 40_000;
    let second = |stage: &Stage, s: u64, bad: f64| stage.push(set_ms + s * 1000 - 20_000, 50.0, bad);
    (1..=20).for_each(|s| second(&stage, s, 0.0));
    let active = Fault { state: FaultState::Active, set_at_ms: Some(set_ms), ..fault(set_ms, None) };
    stage.faults.send_replace(vec![active.clone()]);
    (21..=23).for_each(|s| second(&stage, s, 50.0));
    let open = stage.cost(|told| told.cost.span.bad >= 300.0).await;
    let path = stage.dir.path().join(FILE);
    let kept = async {
        while !path.exists() || read(&path).first().is_none_or(|kept| kept.told.cost.span != open.cost.span) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.unwrap();
    let seen_ms = read(&path)[0].seen_ms.unwrap();

    // It was killed; nobody finds out anything after the fault's end, and the run is known later.
    let mut stage = stage.next();
    let restored = Fault {
        state: FaultState::Restored { why: FaultEnd::Start },
        restored_at_ms: Some(set_ms + 15_000),
        healthy_again_ms: Some(now_ms()),
        ..active
    };
    stage.faults.send_replace(vec![restored]);
    let early = stage.cost(|_| true).await;
    assert!(!early.cost.settled, "the run's history is still being read");
    assert_eq!((early.run, early.cost.span), (open.run, open.cost.span));
    stage.runs.send_replace(RunFeed { run: Some(run()), ..RunFeed::default() });
    (1..=45).for_each(|s| second(&stage, s, if (21..=24).contains(&s) { 50.0 } else { 0.0 }));
    let told = stage.cost(|told| told.cost.settled).await;
    assert_eq!((told.cost.recovered_ms, told.cost.lost), (Some(4000), Some(400.0)));
    assert_eq!(told.cost.why_not(Figure::DetectedByBreaker), Some(Lack::Away));
    let away = told.cost.away.unwrap();
    assert!(away.from_ms == seen_ms - set_ms && away.to_ms >= away.from_ms, "{away:?}");
    assert!(stage.shutdown.finish(Duration::from_secs(10)).await);

    // What is closed stays so.
    let stage = stage.next();
    assert_eq!(*stage.costs.borrow(), [told]);
}
