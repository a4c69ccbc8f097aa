use crate::domain::{
    detail::{Cause, Check, Column, Detail, Endpoint, Failure, Figures, Order},
    histogram::{Bucket, Histogram},
};

fn endpoint(name: &str, status: &str, requests: f64, p95_s: Option<f64>, recent: Option<f64>) -> Endpoint {
    let figures = |requests| Figures { requests, p95_s, ..Figures::default() };
    Endpoint {
        method: "GET".into(),
        name: name.into(),
        status: status.into(),
        whole: figures(requests),
        recent: recent.map(figures),
    }
}

fn detail() -> Detail {
    let endpoints = vec![
        endpoint("b", "200", 9.0, Some(0.2), Some(0.0)),
        endpoint("a", "503", 2.0, None, Some(2.0)),
        endpoint("a", "200", 9.0, Some(0.4), Some(1.0)),
    ];
    Detail { recent_ms: Some(5000), endpoints, ..Detail::default() }
}

#[test]
fn columns_are_listed_in_their_order() {
    for (place, (column, id)) in Column::ALL.iter().enumerate() {
        assert_eq!((*column as usize, column.id()), (place, *id));
    }
}

#[test]
fn endpoints_stand_in_the_order_that_is_asked_for() {
    for (order, expected) in [
        ("requests-down", "a200 b200 a503"),
        ("requests-up", "a503 a200 b200"),
        ("name-up", "a200 a503 b200"),
        ("name-down", "b200 a503 a200"),
        ("status-down", "a503 a200 b200"),
        ("method-up", "a200 a503 b200"),
        // What is not known is neither large nor small.
        ("p95-down", "a200 b200 a503"),
        ("p95-up", "b200 a200 a503"),
        ("max-down", "a200 a503 b200"),
        // What nobody asked for in the last seconds is not there.
        ("requests-down-recent", "a503 a200"),
        ("nonsense", "a200 b200 a503"),
        ("p95-sideways", "a200 b200 a503"),
        ("", "a200 b200 a503"),
    ] {
        let detail = detail();
        let told = detail.sorted(Order::named(order));
        let told = told.iter().map(|(own, _)| format!("{}{}", own.name, own.status)).collect::<Vec<_>>().join(" ");
        assert_eq!(told, expected, "{order}");
    }
}

#[test]
fn an_order_is_read_as_it_is_written_and_turns_when_its_column_is_pressed_again() {
    for (column, _) in Column::ALL {
        for (down, recent) in [(true, true), (true, false), (false, true), (false, false)] {
            let order = Order { column, down, recent };
            assert_eq!(Order::named(&order.to_string()), order);
            assert_eq!(order.pressed(column), Order { down: !down, ..order });
        }
    }
    let pressed = Order::default().pressed(Column::Name);
    assert_eq!(pressed.to_string(), "name-up");
    assert_eq!(pressed.pressed(Column::P95).to_string(), "p95-down");
}

#[test]
fn without_requests_there_are_no_times_and_no_share() {
    let none = Figures::of(0.0, 0.0, &Histogram::default(), 5.0);
    assert_eq!((none.rate, none.p95_s, none.max_s), (Some(0.0), None, None));
    assert_eq!(Figures::of(3.0, 1.0, &Histogram::default(), 0.0).rate, None);
    let one = Histogram::new(0.1, vec![Bucket { lower: 0.1, upper: 0.109, count: 1.0 }]);
    let figures = Figures::of(1.0, 0.0, &one, 2.0);
    assert_eq!((figures.rate, figures.min_s), (Some(0.5), figures.max_s));
    assert!(figures.p50_s.is_some_and(|p50| (0.1..=0.109).contains(&p50)));
    assert_eq!(Check::default().share(), None);
    assert_eq!(Check { passes: 3.0, fails: 1.0, ..Check::default() }.share(), Some(0.75));
}

#[test]
fn why_requests_failed_follows_from_k6s_error_code() {
    for (status, code, cause) in [
        ("0", "1050", Cause::TimedOut),
        ("0", "1101", Cause::Name),
        ("0", "1211", Cause::TimedOut),
        ("0", "1212", Cause::Refused),
        ("0", "1210", Cause::NotConnected),
        ("0", "1220", Cause::Broken),
        ("0", "1201", Cause::Broken),
        ("0", "1310", Cause::Tls),
        ("503", "1503", Cause::Answer),
        ("404", "1404", Cause::Answer),
        ("200", "", Cause::Answer),
        ("0", "", Cause::Other),
        ("0", "1000", Cause::Other),
    ] {
        let failure = Failure { status: status.into(), code: code.into(), ..Failure::default() };
        assert_eq!(failure.cause(), cause, "{status} {code}");
    }
}

#[test]
fn what_is_kept_knows_nothing_of_the_last_seconds() {
    let kept = detail().whole();
    assert_eq!((kept.recent_ms, kept.endpoints.iter().filter(|own| own.recent.is_some()).count()), (None, 0));
    let json = serde_json::to_string(&kept).unwrap();
    assert!(!json.contains("recent"), "{json}");
    assert_eq!(serde_json::from_str::<Detail>(&json).unwrap(), kept);
    assert_eq!(serde_json::from_str::<Detail>("{}").unwrap(), Detail::default());
}
