use proptest::{collection, prelude::*};

use super::any;
use crate::domain::{
    Millis,
    cost::{
        Absence, Baseline, Budget, Cost, Earlier, Evidence, Figure, GuardWatch, Lack, Outage, Outcome, Probe, RunCost,
        Sighting, Slice, Tally, Witness,
    },
    fault::{Guard, Hypothesis},
    histogram::{Bucket, Histogram},
    service::Slo,
};

/// When the fault is confirmed.
const SET: Millis = 100_000;

fn slo(availability: f64) -> Option<Slo> {
    Some(Slo { availability, p95_ms: None })
}

/// So many requests that took about so long, in seconds.
fn durations(count: f64, seconds: f64) -> Histogram {
    let bucket = Bucket { lower: seconds / 1.05, upper: seconds * 1.05, count };
    Histogram::new(count * seconds, vec![bucket])
}

/// A second that begins so many seconds after the fault.
fn second(at_s: i64, valid: f64, bad: f64, took_s: f64) -> Slice {
    let from_ms = SET.saturating_add_signed(at_s * 1000);
    Slice { from_ms, to_ms: from_ms + 1000, valid, bad, dropped: 0.0, durations: durations(valid, took_s) }
}

/// 100 good requests a second of 10 ms, except where `odd` says otherwise.
fn course(from_s: i64, to_s: i64, odd: impl Fn(i64) -> Option<Slice>) -> Vec<Slice> {
    (from_s..to_s).map(|at_s| odd(at_s).unwrap_or_else(|| second(at_s, 100.0, 0.0, 0.01))).collect()
}

fn evidence(slices: &[Slice]) -> Evidence<'_> {
    Evidence {
        set_ms: SET,
        restored_ms: Some(SET + 15_000),
        redundant_ms: Some(SET + 16_500),
        slices,
        slo: slo(99.9),
        run: Some(Tally::of(slices)),
        ..Evidence::default()
    }
}

fn reckon(evidence: &Evidence) -> Cost {
    Cost::reckon(evidence, SET + 60_000)
}

fn near(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 1e-9)
}

#[test]
fn a_kill_of_one_of_two_replicas_costs_what_was_made_up() {
    // Two seconds of failures, a slow one after them, and all is well again.
    let slices = course(-40, 40, |at_s| match at_s {
        0 => Some(second(0, 100.0, 20.0, 0.01)),
        1 => Some(second(1, 100.0, 10.0, 0.01)),
        2 => Some(second(2, 100.0, 0.0, 0.05)),
        _ => None,
    });
    let probes: Vec<_> = (0..300)
        .map(|i| Probe { at_ms: SET - 500 + i * 100, ok: !(SET + 200..SET + 600).contains(&(SET - 500 + i * 100)) })
        .collect();
    let cost = reckon(&Evidence {
        probes: &probes,
        gateway: Sighting::At(SET + 900),
        probe: Sighting::At(SET + 2100),
        breaker: Sighting::Nothing,
        hypothesis: Some(Hypothesis::FailedBelow { share: 0.05 }),
        ..evidence(&slices)
    });
    assert!(cost.settled);
    assert_eq!((cost.recovered_ms, cost.redundant_ms), (Some(3000), Some(16_500)));
    let until = cost.until_recovered.unwrap();
    assert_eq!((until.seconds, until.valid, until.bad), (3.0, 300.0, 30.0));
    assert!(near(until.availability(), 0.9) && near(until.nines(), 1.0));
    // To the end of the fault there is more good than bad.
    assert_eq!((cost.span.valid, cost.span.bad), (1500.0, 30.0));
    assert_eq!(cost.lost, Some(30.0));
    assert_eq!(cost.outage, Some(Outage { after_ms: 200, length_ms: 400, goes_on: false }));
    assert_eq!(cost.outage_by_load.map(|outage| outage.length_ms), Some(0), "never half of them");
    assert_eq!(cost.degraded_ms, Some(3000));
    let detection = cost.detection;
    assert_eq!((detection.client_ms, detection.gateway_ms), (Some(1000), Some(900)));
    assert_eq!((detection.probe_ms, detection.breaker_ms), (Some(2100), None));
    assert_eq!(cost.why_not(Figure::DetectedByBreaker), Some(Lack::NotSeen));
    let budget = cost.budget.unwrap();
    assert!((budget.burn_rate - 100.0).abs() < 1e-6, "a tenth failed, a thousandth may: {budget:?}");
    assert!((budget.of_run - 30.0 / 8.0).abs() < 1e-6, "{budget:?}");
    assert!((budget.of_30_days - 30.0 / (100.0 * 0.001 * 2_592_000.0)).abs() < 1e-9);
    let latency = cost.latency;
    assert!(latency.before_s.unwrap() < 0.011 && latency.after_s.unwrap() < 0.011);
    assert!(latency.during_s.unwrap() > 0.04, "a third of the requests took 50 ms");
    assert_eq!(cost.outcome, Some(Outcome::Held), "2 % of all failed");
}

#[test]
fn an_outage_of_a_single_replica_is_as_long_as_it_was() {
    // Frozen for 15 s: nothing ends at first, then time-outs.
    let slices = course(-30, 60, |at_s| match at_s {
        0..3 => Some(second(at_s, 0.0, 0.0, 0.01)),
        3..15 => Some(second(at_s, 3.0, 3.0, 3.0)),
        _ => None,
    });
    let cost = reckon(&evidence(&slices));
    assert_eq!(cost.outage_by_load, Some(Outage { after_ms: 0, length_ms: 15_000, goes_on: false }));
    assert_eq!((cost.recovered_ms, cost.lost, cost.degraded_ms), (Some(15_000), Some(36.0), Some(0)));
    assert_eq!(cost.detection.client_ms, Some(4000), "that nothing comes is no failure yet");
    assert_eq!(cost.until_recovered.unwrap().availability(), Some(0.0));
}

#[test]
fn what_nobody_noticed_says_so_and_how_sure_that_is() {
    let slices = course(-30, 40, |_| None);
    let cost = reckon(&Evidence { hypothesis: Some(Hypothesis::RecoveredWithin { seconds: 5 }), ..evidence(&slices) });
    assert!(cost.is_unnoticed());
    assert_eq!((cost.recovered_ms, cost.lost, cost.degraded_ms), (Some(0), Some(0.0), Some(0)));
    let until = cost.until_recovered.unwrap();
    assert_eq!((until.valid, until.availability(), until.nines()), (1500.0, Some(1.0), None));
    assert!(near(until.at_least(), 1.0 - 3.0 / 1500.0));
    assert_eq!(cost.outcome, Some(Outcome::Held));
    assert_eq!(cost.why_not(Figure::DetectedByClient), Some(Lack::NotSeen));
    assert_eq!(cost.why_not(Figure::DetectedByGateway), Some(Lack::NotWatched));
    assert_eq!(cost.why_not(Figure::Outage), Some(Lack::NotWatched));
}

#[test]
fn failures_that_were_there_before_are_no_cost() {
    // One in a hundred fails all the time; for two seconds it is eleven.
    let slices =
        course(-30, 40, |at_s| Some(second(at_s, 100.0, if (4..6).contains(&at_s) { 11.0 } else { 1.0 }, 0.01)));
    let cost = reckon(&evidence(&slices));
    assert_eq!(cost.recovered_ms, Some(6000), "four quiet seconds are not ten");
    assert!(near(cost.lost, 20.0), "{:?}", cost.lost);
    assert_eq!(cost.detection.client_ms, Some(5000));
}

#[test]
fn what_can_not_be_told_has_a_reason_and_no_number() {
    let why = |cost: &Cost, figures: &[Figure]| figures.iter().map(|figure| cost.why_not(*figure)).collect::<Vec<_>>();
    let all = [Figure::Recovered, Figure::Lost, Figure::LatencyBefore];

    let nothing = reckon(&Evidence { slo: None, ..evidence(&[]) });
    assert_eq!(why(&nothing, &all), [Some(Lack::NoLoad), Some(Lack::NoLoad), Some(Lack::ShortBaseline)]);
    assert_eq!(nothing.why_not(Figure::Budget), Some(Lack::NoObjective));
    assert_eq!(nothing.why_not(Figure::Availability), Some(Lack::NoLoad));
    assert!(nothing.until_recovered.is_none() && nothing.settled);
    assert_eq!(nothing.redundant_ms, Some(16_500), "that needs no load");

    let early = course(-2, 40, |_| None);
    let cost = reckon(&evidence(&early));
    assert_eq!(why(&cost, &all), [Some(Lack::ShortBaseline); 3]);
    assert!(cost.until_recovered.unwrap().availability() == Some(1.0), "that needs no baseline");

    let short = course(-30, 5, |at_s| (at_s >= 0).then(|| second(at_s, 50.0, 50.0, 0.01)));
    let on = Evidence { restored_ms: None, redundant_ms: None, ..evidence(&short) };
    let running = Cost::reckon(&on, SET + 5000);
    assert_eq!(running.why_not(Figure::Recovered), Some(Lack::NotYet));
    assert!(!running.settled);
    assert!(running.outage_by_load.unwrap().goes_on);
    assert_eq!(running.lost, Some(250.0), "so far");
    let ended = reckon(&Evidence { load_ended_ms: Some(SET + 5000), ..evidence(&short) });
    assert_eq!(ended.why_not(Figure::Recovered), Some(Lack::LoadEnded));
    assert!(ended.settled);
    let never_up = Evidence { redundant_ms: None, ..evidence(&short) };
    assert!(!Cost::reckon(&never_up, SET + 74_999).settled);
    let late = Cost::reckon(&never_up, SET + 75_000);
    assert_eq!((late.settled, late.why_not(Figure::Redundant)), (true, Some(Lack::NotSeen)));
    assert_eq!(late.why_not(Figure::Recovered), Some(Lack::NotSeen));
}

#[test]
fn hypotheses_are_held_broken_or_could_not_be_told() {
    let judged = |hypothesis, slices: &[Slice], restored_ms| {
        let hypothesis = Some(hypothesis);
        reckon(&Evidence { hypothesis, restored_ms, ..evidence(slices) }).outcome.unwrap()
    };
    let failing =
        |for_s| course(-30, 40, move |at_s| (0..for_s).contains(&at_s).then(|| second(at_s, 100.0, 60.0, 0.01)));
    let below = |share| Hypothesis::FailedBelow { share };
    let over = Some(SET + 15_000);
    // 60 of 1500.
    assert_eq!(judged(below(0.05), &failing(1), over), Outcome::Held);
    assert_eq!(judged(below(0.04), &failing(1), over), Outcome::Broken, "below is not at most");
    assert_eq!(judged(below(0.05), &failing(1), None), Outcome::Untold { why: Lack::NotYet });
    assert_eq!(judged(below(0.05), &course(-30, 0, |_| None), over), Outcome::Untold { why: Lack::NoLoad });
    assert_eq!(
        judged(below(0.0005), &failing(0), over),
        Outcome::Untold { why: Lack::TooFew },
        "one of 1500 breaks it"
    );
    let within = |seconds| Hypothesis::RecoveredWithin { seconds };
    assert_eq!(judged(within(3), &failing(3), over), Outcome::Held);
    assert_eq!(judged(within(2), &failing(3), over), Outcome::Broken);
    assert_eq!(judged(within(20), &failing(39), over), Outcome::Broken, "still failing when it should be over");
    assert_eq!(
        judged(within(39), &failing(35), over),
        Outcome::Untold { why: Lack::NotYet },
        "calm, but for how long?"
    );
    assert_eq!(judged(within(34), &failing(35), over), Outcome::Broken, "whatever comes of the calm");
    assert_eq!(judged(within(5), &course(-2, 40, |_| None), over), Outcome::Untold { why: Lack::ShortBaseline });
}

#[test]
fn a_guard_breaks_when_its_limit_is_passed_without_a_break() {
    let breaks_at = |bad: &dyn Fn(i64) -> (f64, f64)| {
        let mut watch = GuardWatch::new(Guard { failed_over: 0.5, for_s: 5 });
        (0..30).find(|at_s| {
            let (valid, bad) = bad(*at_s);
            watch.take(&second(*at_s, valid, bad, 0.01))
        })
    };
    assert_eq!(breaks_at(&|_| (100.0, 51.0)), Some(4), "the fifth second ends it");
    assert_eq!(breaks_at(&|_| (100.0, 50.0)), None, "over is not at least");
    assert_eq!(breaks_at(&|at_s| (100.0, if at_s == 3 { 0.0 } else { 100.0 })), Some(8));
    assert_eq!(breaks_at(&|at_s| (100.0, if at_s % 4 == 3 { 0.0 } else { 100.0 })), None);
    assert_eq!(breaks_at(&|at_s| (if at_s < 10 { 100.0 } else { 0.0 }, 0.0)), Some(14), "nothing ends any more");
}

#[test]
fn what_the_gateway_said_before_a_fault_is_no_word_about_it() {
    let told = |looks: &[&[(&str, bool)]]| {
        let mut witness = Witness::default();
        let said = (0..).zip(looks).map(|(i, look)| witness.take(SET + 100 * i, look.iter().copied())).last();
        let cost = reckon(&Evidence { gateway: said.unwrap_or_default(), ..evidence(&[]) });
        cost.detection.gateway_ms.ok_or_else(|| cost.why_not(Figure::DetectedByGateway).unwrap())
    };
    let (up, down) = (("shop-1", true), ("shop-1", false));
    assert_eq!(told(&[&[up], &[up], &[down], &[down]]), Ok(200));
    // It is not back yet from the fault before, and then is.
    assert_eq!(told(&[&[down], &[down]]), Err(Lack::NotSeen));
    assert_eq!(told(&[&[down], &[up], &[down]]), Ok(200));
    assert_eq!(told(&[&[down, ("shop-2", true)], &[down, ("shop-2", false)]]), Ok(100));
    assert_eq!(told(&[&[], &[]]), Err(Lack::NotWatched));
}

#[test]
fn probes_tell_the_longest_gap() {
    let probes = |ok: &str| -> Vec<Probe> {
        ok.chars().zip(0..).map(|(c, i)| Probe { at_ms: SET - 200 + 100 * i, ok: c == '+' }).collect()
    };
    let outage = |after_ms, length_ms, goes_on| Some(Outage { after_ms, length_ms, goes_on });
    for (seen, expected) in [
        ("", None),
        ("+", None),
        ("+++", outage(0, 0, false)),
        ("++++++", outage(0, 0, false)),
        ("+++-+", outage(100, 100, false)),
        ("+++-+---+-+", outage(300, 300, false)),
        ("+++-+---", outage(300, 300, true)),
        // Failures before the fault are another story, but a gap may reach into it.
        ("+--", outage(0, 100, true)),
        ("---++", outage(0, 100, false)),
        // One that asks both replicas in turn sees every second question fail.
        ("+++-+-+-+", outage(100, 100, false)),
    ] {
        assert_eq!(Outage::of_probes(&probes(seen), SET), expected, "{seen}");
    }
    let late = [0, 130, 270, 420].map(|more| Probe { at_ms: SET + more, ok: true });
    assert_eq!(Outage::of_probes(&late, SET), outage(0, 0, false), "asked late is not out");
}

#[test]
fn an_open_model_counts_what_could_not_be_started() {
    let stuck = Slice { dropped: 100.0, ..second(0, 100.0, 0.0, 0.01) };
    assert!(stuck.is_out(100.0), "half of what was due");
    assert!(!Slice { dropped: 99.0, ..stuck.clone() }.is_out(100.0));
    let tally = Tally::of([&stuck]);
    assert_eq!((tally.availability(), tally.availability_of_due()), (Some(1.0), Some(0.5)));
}

#[test]
fn a_hiccup_of_a_second_does_not_put_off_the_recovery() {
    // 5 ms, but every fourth second 5 of 100 requests take 30 ms.
    let noisy = course(-30, 60, |at_s| {
        let mut slice = second(at_s, 100.0, 0.0, 0.005);
        if at_s >= 0 && at_s % 4 == 0 {
            slice.durations = durations(94.0, 0.005);
            slice.durations.add(&durations(6.0, 0.03));
        }
        Some(slice)
    });
    let cost = reckon(&evidence(&noisy));
    assert_eq!(cost.recovered_ms, Some(0));
    // Where it is half of them, it is no hiccup.
    let slow = course(-30, 60, |at_s| {
        let mut slice = second(at_s, 100.0, 0.0, 0.005);
        if (0..20).contains(&at_s) && at_s % 4 == 0 {
            slice.durations = durations(50.0, 0.005);
            slice.durations.add(&durations(50.0, 0.3));
        }
        Some(slice)
    });
    assert_eq!(reckon(&evidence(&slow)).recovered_ms, Some(17_000), "after the last slow second");
}

#[test]
fn seconds_without_a_request_are_an_outage_only_where_many_were_due() {
    let none = second(0, 0.0, 0.0, 0.01);
    assert!(none.is_out(3.0) && !none.is_out(2.9));
    // Two requests a second, and every third second none.
    let rare = course(-30, 40, |at_s| Some(second(at_s, if at_s % 3 == 0 { 0.0 } else { 2.0 }, 0.0, 0.01)));
    let cost = reckon(&evidence(&rare));
    assert_eq!((cost.recovered_ms, cost.outage_by_load.map(|outage| outage.length_ms)), (Some(0), Some(0)));
}

#[test]
fn a_run_tells_its_longest_outage_and_budget() {
    let slices = course(0, 100, |at_s| match at_s {
        10..13 | 50..52 => Some(second(at_s, 100.0, 100.0, 0.01)),
        _ => None,
    });
    let mut run = RunCost::default();
    slices.iter().for_each(|slice| run.take(slice));
    assert_eq!((run.longest_outage_ms, run.out_ms), (3000, 5000));
    assert_eq!((run.tally.valid, run.tally.bad), (10_000.0, 500.0));
    let budget = |tally: &Tally, availability| Budget::of(tally, slo(availability).unwrap(), tally);
    let whole = budget(&run.tally, 99.0).unwrap();
    assert!((whole.burn_rate - 5.0).abs() < 1e-9 && (whole.of_run - 5.0).abs() < 1e-9);
    assert_eq!(budget(&run.tally, 100.0), None, "nothing may ever fail");
    assert_eq!(budget(&Tally::default(), 99.0), None);
}

#[test]
fn silence_is_an_outage_of_a_run_only_where_what_comes_after_it_failed() {
    let longest = |course: &[Slice]| {
        let mut run = RunCost::default();
        course.iter().for_each(|slice| run.take(slice));
        (run.longest_outage_ms, run.out_ms)
    };
    let silent = |at_s| second(at_s, 0.0, 0.0, 0.01);
    let frozen = course(0, 30, |at_s| match at_s {
        10..13 => Some(silent(at_s)),
        13 => Some(second(at_s, 20.0, 20.0, 3.0)),
        _ => None,
    });
    assert_eq!(longest(&frozen), (4000, 4000), "requests that nobody answered end when their time is out");
    let paused = course(0, 30, |at_s| matches!(at_s, 10..13 | 25..).then(|| silent(at_s)));
    assert_eq!(longest(&paused), (0, 0), "load paused, and ended");
}

#[test]
fn a_baselines_scatter_is_no_disturbance() {
    // Answers of 5 ms that take 8 ms every third second.
    let noisy = course(-30, 40, |at_s| Some(second(at_s, 100.0, 0.0, if at_s % 3 == 0 { 0.008 } else { 0.005 })));
    assert_eq!(reckon(&evidence(&noisy)).recovered_ms, Some(0));
    let slower =
        course(-30, 40, |at_s| Some(second(at_s, 100.0, 0.0, if (0..20).contains(&at_s) { 0.4 } else { 0.005 })));
    let cost = reckon(&evidence(&slower));
    assert_eq!((cost.recovered_ms, cost.degraded_ms, cost.lost), (Some(20_000), Some(20_000), Some(0.0)));
    assert!(Baseline::before(SET, &noisy[..3]).is_none(), "three seconds are no baseline");
}

/// A fault that failed a tenth of the requests for 12 s, of which the dashboard saw 3 s; it came back after 20 s.
fn interrupted(slices: &[Slice]) -> (Cost, Cost) {
    let probes: Vec<_> = (0..35).map(|i| Probe { at_ms: SET - 500 + i * 100, ok: !(10..14).contains(&i) }).collect();
    let hypothesis = Some(Hypothesis::FailedBelow { share: 0.08 });
    let on = Evidence {
        restored_ms: None,
        redundant_ms: None,
        probes: &probes,
        gateway: Sighting::At(SET + 900),
        breaker: Sighting::Nothing,
        hypothesis,
        ..evidence(&slices[..33])
    };
    let earlier = Cost::reckon(&on, SET + 3000);
    assert!(!earlier.settled && earlier.recovered_ms.is_none() && earlier.calm_ms.is_none());
    let after: Vec<_> = (0..150).map(|i| Probe { at_ms: SET + 20_000 + i * 100, ok: true }).collect();
    let resumed = |slices, earlier| {
        let (from_ms, to_ms) = (SET + 3000, SET + 20_000);
        let earlier = Some(Earlier { cost: earlier, from_ms, to_ms });
        let (restored_ms, redundant_ms) = (Some(SET + 20_100), Some(SET + 21_000));
        let gateway = Sighting::At(SET + 20_050);
        let (probe, breaker) = (Sighting::At(SET + 20_900), Sighting::Nothing);
        let probes = &after;
        reckon(&Evidence {
            restored_ms,
            redundant_ms,
            probes,
            gateway,
            probe,
            breaker,
            hypothesis,
            earlier,
            ..evidence(slices)
        })
    };
    let cost = resumed(slices, Some(&earlier));
    assert!(cost.settled);
    assert_eq!(cost.away, Some(Absence { from_ms: 3000, to_ms: 20_000 }));
    assert_eq!(cost.redundant_ms, Some(21_000));
    assert_eq!(
        (cost.detection.gateway_ms, cost.detection.probe_ms, cost.detection.breaker_ms),
        (Some(900), None, None)
    );
    assert_eq!(cost.why_not(Figure::DetectedByProbe), Some(Lack::NotWatched), "as it was before");
    assert_eq!(cost.why_not(Figure::DetectedByBreaker), Some(Lack::Away));
    assert_eq!(cost.outage, Some(Outage { after_ms: 500, length_ms: 400, goes_on: false }));
    (earlier, cost)
}

#[test]
fn a_dashboard_that_was_away_tells_what_k6_measured_and_what_nobody_saw() {
    let slices = course(-30, 40, |at_s| (0..12).contains(&at_s).then(|| second(at_s, 100.0, 10.0, 0.01)));
    let (_, cost) = interrupted(&slices);
    assert_eq!((cost.recovered_ms, cost.lost), (Some(12_000), Some(120.0)));
    assert_eq!((cost.span.valid, cost.detection.client_ms), (2100.0, Some(1000)));
    assert_eq!(cost.outcome, Some(Outcome::Held), "120 of 2100");
}

#[test]
fn without_a_store_the_cost_is_what_was_known_before_the_dashboard_went_away() {
    let slices = course(-30, 40, |at_s| (0..12).contains(&at_s).then(|| second(at_s, 100.0, 10.0, 0.01)));
    let (earlier, _) = interrupted(&slices);
    // What came since the return is no whole story.
    let late = Evidence {
        restored_ms: Some(SET + 15_000),
        redundant_ms: Some(SET + 20_200),
        gateway: Sighting::At(SET + 20_050),
        hypothesis: Some(Hypothesis::FailedBelow { share: 0.08 }),
        earlier: Some(Earlier { cost: Some(&earlier), from_ms: SET + 3000, to_ms: SET + 20_000 }),
        ..evidence(&slices[50..])
    };
    let cost = reckon(&late);
    assert!(cost.settled);
    assert_eq!((cost.span, cost.lost, cost.detection.client_ms), (earlier.span, earlier.lost, Some(1000)));
    assert_eq!(cost.why_not(Figure::Recovered), Some(Lack::Away));
    assert_eq!(cost.outcome, Some(Outcome::Untold { why: Lack::Away }));
    assert_eq!(
        cost.why_not(Figure::Redundant),
        Some(Lack::Away),
        "it ended by itself, and was well when somebody looked"
    );
    assert_eq!(cost.outage, Some(Outage { after_ms: 500, length_ms: 400, goes_on: false }));

    let nothing = reckon(&Evidence {
        earlier: Some(Earlier { cost: None, from_ms: SET, to_ms: SET + 20_000 }),
        gateway: Sighting::At(SET + 20_050),
        ..evidence(&[])
    });
    for figure in [Figure::Recovered, Figure::Lost, Figure::DetectedByGateway, Figure::Availability] {
        assert_eq!(nothing.why_not(figure), Some(Lack::Away), "{figure:?}");
    }
}

/// Anything that k6 may push: seconds of any length and count, never more failures than requests.
fn slices() -> impl Strategy<Value = Vec<Slice>> {
    let slice = (200_u64..3000, 0_u32..200, 0.0..=1.0_f64, 0_u32..50, 0.001..4.0_f64);
    collection::vec(slice, 0..80).prop_map(|parts| {
        let mut at_ms = SET - 30_000;
        let made = parts.into_iter().map(|(length_ms, valid, share, dropped, took_s)| {
            let from_ms = at_ms;
            at_ms += length_ms;
            let valid = f64::from(valid);
            let bad = (valid * share).floor();
            let durations = durations(valid, took_s);
            Slice { from_ms, to_ms: at_ms, valid, bad, dropped: f64::from(dropped), durations }
        });
        made.collect()
    })
}

fn probes() -> impl Strategy<Value = Vec<Probe>> {
    collection::vec(any::<bool>(), 0..300)
        .prop_map(|seen| seen.into_iter().zip(0..).map(|(ok, i)| Probe { at_ms: SET - 1000 + 100 * i, ok }).collect())
}

/// The same some time later.
fn later(slices: &[Slice], probes: &[Probe], by_ms: Millis) -> (Vec<Slice>, Vec<Probe>) {
    let slice = |slice: &Slice| Slice { from_ms: slice.from_ms + by_ms, to_ms: slice.to_ms + by_ms, ..slice.clone() };
    let probe = |probe: &Probe| Probe { at_ms: probe.at_ms + by_ms, ..*probe };
    (slices.iter().map(slice).collect(), probes.iter().map(probe).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn figures_stay_within_what_is_possible(slices in slices(), probes in probes()) {
        let end_ms = slices.last().map_or(SET, |slice| slice.to_ms.max(SET));
        let cost = Cost::reckon(&Evidence { probes: &probes, ..evidence(&slices) }, end_ms);
        let elapsed_ms = end_ms - SET;
        for tally in [Some(cost.span), cost.until_recovered].into_iter().flatten() {
            prop_assert!(tally.availability().is_none_or(|share| (0.0..=1.0).contains(&share)));
            prop_assert!(tally.availability_of_due().is_none_or(|share| (0.0..=1.0).contains(&share)));
            prop_assert!(tally.availability_of_due() <= tally.availability() || tally.valid == 0.0);
            prop_assert!(tally.nines().is_none_or(|nines| nines >= 0.0));
        }
        prop_assert!(cost.lost.is_none_or(|lost| (0.0..=cost.until_recovered.map_or(0.0, |all| all.bad)).contains(&lost)));
        let by_load = cost.outage_by_load.map_or(0, |outage| outage.length_ms);
        prop_assert!(by_load <= elapsed_ms && cost.degraded_ms.unwrap_or_default() <= elapsed_ms);
        let last_ms = probes.last().map_or(SET, |probe| probe.at_ms + Probe::PERIOD_MS).max(SET);
        prop_assert!(cost.outage.is_none_or(|outage| outage.after_ms + outage.length_ms <= last_ms - SET));
        prop_assert!(cost.recovered_ms.is_none_or(|recovered| recovered + 10_000 <= elapsed_ms));
        prop_assert!(cost.recovered_ms.is_none() || cost.recovered_ms == cost.calm_ms);
    }

    #[test]
    fn no_figure_is_missing_without_a_reason(slices in slices(), probes in probes(), seen in 0..80_usize, is_known: bool) {
        let known = Evidence { restored_ms: None, redundant_ms: None, ..evidence(&slices[..seen.min(slices.len())]) };
        let known = Cost::reckon(&known, SET + 3000);
        let earlier = Earlier { cost: is_known.then_some(&known), from_ms: SET + 3000, to_ms: SET + 15_500 };
        for earlier in [None, Some(earlier)] {
        let cost = Cost::reckon(&Evidence { probes: &probes, earlier, ..evidence(&slices) }, SET + 60_000);
        for (figure, there) in [
            (Figure::Availability, cost.until_recovered.is_some()),
            (Figure::Outage, cost.outage.is_some()),
            (Figure::OutageByLoad, cost.outage_by_load.is_some()),
            (Figure::Degraded, cost.degraded_ms.is_some()),
            (Figure::DetectedByClient, cost.detection.client_ms.is_some()),
            (Figure::DetectedByGateway, cost.detection.gateway_ms.is_some()),
            (Figure::Recovered, cost.recovered_ms.is_some()),
            (Figure::Redundant, cost.redundant_ms.is_some()),
            (Figure::Lost, cost.lost.is_some()),
            (Figure::LatencyBefore, cost.latency.before_s.is_some()),
            (Figure::LatencyDuring, cost.latency.during_s.is_some()),
            (Figure::LatencyAfter, cost.latency.after_s.is_some()),
            (Figure::Budget, cost.budget.is_some()),
        ] {
            prop_assert_eq!(there, cost.why_not(figure).is_none(), "{:?}", figure);
        }
        }
    }

    #[test]
    fn the_time_of_day_changes_nothing(slices in slices(), probes in probes(), by_ms in 0_u64..1_000_000_000) {
        let now_ms = SET + 40_000;
        let cost = Cost::reckon(&Evidence { probes: &probes, gateway: Sighting::At(SET + 900), ..evidence(&slices) }, now_ms);
        let (slices, probes) = later(&slices, &probes, by_ms);
        let shifted = Evidence {
            set_ms: SET + by_ms,
            restored_ms: Some(SET + 15_000 + by_ms),
            redundant_ms: Some(SET + 16_500 + by_ms),
            probes: &probes,
            gateway: Sighting::At(SET + 900 + by_ms),
            ..evidence(&slices)
        };
        prop_assert_eq!(Cost::reckon(&shifted, now_ms + by_ms), cost);
    }

    #[test]
    fn costs_survive_the_wire(cost in any::cost()) {
        let json = serde_json::to_string(&cost).unwrap();
        prop_assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), cost);
    }
}
