//! The scripts as `k6 inspect` sees them, cached by file time and size.

pub mod folders;
pub mod inspect;
mod revision;
pub mod uploads;

use std::{
    collections::HashMap,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use futures::{StreamExt, stream::FuturesUnordered};
use ha_dashboard::domain::{
    plan::{GRACE_S, REQUEST_TIMEOUT_S},
    schedule::{Executor, Phase, PhaseName, Schedule},
    script::{Script, ScriptInput, ScriptKind},
    service::Service,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

pub use self::{
    folders::Folders,
    inspect::{InspectError, Inspection},
};
use self::{
    folders::{refused_name, resolve},
    uploads::Turns,
};
use super::{engine::Engine, latest::Latest, shutdown::Shutdown};

/// Most inspections at the same time that nobody waits for: each costs a few hundred milliseconds of a core.
const AT_ONCE: usize = 2;
/// After this time an inspection no longer keeps others waiting.
const TURN: Duration = Duration::from_secs(2);
/// Most scripts looked at, by name.
const MOST: usize = 100;
/// How long a list waits for every script before it is content with one that takes a schedule.
const SOON: Duration = Duration::from_secs(1);

/// The scripts there are.
pub struct Scripts {
    inspector: Arc<Inspector>,
    scans: Latest<Arc<Scan>>,
    looks: Mutex<HashMap<String, Look>>,
    turns: Turns,
    shutdown: Shutdown,
}

/// Asks k6.
struct Inspector {
    folders: Folders,
    engine: Arc<dyn Engine>,
    probe: ScriptInput,
    permits: Semaphore,
}

/// A look at a script, shared by all who want to know. It goes on when they are gone, and ends with this value.
struct Look {
    stamp: Stamp,
    /// Somebody waits for this very script, so it is not to wait for others.
    urgent: Arc<Notify>,
    known: watch::Receiver<Option<Known>>,
    _task: AbortOnDropHandle<()>,
}

/// What an inspection said.
#[derive(Debug, Clone)]
struct Known {
    kind: ScriptKind,
    /// What the script wants k6's summary to tell of trends; empty where k6 refuses it.
    trend_stats: Vec<String>,
    retry_at: Option<Instant>,
}

/// Changes when a script or the library next to it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    library: (usize, Option<SystemTime>, u64),
}

/// What is in the folders, by name.
type Scan = Vec<(String, Result<Stamp, &'static str>)>;

/// A script's name, and the look at it or the reason why it can't be one.
type Found = (String, Result<watch::Receiver<Option<Known>>, &'static str>);

impl Scripts {
    /// Looks at `*.js` files directly in `folders` with the k6 of `engine`, which are told of `services` as they load.
    pub fn new(folders: Folders, engine: Arc<dyn Engine>, services: Vec<Service>, shutdown: &Shutdown) -> Self {
        let inspector = Inspector { folders, engine, probe: probe(services), permits: Semaphore::new(AT_ONCE) };
        Self {
            inspector: Arc::new(inspector),
            scans: Latest::default(),
            looks: Mutex::default(),
            turns: Turns::default(),
            shutdown: shutdown.clone(),
        }
    }

    /// All scripts by name; inspects only what changed since the last call. Files that can't be scripts for their name or
    /// place are listed with the reason.
    ///
    /// One that takes k6 long does not hold up the others: it is [`ScriptKind::Pending`].
    pub async fn list(&self) -> Vec<Script> {
        let found = self.look_at(|_| true).await;
        let mut looks =
            found.iter().filter_map(|(_, known)| known.clone().ok()).map(known).collect::<FuturesUnordered<_>>();
        let all = async { while looks.next().await.is_some() {} };
        if timeout(SOON, all).await.is_err() {
            let usable = || found.iter().any(|(_, known)| known.as_ref().is_ok_and(takes_a_schedule));
            while !usable() && looks.next().await.is_some() {}
        }
        found.into_iter().map(script).collect()
    }

    /// One script, without a look at the others: theirs may take long.
    pub async fn one(&self, name: &str) -> Option<Script> {
        let (name, found) = self.look_at(|other| other == name).await.pop()?;
        if let Ok(look) = &found {
            if let Some(look) = self.looks().get(&name) {
                look.urgent.notify_one();
            }
            if known(look.clone()).await.is_none() {
                let message = "it changed while k6 looked at it: try again".into();
                return Some(Script { name, kind: ScriptKind::Broken { message } });
            }
        }
        Some(script((name, found)))
    }

    /// The scripts that are wanted, by name. Begins to look at those that changed.
    async fn look_at(&self, wanted: impl Fn(&str) -> bool) -> Vec<Found> {
        let found = self.scans.get(|| self.scan()).await;
        let mut looks = self.looks();
        looks.retain(|name, _| found.iter().any(|(other, ..)| other == name));
        let look = |(name, about): &(String, Result<Stamp, &'static str>)| {
            let name = name.clone();
            let known = about.map(|stamp| {
                if !looks.get(&name).is_some_and(|look| look.is_fresh(stamp)) {
                    looks.insert(name.clone(), self.look(name.clone(), stamp));
                }
                looks[&name].known.clone()
            });
            (name, known)
        };
        found.iter().filter(|(name, _)| wanted(name)).map(look).collect()
    }

    /// Looks through the folders.
    async fn scan(&self) -> Arc<Scan> {
        let folders = self.inspector.folders.clone();
        match tokio::task::spawn_blocking(move || scan(&folders)).await {
            Ok(Ok(found)) => Arc::new(found),
            Ok(Err(error)) => {
                let dir = self.inspector.folders.catalogue().display();
                tracing::warn!(%dir, %error, "the scripts folder can't be read");
                Arc::default()
            }
            Err(error) => {
                tracing::error!(%error, "looking through the scripts folder failed");
                Arc::default()
            }
        }
    }

    /// Begins to look at a script.
    fn look(&self, name: String, stamp: Stamp) -> Look {
        let urgent = Arc::new(Notify::new());
        let (sender, known) = watch::channel(None);
        let (inspector, in_a_hurry, token) = (self.inspector.clone(), urgent.clone(), self.shutdown.token.clone());
        let task = self.shutdown.tasks.spawn(async move {
            let look = async {
                let permit = tokio::select! {
                    // The semaphore is never closed; if it were, going on without a permit would be no harm.
                    permit = inspector.permits.acquire() => permit.ok(),
                    () = in_a_hurry.notified() => None,
                };
                let mut look = pin!(inspector.look(&name));
                match timeout(TURN, &mut look).await {
                    Ok(known) => known,
                    Err(_) => {
                        drop(permit);
                        look.await
                    }
                }
            };
            tokio::select! {
                known = look => drop(sender.send(Some(known))),
                () = token.cancelled() => {}
            }
        });
        Look { stamp, urgent, known, _task: AbortOnDropHandle::new(task) }
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<String, Look>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What k6 makes of a script that is handed `input`.
    ///
    /// # Errors
    /// [`InspectError`] when there is no such script, k6 refuses it, or k6 can't be run.
    pub async fn inspect_with(&self, name: &str, input: &ScriptInput) -> Result<Inspection, InspectError> {
        self.inspector.inspect(name, input).await
    }

    /// The revision of a script as its file is now; empty where it can't be read.
    pub async fn revision(&self, name: &str) -> String {
        let Inspector { folders, .. } = &*self.inspector;
        let Some(script) = folders.find(name) else { return String::new() };
        let library = folders.catalogue().join("lib");
        let told = tokio::task::spawn_blocking(move || revision::revision(&script, &library));
        match told.await.map_err(std::io::Error::other).flatten() {
            Ok(revision) => revision,
            Err(error) => {
                tracing::warn!(script = name, %error, "the revision of the script can't be told");
                String::new()
            }
        }
    }

    /// What the summary of a script's run is to tell of trends by the script's own options; empty for one that was not
    /// looked at yet.
    pub fn trend_stats(&self, name: &str) -> Vec<String> {
        let known = self.looks().get(name).and_then(|look| look.known.borrow().clone());
        known.map(|known| known.trend_stats).unwrap_or_default()
    }
}

impl Inspector {
    async fn look(&self, name: &str) -> Known {
        match self.inspect(name, &self.probe).await {
            Ok(mut inspection) => {
                let trend_stats = std::mem::take(&mut inspection.trend_stats);
                Known { kind: kind_of(inspection, self.probe.schedule.as_ref()), trend_stats, retry_at: None }
            }
            Err(error) => {
                let retry_at = error.believed_for().map(|time| Instant::now() + time);
                tracing::warn!(script = name, %error, "k6 can't use the script");
                let kind = ScriptKind::Broken { message: error.to_string() };
                Known { kind, trend_stats: Vec::new(), retry_at }
            }
        }
    }

    async fn inspect(&self, name: &str, input: &ScriptInput) -> Result<Inspection, InspectError> {
        let path = self.folders.find(name).ok_or_else(|| InspectError::NoScript(name.to_owned()))?;
        self.inspect_file(&path, input).await
    }

    /// The same of a file that need not be in the folders yet.
    async fn inspect_file(&self, path: &Path, input: &ScriptInput) -> Result<Inspection, InspectError> {
        let input = serde_json::to_string(input).map_err(|error| InspectError::Unknown(error.to_string()))?;
        inspect::read(&self.engine.inspect(path, &input).await?)
    }
}

impl Look {
    /// Whether it was, or is, at the script as it is now, and may still be believed.
    fn is_fresh(&self, stamp: Stamp) -> bool {
        // One that ended without a word will never say any.
        let under_way = self.known.has_changed().is_ok();
        let believed = |known: &Known| known.retry_at.is_none_or(|at| at > Instant::now());
        self.stamp == stamp && self.known.borrow().as_ref().map_or(under_way, believed)
    }
}

/// What a look says in the end; `None`: it was broken off.
async fn known(mut look: watch::Receiver<Option<Known>>) -> Option<Known> {
    look.wait_for(Option::is_some).await.ok()?.clone()
}

fn takes_a_schedule(look: &watch::Receiver<Option<Known>>) -> bool {
    look.borrow().as_ref().is_some_and(|known| known.kind == ScriptKind::Scheduled)
}

/// A script as far as it is known.
fn script((name, about): Found) -> Script {
    let kind = match about {
        Ok(look) => look.borrow().as_ref().map_or(ScriptKind::Pending, |known| known.kind.clone()),
        Err(message) => ScriptKind::Broken { message: message.into() },
    };
    Script { name, kind }
}

/// What every script is handed to see what it makes of it: a schedule that nobody has by chance.
fn probe(services: Vec<Service>) -> ScriptInput {
    let phase = |name, duration_s, target| Phase { name, duration_s, target };
    ScriptInput {
        schedule: Some(Schedule {
            executor: Executor::RampingVus,
            pre_allocated_vus: 3,
            max_vus: 3,
            phases: vec![
                phase(PhaseName::RampUp, 7, 2),
                phase(PhaseName::Hold, 11, 3),
                phase(PhaseName::RampDown, 13, 0),
            ],
        }),
        thresholds: Default::default(),
        targets: services.iter().map(|service| service.name.clone()).collect(),
        services,
        grace_s: GRACE_S,
        request_timeout_s: REQUEST_TIMEOUT_S,
    }
}

fn kind_of(inspection: Inspection, probe: Option<&Schedule>) -> ScriptKind {
    let takes_it = probe.is_some_and(|probe| inspection.scenarios.iter().any(|scenario| scenario.follows(probe)));
    match (takes_it, inspection.scenarios.len()) {
        (true, 1) => ScriptKind::Scheduled,
        (true, _) => ScriptKind::Broken {
            message: "it takes the dashboard's schedule and adds scenarios of its own: use one or the other".into(),
        },
        (false, _) => ScriptKind::Own {
            end: inspection.end(),
            executors: inspection.scenarios.into_iter().map(|scenario| scenario.executor).collect(),
            duration_s: inspection.duration_s,
            max_vus: inspection.max_vus,
            thresholds: inspection.thresholds,
        },
    }
}

/// The scripts by name, each with its stamp, or with the reason why it can't be used. Hidden files are none.
fn scan(folders: &Folders) -> std::io::Result<Scan> {
    let dir = folders.catalogue().canonicalize()?;
    let library = library_stamp(&dir.join("lib"));
    let stamp = |about: std::fs::Metadata| Stamp { modified: about.modified().ok(), size: about.len(), library };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !name.ends_with(".js") || entry.path().is_dir() {
            continue;
        }
        let told = match (refused_name(&name), resolve(&dir, &name).and_then(|path| path.metadata().ok())) {
            (Some(why), _) => Err(why),
            (None, Some(about)) => Ok(stamp(about)),
            (None, None) if entry.path().exists() => {
                Err("it is a link that leads out of the scripts folder: copy the file into the folder")
            }
            (None, None) => Err("it is a link to a file that is not there: remove it"),
        };
        found.push((name, told));
    }
    for name in folders.all_uploaded()? {
        if let Some((_, about)) = folders.uploaded(&name) {
            found.push((name, Ok(stamp(about))));
        }
    }
    found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    found.truncate(MOST);
    Ok(found)
}

/// Number, newest time and total size of the library's files.
fn library_stamp(dir: &Path) -> (usize, Option<SystemTime>, u64) {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().filter_map(|entry| entry.metadata().ok());
    files.fold((0, None, 0), |(count, newest, size), about| {
        (count + 1, newest.max(about.modified().ok()), size + about.len())
    })
}

#[cfg(test)]
mod tests;
