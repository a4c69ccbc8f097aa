#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    process::Stdio,
    sync::{Mutex, atomic::Ordering},
};

use futures::StreamExt;
use ha_dashboard::domain::{
    breaker::Breakers,
    event::EventKind,
    frame::Dimension,
    live::{Applied, LiveState, Message, Snapshot},
    run::{Verdict, rounded},
    service::Health,
};

use super::*;
use crate::server::{
    config::StoreChoice,
    prometheus::{
        child,
        client::Series,
        lab::{StateDir, Target, config, free_port, run, start_k6, until},
        queries::VUS,
    },
};

/// The live part of a dashboard, with the channels in hand.
pub(super) struct Live {
    pub board: Arc<Board>,
    pub details: Details,
    shutdown: Shutdown,
}

impl Live {
    pub fn start(config: &Arc<Config>, store: watch::Receiver<StoreFeed>, feed: RunFeed) -> Self {
        let (shutdown, journal) = (Shutdown::default(), Journal::default());
        let services = Registry::new(config);
        let health = services.watch(config, journal.clone(), &shutdown);
        let details = Details::default();
        let (_, breakers) = watch::channel(Breakers::default());
        let board = Board::new(MetricsStatus::default(), health, breakers, journal.clone(), shutdown.token.clone());
        board.control(feed);
        let links = Links {
            board: board.clone(),
            journal,
            services,
            store,
            pushes: Pushes::default(),
            details: details.clone(),
        };
        start(config.clone(), links, &shutdown);
        Self { board, details, shutdown }
    }

    pub fn feed(&self, run: &Run, k6_pids: Vec<u32>) {
        self.board.control(RunFeed { run: Some(run.clone()), k6_pids, ..RunFeed::default() });
    }

    pub fn observed(&self, threshold: &str) -> Option<Observed> {
        let seen = self.board.seen().borrow().clone()?;
        seen.thresholds.iter().find(|observed| observed.threshold.to_string() == threshold).cloned()
    }

    pub async fn end(self) {
        self.shutdown.token.cancel();
        self.shutdown.tasks.close();
        self.shutdown.tasks.wait().await;
    }
}

/// A browser: folds the stream, and insists that nothing is missing or doubled.
#[derive(Clone)]
struct Reader(Arc<Mutex<LiveState>>);

impl Reader {
    fn new(board: &Board) -> Self {
        let reader = Self(Arc::default());
        let (mut stream, state) = (board.subscribe(None), reader.0.clone());
        tokio::spawn(async move {
            while let Some(bytes) = stream.next().await {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                let message: Message = serde_json::from_str(data).unwrap();
                assert_eq!(state.lock().unwrap().apply(message), Applied::Yes);
            }
        });
        reader
    }

    fn snapshot(&self) -> Snapshot {
        self.0.lock().unwrap().snapshot.clone()
    }

    fn get(&self, key: &str) -> Option<f64> {
        self.0.lock().unwrap().snapshot.frame.values.get(&SeriesKey::try_from(key.to_owned()).unwrap()).copied()
    }

    fn metrics(&self) -> MetricsStatus {
        self.snapshot().status.metrics
    }

    /// Waits until a value passes a test.
    async fn until(&self, seconds: u64, key: &str, passes: impl Fn(f64) -> bool) -> f64 {
        until(seconds, key, || self.get(key).filter(|value| passes(*value))).await
    }
}

/// A Prometheus as the dashboard runs it.
pub(super) async fn prometheus(dir: &Path, target: &Target) -> (Arc<Config>, watch::Receiver<StoreFeed>, Shutdown) {
    let store = StoreChoice::Child { binary: "prometheus".into(), port: free_port() };
    let config = config(dir, store, vec![target.service()]);
    let shutdown = Shutdown::default();
    let (_, runs) = watch::channel(RunFeed::default());
    let feed = child::supervise(config.clone(), runs, shutdown.clone());
    until(20, "Prometheus is ready", || feed.borrow().url.clone()).await;
    (config, feed, shutdown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_seen_live_from_its_start_to_its_verdict() {
    let dir = StateDir::new();
    let target = Target::start().await;
    let (config, store, prometheus) = prometheus(dir.path(), &target).await;
    let url = store.borrow().url.clone().unwrap();
    let live = Live::start(&config, store.clone(), RunFeed::default());
    let reader = Reader::new(&live.board);
    until(5, "an idle frame", || reader.get("memory{process=dashboard}")).await;
    assert_eq!(reader.get("vus"), None);

    let mut thresholds = vec!["http_reqs:count>10", "http_req_failed:rate<0.0001", "http_req_duration:p(95)<100"];
    thresholds.extend(["errors:rate<0.9", "checks:rate>0.1", "api_response_time:avg<500", "iterations:rate>1"]);
    thresholds.extend(["http_req_duration:max<1", "dropped_iterations:count<1"]);
    thresholds.extend(["http_req_duration{service:shop}:max<1", "http_reqs{service:none}:count>1"]);
    let mut test = run("r-live", 40, &thresholds);
    let mut k6 = start_k6(dir.path(), "r-live", &target, &url, 40, true);
    let begun = Instant::now();
    live.feed(&test, k6.id().into_iter().collect());
    reader.until(6, "rps", |rps| rps > 0.0).await;
    println!("first sample after {:?}", begun.elapsed());

    reader.until(6, "p95", |p95| p95 < 0.05).await;
    reader.until(6, "rps{service=shop}", |rps| rps > 50.0).await;
    reader.until(6, "vus", |vus| vus == 5.0).await;
    reader.until(6, "failed", |share| share == 0.0).await;
    reader.until(6, "dropped", |rate| rate == 0.0).await;
    for key in ["p50", "p99", "mean", "p95{service=shop}", "rps{status=200}", "iterations", "data_sent"] {
        reader.until(6, key, |value| value > 0.0).await;
    }
    reader.until(4, "cpu{process=k6}", |cpu| cpu > 0.0).await;
    reader.until(4, "memory{process=prometheus}", |bytes| bytes > 1e6).await;
    assert_eq!(reader.metrics().url, Some(url.clone()));
    assert!(matches!(reader.snapshot().status.services[0].health, Health::Up { .. }));

    // Latency goes up and recovers.
    target.latency_ms.store(200, Ordering::Relaxed);
    reader.until(8, "p95", |p95| p95 > 0.15).await;
    target.latency_ms.store(5, Ordering::Relaxed);
    let spike_over = Instant::now();
    reader.until(15, "p95", |p95| p95 < 0.05).await;
    println!("p95 recovered after {:?}", spike_over.elapsed());

    // A dashboard that comes later sees the same from the start.
    let feed = RunFeed { run: Some(test.clone()), ..RunFeed::default() };
    let later = Live::start(&config, store.clone(), feed);
    let newcomer = Reader::new(&later.board);
    let history = until(5, "a history read again", || {
        Some(newcomer.snapshot().history).filter(|history| history.at_ms.len() > 5)
    });
    let history = history.await;
    assert!(history.at_ms[0] <= test.started_ms.unwrap() + 3000);
    let p95 = &history.series[&SeriesKey::whole(Metric::P95)];
    assert!(p95.iter().flatten().any(|p95| *p95 > 0.15), "the spike is part of it");
    later.end().await;

    // A quarter fails.
    target.fail_every.store(4, Ordering::Relaxed);
    reader.until(8, "failed", |share| (share - 0.25).abs() < 0.01).await;
    reader.until(6, "failed{service=shop}", |share| (share - 0.25).abs() < 0.01).await;
    reader.until(6, "rps{status=500}", |rps| rps > 0.0).await;
    let crossed = |event: &Event| matches!(&event.kind, EventKind::Threshold { threshold, ok: false } if threshold.contains("http_req_failed"));
    until(3, "the crossing is an event", || reader.snapshot().events.iter().any(crossed).then_some(())).await;

    // The store dies and comes back: the counters went on.
    child::kill_for_test(&dir.prometheus_data());
    until(5, "the loss is told", || store.borrow().problem.contains("ended").then_some(())).await;
    until(10, "the store is back", || store.borrow().problem.is_empty().then_some(())).await;
    assert_eq!(store.borrow().url, Some(url.clone()));
    reader.until(8, "rps", |rps| rps > 50.0).await;

    // The end.
    k6.wait().await.unwrap();
    test.state = RunState::Finished(Verdict::Failed);
    test.ended_ms = Some(now_ms());
    live.feed(&test, Vec::new());
    let ended = Instant::now();
    reader.until(1, "vus", |vus| vus == 0.0).await;
    println!("0 VUs shown {:?} after the end", ended.elapsed());
    until(3, "no rate without a run", || reader.get("rps").is_none().then_some(())).await;
    let served = target.served.load(Ordering::Relaxed) as f64;
    let failed = target.failed.load(Ordering::Relaxed) as f64;
    until(3, "the count of requests is exact", || {
        live.observed("http_reqs:count>10").filter(|observed| observed.value == Some(round(served)))
    })
    .await;
    let value = |threshold: &str| live.observed(threshold).and_then(|observed| observed.value).unwrap();
    let share = round(failed / served);
    assert_eq!(value("http_req_failed:rate<0.0001"), share);
    assert!((value("errors:rate<0.9") - share).abs() < 1e-4, "{} {share}", value("errors:rate<0.9"));
    assert!((value("checks:rate>0.1") - (1.0 - share)).abs() < 1e-4);
    assert!((5.0..400.0).contains(&value("http_req_duration:p(95)<100")));
    assert!((5.0..200.0).contains(&value("api_response_time:avg<500")));
    assert!((180.0..400.0).contains(&value("http_req_duration:max<1")));
    assert_eq!(value("http_req_duration{service:shop}:max<1"), value("http_req_duration:max<1"));
    assert_eq!(live.observed("http_reqs{service:none}:count>1").unwrap().value, None);
    assert_eq!(value("dropped_iterations:count<1"), 0.0);
    assert!(value("iterations:rate>1") > 20.0);
    let ok = |threshold: &str| live.observed(threshold).and_then(|observed| observed.ok);
    assert_eq!((ok("http_req_failed:rate<0.0001"), ok("dropped_iterations:count<1")), (Some(false), Some(true)));
    // This k6 left no summary that anybody read.
    let totals = |live: &Live| live.board.seen().borrow().as_ref().and_then(|seen| seen.totals.clone());
    let whole =
        until(3, "the whole run adds up", || totals(&live).filter(|totals| totals.requests == Some(served))).await;
    assert_eq!((whole.failed_share, whole.dropped_iterations), (Some(rounded(failed / served)), Some(0.0)));
    assert!(whole.iterations.unwrap() > 20.0 && whole.data_received.unwrap() > 1000.0, "{whole:?}");
    assert!((0.18..0.4).contains(&whole.max_s.unwrap()) && whole.p50_s.unwrap() < 0.05, "{whole:?}");

    // One picture for everybody.
    let late = Reader::new(&live.board);
    until(3, "the same picture", || {
        let (a, b) = (reader.snapshot(), late.snapshot());
        (a.cursor == b.cursor && a.history == b.history && a.status == b.status && a.events == b.events).then_some(())
    })
    .await;
    let history = reader.snapshot().history;
    let gaps: Vec<_> = history.at_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // As long as the store was away no row came; then the window that values are taken over bridges it.
    assert!(gaps.iter().all(|gap| *gap < 10_000), "{gaps:?}");
    live.end().await;

    // A dashboard that starts after the end shows the whole run.
    let live = Live::start(&config, store.clone(), RunFeed { run: Some(test.clone()), ..RunFeed::default() });
    let history = until(5, "the history of a finished run", || {
        Some(live.board.snapshot().history.clone()).filter(|history| history.at_ms.len() > 30)
    });
    let history = history.await;
    let largest = |key: &str| {
        let values = &history.series[&SeriesKey::try_from(key.to_owned()).unwrap()];
        values.iter().flatten().copied().fold(f64::MIN, f64::max)
    };
    assert!((largest("failed") - 0.25).abs() < 0.05, "{}", largest("failed"));
    assert!((largest("failed{service=shop}") - 0.25).abs() < 0.05);
    assert_eq!((largest("vus"), largest("dropped")), (5.0, 0.0));
    assert!(largest("rps") > 50.0 && largest("rps{status=500}") > 5.0 && largest("p99") > 0.15);
    assert_eq!(live.board.snapshot().frame.get(Metric::Vus), Some(0.0));
    let again = until(3, "the whole run read again", || totals(&live)).await;
    assert_eq!(Totals { request_rate: None, ..again }, Totals { request_rate: None, ..whole });
    live.end().await;
    prometheus.token.cancel();
    prometheus.tasks.close();
    prometheus.tasks.wait().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_serves_everything_but_percentiles() {
    let dir = StateDir::new();
    let target = Target::start().await;
    target.fail_every.store(5, Ordering::Relaxed);
    let address = format!("127.0.0.1:{}", free_port());
    let mut victoria = tokio::process::Command::new("victoria-metrics")
        .arg(format!("-httpListenAddr={address}"))
        .arg(format!("-storageDataPath={}", dir.path().join("data").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("this test needs Debian's package victoria-metrics");
    let url = format!("http://{address}");
    let config = config(dir.path(), StoreChoice::External { url: url.clone() }, vec![target.service()]);
    let (_, runs) = watch::channel(RunFeed::default());
    let store = child::supervise(config.clone(), runs, Shutdown::default());
    until(20, "VictoriaMetrics is ready", || store.borrow().url.clone()).await;
    assert!(!store.borrow().native_histograms);

    let live = Live::start(&config, store, RunFeed::default());
    let reader = Reader::new(&live.board);
    let thresholds = ["http_req_failed:rate<0.1", "http_req_duration:max<1000", "http_reqs:count>10"];
    let mut test = run("r-victoria", 12, &thresholds);
    let mut k6 = start_k6(dir.path(), "r-victoria", &target, &url, 12, false);
    live.feed(&test, k6.id().into_iter().collect());
    reader.until(10, "failed", |share| (share - 0.2).abs() < 0.02).await;
    reader.until(10, "rps{status=500}", |rps| rps > 0.0).await;
    reader.until(10, "vus", |vus| vus == 5.0).await;
    // k6 pushes what has new samples only, so on a busy machine they don't all come with the same tick.
    for key in ["iterations", "data_sent", "data_received", "rps{service=shop}"] {
        reader.until(10, key, |value| value > 0.0).await;
    }
    assert_eq!(reader.get("p95"), None, "a gauge since the start is not the value now");
    assert!(reader.metrics().problem.contains("native histograms"), "{:?}", reader.metrics());
    until(5, "a whole-run maximum", || live.observed(thresholds[1])?.value).await;
    k6.wait().await.unwrap();
    test.state = RunState::Finished(Verdict::Failed);
    test.ended_ms = Some(now_ms());
    live.feed(&test, Vec::new());
    let served = round(target.served.load(Ordering::Relaxed) as f64);
    until(5, "an exact count", || live.observed(thresholds[2]).filter(|observed| observed.value == Some(served))).await;
    live.end().await;
    victoria.kill().await.unwrap();
}

#[tokio::test]
async fn without_a_store_the_page_goes_on_and_says_so() {
    let dir = StateDir::new();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let config = config(dir.path(), StoreChoice::External { url: nobody.clone() }, Vec::new());
    let (_store, store) =
        watch::channel(StoreFeed { url: Some(nobody), problem: String::new(), native_histograms: true });
    let live = Live::start(&config, store, RunFeed::default());
    let reader = Reader::new(&live.board);
    live.feed(&run("r-alone", 60, &["http_reqs:count>1"]), Vec::new());
    until(8, "the delay is told", || reader.metrics().delayed_s.filter(|seconds| *seconds >= 3)).await;
    let metrics = reader.metrics();
    assert!(!metrics.reachable && metrics.problem.contains("can't be reached"), "{metrics:?}");
    let snapshot = reader.snapshot();
    assert!(snapshot.events.iter().any(|event| matches!(event.kind, EventKind::MetricsDelayed { .. })));
    assert_eq!(snapshot.frame.get(Metric::Vus), None);
    assert!(snapshot.frame.get_part(Metric::Memory, Dimension::Process, "host").is_some());
    assert_eq!(snapshot.status.run.unwrap().thresholds[0].ok, None);
    live.end().await;
}

#[tokio::test]
async fn a_change_of_the_run_is_told_at_once_even_when_the_store_hangs() {
    let dir = StateDir::new();
    // Takes connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let config = config(dir.path(), StoreChoice::External { url: url.clone() }, Vec::new());
    let (_store, store) = watch::channel(StoreFeed { url: Some(url), problem: String::new(), native_histograms: true });
    let live = Live::start(&config, store, RunFeed::default());
    let reader = Reader::new(&live.board);
    // One from before this dashboard's time, whose history is to be read again: nor does that hold anything up. By now it
    // should have samples.
    let started_ms = Some(now_ms() - DELAYED_MS);
    let mut test = Run { created_ms: 1, started_ms, ..run("r-silent", 60, &[]) };
    live.feed(&test, Vec::new());
    let seq = live.board.snapshot().cursor.seq;
    until(1, "ticks go on", || Some(()).filter(|()| live.board.snapshot().cursor.seq > seq + 3)).await;
    until(3, "the time-out is told", || Some(()).filter(|()| reader.metrics().problem.contains("did not answer")))
        .await;
    let delayed = |event: &Event| match &event.kind {
        EventKind::MetricsDelayed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let reason = until(3, "the delay is told", || reader.snapshot().events.iter().find_map(delayed)).await;
    assert!(reason.contains("did not answer"), "{reason:?}");
    let state = || reader.snapshot().status.run.map(|run| run.state);
    for next in [RunState::Stopping, RunState::Finished(Verdict::Stopped)] {
        test.state = next.clone();
        let told = Instant::now();
        live.feed(&test, Vec::new());
        until(1, "the new state", || state().filter(|state| *state == next)).await;
        assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    }
    let snapshot = reader.snapshot();
    assert_eq!(snapshot.frame.get(Metric::Vus), Some(0.0));
    for pid in 1..100 {
        live.feed(&test, vec![pid]);
        tokio::task::yield_now().await;
    }
    assert!(live.board.snapshot().cursor.seq < snapshot.cursor.seq + 5, "other process numbers are nothing to tell");
    live.end().await;
}

/// Prints how long a request's result takes from the target to a reader, and what the picture weighs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark: run it by name, with --nocapture"]
async fn bench_sample_to_frame() {
    let dir = StateDir::new();
    let target = Target::start().await;
    let (config, store, prometheus) = prometheus(dir.path(), &target).await;
    let url = store.borrow().url.clone().unwrap();
    let live = Live::start(&config, store, RunFeed::default());
    let mut stream = live.board.subscribe(None);
    let mut test = run("r-bench", 30, &["http_reqs:count>1"]);
    let mut k6 = start_k6(dir.path(), "r-bench", &target, &url, 30, true);
    let started = std::time::Instant::now();
    live.feed(&test, k6.id().into_iter().collect());
    let (mut shown, mut delays, mut first, mut bytes, mut ticks) = (0, Vec::new(), None, 0, 0);
    while started.elapsed() < Duration::from_secs(30) {
        let message = stream.next().await.unwrap();
        let now = std::time::Instant::now();
        (bytes, ticks) = (bytes + message.len(), ticks + 1);
        let text = String::from_utf8(message.to_vec()).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let Message::Tick(tick) = serde_json::from_str(data).unwrap() else { continue };
        let observed = tick.status.and_then(|status| status.run?.thresholds.first()?.value);
        let Some(count) = observed else { continue };
        first.get_or_insert(now - started);
        let times = target.times.lock().unwrap();
        let count = (count as usize).min(times.len());
        delays.extend(times[shown..count].iter().map(|served| now - *served));
        shown = count;
    }
    delays.sort();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
    println!("start to first sample {:?}", first.unwrap());
    println!("request to reader: p50 {:?}, p95 {:?}, max {:?} of {}", at(0.5), at(0.95), at(1.0), delays.len());
    println!("{} bytes a tick", bytes / ticks);
    let memory = SeriesKey::part(Metric::Memory, Dimension::Process, "dashboard");
    println!("{:?} MB resident", live.board.snapshot().frame.values.get(&memory).map(|bytes| bytes / 1e6));
    test.state = RunState::Finished(Verdict::Passed);
    live.feed(&test, Vec::new());
    k6.wait().await.unwrap();
    live.end().await;
    prometheus.token.cancel();
    prometheus.tasks.close();
    prometheus.tasks.wait().await;
}

/// A ticker that is at `test`, of which one sample was counted, and whose store is away.
fn ticker(dir: &Path, test: &Run) -> Ticker {
    let config = config(dir, StoreChoice::External { url: String::new() }, Vec::new());
    let (_, store) = watch::channel(StoreFeed::default());
    let (board, journal) = Board::blank();
    board.control(RunFeed { run: Some(test.clone()), ..RunFeed::default() });
    let links = Links {
        board,
        journal,
        services: Registry::default(),
        store,
        pushes: Pushes::default(),
        details: Details::default(),
    };
    let mut ticker = Ticker::new(config, links);
    ticker.take_run();
    ticker.watch.as_mut().unwrap().replace(counted(test));
    ticker
}

fn counted(test: &Run) -> poll::Count {
    let mut count = poll::Count::new(test, Duration::from_secs(5), true);
    let labels = [("__name__".to_owned(), VUS.to_owned())].into();
    count.observe(vec![Series { labels, points: vec![(test.created_ms, 3.0)], histograms: Vec::new() }]);
    count
}

#[tokio::test]
async fn a_history_read_again_does_not_set_the_clock_back() {
    let dir = StateDir::new();
    let test = run("r-again", 60, &[]);
    let mut ticker = ticker(dir.path(), &test);
    let frame = |at_ms| Frame { at_ms, ..Frame::default() };
    for (read, polled, newest) in [(5000, Some(9000), 9000), (9000, Some(5000), 9000), (5000, None, 5000)] {
        let pushes = Vec::new();
        ticker.load = polled.map(frame);
        ticker.replayed =
            Some((test.clone(), Replay { frames: vec![frame(1000), frame(read)], count: counted(&test), pushes }));
        ticker.take_replay();
        assert_eq!(ticker.load.as_ref().map(|load| load.at_ms), Some(newest), "{read} {polled:?}");
    }
}

#[tokio::test]
async fn the_pushes_of_a_history_read_again_are_told_instead_of_the_lump_that_a_poll_meanwhile_brought() {
    let dir = StateDir::new();
    let test = run("r-pushes", 60, &[]);
    let mut ticker = ticker(dir.path(), &test);
    let mut told = ticker.pushes.follow();
    let push = |from_ms, to_ms| Push { run: test.id.clone(), services: [].into(), from_ms, to_ms, dropped: 0.0 };
    let poll = |ticker: &mut Ticker, push| {
        let mut watch = ticker.watch.take().unwrap();
        let mut count = counted(&test);
        count.bring(push);
        watch.replace(count);
        ticker.take_poll(Polled { watch, result: Ok(None) });
    };
    ticker.replaying = Some(std::future::pending().boxed());
    poll(&mut ticker, push(1000, 4000));
    assert!(told.news().is_empty());
    ticker.replaying = None;
    let pushes = vec![push(1000, 2000), push(2000, 3000)];
    ticker.replayed = Some((test.clone(), Replay { frames: Vec::new(), count: counted(&test), pushes }));
    poll(&mut ticker, push(1000, 5000));
    poll(&mut ticker, push(3000, 5000));
    let ends: Vec<_> = told.news().iter().map(|push| push.to_ms).collect();
    assert_eq!(ends, [2000, 3000, 5000]);
}

#[tokio::test]
async fn what_was_remembered_of_a_run_is_given_back_when_it_is_over() {
    let dir = StateDir::new();
    let mut test = run("r-over", 60, &[]);
    let mut ticker = ticker(dir.path(), &test);
    let remembered = |ticker: &Ticker| ticker.watch.as_ref().map(|watch| (watch.newest_ms(), watch.series()));
    test.state = RunState::Finished(Verdict::Passed);
    for (ended_ms, newest_ms) in [(now_ms(), Some(test.created_ms)), (now_ms() - AFTER_END_MS, None)] {
        test.ended_ms = Some(ended_ms);
        ticker.run = Some(test.clone());
        ticker.tick();
        // How many series there were stays known: the page tells so.
        assert_eq!(remembered(&ticker), Some((newest_ms, 1)));
    }
}
