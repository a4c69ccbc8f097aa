//! A run that is over in plain words, by rules: what crossed its limit, when and after what, and what else held. Here are the
//! rules; the words are whoever's that tells it.

use super::{
    Millis,
    event::{Event, EventKind},
    fault::{Fault, FaultKind},
    frame::{Dimension, History, Metric, SeriesKey},
    picture::{Course, RunPicture},
    run::{Run, Source},
    service::Health,
    threshold::{Observed, Threshold},
};

/// A row stands for the time since the one before, but for no longer than this: what is missing says nothing.
const ROW_MS: Millis = 5_000;

/// Stretches that lie closer together than this are one.
const CLOSE_MS: Millis = 3_000;

/// What was done at most so long before something crossed may be why.
const CAUSE_MS: Millis = 15_000;

/// Clocks and pushes differ by this much.
const SLACK_MS: Millis = 2_000;

/// Most stretches that are told one by one.
const TOLD: usize = 4;

/// Fewer requests than this, and the 99th percentile is about as good as the longest one of them.
const FEW: f64 = 100.0;

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its begin, in ms since 1970.
    pub from_ms: Millis,
    /// Its end.
    pub to_ms: Millis,
}

/// How a threshold's limit was kept from moment to moment, whatever the whole run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// For how long there was a value, in ms.
    pub judged_ms: Millis,
    /// For how long of that it was within the limit.
    pub held_ms: Millis,
    /// When it was not.
    pub crossed: Vec<Stretch>,
}

/// What was done, or happened, shortly before.
#[derive(Debug, Clone, PartialEq)]
pub enum After {
    /// A fault was set.
    Fault {
        /// What was done.
        kind: FaultKind,
        /// To which replica, or to all of which service.
        whom: String,
    },
    /// A replica, or a service that has none, was found to be down.
    Down {
        /// Which.
        whom: String,
    },
}

/// A thing to tell of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A limit was not kept for a while.
    Crossed {
        /// The rule.
        threshold: Threshold,
        /// When; the first time, where there are several.
        when: Stretch,
        /// Whether it lasted until the end.
        to_end: bool,
        /// How many more times there were.
        more: usize,
        /// What may be why.
        after: Option<After>,
        /// Share of requests that failed meanwhile, 0–1, where some did.
        failed_share: Option<f64>,
        /// Whether the rule held over the whole run all the same.
        held: bool,
    },
    /// A rule did not hold, and single seconds tell nothing of it.
    Broken {
        /// The rule, with what it came to.
        seen: Observed,
    },
    /// Requests failed, though no limit was crossed.
    Failed {
        /// How many.
        requests: f64,
        /// Share of all, 0–1.
        share: f64,
        /// When the first did, and what may be why; none: nobody knows.
        first: Option<(Millis, Option<After>)>,
    },
    /// Every rule held, in every second that can be told.
    AllHeld {
        /// How many there are.
        rules: usize,
    },
    /// What is not told of held.
    RestHeld,
    /// There was no rule.
    NoRules,
    /// No request failed.
    NoneFailed,
    /// k6 could not start as many iterations as were asked for.
    Dropped {
        /// How many.
        iterations: f64,
    },
}

/// What a run can't tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Gap {
    /// How it went over time.
    Course,
    /// Times, as the metrics store takes no histograms.
    Times,
    /// Exact figures, as k6 left no summary.
    Exact,
    /// Single endpoints.
    Endpoints,
    /// All endpoints, as there are too many names.
    AllEndpoints,
    /// What was while no metrics came.
    Delayed {
        /// For how many seconds.
        seconds: u32,
    },
    /// Its 99th percentile: there are too few requests.
    Few {
        /// How many.
        requests: f64,
    },
    /// Rules of which nothing was measured.
    Rules {
        /// How many.
        rules: usize,
    },
    /// What services bear: nothing was done to them.
    Faults,
    /// Whether k6 was held up by its machine: its CPU was not measured.
    Generator,
}

/// The share of a machine's CPU from which on whoever wants more has to wait for it.
const BUSY: f64 = 0.9;

/// How the load generator itself fared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Generator {
    /// Most CPU that k6 used, in cores; none: not measured.
    pub cpu_most: Option<f64>,
    /// The mean of that.
    pub cpu_mean: Option<f64>,
    /// Most CPU that the whole machine used, in cores.
    pub host_most: Option<f64>,
    /// The share of time in which the machine had less than a tenth of its CPU left, 0–1; none: not measured.
    pub busy_share: Option<f64>,
    /// Iterations that it could not start; none: nobody tells.
    pub dropped: Option<f64>,
    /// Most VUs at work.
    pub vus_most: Option<f64>,
}

impl Generator {
    /// Whether the machine was busy for so long, a tenth of the time, that k6 must have waited for it and times are longer
    /// than the services took.
    pub fn held_up(&self) -> bool {
        self.busy_share.is_some_and(|share| share >= 0.1)
    }
}

/// How a limit was kept from moment to moment; `None`: nothing over time tells.
pub fn kept(threshold: &Threshold, history: &History) -> Option<Kept> {
    let values = history.series.get(&series(threshold)?)?;
    let mut kept = Kept::default();
    let mut before = history.at_ms.first().copied()?;
    for (at_ms, value) in history.at_ms.iter().zip(values) {
        let from_ms = before.max(at_ms.saturating_sub(ROW_MS));
        before = *at_ms;
        let Some(value) = value else { continue };
        kept.judged_ms += at_ms - from_ms;
        if threshold.holds_shown(*value) {
            kept.held_ms += at_ms - from_ms;
            continue;
        }
        match kept.crossed.last_mut().filter(|last| last.to_ms + CLOSE_MS >= from_ms) {
            Some(last) => last.to_ms = *at_ms,
            None => kept.crossed.push(Stretch { from_ms, to_ms: *at_ms }),
        }
    }
    (kept.judged_ms > 0).then_some(kept)
}

/// The series over time that a rule speaks of. Of rates a limit says something over a whole run only.
pub fn series(threshold: &Threshold) -> Option<SeriesKey> {
    let whole = Threshold { tags: Default::default(), ..threshold.clone() };
    let metric = whole.shown_as()?;
    let is_latency = matches!(metric, Metric::P50 | Metric::P95 | Metric::P99 | Metric::Mean);
    if !is_latency && !matches!(metric, Metric::FailedShare | Metric::DroppedRate) {
        return None;
    }
    let mut tags = threshold.tags.iter();
    match (tags.next(), tags.next()) {
        (None, _) => Some(SeriesKey::whole(metric)),
        (Some((tag, service)), None) if tag == "service" => Some(SeriesKey::part(metric, Dimension::Service, service)),
        _ => None,
    }
}

/// What there is to tell of a run that is over, most important first.
pub fn findings(picture: &RunPicture) -> Vec<Finding> {
    let RunPicture { run, snapshot, .. } = picture;
    let history = &snapshot.history;
    let ended_ms = run.ended_ms.unwrap_or_default();
    let faults = snapshot.status.costed(&run.id).into_iter().map(|(fault, _)| fault).collect::<Vec<_>>();
    let after = |from_ms| after(from_ms, &faults, &snapshot.events);
    let mut crossed = Vec::new();
    let mut broken = Vec::new();
    for seen in &run.thresholds {
        let held = seen.k6_ok.or(seen.ok);
        let stretches = kept(&seen.threshold, history).map(|kept| kept.crossed).unwrap_or_default();
        match stretches.first() {
            Some(when) => crossed.push(Finding::Crossed {
                threshold: seen.threshold.clone(),
                when: *when,
                to_end: when.to_ms + SLACK_MS >= ended_ms,
                more: stretches.len() - 1,
                after: after(when.from_ms),
                failed_share: failed_share(history, *when).filter(|share| *share > 0.0),
                held: held == Some(true),
            }),
            None if held == Some(false) => broken.push(Finding::Broken { seen: seen.clone() }),
            None => {}
        }
    }
    // What broke its rule over the whole run comes first, then what came first.
    crossed.sort_by_key(|finding| match finding {
        Finding::Crossed { when, held, .. } => (*held, when.from_ms),
        _ => (true, Millis::MAX),
    });
    let told = broken.len() + crossed.len();
    crossed.truncate(TOLD);
    let mut findings = broken;
    findings.extend(crossed);
    let is_told = findings.iter().any(|finding| matches!(finding, Finding::Crossed { failed_share: Some(_), .. }));
    findings.extend(failed(picture, &after).filter(|_| !is_told));
    match (run.thresholds.len(), told) {
        (0, _) => findings.push(Finding::NoRules),
        (rules, 0) => findings.push(Finding::AllHeld { rules }),
        (rules, told) if told < rules => findings.push(Finding::RestHeld),
        _ => {}
    }
    let dropped = run.totals.as_ref().and_then(|totals| totals.dropped_iterations);
    findings.extend(dropped.filter(|dropped| *dropped > 0.0).map(|iterations| Finding::Dropped { iterations }));
    findings
}

/// The requests that failed, or that none did; `None`: nobody knows, or nothing was sent.
fn failed(picture: &RunPicture, after: &impl Fn(Millis) -> Option<After>) -> Option<Finding> {
    let totals = picture.run.totals.as_ref()?;
    let (share, all) = (totals.failed_share?, totals.requests?);
    if share <= 0.0 {
        return Some(Finding::NoneFailed);
    }
    let failures = picture.detail.iter().flat_map(|detail| &detail.failures);
    let first_ms = failures.map(|failure| failure.first_ms).min();
    let first = first_ms.map(|first_ms| (first_ms, after(first_ms)));
    Some(Finding::Failed { requests: (share * all).round(), share, first })
}

/// What was done or happened shortly before a moment; the last of it.
fn after(at_ms: Millis, faults: &[Fault], events: &[Event]) -> Option<After> {
    let is_near = |then: Millis| then <= at_ms + SLACK_MS && then + CAUSE_MS >= at_ms;
    let is_on = |fault: &&Fault| {
        let until = fault.restored_at_ms.unwrap_or(fault.until_ms);
        fault.set_at_ms.is_some_and(|set| is_near(set) || (set <= at_ms && at_ms <= until))
    };
    let last = faults.iter().filter(is_on).max_by_key(|fault| fault.set_at_ms);
    if let Some(Fault { request, .. }) = last {
        let whom = request.replica.clone().unwrap_or_else(|| request.service.clone());
        return Some(After::Fault { kind: request.kind, whom });
    }
    let down = |event: &Event| match &event.kind {
        EventKind::ReplicaHealth { replica, health: Health::Down { .. }, .. } => Some(replica.clone()),
        EventKind::Health { service, health: Health::Down { .. } } => Some(service.clone()),
        EventKind::GatewayServer { replica, up: false, .. } => Some(replica.clone()),
        _ => None,
    };
    let near = events.iter().rev().filter(|event| is_near(event.at_ms));
    near.filter_map(down).next().map(|whom| After::Down { whom })
}

/// Share of requests that failed in a stretch, 0–1; `None`: none ended in it, or nobody knows.
fn failed_share(history: &History, when: Stretch) -> Option<f64> {
    let of = |metric| history.series.get(&SeriesKey::whole(metric));
    let (rates, shares) = (of(Metric::RequestRate)?, of(Metric::FailedShare)?);
    let (mut all, mut failed) = (0.0, 0.0);
    let mut before = when.from_ms;
    for ((at_ms, rate), share) in history.at_ms.iter().zip(rates).zip(shares) {
        if *at_ms <= when.from_ms || *at_ms > when.to_ms {
            continue;
        }
        let requests = rate.unwrap_or_default() * at_ms.saturating_sub(before) as f64;
        before = *at_ms;
        all += requests;
        failed += requests * share.unwrap_or_default();
    }
    (all > 0.0).then(|| failed / all)
}

/// What a run can't tell, so that nobody takes silence for an answer.
pub fn gaps(picture: &RunPicture) -> Vec<Gap> {
    let RunPicture { run, snapshot, course, detail } = picture;
    let mut gaps = Vec::new();
    let Some(_) = run.started_ms else { return gaps };
    let mut gap = |is_one: bool, gap: Gap| gaps.extend(is_one.then_some(gap));
    let history = &snapshot.history;
    gap(history.is_empty() && *course != Course::Reading, Gap::Course);
    let totals = run.totals.as_ref();
    let requests = totals.and_then(|totals| totals.requests).unwrap_or_default();
    let has_times = history.series.contains_key(&SeriesKey::whole(Metric::P95));
    gap(!history.is_empty() && !has_times && requests > 0.0, Gap::Times);
    gap(totals.is_none_or(|totals| totals.source == Source::Store), Gap::Exact);
    gap(detail.is_none(), Gap::Endpoints);
    gap(detail.as_ref().is_some_and(|detail| detail.left_out), Gap::AllEndpoints);
    let delayed = snapshot.events.iter().filter_map(|event| match event.kind {
        EventKind::MetricsDelayed { seconds, .. } => Some(seconds),
        _ => None,
    });
    let seconds = delayed.max().unwrap_or_default();
    gap(seconds > 0, Gap::Delayed { seconds });
    gap(requests > 0.0 && requests < FEW, Gap::Few { requests });
    let rules = run.thresholds.iter().filter(|seen| seen.value.is_none()).count();
    gap(rules > 0, Gap::Rules { rules });
    gap(generator(run, history).cpu_most.is_none(), Gap::Generator);
    gap(snapshot.status.costed(&run.id).is_empty(), Gap::Faults);
    gaps
}

/// How the load generator itself fared.
pub fn generator(run: &Run, history: &History) -> Generator {
    let of = |metric, process: &str| {
        let values = history.series.get(&SeriesKey::part(metric, Dimension::Process, process));
        values.into_iter().flatten().copied().flatten().collect::<Vec<f64>>()
    };
    let most = |values: &[f64]| values.iter().copied().reduce(f64::max);
    let (cpu, host) = (of(Metric::Cpu, "k6"), of(Metric::Cpu, "host"));
    let totals = run.totals.as_ref();
    Generator {
        cpu_most: most(&cpu),
        cpu_mean: (!cpu.is_empty()).then(|| cpu.iter().sum::<f64>() / cpu.len() as f64),
        host_most: most(&host),
        busy_share: run.origin.cores.filter(|_| !host.is_empty()).map(|cores| {
            let busy = host.iter().filter(|used| **used >= BUSY * f64::from(cores)).count();
            busy as f64 / host.len() as f64
        }),
        dropped: totals.and_then(|totals| totals.dropped_iterations),
        vus_most: totals.and_then(|totals| totals.peak_vus),
    }
}
