//! The axum side: REST, live stream, plain forms, pages. No logic: each handler is one call of the
//! [`ha_dashboard::api::port`] and puts its answer into words.
//!
//! From the outside in: [`proxies`] (where a request came from), [`edge`] (correlation id, log line, error bodies, headers), [`guard`] (who may call), body limit,
//! compression, routes.

mod accounts;
mod badge;
mod breakers;
mod chaos;
mod edge;
mod emergency;
mod entry;
mod error;
mod exports;
mod faults;
mod forms;
pub mod guard;
mod health;
mod json;
pub mod listen;
mod live;
mod load_test;
mod metrics;
pub mod oidc;
mod openapi;
mod plans;
mod present;
pub mod proxies;
mod runs;
mod scenarios;
mod schedules;
mod sharing;
#[cfg(test)]
pub mod tests;
mod uploads;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{Extensions, HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use ha_dashboard::{
    api::{error::ApiError, port::SharedControl},
    domain::run::RunId,
};
use http_body_util::Limited;
use tower::{Layer, ServiceExt};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, Predicate, predicate::DefaultPredicate},
    timeout::RequestBodyTimeoutLayer,
};

pub use self::entry::ENTER;
use self::error::{Failure, Problem};
use super::{access::Access, config::Settings, oidc::Provider, shutdown::Shutdown};

/// Larger bodies are refused, unless a script may come in them: the largest honest one is a form with thresholds.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(15);

/// What handlers work with.
#[derive(Clone)]
pub struct HttpState {
    /// Does everything, for those who may.
    pub control: SharedControl,
    /// Who is let in.
    pub access: Access,
    /// With whom a team logs in.
    pub provider: Option<Arc<Provider>>,
    /// What was set.
    pub settings: Arc<Settings>,
    /// Ends the streams.
    pub shutdown: Shutdown,
    /// What callers call their experiments.
    pub experiments: chaos::Names,
    /// Places for viewers of the live stream.
    pub viewers: Arc<listen::Room>,
}

/// Everything the dashboard serves; `pages` answers what is no route of ours.
pub fn router(state: HttpState, pages: Router) -> Router {
    let (api, description) = openapi::api().split_for_parts();
    let description = Arc::new(description);
    let is_final = |status: StatusCode, _, headers: &HeaderMap, _: &Extensions| !edge::is_bare(status, headers);
    let compression =
        CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(DefaultPredicate::new().and(is_final));

    let api = api
        .route("/api/openapi.json", get(move || async move { axum::Json(description) }))
        .route("/api", any(unknown_route))
        .route("/api/", any(unknown_route))
        .route("/api/{*rest}", any(unknown_route))
        .merge(forms::router())
        .merge(plans::router())
        .merge(webhooks::router())
        .merge(present::router())
        .merge(badge::router())
        .merge(sharing::router())
        .merge(accounts::router())
        .merge(uploads::router())
        .merge(entry::router())
        .merge(oidc::router())
        .method_not_allowed_fallback(wrong_method)
        .with_state(state.clone());

    api.fallback_service(pages)
        .layer(middleware::from_fn_with_state(compression, compress))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(limit_body))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(middleware::from_fn_with_state(Arc::clone(&state.viewers), listen::limit_viewers))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let what = (panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(what, "a handler panicked");
            // What panicked is for the log, not for callers.
            IntoResponse::into_response(Failure::from(ApiError::Internal {
                what: "the request could not be handled; the dashboard's log says more under this correlation id"
                    .into(),
            }))
        }))
        .layer(middleware::from_fn_with_state(state.access.clone(), entry::gate))
        .layer(guard::cross_site())
        .layer(middleware::from_fn_with_state(guard::Guard::new(&state.settings), guard::check))
        .layer(middleware::from_fn_with_state((Arc::clone(&state.settings), state.access.clone()), edge::edge))
        .layer(middleware::from_fn_with_state(Arc::clone(&state.settings), proxies::believe))
        .layer(edge::security())
}

/// Compresses what gets smaller. Not the live stream: a compressor would hold it back, and even one that leaves everything as
/// it is takes 6 kB for each viewer.
async fn compress<P: Predicate>(
    State(compression): State<CompressionLayer<P>>,
    request: Request,
    next: Next,
) -> Response {
    if listen::is_live(&request) {
        return next.run(request).await;
    }
    match compression.layer(next).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// Most bytes of a request's body.
fn most_bytes(method: &Method, path: &str) -> usize {
    uploads::most_bytes(method, path).unwrap_or(MAX_BODY_BYTES)
}

/// Refuses a body that is too large: at once where it says so, else as it comes.
async fn limit_body(request: Request, next: Next) -> Response {
    let most = most_bytes(request.method(), request.uri().path());
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, most)))).await
}

async fn unknown_route(uri: axum::http::Uri) -> Failure {
    ApiError::NotFound { what: format!("route {}; GET /api/openapi.json lists the routes", uri.path()) }.into()
}

async fn wrong_method() -> Failure {
    Problem::wrong_method().into()
}

/// The names and values of a query.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://dashboard/") else { return Vec::new() };
    url.set_query(Some(query.trim_start_matches('?')));
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The id in a path.
fn run_id(text: String) -> Result<RunId, Failure> {
    text.clone().try_into().map_err(|_| ApiError::NotFound { what: format!("run {}", error::shortened(&text)) }.into())
}
