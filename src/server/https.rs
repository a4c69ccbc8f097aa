//! How others are asked over HTTP and HTTPS. Of a certificate those decide whom the system trusts; where it names none, those
//! whom Mozilla trusts.

use std::error::Error;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// Connects with `http` and `https`.
pub fn connector() -> HttpsConnector<HttpConnector> {
    let builder = HttpsConnectorBuilder::new().with_native_roots();
    let builder = builder.unwrap_or_else(|_| HttpsConnectorBuilder::new().with_webpki_roots());
    builder.https_or_http().enable_http1().build()
}

/// The innermost cause: what is around it says only that a request failed.
pub fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
