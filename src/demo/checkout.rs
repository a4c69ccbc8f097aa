//! checkout-service: takes an order, for which it asks product-service and user-service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use futures::future;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    product::Product,
    refusal::{Refusal, refusal},
};

/// How long a dependency may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Most items of an order.
const MOST_ITEMS: usize = 20;

struct Checkout {
    http: reqwest::Client,
    product: String,
    user: String,
    orders: AtomicU64,
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

/// The routes; `product` and `user` are the dependencies' base addresses.
pub fn router(product: String, user: String) -> reqwest::Result<Router> {
    let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let checkout = Arc::new(Checkout { http, product, user, orders: AtomicU64::new(1) });
    Ok(Router::new().route("/checkout", post(check_out)).with_state(checkout))
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
    let user = checkout.ask::<Value>(format!("{}/users/{}", checkout.user, order.user_id), &order.token);
    let prices = future::try_join_all(order.items.iter().map(|item| async {
        let url = format!("{}/products/{}", checkout.product, item.product_id);
        let product = checkout.ask::<Product>(url, "").await?;
        Ok(u64::from(product.price_cents) * u64::from(item.quantity))
    }));
    let (_, prices) = future::try_join(user, prices).await?;
    let order_id = checkout.orders.fetch_add(1, Ordering::Relaxed);
    Ok((StatusCode::CREATED, Json(json!({ "order_id": order_id, "total_cents": prices.iter().sum::<u64>() }))))
}

impl Checkout {
    async fn ask<T: serde::de::DeserializeOwned>(&self, url: String, token: &str) -> Result<T, Refusal> {
        let mut request = self.http.get(&url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => refusal(StatusCode::GATEWAY_TIMEOUT, &format!("{url} took too long")),
            false => refusal(StatusCode::BAD_GATEWAY, &format!("{url} failed")),
        };
        let answer = request.send().await.map_err(failed)?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map_err(failed),
            StatusCode::NOT_FOUND => Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, &format!("{url} does not exist"))),
            StatusCode::UNAUTHORIZED => Err(refusal(StatusCode::UNAUTHORIZED, "the token is not valid")),
            status => Err(refusal(StatusCode::BAD_GATEWAY, &format!("{url} answered {status}"))),
        }
    }
}
