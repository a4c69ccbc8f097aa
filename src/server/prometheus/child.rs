//! A Prometheus of our own, restarted with back-off, or the watch over an external store.
//!
//! Runs go on when the dashboard ends, and k6 pushes to the address it was started with, without a buffer. So the child
//! outlives a crash of the dashboard, and an orderly end while a run is at work; the next start finds it by its data
//! folder in the process table and adopts it. A child that died comes back on the same port.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use procfs::process::Process;
use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    external, logfile,
    version::{NATIVE_HISTOGRAMS, keeps_native_histograms, parse_version},
};
use crate::server::{
    config::{Config, StoreChoice, connectable},
    disk,
    feed::{RunFeed, StoreFeed},
    proc::Identity,
    shutdown::Shutdown,
};

/// How long samples are kept.
const RETENTION: &str = "15d";

/// First and longest pause before another start.
const PAUSE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// A child that was ready for this long starts over with the first pause when it dies.
const STEADY: Duration = Duration::from_secs(10);

/// How long a child gets to end after a SIGTERM.
const END_GRACE: Duration = Duration::from_secs(10);

/// How long a process left by an earlier dashboard gets to answer.
const ADOPTION: Duration = Duration::from_secs(60);

/// The recording rules, the same as in the compose stack.
const RULES: &str = include_str!("../../../monitoring/prometheus/rules/k6.yml");

/// The recording rules' file in the child's folder.
const RULES_FILE: &str = "k6.yml";

/// Where the child finds the dashboard: a file that it watches, in its folder.
const TARGETS_FILE: &str = "dashboard.json";

/// What it shows there, in its folder.
const TOKEN_FILE: &str = "dashboard.token";

const DATA_FLAG: &str = "--storage.tsdb.path=";
/// No page of elsewhere reads from it, or asks it anything beyond what browsers send without asking back: it would let all.
const NO_ORIGIN_FLAG: &str = "--web.cors.origin=nobody";
const LISTEN_FLAG: &str = "--web.listen-address=127.0.0.1:";
const NATIVE_FLAG: &str = "--enable-feature=native-histograms";

/// Starts supervising the store that `config` names and tells how it is. `runs` decides whether the child is left
/// running at an orderly end: it is, while a run is at work.
pub fn supervise(
    config: Arc<Config>,
    runs: watch::Receiver<RunFeed>,
    shutdown: Shutdown,
) -> watch::Receiver<StoreFeed> {
    let (feed, receiver) = watch::channel(StoreFeed::default());
    match &config.store {
        StoreChoice::External { url } => {
            let (url, token) = (url.clone(), shutdown.token.clone());
            shutdown.tasks.spawn(external::watch(url, feed, token));
        }
        StoreChoice::Child { binary, port } => {
            let supervisor = Supervisor {
                binary: binary.clone(),
                port: *port,
                state_dir: config.state_dir.clone(),
                http: reqwest::Client::new(),
                feed,
                runs,
                shutdown: shutdown.clone(),
            };
            shutdown.tasks.spawn(supervisor.run());
        }
    }
    receiver
}

/// The last lines of the child's log; empty for an external store.
pub async fn log_tail(state_dir: &Path) -> Vec<String> {
    let state_dir = state_dir.to_owned();
    let tail = tokio::task::spawn_blocking(move || logfile::tail(&state_dir));
    tail.await.ok().and_then(Result::ok).unwrap_or_default()
}

/// Tells the child of this state folder where the dashboard's own metrics are, and the token to read them with; `None`: nowhere. It looks there every five
/// seconds, so there must be somebody to answer.
pub fn announce(state_dir: &Path, dashboard: Option<(SocketAddr, &str)>) {
    let dir = state_dir.join("prometheus");
    let write = || match dashboard {
        None => match std::fs::remove_file(dir.join(TARGETS_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
        Some((addr, token)) => {
            std::fs::create_dir_all(&dir)?;
            disk::replace_private(&dir.join(TOKEN_FILE), token.as_bytes())?;
            let targets = format!("[{{\"targets\":[\"{}\"]}}]\n", connectable(addr));
            // In one piece: Prometheus reads it as soon as something changes.
            disk::replace(&dir.join(TARGETS_FILE), targets.as_bytes())
        }
    };
    if let Err(error) = write() {
        tracing::warn!(%error, "Prometheus does not learn where the dashboard is, so Grafana misses thresholds and events");
    }
}

/// The child's configuration. Without native histograms there is nothing to make rules of, and before 2.40 Prometheus does
/// not know the functions in them.
fn configuration(native_histograms: bool) -> String {
    let rules = if native_histograms { RULES_FILE } else { "" };
    format!(
        "global:
  scrape_interval: 5s
  scrape_timeout: 4s
  evaluation_interval: 5s
rule_files: [{rules}]
scrape_configs:
  - job_name: ha-dashboard
    authorization:
      credentials_file: {TOKEN_FILE}
    file_sd_configs:
      - files: [{TARGETS_FILE}]
"
    )
}

/// Why a child is not at work; `Display` says what to do.
#[derive(Debug, thiserror::Error)]
enum ChildError {
    #[error(
        "Prometheus was not found at {binary:?}: install it (Debian: apt install prometheus), or name a running one with \
         HAD_PROMETHEUS_URL"
    )]
    NotFound { binary: PathBuf },
    #[error("{binary:?} --version failed, so it can't serve as Prometheus: {reason}")]
    NotPrometheus { binary: PathBuf, reason: String },
    #[error(
        "Prometheus's folder {dir:?} can't be used: {source}; set HAD_STATE_DIR to a folder that can be written to"
    )]
    Folder { dir: PathBuf, source: io::Error },
    #[error("Prometheus could not be started: {0}")]
    Start(io::Error),
    #[error("Prometheus ended ({how}); {last}")]
    Ended { how: String, last: String },
}

struct Supervisor {
    binary: PathBuf,
    port: u16,
    state_dir: PathBuf,
    http: reqwest::Client,
    feed: watch::Sender<StoreFeed>,
    runs: watch::Receiver<RunFeed>,
    shutdown: Shutdown,
}

/// A Prometheus at work: started by us, or adopted.
struct Server {
    identity: Identity,
    port: u16,
    native_histograms: bool,
    /// What is worth knowing although it works.
    note: String,
    /// `None`: adopted, so only its entry in the process table can be watched.
    child: Option<Child>,
}

impl Supervisor {
    async fn run(self) {
        let mut pause = PAUSE[0];
        loop {
            let mut ready_since = None;
            let Err(error) = self.one_life(&mut ready_since).await else { return };
            if ready_since.is_some_and(|since: Instant| since.elapsed() >= STEADY) {
                pause = PAUSE[0];
            }
            tracing::warn!(%error, retry_in = ?pause, "no Prometheus");
            let problem = format!("{error} (next try in {:.1} s)", pause.as_secs_f64());
            self.feed.send_replace(StoreFeed { problem, ..StoreFeed::default() });
            tokio::select! {
                () = self.shutdown.token.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE[1]);
        }
    }

    /// From start or adoption to the end: `Ok` at shutdown, an error when the child is gone.
    async fn one_life(&self, ready_since: &mut Option<Instant>) -> Result<(), ChildError> {
        let dir = self.prepare()?;
        let mut server = match leftover(&dir.data).await {
            Some(mut server) => {
                // Newer versions need no flag that would tell.
                if !server.native_histograms {
                    server.native_histograms =
                        self.version().await.is_ok_and(|version| keeps_native_histograms(version, false));
                }
                if dir.configure(server.native_histograms)? {
                    // Reads it again.
                    server.signal(Signal::HUP);
                }
                tracing::info!(pid = server.identity.pid, port = server.port, "adopted the Prometheus left running");
                server
            }
            None => self.spawn(&dir).await?,
        };
        let born = Instant::now();
        let url = format!("http://127.0.0.1:{}", server.port);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.token.cancelled() => {
                    self.part_with(server, &dir).await;
                    return Ok(());
                }
                how = server.ended() => return Err(ChildError::Ended { how, last: self.last_words().await }),
                () = sleep(if ready_since.is_none() { Duration::from_millis(100) } else { Duration::from_secs(5) }) => {}
            }
            if ready_since.is_none() {
                if self.is_ready(&url).await {
                    *ready_since = Some(Instant::now());
                    tracing::info!(%url, native_histograms = server.native_histograms, "Prometheus is ready");
                    self.feed.send_replace(StoreFeed {
                        url: Some(url.clone()),
                        problem: server.note.clone(),
                        native_histograms: server.native_histograms,
                    });
                } else if server.child.is_none() && born.elapsed() > ADOPTION {
                    server.end().await;
                }
            }
            if let Err(error) = logfile::rotate(&self.state_dir) {
                tracing::warn!(%error, "the log of Prometheus could not be rotated");
            }
        }
    }

    /// Makes the folders.
    fn prepare(&self) -> Result<Folder, ChildError> {
        let dir = self.state_dir.join("prometheus");
        let make = || {
            std::fs::create_dir_all(dir.join("data"))?;
            let root = dir.canonicalize()?;
            Ok(Folder { data: root.join("data"), config: root.join("prometheus.yml"), port: root.join("port") })
        };
        make().map_err(|source| ChildError::Folder { dir: dir.clone(), source })
    }

    async fn spawn(&self, dir: &Folder) -> Result<Server, ChildError> {
        let version = self.version().await?;
        let native_histograms = version >= NATIVE_HISTOGRAMS[0];
        dir.configure(native_histograms)?;
        // The port of the last life comes first: a k6 at work pushes there.
        let remembered = std::fs::read_to_string(&dir.port).ok().and_then(|text| text.trim().parse().ok());
        let (port, mut note) = choose_port(remembered, self.port).map_err(ChildError::Start)?;
        if !native_histograms {
            note = format!(
                "Prometheus {}.{} keeps no native histograms, so percentiles are missing: install 2.40 or newer",
                version.0, version.1
            );
        }
        if !note.is_empty() {
            tracing::warn!("{note}");
        }
        let (stdout, stderr) = logfile::open(&self.state_dir).map_err(ChildError::Start)?;
        let mut command = Command::new(&self.binary);
        command
            .arg(format!("--config.file={}", dir.config.display()))
            .arg(format!("{DATA_FLAG}{}", dir.data.display()))
            .arg(format!("--storage.tsdb.retention.time={RETENTION}"))
            .arg(format!("{LISTEN_FLAG}{port}"))
            .arg("--web.enable-remote-write-receiver")
            .arg(NO_ORIGIN_FLAG)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            // Out of reach of the terminal's Ctrl-C: whether it ends is decided at shutdown.
            .process_group(0);
        if (NATIVE_HISTOGRAMS[0]..NATIVE_HISTOGRAMS[1]).contains(&version) {
            command.arg(NATIVE_FLAG);
        }
        let child = command.spawn().map_err(|error| self.start_error(error))?;
        let identity =
            child.id().and_then(Identity::of).ok_or_else(|| ChildError::Start(io::ErrorKind::NotFound.into()))?;
        if let Err(error) = std::fs::write(&dir.port, port.to_string()) {
            tracing::warn!(%error, "the port of Prometheus could not be noted");
        }
        tracing::info!(pid = identity.pid, port, "Prometheus started");
        Ok(Server { identity, port, native_histograms, note, child: Some(child) })
    }

    async fn version(&self) -> Result<(u32, u32), ChildError> {
        let refused = |reason: String| ChildError::NotPrometheus { binary: self.binary.clone(), reason };
        let output = Command::new(&self.binary).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(10), output)
            .await
            .map_err(|_| refused("no answer within 10 s".into()))?
            .map_err(|error| self.start_error(error))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        parse_version(&text).ok_or_else(|| refused(text.lines().next().unwrap_or("it says nothing").to_owned()))
    }

    fn start_error(&self, error: io::Error) -> ChildError {
        match error.kind() {
            io::ErrorKind::NotFound => ChildError::NotFound { binary: self.binary.clone() },
            _ => ChildError::Start(error),
        }
    }

    async fn is_ready(&self, url: &str) -> bool {
        let request = self.http.get(format!("{url}/-/ready")).timeout(Duration::from_millis(500)).send();
        request.await.is_ok_and(|response| response.status().is_success())
    }

    /// The last error in the log, for the problem text.
    async fn last_words(&self) -> String {
        let lines = log_tail(&self.state_dir).await;
        let telling = lines.iter().rev().find(|line| line.contains("err=")).or(lines.last());
        let log = logfile::path(&self.state_dir);
        match telling {
            Some(line) => format!("its log {} says: {}", log.display(), line.chars().take(300).collect::<String>()),
            None => format!("its log {} is empty", log.display()),
        }
    }

    /// At shutdown: a run at work keeps its store.
    async fn part_with(&self, mut server: Server, dir: &Folder) {
        let run = self.runs.borrow().run.clone();
        if let Some(run) = run.filter(|run| run.state.is_active()) {
            tracing::info!(run = %run.id, pid = server.identity.pid, "Prometheus is left running for the run at work");
            return;
        }
        server.end().await;
        if let Err(error) = std::fs::remove_file(&dir.port) {
            tracing::debug!(%error, "the noted port of Prometheus could not be removed");
        }
        tracing::info!("Prometheus ended");
    }
}

struct Folder {
    data: PathBuf,
    config: PathBuf,
    /// Holds the port of the last life; removed at an orderly end.
    port: PathBuf,
}

impl Folder {
    /// Writes the configuration; whether it is another one than before.
    fn configure(&self, native_histograms: bool) -> Result<bool, ChildError> {
        let write = |path: PathBuf, text: &str| -> io::Result<bool> {
            let changed = std::fs::read_to_string(&path).ok().as_deref() != Some(text);
            if changed {
                std::fs::write(path, text)?;
            }
            Ok(changed)
        };
        let both = || -> io::Result<bool> {
            let rules = write(self.config.with_file_name(RULES_FILE), RULES)?;
            Ok(write(self.config.clone(), &configuration(native_histograms))? || rules)
        };
        both().map_err(|source| ChildError::Folder { dir: self.data.clone(), source })
    }
}

impl Server {
    /// Resolves when the process is gone, with how it went. Cancel safe.
    async fn ended(&mut self) -> String {
        match &mut self.child {
            Some(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            None => {
                while self.identity.is_alive() {
                    sleep(Duration::from_millis(200)).await;
                }
                "an adopted process vanished".into()
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = self.identity.signal(signal) {
            tracing::warn!(pid = self.identity.pid, ?signal, %error, "Prometheus could not be signalled");
        }
    }

    async fn end(&mut self) {
        self.signal(Signal::TERM);
        if timeout(END_GRACE, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            let _ = timeout(END_GRACE, self.ended()).await;
        }
    }
}

/// The Prometheus of this user that holds the data folder, if there is one.
async fn leftover(data: &Path) -> Option<Server> {
    let data = data.to_owned();
    tokio::task::spawn_blocking(move || find(&data)).await.ok().flatten()
}

fn find(data: &Path) -> Option<Server> {
    let flag = format!("{DATA_FLAG}{}", data.display());
    let me = Process::myself().ok()?.uid().ok()?;
    procfs::process::all_processes().ok()?.filter_map(Result::ok).find_map(|process| {
        let arguments = process.cmdline().ok()?;
        if process.uid().ok()? != me || !arguments.contains(&flag) {
            return None;
        }
        let port = arguments.iter().find_map(|argument| argument.strip_prefix(LISTEN_FLAG))?.parse().ok()?;
        let native_histograms = arguments.iter().any(|argument| argument == NATIVE_FLAG);
        let identity = Identity::of(process.pid().cast_unsigned())?;
        Some(Server { identity, port, native_histograms, note: String::new(), child: None })
    })
}

/// The first free one of the remembered and the configured port, or any, and what to tell about it.
fn choose_port(remembered: Option<u16>, configured: u16) -> io::Result<(u16, String)> {
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|socket| socket.local_addr());
    if let Some(port) = remembered
        && free(port).is_ok()
    {
        return Ok((port, String::new()));
    }
    match free(configured) {
        Ok(address) => Ok((address.port(), String::new())),
        Err(error) => {
            let port = free(0)?.port();
            let note = format!("port {configured} can't be used ({error}), so Prometheus listens on port {port}");
            Ok((port, note))
        }
    }
}

/// Kills the Prometheus that holds a data folder.
#[cfg(test)]
pub fn kill_for_test(data: &Path) {
    if let Some(server) = find(data) {
        server.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests;
