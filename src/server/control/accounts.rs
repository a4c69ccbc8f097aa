//! Who is let in, and who did what.

use async_trait::async_trait;
use ha_dashboard::{
    api::{caller::Caller, error::ApiError, port::Accounts},
    domain::{
        audit::{Entry, Search},
        id::PassId,
        pass::{Account, AccountDraft, Pass, PassDraft},
        prefs::Lang,
    },
};

use super::Dashboard;

#[async_trait]
impl Accounts for Dashboard {
    async fn accounts(&self, _: &Caller) -> Result<Vec<Account>, ApiError> {
        self.access.accounts().await
    }

    async fn add_account(&self, _: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        self.access.add_account(draft).await
    }

    async fn change_account(&self, _: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        self.access.change_account(draft).await
    }

    async fn delete_account(&self, _: &Caller, name: &str) -> Result<Account, ApiError> {
        self.access.delete_account(name).await
    }

    async fn passes(&self, _: &Caller) -> Result<Vec<Pass>, ApiError> {
        self.access.passes().await
    }

    async fn add_pass(&self, _: &Caller, draft: PassDraft) -> Result<(Pass, String), ApiError> {
        self.access.add_pass(draft).await
    }

    async fn revoke_pass(&self, _: &Caller, id: &PassId) -> Result<Pass, ApiError> {
        self.access.revoke_pass(id).await
    }

    async fn audit(&self, _: &Caller, search: Search) -> Result<Vec<Entry>, ApiError> {
        self.access.audit(search).await
    }

    async fn access_page(&self, _: &Caller, query: &str, lang: Lang) -> Result<String, ApiError> {
        self.access.page(query, lang, self.scripts.uploads().await?).await
    }
}
