//! How each replica was over a stretch of time, put together from what was noticed.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    event::{Event, EventKind},
    service::{GatewayWord, Health, ReplicaStatus, ServiceStatus},
};

/// How a replica stands to those who call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It answers well.
    Up,
    /// Nobody can tell.
    Unknown,
    /// It answers, but not well.
    Degraded,
    /// It does not answer, or the gateway sends it nothing.
    Down,
}

/// A time in which nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From when.
    pub from_ms: Millis,
    /// Until when.
    pub to_ms: Millis,
    /// How it stood.
    pub standing: Standing,
}

/// A replica over time, without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The replica, or the service that has no others.
    pub name: String,
    /// Oldest first.
    pub stretches: Vec<Stretch>,
}

/// The replicas of all services from one time to another, in the order of their services; a service that has none has a lane of
/// its own. What the dashboard's own probe and the gateway noticed counts, the worse of the two. `events` are in the order of
/// their time.
///
/// Only changes are told, so what was before the first one is the other side of it: up before something went wrong, down
/// before something came back; where nothing was told, it was as it is.
pub fn lanes(services: &[ServiceStatus], events: &[&Event], from_ms: Millis, to_ms: Millis) -> Vec<Lane> {
    let of_service = |status: &ServiceStatus| match status.has_replicas() {
        false => vec![service_lane(status, events, from_ms, to_ms)],
        true => status.replicas.iter().map(|one| replica_lane(one, events, from_ms, to_ms)).collect(),
    };
    services.iter().flat_map(of_service).collect()
}

/// A service as the dashboard's own probe noticed it; see [`lanes`].
pub fn service_lane(status: &ServiceStatus, events: &[&Event], from_ms: Millis, to_ms: Millis) -> Lane {
    let name = status.service.name.clone();
    let probed = changes(events, |kind| match kind {
        EventKind::Health { service, health } if *service == name => Some(of_health(health)),
        _ => None,
    });
    let stretches = joined(&[track(&probed, of_health(&status.health))], from_ms, to_ms);
    Lane { name, stretches }
}

/// A replica; see [`lanes`].
pub fn replica_lane(one: &ReplicaStatus, events: &[&Event], from_ms: Millis, to_ms: Millis) -> Lane {
    let name = one.replica.name.clone();
    let probed = changes(events, |kind| match kind {
        EventKind::ReplicaHealth { replica, health, .. } if *replica == name => Some(of_health(health)),
        _ => None,
    });
    let served = changes(events, |kind| match kind {
        EventKind::GatewayServer { replica, up, .. } if *replica == name => Some(of_gateway(*up)),
        _ => None,
    });
    let mut tracks = vec![track(&probed, of_health(&one.health))];
    tracks.extend(one.gateway.as_ref().map(|word| track(&served, of_gateway(word.up))));
    Lane { name, stretches: joined(&tracks, from_ms, to_ms) }
}

impl Standing {
    /// The worse of what the probe and the gateway say.
    pub fn of(health: &Health, gateway: Option<&GatewayWord>) -> Self {
        gateway.map_or(Self::Up, |word| of_gateway(word.up)).max(of_health(health))
    }
}

fn of_health(health: &Health) -> Standing {
    match health {
        Health::Unknown => Standing::Unknown,
        Health::Up { .. } => Standing::Up,
        Health::Degraded { .. } => Standing::Degraded,
        Health::Down { .. } => Standing::Down,
    }
}

fn of_gateway(up: bool) -> Standing {
    if up { Standing::Up } else { Standing::Down }
}

fn changes(events: &[&Event], of: impl Fn(&EventKind) -> Option<Standing>) -> Vec<(Millis, Standing)> {
    events.iter().filter_map(|event| Some((event.at_ms, of(&event.kind)?))).collect()
}

/// What one witness saw: from the beginning of time on, and every change.
fn track(changes: &[(Millis, Standing)], now: Standing) -> Vec<(Millis, Standing)> {
    let before = match changes.first() {
        Some((_, Standing::Up)) => Standing::Down,
        Some(_) => Standing::Up,
        None => now,
    };
    [(0, before)].into_iter().chain(changes.iter().copied()).collect()
}

/// The worse of all tracks at every time.
fn joined(tracks: &[Vec<(Millis, Standing)>], from_ms: Millis, to_ms: Millis) -> Vec<Stretch> {
    let at = |track: &Vec<(Millis, Standing)>, ms: Millis| {
        track.iter().rev().find(|(at_ms, _)| *at_ms <= ms).map_or(Standing::Unknown, |(_, standing)| *standing)
    };
    let mut times: Vec<Millis> = tracks.iter().flatten().map(|(at_ms, _)| (*at_ms).max(from_ms)).collect();
    times.sort_unstable();
    times.dedup();
    let mut stretches: Vec<Stretch> = Vec::new();
    for from_ms in times.into_iter().filter(|at_ms| *at_ms < to_ms) {
        let standing = tracks.iter().map(|track| at(track, from_ms)).max().unwrap_or(Standing::Unknown);
        if let Some(last) = stretches.last_mut() {
            last.to_ms = from_ms;
            if last.standing == standing {
                last.to_ms = to_ms;
                continue;
            }
        }
        stretches.push(Stretch { from_ms, to_ms, standing });
    }
    stretches
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::service::{Replica, Service, Silence};

    fn shop(gateway: bool) -> ServiceStatus {
        let service = Service::new("shop", "http://127.0.0.1:1");
        let replica = Replica { url: "http://127.0.0.1:2".into(), ..Replica::only(&service) };
        let mut status = ServiceStatus::unknown(service, &[replica]);
        status.replicas[0].health = Health::Up { latency_ms: 1.0 };
        let word = GatewayWord { up: true, since_ms: 0, check: String::new(), share: None, queue: 0, retries: 0 };
        status.replicas[0].gateway = gateway.then_some(word);
        status
    }

    fn probed(at_ms: Millis, up: bool) -> Event {
        let down = Health::Down { reason: String::new(), why: Silence::Refused };
        let health = if up { Health::Up { latency_ms: 1.0 } } else { down };
        Event { at_ms, kind: EventKind::ReplicaHealth { service: "shop".into(), replica: "shop-1".into(), health } }
    }

    fn served(at_ms: Millis, up: bool) -> Event {
        let (service, replica, check) = ("shop".into(), "shop-1".into(), String::new());
        Event { at_ms, kind: EventKind::GatewayServer { service, replica, up, check } }
    }

    fn told(events: &[Event], gateway: bool) -> Vec<(Millis, Millis, Standing)> {
        let lanes = lanes(&[shop(gateway)], &events.iter().collect::<Vec<_>>(), 1000, 9000);
        assert_eq!((lanes.len(), lanes[0].name.as_str()), (1, "shop-1"));
        lanes[0].stretches.iter().map(|own| (own.from_ms, own.to_ms, own.standing)).collect()
    }

    #[test]
    fn a_lane_is_as_the_worst_witness_says() {
        use Standing::{Down, Up};
        assert_eq!(told(&[], true), [(1000, 9000, Up)], "nobody noticed anything");
        let killed = [served(3000, false), probed(3500, false), probed(6000, true), served(6400, true)];
        assert_eq!(told(&killed, true), [(1000, 3000, Up), (3000, 6400, Down), (6400, 9000, Up)]);
        assert_eq!(told(&killed, false), [(1000, 3500, Up), (3500, 6000, Down), (6000, 9000, Up)], "no gateway there");
        assert_eq!(told(&[probed(2000, true)], true), [(1000, 2000, Down), (2000, 9000, Up)], "down from before");
        assert_eq!(
            told(&[probed(500, false), probed(12_000, true)], true),
            [(1000, 9000, Down)],
            "outside of the time"
        );
    }

    #[test]
    fn a_service_without_replicas_has_a_lane_of_its_own() {
        let status = ServiceStatus::unknown(Service::new("far", "http://10.0.0.1"), &[]);
        let health = Health::Degraded { status: 503 };
        let event = Event { at_ms: 10, kind: EventKind::Health { service: "far".into(), health } };
        let lanes = lanes(&[status], &[&event], 0, 20);
        assert_eq!(lanes[0].name, "far");
        let stretch = |from_ms, to_ms, standing| Stretch { from_ms, to_ms, standing };
        assert_eq!(lanes[0].stretches, [stretch(0, 10, Standing::Up), stretch(10, 20, Standing::Degraded)]);
    }

    proptest! {
        #[test]
        fn lanes_have_neither_gaps_nor_equals_side_by_side(
            changes in proptest::collection::vec((0_u64..10_000, any::<bool>(), any::<bool>()), 0..20),
        ) {
            let mut events: Vec<_> = changes
                .into_iter()
                .map(|(at_ms, up, gateway)| if gateway { served(at_ms, up) } else { probed(at_ms, up) })
                .collect();
            events.sort_by_key(|event| event.at_ms);
            let told = told(&events, true);
            prop_assert_eq!((told[0].0, told[told.len() - 1].1), (1000, 9000));
            for pair in told.windows(2) {
                prop_assert!(pair[0].1 == pair[1].0 && pair[0].2 != pair[1].2, "{:?}", told);
            }
        }
    }
}
