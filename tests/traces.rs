//! What a click in the browser leads to is told to an OpenTelemetry collector as one trace.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used)]

#[path = "support/docker.rs"]
mod docker;
#[path = "support/ports.rs"]
mod ports;
#[path = "support/stage.rs"]
mod set;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use ports::free_port;
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use set::until;

/// A collector that keeps what it is told.
struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, spans) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<Span>>>::default());
        let kept = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { port, spans }
    }
}

/// Takes a request of OTLP/HTTP; `None`: there are no more.
fn take(mut stream: &TcpStream, kept: &Mutex<Vec<Span>>) -> Option<()> {
    let (first, headers, body) = message(BufReader::new(stream))?;
    assert!(first.starts_with("POST /v1/traces "), "{first}");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let told = ExportTraceServiceRequest::decode(&*body).unwrap();
    let scopes = told.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n").ok()
}

/// The first line, the headers and the body of a message with a length.
fn message(mut from: impl BufRead) -> Option<(String, BTreeMap<String, String>, Vec<u8>)> {
    let mut line = || {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let (first, mut headers) = (line()?, BTreeMap::new());
    while let Some((name, value)) = line()?.split_once(':') {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    from.read_exact(&mut body).ok()?;
    Some((first, headers, body))
}

/// Asks the dashboard; the status of its answer.
fn ask(port: u16, line: &str, headers: &str, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).ok()?;
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).ok()?;
    first.split(' ').nth(1)?.parse().ok()
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What a collector is told of a click that starts a test, by a dashboard that is started with these arguments as well.
fn click(more: &[&str]) -> Trace {
    let collector = Collector::start();
    let (port, prometheus) = (free_port(), free_port());
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_ha-dashboard"))
        .args(["serve", "--log", "warn", "--addr", &format!("127.0.0.1:{port}")])
        .args(["--services", &format!("here=http://127.0.0.1:{port}")])
        .args(["--prometheus-port", &prometheus.to_string(), "--state-dir"])
        .arg(folder.path())
        .args(["--otlp-endpoint", &format!("http://127.0.0.1:{}", collector.port)])
        .args(more)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    until("the dashboard is ready", || (ask(port, "GET /ready", "", "")? == 200).then_some(()));

    let headers = format!(
        "content-type: application/x-www-form-urlencoded\r\naccept: application/json\r\nx-correlation-id: a-click\r\n\
         traceparent: 00-{TRACE}-{PARENT}-01\r\n"
    );
    let draft = [("script", "api-load-test.js"), ("target", "here"), ("pattern", "load"), ("model", "vus")];
    let draft = draft.into_iter().chain([("peak", "1"), ("duration", "10")]);
    let fields = ["ramp", "pre_allocated_vus", "max_vus", "thresholds", "request_timeout", "stop_when"].into_iter();
    let fields = fields.chain(["regression", "scenario", "scenario_text"]).map(|name| (name, ""));
    let body = draft.chain(fields).map(|(name, value)| format!("draft%5B{name}%5D={value}")).collect::<Vec<_>>();
    assert_eq!(ask(port, "POST /fn/start", &headers, &body.join("&")), Some(200));
    assert_eq!(ask(port, "POST /fn/stop", "content-type: application/x-www-form-urlencoded\r\n", ""), Some(200));
    // k6 would go on without it.
    until("the test is over", || {
        set::ask(port, "GET /metrics", "")?.1.contains("\nha_dashboard_run_active 0\n").then_some(())
    });
    // What is left is told at the end.
    kill_process(Pid::from_raw(serve.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(serve.wait().unwrap().success());

    let id = (0..16).map(|at| u8::from_str_radix(&TRACE[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>();
    let told = collector.spans.lock().unwrap().clone();
    Trace(told.into_iter().filter(|span| span.trace_id == id).collect())
}

/// The spans of the click.
struct Trace(Vec<Span>);

impl Trace {
    fn span(&self, name: &str) -> &Span {
        let found = self.0.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.0))
    }

    /// The span of the start of k6, which is a part of the run, and that of the browser's request.
    fn start_of_k6(&self) -> &Span {
        let (request, run, k6) = (self.span("request"), self.span("start a run"), self.span("start k6"));
        let parent = request.parent_span_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(parent, PARENT);
        assert_eq!([&run.parent_span_id, &k6.parent_span_id], [&request.span_id, &run.span_id]);
        assert_eq!(told(request, "correlation_id").as_deref(), Some("a-click"));
        k6
    }
}

/// What a span says of itself.
fn told(span: &Span, name: &str) -> Option<String> {
    let told = span.attributes.iter().find(|told| told.key == name)?.value.clone()?.value?;
    if let Value::StringValue(text) = told { Some(text) } else { None }
}

#[test]
fn a_click_is_one_trace_from_the_browser_to_the_engine() {
    let trace = click(&["--engine", "process"]);
    assert_eq!(told(trace.start_of_k6(), "engine").as_deref(), Some("process"));
}

#[test]
fn what_docker_is_asked_for_is_a_part_of_the_start_of_k6() {
    let host = format!("unix://{}", docker::engine().display());
    let trace = click(&["--engine", "docker", "--docker-host", &host]);
    let k6 = trace.start_of_k6();
    assert_eq!(told(k6, "engine").as_deref(), Some("docker"));
    let asked = trace.0.iter().filter(|span| span.name == "Docker" && span.parent_span_id == k6.span_id);
    let mut asked =
        asked.filter_map(|span| Some((span.start_time_unix_nano, told(span, "doing")?))).collect::<Vec<_>>();
    asked.sort();
    let asked = asked.iter().map(|(_, doing)| doing.as_str()).collect::<Vec<_>>();
    assert!(asked.ends_with(&["make a container", "copy the scripts", "start the container"]), "{asked:?}");
}
