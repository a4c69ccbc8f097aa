use leptos::{prelude::*, reactive::owner::Owner};
use serde_json::{Value, json};

use super::{
    option,
    panels::{PANELS, Panel},
    picture::{Picture, Point},
    text::ChartText,
    theme::{Colours, Style, Tone},
};
use crate::domain::{
    event::{Event, EventKind},
    fault::{Fault, FaultKind, FaultRequest, FaultState},
    frame::{Dimension, Frame, Metric, SeriesKey},
    labels::Labels,
    live::LiveState,
    plan::{Pattern, Peak, Plan, Shape},
    prefs::Lang,
    run::{Run, RunState, Verdict},
    schedule::Schedule,
    service::{Health, Replica, ReplicaStatus, Service, ServiceStatus, Silence},
    threshold::Observed,
};

const START: u64 = 1_700_000_000_000;
const CLOSED: Peak = Peak::Vus { vus: 50 };
const OPEN: Peak = Peak::ArrivalRate { rate: 80, pre_allocated_vus: 20, max_vus: 60 };

fn english() -> &'static ChartText {
    ChartText::of(Lang::En)
}

fn panel(id: &str) -> &'static Panel {
    PANELS.iter().find(|panel| panel.id == id).expect("there is such a panel")
}

fn run(peak: Peak, thresholds: &[(&str, Option<bool>)]) -> Run {
    let shape = Shape::Pattern { pattern: Pattern::Load, peak, duration_s: 60, ramp_s: None };
    let observed = |(text, ok): &(&str, Option<bool>)| Observed {
        threshold: text.parse().expect("a threshold"),
        value: None,
        ok: *ok,
        k6_ok: None,
        crossings: Vec::new(),
    };
    Run {
        id: "r-1".parse().expect("an id"),
        plan: Plan {
            script: "a.js".into(),
            target: "all-services".into(),
            shape,
            thresholds: Vec::new(),
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: Some(Schedule::new(Pattern::Load, peak, 60, None)),
        state: RunState::Running,
        created_ms: START - 1500,
        started_ms: Some(START),
        ended_ms: None,
        deadline_ms: START + 100_000,
        totals: None,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        thresholds: thresholds.iter().map(observed).collect(),
        correlation_id: String::new(),
    }
}

fn state(run: Option<Run>, rows: &[(u64, &[(SeriesKey, f64)])]) -> LiveState {
    let mut state = LiveState::default();
    state.snapshot.status.run = run;
    let service = |name: &str| ServiceStatus::unknown(Service::new(name, String::new()), &[]);
    state.snapshot.status.services = ["product-service", "user-service"].map(service).into();
    for (at_ms, values) in rows {
        state.snapshot.history.push(&Frame {
            at_ms: *at_ms,
            values: values.iter().cloned().collect(),
            ..Frame::default()
        });
    }
    state
}

fn whole(metric: Metric, value: f64) -> (SeriesKey, f64) {
    (SeriesKey::whole(metric), value)
}

fn json_of(picture: &Picture) -> Value {
    let colours = Colours(Tone::ALL.iter().map(|(tone, _)| format!("<{}>", tone.id())).collect());
    serde_json::to_value(option::whole(picture, &Style { colours, scale: 1.0 })).expect("options are JSON")
}

fn series<'a>(option: &'a Value, id: &str) -> &'a Value {
    let series = option["series"].as_array().expect("series are a list");
    series.iter().find(|series| series["id"] == id).expect("there is such a series")
}

#[test]
fn every_panel_has_the_same_time_axis_up_to_the_planned_end() {
    let state = state(Some(run(CLOSED, &[])), &[(START + 1000, &[whole(Metric::Vus, 3.0)])]);
    let axes: Vec<Value> =
        PANELS.iter().map(|panel| json_of(&Picture::of(panel, &state, english()))["xAxis"].clone()).collect();
    assert!(axes.iter().all(|axis| *axis == axes[0]));
    assert_eq!(axes[0]["type"], "time");
    assert_eq!(axes[0]["min"], 0.0);
    assert_eq!(axes[0]["max"], 63_000.0);
    assert_eq!(axes[0]["axisLabel"]["customValues"], json!([0.0, 15e3, 30e3, 45e3, 60e3]));
}

#[test]
fn closed_load_shows_vus_over_the_planned_course() {
    let state = state(Some(run(CLOSED, &[])), &[(START + 1000, &[whole(Metric::Vus, 3.0)])]);
    let picture = Picture::of(panel("load"), &state, english());
    let option = json_of(&picture);
    assert_eq!(option["useUTC"], true);
    assert_eq!(option["animation"], false);
    assert_eq!(option["yAxis"][0]["max"], 60.0, "the plan's peak has room from the start");
    let vus = series(&option, "trace-0");
    assert_eq!(vus["areaStyle"]["color"], "<series-1>");
    assert_eq!(vus["sampling"], "lttb");
    let planned = series(&option, "trace-1");
    assert_eq!(planned["lineStyle"]["type"], "dashed");
    assert_eq!(planned["sampling"], Value::Null, "the plan's corners stay");
    let rows = picture.rows(&state.snapshot.history, english());
    assert_eq!(rows[1].first(), Some(&Point::Pair(0.0, Some(0.0))));
    assert_eq!(rows[1].last(), Some(&Point::Pair(60e3, Some(0.0))));
}

#[test]
fn open_load_shows_iterations_and_its_vus_on_an_axis_of_their_own() {
    let state = state(Some(run(OPEN, &[])), &[(START, &[whole(Metric::IterationRate, 3.0), whole(Metric::Vus, 9.0)])]);
    let picture = Picture::of(panel("load"), &state, english());
    let names: Vec<(&str, bool)> = picture.traces.iter().map(|trace| (trace.name.as_str(), trace.right)).collect();
    assert_eq!(names, [("iterations", false), ("dropped", false), ("VUs", true), ("planned", false)]);
    let option = json_of(&picture);
    assert_eq!(option["yAxis"][0]["axisLabel"]["formatter"], "{value}/s");
    assert_eq!(option["yAxis"][1]["axisLabel"]["formatter"], "{value}");
    assert_eq!(series(&option, "trace-2")["yAxisIndex"], 1.0);
}

#[test]
fn a_script_with_its_own_options_shows_its_vus_without_a_plan() {
    let own = Run { schedule: None, ..run(CLOSED, &[]) };
    let picture = Picture::of(panel("load"), &state(Some(own), &[]), english());
    let names: Vec<&str> = picture.traces.iter().map(|trace| trace.name.as_str()).collect();
    assert_eq!(names, ["VUs"]);
    assert!(picture.planned.is_empty());
}

#[test]
fn thresholds_are_lines_where_they_belong_and_show_when_crossed() {
    let thresholds = [
        ("http_req_duration:p(95)<500", Some(true)),
        ("http_req_duration:p(99)<800", Some(false)),
        ("http_req_failed:rate<0.01", None),
        ("checks:rate>0.9", None),
    ];
    let state = state(Some(run(CLOSED, &thresholds)), &[(START, &[whole(Metric::P95, 0.2)])]);
    let latency = Picture::of(panel("latency"), &state, english());
    let labels: Vec<&str> = latency.limits.iter().map(|limit| limit.label.as_str()).collect();
    assert_eq!(labels, ["p95 < 500 ms", "p99 < 800 ms"]);
    let option = json_of(&latency);
    let holds = &series(&option, "limit-0")["markLine"];
    assert_eq!(holds["data"], json!([{ "yAxis": 500.0 }]));
    assert_eq!(holds["lineStyle"]["type"], "dashed");
    assert_eq!(holds["lineStyle"]["color"], "<warn>");
    assert_eq!(series(&option, "limit-1")["markLine"]["lineStyle"]["color"], "<bad>");

    let errors = Picture::of(panel("errors"), &state, english());
    assert_eq!(errors.limits[0].label, "failed < 1%");
    assert_eq!(errors.limits[0].value, 1.0);
    assert!(Picture::of(panel("throughput"), &state, english()).limits.is_empty());
    let german = Picture::of(panel("errors"), &state, ChartText::of(Lang::De));
    assert_eq!(german.limits[0].label, "fehlgeschlagen < 1 %");
}

#[test]
fn a_limit_far_above_the_data_does_not_press_it_flat() {
    let thresholds = [("http_req_duration:p(95)<500", None)];
    let near = state(Some(run(CLOSED, &thresholds)), &[(START, &[whole(Metric::P95, 0.1)])]);
    let near = Picture::of(panel("latency"), &near, english());
    assert_eq!((near.left.scale.max, near.limits[0].above), (600.0, false));

    let far = state(Some(run(CLOSED, &thresholds)), &[(START, &[whole(Metric::P95, 0.01)])]);
    let far = Picture::of(panel("latency"), &far, english());
    assert_eq!((far.left.scale.max, far.limits[0].above), (15.0, true));
    let option = json_of(&far);
    assert_eq!(series(&option, "limit-0")["markLine"]["label"]["formatter"], "p95 < 500 ms ↑");
    assert_eq!(series(&option, "limit-0")["markLine"]["lineStyle"]["width"], 0.0);
}

#[test]
fn gaps_stay_gaps_and_single_values_become_dots() {
    let p95 = |value| [whole(Metric::P95, value)];
    let (one, two, three) = (p95(0.1), p95(0.2), p95(0.3));
    let state = state(
        Some(run(CLOSED, &[])),
        &[
            (START - 1000, &one[..]),
            (START, &one),
            (START + 1000, &two),
            (START + 2000, &[whole(Metric::Vus, 1.0)]),
            (START + 3000, &three),
            (START + 4000, &[]),
        ],
    );
    let picture = Picture::of(panel("latency"), &state, english());
    assert!(picture.has_data(&state));
    let rows = serde_json::to_value(option::rows(picture.rows(&state.snapshot.history, english()))).expect("JSON");
    assert_eq!(rows["series"][0], json!({ "id": "trace-0", "type": "line", "data": [] }), "no p50 at all");
    assert_eq!(
        rows["series"][1]["data"],
        json!([
            [0.0, 100.0],
            [1000.0, 200.0],
            [2000.0, null],
            { "value": [3000.0, 300.0], "symbol": "circle", "symbolSize": 5 },
            [4000.0, null],
        ]),
        "the row before the start is left out, and nothing is 0"
    );
}

#[test]
fn a_rate_is_drawn_when_it_was_true_and_jumps_where_the_load_did() {
    let mut state = state(Some(run(CLOSED, &[])), &[]);
    for (second, length_ms, rate) in [(1, 1000, 10.0), (2, 2000, 10.0), (3, 1000, 90.0), (4, 2000, 92.0)] {
        let values = [whole(Metric::RequestRate, rate), whole(Metric::P95, 0.1)].into();
        let at_ms = START + second * 1000;
        state.snapshot.history.push(&Frame { at_ms, rates_ms: Some(length_ms), values, ..Frame::default() });
    }
    let history = &state.snapshot.history;
    let pairs = |id| -> Vec<(f64, Option<f64>)> {
        let rows = Picture::of(panel(id), &state, english()).rows(history, english());
        let rows = rows.into_iter().find(|rows| !rows.is_empty()).expect("rows");
        let pair = |point| match point {
            Point::Pair(at, value) => (at, value),
            Point::Dot { .. } => panic!("a dot"),
        };
        rows.into_iter().map(pair).collect()
    };
    let at = |at, value| (at, Some(value));
    let rates = [(0.0, 10.0), (500.0, 10.0), (1000.0, 10.0), (2000.0, 10.0), (2000.0, 90.0), (2500.0, 90.0)];
    let end = [(3000.0, 92.0), (4000.0, 92.0)];
    assert_eq!(pairs("throughput"), rates.into_iter().chain(end).map(|(t, v)| at(t, v)).collect::<Vec<_>>());
    assert_eq!(pairs("latency")[0], at(1000.0, 100.0), "a percentile tells of all that was before");
    // Who points at a time reads what is drawn there.
    let picture = Picture::of(panel("throughput"), &state, english());
    let value = |row| picture.value_at(&picture.traces[0], &state, Some(row));
    assert_eq!([0, 1, 2, 3].map(value), [Some(10.0), Some(90.0), Some(92.0), Some(92.0)]);
}

#[test]
fn a_panel_without_any_value_says_so() {
    let state = state(Some(run(CLOSED, &[])), &[(START, &[whole(Metric::Vus, 1.0)])]);
    let has = |id| Picture::of(panel(id), &state, english()).has_data(&state);
    assert!(has("load"));
    assert!(!has("latency"));
    assert!(!has("cpu"));
    let nothing = LiveState::default();
    for panel in PANELS {
        let picture = Picture::of(panel, &nothing, english());
        assert!(!picture.has_data(&nothing), "{}", panel.id);
        assert!(picture.length_s >= 60.0);
    }
}

#[test]
fn parts_keep_the_configured_order_and_one_colour_in_all_panels() {
    let cpu = |name: &str| (SeriesKey::part(Metric::Cpu, Dimension::Process, name), 0.5);
    let rate = |name: &str| (SeriesKey::part(Metric::RequestRate, Dimension::Service, name), 10.0);
    let values = [
        cpu("host"),
        cpu("k6"),
        cpu("user-service"),
        cpu("product-service"),
        rate("user-service"),
        rate("product-service"),
    ];
    let state = state(Some(run(CLOSED, &[])), &[(START, &values)]);
    let cpu = Picture::of(panel("cpu"), &state, english());
    let names: Vec<&str> = cpu.traces.iter().map(|trace| trace.name.as_str()).collect();
    assert_eq!(names, ["product", "user", "k6", "host"]);
    assert_eq!(cpu.left.unit, "% of one core");
    assert_eq!(cpu.left.scale.max, 60.0);
    let rate = Picture::of(panel("throughput"), &state, english());
    // The last word is the same for all services, so it tells none from another.
    let user = |picture: &Picture| picture.traces.iter().find(|trace| trace.name == "user").map(|t| t.tone);
    assert_eq!(user(&cpu), user(&rate));
}

#[test]
fn latency_and_errors_tell_services_apart_where_there_is_more_than_one() {
    let of = |metric, name: &str| (SeriesKey::part(metric, Dimension::Service, name), 0.5);
    let one = [whole(Metric::P95, 0.5), of(Metric::P95, "user-service"), of(Metric::FailedShare, "user-service")];
    let more = [&one[..], &[of(Metric::P95, "product-service"), of(Metric::FailedShare, "product-service")]].concat();
    let names = |rows: &[(SeriesKey, f64)], id| {
        let picture = Picture::of(panel(id), &state(Some(run(CLOSED, &[])), &[(START, rows)]), english());
        picture.traces.into_iter().map(|trace| (trace.name, trace.tone)).collect::<Vec<_>>()
    };
    let named =
        |names: &[(&str, Tone)]| names.iter().map(|(name, tone)| ((*name).to_owned(), *tone)).collect::<Vec<_>>();
    let percentiles = [("p50", Tone::Series(8)), ("p95", Tone::Series(1)), ("p99", Tone::Series(7))];
    let services = [("p95 product", Tone::Series(2)), ("p95 user", Tone::Series(3))];
    assert_eq!(names(&one, "latency"), named(&percentiles), "the only part is the whole once more");
    assert_eq!(names(&more, "latency"), named(&[&percentiles[..], &services].concat()));
    let errors = [("failed", Tone::Bad), ("product", Tone::Series(2)), ("user", Tone::Series(3))];
    assert_eq!(names(&more, "errors"), named(&errors));
}

#[test]
fn the_dashboard_is_drawn_once() {
    let cpu = |name: &str| (SeriesKey::part(Metric::Cpu, Dimension::Process, name), 0.5);
    let names = |values: &[(SeriesKey, f64)]| {
        let picture = Picture::of(panel("cpu"), &state(Some(run(CLOSED, &[])), &[(START, values)]), english());
        picture.traces.into_iter().map(|trace| trace.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[cpu("dashboard"), cpu("k6"), cpu("analytics-service")]), ["analytics-service", "k6"]);
    assert_eq!(names(&[cpu("dashboard"), cpu("k6")]), ["k6", "dashboard"]);
}

#[test]
fn what_happened_is_marked_where_samples_are_shown() {
    let mut state = state(Some(run(CLOSED, &[])), &[(START, &[whole(Metric::P95, 0.2)])]);
    let crossed = |ok| EventKind::Threshold { threshold: "http_req_duration:p(95)<200".into(), ok };
    let down = EventKind::Health { service: "user-service".into(), health: Health::Degraded { status: 503 } };
    let id = "r-1".parse().expect("an id");
    let mut events = vec![(0, EventKind::RunStarted { run: id }), (5, crossed(false)), (9, crossed(true)), (20, down)];
    events.extend((0..9).map(|i| (40 + i, crossed(i % 2 == 1))));
    state.snapshot.events =
        events.into_iter().map(|(second, kind)| Event { at_ms: START + second * 1000, kind }).collect();
    let latency = Picture::of(panel("latency"), &state, english());
    let marks: Vec<(f64, Tone)> = latency.marks.iter().map(|mark| (mark.at_s, mark.tone)).collect();
    // Nine crossings within seconds are two marks.
    let expected = [(5.0, Tone::Bad), (9.0, Tone::Ok), (20.0, Tone::Warn), (40.0, Tone::Warn), (48.0, Tone::Bad)];
    assert_eq!(marks, expected);
    assert_eq!(latency.told_at(9_300.0), Some(latency.marks[1].words.as_str()));
    assert_eq!(latency.told_at(14_000.0), None);
    let option = json_of(&latency);
    assert_eq!(series(&option, "marks-bad")["markLine"]["data"], json!([{ "xAxis": 5000.0 }, { "xAxis": 48_000.0 }]));
    assert_eq!(series(&option, "marks-ok")["markLine"]["lineStyle"]["color"], "<ok>");
    assert!(Picture::of(panel("cpu"), &state, english()).marks.is_empty());
}

/// A fault that was set so many seconds after the start.
fn fault(id: &str, kind: FaultKind, set_s: i64, until_s: u64, restored_s: Option<u64>) -> Fault {
    let set_ms = START.saturating_add_signed(set_s * 1000);
    Fault {
        id: id.parse().expect("an id"),
        request: FaultRequest {
            kind,
            service: "user-service".into(),
            replica: None,
            intensity: None,
            duration_s: Some(15),
            even_last: false,
            hypothesis: None,
            guard: None,
        },
        replicas: vec!["user-service-1".into()],
        of_replicas: 2,
        state: FaultState::Active,
        asked_ms: set_ms,
        set_at_ms: Some(set_ms),
        until_ms: START + until_s * 1000,
        restored_at_ms: restored_s.map(|s| START + s * 1000),
        healthy_again_ms: None,
        by: String::new(),
    }
}

#[test]
fn faults_are_shaded_in_every_panel_as_long_as_they_are_set() {
    let mut state = state(Some(run(CLOSED, &[])), &[(START, &[whole(Metric::P95, 0.2)])]);
    state.snapshot.status.faults = vec![
        fault("is-on", FaultKind::Freeze, 50, 90, None),
        fault("was-on", FaultKind::Kill, 10, 25, Some(22)),
        fault("short", FaultKind::Cut, 5, 7, None),
        fault("from-before", FaultKind::Latency, -20, 5, Some(3)),
        fault("before", FaultKind::Latency, -40, 0, Some(0)),
    ];
    let cpu = Picture::of(panel("cpu"), &state, english());
    let spans: Vec<_> = cpu.spans.iter().map(|span| (span.from_s, span.to_s, &*span.name)).collect();
    // Up to where it ends by itself, or where the axis does.
    assert_eq!(spans, [(0.0, 3.0, ""), (5.0, 7.0, ""), (10.0, 22.0, "Kill"), (50.0, 63.0, "Freeze")]);
    assert_eq!(cpu.told_at(15_000.0), Some("Kill: user-service-1"));
    assert_eq!(cpu.told_at(30_000.0), None);
    state.snapshot.status.services[1].replicas = vec![ReplicaStatus {
        replica: Replica { url: "http://127.0.0.1:1".into(), ..Replica::only(&Service::new("user-service", "")) },
        health: Health::Up { latency_ms: 1.0 },
        missed: false,
        process: None,
        gateway: None,
    }];
    let reason = String::new();
    let health = Health::Down { reason, why: Silence::Refused };
    let (service, replica) = ("user-service".into(), "user-service-1".into());
    let kind = EventKind::ReplicaHealth { service, replica, health };
    state.snapshot.events = vec![Event { at_ms: START + 11_000, kind }];
    state.snapshot.history.push(&Frame { at_ms: START + 31_500, ..Frame::default() });
    // 63 s in all, of which 31.5 are over.
    let lanes = [
        "product-service: there all the time | @0+50 | ",
        "user-service-1: Down 00:11–00:31 | ok@0+17 bad@17+33 | bad@0+5 bad@8+3 bad@16+19 bad@79+21",
    ];
    assert_eq!(super::lanes::told(&state, english()), lanes);
    let bar = |state: &LiveState, service, replica| {
        super::bar_of(state, service, replica, Lang::En).map(|(of_run, bar)| (of_run, super::lanes::told_bar(bar)))
    };
    let replica = Some("user-service-1");
    assert_eq!(bar(&state, "user-service", replica), Some((true, lanes[1].to_owned())), "a card has the charts' axis");
    let whole = "user-service: there all the time | @0+50 | ";
    assert_eq!(bar(&state, "user-service", None), Some((true, whole.to_owned())));
    assert_eq!(bar(&state, "user-service", Some("user-service-9")), None);
    let mut idle = state.clone();
    idle.snapshot.status.run = None;
    assert_eq!(bar(&idle, "user-service", replica), None, "nobody looked yet");
    idle.snapshot.now_ms = START + 31_000;
    let mut services = idle.snapshot.status.services.clone();
    for at_s in [0, 10, 22, 31] {
        let down = Health::Down { reason: String::new(), why: Silence::TooLate };
        services[1].replicas[0].health = if at_s == 10 { down } else { Health::Up { latency_ms: 1.0 } };
        idle.snapshot.recent.look(START + at_s * 1000, &services);
    }
    // Of three minutes that end with the step after now.
    let minutes =
        "user-service-1: Down 00:21 to 00:09 ago | ok@82+6 bad@88+7 ok@94+5 | bad@60+22 bad@71+13 bad@85+1 bad@88+7";
    assert_eq!(bar(&idle, "user-service", replica), Some((false, minutes.to_owned())));
    let area = series(&json_of(&cpu), "faults")["markArea"].clone();
    assert_eq!(area["itemStyle"]["color"], "<bad>");
    let edges = [
        json!({ "name": "Kill", "xAxis": "1970-01-01T00:00:10.000Z" }),
        json!({ "xAxis": "1970-01-01T00:00:22.000Z" }),
    ];
    assert_eq!(area["data"][2], json!(edges));
}

#[test]
fn names_of_faults_are_not_written_over_each_other() {
    use FaultKind::{Cut, Errors, Freeze, Kill, Latency};
    let mut state = state(Some(run(CLOSED, &[])), &[(START, &[])]);
    let mut names = |mut faults: Vec<Fault>| {
        faults.reverse();
        state.snapshot.status.faults = faults;
        let spans = Picture::of(panel("load"), &state, english()).spans;
        spans.into_iter().map(|span| span.name).collect::<Vec<_>>()
    };
    // Side by side there is room; 63 s in all.
    assert_eq!(names(vec![fault("a", Kill, 5, 20, None), fault("b", Freeze, 20, 35, None)]), ["Kill", "Freeze"]);
    // Within a second of each other, or one within the other.
    assert_eq!(names(vec![fault("a", Kill, 20, 35, None), fault("b", Latency, 21, 36, None)]), ["Kill, Latency", ""]);
    assert_eq!(names(vec![fault("a", Latency, 10, 50, None), fault("b", Cut, 26, 34, None)]), ["Latency, Cut", ""]);
    assert_eq!(names(vec![fault("a", Kill, 20, 35, None), fault("b", Kill, 20, 35, None)]), ["Kill", ""]);
    // A short one has no name that could be in the way.
    assert_eq!(names(vec![fault("a", Cut, 20, 23, None), fault("b", Kill, 20, 35, None)]), ["", "Kill"]);
    let many = [Kill, Latency, Errors, Cut, Freeze].map(|kind| fault(kind.name(), kind, 20, 40, None));
    assert_eq!(names(many.into()), ["Kill, Latency, Errors, …", "", "", "", ""]);
}

#[test]
fn only_rows_change_while_the_scale_fits() {
    let at = |rows: u64| {
        let values = [whole(Metric::Vus, 3.0)];
        let rows: Vec<_> = (0..rows).map(|i| (START + i * 1000, &values[..])).collect();
        Picture::of(panel("load"), &state(Some(run(CLOSED, &[])), &rows), english())
    };
    assert_eq!(at(1), at(40));
}

#[test]
fn a_run_that_was_stopped_ends_the_axis_where_it_ended() {
    let stopped =
        Run { state: RunState::Finished(Verdict::Stopped), ended_ms: Some(START + 20_400), ..run(CLOSED, &[]) };
    let picture = Picture::of(panel("load"), &state(Some(stopped), &[(START + 20_000, &[])]), english());
    assert_eq!(picture.length_s, 21.0);
}

#[test]
fn phases_are_bands_behind_the_data() {
    let option = json_of(&Picture::of(panel("load"), &state(Some(run(CLOSED, &[])), &[]), english()));
    let bands = series(&option, "phases")["markArea"]["data"].as_array().expect("bands").clone();
    assert!(!bands.is_empty());
    let edge = bands[0][0]["xAxis"].as_str().expect("a time").to_owned();
    assert!(edge.starts_with("1970-01-01T00:00:") && edge.ends_with('Z'), "{edge}");
}

#[test]
fn a_stretch_without_samples_is_a_gap_with_a_name() {
    let vus = |at: u64| (START + at, [whole(Metric::Vus, 3.0)]);
    let cpu = [(SeriesKey::part(Metric::Cpu, Dimension::Process, "host"), 0.5)];
    let (one, two, three) = (vus(1000), vus(2000), vus(20_500));
    let rows: [(u64, &[(SeriesKey, f64)]); 6] = [
        (START + 500, &cpu),
        (one.0, &one.1),
        (two.0, &two.1),
        (START + 8000, &cpu),
        (START + 19_000, &cpu),
        (three.0, &three.1),
    ];
    let gaps = |rows: &[(u64, &[(SeriesKey, f64)])], panel_id| {
        Picture::of(panel(panel_id), &state(Some(run(CLOSED, &[])), rows), english()).gaps
    };
    assert_eq!(gaps(&rows, "load"), [(2.0, 20.5)]);
    assert_eq!(gaps(&rows[..5], "load"), [(2.0, 19.0)], "one that goes on");
    assert!(gaps(&rows, "cpu").is_empty() && gaps(&rows[1..3], "load").is_empty());
    let option = json_of(&Picture::of(panel("load"), &state(Some(run(CLOSED, &[])), &rows), english()));
    let area = &series(&option, "gaps")["markArea"]["data"][0];
    assert_eq!((&area[0]["name"], &area[1]["xAxis"]), (&json!("no metrics"), &json!("1970-01-01T00:00:20.500Z")));
}

#[test]
fn jumps_between_phases_do_not_join_their_bands() {
    let spike = Schedule::new(Pattern::Spike, CLOSED, 60, None);
    let jumping = Run { schedule: Some(spike), ..run(CLOSED, &[]) };
    let bands = Picture::of(panel("load"), &state(Some(jumping), &[]), english()).bands;
    assert!(bands.windows(2).all(|pair| pair[0].1 < pair[1].0), "{bands:?}");
}

#[cfg(feature = "ssr")]
#[test]
fn the_server_draws_the_preview_and_leaves_room_for_charts() {
    let html = |view: fn() -> AnyView| {
        let owner = Owner::new();
        owner.with(|| {
            let live = crate::ui::live::Live::provide();
            live.state.update(|state| {
                state.snapshot.frame.values.extend([whole(Metric::RequestRate, 182.4)]);
            });
            view().to_html()
        })
    };
    let preview = html(|| {
        let schedule = Schedule::new(Pattern::Load, CLOSED, 60, None);
        let mark = |at_s, words: &str| super::Mark { at_s, for_s: Some(60), words: words.into() };
        let steps = vec![mark(15, "Kill · a"), mark(70, "Cut · b")];
        view! { <super::SchedulePreview schedule=Signal::stored(Some(schedule)) steps=Signal::stored(steps) /> }
            .into_any()
    });
    assert_eq!(
        preview.matches("class=\"preview-mark\"").count(),
        1,
        "what comes after the end has no place: {preview}"
    );
    assert!(preview.contains("x=\"25%\" y=\"0\" width=\"75%\"") || preview.contains("25.00%"), "{preview}");
    assert!(preview.contains("0:15") && preview.contains("Kill · a") && preview.contains("Cut · b"), "{preview}");
    assert!(preview.contains("data-testid=\"chart-preview\"") && preview.contains("<polyline"), "{preview}");
    assert!(preview.contains("ramp up"), "{preview}");
    let charts = html(|| view! { <super::LiveCharts /> }.into_any());
    for panel in PANELS {
        assert!(charts.contains(&format!("data-testid=\"chart-{}\"", panel.id)), "{charts}");
    }
    assert!(charts.contains("data-points=\"0\"") && charts.contains("no data"), "{charts}");
    assert!(charts.contains("182/s"), "numbers show before the history is there: {charts}");
    assert!(!charts.contains("style="), "inline styles would not pass the content security policy");
}
