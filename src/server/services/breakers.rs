//! Asks the replicas for their circuit breakers, and writes down which of them changed.

pub mod text;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures::future::join_all;
use ha_dashboard::domain::{
    Millis,
    breaker::{Breaker, BreakerState, Breakers},
    event::{Event, EventKind},
    plan::DASHBOARD_SERVICE,
    service::{Replica, Service},
};
use tokio::{sync::watch, time::MissedTickBehavior};

use self::text::Told;
use super::{Registry, asker};
use crate::server::{clock::now_ms, journal::Journal, shutdown::Shutdown};

/// How often a replica is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How many times less often one is asked that told of no breakers.
const SELDOM: u32 = 10;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Asks every replica from now on.
pub fn watch(services: &Registry, journal: Journal, shutdown: &Shutdown) -> watch::Receiver<Breakers> {
    let (sender, receiver) = watch::channel(Breakers::default());
    let members = services.members().iter().filter(|member| member.service.name != DASHBOARD_SERVICE);
    let replicas =
        members.flat_map(|member| member.replicas.iter().map(|replica| Asked::new(&member.service, replica)));
    let mut replicas: Vec<Asked> = replicas.collect();
    let token = shutdown.token.clone();
    shutdown.tasks.spawn(async move {
        let client = match asker(TIMEOUT).build() {
            Ok(client) => client,
            Err(error) => return tracing::error!(%error, "no replica can be asked for its breakers"),
        };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let news = join_all(replicas.iter_mut().map(|asked| asked.ask(&client))).await;
            let mut breakers = Breakers { triggered: sender.borrow().triggered, ..Breakers::default() };
            for (events, opened) in news {
                events.into_iter().for_each(|event| journal.append(event));
                breakers.triggered += opened;
            }
            breakers.all = replicas.iter().flat_map(|asked| asked.shown.iter().cloned()).collect();
            sender.send_if_modified(|last| {
                let changed = *last != breakers;
                *last = breakers;
                changed
            });
        }
    });
    receiver
}

/// A replica and what it told.
struct Asked {
    service: String,
    replica: Replica,
    /// Its breakers as they are shown.
    shown: Vec<Breaker>,
    /// State and openings that each told last.
    known: HashMap<String, (BreakerState, u64)>,
    /// When it told something last.
    told_ms: Millis,
    /// How many looks it is left alone.
    pause: u32,
}

/// What happened, and how often a breaker opened.
type News = (Vec<Event>, u64);

impl Asked {
    fn new(service: &Service, replica: &Replica) -> Self {
        let (service, replica) = (service.name.clone(), replica.clone());
        Self { service, replica, shown: Vec::new(), known: HashMap::new(), told_ms: 0, pause: 0 }
    }

    async fn ask(&mut self, client: &reqwest::Client) -> News {
        if self.pause > 0 {
            self.pause -= 1;
            return News::default();
        }
        let Some(text) = fetch(client, &format!("{}/metrics", self.replica.url)).await else {
            self.silent();
            return News::default();
        };
        self.told(text::read(&text), now_ms())
    }

    /// What it told last stays, but for the state, of which nobody knows.
    fn silent(&mut self) {
        self.shown.iter_mut().for_each(|breaker| breaker.state = None);
        self.rest();
    }

    fn rest(&mut self) {
        self.pause = if self.shown.is_empty() { SELDOM - 1 } else { 0 };
    }

    fn told(&mut self, told: BTreeMap<String, Told>, now_ms: Millis) -> News {
        let (mut events, mut triggered) = News::default();
        let since_ms = std::mem::replace(&mut self.told_ms, now_ms);
        self.known.retain(|dependency, _| told.contains_key(dependency));
        let rows = told.into_iter().filter_map(|(dependency, told)| {
            let Told { state, failure_share, calls, opened, last_change_ms } = told;
            let now = state?;
            let before = self.known.insert(dependency.clone(), (now, opened));
            // The first look at a closed one is no change.
            if before.map_or(BreakerState::Closed, |(state, _)| state) != now {
                let at_ms = last_change_ms.filter(|at_ms| (since_ms..=now_ms).contains(at_ms)).unwrap_or(now_ms);
                let (service, replica, dependency) =
                    (self.service.clone(), self.replica.name.clone(), dependency.clone());
                events.push(Event { at_ms, kind: EventKind::Breaker { service, replica, dependency, state: now } });
            }
            triggered += match before {
                // Those from before the dashboard looked don't count, but for the one that goes on.
                None => u64::from(now == BreakerState::Open),
                // It counts from the beginning after a restart.
                Some((_, before)) => opened.checked_sub(before).unwrap_or(opened),
            };
            let (service, replica) = (self.service.clone(), self.replica.name.clone());
            Some(Breaker { service, replica, dependency, state, failure_share, calls, opened, last_change_ms })
        });
        self.shown = rows.collect();
        self.rest();
        (events, triggered)
    }
}

/// A successful answer that is not too long.
async fn fetch(client: &reqwest::Client, url: &str) -> Option<String> {
    let mut answer = client.get(url).send().await.ok().filter(|answer| answer.status().is_success())?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST {
            tracing::debug!(url, "tells more than is read");
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, http::StatusCode, routing::get};

    use super::*;
    use crate::server::services::Member;

    fn asked() -> Asked {
        let service = Service::new("shop", "http://127.0.0.1:8080");
        Asked::new(&service, &Replica::only(&service))
    }

    fn told(state: BreakerState, opened: u64, last_change_ms: Option<Millis>) -> BTreeMap<String, Told> {
        BTreeMap::from([("bank".into(), Told { state: Some(state), opened, last_change_ms, ..Told::default() })])
    }

    fn event(at_ms: Millis, state: BreakerState) -> Event {
        let (service, replica, dependency) = ("shop".into(), "shop-1".into(), "bank".into());
        Event { at_ms, kind: EventKind::Breaker { service, replica, dependency, state } }
    }

    #[test]
    fn changes_are_written_down_when_they_were_and_openings_counted() {
        use BreakerState::{Closed, HalfOpen, Open};
        let mut shop = asked();
        assert_eq!(shop.told(told(Closed, 4, Some(10)), 1_000), (vec![], 0), "the first look at a closed one");
        assert_eq!(shop.told(told(Open, 5, Some(1_400)), 2_000), (vec![event(1_400, Open)], 1));
        assert_eq!(shop.told(told(Open, 5, Some(1_400)), 3_000), (vec![], 0));
        shop.silent();
        assert_eq!((shop.shown.len(), shop.shown[0].state, shop.shown[0].opened), (1, None, 5));
        assert_eq!(shop.told(told(HalfOpen, 5, None), 4_000), (vec![event(4_000, HalfOpen)], 0), "without a time");
        assert_eq!(shop.told(told(HalfOpen, 7, Some(99_000)), 5_000), (vec![], 2), "between two looks");
        assert_eq!(shop.told(told(Closed, 0, Some(99_000)), 6_000), (vec![event(6_000, Closed)], 0), "a clock ahead");
        assert_eq!(shop.told(told(Closed, 2, None), 7_000), (vec![], 2), "counted anew after a restart");
        assert_eq!(shop.told(BTreeMap::new(), 8_000), (vec![], 0));
        assert!(shop.shown.is_empty(), "it tells of none any more");
        assert_eq!(asked().told(told(Open, 3, None), 500), (vec![event(500, Open)], 1), "one that is open already");
    }

    #[tokio::test]
    async fn replicas_are_asked_over_http_and_bad_answers_are_none() {
        let answer = Arc::new(Mutex::new((StatusCode::OK, String::new())));
        let shown = Arc::clone(&answer);
        let router = Router::new().route("/metrics", get(move || async move { shown.lock().unwrap().clone() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = tokio::spawn(async { axum::serve(listener, router).await });
        let say = |status, text: &str| *answer.lock().unwrap() = (status, text.to_owned());

        let state = |state: &str| format!("circuit_breaker_state{{dependency=\"bank\",state=\"{state}\"}} 1\n");
        say(StatusCode::OK, &state("open"));
        let client = reqwest::Client::new();
        let asked = async || fetch(&client, &format!("{url}/metrics")).await;
        assert!(asked().await.is_some());
        say(StatusCode::NOT_FOUND, &state("open"));
        assert_eq!(asked().await, None);
        say(StatusCode::OK, &"x".repeat(LONGEST + 1));
        assert_eq!(asked().await, None);

        say(StatusCode::OK, &state("open"));
        let registry: Registry =
            [Service::new("shop", &url), Service::new(DASHBOARD_SERVICE, &url)].map(Member::from).into_iter().collect();
        let (journal, shutdown) = (Journal::default(), Shutdown::default());
        let mut breakers = watch(&registry, journal.clone(), &shutdown);
        let open = breakers.wait_for(|breakers| !breakers.is_empty()).await.unwrap().clone();
        assert_eq!((open.all.len(), open.triggered), (1, 1), "the dashboard does not ask itself");
        say(StatusCode::OK, &state("closed"));
        let closed = |breakers: &Breakers| breakers.all[0].state == Some(BreakerState::Closed);
        breakers.wait_for(closed).await.unwrap();
        let states = journal.events().into_iter().map(|event| match event.kind {
            EventKind::Breaker { state, .. } => state,
            other => panic!("{other:?}"),
        });
        assert_eq!(states.collect::<Vec<_>>(), [BreakerState::Open, BreakerState::Closed]);
        serve.abort();
        shutdown.token.cancel();
    }
}
