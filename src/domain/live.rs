//! The live protocol: what the hub sends and the one reducer that every reader uses.
//!
//! A reader gets a [`Message::Snapshot`] first, or, when it resumes with a [`Cursor`] the hub still holds, the ticks it
//! missed. Ticks count up by one; [`LiveState::apply`] drops doubled ones and reports a gap.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    breaker::Breakers,
    cost::FaultCost,
    event::Event,
    fault::Fault,
    frame::{Frame, History},
    recent::Recent,
    run::{Run, RunId},
    service::ServiceStatus,
};

/// A place in the stream, on the wire `epoch-seq`: the `id:` of a server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// Changes with every start of the hub.
    pub epoch: u64,
    /// Counts up by one a tick.
    pub seq: u64,
}

/// Which engine runs k6, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStatus {
    /// `process` or `docker`.
    pub name: String,
    /// k6's version, for example `v1.1.0`; `None`: not found.
    pub k6_version: Option<String>,
    /// Why this engine was chosen, or what is wrong with it.
    pub note: String,
    /// Where k6 is, in no language: a path, or image and Docker; empty where it is not ready.
    #[serde(default)]
    pub place: String,
    /// Why this engine was chosen, where k6 is ready.
    #[serde(default)]
    pub why: Option<EngineReason>,
    /// Whether a run can be started.
    pub ready: bool,
    /// The image that is missing, where that is what is wrong.
    #[serde(default)]
    pub image: Option<MissingImage>,
}

/// Why an engine was chosen. Its text is English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineReason {
    /// The configuration names it.
    #[error("chosen by configuration")]
    Configured,
    /// It is there.
    #[error("chosen automatically")]
    Automatic,
    /// Docker can't run k6.
    #[error("chosen automatically: Docker is not there or has no k6 image")]
    WithoutDocker,
}

/// An image that the engine needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingImage {
    /// Its name, for example `grafana/k6:1.1.0`.
    pub name: String,
    /// Where fetching it is.
    pub pull: Pull,
}

/// Where fetching an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "state"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@state"))]
pub enum Pull {
    /// Nobody asked for it yet.
    Offered,
    /// At work.
    Working {
        /// Bytes that are there.
        done: u64,
        /// Bytes in all, as far as is known: it grows while the layers are told.
        total: u64,
    },
    /// It went wrong.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// How the metrics store is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsStatus {
    /// Its address as browsers may reach it; `None`: not to be linked.
    pub url: Option<String>,
    /// Whether the last poll succeeded.
    pub reachable: bool,
    /// What is wrong, in a line that says what to do; empty when nothing is.
    pub problem: String,
    /// Grafana's base address as browsers reach it; `None`: not to be linked.
    #[serde(default)]
    pub grafana: Option<String>,
    /// Jaeger's base address as browsers reach it; `None`: not to be linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jaeger: Option<String>,
    /// For how many seconds no new sample came although the run goes on; `None`: not delayed.
    pub delayed_s: Option<u32>,
    /// How many series the run makes where they are too many: its script names its requests too finely.
    #[serde(default)]
    pub many_series: Option<u32>,
}

/// Everything on the page but numbers and history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The run at work, or the last one.
    pub run: Option<Run>,
    /// The configured services.
    pub services: Vec<ServiceStatus>,
    /// The circuit breakers that they tell of.
    #[serde(default, skip_serializing_if = "Breakers::is_empty")]
    pub breakers: Breakers,
    /// Faults that are set, and the last ones that were, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What they cost, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<FaultCost>,
    /// The engine.
    pub engine: EngineStatus,
    /// The metrics store.
    pub metrics: MetricsStatus,
    /// What is wrong with the folder that keeps what runs leave, in a line that says what to do; empty when nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storage_problem: String,
}

/// The whole picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Where in the stream it was taken.
    pub cursor: Cursor,
    /// The server's clock.
    pub now_ms: Millis,
    /// The state.
    pub status: Status,
    /// The newest values.
    pub frame: Frame,
    /// The frames of the run so far.
    pub history: History,
    /// The timeline, oldest first, at most [`LiveState::EVENTS`].
    pub events: Vec<Event>,
    /// How services and replicas were in the last minutes.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub recent: Recent,
}

/// What changed in a tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Its place in the stream.
    pub cursor: Cursor,
    /// The server's clock.
    pub now_ms: Millis,
    /// The newest values.
    pub frame: Frame,
    /// Whether the frame belongs into the history.
    pub record: bool,
    /// The state, where it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// New events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// One message of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "type"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@type"))]
pub enum Message {
    /// Forget what you have, this is the picture.
    Snapshot(Box<Snapshot>),
    /// Add this.
    Tick(Box<Tick>),
}

/// What a message did to a [`LiveState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Taken.
    Yes,
    /// Already known, dropped.
    Doubled,
    /// Messages are missing before this one: connect again for a snapshot.
    Gap,
}

/// A reader's picture: snapshots and ticks folded together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveState {
    /// The picture so far.
    pub snapshot: Snapshot,
}

impl LiveState {
    /// Most events kept.
    pub const EVENTS: usize = 200;
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

/// Why a text is not a cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is two numbers joined by -")]
pub struct NotACursor;

impl TryFrom<String> for Cursor {
    type Error = NotACursor;

    fn try_from(text: String) -> Result<Self, NotACursor> {
        text.parse()
    }
}

impl std::str::FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (epoch, seq) = text.split_once('-').ok_or(NotACursor)?;
        let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse().map_err(|_| NotACursor),
            false => Err(NotACursor),
        };
        Ok(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl Status {
    /// The faults that were set while a run was at work, in the order of their time, each with its cost.
    pub fn costed(&self, run: &RunId) -> Vec<(Fault, FaultCost)> {
        let costs = self.costs.iter().filter(|told| told.run.as_ref() == Some(run));
        let with_fault =
            |told: &FaultCost| Some((self.faults.iter().find(|fault| fault.id == told.fault)?.clone(), told.clone()));
        let mut costed = costs.filter_map(with_fault).collect::<Vec<_>>();
        costed.sort_by_key(|(fault, _)| fault.set_at_ms);
        costed
    }
}

impl LiveState {
    /// Folds a message in. A tick whose `record` is set adds its frame to the history; a status that names another run
    /// than before empties history first. Each tick is a look at the services, too. A tick of another epoch, or one that is not the next, is a gap and changes
    /// nothing.
    pub fn apply(&mut self, message: Message) -> Applied {
        match message {
            Message::Snapshot(snapshot) => {
                self.snapshot = *snapshot;
                self.trim_events();
                Applied::Yes
            }
            Message::Tick(tick) => self.apply_tick(*tick),
        }
    }

    fn apply_tick(&mut self, tick: Tick) -> Applied {
        let Cursor { epoch, seq } = self.snapshot.cursor;
        if tick.cursor.epoch != epoch {
            return Applied::Gap;
        }
        if tick.cursor.seq <= seq {
            return Applied::Doubled;
        }
        if tick.cursor.seq - seq > 1 {
            return Applied::Gap;
        }
        let snapshot = &mut self.snapshot;
        snapshot.cursor = tick.cursor;
        snapshot.now_ms = tick.now_ms;
        if let Some(status) = tick.status {
            let id = |status: &Status| status.run.as_ref().map(|run| run.id.clone());
            let named = id(&status);
            if named.is_some() && named != id(&snapshot.status) {
                snapshot.history = History::default();
            }
            snapshot.status = status;
        }
        snapshot.recent.look(tick.now_ms, &snapshot.status.services);
        if tick.record {
            snapshot.history.push(&tick.frame);
        }
        snapshot.frame = tick.frame;
        snapshot.events.extend(tick.events);
        self.trim_events();
        Applied::Yes
    }

    fn trim_events(&mut self) {
        let events = &mut self.snapshot.events;
        events.drain(..events.len().saturating_sub(Self::EVENTS));
    }
}
