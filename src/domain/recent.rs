//! How services and their replicas were in the last minutes, with or without a run: what readers of the live picture keep of
//! each look at it.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    lanes::{Standing, Stretch},
    service::{Health, ServiceStatus},
};

/// The last minutes of all services and replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The number of the newest step, counted from 1970.
    newest: u64,
    /// Each service, followed by its replicas where they are apart from it.
    tracks: Vec<Track>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    service: String,
    /// `None`: the service itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replica: Option<String>,
    latency: Vec<Option<u32>>,
    standing: Vec<Since>,
}

/// How one stood, from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Since {
    at_ms: Millis,
    standing: Standing,
}

/// What a look finds of one of them.
struct Seen<'a> {
    service: &'a str,
    replica: Option<&'a str>,
    standing: Standing,
    /// `None`: not asked yet.
    answered: Option<Option<u32>>,
}

impl Recent {
    /// The length of a step, in ms: two probes.
    pub const STEP_MS: Millis = 2000;

    /// How many steps are kept: three minutes.
    pub const STEPS: usize = 90;

    /// Whether nobody was seen yet.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Takes in how everybody is now. Several looks in a step make one: the slowest answer, and none where one was missing.
    /// What was before a clock that was set back, or before a silence of all steps, is forgotten.
    pub fn look(&mut self, now_ms: Millis, services: &[ServiceStatus]) {
        let number = now_ms / Self::STEP_MS;
        let ahead = number.checked_sub(self.newest).and_then(|ahead| usize::try_from(ahead).ok());
        let ahead = ahead.filter(|ahead| *ahead < Self::STEPS);
        let mut known = std::mem::take(&mut self.tracks);
        if ahead.is_none() {
            known.clear();
        }
        self.newest = if services.is_empty() { 0 } else { number };
        let from_ms = self.span().0;
        for seen in services.iter().flat_map(looks) {
            let at = known.iter().position(|one| one.is(seen.service, seen.replica));
            let mut track = at.map_or_else(|| Track::new(&seen), |at| known.swap_remove(at));
            track.take(ahead.unwrap_or_default(), seen.answered);
            track.turn(now_ms, seen.standing, from_ms);
            self.tracks.push(track);
        }
    }

    /// One of them: a service, or one of its replicas.
    pub fn track(&self, service: &str, replica: Option<&str>) -> Option<&Track> {
        self.tracks.iter().find(|track| track.is(service, replica))
    }

    /// From when until when all steps last.
    pub fn span(&self) -> (Millis, Millis) {
        let to_ms = self.newest.saturating_add(1).saturating_mul(Self::STEP_MS);
        (to_ms.saturating_sub(Self::STEPS as u64 * Self::STEP_MS), to_ms)
    }
}

impl Track {
    fn new(seen: &Seen<'_>) -> Self {
        let (service, replica) = (seen.service.to_owned(), seen.replica.map(str::to_owned));
        Self { service, replica, latency: Vec::new(), standing: Vec::new() }
    }

    fn is(&self, service: &str, replica: Option<&str>) -> bool {
        self.service == service && self.replica.as_deref() == replica
    }

    /// How long answers to the probe took in each step, in 0.1 ms; the last one is the newest. `None`: one was missing.
    pub fn latency(&self) -> &[Option<u32>] {
        &self.latency
    }

    /// How it stood from one time to another, oldest first; nothing where it was not seen yet.
    pub fn stretches(&self, from_ms: Millis, to_ms: Millis) -> Vec<Stretch> {
        let ends = self.standing.iter().skip(1).map(|next| next.at_ms).chain([to_ms]);
        let stretch = |(since, end_ms): (&Since, Millis)| {
            let (from_ms, to_ms) = (since.at_ms.max(from_ms), end_ms.min(to_ms));
            (from_ms < to_ms).then_some(Stretch { from_ms, to_ms, standing: since.standing })
        };
        self.standing.iter().zip(ends).filter_map(stretch).collect()
    }

    fn take(&mut self, ahead: usize, answered: Option<Option<u32>>) {
        let Some(latency) = answered.or_else(|| (!self.latency.is_empty()).then_some(None)) else { return };
        match self.latency.last_mut() {
            Some(last) if ahead == 0 => *last = last.zip(latency).map(|(one, other)| one.max(other)),
            Some(_) => {
                self.latency.resize(self.latency.len() + ahead - 1, None);
                self.latency.push(latency);
            }
            None => self.latency.push(latency),
        }
        self.latency.drain(..self.latency.len().saturating_sub(Recent::STEPS));
    }

    fn turn(&mut self, at_ms: Millis, standing: Standing, from_ms: Millis) {
        // Of what was seen at the same time, the last counts.
        self.standing.pop_if(|last| last.at_ms == at_ms);
        if self.standing.last().is_none_or(|last| last.standing != standing) {
            self.standing.push(Since { at_ms, standing });
        }
        let over = self.standing.iter().skip(1).take_while(|next| next.at_ms <= from_ms).count();
        // Who changes more often than that is flapping, which the newest tell as well.
        let many = self.standing.len().saturating_sub(Recent::STEPS);
        self.standing.drain(..over.max(many));
    }
}

/// A service and, where they are apart from it, its replicas.
fn looks(status: &ServiceStatus) -> impl Iterator<Item = Seen<'_>> {
    let service = status.service.name.as_str();
    let own = Seen {
        service,
        replica: None,
        standing: Standing::of(&status.health, None),
        answered: answered(&status.health, status.missed),
    };
    let replicas = status.replicas.iter().filter(|_| status.has_replicas()).map(move |one| Seen {
        service,
        replica: Some(&one.replica.name),
        standing: Standing::of(&one.health, one.gateway.as_ref()),
        answered: answered(&one.health, one.missed),
    });
    [own].into_iter().chain(replicas)
}

fn answered(health: &Health, missed: bool) -> Option<Option<u32>> {
    match health {
        Health::Unknown => None,
        // A cast saturates.
        Health::Up { latency_ms } => Some((!missed).then_some((latency_ms * 10.0).round() as u32)),
        Health::Degraded { .. } | Health::Down { .. } => Some(None),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;
    use crate::domain::service::{GatewayWord, Replica, Service, Silence};

    fn up(latency_ms: f64) -> Health {
        Health::Up { latency_ms }
    }

    fn down() -> Health {
        Health::Down { reason: String::new(), why: Silence::Refused }
    }

    fn shop(health: Health, gateway: bool) -> [ServiceStatus; 1] {
        let service = Service::new("shop", "http://127.0.0.1:1");
        let replica = Replica { url: "http://127.0.0.1:2".into(), ..Replica::only(&service) };
        let mut status = ServiceStatus::unknown(service, &[replica]);
        status.health = up(1.0);
        let word = GatewayWord { up: gateway, since_ms: 0, check: String::new(), share: None, queue: 0, retries: 0 };
        (status.replicas[0].health, status.replicas[0].gateway) = (health, Some(word));
        [status]
    }

    fn replica(recent: &Recent) -> &Track {
        recent.track("shop", Some("shop-1")).unwrap()
    }

    #[test]
    fn each_step_has_its_slowest_answer_and_none_where_one_was_missing() {
        let mut recent = Recent::default();
        recent.look(100_000, &shop(Health::Unknown, true));
        assert_eq!(replica(&recent).latency(), [], "nobody was asked yet");
        for (at_ms, health) in [
            (100_900, up(1.24)),
            (101_900, up(0.4)),
            (102_900, up(3.0)),
            (104_100, down()),
            (105_100, up(2.0)),
            // Nobody looked for two steps.
            (110_000, up(0.0)),
        ] {
            recent.look(at_ms, &shop(health, true));
        }
        assert_eq!(replica(&recent).latency(), [Some(12), Some(30), None, None, None, Some(0)]);
        let mut missed = shop(up(9.0), true);
        missed[0].replicas[0].missed = true;
        recent.look(112_000, &missed);
        assert_eq!(replica(&recent).latency().last(), Some(&None), "one that turned nothing yet is no answer either");
        assert_eq!(recent.track("shop", None).unwrap().latency().last(), Some(&Some(10)));
        assert_eq!((recent.track("shop", Some("shop-9")), recent.track("bar", None)), (None, None));
    }

    #[test]
    fn the_bar_is_as_the_worst_witness_says_and_begins_when_somebody_looked() {
        use Standing::{Degraded, Down, Unknown, Up};
        let mut recent = Recent::default();
        for (at_ms, health, gateway) in [
            (100_000, Health::Unknown, true),
            (101_000, up(1.0), true),
            (120_000, up(1.0), false),
            (121_000, down(), false),
            (130_000, Health::Degraded { status: 500 }, true),
            (131_000, up(1.0), true),
        ] {
            recent.look(at_ms, &shop(health, gateway));
        }
        let told = |recent: &Recent, to_ms| {
            let stretches = replica(recent).stretches(recent.span().0, to_ms);
            stretches.iter().map(|one| (one.from_ms, one.to_ms, one.standing)).collect::<Vec<_>>()
        };
        let before = [
            (100_000, 101_000, Unknown),
            (101_000, 120_000, Up),
            (120_000, 130_000, Down),
            (130_000, 131_000, Degraded),
            (131_000, 131_500, Up),
        ];
        assert_eq!(told(&recent, 131_500), before);
        recent.look(300_500, &shop(up(1.0), true));
        // Three minutes that end with the step.
        let after = [(122_000, 130_000, Down), (130_000, 131_000, Degraded), (131_000, 300_500, Up)];
        assert_eq!(told(&recent, 300_500), after);
        recent.look(299_000, &shop(down(), true));
        assert_eq!(told(&recent, 300_000), [(299_000, 300_000, Down)], "the clock was set back");
        recent.look(299_000 + 180_000, &shop(up(1.0), true));
        assert_eq!(replica(&recent).latency(), [Some(10)], "nobody looked for as long");
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let mut recent = Recent::default();
        recent.look(1_000_000, &shop(up(1.0), true));
        recent.look(1_002_000, &[]);
        assert!(recent.is_empty());
    }

    proptest! {
        #[test]
        fn it_stays_small_and_its_bars_have_no_gaps(
            looks in collection::vec((0_u64..5_000, any::<Option<bool>>(), any::<bool>()), 1..400),
        ) {
            let (mut recent, mut now_ms) = (Recent::default(), 1_000_000);
            for (pause_ms, health, gateway) in looks {
                now_ms += pause_ms;
                let health = health.map_or(Health::Unknown, |good| if good { up(1.0) } else { down() });
                recent.look(now_ms, &shop(health, gateway));
            }
            let track = replica(&recent);
            prop_assert!(track.latency().len() <= Recent::STEPS && track.standing.len() <= Recent::STEPS);
            let (from_ms, to_ms) = recent.span();
            prop_assert!(from_ms <= now_ms && now_ms < to_ms);
            let stretches = track.stretches(from_ms, to_ms);
            prop_assert_eq!(stretches.last().map(|last| last.to_ms), Some(to_ms));
            for pair in stretches.windows(2) {
                prop_assert!(pair[0].to_ms == pair[1].from_ms && pair[0].standing != pair[1].standing, "{:?}", stretches);
            }
        }
    }
}
