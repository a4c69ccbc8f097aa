//! Counting, without a store.

use std::collections::HashMap;

use ha_dashboard::domain::histogram::{Bucket, Histogram};
use proptest::prelude::*;

use super::*;
use crate::server::{
    hub::window::Values,
    prometheus::{
        client::Labels,
        lab,
        queries::{DURATIONS, REQUESTS, VUS},
    },
};

const START: Millis = 1_000_000;

fn labels(name: &str, labels: &[(&str, &str)]) -> Labels {
    let all = std::iter::once(("__name__", name)).chain(labels.iter().copied());
    all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn at(seconds: f64) -> Millis {
    START + (seconds * 1000.0).round() as Millis
}

fn series(name: &str, more: &[(&str, &str)], at_s: f64, value: f64) -> Series {
    Series { labels: labels(name, more), points: vec![(at(at_s), value)], histograms: Vec::new() }
}

fn requests(status: &str, at_s: f64, value: f64) -> Series {
    let expected = if status == "200" { "true" } else { "false" };
    series(REQUESTS, &[("service", "shop"), ("status", status), ("expected_response", expected)], at_s, value)
}

/// A run's count and its last values.
struct Seen {
    count: Count,
    values: Values,
}

impl Seen {
    fn new(thresholds: &[&str]) -> Self {
        let run = Run { started_ms: Some(START), ..lab::run("r-1", 60, thresholds) };
        Self { count: Count::new(&run, Duration::from_secs(5), true), values: Values::new() }
    }

    fn push(&mut self, series: Vec<Series>) {
        self.values = self.count.observe(series).expect("something new").values;
    }

    fn get(&self, key: &str) -> Option<f64> {
        self.values.get(&SeriesKey::try_from(key.to_owned()).unwrap()).copied()
    }

    fn readings(&self, elapsed_s: f64) -> Vec<Option<f64>> {
        self.count.ledger.readings(elapsed_s).iter().map(|reading| reading.map(|reading| reading.value)).collect()
    }
}

#[test]
fn the_first_push_counts_from_the_start() {
    let mut seen = Seen::new(&[]);
    seen.push(vec![requests("200", 1.0, 50.0), series(VUS, &[], 0.9, 7.0)]);
    assert_eq!(seen.get("rps"), Some(50.0));
    assert_eq!(seen.get("vus"), Some(7.0));
    assert_eq!(seen.get("dropped"), Some(0.0));
    assert_eq!(seen.get("iterations"), None, "no data is not 0");
    assert!(seen.count.observe(vec![requests("200", 1.0, 50.0)]).is_none(), "nothing new is no frame");
}

#[test]
fn a_sample_keeps_its_own_time() {
    let mut seen = Seen::new(&[]);
    let frame = seen.count.observe(vec![requests("200", 1.9, 50.0), series(VUS, &[], 1.0, 7.0)]).unwrap();
    assert_eq!((frame.at_ms, frame.counted_ms), (at(1.9), Some(at(1.0))));
}

#[test]
fn a_late_and_rare_series_counts_in_full() {
    let mut seen = Seen::new(&["http_reqs:count>1", "http_req_failed:rate<1"]);
    for second in 1..=10 {
        seen.push(vec![requests("200", f64::from(second), f64::from(second) * 10.0)]);
    }
    assert_eq!(seen.get("failed"), Some(0.0));
    seen.push(vec![requests("200", 11.0, 108.0), requests("500", 11.0, 2.0)]);
    assert_eq!(seen.get("failed"), Some(2.0 / 50.0));
    assert_eq!(seen.get("rps"), Some(10.0));
    assert_eq!(seen.get("rps{status=500}"), Some(0.4));
    for second in 12..=20 {
        seen.push(vec![requests("200", f64::from(second), f64::from(second) * 10.0)]);
    }
    assert_eq!(seen.get("failed{service=shop}"), Some(0.0));
    assert_eq!(seen.get("rps{status=500}"), Some(0.0), "what came once has a rate of 0 from then on");
    // It was quiet for 600 s; only its own new request counts.
    seen.push(vec![requests("200", 620.0, 7000.0), requests("500", 620.0, 3.0)]);
    assert_eq!(seen.get("rps"), None, "a mean over a gap is not the value now");
    seen.push(vec![requests("200", 621.0, 7009.0), requests("500", 621.0, 4.0)]);
    assert_eq!(seen.get("rps"), Some(10.0));
    assert_eq!(seen.readings(621.0), [Some(7013.0), Some(4.0 / 7013.0)]);
}

#[test]
fn jittering_pushes_give_a_steady_rate() {
    let mut seen = Seen::new(&[]);
    for (at, count) in [(0.9, 90.0), (2.1, 210.0), (2.9, 290.0), (4.05, 405.0), (5.0, 500.0), (6.1, 610.0)] {
        seen.push(vec![requests("200", at, count)]);
        assert_eq!(seen.get("rps"), Some(100.0));
    }
}

#[test]
fn rates_are_calm_in_a_steady_load_and_jump_with_it() {
    let mut seen = Seen::new(&[]);
    let mut total = 0.0;
    // Requests that come in each second, as they scatter; then a spike, and back.
    let steady = [21.0, 17.0, 26.0, 15.0, 19.0, 23.0, 20.0];
    let spike = [205.0, 190.0, 210.0];
    let mut shown = Vec::new();
    for (second, more) in steady.iter().chain(&spike).chain(&[18.0, 22.0]).enumerate() {
        total += more;
        let frame = seen.count.observe(vec![requests("200", second as f64 + 1.0, total)]).unwrap();
        shown.push((frame.values[&SeriesKey::whole(Metric::RequestRate)], frame.rates_ms.unwrap()));
    }
    assert_eq!(shown[4..7], [(19.6, 5000), (20.0, 5000), (20.6, 5000)]);
    assert_eq!(shown[7..], [(205.0, 1000), (197.5, 2000), (201.67, 3000), (18.0, 1000), (20.0, 2000)]);
    // A service that begins to fail, or falls silent beside a busy one, is a jump, too.
    let mut seen = Seen::new(&[]);
    let mut push = |second: u32, ok: f64, failed: f64, other: f64| {
        let other = series(REQUESTS, &[("service", "other"), ("status", "200")], f64::from(second), other);
        seen.count.observe(vec![requests("200", second.into(), ok), requests("500", second.into(), failed), other])
    };
    let mut frames = (1..=5)
        .map(|second| push(second, f64::from(second) * 40.0, 0.0, f64::from(second) * 900.0))
        .collect::<Vec<_>>();
    frames.push(push(6, 210.0, 30.0, 5400.0));
    frames.push(push(7, 220.0, 60.0, 6300.0));
    frames.push(push(8, 220.0, 60.0, 7200.0));
    let key = |key: &str| SeriesKey::try_from(key.to_owned()).unwrap();
    let value = |frame: &Option<Frame>, name: &str| frame.as_ref().unwrap().values.get(&key(name)).copied();
    let failed: Vec<_> = frames.iter().map(|frame| value(frame, "failed{service=shop}")).collect();
    assert_eq!(failed[3..], [Some(0.0), Some(0.0), Some(0.75), Some(0.75), None]);
    assert_eq!(value(&frames[7], "rps{service=shop}"), Some(0.0));
}

#[test]
fn requests_that_hang_let_the_rate_fall_to_zero() {
    let mut seen = Seen::new(&[]);
    for second in 1..=16_u32 {
        let mut pushed = vec![series(VUS, &[], f64::from(second), 5.0)];
        if second <= 10 {
            pushed.push(requests("200", f64::from(second), f64::from(second) * 10.0));
        }
        seen.push(pushed);
    }
    assert_eq!(seen.get("rps"), Some(0.0));
    assert_eq!(seen.get("failed"), None, "no requests, no share");
}

#[test]
fn instances_add_up_and_ended_ones_drop_out_of_the_vus() {
    let mut seen = Seen::new(&[]);
    let vus = |instance: &str, at, value| series(VUS, &[("instance", instance)], at, value);
    seen.push(vec![vus("1", 1.0, 10.0), vus("2", 1.2, 5.0)]);
    assert_eq!(seen.get("vus"), Some(15.0));
    seen.push(vec![vus("1", 4.0, 10.0), vus("2", 1.2, 5.0)]);
    assert_eq!(seen.get("vus"), Some(10.0));
}

#[test]
fn who_joins_in_the_middle_takes_nothing_for_new() {
    let run = Run { started_ms: Some(START), ..lab::run("r-1", 60, &[]) };
    let mut count = Count::joining(&run, Duration::from_secs(5), true);
    assert_eq!(count.observe(vec![requests("200", 3.0, 9000.0)]).unwrap().values, Values::new());
    let after = count.observe(vec![requests("200", 4.0, 9010.0), requests("500", 4.0, 10.0)]).unwrap();
    assert_eq!(after.values[&SeriesKey::whole(Metric::RequestRate)], 20.0);
    assert_eq!(after.values[&SeriesKey::whole(Metric::FailedShare)], 0.5);
}

#[test]
fn percentiles_of_several_gauges_are_not_put_together() {
    let thresholds = ["http_req_duration:p(95)<1", "http_req_duration:max<1"];
    let run = Run { started_ms: Some(START), ..lab::run("r-1", 60, &thresholds) };
    let mut seen = Seen { count: Count::new(&run, Duration::from_secs(5), false), values: Values::new() };
    let gauge = |stat: &str, service: &str, value| {
        series(&format!("k6_http_req_duration_{stat}"), &[("service", service)], 1.0, value)
    };
    seen.push(vec![gauge("p95", "a", 0.2), gauge("max", "a", 0.3)]);
    assert_eq!(seen.readings(1.0), [Some(200.0), Some(300.0)]);
    seen.push(vec![gauge("p95", "b", 0.4), gauge("max", "b", 0.5)]);
    assert_eq!(seen.readings(1.0), [None, Some(500.0)]);
}

#[test]
fn thresholds_see_the_series_of_their_tags_and_of_what_only_the_script_knows() {
    let rules = [
        "http_reqs{service:shop}:count>1",
        "http_req_failed{service:shop,status:500}:rate<1",
        "http_reqs{service:none}:count>1",
        "http_req_duration{service:shop}:max<1",
        "my_time:max<1",
        "my_size:avg<1",
        "my_size{a:b}:max<1",
        "my_share:rate<1",
        "my_count:rate<1",
        "my_gauge:value<1",
        "vus:value<1",
    ];
    let mut seen = Seen::new(&rules);
    let histogram = |name: &str, more: &[(&str, &str)], value: f64| {
        let histogram = Histogram::new(value, vec![Bucket { lower: value, upper: value, count: 1.0 }]);
        Series { labels: labels(name, more), points: vec![], histograms: vec![(at(2.0), histogram)] }
    };
    // As k6 v1.1 names them: times in seconds, shares and counters by their kind, anything else as it is.
    seen.push(vec![
        requests("200", 2.0, 30.0),
        requests("500", 2.0, 10.0),
        series(REQUESTS, &[("service", "other")], 2.0, 100.0),
        series(VUS, &[], 2.0, 7.0),
        histogram(DURATIONS, &[("service", "shop")], 0.5),
        histogram(DURATIONS, &[("service", "other")], 4.0),
        histogram("k6_my_time_seconds", &[], 0.25),
        histogram("k6_my_size", &[("a", "b")], 10.0),
        histogram("k6_my_size", &[("a", "c")], 20.0),
        series("k6_my_share_rate", &[], 2.0, 0.75),
        series("k6_my_count_total", &[], 2.0, 12.0),
        series("k6_my_gauge", &[], 2.0, -3.0),
        series("k6_iterations_total", &[("scenario", "a")], 2.0, 123_456.0),
        series("k6_iterations_total", &[("scenario", "b")], 2.0, 1.0),
    ]);
    let expected = [
        Some(40.0),
        Some(1.0),
        None,
        Some(500.0),
        Some(250.0),
        Some(15.0),
        Some(10.0),
        Some(0.75),
        Some(3.0),
        Some(-3.0),
        Some(7.0),
    ];
    let readings = seen.readings(4.0);
    for ((rule, expected), reading) in rules.iter().zip(expected).zip(&readings) {
        assert_eq!(reading, &expected, "{rule}");
    }
    assert_eq!(seen.get("iterations_done"), Some(123_457.0), "to the last digit");
    seen.push(vec![series("k6_my_gauge", &[("a", "b")], 3.0, 5.0), series("k6_iterations_total", &[], 3.0, 1.0)]);
    assert_eq!(seen.readings(4.0)[9], None, "which of them came last nobody knows");
}

#[test]
fn a_script_that_makes_services_without_end_does_not_fill_the_picture() {
    let mut seen = Seen::new(&[]);
    let many = (0..300).map(|i| series(REQUESTS, &[("service", &format!("s-{i}"))], 1.0, 1.0)).collect();
    seen.push(many);
    assert_eq!(seen.get("rps"), Some(300.0));
    assert!(seen.values.len() < 120, "{}", seen.values.len());
}

#[test]
fn a_script_that_makes_series_without_end_gets_no_half_numbers() {
    let mut seen = Seen::new(&["http_reqs:count>1", "iterations:count>1"]);
    let push = |at_s: u32, names: std::ops::Range<usize>| {
        let named = names.map(|i| series(REQUESTS, &[("name", &i.to_string())], f64::from(at_s), 1.0));
        let done = series("k6_iterations_total", &[], f64::from(at_s), f64::from(at_s) * 10.0);
        named.chain([series(VUS, &[], f64::from(at_s), 3.0), done]).collect()
    };
    seen.push(push(1, 0..1000));
    assert_eq!((seen.get("rps"), seen.readings(1.0)), (Some(1000.0), vec![Some(1000.0), Some(10.0)]));
    seen.push(push(2, 1000..Ledger::MOST + 1000));
    assert_eq!((seen.get("rps"), seen.get("failed")), (None, None));
    // These have no series that was left out.
    assert_eq!(
        (seen.get("vus"), seen.get("iterations"), seen.get("iterations_done")),
        (Some(3.0), Some(10.0), Some(20.0))
    );
    assert_eq!(seen.readings(2.0), [None, Some(20.0)]);
    assert_eq!(seen.count.series(), Ledger::MOST, "memory is bounded");
}

#[test]
fn a_counter_that_begins_anew_counts_from_there() {
    let mut seen = Seen::new(&[]);
    let done = |scenario: &str, at_s, value| series("k6_iterations_total", &[("scenario", scenario)], at_s, value);
    seen.push(vec![done("a", 1.0, 10.0), done("b", 1.0, 5.0)]);
    seen.push(vec![done("a", 2.0, 2.0)]);
    assert_eq!(seen.get("iterations_done"), Some(7.0));
    let run = Run { started_ms: Some(START), ..lab::run("r-1", 60, &[]) };
    let mut joining = Count::joining(&run, Duration::from_secs(5), true);
    let frame = joining.observe(vec![done("a", 3.0, 900.0)]).unwrap();
    assert_eq!(frame.values[&SeriesKey::whole(Metric::IterationCount)], 900.0, "what was before counts into the whole");
}

/// A request as k6 sees it.
#[derive(Debug, Clone)]
struct Request {
    /// When it ended, in ms since the start.
    ended_ms: u64,
    seconds: f64,
    service: &'static str,
    status: u16,
}

/// What k6 pushes every second: the cumulative values of the series that have a new sample, at their last one's time.
fn pushes(requests: &[Request], length_s: u64) -> Vec<Vec<Series>> {
    const GROWTH: f64 = 1.090_507_732_665_257_7;
    let mut known: HashMap<(&str, u16), (f64, Histogram)> = HashMap::new();
    (1..=length_s)
        .map(|second| {
            let mut changed: HashMap<(&str, u16), u64> = HashMap::new();
            for request in requests.iter().filter(|r| r.ended_ms.div_ceil(1000).max(1) == second) {
                let series = (request.service, request.status);
                let (count, durations) = known.entry(series).or_default();
                *count += 1.0;
                let index = (request.seconds.ln() / GROWTH.ln()).ceil();
                let bucket = Bucket { lower: GROWTH.powf(index - 1.0), upper: GROWTH.powf(index), count: 1.0 };
                durations.add(&Histogram::new(request.seconds, vec![bucket]));
                let last = changed.entry(series).or_default();
                *last = request.ended_ms.max(*last);
            }
            let mut pushed = vec![series(VUS, &[], second as f64 - 0.5, 3.0)];
            for ((service, status), last) in changed {
                let (count, durations) = &known[&(service, status)];
                let (status, expected) = (status.to_string(), (status == 200).to_string());
                let tags = [("service", service), ("status", &status), ("expected_response", &expected)];
                let at_ms = START + last;
                pushed.push(Series {
                    labels: labels(REQUESTS, &tags),
                    points: vec![(at_ms, *count)],
                    histograms: vec![],
                });
                let histograms = vec![(at_ms, durations.clone())];
                pushed.push(Series { labels: labels(DURATIONS, &tags), points: vec![], histograms });
            }
            pushed
        })
        .collect()
}

fn any_requests() -> impl Strategy<Value = Vec<Request>> {
    let quick = (1..20_000_u64, 0.002..0.02_f64, Just("quick"), prop_oneof![9 => Just(200_u16), 1 => Just(500)]);
    let slow = (1..20_000_u64, 3.9..4.1_f64, Just("slow"), Just(200_u16));
    let rare = (1..20_000_u64, 0.7..0.71_f64, Just("rare"), Just(503_u16));
    let requests = prop_oneof![6 => quick, 2 => slow, 1 => rare]
        .prop_map(|(ended_ms, seconds, service, status)| Request { ended_ms, seconds, service, status });
    proptest::collection::vec(requests, 1..120)
}

proptest! {
    #[test]
    fn every_frame_tells_what_the_requests_in_its_window_were(requests in any_requests()) {
        let mut seen = Seen::new(&["http_req_duration:p(95)<500"]);
        let mut marks = vec![START];
        for push in pushes(&requests, 20) {
            let frame = seen.count.observe(push).unwrap();
            seen.values = frame.values.clone();
            let base = *marks.iter().rev().find(|mark| **mark + 5000 <= frame.at_ms + 250).unwrap_or(&START);
            marks.push(frame.at_ms);
            if frame.at_ms < base + 300 {
                continue;
            }
            let since = |base: Millis| -> Vec<&Request> {
                let within = |own: &&Request| START + own.ended_ms > base && START + own.ended_ms <= frame.at_ms;
                requests.iter().filter(within).collect()
            };
            let rates_ms = u64::from(frame.rates_ms.unwrap());
            prop_assert!(marks.contains(&(frame.at_ms - rates_ms)) && rates_ms <= frame.at_ms - base);
            let (here, seconds) = (since(frame.at_ms - rates_ms), rates_ms as f64 / 1000.0);
            let rate = |own: &dyn Fn(&Request) -> bool| {
                here.iter().filter(|request| own(request)).count() as f64 / seconds
            };
            let close = |a: Option<f64>, b: f64| (a.unwrap_or_default() - b).abs() <= 1e-4 * b.abs();
            prop_assert!(close(seen.get("rps"), rate(&|_| true)));
            for service in ["quick", "slow", "rare"] {
                let key = format!("rps{{service={service}}}");
                prop_assert!(close(seen.get(&key), rate(&|request| request.service == service)), "{key}");
            }
            let failed = here.iter().filter(|request| request.status != 200).count() as f64 / here.len() as f64;
            prop_assert_eq!(seen.get("failed").is_some(), !here.is_empty());
            prop_assert!(here.is_empty() || close(seen.get("failed"), failed));
            let here = since(base);
            prop_assert_eq!(frame.percentiles_ms, (!here.is_empty()).then_some((frame.at_ms - base) as u32));
            for (key, q, service) in [("p50", 0.5, None), ("p95", 0.95, None), ("p99", 0.99, None), ("p95{service=slow}", 0.95, Some("slow"))] {
                let mut durations: Vec<f64> = here
                    .iter()
                    .filter(|request| service.is_none_or(|service| request.service == service))
                    .map(|request| request.seconds)
                    .collect();
                let truth = lab::k6_quantile(&mut durations, q);
                match (seen.get(key), truth) {
                    (Some(shown), Some(truth)) => prop_assert!((shown / truth - 1.0).abs() < 0.1, "{key}: {shown} {truth}"),
                    (shown, truth) => prop_assert_eq!(shown, truth, "{}", key),
                }
            }
        }
        let mut all: Vec<f64> = requests.iter().map(|request| request.seconds * 1e3).collect();
        let truth = lab::k6_quantile(&mut all, 0.95).unwrap();
        let reading = seen.count.ledger.readings(20.0)[0].unwrap();
        prop_assert!(reading.lower * 0.999 <= truth && truth <= reading.upper * 1.001, "{reading:?} {truth}");
    }
}

#[test]
fn values_keep_five_digits() {
    for (value, text) in [
        (0.0, "0"),
        (0.009_728_638_104, "0.0097286"),
        (123_456_789.0, "123460000"),
        (-1.000_049, "-1"),
        (99_999.7, "100000"),
        (0.1, "0.1"),
    ] {
        assert_eq!(round(value).to_string(), text);
    }
    assert!(round(f64::NAN).is_nan());
}
