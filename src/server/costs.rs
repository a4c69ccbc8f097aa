//! What each fault costs, reckoned while it lasts and until nothing of it can change any more. What an earlier process of the
//! dashboard left open is closed by the next, which says when nobody looked.
//!
//! What k6 pushed comes from the hub, who noticed from the journal, and while a fault is on an [`Eye`] looks at the service
//! ten times a second. The arithmetic is in [`ha_dashboard::domain::cost`].

mod case;
mod eye;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ha_dashboard::domain::{
    Millis,
    breaker::Breakers,
    cost::FaultCost,
    fault::{Fault, FaultEnd, FaultId, FaultState},
    run::RunId,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    case::{Case, Left},
    eye::Eye,
};
use super::{
    clock::now_ms,
    disk,
    feed::RunFeed,
    hub::{Follower as PushFollower, Push, Pushes},
    journal::{Follower, Journal},
    services::{Registry, gateway::Gateway},
    shutdown::Shutdown,
};

/// How often costs are reckoned anew.
const EVERY: Duration = Duration::from_millis(500);

/// Costs kept, the newest first.
const KEPT: usize = 50;

/// Pushes from before a fault that tell how it was then: 30 s of them, and some more.
const BEFORE: usize = 60;

/// How often what can still change is written down.
const KEEP: Duration = Duration::from_secs(1);

/// The file in the state folder.
const FILE: &str = "costs.json";

/// Ends a fault whose guard is broken.
pub type Halt = Box<dyn Fn(FaultId) + Send + Sync>;

/// What costs are reckoned from.
pub struct Links {
    /// The faults that are set and that were, newest first.
    pub faults: watch::Receiver<Vec<Fault>>,
    /// What k6 pushes.
    pub pushes: Pushes,
    /// Which run is at work.
    pub runs: watch::Receiver<RunFeed>,
    /// Who noticed what.
    pub journal: Journal,
    /// The services, and who calls whom.
    pub services: Registry,
    /// The circuit breakers there are.
    pub breakers: watch::Receiver<Breakers>,
    /// What the gateway sees.
    pub gateway: Gateway,
    /// Where costs are kept.
    pub state_dir: PathBuf,
    /// What becomes of a broken guard.
    pub halt: Halt,
}

/// Reckons from now on. The costs of the last faults, newest first.
pub fn start(links: Links, shutdown: &Shutdown) -> watch::Receiver<Vec<FaultCost>> {
    let path = links.state_dir.join(FILE);
    let (settled, left): (Vec<_>, _) = read(&path).into_iter().partition(|kept| kept.told.cost.settled);
    let (told, receiver) = watch::channel(settled.into_iter().map(|kept| kept.told).collect());
    let clerk = Clerk {
        news: links.pushes.follow(),
        noticed: links.journal.follow_own(),
        faults: links.faults,
        runs: links.runs,
        services: links.services,
        breakers: links.breakers,
        gateway: links.gateway,
        halt: links.halt,
        recent: Vec::new(),
        whole: case::Whole::default(),
        cases: Vec::new(),
        left,
        began_ms: now_ms(),
        path,
        told,
        written: None,
        is_due: false,
    };
    shutdown.tasks.spawn(clerk.run(shutdown.token.clone()));
    receiver
}

/// The one task that reckons.
struct Clerk {
    news: PushFollower,
    noticed: Follower,
    faults: watch::Receiver<Vec<Fault>>,
    runs: watch::Receiver<RunFeed>,
    services: Registry,
    breakers: watch::Receiver<Breakers>,
    gateway: Gateway,
    halt: Halt,
    /// The last pushes, oldest first, for faults that are still to come.
    recent: Vec<Arc<Push>>,
    /// The run so far.
    whole: case::Whole,
    /// Faults of which something can still change.
    cases: Vec<Case>,
    /// What an earlier process left open, until its faults are known.
    left: Vec<Kept>,
    began_ms: Millis,
    path: PathBuf,
    told: watch::Sender<Vec<FaultCost>>,
    /// When it was written down last, and the writing itself.
    written: Option<(Instant, JoinHandle<()>)>,
    /// Whether something settled since.
    is_due: bool,
}

/// A cost on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    told: FaultCost,
    /// When it was looked at last, where it can still change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_ms: Option<Millis>,
}

impl Clerk {
    async fn run(mut self, end: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = end.cancelled() => {
                    // What is being written is older.
                    if let Some((_, writing)) = self.written.take() {
                        let _ = writing.await;
                    }
                    write(&self.path, &self.kept());
                    return;
                }
                changed = self.faults.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                _ = ticks.tick() => {}
            }
            self.look();
        }
    }

    /// Takes in what came, and reckons.
    fn look(&mut self) {
        let faults = self.faults.borrow_and_update().clone();
        let run = self.runs.borrow().run.clone();
        self.take_up(&faults);
        // The newest is told last, and so as the first.
        for fault in faults.iter().rev() {
            let is_new = fault.state.is_on() && !self.cases.iter().any(|case| case.id == fault.id);
            if is_new && !self.told.borrow().iter().any(|told| told.fault == fault.id) {
                let run = run.as_ref().filter(|run| run.state.is_active()).map(|run| run.id.clone());
                self.open(fault, run, None);
            }
        }
        let pushes = self.news.news();
        for push in &pushes {
            self.whole.take(push);
            self.cases.iter_mut().for_each(|case| case.take(push));
        }
        self.recent.extend(pushes);
        self.recent.drain(..self.recent.len().saturating_sub(BEFORE));
        for event in self.noticed.news() {
            self.cases.iter_mut().for_each(|case| case.notice(&event));
        }
        let now_ms = now_ms();
        let mut settled = false;
        self.cases.retain_mut(|case| {
            let Some(fault) = faults.iter().find(|fault| fault.id == case.id) else { return false };
            case.follow(fault, run.as_ref());
            case.watched_by(&self.breakers.borrow());
            if case.is_guard_broken() {
                (self.halt)(case.id.clone());
            }
            let Some(cost) = case.reckon(fault, &self.whole, now_ms) else { return fault.state.is_on() };
            let open = !cost.settled;
            settled |= !open;
            tell(&self.told, FaultCost { fault: case.id.clone(), run: case.run.clone(), cost });
            open
        });
        self.is_due |= settled;
        self.keep();
    }

    /// Opens again what an earlier process left open: costs that were not settled, and faults of which it told no cost yet.
    fn take_up(&mut self, faults: &[Fault]) {
        let mut left = std::mem::take(&mut self.left);
        let is_left = |fault: &&Fault| matches!(fault.state, FaultState::Restoring { why: FaultEnd::Start });
        for fault in faults.iter().rev() {
            let kept = left.iter().position(|kept| kept.told.fault == fault.id).map(|at| left.swap_remove(at));
            let is_known = self.told.borrow().iter().any(|told| told.fault == fault.id)
                || self.cases.iter().any(|case| case.id == fault.id);
            if is_known || (kept.is_none() && !is_left(&fault)) {
                continue;
            }
            let from_ms = kept.as_ref().and_then(|kept| kept.seen_ms).or(fault.set_at_ms).unwrap_or(fault.asked_ms);
            let told = kept.map(|kept| kept.told);
            let run = told.as_ref().and_then(|told| told.run.clone());
            self.open(fault, run, Some(Left { told, from_ms, to_ms: self.began_ms }));
        }
    }

    fn open(&mut self, fault: &Fault, run: Option<RunId>, left: Option<Left>) {
        let member = self.services.members().iter().find(|member| member.service.name == fault.request.service);
        let Some(member) = member else { return };
        let eye = Case::has_sight(fault, now_ms());
        let eye = eye.then(|| Eye::open(member, &fault.replicas, self.gateway.clone()));
        let mut case = Case::new(fault, run, &self.services, eye, left);
        self.recent.iter().for_each(|push| case.take(push));
        self.cases.push(case);
    }

    /// Writes down what is known, for the next start: what settled at once, what can still change from time to time. One
    /// writing ends before the next begins.
    fn keep(&mut self) {
        let (is_free, is_time) = match &self.written {
            None => (true, true),
            Some((at, writing)) => (writing.is_finished(), at.elapsed() >= KEEP),
        };
        if !is_free || !(self.is_due || (is_time && !self.cases.is_empty())) {
            return;
        }
        self.is_due = false;
        let (path, kept) = (self.path.clone(), self.kept());
        self.written = Some((Instant::now(), tokio::task::spawn_blocking(move || write(&path, &kept))));
    }

    fn kept(&self) -> Vec<Kept> {
        let now_ms = now_ms();
        let kept = |told: &FaultCost| Kept { told: told.clone(), seen_ms: (!told.cost.settled).then_some(now_ms) };
        self.told.borrow().iter().map(kept).collect()
    }
}

fn write(path: &Path, kept: &[Kept]) {
    let written = serde_json::to_vec(kept).map_err(Into::into).and_then(|json| disk::replace(path, &json));
    if let Err(error) = written {
        tracing::warn!(path = %path.display(), %error, "what faults cost can't be kept");
    }
}

/// Tells a cost, in its place or as the newest.
fn tell(told: &watch::Sender<Vec<FaultCost>>, cost: FaultCost) {
    told.send_if_modified(|told| match told.iter_mut().find(|known| known.fault == cost.fault) {
        Some(known) if *known == cost => false,
        Some(known) => {
            *known = cost;
            true
        }
        None => {
            told.insert(0, cost);
            told.truncate(KEPT);
            true
        }
    });
}

/// What an earlier process wrote down, newest first.
fn read(path: &Path) -> Vec<Kept> {
    let read = || -> io::Result<Vec<Kept>> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    read().unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(path = %path.display(), %error, "what earlier faults cost can't be read");
        }
        Vec::new()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
