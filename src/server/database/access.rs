//! Accounts, and what lets people and programs in.

use ha_dashboard::domain::{
    Millis,
    access::Role,
    id::PassId,
    pass::{AccessRefusal, Account, Pass, PassKind},
};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Database, DatabaseError, unfit};

/// What a secret hashes to: SHA-256.
pub type Hash = [u8; 32];

/// Who is let in now.
#[derive(Debug, Default)]
pub struct Entries {
    /// Every pass that is neither taken back nor over at the time of asking, with what its secret hashes to.
    pub passes: Vec<(Hash, Pass)>,
    /// How many accounts there are.
    pub accounts: u32,
}

impl Database {
    /// Who is let in at `now_ms`.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn entries(&self, now_ms: Millis) -> Result<Entries, DatabaseError> {
        self.read(|connection| {
            let query = format!("{SELECT}, hash FROM passes WHERE revoked_ms IS NULL AND until_ms > ?1");
            let passes = connection
                .prepare_cached(&query)?
                .query_map([signed(now_ms)], |row| Ok((row.get::<_, Hash>(10)?, pass(row)?)))?
                .collect::<Result<_, _>>()?;
            let accounts = connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
            Ok(Entries { passes, accounts })
        })
    }

    /// A number that changes when another process wrote to the database, and perhaps when this one did.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn version(&self) -> Result<i64, DatabaseError> {
        self.read(|connection| connection.query_row("PRAGMA data_version", [], |row| row.get(0)))
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn accounts(&self) -> Result<Vec<Account>, DatabaseError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT name, role, created_ms FROM accounts ORDER BY name")?;
            query.query_map([], account)?.collect()
        })
    }

    /// An account, and its password's hash as a PHC string.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn account(&self, name: &str) -> Result<Option<(Account, String)>, DatabaseError> {
        self.read(|connection| {
            let query = "SELECT name, role, created_ms, hash FROM accounts WHERE name = ?1";
            connection.query_row(query, [name], |row| Ok((account(row)?, row.get(3)?))).optional()
        })
    }

    /// Keeps a new account with its password's hash.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn add_account(&self, account: &Account, hash: &str) -> Result<Result<(), AccessRefusal>, DatabaseError> {
        self.write(|transaction| {
            let taken = "SELECT 1 FROM accounts WHERE lower(name) = lower(?1)";
            if transaction.query_row(taken, [&account.name], |_| Ok(())).optional()?.is_some() {
                return Ok(Err(AccessRefusal::NameTaken));
            }
            let is_first = transaction.query_row("SELECT count(*) = 0 FROM accounts", [], |row| row.get(0))?;
            if is_first && account.role != Role::Admin {
                return Ok(Err(AccessRefusal::FirstAdmin));
            }
            transaction.execute(
                "INSERT INTO accounts (name, role, hash, created_ms) VALUES (?1, ?2, ?3, ?4)",
                params![account.name, account.role.name(), hash, signed(account.created_ms)],
            )?;
            Ok(Ok(()))
        })
    }

    /// Gives an account another role, and another password where there is one, and ends its sessions; `None`: there is no
    /// such account.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn change_account(
        &self,
        name: &str,
        role: Role,
        hash: Option<&str>,
        now_ms: Millis,
    ) -> Result<Option<Result<Account, AccessRefusal>>, DatabaseError> {
        self.write(|transaction| {
            let Some(was) = found(transaction, name)? else { return Ok(None) };
            if role != Role::Admin && is_last_admin(transaction, &was)? {
                return Ok(Some(Err(AccessRefusal::LastAdmin)));
            }
            transaction.execute(
                "UPDATE accounts SET role = ?2, hash = ifnull(?3, hash) WHERE name = ?1",
                params![name, role.name(), hash],
            )?;
            end_sessions(transaction, name, now_ms)?;
            Ok(Some(Ok(Account { role, ..was })))
        })
    }

    /// Forgets an account and ends its sessions; `None`: there is no such account. The last admin can only go when nobody
    /// else is left.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn delete_account(
        &self,
        name: &str,
        now_ms: Millis,
    ) -> Result<Option<Result<Account, AccessRefusal>>, DatabaseError> {
        self.write(|transaction| {
            let Some(was) = found(transaction, name)? else { return Ok(None) };
            let others: u32 =
                transaction.query_row("SELECT count(*) FROM accounts WHERE name <> ?1", [name], |row| row.get(0))?;
            if others > 0 && is_last_admin(transaction, &was)? {
                return Ok(Some(Err(AccessRefusal::LastAdmin)));
            }
            transaction.execute("DELETE FROM accounts WHERE name = ?1", [name])?;
            end_sessions(transaction, name, now_ms)?;
            Ok(Some(Ok(was)))
        })
    }

    /// Every pass that lets somebody in at `now_ms`, newest first.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn passes(&self, now_ms: Millis) -> Result<Vec<Pass>, DatabaseError> {
        self.read(|connection| {
            let query = format!(
                "{SELECT} FROM passes WHERE revoked_ms IS NULL AND until_ms > ?1 ORDER BY created_ms DESC, id DESC"
            );
            connection.prepare_cached(&query)?.query_map([signed(now_ms)], pass)?.collect()
        })
    }

    /// Keeps a token or link, and forgets those that were over long before.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn add_pass(&self, pass: &Pass, hash: &Hash) -> Result<Result<(), AccessRefusal>, DatabaseError> {
        self.write(|transaction| {
            forget_old(transaction, pass.created_ms)?;
            let open: i64 = transaction.query_row(
                "SELECT count(*) FROM passes WHERE kind <> 'session' AND revoked_ms IS NULL AND until_ms > ?1",
                [signed(pass.created_ms)],
                |row| row.get(0),
            )?;
            if usize::try_from(open).unwrap_or(usize::MAX) >= Pass::MOST {
                return Ok(Err(AccessRefusal::TooMany));
            }
            insert(transaction, pass, hash)?;
            Ok(Ok(()))
        })
    }

    /// Keeps a session, of a team the way in which it logs in. The oldest of its account or link make room, and a link that is good for one is used up: then `false`
    /// says that another one was faster.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn add_session(&self, session: &Pass, hash: &Hash, team: Option<&str>) -> Result<bool, DatabaseError> {
        self.write(|transaction| {
            let now = signed(session.created_ms);
            forget_old(transaction, session.created_ms)?;
            if let Some(link) = &session.link {
                let used = transaction.execute(
                    "UPDATE passes SET used_ms = ?2, revoked_ms = CASE once WHEN 1 THEN ?2 END
                     WHERE id = ?1 AND revoked_ms IS NULL AND until_ms > ?2",
                    params![link.as_str(), now],
                )?;
                if used == 0 {
                    return Ok(false);
                }
            }
            transaction.execute(
                "UPDATE passes SET revoked_ms = ?1 WHERE id IN (
                    SELECT id FROM passes WHERE kind = 'session' AND revoked_ms IS NULL AND account IS ?2 AND link IS ?3
                    ORDER BY created_ms DESC LIMIT -1 OFFSET ?4)",
                params![
                    now,
                    session.account,
                    session.link.as_ref().map(PassId::as_str),
                    if session.account.is_some() { Pass::SESSIONS - 1 } else { GUESTS - 1 }
                ],
            )?;
            insert(transaction, session, hash)?;
            if team.is_some() {
                let id = session.id.as_str();
                transaction.execute("UPDATE passes SET team = ?2 WHERE id = ?1", params![id, team])?;
            }
            Ok(true)
        })
    }

    /// Ends the sessions of teams, but for those who logged in this way.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn end_teams(&self, but: Option<&str>, now_ms: Millis) -> Result<usize, DatabaseError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE passes SET revoked_ms = ?2
                 WHERE team IS NOT NULL AND team IS NOT ?1 AND revoked_ms IS NULL AND until_ms > ?2",
                params![but, signed(now_ms)],
            )
        })
    }

    /// Takes a pass back, and of a link what came by it; `None`: there is no open one of that id.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn revoke_pass(&self, id: &PassId, now_ms: Millis) -> Result<Option<Pass>, DatabaseError> {
        self.write(|transaction| {
            let now = signed(now_ms);
            let query = format!("{SELECT} FROM passes WHERE id = ?1 AND revoked_ms IS NULL AND until_ms > ?2");
            let revoked = transaction.query_row(&query, params![id.as_str(), now], pass).optional()?;
            transaction.execute(
                "UPDATE passes SET revoked_ms = ?2 WHERE (id = ?1 OR link = ?1) AND revoked_ms IS NULL",
                params![id.as_str(), now],
            )?;
            Ok(revoked)
        })
    }

    /// Takes back every link that is good for one session and was not used, of those called `name`.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn revoke_unused(&self, name: &str, now_ms: Millis) -> Result<(), DatabaseError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE passes SET revoked_ms = ?2
                 WHERE kind = 'link' AND once = 1 AND name = ?1 AND used_ms IS NULL AND revoked_ms IS NULL",
                params![name, signed(now_ms)],
            )?;
            Ok(())
        })
    }

    /// Notes that a pass was used.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn use_pass(&self, id: &PassId, now_ms: Millis) -> Result<(), DatabaseError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE passes SET used_ms = ?2 WHERE id = ?1", params![id.as_str(), signed(now_ms)])?;
            Ok(())
        })
    }
}

/// Most sessions by a link, or by links for one: a show has as many viewers.
const GUESTS: u32 = 4_000;

const SELECT: &str = "SELECT id, kind, name, role, link, account, once, created_ms, until_ms, used_ms";

/// How long it is known of passes that they were, in ms: a week.
const REMEMBERED_MS: Millis = 7 * 86_400_000;

fn forget_old(transaction: &Transaction, now_ms: Millis) -> rusqlite::Result<()> {
    let long_ago = signed(now_ms.saturating_sub(REMEMBERED_MS));
    transaction.execute("DELETE FROM passes WHERE min(until_ms, ifnull(revoked_ms, until_ms)) < ?1", [long_ago])?;
    Ok(())
}

fn insert(transaction: &Transaction, pass: &Pass, hash: &Hash) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO passes (id, kind, name, role, link, account, once, created_ms, until_ms, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            pass.id.as_str(),
            pass.kind.name(),
            pass.name,
            pass.role.name(),
            pass.link.as_ref().map(PassId::as_str),
            pass.account,
            pass.once,
            signed(pass.created_ms),
            signed(pass.until_ms),
            hash
        ],
    )?;
    Ok(())
}

fn found(transaction: &Transaction, name: &str) -> rusqlite::Result<Option<Account>> {
    let query = "SELECT name, role, created_ms FROM accounts WHERE name = ?1";
    transaction.query_row(query, [name], account).optional()
}

fn is_last_admin(transaction: &Transaction, account: &Account) -> rusqlite::Result<bool> {
    let others = "SELECT count(*) FROM accounts WHERE role = 'admin' AND name <> ?1";
    let others: u32 = transaction.query_row(others, [&account.name], |row| row.get(0))?;
    Ok(account.role == Role::Admin && others == 0)
}

fn end_sessions(transaction: &Transaction, account: &str, now_ms: Millis) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE passes SET revoked_ms = ?2 WHERE account = ?1 AND revoked_ms IS NULL",
        params![account, signed(now_ms)],
    )?;
    Ok(())
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account { name: row.get(0)?, role: role(row.get(1)?), created_ms: time(row.get(2)?) })
}

fn pass(row: &Row<'_>) -> rusqlite::Result<Pass> {
    let id = |text: String| PassId::try_from(text).map_err(unfit);
    Ok(Pass {
        id: id(row.get(0)?)?,
        kind: PassKind::from_name(&row.get::<_, String>(1)?).unwrap_or(PassKind::Session),
        name: row.get(2)?,
        role: role(row.get(3)?),
        link: row.get::<_, Option<String>>(4)?.map(id).transpose()?,
        account: row.get(5)?,
        once: row.get(6)?,
        created_ms: time(row.get(7)?),
        until_ms: time(row.get(8)?),
        used_ms: row.get::<_, Option<i64>>(9)?.map(time),
    })
}

/// A role that this version does not know allows nothing.
fn role(name: String) -> Role {
    Role::from_name(&name).unwrap_or_default()
}

fn time(ms: i64) -> Millis {
    Millis::try_from(ms).unwrap_or(0)
}

fn signed(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW_MS: Millis = 1_700_000_000_000;

    fn database() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        (folder, database)
    }

    fn account(name: &str, role: Role) -> Account {
        Account { name: name.into(), role, created_ms: NOW_MS }
    }

    fn pass(id: &str, kind: PassKind) -> Pass {
        Pass {
            id: id.to_owned().try_into().unwrap(),
            kind,
            name: id.into(),
            role: Role::Presenter,
            link: None,
            account: None,
            once: false,
            created_ms: NOW_MS,
            until_ms: NOW_MS + 1_000,
            used_ms: None,
        }
    }

    #[test]
    fn nobody_is_left_without_an_admin() {
        let (_folder, database) = database();
        let add = |name: &str, role| database.add_account(&account(name, role), "hash").unwrap();
        assert_eq!(add("p", Role::Presenter), Err(AccessRefusal::FirstAdmin));
        assert_eq!(add("anna", Role::Admin), Ok(()));
        assert_eq!(add("ANNA", Role::Viewer), Err(AccessRefusal::NameTaken));
        assert_eq!(add("bob", Role::Presenter), Ok(()));
        let last = Some(Err(AccessRefusal::LastAdmin));
        assert_eq!(database.delete_account("anna", NOW_MS).unwrap(), last);
        assert_eq!(database.change_account("anna", Role::Viewer, None, NOW_MS).unwrap(), last);
        assert!(database.change_account("bob", Role::Admin, None, NOW_MS).unwrap().unwrap().is_ok());
        assert!(database.delete_account("anna", NOW_MS).unwrap().unwrap().is_ok());
        assert_eq!(database.delete_account("anna", NOW_MS).unwrap(), None);
        // The very last one may go: then it is as it was at first.
        assert!(database.delete_account("bob", NOW_MS).unwrap().unwrap().is_ok());
        assert_eq!(database.entries(NOW_MS).unwrap().accounts, 0);
    }

    #[test]
    fn sessions_end_with_their_account_and_with_their_link() {
        let (_folder, database) = database();
        database.add_account(&account("anna", Role::Admin), "hash").unwrap().unwrap();
        let link = pass("link", PassKind::Link);
        database.add_pass(&link, &[1; 32]).unwrap().unwrap();
        let by_link = Pass { link: Some(link.id.clone()), ..pass("by-link", PassKind::Session) };
        let by_name = Pass { account: Some("anna".into()), ..pass("by-name", PassKind::Session) };
        assert!(database.add_session(&by_link, &[2; 32], None).unwrap());
        assert!(database.add_session(&by_name, &[3; 32], None).unwrap());
        let open = || {
            let mut ids: Vec<_> =
                database.entries(NOW_MS).unwrap().passes.into_iter().map(|(_, pass)| pass.id.to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!(open(), ["by-link", "by-name", "link"]);
        assert!(database.entries(NOW_MS + 1_000).unwrap().passes.is_empty(), "their time is over");
        database.delete_account("anna", NOW_MS).unwrap();
        assert_eq!(open(), ["by-link", "link"]);
        assert_eq!(database.revoke_pass(&link.id, NOW_MS).unwrap().unwrap().id, link.id);
        assert!(open().is_empty());
        assert_eq!(database.revoke_pass(&link.id, NOW_MS).unwrap(), None);
    }

    #[test]
    fn a_link_for_one_lets_one_in() {
        let (_folder, database) = database();
        let link = Pass { once: true, ..pass("link", PassKind::Link) };
        database.add_pass(&link, &[1; 32]).unwrap().unwrap();
        let session = |id: &str| Pass { link: Some(link.id.clone()), ..pass(id, PassKind::Session) };
        assert!(database.add_session(&session("first"), &[2; 32], None).unwrap());
        assert!(!database.add_session(&session("second"), &[3; 32], None).unwrap());
        let open = database.passes(NOW_MS).unwrap();
        assert_eq!(open.iter().map(|pass| pass.id.as_str()).collect::<Vec<_>>(), ["first"], "and stays with them");
    }

    #[test]
    fn the_oldest_sessions_of_an_account_make_room() {
        let (_folder, database) = database();
        for n in 0..u8::try_from(Pass::SESSIONS).unwrap() + 3 {
            let session = Pass {
                account: Some("anna".into()),
                created_ms: NOW_MS + u64::from(n),
                ..pass("x", PassKind::Session)
            };
            let session = Pass { id: format!("s-{n}").try_into().unwrap(), ..session };
            assert!(database.add_session(&session, &[n; 32], None).unwrap());
        }
        let open = database.passes(NOW_MS).unwrap();
        assert_eq!((open.len(), open.last().unwrap().id.as_str()), (Pass::SESSIONS as usize, "s-3"));
    }

    #[test]
    fn another_process_that_writes_is_noticed() {
        let (folder, database) = database();
        database.add_pass(&pass("own", PassKind::Token), &[1; 32]).unwrap().unwrap();
        let before = database.version().unwrap();
        assert_eq!(database.version().unwrap(), before);
        let other = Database::open(folder.path()).unwrap();
        other.add_pass(&pass("other", PassKind::Token), &[2; 32]).unwrap().unwrap();
        assert_ne!(database.version().unwrap(), before);
    }
}
