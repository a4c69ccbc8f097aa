//! How a fault takes hold of a replica, and how it is taken back: at its door, through whoever runs its process or container,
//! or by its own knobs.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    Millis,
    fault::{Effect, FaultKind, Layer},
    service::{ProcessState, ProcessStatus, Replica},
};
use serde_json::{Map, Value, json};

use super::super::{
    containers::{Contained, ContainerError, Containers},
    gateway::{Door, Gateway, GatewayError},
    supervisor::{Order, Supervisor, SupervisorError},
};
use crate::server::silence;

/// Where a demo service can be put under pressure.
const KNOBS: &str = "/knobs";

/// Why a fault does not take hold, or is not taken back.
#[derive(Debug, thiserror::Error)]
pub enum MeansError {
    /// The gateway does not do it.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The supervisor does not do it.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// Nothing of the kind is done to its container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The replica itself does not.
    #[error("{replica} does not turn its knobs: {why}")]
    Knobs {
        /// The replica.
        replica: String,
        /// What is known of it.
        why: String,
    },
}

impl MeansError {
    /// Whether what was set ends at its time, though it can't be taken back now. Doors, knobs and the supervisor see to that
    /// themselves: whoever is not there to be asked has gone with what was set, or will have. An engine does not.
    pub fn ends_by_itself(&self) -> bool {
        !matches!(self, Self::Container(_))
    }
}

/// Whether a fault ends at its time on a replica whatever became of who set it: doors, knobs and the supervisor see to that
/// themselves, an engine does not.
pub fn ends_by_itself(replica: &Replica, kind: FaultKind) -> bool {
    kind.lasts() && (replica.container.is_none() || kind.layer() == Layer::Door)
}

/// What faults are set with.
#[derive(Debug, Clone)]
pub struct Means {
    /// Sets what happens at doors.
    pub gateway: Gateway,
    /// Runs the processes on this machine.
    pub supervisor: Supervisor,
    /// Runs the containers.
    pub containers: Containers,
    /// Asks replicas.
    pub http: reqwest::Client,
}

/// The replicas that can be got hold of beside their doors, as they are now.
#[derive(Debug, Default)]
pub struct AtHand {
    supervised: BTreeMap<String, ProcessStatus>,
    contained: BTreeMap<String, Contained>,
}

impl AtHand {
    /// What can be done to a replica.
    pub fn kinds(&self, replica: &Replica) -> Vec<FaultKind> {
        let can = |kind: &FaultKind| match (kind.layer(), self.contained.get(&replica.name)) {
            (Layer::Door, _) => replica.door.is_some(),
            (Layer::Process, Some(_)) => true,
            (Layer::Inside, Some(container)) => match kind {
                FaultKind::Cpu => true,
                FaultKind::Memory => container.memory_is_limited,
                _ => false,
            },
            (Layer::Process | Layer::Inside, None) => {
                replica.container.is_none() && self.supervised.contains_key(&replica.name)
            }
        };
        FaultKind::ALL.into_iter().filter(can).collect()
    }

    /// Whether a replica does not work for its callers whatever is done at its door.
    pub fn is_down(&self, replica: &str) -> bool {
        let contained = self.contained.get(replica).map(|container| &container.process);
        let process = contained.or_else(|| self.supervised.get(replica));
        let gone = |state| matches!(state, ProcessState::Frozen | ProcessState::Held | ProcessState::Ended);
        process.is_some_and(|process| gone(process.state))
    }
}

impl Means {
    /// What can be got hold of among some replicas; nothing where nobody supervises them and the engine is away.
    pub async fn at_hand(&self, replicas: impl Iterator<Item = &Replica>) -> AtHand {
        let (supervised, contained) = tokio::join!(self.supervisor.order(&Order::List), self.containers.look(replicas));
        let supervised = supervised.unwrap_or_default().into_iter().map(|one| (one.replica, one.process)).collect();
        AtHand { supervised, contained }
    }

    /// Lets an effect take hold until `until_ms`, when it ends by itself whatever became of us; in a container it stays until it
    /// is restored.
    ///
    /// # Errors
    /// When whoever has to do it does not.
    pub async fn set(&self, replica: &Replica, effect: Effect, until_ms: Millis) -> Result<(), MeansError> {
        if let Some(container) = &replica.container
            && !matches!(effect, Effect::Cut | Effect::Latency { .. } | Effect::Errors { .. })
        {
            return Ok(self.containers.set(container, effect).await?);
        }
        let name = replica.name.clone();
        match effect {
            Effect::Killed => self.order(Order::Kill { replica: name, until_ms }).await,
            Effect::Stopped => self.order(Order::Stop { replica: name, until_ms }).await,
            Effect::Frozen => self.order(Order::Freeze { replica: name, until_ms }).await,
            Effect::Restarted | Effect::RestartedInTurn => self.order(Order::Restart { replica: name }).await,
            Effect::Cut => self.door(&name, Door { until_ms, cut: true, ..Door::default() }).await,
            Effect::Latency { delay_ms, jitter_ms } => {
                self.door(&name, Door { until_ms, delay_ms, jitter_ms, ..Door::default() }).await
            }
            Effect::Errors { percent } => {
                let error_percent = u8::try_from(percent.min(100)).unwrap_or(100);
                self.door(&name, Door { until_ms, error_percent, ..Door::default() }).await
            }
            Effect::Cpu { percent } => {
                self.turn(replica, &[("cpu", json!(f64::from(percent) / 100.0))], Some(until_ms)).await
            }
            Effect::Memory { mib } => self.turn(replica, &[("memory_mb", json!(mib))], Some(until_ms)).await,
            Effect::Disk { mib_per_s } => self.turn(replica, &[("disk_mb_s", json!(mib_per_s))], Some(until_ms)).await,
        }
    }

    /// Takes back what `kind` did. What is no longer set stays as it is.
    ///
    /// # Errors
    /// When whoever has to do it does not.
    pub async fn restore(&self, replica: &Replica, kind: FaultKind) -> Result<(), MeansError> {
        match kind.layer() {
            Layer::Process | Layer::Inside if let Some(container) = &replica.container => {
                Ok(self.containers.restore(container, kind).await?)
            }
            Layer::Process => self.order(Order::Restore { replica: replica.name.clone() }).await,
            Layer::Door => self.gateway.clear_door(&replica.name).await.map_err(Into::into),
            Layer::Inside => {
                let knob = match kind {
                    FaultKind::Cpu => "cpu",
                    FaultKind::Memory => "memory_mb",
                    _ => "disk_mb_s",
                };
                self.turn(replica, &[(knob, json!(0))], None).await
            }
        }
    }

    async fn order(&self, order: Order) -> Result<(), MeansError> {
        self.supervisor.order(&order).await.map(drop).map_err(Into::into)
    }

    async fn door(&self, replica: &str, door: Door) -> Result<(), MeansError> {
        self.gateway.set_door(replica, door).await.map_err(Into::into)
    }

    /// Turns some knobs of a replica, and leaves the others as they are.
    async fn turn(
        &self,
        replica: &Replica,
        knobs: &[(&str, Value)],
        until_ms: Option<Millis>,
    ) -> Result<(), MeansError> {
        let failed = |why: String| MeansError::Knobs { replica: replica.name.clone(), why };
        let lost = |error: reqwest::Error| failed(silence::of(&error).1);
        // Past the door: what is set there is none of this.
        let url = format!("{}{KNOBS}", replica.url);
        let now = self.http.get(&url).send().await.and_then(reqwest::Response::error_for_status).map_err(lost)?;
        let mut all: Map<String, Value> = now.json().await.map_err(lost)?;
        all.extend(knobs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        // One end for all pressure: the later one, so that none ends early; each fault is taken back at its own.
        let latest = all.get("until_ms").and_then(Value::as_u64).max(until_ms);
        all.extend(latest.map(|until_ms| ("until_ms".to_owned(), json!(until_ms))));
        let answer = self.http.put(&url).json(&all).send().await.map_err(lost)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(failed(format!("{status}: {}", answer.text().await.unwrap_or_default()))),
        }
    }
}
