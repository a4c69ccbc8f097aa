//! What components say, as the server renders them.
#![allow(clippy::unwrap_used)]

use leptos::prelude::*;

use super::{
    live::Live,
    load::{Brought, ByService, Form, LastVerdict, LoadForm, Notices, RunPanel, Strip, Thresholds, Tiles},
    overview::{Guide, MorePlaces, Own, QuickActions},
    replicas::Replicas,
    tab,
};
use crate::{
    api::page::PageState,
    domain::{
        fault::{FaultDraft, FaultKind, FaultLimits, FaultPlace, FaultRules, FaultTarget},
        frame::{Dimension, Frame, Metric, SeriesKey},
        guide,
        labels::Labels,
        live::{EngineStatus, MetricsStatus, Status},
        prefs::Lang,
        recent::Recent,
        run::{Run, RunState, Verdict},
        scenario::{Offer, Scenario, ScenarioError, ScenarioProblem, Step},
        schedule::Schedule,
        script::{Script, ScriptKind},
        service::{GatewayWord, Health, ProcessState, ProcessStatus, Replica, Service, ServiceStatus, Silence},
        threshold::{Crossing, Observed},
        validate::{Draft, Limits, Rules},
    },
};

fn rules() -> Rules {
    Rules {
        limits: Limits { max_vus: 200, max_rate: 1000, max_duration_s: 3600 },
        services: vec!["checkout-service".into()],
        scripts: vec![Script { name: "api-load-test.js".into(), kind: ScriptKind::Scheduled }],
        scenarios: Vec::new(),
    }
}

fn run(state: RunState) -> Run {
    let plan = Draft::suggested(&rules()).validate(&rules()).unwrap();
    let crate::domain::plan::Shape::Pattern { pattern, peak, duration_s, ramp_s } = plan.shape else {
        panic!("the suggestion is a pattern")
    };
    let observe = |(index, threshold): (usize, &crate::domain::threshold::Threshold)| Observed {
        threshold: threshold.clone(),
        value: (index == 0).then_some(812.0),
        ok: (index == 0).then_some(false),
        k6_ok: None,
        crossings: Vec::new(),
    };
    Run {
        id: "run-1".parse().unwrap(),
        thresholds: plan.thresholds.iter().enumerate().map(observe).collect(),
        schedule: Some(Schedule::new(pattern, peak, duration_s, ramp_s)),
        plan,
        state,
        created_ms: 1_000_000,
        started_ms: Some(1_001_000),
        ended_ms: None,
        deadline_ms: 1_100_000,
        totals: None,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        correlation_id: "test".into(),
    }
}

fn page(run: Option<Run>) -> PageState {
    let frame = Frame { at_ms: 1_031_000, values: [(SeriesKey::whole(Metric::Vus), 7.0)].into(), ..Frame::default() };
    let status = Status {
        run,
        engine: EngineStatus { ready: true, ..EngineStatus::default() },
        metrics: MetricsStatus { reachable: true, ..MetricsStatus::default() },
        ..Status::default()
    };
    PageState { now_ms: 1_031_000, status, frame, recent: Recent::default(), rules: rules() }
}

/// The HTML of a part of the page in a state.
fn html<V: IntoView>(lang: Lang, page: &PageState, came_back: Option<(Draft, &str)>, part: fn() -> V) -> String {
    Owner::new().with(|| {
        provide_context(lang);
        let live = Live::provide();
        live.seed(page);
        let brought = came_back.map(|(draft, code)| Brought { draft: Some(draft), error: Some(code.into()) });
        Form::provide(live).seed(&page.rules, brought.unwrap_or_default());
        part().into_view().to_html()
    })
}

fn assert_has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part:?} is missing in {html}");
    }
}

#[test]
fn a_run_at_work_shows_phase_time_left_and_stop() {
    let html = html(Lang::En, &page(Some(run(RunState::Running))), None, || view! { <RunPanel /> });
    assert_has(
        &html,
        &[
            r#"data-state="running""#,
            r#"role="progressbar""#,
            r#"aria-valuenow="50""#,
            "00:30 left",
            "Hold",
            "Request time-out<!></dt><dd>3 s<!></dd>",
            r#"action="/stop?back=/load""#,
            "Stop load test",
        ],
    );
}

#[test]
fn a_stop_that_has_not_reached_k6_is_said_and_can_be_pressed_again() {
    let panel = || view! { <RunPanel /> };
    let mut stopping = run(RunState::Stopping);
    let plain = html(Lang::En, &page(Some(stopping.clone())), None, panel);
    assert_has(&plain, &["Stopping…", r#"aria-disabled="true""#]);
    stopping.stop_problem = Some("there is no Docker at <nowhere>".into());
    let tried = html(Lang::En, &page(Some(stopping)), None, panel);
    let expected = [r#"data-testid="stop-notice""#, "tries again", "no Docker at &lt;nowhere&gt;", "Stop load test"];
    assert_has(&tried, &expected);
    assert!(!tried.contains("aria-disabled"), "{tried}");
}

#[test]
fn a_run_links_to_grafana_where_one_is_set() {
    let mut page = page(Some(run(RunState::Running)));
    let panel = || view! { <RunPanel /> };
    assert!(!html(Lang::En, &page, None, panel).contains("Grafana"));
    page.status.metrics.grafana = Some("http://grafana.test".into());
    let href = "http://grafana.test/d/ha-dashboard-run/load-test-run?var-testid=run-1&amp;from=996000&amp;to=now";
    assert_has(&html(Lang::En, &page, None, panel), &[href, "Open in Grafana"]);
    page.status.run = Some(run(RunState::Finished(Verdict::Passed)));
    assert_has(&html(Lang::De, &page, None, panel), &["In Grafana öffnen"]);
}

#[test]
fn the_overview_links_to_what_is_set_beside_the_dashboard() {
    let mut page = page(None);
    let places = || view! { <MorePlaces /> };
    let none = html(Lang::En, &page, None, places);
    assert!(["Grafana", "Prometheus", "Jaeger"].iter().all(|name| !none.contains(name)), "{none}");
    page.status.metrics.jaeger = Some("http://jaeger.test:16686".into());
    page.status.metrics.url = Some("http://127.0.0.1:9090".into());
    let some = html(Lang::De, &page, None, places);
    assert_has(&some, &["http://jaeger.test:16686", "Jaeger", "http://127.0.0.1:9090", "Prometheus"]);
    assert!(!some.contains("Grafana"), "{some}");
}

#[test]
fn a_failed_run_names_the_threshold_its_value_and_the_limit() {
    let failed = page(Some(run(RunState::Finished(Verdict::Failed))));
    let en = html(Lang::En, &failed, None, || view! { <RunPanel /><LastVerdict /> });
    assert_has(
        &en,
        &[
            r#"data-verdict="failed""#,
            "1 of 2 thresholds did not hold",
            "http_req_duration:p(95)&lt;500: observed 812 ms, limit 500 ms",
            "/runs/run-1",
        ],
    );
    let de = html(Lang::De, &failed, None, || view! { <LastVerdict /> });
    assert_has(&de, &["Nicht bestanden", "gemessen 812 ms, Grenze 500 ms"]);
}

#[test]
fn a_crash_shows_what_k6_said_as_text() {
    let message = "<script>alert(1)</script>".to_owned();
    let crashed = run(RunState::Finished(Verdict::Crashed { exit_code: Some(107), message }));
    let html = html(Lang::En, &page(Some(crashed)), None, || view! { <LastVerdict /> });
    assert_has(&html, &["exit code 107", "&lt;script&gt;alert(1)"]);
}

#[test]
fn a_verdict_tells_when_a_threshold_did_not_hold() {
    let crossing = |from, to: Option<u64>| {
        let at = |second: u64| 1_001_000 + second * 1000;
        Crossing { from_ms: at(from), to_ms: to.map(at) }
    };
    let mut passed = run(RunState::Finished(Verdict::Passed));
    passed.thresholds[0] = Observed {
        ok: Some(true),
        k6_ok: Some(true),
        crossings: vec![crossing(29, Some(45))],
        ..passed.thresholds[0].clone()
    };
    let verdict = |lang, run: &Run| html(lang, &page(Some(run.clone())), None, || view! { <LastVerdict /> });
    assert_has(
        &verdict(Lang::En, &passed),
        &["over the whole test every threshold held", "p95 latency &lt; 500 ms did not hold from 00:29 to 00:45"],
    );
    assert_has(&verdict(Lang::De, &passed), &["&lt; 500 ms wurde von 00:29 bis 00:45 nicht eingehalten"]);
    let list = html(Lang::En, &page(Some(passed.clone())), None, || view! { <Thresholds /> });
    assert_has(&list, &[r#"data-ok="true""#, "not held from 00:29 to 00:45", "whole test"]);
    passed.thresholds[0].crossings = (0..5).map(|i| crossing(i * 10, (i < 4).then_some(i * 10 + 5))).collect();
    let often = "from 00:00 to 00:05, from 00:10 to 00:15, from 00:20 to 00:25, and 2 more times";
    assert_has(&verdict(Lang::En, &passed), &[often]);
    let mut failed = run(RunState::Finished(Verdict::Failed));
    failed.thresholds[0].crossings = vec![crossing(12, None)];
    assert_has(&verdict(Lang::En, &failed), &["observed 812 ms, limit 500 ms, not held from 00:12 on"]);
    assert_eq!(verdict(Lang::En, &run(RunState::Running)), "<!>", "no verdict before the end");
}

#[test]
fn thresholds_without_data_are_neither_good_nor_bad() {
    let html = html(Lang::En, &page(Some(run(RunState::Running))), None, || view! { <Thresholds /> });
    assert_has(&html, &[r#"data-ok="false""#, r#"data-ok="unknown""#, "No data yet"]);
}

#[test]
fn no_data_is_not_zero() {
    let html = html(Lang::En, &page(None), None, || view! { <Tiles /> });
    assert_has(&html, &[r#"data-testid="stat-vus" data-value="7""#, r#"data-testid="stat-p95" data-value="""#, "–"]);
}

#[test]
fn a_refused_plain_form_keeps_what_was_typed_and_says_what_is_wrong() {
    let draft = Draft {
        peak: "\"><b>ten".into(),
        duration: "30d".into(),
        request_timeout: "2 min".into(),
        ..Draft::suggested(&rules())
    };
    let html = html(Lang::En, &page(None), Some((draft, "invalid")), || {
        view! { <LoadForm again=Signal::derive(|| false) /> }
    });
    assert_has(
        &html,
        &[
            r#"id="error-peak""#,
            "A whole number from 1 to 200",
            r#"id="error-duration""#,
            "to 1 h",
            r#"id="error-request_timeout""#,
            r#"value="2 min""#,
            "1 s to 60 s",
            r#"value="&quot;&gt;&lt;b&gt;ten""#,
            r#"data-testid="action-error""#,
            "3 fields need attention",
        ],
    );
    assert!(!html.contains("<b>ten"));
}

#[test]
fn thresholds_are_offered_one_by_one_beside_their_text_and_refused_with_their_line() {
    let form = || view! { <LoadForm again=Signal::derive(|| false) /> };
    let de = html(Lang::De, &page(None), None, form);
    assert_has(
        &de,
        &[
            "http_req_duration:p(95)&lt;500\nhttp_req_failed:rate&lt;0.01</textarea>",
            r#"aria-label="Schwellenwert 2""#,
            r#"<option value="http_req_failed" selected>Fehlerquote"#,
            r#"value="500""#,
            r#"<option value="checkout-service">"#,
        ],
    );
    let thresholds = "checks:rate>0.9\nhttp_req_failed:rate<5".to_owned();
    let draft = Draft { thresholds, ..Draft::suggested(&rules()) };
    let refused = html(Lang::De, &page(None), Some((draft, "invalid")), form);
    assert_has(&refused, &["Zeile 2, „http_req_failed:rate&lt;5“: Die Grenze „5“ muss ein Anteil von 0 % bis 100 %"]);
}

#[test]
fn all_services_leave_the_dashboard_out_and_say_so() {
    let form = || view! { <LoadForm again=Signal::derive(|| false) /> };
    let mut page = page(None);
    assert!(!html(Lang::En, &page, None, form).contains("this dashboard"));
    page.rules.services.push("analytics-service".into());
    assert_has(
        &html(Lang::En, &page, None, form),
        &[
            r#"<option value="all-but-dashboard" selected>All services<"#,
            r#"<option value="all-services">All services and this dashboard<"#,
            "Every service except this dashboard itself",
        ],
    );
}

#[test]
fn what_stands_in_the_way_is_said() {
    let mut page = page(None);
    page.status.engine = EngineStatus::default();
    page.status.metrics = MetricsStatus { problem: "port 9090 is taken".into(), ..MetricsStatus::default() };
    page.rules.scripts.clear();
    page.status.storage_problem = "No space left on device".into();
    page.status.metrics.many_series = Some(2_345);
    let html = html(Lang::En, &page, None, || view! { <Notices /> });
    assert_has(&html, &["k6 is not ready", "HAD_K6", "port 9090 is taken", "There is no test script"]);
    assert_has(&html, &[r#"data-testid="storage-notice""#, "No space left on device"]);
    assert_has(&html, &[r#"data-testid="series-notice""#, "2345 series so far", "with the tag “name”"]);
}

#[test]
fn a_threshold_that_is_too_close_to_call_neither_holds_nor_is_crossed() {
    let mut run = run(RunState::Running);
    run.thresholds[0].ok = None;
    let html = html(Lang::En, &page(Some(run)), None, || view! { <Thresholds /> });
    assert_has(&html, &[r#"data-ok="close""#, "Too close to call", "812 ms"]);
    assert!(!html.contains(r#"data-ok="false""#), "{html}");
}

#[test]
fn the_tab_tells_the_state_first() {
    let now_ms = 1_031_000;
    let frame = Frame { values: [(SeriesKey::whole(Metric::RequestRate), 42.5)].into(), ..Frame::default() };
    let words = |state, lang| tab::words(Some(&run(state)), &frame, now_ms, lang);
    assert_eq!(tab::words(None, &frame, now_ms, Lang::En), None);
    let crashed = Verdict::Crashed { exit_code: None, message: String::new() };
    for (state, en, de) in [
        (RunState::Starting, "▶ Starting", "▶ Startet"),
        (RunState::Running, "▶ 00:30 · 42.5 req/s", "▶ 00:30 · 42,5 Anfragen/s"),
        (RunState::Finished(Verdict::Passed), "✓ Passed", "✓ Bestanden"),
        (RunState::Finished(crashed), "✕ Crashed", "✕ Abgestürzt"),
        (RunState::Finished(Verdict::Stopped), "■ Stopped", "■ Gestoppt"),
    ] {
        assert_eq!(words(state.clone(), Lang::En).as_deref(), Some(en));
        assert_eq!(words(state, Lang::De).as_deref(), Some(de));
    }
    let unmeasured = tab::words(Some(&run(RunState::Running)), &Frame::default(), now_ms, Lang::En);
    assert_eq!(unmeasured.as_deref(), Some("▶ 00:30"), "no data is not 0");
}

#[test]
fn replicas_are_shown_with_who_says_what_of_them() {
    let mut page = page(None);
    let service = Service::new("shop", "http://shop");
    let replica = |number: u8| Replica {
        name: format!("shop-{number}"),
        url: format!("http://shop-{number}"),
        ..Replica::only(&service)
    };
    let mut shop = ServiceStatus::unknown(service.clone(), &[replica(1), replica(2)]);
    shop.replicas[0].health = Health::Up { latency_ms: 4.2 };
    shop.replicas[0].gateway =
        Some(GatewayWord { up: true, since_ms: 0, check: "L7OK".into(), share: Some(0.52), queue: 0, retries: 0 });
    shop.replicas[1].health = Health::Down { reason: String::new(), why: Silence::Refused };
    shop.replicas[1].gateway =
        Some(GatewayWord { up: false, since_ms: 0, check: "L7STS".into(), share: None, queue: 0, retries: 0 });
    let (state, code) = (ProcessState::Ended, Some(137));
    shop.replicas[1].process = Some(ProcessStatus { state, since_ms: 0, until_ms: None, pid: None, code, restarts: 2 });
    let mut before = shop.clone();
    (before.replicas[1].health, before.replicas[1].gateway) = (Health::Up { latency_ms: 3.0 }, None);
    for second in (1_001..=1_031).step_by(2) {
        let seen = if second < 1_021 { &before } else { &shop };
        page.recent.look(second * 1000, std::slice::from_ref(seen));
    }
    page.status.services = vec![shop, ServiceStatus::unknown(Service::new("alone", "http://a"), &[])];
    let told = html(Lang::En, &page, None, || view! { <Replicas name="shop" /> });
    assert_has(
        &told,
        &[
            r#"aria-label="Latency of our probe in the last 32 s: 4.20 ms""#,
            r#"aria-label="Latency of our probe in the last 32 s: 3.00 ms; no good answer for 12 s""#,
            r#"aria-label="shop-1: there all the time""#,
            r#"aria-label="shop-2: Down for 00:10""#,
            r#"<i data-tone="bad" title="Down for 00:10" style="left:93.89%;width:5.56%;">"#,
            "last 3 min",
        ],
    );
    assert_has(&told, &[r#"data-health="up""#, "sends 52% of the requests here", "sends nothing here"]);
    assert_has(
        &told,
        &["ended with code 137 for 17:11, started again 2 times", r#"data-process="ended" data-gateway="down""#],
    );
    let told = html(Lang::De, &page, None, || view! { <Replicas name="shop" /> });
    assert_has(&told, &["Replikate", "mit Code 137 beendet seit 17:11, 2 Mal neu gestartet"]);
    let alone = html(Lang::En, &page, None, || view! { <Replicas name="alone" /> });
    assert!(!alone.contains("<ul"), "{alone}");
}

#[test]
fn the_strip_begins_with_who_fails_its_users() {
    let mut page = page(Some(run(RunState::Running)));
    let service = |name: &str, health| {
        let service = Service::new(name, format!("http://{name}"));
        ServiceStatus { health, ..ServiceStatus::unknown(service, &[]) }
    };
    let up = Health::Up { latency_ms: 1.0 };
    let refused = Health::Down { reason: "connection refused".into(), why: Silence::Refused };
    page.status.services = vec![service("fine", up.clone()), service("broken", up), service("gone", refused)];
    for (name, failed, p95) in [("fine", 0.0, 0.018), ("broken", 0.265, 0.6)] {
        for (metric, value) in [(Metric::FailedShare, failed), (Metric::P95, p95)] {
            page.frame.values.insert(SeriesKey::part(metric, Dimension::Service, name), value);
        }
    }
    let strip = html(Lang::En, &page, None, || view! { <Strip /> });
    let places = ["gone", "broken", "fine"].map(|name| strip.find(&format!("data-testid=\"strip-{name}\"")).unwrap());
    assert!(places.is_sorted(), "{strip}");
    assert_has(&strip, &[r#"data-condition="failing""#, "26.5%", "600 ms", "refuses connections", "–"]);
    let table = html(Lang::De, &page, None, || view! { <ByService /> });
    assert_has(&table, &[r#"data-health="up" data-condition="failing""#, "Fehlerhaft", "26,5"]);
}

/// The rules of a dashboard that can run the guided demo, or says why it can't.
fn demo_rules(scenario: Result<Scenario, Vec<ScenarioError>>) -> Rules {
    let script = Script { name: guide::demo().script, kind: ScriptKind::Scheduled };
    Rules { scripts: vec![script], scenarios: vec![Offer { file: guide::DEMO.into(), scenario }], ..rules() }
}

#[test]
fn the_guided_demo_is_a_plain_form_that_says_what_is_in_its_way() {
    let actions = || view! { <QuickActions own=Own::new(None) /> };
    let told = |page: &PageState| html(Lang::En, page, None, actions);
    let page = |run, rules| PageState { rules, ..page(run) };
    let ready = page(None, demo_rules(Ok(Scenario::default())));
    let idle = told(&ready);
    assert_has(
        &idle,
        &[
            r#"action="/start?back=/""#,
            r#"name="draft[scenario]" value="guided-demo.yaml""#,
            r#"name="draft[duration]" value="3 min""#,
            "Three minutes that explain themselves",
        ],
    );
    let is_barred = |html: &str| {
        let form = html.split(r#"class="guided-demo""#).nth(1).unwrap();
        form.split_once("</button>").unwrap().0.contains(" disabled")
    };
    assert!(!is_barred(&idle));
    let error = ScenarioError { step: Some(1), line: Some(5), problem: ScenarioProblem::Empty };
    for (page, why) in [
        (page(Some(run(RunState::Running)), ready.rules.clone()), "Not while a load test is at work."),
        (page(None, rules()), "guided-demo.yaml is missing"),
        (page(None, demo_rules(Err(vec![error]))), "Not possible with these services: Step 1 (line 5): "),
    ] {
        let html = told(&page);
        assert_has(&html, &[why]);
        assert!(is_barred(&html), "{html}");
    }
}

#[test]
fn a_run_with_a_scenario_explains_itself() {
    let fault =
        FaultDraft { kind: "kill".into(), service: "shop".into(), replica: "shop-1".into(), ..FaultDraft::default() };
    let place = |name: &str| FaultPlace { name: name.into(), kinds: FaultKind::ALL.to_vec() };
    let target = FaultTarget { service: "shop".into(), replicas: vec![place("shop-1"), place("shop-2")] };
    let limits = FaultLimits { longest_s: 600, until_restored_s: 300 };
    let fault = FaultDraft { duration: "10".into(), ..fault };
    let fault = fault.validate(&FaultRules { limits, targets: vec![target] }).unwrap();
    let scenario = Scenario { name: "A <demo>".into(), steps: vec![Step { at_s: 20, fault }], ..Scenario::default() };
    let part = || view! { <Guide own=Own::new(None) /> };
    let at = |state: RunState, now_ms| {
        let over = !state.is_active();
        let run = Run { scenario: Some(scenario.clone()), ended_ms: over.then_some(1_061_000), ..run(state) };
        html(Lang::En, &PageState { now_ms, ..page(Some(run)) }, None, part)
    };
    let running = at(RunState::Running, 1_011_000);
    let now = [
        r#"data-turn="now" aria-current="step""#,
        "Load begins",
        "A &lt;demo&gt;",
        "In 00:10: Kill · shop-1, for 10 s",
    ];
    assert_has(&running, &now);
    assert!(!running.contains("/runs/run-1"), "{running}");
    let over = at(RunState::Finished(Verdict::Passed), 1_062_000);
    assert_has(&over, &[r#"href="/runs/run-1""#, "Open the report", "no record of this step"]);
    assert!(!over.contains("by itself"), "only where it was started: {over}");
    let later = at(RunState::Finished(Verdict::Passed), 2_000_000);
    assert!(!later.contains("A &lt;demo&gt;"), "{later}");
    let without = html(Lang::En, &page(Some(run(RunState::Running))), None, part);
    assert!(!without.contains("guide-leg"), "{without}");
}
