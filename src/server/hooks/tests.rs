//! Messages to real servers on this machine.

use std::{path::Path, sync::Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ha_dashboard::domain::{
    hook::{Answer, HookForm},
    prefs::Lang,
    run::{RunState, Verdict},
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;
use crate::server::{
    config::{StoreChoice, webhooks::Hidden},
    prometheus::lab,
};

const SECRET: &[u8] = b"0123456789abcdef01234567";

/// A server that answers with one status after the other, the last one for ever, and remembers what it was told.
#[derive(Clone)]
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
}

impl Receiver {
    /// What stands beside a status is where it leads to, or how long it asks to wait.
    async fn answering(answers: &[(u16, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let receiver = Self { url, heard: Arc::default(), answers: Arc::new(Mutex::new(answers.to_vec())) };
        let router = Router::new().fallback(hear).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    receiver.heard.lock().unwrap().push((headers, body));
    let mut answers = receiver.answers.lock().unwrap();
    let (status, more) = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
    let name = if status == 302 { header::LOCATION } else { header::RETRY_AFTER };
    (StatusCode::from_u16(status).unwrap(), [(name, more)])
}

fn hook(name: &str, url: &str, form: HookForm) -> Webhook {
    Webhook {
        name: name.into(),
        url: Hidden(url.parse().unwrap()),
        shown: "http://127.0.0.1/…".into(),
        form,
        secret: (form == HookForm::Json).then(|| Hidden(SECRET.to_vec())),
        events: HookEvent::ALL.into(),
        lang: Lang::En,
    }
}

/// Targets at work, until they are dropped.
struct Work {
    hooks: Hooks,
    delivering: JoinHandle<()>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.delivering.abort();
    }
}

impl Work {
    fn begin(state_dir: &Path, webhooks: &[Webhook], patience: Duration) -> Self {
        let config = lab::config(state_dir, StoreChoice::External { url: String::new() }, Vec::new());
        let mut config = Config::clone(&config);
        config.webhooks = webhooks.to_vec();
        config.public_url = Some("https://ha.example".into());
        let hooks = Hooks::new(&config, Database::open(state_dir).unwrap());
        let (at_work, client, end) = (hooks.clone(), Client::waiting(patience), CancellationToken::new());
        let delivering = tokio::spawn(async move {
            join_all(at_work.0.targets.iter().map(|target| at_work.deliver(target, &client, &end))).await;
        });
        Self { hooks, delivering }
    }

    /// Waits for a message to a target that is as asked for.
    async fn message(&self, hook: &str, is: impl Fn(&Delivery) -> bool) -> Delivery {
        let found = async {
            loop {
                let all = self.hooks.shown().await.unwrap().deliveries;
                match all.into_iter().find(|it| it.hook == hook && is(it)) {
                    Some(found) => return found,
                    None => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        timeout(Duration::from_secs(120), found).await.unwrap()
    }

    async fn tried(&self, hook: &str) -> Delivery {
        self.message(hook, |it| it.tries > 0).await
    }

    async fn arrived(&self, hook: &str) -> Delivery {
        self.message(hook, |it| it.state == DeliveryState::Delivered).await
    }

    /// Tries a target out, and waits for what comes of it.
    async fn test(&self, hook: &str) -> Delivery {
        let id = self.hooks.test(hook).await.unwrap().id;
        self.message(hook, |it| it.id == id && it.tries > 0).await
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn finished() -> Notice {
    let mut run = lab::run("r-1", 10, &["http_req_failed:rate<0.01"]);
    run.state = RunState::Finished(Verdict::Passed);
    Notice { at_ms: now_ms(), what: What::Finished(Box::new(run)) }
}

#[tokio::test]
async fn what_is_told_twice_arrives_once_signed_and_in_the_form_of_each_target() {
    let folder = tempfile::tempdir().unwrap();
    let (program, people) = (Receiver::answering(&[(204, "")]).await, Receiver::answering(&[(200, "")]).await);
    let hooks = [hook("ci", &program.url, HookForm::Json), hook("team", &people.url, HookForm::Slack)];
    let work = Work::begin(folder.path(), &hooks, PATIENCE);
    let notice = finished();
    work.hooks.tell(&notice).await;
    let arrived = work.arrived("ci").await;
    assert_eq!((arrived.event, arrived.tries), (HookEvent::RunFinished, 1));
    work.arrived("team").await;
    work.hooks.tell(&notice).await;
    // What comes after the same notice shows that this one did not go out once more.
    assert_eq!(work.test("ci").await.state, DeliveryState::Delivered);
    let heard = program.heard();
    assert_eq!(heard.len(), 2);
    let (headers, body) = &heard[0];
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!((text("content-type"), text("webhook-id")), ("application/json".into(), arrived.id));
    let mut verified = <hmac::Hmac<sha2::Sha256> as hmac::Mac>::new_from_slice(SECRET).unwrap();
    let body = std::str::from_utf8(body).unwrap();
    let signed = format!("{}.{}.{body}", text("webhook-id"), text("webhook-timestamp"));
    hmac::Mac::update(&mut verified, signed.as_bytes());
    let expected = STANDARD.encode(hmac::Mac::finalize(verified).into_bytes());
    assert_eq!(text("webhook-signature"), format!("v1,{expected}"));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "run.finished");
    assert_eq!(body["data"]["run"]["url"], "https://ha.example/runs/r-1");
    let heard = people.heard();
    assert_eq!(heard.len(), 1);
    assert!(!heard[0].0.contains_key("webhook-signature"));
    let body: serde_json::Value = serde_json::from_slice(&heard[0].1).unwrap();
    assert!(body["text"].as_str().unwrap().contains("<https://ha.example/runs/r-1|"), "{body}");
}

#[tokio::test]
async fn a_target_that_fails_or_never_answers_is_tried_again_and_delays_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (good, failing) = (Receiver::answering(&[(200, "")]).await, Receiver::answering(&[(500, ""), (200, "")]).await);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", silent.local_addr().unwrap());
    let hooks = [
        hook("silent", &address, HookForm::Json),
        hook("failing", &failing.url, HookForm::Json),
        hook("good", &good.url, HookForm::Json),
    ];
    let work = Work::begin(folder.path(), &hooks, Duration::from_secs(5));
    work.hooks.tell(&finished()).await;
    work.arrived("good").await;
    let late = work.tried("silent").await;
    assert_eq!((late.state, late.answer), (DeliveryState::Waiting, Some(Answer::Timeout)));
    assert!(late.due_ms > late.tried_ms);
    assert!(work.arrived("failing").await.tries >= 2);
    let heard = failing.heard();
    assert_eq!((&heard[0].0["webhook-id"], &heard[0].1), (&heard[1].0["webhook-id"], &heard[1].1));
    assert_ne!(heard[0].0["webhook-timestamp"], heard[1].0["webhook-timestamp"], "5 s lie between");
    assert_ne!(heard[0].0["webhook-signature"], heard[1].0["webhook-signature"]);
}

#[tokio::test]
async fn a_redirect_to_this_machine_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let inside = Receiver::answering(&[(200, "")]).await;
    let way: &'static str = inside.url.clone().leak();
    let redirecting = Receiver::answering(&[(302, way)]).await;
    let work = Work::begin(folder.path(), &[hook("a", &redirecting.url, HookForm::Json)], PATIENCE);
    let tried = work.test("a").await;
    assert_eq!(tried.state, DeliveryState::GivenUp, "a test is tried once");
    assert_eq!(tried.answer, Some(Answer::Status { status: 302, retry_after_s: None }));
    assert_eq!((redirecting.heard().len(), inside.heard().len()), (1, 0));
    assert!(matches!(work.hooks.test("b").await, Err(ApiError::NotFound { .. })));
}

#[tokio::test]
async fn what_waits_outlasts_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::answering(&[(503, "1"), (200, "")]).await;
    let hooks = [hook("a", &receiver.url, HookForm::Json)];
    let work = Work::begin(folder.path(), &hooks, PATIENCE);
    let notice = finished();
    work.hooks.tell(&notice).await;
    let failed = work.tried("a").await;
    assert_eq!(failed.state, DeliveryState::Waiting);
    drop(work);
    let work = Work::begin(folder.path(), &hooks, PATIENCE);
    work.hooks.tell(&notice).await;
    let arrived = work.arrived("a").await;
    assert_eq!((arrived.tries, &arrived.id), (2, &failed.id));
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_until_the_next_start_or_a_test_that_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::answering(&[(410, ""), (200, "")]).await;
    let work = Work::begin(folder.path(), &[hook("a", &receiver.url, HookForm::Json)], PATIENCE);
    work.hooks.tell(&finished()).await;
    assert_eq!(work.tried("a").await.state, DeliveryState::GivenUp);
    assert!(work.hooks.shown().await.unwrap().hooks[0].is_unwanted);
    let mut other = finished();
    let What::Finished(run) = &mut other.what else { panic!() };
    run.id = "r-2".parse().unwrap();
    work.hooks.tell(&other).await;
    assert_eq!(work.hooks.shown().await.unwrap().deliveries.len(), 1);
    assert_eq!(work.test("a").await.state, DeliveryState::Delivered);
    assert!(!work.hooks.shown().await.unwrap().hooks[0].is_unwanted);
    work.hooks.tell(&other).await;
    work.message("a", |it| it.event == HookEvent::RunFinished && it.state == DeliveryState::Delivered).await;
    assert_eq!(receiver.heard().len(), 3);
}
