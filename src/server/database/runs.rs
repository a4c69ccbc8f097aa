//! The records of runs.

use std::collections::{BTreeMap, BTreeSet};

use ha_dashboard::domain::{
    Millis,
    past::{Choices, Found, Gist, Query, pattern_name},
    run::{Run, RunId, RunState},
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params, params_from_iter};
use serde_json::Value;

use super::{Database, DatabaseError, deflated, inflated, unfit};
use crate::server::config::Retention;

/// What k6 left of a run that is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leavings {
    /// The last lines of its log, as k6 wrote them.
    pub log: Vec<String>,
    /// The summary of each of its k6.
    pub summaries: Vec<Value>,
}

impl Database {
    /// Keeps a run's record; `leavings`: what k6 left of it, once it is over.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then what was kept stays.
    pub fn put(&self, run: &Run, leavings: Option<&Leavings>) -> Result<(), DatabaseError> {
        let put = |transaction: &Transaction| {
            put(transaction, run)?;
            let Some(leavings) = leavings else { return Ok(()) };
            let log = deflated(leavings.log.join("\n").as_bytes()).map_err(unfit)?;
            let summaries = serde_json::to_vec(&leavings.summaries).map_err(unfit)?;
            transaction.execute(
                "INSERT OR REPLACE INTO leavings (run, log, summaries) VALUES (?1, ?2, ?3)",
                params![run.id.as_str(), log, deflated(&summaries).map_err(unfit)?],
            )?;
            Ok(())
        };
        self.write(put)
    }

    /// A run's record; `None`: there is none.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn run(&self, id: &RunId) -> Result<Option<Run>, DatabaseError> {
        self.read(|connection| record(connection, id))
    }

    /// Changes the record of a run; `None`: there is none.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then it is as before.
    pub fn change(&self, id: &RunId, change: impl FnOnce(&mut Run)) -> Result<Option<Run>, DatabaseError> {
        self.write(|transaction| {
            let Some(mut run) = record(transaction, id)? else { return Ok(None) };
            change(&mut run);
            put(transaction, &run)?;
            Ok(Some(run))
        })
    }

    /// What k6 left of a run; `None`: nothing is kept of that.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn leavings(&self, id: &RunId) -> Result<Option<Leavings>, DatabaseError> {
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT log, summaries FROM leavings WHERE run = ?1")?;
            let both = |row: &Row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
            statement.query_row([id.as_str()], both).optional()
        })?;
        let Some((log, summaries)) = found else { return Ok(None) };
        let unreadable = |error: &dyn std::error::Error| DatabaseError::Unreadable(error.to_string());
        let log = inflated(&log).map_err(|error| unreadable(&error))?;
        let summaries = inflated(&summaries).map_err(|error| unreadable(&error))?;
        Ok(Some(Leavings {
            log: String::from_utf8_lossy(&log).lines().map(str::to_owned).collect(),
            summaries: serde_json::from_slice(&summaries).map_err(|error| unreadable(&error))?,
        }))
    }

    /// The runs of which all that k6 left is kept.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn settled(&self) -> Result<BTreeSet<RunId>, DatabaseError> {
        let ids = self.read(|connection| ids(connection, "SELECT run FROM leavings", &[]))?;
        Ok(ids.into_iter().collect())
    }

    /// The runs that may be at work.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn active(&self) -> Result<Vec<Run>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare("SELECT record FROM runs JOIN records ON run = id WHERE active ORDER BY created_ms DESC")?;
            let records =
                statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(records.iter().filter_map(|record| legible(record)).collect())
        })
    }

    /// The newest runs that are not in the trash, newest first.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn newest(&self, most: u32) -> Result<Vec<Run>, DatabaseError> {
        Ok(self.find(&Query { most, ..Query::default() }, 0)?.runs.into_iter().map(|(run, _)| run).collect())
    }

    /// What is looked for, now at `now_ms`.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn find(&self, query: &Query, now_ms: Millis) -> Result<Found, DatabaseError> {
        let (conditions, values) = conditions(query, now_ms);
        self.read(|connection| {
            let count = format!("SELECT count(*) FROM runs WHERE {conditions}");
            let mut statement = connection.prepare_cached(&count)?;
            let found = statement.query_row(params_from_iter(&values), |row| row.get(0))?;
            let page = format!(
                "SELECT records.record, pictures.course, pictures.faults, pictures.out_ms
                 FROM (SELECT id, created_ms FROM runs WHERE {conditions}
                     ORDER BY created_ms DESC, id DESC LIMIT ? OFFSET ?) AS page
                 JOIN records ON records.run = page.id LEFT JOIN pictures ON pictures.run = page.id
                 ORDER BY page.created_ms DESC, page.id DESC"
            );
            let offset = u64::from(query.page) * u64::from(query.most);
            let place: [Box<dyn ToSql>; 2] =
                [Box::new(query.most), Box::new(i64::try_from(offset).unwrap_or(i64::MAX))];
            let mut statement = connection.prepare_cached(&page)?;
            let values = values.iter().chain(&place);
            let both = |row: &Row| Ok((row.get::<_, String>(0)?, gist(row)?));
            let rows = statement.query_map(params_from_iter(values), both)?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Found {
                runs: rows.into_iter().filter_map(|(record, gist)| Some((legible(&record)?, gist))).collect(),
                found,
            })
        })
    }

    /// What later runs of a target are held against, the newest first where there were several.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn baselines(&self, target: &str) -> Result<Vec<Run>, DatabaseError> {
        self.read(|connection| {
            let sql = "SELECT record FROM runs JOIN records ON run = id WHERE target = ?1 AND baseline
                 ORDER BY created_ms DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let records = statement.query_map([target], |row| row.get::<_, String>(0))?;
            Ok(records.collect::<rusqlite::Result<Vec<_>>>()?.iter().filter_map(|record| legible(record)).collect())
        })
    }

    /// What may be looked for.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn choices(&self) -> Result<Choices, DatabaseError> {
        self.read(|connection| {
            let count = |what: &str| {
                let count = format!("SELECT count(*) FROM runs WHERE trashed_ms IS {what}");
                connection.prepare_cached(&count)?.query_row([], |row| row.get(0))
            };
            let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
                connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
            };
            Ok(Choices {
                all: count("NULL")?,
                trashed: count("NOT NULL")?,
                targets: texts("SELECT DISTINCT target FROM runs ORDER BY target LIMIT 200")?,
                tags: texts("SELECT DISTINCT tag FROM tags ORDER BY tag LIMIT 200")?,
            })
        })
    }

    /// How many finished runs there are of each verdict, those in the trash included.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn verdicts(&self) -> Result<BTreeMap<String, u32>, DatabaseError> {
        self.read(|connection| {
            let sql = "SELECT verdict, count(*) FROM runs WHERE NOT active GROUP BY verdict";
            connection.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// The runs that are not to be kept any longer at `now_ms`: too many, too old, or in the trash for long. Starred ones
    /// and baselines are kept, those at work, too.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn overdue(&self, retention: &Retention, now_ms: Millis) -> Result<Vec<RunId>, DatabaseError> {
        let before = |age_ms: Millis| Box::new(i64::try_from(now_ms.saturating_sub(age_ms)).unwrap_or(i64::MAX));
        let old = retention.age_ms.map_or(Box::new(0), before);
        let values: [Box<dyn ToSql>; 3] = [before(Retention::TRASH_MS), old, Box::new(retention.runs)];
        let sql = "SELECT id FROM runs WHERE NOT active AND trashed_ms < ?1
             UNION SELECT id FROM runs WHERE NOT active AND NOT star AND NOT baseline AND created_ms < ?2
             UNION SELECT id FROM (SELECT id FROM runs WHERE NOT active AND NOT star AND NOT baseline
                 ORDER BY created_ms DESC, id DESC LIMIT -1 OFFSET ?3)";
        self.read(|connection| ids(connection, sql, &values))
    }

    /// Forgets runs.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then all of them are still there.
    pub fn forget(&self, runs: &[RunId]) -> Result<(), DatabaseError> {
        self.write(|transaction| {
            for run in runs {
                for (table, column) in [
                    ("runs", "id"),
                    ("records", "run"),
                    ("tags", "run"),
                    ("leavings", "run"),
                    ("pictures", "run"),
                    ("shares", "run"),
                ] {
                    let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
                    transaction.prepare_cached(&sql)?.execute([run.as_str()])?;
                }
            }
            Ok(())
        })
    }
}

fn put(transaction: &Transaction, run: &Run) -> rusqlite::Result<()> {
    let verdict = match &run.state {
        RunState::Finished(verdict) => verdict.name(),
        _ => "",
    };
    let time = |ms: Millis| i64::try_from(ms).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO runs
             (id, created_ms, active, verdict, target, pattern, star, trashed_ms, words, baseline)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            run.id.as_str(),
            time(run.created_ms),
            run.state.is_active(),
            verdict,
            run.plan.target,
            pattern_name(&run.plan),
            run.labels.star,
            run.labels.trashed_ms.map(time),
            words(run),
            run.labels.baseline,
        ])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO records (run, record) VALUES (?1, ?2)")?
        .execute([run.id.as_str(), &serde_json::to_string(run).map_err(unfit)?])?;
    transaction.prepare_cached("DELETE FROM tags WHERE run = ?1")?.execute([run.id.as_str()])?;
    let mut tags = transaction.prepare_cached("INSERT OR IGNORE INTO tags (tag, run) VALUES (?1, ?2)")?;
    for tag in &run.labels.tags {
        tags.execute([tag, run.id.as_str()])?;
    }
    Ok(())
}

/// What of a run is searched.
fn words(run: &Run) -> String {
    let labels = &run.labels;
    let texts = [&labels.name, &labels.note, &run.plan.target, &run.plan.script];
    let texts = texts.into_iter().chain(&labels.tags).map(String::as_str);
    let texts = texts.chain([pattern_name(&run.plan), run.id.as_str()]).collect::<Vec<_>>();
    texts.join("\n").to_lowercase()
}

/// What must be true of a run that is looked for, with the values that it is compared with.
fn conditions(query: &Query, now_ms: Millis) -> (String, Vec<Box<dyn ToSql>>) {
    let Query { words, target, pattern, verdict, tag, since_ms, starred, trash, .. } = query;
    let mut conditions = vec![if *trash { "trashed_ms IS NOT NULL" } else { "trashed_ms IS NULL" }];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if *starred {
        conditions.push("star");
    }
    let equal = [("target = ?", target), ("pattern = ?", pattern), ("verdict = ?", verdict)];
    let tagged = ("id IN (SELECT run FROM tags WHERE tag = ?)", tag);
    for (condition, value) in equal.into_iter().chain([tagged]) {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(Box::new(value.clone()));
        }
    }
    if let Some(since_ms) = since_ms {
        conditions.push("created_ms >= ?");
        values.push(Box::new(i64::try_from(now_ms.saturating_sub(*since_ms)).unwrap_or(i64::MAX)));
    }
    for word in words {
        conditions.push("instr(words, ?) > 0");
        values.push(Box::new(word.clone()));
    }
    (conditions.join(" AND "), values)
}

fn record(connection: &Connection, id: &RunId) -> rusqlite::Result<Option<Run>> {
    let mut statement = connection.prepare_cached("SELECT record FROM records WHERE run = ?1")?;
    statement.query_row([id.as_str()], |row| read(&row.get::<_, String>(0)?)).optional()
}

fn read(record: &str) -> rusqlite::Result<Run> {
    serde_json::from_str(record).map_err(unfit)
}

/// One record that can't be read must not hide all others.
fn legible(record: &str) -> Option<Run> {
    read(record).inspect_err(|error| tracing::warn!(%error, "the record of a run can't be read")).ok()
}

/// The gist in the columns after the first one.
fn gist(row: &Row) -> rusqlite::Result<Gist> {
    let course: Option<String> = row.get(1)?;
    let out_ms: Option<i64> = row.get(3)?;
    Ok(Gist {
        course_ms: course.and_then(|course| serde_json::from_str(&course).ok()).unwrap_or_default(),
        faults: row.get::<_, Option<u32>>(2)?.unwrap_or_default(),
        out_ms: out_ms.and_then(|ms| Millis::try_from(ms).ok()),
    })
}

/// Ids that can't be read are nobody's.
fn ids(connection: &Connection, sql: &str, values: &[Box<dyn ToSql>]) -> rusqlite::Result<Vec<RunId>> {
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0))?;
    Ok(ids.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(|id| id.parse().ok()).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{
        labels::Labels,
        past::Search,
        plan::{Pattern, Peak, Plan, Shape},
        run::Verdict,
    };

    use super::*;
    use crate::server::prometheus::lab;

    const NOW_MS: Millis = 1_700_000_000_000;

    fn run(id: &str, created_ms: Millis, state: RunState) -> Run {
        Run { created_ms, state, ..lab::run(id, 10, &[]) }
    }

    fn passed() -> RunState {
        RunState::Finished(Verdict::Passed)
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.runs.iter().map(|(run, _)| run.id.as_str()).collect()
    }

    #[test]
    fn records_are_found_by_what_is_said_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let shape =
            Shape::Pattern { pattern: Pattern::Spike, peak: Peak::Vus { vus: 5 }, duration_s: 60, ramp_s: None };
        let labels = Labels {
            name: "100 % Größe_x".into(),
            note: "before the RELEASE".into(),
            tags: vec!["nightly".into(), "v2".into()],
            star: true,
            baseline: true,
            trashed_ms: None,
        };
        let first = run("a-1", NOW_MS - 3_600_000 * 30, passed());
        let first =
            Run { plan: Plan { target: "checkout-service".into(), shape, ..first.plan.clone() }, labels, ..first };
        let crashed = Verdict::Crashed { exit_code: None, message: String::new() };
        let second = run("a-2", NOW_MS - 1000, RunState::Finished(crashed));
        let third = run("a-3", NOW_MS - 1000, RunState::Running);
        let thrown = run("a-4", NOW_MS, passed());
        let thrown = Run { labels: Labels { trashed_ms: Some(NOW_MS), ..Labels::default() }, ..thrown };
        for run in [&first, &second, &third, &thrown] {
            database.put(run, None).unwrap();
        }
        for (search, expected) in [
            (Search::default(), &["a-3", "a-2", "a-1"][..]),
            (Search { search: "größe release".into(), ..Search::default() }, &["a-1"]),
            (Search { search: "release missing".into(), ..Search::default() }, &[]),
            (Search { search: "%".into(), ..Search::default() }, &["a-1"]),
            (Search { search: "' OR 1 --".into(), ..Search::default() }, &[]),
            (Search { search: "spike".into(), ..Search::default() }, &["a-1"]),
            (Search { target: "checkout-service".into(), ..Search::default() }, &["a-1"]),
            (Search { pattern: "own".into(), ..Search::default() }, &["a-3", "a-2"]),
            (Search { verdict: "crashed".into(), ..Search::default() }, &["a-2"]),
            (Search { tag: "V2".into(), ..Search::default() }, &["a-1"]),
            (Search { tag: "v".into(), ..Search::default() }, &[]),
            (Search { since: "24h".into(), ..Search::default() }, &["a-3", "a-2"]),
            (Search { starred: "1".into(), ..Search::default() }, &["a-1"]),
            (Search { trash: "1".into(), ..Search::default() }, &["a-4"]),
            (Search { page: "2".into(), ..Search::default() }, &[]),
        ] {
            let found = database.find(&search.validate().unwrap(), NOW_MS).unwrap();
            assert_eq!(ids(&found), expected, "{search:?}");
        }
        let page = |page| database.find(&Query { most: 2, page, ..Query::default() }, NOW_MS).unwrap();
        assert_eq!((ids(&page(0)), ids(&page(1)), page(1).found), (vec!["a-3", "a-2"], vec!["a-1"], 3));
        let choices = database.choices().unwrap();
        assert_eq!((choices.all, choices.trashed, choices.targets.len()), (3, 1, 2));
        assert_eq!(choices.tags, ["nightly", "v2"]);
        let baselines =
            |target| database.baselines(target).unwrap().iter().map(|run| run.id.to_string()).collect::<Vec<_>>();
        assert_eq!((baselines("checkout-service"), baselines("shop")), (vec!["a-1".to_owned()], vec![]));
        assert_eq!(database.verdicts().unwrap(), BTreeMap::from([("crashed".into(), 1), ("passed".into(), 2)]));
        assert_eq!(database.active().unwrap(), [third]);
        // Said anew, what was said before is no longer found.
        let changed = database.change(&first.id, |run| run.labels = Labels::default()).unwrap().unwrap();
        assert_eq!(database.run(&first.id).unwrap(), Some(changed));
        assert!(ids(&database.find(&Query { tag: Some("v2".into()), ..Query::default() }, 0).unwrap()).is_empty());
        assert_eq!(database.change(&"b".parse().unwrap(), |_| {}).unwrap(), None);
    }

    #[test]
    fn what_k6_left_is_kept_until_the_run_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let run = run("a-1", NOW_MS, passed());
        database.put(&run, None).unwrap();
        assert_eq!(database.leavings(&run.id).unwrap(), None);
        let log = vec!["one".to_owned(), "zwei ü".to_owned()];
        let left = Leavings { log, summaries: vec![serde_json::json!({ "metrics": {} })] };
        database.put(&run, Some(&left)).unwrap();
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.leavings(&run.id).unwrap(), Some(left));
        assert_eq!(database.settled().unwrap(), BTreeSet::from([run.id.clone()]));
        database.forget(std::slice::from_ref(&run.id)).unwrap();
        assert_eq!((database.run(&run.id).unwrap(), database.leavings(&run.id).unwrap()), (None, None));
    }

    #[test]
    fn what_is_kept_is_bounded_by_number_and_age_but_for_starred_ones() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let day = 86_400_000;
        for age in 0..10 {
            database.put(&run(&format!("d-{age}"), NOW_MS - age * day, passed()), None).unwrap();
        }
        database.put(&run("work", NOW_MS - 40 * day, RunState::Running), None).unwrap();
        let said = |id: &str, labels: Labels| database.change(&id.parse().unwrap(), |run| run.labels = labels).unwrap();
        said("d-8", Labels { star: true, ..Labels::default() });
        said("d-0", Labels { trashed_ms: Some(NOW_MS - 8 * day), ..Labels::default() });
        said("d-1", Labels { trashed_ms: Some(NOW_MS - day), ..Labels::default() });
        let overdue = |runs, age_ms| {
            let overdue = database.overdue(&Retention { runs, age_ms }, NOW_MS).unwrap();
            overdue.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(overdue(100, None), ["d-0"], "a week in the trash");
        assert_eq!(overdue(7, None), ["d-0", "d-7", "d-9"]);
        assert_eq!(overdue(100, Some(6 * day + 1)), ["d-0", "d-7", "d-9"]);
        said("d-9", Labels { baseline: true, ..Labels::default() });
        assert_eq!(overdue(100, Some(6 * day + 1)), ["d-0", "d-7"]);
    }

    #[test]
    fn a_record_that_cannot_be_read_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        database.put(&run("a-1", NOW_MS, passed()), None).unwrap();
        database.put(&run("a-2", NOW_MS, passed()), None).unwrap();
        database.connection().execute("UPDATE records SET record = '{' WHERE run = 'a-2'", []).unwrap();
        assert_eq!(ids(&database.find(&Query::default(), NOW_MS).unwrap()), ["a-1"]);
        assert!(database.run(&"a-2".parse().unwrap()).is_err());
    }
}
