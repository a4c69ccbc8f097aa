//! Replicas that are containers: how the engine says they are, and what faults do to them there.
//!
//! Only containers that the configuration names as a replica's are asked about, and none in which a dashboard runs k6. The
//! engine knows no time at which it would take something back: whoever sets something here has to be there to restore it, or
//! has to leave word of it for the next one, see [`limits`].

mod limits;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all};
use ha_dashboard::domain::{
    Millis,
    fault::{Effect, FaultKind},
    service::{ProcessState, ProcessStatus, Replica},
};
use tokio::{sync::watch, time::timeout};

use self::limits::Book;
use crate::server::{
    clock::now_ms,
    config::Config,
    engine::docker::{
        DockerError,
        client::{Client, Phase, Seen},
        label,
    },
    shutdown::Shutdown,
};

/// How long the engine may take to say how a container is.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is asked where it tells of no change.
const EVERY: Duration = Duration::from_secs(2);

/// Why something is not done to a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The engine does not do it.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// It is none of a service.
    #[error("k6 runs in the container {0}: it is no replica of a service")]
    OfK6(String),
    /// There is nothing to take away.
    #[error("{0} has no memory left that could be taken away without ending it")]
    Full(String),
    /// It could not be undone by the next start.
    #[error("a limit is only changed where the one before can be written down, and the state folder refuses: {0}")]
    Book(io::Error),
    /// A container is not the means for it.
    #[error("in a container there is no way to do it")]
    NoWay,
}

/// A replica that is a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// What the engine says of it.
    pub process: ProcessStatus,
    /// Whether it may not use all of the machine's memory. Only then some of it can be taken away: the engine does not take
    /// back a limit where there was none.
    pub memory_is_limited: bool,
}

impl From<&Seen> for Contained {
    fn from(seen: &Seen) -> Self {
        let state = match seen.phase {
            Phase::Running => ProcessState::Running,
            Phase::Paused => ProcessState::Frozen,
            Phase::Made | Phase::Restarting | Phase::Ended => ProcessState::Ended,
        };
        let since_ms = if state == ProcessState::Ended { seen.ended_ms } else { seen.started_ms };
        let process = ProcessStatus {
            state,
            since_ms: since_ms.unwrap_or_default(),
            until_ms: None,
            pid: None,
            code: seen.exit_code,
            restarts: seen.restarts,
        };
        Self { process, memory_is_limited: seen.limits.memory > 0 }
    }
}

/// The engine, as far as replicas are concerned. Copies are handles on the same one.
#[derive(Debug, Clone)]
pub struct Containers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    book: Book,
}

impl Containers {
    /// Those of the engine that a configuration names.
    pub fn new(config: &Config) -> Self {
        Self(Arc::new(Inner { client: Client::new(config.docker.host.clone()), book: Book::new(&config.state_dir) }))
    }

    /// How some replicas are, by name; what is no container, or can't be asked about, is left out.
    pub async fn look(&self, replicas: impl Iterator<Item = &Replica>) -> BTreeMap<String, Contained> {
        let named = replicas.filter_map(|replica| Some((replica.name.clone(), replica.container.clone()?)));
        let asked = named.map(|(replica, container)| async move {
            let seen = timeout(LOOK, self.seen(&container)).await.ok()?.ok()?;
            Some((replica, Contained::from(&seen)))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Lets an effect take hold of a container, until it is restored.
    ///
    /// # Errors
    /// When the engine does not do it, or it could not be undone.
    pub async fn set(&self, container: &str, effect: Effect) -> Result<(), ContainerError> {
        let (client, seen) = (&self.0.client, self.seen(container).await?);
        match effect {
            Effect::Killed => client.kill(container).await?,
            Effect::Stopped => client.stop(container).await?,
            Effect::Frozen => client.pause(container).await?,
            Effect::Restarted | Effect::RestartedInTurn => {
                // The engine stops nothing that is paused.
                if seen.phase == Phase::Paused {
                    client.unpause(container).await?;
                }
                client.restart(container).await?;
            }
            Effect::Cpu { percent } => {
                let cores = client.surroundings(container).await?.cores;
                let limit = limits::less_cpu(&seen.limits, cores, percent);
                self.0.book.tighten(client, container, &seen, FaultKind::Cpu, limit).await?;
            }
            Effect::Memory { mib } => {
                let held = client.surroundings(container).await?.held_bytes;
                let limit = limits::less_memory(&seen.limits, held, mib);
                let limit = limit.ok_or_else(|| ContainerError::Full(container.to_owned()))?;
                self.0.book.tighten(client, container, &seen, FaultKind::Memory, limit).await?;
            }
            Effect::Cut | Effect::Latency { .. } | Effect::Errors { .. } | Effect::Disk { .. } => {
                return Err(ContainerError::NoWay);
            }
        }
        Ok(())
    }

    /// Takes back what `kind` did to a container. What is as it should be stays so, and with a container that is gone
    /// everything is that was set there.
    ///
    /// # Errors
    /// When the engine does not do it.
    pub async fn restore(&self, container: &str, kind: FaultKind) -> Result<(), ContainerError> {
        let undo = async {
            let (client, seen) = (&self.0.client, self.seen(container).await?);
            match (kind, seen.phase) {
                (FaultKind::Cpu | FaultKind::Memory, _) => self.0.book.loosen(client, container, &seen, kind).await?,
                (FaultKind::Freeze, Phase::Paused) => client.unpause(container).await?,
                // One that froze and was ended by somebody else is theirs to start.
                (FaultKind::Freeze, _) => {}
                (_, Phase::Made | Phase::Ended) => client.go_on(container).await?,
                _ => {}
            }
            Ok(())
        };
        match undo.await {
            Err(ContainerError::Docker(DockerError::Gone { .. })) => Ok(()),
            other => other,
        }
    }

    /// Follows how some replicas are, by name, from now on. The engine tells of changes itself.
    pub fn watch(
        &self,
        replicas: Vec<Replica>,
        shutdown: &Shutdown,
    ) -> watch::Receiver<BTreeMap<String, ProcessStatus>> {
        let (told, receiver) = watch::channel(BTreeMap::new());
        let names = replicas.iter().filter_map(|replica| replica.container.clone()).collect::<Vec<_>>();
        if names.is_empty() {
            return receiver;
        }
        let (this, token) = (self.clone(), shutdown.token.clone());
        shutdown.tasks.spawn(async move {
            let follow = async {
                let mut changes = None;
                loop {
                    let seen = this.look(replicas.iter()).await;
                    told.send_if_modified(|told| put(told, seen, now_ms()));
                    if changes.is_none() {
                        changes = this.0.client.changes(&names).await.ok();
                    }
                    let Some(following) = &mut changes else {
                        tokio::time::sleep(EVERY).await;
                        continue;
                    };
                    if let Ok(None | Some(Err(_))) = timeout(EVERY, following.next()).await {
                        // It is away. That is seen soon enough, and not asked about all the time.
                        changes = None;
                        tokio::time::sleep(EVERY).await;
                    }
                }
            };
            tokio::select! {
                () = follow => {}
                () = token.cancelled() => {}
            }
        });
        receiver
    }

    /// A container that may be a replica.
    async fn seen(&self, container: &str) -> Result<Seen, ContainerError> {
        let seen = self.0.client.look(container).await?;
        match seen.labels.contains_key(label::OWNER) {
            false => Ok(seen),
            true => Err(ContainerError::OfK6(container.to_owned())),
        }
    }
}

/// Puts in what was seen at `now`; whether that changes anything.
fn put(told: &mut BTreeMap<String, ProcessStatus>, seen: BTreeMap<String, Contained>, now: Millis) -> bool {
    let fresh = seen.into_iter().map(|(replica, Contained { mut process, .. })| {
        // The engine does not say since when one is paused.
        if process.state == ProcessState::Frozen {
            let before = told.get(&replica).filter(|before| before.state == process.state);
            process.since_ms = before.map_or(now, |before| before.since_ms);
        }
        (replica, process)
    });
    let fresh = fresh.collect();
    let changed = *told != fresh;
    *told = fresh;
    changed
}
