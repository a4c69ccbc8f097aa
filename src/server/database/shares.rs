//! Links to one run's report.

use ha_dashboard::domain::{
    Millis,
    id::ShareId,
    run::RunId,
    share::{Share, ShareRefusal},
};
use rusqlite::{OptionalExtension, Row, params};

use super::{Database, DatabaseError, unfit};

/// What a token hashes to.
type Hash = [u8; 32];

impl Database {
    /// The links to a run's report, closed ones included, newest first.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn shares(&self, run: &RunId) -> Result<Vec<Share>, DatabaseError> {
        self.read(|connection| {
            let query = format!("{SELECT} WHERE run = ?1 ORDER BY created_ms DESC, id DESC");
            connection.prepare_cached(&query)?.query_map([run.as_str()], row)?.collect()
        })
    }

    /// The link of a token; `None`: there never was one, or it was closed long ago.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn share_of(&self, hash: &Hash) -> Result<Option<Share>, DatabaseError> {
        self.read(|connection| {
            let query = format!("{SELECT} WHERE hash = ?1");
            connection.prepare_cached(&query)?.query_row([hash], row).optional()
        })
    }

    /// Keeps a link, and forgets those that were closed long before `now_ms`.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn add_share(
        &self,
        share: &Share,
        hash: &Hash,
        now_ms: Millis,
    ) -> Result<Result<(), ShareRefusal>, DatabaseError> {
        self.write(|transaction| {
            let long_ago = signed(now_ms.saturating_sub(Share::REMEMBERED_MS));
            transaction
                .execute("DELETE FROM shares WHERE min(until_ms, ifnull(revoked_ms, until_ms)) < ?1", [long_ago])?;
            let open: i64 = transaction.query_row(
                "SELECT count(*) FROM shares WHERE run = ?1 AND revoked_ms IS NULL AND until_ms > ?2",
                params![share.run.as_str(), signed(now_ms)],
                |row| row.get(0),
            )?;
            if usize::try_from(open).unwrap_or(usize::MAX) >= Share::MOST {
                return Ok(Err(ShareRefusal::TooMany));
            }
            transaction.execute(
                "INSERT INTO shares (id, run, hash, created_ms, until_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![share.id.as_str(), share.run.as_str(), hash, signed(share.created_ms), signed(share.until_ms)],
            )?;
            Ok(Ok(()))
        })
    }

    /// Closes a link of a run; `None`: there is no open one of that id.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn revoke_share(&self, run: &RunId, id: &ShareId, now_ms: Millis) -> Result<Option<Share>, DatabaseError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE shares SET revoked_ms = ?3
                 WHERE id = ?1 AND run = ?2 AND revoked_ms IS NULL AND until_ms > ?3",
                params![id.as_str(), run.as_str(), signed(now_ms)],
            )?;
            if changed == 0 {
                return Ok(None);
            }
            let query = format!("{SELECT} WHERE id = ?1");
            transaction.query_row(&query, [id.as_str()], row).optional()
        })
    }
}

const SELECT: &str = "SELECT id, run, created_ms, until_ms, revoked_ms FROM shares";

fn row(row: &Row<'_>) -> rusqlite::Result<Share> {
    let time = |ms: i64| Millis::try_from(ms).unwrap_or(0);
    Ok(Share {
        id: row.get::<_, String>(0)?.try_into().map_err(unfit)?,
        run: row.get::<_, String>(1)?.try_into().map_err(unfit)?,
        created_ms: time(row.get(2)?),
        until_ms: time(row.get(3)?),
        revoked_ms: row.get::<_, Option<i64>>(4)?.map(time),
    })
}

fn signed(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW_MS: Millis = 1_700_000_000_000;

    fn share(id: &str, run: &str, now_ms: Millis) -> Share {
        Share::new(id.to_owned().try_into().unwrap(), run.parse().unwrap(), "1d", now_ms).unwrap()
    }

    #[test]
    fn links_are_kept_over_a_restart_and_go_with_their_run() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let (one, two) = (share("s-1", "r-1", NOW_MS), share("s-2", "r-2", NOW_MS));
        database.add_share(&one, &[1; 32], NOW_MS).unwrap().unwrap();
        database.add_share(&two, &[2; 32], NOW_MS).unwrap().unwrap();
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.share_of(&[1; 32]).unwrap(), Some(one.clone()));
        assert_eq!(database.share_of(&[3; 32]).unwrap(), None);
        assert_eq!(database.shares(&one.run).unwrap(), std::slice::from_ref(&one));
        database.forget(std::slice::from_ref(&one.run)).unwrap();
        assert_eq!(database.share_of(&[1; 32]).unwrap(), None);
        assert_eq!(database.share_of(&[2; 32]).unwrap(), Some(two));
    }

    #[test]
    fn a_link_is_taken_back_once_and_only_by_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let one = share("s-1", "r-1", NOW_MS);
        database.add_share(&one, &[1; 32], NOW_MS).unwrap().unwrap();
        assert_eq!(database.revoke_share(&"r-2".parse().unwrap(), &one.id, NOW_MS).unwrap(), None);
        assert_eq!(database.revoke_share(&one.run, &one.id, one.until_ms).unwrap(), None, "it is over");
        let revoked = database.revoke_share(&one.run, &one.id, NOW_MS + 5).unwrap().unwrap();
        assert_eq!(revoked, Share { revoked_ms: Some(NOW_MS + 5), ..one.clone() });
        assert_eq!(database.revoke_share(&one.run, &one.id, NOW_MS + 6).unwrap(), None);
        assert_eq!(database.share_of(&[1; 32]).unwrap(), Some(revoked));
    }

    #[test]
    fn a_run_has_so_many_open_links_and_closed_ones_are_forgotten_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let hash = |n: u8| [n; 32];
        for n in 0..Share::MOST as u8 {
            database.add_share(&share(&format!("s-{n}"), "r-1", NOW_MS), &hash(n), NOW_MS).unwrap().unwrap();
        }
        let more =
            |run: &str, id: &str, now_ms| database.add_share(&share(id, run, now_ms), &hash(99), now_ms).unwrap();
        assert_eq!(more("r-1", "more", NOW_MS), Err(ShareRefusal::TooMany));
        database.revoke_share(&"r-1".parse().unwrap(), &"s-3".to_owned().try_into().unwrap(), NOW_MS).unwrap().unwrap();
        assert_eq!(more("r-1", "more", NOW_MS), Ok(()));
        let later_ms = NOW_MS + Share::REMEMBERED_MS + 1;
        database.add_share(&share("late", "r-2", later_ms), &hash(100), later_ms).unwrap().unwrap();
        assert_eq!(database.share_of(&hash(3)).unwrap(), None, "taken back long ago");
        assert!(database.share_of(&hash(4)).unwrap().is_some(), "over for less than that");
    }
}
