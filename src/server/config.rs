//! The configuration, read once: flags over `HAD_*` variables over `ha-dashboard.toml`.
//!
//! [`table`] says what can be set, [`layers`] finds the texts, [`parse`] turns them into a [`Settings`]. Nothing else in
//! the program looks at the environment.

pub mod layers;
mod limits;
mod network;
pub mod parse;
mod services;
pub mod table;
pub mod webhooks;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

pub use layers::{Layers, Surroundings};
pub use network::Network;
pub use table::Flags;

use ha_dashboard::domain::{
    Millis,
    access::Role,
    fault::FaultLimits,
    service::{Replica, Service},
    steady::Patience,
    team::Team,
    validate::Limits,
};

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// Docker where it answers and has the k6 image, else the binary.
    Auto,
    /// The k6 binary.
    Process,
    /// Docker, whether or not it is there.
    Docker,
}

/// How k6 is run in containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// Docker's address: `unix://` and a socket's path, or `tcp://`, a host and a port.
    pub host: String,
    /// The network that k6 is put in: `host`, or one where services and metrics store are reached by their names.
    pub network: String,
    /// k6's image.
    pub image: String,
    /// Most memory of a k6 container, in bytes.
    pub memory: u64,
    /// Most cores of a k6 container.
    pub cpus: u32,
}

impl Default for DockerConfig {
    /// Docker on this machine, with the image that was tested.
    fn default() -> Self {
        Self {
            host: "unix:///var/run/docker.sock".into(),
            network: "host".into(),
            image: "grafana/k6:1.1.0".into(),
            memory: 2 << 30,
            cpus: 4,
        }
    }
}

/// Where metrics go to and come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// An external store with the Prometheus API.
    External {
        /// Its base address.
        url: String,
    },
    /// A Prometheus of our own, as a child.
    Child {
        /// The program.
        binary: PathBuf,
        /// The port it gets on loopback; another one where it is taken.
        port: u16,
    },
}

/// Whether a login is needed to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Where others can reach the dashboard, and where there is an account.
    Auto,
    /// No: whoever reaches the dashboard may do everything.
    Off,
    /// Yes.
    Required,
}

/// Who may look without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewers {
    /// Everybody.
    Open,
    /// Who has a link.
    Link,
    /// Nobody.
    Off,
}

/// How long runs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many, the starred ones not counted.
    pub runs: u32,
    /// How old they may become, in ms; `None`: as old as they like.
    pub age_ms: Option<Millis>,
}

impl Retention {
    /// How long one that was thrown away can be brought back, in ms: a week.
    pub const TRASH_MS: Millis = 7 * 86_400_000;
}

impl Default for Retention {
    fn default() -> Self {
        Self { runs: 10_000, age_ms: None }
    }
}

/// What somebody may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bounds of a plan.
    pub limits: Limits,
    /// Most tests within 24 hours, whoever started them; `None`: no limit.
    pub runs_per_day: Option<u32>,
}

impl Allowance {
    /// Most that the number of tests a day can be limited to.
    pub const MOST_RUNS: u32 = 100_000;
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the dashboard listens.
    pub addr: SocketAddr,
    /// Whether a login is needed.
    pub login: Login,
    /// Who may look without an account.
    pub viewers: Viewers,
    /// Where runs, logs and Prometheus data live.
    pub state_dir: PathBuf,
    /// Where the scripts are.
    pub scripts_dir: PathBuf,
    /// Whether admins may upload scripts, for Docker to run.
    pub script_uploads: bool,
    /// Where the built site is.
    pub site_root: PathBuf,
    /// Services that load may go to, in the form's order.
    pub services: Vec<Service>,
    /// Their replicas, by the service's name. A service that is not here is its own replica.
    pub replicas: BTreeMap<String, Vec<Replica>>,
    /// The admin socket of the gateway before the replicas: `unix://` and a path, or `tcp://`, a host and a port.
    pub gateway: String,
    /// The socket of the supervisor of the replicas on this machine.
    pub supervisor: PathBuf,
    /// How many answers to probes turn what is thought of a service.
    pub patience: Patience,
    /// Bounds of a plan.
    pub limits: Limits,
    /// Most tests within 24 hours; `None`: no limit.
    pub runs_per_day: Option<u32>,
    /// What presenters may ask for.
    pub presenter: Allowance,
    /// How long faults may last.
    pub fault_limits: FaultLimits,
    /// How long runs are kept.
    pub retention: Retention,
    /// The metrics store.
    pub store: StoreChoice,
    /// Grafana's base address as browsers reach it; `None`: nothing links there.
    pub grafana_url: Option<String>,
    /// Jaeger's base address as browsers reach it; `None`: nothing links there.
    pub jaeger_url: Option<String>,
    /// The dashboard's own base address as people reach it; `None`: what it tells others links nowhere.
    pub public_url: Option<String>,
    /// Who is told what happens.
    pub webhooks: Vec<webhooks::Webhook>,
    /// The engine.
    pub engine: EngineChoice,
    /// The k6 program.
    pub k6: PathBuf,
    /// Containers.
    pub docker: DockerConfig,
    /// How long k6 gets to end after a stop before it is killed.
    pub stop_grace: Duration,
    /// How often k6 pushes samples, and how often the hub ticks.
    pub tick: Duration,
}

impl Config {
    /// What a role may ask for.
    pub fn allowance(&self, role: Role) -> Allowance {
        match role {
            Role::Admin => Allowance { limits: self.limits, runs_per_day: self.runs_per_day },
            Role::Nobody | Role::Viewer | Role::Presenter => self.presenter,
        }
    }
}

/// An address to connect to for one to listen on: a wildcard means this machine.
pub fn connectable(mut addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    addr
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What HTTPS is spoken with: PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that signed it.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The OpenID provider with which a team logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Oidc {
    /// What it calls itself.
    pub issuer: String,
    /// What it calls this dashboard.
    pub client: String,
    /// What the dashboard shows it; `None`: nothing.
    pub secret: Option<String>,
    /// The claim with somebody's groups.
    pub groups: String,
    /// Who may do what.
    pub team: Team,
}

/// Not the secret.
impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { issuer, client, groups, team, secret: _ } = self;
        f.debug_struct("Oidc")
            .field("issuer", issuer)
            .field("client", client)
            .field("groups", groups)
            .field("team", team)
            .finish_non_exhaustive()
    }
}

/// The configuration with what only the program's edge needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What every part gets.
    pub config: Config,
    /// Names, besides loopback and the services at our own port, that a request's `Host` may have; `*`: any.
    pub allowed_hosts: Vec<String>,
    /// Who is believed what stands in forwarded headers.
    pub trusted_proxies: Vec<Network>,
    /// What the command line shows to a dashboard that needs a login: a token of its page "Access".
    pub token: Option<String>,
    /// With whom a team logs in; `None`: there are only accounts and links.
    pub oidc: Option<Oidc>,
    /// What HTTPS is spoken with; `None`: nobody speaks it.
    pub tls: Option<TlsFiles>,
    /// Which log lines are written, in `tracing`'s filter syntax.
    pub log: String,
    /// How they look.
    pub log_format: LogFormat,
    /// The collector that takes traces over OTLP/HTTP; `None`: nobody does.
    pub otlp: Option<String>,
    /// Where the build notes the hashes of the built files' names.
    pub hash_file: PathBuf,
    /// Where cargo-leptos tells pages of a development build that there is a newer one.
    pub reload_port: u16,
}

impl Settings {
    /// Whether the built files carry hashes in their names: the build then leaves `hash.txt` beside the program.
    pub fn hashed(&self) -> bool {
        self.hash_file.is_file()
    }

    /// Finds and checks everything that can be set.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first thing.
    pub fn load(flags: &Flags, surroundings: &Surroundings) -> Result<Self, ConfigErrors> {
        Layers::collect(flags, surroundings).and_then(|layers| parse::settings(&layers, surroundings))
    }
}

/// One refused setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {value:?} is not allowed; allowed: {allowed}")]
pub struct ConfigError {
    /// The flag, variable or key that holds it.
    pub place: String,
    /// What was given.
    pub value: String,
    /// What is allowed instead.
    pub allowed: String,
}

/// Everything that is wrong with the configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);
