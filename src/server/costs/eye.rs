//! Looks at a service ten times a second, the way its callers come, and at what its gateway thinks of the replicas.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use ha_dashboard::domain::{
    Millis,
    cost::{Probe, Sighting, Witness},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use crate::server::{
    clock::now_ms,
    services::{Member, asker, gateway::Gateway},
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);

/// Questions that may be open at the same time.
const OPEN: usize = 20;

/// Most questions that are remembered: those of a quarter of an hour.
const MOST: usize = 9000;

/// An eye on a service; it closes when it is dropped.
#[derive(Debug)]
pub struct Eye {
    seen: Arc<Mutex<Seen>>,
    _task: AbortOnDropHandle<()>,
}

/// What it saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The answers, in the order of the questions.
    pub probes: Vec<Probe>,
    /// When the gateway first took out one of the replicas.
    pub gateway: Sighting,
}

impl Eye {
    /// Looks at a service from now on, and at what the gateway says of these replicas of it.
    pub fn open(member: &Member, replicas: &[String], gateway: Gateway) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let url = format!("{}{}", member.service.url, member.service.health_path);
        let (probes, servers) = (probe(url, Arc::clone(&seen)), ask(gateway, replicas.to_vec(), Arc::clone(&seen)));
        let task = tokio::spawn(async move {
            tokio::join!(probes, servers);
        });
        Self { seen, _task: AbortOnDropHandle::new(task) }
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Entries are whole.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks again and again, whether or not earlier questions were answered.
async fn probe(url: String, seen: Arc<Mutex<Seen>>) {
    let client = match asker(ANSWER).no_proxy().build() {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "the service can't be watched"),
    };
    let mut ticks = interval(Duration::from_millis(Probe::PERIOD_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut open: FuturesUnordered<BoxFuture<'static, Probe>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(probe) = open.next() => {
                let probes = &mut lock(&seen).probes;
                let place = probes.partition_point(|other| other.at_ms <= probe.at_ms);
                if probes.len() < MOST {
                    probes.insert(place, probe);
                }
            }
            _ = ticks.tick(), if open.len() < OPEN => open.push(answer(client.clone(), url.clone(), now_ms()).boxed()),
        }
    }
}

async fn answer(client: reqwest::Client, url: String, at_ms: Millis) -> Probe {
    let ok = match client.get(url).send().await {
        // The connection is used again only once all of the answer is read.
        Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
        Err(_) => false,
    };
    Probe { at_ms, ok }
}

/// Asks the gateway until it has taken a replica out. One that knows none of them is no witness.
async fn ask(gateway: Gateway, replicas: Vec<String>, seen: Arc<Mutex<Seen>>) {
    let mut ticks = interval(Duration::from_millis(Probe::PERIOD_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut failures, mut witness) = (0, Witness::default());
    // Who does not answer twice has nothing to say.
    while failures < 2 {
        ticks.tick().await;
        let Ok(servers) = gateway.servers().await else {
            failures += 1;
            continue;
        };
        let hit = servers.iter().filter(|server| replicas.contains(&server.replica));
        let said = witness.take(now_ms(), hit.map(|server| (server.replica.as_str(), server.up)));
        lock(&seen).gateway = said;
        if said != Sighting::Nothing {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::service::Service;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;

    #[tokio::test]
    async fn an_eye_sees_a_service_come_and_go_and_closes() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/health", axum::routing::get(|| async {}));
        let serve = tokio::spawn(async { axum::serve(listener, router).await });
        let member = Member::from(Service::new("shop", format!("http://{addr}")));
        let away = Gateway::new("unix:///nowhere/haproxy.sock");
        let eye = Eye::open(&member, &["shop-1".to_owned()], away);
        let until = |wanted: bool| {
            let eye = &eye;
            async move {
                while eye.seen().probes.last().is_none_or(|probe| probe.ok != wanted) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), until(true)).await.unwrap();
        serve.abort();
        let _ = serve.await;
        tokio::time::timeout(Duration::from_secs(30), until(false)).await.unwrap();
        let seen = eye.seen();
        assert!(seen.probes.is_sorted_by_key(|probe| probe.at_ms));
        assert_eq!(seen.gateway, Sighting::Unwatched, "there is no gateway");
        drop(eye);
    }

    #[tokio::test]
    async fn a_replica_that_is_out_already_is_no_word_of_the_gateway_about_this_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let (state, said) = tokio::sync::watch::channel("DOWN");
        let looks = Arc::new(tokio::sync::Semaphore::new(0));
        let counted = Arc::clone(&looks);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                BufReader::new(&mut socket).read_line(&mut String::new()).await.unwrap();
                let state = *said.borrow();
                let table = format!("# pxname,svname,status,\nservice:shop,shop-1,{state},\n");
                socket.write_all(table.as_bytes()).await.unwrap();
                counted.add_permits(1);
            }
        });
        let seen = Arc::default();
        let gateway = Gateway::new(&format!("unix://{}", path.display()));
        let asking = tokio::spawn(ask(gateway, vec!["shop-1".into()], Arc::clone(&seen)));
        let look = async |times| {
            let looked = tokio::time::timeout(Duration::from_secs(30), looks.acquire_many(times)).await;
            looked.expect("it is asked again").unwrap().forget();
        };
        // What the first looks brought is there when the next one has begun.
        look(3).await;
        assert_eq!(lock(&seen).gateway, Sighting::Nothing);
        state.send_replace("UP");
        look(3).await;
        state.send_replace("DOWN");
        tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap().unwrap();
        assert!(matches!(lock(&seen).gateway, Sighting::At(_)));
    }
}
