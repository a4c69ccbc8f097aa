//! checkout-service: takes an order, for which it asks product-service and user-service, each through a circuit breaker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use futures::future;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    breaker::{Breaker, Unanswered},
    product::Product,
    refusal::{Refusal, refusal},
};

/// How long a dependency may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Most items of an order.
const MOST_ITEMS: usize = 20;

struct Checkout {
    http: reqwest::Client,
    product: Dependency,
    user: Dependency,
    orders: AtomicU64,
}

/// A service that is asked.
struct Dependency {
    url: String,
    breaker: Breaker,
}

#[derive(Debug, Deserialize)]
struct Order {
    user_id: u32,
    items: Vec<Item>,
    /// Empty: a guest.
    #[serde(default)]
    token: String,
}

#[derive(Debug, Deserialize)]
struct Item {
    product_id: u32,
    quantity: u32,
}

/// The routes, and the breakers before the dependencies; `product` and `user` are their base addresses.
pub fn router(product: String, user: String) -> anyhow::Result<(Router, Vec<Breaker>)> {
    let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let product = Dependency { url: product, breaker: Breaker::new("product-service", http.clone())? };
    let user = Dependency { url: user, breaker: Breaker::new("user-service", http.clone())? };
    let breakers = vec![product.breaker.clone(), user.breaker.clone()];
    let checkout = Arc::new(Checkout { http, product, user, orders: AtomicU64::new(1) });
    Ok((Router::new().route("/checkout", post(check_out)).with_state(checkout), breakers))
}

async fn check_out(
    State(checkout): State<Arc<Checkout>>,
    Json(order): Json<Order>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let quantities = order.items.iter().all(|item| (1..=100).contains(&item.quantity));
    if order.items.is_empty() || order.items.len() > MOST_ITEMS || !quantities {
        let error = format!("an order has 1 to {MOST_ITEMS} items, each 1 to 100 times");
        return Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, &error));
    }
    let path = format!("users/{}", order.user_id);
    let user = checkout.ask::<Value>(&checkout.user, &path, &order.token);
    let prices = future::try_join_all(order.items.iter().map(|item| async {
        let path = format!("products/{}", item.product_id);
        let product = checkout.ask::<Product>(&checkout.product, &path, "").await?;
        Ok(u64::from(product.price_cents) * u64::from(item.quantity))
    }));
    let (_, prices) = future::try_join(user, prices).await?;
    let order_id = checkout.orders.fetch_add(1, Ordering::Relaxed);
    Ok((StatusCode::CREATED, Json(json!({ "order_id": order_id, "total_cents": prices.iter().sum::<u64>() }))))
}

impl Checkout {
    async fn ask<T: DeserializeOwned>(&self, whom: &Dependency, path: &str, token: &str) -> Result<T, Refusal> {
        let url = format!("{}/{path}", whom.url);
        let mut request = self.http.get(&url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let failed = || refusal(StatusCode::BAD_GATEWAY, &format!("{url} failed"));
        let answer = whom.breaker.call(request.build().map_err(|_| failed())?).await.map_err(|why| match why {
            Unanswered::Refused => {
                refusal(StatusCode::SERVICE_UNAVAILABLE, &format!("{url} is not asked for now: too many calls failed"))
            }
            Unanswered::TooLate => refusal(StatusCode::GATEWAY_TIMEOUT, &format!("{url} took too long")),
            Unanswered::Failed => failed(),
        })?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body).map_err(|_| failed()),
            StatusCode::NOT_FOUND => Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, &format!("{url} does not exist"))),
            StatusCode::UNAUTHORIZED => Err(refusal(StatusCode::UNAUTHORIZED, "the token is not valid")),
            status => Err(refusal(StatusCode::BAD_GATEWAY, &format!("{url} answered {status}"))),
        }
    }
}
