//! Who is let in, and who did what.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{
        audit::{Entry, Search},
        id::PassId,
        pass::{Account, AccountDraft, Pass, PassDraft},
        prefs::Lang,
    },
};

/// The part of the port that is about accounts, tokens and links, and the record of who did what.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Every account, by name.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn accounts(&self, caller: &Caller) -> Result<Vec<Account>, ApiError>;

    /// Makes an account.
    ///
    /// # Errors
    /// [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    async fn add_account(&self, caller: &Caller, draft: AccountDraft) -> Result<Account, ApiError>;

    /// Gives an account another role, and another password where one is given. Its sessions end.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    async fn change_account(&self, caller: &Caller, draft: AccountDraft) -> Result<Account, ApiError>;

    /// Forgets an account. Its sessions end.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    async fn delete_account(&self, caller: &Caller, name: &str) -> Result<Account, ApiError>;

    /// Every session, token and link that lets somebody in, newest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn passes(&self, caller: &Caller) -> Result<Vec<Pass>, ApiError>;

    /// Makes a token or a link. With it comes its secret, which nobody can ask for again.
    ///
    /// # Errors
    /// [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    async fn add_pass(&self, caller: &Caller, draft: PassDraft) -> Result<(Pass, String), ApiError>;

    /// Takes a session, token or link back. Sessions that came by it end, and the streams with them.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn revoke_pass(&self, caller: &Caller, id: &PassId) -> Result<Pass, ApiError>;

    /// Who did what, newest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn audit(&self, caller: &Caller, search: Search) -> Result<Vec<Entry>, ApiError>;

    /// What the page of all this shows at an address with this query, as HTML.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn access_page(&self, caller: &Caller, query: &str, lang: Lang) -> Result<String, ApiError>;
}
