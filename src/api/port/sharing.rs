//! Links to one run's report.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{
        id::ShareId,
        run::RunId,
        share::{Closed, Share},
    },
};

/// The part of the port that is about links to one run's report.
#[async_trait]
pub trait Sharing: Send + Sync + 'static {
    /// The links to a run's report that lead on, newest first.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn shares(&self, caller: &Caller, run: &RunId) -> Result<Vec<Share>, ApiError>;

    /// Makes a link to the report of a run that is over, for as long as `lasts` says, see [`Share::LASTS`]. With it comes its
    /// token, which nobody can ask for again.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::NotOver`], [`ApiError::ShareRefused`], [`ApiError::Unavailable`].
    async fn share(&self, caller: &Caller, run: &RunId, lasts: &str) -> Result<(Share, String), ApiError>;

    /// Takes a link back before its time.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] also where it leads nowhere already, [`ApiError::Unavailable`].
    async fn revoke_share(&self, caller: &Caller, run: &RunId, share: &ShareId) -> Result<Share, ApiError>;

    /// The run that a token leads to, or why it no longer does.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] where no link has or had it, [`ApiError::Unavailable`].
    async fn shared(&self, token: &str) -> Result<Result<RunId, Closed>, ApiError>;
}
