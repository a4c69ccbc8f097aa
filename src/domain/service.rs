//! The system under test.

use serde::{Deserialize, Serialize};

/// A service that load may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, as the forms, the REST API and the label `service` use it.
    pub name: String,
    /// Its base address without a trailing slash, for example `http://127.0.0.1:8080`.
    pub url: String,
}

/// One of the places where a service works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name, unique among all replicas.
    pub name: String,
    /// Its base address without a trailing slash; that of the service where nothing stands between.
    pub url: String,
}

/// What the last probe said.
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

/// A service and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The service.
    pub service: Service,
    /// Its health.
    pub health: Health,
}
