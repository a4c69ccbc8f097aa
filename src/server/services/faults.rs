//! The faults that are set: the one place that sets them, takes them back, and writes down where each is.
//!
//! A fault ends at its time whoever set it is gone by then: doors and the supervisor know the time themselves, and what is
//! still on in the [`book`] when a dashboard starts is taken back. What is done to a container knows no time: there, the next
//! start is what ends it.

mod book;
mod means;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        Millis,
        event::{Event, EventKind},
        fault::{
            Fault, FaultDraft, FaultEnd, FaultId, FaultKind, FaultLimits, FaultPlace, FaultRequest, FaultRules,
            FaultState, FaultTarget, admit, still_told,
        },
        service::{Replica, Service},
    },
};
use tokio::sync::watch;

use self::{
    book::Book,
    means::{AtHand, Means},
};
use super::{Registry, asker, containers::Containers, gateway::Gateway, supervisor::Supervisor};
use crate::server::{clock::now_ms, config::Config, ids, journal::Journal, shutdown::Shutdown, told};

/// Faults that are over and still told of.
const KEPT: usize = 50;

/// How long a restart may take before it is said to have failed.
const RESTART: Duration = Duration::from_secs(30);

/// Between two tries to take a fault back.
const AGAIN: Duration = Duration::from_secs(1);

/// How long somebody who asks for a restore waits for it; it goes on after that.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a replica is asked whether it is well again, and for how long.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS_END: Duration = Duration::from_secs(120);

/// How long a replica may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// What faults are set with.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// What can be hit.
    pub services: Registry,
    /// Where it is written down what is set.
    pub journal: Journal,
    /// Takes everything back.
    pub shutdown: Shutdown,
}

/// The faults. Copies are handles on the same ones.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    limits: FaultLimits,
    services: Registry,
    means: Means,
    book: Book,
    journal: Journal,
    shutdown: Shutdown,
    /// Newest first. Whoever changes something holds the lock until it is in the book.
    known: Mutex<()>,
    told: watch::Sender<Vec<Fault>>,
    /// How often which took hold in which service.
    counts: Mutex<BTreeMap<(FaultKind, String), u64>>,
    /// How often all was taken back for good: what was asked for before is not set after it.
    halts: AtomicU64,
}

impl Faults {
    /// Takes back what an earlier process left set, and is ready for more.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn start(parts: Parts) -> Result<Self, reqwest::Error> {
        let Parts { config, services, journal, shutdown } = parts;
        let http = asker(ANSWER).no_proxy().build()?;
        let means = Means {
            gateway: Gateway::new(&config.gateway),
            supervisor: Supervisor::new(&config.supervisor),
            containers: Containers::new(&config),
            http,
        };
        let book = Book::new(&config.state_dir);
        let mut known = book.read();
        let mut left = Vec::new();
        for fault in known.iter_mut().filter(|fault| fault.state.is_on()) {
            fault.state = FaultState::Restoring { why: FaultEnd::Start };
            left.push(fault.clone());
        }
        let (told, _) = watch::channel(known);
        let limits = config.fault_limits;
        let (known, counts, halts) = Default::default();
        let this =
            Self(Arc::new(Inner { limits, services, means, book, journal, shutdown, known, told, counts, halts }));
        for fault in left {
            tracing::warn!(fault = %fault.id, kind = fault.request.kind.name(), "was left set, and is taken back");
            // The journal is new: that it was set is to be told beside its end.
            fault.set_at_ms.into_iter().for_each(|set_ms| this.note_set(set_ms, &fault));
            this.spawn(this.clone().take_back(fault, FaultEnd::Start));
        }
        this.spawn(this.clone().take_all_back_at_the_end());
        Ok(this)
    }

    /// Follows what is set and what was, newest first. It is in the journal by then.
    pub fn watch(&self) -> watch::Receiver<Vec<Fault>> {
        self.0.told.subscribe()
    }

    /// What is set and what was, newest first.
    pub fn all(&self) -> Vec<Fault> {
        self.0.told.borrow().clone()
    }

    /// How often which took hold in which service since the start.
    pub fn counts(&self) -> BTreeMap<(FaultKind, String), u64> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What can be done to which replica now.
    pub async fn rules(&self) -> FaultRules {
        self.rules_with(&self.at_hand().await)
    }

    async fn at_hand(&self) -> AtHand {
        let replicas = self.0.services.members().iter().flat_map(|member| &member.replicas);
        self.0.means.at_hand(replicas).await
    }

    fn rules_with(&self, at_hand: &AtHand) -> FaultRules {
        let place = |replica: &Replica| FaultPlace { name: replica.name.clone(), kinds: at_hand.kinds(replica) };
        let targets = self.0.services.members().iter().map(|member| FaultTarget {
            service: member.service.name.clone(),
            replicas: member.replicas.iter().map(place).collect(),
        });
        // What nothing can be done to is nothing to choose.
        let targets = targets.filter(|target| target.replicas.iter().any(|place| !place.kinds.is_empty()));
        FaultRules { limits: self.0.limits, targets: targets.collect() }
    }

    /// Checks a draft and sets it. Resolves when it is confirmed, or a restart has begun.
    ///
    /// # Errors
    /// When it is not valid, not allowed now, or does not take hold; nothing of it stays then.
    pub async fn set(&self, caller: &Caller, draft: FaultDraft) -> Result<Fault, ApiError> {
        let since = self.halts();
        let at_hand = self.at_hand().await;
        let rules = self.rules_with(&at_hand);
        let request = draft.validate(&rules).map_err(|errors| ApiError::InvalidFault { errors })?;
        let fault = self.begin(caller, request, &rules, &at_hand, since)?;
        self.hold(fault).await
    }

    /// Sets what was checked before. That it may not be set now is told on the timeline: nobody waits for an answer.
    ///
    /// # Errors
    /// When it is not allowed now, or does not take hold; nothing of it stays then.
    pub async fn carry_out(&self, caller: &Caller, request: FaultRequest) -> Result<Fault, ApiError> {
        let since = self.halts();
        let at_hand = self.at_hand().await;
        match self.begin(caller, request.clone(), &self.rules_with(&at_hand), &at_hand, since) {
            Ok(fault) => self.hold(fault).await,
            Err(error) => {
                let now_ms = now_ms();
                self.note(
                    now_ms,
                    EventKind::FaultFailed {
                        fault: ids::fault(now_ms),
                        kind: request.kind,
                        service: request.service,
                        replicas: request.replica.into_iter().collect(),
                        reason: error.to_string(),
                    },
                );
                Err(error)
            }
        }
    }

    /// Takes the place for a fault that was asked for when there were `since` halts, and writes it down.
    fn begin(
        &self,
        caller: &Caller,
        request: FaultRequest,
        rules: &FaultRules,
        at_hand: &AtHand,
        since: u64,
    ) -> Result<Fault, ApiError> {
        let _known = self.known();
        if self.halts() != since {
            return Err(ApiError::Halted);
        }
        let on = self.0.told.borrow().clone();
        let replicas = admit(&request, rules, &on, &|name| at_hand.is_down(name))
            .map_err(|refusal| ApiError::FaultRefused { refusal })?;
        let (now_ms, of_replicas) =
            (now_ms(), rules.target(&request.service).map_or(0, |target| target.replicas.len()));
        let lasts = request.ends_after_s(&self.0.limits).map_or(RESTART * 10, |s| Duration::from_secs(s.into()));
        let fault = Fault {
            id: ids::fault(now_ms),
            replicas,
            of_replicas: u32::try_from(of_replicas).unwrap_or(u32::MAX),
            state: FaultState::Setting,
            asked_ms: now_ms,
            set_at_ms: None,
            until_ms: now_ms + lasts.as_millis() as Millis,
            restored_at_ms: None,
            healthy_again_ms: None,
            by: format!("{} {}", caller.door, caller.correlation_id),
            request,
        };
        self.0.book.write(std::iter::once(&fault).chain(&on)).map_err(|error| ApiError::Unavailable {
            what: format!("a fault is only set where it can be written down, and the state folder refuses: {error}"),
        })?;
        self.0.told.send_modify(|told| {
            told.insert(0, fault.clone());
            told.retain(still_told(KEPT));
        });
        Ok(fault)
    }

    /// Lets a fault take hold. It goes on whether or not whoever asked still listens.
    async fn hold(&self, fault: Fault) -> Result<Fault, ApiError> {
        let setting = self.spawn(self.clone().take_hold(fault));
        setting.await.unwrap_or_else(|error| Err(told::broke_off(error)))
    }

    /// Takes a fault back before its time.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub async fn restore(&self, id: &FaultId, why: FaultEnd) -> Result<Fault, ApiError> {
        let over = |fault: &Fault| ApiError::FaultOver { fault: fault.id.clone() };
        let begun = self.change(id, |fault| match fault.state {
            FaultState::Active if fault.request.kind.lasts() => {
                fault.state = FaultState::Restoring { why };
                Some(fault.clone())
            }
            _ => None,
        });
        match begun {
            None => Err(ApiError::NotFound { what: format!("fault {id}") }),
            Some((fault, None)) if matches!(fault.state, FaultState::Restoring { .. }) => Ok(fault),
            Some((fault, None)) => Err(over(&fault)),
            Some((_, Some(fault))) => {
                let done = self.spawn(self.clone().take_back(fault, why));
                // Longer than that is told by the fault's state.
                let _ = tokio::time::timeout(PATIENCE, done).await;
                self.get(id)
            }
        }
    }

    /// Takes back all that is set, at once.
    pub async fn restore_all(&self, why: FaultEnd) -> Vec<Fault> {
        let on =
            self.0.told.borrow().iter().filter(|fault| fault.state == FaultState::Active).cloned().collect::<Vec<_>>();
        let restored = join_all(on.iter().map(|fault| self.restore(&fault.id, why))).await;
        restored.into_iter().flatten().collect()
    }

    /// Whether something is set, or about to be, that can be taken back.
    pub fn any_on(&self) -> bool {
        self.0.told.borrow().iter().any(|fault| fault.state.is_on() && fault.request.kind.lasts())
    }

    /// Takes back all that is set, also what only just takes hold; what was asked for before and has not begun is refused.
    /// What was set, as it is when that is done, or is being done for long.
    pub async fn halt(&self) -> Vec<Fault> {
        let on = {
            let _known = self.known();
            self.0.halts.fetch_add(1, Ordering::SeqCst);
            let told = self.0.told.borrow();
            let on = told.iter().filter(|fault| fault.state.is_on() && fault.request.kind.lasts());
            on.map(|fault| fault.id.clone()).collect::<Vec<_>>()
        };
        let taken_back = on.into_iter().map(|id| {
            let (this, asked) = (self.clone(), id.clone());
            let done = self.spawn(async move { this.take_back_once_set(&asked).await });
            async move {
                // It goes on after that.
                let _ = tokio::time::timeout(PATIENCE, done).await;
                self.get(&id).ok()
            }
        });
        join_all(taken_back).await.into_iter().flatten().collect()
    }

    async fn take_back_once_set(&self, id: &FaultId) {
        let mut told = self.watch();
        let is_set =
            |told: &Vec<Fault>| !told.iter().any(|fault| fault.id == *id && fault.state == FaultState::Setting);
        if told.wait_for(is_set).await.is_ok() {
            // One that did not take hold is over.
            let _ = self.restore(id, FaultEnd::Asked).await;
        }
    }

    fn halts(&self) -> u64 {
        self.0.halts.load(Ordering::SeqCst)
    }

    /// One fault.
    ///
    /// # Errors
    /// When there is none, or it is not told of any more.
    pub fn get(&self, id: &FaultId) -> Result<Fault, ApiError> {
        let found = self.0.told.borrow().iter().find(|fault| fault.id == *id).cloned();
        found.ok_or_else(|| ApiError::NotFound { what: format!("fault {id}") })
    }

    async fn take_hold(self, fault: Fault) -> Result<Fault, ApiError> {
        let (id, kind, effect) = (&fault.id, fault.request.kind, fault.request.effect());
        if !kind.lasts() {
            let fault = self.confirm(&fault);
            self.spawn(self.clone().restart(fault.clone()));
            return Ok(fault);
        }
        let hit = self.hit(&fault);
        let set = join_all(hit.iter().map(|(_, replica)| self.0.means.set(replica, effect, fault.until_ms))).await;
        match set.into_iter().find_map(Result::err) {
            None => {
                let fault = self.confirm(&fault);
                self.spawn(self.clone().end_in_time(fault.clone()));
                Ok(fault)
            }
            Some(error) => {
                // Where it took hold already it does not stay.
                let undone = join_all(hit.iter().map(|(_, replica)| self.0.means.restore(replica, kind))).await;
                undone
                    .into_iter()
                    .filter_map(Result::err)
                    .for_each(|error| tracing::warn!(fault = %id, %error, "not undone"));
                let reason = error.to_string();
                self.fail(&fault, &reason);
                Err(ApiError::Unavailable { what: reason })
            }
        }
    }

    fn confirm(&self, fault: &Fault) -> Fault {
        let (now_ms, request) = (now_ms(), &fault.request);
        tracing::info!(fault = %fault.id, kind = request.kind.name(), replicas = ?fault.replicas, by = fault.by, "set");
        self.note_set(now_ms, fault);
        let of = (request.kind, request.service.clone());
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default() += 1;
        let confirmed = self.change(&fault.id, |fault| {
            fault.state = FaultState::Active;
            fault.set_at_ms = Some(now_ms);
        });
        confirmed.map_or_else(|| fault.clone(), |(fault, ())| fault)
    }

    fn fail(&self, fault: &Fault, reason: &str) {
        tracing::warn!(fault = %fault.id, reason, "failed");
        self.note(
            now_ms(),
            EventKind::FaultFailed {
                fault: fault.id.clone(),
                kind: fault.request.kind,
                service: fault.request.service.clone(),
                replicas: fault.replicas.clone(),
                reason: reason.to_owned(),
            },
        );
        self.change(&fault.id, |fault| fault.state = FaultState::Failed { reason: reason.to_owned() });
    }

    async fn end_in_time(self, fault: Fault) {
        let left = Duration::from_millis(fault.until_ms.saturating_sub(now_ms()));
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = self.0.shutdown.token.cancelled() => return,
        }
        // Somebody may have been faster.
        let _ = self.restore(&fault.id, FaultEnd::Time).await;
    }

    /// Restarts the replicas, one after the other where that is asked for, each once the one before is well.
    async fn restart(self, fault: Fault) {
        let effect = fault.request.effect();
        let one = |service: Service, replica: Replica| {
            let this = self.clone();
            async move {
                this.0.means.set(&replica, effect, 0).await.map_err(|error| error.to_string())?;
                let well = tokio::time::timeout(RESTART, this.is_well(&service, &replica)).await;
                well.map_err(|_| format!("{} does not answer after its restart", replica.name))
            }
        };
        let hit = self.hit(&fault);
        let done = if fault.request.kind == FaultKind::RollingRestart {
            let mut done = Ok(());
            for (service, replica) in hit {
                if done.is_ok() {
                    done = one(service, replica).await;
                }
            }
            done
        } else {
            join_all(hit.into_iter().map(|(service, replica)| one(service, replica))).await.into_iter().collect()
        };
        match done {
            Ok(()) => self.restored(&fault, FaultEnd::Done, now_ms()),
            Err(reason) => self.fail(&fault, &reason),
        }
    }

    /// Takes a fault back, however often that has to be tried. One whose time came while no dashboard was there had ended then.
    async fn take_back(self, fault: Fault, why: FaultEnd) {
        let kind = fault.request.kind;
        let mut hit = self.hit(&fault);
        let had_ended = why == FaultEnd::Start
            && now_ms() >= fault.until_ms
            && hit.iter().all(|(_, replica)| means::ends_by_itself(replica, kind));
        let mut told = String::new();
        loop {
            let tried = join_all(hit.iter().map(|(_, replica)| self.0.means.restore(replica, kind))).await;
            let mut tried = tried.into_iter();
            let mut last = None;
            hit.retain(|_| match tried.next() {
                Some(Err(error)) => {
                    last = Some(error);
                    true
                }
                _ => false,
            });
            let Some(error) = last else { break };
            if now_ms() >= fault.until_ms && error.ends_by_itself() {
                tracing::warn!(fault = %fault.id, %error, "can't be taken back; its own time is over");
                break;
            }
            let why_not = error.to_string();
            if why_not != told {
                tracing::warn!(fault = %fault.id, error = why_not, "not taken back yet");
                told = why_not;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                // The next start tries again.
                () = self.0.shutdown.token.cancelled(), if why != FaultEnd::Shutdown => return,
            }
        }
        match had_ended {
            true => self.restored(&fault, FaultEnd::Time, fault.until_ms),
            false => self.restored(&fault, why, now_ms()),
        }
    }

    fn restored(&self, fault: &Fault, why: FaultEnd, at_ms: Millis) {
        tracing::info!(fault = %fault.id, ?why, "restored");
        self.note(
            at_ms,
            EventKind::FaultRestored {
                fault: fault.id.clone(),
                kind: fault.request.kind,
                service: fault.request.service.clone(),
                replicas: fault.replicas.clone(),
                why,
            },
        );
        self.change(&fault.id, |fault| {
            fault.state = FaultState::Restored { why };
            fault.restored_at_ms = Some(at_ms);
        });
        self.spawn(self.clone().see_well_again(fault.clone()));
    }

    /// Notes when every replica that was hit answers its callers again.
    async fn see_well_again(self, fault: Fault) {
        let hit = self.hit(&fault);
        let well = join_all(hit.iter().map(|(service, replica)| self.is_well(service, replica)));
        tokio::select! {
            well = tokio::time::timeout(LOOKS_END, well) => {
                if well.is_ok() {
                    let now_ms = now_ms();
                    self.change(&fault.id, |fault| fault.healthy_again_ms = Some(now_ms));
                }
            }
            () = self.0.shutdown.token.cancelled() => {}
        }
    }

    /// Waits until a replica answers its health check the way its callers come.
    async fn is_well(&self, service: &Service, replica: &Replica) {
        let url = format!("{}{}", replica.reached_at(), service.health_path);
        while !self.0.means.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn take_all_back_at_the_end(self) {
        self.0.shutdown.token.cancelled().await;
        self.restore_all(FaultEnd::Shutdown).await;
    }

    /// The replicas that a fault hits, with their service.
    fn hit(&self, fault: &Fault) -> Vec<(Service, Replica)> {
        let members = self.0.services.members().iter();
        let pairs =
            members.flat_map(|member| member.replicas.iter().map(|replica| (member.service.clone(), replica.clone())));
        pairs.filter(|(_, replica)| fault.hits(&replica.name)).collect()
    }

    /// Changes a fault, in the book too; `None`: there is none. What it is after that, and what `change` says.
    fn change<T>(&self, id: &FaultId, change: impl FnOnce(&mut Fault) -> T) -> Option<(Fault, T)> {
        let _known = self.known();
        let mut changed = None;
        self.0.told.send_if_modified(|told| {
            let Some(fault) = told.iter_mut().find(|fault| fault.id == *id) else { return false };
            let before = fault.clone();
            let said = change(fault);
            let differs = before != *fault;
            changed = Some((fault.clone(), said, differs));
            differs
        });
        let (fault, said, differs) = changed?;
        if differs && let Err(error) = self.0.book.write(self.0.told.borrow().iter()) {
            // It was written down before it was set: at worst the next start takes back what is gone.
            tracing::warn!(fault = %id, %error, "its state can't be written down");
        }
        Some((fault, said))
    }

    fn note_set(&self, at_ms: Millis, fault: &Fault) {
        let request = &fault.request;
        self.note(
            at_ms,
            EventKind::FaultSet {
                fault: fault.id.clone(),
                kind: request.kind,
                service: request.service.clone(),
                replicas: fault.replicas.clone(),
                intensity: request.intensity,
                for_s: request.ends_after_s(&self.0.limits),
            },
        );
    }

    fn note(&self, at_ms: Millis, kind: EventKind) {
        self.0.journal.append(Event { at_ms, kind });
    }

    fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
        self.0.shutdown.tasks.spawn(task)
    }

    fn known(&self) -> MutexGuard<'_, ()> {
        // Nothing is kept in it.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
