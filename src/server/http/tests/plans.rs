//! Plans that are kept: by the REST API, and by plain forms.

use super::*;

/// A plan to keep.
pub const PLAN: &str = r#"{
    "name": "Evening <b>peak</b>", "script": "api-load-test.js", "target": "product-service", "pattern": "spike",
    "model": "vus", "peak": 5, "duration": 60, "thresholds": ["http_req_failed:rate<0.01"], "scenario": "failover.yaml"
}"#;

const PLANS: &str = "/api/v1/plans";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_plan_is_kept_renamed_deleted_and_taken_back() {
    let server = Server::new();
    let saved = server.post(PLANS, JSON, PLAN).await;
    assert_eq!(saved.status, 201, "{}", saved.json());
    let plan = saved.json()["plan"].clone();
    assert_eq!((&plan["name"], &plan["peak"]), (&json!("Evening <b>peak</b>"), &json!("5")));
    assert_eq!(plan["thresholds"], json!(["http_req_failed:rate<0.01"]));
    assert_eq!(server.get(PLANS).await.json()["plans"], json!([plan]));

    let taken = server.post(PLANS, JSON, PLAN).await;
    assert_eq!((taken.status, &taken.json()["code"]), (409, &json!("name_taken")));
    let replaced = PLAN.replace("\"peak\": 5", "\"peak\": 6, \"replace\": true");
    let replaced = server.post(PLANS, JSON, replaced).await;
    assert_eq!((replaced.status, &replaced.json()["plan"]["id"]), (201, &plan["id"]));

    let path = format!("{PLANS}/{}", plan["id"].as_str().unwrap());
    let file = server.get(&format!("{path}/plan.yaml")).await;
    assert_eq!(file.header("content-type"), "application/yaml");
    assert!(String::from_utf8_lossy(&file.body).contains("peak: 6\n"));
    let renamed = server.patch(&path, r#"{"name": " Morning "}"#.into()).await;
    assert_eq!(renamed.json()["plan"]["name"], "Morning");
    let (start, restore) = (format!("{path}/start"), format!("{path}/restore"));
    assert_eq!(server.post(&start, JSON, "").await.json()["run"]["plan"]["target"], "product-service");
    assert_eq!(server.post(&start, JSON, "").await.json()["code"], "already_running");
    let delete = || server.send(Request::delete(&path).body(Body::empty()).unwrap());
    assert_eq!(delete().await.status, 200);
    assert_eq!((delete().await.status, server.post(&start, JSON, "").await.status), (404, 404));
    assert_eq!(server.patch(&path, r#"{"name": "x"}"#.into()).await.status, 404);
    assert_eq!(server.post(&restore, JSON, "").await.json()["plan"]["name"], "Morning");
    assert_eq!(server.get(&format!("{PLANS}/..%2f..%2fetc")).await.status, 404);
}

#[tokio::test]
async fn what_is_no_plan_is_refused_by_name() {
    let server = Server::new();
    let refused = |body: String| {
        let server = &server;
        async move {
            let answer = server.post(PLANS, JSON, body).await;
            (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
        }
    };
    for (change, status, words) in [
        (("\"peak\": 5", "\"peak\": 0"), 422, "peak: \"0\" is not allowed: give a whole number from 1 to 200"),
        (("product-service", "elsewhere"), 422, "target: \"elsewhere\" is not allowed"),
        (("\"peak\": 5", "\"vus\": 5"), 400, "vus"),
        (("\"peak\": 5", "\"peak\": 5, \"replace\": 1"), 400, "replace: 1 is not allowed; allowed: true or false"),
        (("Evening <b>peak</b>", "a\\nb"), 422, "name: give 1 to 80 characters"),
        (("Evening <b>peak</b>", ""), 422, "name: give 1 to 80 characters"),
    ] {
        let (found, error) = refused(PLAN.replace(change.0, change.1)).await;
        assert!(found == status && error.contains(words), "{change:?}: {found} {error}");
    }
    let long = PLAN.replace("Evening <b>peak</b>", &"x".repeat(10_000));
    assert_eq!(refused(long).await.0, 422);
    assert!(server.control.plans.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_page_works_by_plain_forms_and_shows_names_as_they_are() {
    let server = Server::new();
    let page = |path: String| {
        let server = &server;
        async move { String::from_utf8(server.get(&path).await.body.to_vec()).unwrap() }
    };
    let draft = "draft[script]=api-load-test.js&draft[target]=product-service&draft[pattern]=load&draft[model]=vus\
                 &draft[peak]=5&draft[duration]=60";
    assert!(page("/plans".into()).await.contains("No plan is saved yet"));
    // Its name is asked for where the plan can be run.
    let ask = server.post("/plans/draft", FORM, draft).await;
    assert!(ask.header("location").starts_with("/plans?script=api-load-test.js&"), "{}", ask.header("location"));
    let html = page(ask.header("location").into()).await;
    assert!(html.contains(r#"name="draft[peak]" value="5""#) && html.contains("Save this plan"), "{html}");
    let wrong = server.post("/plans/draft", FORM, draft.replace("=60", "=soon")).await;
    assert!(wrong.header("location").starts_with("/load?") && wrong.header("location").ends_with("&error=invalid"));

    let save = |name: &str, more: &str| server.post("/plans/save", FORM, format!("{draft}&name={name}{more}"));
    let done = save("%3Cb%3Epeak", "").await;
    assert_eq!(done.header("location"), "/plans?done=plan-1");
    let html = page("/plans?done=plan-1".into()).await;
    assert!(html.contains("&lt;b>peak") || html.contains("&lt;b&gt;peak"), "{html}");
    assert!(!html.contains("<b>peak"), "{html}");
    let taken = save("%3Cb%3Epeak", "").await.header("location").to_owned();
    assert!(taken.ends_with("&error=name_taken"), "{taken}");
    assert!(page(taken).await.contains(r#"name="replace""#));
    assert_eq!(save("%3Cb%3Epeak", "&replace=true").await.header("location"), "/plans?done=plan-1");

    let form = page(server.get("/again?plan=plan-1").await.header("location").into()).await;
    assert!(form.contains(r#"name="draft[peak]""#) && form.contains(r#"value="5""#));
    let renamed = server.post("/plans/rename", FORM, "id=plan-1&name=").await;
    assert_eq!(renamed.header("location"), "/plans?rename=plan-1&name=&error=not_a_name");
    assert!(page(renamed.header("location").into()).await.contains("Give a name of 1 to 80 characters"));
    let deleted = server.post("/plans/delete", FORM, "id=plan-1").await.header("location").to_owned();
    assert_eq!(deleted, "/plans?deleted=plan-1&name=%3Cb%3Epeak");
    assert!(page(deleted).await.contains(r#"action="/plans/restore""#));
    assert_eq!(server.post("/plans/restore", FORM, "id=plan-1").await.header("location"), "/plans?done=plan-1");
    for id in ["none", "../x", ""] {
        let lost = server.post("/plans/delete", FORM, format!("id={id}")).await;
        assert_eq!(lost.header("location"), "/plans?error=not_found");
    }
    let german = server.send(Request::get("/plans").header("accept-language", "de").body(Body::empty()).unwrap()).await;
    assert!(String::from_utf8_lossy(&german.body).contains("Gespeicherte Pläne"));
}
