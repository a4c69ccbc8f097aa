//! Stop criteria: how they are written, and when they are met.

use proptest::prelude::*;

use super::any;
use crate::domain::{
    criterion::{Criterion, Measure, Vigil, Watched, entries},
    frame::{Frame, SeriesKey},
    run::{Run, Seen},
    validate::{Draft, Field, Problem},
};

fn criterion(text: &str) -> Criterion {
    text.parse().unwrap()
}

#[test]
fn criteria_are_read_as_people_write_them() {
    for (text, of, over, for_s, written) in [
        ("failed > 20 % for 10 s", Measure::Failed, 0.2, 10, "failed > 20 % for 10 s"),
        ("failed share over 20 % for 10 s", Measure::Failed, 0.2, 10, "failed > 20 % for 10 s"),
        ("failed>0,5%for1:30", Measure::Failed, 0.005, 90, "failed > 0.5 % for 90 s"),
        ("failed > 0 % for 1 s", Measure::Failed, 0.0, 1, "failed > 0 % for 1 s"),
        ("p95 over 2 s for 15 s", Measure::P95, 2.0, 15, "p95 > 2 s for 15 s"),
        ("P95 > 500ms for 15s", Measure::P95, 0.5, 15, "p95 > 500 ms for 15 s"),
        ("p50 > 1,5 s for 2 min", Measure::P50, 1.5, 120, "p50 > 1.5 s for 2 min"),
        ("p99 > 60 s for 10 min", Measure::P99, 60.0, 600, "p99 > 60 s for 10 min"),
        ("mean > 1 ms for 1 s", Measure::Mean, 0.001, 1, "mean > 1 ms for 1 s"),
        (" cpu > 90 % for 15 s ", Measure::Cpu, 0.9, 15, "cpu > 90 % for 15 s"),
        ("Unwatched for 1:00", Measure::Unwatched, 0.0, 60, "unwatched for 60 s"),
        ("generator  CPU over 75 % for 15 s", Measure::Cpu, 0.75, 15, "cpu > 75 % for 15 s"),
    ] {
        let read = criterion(text);
        assert_eq!(read, Criterion { of, over, for_s }, "{text}");
        assert_eq!(read.to_string(), written);
    }
    for text in [
        "",
        "failed",
        "failed > 20 %",
        "failed for 10 s",
        "unwatched",
        "unwatched > 1 for 10 s",
        "unwatched for 11 min",
        "failed < 20 % for 10 s",
        "failed > 100 % for 10 s",
        "failed > -1 % for 10 s",
        "failed > 20 ms for 10 s",
        "failed > 20 % for 0 s",
        "failed > 20 % for 11 min",
        "failed > 20 % for ever",
        "p95 > 2 for 15 s",
        "p95 > 0 s for 15 s",
        "p95 > 61 s for 15 s",
        "p95 > 1e3 ms for 15 s",
        "p95 > . s for 15 s",
        "p95 > 20 % for 15 s",
        "p90 > 2 s for 15 s",
        "requests > 2 s for 15 s",
        "for over > s",
    ] {
        assert!(text.parse::<Criterion>().is_err(), "{text}");
    }
}

#[test]
fn a_text_holds_several() {
    let all = "failed > 0,5 % for 10 s, p95 > 2 s for 15 s;\n\ncpu > 90 % for 1 min,";
    let told = entries(all).collect::<Vec<_>>();
    assert_eq!(told, ["failed > 0,5 % for 10 s", "p95 > 2 s for 15 s", "cpu > 90 % for 1 min"]);
    assert_eq!(entries(" ;,\n").count(), 0);
}

#[test]
fn a_plan_takes_few_of_them_and_refuses_what_is_none() {
    let rules = any::rules();
    let planned = |text: &str| Draft { stop_when: text.into(), ..Draft::suggested(&rules) }.validate(&rules);
    assert_eq!(planned("").unwrap().stop_when, []);
    let two = planned("p95 > 2 s for 15 s\np95 over 2000 ms for 15 s; cpu > 90 % for 15 s").unwrap().stop_when;
    assert_eq!(two, [criterion("p95 > 2 s for 15 s"), criterion("cpu > 90 % for 15 s")], "the same once");
    let errors = planned("p95 > 2 s for 15 s; p95 < 2 s\nfailed").unwrap_err();
    let told = errors.iter().map(|error| (error.field, error.value.as_str(), &error.problem)).collect::<Vec<_>>();
    let wrong = &Problem::NotACriterion;
    assert_eq!(told, [(Field::StopWhen, "p95 < 2 s", wrong), (Field::StopWhen, "failed", wrong)]);
    let told = errors[1].to_string();
    assert!(told.starts_with("stop_when: \"failed\" is not allowed: write failed > 20 % for 10 s"), "{told}");
    let many = |n: u32| (1..=n).map(|s| format!("failed > 1 % for {s} s")).collect::<Vec<_>>().join(";");
    assert_eq!(planned(&many(10)).unwrap().stop_when.len(), 10);
    let errors = planned(&many(500)).unwrap_err();
    assert_eq!(errors, [Problem::TooMany { most: 10 }.of(Field::StopWhen, "failed > 1 % for 11 s")]);
}

/// Looks a second apart; for each whether it was met by then, and for how many seconds the limit was passed.
fn looks(text: &str, values: &[Option<f64>]) -> Vec<(bool, u64)> {
    let at = values.iter().enumerate().map(|(at, value)| (1_000 * at as u64, *value));
    looks_at(text, &at.collect::<Vec<_>>())
}

fn looks_at(text: &str, values: &[(u64, Option<f64>)]) -> Vec<(bool, u64)> {
    let criterion = criterion(text);
    let mut vigil = Vigil::new(&[Watched::new(criterion)]);
    let told = values.iter().map(|(at_ms, value)| {
        let mut frame = Frame { at_ms: 100_000 + at_ms, ..Frame::default() };
        if let (Some(metric), Some(value)) = (criterion.of.metric(), value) {
            frame.set(SeriesKey::whole(metric), *value);
        }
        vigil.look(&frame, value.filter(|_| criterion.of == Measure::Cpu));
        let watched = &vigil.watched()[0];
        (watched.is_met(), watched.held_ms / 1000)
    });
    told.collect()
}

#[test]
fn a_criterion_is_met_when_its_limit_was_passed_for_its_time() {
    let (none, ok, bad) = (None, Some(0.1), Some(0.3));
    let rule = "failed > 20 % for 3 s";
    for (values, expected) in [
        (vec![ok, bad, bad, bad], vec![(false, 0), (false, 1), (false, 2), (true, 3)]),
        // The limit itself is within.
        (vec![ok, Some(0.2), Some(0.2)], vec![(false, 0); 3]),
        // Nothing is known of the time before the first look.
        (vec![bad, bad, bad, bad], vec![(false, 0), (false, 1), (false, 2), (true, 3)]),
        // What recovered begins anew.
        (
            vec![ok, bad, bad, ok, bad, bad],
            vec![(false, 0), (false, 1), (false, 2), (false, 0), (false, 1), (false, 2)],
        ),
        // No data is no breach, and no recovery.
        (vec![none; 9], vec![(false, 0); 9]),
        (
            vec![ok, bad, bad, none, none, bad],
            vec![(false, 0), (false, 1), (false, 2), (false, 2), (false, 2), (true, 3)],
        ),
        // What was met stays so.
        (vec![ok, bad, bad, bad, ok, none], vec![(false, 0), (false, 1), (false, 2), (true, 3), (true, 3), (true, 3)]),
    ] {
        assert_eq!(looks(rule, &values), expected, "{values:?}");
    }
    for rule in ["p95 > 200 ms for 3 s", "p99 > 200 ms for 3 s", "mean > 200 ms for 3 s", "cpu > 20 % for 3 s"] {
        assert_eq!(looks(rule, &[ok, bad, bad, bad]).last(), Some(&(true, 3)), "{rule}");
    }
}

#[test]
fn what_nobody_saw_counts_for_nothing() {
    let bad = Some(0.3);
    let rule = "failed > 20 % for 5 s";
    for (values, expected) in [
        // Between two looks lay a minute: no more than a step of it counts, and what was before does not.
        (vec![(0, bad), (1_000, bad), (61_000, bad)], vec![(false, 0), (false, 1), (false, 2)]),
        (vec![(0, bad), (1_000, bad), (5_000, bad)], vec![(false, 0), (false, 1), (false, 3)]),
        // A look that brings nothing newer is none.
        (
            vec![(0, bad), (1_000, bad), (1_000, None), (500, Some(0.0))],
            vec![(false, 0), (false, 1), (false, 1), (false, 1)],
        ),
        // Without a value for long, it begins anew.
        (
            vec![(0, bad), (2_000, bad), (9_000, None), (13_000, None), (14_000, bad)],
            vec![(false, 0), (false, 2), (false, 2), (false, 0), (false, 1)],
        ),
    ] {
        assert_eq!(looks_at(rule, &values), expected, "{values:?}");
    }
}

#[test]
fn a_run_keeps_what_it_was_stopped_by() {
    let watched = [Watched::new(criterion("p95 > 2 s for 15 s")), Watched::new(criterion("failed > 1 % for 5 s"))];
    let run = Run { criteria: watched.to_vec(), ..any::run_of_a_minute() };
    let seen = |met_ms, held_ms| {
        let mut criteria = watched.to_vec();
        criteria[1] = Watched { value: Some(0.5), held_ms, met_ms, ..criteria[1].clone() };
        Seen { run: run.id.clone(), thresholds: vec![], criteria, so_far: vec![], totals: None }
    };
    let over = run.clone().shown(&seen(None, 4_000));
    assert_eq!((over.met(), over.criteria[1].held_ms), (None, 4_000));
    let met = over.shown(&seen(Some(9), 5_000));
    assert_eq!(met.met().map(|met| met.criterion), Some(watched[1].criterion));
    assert_eq!(met.clone().shown(&seen(None, 0)), met, "whatever comes after that");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_the_same(criterion in any::criterion()) {
        let text = criterion.to_string();
        let read = text.parse::<Criterion>().unwrap();
        prop_assert_eq!(read.to_string(), text);
        prop_assert!((read.over - criterion.over).abs() < 1e-6, "{} {}", read.over, criterion.over);
        prop_assert_eq!((read.of, read.for_s), (criterion.of, criterion.for_s));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-z %>.,;smover ]{0,24}") {
        let _ = text.parse::<Criterion>();
        entries(&text).for_each(|entry| assert!(!entry.is_empty()));
    }

    /// However it goes: met is only what was over its limit as long as that takes.
    #[test]
    fn nothing_is_met_early(values in proptest::collection::vec(proptest::option::of(0.0..0.4_f64), 0..60)) {
        let told = looks("failed > 20 % for 5 s", &values);
        if let Some(at) = told.iter().position(|(met, _)| *met) {
            let over = values[..=at].iter().rev().take_while(|value| value.is_none_or(|value| value > 0.2));
            prop_assert!(over.flatten().count() >= 5);
        }
    }
}
