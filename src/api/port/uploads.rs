//! Scripts that admins upload beside the catalogue.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::upload::{Upload, UploadDraft},
};

/// The part of the port that is about scripts that are uploaded.
#[async_trait]
pub trait Uploads: Send + Sync + 'static {
    /// Keeps a script that k6 can use.
    ///
    /// # Errors
    /// [`ApiError::InvalidUpload`], [`ApiError::UploadRefused`], [`ApiError::Unavailable`]: k6 can't be asked, or the state
    /// folder takes no file.
    async fn upload_script(&self, caller: &Caller, draft: UploadDraft) -> Result<Upload, ApiError>;

    /// Deletes a script that was uploaded.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::UploadRefused`], [`ApiError::Unavailable`].
    async fn delete_script(&self, caller: &Caller, name: &str) -> Result<Upload, ApiError>;
}
