//! The services under test: the one place that knows which there are, where their replicas are, and how they are asked for
//! their health. Probes, forms, targets, scripts and the measuring of their use read it.

pub mod breakers;
mod containers;
pub mod faults;
#[cfg_attr(not(test), expect(dead_code, reason = "what it says of replicas and doors has no reader yet"))]
pub mod gateway;
mod labelled;
mod probes;
mod stage;
pub mod supervisor;

use std::{sync::Arc, time::Duration};

use ha_dashboard::domain::{
    breaker::Breakers,
    service::{Replica, Service, ServiceStatus},
};
use tokio::sync::watch;

use super::{config::Config, journal::Journal, shutdown::Shutdown, usage::loopback_port};

/// Who asks services and replicas, waiting `patience` for an answer. What redirects does not serve: what a balancer would see is
/// what counts.
pub fn asker(patience: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder().timeout(patience).redirect(reqwest::redirect::Policy::none())
}

/// A service and where it works.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The service, at the address that load goes to.
    pub service: Service,
    /// Its replicas; one at least.
    pub replicas: Vec<Replica>,
}

impl From<Service> for Member {
    /// A service of which only the address is known is its own replica.
    fn from(service: Service) -> Self {
        Self { replicas: vec![Replica::only(&service)], service }
    }
}

/// Every service under test, in the configuration's order.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<[Member]>);

impl FromIterator<Member> for Registry {
    fn from_iter<T: IntoIterator<Item = Member>>(members: T) -> Self {
        Self(members.into_iter().collect())
    }
}

impl Registry {
    /// The services that a configuration names.
    pub fn new(config: &Config) -> Self {
        let member = |service: &Service| match config.replicas.get(&service.name) {
            Some(replicas) => Member { service: service.clone(), replicas: replicas.clone() },
            None => Member::from(service.clone()),
        };
        config.services.iter().map(member).collect()
    }

    /// The services and their replicas.
    pub fn members(&self) -> &[Member] {
        &self.0
    }

    /// The services as scripts are told of them.
    pub fn services(&self) -> Vec<Service> {
        self.0.iter().map(|member| member.service.clone()).collect()
    }

    /// What load may be aimed at.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|member| member.service.name.clone()).collect()
    }

    /// Names of services and the ports of their replicas on this machine.
    pub fn ports(&self) -> Vec<(String, u16)> {
        let of = |member: &Member| {
            let ports = member.replicas.iter().filter_map(|replica| loopback_port(&replica.url));
            ports.map(|port| (member.service.name.clone(), port)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Asks every replica for its circuit breakers from now on, and writes down which of them changed.
    pub fn watch_breakers(&self, journal: Journal, shutdown: &Shutdown) -> watch::Receiver<Breakers> {
        breakers::watch(self, journal, shutdown)
    }

    /// Watches every service and replica from now on, and writes down what changes. The order stays that of the registry.
    pub fn watch(&self, config: &Config, journal: Journal, shutdown: &Shutdown) -> watch::Receiver<Vec<ServiceStatus>> {
        let unknown = |member: &Member| ServiceStatus::unknown(member.service.clone(), &member.replicas);
        let (all, receiver) = watch::channel(self.0.iter().map(unknown).collect());
        stage::watch(config, &self.0, all.clone(), journal.clone(), shutdown);
        probes::watch(self.0.clone(), config.patience, all, journal, shutdown);
        receiver
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{event::EventKind, service::Health};

    use super::*;
    use crate::server::{config::StoreChoice, prometheus::lab};

    #[test]
    fn a_service_without_replicas_is_its_own() {
        let services = [Service::new("shop", "http://127.0.0.1:8080"), Service::new("far", "http://10.0.0.1:8080")];
        let registry: Registry = services.into_iter().map(Member::from).collect();
        assert_eq!(registry.names(), ["shop", "far"]);
        assert_eq!(registry.ports(), [("shop".to_owned(), 8080)]);
    }

    #[test]
    fn replicas_are_measured_where_they_work() {
        let replica = |name: &str, url: &str| Replica { url: url.into(), ..Replica::only(&Service::new(name, "")) };
        let replicas = vec![replica("a", "http://127.0.0.1:9001"), replica("b", "http://[::1]:9002")];
        let registry: Registry =
            [Member { replicas, ..Member::from(Service::new("shop", "http://127.0.0.1:8080")) }].into_iter().collect();
        assert_eq!(registry.ports(), [("shop".to_owned(), 9001), ("shop".to_owned(), 9002)]);
        assert_eq!(registry.services(), [Service::new("shop", "http://127.0.0.1:8080")], "load goes to the service");
    }

    #[tokio::test]
    async fn a_service_is_asked_at_its_own_path_and_its_changes_are_written_down() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/fine", axum::routing::get(|| async {}));
        let serve = tokio::spawn(async { axum::serve(listener, router).await });
        let fine = Service { health_path: "/fine".into(), ..Service::new("fine", &url) };
        let registry: Registry = [fine, Service::new("wrong", &url)].into_iter().map(Member::from).collect();
        let (shutdown, journal) = (Shutdown::default(), Journal::default());
        let folder = tempfile::tempdir().unwrap();
        let config = lab::config(folder.path(), StoreChoice::External { url: String::new() }, Vec::new());
        let mut health = registry.watch(&config, journal.clone(), &shutdown);
        let known = |all: &Vec<ServiceStatus>| all.iter().all(|one| one.health != Health::Unknown);
        let health = health.wait_for(known).await.unwrap().clone();
        assert!(matches!(health[0].health, Health::Up { .. }), "{health:?}");
        let degraded = Health::Degraded { status: 404 };
        assert_eq!(health[1].health, degraded);
        let kinds: Vec<_> = journal.events().into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Health { service: "wrong".into(), health: degraded }]);
        shutdown.token.cancel();
        serve.abort();
    }
}
