//! Text from outside stays text, wherever it enters a page: read by a real HTML parser, as a browser with and without
//! scripts would.

use ha_dashboard::domain::{
    burst::{Admitted, Burst},
    labels::Labels,
    origin::Origin,
    plan::{OwnEnd, Peak, Plan, Shape},
    threshold::{Observed, Threshold},
};
use html5ever::{ParseOpts, driver, tendril::TendrilSink, tree_builder::TreeBuilderOpts};
use scraper::{Html, HtmlTreeSink};

use super::*;

/// Ends whatever it may stand in, then is an element and an attribute of its own.
const EVIL: &str = "\" data-evil=1 ' data-evil=2 --></textarea></title></style></noscript></script></select>\
                    <x-evil data-evil=3></x-evil>\n<script>evil()</script>&lt;x-evil>";

/// What a page became in the browser.
struct Page {
    html: Html,
}

impl Page {
    fn parse(text: &str, scripting_enabled: bool) -> Self {
        let tree_builder = TreeBuilderOpts { scripting_enabled, ..TreeBuilderOpts::default() };
        let options = ParseOpts { tree_builder, ..ParseOpts::default() };
        let html = driver::parse_document(HtmlTreeSink::new(Html::new_document()), options).one(text);
        Self { html }
    }

    /// Elements and attributes that no page of ours has.
    fn strangers(&self) -> Vec<String> {
        let elements = self.html.tree.nodes().filter_map(|node| node.value().as_element());
        let mut strangers: Vec<_> = elements
            .filter(|element| element.name() == "x-evil" || element.attrs().any(|(name, _)| name.contains("evil")))
            .map(|element| format!("{element:?}"))
            .collect();
        let scripts = self.select("script").filter(|script| script.text().any(|text| text == "evil()"));
        strangers.extend(scripts.map(|script| script.html()));
        strangers
    }

    fn select<'a>(&'a self, selector: &str) -> impl Iterator<Item = scraper::ElementRef<'a>> {
        let selector = scraper::Selector::parse(selector).unwrap();
        self.html.select(&selector).collect::<Vec<_>>().into_iter()
    }

    fn text(&self, selector: &str) -> String {
        self.select(selector).flat_map(|element| element.text().collect::<Vec<_>>()).collect()
    }

    fn attribute(&self, selector: &str, name: &str) -> String {
        self.select(selector).next().and_then(|element| element.attr(name)).unwrap_or_default().to_owned()
    }
}

#[track_caller]
fn pages(answer: &Answer, what: &str) -> [Page; 2] {
    assert!(answer.header("content-type").starts_with("text/html"), "{what}: {}", answer.header("content-type"));
    let text = String::from_utf8_lossy(&answer.body);
    [true, false].map(|scripting| {
        let page = Page::parse(&text, scripting);
        assert_eq!(page.strangers(), Vec::<String>::new(), "{what}, scripting {scripting}");
        page
    })
}

fn encoded(text: &str) -> String {
    reqwest::Url::parse_with_params("http://x/", [("", text)]).unwrap().query().unwrap()[1..].to_owned()
}

const DRAFT: [&str; 10] =
    ["script", "target", "pattern", "model", "peak", "duration", "ramp", "pre_allocated_vus", "max_vus", "thresholds"];

#[tokio::test]
async fn addresses_can_not_inject_markup() {
    let server = Server::new();
    let evil = encoded(EVIL);
    for name in DRAFT.into_iter().chain(["error", "lang", "theme", "back", "id", &evil]) {
        let query = match name {
            "error" => format!("/load?error={evil}"),
            name => format!("/load?error=invalid&{name}={evil}"),
        };
        for page in pages(&server.get(&query).await, name) {
            if name == "thresholds" {
                assert_eq!(page.text("textarea"), EVIL, "nothing typed is lost");
            }
            if name == "peak" {
                assert_eq!(page.attribute("#draft-peak", "value"), EVIL);
            }
        }
    }
    for path in ["/services", "/runs", "/runs/run-1", "/nothing"] {
        pages(&server.get(&format!("{path}?{evil}={evil}")).await, path);
        pages(&server.get(&format!("{path}/{}", evil.replace('+', "%20"))).await, path);
    }
    for (name, value) in [
        ("accept-language", "\"><x-evil>"),
        ("cookie", "had_lang=\"><x-evil>; had_theme=\"><x-evil>; evil=\"><x-evil>"),
        ("x-correlation-id", "\"><x-evil>"),
        ("referer", "http://x/\"><x-evil>"),
        ("user-agent", "</script><x-evil>"),
    ] {
        for path in ["/", "/load", "/present", "/services", "/runs", "/nothing"] {
            let answer = server.send(Request::get(path).header(name, value).body(Body::empty()).unwrap()).await;
            pages(&answer, name);
        }
    }
}

#[tokio::test]
async fn plain_forms_can_not_inject_markup() {
    let server = Server::new();
    let evil = encoded(EVIL);
    for name in DRAFT.into_iter().chain([evil.as_str()]) {
        let answer =
            server.post("/start", "application/x-www-form-urlencoded", format!("draft%5B{name}%5D={evil}")).await;
        assert_eq!(answer.status, 303, "{name}");
        let way_back = answer.header("location");
        assert!(way_back.starts_with("/load?script="), "{way_back}");
        pages(&server.get(way_back).await, name);
        let back = server.get(&format!("/prefs?lang={evil}&theme={evil}&back={evil}")).await;
        assert_eq!(back.header("location"), "/");
    }
}

#[tokio::test]
async fn forms_and_addresses_of_faults_can_not_inject_markup() {
    let server = Server::new();
    let evil = encoded(EVIL);
    for name in ["kind", "service", "intensity", "duration", "hypothesis", "guard", evil.as_str()] {
        let form = "application/x-www-form-urlencoded";
        let answer = server.post("/faults/set", form, format!("draft%5B{name}%5D={evil}")).await;
        assert_eq!(answer.status, 303, "{name}");
        let way_back = answer.header("location");
        assert!(way_back.starts_with("/faults?"), "{way_back}");
        pages(&server.get(way_back).await, name);
        for error in ["invalid", "last_replica", &evil] {
            pages(&server.get(&format!("/faults?{name}={evil}&error={error}")).await, name);
        }
        let answer = server.post("/faults/restore", form, format!("id={evil}")).await;
        assert_eq!(answer.header("location"), "/faults?error=not_found");
    }
}

#[tokio::test]
async fn errors_are_never_pages() {
    let server = Server::new();
    let evil = encoded(EVIL);
    let body = json!({ "duration": EVIL, "rps": EVIL, "target": EVIL, "test_type": EVIL, "script": EVIL, "model": EVIL,
                       "thresholds": [EVIL], EVIL: EVIL });
    let form = "application/x-www-form-urlencoded";
    for answer in [
        server.start(body).await,
        server.post(START, "application/json", EVIL).await,
        server.post(START, "text/html", EVIL).await,
        server.post("/fn/start", form, format!("draft[peak]={evil}")).await,
        server.post("/fn/start", form, EVIL).await,
        server
            .post(FAULTS, "application/json", json!({ "kind": EVIL, "replica": EVIL, "guard": EVIL }).to_string())
            .await,
        server.post(&format!("{FAULTS}/{}/restore", evil.replace('+', "%20")), "application/json", "").await,
        server.get(&format!("/api/v1/live?resume={evil}")).await,
        server.get(&format!("/api/v1/runs/{}", evil.replace('+', "%20"))).await,
        server.get(&format!("/api/{}", evil.replace('+', "%20"))).await,
        server.send(Request::get("/").header("host", "<x-evil>").body(Body::empty()).unwrap()).await,
    ] {
        assert!(answer.status >= 400);
        assert_eq!(answer.header("content-type"), "application/json", "{:?}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        answer.json();
    }
}

/// One whose names came from elsewhere.
fn hostile_fault(state: FaultState) -> Fault {
    Fault {
        id: format!("fault-{}", state.name()).parse().unwrap(),
        request: FaultRequest {
            kind: FaultKind::Kill,
            service: EVIL.into(),
            replica: Some(EVIL.into()),
            intensity: None,
            duration_s: Some(60),
            even_last: false,
            hypothesis: None,
            guard: None,
        },
        replicas: vec![EVIL.into()],
        of_replicas: 2,
        state,
        asked_ms: NOW_MS,
        set_at_ms: Some(NOW_MS),
        until_ms: NOW_MS + 60_000,
        restored_at_ms: None,
        healthy_again_ms: None,
        by: EVIL.into(),
    }
}

#[tokio::test]
async fn names_and_messages_can_not_inject_markup() {
    let evil = || EVIL.to_owned();
    let threshold: Threshold = "http_req_duration:p(95)<500".parse().unwrap();
    let threshold = Threshold { metric: evil(), ..threshold };
    let run = |state: RunState| Run {
        id: "run-1".parse().unwrap(),
        plan: Plan {
            script: evil(),
            target: evil(),
            shape: Shape::Own { duration_s: 60, max_vus: 3, end: OwnEnd::Unknown },
            thresholds: Vec::new(),
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: None,
        state,
        created_ms: NOW_MS - 31_000,
        started_ms: Some(NOW_MS - 30_000),
        ended_ms: None,
        deadline_ms: NOW_MS + 90_000,
        totals: None,
        so_far: Vec::new(),
        thresholds: vec![Observed { value: Some(1.0), ok: Some(false), ..Observed::new(threshold.clone()) }],
        scenario: None,
        stop_problem: Some(evil()),
        labels: Labels::default(),
        criteria: vec![],
        regressions: vec![],
        bursts: vec![Burst {
            started_ms: Some(NOW_MS),
            ..Burst::new(Admitted { peak: Peak::Vus { vus: 1 }, target: evil(), duration_s: 60 }, 2, NOW_MS)
        }],
        origin: Origin { door: evil(), engine: evil(), k6: evil(), scripts: evil(), cores: Some(1) },
        correlation_id: evil(),
    };
    let crashed = Verdict::Crashed { exit_code: Some(1), message: evil() };
    for state in [RunState::Starting, RunState::Running, RunState::Finished(crashed)] {
        let server = Server::new();
        server.control.turn_hostile(EVIL);
        let over = !state.is_active();
        *server.control.run.lock().unwrap() = Some(run(state));
        *server.control.faults.lock().unwrap() =
            vec![hostile_fault(FaultState::Active), hostile_fault(FaultState::Failed { reason: evil() })];
        for path in
            ["/", "/load", "/present", "/faults", "/services", "/runs", "/runs/run-1", "/runs/run-1/report.html"]
        {
            let answer = server.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            for page in pages(&answer, path) {
                // The text is there, so the page had the chance to go wrong.
                assert!(page.text("body").contains(EVIL.lines().next().unwrap()), "{path}");
                if path == "/runs/run-1" {
                    assert!(page.text("pre.log").contains(EVIL), "{path}");
                }
                if path == "/load" && over {
                    assert!(page.select("option").any(|option| option.attr("value") == Some(EVIL)), "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn errors_tell_nothing_of_the_server() {
    let server = Server::new();
    let folder = server.dir.path().display().to_string();
    let secrets =
        [&*folder, env!("CARGO_MANIFEST_DIR"), ".rs:", "panicked", "SELECT", "sqlite", "127.0.0.1", "/home/", "/tmp/"];
    let long = "a".repeat(5_000);
    let ids = ["..%2F..%2Fetc%2Fpasswd", "%00", "'%20OR%201=1", &long, "%ff"];
    let bodies = ["", "{", "[]", "null", "{\"draft\":1}", "{\"plan\":\"\\u0000\"}", "draft%5Bpeak%5D=%00"];
    let mut refused = 0;
    for (method, path) in description::ROUTES {
        let ids = if path.contains('{') { &ids[..] } else { &ids[..1] };
        for id in ids {
            let path = ["{id}", "{instance}", "{share}", "{name}"]
                .iter()
                .fold(path.to_owned(), |path, part| path.replace(part, id));
            for (body, kind) in bodies.iter().flat_map(|body| [(body, "application/json"), (body, "text/plain")]) {
                let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(&path);
                let request = request.header("content-type", kind).body(Body::from(*body)).unwrap();
                let answer = server.send(request).await;
                if answer.status < 400 {
                    continue;
                }
                refused += 1;
                let text = String::from_utf8_lossy(&answer.body);
                // A name that is part of the question may stand in the answer.
                let leaked = secrets.iter().find(|secret| text.contains(**secret));
                assert_eq!(leaked, None, "{method} {path:.80} {body}: {text}");
            }
        }
    }
    assert!(refused > 500, "{refused}");
}
