//! Scripts that are uploaded.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";
const SCRIPT: &str = "export default function () {}";

fn on() -> Server {
    let server = Server::new();
    *server.control.uploads.lock().unwrap() = Some(vec![]);
    server
}

async fn put(server: &Server, path: &str, kind: &str, script: impl Into<Body>) -> Answer {
    server.send(Request::put(path).header("content-type", kind).body(script.into()).unwrap()).await
}

async fn upload(server: &Server, path: &str, script: impl Into<Body>) -> Answer {
    put(server, &format!("/api/v1/scripts/{path}"), "text/javascript; charset=utf-8", script).await
}

async fn page(server: &Server) -> String {
    String::from_utf8_lossy(&server.get("/access").await.body).into_owned()
}

#[tokio::test]
async fn they_are_off_unless_they_are_switched_on() {
    let server = Server::new();
    for answer in [upload(&server, "mine.js", SCRIPT).await, server.delete("/api/v1/scripts/mine.js").await] {
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (409, Some("script_uploads_off")));
        assert!(told["error"].as_str().unwrap().contains("HAD_SCRIPT_UPLOADS=on"), "{told}");
    }
    assert!(!page(&server).await.contains("action=\"/access/scripts"));
}

#[tokio::test]
async fn a_script_is_put_replaced_when_asked_for_and_deleted() {
    let server = on();
    let description = server.get("/api/openapi.json").await.json();
    let answer = upload(&server, "mine.js", SCRIPT).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    description::check(&description, "put", "/api/v1/scripts/{name}", &answer);
    let kept = &answer.json()["script"];
    assert_eq!((&kept["name"], &kept["bytes"]), (&json!("mine.js"), &json!(SCRIPT.len())));
    for (query, status, code) in [
        ("", 409, json!("script_exists")),
        ("?replace=false", 409, json!("script_exists")),
        ("?replace=maybe", 400, json!("bad_request")),
        ("?replace=true", 200, Value::Null),
    ] {
        let answer = upload(&server, &format!("mine.js{query}"), SCRIPT).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code), "{query}");
        description::check(&description, "put", "/api/v1/scripts/{name}", &answer);
    }
    let answer = upload(&server, "..%2Fmine.js", SCRIPT).await;
    let error = &answer.json()["errors"][0];
    assert_eq!((answer.status, &error["field"], &error["value"]), (422, &json!("name"), &json!("../mine.js")));
    let answer = upload(&server, "other.js", "broken").await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["problem"]), (422, &json!("broken-script")));

    let shown = page(&server).await;
    assert!(shown.contains("mine.js") && shown.contains("data-testid=\"upload-script\""), "{shown}");
    for (status, code) in [(200, Value::Null), (404, json!("not_found"))] {
        let answer = server.delete("/api/v1/scripts/mine.js").await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code));
        description::check(&description, "delete", "/api/v1/scripts/{name}", &answer);
    }
    // What was done stands in the record, and what was refused, by name and content.
    server.control.access().written_down().await;
    let record = server.get("/api/v1/audit?most=100").await.json();
    let entries = record["entries"].as_array().unwrap().iter().rev();
    let told = |entry: &Value| format!("{} {} {}", entry["act"], entry["about"], entry["outcome"]).replace('"', "");
    let told = entries.map(told).collect::<Vec<_>>();
    let sum = sha256(SCRIPT.as_bytes());
    assert_eq!(told[0], format!("upload_script mine.js {sum} done"), "{told:?}");
    assert_eq!(told[1], format!("upload_script mine.js {sum} script_exists"), "{told:?}");
    assert_eq!(told[told.len() - 2], format!("delete_script mine.js {sum} done"), "{told:?}");
    assert_eq!(told[told.len() - 1], "delete_script mine.js not_found", "{told:?}");
}

#[tokio::test]
async fn bodies_are_as_large_as_scripts_may_be_here_alone() {
    let server = on();
    let most = Upload::MOST_BYTES as usize;
    let script = |size: usize| format!("//{}", "é".repeat(size / 2 - 1));
    assert_eq!(upload(&server, "large.js", script(most)).await.status, 200);
    let chunked = || futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(script(most))), Ok("//".into())]);
    for body in [Body::from(script(most + 2)), Body::from_stream(chunked())] {
        let answer = upload(&server, "larger.js", body).await;
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (413, Some("too_large")));
        assert!(told["error"].as_str().unwrap().contains(&most.to_string()), "{told}");
    }
    assert_eq!(server.post(START, "application/json", script(most)).await.status, 413);
    for kind in ["application/json", "text/plain", ""] {
        let answer = put(&server, "/api/v1/scripts/mine.js", kind, SCRIPT).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (415, Some("unsupported_media_type")), "{kind}");
    }
    // In a form each sign takes up to three times as much.
    let form = format!("name=form.js&script={}", "%C3%A9".repeat(most / 2));
    let answer = server.post("/access/scripts", FORM, form).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/access?done=script"));
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_as_it_was_filled_in() {
    let server = on();
    let answer = server
        .post("/access/scripts", FORM, "name=mine.js&script=let+a%0D%0A%3C%2Ftextarea%3Ebroken&replace=true")
        .await;
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, answer.header("cache-control")), (422, "private, no-store"));
    for part in ["Line 1:1 &lt;b&gt;", "value=\"mine.js\"", "let a\n&lt;/textarea&gt;broken</textarea>", "checked"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let answer = server.post("/access/scripts", FORM, "name=mine.js&script=fine").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/access?done=script"));
    let answer = server.post("/access/scripts", FORM, "name=mine.js&script=again").await;
    assert!(answer.status == 409 && String::from_utf8_lossy(&answer.body).contains("again</textarea>"));

    let draft = json!({ "duration": 60, "target_vus": 2, "script": "api-load-test.js" });
    assert_eq!(server.start(draft).await.status, 200);
    server.control.run.lock().unwrap().as_mut().unwrap().plan.script = "mine.js".into();
    let answer = server.post("/access/scripts/delete", FORM, "name=mine.js").await;
    assert_eq!(answer.header("location"), "/access?error=script_in_use");
    assert_eq!(server.delete("/api/v1/scripts/mine.js").await.json()["code"], "script_in_use");
    server.control.turn(RunState::Finished(Verdict::Passed));
    let answer = server.post("/access/scripts/delete", FORM, "name=mine.js").await;
    assert_eq!(answer.header("location"), "/access?done=script_deleted");
}
