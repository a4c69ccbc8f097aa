//! Finds out what there is to tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        port::SharedControl,
    },
    domain::{
        Millis,
        event::{Event, EventKind},
        fault::{FaultId, FaultState},
        live::Status,
        run::{Run, RunId},
    },
    notice::{Notice, What},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Hooks;
use crate::server::{clock::now_ms, journal::Journal};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);

/// How long after a fault's end its cost is waited for: it settles within a minute.
const COST_MS: Millis = 90_000;

/// What is older is no news: a start reads again what the last run did and which faults there were.
const NEWS_MS: Millis = 600_000;

/// How often it is told that a threshold is crossed, and that it holds again, of each threshold of a run.
const MOST_CROSSINGS: u32 = 3;

/// What was told already, of what is not told twice.
#[derive(Default)]
struct Told {
    faults: BTreeSet<FaultId>,
    /// The run that the crossings are of.
    run: Option<RunId>,
    /// By threshold: how often it was told to be crossed, and to hold again.
    crossings: BTreeMap<String, [u32; 2]>,
}

impl Told {
    /// How often such was told of a threshold of a run before; `None`: often enough, or it is no news.
    fn crossing(&mut self, run: &RunId, threshold: &str, ok: bool) -> Option<u32> {
        if self.run.as_ref() != Some(run) {
            (self.run, self.crossings) = (Some(run.clone()), BTreeMap::new());
        }
        let [crossed, recovered] = self.crossings.entry(threshold.to_owned()).or_default();
        if ok != (*crossed > *recovered) {
            return None;
        }
        let times = if ok { recovered } else { crossed };
        *times += 1;
        Some(*times - 1).filter(|before| *before < MOST_CROSSINGS)
    }

    /// Faults that are over and whose cost is known, or will not be.
    fn faults(&mut self, status: &Status, now_ms: Millis) -> Vec<Notice> {
        let over = status.faults.iter().filter_map(|fault| {
            let at_ms = fault.restored_at_ms.filter(|_| matches!(fault.state, FaultState::Restored { .. }))?;
            let since_ms = now_ms.saturating_sub(at_ms);
            let cost = status.costs.iter().find(|cost| cost.fault == fault.id);
            let is_known = cost.is_some_and(|told| told.cost.settled);
            let is_due = since_ms < NEWS_MS && (is_known || since_ms >= COST_MS);
            let what = || What::FaultOver { fault: Box::new(fault.clone()), cost: cost.cloned().map(Box::new) };
            (is_due && self.faults.insert(fault.id.clone())).then(|| Notice { at_ms, what: what() })
        });
        over.collect()
    }
}

/// Tells everything, until the end.
pub async fn run(hooks: &Hooks, control: &SharedControl, journal: &Journal, end: &CancellationToken) {
    let (mut news, mut told) = (journal.follow(), Told::default());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let over = tokio::select! {
            _ = ticks.tick() => false,
            () = end.cancelled() => true,
        };
        let oldest_ms = now_ms().saturating_sub(NEWS_MS);
        for event in news.news().into_iter().filter(|event| event.at_ms >= oldest_ms) {
            if let Some(notice) = notice(&mut told, control, event).await {
                hooks.tell(&notice).await;
            }
        }
        let status = control.brief(&caller()).await;
        for notice in told.faults(&status.status, now_ms()) {
            hooks.tell(&notice).await;
        }
        if over {
            return;
        }
    }
}

/// What of an event is told.
async fn notice(told: &mut Told, control: &SharedControl, event: Event) -> Option<Notice> {
    let what = match event.kind {
        EventKind::RunStarted { run } => What::Started(Box::new(control.run(&caller(), &run).await.ok()?)),
        EventKind::RunEnded { run, .. } => What::Finished(Box::new(control.run(&caller(), &run).await.ok()?)),
        EventKind::Threshold { threshold, ok } | EventKind::ThresholdDecided { threshold, ok, .. } => {
            // Thresholds are only those of the run that is shown.
            let run: Run = control.brief(&caller()).await.status.run.clone()?;
            // A start reads again what was told of earlier runs, and judges the last one's anew.
            let is_earlier = event.at_ms < run.created_ms;
            if is_earlier || run.ended_ms.is_some_and(|ended_ms| ended_ms + NEWS_MS < event.at_ms) {
                return None;
            }
            let before = told.crossing(&run.id, &threshold, ok)?;
            What::Threshold { run: Box::new(run), threshold, ok, before }
        }
        _ => return None,
    };
    Some(Notice { at_ms: event.at_ms, what })
}

fn caller() -> Caller {
    Caller::of_program("webhooks", Door::Rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_flaps_is_told_three_times_a_run() {
        let mut told = Told::default();
        let (first, second) = ("r-1".parse::<RunId>().unwrap(), "r-2".parse::<RunId>().unwrap());
        let mut flap = |run: &RunId, ok| told.crossing(run, "checks:rate>0.9", ok);
        let crossed = [(); 5].map(|()| (flap(&first, false), flap(&first, true)));
        assert_eq!(crossed.map(|(bad, _)| bad), [Some(0), Some(1), Some(2), None, None]);
        assert_eq!(crossed.map(|(_, ok)| ok), [Some(0), Some(1), Some(2), None, None]);
        assert_eq!(flap(&second, true), None, "that it holds which was never crossed is no news");
        assert_eq!([flap(&second, false), flap(&second, false)], [Some(0), None], "nor what is told already");
        assert_eq!([flap(&second, true), flap(&second, true)], [Some(0), None]);
    }
}
