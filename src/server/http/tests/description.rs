//! Whether the description of the routes is true.

use std::collections::{BTreeMap, BTreeSet};

use ha_dashboard::domain::{
    burst::{Admitted, BurstEnd},
    plan::{self, OwnEnd, Pattern, Peak, Plan, Shape},
    run::{RunState, Source, Totals, Verdict},
    threshold::{self, Crossing, Observed, Threshold},
    validate::{self, Field},
};

use super::*;

/// What callers of the former service use, and what is ours.
pub const ROUTES: [(&str, &str); 74] = [
    ("get", "/api/v1/access/accounts"),
    ("post", "/api/v1/access/accounts"),
    ("delete", "/api/v1/access/accounts/{name}"),
    ("patch", "/api/v1/access/accounts/{name}"),
    ("get", "/api/v1/access/me"),
    ("get", "/api/v1/access/passes"),
    ("post", "/api/v1/access/passes"),
    ("delete", "/api/v1/access/passes/{id}"),
    ("get", "/api/v1/analytics/chaos-status"),
    ("get", "/api/v1/analytics/load-test/metrics"),
    ("get", "/api/v1/analytics/load-test/scenarios"),
    ("post", "/api/v1/analytics/load-test/start"),
    ("get", "/api/v1/analytics/load-test/status"),
    ("post", "/api/v1/analytics/load-test/stop"),
    ("get", "/api/v1/analytics/metrics/load-test"),
    ("get", "/api/v1/audit"),
    ("get", "/api/v1/chaos/experiments"),
    ("post", "/api/v1/chaos/start"),
    ("get", "/api/v1/chaos/status"),
    ("get", "/api/v1/chaos/{id}/status"),
    ("post", "/api/v1/chaos/{id}/stop"),
    ("get", "/api/v1/circuit-breakers"),
    ("post", "/api/v1/emergency-stop"),
    ("get", "/api/v1/faults"),
    ("post", "/api/v1/faults"),
    ("post", "/api/v1/faults/restore-all"),
    ("get", "/api/v1/faults/rules"),
    ("get", "/api/v1/faults/{id}"),
    ("post", "/api/v1/faults/{id}/restore"),
    ("get", "/api/v1/live"),
    ("get", "/api/v1/plans"),
    ("post", "/api/v1/plans"),
    ("delete", "/api/v1/plans/{id}"),
    ("get", "/api/v1/plans/{id}"),
    ("patch", "/api/v1/plans/{id}"),
    ("get", "/api/v1/plans/{id}/plan.yaml"),
    ("post", "/api/v1/plans/{id}/restore"),
    ("post", "/api/v1/plans/{id}/start"),
    ("get", "/api/v1/prometheus/log"),
    ("get", "/api/v1/runs"),
    ("get", "/api/v1/runs/compare"),
    ("get", "/api/v1/runs/trend"),
    ("delete", "/api/v1/runs/{id}"),
    ("get", "/api/v1/runs/{id}"),
    ("patch", "/api/v1/runs/{id}"),
    ("delete", "/api/v1/runs/{id}/baseline"),
    ("put", "/api/v1/runs/{id}/baseline"),
    ("get", "/api/v1/runs/{id}/detail"),
    ("post", "/api/v1/runs/{id}/load"),
    ("delete", "/api/v1/runs/{id}/load/{instance}"),
    ("get", "/api/v1/runs/{id}/log"),
    ("post", "/api/v1/runs/{id}/restore"),
    ("get", "/api/v1/runs/{id}/shares"),
    ("post", "/api/v1/runs/{id}/shares"),
    ("delete", "/api/v1/runs/{id}/shares/{share}"),
    ("get", "/api/v1/scenarios"),
    ("get", "/api/v1/schedules"),
    ("post", "/api/v1/schedules"),
    ("delete", "/api/v1/schedules/{id}"),
    ("delete", "/api/v1/scripts/{name}"),
    ("put", "/api/v1/scripts/{name}"),
    ("get", "/api/v1/webhooks"),
    ("post", "/api/v1/webhooks/{name}/test"),
    ("get", "/health"),
    ("get", "/health/detailed"),
    ("get", "/live"),
    ("get", "/metrics"),
    ("get", "/ready"),
    ("get", "/runs/{id}/endpoints.csv"),
    ("get", "/runs/{id}/junit.xml"),
    ("get", "/runs/{id}/plan.yaml"),
    ("get", "/runs/{id}/report.html"),
    ("get", "/runs/{id}/run.json"),
    ("get", "/runs/{id}/series.csv"),
];

/// Where load is added.
const LOAD: &str = "/api/v1/runs/{id}/load";

#[tokio::test]
async fn the_description_is_true() {
    let server = Server::new();
    let description = server.get("/api/openapi.json").await.json();
    let described: Vec<_> = (description["paths"].as_object().unwrap().iter())
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str())))
        .collect();
    assert_eq!(described, ROUTES);
    let stream = description["paths"]["/api/v1/live"]["get"]["responses"]["200"]["description"].as_str().unwrap();
    assert!(stream.contains("`snapshot`") && stream.contains("`tick`"), "{stream}");

    *server.control.hooks.lock().unwrap() = webhooks::one();
    server.start(json!({ "duration": 60, "rps": 5 })).await;
    for (method, path) in ROUTES {
        let is_chaos = path.starts_with("/api/v1/chaos/");
        let is_fault = path.starts_with(FAULTS) || is_chaos;
        let is_schedule = path.starts_with("/api/v1/schedules");
        let is_plan = path.starts_with("/api/v1/plans") || is_schedule;
        let schedule = server.control.kept().2.all().await.unwrap().first().map(|it| it.id.to_string());
        let id = match (is_fault, is_plan) {
            _ if is_schedule => schedule.as_deref().unwrap_or_default(),
            (true, _) => "fault-1",
            (false, true) => "plan-1",
            (false, false) => "run-1",
        };
        let url =
            path.replace("{id}", id).replace("{instance}", "2").replace("{share}", "none").replace("{name}", "team");
        if is_plan && server.control.plans.lock().unwrap().is_empty() {
            // The last one may have been deleted.
            server.post("/api/v1/plans", "application/json", plans::PLAN).await;
            server.control.trash.lock().unwrap().truncate(1);
        }
        let body = match is_fault {
            _ if is_schedule => json!({ "plan": "plan-1", "cron": "@daily", "zone": "Europe/Berlin" }),
            _ if is_plan && method == "patch" => json!({ "name": "Another name" }),
            _ if is_plan => serde_json::from_str(plans::PLAN).unwrap(),
            true if is_chaos => json!({ "type": "latency", "service": "product-service-1", "duration": 60, "x": 1 }),
            false if path.ends_with("/shares") => json!({ "lasts": "1d" }),
            false if path == LOAD => json!({ "vus": 5, "duration": "5 s" }),
            true => json!({ "kind": "latency", "replica": "product-service-1", "hypothesis": "failed < 1 %" }),
            false if method == "patch" => json!({ "name": "Release 2", "tags": ["v2"], "star": true }),
            false => json!({ "duration": 60, "rps": 5 }),
        };
        let answer = match method {
            "get" => server.get(&url).await,
            "delete" => server.delete(&url).await,
            "put" => server.send(Request::put(&url).body(Body::empty()).unwrap()).await,
            "patch" => server.patch(&url, body.to_string()).await,
            _ => server.post(&url, "application/json", body.to_string()).await,
        };
        // Of a run that is being stopped there is no added load to take away.
        assert!(answer.status != 405 && (answer.status != 404 || method == "delete"), "{path}");
        check(&description, method, path, &answer);
    }
    // Refusals keep to the description as well.
    let refused = server.start(json!({ "duration": 0 })).await;
    check(&description, "post", START, &refused);
    let refused = server.start(json!({ "duration": 60, "rps": 5, "scenario": { "steps": [] } })).await;
    check(&description, "post", START, &refused);
    check(&description, "get", "/api/v1/runs/{id}", &server.get("/api/v1/runs/other").await);
    let refused = server.patch("/api/v1/runs/run-1", json!({ "name": "a\nb" }).to_string()).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["field"].as_str()), (422, Some("name")));
    check(&description, "patch", "/api/v1/runs/{id}", &refused);
    let refused = server.get("/api/v1/runs?verdict=good&page=0").await;
    assert_eq!((refused.status, refused.json()["errors"][1]["field"].as_str()), (422, Some("page")));
    check(&description, "get", "/api/v1/runs", &refused);
    let server = Server::new();
    server.start(json!({ "duration": 60, "rps": 5, "scenario": "failover.yaml" })).await;
    check(&description, "get", "/api/v1/runs", &server.get("/api/v1/runs").await);
    for (body, status) in [
        (r#"{"vus":5,"rate":"5"}"#, 422),
        (r#"{"vus":100000}"#, 422),
        (r#"{"vus":1,"target":"nobody","duration":"soon"}"#, 422),
        (r#"{"vus":1,"script":"a.js"}"#, 400),
        (r#"{"vus":[1]}"#, 400),
        (r#"{"vus":"5","duration":"5 s"}"#, 200),
    ] {
        let answer = server.post("/api/v1/runs/run-1/load", "application/json", body).await;
        assert_eq!(answer.status, status, "{body}");
        check(&description, "post", LOAD, &answer);
    }
    for (run, instance, status) in
        [("run-1", "2", 200), ("run-1", "2", 409), ("run-1", "9", 404), ("run-1", "..%2f", 404), ("other", "2", 404)]
    {
        let answer = server.delete(&format!("/api/v1/runs/{run}/load/{instance}")).await;
        assert_eq!(answer.status, status, "{run} {instance}");
        check(&description, "delete", "/api/v1/runs/{id}/load/{instance}", &answer);
    }
    let refused =
        server.post(FAULTS, "application/json", r#"{"kind":"kill","service":"x","guard":"?"}"#.to_owned()).await;
    assert_eq!(refused.status, 422);
    check(&description, "post", FAULTS, &refused);
}

#[tokio::test]
async fn what_a_start_needs_is_described() {
    let description = Server::new().get("/api/openapi.json").await.json();
    let choices = description["components"]["schemas"]["StartBody"]["allOf"][1]["anyOf"].clone();
    let sufficient: Vec<Vec<&str>> = (choices.as_array().unwrap().iter())
        .map(|choice| choice["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect())
        .collect();
    let values = json!({ "duration": 60, "target_vus": 5, "rps": 5, "script": "own-options.js" });
    let fields: Vec<_> = values.as_object().unwrap().keys().map(String::as_str).collect();
    for mask in 0..1 << fields.len() {
        let given: Vec<_> = (0..fields.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| fields[bit]).collect();
        let body: Value = given.iter().map(|field| ((*field).to_owned(), values[*field].clone())).collect();
        let described = sufficient.iter().any(|needed| needed.iter().all(|field| given.contains(field)));
        let answer = Server::new().start(body).await;
        assert_eq!(answer.status == 200, described, "{given:?}: {}", answer.json());
    }
}

#[tokio::test]
async fn every_kind_of_run_is_described() {
    let server = Server::new();
    let description = server.get("/api/openapi.json").await.json();
    server.start(json!({ "duration": 60, "rps": 5 })).await;
    let show = async |change: &dyn Fn(&mut Run)| {
        change(server.control.run.lock().unwrap().as_mut().unwrap());
        check(&description, "get", "/api/v1/runs", &server.get("/api/v1/runs").await);
    };
    let vus = Peak::Vus { vus: 5 };
    let rate = Peak::ArrivalRate { rate: 5, pre_allocated_vus: 5, max_vus: 9 };
    let of_pattern = |pattern, peak| Shape::Pattern { pattern, peak, duration_s: 60, ramp_s: None };
    let own = |end| Shape::Own { duration_s: 60, max_vus: 3, end };
    let shapes = Pattern::ALL.map(|pattern| of_pattern(pattern, vus)).into_iter().chain([
        of_pattern(Pattern::Load, rate),
        own(OwnEnd::Unknown),
        own(OwnEnd::Time { after_s: 60 }),
        own(OwnEnd::Iterations { iterations: 10 }),
    ]);
    for shape in shapes {
        let plan = Plan {
            script: "a.js".into(),
            target: "shop".into(),
            shape,
            thresholds: Vec::new(),
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        };
        show(&|run| (run.schedule, run.plan) = (plan.schedule(), plan.clone())).await;
    }
    let crashed = |exit_code| Verdict::Crashed { exit_code, message: "gone".into() };
    let verdicts = [
        Verdict::Passed,
        Verdict::Failed,
        Verdict::Stopped,
        Verdict::Aborted,
        Verdict::Cancelled,
        Verdict::TimedOut,
        crashed(None),
        crashed(Some(107)),
    ];
    let states = [RunState::Starting, RunState::Running, RunState::Stopping];
    for state in states.into_iter().chain(verdicts.map(RunState::Finished)) {
        show(&|run| run.state = state.clone()).await;
    }
    for rule in [
        "http_req_duration:p(95)<500",
        "http_req_duration:avg<=500",
        "http_req_duration:med>1",
        "http_req_duration:min>=1",
        "http_req_duration:max!=1",
        "http_req_failed{service:shop}:rate==0",
        "http_reqs:count>1",
        "vus:value>1",
    ] {
        let threshold: Threshold = rule.parse().unwrap();
        for (value, ok) in [(None, None), (Some(0.5), Some(true))] {
            let crossings = vec![Crossing { from_ms: 1, to_ms: Some(2) }, Crossing { from_ms: 3, to_ms: None }];
            let seen = Observed { threshold: threshold.clone(), value, ok, k6_ok: ok, crossings };
            show(&|run| run.thresholds = vec![seen.clone()]).await;
        }
    }
    for totals in [Totals::default(), Totals { source: Source::Store, requests: Some(3.0), ..Totals::default() }] {
        show(&|run| run.totals = Some(totals.clone())).await;
    }
    let admitted = |peak| Admitted { peak, target: "shop".into(), duration_s: 60 };
    let begun = Burst { started_ms: Some(2), ..Burst::new(admitted(rate), 3, 1) };
    let ends = [BurstEnd::Done, BurstEnd::Removed, BurstEnd::WithRun, BurstEnd::Crashed];
    let over = ends.map(|end| Burst {
        ended_ms: Some(3),
        removing: true,
        end: Some(end),
        message: "gone".into(),
        ..begun.clone()
    });
    let bursts = [Burst::new(admitted(vus), 2, 1), begun].into_iter().chain(over).collect::<Vec<_>>();
    show(&|run| run.bursts = bursts.clone()).await;
    show(&|run| run.stop_problem = Some("Docker is gone".into())).await;
}

#[tokio::test]
async fn every_refusal_of_a_field_is_described() {
    use validate::Problem::{
        BrokenScript, EitherOr, Missing, ModelNotForPattern, NotADuration, NotAScriptName, NotInRange, NotOneOf,
        NotUtf8, OwnOptionsTooLarge, PastSum, TooLarge,
    };
    let description = Server::new().get("/api/openapi.json").await.json();
    let allowed = vec!["a".to_owned()];
    for problem in [
        Missing,
        NotInRange { min: 1, max: 2 },
        NotADuration { min_s: 1, max_s: 2 },
        NotOneOf { allowed: allowed.clone() },
        ModelNotForPattern { allowed },
        validate::Problem::not_a_threshold(threshold::NotAThreshold::NoRule, None),
        validate::Problem::not_a_threshold(threshold::NotAThreshold::TooMany { most: 20 }, Some(21)),
        BrokenScript { message: "no".into() },
        NotAScriptName { most: 60 },
        NotUtf8,
        TooLarge { most_bytes: 9 },
        EitherOr,
        PastSum { of: plan::Model::Vus, planned: 5, max: 5 },
        OwnOptionsTooLarge { hint: "less".into(), excess: Some(validate::Excess::NoEnd { max_s: 60 }) },
    ] {
        let error = ApiError::Invalid { errors: vec![problem.of(Field::Peak, "x")] };
        let body = Problem::from(error).body("id".into());
        let text = serde_json::to_string(&body).unwrap();
        for name in ["message", "field", "value", "problem"] {
            assert_eq!(text.matches(&format!("\"{name}\":")).count(), 1, "each name stands there once: {text}");
        }
        let schema = json!({ "$ref": "#/components/schemas/ErrorBody" });
        hold(&description, &schema, &serde_json::to_value(&body).unwrap(), "error").unwrap();
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let body = Server::new().get("/api/openapi.json").await.body;
    let description: Value = serde_json::from_slice(&body).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[tokio::test]
async fn the_description_speaks_of_nothing_that_only_the_source_knows() {
    let text = String::from_utf8(Server::new().get("/api/openapi.json").await.body.to_vec()).unwrap();
    for word in ["[`", "::", "`None`", "`Some"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

/// Holds an answer against what the description says of its status.
#[track_caller]
pub(super) fn check(description: &Value, method: &str, path: &str, answer: &Answer) {
    let responses = &description["paths"][path][method]["responses"];
    let response = &responses[answer.status.to_string()];
    assert!(response.is_object(), "{path}: {} is not described", answer.status);
    let content = response["content"].as_object().unwrap();
    let kind = answer.header("content-type").split(';').next().unwrap();
    let schema = &content.get(kind).unwrap_or_else(|| panic!("{path}: {kind} is not described"))["schema"];
    if kind == "application/json"
        && let Err(problem) = hold(description, schema, &answer.json(), path)
    {
        panic!("{problem}");
    }
}

/// Everything has the kind that is described, every required field is there, and every field is described.
fn hold(description: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let described = fields(description, schema, value, place)?;
    match value.as_object().and_then(|object| object.keys().find(|name| !described.contains(*name))) {
        Some(name) => Err(format!("{place}: {name} is not described, in {value}")),
        None => Ok(()),
    }
}

/// The fields of `value` that the schema describes.
fn fields(description: &Value, schema: &Value, value: &Value, place: &str) -> Result<BTreeSet<String>, String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = description.pointer(name.trim_start_matches('#')).ok_or(format!("{place}: {name} is missing"))?;
        return fields(description, target, value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let (mut chosen, refused): (Vec<_>, Vec<_>) =
            choices.iter().map(|choice| fields(description, choice, value, place)).partition(Result::is_ok);
        return match (chosen.pop(), chosen.len()) {
            (Some(only), 0) => only,
            _ => Err(format!("{place}: not one choice for {value}: {refused:?}")),
        };
    }
    let mut described = BTreeSet::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        described.append(&mut fields(description, part, value, place)?);
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !(kinds.is_empty() || kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number")) {
        return Err(format!("{place}: {value} is no {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        return Err(format!("{place}: {value} is none of {}", schema["enum"]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(name).ok_or_else(|| format!("{place}: {name} is missing in {value}"))?;
    }
    let properties: BTreeMap<_, _> = schema["properties"].as_object().into_iter().flatten().collect();
    for (name, value) in value.as_object().into_iter().flatten() {
        let schema = properties.get(name).copied().or(schema.get("additionalProperties"));
        if let Some(schema) = schema {
            hold(description, schema, value, &format!("{place}.{name}"))?;
            described.insert(name.clone());
        }
    }
    for item in value.as_array().into_iter().flatten() {
        hold(description, &schema["items"], item, &format!("{place}[]"))?;
    }
    Ok(described)
}
