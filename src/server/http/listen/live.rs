//! An answer that goes on and on, written without hyper.

use std::io;

use axum::{http::Version, response::Response};
use bytes::Buf;
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What is read at once of what nobody asked for, in bytes.
const UNASKED: usize = 64;

/// An answer to be written.
pub struct Live {
    /// The request's.
    pub version: Version,
    /// Its body may take forever.
    pub response: Response,
}

impl Live {
    /// Writes all of it, each piece as soon as it is there. Who gets an error, or an end without a last chunk, knows that
    /// it is not whole.
    pub async fn send(self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let Self { version, response } = self;
        // Before, the end of the connection is the end of the answer.
        let chunked = version >= Version::HTTP_11;
        to.write_all(&head(&response, chunked)).await?;
        // TLS may hold back what is less than a record.
        to.flush().await?;
        let mut body = response.into_body().into_data_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(io::Error::other)?;
            match (chunked, piece.len()) {
                // It would be the last.
                (true, 0) => {}
                (true, length) => {
                    let length = format!("{length:x}\r\n");
                    to.write_all_buf(&mut Buf::chain(length.as_bytes(), piece).chain(&b"\r\n"[..])).await?;
                }
                (false, _) => to.write_all(&piece).await?,
            }
            to.flush().await?;
        }
        if chunked {
            to.write_all(b"0\r\n\r\n").await?;
        }
        to.shutdown().await
    }
}

/// The status line and the headers.
fn head(response: &Response, chunked: bool) -> Vec<u8> {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut head = format!("HTTP/1.1 {}\r\ndate: {date}\r\nconnection: close\r\n", response.status()).into_bytes();
    if chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    for (name, value) in response.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Resolves when the other side is gone. What it says is not listened to.
pub async fn hung_up(from: &mut (impl AsyncRead + Unpin)) {
    let mut unasked = [0; UNASKED];
    while from.read(&mut unasked).await.is_ok_and(|length| length > 0) {}
}
