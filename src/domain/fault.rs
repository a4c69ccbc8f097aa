//! Faults: what can be done to a replica, what it does in real units, and what is on record of it.

mod admit;
mod draft;
mod effect;
mod pledge;
mod preset;

use serde::{Deserialize, Serialize};

pub(super) use self::pledge::{percent, share};
pub use self::{
    admit::{Refusal, admit},
    draft::{FaultDraft, FaultField, FaultPlace, FaultRules, FaultTarget},
    effect::Effect,
    pledge::{Guard, Hypothesis},
    preset::{KEYS, preset},
};
use super::Millis;

/// What is done to a replica, or to every replica of a service.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Its process is killed, with what it was at work on.
    Kill,
    /// Its process is asked to end.
    Stop,
    /// Its process is stopped in its tracks: connections are taken and never answered.
    Freeze,
    /// Its process is ended and started again at once.
    Restart,
    /// The replicas of a service are restarted one after the other, each when the one before is up again.
    RollingRestart,
    /// Its door swallows requests: connections vanish without an answer.
    Cut,
    /// Its door holds requests back.
    Latency,
    /// Its door answers a share of the requests with an error.
    Errors,
    /// Something beside its work uses the processor.
    Cpu,
    /// Something beside its work uses memory.
    Memory,
    /// Something beside its work writes to the disk.
    Disk,
}

/// Where a fault takes hold. Faults that take hold in the same place touch each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The process itself.
    Process,
    /// The door in front of it.
    Door,
    /// Something within it, while it works.
    Inside,
}

/// How much a fault may do.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Intensity 1–3.
    Low,
    /// Intensity 4–7.
    Medium,
    /// Intensity 8–10.
    High,
}

/// How long faults may last.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultLimits {
    /// The longest that may be asked for, in seconds.
    pub longest_s: u32,
    /// When one that was set "until restored" ends by itself all the same, in seconds.
    pub until_restored_s: u32,
}

/// A checked fault. Of what people enter, only the validation of a draft makes one.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRequest {
    /// What is done.
    pub kind: FaultKind,
    /// To which service.
    pub service: String,
    /// To which of its replicas; all of them where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// How much of it, 1–10; not there where the kind has no more and less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(minimum = 1, maximum = 10))]
    pub intensity: Option<u8>,
    /// For how long, in seconds; not there: until restored, or, for restarts, as long as they take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u32>,
    /// Whether it may leave the service without a replica.
    #[serde(default)]
    pub even_last: bool,
    /// What is expected of the service meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<Hypothesis>,
    /// What ends it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

/// A fault's id: 1–64 characters of `a-z`, `0-9` and `-`.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FaultId(String);

/// Why a fault ended.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultEnd {
    /// Its time was over.
    Time,
    /// Somebody asked.
    Asked,
    /// Its guard was broken.
    Guard,
    /// The load that its scenario goes with ended.
    Load,
    /// It was done: a restart ends with itself.
    Done,
    /// The dashboard was shut down.
    Shutdown,
    /// The dashboard started, and found it still set.
    Start,
}

/// Where a fault is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "state"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@state"))]
pub enum FaultState {
    /// It is being set; whoever sets it has not confirmed it yet.
    Setting,
    /// It is confirmed.
    Active,
    /// It is being taken back.
    Restoring {
        /// Why.
        why: FaultEnd,
    },
    /// It is taken back.
    Restored {
        /// Why.
        why: FaultEnd,
    },
    /// It could not be set, or not be taken back.
    Failed {
        /// What went wrong, in a line.
        reason: String,
    },
}

/// A fault on record.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its id.
    pub id: FaultId,
    /// What was asked for.
    pub request: FaultRequest,
    /// The replicas that are hit.
    pub replicas: Vec<String>,
    /// How many replicas the service has.
    pub of_replicas: u32,
    /// Where it is.
    #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
    #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
    pub state: FaultState,
    /// When it was asked for.
    pub asked_ms: Millis,
    /// When it was confirmed: the moment from which its cost is reckoned.
    #[serde(default)]
    pub set_at_ms: Option<Millis>,
    /// When it ends by itself; for a restart, the latest time by which it is over.
    pub until_ms: Millis,
    /// When it was taken back.
    #[serde(default)]
    pub restored_at_ms: Option<Millis>,
    /// When every replica that was hit answered its probe again.
    #[serde(default)]
    pub healthy_again_ms: Option<Millis>,
    /// Who set it: the way it came and the correlation id of the request.
    pub by: String,
}

/// Why a text is not a fault's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a fault's id has 1 to 64 characters of a-z, 0-9 and -")]
pub struct NotAFaultId;

impl TryFrom<String> for FaultId {
    type Error = NotAFaultId;

    fn try_from(text: String) -> Result<Self, NotAFaultId> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) { Ok(Self(text)) } else { Err(NotAFaultId) }
    }
}

impl std::str::FromStr for FaultId {
    type Err = NotAFaultId;

    fn from_str(text: &str) -> Result<Self, NotAFaultId> {
        text.to_owned().try_into()
    }
}

impl From<FaultId> for String {
    fn from(id: FaultId) -> Self {
        id.0
    }
}

impl std::fmt::Display for FaultId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FaultId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for FaultLimits {
    /// Ten minutes, asked for or not.
    fn default() -> Self {
        Self { longest_s: 600, until_restored_s: 600 }
    }
}

impl FaultKind {
    /// Every kind, in the form's order.
    pub const ALL: [Self; 11] = [
        Self::Kill,
        Self::Stop,
        Self::Freeze,
        Self::Restart,
        Self::RollingRestart,
        Self::Cut,
        Self::Latency,
        Self::Errors,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
    ];

    /// Its name on the wire, for example `rolling-restart`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Freeze => "freeze",
            Self::Restart => "restart",
            Self::RollingRestart => "rolling-restart",
            Self::Cut => "cut",
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Where it takes hold.
    pub fn layer(self) -> Layer {
        match self {
            Self::Kill | Self::Stop | Self::Freeze | Self::Restart | Self::RollingRestart => Layer::Process,
            Self::Cut | Self::Latency | Self::Errors => Layer::Door,
            Self::Cpu | Self::Memory | Self::Disk => Layer::Inside,
        }
    }

    /// Whether there is more and less of it.
    pub fn has_intensity(self) -> bool {
        matches!(self, Self::Latency | Self::Errors | Self::Cpu | Self::Memory | Self::Disk)
    }

    /// Whether it stays until it is taken back; a restart ends with itself.
    pub fn lasts(self) -> bool {
        !matches!(self, Self::Restart | Self::RollingRestart)
    }

    /// Whether it is always of a whole service.
    pub fn is_of_service(self) -> bool {
        self == Self::RollingRestart
    }
}

impl Impact {
    /// That of an intensity of 1–10.
    pub fn of(intensity: u8) -> Self {
        match intensity {
            0..=3 => Self::Low,
            4..=7 => Self::Medium,
            8.. => Self::High,
        }
    }

    /// Its name on the wire: `low`, `medium` or `high`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl FaultRequest {
    /// The intensity where the kind has one and nobody says otherwise.
    pub const INTENSITY: u8 = 5;

    /// What it does, in real units.
    pub fn effect(&self) -> Effect {
        Effect::of(self.kind, self.intensity.unwrap_or(Self::INTENSITY))
    }

    /// How much it may do; what has no intensity counts by whether a replica stays away.
    pub fn impact(&self) -> Impact {
        match (self.kind, self.intensity) {
            (_, Some(intensity)) => Impact::of(intensity),
            (FaultKind::RollingRestart, None) => Impact::Low,
            (FaultKind::Restart, None) => Impact::Medium,
            (_, None) => Impact::High,
        }
    }

    /// Whether a replica that is hit is gone for its callers.
    pub fn takes_away(&self) -> bool {
        matches!(
            self.effect(),
            Effect::Killed
                | Effect::Stopped
                | Effect::Frozen
                | Effect::Restarted
                | Effect::RestartedInTurn
                | Effect::Cut
                | Effect::Errors { percent: 100 }
        )
    }

    /// After how many seconds it ends by itself; `None` for a restart, which ends when it is done.
    pub fn ends_after_s(&self, limits: &FaultLimits) -> Option<u32> {
        self.kind.lasts().then(|| self.duration_s.unwrap_or(limits.until_restored_s))
    }
}

impl FaultState {
    /// Its name on the wire, for example `restoring`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Active => "active",
            Self::Restoring { .. } => "restoring",
            Self::Restored { .. } => "restored",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether something may be set, or still be set.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::Setting | Self::Active | Self::Restoring { .. })
    }
}

impl Fault {
    /// Seconds until it ends by itself, never below 0; `None` when it is over, and for a restart.
    pub fn left_s(&self, now_ms: Millis) -> Option<f64> {
        let counts = self.state.is_on() && self.request.kind.lasts();
        counts.then(|| self.until_ms.saturating_sub(now_ms) as f64 / 1e3)
    }

    /// Whether it hits a replica.
    pub fn hits(&self, replica: &str) -> bool {
        self.replicas.iter().any(|hit| hit == replica)
    }
}

/// Which of some faults, newest first, are still told of: those that are on, and the `most` newest that are over.
pub fn still_told(most: usize) -> impl FnMut(&Fault) -> bool {
    let mut over = 0;
    move |fault| {
        over += usize::from(!fault.state.is_on());
        fault.state.is_on() || over <= most
    }
}

/// A service and those who feel it when it is hit: whoever calls it, and their callers in turn, nearest first.
/// `calls` tells of each service which others it calls.
pub fn affected<'a, C>(service: &'a str, calls: &[(&'a str, C)]) -> Vec<&'a str>
where
    C: AsRef<[String]>,
{
    let mut found = vec![service];
    let mut next = 0;
    while let Some(hit) = found.get(next).copied() {
        next += 1;
        let callers = calls.iter().filter(|(_, called)| called.as_ref().iter().any(|name| name == hit));
        for (caller, _) in callers {
            if !found.contains(caller) {
                found.push(caller);
            }
        }
    }
    found
}
