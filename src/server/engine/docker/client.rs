//! The part of the Docker Engine API that we use, and what its failures mean. No type of bollard leaves this module.

mod replica;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    pin::Pin,
    time::Duration,
};

use bollard::{
    Docker,
    errors::Error,
    models::{
        ContainerCreateBody, ContainerStateStatusEnum, HostConfig, HostConfigLogConfig, Mount, MountType,
        RestartPolicy, RestartPolicyNameEnum,
    },
    query_parameters as query,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use ha_dashboard::domain::Millis;
use tokio::{sync::OnceCell, time::timeout};
use tracing::{Instrument, Span};

pub use self::replica::{Labelled, Limit, Limits, Phase, Seen};

/// How long an answer may take. Streams last as long as they want.
const LIMIT: Duration = Duration::from_secs(30);

/// What went wrong; each message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    /// There is no socket.
    #[error("there is no Docker at {host}: start Docker, or name its address with HAD_DOCKER_HOST")]
    NoSocket {
        /// Where it was looked for.
        host: String,
    },
    /// The socket may not be used.
    #[error(
        "this user may not use Docker at {host}: add the user to the group docker and log in again, or name a socket \
         proxy with HAD_DOCKER_HOST"
    )]
    NoPermission {
        /// The socket.
        host: String,
    },
    /// Nobody answers.
    #[error("Docker at {host} does not answer ({cause}): start it, or name its address with HAD_DOCKER_HOST")]
    Unreachable {
        /// Its address.
        host: String,
        /// What happened.
        cause: String,
    },
    /// A socket proxy refuses.
    #[error("the socket proxy at {host} refuses to {doing}: allow it there (monitoring/gateway lists what is needed)")]
    Refused {
        /// Its address.
        host: String,
        /// What we wanted to do.
        doing: &'static str,
    },
    /// The image is missing.
    #[error("Docker has no image {image}: pull it on this page, or with `docker pull {image}`")]
    NoImage {
        /// Its name.
        image: String,
    },
    /// The network is missing.
    #[error(
        "Docker has no network {network}: start the stack that makes it (`docker compose up`), or name another one with \
         HAD_DOCKER_NETWORK"
    )]
    NoNetwork {
        /// Its name.
        network: String,
    },
    /// The name is taken.
    #[error("another container is named {name} already: remove or rename it (`docker rm {name}`), and start again")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The disk is full.
    #[error("Docker's disk is full: free some space (`docker system df` shows what takes it), and start again")]
    DiskFull,
    /// The image lacks a program.
    #[error(
        "the image has no program `timeout`, with which k6 ends by itself whatever becomes of Docker: name an image of \
         grafana/k6, or one made from it, with HAD_K6_IMAGE"
    )]
    NoTimeout,
    /// There is no such container any more.
    #[error("Docker has no container {name} any more")]
    Gone {
        /// Its name.
        name: String,
    },
    /// The registry can't be reached.
    #[error(
        "the registry of {image} can't be reached ({cause}): check the network and proxy of the Docker engine, or bring \
         the image with `docker load`"
    )]
    NoRegistry {
        /// The image.
        image: String,
        /// What Docker said.
        cause: String,
    },
    /// Anything else.
    #[error("Docker can't {doing}: {message}")]
    Failed {
        /// What we wanted to do.
        doing: &'static str,
        /// What Docker said.
        message: String,
    },
}

impl DockerError {
    /// Whether it may be different in a moment: nothing is known of what was asked about.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoSocket { .. } | Self::NoPermission { .. } | Self::Unreachable { .. })
    }
}

/// What a container is made of. Everything else in [`Client::create`] is fixed.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The image.
    pub image: &'a str,
    /// What it runs, in place of what the image would.
    pub command: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Marks.
    pub labels: BTreeMap<String, String>,
    /// The network.
    pub network: &'a str,
    /// Most memory in bytes.
    pub memory: u64,
    /// Most cores.
    pub cpus: u32,
    /// The one folder that can be written to and filled before the start.
    pub folder: &'a str,
    /// User and group.
    pub user: u32,
}

/// What an image is.
#[derive(Debug)]
pub struct Image {
    /// Its id, which tells one from another of the same name.
    pub id: String,
    /// What its containers run, in front of their arguments.
    pub entrypoint: Vec<String>,
}

/// How a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// Where it is in its life.
    pub life: Life,
    /// The exit code once it ended.
    pub exit_code: i32,
    /// Whether it was killed for want of memory.
    pub out_of_memory: bool,
    /// When it ended.
    pub ended_ms: Option<Millis>,
    /// Why it could not be started; empty where nothing went wrong.
    pub error: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Made and never started.
    Created,
    /// At work.
    Running,
    /// Over.
    Ended,
}

/// One piece of a container's output.
#[derive(Debug)]
pub struct Piece {
    /// Whether it came from standard error.
    pub stderr: bool,
    /// Its time, where it was asked for with times; sorts as text.
    pub time: String,
    /// What was said. Ends with a line feed unless the line goes on in the next piece.
    pub text: Bytes,
}

/// What a container has used so far, and uses now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was read, in seconds since 1970.
    pub at_s: f64,
    /// CPU time used so far, in seconds.
    pub cpu_s: f64,
    /// Memory used now, in bytes.
    pub bytes: f64,
}

impl Sample {
    /// Cores used since an earlier sample, and memory now, in bytes; `None`: the two are no measure.
    pub fn since(&self, before: &Self) -> Option<(f64, f64)> {
        let elapsed = self.at_s - before.at_s;
        (elapsed > 0.05 && self.cpu_s >= before.cpu_s).then(|| ((self.cpu_s - before.cpu_s) / elapsed, self.bytes))
    }
}

/// How far fetching an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all as far as they were told.
    pub total: u64,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, DockerError>> + Send>>;

/// A handle on one engine; connects when it is first used, and again after a break.
#[derive(Debug)]
pub struct Client {
    host: String,
    docker: OnceCell<Docker>,
}

impl Client {
    /// A handle on the engine at `host`.
    pub fn new(host: String) -> Self {
        Self { host, docker: OnceCell::new() }
    }

    /// A connection that speaks a version of the API that the engine does, too.
    async fn docker(&self) -> Result<&Docker, DockerError> {
        let connect = || async {
            let fail = |error| explain(&self.host, "connect", error);
            let docker = Docker::connect_with_host(&self.host).map_err(fail)?;
            timeout(LIMIT, docker.negotiate_version()).await.map_err(|_| self.slow())?.map_err(fail)
        };
        self.docker.get_or_try_init(connect).await
    }

    async fn ask<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, DockerError> {
        // A part of what somebody asked for, but nothing to tell of what the dashboard does by itself each second.
        let span = if Span::current().is_none() { Span::none() } else { tracing::info_span!("Docker", doing) };
        let answer = timeout(LIMIT, answer).instrument(span).await;
        answer.map_err(|_| self.slow())?.map_err(|error| explain(&self.host, doing, error))
    }

    /// What is said of an engine that lets us wait.
    pub fn slow(&self) -> DockerError {
        DockerError::Unreachable { host: self.host.clone(), cause: "it lets us wait".into() }
    }

    /// The engine's version, for example `20.10.24`.
    pub async fn version(&self) -> Result<String, DockerError> {
        let version = self.ask("tell its version", self.docker().await?.version()).await?;
        Ok(version.version.unwrap_or_default())
    }

    /// What an image is.
    ///
    /// # Errors
    /// [`DockerError::NoImage`] among others.
    pub async fn image(&self, image: &str) -> Result<Image, DockerError> {
        match self.ask("look at the image", self.docker().await?.inspect_image(image)).await {
            Ok(found) => Ok(Image {
                id: found.id.unwrap_or_default(),
                entrypoint: found.config.and_then(|config| config.entrypoint).unwrap_or_default(),
            }),
            Err(DockerError::Gone { .. }) => Err(DockerError::NoImage { image: image.into() }),
            Err(error) => Err(error),
        }
    }

    /// Whether no way leads out of a network.
    ///
    /// # Errors
    /// [`DockerError::NoNetwork`] among others.
    pub async fn is_internal(&self, network: &str) -> Result<bool, DockerError> {
        match self.ask("look at the network", self.docker().await?.inspect_network(network, None)).await {
            Ok(found) => Ok(found.internal == Some(true)),
            Err(DockerError::Gone { .. }) => Err(DockerError::NoNetwork { network: network.into() }),
            Err(error) => Err(error),
        }
    }

    /// Makes a container with no more rights than k6 needs, and does not start it.
    pub async fn create(&self, name: &str, recipe: Recipe<'_>) -> Result<(), DockerError> {
        let volume = Mount {
            target: Some(recipe.folder.into()),
            // Without a source: a volume of its own, which goes with the container.
            typ: Some(MountType::VOLUME),
            ..Mount::default()
        };
        let log = HashMap::from([("max-size", "8m"), ("max-file", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        let memory = i64::try_from(recipe.memory).unwrap_or(i64::MAX);
        let host_config = HostConfig {
            network_mode: Some(recipe.network.into()),
            mounts: Some(vec![volume]),
            tmpfs: Some(HashMap::from([("/tmp".into(), "rw,noexec,nosuid,nodev,size=64m".into())])),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            security_opt: Some(vec!["no-new-privileges:true".into()]),
            privileged: Some(false),
            memory: Some(memory),
            // No swap: a test that swaps measures the disk.
            memory_swap: Some(memory),
            cpu_period: Some(100_000),
            // Unlike `nano_cpus` a quota may exceed the machine's cores.
            cpu_quota: Some(i64::from(recipe.cpus) * 100_000),
            pids_limit: Some(512),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            auto_remove: Some(false),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".into()), config: Some(log) }),
            ..HostConfig::default()
        };
        let user = format!("{0}:{0}", recipe.user);
        let body = ContainerCreateBody {
            image: Some(recipe.image.into()),
            entrypoint: Some(recipe.command),
            env: Some(recipe.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(recipe.labels.into_iter().collect()),
            user: Some(user),
            host_config: Some(host_config),
            ..ContainerCreateBody::default()
        };
        let options = query::CreateContainerOptionsBuilder::default().name(name).build();
        let created = self.ask("make a container", self.docker().await?.create_container(Some(options), body)).await;
        match created {
            Ok(created) => {
                for warning in created.warnings {
                    tracing::debug!(name, warning, "Docker warns");
                }
                Ok(())
            }
            // Which of the two is missing, and when it is noticed, differs between versions.
            Err(DockerError::Gone { name: said }) if said.contains("network") => {
                Err(DockerError::NoNetwork { network: recipe.network.into() })
            }
            Err(DockerError::Gone { .. }) => Err(DockerError::NoImage { image: recipe.image.into() }),
            Err(DockerError::NameTaken { .. }) => Err(DockerError::NameTaken { name: name.into() }),
            Err(error) => Err(error),
        }
    }

    /// Unpacks a tar archive into a folder of a container.
    pub async fn upload(&self, name: &str, folder: &str, archive: Vec<u8>) -> Result<(), DockerError> {
        let options = query::UploadToContainerOptionsBuilder::default().path(folder).build();
        let body = bollard::body_full(archive.into());
        self.ask("copy the scripts", self.docker().await?.upload_to_container(name, Some(options), body)).await
    }

    /// A file of a container as a tar archive; `None` where there is none. Reads no more than `most` bytes.
    pub async fn download(&self, name: &str, path: &str, most: usize) -> Result<Option<Vec<u8>>, DockerError> {
        let options = query::DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = Box::pin(self.docker().await?.download_from_container(name, Some(options)));
        let read = async {
            let mut archive = Vec::new();
            while let Some(part) = stream.next().await {
                match part.map_err(|error| explain(&self.host, "read a file of the container", error)) {
                    Ok(part) => archive.extend_from_slice(&part),
                    Err(DockerError::Gone { .. }) => return Ok(None),
                    Err(error) => return Err(error),
                }
                if archive.len() > most {
                    return Ok(None);
                }
            }
            Ok(Some(archive))
        };
        timeout(LIMIT, read).await.map_err(|_| self.slow())?
    }

    /// Starts a container.
    pub async fn start(&self, name: &str, network: &str) -> Result<(), DockerError> {
        let docker = self.docker().await?;
        let started = self.ask("start the container", docker.start_container(name, None)).await;
        match started {
            // The container is there, so what is missing is what it asks for.
            Err(DockerError::Gone { .. }) => Err(DockerError::NoNetwork { network: network.into() }),
            other => other,
        }
    }

    /// Sends a signal; a container that is over or gone is none the worse for it. Waits for the answer for minutes: an
    /// engine that hangs carries out later what it was asked, so asking it again would send the signal twice.
    pub async fn signal(&self, name: &str, signal: &str) -> Result<(), DockerError> {
        let options = query::KillContainerOptionsBuilder::default().signal(signal).build();
        match self.docker().await?.kill_container(name, Some(options)).await {
            Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) | Ok(()) => Ok(()),
            Err(error) => Err(explain(&self.host, "stop the container", error)),
        }
    }

    /// How a container is.
    ///
    /// # Errors
    /// [`DockerError::Gone`] among others.
    pub async fn state(&self, name: &str) -> Result<ContainerState, DockerError> {
        let docker = self.docker().await?;
        let found = match self.ask("look at the container", docker.inspect_container(name, None)).await {
            Err(DockerError::Gone { .. }) => return Err(DockerError::Gone { name: name.into() }),
            other => other?,
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect();
        let state = found.state.unwrap_or_default();
        let life = match state.status {
            Some(ContainerStateStatusEnum::CREATED) => Life::Created,
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD) => Life::Ended,
            _ => Life::Running,
        };
        Ok(ContainerState {
            life,
            exit_code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            ended_ms: state.finished_at.as_deref().and_then(millis),
            error: state.error.unwrap_or_default(),
            labels,
        })
    }

    /// Resolves when a container runs no more, or is gone.
    ///
    /// # Errors
    /// When the engine could not be asked to the end.
    pub async fn wait(&self, name: &str) -> Result<(), DockerError> {
        let options = query::WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut ends = Box::pin(self.docker().await?.wait_container(name, Some(options)));
        match ends.next().await {
            // bollard takes every exit code but 0 for an error.
            Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Ok(()),
            Some(Err(error)) => Err(explain(&self.host, "wait for the container", error)),
            None => Err(DockerError::Unreachable { host: self.host.clone(), cause: "it hung up".into() }),
        }
    }

    /// A container's output with times; goes on until it ends where `follow` says so. `since`: in seconds since 1970.
    pub async fn logs(&self, name: &str, follow: bool, since: i32) -> Result<Pieces, DockerError> {
        let options = query::LogsOptionsBuilder::default()
            .follow(follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(since)
            .build();
        let host = self.host.clone();
        let pieces = self
            .docker()
            .await?
            .logs(name, Some(options))
            .map_err(move |error| explain(&host, "read the output", error));
        Ok(Box::pin(pieces.map_ok(|output| {
            let stderr = matches!(output, bollard::container::LogOutput::StdErr { .. });
            let bytes = output.into_bytes();
            let cut = bytes.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
            let time = String::from_utf8_lossy(&bytes[..cut]).trim_end().to_owned();
            Piece { stderr, time, text: bytes.slice(cut..) }
        })))
    }

    /// What a container uses, about once a second, until it ends.
    pub async fn stats(
        &self,
        name: &str,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Sample, DockerError>> + Send>>, DockerError> {
        let options = query::StatsOptionsBuilder::default().stream(true).build();
        let host = self.host.clone();
        let stats = self
            .docker()
            .await?
            .stats(name, Some(options))
            .map_err(move |error| explain(&host, "measure the container", error));
        Ok(Box::pin(stats.try_filter_map(|stats| async move { Ok(sample(stats)) })))
    }

    /// Removes a container with its volume, whether or not it runs. One that is gone is fine.
    pub async fn remove(&self, name: &str) -> Result<(), DockerError> {
        let options = query::RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let docker = self.docker().await?;
        match timeout(LIMIT, docker.remove_container(name, Some(options))).await.map_err(|_| self.slow())? {
            // 409: its removal is under way.
            Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) | Ok(()) => Ok(()),
            Err(error) => Err(explain(&self.host, "remove the container", error)),
        }
    }

    /// The names of all containers with a label, whether or not they run.
    pub async fn list(&self, label: &str, value: &str) -> Result<Vec<String>, DockerError> {
        let filters = HashMap::from([("label", vec![format!("{label}={value}")])]);
        let options = query::ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.ask("list containers", self.docker().await?.list_containers(Some(options))).await?;
        Ok(found.into_iter().filter_map(|container| own_name(container.names)).collect())
    }

    /// Fetches an image, telling how far it is.
    pub async fn pull(&self, image: &str, mut told: impl FnMut(Fetched)) -> Result<(), DockerError> {
        let options = query::CreateImageOptionsBuilder::default().from_image(image).build();
        let mut steps = Box::pin(self.docker().await?.create_image(Some(options), None, None));
        let mut layers = BTreeMap::<String, Fetched>::new();
        while let Some(step) = steps.next().await {
            let step = step.map_err(|error| self.no_registry(image, error))?;
            let known = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
            if step.status.as_deref() == Some("Downloading")
                && let (Some(layer), Some(detail)) = (step.id, step.progress_detail)
                && let Some(done) = known(detail.current)
            {
                // Some registries don't say how large a layer is.
                let total = known(detail.total).unwrap_or(done);
                layers.insert(layer, Fetched { done, total });
                told(layers.values().fold(Fetched::default(), |all, layer| Fetched {
                    done: all.done + layer.done,
                    total: all.total + layer.total,
                }));
            }
        }
        Ok(())
    }

    fn no_registry(&self, image: &str, error: Error) -> DockerError {
        match explain(&self.host, "pull the image", error) {
            DockerError::Failed { message, .. } => DockerError::NoRegistry { image: image.into(), cause: message },
            DockerError::Gone { .. } => DockerError::NoRegistry { image: image.into(), cause: "no such image".into() },
            other => other,
        }
    }
}

/// Of several names the container's own has one slash, the links' have more.
fn own_name(names: Option<Vec<String>>) -> Option<String> {
    let mut names = names?.into_iter();
    names.find(|name| name.matches('/').count() == 1).map(|name| name.trim_start_matches('/').to_owned())
}

/// What a failure at the engine `host` means.
fn explain(host: &str, doing: &'static str, error: Error) -> DockerError {
    let host = host.to_owned();
    let unreachable = |cause: String| DockerError::Unreachable { host: host.clone(), cause };
    match error {
        Error::SocketNotFoundError(_) => DockerError::NoSocket { host },
        Error::RequestTimeoutError => unreachable("no answer".into()),
        Error::DockerResponseServerError { status_code, message } => match status_code {
            _ if message.contains("no space left on device") => DockerError::DiskFull,
            _ if message.contains("\"timeout\": executable file not found") => DockerError::NoTimeout,
            403 if !message.contains("read-only") => DockerError::Refused { host, doing },
            404 => DockerError::Gone { name: message },
            409 if message.contains("is already in use") => DockerError::NameTaken { name: String::new() },
            502..=504 => unreachable(format!("the socket proxy says {status_code}")),
            _ => DockerError::Failed { doing, message: message.trim().into() },
        },
        error => match io_kind(&error) {
            Some(io::ErrorKind::NotFound) => DockerError::NoSocket { host },
            Some(io::ErrorKind::PermissionDenied) => DockerError::NoPermission { host },
            Some(_) => unreachable(root_cause(&error)),
            None if matches!(error, Error::HyperLegacyError { .. } | Error::HyperResponseError { .. }) => {
                unreachable(root_cause(&error))
            }
            None => DockerError::Failed { doing, message: root_cause(&error) },
        },
    }
}

/// What the `docker stats` command makes of it, too: memory without what could be dropped at once. See
/// <https://docs.docker.com/reference/cli/docker/container/stats/>.
fn sample(stats: bollard::models::ContainerStatsResponse) -> Option<Sample> {
    let read = stats.read?.parse::<jiff::Timestamp>().ok()?;
    Some(Sample {
        at_s: read.as_millisecond() as f64 / 1e3,
        cpu_s: stats.cpu_stats?.cpu_usage?.total_usage? as f64 / 1e9,
        bytes: held(stats.memory_stats?)? as f64,
    })
}

/// Memory that is held, in bytes.
fn held(memory: bollard::models::ContainerMemoryStats) -> Option<u64> {
    let parts = memory.stats.unwrap_or_default();
    // The second name is that of control groups v1.
    let cache = ["inactive_file", "total_inactive_file"].iter().find_map(|name| parts.get(*name)).copied();
    Some(memory.usage?.saturating_sub(cache.unwrap_or_default()))
}

/// A time as Docker writes it.
fn millis(time: &str) -> Option<Millis> {
    let ms = time.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    // Year 1 stands for never.
    Millis::try_from(ms).ok().filter(|ms| *ms > 0)
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| (*error).source())
}

fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    match error {
        // It passes for its own cause, so the chain begins behind it.
        Error::IOError { err } => Some(err.kind()),
        error => causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind),
    }
}

fn root_cause(error: &Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_in_words_that_help() {
        let io = |kind: io::ErrorKind| Error::IOError { err: kind.into() };
        let said =
            |status_code, message: &str| Error::DockerResponseServerError { status_code, message: message.into() };
        for (error, expected) in [
            (io(io::ErrorKind::PermissionDenied), "group docker"),
            (io(io::ErrorKind::NotFound), "start Docker"),
            (io(io::ErrorKind::ConnectionRefused), "does not answer"),
            (Error::RequestTimeoutError, "does not answer"),
            (said(503, "<html>"), "the socket proxy says 503"),
            (said(403, "Forbidden"), "refuses to look"),
            (said(500, "write /x: no space left on device"), "disk is full"),
            (said(409, "Conflict. The container name \"/x\" is already in use"), "named"),
            (said(400, "exec: \"timeout\": executable file not found in $PATH: unknown"), "no program `timeout`"),
            (said(500, "OCI runtime create failed"), "Docker can't look: OCI runtime"),
        ] {
            let told = explain("unix:///run/docker.sock", "look", error).to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}
