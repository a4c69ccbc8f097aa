//! Tells others what happens, by webhooks. A message waits in the database until it has arrived, so that it outlasts a
//! restart; each target has a task of its own, so that one that does not answer holds up nobody else.

pub mod client;
mod signature;
mod watch;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use ha_dashboard::{
    api::{
        error::ApiError,
        port::{SharedControl, ShownHook, ShownHooks},
    },
    domain::{
        Millis,
        hook::{Delivery, DeliveryState, Fate, HookEvent},
    },
    notice::{Notice, What},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::client::{Client, Request};
use super::{
    clock::now_ms,
    config::{Config, webhooks::Webhook},
    database::{Database, Message},
    figures::FIGURES,
    journal::Journal,
};

/// Messages are forgotten after a week; none is tried for so long.
const KEPT_MS: Millis = 7 * 86_400_000;

/// How often it is looked at the clock at least: it may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(10);

/// How long a database that can't be used is left alone.
const RETRY: Duration = Duration::from_secs(5);

/// How long somebody who tries a target out waits for its answer at most.
const TEST_WAIT: Duration = Duration::from_secs(5);

/// Deliveries that are shown.
const SHOWN: u32 = 30;

/// Everybody who is told. Copies are handles on the same.
#[derive(Debug, Clone)]
pub struct Hooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    targets: Vec<Target>,
    database: Database,
    public_url: Option<String>,
}

#[derive(Debug)]
struct Target {
    hook: Webhook,
    /// There is something new for it.
    news: Notify,
    /// One try more is over.
    tried: Notify,
    /// Whether it wants no more messages.
    unwanted: AtomicBool,
}

impl Hooks {
    /// Those of the configuration; nobody is told anything before [`Hooks::keep`].
    pub fn new(config: &Config, database: Database) -> Self {
        let target = |hook: &Webhook| Target {
            hook: hook.clone(),
            news: Notify::new(),
            tried: Notify::new(),
            unwanted: AtomicBool::new(false),
        };
        let targets = config.webhooks.iter().map(target).collect();
        Self(Arc::new(Shared { targets, database, public_url: config.public_url.clone() }))
    }

    /// Tells what happens, until the end.
    pub async fn keep(self, control: SharedControl, journal: Journal, end: CancellationToken) {
        if self.0.targets.is_empty() {
            return;
        }
        if let Err(error) =
            self.0.database.ask(|database| database.forget_messages(now_ms().saturating_sub(KEPT_MS))).await
        {
            tracing::warn!(%error, "old messages to webhooks can't be forgotten");
        }
        let client = Client::new();
        let deliver = join_all(self.0.targets.iter().map(|target| self.deliver(target, &client, &end)));
        tokio::join!(deliver, watch::run(&self, &control, &journal, &end));
    }

    /// Everybody who is told, and the last messages.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn shown(&self) -> Result<ShownHooks, ApiError> {
        let shown = |target: &Target| ShownHook {
            name: target.hook.name.clone(),
            address: target.hook.shown.clone(),
            form: target.hook.form,
            is_signed: target.hook.secret.is_some(),
            events: target.hook.events.clone(),
            is_unwanted: target.unwanted.load(Ordering::Relaxed),
        };
        let hooks = self.0.targets.iter().map(shown).collect::<Vec<_>>();
        let deliveries = self.0.database.ask(|database| database.deliveries(SHOWN)).await?;
        Ok(ShownHooks { hooks, deliveries })
    }

    /// Sends a message that says that it is a test, and waits a while for what comes of it.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn test(&self, name: &str) -> Result<Delivery, ApiError> {
        let target = self.0.targets.iter().find(|target| target.hook.name == name);
        let target = target.ok_or_else(|| ApiError::NotFound { what: format!("webhook {name:.60}") })?;
        let notice = Notice { at_ms: now_ms(), what: What::Test { hook: name.into() } };
        let sent = self.send(target, &notice).await?;
        let over = async {
            loop {
                let tried = target.tried.notified();
                let id = sent.id.clone();
                let hook = sent.hook.clone();
                match self.0.database.ask(move |database| database.delivery(&hook, &id)).await {
                    Ok(Some(delivery)) if delivery.state == DeliveryState::Waiting => tried.await,
                    found => return found.map(|found| found.unwrap_or_else(|| sent.clone())),
                }
            }
        };
        timeout(TEST_WAIT, over).await.unwrap_or_else(|_| Ok(sent.clone()))
    }

    /// Puts what there is to tell into the outbox, for everybody who asked for such.
    async fn tell(&self, notice: &Notice) {
        let event = notice.event();
        let wants = |target: &&Target| target.hook.events.contains(&event) && !target.unwanted.load(Ordering::Relaxed);
        for target in self.0.targets.iter().filter(wants) {
            if let Err(error) = self.send(target, notice).await {
                tracing::error!(webhook = target.hook.name, event = event.name(), %error, "a message can't be kept, and is not sent");
            }
        }
    }

    async fn send(&self, target: &Target, notice: &Notice) -> Result<Delivery, ApiError> {
        let Webhook { name, form, lang, .. } = &target.hook;
        let delivery = Delivery {
            id: signature::message_id(&notice.key()),
            hook: name.clone(),
            event: notice.event(),
            at_ms: notice.at_ms,
            state: DeliveryState::Waiting,
            tries: 0,
            due_ms: Some(now_ms()),
            tried_ms: None,
            answer: None,
        };
        let body = notice.body(*form, *lang, self.0.public_url.as_deref());
        let message = Message { delivery: delivery.clone(), body };
        if self.0.database.ask(move |database| database.add_message(&message)).await? {
            target.news.notify_one();
        }
        Ok(delivery)
    }

    /// Delivers what waits for a target, one after the other, until the end.
    async fn deliver(&self, target: &Target, client: &Client, end: &CancellationToken) {
        loop {
            let hook = target.hook.name.clone();
            let next = self.0.database.ask(move |database| {
                FIGURES.outbox.set(database.waiting_messages()?);
                database.next_message(&hook)
            });
            let wait = match next.await {
                Ok(Some(Message { delivery, body })) => {
                    let left_ms = delivery.due_ms.unwrap_or_default().saturating_sub(now_ms());
                    if left_ms == 0 {
                        let tried = async {
                            if let Err(error) = self.attempt(target, client, delivery, body).await {
                                tracing::error!(webhook = target.hook.name, %error, "what came of a message can't be kept");
                                sleep(RETRY).await;
                            }
                        };
                        tokio::select! {
                            () = tried => continue,
                            () = end.cancelled() => return,
                        }
                    }
                    Duration::from_millis(left_ms).min(LOOK)
                }
                Ok(None) => LOOK,
                Err(error) => {
                    tracing::warn!(webhook = target.hook.name, %error, "the messages that wait can't be read");
                    RETRY
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = target.news.notified() => {}
                () = end.cancelled() => return,
            }
        }
    }

    /// Tries to deliver a message, and notes what came of it.
    async fn attempt(
        &self,
        target: &Target,
        client: &Client,
        delivery: Delivery,
        body: String,
    ) -> Result<(), ApiError> {
        let hook = &target.hook;
        let sent_ms = now_ms();
        let request = Request {
            url: &hook.url.0,
            id: &delivery.id,
            at_s: sent_ms / 1000,
            secret: hook.secret.as_ref().map(|secret| secret.0.as_slice()),
            body,
        };
        let answer = client.post(request).await;
        let tries = delivery.tries + 1;
        let fate = match answer.fate(tries, rand::random()) {
            // Whoever tries it out sees that it failed, and tries again.
            Fate::Again { .. } if delivery.event == HookEvent::Test => Fate::GivenUp,
            fate => fate,
        };
        let (state, due_ms) = match fate {
            Fate::Delivered => (DeliveryState::Delivered, None),
            Fate::Again { after_ms } => (DeliveryState::Waiting, Some(now_ms() + after_ms)),
            Fate::GivenUp | Fate::Unwanted => (DeliveryState::GivenUp, None),
        };
        tracing::info!(
            webhook = hook.name,
            event = delivery.event.name(),
            id = delivery.id,
            tries,
            ?answer,
            ?state,
            "told a webhook"
        );
        let changed =
            Delivery { state, tries, due_ms, tried_ms: Some(sent_ms), answer: Some(answer.clone()), ..delivery };
        let (name, is_unwanted) = (hook.name.clone(), fate == Fate::Unwanted);
        match fate {
            Fate::Unwanted => target.unwanted.store(true, Ordering::Relaxed),
            Fate::Delivered => target.unwanted.store(false, Ordering::Relaxed),
            Fate::Again { .. } | Fate::GivenUp => {}
        }
        let noted = self.0.database.ask(move |database| {
            database.change_message(&changed)?;
            if is_unwanted { database.give_up_messages(&name, &answer) } else { Ok(()) }
        });
        noted.await?;
        target.tried.notify_waiters();
        Ok(())
    }
}
