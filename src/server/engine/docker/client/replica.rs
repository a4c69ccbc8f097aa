//! The calls that containers of services under test take: how they are, and what faults do to them.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    time::Duration,
};

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum, ContainerUpdateBody},
    query_parameters as query,
};
use futures::{Stream, StreamExt, TryStreamExt};
use ha_dashboard::domain::Millis;
use serde::{Deserialize, Serialize};

use super::{Client, DockerError, held, millis, own_name};

/// How long a container gets to end in order before the engine kills it.
const GRACE: Duration = Duration::from_secs(10);

/// A container as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The engine's own number for it. A container that was made anew under the same name has another one.
    pub id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Its exit code, where it ended.
    pub exit_code: Option<i32>,
    /// When it started last.
    pub started_ms: Option<Millis>,
    /// When it ended last.
    pub ended_ms: Option<Millis>,
    /// How often the engine started it again by itself.
    pub restarts: u32,
    /// What it may use.
    pub limits: Limits,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Where a container is in its life, as far as its callers feel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was made, and never started.
    Made,
    /// At work.
    Running,
    /// Stopped in its tracks.
    Paused,
    /// Ended, and about to be started again by the engine.
    Restarting,
    /// Ended.
    Ended,
}

/// What a container may use. 0 stands for no limit, as it does for the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Processor time, in billionths of a core.
    pub nano_cpus: i64,
    /// Processor time, in µs of each `cpu_period`: the other way to say it. Below 0: no limit, too.
    pub cpu_quota: i64,
    /// In µs; 0 is the usual 100 ms.
    pub cpu_period: i64,
    /// Memory, in bytes.
    pub memory: i64,
}

/// A limit to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Billionths of a core; for a container whose limit was given that way.
    NanoCpus(i64),
    /// µs of each period; a quota of -1 is no limit.
    CpuQuota {
        /// The time.
        quota: i64,
        /// Of so much.
        period: i64,
    },
    /// Bytes.
    Memory(i64),
}

/// A container that carries a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its address in the first of its networks in which it has one.
    pub address: Option<String>,
}

/// What a container has at hand now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surroundings {
    /// The machine's cores.
    pub cores: u32,
    /// Memory that the container holds, without what could be dropped at once, in bytes.
    pub held_bytes: u64,
}

impl From<ContainerInspectResponse> for Seen {
    fn from(found: ContainerInspectResponse) -> Self {
        let state = found.state.unwrap_or_default();
        let phase = match state.status {
            Some(ContainerStateStatusEnum::CREATED) => Phase::Made,
            Some(ContainerStateStatusEnum::PAUSED) => Phase::Paused,
            Some(ContainerStateStatusEnum::RESTARTING) => Phase::Restarting,
            Some(ContainerStateStatusEnum::RUNNING) => Phase::Running,
            _ => Phase::Ended,
        };
        let host = found.host_config.unwrap_or_default();
        let over = matches!(phase, Phase::Restarting | Phase::Ended);
        Self {
            id: found.id.unwrap_or_default(),
            phase,
            exit_code: state.exit_code.filter(|_| over).and_then(|code| i32::try_from(code).ok()),
            started_ms: state.started_at.as_deref().and_then(millis),
            ended_ms: state.finished_at.as_deref().and_then(millis),
            restarts: found.restart_count.and_then(|times| u32::try_from(times).ok()).unwrap_or_default(),
            limits: Limits {
                nano_cpus: host.nano_cpus.unwrap_or_default(),
                cpu_quota: host.cpu_quota.unwrap_or_default(),
                cpu_period: host.cpu_period.unwrap_or_default(),
                memory: host.memory.unwrap_or_default(),
            },
            labels: found.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
        }
    }
}

impl Client {
    /// How a container is, and what it may use.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn look(&self, name: &str) -> Result<Seen, DockerError> {
        let docker = self.docker().await?;
        self.about(name, self.ask("look at the container", docker.inspect_container(name, None)).await).map(Seen::from)
    }

    /// All containers with a label, whatever it says and whether or not they run, by their names.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn labelled(&self, label: &str) -> Result<Vec<Labelled>, DockerError> {
        let filters = HashMap::from([("label", vec![label.to_owned()])]);
        let options = query::ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.ask("list containers", self.docker().await?.list_containers(Some(options))).await?;
        let containers = found.into_iter().filter_map(|container| {
            let networks = container.network_settings.and_then(|all| all.networks).unwrap_or_default();
            let networks = networks.into_iter().collect::<BTreeMap<_, _>>();
            let address = networks.into_values().filter_map(|one| one.ip_address).find(|address| !address.is_empty());
            let labels = container.labels.unwrap_or_default().into_iter().collect();
            Some(Labelled { name: own_name(container.names)?, labels, address })
        });
        let mut containers = containers.collect::<Vec<_>>();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    /// Kills a container. The engine does not start it again by itself, whatever its restart policy.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn kill(&self, name: &str) -> Result<(), DockerError> {
        let options = query::KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        let docker = self.docker().await?;
        self.about(name, self.ask("kill the container", docker.kill_container(name, Some(options))).await)
    }

    /// Lets a container end in order. The engine does not start it again by itself, whatever its restart policy.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn stop(&self, name: &str) -> Result<(), DockerError> {
        let options = query::StopContainerOptionsBuilder::default().t(GRACE.as_secs() as i32).build();
        let docker = self.docker().await?;
        self.about(name, self.ask("stop the container", docker.stop_container(name, Some(options))).await)
    }

    /// Starts a container that has ended.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn go_on(&self, name: &str) -> Result<(), DockerError> {
        let docker = self.docker().await?;
        self.about(name, self.ask("start the container", docker.start_container(name, None)).await)
    }

    /// Lets a container end in order and starts it, whether or not it ran.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn restart(&self, name: &str) -> Result<(), DockerError> {
        let options = query::RestartContainerOptionsBuilder::default().t(GRACE.as_secs() as i32).build();
        let docker = self.docker().await?;
        self.about(name, self.ask("restart the container", docker.restart_container(name, Some(options))).await)
    }

    /// Stops a container in its tracks.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn pause(&self, name: &str) -> Result<(), DockerError> {
        let docker = self.docker().await?;
        self.about(name, self.ask("pause the container", docker.pause_container(name)).await)
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn unpause(&self, name: &str) -> Result<(), DockerError> {
        let docker = self.docker().await?;
        self.about(name, self.ask("unpause the container", docker.unpause_container(name)).await)
    }

    /// Changes what a container may use, from now on. Nothing but that is in the request: a socket proxy can tell.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn limit(&self, name: &str, limit: Limit) -> Result<(), DockerError> {
        let body = match limit {
            Limit::NanoCpus(nano) => ContainerUpdateBody { nano_cpus: Some(nano), ..ContainerUpdateBody::default() },
            Limit::CpuQuota { quota, period } => ContainerUpdateBody {
                cpu_quota: Some(quota),
                cpu_period: Some(period),
                ..ContainerUpdateBody::default()
            },
            Limit::Memory(bytes) => ContainerUpdateBody { memory: Some(bytes), ..ContainerUpdateBody::default() },
        };
        let docker = self.docker().await?;
        self.about(name, self.ask("change the container's limits", docker.update_container(name, body)).await)
    }

    /// What a running container has at hand.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn surroundings(&self, name: &str) -> Result<Surroundings, DockerError> {
        let options = query::StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let docker = self.docker().await?;
        let mut stats = Box::pin(docker.stats(name, Some(options)));
        let first = async { stats.next().await.transpose() };
        let told = self.about(name, self.ask("measure the container", first).await)?.unwrap_or_default();
        let cores = told.cpu_stats.and_then(|cpu| cpu.online_cpus).filter(|cores| *cores > 0);
        match (cores, told.memory_stats.and_then(held)) {
            (Some(cores), Some(held_bytes)) => Ok(Surroundings { cores, held_bytes }),
            _ => Err(DockerError::Failed { doing: "measure the container", message: "it tells nothing of it".into() }),
        }
    }

    /// Tells each time that one of some containers starts, ends, stands still or goes on; for as long as the engine is there.
    ///
    /// # Errors
    /// When the engine is away.
    pub async fn changes(
        &self,
        names: &[String],
    ) -> Result<Pin<Box<dyn Stream<Item = Result<(), DockerError>> + Send>>, DockerError> {
        let events = ["start", "die", "pause", "unpause", "destroy"].map(str::to_owned);
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("event", events.to_vec()),
            ("container", names.to_vec()),
        ]);
        let options = query::EventsOptionsBuilder::default().filters(&filters).build();
        let host = self.host.clone();
        let events = self
            .docker()
            .await?
            .events(Some(options))
            .map_ok(drop)
            .map_err(move |error| super::explain(&host, "follow what happens", error));
        Ok(Box::pin(events))
    }

    /// Names the container that is gone.
    fn about<T>(&self, name: &str, answer: Result<T, DockerError>) -> Result<T, DockerError> {
        match answer {
            Err(DockerError::Gone { .. }) => Err(DockerError::Gone { name: name.into() }),
            other => other,
        }
    }
}
