//! The outermost layer: gives every request a correlation id and a log line, every error its body, and every answer the
//! headers that tell browsers what not to do.

use std::{convert::Infallible, sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ha_dashboard::api::{
    caller::{Caller, Door},
    error::ApiError,
};
use tower_http::set_header::response::SetMultipleResponseHeadersLayer;
use tracing::Instrument;

use super::{
    entry::{self, ENTER},
    error::Problem,
    most_bytes,
    proxies::Way,
    sharing::SHARED,
};
use crate::server::{access::Access, config::Settings, telemetry};

/// Names a request across callers, log and errors.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// Longest correlation id taken from a caller.
const MAX_CORRELATION_ID: usize = 128;

/// Libraries put errors into lines no longer than this.
const MAX_TEXT_BYTES: usize = 4_096;

/// Built files carry a hash of their content in their names, so they never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Who came over HTTPS comes back over nothing else for a year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Who asks, for handlers.
pub struct Asking(pub Caller);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Caller>().cloned().unwrap_or_default()))
    }
}

/// The layer itself.
pub async fn edge(
    State((settings, access)): State<(Arc<Settings>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = correlation_id(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let Way { from, secure } = request.extensions().get::<Way>().copied().unwrap_or_default();
    let caller = Caller { correlation_id: id.clone(), door: Door::Rest, from, ..Caller::default() };
    let admitted = entry::identify(&access, caller, request.headers());

    let span = tracing::info_span!("request", %method, route, correlation_id = %id);
    telemetry::follow_up(&span, request.headers());
    let started = Instant::now();
    let mut response = match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).instrument(span.clone()).await
        }
        Err(_) => entry::bad_token(),
    };
    let problem = problem(&mut response, most_bytes(&method, &path)).await;

    let _entered = span.enter();
    if let Some(problem) = problem {
        let status = problem.status;
        let error = problem.error.clone();
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), error, "refused");
        } else {
            tracing::info!(status = status.as_u16(), error, "refused");
        }
        let mut headers = std::mem::take(response.headers_mut());
        if let Some(wait_s) = problem.wait_s {
            headers.insert(header::RETRY_AFTER, wait_s.into());
        }
        response = (status, Json(problem.body(id.clone()))).into_response();
        // What a layer further in had to say, such as `Allow`, stays.
        for (name, value) in headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    // Probes come every few seconds, and files by the dozen.
    if matches!(route.as_str(), "/health" | "/health/detailed" | "/ready" | "/live" | "/metrics" | "-") {
        let path = [SHARED, ENTER].into_iter().find(|secret| path.starts_with(secret)).unwrap_or(&path);
        tracing::debug!(status, duration_ms, path, "answered");
    } else {
        tracing::info!(status, duration_ms, "answered");
    }

    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(CORRELATION, value);
    }
    if secure {
        response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
    cache(&mut response, &path, &settings);
    response
}

/// The caller's id where it is fit to be logged, else a new one.
fn correlation_id(headers: &HeaderMap) -> String {
    let given = headers.get(&CORRELATION).and_then(|value| value.to_str().ok());
    given
        .filter(|id| (1..=MAX_CORRELATION_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

/// Whether an error has no body of its own, or a line of text that a library made.
pub fn is_bare(status: StatusCode, headers: &HeaderMap) -> bool {
    let has_body = |kind: &HeaderValue| !kind.as_bytes().starts_with(b"text/plain");
    (status.is_client_error() || status.is_server_error()) && !headers.get(header::CONTENT_TYPE).is_some_and(has_body)
}

/// The error to write out, also where a library made a bare status or a line of text of it.
async fn problem(response: &mut Response, most_bytes: usize) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    if !is_bare(status, response.headers()) {
        return None;
    }
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is too large; at most {most_bytes} bytes are allowed"),
        )),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body's content type is not understood; allowed: application/x-www-form-urlencoded".into(),
        )),
        StatusCode::NOT_FOUND => Some(ApiError::NotFound { what: "such address".into() }.into()),
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::wrong_method()),
        status => {
            let body = std::mem::take(response.body_mut());
            let text = axum::body::to_bytes(body, MAX_TEXT_BYTES).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let error = match text.trim() {
                "" => status.canonical_reason().unwrap_or("the request was refused").to_owned(),
                text => text.to_owned(),
            };
            let code = if status.is_client_error() { "bad_request" } else { "internal" };
            Some(Problem::new(status, code, error))
        }
    }
}

/// Tells browsers what not to do, where a handler has not said otherwise.
pub fn security() -> SetMultipleResponseHeadersLayer<Response> {
    let rules = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // Pages bring their own policy; nothing else may run anything.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    let rules = rules.map(|(name, value)| (name, HeaderValue::from_static(value)).into());
    SetMultipleResponseHeadersLayer::if_not_present(rules.into())
}

fn cache(response: &mut Response, path: &str, settings: &Settings) {
    let hashed = response.status() == StatusCode::OK && settings.hashed() && path.starts_with("/pkg/");
    let value = if hashed { IMMUTABLE } else { HeaderValue::from_static("no-cache") };
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(value);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_correlation_ids_are_taken() {
        let of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CORRELATION, HeaderValue::from_bytes(value).unwrap());
            correlation_id(&headers)
        };
        assert_eq!(of(b"abc-1.{}\"'"), "abc-1.{}\"'");
        for bad in [&b""[..], b"with space", &[b'x'; 129], "\u{fc}".as_bytes()] {
            let made = of(bad);
            assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        }
        assert_ne!(correlation_id(&HeaderMap::new()), correlation_id(&HeaderMap::new()));
    }
}
