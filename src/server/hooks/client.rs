//! Asks a target. No redirect is followed, and of an answer only the head is read.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Uri, header};
use bytes::Bytes;
use ha_dashboard::domain::hook::Answer;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use super::signature::sign;
use crate::server::https::{cause, connector};

/// How long an answer may take: what Standard Webhooks recommends at least.
const PATIENCE: Duration = Duration::from_secs(15);

/// A client for `http` and `https`.
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
}

/// A message to be sent.
pub struct Request<'a> {
    /// Where it goes.
    pub url: &'a Uri,
    /// The message's id.
    pub id: &'a str,
    /// When it is sent, in s since 1970.
    pub at_s: u64,
    /// What it is signed with.
    pub secret: Option<&'a [u8]>,
    /// Its text.
    pub body: String,
}

impl Client {
    /// One that keeps no connection open: messages are rare.
    pub fn new() -> Self {
        Self::over(connector(), PATIENCE)
    }

    fn over(connector: HttpsConnector<HttpConnector>, patience: Duration) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { http, patience }
    }

    /// Sends a message.
    pub async fn post(&self, request: Request<'_>) -> Answer {
        let Request { url, id, at_s, secret, body } = request;
        let signed = secret.map(|secret| sign(secret, id, at_s, &body));
        let mut builder = axum::http::Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("ha-dashboard/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", at_s);
        if let Some(signed) = signed {
            builder = builder.header("webhook-signature", signed);
        }
        let request = match builder.body(Full::from(body)) {
            Ok(request) => request,
            Err(error) => return Answer::Unreachable { reason: error.to_string() },
        };
        match timeout(self.patience, self.http.request(request)).await {
            Ok(Ok(response)) => Answer::Status {
                status: response.status().as_u16(),
                retry_after_s: retry_after_s(response.headers(), jiff::Timestamp::now()),
            },
            Ok(Err(error)) => Answer::Unreachable { reason: cause(&error) },
            Err(_) => Answer::Timeout,
        }
    }
}

/// How long an answer asks to wait: seconds, or a date.
pub fn retry_after_s(headers: &HeaderMap, now: jiff::Timestamp) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    text.parse().ok().or_else(|| {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(u64::try_from(at.as_second() - now.as_second()).unwrap_or_default())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use hyper_rustls::HttpsConnectorBuilder;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;

    impl Client {
        /// One that waits only so long.
        pub fn waiting(patience: Duration) -> Self {
            Self { patience, ..Self::new() }
        }
    }

    fn post<'a>(url: &'a Uri) -> Request<'a> {
        Request { url, id: "msg_1", at_s: 1, secret: None, body: "{}".into() }
    }

    #[tokio::test]
    async fn a_certificate_counts_where_somebody_trusted_signed_it() {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let server = ServerConfig::builder().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(server.with_single_cert(vec![cert.der().clone()], key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(trusting).https_only().enable_http1().build();
        let patience = Duration::from_secs(60);
        let told = Client::over(connector, patience).post(post(&url)).await;
        assert_eq!(told, Answer::Status { status: 204, retry_after_s: None });
        let Answer::Unreachable { reason } = Client::waiting(patience).post(post(&url)).await else { panic!() };
        assert!(reason.contains("certificate"), "{reason}");
        serving.abort();
    }

    #[test]
    fn an_answer_asks_to_wait_in_seconds_or_until_a_date() {
        let now = "2026-11-26T07:28:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            ("Thu, 26 Nov 2026 07:29:30 GMT", Some(90)),
            ("Thu, 26 Nov 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after_s(&headers, now), seconds, "{text}");
        }
    }
}
