//! Links to one run's report: made, looked up and taken back. Only what a token hashes to is kept.

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        Millis,
        id::ShareId,
        run::{Run, RunId},
        share::{Closed, Share},
    },
};
use sha2::{Digest, Sha256};

use super::{database::Database, ids};

/// The links. Copies are handles on the same ones.
#[derive(Debug, Clone)]
pub struct Shares {
    database: Database,
}

impl Shares {
    /// Links in a database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The links to a run's report that lead on, newest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn of(&self, run: &RunId, now_ms: Millis) -> Result<Vec<Share>, ApiError> {
        let run = run.clone();
        let mut shares = self.database.ask(move |database| database.shares(&run)).await?;
        shares.retain(|share| share.closed(now_ms).is_none());
        Ok(shares)
    }

    /// Makes a link to the report of a run, and tells its token.
    ///
    /// # Errors
    /// [`ApiError::NotOver`], [`ApiError::ShareRefused`], [`ApiError::Unavailable`].
    pub async fn add(&self, run: &Run, lasts: &str, now_ms: Millis) -> Result<(Share, String), ApiError> {
        if run.state.is_active() {
            return Err(ApiError::NotOver { run: run.id.clone() });
        }
        let refused = |refusal| ApiError::ShareRefused { refusal };
        let share = Share::new(ids::share(now_ms), run.id.clone(), lasts, now_ms).map_err(refused)?;
        // 256 bits of the thread's generator, which is fit for secrets.
        let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let (kept, hash) = (share.clone(), hash(&token));
        self.database.ask(move |database| database.add_share(&kept, &hash, now_ms)).await?.map_err(refused)?;
        Ok((share, token))
    }

    /// Takes a link back before its time.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] also where it leads nowhere already, [`ApiError::Unavailable`].
    pub async fn revoke(&self, run: &RunId, id: &ShareId, now_ms: Millis) -> Result<Share, ApiError> {
        let asked = (run.clone(), id.clone());
        let revoked = self.database.ask(move |database| database.revoke_share(&asked.0, &asked.1, now_ms)).await?;
        revoked.ok_or_else(|| ApiError::NotFound { what: format!("open link {id} to run {run}") })
    }

    /// The run that a token leads to, or why it no longer does.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] where no link has or had it, [`ApiError::Unavailable`].
    pub async fn find(&self, token: &str, now_ms: Millis) -> Result<Result<RunId, Closed>, ApiError> {
        let hash = hash(token);
        let found = self.database.ask(move |database| database.share_of(&hash)).await?;
        // A token is for nobody's log, not even one that leads nowhere.
        let share = found.ok_or_else(|| ApiError::NotFound { what: "such link".into() })?;
        Ok(match share.closed(now_ms) {
            None => Ok(share.run),
            Some(why) => Err(why),
        })
    }
}

/// A token is as random as a key, so that nothing slower is needed to keep it from being guessed.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
