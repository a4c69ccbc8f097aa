//! The real k6, and a server for it to talk to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread,
};

use ha_dashboard::domain::script::{SCRIPT_INPUT_VAR, ScriptInput};
use serde_json::Value;

/// The k6 to test with. Without one the tests fail: skipping would look like success.
pub fn k6() -> PathBuf {
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("k6")).find(|file| file.is_file())
    };
    let in_cache = || {
        let file = PathBuf::from(std::env::var_os("HOME")?).join(".cache/ha-dashboard/bin/k6");
        file.is_file().then_some(file)
    };
    let named = std::env::var_os("HAD_K6").map(PathBuf::from);
    named.or_else(in_cache).or_else(on_path).expect("there is no k6: run `make setup`, or set HAD_K6 to its path")
}

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k6-scripts").join(name)
}

fn command(verb: &str) -> Command {
    let mut command = Command::new(k6());
    command
        .args([verb, "--quiet", "--no-color", "--log-format=json"])
        .env_clear()
        .env("K6_NO_USAGE_REPORT", "true")
        .env("K6_AUTO_EXTENSION_RESOLUTION", "false")
        .stdin(Stdio::null());
    command
}

/// k6's view of a script's options.
pub fn inspect(script: &str, input: &ScriptInput) -> Value {
    let input = serde_json::to_string(input).unwrap();
    inspect_with_env(script, &[(SCRIPT_INPUT_VAR, &input)]).unwrap_or_else(|log| panic!("k6 refuses {input}: {log}"))
}

/// Like [`inspect`], with any environment; k6's log where it refuses.
pub fn inspect_with_env(script: &str, env: &[(&str, &str)]) -> Result<Value, String> {
    let mut command = command("inspect");
    command.args(["--execution-requirements", "--include-system-env-vars"]).arg(script_path(script));
    let output = command.envs(env.iter().copied()).output().expect("k6 can't be started");
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).replace("\\\"", "\"")),
    }
}

/// What a run of k6 left.
pub struct Outcome {
    pub exit: Option<i32>,
    pub stdout: String,
    pub log: String,
    pub summary: Value,
    pub samples: Vec<Value>,
}

/// Runs a script to its end.
pub fn run(script: &str, input: &ScriptInput) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let (summary, samples) = (dir.path().join("summary.json"), dir.path().join("samples.json"));
    let output = command("run")
        // No REST API: several runs go on at the same time.
        .args(["--address", "127.0.0.1:0"])
        .arg(format!("--out=json={}", samples.display()))
        .arg(script_path(script))
        .env(SCRIPT_INPUT_VAR, serde_json::to_string(input).unwrap())
        .env("HAD_SUMMARY", &summary)
        .output()
        .expect("k6 can't be started");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {log}"));
    Outcome {
        exit: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        summary: serde_json::from_str(&read(&summary)).unwrap(),
        samples: read(&samples).lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        log,
    }
}

/// Runs a script to its end as `k6 run` by hand does, with any environment.
pub fn run_by_hand(script: &str, env: &[(&str, &str)]) -> Output {
    let mut command = command("run");
    command.args(["--address", "127.0.0.1:0"]).arg(script_path(script));
    command.envs(env.iter().copied()).output().expect("k6 can't be started")
}

/// A shop that answers at once, and remembers what it was asked. It ends with its value.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<String>>,
    status: AtomicU16,
    silent: AtomicBool,
    over: AtomicBool,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.over.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.serve(stream));
                }
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Method and path of every request so far.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub fn answer_with(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    pub fn never_answer(&self) {
        self.shared.silent.store(true, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees it; afterwards the port is closed.
        let _ = TcpStream::connect(self.address).map(|mut stream| stream.read(&mut [0]));
    }
}

impl Shared {
    /// Answers requests of one connection until it ends.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut answers = stream.try_clone().ok()?;
        let mut lines = BufReader::new(stream);
        loop {
            let mut request = String::new();
            lines.read_line(&mut request).ok().filter(|read| *read > 0)?;
            let mut length = 0;
            loop {
                let mut header = String::new();
                lines.read_line(&mut header).ok().filter(|read| *read > 0)?;
                match header.trim().to_ascii_lowercase().split_once(':') {
                    None => break,
                    Some(("content-length", value)) => length = value.trim().parse().ok()?,
                    Some(_) => {}
                }
            }
            let mut body = vec![0; length];
            lines.read_exact(&mut body).ok()?;

            let asked = request.rsplit_once(' ')?.0.to_owned();
            let (expected, answer) = match asked.rsplit_once('/')?.1 {
                "products" => (200, r#"[{"id":1,"name":"Chair","price_cents":4900}]"#),
                "login" => (200, r#"{"token":"t"}"#),
                "checkout" => (201, r#"{"order_id":1}"#),
                _ => (200, "{}"),
            };
            self.asked.lock().ok()?.push(asked);
            if self.silent.load(Ordering::SeqCst) {
                // Until the client gives up.
                lines.read_line(&mut String::new()).ok()?;
                return None;
            }
            let status = match self.status.load(Ordering::SeqCst) {
                0 => expected,
                other => other,
            };
            let length = answer.len();
            write!(
                answers,
                "HTTP/1.1 {status} .\r\ncontent-length: {length}\r\ncontent-type: application/json\r\n\r\n{answer}"
            )
            .ok()?;
        }
    }
}
