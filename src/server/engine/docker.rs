//! Runs k6 in containers, one an instance, over the Docker Engine API.
//!
//! What a container is made of is fixed in [`client`]: nothing that a user typed is part of it but the name of a script
//! that is on disk. Plan and scripts go in as an archive before the start. Each ends by itself when its time is over,
//! whatever becomes of Docker, see [`K6Command::bounded`].

pub mod client;
mod folder;
mod instance;
#[cfg(test)]
pub mod lab;
mod output;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future::join_all};
use ha_dashboard::domain::{
    Millis,
    live::{EngineReason, EngineStatus, MissingImage, Pull},
    run::RunId,
};
use tokio::{
    sync::{OnceCell, watch},
    time::timeout,
};
use tokio_util::task::TaskTracker;

pub use self::{client::DockerError, instance::CONTAINER};
use self::{
    client::{Client, Image, Life, Recipe},
    instance::{DockerInstance, Followed, Record},
};
use super::{
    COMMAND_LIMIT, CommandError, Engine, EngineError, Instance, InstanceState, Launch, OUTPUT_LIMIT, Output, Part,
    Started,
    command::{self, Places},
    deadline, files,
    k6::Version,
    locked, script_path,
};
use crate::server::{
    config::{Config, DockerConfig},
    scripts::Folders,
    shutdown::Shutdown,
};

/// The user of the image, without any rights.
const USER: u32 = 12_345;
/// The file in the state folder that tells our containers from another dashboard's.
const OWNER: &str = "docker-owner";
/// Where scripts find the plan.
const INPUT_FILE_VAR: &str = "HAD_INPUT_FILE";

/// How long Docker may take to say how it is.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// How long after its deadline a k6 that nobody ended ends by itself.
const SELF_END: Duration = Duration::from_secs(2);

/// The engine's name.
const NAME: &str = "docker";

/// Lets the command that follows tell its version, and coreutils' `timeout` its name: that of busybox has no such option.
const WHAT_IS_THERE: &str = r#""$@" || exit; timeout --version 2>/dev/null; true"#;

/// What is said of a container that was made and not started.
const NEVER_STARTED: &str = "k6 was never started: the dashboard ended before";

/// The labels of our containers.
pub mod label {
    /// Whose they are: one value a state folder.
    pub const OWNER: &str = "ha-dashboard.owner";
    /// The run.
    pub const RUN: &str = "ha-dashboard.run";
    /// The instance of the run.
    pub const INSTANCE: &str = "ha-dashboard.instance";
    /// When it is ended by force, in milliseconds since 1970.
    pub const DEADLINE: &str = "ha-dashboard.deadline-ms";
}

/// k6 in containers.
pub struct DockerEngine {
    client: Arc<Client>,
    settings: DockerConfig,
    state_dir: PathBuf,
    scripts: Folders,
    stop_grace: Duration,
    push_interval: Duration,
    owner: OnceCell<String>,
    followed: Followed,
    /// The image that was looked at last.
    known: tokio::sync::Mutex<Option<K6Image>>,
    pull: Arc<Mutex<Option<Pull>>>,
    shutdown: Shutdown,
}

impl DockerEngine {
    /// An engine with the settings of `config`.
    pub fn new(config: &Config, shutdown: &Shutdown) -> Self {
        Self {
            client: Arc::new(Client::new(config.docker.host.clone())),
            settings: config.docker.clone(),
            state_dir: config.state_dir.clone(),
            scripts: Folders::of(config),
            stop_grace: config.stop_grace,
            push_interval: config.tick,
            owner: OnceCell::new(),
            followed: Followed::default(),
            known: tokio::sync::Mutex::default(),
            pull: Arc::default(),
            shutdown: shutdown.clone(),
        }
    }

    /// Whether the run in the folder `dir` is or was a container.
    pub fn started(dir: &Path) -> bool {
        dir.join(CONTAINER).exists()
    }

    /// How it is, chosen for the reason `why`.
    pub async fn look_because(&self, why: EngineReason) -> EngineStatus {
        let (k6_version, place) = match self.versions().await {
            Ok((docker, k6)) => {
                let DockerConfig { host, image, .. } = &self.settings;
                (Some(k6.version.to_string()), format!("{image} in Docker {docker}, {host}"))
            }
            Err(error) => {
                let image = matches!(error, EngineError::Docker(DockerError::NoImage { .. })).then(|| MissingImage {
                    name: self.settings.image.clone(),
                    pull: locked(&self.pull).clone().unwrap_or(Pull::Offered),
                });
                return EngineStatus {
                    name: NAME.into(),
                    k6_version: None,
                    note: error.to_string(),
                    ready: false,
                    image,
                    ..EngineStatus::default()
                };
            }
        };
        let note = format!("{place}, {why}");
        EngineStatus { name: NAME.into(), k6_version, note, place, why: Some(why), ready: true, image: None }
    }

    /// Docker's version, and what k6's image holds.
    async fn versions(&self) -> Result<(String, K6Image), EngineError> {
        let asked = async {
            let docker = self.client.version().await?;
            Ok((docker, self.client.image(&self.settings.image).await?))
        };
        let (docker, image) = timeout(LOOK_LIMIT, asked).await.unwrap_or_else(|_| Err(self.client.slow()))?;
        Ok((docker, self.known(image).await?))
    }

    /// What k6's image holds; one that is known costs a question to Docker.
    async fn image(&self) -> Result<K6Image, EngineError> {
        self.known(self.client.image(&self.settings.image).await?).await
    }

    async fn known(&self, image: Image) -> Result<K6Image, EngineError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && known.id == image.id
        {
            return Ok(known.clone());
        }
        let shell = ["sh", "-c", WHAT_IS_THERE, "sh"].map(str::to_owned);
        let ask = K6Command { entrypoint: [&shell[..], &image.entrypoint].concat(), foreground: false };
        let said = self.once(&ask, vec!["version".into()], None).await?;
        let version = Version::read(&said.stdout).filter(|_| said.success).ok_or_else(|| {
            let image = &self.settings.image;
            EngineError::NoK6(format!("the image {image} is not k6: name one of grafana/k6 with HAD_K6_IMAGE"))
        })?;
        let command = K6Command { entrypoint: image.entrypoint, foreground: said.stdout.contains("coreutils") };
        let found = K6Image { id: image.id, command, version };
        *known = Some(found.clone());
        Ok(found)
    }

    /// Tells our containers from those of other dashboards.
    async fn owner(&self) -> Result<&str, EngineError> {
        let path = self.state_dir.join(OWNER);
        let make = || async {
            let known = tokio::fs::read_to_string(&path).await.unwrap_or_default().trim().to_owned();
            if known.len() == 16 && known.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Ok(known);
            }
            let new = format!("{:016x}", rand::random::<u64>());
            match tokio::fs::write(&path, &new).await {
                Ok(()) => Ok(new),
                Err(source) => Err(EngineError::Folder { path: path.display().to_string(), source }),
            }
        };
        self.owner.get_or_try_init(make).await.map(String::as_str)
    }

    fn recipe<'a>(&'a self, owner: &str, command: Vec<String>, env: BTreeMap<String, String>) -> Recipe<'a> {
        Recipe {
            image: &self.settings.image,
            command,
            env,
            labels: BTreeMap::from([(label::OWNER.into(), owner.into())]),
            network: &self.settings.network,
            memory: self.settings.memory,
            cpus: self.settings.cpus,
            folder: folder::FOLDER,
            user: USER,
        }
    }

    /// What a container gets; with a script that is not in the folders yet, too.
    async fn packed(&self, plan: String, new: Option<PathBuf>) -> io::Result<Vec<u8>> {
        let folders = self.scripts.clone();
        let pack = tokio::task::spawn_blocking(move || folder::pack(&folders, new.as_deref(), &plan, USER));
        pack.await.map_err(io::Error::other)?
    }

    /// Runs a k6 command to its end in a container that is gone afterwards. `plan`: with the scripts, a new one among them,
    /// and this plan.
    async fn once(
        &self,
        k6: &K6Command,
        args: Vec<String>,
        plan: Option<(String, Option<PathBuf>)>,
    ) -> Result<Output, EngineError> {
        let owner = self.owner().await?;
        let name = format!("ha-dashboard-once-{:016x}", rand::random::<u64>());
        let mut env = command::base_env();
        env.insert("HOME".into(), folder::HOME.into());
        if plan.is_some() {
            env.insert(INPUT_FILE_VAR.into(), folder::PLAN.into());
        }
        let command = k6.bounded(COMMAND_LIMIT, Duration::from_secs(1), args);
        let recipe = Recipe { network: "none", ..self.recipe(owner, command, env) };
        let _removed = self.removed(name.clone());
        locked(&self.followed).insert(name.clone());
        self.client.create(&name, recipe).await?;
        if let Some((plan, new)) = plan {
            let archive = self.packed(plan, new).await.map_err(|error| self.unreadable(&error))?;
            self.client.upload(&name, folder::FOLDER, archive).await?;
        }
        self.client.start(&name, "none").await?;
        self.client.wait(&name).await?;
        let state = self.client.state(&name).await?;
        let mut outputs = [Vec::new(), Vec::new()];
        let mut pieces = self.client.logs(&name, false, 0).await?;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            let output = &mut outputs[usize::from(piece.stderr)];
            output.extend_from_slice(&piece.text);
            if output.len() as u64 > OUTPUT_LIMIT {
                break;
            }
        }
        let [stdout, stderr] = outputs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Output {
            success: state.exit_code == 0,
            status: format!("exit code {}", state.exit_code),
            stdout,
            stderr,
            script: PathBuf::new(),
        })
    }

    fn unreadable(&self, error: &io::Error) -> EngineError {
        EngineError::Start(format!("the scripts folder {} can't be read ({error})", self.scripts.catalogue().display()))
    }

    fn removed(&self, name: String) -> Removed {
        let (client, followed) = (self.client.clone(), self.followed.clone());
        Removed { tasks: self.shutdown.tasks.clone(), rest: Some((client, name, followed)) }
    }

    /// The name of an instance's container.
    fn name(run: &RunId, part: Part) -> String {
        format!("ha-dashboard-{run}-{}", part.number())
    }

    /// Makes the container and starts it. Its record is there before it starts. The version of its k6.
    async fn make(&self, launch: &Launch, record: &mut Record) -> Result<Version, EngineError> {
        let owner = self.owner().await?;
        let k6 = self.image().await?;
        let script = format!("{}/{}", folder::SCRIPTS, launch.script);
        let places = Places { script: &script, home: folder::HOME, summary: folder::SUMMARY, export: folder::EXPORT };
        let mut env = command::run_env(launch, &places, self.push_interval, &k6.version);
        env.insert(INPUT_FILE_VAR.into(), folder::PLAN.into());
        let command = k6.command.bounded(launch.allowed, self.stop_grace, command::run_args(launch, &places));
        let mut recipe = self.recipe(owner, command, env);
        recipe.labels.extend(
            [
                (label::RUN, launch.run.to_string()),
                (label::INSTANCE, launch.part.number().to_string()),
                (label::DEADLINE, deadline(launch.allowed).to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        // At the same time: people wait for the first request.
        let (created, archive) =
            tokio::join!(self.client.create(&record.name, recipe), self.packed(command::input(launch)?, None));
        created?;
        let archive = archive.map_err(|error| self.unreadable(&error))?;
        self.client.upload(&record.name, folder::FOLDER, archive).await?;
        // However long Docker took so far, k6 gets the time that it is allowed.
        record.deadline_ms = deadline(launch.allowed);
        let spare = launch.dir.clone();
        let made = tokio::task::spawn_blocking(move || files::Spare::make(&spare)).await.map_err(io::Error::other);
        let written = match made.flatten() {
            Ok(_) => instance::write(&launch.dir, record.clone()).await,
            Err(error) => Err(error),
        };
        written.map_err(|source| EngineError::Folder { path: launch.dir.display().to_string(), source })?;
        self.client.start(&record.name, &self.settings.network).await?;
        Ok(k6.version)
    }
}

/// What k6's image holds.
#[derive(Debug, Clone)]
struct K6Image {
    id: String,
    command: K6Command,
    version: Version,
}

/// How k6 is run in an image.
#[derive(Debug, Clone)]
struct K6Command {
    /// What goes in front of k6's arguments.
    entrypoint: Vec<String>,
    /// Whether the image's `timeout` must be told to pass a signal on once: that of coreutils also sends it to the group
    /// that it is in with k6, and k6 ends without its summary on a second one.
    foreground: bool,
}

impl K6Command {
    /// A command that ends by itself a little after the time that it is `allowed`, though nobody ends it and nobody reads
    /// what it says: k6 is told to end, and after the time of `grace` it is gone. The image's `timeout`, that of busybox or
    /// of coreutils, sees to it.
    fn bounded(&self, allowed: Duration, grace: Duration, args: Vec<String>) -> Vec<String> {
        let soft = allowed + SELF_END;
        // With busybox k6 is the container's first process, which SIGKILL from inside does not reach. SIGHUP ends a Go
        // program at once, even one that waits for somebody to read its log.
        let limits = [("HUP", soft + grace), ("TERM", soft)].map(|(signal, time)| {
            let seconds = time.as_millis().div_ceil(1000).to_string();
            let foreground = self.foreground.then_some("--foreground");
            ["timeout"]
                .into_iter()
                .chain(foreground)
                .chain(["-s", signal, &seconds])
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        let mut command = limits.concat();
        command.extend_from_slice(&self.entrypoint);
        command.extend(args);
        command
    }
}

/// Removes a container when it goes out of scope, whatever happened before.
struct Removed {
    tasks: TaskTracker,
    rest: Option<(Arc<Client>, String, Followed)>,
}

impl Removed {
    /// Removes it and waits until that is done.
    async fn now(mut self) {
        if let Some(rest) = self.rest.take() {
            Self::remove(rest).await;
        }
    }

    async fn remove((client, name, followed): (Arc<Client>, String, Followed)) {
        if let Err(error) = client.remove(&name).await {
            // The sweep comes by.
            tracing::warn!(container = name, %error, "a container can't be removed yet");
        }
        locked(&followed).remove(&name);
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.tasks.spawn(Self::remove(rest));
        }
    }
}

/// An instance that is over.
struct Over(watch::Receiver<InstanceState>);

impl Over {
    fn lost(started_ms: Option<Millis>, why: impl Into<String>) -> Arc<dyn Instance> {
        Self::with(InstanceState::Lost { started_ms, why: why.into() })
    }

    fn with(state: InstanceState) -> Arc<dyn Instance> {
        Arc::new(Self(watch::channel(state).1))
    }
}

#[async_trait]
impl Instance for Over {
    fn state(&self) -> watch::Receiver<InstanceState> {
        self.0.clone()
    }

    async fn stop(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn look(&self) -> EngineStatus {
        self.look_because(EngineReason::Configured).await
    }

    async fn start(&self, launch: Launch) -> Result<Started, EngineError> {
        script_path(&self.scripts, &launch.script)?;
        if self.scripts.uploaded(&launch.script).is_some() && !self.client.is_internal(&self.settings.network).await? {
            return Err(EngineError::OpenNetwork { network: self.settings.network.clone() });
        }
        let mut record = Record::new(Self::name(&launch.run, launch.part), deadline(launch.allowed));
        locked(&self.followed).insert(record.name.clone());
        let k6_version = match self.make(&launch, &mut record).await {
            Ok(k6) => k6.to_string(),
            Err(error) => {
                match &error {
                    // Another's container of that name is not ours to remove.
                    EngineError::Docker(DockerError::NameTaken { .. }) => {
                        locked(&self.followed).remove(&record.name);
                    }
                    // Whoever started it need not wait for an engine that does not answer.
                    EngineError::Docker(error) if error.is_passing() => drop(self.removed(record.name)),
                    _ => self.removed(record.name).now().await,
                }
                return Err(error);
            }
        };
        tracing::info!(run_id = %launch.run, container = record.name, "k6 is there");
        let (client, followed) = (self.client.clone(), self.followed.clone());
        let deadline_ms = record.deadline_ms;
        let instance =
            DockerInstance::follow(client, launch.dir, record, self.stop_grace, followed, None, &self.shutdown).await;
        Ok(Started { instance, deadline_ms, engine: NAME, k6_version })
    }

    async fn recover(&self, run: &RunId, part: Part, dir: &Path) -> Arc<dyn Instance> {
        let end = dir.to_owned();
        if let Ok(Ok(Some(exit))) = tokio::task::spawn_blocking(move || files::read_exit(&end)).await {
            // Its end was noted; the container, if it is still there, goes with the sweep.
            return Over::with(InstanceState::Ended(exit));
        }
        let record = instance::read(dir).await;
        let name = match &record {
            Ok(Some(record)) => record.name.clone(),
            _ => Self::name(run, part),
        };
        // An engine that hangs must not hold up the start of the dashboard.
        let state = timeout(LOOK_LIMIT, self.client.state(&name)).await;
        let state = state.unwrap_or_else(|_| Err(self.client.slow()));
        let record = match record {
            Ok(Some(record)) => record,
            Ok(None) => return Over::lost(None, NEVER_STARTED),
            Err(error) => {
                tracing::error!(run_id = %run, %error, "the record of the run's container can't be read");
                let labels = state.as_ref().map(|state| &state.labels);
                // Without both nothing is known of it. The sweep ends it when it is at work.
                let Some(deadline_ms) = labels.ok().and_then(|labels| labels.get(label::DEADLINE)?.parse().ok()) else {
                    return Over::lost(None, format!("the record of the run's container can't be read ({error})"));
                };
                Record::new(name, deadline_ms)
            }
        };
        let started_ms = record.started_ms;
        let known = match state {
            Ok(state) => {
                let ours = state.labels.get(label::RUN).is_some_and(|of| *of == run.to_string())
                    && match self.owner().await {
                        Ok(owner) => state.labels.get(label::OWNER).is_some_and(|of| of == owner),
                        Err(_) => false,
                    };
                if !ours {
                    let why = "the k6 container is gone, and another one has its name";
                    return Over::lost(started_ms, why);
                }
                if state.life == Life::Created {
                    return Over::lost(started_ms, NEVER_STARTED);
                }
                Some(state)
            }
            Err(DockerError::Gone { .. }) => {
                let why = "the k6 container was removed while no dashboard was there: nobody knows how the run ended";
                return Over::lost(started_ms, why);
            }
            Err(error) => {
                tracing::warn!(run_id = %run, %error, "the run's container can't be looked at yet");
                None
            }
        };
        let (client, followed) = (self.client.clone(), self.followed.clone());
        DockerInstance::follow(client, dir.to_owned(), record, self.stop_grace, followed, known, &self.shutdown).await
    }

    async fn inspect(&self, script: &Path, input: &str) -> Result<Output, CommandError> {
        let name = script.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = format!("{}/{name}", folder::SCRIPTS);
        let new = (self.scripts.find(name).as_deref() != Some(script)).then(|| script.to_owned());
        let asked = async {
            let k6 = self.image().await?;
            self.once(&k6.command, command::inspect_args(&path), Some((input.to_owned(), new))).await
        };
        let mut output = timeout(COMMAND_LIMIT, asked)
            .await
            .map_err(|_| CommandError::TimedOut)?
            .map_err(|error| CommandError::NotRun(error.to_string()))?;
        if output.stdout.len().max(output.stderr.len()) as u64 > OUTPUT_LIMIT {
            return Err(CommandError::TooMuch);
        }
        output.script = path.into();
        Ok(output)
    }

    async fn pull(&self) -> Result<(), EngineError> {
        {
            let mut pull = locked(&self.pull);
            if matches!(*pull, Some(Pull::Working { .. })) {
                return Ok(());
            }
            *pull = Some(Pull::Working { done: 0, total: 0 });
        }
        let (client, image, pull) = (self.client.clone(), self.settings.image.clone(), self.pull.clone());
        let token = self.shutdown.token.clone();
        self.shutdown.tasks.spawn(async move {
            let told = |far: client::Fetched| {
                *locked(&pull) = Some(Pull::Working { done: far.done, total: far.total });
            };
            let Some(done) = token.run_until_cancelled(client.pull(&image, told)).await else { return };
            if let Err(error) = &done {
                tracing::warn!(image, %error, "the image can't be pulled");
            }
            *locked(&pull) = done.err().map(|error| Pull::Failed { message: error.to_string() });
        });
        Ok(())
    }

    async fn end_unknown(&self, _: &[u32]) -> Result<u32, EngineError> {
        let owner = self.owner().await?;
        let names = self.client.list(label::OWNER, owner).await?;
        let unknown = names.into_iter().filter(|name| !locked(&self.followed).contains(name));
        let removed = unknown.map(|name| async move {
            let removed = self.client.remove(&name).await;
            match &removed {
                Ok(()) => tracing::info!(container = name, "removed a container that was left behind"),
                Err(error) => {
                    tracing::warn!(container = name, %error, "a container that was left behind can't be removed")
                }
            }
            removed
        });
        // All are removed, whatever becomes of one.
        let removed = join_all(removed).await;
        let count = removed.iter().filter(|removed| removed.is_ok()).count();
        removed.into_iter().collect::<Result<(), _>>()?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn sweep(&self) {
        // It is told where it fails, and done again.
        let _ = self.end_unknown(&[]).await;
    }
}
