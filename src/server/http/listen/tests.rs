use std::net::SocketAddr;

use axum::routing::get;
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use tokio_rustls::TlsConnector;

use super::*;
use crate::server::config::TlsFiles;

/// Far longer than any test takes.
const NEVER: Duration = Duration::from_secs(3_600);

struct Server {
    addr: SocketAddr,
    token: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    /// How many live streams are at work.
    viewers: watch::Receiver<usize>,
}

impl Server {
    async fn start(bounds: Bounds) -> Self {
        Self::behind(bounds, Vec::new()).await
    }

    async fn behind(bounds: Bounds, proxies: Vec<Network>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (count, viewers) = watch::channel(0);
        let live = move || {
            let count = count.clone();
            count.send_modify(|count| *count += 1);
            let viewer = AtEnd(move || count.send_modify(|count| *count -= 1));
            let ticks = futures::stream::unfold(viewer, |viewer| async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 65_536])), viewer))
            });
            async { Body::from_stream(ticks) }
        };
        let router = Router::new()
            .route("/stop", get(|| async { "stopped" }))
            .route("/api/v1/live", get(live))
            .layer(axum::middleware::from_fn_with_state(bounds.room(), limit_viewers));
        let token = CancellationToken::new();
        let served = tokio::spawn(serve(Listening { listener, bounds, proxies, tls: None }, router, token.clone()));
        Self { addr, token, served, viewers }
    }

    async fn connect(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, path: &str) -> String {
        let stream = self.connect(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        all_of(stream).await
    }

    async fn watch_live(&self) -> (TcpStream, String) {
        let mut stream = self.connect("GET /api/v1/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        (stream, String::from_utf8_lossy(&head).into_owned())
    }
}

/// Everything until the other side ends the connection.
async fn all_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that made room is reset.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Calls when it is dropped.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[tokio::test]
async fn a_head_that_is_never_finished_ends() {
    let server = Server::start(Bounds { head: Duration::from_millis(50), ..Bounds::of(1_024) }).await;
    let half = server.connect("GET /stop HTTP/1.1\r\nhost: x\r\n").await;
    let nothing = server.connect("").await;
    assert_eq!((all_of(half).await, all_of(nothing).await), (String::new(), String::new()));
}

#[tokio::test]
async fn there_is_always_room_for_one_more() {
    let bounds = Bounds { connections: 8, of_one: 8, head: NEVER, unread: NEVER };
    let most = 6;
    let server = Server::start(bounds).await;
    let mut viewers = Vec::new();
    for _ in 0..most {
        let (stream, head) = server.watch_live().await;
        assert_eq!(head, "HTTP/1.1 200");
        viewers.push(stream);
    }
    let mut half = Vec::new();
    for number in 0..40 {
        half.push(server.connect("GET /stop HTTP/1.1\r\nhost: x\r\n").await);
        if number % 10 == 9 {
            assert!(server.ask("/stop").await.ends_with("stopped"), "{number}");
        }
    }
    assert!(server.ask("/api/v1/live").await.starts_with("HTTP/1.1 503"), "one viewer too many");
    assert_eq!(*server.viewers.borrow(), most, "no viewer had to go");
    // The oldest made room.
    assert_eq!(all_of(half.remove(0)).await, "");
    drop(viewers.pop());
    let mut seen = server.viewers.clone();
    seen.wait_for(|count| *count < most).await.unwrap();
    assert_eq!(server.watch_live().await.1, "HTTP/1.1 200");
}

#[tokio::test]
async fn one_address_leaves_room_for_others() {
    let bounds = Bounds { connections: 64, of_one: 4, head: NEVER, unread: NEVER };
    let server = Server::start(bounds).await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let (stream, head) = server.watch_live().await;
        assert_eq!(head, "HTTP/1.1 200");
        viewers.push(stream);
    }
    assert!(server.ask("/api/v1/live").await.starts_with("HTTP/1.1 503"), "one viewer too many of this address");
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(server.addr).await.unwrap();
    other.write_all(b"GET /stop HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut half = Vec::new();
    for _ in 0..8 {
        half.push(server.connect("GET /stop HTTP/1.1\r\nhost: x\r\n").await);
    }
    assert!(server.ask("/stop").await.ends_with("stopped"), "its own make room");
    assert_eq!(all_of(half.remove(0)).await, "");
    other.write_all(b"connection: close\r\n\r\n").await.unwrap();
    assert!(all_of(other).await.ends_with("stopped"), "others don't");
    assert_eq!(*server.viewers.borrow(), 3, "no viewer had to go");
}

#[tokio::test]
async fn a_proxy_that_is_trusted_is_many() {
    let bounds = Bounds { connections: 64, of_one: 1, head: NEVER, unread: NEVER };
    let server = Server::behind(bounds, vec!["127.0.0.1".parse().unwrap()]).await;
    let mut half = Vec::new();
    for _ in 0..8 {
        half.push(server.connect("GET /stop HTTP/1.1\r\nhost: x\r\n").await);
    }
    for mut stream in half {
        stream.write_all(b"connection: close\r\n\r\n").await.unwrap();
        assert!(all_of(stream).await.ends_with("stopped"));
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(Bounds { head: NEVER, ..Bounds::of(1_024) }).await;
    let long = "a".repeat(2 * HEAD);
    let many = "x: y\r\n".repeat(200);
    let heads =
        [format!("GET /{long}"), format!("GET / HTTP/1.1\r\nx: {long}"), format!("GET / HTTP/1.1\r\n{many}\r\n")];
    for head in heads {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        // It may be refused before it is whole.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert!(matches!(&status, b"HTTP/1.1 431" | b"HTTP/1.1 414"), "{}", String::from_utf8_lossy(&status));
    }
    assert!(server.ask("/stop").await.ends_with("stopped"));
}

/// A server whose live stream sends `pieces` and then waits for the end.
async fn live_server(pieces: Vec<Bytes>, shutdown: CancellationToken) -> SocketAddr {
    live_server_with(pieces, shutdown, None).await
}

async fn live_server_with(pieces: Vec<Bytes>, shutdown: CancellationToken, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let pieces = Arc::new(Mutex::new(Some(pieces)));
    let end = shutdown.clone();
    let live = move || {
        let pieces = pieces.lock().unwrap().take().unwrap_or_default();
        let pieces = futures::stream::iter(pieces).chain(futures::stream::pending()).take_until(end.cancelled_owned());
        async { ([("x-stream", "ours")], Body::from_stream(pieces.map(Ok::<_, Infallible>))) }
    };
    let router = Router::new()
        .route("/api/v1/live", get(live))
        .layer(axum::middleware::from_fn_with_state(Room::of(8, 8), limit_viewers));
    let bounds = Bounds::of(1_024);
    tokio::spawn(serve(Listening { listener, bounds, proxies: Vec::new(), tls }, router, shutdown));
    addr
}

#[tokio::test]
async fn the_live_stream_is_an_answer_like_any_other() {
    // Larger than what the system takes at once, and one that would be read as the end.
    let pieces = || vec![Bytes::from(vec![b'a'; 300_000]), Bytes::new(), Bytes::from_static(b"end")];
    let whole = [vec![b'a'; 300_000], b"end".to_vec()].concat();

    let shutdown = CancellationToken::new();
    let url = format!("http://{}/api/v1/live", live_server(pieces(), shutdown.clone()).await);
    let mut answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.headers()["x-stream"], "ours");
    let date = answer.headers()["date"].to_str().unwrap();
    assert!(date.ends_with(" GMT") && jiff::fmt::rfc2822::parse(date).is_ok(), "{date}");
    let mut got = Vec::new();
    while got.len() < whole.len() {
        got.extend(answer.chunk().await.unwrap().unwrap());
    }
    assert!(got == whole);
    shutdown.cancel();
    assert_eq!(answer.chunk().await.unwrap(), None, "a whole answer");

    for (request, body) in [("GET /api/v1/live HTTP/1.0", &whole[..]), ("HEAD /api/v1/live HTTP/1.1", b"")] {
        let shutdown = CancellationToken::new();
        let addr = live_server(pieces(), shutdown.clone()).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(format!("{request}\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut got = Vec::new();
        let mut end = None;
        while end.is_none_or(|end| got.len() < end + body.len()) {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
            end = got.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        }
        shutdown.cancel();
        stream.read_to_end(&mut got).await.unwrap();
        assert!(&got[end.unwrap()..] == body, "{request}");
    }
}

/// Certificate and key of a name in files, and who trusts them.
pub fn certified(name: &str) -> (tempfile::TempDir, TlsFiles, TlsConnector) {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    (dir, files, TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn the_live_stream_comes_over_https_piece_by_piece_and_this_machine_may_speak_plainly() {
    let (_dir, files, connector) = certified("localhost");
    let shutdown = CancellationToken::new();
    // Larger than a record, and less than one.
    let pieces = vec![Bytes::from(vec![b'a'; 300_000]), Bytes::from_static(b"small")];
    let addr = live_server_with(pieces, shutdown.clone(), Some(tls::acceptor(&files).unwrap())).await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(b"GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"\r\nsmall\r\n") {
        assert!(stream.read_buf(&mut got).await.unwrap() > 0);
    }
    shutdown.cancel();
    stream.read_to_end(&mut got).await.unwrap();
    assert!(got.ends_with(b"\r\n0\r\n\r\n"), "a whole answer");
    assert!(reqwest::get(format!("http://{addr}/api/v1/live")).await.is_err(), "it has ended");

    let shutdown = CancellationToken::new();
    let addr = live_server_with(vec![], shutdown, Some(tls::acceptor(&files).unwrap())).await;
    assert_eq!(reqwest::get(format!("http://{addr}/api/v1/live")).await.unwrap().status(), 200);
    // Nothing that was never HTTPS holds it up.
    let mut broken = TcpStream::connect(addr).await.unwrap();
    broken.write_all(&[22, 3, 1, 0, 5, 1, 2, 3, 4, 5]).await.unwrap();
    all_of(broken).await;
    assert_eq!(reqwest::get(format!("http://{addr}/api/v1/live")).await.unwrap().status(), 200);
}

#[test]
fn what_is_no_certificate_or_not_its_key_is_named() {
    let ((dir, files, _), (_other_dir, other, _)) = (certified("localhost"), certified("localhost"));
    let refused = |cert: &std::path::Path, key: &std::path::Path| {
        tls::acceptor(&TlsFiles { cert: cert.into(), key: key.into() }).err().unwrap().to_string()
    };
    let none = dir.path().join("none.pem");
    assert!(refused(&none, &files.key).contains("none.pem") && refused(&files.cert, &none).contains("HAD_TLS_KEY"));
    assert!(refused(&files.key, &files.key).contains("no certificate"));
    assert!(refused(&files.cert, &files.cert).contains("cert.pem"));
    assert!(refused(&files.cert, &other.key).contains("no pair"));
}

#[tokio::test]
async fn a_viewer_who_is_up_to_date_holds_little() {
    let (piece, shutdown) = (Bytes::from(vec![b'x'; 300_000]), CancellationToken::new());
    let addr = live_server(vec![piece.clone()], shutdown.clone()).await;
    let mut answer = reqwest::get(format!("http://{addr}/api/v1/live")).await.unwrap();
    let mut missing = piece.len();
    while missing > 0 {
        missing -= answer.chunk().await.unwrap().unwrap().len();
    }
    // The server is done with it a moment after we are.
    while !piece.is_unique() {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let live = Live { version: axum::http::Version::HTTP_11, response: Response::default() };
    let place = Arc::new(Open::enter(&Arc::default(), None));
    let held = size_of_val(&follow(stream, live, place));
    assert!(held <= 1_024, "{held} bytes");
}

#[tokio::test]
async fn who_takes_nothing_is_dropped_and_who_reads_is_not() {
    let server = Server::start(Bounds { unread: Duration::from_millis(500), ..Bounds::of(1_024) }).await;
    let (_asleep, _) = server.watch_live().await;
    let (mut awake, _) = server.watch_live().await;
    let mut seen = server.viewers.clone();
    let mut buffer = vec![0; 65_536];
    let reading = async {
        loop {
            assert!(awake.read(&mut buffer).await.unwrap() > 0);
        }
    };
    tokio::select! {
        count = seen.wait_for(|count| *count == 1) => drop(count.unwrap()),
        () = reading => {}
    }
    assert!(awake.read(&mut buffer).await.unwrap() > 0);
}

#[tokio::test]
async fn the_end_waits_for_answers_and_closes_what_is_idle() {
    let server = Server::start(Bounds { head: NEVER, ..Bounds::of(1_024) }).await;
    let mut idle = server.connect("GET /stop HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    server.token.cancel();
    server.served.await.unwrap();
    assert!(all_of(idle).await.ends_with("stopped"));
}

#[test]
fn bounds_leave_descriptors_for_the_rest() {
    assert_eq!(Bounds::of(1_024).connections, 768);
    assert_eq!(Bounds::of(1_024).of_one, 384);
    assert_eq!(Bounds::of(u64::MAX).connections, CONNECTIONS);
    assert!(Bounds::of(0).connections >= 1 && Bounds::of(1).of_one >= 1);
}
