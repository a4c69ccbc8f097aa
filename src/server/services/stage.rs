//! How replicas are by those who stand closest: the gateway that sends them requests, and the supervisor of their processes or
//! the engine of their containers. Gateway and supervisor are asked often, as what they notice is on record with the time at
//! which it is read here; the engine tells of changes by itself.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    event::{Event, EventKind},
    service::{GatewayWord, ProcessStatus, ReplicaStatus, ServiceStatus},
};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{
    Member,
    containers::Containers,
    gateway::{Gateway, Server, configuration::stands_before},
    supervisor::{Order, Supervised, Supervisor},
};
use crate::server::{clock::now_ms, config::Config, journal::Journal, shutdown::Shutdown};

/// How often both are asked.
const EVERY: Duration = Duration::from_millis(250);

/// Over how many looks a replica's share of the traffic is taken: ten seconds.
const LOOKS: usize = 40;

/// Fewer requests than this in that time tell nothing of shares: they are hardly more than our own probes.
const FEWEST: u64 = 30;

/// Asks from now on, and writes into `all` what it is told; what changed goes into the journal.
pub fn watch(
    config: &Config,
    members: &[Member],
    all: watch::Sender<Vec<ServiceStatus>>,
    journal: Journal,
    shutdown: &Shutdown,
) {
    let gateway = members.iter().any(stands_before).then(|| Gateway::new(&config.gateway));
    let supervisor = Supervisor::new(&config.supervisor);
    let replicas = members.iter().flat_map(|member| member.replicas.clone()).collect();
    let containers = Containers::new(config).watch(replicas, shutdown);
    let token = shutdown.token.clone();
    shutdown.tasks.spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut traffic = Traffic::default();
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let ask = async {
                let servers = async {
                    match &gateway {
                        Some(gateway) => gateway.servers().await.ok(),
                        None => None,
                    }
                };
                tokio::join!(servers, supervisor.order(&Order::List))
            };
            let (servers, processes) = tokio::select! {
                () = token.cancelled() => return,
                told = ask => told,
            };
            let now = now_ms();
            let words = traffic.words(servers.unwrap_or_default(), now);
            let mut processes = by_replica(processes.unwrap_or_default());
            processes.extend(containers.borrow().clone());
            let mut news = Vec::new();
            all.send_if_modified(|all| {
                let mut changed = false;
                for status in all {
                    let service = &status.service.name;
                    for replica in &mut status.replicas {
                        let word = words.get(&(service.clone(), replica.replica.name.clone())).cloned();
                        let process = processes.get(&replica.replica.name).cloned();
                        changed |= replica.gateway != word || replica.process != process;
                        news.extend(take(service, replica, word, process));
                    }
                }
                changed
            });
            news.into_iter().for_each(|kind| journal.append(Event { at_ms: now, kind }));
        }
    });
}

fn by_replica(all: Vec<Supervised>) -> BTreeMap<String, ProcessStatus> {
    all.into_iter().map(|one| (one.replica, one.process)).collect()
}

/// Puts in what was told of a replica; what of it is worth telling.
fn take(
    service: &str,
    replica: &mut ReplicaStatus,
    word: Option<GatewayWord>,
    process: Option<ProcessStatus>,
) -> Vec<EventKind> {
    let name = &replica.replica.name;
    let mut news = Vec::new();
    // The first word is no change, and silence says nothing of the replica.
    if let (Some(before), Some(now)) = (&replica.gateway, &word)
        && before.up != now.up
    {
        let (service, replica) = (service.to_owned(), name.clone());
        news.push(EventKind::GatewayServer { service, replica, up: now.up, check: now.check.clone() });
    }
    if let (Some(before), Some(now)) = (&replica.process, &process)
        && before.state != now.state
    {
        let (service, replica) = (service.to_owned(), name.clone());
        news.push(EventKind::Process { service, replica, state: now.state, code: now.code });
    }
    // While the gateway is away, what it last said is no news when it is back.
    replica.gateway = word;
    replica.process = process;
    news
}

/// How many requests went where in the last looks.
#[derive(Debug, Default)]
struct Traffic {
    counted: VecDeque<BTreeMap<(String, String), u64>>,
    since: BTreeMap<(String, String), (bool, Millis)>,
}

impl Traffic {
    /// What the gateway says of each replica, by service and replica.
    fn words(&mut self, servers: Vec<Server>, now: Millis) -> BTreeMap<(String, String), GatewayWord> {
        let key = |server: &Server| (server.service.clone(), server.replica.clone());
        let counts: BTreeMap<_, _> = servers.iter().map(|server| (key(server), server.requests)).collect();
        // Counting began anew: the gateway was started again.
        let fewer =
            |last: &BTreeMap<_, u64>| counts.iter().any(|(key, count)| last.get(key).is_some_and(|last| last > count));
        if counts.is_empty() || self.counted.back().is_some_and(fewer) {
            self.counted.clear();
        }
        if self.counted.len() > LOOKS {
            self.counted.pop_front();
        }
        let first = self.counted.front().unwrap_or(&counts);
        let grown: BTreeMap<_, u64> = counts
            .iter()
            .map(|(key, count)| (key.clone(), count - first.get(key).copied().unwrap_or(*count).min(*count)))
            .collect();
        let words = servers.into_iter().map(|server| {
            let key = key(&server);
            let total: u64 = grown.iter().filter(|((service, _), _)| *service == key.0).map(|(_, grown)| grown).sum();
            let share = (total >= FEWEST).then(|| grown.get(&key).copied().unwrap_or_default() as f64 / total as f64);
            let began = now.saturating_sub(server.changed_s * 1000);
            let since = self.since.entry(key.clone()).or_insert((server.up, began));
            if since.0 != server.up {
                *since = (server.up, now);
            }
            let word = GatewayWord {
                up: server.up,
                since_ms: since.1,
                check: server.check,
                // Hundredths tell enough.
                share: share.map(|share| (share * 100.0).round() / 100.0),
                queue: server.queue,
                retries: server.retries + server.redispatches,
            };
            (key, word)
        });
        let words = words.collect();
        self.counted.push_back(counts);
        words
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::service::{Health, ProcessState, Replica, Service};

    use super::*;

    fn server(replica: &str, requests: u64, up: bool) -> Server {
        Server {
            service: "shop".into(),
            replica: replica.into(),
            up,
            check: "L7OK".into(),
            check_ms: None,
            requests,
            queue: 0,
            retries: 0,
            redispatches: 0,
            changed_s: 5,
        }
    }

    #[test]
    fn shares_are_those_of_the_last_seconds_and_none_where_there_is_hardly_any_traffic() {
        let mut traffic = Traffic::default();
        let mut shares = |one: u64, two: u64| {
            let words = traffic.words(vec![server("shop-1", one, true), server("shop-2", two, true)], 10_000);
            words.into_values().map(|word| word.share).collect::<Vec<_>>()
        };
        assert_eq!(shares(1000, 50), [None, None], "what was before is not known to be recent");
        assert_eq!(shares(1010, 60), [None, None], "hardly any");
        assert_eq!(shares(1060, 70), [Some(0.75), Some(0.25)]);
        for step in 1..=LOOKS as u64 {
            shares(1060, 70 + step);
        }
        assert_eq!(shares(1060, 170), [Some(0.0), Some(1.0)], "the old ones are forgotten");
        assert_eq!(shares(40, 40), [None, None], "the gateway counts anew");
    }

    #[test]
    fn only_changes_are_told_and_silence_is_none() {
        let service = Service::new("shop", "http://x");
        let mut replica = ReplicaStatus {
            replica: Replica::only(&service),
            health: Health::Unknown,
            missed: false,
            process: None,
            gateway: None,
        };
        let mut traffic = Traffic::default();
        let process =
            |state| Some(ProcessStatus { state, since_ms: 1, until_ms: None, pid: None, code: Some(7), restarts: 0 });
        let mut look = |up: Option<bool>, state: Option<ProcessState>| {
            let servers = up.map(|up| server("shop-1", 1, up)).into_iter().collect();
            let word = traffic.words(servers, 20_000).into_values().next();
            take("shop", &mut replica, word, state.and_then(process))
        };
        let gateway = |up| EventKind::GatewayServer {
            service: "shop".into(),
            replica: "shop-1".into(),
            up,
            check: "L7OK".into(),
        };
        let told =
            |state| EventKind::Process { service: "shop".into(), replica: "shop-1".into(), state, code: Some(7) };
        assert_eq!(look(Some(true), Some(ProcessState::Running)), []);
        assert_eq!(look(Some(true), Some(ProcessState::Running)), []);
        assert_eq!(look(Some(false), Some(ProcessState::Running)), [gateway(false)]);
        assert_eq!(look(Some(false), Some(ProcessState::Ended)), [told(ProcessState::Ended)]);
        assert_eq!(look(None, None), []);
        assert_eq!(look(Some(true), Some(ProcessState::Running)), []);
    }
}
