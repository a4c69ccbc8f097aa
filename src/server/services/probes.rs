//! Probes the services, and writes down whose health changed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ha_dashboard::domain::{
    event::{Event, EventKind},
    service::{Health, ServiceStatus},
};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::Member;
use crate::server::{clock::now_ms, journal::Journal, shutdown::Shutdown, silence};

/// How often every service is asked.
const EVERY: Duration = Duration::from_secs(2);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Probes every service from now on; the order stays that of `members`.
pub fn watch(members: Arc<[Member]>, journal: Journal, shutdown: &Shutdown) -> watch::Receiver<Vec<ServiceStatus>> {
    let status = |member: &Member, health| ServiceStatus { service: member.service.clone(), health };
    let (sender, receiver) =
        watch::channel(members.iter().map(|member| status(member, Health::Unknown)).collect::<Vec<_>>());
    let token = shutdown.token.clone();
    shutdown.tasks.spawn(async move {
        // A service that redirects does not serve: what a balancer would see is what counts.
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let client = match client {
            Ok(client) => client,
            Err(error) => return tracing::error!(%error, "no service can be probed"),
        };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let probes = members.iter().map(|member| async { status(member, probe(&client, member).await) });
            let now = join_all(probes).await;
            let before = sender.borrow().clone();
            for (before, now) in before.iter().zip(&now) {
                let kind = change(before, now);
                kind.into_iter().for_each(|kind| journal.append(Event { at_ms: now_ms(), kind }));
            }
            sender.send_replace(now);
        }
    });
    receiver
}

/// Whether a service's health changed; how long an answer took is no change, and neither is the first look.
fn change(before: &ServiceStatus, now: &ServiceStatus) -> Option<EventKind> {
    let same = match (&before.health, &now.health) {
        (Health::Degraded { status: a }, Health::Degraded { status: b }) => a == b,
        (Health::Unknown, Health::Up { .. }) => true,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    (!same).then(|| EventKind::Health { service: now.service.name.clone(), health: now.health.clone() })
}

async fn probe(client: &reqwest::Client, member: &Member) -> Health {
    let url = format!("{}{}", member.service.url, member.service.health_path);
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
    use ha_dashboard::domain::service::{Service, Silence};

    use super::*;

    #[test]
    fn another_latency_is_no_change_of_health() {
        let service = Service::new("shop", String::new());
        let status = |health| ServiceStatus { service: service.clone(), health };
        let up = |latency_ms| status(Health::Up { latency_ms });
        let down = status(Health::Down { reason: "refused".into(), why: Silence::Refused });
        let step = |before: &ServiceStatus, after: &ServiceStatus| usize::from(change(before, after).is_some());
        assert_eq!(step(&up(1.0), &up(2.0)) + step(&status(Health::Unknown), &up(1.0)), 0);
        assert_eq!(step(&up(1.0), &down) + step(&down, &up(1.0)) + step(&status(Health::Unknown), &down), 3);
        let degraded = |status_code| status(Health::Degraded { status: status_code });
        assert_eq!(step(&degraded(500), &degraded(503)), 1);
    }

    #[tokio::test]
    async fn silence_is_told_without_the_systems_numbers() {
        let asked = |url: String| async move {
            let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap();
            let service = Service::new("shop", url);
            match probe(&client, &Member::from(service)).await {
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
}
