//! Replicas that no configuration names: containers with the label `ha-dashboard.service`, found when the dashboard starts.

use std::time::Duration;

use ha_dashboard::domain::service::Replica;
use tokio::time::timeout;

use super::{Member, Registry};
use crate::server::{
    config::Config,
    engine::docker::client::{Client, Labelled},
};

/// The name of the service whose replica a container is.
const SERVICE: &str = "ha-dashboard.service";
/// The port at which it takes requests.
const PORT: &str = "ha-dashboard.port";
/// That port where nothing is said.
const USUAL_PORT: u16 = 80;

/// How long the engine may take; without it there is nothing to find.
const LOOK: Duration = Duration::from_secs(5);

impl Registry {
    /// With the containers whose label says that they are a service's replica, beside those that are known.
    pub async fn with_labelled(self, config: &Config) -> Self {
        let client = Client::new(config.docker.host.clone());
        let found = match timeout(LOOK, client.labelled(SERVICE)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no containers are looked for");
                return self;
            }
            Err(_) => return self,
        };
        let mut members = self.members().to_vec();
        for container in found {
            let host = host(&container).await;
            add(&mut members, &container, host);
        }
        members.into_iter().collect()
    }
}

/// Where a container is reached: by its name where that leads somewhere, as it does from the containers of its networks, or
/// else by its address. A name stays when the container starts again.
async fn host(container: &Labelled) -> Option<String> {
    let leads = tokio::net::lookup_host((container.name.as_str(), USUAL_PORT)).await;
    let leads = leads.is_ok_and(|mut addresses| addresses.next().is_some());
    if leads { Some(container.name.clone()) } else { container.address.clone() }
}

/// Adds a container to the service that it names, where there is one that does not have it yet.
fn add(members: &mut [Member], container: &Labelled, host: Option<String>) {
    let Labelled { name, labels, .. } = container;
    let all = || members.iter().flat_map(|member| member.replicas.iter().map(move |replica| (member, replica)));
    if all().any(|(_, replica)| replica.container.as_ref() == Some(name)) {
        return;
    }
    let refuse = |why: &str| tracing::warn!(container = name, "is not taken for a replica: {why}");
    let port = labels.get(PORT).map_or(Ok(USUAL_PORT), |port| port.parse());
    let (Some(host), Ok(port @ 1..)) = (host, port) else {
        return refuse("it has no address, or no port at it");
    };
    let service = labels.get(SERVICE).map(String::as_str).unwrap_or_default();
    // What a service is called that was only known as itself is free: it has replicas now.
    let stays = |member: &Member, replica: &Replica| member.service.name != service || !is_itself(member, replica);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let replica = name.chars().map(plain).collect::<String>();
    if all().any(|(member, one)| one.name == replica && stays(member, one)) {
        return refuse("another replica has its name");
    }
    let Some(member) = members.iter_mut().find(|member| member.service.name == service) else {
        return refuse("no service has the name that its label says");
    };
    let kept = member.replicas.iter().filter(|one| !is_itself(member, one)).cloned().collect();
    member.replicas = kept;
    tracing::info!(container = name, service, "is a replica, as its label says");
    let url = format!("http://{host}:{port}");
    member.replicas.push(Replica { name: replica, url, door: None, container: Some(name.clone()) });
}

/// Whether a replica is no more than the service itself.
fn is_itself(member: &Member, replica: &Replica) -> bool {
    *replica == Replica::only(&member.service)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use ha_dashboard::domain::service::Service;

    use super::*;

    fn container(name: &str, service: &str, port: &str) -> Labelled {
        let port = (!port.is_empty()).then(|| (PORT.to_owned(), port.to_owned()));
        let labels = BTreeMap::from_iter([(SERVICE.to_owned(), service.to_owned())].into_iter().chain(port));
        Labelled { name: name.into(), labels, address: Some("10.0.0.7".into()) }
    }

    #[test]
    fn a_label_adds_a_replica_to_the_service_that_it_names_once() {
        let replica = |name: &str, url: &str, container: &str| Replica {
            name: name.into(),
            url: url.into(),
            door: None,
            container: Some(container.into()),
        };
        let known = replica("web-1", "http://127.0.0.1:8190", "stack_web_1");
        let web = Service::new("web", "http://127.0.0.1:8080");
        let alone = Member::from(Service::new("cart", "http://127.0.0.1:8081"));
        let mut members = [Member { service: web, replicas: vec![known.clone()] }, alone.clone()];
        for (name, service, port) in [
            ("stack_web_1", "web", ""),
            ("x", "nobody", ""),
            ("y", "web", "0"),
            ("y", "web", "http"),
            ("web-1", "web", ""),
        ] {
            add(&mut members, &container(name, service, port), Some("10.0.0.7".into()));
        }
        add(&mut members, &container("away", "web", ""), None);
        assert_eq!((&members[0].replicas, &members[1]), (&vec![known.clone()], &alone));
        add(&mut members, &container("stack_web_2", "web", ""), Some("10.0.0.7".into()));
        add(&mut members, &container("Cart.1", "cart", "8000"), Some("cart".into()));
        add(&mut members, &container("cart-2", "cart", "8000"), Some("10.0.0.9".into()));
        assert_eq!(members[0].replicas, [known, replica("stack-web-2", "http://10.0.0.7:80", "stack_web_2")]);
        let cart =
            [replica("cart-1", "http://cart:8000", "Cart.1"), replica("cart-2", "http://10.0.0.9:8000", "cart-2")];
        assert_eq!(members[1].replicas, cart);
    }
}
