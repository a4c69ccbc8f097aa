//! product-service: a catalogue.

use axum::{Json, Router, extract::Path, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};

use super::refusal::{Refusal, refusal};

/// How many products there are.
const PRODUCTS: u32 = 60;

const KINDS: [&str; 6] = ["Mug", "Lamp", "Chair", "Notebook", "Backpack", "Clock"];

/// A product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    /// From 1.
    pub id: u32,
    /// For people.
    pub name: String,
    /// Price in cents.
    pub price_cents: u32,
}

/// The routes.
pub fn router() -> Router {
    Router::new()
        .route("/products", get(|| async { Json((1..=PRODUCTS).map(product).collect::<Vec<_>>()) }))
        .route("/products/{id}", get(show))
}

async fn show(Path(id): Path<u32>) -> Result<Json<Product>, Refusal> {
    if (1..=PRODUCTS).contains(&id) {
        Ok(Json(product(id)))
    } else {
        Err(refusal(StatusCode::NOT_FOUND, "there is no such product"))
    }
}

fn product(id: u32) -> Product {
    let kind = KINDS[id as usize % KINDS.len()];
    Product { id, name: format!("{kind} no. {id}"), price_cents: 499 + id * 37 % 9000 }
}
