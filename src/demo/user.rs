//! user-service: sign-in and profiles.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::{Refusal, refusal};

/// How many users there are.
const USERS: u32 = 1_000;

/// How often a sign-in hashes: password checks are the dear part of such a service. About a millisecond of CPU.
const ROUNDS: u32 = 40_000;

/// What a sign-in needs.
#[derive(Debug, Deserialize)]
struct Login {
    user: String,
    password: String,
}

/// A user.
#[derive(Debug, Serialize)]
struct User {
    id: u32,
    name: String,
}

/// The routes.
pub fn router() -> Router {
    Router::new().route("/login", post(login)).route("/users/{id}", get(show))
}

async fn login(Json(login): Json<Login>) -> Result<Json<Value>, Refusal> {
    if login.user.is_empty() || login.password.is_empty() {
        return Err(refusal(StatusCode::UNAUTHORIZED, "user and password must not be empty"));
    }
    let mut hash = hashed(&login.password, 0);
    for round in 0..ROUNDS {
        hash = hashed(hash, round.into());
    }
    Ok(Json(json!({ "token": format!("{:016x}.{:016x}", hash, signature(&format!("{hash:016x}"))) })))
}

/// A request with a token must have a valid one.
async fn show(Path(id): Path<u32>, headers: HeaderMap) -> Result<Json<User>, Refusal> {
    let token = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    if let Some(token) = token {
        let (body, given) = token.strip_prefix("Bearer ").and_then(|token| token.split_once('.')).unwrap_or_default();
        if format!("{:016x}", signature(body)) != given {
            return Err(refusal(StatusCode::UNAUTHORIZED, "the token is not valid"));
        }
    }
    if !(1..=USERS).contains(&id) {
        return Err(refusal(StatusCode::NOT_FOUND, "there is no such user"));
    }
    Ok(Json(User { id, name: format!("Customer {id}") }))
}

/// Not a real signature: nothing is protected here, and tokens outlive a restart.
fn signature(text: &str) -> u64 {
    hashed(text, 42)
}

fn hashed(value: impl Hash, salt: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (value, salt).hash(&mut hasher);
    hasher.finish()
}
