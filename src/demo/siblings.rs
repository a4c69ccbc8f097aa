//! Knobs that are turned at a service's own address reach all of its replicas; at a replica's, that one alone.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::join_all;

/// How long a sibling may take to turn its knobs. One that is down keeps none.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest description of knobs, in bytes.
const LONGEST: usize = 16 << 10;

/// The other replicas of a service.
#[derive(Debug)]
pub struct Siblings {
    /// The service's address as `Host` tells it, for example `127.0.0.1:8080`.
    service: String,
    urls: Vec<String>,
    http: reqwest::Client,
}

impl Siblings {
    /// The replicas at `urls` of the service at `service`.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn new(service: &str, urls: Vec<String>) -> reqwest::Result<Self> {
        let service = service.trim_start_matches("http://").to_owned();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { service, urls, http })
    }

    async fn turn(&self, url: &str, knobs: Bytes) {
        let turn = self.http.put(format!("{url}/knobs")).header(header::CONTENT_TYPE, "application/json").body(knobs);
        if let Err(error) = turn.send().await.and_then(reqwest::Response::error_for_status) {
            tracing::warn!(%error, "a sibling did not turn its knobs");
        }
    }
}

/// Passes knobs on that were turned here.
pub async fn pass_on(State(siblings): State<Arc<Siblings>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let all = request.method() == Method::PUT && request.uri().path() == "/knobs" && host == Some(&siblings.service);
    if !all || siblings.urls.is_empty() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(knobs) = to_bytes(body, LONGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let answer = next.run(Request::from_parts(head, Body::from(knobs.clone()))).await;
    if answer.status().is_success() {
        join_all(siblings.urls.iter().map(|url| siblings.turn(url, knobs.clone()))).await;
    }
    answer
}
