//! Scripts that admins upload.

use async_trait::async_trait;
use ha_dashboard::{
    api::{caller::Caller, error::ApiError, port::Uploads},
    domain::upload::{Upload, UploadDraft, UploadRefusal},
};

use super::Dashboard;

impl Dashboard {
    /// Refuses to change a script that a run is at work with: it may still add load, and its record tells what it ran.
    fn is_unused(&self, name: &str) -> Result<(), ApiError> {
        match self.supervisor.at_work() {
            Some(run) if run.plan.script == name => {
                Err(ApiError::UploadRefused { refusal: UploadRefusal::InUse { run: run.id } })
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Uploads for Dashboard {
    async fn upload_script(&self, caller: &Caller, draft: UploadDraft) -> Result<Upload, ApiError> {
        let turn = self.scripts.turn().await?;
        let checked = self.scripts.check(draft, &turn).await?;
        let _no_start = self.starts.write().await;
        self.is_unused(checked.name())?;
        let kept = checked.keep()?;
        tracing::info!(script = kept.name, sha256 = kept.sha256, caller.correlation_id, door = %caller.door, "script uploaded");
        Ok(kept)
    }

    async fn delete_script(&self, caller: &Caller, name: &str) -> Result<Upload, ApiError> {
        let turn = self.scripts.turn().await?;
        let _no_start = self.starts.write().await;
        let deleted = self.scripts.delete(name, &turn, || self.is_unused(name))?;
        tracing::info!(script = name, sha256 = deleted.sha256, caller.correlation_id, door = %caller.door, "script deleted");
        Ok(deleted)
    }
}
