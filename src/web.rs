//! Instantiates Leptos once: pages and server functions as one axum router. Not generic, so that the binary compiles fast.

mod shared;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
};
use futures::FutureExt;
use leptos::{
    nonce::{Nonce, use_nonce},
    prelude::*,
};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions_and_ssg_and_context,
};
use tower::ServiceExt;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use self::shared::SharedPages;
use crate::{
    api::{error::ApiError, port::SharedControl},
    ui,
};

/// Where server functions live.
pub const FUNCTIONS: &str = "/fn/";

/// Server functions answer errors with at most this many bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The pages' routes. Listed once: a page that is drawn while Leptos lists them never gets done.
static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();

/// Pages and server functions over `control`, and the files of the site.
pub fn router(options: LeptosOptions, control: SharedControl) -> Router {
    let view = control.clone();
    let pages = SharedPages::new(move |caller| {
        let view = view.clone();
        async move { view.page_state(&caller).await }.boxed()
    });
    let context = move || {
        provide_context(control.clone());
        use_given_nonce();
        forbid_foreign_scripts();
    };
    let build = build(&options);
    let routes = ROUTES
        .get_or_init(|| generate_route_list_with_exclusions_and_ssg_and_context(ui::App, None, context.clone()).0)
        .clone();
    let page = {
        let (options, build) = (options.clone(), build.clone());
        move || ui::shell(options.clone(), build.clone())
    };

    let not_found = leptos_axum::render_app_async_with_context(context.clone(), page.clone());
    let files = ServeDir::new(&*options.site_root)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    let fallback = move |request: Request<Body>| {
        let (files, not_found) = (files.clone(), not_found.clone());
        async move {
            // Only reads can mean a file.
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return StatusCode::NOT_FOUND.into_response();
            }
            let (parts, _) = request.into_parts();
            let again = || Request::from_parts(parts.clone(), Body::empty());
            match files.oneshot(again()).await {
                Ok(response) if response.status() != StatusCode::NOT_FOUND => response.into_response(),
                _ => {
                    let mut response = not_found(again()).await.into_response();
                    if response.status() == StatusCode::OK {
                        *response.status_mut() = StatusCode::NOT_FOUND;
                    }
                    response
                }
            }
        }
    };

    Router::new()
        .leptos_routes_with_context(&options, routes, context, page)
        .fallback(fallback)
        .layer(middleware::from_fn_with_state(Arc::new(pages), shared::share))
        .layer(middleware::from_fn(honest_status))
        .layer(middleware::from_fn(former_address))
        .layer(SetResponseHeaderLayer::overriding(
            HeaderName::from_static(ui::BUILD_HEADER),
            HeaderValue::from_str(&build).ok(),
        ))
        .with_state(options)
}

/// The pages' paths, once there is a [`router`].
pub fn pages() -> Vec<String> {
    ROUTES.get().into_iter().flatten().map(|route| route.path().to_owned()).collect()
}

/// The dashboard's address as a request has it: `http://` and its host, `https://` where that is so. Its headers must be true.
pub fn origin(headers: &HeaderMap) -> String {
    let word = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let proxied = word(&HeaderName::from_static("x-forwarded-proto"));
    let scheme = if proxied == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", word(&header::HOST).unwrap_or_default())
}

/// Leads on from an address that brought back a form while the load page was the first one.
async fn former_address(request: Request<Body>, next: Next) -> Response {
    let came_back = |query: &&str| query.split('&').any(|pair| pair.starts_with("error="));
    match request.uri().query().filter(came_back) {
        Some(query) if request.uri().path() == "/" => Redirect::to(&format!("/load?{query}")).into_response(),
        _ => next.run(request).await,
    }
}

/// Names the build of the site: what its files hash to, or the version where their names carry no hash.
fn build(options: &LeptosOptions) -> String {
    let hashes = options.hash_files.then(|| std::fs::read_to_string(&*options.hash_file).ok()).flatten();
    let wasm = hashes.as_deref().and_then(|hashes| hashes.lines().find_map(|line| line.strip_prefix("wasm:")));
    wasm.map_or(env!("CARGO_PKG_VERSION"), str::trim).to_owned()
}

/// Puts the request's own nonce, where it has one, in place of the one that Leptos made.
fn use_given_nonce() {
    let parts = use_context::<Parts>();
    if let Some(nonce) = parts.and_then(|parts| parts.extensions.get::<Nonce>().cloned()) {
        provide_context(nonce);
    }
}

/// Tells the browser to run only what this page brings. The nonce is Leptos' own, so this must be said while rendering.
fn forbid_foreign_scripts() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    // cargo-leptos reloads the page in development through a socket on a port of its own.
    let connect = if cfg!(debug_assertions) { "'self' ws:" } else { "'self'" };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; connect-src {connect}; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Leptos answers a server function's malformed arguments with 500: give them the error's own status.
async fn honest_status(request: Request<Body>, next: Next) -> Response {
    let is_function = request.uri().path().starts_with(FUNCTIONS);
    let response = next.run(request).await;
    if !is_function || response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_ERROR_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Ok(error) = serde_json::from_slice::<ApiError>(&bytes)
        && let Ok(status) = StatusCode::from_u16(error.status())
    {
        parts.status = status;
    }
    Response::from_parts(parts, Body::from(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_what_its_files_hash_to() {
        let folder = tempfile::tempdir().unwrap();
        let hash_file = folder.path().join("hash.txt");
        let options = |hashed: bool| {
            let hash_file: std::sync::Arc<str> = hash_file.display().to_string().into();
            LeptosOptions::builder().output_name("x").hash_files(hashed).hash_file(hash_file).build()
        };
        assert_eq!(build(&options(true)), env!("CARGO_PKG_VERSION"), "no file");
        for wasm in ["aaa", "bbb"] {
            std::fs::write(&hash_file, format!("js: 1\nwasm: {wasm}\ncss: 2\n")).unwrap();
            assert_eq!(build(&options(true)), wasm);
            assert_eq!(build(&options(false)), env!("CARGO_PKG_VERSION"));
        }
    }
}
