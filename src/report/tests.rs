#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::domain::{
    cost::{Absence, Cost, Detection, FaultCost, Figure, Lack, Outcome, Tally, Untold},
    detail::{Detail, Endpoint, Figures},
    event::{Event, EventKind},
    fault::{Fault, FaultEnd, FaultKind, FaultRequest, FaultState, Hypothesis},
    frame::{Dimension, Frame, SeriesKey},
    labels::Labels,
    live::Snapshot,
    plan::{Pattern, Peak, Plan, Shape},
    run::{ServiceTotals, Totals},
    schedule::Schedule,
    service::{Health, Service, ServiceStatus, Silence, Slo},
    trend,
    zoom::ZoomDraft,
};

const START: u64 = 1_700_000_000_000;
const EVIL: &str = "</style><script>alert(1)</script>\"'&";

fn run(verdict: Verdict, rules: &[(&str, Option<f64>, Option<bool>)]) -> Run {
    let peak = Peak::Vus { vus: 50 };
    let shape = Shape::Pattern { pattern: Pattern::Spike, peak, duration_s: 20, ramp_s: None };
    let seen = |(rule, value, ok): &(&str, Option<f64>, Option<bool>)| Observed {
        threshold: rule.parse().unwrap(),
        value: *value,
        ok: *ok,
        k6_ok: None,
        crossings: Vec::new(),
    };
    Run {
        id: "r-1".parse().unwrap(),
        plan: Plan {
            script: EVIL.into(),
            target: "shop".into(),
            shape,
            thresholds: vec![],
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: Some(Schedule::new(Pattern::Spike, peak, 20, None)),
        state: RunState::Finished(verdict),
        created_ms: START - 1_000,
        started_ms: Some(START),
        ended_ms: Some(START + 20_300),
        deadline_ms: START + 90_000,
        thresholds: rules.iter().map(seen).collect(),
        totals: Some(Totals { requests: Some(400.0), request_rate: Some(20.0), ..Totals::default() }),
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        correlation_id: String::new(),
    }
}

fn snapshot(run: &Run, seconds: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.status.run = Some(run.clone());
    let service = Service::new("shop", String::new());
    snapshot.status.services = vec![ServiceStatus::unknown(service, &[])];
    for second in 0..seconds {
        let shop = |metric| SeriesKey::part(metric, Dimension::Service, "shop");
        let values = [
            (SeriesKey::whole(Metric::Vus), second as f64),
            (SeriesKey::whole(Metric::P95), 0.1),
            (shop(Metric::RequestRate), 30.0),
            (shop(Metric::FailedShare), 0.25),
        ];
        snapshot.history.push(&Frame { at_ms: START + second * 1_000, values: values.into(), ..Frame::default() });
    }
    let event = |at_ms, kind| Event { at_ms, kind };
    let reason = EVIL.to_owned();
    snapshot.events = vec![
        event(START - 60_000, EventKind::MetricsBack),
        event(
            START + 5_000,
            EventKind::Health { service: "shop".into(), health: Health::Down { reason, why: Silence::Other } },
        ),
    ];
    snapshot
}

fn html(run: &Run, snapshot: &Snapshot, log: &[String], lang: Lang) -> String {
    let picture =
        RunPicture { run: run.clone(), snapshot: Arc::new(snapshot.clone()), course: Course::Known, detail: None };
    super::html(&picture, log, lang)
}

fn assert_has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part:?} is missing in {html}");
    }
}

#[test]
fn availability_is_told_by_service_beside_what_was_promised() {
    let mut run = run(Verdict::Failed, &[]);
    let shop = ServiceTotals {
        name: "shop".into(),
        requests: 4000.0,
        request_rate: Some(200.0),
        failed_share: Some(0.002),
        longest_outage_ms: Some(1300),
        ..ServiceTotals::default()
    };
    let idle = ServiceTotals { name: "idle".into(), ..ServiceTotals::default() };
    run.totals = Some(Totals { services: vec![shop, idle], ..Totals::default() });
    let mut snapshot = snapshot(&run, 3);
    snapshot.status.services[0].service.slo = Some(Slo { availability: 99.0, p95_ms: None });
    let english = html(&run, &snapshot, &[], Lang::En);
    assert_has(&english, &["99.8%, 2.7 nines", "1.3 s", "99.0% good", "80.0% left"]);
    assert_eq!(english.matches("data-testid=\"report-availability\"").count(), 1, "nobody asked the other one");
    run.totals = None;
    assert!(!html(&run, &snapshot, &[], Lang::De).contains("report-availability"), "nothing is known");
}

#[test]
fn a_failed_run_shows_limits_values_charts_and_what_happened() {
    let rules = [
        ("http_req_duration:p(95)<500", Some(812.0), Some(false)),
        ("http_req_failed:rate<0.01", Some(0.0), Some(true)),
        ("checks:rate>0.9", None, None),
    ];
    let run = run(Verdict::Failed, &rules);
    let english = html(&run, &snapshot(&run, 26), &["a quiet log".into()], Lang::En);
    assert_has(
        &english,
        &[
            r#"<html lang="en""#,
            "<title>Load test report: shop</title>",
            r#"data-verdict="failed""#,
            "1 of 3 thresholds did not hold",
            "Request time-out<!></dt><dd>3 s<!></dd>",
            r#"data-threshold="http_req_duration:p(95)&lt;500" data-ok="false""#,
            "812 ms",
            "Not measured",
            // Seconds 0 to 21: what comes after the end is an echo.
            r#"data-testid="chart-latency" data-points="22""#,
            "p95 &lt; 500 ms",
            "<polyline",
            "shop: Down",
            "00:05",
            "25.0%",
        ],
    );
    assert!(!english.contains("Metrics are back"), "before the run");
    assert!(!english.contains(r#"data-testid="log""#), "k6 did not crash");
    assert_has(&english, &[r#"data-testid="whole-log""#, "a quiet log"]);
    let german = html(&run, &snapshot(&run, 26), &[], Lang::De);
    let told = "1 von 3 Schwellenwerten wurde nicht eingehalten";
    assert_has(&german, &[r#"<html lang="de""#, "Nicht bestanden", "Nicht gemessen", told]);
}

#[test]
fn nothing_is_loaded_run_or_taken_for_markup() {
    let crash = Verdict::Crashed { exit_code: Some(107), message: EVIL.into() };
    let run = run(crash, &[]);
    let html = html(&run, &snapshot(&run, 3), &[EVIL.into()], Lang::En);
    assert_has(&html, &["exit code 107", "&lt;script&gt;alert(1)", r#"data-testid="log""#]);
    assert_eq!(html.matches("</style>").count(), 1, "only our own");
    for foreign in ["<script", "<link", "<img", "src=", "href=", "http://", "https://", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    let never = html_without_run(EVIL, EVIL, Lang::En);
    assert_has(
        &never,
        &["<title>Load test report: &lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"'&amp;</title>"],
    );
    assert!(!never.contains("<script") && never.contains("&lt;script&gt;"), "{never}");
}

#[test]
fn a_run_without_values_has_no_empty_charts() {
    let run = run(Verdict::Cancelled, &[("http_reqs:count>1", None, None)]);
    let mut other = snapshot(&run, 9);
    other.status.run = Some(Run { id: "r-2".parse().unwrap(), ..run.clone() });
    let html = html(&run, &other, &[], Lang::En);
    assert_has(&html, &["No values over time were kept", "Not measured"]);
    assert!(!html.contains("<polyline class=\"plot-line\"") && !html.contains("shop: Down"), "another run's: {html}");
}

#[test]
fn the_page_of_a_run_says_why_values_over_time_are_missing() {
    let run = run(Verdict::Passed, &[]);
    let page = |course, lang| {
        let picture = RunPicture { run: run.clone(), snapshot: Arc::default(), course, detail: None };
        inner_html(&picture, &["one <line>".into()], &ZoomDraft::default(), lang)
    };
    let why = EVIL.to_owned();
    for (course, en, de) in [
        (Course::Known, "No values over time", "keine Werte im Verlauf"),
        (Course::Reading, "being read", "werden aus Prometheus gelesen"),
        (Course::Gone, "no longer has", "nicht mehr"),
        (Course::Unread { why }, "&lt;script&gt;alert(1)", "nicht geantwortet"),
    ] {
        assert_has(&page(course.clone(), Lang::En), &[en, r#"data-verdict="passed""#, "one &lt;line&gt;"]);
        assert_has(&page(course, Lang::De), &[de]);
    }
    assert!(!page(Course::Gone, Lang::En).contains("<main"), "it is put into a page");
    let known =
        RunPicture { run: run.clone(), snapshot: Arc::new(snapshot(&run, 20)), course: Course::Known, detail: None };
    let whole = inner_html(&known, &[], &ZoomDraft::default(), Lang::En);
    assert_has(&whole, &[r#"class="plot-line""#, "k6 has written no log"]);
    let part = |from: &str, to: &str| {
        let page = inner_html(&known, &[], &ZoomDraft { from: from.into(), to: to.into() }, Lang::En);
        let chart = page.split("data-testid=\"chart-latency\"").nth(1).unwrap();
        let points = chart.split("data-points=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let chart = chart.split("</section>").next().unwrap().to_owned();
        (page, chart, points.parse::<usize>().unwrap())
    };
    let (page, chart, points) = part("5", "0:10");
    assert!((5..=6).contains(&points), "{points}");
    assert_has(&page, &[">00:05<", ">00:10<", ">Whole test<", "?from=00:00&amp;to=00:05#over-time", "value=\"00:05\""]);
    assert!(chart.contains(">00:05<") && !chart.contains(">00:00<") && !chart.contains(">00:15<"), "{chart}");
    let (page, _, all) = part("a<b", "");
    assert_has(&page, &["“a&lt;b” is no time", "value=\"a&lt;b\"", "aria-invalid=\"true\""]);
    assert!(all > points, "{all}");
    // What the dashboard alone measured is not in the store.
    assert!(!whole.contains("chart-cpu"));
}

#[test]
fn faults_of_the_run_are_told_with_what_they_cost() {
    let run = run(Verdict::Passed, &[]);
    let fault = |id: &str, at_ms| Fault {
        id: id.parse().unwrap(),
        request: FaultRequest {
            kind: FaultKind::Kill,
            service: "shop".into(),
            replica: Some(EVIL.into()),
            intensity: None,
            duration_s: Some(15),
            even_last: false,
            hypothesis: Some(Hypothesis::RecoveredWithin { seconds: 5 }),
            guard: None,
        },
        replicas: vec![EVIL.into()],
        of_replicas: 2,
        state: FaultState::Restored { why: FaultEnd::Time },
        asked_ms: at_ms,
        set_at_ms: Some(at_ms),
        until_ms: at_ms + 15_000,
        restored_at_ms: Some(at_ms + 15_000),
        healthy_again_ms: None,
        by: String::new(),
    };
    let cost = Cost {
        settled: true,
        span: Tally { seconds: 15.0, valid: 2140.0, bad: 3.0, dropped: 0.0 },
        detection: Detection { gateway_ms: Some(920), ..Detection::default() },
        recovered_ms: Some(1400),
        outcome: Some(Outcome::Held),
        untold: vec![Untold { figure: Figure::Redundant, why: Lack::NotSeen }],
        away: Some(Absence { from_ms: 2000, to_ms: 9500 }),
        ..Cost::default()
    };
    let mut snapshot = snapshot(&run, 20);
    snapshot.status.faults = vec![fault("f-2", START + 9_000), fault("f-1", START + 5_000)];
    let told = |id: &str, run: &str| FaultCost {
        fault: id.parse().unwrap(),
        run: Some(run.parse().unwrap()),
        cost: cost.clone(),
    };
    snapshot.status.costs = vec![told("f-2", "another"), told("f-1", run.id.as_str())];
    let english = html(&run, &snapshot, &[], Lang::En);
    let sentence = "Detected after 0.9 s, 3 of 2,140 requests failed, recovered after 1.4 s";
    let away = "The dashboard was away from 2.0 s to 9.5 s after the fault";
    assert_has(&english, &[sentence, away, "Recovered within 5 s: held", "Redundant again", "– (not seen)", "00:05"]);
    assert_eq!(english.matches("data-testid=\"report-fault\"").count(), 1, "the other one is of another run");
    assert!(!english.contains(EVIL), "what is not ours is escaped");
    snapshot.status.costs.clear();
    assert!(!html(&run, &snapshot, &[], Lang::De).contains("report-faults"), "none is nothing to tell");
}

#[test]
fn what_happened_is_told_in_words_in_both_languages() {
    let mut run = run(Verdict::Failed, &[("http_req_duration:p(95)<500", Some(700.0), Some(false))]);
    run.thresholds.push(Observed { ok: Some(true), ..Observed::new("checks:rate>0.9".parse().unwrap()) });
    let mut snapshot = snapshot(&run, 20);
    let p95 = snapshot.history.series.get_mut(&SeriesKey::whole(Metric::P95)).unwrap();
    (12..=15).for_each(|second| p95[second] = Some(0.9));
    let event = EventKind::ReplicaHealth {
        service: "shop".into(),
        replica: "shop-2".into(),
        health: Health::Down { reason: EVIL.into(), why: Silence::Other },
    };
    snapshot.events.push(Event { at_ms: START + 11_000, kind: event });
    let picture = RunPicture { run, snapshot: Arc::new(snapshot), course: Course::Known, detail: None };
    for (lang, expected) in [
        (Lang::En, ["p95 was above 500 ms from 00:11 to 00:15, when shop-2 was down.", "Everything else held."]),
        (
            Lang::De,
            ["p95 lag von 00:11 bis 00:15 über 500 ms, als shop-2 ausgefallen war.", "Alles andere wurde eingehalten."],
        ),
    ] {
        assert_eq!(whole::sentences(&picture, lang), expected);
        assert_has(&super::html(&picture, &[], lang), &expected);
    }
    // A rule is as good as the seconds in which it held.
    assert_has(&super::html(&picture, &[], Lang::En), &["Held for", "78.9%", "What this test can’t tell"]);
}

#[test]
fn the_run_in_detail_is_part_of_its_report() {
    use crate::domain::{
        detail::{Check, Detail, Endpoint, Failure, Figures, Order},
        histogram::Bin,
    };
    let mut run = run(Verdict::Passed, &[]);
    let checks = |name: &str, fails| vec![Check { name: name.into(), passes: 399.0, fails }];
    let endpoint = |name: &str, requests| Endpoint {
        method: "GET".into(),
        name: name.into(),
        status: "200".into(),
        whole: Figures { requests, p95_s: Some(0.25), ..Figures::default() },
        recent: None,
    };
    let bin = |from, count| Bin { from, to: from * 2.0, count };
    let detail = Detail {
        at_ms: START + 20_000,
        endpoints: vec![endpoint("home", 100.0), endpoint(EVIL, 300.0)],
        failures: vec![Failure {
            method: "GET".into(),
            name: EVIL.into(),
            status: "0".into(),
            code: "1212".into(),
            requests: 3.0,
            first_ms: START + 5_000,
            last_ms: START + 65_000,
        }],
        checks: checks("counted by the script", 2.0),
        durations: vec![bin(0.1, 300.0), bin(0.2, 0.0), bin(0.4, 100.0)],
        ..Detail::default()
    };
    let told = |run: &Run| {
        let snapshot = Arc::new(snapshot(run, 20));
        let detail = Some(Arc::new(detail.clone()));
        super::html(&RunPicture { run: run.clone(), snapshot, course: Course::Known, detail }, &[], Lang::En)
    };
    let english = told(&run);
    assert_has(
        &english,
        &["connection refused", "error code 1212", "00:05", "01:05", "250 ms", "counted by the script"],
    );
    assert_has(&english, &["100 ms to 200 ms: 300 (75.0%)", "height=\"33.3\""]);
    assert!(!english.contains(EVIL), "what is not ours is escaped");
    run.totals = Some(Totals { checks: checks("counted by k6", 1.0), ..Totals::default() });
    let english = told(&run);
    assert_has(&english, &["counted by k6", "99.8%"]);
    assert!(!english.contains("counted by the script"), "k6's own count is exact");
    // As tables for the page, which puts them in the order that is asked for.
    let page = detail_page(&run, Some(&detail), Order::named("requests-up"), Lang::De);
    assert!(page.rows.find("data-endpoint=\"home\"") < page.rows.find("alert(1)"), "{}", page.rows);
    assert!(!page.rows.contains(EVIL) && !page.rest.contains(EVIL));
    assert_has(
        &page.head,
        &["aria-sort=\"ascending\"", "data-order=\"requests-down\"", "data-order=\"name-up\"", "Anzahl"],
    );
    assert_has(&page.rest, &["Verbindung abgelehnt"]);
    assert_eq!(detail_page(&run, None, Order::default(), Lang::En).at_ms, 0);
}

#[test]
fn a_trend_has_a_link_and_a_row_for_each_run() {
    let point = |id: &str, verdict: Verdict, p95_s| trend::Point {
        run: id.parse().unwrap(),
        name: EVIL.into(),
        created_ms: START,
        verdict,
        baseline: false,
        p95_s,
        failed_share: Some(0.0),
        request_rate: Some(20.0),
    };
    let points = [point("a", Verdict::Passed, Some(0.1)), point("b", Verdict::Failed, None)];
    assert_eq!(trend_html(&points[..1], &[], Lang::En), "");
    for lang in [Lang::En, Lang::De] {
        let html = trend_html(&points, &["b".parse().unwrap()], lang);
        assert!(!html.contains("<script>"), "{html}");
        // In the table and two lines, of which the first has no value of the second run.
        for (run, times) in [("a", 4), ("b", 3)] {
            assert_eq!(html.matches(&format!("href=\"/runs/{run}\"")).count(), times, "{run}: {html}");
        }
        assert_eq!(html.matches("data-failed=\"true\"").count(), 2, "{html}");
    }
}

#[test]
fn endpoints_are_compared_and_those_that_only_some_runs_have_are_told() {
    let endpoint = |name: &str, p95_s| Endpoint {
        method: "GET".into(),
        name: name.into(),
        status: "200".into(),
        whole: Figures { requests: 10.0, rate: Some(1.0), p95_s: Some(p95_s), ..Figures::default() },
        recent: None,
    };
    let column = |endpoints: Vec<Endpoint>| Column {
        run: run(Verdict::Passed, &[]),
        history: Default::default(),
        detail: Some(Arc::new(Detail { endpoints, ..Detail::default() })),
    };
    let columns = [column(vec![endpoint("/a", 0.1), endpoint(EVIL, 0.1)]), column(vec![endpoint("/a", 0.2)])];
    let html = comparison_html(&columns, Lang::En);
    assert_eq!(html.matches("data-testid=\"compared-endpoint\"").count(), 2, "{html}");
    assert!(html.contains("▲ 100%, worse") && html.contains("Not in B") && !html.contains("Not in A"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    let unknown = Column { detail: None, ..columns[1].clone() };
    let html = comparison_html(&[columns[0].clone(), unknown], Lang::De);
    assert!(html.contains("Die Endpunkte von B hat niemand gezählt.") && !html.contains("Nicht in"), "{html}");
}
