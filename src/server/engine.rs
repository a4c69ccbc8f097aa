//! What runs k6: [`Engine`] is the trait, one file an implementation.

use async_trait::async_trait;
use ha_dashboard::domain::live::EngineStatus;

/// Runs k6 instances.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// How it is; looks again on every call.
    async fn status(&self) -> EngineStatus;
}
