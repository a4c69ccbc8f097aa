//! Who did what. Only ever added to: the tables' own triggers refuse everything else.

use ha_dashboard::domain::audit::{Entry, Search};
use rusqlite::{Row, params, params_from_iter, types::Value};

use super::{Database, DatabaseError};

impl Database {
    /// Adds an entry; its number is given here.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn add_entry(&self, entry: &Entry) -> Result<(), DatabaseError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO audit (at_ms, who, role, address, door, act, about, outcome, correlation_id)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    i64::try_from(entry.at_ms).unwrap_or(i64::MAX),
                    entry.who,
                    entry.role,
                    entry.address,
                    entry.door,
                    entry.act,
                    entry.about,
                    entry.outcome,
                    entry.correlation_id
                ])?;
            Ok(())
        })
    }

    /// The entries that are looked for, newest first.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn entries_of(&self, search: &Search) -> Result<Vec<Entry>, DatabaseError> {
        self.read(|connection| {
            let mut query = String::from(
                "SELECT n, at_ms, who, role, address, door, act, about, outcome, correlation_id FROM audit WHERE n < ?1",
            );
            let before = search.before.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX);
            let mut values = vec![Value::Integer(before)];
            for (column, value) in [("who", &search.who), ("act", &search.act)] {
                if !value.is_empty() {
                    values.push(Value::Text(value.clone()));
                    query += &format!(" AND {column} = ?{}", values.len());
                }
            }
            if search.refused {
                query += " AND outcome <> 'done'";
            }
            values.push(Value::Integer(search.most.into()));
            query += &format!(" ORDER BY n DESC LIMIT ?{}", values.len());
            connection.prepare_cached(&query)?.query_map(params_from_iter(values), row)?.collect()
        })
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        n: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
        at_ms: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        who: row.get(2)?,
        role: row.get(3)?,
        address: row.get(4)?,
        door: row.get(5)?,
        act: row.get(6)?,
        about: row.get(7)?,
        outcome: row.get(8)?,
        correlation_id: row.get(9)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_only_added_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        for (act, outcome) in [("start", "done"), ("stop", "forbidden"), ("start", "already_running")] {
            let entry = Entry { act: act.into(), outcome: outcome.into(), who: "anna".into(), ..Entry::default() };
            database.add_entry(&entry).unwrap();
        }
        let numbers = |search: Search| database.entries_of(&search).unwrap().iter().map(|it| it.n).collect::<Vec<_>>();
        assert_eq!(numbers(Search::default()), [3, 2, 1]);
        assert_eq!(numbers(Search { act: "start".into(), ..Search::default() }), [3, 1]);
        assert_eq!(numbers(Search { refused: true, ..Search::default() }), [3, 2]);
        assert_eq!(numbers(Search { before: Some(3), most: 1, ..Search::default() }), [2]);
        assert!(numbers(Search { who: "' OR 1=1 --".into(), ..Search::default() }).is_empty());
        drop(database);
        let other = rusqlite::Connection::open(folder.path().join("dashboard.sqlite")).unwrap();
        for change in [
            "UPDATE audit SET who = 'bob'",
            "DELETE FROM audit",
            "INSERT OR REPLACE INTO audit (n, at_ms, who, role, address, door, act, about, outcome, correlation_id) VALUES (1, 0, '', '', '', '', '', '', '', '')",
        ] {
            let refused = other.execute_batch(change).unwrap_err();
            assert!(refused.to_string().contains("only ever added to"), "{change}: {refused}");
        }
    }
}
