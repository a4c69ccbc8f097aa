//! Both engines behind one: the configuration or what is there decides which one starts runs.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use ha_dashboard::domain::{
    live::{EngineReason, EngineStatus},
    run::RunId,
};
use tokio::sync::{Mutex, watch};
use tracing::Instrument;

use super::{
    CommandError, Engine, EngineError, Instance, Launch, Output, Part, Started, docker::DockerEngine,
    process::ProcessEngine,
};
use crate::server::{
    config::{Config, EngineChoice},
    shutdown::Shutdown,
};

/// Takes Docker or the k6 program.
pub struct Selection {
    choice: EngineChoice,
    docker: DockerEngine,
    process: ProcessEngine,
    /// What the last look saw; `None`: nobody looked yet.
    seen: watch::Sender<Option<Seen>>,
    /// Held while somebody looks, so that all who want to know share one look.
    looking: Mutex<()>,
}

/// What a look at the engines saw.
#[derive(Debug, Clone)]
struct Seen {
    /// Whether Docker starts what comes next.
    docker: bool,
    status: EngineStatus,
}

impl Selection {
    /// Chooses as `config` says.
    pub fn new(config: &Config, shutdown: &Shutdown) -> Self {
        let why = match config.engine {
            EngineChoice::Auto => EngineReason::WithoutDocker,
            EngineChoice::Process | EngineChoice::Docker => EngineReason::Configured,
        };
        Self {
            // What was uploaded is never for the k6 program, also where Docker is gone for a while.
            choice: match config.engine {
                EngineChoice::Auto if config.script_uploads => EngineChoice::Docker,
                chosen => chosen,
            },
            docker: DockerEngine::new(config, shutdown),
            process: ProcessEngine::new(config, why, shutdown),
            seen: watch::Sender::new(None),
            looking: Mutex::default(),
        }
    }

    /// The same with another keeper program.
    #[cfg(test)]
    pub fn with_keeper(mut self, keeper: super::process::KeeperCommand) -> Self {
        self.process = self.process.with_keeper(keeper);
        self
    }

    /// The engine that starts what comes next, and how it is.
    async fn choose(&self) -> Seen {
        let docker = match self.choice {
            EngineChoice::Process => return Seen { docker: false, status: self.process.look().await },
            EngineChoice::Docker => return Seen { docker: true, status: self.docker.look().await },
            EngineChoice::Auto => self.docker.look_because(EngineReason::Automatic).await,
        };
        if docker.ready {
            return Seen { docker: true, status: docker };
        }
        let process = self.process.look().await;
        if process.ready || docker.image.is_none() {
            return Seen { docker: false, status: process };
        }
        // Docker is one step away from being ready.
        let note = format!("{}. Without Docker: {}", docker.note, process.note);
        Seen { docker: true, status: EngineStatus { note, ..docker } }
    }

    /// Looks again; who comes while somebody looks gets what that one sees.
    async fn look_again(&self) -> Seen {
        let mut news = self.seen.subscribe();
        let _looking = self.looking.lock().await;
        if let (true, Some(seen)) = (news.has_changed().unwrap_or_default(), &*news.borrow_and_update()) {
            return seen.clone();
        }
        let seen = self.choose().await;
        self.seen.send_replace(Some(seen.clone()));
        seen
    }

    fn last(&self) -> Option<Seen> {
        self.seen.borrow().clone()
    }

    fn engine(&self, seen: &Seen) -> &dyn Engine {
        if seen.docker { &self.docker } else { &self.process }
    }
}

#[async_trait]
impl Engine for Selection {
    async fn look(&self) -> EngineStatus {
        self.look_again().await.status
    }

    async fn start(&self, launch: Launch) -> Result<Started, EngineError> {
        let seen = match self.last() {
            Some(seen) if seen.status.ready => seen,
            // Somebody may just have mended it.
            _ => self.look_again().await,
        };
        let engine = seen.status.name.as_str();
        self.engine(&seen).start(launch).instrument(tracing::info_span!("start k6", engine)).await
    }

    async fn recover(&self, run: &RunId, part: Part, dir: &Path) -> Arc<dyn Instance> {
        if DockerEngine::started(dir) {
            self.docker.recover(run, part, dir).await
        } else {
            self.process.recover(run, part, dir).await
        }
    }

    async fn inspect(&self, script: &Path, input: &str) -> Result<Output, CommandError> {
        let seen = match self.last() {
            Some(seen) => seen,
            None => self.look_again().await,
        };
        if !seen.status.ready {
            // Whoever waits for a page must not wait for an engine that hangs, script by script.
            return Err(CommandError::NotRun(seen.status.note));
        }
        self.engine(&seen).inspect(script, input).await
    }

    async fn pull(&self) -> Result<(), EngineError> {
        match self.last() {
            Some(seen) => self.engine(&seen).pull().await,
            None => Err(EngineError::NoImage),
        }
    }

    async fn end_unknown(&self, known: &[u32]) -> Result<u32, EngineError> {
        let docker = async {
            match self.choice {
                EngineChoice::Process => Ok(0),
                EngineChoice::Docker => self.docker.end_unknown(known).await,
                // Where it was never there it has nothing of ours.
                EngineChoice::Auto if self.last().is_none_or(|seen| !seen.docker) => {
                    Ok(self.docker.end_unknown(known).await.unwrap_or_default())
                }
                EngineChoice::Auto => self.docker.end_unknown(known).await,
            }
        };
        let (docker, process) = tokio::join!(docker, self.process.end_unknown(known));
        Ok(docker? + process?)
    }

    async fn sweep(&self) {
        if self.choice != EngineChoice::Process {
            self.docker.sweep().await;
        }
    }
}
