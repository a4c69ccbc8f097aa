//! Messages to others, until they have arrived and for a while after.

use ha_dashboard::domain::{
    Millis,
    hook::{Answer, Delivery, DeliveryState},
};
use rusqlite::{Row, Transaction, params};

use super::{Database, DatabaseError, unfit};

/// Most messages to a target that are kept, those that are over and those that wait each.
const MOST: i64 = 200;

/// A message to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it is.
    pub delivery: Delivery,
    /// What is sent.
    pub body: String,
}

impl Database {
    /// Adds a message, unless the same one is known for its target already. Of too many the oldest go.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn add_message(&self, new: &Message) -> Result<bool, DatabaseError> {
        self.write(|connection| {
            let Message { delivery, body } = new;
            let added = connection.execute(
                "INSERT INTO outbox (hook, id, at_ms, due_ms, kept, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
                params![delivery.hook, delivery.id, time(delivery.at_ms), due(delivery), kept(delivery)?, body],
            )?;
            for is_over in [true, false] {
                connection.execute(
                    "DELETE FROM outbox WHERE rowid IN (
                        SELECT rowid FROM outbox WHERE hook = ?1 AND (due_ms IS NULL) = ?2
                        ORDER BY at_ms DESC, id LIMIT -1 OFFSET ?3
                    )",
                    params![delivery.hook, is_over, MOST],
                )?;
            }
            Ok(added > 0)
        })
    }

    /// The message to a target that is to be tried next.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn next_message(&self, hook: &str) -> Result<Option<Message>, DatabaseError> {
        let query =
            "SELECT kept, body FROM outbox WHERE hook = ?1 AND due_ms IS NOT NULL ORDER BY due_ms, at_ms LIMIT 1";
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached(query)?;
            statement
                .query_map([hook], |row| Ok(Message { delivery: delivery(row)?, body: row.get(1)? }))?
                .next()
                .transpose()
        })?;
        Ok(found)
    }

    /// How many messages wait, for whomever.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn waiting_messages(&self) -> Result<i64, DatabaseError> {
        let query = "SELECT count(*) FROM outbox WHERE due_ms IS NOT NULL";
        self.read(|connection| connection.prepare_cached(query)?.query_row([], |row| row.get(0)))
    }

    /// Notes what became of a message; nothing where it is gone.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then it is as before.
    pub fn change_message(&self, changed: &Delivery) -> Result<(), DatabaseError> {
        self.write(|connection| change(connection, changed))
    }

    /// Gives up every message that waits for a target, because it answered like this.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`]; then they are as before.
    pub fn give_up_messages(&self, hook: &str, answer: &Answer) -> Result<(), DatabaseError> {
        self.write(|connection| {
            let mut statement = connection.prepare("SELECT kept FROM outbox WHERE hook = ?1 AND due_ms IS NOT NULL")?;
            for waiting in statement.query_map([hook], delivery)?.collect::<rusqlite::Result<Vec<_>>>()? {
                let (state, answer) = (DeliveryState::GivenUp, Some(answer.clone()));
                change(connection, &Delivery { state, answer, due_ms: None, ..waiting })?;
            }
            Ok(())
        })
    }

    /// One message, without its text.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn delivery(&self, hook: &str, id: &str) -> Result<Option<Delivery>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT kept FROM outbox WHERE hook = ?1 AND id = ?2")?;
            statement.query_map([hook, id], delivery)?.next().transpose()
        })
    }

    /// The last messages, newest first, without their texts.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn deliveries(&self, most: u32) -> Result<Vec<Delivery>, DatabaseError> {
        self.read(|connection| {
            let query = "SELECT kept FROM outbox ORDER BY at_ms DESC, hook, id LIMIT ?1";
            connection.prepare_cached(query)?.query_map([most], delivery)?.collect()
        })
    }

    /// Forgets messages from before a moment.
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`].
    pub fn forget_messages(&self, before_ms: Millis) -> Result<(), DatabaseError> {
        self.write(|connection| connection.execute("DELETE FROM outbox WHERE at_ms < ?1", [time(before_ms)]))?;
        Ok(())
    }
}

fn change(connection: &Transaction, changed: &Delivery) -> rusqlite::Result<()> {
    let update = "UPDATE outbox SET due_ms = ?3, kept = ?4 WHERE hook = ?1 AND id = ?2";
    connection.execute(update, params![changed.hook, changed.id, due(changed), kept(changed)?]).map(drop)
}

fn delivery(row: &Row) -> rusqlite::Result<Delivery> {
    let unreadable = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error));
    serde_json::from_str(&row.get::<_, String>(0)?).map_err(unreadable)
}

fn kept(delivery: &Delivery) -> rusqlite::Result<String> {
    serde_json::to_string(delivery).map_err(unfit)
}

fn due(delivery: &Delivery) -> Option<i64> {
    delivery.due_ms.map(time)
}

fn time(at_ms: Millis) -> i64 {
    i64::try_from(at_ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::hook::HookEvent;

    use super::*;

    fn message(hook: &str, id: &str, at_ms: Millis) -> Message {
        let delivery = Delivery {
            id: id.into(),
            hook: hook.into(),
            event: HookEvent::RunStarted,
            at_ms,
            state: DeliveryState::Waiting,
            tries: 0,
            due_ms: Some(at_ms),
            tried_ms: None,
            answer: None,
        };
        Message { delivery, body: format!("{{\"n\":{at_ms}}}") }
    }

    fn over(message: &Message) -> Delivery {
        Delivery { state: DeliveryState::Delivered, due_ms: None, tries: 1, ..message.delivery.clone() }
    }

    #[test]
    fn what_is_told_twice_is_kept_once_and_outlasts_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let (first, second) = (message("a", "m-1", 5), message("a", "m-2", 3));
        for (new, is_new) in [(&first, true), (&second, true), (&first, false), (&message("b", "m-1", 1), true)] {
            assert_eq!(database.add_message(new).unwrap(), is_new);
        }
        database.change_message(&over(&second)).unwrap();
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.next_message("a").unwrap(), Some(first.clone()));
        assert!(!database.add_message(&second).unwrap(), "it has arrived already");
        let gone = Answer::Status { status: 410, retry_after_s: None };
        database.give_up_messages("a", &gone).unwrap();
        assert_eq!(database.next_message("a").unwrap(), None);
        let given_up = database.delivery("a", "m-1").unwrap().unwrap();
        assert_eq!((given_up.state, given_up.answer), (DeliveryState::GivenUp, Some(gone)));
        assert!(database.next_message("b").unwrap().is_some());
        database.forget_messages(4).unwrap();
        assert_eq!(database.deliveries(10).unwrap().len(), 1);
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let many = MOST.unsigned_abs() + 5;
        for at_ms in 0..many {
            let over_too = message("a", &format!("over-{at_ms}"), at_ms);
            database.add_message(&over_too).unwrap();
            database.change_message(&over(&over_too)).unwrap();
            database.add_message(&message("a", &format!("waiting-{at_ms}"), at_ms)).unwrap();
        }
        let all = database.deliveries(1_000).unwrap();
        let oldest = |due: bool| all.iter().filter(|it| it.due_ms.is_some() == due).map(|it| it.at_ms).min();
        assert_eq!(all.len(), 2 * usize::try_from(MOST).unwrap());
        assert_eq!((oldest(true), oldest(false)), (Some(5), Some(5)));
    }
}
