//! Probes the services.

use std::time::{Duration, Instant};

use futures::future::join_all;
use ha_dashboard::domain::service::{Health, Service, ServiceStatus};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::shutdown::Shutdown;

/// How often every service is asked.
const EVERY: Duration = Duration::from_secs(2);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Probes `/health` of every service from now on; the order stays that of `services`.
pub fn watch(services: &[Service], shutdown: &Shutdown) -> watch::Receiver<Vec<ServiceStatus>> {
    let unknown = |service: &Service| ServiceStatus { service: service.clone(), health: Health::Unknown };
    let (sender, receiver) = watch::channel(services.iter().map(unknown).collect::<Vec<_>>());
    let (services, token) = (services.to_vec(), shutdown.token.clone());
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
            let probes = services.iter().map(|service| async {
                ServiceStatus { service: service.clone(), health: probe(&client, &service.url).await }
            });
            sender.send_replace(join_all(probes).await);
        }
    });
    receiver
}

async fn probe(client: &reqwest::Client, url: &str) -> Health {
    let asked = Instant::now();
    match client.get(format!("{url}/health")).send().await {
        Ok(response) if response.status().is_success() => {
            // Tenths of a millisecond tell enough.
            Health::Up { latency_ms: (asked.elapsed().as_secs_f64() * 10_000.0).round() / 10.0 }
        }
        Ok(response) => Health::Degraded { status: response.status().as_u16() },
        Err(error) if error.is_timeout() => {
            Health::Down { reason: format!("no answer within {} s", TIMEOUT.as_secs()) }
        }
        Err(error) => {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            Health::Down { reason: cause.to_string() }
        }
    }
}
