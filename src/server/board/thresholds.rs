//! What happens to a run's thresholds. Their state is put together from what the hub observed and what k6 said, so it is
//! only here that a crossing shows.

use ha_dashboard::domain::{
    event::{Event, EventKind},
    run::{Run, RunId},
    threshold::Observed,
};

/// What was last told of each threshold of a run.
#[derive(Debug, Default)]
pub struct Told {
    run: Option<RunId>,
    oks: Vec<Option<bool>>,
}

impl Told {
    /// Which thresholds were crossed or hold again between two looks at a run, and what k6 decided of those that were too
    /// close to call. That a rule holds from the start is no event. `known`: what was told before, also by an earlier process.
    pub fn news(
        &mut self,
        before: Option<&Run>,
        after: Option<&Run>,
        known: impl FnOnce() -> Vec<Event>,
    ) -> Vec<EventKind> {
        let Some(after) = after else { return Vec::new() };
        if self.run.as_ref() != Some(&after.id) {
            let known = known();
            let oks = after.thresholds.iter().map(|rule| last_told(&known, after, rule)).collect();
            *self = Self { run: Some(after.id.clone()), oks };
        }
        let Some(before) = before.filter(|before| before.id == after.id) else { return Vec::new() };
        let pairs = before.thresholds.iter().zip(&after.thresholds);
        self.oks.iter_mut().zip(pairs).filter_map(|(told, (before, after))| event(told, before, after)).collect()
    }
}

/// What was told last of a threshold of a run.
fn last_told(known: &[Event], run: &Run, rule: &Observed) -> Option<bool> {
    let words = rule.threshold.to_string();
    let of_run = known.iter().rev().filter(|event| event.at_ms >= run.created_ms);
    let mut oks = of_run.filter_map(|event| match &event.kind {
        EventKind::Threshold { threshold, ok } | EventKind::ThresholdDecided { threshold, ok, .. } => {
            (*threshold == words).then_some(*ok)
        }
        _ => None,
    });
    oks.next()
}

fn event(told: &mut Option<bool>, before: &Observed, after: &Observed) -> Option<EventKind> {
    let ok = after.ok?;
    let threshold = || after.threshold.to_string();
    if before.is_close() && after.k6_ok.is_some() {
        *told = Some(ok);
        return Some(EventKind::ThresholdDecided { threshold: threshold(), value: after.value, ok });
    }
    let before = told.replace(ok);
    let changed = if ok { before == Some(false) } else { before != Some(false) };
    changed.then(|| EventKind::Threshold { threshold: threshold(), ok })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::server::prometheus::lab;

    #[test]
    fn only_crossings_are_events() {
        let run = lab::run("r-1", 10, &["http_reqs:count>1"]);
        let observed = |ok: Option<bool>| {
            let mut run = run.clone();
            (run.thresholds[0].ok, run.thresholds[0].value) = (ok, Some(1.0));
            run
        };
        // Holds, crossed, too close to call, holds again, crossed again over the doubt.
        let steps =
            [None, Some(true), Some(false), None, Some(false), None, Some(true), None, Some(false)].map(observed);
        let (mut told, mut before, mut events) = (Told::default(), run.clone(), Vec::new());
        for after in steps {
            events.extend(told.news(Some(&before), Some(&after), Vec::new));
            before = after;
        }
        let oks = |event: &EventKind| match event {
            EventKind::Threshold { ok, .. } => *ok,
            other => panic!("{other:?}"),
        };
        assert_eq!(events.iter().map(oks).collect::<Vec<_>>(), [false, true, false]);
        // What was told of one run is nothing that the next one knows.
        let other = |ok| {
            let mut other = lab::run("r-2", 10, &["http_reqs:count>1"]);
            other.thresholds[0].ok = ok;
            other
        };
        assert_eq!(told.news(Some(&before), Some(&other(None)), Vec::new), []);
        assert_eq!(told.news(Some(&other(None)), Some(&other(Some(false))), Vec::new).len(), 1);
        // The next process knows what this one told.
        let known = || {
            let kind = EventKind::Threshold { threshold: "http_reqs:count>1".into(), ok: false };
            vec![Event { at_ms: other(None).created_ms, kind }]
        };
        let mut next = Told::default();
        assert_eq!(next.news(Some(&other(None)), Some(&other(Some(false))), known), []);
        assert_eq!(next.news(Some(&other(Some(false))), Some(&other(Some(true))), known).len(), 1);
    }

    #[test]
    fn k6_decides_what_was_too_close_to_call() {
        let mut close = lab::run("r-1", 10, &["http_req_duration:p(95)<318"]);
        close.thresholds[0].value = Some(323.0);
        let mut decided = close.clone();
        decided.thresholds[0] =
            Observed { value: Some(311.0), ok: Some(true), k6_ok: Some(true), ..close.thresholds[0].clone() };
        let events = Told::default().news(Some(&close), Some(&decided), Vec::new);
        let threshold = "http_req_duration:p(95)<318".to_owned();
        assert_eq!(events, [EventKind::ThresholdDecided { threshold, value: Some(311.0), ok: true }]);
    }
}
