//! Faults on real containers of a real engine.

use std::{path::Path, sync::Arc};

use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        fault::{Fault, FaultDraft, FaultEnd, FaultState, Refusal},
        service::Service,
    },
};
use serde_json::Value;

use super::*;
use crate::server::{
    config::{DockerConfig, StoreChoice},
    engine::docker::lab,
    journal::Journal,
    prometheus::lab::config,
    services::{
        Member, Registry,
        faults::{Faults, Parts},
    },
};

/// How long something may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// Two containers that are the replicas of a shop, and go with it. The first may use a core and 128 MiB, the second has no
/// limits; the engine would start both again.
struct Shop {
    folder: tempfile::TempDir,
    replicas: Vec<Replica>,
}

impl Shop {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/health", axum::routing::get(|| async {}));
        tokio::spawn(async { axum::serve(listener, router).await });
        let number = rand::random::<u32>();
        let replica = |name: &str| Replica {
            name: name.into(),
            url: url.clone(),
            door: None,
            container: Some(format!("had-test-{number:08x}-{name}")),
        };
        let shop = Self { folder: tempfile::tempdir().unwrap(), replicas: ["shop-1", "shop-2"].map(replica).into() };
        shop.run("shop-1", &["--restart", "always", "--cpus", "1", "--memory", "128m"]);
        shop.run("shop-2", &["--restart", "always"]);
        shop
    }

    /// Makes a replica's container, which ends with code 0 when it is asked to, and with 3 as if by itself on another signal.
    fn run(&self, replica: &str, options: &[&str]) {
        let work = "trap 'exit 0' TERM; trap 'exit 3' USR1; while :; do sleep 3600 & wait $!; done";
        let name = ["run", "-d", "--name", self.container(replica), "--network", "none", "--entrypoint", "sh"];
        lab::docker(&[&name[..], options, &[lab::IMAGE, "-c", work]].concat());
    }

    fn container(&self, replica: &str) -> &str {
        let found = self.replicas.iter().find(|one| one.name == replica);
        found.and_then(|one| one.container.as_deref()).unwrap()
    }

    /// What the `docker` command says of a replica's container.
    fn inspect(&self, replica: &str, what: &str) -> String {
        lab::docker(&["inspect", "--format", what, self.container(replica)])
    }

    fn config(&self) -> Config {
        let store = StoreChoice::External { url: "http://127.0.0.1:1".into() };
        let config = Config::clone(&config(self.folder.path(), store, Vec::new()));
        Config { docker: DockerConfig { host: lab::host(), ..DockerConfig::default() }, ..config }
    }

    fn services(&self) -> Registry {
        let service = Service::new("shop", "http://127.0.0.1:1");
        [Member { service, replicas: self.replicas.clone() }].into_iter().collect()
    }

    fn faults(&self) -> (Faults, Shutdown) {
        let (journal, shutdown) = (Journal::default(), Shutdown::default());
        let config = Arc::new(self.config());
        let parts = Parts { config, services: self.services(), journal, shutdown: shutdown.clone() };
        (Faults::start(parts).unwrap(), shutdown)
    }

    fn states(&self) -> [String; 2] {
        ["shop-1", "shop-2"].map(|replica| self.inspect(replica, "{{.State.Status}}"))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for replica in &self.replicas {
            let name = replica.container.as_deref().unwrap();
            let _ = std::process::Command::new("docker").args(["-H", &lab::host(), "rm", "-f", name]).output();
        }
    }
}

fn draft(kind: &str, replica: &str, intensity: &str) -> FaultDraft {
    let (kind, replica, intensity) = (kind.into(), replica.into(), intensity.into());
    FaultDraft { kind, replica, intensity, duration: "10m".into(), ..FaultDraft::default() }
}

async fn set(faults: &Faults, draft: FaultDraft) -> Fault {
    faults.set(&Caller::default(), draft).await.unwrap()
}

/// Waits until all faults are as wanted.
async fn all(faults: &Faults, wanted: impl Fn(&Fault) -> bool) {
    let mut told = faults.watch();
    tokio::time::timeout(SOON, told.wait_for(|told| told.iter().all(&wanted))).await.expect("in time").unwrap();
}

fn ended(why: FaultEnd) -> impl Fn(&Fault) -> bool {
    move |fault| fault.state == FaultState::Restored { why } && fault.healthy_again_ms.is_some()
}

const LIMITS: &str = "{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}";
const MIB: u64 = 1 << 20;

#[tokio::test]
async fn what_ends_or_stops_a_container_does_so_until_it_is_restored() {
    let shop = Shop::open().await;
    let (faults, shutdown) = shop.faults();
    for (kind, state) in [("kill", "exited 137"), ("stop", "exited 0"), ("freeze", "paused 0")] {
        let fault = set(&faults, draft(kind, "shop-1", "")).await;
        // The engine would start it again at once if it had ended by itself.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(shop.inspect("shop-1", "{{.State.Status}} {{.State.ExitCode}}"), state, "{kind}");
        let again = faults.set(&Caller::default(), draft("cpu", "shop-1", "")).await;
        assert!(matches!(again, Err(ApiError::FaultRefused { refusal: Refusal::AtWork { .. } })), "{again:?}");
        let last = faults.set(&Caller::default(), draft("kill", "shop-2", "")).await;
        assert!(matches!(last, Err(ApiError::FaultRefused { refusal: Refusal::LastReplica { .. } })), "{last:?}");
        faults.restore(&fault.id, FaultEnd::Asked).await.unwrap();
        assert_eq!(shop.states(), ["running", "running"], "{kind}");
    }
    let started = || ["shop-1", "shop-2"].map(|replica| shop.inspect(replica, "{{.State.StartedAt}}"));
    let before = started();
    set(&faults, draft("restart", "shop-1", "")).await;
    all(&faults, |fault| !fault.state.is_on()).await;
    let after = started();
    assert!(after[0] != before[0] && after[1] == before[1], "{before:?} {after:?}");
    set(&faults, FaultDraft { service: "shop".into(), ..draft("rolling-restart", "", "") }).await;
    all(&faults, |fault| !fault.state.is_on()).await;
    assert!(started().iter().zip(&after).all(|(now, before)| now != before));
    assert_eq!(shop.states(), ["running", "running"]);
    assert!(shutdown.finish(SOON).await);
}

#[tokio::test]
async fn a_container_gets_less_until_it_has_what_it_had() {
    let shop = Shop::open().await;
    let (faults, shutdown) = shop.faults();
    let limits = || ["shop-1", "shop-2"].map(|replica| shop.inspect(replica, LIMITS));
    let before = [format!("1000000000 0 {}", 128 * MIB), "0 0 0".into()];
    assert_eq!(limits(), before);
    let cpu = set(&faults, draft("cpu", "shop-1", "2")).await;
    set(&faults, draft("memory", "shop-1", "1")).await;
    set(&faults, draft("cpu", "shop-2", "10")).await;
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let left = (cores * 100_000).saturating_sub(200_000).max(5_000);
    assert_eq!(limits(), [format!("600000000 0 {}", 64 * MIB), format!("0 {left} 0")]);
    // What it did not have it would not get rid of; and writing to the disk for it nobody can.
    for (kind, replica) in [("memory", "shop-2"), ("disk", "shop-1")] {
        let refused = faults.set(&Caller::default(), draft(kind, replica, "1")).await;
        assert!(matches!(refused, Err(ApiError::InvalidFault { .. })), "{kind}: {refused:?}");
    }
    faults.restore(&cpu.id, FaultEnd::Asked).await.unwrap();
    assert_eq!(limits()[0], format!("1000000000 0 {}", 64 * MIB), "each is given back by itself");
    // The rest goes back when the dashboard ends.
    assert!(shutdown.finish(SOON).await);
    assert_eq!(limits(), [before[0].clone(), "0 -1 0".into()]);
    assert_eq!(std::fs::read_to_string(shop.folder.path().join("limits.json")).unwrap(), "{}");
}

/// Lets the time of all faults in the book be over.
fn overdue(folder: &Path) {
    let path = folder.join("faults.json");
    let mut book: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    book.iter_mut().for_each(|fault| fault["until_ms"] = fault["asked_ms"].clone());
    std::fs::write(&path, serde_json::to_vec(&book).unwrap()).unwrap();
}

#[tokio::test]
async fn what_a_dashboard_left_set_in_containers_is_taken_back_by_the_next() {
    let shop = Shop::open().await;
    for kind in ["kill", "stop", "freeze"] {
        let (faults, _killed) = shop.faults();
        set(&faults, draft(kind, "shop-1", "")).await;
        set(&faults, draft("cpu", "shop-2", "1")).await;
        assert_ne!(shop.states()[0], "running");
        // Nobody told it to end, and nobody was there at the end of its faults.
        overdue(shop.folder.path());
        let (next, _shutdown) = shop.faults();
        assert_eq!(next.all().iter().filter(|fault| fault.state.is_on()).count(), 2);
        all(&next, ended(FaultEnd::Start)).await;
        assert_eq!(shop.states(), ["running", "running"], "{kind}");
        assert_eq!(shop.inspect("shop-2", LIMITS), "0 -1 0");
    }
    let before = shop.inspect("shop-1", LIMITS);
    let (faults, _killed) = shop.faults();
    set(&faults, draft("memory", "shop-1", "1")).await;
    assert_ne!(shop.inspect("shop-1", LIMITS), before);
    overdue(shop.folder.path());
    let (next, _shutdown) = shop.faults();
    all(&next, ended(FaultEnd::Start)).await;
    assert_eq!(shop.inspect("shop-1", LIMITS), before);
}

#[tokio::test]
async fn an_engine_that_is_away_is_asked_until_it_is_back() {
    let shop = Shop::open().await;
    let (faults, _killed) = shop.faults();
    set(&faults, draft("kill", "shop-1", "")).await;
    overdue(shop.folder.path());
    // The way to it is not there yet when the next dashboard starts.
    let socket = shop.folder.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let config = Config { docker: DockerConfig { host, ..DockerConfig::default() }, ..shop.config() };
    let (journal, shutdown) = (Journal::default(), Shutdown::default());
    let parts = Parts { config: Arc::new(config), services: shop.services(), journal, shutdown };
    let next = Faults::start(parts).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(next.all()[0].state, FaultState::Restoring { why: FaultEnd::Start });
    std::os::unix::fs::symlink(lab::host().trim_start_matches("unix://"), &socket).unwrap();
    all(&next, ended(FaultEnd::Start)).await;
    assert_eq!(shop.states(), ["running", "running"]);
}

#[tokio::test]
async fn a_container_that_ends_by_itself_is_told_and_hit_no_more() {
    let shop = Shop::open().await;
    let name = shop.container("shop-1");
    // One that the engine does not start again.
    lab::docker(&["rm", "-f", name]);
    shop.run("shop-1", &[]);
    let containers = Containers::new(&shop.config());
    let shutdown = Shutdown::default();
    let mut told = containers.watch(shop.replicas.clone(), &shutdown);
    let mut until = async |wanted: &dyn Fn(&ProcessStatus) -> bool| {
        let found = told.wait_for(|told| told.len() == 2 && told.get("shop-1").is_some_and(wanted));
        tokio::time::timeout(SOON, found).await.expect("in time").unwrap().clone()
    };
    until(&|one| one.state == ProcessState::Running).await;
    lab::docker(&["pause", name]);
    until(&|one| one.state == ProcessState::Frozen).await;
    lab::docker(&["unpause", name]);
    lab::docker(&["kill", "--signal", "USR1", name]);
    let all = until(&|one| one.state == ProcessState::Ended).await;
    assert_eq!((all["shop-1"].code, all["shop-2"].state), (Some(3), ProcessState::Running));
    assert!(all["shop-1"].since_ms > 0);

    let (faults, _shutdown) = shop.faults();
    let refused = faults.set(&Caller::default(), draft("freeze", "shop-1", "")).await;
    assert!(matches!(refused, Err(ApiError::FaultRefused { refusal: Refusal::Down { .. } })), "{refused:?}");
    // Nobody would be left.
    let last = faults.set(&Caller::default(), draft("kill", "shop-2", "")).await;
    assert!(matches!(last, Err(ApiError::FaultRefused { refusal: Refusal::LastReplica { .. } })), "{last:?}");
    set(&faults, draft("restart", "shop-1", "")).await;
    until(&|one| one.state == ProcessState::Running).await;

    // What is frozen and made away with has nothing left to take back.
    let fault = set(&faults, draft("freeze", "shop-2", "")).await;
    lab::docker(&["rm", "-f", shop.container("shop-2")]);
    let over = faults.restore(&fault.id, FaultEnd::Asked).await.unwrap();
    assert_eq!(over.state, FaultState::Restored { why: FaultEnd::Asked });
    assert!(shutdown.finish(SOON).await);
}

#[tokio::test]
async fn what_is_no_replica_is_left_alone() {
    let shop = Shop::open().await;
    let (ours, theirs) = (shop.container("shop-1"), shop.container("shop-2"));
    // One in which a dashboard runs k6, named by mistake; the other one does not exist.
    lab::docker(&["rm", "-f", ours, theirs]);
    shop.run("shop-1", &["--label", "ha-dashboard.owner=somebody"]);
    let (faults, _shutdown) = shop.faults();
    assert_eq!(faults.rules().await.targets, []);
    for replica in ["shop-1", "shop-2", "k6-load-tester"] {
        let refused = faults.set(&Caller::default(), draft("kill", replica, "")).await;
        assert!(matches!(refused, Err(ApiError::InvalidFault { .. })), "{refused:?}");
    }
    let refused = Containers::new(&shop.config()).set(ours, Effect::Killed).await;
    assert!(matches!(refused, Err(ContainerError::OfK6(_))), "{refused:?}");
    assert_eq!(shop.inspect("shop-1", "{{.State.Status}}"), "running");
}

#[tokio::test]
async fn a_container_with_the_label_of_a_service_is_one_of_its_replicas() {
    let shop = Shop::open().await;
    let label = "ha-dashboard.service=shop";
    let (known, found) = (shop.container("shop-1"), shop.container("shop-2"));
    lab::docker(&["rm", "-f", known, found]);
    shop.run("shop-1", &["--label", label]);
    let work = ["--label", label, "--label", "ha-dashboard.port=8000", "--entrypoint", "sleep", lab::IMAGE, "3600"];
    lab::docker(&[&["run", "-d", "--name", found][..], &work].concat());
    let service = Service::new("shop", "http://127.0.0.1:1");
    let first = Member { service, replicas: vec![shop.replicas[0].clone()] };
    let services = Registry::from_iter([first]).with_labelled(&shop.config()).await;
    let [member] = services.members() else { panic!("{services:?}") };
    let address = lab::docker(&["inspect", "--format", "{{.NetworkSettings.IPAddress}}", found]);
    let ours = member.replicas.iter().filter(|one| one.container.as_deref() == Some(found)).collect::<Vec<_>>();
    assert_eq!(member.replicas[0], shop.replicas[0], "what is known stays as it is");
    let [replica] = ours[..] else { panic!("{member:?}") };
    assert_eq!((replica.url.clone(), replica.name.as_str()), (format!("http://{address}:8000"), found));
    assert_eq!(
        Containers::new(&shop.config()).look(ours.into_iter()).await[found].process.state,
        ProcessState::Running
    );
}
