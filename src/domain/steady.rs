//! Health that one odd answer does not turn.

use super::service::Health;

/// How many answers in a row turn what is thought of a service or replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Bad ones until it is no longer up; 1 at least.
    pub down_after: u32,
    /// Good ones until it is up again; 1 at least.
    pub up_after: u32,
}

impl Default for Patience {
    /// One answer may get lost; one that came is proof.
    fn default() -> Self {
        Self { down_after: 2, up_after: 1 }
    }
}

/// What is thought of a service or replica after the answers so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    health: Health,
    /// Answers in a row that speak against it.
    against: u32,
}

impl Default for Steady {
    fn default() -> Self {
        Self { health: Health::Unknown, against: 0 }
    }
}

impl Steady {
    /// What is thought.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether it counts as up although the last answer speaks against that.
    pub fn missed(&self) -> bool {
        self.against > 0 && matches!(self.health, Health::Up { .. })
    }

    /// Takes an answer. Whether it turned something that is worth telling: another latency is not, and neither is that the
    /// first answer was good.
    pub fn see(&mut self, seen: Health, patience: Patience) -> bool {
        let up = |health: &Health| matches!(health, Health::Up { .. });
        let needed = match (&self.health, &seen) {
            (Health::Unknown | Health::Up { .. }, seen) if !up(seen) => patience.down_after,
            (Health::Degraded { .. } | Health::Down { .. }, seen) if up(seen) => patience.up_after,
            _ => 0,
        };
        self.against = if needed == 0 { 0 } else { self.against + 1 };
        if self.against < needed {
            return false;
        }
        self.against = 0;
        let told = match (&self.health, &seen) {
            (Health::Unknown, Health::Up { .. }) => false,
            (Health::Degraded { status: before }, Health::Degraded { status }) => before != status,
            (before, seen) => std::mem::discriminant(before) != std::mem::discriminant(seen),
        };
        self.health = seen;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service::Silence;

    const PATIENCE: Patience = Patience { down_after: 2, up_after: 3 };

    fn up(latency_ms: f64) -> Health {
        Health::Up { latency_ms }
    }

    fn down() -> Health {
        Health::Down { reason: "refused".into(), why: Silence::Refused }
    }

    /// Takes the answers one by one; what is thought in the end, and after how many something was told.
    fn after(answers: &[Health]) -> (Health, Vec<usize>) {
        let mut steady = Steady::default();
        let told = answers.iter().enumerate().filter(|(_, seen)| steady.see((*seen).clone(), PATIENCE));
        let told = told.map(|(at, _)| at + 1).collect();
        (steady.health().clone(), told)
    }

    #[test]
    fn as_many_answers_in_a_row_as_it_takes() {
        let degraded = |status| Health::Degraded { status };
        for (answers, health, told) in [
            (vec![], Health::Unknown, vec![]),
            (vec![up(1.0)], up(1.0), vec![]),
            (vec![up(1.0), up(2.0)], up(2.0), vec![]),
            (vec![down()], Health::Unknown, vec![]),
            (vec![down(), down()], down(), vec![2]),
            (vec![up(1.0), down(), up(2.0), down(), up(3.0)], up(3.0), vec![]),
            (vec![up(1.0), down(), degraded(503)], degraded(503), vec![3]),
            (vec![down(), down(), degraded(503)], degraded(503), vec![2, 3]),
            (vec![down(), down(), degraded(503), degraded(500), degraded(500)], degraded(500), vec![2, 3, 4]),
            (vec![down(), down(), up(1.0), up(1.0)], down(), vec![2]),
            (vec![down(), down(), up(1.0), up(1.0), down(), up(1.0), up(1.0)], down(), vec![2]),
            (vec![down(), down(), up(1.0), up(1.0), up(3.0)], up(3.0), vec![2, 5]),
        ] {
            assert_eq!(after(&answers), (health, told), "{answers:?}");
        }
    }

    #[test]
    fn with_the_usual_patience_one_lost_answer_is_nothing_and_one_that_came_is_proof() {
        let mut steady = Steady::default();
        let told = [up(1.0), down(), down(), up(1.0)].map(|seen| steady.see(seen, Patience::default()));
        assert_eq!(told, [false, false, true, true]);
    }
}
