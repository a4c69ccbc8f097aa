//! Probes the services and their replicas, each through the way that its callers take, and writes down whose health changed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ha_dashboard::domain::{
    event::{Event, EventKind},
    service::{Health, ServiceStatus, Silence},
    steady::{Patience, Steady},
};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{Member, asker, gateway::configuration::NOBODY};
use crate::server::{clock::now_ms, journal::Journal, shutdown::Shutdown, silence};

/// How often everybody is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Who is asked.
struct Target {
    url: String,
    /// The service's place and name.
    service: (usize, String),
    /// The replica's place in it and its name; `None`: it is the service itself.
    replica: Option<(usize, String)>,
    /// Whether a door is asked, which may find nobody behind it.
    door: bool,
    steady: Steady,
}

impl Target {
    /// Everybody; a service that is its own replica is asked once.
    fn all(members: &[Member]) -> Vec<Self> {
        let of = |(place, member): (usize, &Member)| {
            let service = &member.service;
            let target = |base: &str, replica, door| Self {
                url: format!("{base}{}", service.health_path),
                service: (place, service.name.clone()),
                replica,
                door,
                steady: Steady::default(),
            };
            let apart = member.replicas.iter().enumerate().filter(|(_, one)| one.reached_at() != service.url);
            let apart =
                apart.map(|(at, one)| target(one.reached_at(), Some((at, one.name.clone())), one.door.is_some()));
            [target(&service.url, None, false)].into_iter().chain(apart).collect::<Vec<_>>()
        };
        members.iter().enumerate().flat_map(of).collect()
    }

    /// Asks; what changed by that, if it is worth telling.
    async fn ask(&mut self, client: &reqwest::Client, patience: Patience) -> Option<EventKind> {
        let mut seen = probe(client, &self.url).await;
        if self.door && seen == (Health::Degraded { status: NOBODY }) {
            seen = Health::Down { reason: "connection refused".into(), why: Silence::Refused };
        }
        let told = self.steady.see(seen, patience);
        let (service, health) = (self.service.1.clone(), self.steady.health().clone());
        told.then(|| match &self.replica {
            None => EventKind::Health { service, health },
            Some((_, replica)) => EventKind::ReplicaHealth { service, replica: replica.clone(), health },
        })
    }

    /// Puts what is thought into the picture.
    fn show(&self, all: &mut [ServiceStatus]) {
        let Some(status) = all.get_mut(self.service.0) else { return };
        let (health, missed) = (self.steady.health(), self.steady.missed());
        match self.replica {
            Some((at, _)) => {
                if let Some(replica) = status.replicas.get_mut(at) {
                    (replica.health, replica.missed) = (health.clone(), missed);
                }
            }
            None => {
                (status.health, status.missed) = (health.clone(), missed);
                // One that is not asked apart is how its service is.
                let own = status.service.url.as_str();
                for replica in status.replicas.iter_mut().filter(|one| one.replica.reached_at() == own) {
                    (replica.health, replica.missed) = (health.clone(), missed);
                }
            }
        }
    }
}

/// Probes everybody from now on, and writes what was seen into `all`, which has the services in the order of `members`.
pub fn watch(
    members: Arc<[Member]>,
    patience: Patience,
    all: watch::Sender<Vec<ServiceStatus>>,
    journal: Journal,
    shutdown: &Shutdown,
) {
    let token = shutdown.token.clone();
    shutdown.tasks.spawn(async move {
        let client = match asker(TIMEOUT).build() {
            Ok(client) => client,
            Err(error) => return tracing::error!(%error, "no service can be probed"),
        };
        let mut targets = Target::all(&members);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let asked = targets.iter_mut().map(|target| async {
                if let Some(kind) = target.ask(&client, patience).await {
                    journal.append(Event { at_ms: now_ms(), kind });
                }
                all.send_modify(|all| target.show(all));
            });
            tokio::select! {
                () = token.cancelled() => return,
                _ = join_all(asked) => {}
            }
        }
    });
}

async fn probe(client: &reqwest::Client, url: &str) -> Health {
    let asked = Instant::now();
    match client.get(url).send().await {
        Ok(response) if response.status().is_success() => {
            // Tenths of a millisecond tell enough.
            Health::Up { latency_ms: (asked.elapsed().as_secs_f64() * 10_000.0).round() / 10.0 }
        }
        Ok(response) => Health::Degraded { status: response.status().as_u16() },
        Err(error) => {
            let (why, reason) = silence::of(&error);
            Health::Down { reason, why }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::service::{Replica, Service};

    use super::*;

    #[tokio::test]
    async fn silence_is_told_without_the_systems_numbers() {
        let asked = |url: String| async move {
            let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap();
            match probe(&client, &url).await {
                Health::Down { why, reason } => (why, reason),
                other => panic!("{other:?}"),
            }
        };
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent_url = format!("http://{}", silent.local_addr().unwrap());
        let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rude_url = format!("http://{}", rude.local_addr().unwrap());
        let hang_up = tokio::spawn(async move { while rude.accept().await.is_ok() {} });
        assert_eq!(asked("http://127.0.0.1:1".into()).await, (Silence::Refused, "connection refused".into()));
        assert_eq!(asked(silent_url).await, (Silence::TooLate, "no answer in time".into()));
        assert_eq!(asked(rude_url).await, (Silence::BrokenOff, "connection broken off".into()));
        assert_eq!(asked("http://nobody.invalid".into()).await.0, Silence::UnknownHost);
        hang_up.abort();
    }

    #[test]
    fn replicas_are_asked_through_their_doors_and_nobody_twice() {
        let service = Service { health_path: "/h".into(), ..Service::new("shop", "http://shop") };
        let door = Replica { url: "http://one".into(), door: Some("http://door".into()), ..Replica::only(&service) };
        let bare = Replica { url: "http://two".into(), ..Replica::only(&service) };
        let members =
            [Member { service, replicas: vec![door, bare] }, Member::from(Service::new("alone", "http://alone"))];
        let urls: Vec<_> = Target::all(&members).into_iter().map(|target| target.url).collect();
        assert_eq!(urls, ["http://shop/h", "http://door/h", "http://two/h", "http://alone/health"]);
    }
}
