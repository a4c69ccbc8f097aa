//! Plans that are kept for another time.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{id::PlanId, prefs::Lang, run::Run, saved::SavedPlan, validate::Draft},
};

/// The part of the port that is about plans.
#[async_trait]
pub trait Plans: Send + Sync + 'static {
    /// Every plan, by name.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn plans(&self, caller: &Caller) -> Result<Vec<SavedPlan>, ApiError>;

    /// One plan.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError>;

    /// Checks a draft and keeps it under a name; one of that name is only replaced where that is asked for.
    ///
    /// # Errors
    /// [`ApiError::Invalid`], [`ApiError::PlanRefused`], [`ApiError::Unavailable`].
    async fn save_plan(&self, caller: &Caller, name: &str, draft: Draft, replace: bool) -> Result<SavedPlan, ApiError>;

    /// Calls a plan otherwise.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::PlanRefused`], [`ApiError::Unavailable`].
    async fn rename_plan(&self, caller: &Caller, id: &PlanId, name: &str) -> Result<SavedPlan, ApiError>;

    /// Puts a plan into the trash.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn delete_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError>;

    /// Takes a plan back from the trash.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::PlanRefused`], [`ApiError::Unavailable`].
    async fn restore_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError>;

    /// Checks a plan and starts it.
    ///
    /// # Errors
    /// Those of [`Self::plan`] and of a start.
    async fn start_plan(&self, caller: &Caller, id: &PlanId) -> Result<Run, ApiError>;

    /// What the page of plans shows, drawn for an address with this query.
    async fn plans_page(&self, caller: &Caller, query: &str, lang: Lang) -> String;
}
