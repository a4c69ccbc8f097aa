//! One fault, and all that is gathered to reckon what it costs.

use std::{collections::BTreeMap, sync::Arc};

use ha_dashboard::domain::{
    Millis,
    breaker::{BreakerState, Breakers},
    cost::{Cost, Earlier, Evidence, FaultCost, GuardWatch, Sighting, Slice, Tally},
    event::{Event, EventKind},
    fault::{self, Fault, FaultId, FaultState},
    run::{Run, RunId},
    service::{Health, Slo},
};

use super::eye::{Eye, Seen};
use crate::server::{hub::Push, services::Registry};

/// After a fault's end the eye stays open for so long.
const LOOKS_ON_MS: Millis = 15_000;

/// After a run's end its last samples come within this time.
const LAST_SAMPLES_MS: Millis = 3000;

/// After a start, the history of a run is read again within this time.
const HISTORY_MS: Millis = 30_000;

/// What was asked of each service in the run at work so far.
#[derive(Debug, Default)]
pub struct Whole {
    run: Option<RunId>,
    seconds: f64,
    services: BTreeMap<Arc<str>, Tally>,
}

/// A fault of which something can still change.
pub struct Case {
    /// The fault.
    pub id: FaultId,
    /// The run that was at work when it was set.
    pub run: Option<RunId>,
    /// The service that is hit.
    service: String,
    /// Those of its replicas that are hit.
    replicas: Vec<String>,
    /// The service, and those that call it: whose requests count.
    affected: Vec<String>,
    slo: Option<Slo>,
    slices: Vec<Slice>,
    guard: Option<GuardWatch>,
    guard_broken: bool,
    set_ms: Option<Millis>,
    load_ended_ms: Option<Millis>,
    probe: Sighting,
    breaker: Sighting,
    /// Open while there is something to see.
    eye: Option<Eye>,
    seen: Seen,
    /// What an earlier process left.
    left: Option<Left>,
}

/// What a process that is gone knew of a fault, and when it was gone.
#[derive(Debug)]
pub struct Left {
    /// The cost as it was told last; `None`: none was.
    pub told: Option<FaultCost>,
    /// When it looked last.
    pub from_ms: Millis,
    /// When we began to look.
    pub to_ms: Millis,
}

impl Whole {
    /// Takes the next push; one of another run begins anew.
    pub fn take(&mut self, push: &Push) {
        if self.run.as_ref() != Some(&push.run) {
            *self = Self { run: Some(push.run.clone()), ..Self::default() };
        }
        self.seconds += push.to_ms.saturating_sub(push.from_ms) as f64 / 1e3;
        for (service, slice) in &push.services {
            self.services.entry(service.clone()).or_default().add(slice);
        }
    }

    fn of(&self, run: Option<&RunId>, services: &[String]) -> Option<Tally> {
        self.run.as_ref().filter(|own| Some(*own) == run)?;
        let counts = |name: &str| name.is_empty() || services.iter().any(|service| service == name);
        let own = self.services.iter().filter(|(name, _)| counts(name));
        let sum = own.fold(Tally::default(), |sum, (_, tally)| Tally {
            valid: sum.valid + tally.valid,
            bad: sum.bad + tally.bad,
            ..sum
        });
        Some(Tally { seconds: self.seconds, ..sum })
    }
}

impl Case {
    /// A fault that is being set, or that was `left` by an earlier process.
    pub fn new(fault: &Fault, run: Option<RunId>, services: &Registry, eye: Option<Eye>, left: Option<Left>) -> Self {
        let service = fault.request.service.clone();
        let members = services.members();
        let calls: Vec<_> = members.iter().map(|member| (&*member.service.name, &*member.service.depends_on)).collect();
        let affected = fault::affected(&service, &calls).into_iter().map(ToOwned::to_owned).collect();
        let slo = members.iter().find(|member| member.service.name == service).and_then(|member| member.service.slo);
        Self {
            id: fault.id.clone(),
            run,
            affected,
            slo,
            service,
            replicas: fault.replicas.clone(),
            slices: Vec::new(),
            guard: fault.request.guard.map(GuardWatch::new),
            guard_broken: false,
            set_ms: None,
            load_ended_ms: None,
            // The dashboard's own probes never rest.
            probe: Sighting::Nothing,
            breaker: Sighting::Unwatched,
            eye,
            seen: Seen::default(),
            left,
        }
    }

    /// Whether what k6 measured while nobody looked is still being read again.
    fn awaits_history(&self, set_ms: Millis, now_ms: Millis) -> bool {
        let is_there = self.slices.first().is_some_and(|first| first.from_ms <= set_ms);
        self.run.is_some() && !is_there && self.left.as_ref().is_some_and(|left| now_ms < left.to_ms + HISTORY_MS)
    }

    /// Whether anything of a fault is still to be seen.
    pub fn has_sight(fault: &Fault, now_ms: Millis) -> bool {
        fault.restored_at_ms.is_none_or(|restored_ms| now_ms <= restored_ms + LOOKS_ON_MS)
    }

    /// Takes what k6 pushed. Another run is another story.
    pub fn take(&mut self, push: &Push) {
        if self.run.as_ref() != Some(&push.run) {
            return;
        }
        let slice = push.slice(&self.affected);
        let after = self.set_ms.is_some_and(|set_ms| slice.to_ms > set_ms);
        if self.guard.as_mut().filter(|_| after).is_some_and(|guard| guard.take(&slice)) {
            (self.guard, self.guard_broken) = (None, true);
        }
        self.slices.push(slice);
    }

    /// Takes what somebody noticed.
    pub fn notice(&mut self, event: &Event) {
        if self.set_ms.is_none_or(|set_ms| event.at_ms < set_ms) {
            return;
        }
        let is_bad = |health: &Health| matches!(health, Health::Down { .. } | Health::Degraded { .. });
        let clock = match &event.kind {
            EventKind::Health { service, health } if *service == self.service && is_bad(health) => &mut self.probe,
            EventKind::ReplicaHealth { replica, health, .. } if self.replicas.contains(replica) && is_bad(health) => {
                &mut self.probe
            }
            EventKind::Breaker { dependency, state: BreakerState::Open, .. } if *dependency == self.service => {
                &mut self.breaker
            }
            _ => return,
        };
        // The first who says so stops the clock.
        if !matches!(clock, Sighting::At(_)) {
            *clock = Sighting::At(event.at_ms);
        }
    }

    /// Takes in which circuit breakers there are: one before the service is a witness, whatever it says.
    pub fn watched_by(&mut self, breakers: &Breakers) {
        let has_witness = breakers.all.iter().any(|breaker| breaker.dependency == self.service);
        if has_witness && self.breaker == Sighting::Unwatched {
            self.breaker = Sighting::Nothing;
        }
    }

    /// Takes in where the fault and the run are.
    pub fn follow(&mut self, fault: &Fault, run: Option<&Run>) {
        self.set_ms = fault.set_at_ms;
        let own = run.filter(|run| Some(&run.id) == self.run.as_ref());
        // A run that another one has replaced is over.
        self.load_ended_ms = match (&self.run, own) {
            (Some(_), Some(run)) => run.ended_ms,
            (Some(_), None) => self.load_ended_ms.or(self.slices.last().map(|slice| slice.to_ms)),
            (None, _) => None,
        };
    }

    /// Whether its guard is broken while it is on; told once.
    pub fn is_guard_broken(&mut self) -> bool {
        std::mem::take(&mut self.guard_broken)
    }

    /// What it costs; `None`: it is not confirmed.
    pub fn reckon(&mut self, fault: &Fault, whole: &Whole, now_ms: Millis) -> Option<Cost> {
        let set_ms = self.set_ms?;
        if let Some(eye) = &self.eye {
            self.seen = eye.seen();
        }
        if !Self::has_sight(fault, now_ms) {
            self.eye = None;
        }
        let cost = Cost::reckon(
            &Evidence {
                set_ms,
                restored_ms: fault.restored_at_ms,
                redundant_ms: fault.healthy_again_ms,
                slices: &self.slices,
                load_ended_ms: self.load_ended_ms.filter(|ended_ms| now_ms > ended_ms + LAST_SAMPLES_MS),
                probes: &self.seen.probes,
                gateway: self.seen.gateway,
                probe: self.probe,
                breaker: self.breaker,
                slo: self.slo,
                run: whole.of(self.run.as_ref(), &self.affected),
                hypothesis: fault.request.hypothesis,
                earlier: self.left.as_ref().map(|left| Earlier {
                    cost: left.told.as_ref().map(|told| &told.cost),
                    from_ms: left.from_ms,
                    to_ms: left.to_ms,
                }),
            },
            now_ms,
        );
        // The eye may still see something, but of what went wrong nobody knows when it ends.
        let failed = matches!(fault.state, FaultState::Failed { .. });
        let settled = failed || (cost.settled && self.eye.is_none() && !self.awaits_history(set_ms, now_ms));
        Some(Cost { settled, ..cost })
    }
}
