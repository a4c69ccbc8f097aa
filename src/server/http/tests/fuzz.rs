//! The whole web side as a target of [`crate::fuzz`]: whatever a request is, the answer is one that the contract knows.

use std::cell::RefCell;

use super::*;

/// Most bytes of an answer to a request that nobody would send.
const ANSWER: usize = 2_000_000;

/// Where a body is taken, and how.
const BODIES: [(&str, &str); 12] = [
    ("POST", START),
    ("POST", "/api/v1/chaos/start"),
    ("POST", FAULTS),
    ("POST", "/api/v1/plans"),
    ("PATCH", "/api/v1/plans/plan-1"),
    ("POST", "/api/v1/schedules"),
    ("PATCH", "/api/v1/runs/run-1"),
    ("POST", "/api/v1/runs/run-1/load"),
    ("POST", "/api/v1/runs/run-1/shares"),
    ("POST", "/api/v1/plans/plan-1/start"),
    ("PUT", "/api/v1/runs/run-1/baseline"),
    ("POST", STOP),
];

/// The forms of the page.
const FORMS: [&str; 21] = [
    "/start",
    "/stop",
    "/load/add",
    "/load/remove",
    "/faults/set",
    "/faults/restore",
    "/faults/restore-all",
    "/runs/label",
    "/runs/star",
    "/runs/trash",
    "/runs/restore",
    "/runs/baseline",
    "/runs/share",
    "/runs/unshare",
    "/plans/draft",
    "/plans/save",
    "/plans/rename",
    "/plans/delete",
    "/plans/restore",
    "/plans/schedule",
    "/plans/unschedule",
];

struct Fuzzed {
    server: Server,
    runtime: tokio::runtime::Runtime,
}

impl Fuzzed {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { server: runtime.block_on(async { Server::new() }), runtime }
    }

    /// As if nothing had been asked before, but that a test is at work.
    fn forget(&self) {
        let control = &self.server.control;
        control.run.lock().unwrap().take();
        control.faults.lock().unwrap().clear();
        control.plans.lock().unwrap().clear();
        control.trash.lock().unwrap().clear();
        control.drafts.lock().unwrap().clear();
        control.callers.lock().unwrap().clear();
        control.asked.lock().unwrap().clear();
    }

    fn send(&self, request: Request<Body>) {
        self.forget();
        let told = format!("{} {}", request.method(), request.uri());
        let answer = self.runtime.block_on(self.server.send(request));
        let body = String::from_utf8_lossy(&answer.body);
        // What the scripted dashboard itself can't do.
        assert!(answer.status < 500 || answer.status == 503, "{told}: {} {body}", answer.status);
        assert!(answer.body.len() <= ANSWER, "{told}: {} bytes", answer.body.len());
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{told}");
        let is_packed = answer.header("content-encoding") == "gzip";
        assert!(!is_packed || answer.body.is_empty() || answer.body.starts_with(b"\x1f\x8b"), "{told}: {body}");
        let id = answer.header("x-correlation-id");
        assert!((1..=128).contains(&id.len()), "{told}");
        if answer.status >= 400 && !is_packed && answer.header("content-type").starts_with("application/json") {
            let told: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{told}: {error}: {body}"));
            // Server functions have errors of their own.
            if told.get("success").is_some() {
                assert_eq!((told["success"].as_bool(), told["correlation_id"].as_str()), (Some(false), Some(id)));
                assert!(told["error"].as_str().is_some_and(|error| !error.is_empty()), "{body}");
            }
        }
    }
}

thread_local! {
    static FUZZED: RefCell<Option<Fuzzed>> = const { RefCell::new(None) };
}

fn send(request: Request<Body>) {
    FUZZED.with_borrow_mut(|fuzzed| fuzzed.get_or_insert_with(Fuzzed::new).send(request));
}

/// The first byte chooses one of so many.
fn choice(input: &[u8], of: usize) -> (usize, Vec<u8>) {
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    (usize::from(*first) % of, rest.to_vec())
}

/// A request as it is written: method and address, headers, an empty line, the body.
pub fn request(input: &[u8]) {
    let at = input.windows(2).position(|end| end == b"\n\n");
    let (head, body) = at.map_or((input, &[][..]), |at| (&input[..at], &input[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, address) = first.split_once(' ').unwrap_or(("GET", &first));
    let mut request = Request::builder().method(method).uri(address);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line[colon..].strip_prefix(b":").unwrap_or_default();
        request = request.header(&line[..colon], value.trim_ascii());
    }
    // What is no request does not get this far.
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    if request.uri().path().starts_with('/') {
        send(request);
    }
}

/// A body of the REST API, as JSON.
pub fn body(input: &[u8]) {
    let (at, body) = choice(input, BODIES.len());
    let (method, path) = BODIES[at];
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    send(request.body(Body::from(body)).unwrap());
}

/// A form of the page.
pub fn form(input: &[u8]) {
    let (at, body) = choice(input, FORMS.len());
    let request = Request::post(FORMS[at]).header("content-type", "application/x-www-form-urlencoded");
    send(request.body(Body::from(body)).unwrap());
}

/// A call of the page to the server: its name, a line's end, the arguments; both ways in which there are calls.
pub fn server_function(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (name, arguments) = text.split_once('\n').unwrap_or((&text, ""));
    let asked = Request::get(format!("/fn/{name}?{arguments}")).body(Body::empty());
    let told = Request::post(format!("/fn/{name}")).header("content-type", "application/x-www-form-urlencoded");
    for request in [asked, told.body(Body::from(arguments.to_owned()))].into_iter().flatten() {
        send(request);
    }
}
