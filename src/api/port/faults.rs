//! Faults: what can be done to the services under test, what is set, and taking it back.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::fault::{Fault, FaultDraft, FaultId, FaultKind, FaultRules},
};

/// The part of the port that is about faults.
#[async_trait]
pub trait Faults: Send + Sync + 'static {
    /// What can be done to which replica now, and for how long: what [`FaultDraft::validate`] needs.
    async fn fault_rules(&self, caller: &Caller) -> FaultRules;

    /// What is set and what was, newest first, as far back as it is kept.
    async fn faults(&self, caller: &Caller) -> Vec<Fault>;

    /// How often which took hold in which service since the dashboard started.
    async fn fault_counts(&self, caller: &Caller) -> BTreeMap<(FaultKind, String), u64>;

    /// One of them.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn fault(&self, caller: &Caller, id: &FaultId) -> Result<Fault, ApiError>;

    /// Checks a draft and sets it. Resolves when it is confirmed; a restart is at work then.
    ///
    /// # Errors
    /// [`ApiError::InvalidFault`], [`ApiError::FaultRefused`], [`ApiError::TooOften`], [`ApiError::Halted`],
    /// [`ApiError::Unavailable`].
    async fn set_fault(&self, caller: &Caller, draft: FaultDraft) -> Result<Fault, ApiError>;

    /// Takes one back before its time. Resolves when that is done, or is being done for long.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::FaultOver`].
    async fn restore_fault(&self, caller: &Caller, id: &FaultId) -> Result<Fault, ApiError>;

    /// Takes back everything that is set, and says what that was.
    ///
    /// # Errors
    /// Where the caller may not.
    async fn restore_all(&self, caller: &Caller) -> Result<Vec<Fault>, ApiError>;
}
