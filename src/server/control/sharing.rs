//! Links to one run's report.

use async_trait::async_trait;
use ha_dashboard::{
    api::{
        caller::Caller,
        error::ApiError,
        port::{Runs, Sharing},
    },
    domain::{
        id::ShareId,
        run::RunId,
        share::{Closed, Share},
    },
};

use super::Dashboard;
use crate::server::clock::now_ms;

#[async_trait]
impl Sharing for Dashboard {
    async fn shares(&self, caller: &Caller, run: &RunId) -> Result<Vec<Share>, ApiError> {
        self.run(caller, run).await?;
        self.shares.of(run, now_ms()).await
    }

    async fn share(&self, caller: &Caller, run: &RunId, lasts: &str) -> Result<(Share, String), ApiError> {
        let run = self.run(caller, run).await?;
        let (share, token) = self.shares.add(&run, lasts, now_ms()).await?;
        tracing::info!(run_id = %run.id, share = %share.id, caller.correlation_id, door = %caller.door, "report shared");
        Ok((share, token))
    }

    async fn revoke_share(&self, caller: &Caller, run: &RunId, share: &ShareId) -> Result<Share, ApiError> {
        let revoked = self.shares.revoke(run, share, now_ms()).await?;
        tracing::info!(run_id = %run, %share, caller.correlation_id, door = %caller.door, "link taken back");
        Ok(revoked)
    }

    async fn shared(&self, token: &str) -> Result<Result<RunId, Closed>, ApiError> {
        self.shares.find(token, now_ms()).await
    }
}
