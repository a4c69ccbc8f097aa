//! HTTPS with certificates that are given. On the same port this machine's own programs may speak plain HTTP (commands, probes,
//! Prometheus), and proxies that are trusted. Whoever else does is led to HTTPS.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::server::config::TlsFiles;

/// How a TLS conversation begins.
const HANDSHAKE: u8 = 22;

/// Why there is no HTTPS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read, or holds something else.
    #[error(
        "can't use {file} for HTTPS: {cause}; name PEM files with HAD_TLS_CERT (the certificate and those that signed it) and HAD_TLS_KEY"
    )]
    File {
        /// The file.
        file: String,
        /// The cause.
        cause: String,
    },
    /// They don't belong together.
    #[error("the certificate (HAD_TLS_CERT) and the key (HAD_TLS_KEY) are no pair: {0}")]
    NoPair(rustls::Error),
}

/// What connections are made safe with.
///
/// # Errors
/// [`TlsError`].
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let refused = |file: &std::path::Path, cause: String| TlsError::File { file: file.display().to_string(), cause };
    let chain = CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| refused(&files.cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(refused(&files.cert, "there is no certificate in it".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| refused(&files.key, error.to_string()))?;
    let builder =
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let config = builder.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(TlsError::NoPair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What a connection turned out to be.
pub enum Spoken {
    /// HTTPS.
    Safe(Box<TlsStream<TcpStream>>),
    /// Plain HTTP of who may speak it.
    Plain(TcpStream),
}

/// Finds out what is spoken on a connection within a time, and answers who should have spoken HTTPS. `None`: it is over.
///
/// # Errors
/// When it broke, or took longer.
pub async fn hear(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    may_be_plain: bool,
    http: &http1::Builder,
    limit: Duration,
) -> io::Result<Option<Spoken>> {
    let mut first = [0];
    if timeout(limit, stream.peek(&mut first)).await?? == 0 {
        return Ok(None);
    }
    if first[0] == HANDSHAKE {
        let safe = timeout(limit, acceptor.accept(stream)).await??;
        return Ok(Some(Spoken::Safe(Box::new(safe))));
    }
    if may_be_plain {
        return Ok(Some(Spoken::Plain(stream)));
    }
    let led = http.serve_connection(TokioIo::new(stream), service_fn(lead)).await;
    led.map(|()| None).map_err(io::Error::other)
}

/// Leads to the same address over HTTPS.
async fn lead(request: hyper::Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let close = (header::CONNECTION, "close".to_owned());
    Ok(match host {
        Some(host) => {
            let to = (header::LOCATION, format!("https://{host}{path}"));
            (StatusCode::PERMANENT_REDIRECT, [to, close]).into_response()
        }
        None => (StatusCode::BAD_REQUEST, [close]).into_response(),
    })
}
