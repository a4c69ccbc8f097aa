//! Orders over the socket, to processes that are real.

use std::time::{Duration, Instant};

use ha_dashboard::domain::service::{ProcessState, ProcessStatus};
use procfs::process::Process;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::server::{
    clock::now_ms,
    services::supervisor::{Order, Supervisor, SupervisorError},
};

/// How long something may take to show on a busy machine.
const SOON: Duration = Duration::from_secs(20);

struct Bench {
    supervisor: Supervisor,
    socket: std::path::PathBuf,
    end: CancellationToken,
    keeper: JoinHandle<Ended>,
    serve: JoinHandle<()>,
    _ready: TcpListener,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A shell that goes on for long and ends with 7 when it is asked to, kept as `shop-1`.
    async fn start() -> Self {
        let ready = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kept = Kept {
            name: "shop-1".into(),
            program: "sh".into(),
            arguments: ["-c", "trap 'exit 7' TERM; while :; do sleep 0.01; done"].map(str::to_owned).into(),
            ready_at: ready.local_addr().unwrap(),
        };
        let end = CancellationToken::new();
        let (keeper, handle) = keeper(kept, end.clone());
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("supervisor.sock");
        let control = Control::open(&socket).unwrap();
        let serve = tokio::spawn(async move { control.serve([handle].into()).await });
        let keeper = tokio::spawn(keeper.run());
        let supervisor = Supervisor::new(&socket);
        let bench = Self { supervisor, socket, end, keeper, serve, _ready: ready, _folder: folder };
        bench.is(ProcessState::Running).await;
        bench
    }

    async fn order(&self, order: &Order) -> Result<ProcessStatus, SupervisorError> {
        self.supervisor.order(order).await.map(|all| {
            assert_eq!(all.iter().map(|one| one.replica.as_str()).collect::<Vec<_>>(), ["shop-1"]);
            all[0].process.clone()
        })
    }

    async fn is(&self, state: ProcessState) -> ProcessStatus {
        let started = Instant::now();
        loop {
            let status = self.order(&Order::List).await.unwrap();
            if status.state == state {
                return status;
            }
            assert!(started.elapsed() < SOON, "{status:?} and not {state:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn end(self) {
        self.end.cancel();
        self.keeper.await.unwrap().unwrap();
        self.serve.abort();
    }
}

fn named() -> String {
    "shop-1".into()
}

fn system_state(pid: u32) -> Option<char> {
    Process::new(pid.cast_signed()).and_then(|process| process.stat()).ok().map(|stat| stat.state)
}

fn in_ms(ms: u64) -> u64 {
    now_ms() + ms
}

#[tokio::test]
async fn a_replica_is_killed_frozen_and_stopped_and_comes_back_by_itself() {
    let bench = Bench::start().await;
    let first = bench.is(ProcessState::Running).await;
    assert_eq!((first.restarts, first.until_ms), (0, None));

    let until_ms = in_ms(400);
    let down = bench.order(&Order::Kill { replica: named(), until_ms }).await.unwrap();
    assert_eq!((down.state, down.pid, down.until_ms), (ProcessState::Held, None, Some(until_ms)));
    assert_eq!(system_state(first.pid.unwrap()), None, "it is gone when the order is answered");
    let second = bench.is(ProcessState::Running).await;
    assert!(now_ms() >= until_ms && second.pid != first.pid && second.restarts == 1, "{second:?}");

    let until_ms = in_ms(1000);
    let frozen = bench.order(&Order::Freeze { replica: named(), until_ms }).await.unwrap();
    assert_eq!((frozen.state, frozen.pid, frozen.until_ms), (ProcessState::Frozen, second.pid, Some(until_ms)));
    // The system does that when it comes to it.
    let started = Instant::now();
    while system_state(second.pid.unwrap()) != Some('T') {
        assert!(started.elapsed() < SOON);
        tokio::task::yield_now().await;
    }
    let third = bench.is(ProcessState::Running).await;
    assert!(now_ms() >= until_ms && third.pid == second.pid && third.restarts == 1, "{third:?}");
    assert_ne!(system_state(third.pid.unwrap()), Some('T'));

    bench.order(&Order::Freeze { replica: named(), until_ms: u64::MAX }).await.unwrap();
    let restored = bench.order(&Order::Restore { replica: named() }).await.unwrap();
    assert_eq!((restored.state, restored.pid), (ProcessState::Running, second.pid));

    // In order, and also out of a freeze.
    bench.order(&Order::Freeze { replica: named(), until_ms: u64::MAX }).await.unwrap();
    let held = bench.order(&Order::Stop { replica: named(), until_ms: u64::MAX }).await.unwrap();
    assert_eq!((held.state, system_state(second.pid.unwrap())), (ProcessState::Held, None));
    bench.order(&Order::Restore { replica: named() }).await.unwrap();
    let fourth = bench.is(ProcessState::Running).await;
    assert_eq!(fourth.restarts, 2);

    bench.order(&Order::Restart { replica: named() }).await.unwrap();
    let fifth = bench.is(ProcessState::Running).await;
    assert!(fifth.pid != fourth.pid && fifth.restarts == 3, "{fifth:?}");
    let pid = fifth.pid.unwrap();
    bench.end().await;
    assert_eq!(system_state(pid), None, "nothing is left");
}

#[tokio::test]
async fn one_that_ends_by_itself_is_started_again_and_tells_its_code() {
    let bench = Bench::start().await;
    bench.order(&Order::Restart { replica: named() }).await.unwrap();
    let pid = bench.is(ProcessState::Running).await.pid.unwrap();
    rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
    let ended = bench.is(ProcessState::Ended).await;
    assert_eq!((ended.code, ended.pid), (Some(7), None));
    let again = bench.is(ProcessState::Running).await;
    assert!(again.restarts == 2 && again.code.is_none(), "{again:?}");
    bench.end().await;
}

#[tokio::test]
async fn one_that_can_not_be_served_ends_everything() {
    let bench = Bench::start().await;
    let pid = bench.is(ProcessState::Running).await.pid.unwrap();
    rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
    let (code, told) = bench.keeper.await.unwrap().unwrap_err();
    assert_eq!((code, told.as_str()), (7, "shop-1 can't be served"));
    bench.serve.abort();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let bench = Bench::start().await;
    let refused = async |order: Order| match bench.order(&order).await {
        Err(SupervisorError::Refused(why)) => why,
        other => panic!("{order:?}: {other:?}"),
    };
    let odd = "shop-1\"\n{}".to_owned();
    assert!(refused(Order::Restart { replica: odd }).await.contains("there are shop-1"));
    assert!(refused(Order::Kill { replica: named(), until_ms: now_ms() }).await.contains("has passed"));
    bench.order(&Order::Freeze { replica: named(), until_ms: u64::MAX }).await.unwrap();
    assert!(refused(Order::Freeze { replica: named(), until_ms: u64::MAX }).await.contains("frozen already"));
    bench.order(&Order::Kill { replica: named(), until_ms: u64::MAX }).await.unwrap();
    for order in [
        Order::Kill { replica: named(), until_ms: u64::MAX },
        Order::Stop { replica: named(), until_ms: u64::MAX },
        Order::Freeze { replica: named(), until_ms: u64::MAX },
    ] {
        assert!(refused(order).await.contains("down already"));
    }
    let mut raw = UnixStream::connect(&bench.socket).await.unwrap();
    raw.write_all(b"{\"order\":\"dance\"}\nnonsense\n{\"order\":\"list\"}\n").await.unwrap();
    raw.shutdown().await.unwrap();
    let mut answers = String::new();
    raw.read_to_string(&mut answers).await.unwrap();
    let answers: Vec<_> = answers.lines().collect();
    assert!(answers[0].contains("refused") && answers[1].contains("refused"), "{answers:?}");
    assert!(answers[2].contains(r#""replica":"shop-1","state":"held""#), "{answers:?}");
    let error = Control::open(&bench.socket).map(drop).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "two supervisors would fight");
    let away = Supervisor::new(Path::new("/nowhere/s.sock")).order(&Order::List).await.unwrap_err();
    assert!(matches!(away, SupervisorError::Away { .. }), "{away}");
    bench.end().await;
}
