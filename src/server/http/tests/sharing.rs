//! Links to one run's report.

use super::*;

const SHARES: &str = "/api/v1/runs/run-1/shares";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server with a run that is over.
async fn over() -> Server {
    let server = Server::new();
    server.start(json!({ "duration": 60, "target_vus": 10 })).await;
    server.control.turn(RunState::Finished(Verdict::Passed));
    server
}

/// The path of an address, and the id of its link.
async fn made(server: &Server, body: Value) -> (String, String) {
    let answer = server.post(SHARES, JSON, body.to_string()).await;
    let told = answer.json();
    assert_eq!((answer.status, answer.header("cache-control")), (201, "private, no-store"), "{told}");
    let path = told["address"].as_str().unwrap().strip_prefix("http://127.0.0.1:3000").unwrap();
    (path.to_owned(), told["share"]["id"].as_str().unwrap().to_owned())
}

/// What stands on a page, which is for no cache and no index, and from which nothing leads on.
fn page(answer: &Answer, status: u16) -> String {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{text}");
    for (header, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(answer.header(header), value, "{header}");
    }
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'unsafe-inline';"));
    text
}

fn leads_nowhere_else(text: &str) {
    for part in ["href=", "src=", "<form", "<button", "<input", "<script", "/shared/"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_link_shows_one_report_until_its_end() {
    let server = over().await;
    let (path, _) = made(&server, json!({ "lasts": "1d" })).await;
    let token = path.strip_prefix("/shared/").unwrap();
    assert_eq!(token.len(), 64);
    let report = page(&server.get(&path).await, 200);
    assert!(report.contains("data-testid=\"verdict\"") && report.contains("run-1"), "{report}");
    leads_nowhere_else(&report);
    // Its token is told once.
    let listed = server.get(SHARES).await.json();
    assert_eq!(listed["shares"].as_array().unwrap().len(), 1, "{listed}");
    assert!(!listed.to_string().contains(token), "{listed}");
    assert_ne!(made(&server, json!({})).await.0, path);

    for (passed_ms, status, word) in [
        (86_399_999, 200, "data-testid=\"verdict\""),
        (86_400_000, 410, "Its time is over."),
        (400_000_000, 410, "Its time is over."),
    ] {
        server.control.passed_ms.store(passed_ms, Ordering::Relaxed);
        let text = page(&server.get(&path).await, status);
        assert!(text.contains(word), "{passed_ms}: {text}");
        leads_nowhere_else(&text);
    }
    let listed = server.get(SHARES).await.json();
    assert_eq!(listed["shares"].as_array().unwrap().len(), 1, "the other one lasts a week: {listed}");
    let german = Request::get(&path).header("accept-language", "de").body(Body::empty()).unwrap();
    assert!(page(&server.send(german).await, 410).contains("Seine Zeit ist um."));
}

#[tokio::test]
async fn a_link_that_is_taken_back_or_of_a_run_that_is_gone_leads_nowhere() {
    let server = over().await;
    let ((path, id), (other, _)) = (made(&server, json!({})).await, made(&server, json!({})).await);
    assert_eq!(server.delete(&format!("{SHARES}/{id}")).await.json()["share"]["id"], id);
    assert_eq!(server.delete(&format!("{SHARES}/{id}")).await.status, 404);
    assert_eq!(server.delete(&format!("{SHARES}/..%2f")).await.status, 404);
    assert!(page(&server.get(&path).await, 410).contains("It was taken back."));
    assert!(page(&server.get(&other).await, 200).contains("run-1"));
    for nonsense in ["/shared/x", "/shared/..%2f..%2fruns", &path[..path.len() - 1]] {
        let text = page(&server.get(nonsense).await, 404);
        assert!(text.contains("There is no such link."), "{text}");
        leads_nowhere_else(&text);
    }
    server.control.run.lock().unwrap().as_mut().unwrap().labels.trashed_ms = Some(NOW_MS);
    assert!(page(&server.get(&other).await, 410).contains("The test was deleted."));
    *server.control.run.lock().unwrap() = None;
    assert!(page(&server.get(&other).await, 410).contains("The test was deleted."));
    assert_eq!(server.get(SHARES).await.status, 404);
}

#[tokio::test]
async fn what_can_not_be_shared_is_refused_in_words() {
    let server = Server::new();
    assert_eq!(server.post(SHARES, JSON, "{}").await.status, 404);
    server.start(json!({ "duration": 60, "target_vus": 10 })).await;
    let refused = server.post(SHARES, JSON, "{}").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("not_over")));
    let server = over().await;
    for (body, status, code) in [
        (json!({ "lasts": "never" }), 422, "share_refused"),
        (json!({ "lasts": 7 }), 400, "bad_request"),
        (json!({ "until": "7d" }), 400, "bad_request"),
    ] {
        let refused = server.post(SHARES, JSON, body.to_string()).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (status, Some(code)), "{body}");
    }
    for _ in 0..Share::MOST {
        made(&server, json!({})).await;
    }
    let refused = server.post(SHARES, JSON, "{}").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("share_refused")));
    let refused = page(&server.post("/runs/share", FORM, "id=run-1&lasts=1d").await, 409);
    assert!(refused.contains("enough open links"), "{refused}");
}

#[tokio::test]
async fn the_page_of_a_run_shares_it_by_plain_forms() {
    let server = over().await;
    let shown = page(&server.post("/runs/share", FORM, "id=run-1&lasts=30d").await, 200);
    let address = shown.split("data-testid=\"share-address\"").nth(1).unwrap();
    let address = address.split('>').nth(1).unwrap().split('<').next().unwrap();
    let path = address.strip_prefix("http://127.0.0.1:3000").unwrap();
    page(&server.get(path).await, 200);
    let run = async || String::from_utf8_lossy(&server.get("/runs/run-1").await.body).into_owned();
    let html = run().await;
    assert!(html.contains("1 open link") && !html.contains(path.strip_prefix("/shared/").unwrap()), "{html}");
    let id = html.split("name=\"share\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for _ in 0..2 {
        let back = server.post("/runs/unshare", FORM, format!("id=run-1&share={id}")).await;
        assert_eq!((back.status, back.header("location")), (303, "/runs/run-1"));
    }
    page(&server.get(path).await, 410);
    assert!(!run().await.contains("open link"));
    assert_eq!(server.post("/runs/share", FORM, "id=../x").await.header("location"), "/runs?error=not_found");
}
