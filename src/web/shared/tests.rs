use std::sync::{
    Mutex as Lock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Extension, Router, middleware, routing::get};
use futures::FutureExt;
use tower::ServiceExt;

use super::*;
use crate::domain::{
    frame::Frame,
    live::Status,
    recent::Recent,
    validate::{Limits, Rules},
};

/// Pages that hold what they were given, and count how often one is drawn.
struct Site {
    router: Router,
    drawn: Arc<AtomicUsize>,
    state: Arc<Lock<PageState>>,
}

impl Site {
    fn new() -> Self {
        let limits = Limits { max_vus: 1, max_rate: 1, max_duration_s: 1 };
        let rules = Rules { limits, services: Vec::new(), scripts: Vec::new(), scenarios: Vec::new() };
        let state = PageState {
            now_ms: 5_000,
            status: Status::default(),
            frame: Frame::default(),
            recent: Recent::default(),
            rules,
        };
        let (state, drawn) = (Arc::new(Lock::new(state)), Arc::new(AtomicUsize::new(0)));
        let told = Arc::clone(&state);
        let pages = SharedPages::new(move |_| {
            let told = Arc::clone(&told);
            async move { told.lock().unwrap().clone() }.boxed()
        });
        let count = Arc::clone(&drawn);
        let draw = move |nonce: Option<Extension<Nonce>>, shown: Option<Extension<Shown>>, request: Request<Body>| {
            count.fetch_add(1, Ordering::SeqCst);
            let problem = shown.map(|Extension(Shown(state))| state.status.storage_problem.clone());
            let text = format!("{problem:?} {:?}", Prefs::of(request.headers()));
            let nonce = nonce.map(|Extension(nonce)| nonce.to_string()).unwrap_or_default();
            async move {
                // Long enough for others to come.
                tokio::task::yield_now().await;
                let policy = [("content-security-policy", format!("script-src 'nonce-{nonce}'"))];
                (policy, format!("<a nonce={nonce}>{text}<b nonce={nonce}>"))
            }
        };
        let routes = Router::new().route("/", get(draw.clone())).route("/services", get(draw.clone()));
        let routes = routes.route("/runs", get(draw));
        let router = routes.layer(middleware::from_fn_with_state(Arc::new(pages), share));
        Self { router, drawn, state }
    }

    async fn get(&self, path: &str, header: (&str, &str)) -> (String, String) {
        let request = Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), MAX_BYTES).await.unwrap();
        (policy, String::from_utf8(body.to_vec()).unwrap())
    }

    fn drawn(&self) -> usize {
        self.drawn.swap(0, Ordering::SeqCst)
    }
}

const NO_ONE: (&str, &str) = ("x-other", "1");

#[tokio::test]
async fn one_drawing_serves_all_and_each_has_a_nonce_of_its_own() {
    let site = Site::new();
    let all = futures::future::join_all((0..50).map(|_| site.get("/", NO_ONE))).await;
    assert_eq!(site.drawn(), 1);
    let mut nonces = std::collections::BTreeSet::new();
    for (policy, body) in all {
        let nonce = policy.strip_prefix("script-src 'nonce-").unwrap().strip_suffix('\'').unwrap();
        assert_eq!(nonce.len(), 22, "{policy}");
        let rest = body.replace(nonce, "N");
        assert_eq!(rest, "<a nonce=N>Some(\"\") Prefs { lang: En, theme: None }<b nonce=N>");
        nonces.insert(nonce.to_owned());
    }
    assert_eq!(nonces.len(), 50);
}

#[tokio::test]
async fn what_changed_shows_at_once_and_the_clock_within_a_second() {
    let site = Site::new();
    site.get("/", NO_ONE).await;
    site.state.lock().unwrap().status.storage_problem = "full".into();
    assert!(site.get("/", NO_ONE).await.1.contains("full"));
    site.state.lock().unwrap().now_ms += MAX_AGE_MS - 1;
    site.get("/", NO_ONE).await;
    assert_eq!(site.drawn(), 2);
    site.state.lock().unwrap().now_ms += 1;
    site.get("/", NO_ONE).await;
    assert_eq!(site.drawn(), 1);
    // A clock that was set back.
    site.state.lock().unwrap().now_ms = 1_000;
    site.get("/", NO_ONE).await;
    assert_eq!(site.drawn(), 1);
}

#[tokio::test]
async fn readers_who_prefer_something_else_get_a_page_of_their_own() {
    let site = Site::new();
    for round in ["drawn", "shared"] {
        for (header, shown) in [
            (NO_ONE, "lang: En, theme: None"),
            (("accept-language", "de"), "lang: De, theme: None"),
            (("cookie", "had_theme=dark"), "lang: En, theme: Some(Dark)"),
            (("cookie", "had_theme=light; had_lang=de"), "lang: De, theme: Some(Light)"),
        ] {
            let body = site.get("/", header).await.1;
            assert!(body.contains(shown), "{round} {header:?}: {body}");
        }
    }
    assert_eq!(site.drawn(), 4);
}

#[tokio::test]
async fn what_shows_more_than_the_state_is_not_shared() {
    let site = Site::new();
    for path in ["/runs", "/?peak=7", "/?error=invalid", "/services?x"] {
        for _ in 0..2 {
            assert!(site.get(path, NO_ONE).await.1.contains("None"), "{path} shows a state of its own");
        }
        assert_eq!(site.drawn(), 2, "{path}");
    }
    site.get("/services", NO_ONE).await;
    site.get("/services", NO_ONE).await;
    assert_eq!(site.drawn(), 1);
}
