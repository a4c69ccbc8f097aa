//! Who is told what happens, and whether that arrives.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::hook::{Delivery, HookEvent, HookForm},
};

/// Somebody who is told. Where messages go is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHook {
    /// The name.
    pub name: String,
    /// As much of the address as may be shown: `https://hooks.slack.com/…`.
    pub address: String,
    /// How messages look.
    pub form: HookForm,
    /// Whether they are signed.
    pub is_signed: bool,
    /// What is told.
    pub events: Vec<HookEvent>,
    /// Whether it answered that it wants no more: 410.
    pub is_unwanted: bool,
}

/// Everybody who is told, and the last messages, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShownHooks {
    /// In the configuration's order.
    pub hooks: Vec<ShownHook>,
    /// The messages.
    pub deliveries: Vec<Delivery>,
}

/// The part of the port that is about webhooks.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Everybody who is told, and the last messages.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn hooks(&self, caller: &Caller) -> Result<ShownHooks, ApiError>;

    /// Sends a message to try out whether it arrives, and waits some seconds for what comes of it.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn test_hook(&self, caller: &Caller, name: &str) -> Result<Delivery, ApiError>;
}
