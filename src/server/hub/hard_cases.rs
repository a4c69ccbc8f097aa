//! The live numbers against k6's own record of every request, where they are hard to get right.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, ops::RangeInclusive, path::Path, sync::atomic::Ordering};

use futures::StreamExt;
use ha_dashboard::domain::{detail::Detail, frame::History, live::Message, run::Verdict};

use super::{
    tests::{Live, prometheus},
    *,
};
use crate::server::prometheus::lab::{StateDir, Target, k6_quantile, k6_run, run, until};

/// Slow requests, rare ones among quick ones, a service that appears late, one that vanishes, and names without end.
const SCRIPT: &str = r"
import http from 'k6/http';
const at = (rate, from, seconds, exec, timeUnit = '1s') => ({ executor: 'constant-arrival-rate', rate, timeUnit,
  startTime: `${from}s`, duration: `${seconds}s`, preAllocatedVUs: 20, exec, gracefulStop: '5s' });
export const options = { scenarios: {
  slow: at(3, 0, 18, 'slow'), quick: at(2, 0, 20, 'quick'), rare: at(1, 2, 17, 'rare', '6s'),
  late: at(5, 9, 11, 'late'), gone: at(5, 0, 8, 'gone'), many: at(70, 0, 18, 'many'),
} };
const get = (service, ms) => http.get(`${__ENV.TARGET}?ms=${ms}`, { tags: { name: service, service } });
export const slow = () => get('slow', 4000);
export const quick = () => get('shop', 4);
export const rare = () => get('shop', 700);
export const late = () => get('late', 40);
export const gone = () => get('gone', 90);
export const many = () => http.get(`${__ENV.TARGET}?ms=15&id=${__ITER}-${__VU}`, { tags: { service: 'many' } });
";

/// A request in k6's own record.
struct Request {
    ended_ms: Millis,
    seconds: f64,
    service: String,
}

fn record(file: &Path) -> Vec<Request> {
    let text = std::fs::read_to_string(file).unwrap();
    let points = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let durations = points.filter(|point| point["type"] == "Point" && point["metric"] == "http_req_duration");
    durations
        .map(|point| {
            let time: jiff::Timestamp = point["data"]["time"].as_str().unwrap().parse().unwrap();
            Request {
                ended_ms: time.as_millisecond() as Millis,
                seconds: point["data"]["value"].as_f64().unwrap() / 1e3,
                service: point["data"]["tags"]["service"].as_str().unwrap().into(),
            }
        })
        .collect()
}

/// k6 passes a sample on a moment after the time that it carries.
const PASSED_ON_MS: Millis = 25;

/// The quantile of the requests that ended in `(from, to]`, with those at the edges in and out.
fn truths(requests: &[Request], service: Option<&str>, q: f64, from: Millis, to: Millis) -> Vec<Option<f64>> {
    let edges = [PASSED_ON_MS, 0];
    let mut truths = Vec::new();
    for from in edges.map(|edge| from - edge) {
        for to in edges.map(|edge| to - edge) {
            let within = requests.iter().filter(|own| own.ended_ms > from && own.ended_ms <= to);
            let own = within.filter(|own| service.is_none_or(|service| own.service == service));
            truths.push(k6_quantile(&mut own.map(|own| own.seconds).collect::<Vec<_>>(), q));
        }
    }
    truths
}

/// Buckets are 9.05 % wide.
fn same_bucket(shown: f64, truth: f64) -> bool {
    (shown / truth).max(truth / shown) < 1.091
}

const PERCENTILES: [(&str, Option<&str>, f64); 8] = [
    ("p50", None, 0.5),
    ("p95", None, 0.95),
    ("p99", None, 0.99),
    ("p95{service=slow}", Some("slow"), 0.95),
    ("p95{service=shop}", Some("shop"), 0.95),
    ("p95{service=late}", Some("late"), 0.95),
    ("p95{service=gone}", Some("gone"), 0.95),
    ("p95{service=many}", Some("many"), 0.95),
];

fn value(values: &Values, key: &str) -> Option<f64> {
    values.get(&SeriesKey::try_from(key.to_owned()).unwrap()).copied()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_frame_agrees_with_k6s_own_record_of_its_requests() {
    let dir = StateDir::new();
    let target = Target::start().await;
    let (config, store, prometheus) = prometheus(dir.path(), &target).await;
    let url = store.borrow().url.clone().unwrap();
    let live = Live::start(&config, store.clone(), RunFeed::default());
    let mut stream = live.board.subscribe(None);
    let thresholds = ["http_req_duration:p(95)<100", "http_req_duration:p(50)<100", "http_reqs:count>1"];
    let mut test = run("r-hard", 20, &thresholds);
    let (details, at_work) = (live.details.clone(), test.clone());
    let frames = tokio::spawn(async move {
        let mut told: BTreeMap<Millis, Arc<Detail>> = BTreeMap::new();
        let mut frames: BTreeMap<Millis, Frame> = BTreeMap::new();
        while let Some(bytes) = stream.next().await {
            let detail = details.of(&at_work);
            told.extend(detail.map(|detail| (detail.at_ms, detail)));
            let text = std::str::from_utf8(&bytes).unwrap();
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            if let Message::Tick(tick) = serde_json::from_str(data).unwrap()
                && tick.record
            {
                frames.entry(tick.frame.at_ms).or_insert(tick.frame);
            }
        }
        (frames, told)
    });

    let script = dir.path().join("hard.js");
    std::fs::write(&script, SCRIPT).unwrap();
    let json = dir.path().join("k6.json");
    let mut k6 = k6_run(&script, "r-hard", &target, &url, true);
    let mut k6 = k6.arg("--out").arg(format!("json={}", json.display())).spawn().unwrap();
    live.feed(&test, k6.id().into_iter().collect());
    k6.wait().await.unwrap();
    test.state = RunState::Finished(Verdict::Passed);
    test.ended_ms = Some(now_ms());
    live.feed(&test, Vec::new());
    let requests = record(&json);
    let total = poll::round(requests.len() as f64);
    until(5, "every request is counted", || live.observed(thresholds[2]).filter(|seen| seen.value == Some(total)))
        .await;
    until(8, "the run is over for the hub", || {
        let history = live.board.snapshot().history.clone();
        history.at_ms.last().filter(|at| Some(**at) > test.ended_ms.map(|ended| ended + 500)).copied()
    })
    .await;
    assert_eq!(requests.len() as u64, target.served.load(Ordering::Relaxed));

    assert!(
        live.board.snapshot().status.metrics.many_series.is_some_and(|series| series > 2000),
        "names without end are told"
    );

    // The whole run's percentiles, to within a bucket.
    for (threshold, q) in [(thresholds[0], 0.95), (thresholds[1], 0.5)] {
        let truth = k6_quantile(&mut requests.iter().map(|own| own.seconds * 1e3).collect::<Vec<_>>(), q).unwrap();
        let shown = live.observed(threshold).unwrap().value.unwrap();
        assert!(same_bucket(shown, truth), "{threshold}: {shown} {truth}");
    }

    // What went to each service, and that none was out: not the one that vanished, nor the rare one.
    let totals = until(5, "the totals are there", || live.board.snapshot().status.run.as_ref()?.totals.clone()).await;
    let told = totals.services.iter().map(|told| (told.name.as_str(), told.requests, told.longest_outage_ms));
    let mut by_service: BTreeMap<&str, f64> = BTreeMap::new();
    requests.iter().for_each(|own| *by_service.entry(&own.service).or_default() += 1.0);
    let none_out = by_service.into_iter().map(|(name, sent)| (name, sent, Some(0)));
    assert_eq!(told.collect::<Vec<_>>(), none_out.collect::<Vec<_>>());

    let whole = live.details.of(&test).expect("the run in detail");
    assert_agrees(&whole, &requests, &test);
    assert!(whole.left_out && whole.endpoints.len() <= 500, "names without end are not all told apart");

    let live_history = live.board.snapshot().history.clone();
    live.end().await;
    let (frames, told) = frames.await.unwrap();
    assert_recent_agree(&told, &requests);
    let started_ms = test.started_ms.unwrap();
    let mut marks = vec![started_ms];
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (at_ms, frame) in frames.iter().filter(|(_, frame)| value(&frame.values, "rps").is_some_and(|rps| rps > 0.0)) {
        let base = *marks.iter().rev().find(|mark| **mark + 5000 <= at_ms + 250).unwrap_or(&started_ms);
        marks.push(*at_ms);
        for (key, service, q) in PERCENTILES {
            let shown = value(&frame.values, key);
            let truths = truths(&requests, service, q, base, *at_ms);
            let fits = truths.iter().any(|truth| match (shown, truth) {
                (Some(shown), Some(truth)) => same_bucket(shown, *truth),
                (shown, truth) => shown == *truth,
            });
            *compared.entry(key).or_default() += usize::from(shown.is_some());
            if !fits {
                wrong.push(format!("{key} at {} ms: {shown:?} instead of {truths:?}", at_ms - started_ms));
            }
        }
    }
    println!("frames compared, by series: {compared:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared["p95"] >= 15 && compared["p95{service=slow}"] >= 10 && compared["p95{service=late}"] >= 8);

    // A dashboard that comes later draws the same curves.
    let live = Live::start(&config, store.clone(), RunFeed { run: Some(test.clone()), ..RunFeed::default() });
    let again = until(8, "the history is read again", || {
        Some(live.board.snapshot().history.clone()).filter(|history| history.at_ms.len() > 15)
    })
    .await;
    let read = until(5, "the detail is read again", || live.details.of(&test)).await;
    assert_agrees(&read, &requests, &test);
    live.end().await;
    for key in ["rps", "p50", "p95{service=slow}", "p95{service=many}", "rps{service=late}"] {
        assert_same_curve(key, &live_history, &again, started_ms);
    }
    let vus = |history: &History| -> BTreeMap<Millis, f64> {
        let values = &history.series[&SeriesKey::whole(Metric::Vus)];
        let points = history.counted_ms.iter().zip(values).filter_map(|(at, value)| Some((*at, (*value)?)));
        points.filter(|(at, _)| *at < test.ended_ms.unwrap() - 500).collect()
    };
    let (first, second) = (vus(&live_history), vus(&again));
    let both: Vec<_> = first.iter().filter(|(at, _)| second.contains_key(at)).collect();
    assert!(both.len() >= 15, "{first:?} {second:?}");
    assert!(both.iter().all(|(at, value)| second[at] == **value), "{first:?} {second:?}");

    prometheus.token.cancel();
    prometheus.tasks.close();
    prometheus.tasks.wait().await;
}

/// What each endpoint came to over the whole run, by k6's own record.
fn assert_agrees(detail: &Detail, requests: &[Request], run: &Run) {
    for name in ["slow", "shop", "late", "gone"] {
        let own = requests.iter().filter(|own| own.service == name);
        let mut seconds = own.map(|own| own.seconds).collect::<Vec<_>>();
        let told = detail.endpoints.iter().find(|endpoint| endpoint.name == name).expect(name);
        assert_eq!((told.method.as_str(), told.status.as_str(), told.recent), ("GET", "200", None), "{name}");
        let figures = told.whole;
        assert_eq!((figures.requests, figures.failed), (seconds.len() as f64, 0.0), "{name}");
        let elapsed_s = run.elapsed_s(detail.at_ms);
        assert!((figures.rate.unwrap() * elapsed_s / seconds.len() as f64 - 1.0).abs() < 0.01, "{name}: {figures:?}");
        for (shown, q) in [
            (figures.min_s, 0.0),
            (figures.p50_s, 0.5),
            (figures.p95_s, 0.95),
            (figures.p99_s, 0.99),
            (figures.max_s, 1.0),
        ] {
            let truth = k6_quantile(&mut seconds, q).unwrap();
            assert!(same_bucket(shown.unwrap(), truth), "{name} {q}: {shown:?} instead of {truth}");
        }
    }
    let all: f64 = detail.durations.iter().map(|bin| bin.count).sum();
    assert_eq!(all, requests.len() as f64, "{:?}", detail.durations);
    for bin in &detail.durations {
        // At the very edge a value may fall into either.
        let within = |slack: f64| {
            requests.iter().filter(move |own| own.seconds > bin.from * slack && own.seconds <= bin.to / slack)
        };
        let (fewest, most) = (within(1.0 + 1e-9).count() as f64, within(1.0 - 1e-9).count() as f64);
        assert!((fewest..=most).contains(&bin.count), "{bin:?}: {fewest} to {most}");
    }
}

/// What each endpoint came to over the last seconds, whenever somebody looked, by k6's own record.
fn assert_recent_agree(told: &BTreeMap<Millis, Arc<Detail>>, requests: &[Request]) {
    let (mut compared, mut wrong) = (0, Vec::new());
    for (at_ms, detail) in told {
        let Some(recent_ms) = detail.recent_ms else { continue };
        let from_ms = at_ms - Millis::from(recent_ms);
        for name in ["slow", "shop", "late", "gone"] {
            let told = detail.endpoints.iter().find(|endpoint| endpoint.name == name);
            let figures = told.and_then(|endpoint| endpoint.recent).unwrap_or_default();
            let counts = counts(requests, name, from_ms, *at_ms);
            if !counts.contains(&(figures.requests as usize)) {
                wrong.push(format!("{name} at {at_ms}: {} requests instead of {counts:?}", figures.requests));
            }
            let truths = truths(requests, Some(name), 0.95, from_ms, *at_ms);
            let fits = truths.iter().any(|truth| match (figures.p95_s, truth) {
                (Some(shown), Some(truth)) => same_bucket(shown, *truth),
                (shown, truth) => shown == *truth,
            });
            compared += usize::from(figures.p95_s.is_some());
            if !fits {
                wrong.push(format!("{name} at {at_ms}: p95 {:?} instead of {truths:?}", figures.p95_s));
            }
        }
    }
    println!("endpoints compared over the last seconds: {compared}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared >= 30, "{compared}");
}

/// How many requests ended in `(from, to]`, with those at the edges in and out.
fn counts(requests: &[Request], service: &str, from: Millis, to: Millis) -> RangeInclusive<usize> {
    let within = |from: Millis, to: Millis| {
        let own = requests.iter().filter(|own| own.service == service);
        own.filter(|own| own.ended_ms > from && own.ended_ms <= to).count()
    };
    within(from, to - PASSED_ON_MS)..=within(from - PASSED_ON_MS, to)
}

/// A stored sample's push is known to within this much, and k6's pushes come late on a busy machine.
const PUSHED_WITHIN_MS: Millis = 500;

/// Two histories draw the same curve of a series: where a row of one was true, the other passes through the same height, in
/// the window of a row of its own or on a straight line between two of them.
fn assert_same_curve(key: &str, a: &History, b: &History, started_ms: Millis) {
    let series = SeriesKey::try_from(key.to_owned()).unwrap();
    let rows = |history: &History| -> Vec<(Millis, f64)> {
        let values = &history.series[&series];
        history.times(series.metric).zip(values).filter_map(|(at, value)| Some((at, (*value)?))).collect()
    };
    let (a, b, windows) = (rows(a), rows(b), b.spans(series.metric).zip(&b.series[&series]).collect::<Vec<_>>());
    let line = |at: Millis| {
        let pair = b.windows(2).find(|pair| (pair[0].0..=pair[1].0).contains(&at))?;
        let ((from, before), (to, after)) = (pair[0], pair[1]);
        Some(before + (after - before) * (at - from) as f64 / (to - from) as f64)
    };
    let (mut both, mut off) = (0, Vec::new());
    for (at, shown) in &a {
        let Some(between) = line(*at) else { continue };
        both += 1;
        let near = at.saturating_sub(PUSHED_WITHIN_MS)..=at + PUSHED_WITHIN_MS;
        let passed = b.iter().filter(|(at, _)| near.contains(at)).map(|(_, value)| *value);
        let edges = [line(*near.start()), line(*near.end())].into_iter().flatten();
        let holding = windows.iter().filter(|((from, to), _)| (from..=to).contains(&at));
        let heights: Vec<f64> =
            holding.filter_map(|(_, value)| **value).chain(passed).chain(edges).chain([between]).collect();
        let (lowest, highest) =
            heights.iter().fold((between, between), |(low, high), value| (low.min(*value), high.max(*value)));
        if *shown < 0.9 * lowest || *shown > highest / 0.9 {
            off.push((at - started_ms, *shown, lowest, highest));
        }
    }
    assert!(both >= 8, "{key}: only {both} rows in common: {a:?} {b:?}");
    assert!(off.len() <= both / 10, "{key} differs in {} of {both}: {off:?}", off.len());
}
