//! Who is told what happens: listed without secrets, and tried out.

use ha_dashboard::{api::port::ShownHook, domain::hook::HookForm};

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// One who is told.
pub fn one() -> ShownHooks {
    let hook = ShownHook {
        name: "team".into(),
        address: "https://hooks.slack.com/…".into(),
        form: HookForm::Slack,
        is_signed: false,
        events: vec![HookEvent::RunFinished, HookEvent::FaultOver],
        is_unwanted: false,
    };
    ShownHooks { hooks: vec![hook], deliveries: Vec::new() }
}

/// A server that tells that one.
fn telling() -> Server {
    let server = Server::new();
    *server.control.hooks.lock().unwrap() = one();
    server
}

async fn page(server: &Server, path: &str, lang: &str) -> String {
    let request = Request::get(path).header("accept-language", lang).body(Body::empty()).unwrap();
    String::from_utf8(server.send(request).await.body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_target_is_listed_and_tried_out_over_rest() {
    let server = telling();
    let tested = server.post("/api/v1/webhooks/team/test", "application/json", "").await;
    assert_eq!((tested.status, &tested.json()["delivery"]["state"]), (200, &json!("delivered")));
    let listed = server.get("/api/v1/webhooks").await.json();
    assert_eq!(listed["webhooks"][0]["events"], json!(["run.finished", "fault.over"]));
    assert_eq!(listed["deliveries"][0]["answer"], json!({ "kind": "status", "status": 204 }));
    assert_eq!(server.post("/api/v1/webhooks/other/test", "application/json", "").await.status, 404);
}

#[tokio::test]
async fn the_page_tries_a_target_out_by_a_plain_form_and_shows_what_came_of_it() {
    let server = telling();
    server.control.hooks.lock().unwrap().hooks[0].is_unwanted = true;
    let before = page(&server, "/plans", "en").await;
    assert!(before.contains("slack · https://hooks.slack.com/… · not signed"), "{before}");
    assert!(before.contains("wants no more messages (410)") && before.contains("No message yet."), "{before}");
    let sent = server.post("/plans/webhook-test", FORM, "name=team").await;
    assert_eq!(sent.header("location"), "/plans?tested=team#webhooks");
    let english = page(&server, "/plans?tested=team", "en").await;
    assert!(english.contains("The test message has arrived.") && english.contains("answered 204"), "{english}");
    let given_up = |delivery: &mut Delivery| {
        (delivery.state, delivery.answer) = (DeliveryState::GivenUp, Some(hook::Answer::Timeout));
    };
    server.control.hooks.lock().unwrap().deliveries.iter_mut().for_each(given_up);
    let german = page(&server, "/plans?tested=team", "de").await;
    assert!(german.contains("Die Probenachricht kam nicht an") && german.contains("aufgegeben"), "{german}");
    let lost = server.post("/plans/webhook-test", FORM, "name=other").await;
    assert_eq!(lost.header("location"), "/plans?error=no_webhook#webhooks");
    let lost = page(&server, "/plans?error=no_webhook", "en").await;
    assert!(lost.contains("There is no such webhook."), "{lost}");
}

#[tokio::test]
async fn where_nobody_is_told_the_page_says_how() {
    let html = page(&Server::new(), "/plans", "en").await;
    assert!(html.contains("[[webhook]]") && !html.contains("webhook-test"), "{html}");
}
