//! Both engines behind one: the configuration or what is there decides which one starts runs.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use ha_dashboard::domain::{live::EngineStatus, run::RunId};

use super::{
    CommandError, Engine, EngineError, Instance, Launch, Output, docker::DockerEngine, process::ProcessEngine,
};
use crate::server::config::{Config, EngineChoice};

/// Takes Docker or the k6 program.
pub struct Selection {
    choice: EngineChoice,
    docker: DockerEngine,
    process: ProcessEngine,
}

impl Selection {
    /// Chooses as `config` says.
    pub fn new(config: &Config) -> Self {
        let why = match config.engine {
            EngineChoice::Auto => "chosen automatically: Docker is not there or has no k6 image",
            EngineChoice::Process | EngineChoice::Docker => "chosen by configuration",
        };
        Self { choice: config.engine, docker: DockerEngine::new(config), process: ProcessEngine::new(config, why) }
    }

    /// The engine that starts what comes next, and how it is.
    async fn current(&self) -> (&dyn Engine, EngineStatus) {
        let docker = match self.choice {
            EngineChoice::Process => return (&self.process, self.process.status().await),
            EngineChoice::Docker => return (&self.docker, self.docker.status().await),
            EngineChoice::Auto => self.docker.status_because("chosen automatically").await,
        };
        if docker.ready {
            return (&self.docker, docker);
        }
        let process = self.process.status().await;
        if process.ready || docker.image.is_none() {
            return (&self.process, process);
        }
        // Docker is one step away from being ready.
        let note = format!("{}. Without Docker: {}", docker.note, process.note);
        (&self.docker, EngineStatus { note, ..docker })
    }
}

#[async_trait]
impl Engine for Selection {
    async fn status(&self) -> EngineStatus {
        self.current().await.1
    }

    async fn start(&self, launch: Launch) -> Result<Arc<dyn Instance>, EngineError> {
        self.current().await.0.start(launch).await
    }

    async fn recover(&self, run: &RunId, dir: &Path) -> Arc<dyn Instance> {
        if DockerEngine::started(dir) {
            self.docker.recover(run, dir).await
        } else {
            self.process.recover(run, dir).await
        }
    }

    async fn inspect(&self, script: &Path, input: &str) -> Result<Output, CommandError> {
        self.current().await.0.inspect(script, input).await
    }

    async fn pull(&self) -> Result<(), EngineError> {
        self.current().await.0.pull().await
    }

    async fn sweep(&self) {
        if self.choice != EngineChoice::Process {
            self.docker.sweep().await;
        }
    }
}
