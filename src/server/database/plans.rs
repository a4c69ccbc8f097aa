//! Plans that are kept under a name.

use ha_dashboard::domain::{
    Millis,
    id::PlanId,
    saved::{PlanRefusal, SavedPlan},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Database, DatabaseError, unfit};

/// Most plans in the trash; older ones are gone.
const TRASH: u32 = 100;

/// What came of a change; `None`: there is no such plan.
type Changed = Option<Result<SavedPlan, PlanRefusal>>;

impl Database {
    /// Every plan, by name.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn plans(&self) -> Result<Vec<SavedPlan>, DatabaseError> {
        let query = format!("{SELECT} WHERE deleted_ms IS NULL ORDER BY name COLLATE NOCASE, name");
        let read = self.read(|connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map([], row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        read?.into_iter().map(Raw::read).collect()
    }

    /// One plan; `None`: there is none, or it is in the trash.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn plan(&self, id: &PlanId) -> Result<Option<SavedPlan>, DatabaseError> {
        self.read(|connection| find(connection, id, false))?.map(Raw::read).transpose()
    }

    /// Keeps a plan; one of the same name is only replaced where that is asked for, and keeps its id.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then everything is as before.
    pub fn save_plan(&self, plan: SavedPlan, replace: bool) -> Result<Result<SavedPlan, PlanRefusal>, DatabaseError> {
        self.write(|connection| {
            let known = named(connection, &plan.name)?;
            let id = match known {
                Some(by) if !replace => return Ok(Err(PlanRefusal::NameTaken { by })),
                Some(known) => known,
                None if is_full(connection)? => return Ok(Err(PlanRefusal::TooMany)),
                None => plan.id.clone(),
            };
            let plan = SavedPlan { id, ..plan.clone() };
            let draft = serde_json::to_string(&plan.draft).map_err(unfit)?;
            connection.execute(
                "INSERT INTO plans (id, name, draft, changed_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET draft = excluded.draft, changed_ms = excluded.changed_ms",
                params![plan.id.as_str(), plan.name, draft, signed(plan.changed_ms)],
            )?;
            Ok(Ok(plan))
        })
    }

    /// Calls a plan otherwise.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn rename_plan(&self, id: &PlanId, name: &str) -> Result<Changed, DatabaseError> {
        let changed = self.write(|connection| {
            match named(connection, name)? {
                Some(by) if by != *id => return Ok(Err(PlanRefusal::NameTaken { by })),
                _ => {}
            }
            connection.execute("UPDATE plans SET name = ?2 WHERE id = ?1", params![id.as_str(), name])?;
            Ok(Ok(find(connection, id, false)?))
        })?;
        settled(changed)
    }

    /// Puts a plan into the trash.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn delete_plan(&self, id: &PlanId, now_ms: Millis) -> Result<Option<SavedPlan>, DatabaseError> {
        let found = self.write(|connection| {
            let found = find(connection, id, false)?;
            connection.execute(
                "UPDATE plans SET deleted_ms = ?2 WHERE id = ?1 AND deleted_ms IS NULL",
                params![id.as_str(), signed(now_ms)],
            )?;
            connection.execute(
                "DELETE FROM plans WHERE deleted_ms IS NOT NULL AND id NOT IN
                     (SELECT id FROM plans WHERE deleted_ms IS NOT NULL ORDER BY deleted_ms DESC LIMIT ?1)",
                [TRASH],
            )?;
            Ok(found)
        })?;
        found.map(Raw::read).transpose()
    }

    /// Takes a plan back from the trash.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn restore_plan(&self, id: &PlanId) -> Result<Changed, DatabaseError> {
        let changed = self.write(|connection| {
            let Some(found) = find(connection, id, true)? else { return Ok(Ok(None)) };
            if let Some(by) = named(connection, &found.name)? {
                return Ok(Err(PlanRefusal::NameTaken { by }));
            }
            if is_full(connection)? {
                return Ok(Err(PlanRefusal::TooMany));
            }
            connection.execute("UPDATE plans SET deleted_ms = NULL WHERE id = ?1", [id.as_str()])?;
            Ok(Ok(Some(found)))
        })?;
        settled(changed)
    }
}

const SELECT: &str = "SELECT id, name, draft, changed_ms FROM plans";

/// A row as it is.
struct Raw {
    id: String,
    name: String,
    draft: String,
    changed_ms: i64,
}

impl Raw {
    fn read(self) -> Result<SavedPlan, DatabaseError> {
        let unreadable = |error: &dyn std::fmt::Display| DatabaseError::Unreadable(error.to_string());
        Ok(SavedPlan {
            id: self.id.try_into().map_err(|error| unreadable(&error))?,
            name: self.name,
            draft: serde_json::from_str(&self.draft).map_err(|error| unreadable(&error))?,
            changed_ms: Millis::try_from(self.changed_ms).unwrap_or(0),
        })
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw { id: row.get(0)?, name: row.get(1)?, draft: row.get(2)?, changed_ms: row.get(3)? })
}

fn find(connection: &Connection, id: &PlanId, deleted: bool) -> rusqlite::Result<Option<Raw>> {
    let query = format!("{SELECT} WHERE id = ?1 AND (deleted_ms IS NOT NULL) = ?2");
    connection.prepare_cached(&query)?.query_row(params![id.as_str(), deleted], row).optional()
}

/// The plan of a name.
fn named(connection: &Connection, name: &str) -> rusqlite::Result<Option<PlanId>> {
    let mut query = connection.prepare_cached("SELECT id FROM plans WHERE name = ?1 AND deleted_ms IS NULL")?;
    let id: Option<String> = query.query_row([name], |row| row.get(0)).optional()?;
    id.map(|id| PlanId::try_from(id).map_err(unfit)).transpose()
}

fn is_full(connection: &Connection) -> rusqlite::Result<bool> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM plans WHERE deleted_ms IS NULL", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX) >= SavedPlan::MOST)
}

fn settled(changed: Result<Option<Raw>, PlanRefusal>) -> Result<Changed, DatabaseError> {
    match changed {
        Ok(found) => Ok(found.map(Raw::read).transpose()?.map(Ok)),
        Err(refusal) => Ok(Some(Err(refusal))),
    }
}

fn signed(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::validate::Draft;

    use super::*;

    fn id(text: &str) -> PlanId {
        text.to_owned().try_into().unwrap()
    }

    fn plan(key: &str, name: &str, peak: &str) -> SavedPlan {
        let draft = Draft { peak: peak.into(), ..Draft::default() };
        SavedPlan { id: id(key), name: name.into(), draft, changed_ms: 5 }
    }

    fn names(database: &Database) -> Vec<String> {
        database.plans().unwrap().into_iter().map(|plan| plan.name).collect()
    }

    #[test]
    fn plans_are_kept_over_a_restart_and_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        database.save_plan(plan("a", "b", "1"), false).unwrap().unwrap();
        database.save_plan(plan("b", "A", "2"), false).unwrap().unwrap();
        let taken = database.save_plan(plan("c", "b", "3"), false).unwrap();
        assert_eq!(taken, Err(PlanRefusal::NameTaken { by: id("a") }));
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(names(&database), ["A", "b"]);
        let replaced = database.save_plan(plan("c", "b", "3"), true).unwrap().unwrap();
        assert_eq!((replaced.id, names(&database).len()), (id("a"), 2));
        assert_eq!(database.plan(&id("a")).unwrap().unwrap().draft.peak, "3");
        assert_eq!(database.plan(&id("c")).unwrap(), None);
    }

    #[test]
    fn what_is_deleted_comes_back_unless_its_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.delete_plan(&id("a"), 9).unwrap(), None);
        assert_eq!(database.restore_plan(&id("a")).unwrap(), None);
        database.save_plan(plan("a", "x", "1"), false).unwrap().unwrap();
        assert_eq!(database.restore_plan(&id("a")).unwrap(), None, "it is not in the trash");
        assert_eq!(database.delete_plan(&id("a"), 9).unwrap().unwrap().name, "x");
        assert_eq!((names(&database), database.plan(&id("a")).unwrap()), (vec![], None));
        assert_eq!(database.delete_plan(&id("a"), 10).unwrap(), None);
        assert_eq!(database.restore_plan(&id("a")).unwrap().unwrap().unwrap().draft.peak, "1");
        database.delete_plan(&id("a"), 11).unwrap();
        database.save_plan(plan("b", "x", "2"), false).unwrap().unwrap();
        let taken = database.restore_plan(&id("a")).unwrap().unwrap();
        assert_eq!(taken, Err(PlanRefusal::NameTaken { by: id("b") }));
        assert_eq!(names(&database), ["x"]);
    }

    #[test]
    fn a_name_belongs_to_one_plan() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        database.save_plan(plan("a", "x", "1"), false).unwrap().unwrap();
        database.save_plan(plan("b", "y", "1"), false).unwrap().unwrap();
        assert_eq!(database.rename_plan(&id("a"), "x").unwrap().unwrap().unwrap().name, "x");
        let taken = database.rename_plan(&id("a"), "y").unwrap().unwrap();
        assert_eq!(taken, Err(PlanRefusal::NameTaken { by: id("b") }));
        assert_eq!(database.rename_plan(&id("a"), "z").unwrap().unwrap().unwrap().name, "z");
        assert_eq!(database.rename_plan(&id("none"), "w").unwrap(), None);
        assert_eq!(names(&database), ["y", "z"]);
    }

    #[test]
    fn neither_plans_nor_the_trash_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        for n in 0..SavedPlan::MOST {
            database.save_plan(plan(&format!("p-{n}"), &format!("plan {n}"), "1"), false).unwrap().unwrap();
        }
        let full = database.save_plan(plan("more", "more", "1"), false).unwrap();
        assert_eq!(full, Err(PlanRefusal::TooMany));
        database.save_plan(plan("more", "plan 7", "2"), true).unwrap().unwrap();
        for n in 0..=TRASH {
            database.delete_plan(&id(&format!("p-{n}")), u64::from(n)).unwrap();
        }
        assert_eq!(database.restore_plan(&id("p-0")).unwrap(), None, "the oldest is gone");
        database.restore_plan(&id("p-1")).unwrap().unwrap().unwrap();
    }
}
