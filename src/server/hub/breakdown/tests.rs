use ha_dashboard::domain::{
    detail::Order,
    histogram::Bucket,
    run::{RunState, Verdict},
};

use super::*;
use crate::server::prometheus::lab;

const START: Millis = 1_000_000;

fn at_work() -> Run {
    Run { started_ms: Some(START), ..lab::run("r-1", 60, &[]) }
}

fn labels(name: &str, more: &[(&str, &str)]) -> Labels {
    let all = std::iter::once(("__name__", name)).chain(more.iter().copied());
    all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn answered(name: &str, status: &str, more: &[(&str, &str)]) -> Labels {
    let expected = if status == "200" { "true" } else { "false" };
    let own = [("method", "GET"), ("name", name), ("status", status), ("expected_response", expected)];
    labels(REQUESTS, &own.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

/// A push of so many requests of each series, `second` seconds after the start.
fn push(shared: &Shared, second: Millis, came: &[(Labels, f64)]) {
    let (mut breakdown, at_ms) = (shared.open(), START + second * 1000);
    for (labels, more) in came {
        let place = breakdown.place(labels);
        breakdown.take(place, at_ms, &Came::Number(*more));
    }
    breakdown.end_push(at_ms);
}

fn shared() -> Shared {
    let shared = Shared::new(Duration::from_secs(5));
    shared.open().started(Some(START));
    shared
}

#[test]
fn failures_know_when_they_began_and_were_seen_last() {
    let shared = shared();
    let (good, refused) = (answered("home", "200", &[]), answered("home", "0", &[("error_code", "1212")]));
    let broken = answered("home", "503", &[("error_code", "1503")]);
    push(&shared, 1, &[(good.clone(), 8.0)]);
    push(&shared, 2, &[(good.clone(), 8.0), (refused.clone(), 2.0)]);
    push(&shared, 4, &[(refused.clone(), 1.0), (broken.clone(), 1.0)]);
    // A series that tells nothing new is not seen again.
    push(&shared, 9, &[(good, 8.0), (refused, 0.0)]);
    let told = shared.detail(&at_work()).unwrap();
    let failures = told.failures.iter().map(|own| {
        let seconds = |at_ms: Millis| (at_ms - START) / 1000;
        (own.status.as_str(), own.code.as_str(), own.requests, seconds(own.first_ms), seconds(own.last_ms))
    });
    assert_eq!(failures.collect::<Vec<_>>(), [("0", "1212", 3.0, 2, 4), ("503", "1503", 1.0, 4, 4)]);
    let rows = told.sorted(Order::named("requests-down"));
    let rows = rows.iter().map(|(own, figures)| (own.status.as_str(), figures.requests, figures.failed));
    assert_eq!(rows.collect::<Vec<_>>(), [("200", 24.0, 0.0), ("0", 3.0, 3.0), ("503", 1.0, 1.0)]);
}

#[test]
fn the_last_seconds_begin_where_a_push_ended() {
    let shared = shared();
    let home = answered("home", "200", &[]);
    for second in 1..=8 {
        push(&shared, second, &[(home.clone(), second as f64)]);
    }
    let told = shared.detail(&at_work()).unwrap();
    let recent = told.endpoints[0].recent.unwrap();
    assert_eq!(told.recent_ms, Some(5000));
    assert_eq!((recent.requests, recent.rate), (4.0 + 5.0 + 6.0 + 7.0 + 8.0, Some(6.0)));
    assert_eq!((told.endpoints[0].whole.requests, told.endpoints[0].whole.rate), (36.0, Some(4.5)));
    // Nothing came for long: an average over the gap would not be the value now.
    push(&shared, 30, &[(home, 1.0)]);
    assert_eq!(shared.detail(&at_work()).unwrap().recent_ms, None);
}

#[test]
fn whoever_looks_gets_the_same_until_the_next_push() {
    let (shared, details, run) = (shared(), Details::default(), at_work());
    details.show(&run.id, Some(&shared));
    assert_eq!(details.of(&run), None, "nothing came yet");
    push(&shared, 1, &[(answered("home", "200", &[]), 1.0)]);
    let (one, other) = (details.of(&run).unwrap(), details.of(&run).unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    // Once it is over there are no last seconds.
    let over = Run { state: RunState::Finished(Verdict::Passed), ended_ms: Some(START + 2000), ..run.clone() };
    let told = details.of(&over).unwrap();
    assert_eq!((told.recent_ms, told.endpoints[0].whole.rate), (None, Some(0.5)));
    details.show(&run.id, None);
    assert!(details.of(&over).is_some(), "it stays when it is no longer counted");
    details.show(&"r-2".parse().unwrap(), None);
    assert_eq!(details.of(&over), None);
}

#[test]
fn more_names_than_are_told_apart_only_count_into_the_whole() {
    let shared = shared();
    let many = (0..COUNTED + 50).map(|number| {
        let often = if number == COUNTED - 1 { 9.0 } else { 1.0 };
        (answered(&format!("page-{number}"), "503", &[]), often)
    });
    push(&shared, 1, &many.collect::<Vec<_>>());
    let checks = (0..CHECKED + 5).map(|number| {
        let name = format!("check {number}");
        (labels(CHECKS, &[("check", &name), ("result", "pass")]), 1.0)
    });
    push(&shared, 2, &checks.collect::<Vec<_>>());
    let mut breakdown = shared.open();
    let own = [("method", "GET"), ("name", "page-none"), ("status", "200")];
    let place = breakdown.place(&labels(DURATIONS, &own));
    let one = Histogram::new(0.1, vec![Bucket { lower: 0.1, upper: 0.109, count: 1.0 }]);
    breakdown.take(place, START + 3000, &Came::Durations(&one));
    breakdown.end_push(START + 3000);
    drop(breakdown);
    let told = shared.detail(&at_work()).unwrap();
    assert_eq!((told.endpoints.len(), told.failures.len(), told.checks.len()), (ENDPOINTS, FAILURES, CHECKED));
    assert!(told.left_out);
    let most = told.sorted(Order::default())[0];
    assert_eq!((most.0.name.as_str(), most.1.requests), ("page-4999", 9.0), "what comes late and often is told");
    assert_eq!(told.durations.iter().map(|bin| bin.count).sum::<f64>(), 1.0);
}

#[test]
fn names_are_bounded_and_checks_are_counted() {
    let shared = shared();
    let long = "<b>\u{202e}x".repeat(2_500);
    let check = |result| labels(CHECKS, &[("check", "status is 200"), ("result", result)]);
    push(&shared, 1, &[(answered(&long, "200", &[]), 1.0), (check("pass"), 7.0), (check("fail"), 3.0)]);
    push(&shared, 2, &[(check("pass"), 1.0)]);
    let told = shared.detail(&at_work()).unwrap();
    assert_eq!(told.endpoints[0].name.chars().count(), NAME);
    assert_eq!(told.checks, [Check { name: "status is 200".into(), passes: 8.0, fails: 3.0 }]);
    assert!(!told.left_out);
}
