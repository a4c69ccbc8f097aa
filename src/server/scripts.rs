//! The scripts folder as `k6 inspect` sees it, cached by file time and size.

mod inspect;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use futures::{StreamExt, stream};
use ha_dashboard::domain::{
    schedule::{Executor, Phase, PhaseName, Schedule},
    script::{Script, ScriptInput, ScriptKind},
    service::Service,
};
use tokio::sync::{Mutex, Semaphore};

pub use self::inspect::{InspectError, Inspection};
use super::engine::Engine;

/// Most inspections at the same time: each costs a few hundred milliseconds of a core.
const AT_ONCE: usize = 2;
/// Most scripts looked at, by name.
const MOST: usize = 100;
/// The scripts there are.
pub struct Scripts {
    dir: PathBuf,
    engine: Arc<dyn Engine>,
    probe: ScriptInput,
    permits: Semaphore,
    known: Mutex<HashMap<String, Known>>,
}

/// What an inspection said, and for which files.
struct Known {
    stamp: Stamp,
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

impl Scripts {
    /// Looks at `*.js` files directly in `dir` with the k6 of `engine`.
    pub fn new(dir: PathBuf, engine: Arc<dyn Engine>) -> Self {
        let services = [("product-service", 8080), ("user-service", 8081), ("checkout-service", 8082)]
            .map(|(name, port)| Service { name: name.into(), url: format!("http://127.0.0.1:{port}") });
        Self {
            dir,
            engine,
            probe: probe(services.into()),
            permits: Semaphore::new(AT_ONCE),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// Tells scripts about the configured services when they are inspected, for those that ask for one as they load.
    pub fn with_services(mut self, services: Vec<Service>) -> Self {
        self.probe = probe(services);
        self
    }

    /// All scripts by name; inspects only what changed since the last call. Files that can't be scripts for their name or
    /// place are listed with the reason.
    pub async fn list(&self) -> Vec<Script> {
        self.look_at(|_| true).await
    }

    /// One script, without a look at the others: theirs may take long.
    pub async fn one(&self, name: &str) -> Option<Script> {
        self.look_at(|other| other == name).await.pop()
    }

    async fn look_at(&self, wanted: impl Fn(&str) -> bool) -> Vec<Script> {
        // Held throughout, so that callers at the same time share one inspection.
        let mut known = self.known.lock().await;
        let dir = self.dir.clone();
        let found = match tokio::task::spawn_blocking(move || scan(&dir)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(dir = %self.dir.display(), %error, "the scripts folder can't be read");
                Vec::new()
            }
            Err(error) => {
                tracing::error!(%error, "looking through the scripts folder failed");
                Vec::new()
            }
        };

        known.retain(|name, _| found.iter().any(|(other, ..)| other == name));
        let found = found.into_iter().filter(|(name, _)| wanted(name)).collect::<Vec<_>>();
        let now = Instant::now();
        let changed = found.iter().filter_map(|(name, about)| {
            let stamp = *about.as_ref().ok()?;
            let known = known.get(name);
            let fresh = known.is_some_and(|known| known.stamp == stamp && known.retry_at.is_none_or(|at| at > now));
            (!fresh).then(|| (name.clone(), stamp))
        });
        let inspected = stream::iter(changed.collect::<Vec<_>>())
            .map(|(name, stamp)| async move {
                let known = self.look(&name, stamp).await;
                (name, known)
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        known.extend(inspected);

        let script = |(name, about): (String, Result<Stamp, &str>)| {
            let kind = match about {
                Ok(_) => known.get(&name)?.kind.clone(),
                Err(message) => ScriptKind::Broken { message: message.into() },
            };
            Some(Script { name, kind })
        };
        found.into_iter().filter_map(script).collect()
    }

    /// The file of a script, all links resolved; `None` where there is no such script in the folder.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let dir = self.dir.canonicalize().ok()?;
        is_script_name(name).then(|| resolve(&dir, name))?
    }

    /// What k6 makes of a script that is handed `input`.
    ///
    /// # Errors
    /// [`InspectError`] when there is no such script, k6 refuses it, or k6 can't be run.
    pub async fn inspect_with(&self, name: &str, input: &ScriptInput) -> Result<Inspection, InspectError> {
        let path = self.path(name).ok_or_else(|| InspectError::NoScript(name.to_owned()))?;
        let input = serde_json::to_string(input).map_err(|error| InspectError::Unknown(error.to_string()))?;
        // The semaphore is never closed; if it were, running without a permit would be no harm.
        let _permit = self.permits.acquire().await.ok();
        inspect::read(&self.engine.inspect(&path, &input).await?)
    }

    /// What the summary of a script's run is to tell of trends by the script's own options; empty for one that was not
    /// listed yet.
    pub async fn trend_stats(&self, name: &str) -> Vec<String> {
        self.known.lock().await.get(name).map(|known| known.trend_stats.clone()).unwrap_or_default()
    }

    async fn look(&self, name: &str, stamp: Stamp) -> Known {
        match self.inspect_with(name, &self.probe).await {
            Ok(mut inspection) => {
                let trend_stats = std::mem::take(&mut inspection.trend_stats);
                Known { stamp, kind: kind_of(inspection, self.probe.schedule.as_ref()), trend_stats, retry_at: None }
            }
            Err(error) => {
                let retry_at = error.believed_for().map(|time| Instant::now() + time);
                tracing::warn!(script = name, %error, "k6 can't use the script");
                let kind = ScriptKind::Broken { message: error.to_string() };
                Known { stamp, kind, trend_stats: Vec::new(), retry_at }
            }
        }
    }
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
        grace_s: Schedule::GRACE_S,
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

/// Longest file name of a script, in bytes.
const LONGEST_NAME: usize = 100;

/// Letters, digits, `.`, `_` and `-`, ending in `.js`; hidden files and what looks like an option are left out.
fn is_script_name(name: &str) -> bool {
    refused_name(name).is_none() && name.ends_with(".js")
}

/// Why a script can't have this name, and what to do.
fn refused_name(name: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.len() > LONGEST_NAME {
        Some("its name is longer than 100 bytes: give it a shorter one")
    } else if !name.bytes().all(allowed) {
        Some("its name has other characters than A to Z, a to z, 0 to 9, '.', '_' and '-': rename it")
    } else if name.starts_with(['.', '-']) {
        Some("its name begins with '.' or '-': rename it")
    } else {
        None
    }
}

/// A regular file of that name in a folder without links in its path; a link must not lead out of the folder.
fn resolve(dir: &Path, name: &str) -> Option<PathBuf> {
    let path = dir.join(name).canonicalize().ok()?;
    (path.starts_with(dir) && path.is_file()).then_some(path)
}

/// The scripts in a folder by name, each with its stamp, or with the reason why it can't be used. Hidden files are none.
fn scan(dir: &Path) -> std::io::Result<Vec<(String, Result<Stamp, &'static str>)>> {
    let dir = dir.canonicalize()?;
    let library = library_stamp(&dir.join("lib"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !name.ends_with(".js") || entry.path().is_dir() {
            continue;
        }
        let stamp = match (refused_name(&name), resolve(&dir, &name).and_then(|path| path.metadata().ok())) {
            (Some(why), _) => Err(why),
            (None, Some(about)) => Ok(Stamp { modified: about.modified().ok(), size: about.len(), library }),
            (None, None) if entry.path().exists() => {
                Err("it is a link that leads out of the scripts folder: copy the file into the folder")
            }
            (None, None) => Err("it is a link to a file that is not there: remove it"),
        };
        found.push((name, stamp));
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
