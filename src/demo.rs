//! The demo services: product-service, user-service and checkout-service, one process each so that their use of CPU and
//! memory can be told apart. They know nothing of the dashboard.

mod breaker;
mod checkout;
mod pressure;
mod product;
mod refusal;
mod siblings;
mod supervise;
mod user;
mod work;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use axum::{Json, Router, http::header, routing::get};
use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::net::TcpListener;

use self::{breaker::Breaker, siblings::Siblings, work::Work};
use crate::server::{
    config::{Flags, Settings},
    exposition::{self, Exposition},
    shutdown::Shutdown,
    telemetry,
};

/// Exit code for a plan or setting that is not allowed.
const INVALID: u8 = 2;

/// Exit code for a port that is taken.
const ENVIRONMENT: u8 = 3;

/// How long open requests get to end.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// What to serve.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Serve this one only, in this process, at its address in `services`, or at --addr: one without replicas.
    #[arg(long)]
    service: Option<Name>,
    /// Become the gateway that the files in this folder describe.
    #[arg(long, hide = true, conflicts_with = "service")]
    gateway_files: Option<PathBuf>,
    /// The address of another replica of the same service.
    #[arg(long, hide = true, requires = "service")]
    sibling: Vec<String>,
    /// End with this process.
    #[arg(long, hide = true)]
    parent: Option<i32>,
}

/// A demo service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    #[value(name = "product-service")]
    Product,
    #[value(name = "user-service")]
    User,
    #[value(name = "checkout-service")]
    Checkout,
}

impl Name {
    const ALL: [Self; 3] = [Self::Product, Self::User, Self::Checkout];

    fn text(self) -> &'static str {
        match self {
            Self::Product => "product-service",
            Self::User => "user-service",
            Self::Checkout => "checkout-service",
        }
    }

    /// Its base address.
    fn url(self, settings: &Settings) -> Option<&str> {
        settings.config.services.iter().find(|service| service.name == self.text()).map(|service| service.url.as_str())
    }

    /// Where it listens by that address.
    fn addr(self, settings: &Settings) -> Result<SocketAddr, (u8, String)> {
        let name = self.text();
        let missing = || (INVALID, format!("services: {name} is missing; add {name}=http://127.0.0.1:PORT"));
        address(name, self.url(settings).ok_or_else(missing)?)
    }
}

/// The IP address and port of a base address of `name`, to listen on.
fn address(name: &str, url: &str) -> Result<SocketAddr, (u8, String)> {
    let found = reqwest::Url::parse(url).ok().and_then(|url| {
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        Some(SocketAddr::new(host.parse().ok()?, url.port_or_known_default()?))
    });
    let unfit = "names no IP address to listen on; say where with --service SERVICE --addr";
    found.ok_or_else(|| (INVALID, format!("services: {name}={url} {unfit}")))
}

/// Serves until a signal.
pub async fn main(args: DemoArgs, settings: Settings, flags: &Flags) -> ExitCode {
    telemetry::init(&settings.log, settings.log_format, None);
    match serve(args, &settings, flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            eprintln!("{error}");
            code.into()
        }
    }
}

/// Why the demo ended: an exit code and what to say.
type Ended = Result<(), (u8, String)>;

async fn serve(args: DemoArgs, settings: &Settings, flags: &Flags) -> Ended {
    if let Some(parent) = args.parent {
        supervise::end_with(parent).map_err(|error| (ENVIRONMENT, error))?;
    }
    match (args.service, args.gateway_files) {
        (_, Some(dir)) => supervise::become_haproxy(&dir),
        (None, None) => supervise::all(settings).await,
        (Some(name), None) => {
            let addr = if flags.0.contains_key("addr") { settings.config.addr } else { name.addr(settings)? };
            one(name, addr, settings, args.sibling).await
        }
    }
}

async fn one(name: Name, addr: SocketAddr, settings: &Settings, siblings: Vec<String>) -> Ended {
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        let name = name.text();
        (
            ENVIRONMENT,
            format!(
                "{name} can't listen on {addr}: {error}; end the program that does, or set another address in services"
            ),
        )
    })?;
    tracing::info!(service = name.text(), url = %format_args!("http://{addr}"), "ready");
    let url = |name: Name| name.url(settings).unwrap_or_default().to_owned();
    let (routes, breakers) = match name {
        Name::Product => (product::router(), Vec::new()),
        Name::User => (user::router(), Vec::new()),
        Name::Checkout => checkout::router(url(Name::Product), url(Name::User))
            .map_err(|error| (ENVIRONMENT, format!("nobody can be called: {error}")))?,
    };
    let siblings = Siblings::new(&url(name), siblings)
        .map_err(|error| (ENVIRONMENT, format!("there is no HTTP client: {error}")))?;
    let app = service(name.text(), routes, breakers)
        .layer(axum::middleware::from_fn_with_state(Arc::new(siblings), siblings::pass_on))
        .into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = on_signals()?;
    let serve = axum::serve(listener, app).with_graceful_shutdown(shutdown.token.clone().cancelled_owned());
    let drained = async {
        shutdown.token.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = serve => result.map_err(|error| (ENVIRONMENT, format!("the listener broke: {error}"))),
        () = drained => Ok(()),
    }
}

fn on_signals() -> Result<Shutdown, (u8, String)> {
    let shutdown = Shutdown::default();
    shutdown.on_signals().map_err(|error| (ENVIRONMENT, format!("the system refuses signals: {error}")))?;
    Ok(shutdown)
}

/// A service's routes with what all of them have: health, natural latency, knobs, and metrics.
fn service(name: &'static str, routes: Router, breakers: Vec<Breaker>) -> Router {
    let work = Arc::new(Work::default());
    let health = get(move || async move { Json(json!({ "status": "healthy", "service": name })) });
    let breakers: Arc<[Breaker]> = breakers.into();
    let metrics = get(move || async move {
        let mut text = Exposition::default();
        for breaker in breakers.iter() {
            breaker.tell(&mut text);
        }
        ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], text.finish())
    });
    routes
        .route("/health", health)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&work), work::take_time))
        .merge(work::knobs(work))
        .route("/metrics", metrics)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use super::*;
    use crate::server::clock::now_ms;

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{addr}")
    }

    struct Shop {
        product: String,
        user: String,
        checkout: String,
        http: reqwest::Client,
    }

    impl Shop {
        async fn open() -> Self {
            let product = serve(service("product-service", product::router(), Vec::new())).await;
            let user = serve(service("user-service", user::router(), Vec::new())).await;
            let (routes, breakers) = checkout::router(product.clone(), user.clone()).unwrap();
            let checkout = serve(service("checkout-service", routes, breakers)).await;
            Self { product, user, checkout, http: reqwest::Client::new() }
        }

        async fn post(&self, url: String, body: Value) -> (u16, Value) {
            let answer = self.http.post(url).json(&body).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        }

        async fn get(&self, url: String) -> (u16, Value) {
            let answer = self.http.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        }

        async fn turn(&self, url: &str, knobs: Value) -> u16 {
            self.http.put(format!("{url}/knobs")).json(&knobs).send().await.unwrap().status().as_u16()
        }

        async fn metrics(&self) -> String {
            let answer = self.http.get(format!("{}/metrics", self.checkout)).send().await.unwrap();
            answer.text().await.unwrap()
        }

        async fn check_out(&self, token: &str, product: u32) -> (u16, Value) {
            let items = json!([{ "product_id": product, "quantity": 2 }]);
            self.post(format!("{}/checkout", self.checkout), json!({ "user_id": 1, "items": items, "token": token }))
                .await
        }
    }

    #[tokio::test]
    async fn a_customer_can_shop() {
        let shop = Shop::open().await;
        let (_, health) = shop.get(format!("{}/health", shop.product)).await;
        assert_eq!(health, json!({ "status": "healthy", "service": "product-service" }));

        let (_, products) = shop.get(format!("{}/products", shop.product)).await;
        let first = products[0].clone();
        let (_, shown) = shop.get(format!("{}/products/{}", shop.product, first["id"])).await;
        assert_eq!(shown, first);
        assert_eq!(shop.get(format!("{}/products/999999", shop.product)).await.0, 404);

        let (status, answer) =
            shop.post(format!("{}/login", shop.user), json!({ "user": "demo", "password": "demo" })).await;
        assert_eq!(status, 200);
        let token = answer["token"].as_str().unwrap();
        assert_eq!(shop.post(format!("{}/login", shop.user), json!({ "user": "", "password": "x" })).await.0, 401);

        let (status, order) = shop.check_out(token, 1).await;
        assert_eq!(status, 201, "{order}");
        assert_eq!(order["total_cents"].as_u64(), first["price_cents"].as_u64().map(|price| price * 2));
        assert_eq!(shop.check_out("", 1).await.0, 201);
        assert_eq!(shop.check_out("forged", 1).await.0, 401);
        assert_eq!(shop.check_out(token, 999_999).await.0, 422);
    }

    #[tokio::test]
    async fn a_failing_dependency_fails_the_checkout() {
        let shop = Shop::open().await;
        assert_eq!(shop.turn(&shop.product, json!({ "error_share": 1.0 })).await, 200);
        assert_eq!(shop.check_out("", 1).await.0, 502);
        assert_eq!(shop.turn(&shop.product, json!({ "latency_ms": 30_000 })).await, 200);
        assert_eq!(shop.check_out("", 1).await.0, 504);
    }

    /// Orders until one is answered with `status`, and how long that one took.
    async fn order_until(shop: &Shop, wanted: u16) -> Duration {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let asked = Instant::now();
            if shop.check_out("", 1).await.0 == wanted {
                return asked.elapsed();
            }
        }
        panic!("no order was answered with {wanted}: {}", shop.metrics().await);
    }

    #[tokio::test]
    async fn a_breaker_opens_answers_at_once_and_closes_when_the_dependency_is_back() {
        let shop = Shop::open().await;
        let told = async |line: &str| {
            let text = shop.metrics().await;
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        };
        let state = |state: &str| format!(r#"circuit_breaker_state{{dependency="product-service",state="{state}"}} 1"#);
        let changes = |to: &str, count: u32| {
            format!(r#"circuit_breaker_changes_total{{dependency="product-service",state="{to}"}} {count}"#)
        };
        told(&state("closed")).await;
        assert!(!shop.metrics().await.contains("circuit_breaker_failure_share"), "nobody was asked yet");
        assert_eq!(shop.check_out("", 1).await.0, 201);
        told(r#"circuit_breaker_calls_total{dependency="product-service",outcome="success"} 1"#).await;
        told(r#"circuit_breaker_failure_share{dependency="product-service"} 0"#).await;

        shop.turn(&shop.product, json!({ "error_share": 1.0 })).await;
        let refused = order_until(&shop, 503).await;
        told(&state("open")).await;
        told(&changes("open", 1)).await;
        let shares = shop.metrics().await;
        let share = shares.lines().find_map(|line| {
            line.strip_prefix(r#"circuit_breaker_failure_share{dependency="product-service"} "#)?.parse::<f64>().ok()
        });
        assert!(share.is_some_and(|share| (0.5..=1.0).contains(&share)), "what it opened for is still told: {share:?}");
        told(r#"circuit_breaker_state{dependency="user-service",state="closed"} 1"#).await;
        assert!(shop.metrics().await.contains("circuit_breaker_last_change_timestamp_seconds{"));
        // As long as an open breaker takes by itself, and far from what a dependency may take.
        assert!(refused < Duration::from_secs(1), "{refused:?}");

        shop.turn(&shop.product, json!({ "latency_ms": 0 })).await;
        order_until(&shop, 201).await;
        let closed = async || shop.metrics().await.contains(&changes("closed", 1));
        while !closed().await {
            shop.check_out("", 1).await;
        }
        told(&state("closed")).await;
        told(&changes("half_open", 1)).await;
    }

    #[tokio::test]
    async fn a_breaker_that_tries_a_dependency_in_vain_opens_again() {
        let shop = Shop::open().await;
        shop.turn(&shop.product, json!({ "error_share": 1.0 })).await;
        order_until(&shop, 503).await;
        order_until(&shop, 502).await;
        order_until(&shop, 503).await;
        let text = shop.metrics().await;
        assert!(
            text.contains(r#"circuit_breaker_changes_total{dependency="product-service",state="open"} 2"#),
            "{text}"
        );
    }

    #[tokio::test]
    async fn what_the_customer_got_wrong_opens_no_breaker() {
        let shop = Shop::open().await;
        for _ in 0..12 {
            assert_eq!(shop.check_out("", 999_999).await.0, 422);
        }
        assert_eq!(shop.check_out("", 1).await.0, 201);
        let text = shop.metrics().await;
        assert!(
            text.contains(r#"circuit_breaker_calls_total{dependency="product-service",outcome="failure"} 0"#),
            "{text}"
        );
    }

    #[tokio::test]
    async fn knobs_turn_and_keep_within_bounds() {
        let shop = Shop::open().await;
        for bad in [
            json!({ "latency_ms": -1 }),
            json!({ "latency_ms": 1e9 }),
            json!({ "error_share": 1.5 }),
            json!({ "error_share": "x" }),
            json!({ "speed": 1 }),
            json!({ "cpu": 1.0 }),
            json!({ "cpu": 9.0, "until_ms": now_ms() + 60_000 }),
            json!({ "memory_mb": 1, "until_ms": now_ms() + 7_200_000 }),
        ] {
            let status = shop.turn(&shop.user, bad.clone()).await;
            assert!((400..500).contains(&status), "{bad}: {status}");
        }
        let turn = || shop.http.put(format!("{}/knobs", shop.user)).json(&json!({ "latency_ms": 1 }));
        for (host, status) in [("evil.example", 403), ("localhost:8080", 200)] {
            assert_eq!(turn().header("host", host).send().await.unwrap().status().as_u16(), status, "{host}");
        }
        assert_eq!(shop.turn(&shop.user, json!({ "latency_ms": 300, "jitter_ms": 0 })).await, 200);
        let started = Instant::now();
        shop.get(format!("{}/health", shop.user)).await;
        assert!(started.elapsed().as_millis() >= 300);
        let (_, knobs) = shop.get(format!("{}/knobs", shop.user)).await;
        let none = json!({ "cpu": 0.0, "memory_mb": 0, "disk_mb_s": 0 });
        let and_none = |mut knobs: Value| {
            knobs.as_object_mut().unwrap().extend(none.as_object().unwrap().clone());
            knobs
        };
        assert_eq!(knobs, and_none(json!({ "latency_ms": 300, "jitter_ms": 0, "error_share": 0.0 })));
    }
}
