//! Keeps other sites' pages, open in the same browser, from using the dashboard.
//!
//! - A page elsewhere that posts here: refused by `Sec-Fetch-Site` and `Origin`.
//! - A name elsewhere that is made to point here (DNS rebinding): refused by `Host`.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use ha_dashboard::api::error::ApiError;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use super::error::{Failure, Problem, shortened};
use crate::server::config::Settings;

/// The names the dashboard answers to.
#[derive(Clone)]
pub struct Guard {
    hosts: Arc<BTreeSet<String>>,
}

impl Guard {
    /// Allows the configured names, and those of services at our own port: the dashboard can be put under load itself.
    pub fn new(settings: &Settings) -> Self {
        let own = settings.config.services.iter().filter_map(|service| {
            let url = reqwest::Url::parse(&service.url).ok()?;
            (url.port_or_known_default() == Some(settings.config.addr.port()))
                .then(|| url.host_str().map(str::to_owned))?
        });
        Self { hosts: Arc::new(settings.allowed_hosts.iter().cloned().chain(own).collect()) }
    }

    /// Whether a name may be ours. IP addresses always may: rebinding needs a name.
    fn knows(&self, authority: &str) -> bool {
        let Some(host) = host_name(authority) else { return false };
        is_local(&host) || ["*", &host, &authority.to_ascii_lowercase()].iter().any(|name| self.hosts.contains(*name))
    }
}

/// Whether the request was sent to an IP address or to this machine's own name: rebinding needs another one.
pub fn asks_no_foreign_name(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|value| value.to_str().ok()).and_then(host_name);
    host.is_some_and(|host| is_local(&host)) && hosts.next().is_none()
}

fn host_name(authority: &str) -> Option<String> {
    let parsed = authority.parse::<Authority>().ok()?;
    Some(parsed.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase())
}

fn is_local(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost")
}

/// Refuses what is sent to a name that is not ours.
pub async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    // Which of them counts is read differently by everybody on the way.
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        let what = "host: two names are not allowed; send one Host header".into();
        return Failure::from(ApiError::BadRequest { what }).into_response();
    }
    let host = host(&request).unwrap_or_default();
    if !guard.knows(&host) {
        let host = shortened(&host);
        return refusal(
            "unknown_host",
            format!("the dashboard does not answer to the name {host:?}; add it to allowed_hosts (HAD_ALLOWED_HOSTS)"),
        );
    }
    next.run(request).await
}

fn host(request: &Request) -> Option<String> {
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    header.or_else(|| request.uri().authority().map(ToString::to_string))
}

/// Refuses what pages of other sites want changed here. Browsers always send `Sec-Fetch-Site` or `Origin` with a post;
/// programs send neither and carry no one's login.
pub fn cross_site() -> CsrfLayer<fn(ProtectionError) -> Response> {
    CsrfLayer::new().with_rejection_response(|_| {
        let error = "pages of another site may not change anything here; use the dashboard's own page".into();
        refusal("cross_site", error)
    })
}

fn refusal(code: &'static str, error: String) -> Response {
    Failure::from(Problem::new(StatusCode::FORBIDDEN, code, error)).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::{Router, body::Body, http::HeaderValue, routing::post};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn names_that_may_be_ours() {
        let guard = Guard { hosts: Arc::new(["dash.example".to_owned(), "b.example:81".to_owned()].into()) };
        for host in ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "10.1.2.3", "Dash.Example:80", "b.example:81"] {
            assert!(guard.knows(host), "{host}");
        }
        for host in ["evil.example", "b.example:82", "", "localhost.evil.example", "a b", "notlocalhost"] {
            assert!(!guard.knows(host), "{host}");
        }
    }

    #[test]
    fn only_local_names_are_no_foreign_ones() {
        let asks = |hosts: &[&str]| {
            let pairs = hosts.iter().map(|host| (header::HOST, HeaderValue::from_str(host).unwrap()));
            asks_no_foreign_name(&pairs.fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            }))
        };
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3", "shop.localhost"] {
            assert!(asks(&[host]), "{host}");
        }
        for hosts in [&["evil.example:8080"][..], &[], &[""], &["127.0.0.1", "127.0.0.1"], &["127.0.0.1.evil.example"]]
        {
            assert!(!asks(hosts), "{hosts:?}");
        }
    }

    #[tokio::test]
    async fn other_sites_are_told_apart() {
        let same = async |pairs: &[(&'static str, &str)]| {
            let router = Router::new().route("/", post(async || ())).layer(cross_site());
            let request = Request::post("/").header(header::HOST, "localhost:3000");
            let request = pairs.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status() == StatusCode::OK
        };
        assert!(same(&[]).await);
        assert!(same(&[("origin", "http://localhost:3000"), ("sec-fetch-site", "same-origin")]).await);
        assert!(same(&[("origin", "https://localhost:3000")]).await);
        // Behind a proxy that puts another name into Host.
        assert!(same(&[("origin", "https://dash.example"), ("sec-fetch-site", "same-origin")]).await);
        assert!(!same(&[("origin", "http://localhost:8080")]).await);
        assert!(!same(&[("origin", "null")]).await);
        assert!(!same(&[("sec-fetch-site", "cross-site")]).await);
        assert!(!same(&[("sec-fetch-site", "same-site")]).await);
        // Which sites may not is for the browser to say, where it says anything.
        assert!(!same(&[("origin", "http://localhost:3000"), ("sec-fetch-site", "cross-site")]).await);
    }
}
