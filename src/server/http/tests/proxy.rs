//! Behind a real HAProxy that speaks HTTPS, set up as the README says.

use std::process::Stdio;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    process::Command,
};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::server::{
    http::listen::{Bounds, Listening, tests::certified},
    prometheus::lab::free_port,
};

const README: &str = include_str!("../../../../README.md");

/// How long a program may take to start on a busy machine.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn behind_haproxy_it_is_known_who_asks_and_over_what() {
    let server = Server::with(&[("HAD_TRUSTED_PROXIES", "127.0.0.1"), ("HAD_ALLOWED_HOSTS", "load.example")]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inner = listener.local_addr().unwrap();
    let proxies = vec!["127.0.0.1".parse().unwrap()];
    let listening = Listening { listener, bounds: Bounds::of(1_024), proxies, tls: None };
    tokio::spawn(listen::serve(listening, server.router.clone(), Default::default()));

    let (dir, files, connector) = certified("load.example");
    let pem = [&files.cert, &files.key].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    std::fs::write(dir.path().join("load.pem"), pem).unwrap();
    let outer = free_port();
    let written = README.split("```haproxy\n").nth(1).unwrap().split("```").next().unwrap();
    let written = [
        (":443", format!("127.0.0.1:{outer}")),
        ("/etc/haproxy/load.pem", dir.path().join("load.pem").display().to_string()),
        ("127.0.0.1:3000", inner.to_string()),
    ]
    .into_iter()
    .fold(written.to_owned(), |text, (there, here)| {
        assert_eq!(text.matches(there).count(), 1, "{there} in {text}");
        text.replace(there, &here)
    });
    std::fs::write(dir.path().join("haproxy.cfg"), written).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let _haproxy = Command::new("haproxy")
        .env("PATH", format!("{path}:/usr/sbin"))
        .args(["-db", "-f"])
        .arg(dir.path().join("haproxy.cfg"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("haproxy can't be started: run `make setup`");

    let connect = async || -> std::io::Result<TlsStream<_>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind("127.0.0.5:0".parse().unwrap())?;
        let stream = socket.connect(([127, 0, 0, 1], outer).into()).await?;
        connector.connect("load.example".try_into().unwrap(), stream).await
    };
    let ask = async |head: &str| {
        let started = std::time::Instant::now();
        let mut stream = loop {
            match connect().await {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < SOON, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let lies = "x-forwarded-for: 203.0.113.9\r\nx-forwarded-host: evil.example\r\nx-forwarded-proto: http\r\n";
        let request =
            format!("{head} HTTP/1.1\r\nhost: load.example\r\n{lies}content-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // HAProxy ends TLS without saying so.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let pulled = ask("POST /pull").await;
    assert!(pulled.starts_with("HTTP/1.1 303") && pulled.contains("strict-transport-security: max-age="), "{pulled}");
    let caller = server.control.callers.lock().unwrap().pop().unwrap();
    assert_eq!(caller.from.unwrap().to_string(), "127.0.0.5");
    assert!(ask("GET /present").await.contains(">https://load.example"));
    assert!(ask("GET /api/v1/live").await.contains("id: 1-1"));
}
