//! Plans that start by themselves.

use ha_dashboard::domain::{
    agenda::{AgendaRefusal, Appointment},
    id::{PlanId, ScheduleId},
};
use rusqlite::params;

use super::{Database, DatabaseError, unfit};

impl Database {
    /// Every appointment, the next one first, those that are over last.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`], [`DatabaseError::Unreadable`].
    pub fn schedules(&self) -> Result<Vec<Appointment>, DatabaseError> {
        let query = "SELECT kept FROM schedules ORDER BY due_ms IS NULL, due_ms, id";
        let kept = self.read(|connection| {
            let mut statement = connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let unreadable = |error: serde_json::Error| DatabaseError::Unreadable(error.to_string());
        kept.iter().map(|kept| serde_json::from_str(kept).map_err(unreadable)).collect()
    }

    /// Adds an appointment.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn add_schedule(&self, new: &Appointment) -> Result<Result<(), AgendaRefusal>, DatabaseError> {
        let most = i64::try_from(Appointment::MOST).unwrap_or(i64::MAX);
        let added = self.write(|connection| {
            connection.execute(
                "INSERT INTO schedules (id, plan, due_ms, kept)
                 SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM schedules) < ?5",
                params![new.id.as_str(), new.plan.as_str(), due(new), kept(new)?, most],
            )
        })?;
        Ok(if added == 0 { Err(AgendaRefusal::TooMany) } else { Ok(()) })
    }

    /// Changes an appointment; says whether it is still there.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then it is as before.
    pub fn change_schedule(&self, changed: &Appointment) -> Result<bool, DatabaseError> {
        let rows = self.write(|connection| {
            connection.execute(
                "UPDATE schedules SET due_ms = ?2, kept = ?3 WHERE id = ?1",
                params![changed.id.as_str(), due(changed), kept(changed)?],
            )
        })?;
        Ok(rows > 0)
    }

    /// Deletes an appointment; says whether there was one.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn delete_schedule(&self, id: &ScheduleId) -> Result<bool, DatabaseError> {
        let delete = "DELETE FROM schedules WHERE id = ?1";
        Ok(self.write(|connection| connection.execute(delete, [id.as_str()]))? > 0)
    }

    /// Whether a plan is to start by itself.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn is_scheduled(&self, plan: &PlanId) -> Result<bool, DatabaseError> {
        let query = "SELECT EXISTS (SELECT 1 FROM schedules WHERE plan = ?1 AND due_ms IS NOT NULL)";
        self.read(|connection| connection.query_row(query, [plan.as_str()], |row| row.get(0)))
    }
}

fn due(appointment: &Appointment) -> Option<i64> {
    appointment.due_ms.and_then(|due_ms| i64::try_from(due_ms).ok())
}

fn kept(appointment: &Appointment) -> rusqlite::Result<String> {
    serde_json::to_string(appointment).map_err(unfit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::agenda::{Last, Outcome, When};

    use super::*;

    fn appointment(id: &str, due_ms: Option<u64>) -> Appointment {
        Appointment {
            id: id.to_owned().try_into().unwrap(),
            plan: "plan-1".to_owned().try_into().unwrap(),
            when: When::Cron { line: "@daily".into() },
            zone: "UTC".into(),
            due_ms,
            last: None,
        }
    }

    #[test]
    fn appointments_outlast_a_restart_and_are_as_many_as_are_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        for (id, due_ms) in [("a", None), ("b", Some(7)), ("c", Some(5))] {
            database.add_schedule(&appointment(id, due_ms)).unwrap().unwrap();
        }
        let last = Some(Last { due_ms: 5, outcome: Outcome::Missed { times: 2 } });
        let changed = Appointment { last, ..appointment("c", Some(9)) };
        assert!(database.change_schedule(&changed).unwrap());
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        let ids = |database: &Database| {
            let all = database.schedules().unwrap();
            all.iter().map(|appointment| appointment.id.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids(&database), "b c a");
        assert_eq!(database.schedules().unwrap()[1], changed);
        assert!(database.is_scheduled(&changed.plan).unwrap());
        for id in ["a", "b", "c"] {
            assert!(database.delete_schedule(&appointment(id, None).id).unwrap());
        }
        assert!(!database.change_schedule(&changed).unwrap() && !database.delete_schedule(&changed.id).unwrap());
        assert!(!database.is_scheduled(&changed.plan).unwrap());
        for n in 0..Appointment::MOST {
            database.add_schedule(&appointment(&format!("n-{n}"), Some(1))).unwrap().unwrap();
        }
        assert_eq!(database.add_schedule(&appointment("more", Some(1))).unwrap(), Err(AgendaRefusal::TooMany));
    }
}
