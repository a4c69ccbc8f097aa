//! Runs k6 as a process of this machine, each below a keeper of its own (see [`super::keeper`]).

mod inspect;
mod instance;
mod leftovers;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use ha_dashboard::domain::{
    live::{EngineReason, EngineStatus},
    run::RunId,
    script::SCRIPT_INPUT_VAR,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use self::instance::{POLL, ProcessInstance};
use super::{
    CommandError, EXPORT_FILE, Engine, EngineError, Instance, Launch, Output, Part, SUMMARY_FILE, Started,
    command::{self, Places},
    deadline,
    files::{self, InstanceFile, LaunchFile, read_json},
    k6::Version,
    locked, now_ms, script_path,
};
use crate::server::{config::Config, proc, scripts::Folders, shutdown::Shutdown};

/// The engine's name.
pub const NAME: &str = "process";

/// How long `k6 version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// How long a keeper may take until its k6 is there.
const START_LIMIT: Duration = Duration::from_secs(15);

/// The only variables of the dashboard that k6 may see: scripts read all of its environment.
const PASSED_ON: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How keepers are started.
#[derive(Debug, Clone)]
pub struct KeeperCommand {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the run's folder.
    pub args: Vec<OsString>,
    /// Its whole environment; a variable named `HAD_KEEPER_DIR` gets the run's folder.
    pub env: BTreeMap<String, String>,
}

impl Default for KeeperCommand {
    /// This very program, even when its file was replaced meanwhile.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec!["keeper".into(), "--dir".into()], env: BTreeMap::new() }
    }
}

/// k6 as processes of this machine.
pub struct ProcessEngine {
    k6: PathBuf,
    /// The catalogue alone: k6 would open any file for what was uploaded.
    scripts: Folders,
    /// Below it are the folders in which keepers and k6 work.
    state_dir: PathBuf,
    stop_grace: Duration,
    push_interval: Duration,
    why: EngineReason,
    keeper: KeeperCommand,
    seen: Mutex<Option<(Fingerprint, Version)>>,
    shutdown: Shutdown,
}

/// Tells one k6 program from another at the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    path: PathBuf,
    inode: u64,
    size: u64,
    changed: i64,
}

impl ProcessEngine {
    /// An engine with the settings of `config`, chosen for the reason `why`.
    pub fn new(config: &Config, why: EngineReason, shutdown: &Shutdown) -> Self {
        Self {
            k6: config.k6.clone(),
            scripts: Folders::catalogue_alone(config.scripts_dir.clone()),
            state_dir: config.state_dir.clone(),
            stop_grace: config.stop_grace,
            push_interval: config.tick,
            why,
            keeper: KeeperCommand::default(),
            seen: Mutex::new(None),
            shutdown: shutdown.clone(),
        }
    }

    /// An engine that inspects scripts and starts none.
    #[cfg(test)]
    pub fn with_program(k6: PathBuf, scripts_dir: PathBuf) -> Self {
        Self {
            k6,
            state_dir: scripts_dir.clone(),
            scripts: Folders::catalogue_alone(scripts_dir),
            stop_grace: Duration::from_secs(1),
            push_interval: Duration::from_secs(1),
            why: EngineReason::Configured,
            keeper: KeeperCommand::default(),
            seen: Mutex::new(None),
            shutdown: Shutdown::default(),
        }
    }

    /// The same engine with another keeper program.
    #[cfg(test)]
    pub fn with_keeper(mut self, keeper: KeeperCommand) -> Self {
        self.keeper = keeper;
        self
    }

    fn locate(&self) -> Result<Fingerprint, EngineError> {
        let missing = || {
            EngineError::NoK6(format!(
                "there is no k6 program at {:?}: install k6 v1.1 or newer, or name it with HAD_K6",
                self.k6
            ))
        };
        let found = if self.k6.components().count() > 1 {
            Some(self.k6.clone())
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|dir| dir.join(&self.k6)).find(|file| file.is_file())
        };
        let path = found.and_then(|path| path.canonicalize().ok()).ok_or_else(missing)?;
        let meta = fs::metadata(&path).ok().filter(fs::Metadata::is_file).ok_or_else(missing)?;
        Ok(Fingerprint { inode: meta.ino(), size: meta.size(), changed: meta.mtime(), path })
    }

    async fn version(&self, program: &Path) -> Result<Version, EngineError> {
        let no_k6 = |why: String| {
            EngineError::NoK6(format!("{} {why}: install k6 v1.1 or newer, or name it with HAD_K6", program.display()))
        };
        let mut command = Command::new(program);
        command.arg("version").env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(VERSION_LIMIT, command.output())
            .await
            .map_err(|_| no_k6("does not answer `version`".into()))?
            .map_err(|error| no_k6(format!("can't be run ({error})")))?;
        let version = Version::read(&String::from_utf8_lossy(&output.stdout)).filter(|_| output.status.success());
        version.ok_or_else(|| no_k6("is not k6".into()))
    }

    /// Where k6 is and which one; one that is known costs a look at the file only.
    async fn program(&self) -> Result<(PathBuf, Version), EngineError> {
        let fingerprint = self.locate()?;
        if let Some((seen, version)) = &*locked(&self.seen)
            && *seen == fingerprint
        {
            return Ok((fingerprint.path, version.clone()));
        }
        let version = self.version(&fingerprint.path).await?;
        let path = fingerprint.path.clone();
        *locked(&self.seen) = Some((fingerprint, version.clone()));
        Ok((path, version))
    }

    /// The order for the keeper. `dir`, `program` and `script` are absolute.
    fn order(
        &self,
        launch: &Launch,
        dir: &Path,
        (program, version): (PathBuf, Version),
        script: &Path,
    ) -> Result<LaunchFile, EngineError> {
        let text = |path: &Path| {
            let utf8 = path.to_str().map(str::to_owned);
            utf8.ok_or_else(|| EngineError::Start(format!("the path {path:?} is not UTF-8: rename it")))
        };
        let (script, home) = (text(script)?, text(dir)?);
        let (summary, export) = (text(&dir.join(SUMMARY_FILE))?, text(&dir.join(EXPORT_FILE))?);
        let places = Places { script: &script, home: &home, summary: &summary, export: &export };
        let mut env = command::run_env(launch, &places, self.push_interval, &version);
        env.insert(SCRIPT_INPUT_VAR.into(), command::input(launch)?);
        env.extend(PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))));
        Ok(LaunchFile {
            program,
            args: command::run_args(launch, &places),
            env,
            cwd: dir.to_owned(),
            deadline_ms: deadline(launch.allowed),
            grace_ms: u64::try_from(self.stop_grace.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn spawn_keeper(&self, dir: &Path) -> io::Result<Child> {
        let log = fs::File::options().create(true).append(true).open(dir.join(files::KEEPER_LOG))?;
        let mut command = Command::new(&self.keeper.program);
        command
            .args(&self.keeper.args)
            .arg(dir)
            .env_clear()
            .envs(&self.keeper.env)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if self.keeper.env.contains_key(DIR_VAR) {
            command.env(DIR_VAR, dir);
        }
        own_session(&mut command);
        command.spawn()
    }
}

/// See [`KeeperCommand::env`].
const DIR_VAR: &str = "HAD_KEEPER_DIR";

/// Detaches a child from our terminal and process group: what ends the dashboard must not end it.
#[allow(unsafe_code)]
fn own_session(command: &mut Command) {
    // SAFETY: setsid is an async-signal-safe system call, nothing is allocated.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
}

#[async_trait]
impl Engine for ProcessEngine {
    async fn look(&self) -> EngineStatus {
        let name = NAME.into();
        match self.program().await {
            Ok((path, version)) => EngineStatus {
                name,
                k6_version: Some(version.to_string()),
                note: format!("{}, {}", path.display(), self.why),
                place: path.display().to_string(),
                why: Some(self.why),
                ready: true,
                image: None,
            },
            Err(error) => EngineStatus { name, note: error.to_string(), ..EngineStatus::default() },
        }
    }

    async fn start(&self, launch: Launch) -> Result<Started, EngineError> {
        // Refuses what is not k6 before anything is written.
        let program = self.program().await?;
        let script = script_path(&self.scripts, &launch.script)?;
        // The keeper has another working folder.
        let dir = std::path::absolute(&launch.dir)
            .map_err(|source| EngineError::Folder { path: launch.dir.display().to_string(), source })?;
        let k6_version = program.1.to_string();
        let order = self.order(&launch, &dir, program, &script)?;
        let path = dir.join(files::LAUNCH);
        let deadline_ms = order.deadline_ms;
        files::write(path.clone(), order)
            .await
            .map_err(|source| EngineError::Folder { path: path.display().to_string(), source })?;
        let mut keeper = self
            .spawn_keeper(&dir)
            .map_err(|error| EngineError::Start(format!("its keeper process can't be started ({error})")))?;
        match started(&dir, &mut keeper).await {
            Ok(instance) => {
                tracing::info!(run_id = %launch.run, keeper = instance.keeper.pid, k6 = instance.k6.pid, "k6 is there");
                // Dropped without being waited for: the runtime takes its exit status when it ends.
                Ok(Started {
                    instance: Arc::new(ProcessInstance::follow(dir, Some(instance), &self.shutdown).await),
                    deadline_ms,
                    engine: NAME,
                    k6_version,
                })
            }
            Err(error) => {
                // The kernel kills k6 with its keeper.
                let _ = keeper.start_kill();
                let _ = keeper.wait().await;
                Err(error)
            }
        }
    }

    async fn recover(&self, run: &RunId, _: Part, dir: &Path) -> Arc<dyn Instance> {
        let (folder, id) = (dir.to_owned(), run.clone());
        let found = blocking(move || Ok(processes(&id, &folder))).await;
        let instance = found.unwrap_or_else(|error| {
            tracing::error!(run_id = %run, %error, "the run's processes were not looked for");
            None
        });
        Arc::new(ProcessInstance::follow(dir.to_owned(), instance, &self.shutdown).await)
    }

    async fn end_unknown(&self, known: &[u32]) -> Result<u32, EngineError> {
        let (dir, k6, known) = (self.state_dir.clone(), self.k6.clone(), known.to_owned());
        blocking(move || leftovers::end(&dir, &k6, &known)).await.map_err(EngineError::Stop)
    }

    async fn inspect(&self, script: &Path, input: &str) -> Result<Output, CommandError> {
        let catalogue = self.scripts.catalogue().canonicalize();
        if !catalogue.is_ok_and(|catalogue| script.starts_with(catalogue)) {
            return Err(CommandError::NotRun("only containers hold an uploaded script".into()));
        }
        let program = self.locate().map_err(|error| CommandError::NotRun(error.to_string()))?.path;
        inspect::run(&program, script, input).await
    }
}

/// The processes of the run in the folder `dir`, as recorded or as the system knows them. Waits for a keeper that was just
/// about to start k6 when the earlier dashboard ended.
fn processes(run: &RunId, dir: &Path) -> Option<InstanceFile> {
    let read = || read_json::<InstanceFile>(&dir.join(files::INSTANCE));
    let found = match read() {
        Ok(None) if claimed(dir) => {
            let limit = Instant::now() + START_LIMIT;
            loop {
                match read() {
                    Ok(None) if !dir.join(files::EXIT).exists() && Instant::now() < limit => std::thread::sleep(POLL),
                    found => break found,
                }
            }
        }
        found => found,
    };
    found.unwrap_or_else(|error| {
        let found = at_work(dir);
        tracing::error!(run_id = %run, %error, ?found, "the record of the run's processes can't be read");
        found
    })
}

/// Does file work without holding up the other tasks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The keeper and its k6 in the run folder `dir`, as the system knows them: nobody else works there.
fn at_work(dir: &Path) -> Option<InstanceFile> {
    let found = proc::working_in(dir);
    found.iter().find_map(|(k6, parent)| {
        let (keeper, _) = found.iter().find(|(keeper, _)| i32::try_from(keeper.pid) == Ok(*parent))?;
        let order = read_json::<LaunchFile>(&dir.join(files::TAKEN)).ok().flatten();
        let deadline_ms = order.map_or_else(now_ms, |order| order.deadline_ms);
        Some(InstanceFile { keeper: *keeper, k6: *k6, started_ms: None, deadline_ms })
    })
}

/// Whether a keeper took the order in `dir`. Where none did, none will from now on.
fn claimed(dir: &Path) -> bool {
    fs::rename(dir.join(files::LAUNCH), dir.join(files::VOID)).is_err() && dir.join(files::TAKEN).exists()
}

/// Waits until the keeper has its k6.
async fn started(dir: &Path, keeper: &mut Child) -> Result<InstanceFile, EngineError> {
    let unreadable = |error: io::Error| EngineError::Start(format!("its keeper's record can't be read ({error})"));
    let limit = Instant::now() + START_LIMIT;
    loop {
        // In this order: a keeper that is over has written all it will.
        let over = keeper.try_wait().map_err(unreadable)?;
        let folder = dir.to_owned();
        let read = move || Ok((read_json(&folder.join(files::INSTANCE))?, files::read_exit(&folder)?));
        match blocking(read).await.map_err(unreadable)? {
            (Some(instance), _) => return Ok(instance),
            (None, Some(exit)) => {
                return Err(EngineError::Start(exit.error.unwrap_or_else(|| "it ended at once".into())));
            }
            (None, None) => {}
        }
        if let Some(status) = over {
            let log = fs::read_to_string(dir.join(files::KEEPER_LOG)).unwrap_or_default();
            let said = log.lines().last().unwrap_or("it said nothing");
            return Err(EngineError::Start(format!("its keeper ended with {status} ({said})")));
        }
        if Instant::now() > limit {
            return Err(EngineError::Start(format!("no sign of it after {} s", START_LIMIT.as_secs())));
        }
        sleep(Duration::from_millis(5)).await;
    }
}
