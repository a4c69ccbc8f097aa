//! The system under test.

use serde::{Deserialize, Serialize};

use super::Millis;

/// Where a service tells its health unless something else is said.
pub const HEALTH_PATH: &str = "/health";

/// A service that load may be sent to: what pages and scripts are told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, as the forms, the REST API and the label `service` use it.
    pub name: String,
    /// Its base address without a trailing slash, for example `http://127.0.0.1:8080`.
    pub url: String,
    /// Where below that it tells its health: a path that begins with a slash.
    #[serde(default = "usual_health_path")]
    pub health_path: String,
    /// Names of the services that it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What it promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<Slo>,
}

fn usual_health_path() -> String {
    HEALTH_PATH.into()
}

impl Service {
    /// A service of which only name and address are known.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        let (name, url) = (name.into(), url.into());
        Self { name, url, health_path: usual_health_path(), depends_on: Vec::new(), slo: None }
    }
}

/// What a service promises its callers: its service level objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// Share of requests that get a good answer, in %: above 0, below 100.
    pub availability: f64,
    /// The 95th percentile of the time that answers take, in ms; `None`: nothing is promised of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u32>,
}

/// One of the places where a service works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its name, unique among all replicas.
    pub name: String,
    /// Its own base address without a trailing slash; that of the service where nothing stands between.
    pub url: String,
    /// The address under which its callers reach it, where faults can be set; `None`: they reach it at its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// The container that it is, by Docker's name; `None`: it is none, or not known to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl Replica {
    /// The only replica of a service of which no others are known.
    pub fn only(service: &Service) -> Self {
        Self { name: format!("{}-1", service.name), url: service.url.clone(), door: None, container: None }
    }

    /// The address under which its callers reach it.
    pub fn reached_at(&self) -> &str {
        self.door.as_deref().unwrap_or(&self.url)
    }
}

/// Where the process of a replica is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It was started and does not take connections yet.
    Starting,
    /// It takes connections.
    Running,
    /// It was stopped in its tracks, and goes on later.
    Frozen,
    /// It was ended, and is kept down for a while.
    Held,
    /// It ended by itself, and is about to be started again.
    Ended,
}

impl ProcessState {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Frozen => "frozen",
            Self::Held => "held",
            Self::Ended => "ended",
        }
    }
}

/// The process of a replica, as whoever runs it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Where it is.
    pub state: ProcessState,
    /// Since when.
    pub since_ms: Millis,
    /// When it goes on by itself, where it is frozen or held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<Millis>,
    /// Its number in the system; `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its exit code, where it ended by itself; `None`: by a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// How many times it was started again.
    #[serde(default)]
    pub restarts: u32,
}

/// What the last probe said.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "health"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@health"))]
pub enum Health {
    /// Not probed yet.
    Unknown,
    /// Answered with 2xx.
    Up {
        /// How long the answer took, in ms.
        latency_ms: f64,
    },
    /// Answered with another status.
    Degraded {
        /// The status.
        status: u16,
    },
    /// Did not answer.
    Down {
        /// Why, in a few words.
        reason: String,
        /// The kind of reason, for words in the reader's language.
        #[serde(default)]
        why: Silence,
    },
}

/// Why a service does not answer.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Nothing takes connections at its address.
    Refused,
    /// It took longer than a probe waits.
    TooLate,
    /// Its host's name leads nowhere.
    UnknownHost,
    /// There is no way to its host.
    Unreachable,
    /// The connection broke off before the answer was there.
    BrokenOff,
    /// Something else; also what was written down before there were kinds.
    #[default]
    Other,
}

/// What the gateway says of a replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayWord {
    /// Whether it sends requests there.
    pub up: bool,
    /// Since when.
    pub since_ms: Millis,
    /// What its last check said, in its own words: `L7OK`, `L7STS`, `L4CON`, …
    pub check: String,
    /// The replica's share of the service's requests in the last ten seconds, 0 to 1; `None`: there was hardly any traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Requests that wait for it.
    #[serde(default)]
    pub queue: u64,
    /// Requests that were sent there once more, or to another one instead, since the gateway's start.
    #[serde(default)]
    pub retries: u64,
}

/// A replica and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// The replica.
    pub replica: Replica,
    /// Its health, asked the way its callers take.
    pub health: Health,
    /// Whether it counts as up although the last probe got no good answer: one may be lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
    /// Its process; `None`: nobody here runs it, or whoever does is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessStatus>,
    /// What the gateway says; `None`: there is none before it, or it is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayWord>,
}

/// A service and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The service.
    pub service: Service,
    /// Its health.
    pub health: Health,
    /// Whether it counts as up although the last probe got no good answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
    /// Its replicas; one that is the service itself where no others are known. Empty in old records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaStatus>,
}

impl ServiceStatus {
    /// One of which nothing is known yet.
    pub fn unknown(service: Service, replicas: &[Replica]) -> Self {
        let unknown = |replica: &Replica| ReplicaStatus {
            replica: replica.clone(),
            health: Health::Unknown,
            missed: false,
            process: None,
            gateway: None,
        };
        Self { service, health: Health::Unknown, missed: false, replicas: replicas.iter().map(unknown).collect() }
    }

    /// Whether there is more to tell of its replicas than of itself: they are apart from it, or known by their containers.
    pub fn has_replicas(&self) -> bool {
        let apart = |replica: &Replica| replica.url != self.service.url || replica.container.is_some();
        self.replicas.iter().any(|one| apart(&one.replica))
    }
}
