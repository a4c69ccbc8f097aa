//! Faults over a supervisor that does what it is told, and over one that is not there.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    fault::Refusal,
    service::{ProcessState, ProcessStatus},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, UnixListener},
};

use super::*;
use crate::server::{
    config::StoreChoice,
    prometheus::lab,
    services::{
        Member,
        supervisor::{Order, Reply, Supervised},
    },
};

/// How long something may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Two replicas of a shop, their supervisor, and the faults that are set there.
pub struct Stage {
    folder: tempfile::TempDir,
    orders: Arc<Mutex<Vec<Order>>>,
    replicas: Vec<Replica>,
    /// Who holds it lets the supervisor take its time to restore, and to freeze.
    slow: Arc<tokio::sync::Mutex<()>>,
}

impl Stage {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (orders, slow) = (Arc::default(), Arc::default());
        tokio::spawn(supervise(
            UnixListener::bind(folder.path().join("supervisor.sock")).unwrap(),
            Arc::clone(&orders),
            Arc::clone(&slow),
        ));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/health", axum::routing::get(|| async {}));
        tokio::spawn(async { axum::serve(listener, router).await });
        let replica =
            |name: &str| Replica { name: name.into(), url: url.clone(), door: Some(url.clone()), container: None };
        Self { folder, orders, replicas: vec![replica("shop-1"), replica("shop-2")], slow }
    }

    pub fn faults(&self) -> (Faults, Journal, Shutdown) {
        let store = StoreChoice::External { url: "http://127.0.0.1:1".into() };
        let mut config = Config::clone(&lab::config(self.folder.path(), store, Vec::new()));
        config.supervisor = self.folder.path().join("supervisor.sock");
        config.gateway = format!("unix://{}", self.folder.path().join("nobody.sock").display());
        let service = Service::new("shop", "http://127.0.0.1:1");
        let services = [Member { service, replicas: self.replicas.clone() }].into_iter().collect();
        let (journal, shutdown) = (Journal::default(), Shutdown::default());
        let parts = Parts { config: Arc::new(config), services, journal: journal.clone(), shutdown: shutdown.clone() };
        (Faults::start(parts).unwrap(), journal, shutdown)
    }

    pub fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap().clone()
    }
}

/// Does what it is told, and writes it down.
async fn supervise(listener: UnixListener, orders: Arc<Mutex<Vec<Order>>>, slow: Arc<tokio::sync::Mutex<()>>) {
    let states = Arc::new(Mutex::new(BTreeMap::from([
        ("shop-1".to_owned(), ProcessState::Running),
        ("shop-2".to_owned(), ProcessState::Running),
    ])));
    while let Ok((mut socket, _)) = listener.accept().await {
        let (orders, states, slow) = (Arc::clone(&orders), Arc::clone(&states), Arc::clone(&slow));
        tokio::spawn(async move {
            let mut line = String::new();
            BufReader::new(&mut socket).read_line(&mut line).await.unwrap();
            let order: Order = serde_json::from_str(&line).unwrap();
            if matches!(order, Order::Restore { .. } | Order::Freeze { .. }) {
                drop(slow.lock().await);
            }
            let reply = {
                let mut states = states.lock().unwrap();
                let mut set = |replica: &String, state| states.insert(replica.clone(), state);
                match &order {
                    Order::List => None,
                    Order::Kill { replica, .. } | Order::Stop { replica, .. } => set(replica, ProcessState::Held),
                    Order::Freeze { replica, .. } => set(replica, ProcessState::Frozen),
                    Order::Restart { replica } | Order::Restore { replica } => set(replica, ProcessState::Running),
                };
                let process =
                    |state| ProcessStatus { state, since_ms: 0, until_ms: None, pid: None, code: None, restarts: 0 };
                Reply::Replicas(
                    states
                        .iter()
                        .map(|(replica, state)| Supervised { replica: replica.clone(), process: process(*state) })
                        .collect(),
                )
            };
            if order != Order::List {
                orders.lock().unwrap().push(order);
            }
            let mut line = serde_json::to_vec(&reply).unwrap();
            line.push(b'\n');
            let _ = socket.write_all(&line).await;
        });
    }
}

fn draft(kind: &str, replica: &str, duration: &str) -> FaultDraft {
    FaultDraft { kind: kind.into(), replica: replica.into(), duration: duration.into(), ..FaultDraft::default() }
}

/// Waits until the newest fault is as wanted.
async fn newest(faults: &Faults, wanted: impl Fn(&Fault) -> bool) -> Fault {
    let mut told = faults.watch();
    let found = told.wait_for(|told| told.first().is_some_and(&wanted));
    tokio::time::timeout(SOON, found).await.expect("in time").unwrap()[0].clone()
}

fn kinds(journal: &Journal) -> Vec<&'static str> {
    let name = |event: Event| match event.kind {
        EventKind::FaultSet { .. } => "set",
        EventKind::FaultRestored { why: FaultEnd::Time, .. } => "over",
        EventKind::FaultRestored { why: FaultEnd::Start, .. } => "left over",
        EventKind::FaultRestored { why: FaultEnd::Shutdown, .. } => "shut down",
        EventKind::FaultRestored { why: FaultEnd::Done, .. } => "done",
        EventKind::FaultRestored { .. } => "restored",
        EventKind::FaultFailed { .. } => "failed",
        _ => "else",
    };
    journal.events().into_iter().map(name).collect()
}

#[tokio::test]
async fn a_fault_ends_at_its_time_and_the_way_back_is_proved() {
    let stage = Stage::new().await;
    let (faults, journal, _shutdown) = stage.faults();
    let set = faults.set(&Caller::default(), draft("kill", "shop-1", "1")).await.unwrap();
    assert_eq!((&set.state, set.of_replicas, &*set.replicas), (&FaultState::Active, 2, &["shop-1".to_owned()][..]));
    assert!(
        Book::new(stage.folder.path()).read().iter().any(|fault| fault.id == set.id),
        "whoever starts next finds it"
    );
    let over = newest(&faults, |fault| fault.healthy_again_ms.is_some()).await;
    assert_eq!(over.state, FaultState::Restored { why: FaultEnd::Time });
    assert!(over.set_at_ms <= over.restored_at_ms && over.restored_at_ms <= over.healthy_again_ms, "{over:?}");
    assert!(over.restored_at_ms.unwrap() >= over.until_ms);
    let (kill, restore) =
        (Order::Kill { replica: "shop-1".into(), until_ms: set.until_ms }, Order::Restore { replica: "shop-1".into() });
    assert_eq!(stage.orders(), [kill, restore]);
    assert_eq!(kinds(&journal), ["set", "over"]);
    // The next start has nothing to take back, and still tells of it.
    let (next, journal, _shutdown) = stage.faults();
    assert_eq!((next.all(), kinds(&journal)), (faults.all(), Vec::new()));
}

#[tokio::test]
async fn of_two_presenters_at_one_replica_one_is_told_of_the_other() {
    let stage = Stage::new().await;
    let (faults, ..) = stage.faults();
    let caller = Caller::default();
    let (freeze, kill) = tokio::join!(
        faults.set(&caller, draft("freeze", "shop-1", "60")),
        faults.set(&caller, draft("kill", "shop-1", "60")),
    );
    let (won, lost) = if freeze.is_ok() { (freeze, kill) } else { (kill, freeze) };
    let won = won.unwrap();
    assert!(
        matches!(&lost, Err(ApiError::FaultRefused { refusal: Refusal::AtWork { fault, .. } }) if *fault == won.id),
        "{lost:?}"
    );
    let last = faults.set(&caller, draft("kill", "shop-2", "60")).await;
    assert!(matches!(last, Err(ApiError::FaultRefused { refusal: Refusal::LastReplica { .. } })), "{last:?}");
    faults.set(&caller, FaultDraft { even_last: true, ..draft("kill", "shop-2", "60") }).await.unwrap();
    assert_eq!(faults.counts().values().sum::<u64>(), 2, "what was refused does not count");
    assert_eq!(faults.restore_all(FaultEnd::Asked).await.len(), 2);
    assert!(faults.all().iter().all(|fault| fault.state == FaultState::Restored { why: FaultEnd::Asked }));
    let again = faults.restore(&won.id, FaultEnd::Asked).await;
    assert_eq!(again, Err(ApiError::FaultOver { fault: won.id }));
}

#[tokio::test]
async fn while_a_fault_is_being_restored_nothing_is_set_there_and_nobody_restores_it_again() {
    let stage = Stage::new().await;
    let (faults, journal, _shutdown) = stage.faults();
    let caller = Caller::default();
    let set = faults.set(&caller, draft("kill", "shop-1", "60")).await.unwrap();
    let held = stage.slow.lock().await;
    let restoring = tokio::spawn({
        let (faults, id) = (faults.clone(), set.id.clone());
        async move { faults.restore(&id, FaultEnd::Asked).await }
    });
    newest(&faults, |fault| matches!(fault.state, FaultState::Restoring { .. })).await;
    // The other presenter is told where it is, and does not wait.
    let again = faults.restore(&set.id, FaultEnd::Asked).await.unwrap();
    assert_eq!(again.state, FaultState::Restoring { why: FaultEnd::Asked });
    assert_eq!(faults.restore_all(FaultEnd::Asked).await, []);
    for kind in ["kill", "freeze", "restart", "latency"] {
        let refused = faults.set(&caller, draft(kind, "shop-1", "60")).await;
        assert!(
            matches!(&refused, Err(ApiError::FaultRefused { refusal: Refusal::BeingRestored { fault, .. } }) if *fault == set.id),
            "{kind}: {refused:?}"
        );
    }
    drop(held);
    assert_eq!(restoring.await.unwrap().unwrap().state, FaultState::Restored { why: FaultEnd::Asked });
    assert_eq!(kinds(&journal), ["set", "restored"]);
    assert_eq!(stage.orders().iter().filter(|order| matches!(order, Order::Restore { .. })).count(), 1);
    faults.set(&caller, draft("freeze", "shop-1", "60")).await.unwrap();
}

#[tokio::test]
async fn what_does_not_take_hold_leaves_nothing() {
    let stage = Stage::new().await;
    let (faults, journal, _shutdown) = stage.faults();
    for _ in 0..2 {
        let refused = faults.set(&Caller::default(), draft("cut", "shop-1", "60")).await;
        let Err(ApiError::Unavailable { what }) = &refused else { panic!("{refused:?}") };
        assert!(what.contains("the gateway does not answer at unix://"), "{what}");
    }
    assert!(faults.all().iter().all(|fault| matches!(fault.state, FaultState::Failed { .. })));
    assert_eq!((kinds(&journal), Book::new(stage.folder.path()).read()), (vec!["failed"; 2], faults.all()));
}

#[tokio::test]
async fn a_restart_ends_with_itself_and_in_turn_one_at_a_time() {
    let stage = Stage::new().await;
    let (faults, journal, _shutdown) = stage.faults();
    let asked = FaultDraft { service: "shop".into(), ..draft("rolling-restart", "", "") };
    let begun = faults.set(&Caller::default(), asked).await.unwrap();
    assert_eq!(begun.request.duration_s, None);
    newest(&faults, |fault| fault.state == FaultState::Restored { why: FaultEnd::Done }).await;
    assert_eq!(stage.orders(), ["shop-1", "shop-2"].map(|name| Order::Restart { replica: name.into() }));
    assert_eq!(kinds(&journal), ["set", "done"]);
}

#[tokio::test]
async fn what_a_dashboard_left_set_is_taken_back_by_the_next() {
    let stage = Stage::new().await;
    let (faults, ..) = stage.faults();
    let left = faults.set(&Caller::default(), draft("freeze", "shop-2", "60")).await.unwrap();
    // The first one was killed: nobody told it to end.
    let (next, journal, shutdown) = stage.faults();
    let over = newest(&next, |fault| fault.healthy_again_ms.is_some()).await;
    assert_eq!((over.id, over.state), (left.id, FaultState::Restored { why: FaultEnd::Start }));
    assert_eq!(stage.orders().last(), Some(&Order::Restore { replica: "shop-2".into() }));

    next.set(&Caller::default(), draft("stop", "shop-1", "60")).await.unwrap();
    assert!(shutdown.finish(SOON).await);
    assert_eq!(kinds(&journal), ["set", "left over", "set", "shut down"]);
    assert_eq!(stage.orders().last(), Some(&Order::Restore { replica: "shop-1".into() }));
}

#[tokio::test]
async fn what_ended_by_itself_while_no_dashboard_was_there_ended_at_its_time() {
    let stage = Stage::new().await;
    let (faults, ..) = stage.faults();
    faults.set(&Caller::default(), draft("stop", "shop-1", "60")).await.unwrap();
    let mut left = faults.all();
    let until_ms = now_ms() - 5000;
    left[0].until_ms = until_ms;
    Book::new(stage.folder.path()).write(left.iter()).unwrap();
    let (next, journal, _shutdown) = stage.faults();
    let over = newest(&next, |fault| !fault.state.is_on()).await;
    assert_eq!((over.state, over.restored_at_ms), (FaultState::Restored { why: FaultEnd::Time }, Some(until_ms)));
    assert_eq!(kinds(&journal), ["set", "over"]);
}

#[tokio::test]
async fn a_halt_takes_back_what_is_set_and_what_only_just_takes_hold() {
    let stage = Stage::new().await;
    let (faults, journal, _shutdown) = stage.faults();
    let caller = Caller::default();
    assert!(!faults.any_on());
    faults.set(&caller, draft("kill", "shop-1", "60s")).await.unwrap();
    let held = stage.slow.lock().await;
    let setting = tokio::spawn({
        let (faults, caller) = (faults.clone(), caller.clone());
        // The other one is down.
        let freeze = FaultDraft { even_last: true, ..draft("freeze", "shop-2", "60s") };
        async move { faults.set(&caller, freeze).await }
    });
    newest(&faults, |fault| fault.state == FaultState::Setting).await;
    assert!(faults.any_on());
    let halt = tokio::spawn({
        let faults = faults.clone();
        async move { faults.halt().await }
    });
    newest(&faults, |_| faults.halts() > 0).await;
    drop(held);
    assert_eq!(halt.await.unwrap().len(), 2);
    assert!(setting.await.unwrap().is_ok(), "it had begun");
    let restored = |fault: &Fault| fault.state == FaultState::Restored { why: FaultEnd::Asked };
    let mut told = faults.watch();
    tokio::time::timeout(SOON, told.wait_for(|told| told.iter().all(restored))).await.expect("in time").unwrap();
    assert!(!faults.any_on());
    assert_eq!(kinds(&journal).iter().filter(|kind| **kind == "restored").count(), 2);

    // Asked for before, begun after.
    let at_hand = faults.at_hand().await;
    let rules = faults.rules_with(&at_hand);
    let request = draft("kill", "shop-1", "60s").validate(&rules).unwrap();
    let since = faults.halts();
    faults.halt().await;
    assert_eq!(faults.begin(&caller, request, &rules, &at_hand, since), Err(ApiError::Halted));
    assert!(faults.set(&caller, draft("kill", "shop-1", "60s")).await.is_ok(), "who asks again gets it");
}
