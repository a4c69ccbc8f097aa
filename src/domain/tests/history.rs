use proptest::prelude::*;

use super::any;
use crate::domain::frame::{Dimension, Frame, History, METRICS, Metric, SeriesKey};

fn frame(at_ms: u64, values: &[(Metric, f64)]) -> Frame {
    let values = values.iter().map(|(metric, value)| (SeriesKey::whole(*metric), *value)).collect();
    Frame { at_ms, values, ..Frame::default() }
}

fn column(history: &History, metric: Metric) -> Vec<Option<f64>> {
    history.series.get(&SeriesKey::whole(metric)).cloned().unwrap_or_default()
}

fn times(history: &History, metric: Metric) -> Vec<u64> {
    history.times(metric).collect()
}

#[test]
fn the_table_of_metrics_is_in_the_order_of_its_variants() {
    for (index, spec) in METRICS.iter().enumerate() {
        assert_eq!(spec.metric as usize, index, "{}", spec.id);
        assert_eq!(spec.metric.spec().id, spec.id);
    }
}

#[test]
fn vus_keep_the_time_at_which_they_were_counted() {
    let mut history = History::default();
    history.push(&Frame { counted_ms: Some(700), ..frame(1000, &[(Metric::Vus, 1.0)]) });
    history.push(&frame(2000, &[(Metric::Vus, 2.0)]));
    history.push(&Frame { counted_ms: Some(2700), ..frame(3000, &[(Metric::VusMax, 3.0)]) });
    assert_eq!(times(&history, Metric::RequestRate), [1000, 2000, 3000]);
    assert_eq!(times(&history, Metric::Vus), [700, 2000, 2700]);
    history.keep_from(2000);
    assert_eq!((times(&history, Metric::P95), times(&history, Metric::VusMax)), (vec![2000, 3000], vec![2000, 2700]));
}

#[test]
fn a_rate_was_true_in_the_middle_of_its_window() {
    let mut history = History::default();
    history.push(&Frame { rates_ms: Some(1000), ..frame(1000, &[(Metric::RequestRate, 1.0)]) });
    history.push(&Frame { rates_ms: Some(2000), ..frame(2000, &[(Metric::RequestRate, 1.0)]) });
    history.push(&frame(3000, &[]));
    assert_eq!(times(&history, Metric::RequestRate), [500, 1000, 3000]);
    assert_eq!(times(&history, Metric::FailedShare), [500, 1000, 3000]);
    assert_eq!(times(&history, Metric::P95), [1000, 2000, 3000]);
    assert_eq!(history.spans(Metric::RequestRate).collect::<Vec<_>>(), [(0, 1000), (0, 2000), (3000, 3000)]);
    history.keep_from(2000);
    assert_eq!(times(&history, Metric::RequestRate), [1000, 3000]);
    let frame = Frame { rates_ms: Some(1000), percentiles_ms: Some(5000), ..Frame::default() };
    let windows = [Metric::Vus, Metric::RequestRate, Metric::P99].map(|metric| frame.window_ms(metric));
    assert_eq!(windows, [None, Some(1000), Some(5000)]);
}

#[test]
fn absent_series_are_no_data_and_late_ones_are_padded() {
    let mut history = History::default();
    history.push(&frame(1000, &[(Metric::Vus, 1.0)]));
    history.push(&frame(2000, &[(Metric::Vus, 2.0), (Metric::P95, 0.5)]));
    history.push(&frame(2000, &[(Metric::Vus, 9.0)]));
    history.push(&frame(1500, &[(Metric::Vus, 9.0)]));
    history.push(&frame(3000, &[(Metric::P95, 0.6)]));
    assert_eq!(history.at_ms, [1000, 2000, 3000]);
    assert_eq!(column(&history, Metric::Vus), [Some(1.0), Some(2.0), None]);
    assert_eq!(column(&history, Metric::P95), [None, Some(0.5), Some(0.6)]);

    history.keep_from(3000);
    assert_eq!(history.at_ms, [3000]);
    assert_eq!(column(&history, Metric::P95), [Some(0.6)]);
    assert!(!history.series.contains_key(&SeriesKey::whole(Metric::Vus)));
    history.keep_from(u64::MAX);
    assert!(history.is_empty() && history.series.is_empty());
}

#[test]
fn rows_are_kept_on_either_side_of_a_time() {
    let full = || {
        let mut history = History::default();
        for second in 1..=4 {
            let metric = if second < 3 { Metric::Vus } else { Metric::P95 };
            history.push(&frame(second * 1000, &[(metric, second as f64)]));
        }
        history
    };
    assert!(History::default().is_empty() && !full().is_empty());
    let mut early = full();
    early.keep_to(2000);
    assert_eq!(early.at_ms, [1000, 2000]);
    assert_eq!(column(&early, Metric::Vus), [Some(1.0), Some(2.0)]);
    assert!(!early.series.contains_key(&SeriesKey::whole(Metric::P95)), "nothing is left of it");
    early.keep_to(1999);
    assert_eq!(early.at_ms, [1000]);
    early.keep_to(0);
    assert!(early.is_empty());
    let mut late = full();
    late.keep_from(2001);
    assert_eq!(late.at_ms, [3000, 4000]);
    assert_eq!(column(&late, Metric::P95), [Some(3.0), Some(4.0)]);
}

#[test]
fn parts_are_told_apart_by_metric_dimension_and_name() {
    let key = SeriesKey::part;
    let mut both = Frame { at_ms: 1000, ..Frame::default() };
    for (key, value) in [
        (SeriesKey::whole(Metric::P95), 1.0),
        (key(Metric::P95, Dimension::Service, "a"), 2.0),
        (key(Metric::P95, Dimension::Service, "b"), 3.0),
        (key(Metric::P95, Dimension::Status, "a"), 4.0),
        (key(Metric::RequestRate, Dimension::Service, "a"), 5.0),
    ] {
        both.set(key, value);
    }
    assert_eq!(both.get(Metric::P95), Some(1.0));
    assert_eq!(both.get_part(Metric::P95, Dimension::Service, "b"), Some(3.0));
    assert_eq!(both.get_part(Metric::P95, Dimension::Status, "a"), Some(4.0));
    assert_eq!(both.get_part(Metric::P95, Dimension::Status, "b"), None);
    let mut history = History::default();
    history.push(&both);
    let parts = history.parts(Metric::P95, Dimension::Service).collect::<Vec<_>>();
    assert_eq!(parts, [("a", [Some(2.0)].as_slice()), ("b", [Some(3.0)].as_slice())]);
    assert_eq!(history.parts(Metric::Cpu, Dimension::Service).count(), 0);
}

#[test]
fn thinning_keeps_the_newest_quarter_and_the_ends_of_each_stretch_before() {
    // Wherever the clock stands, and however close rows are.
    for (start, step) in [(0, 1000), (0, 7), (1_790_000_000_000, 1000), (1_790_000_000_000, 7)] {
        let at = |row: u64| start + row * step;
        let mut history = History::default();
        for row in 0..=History::CAPACITY as u64 {
            history.push(&frame(at(row), &[(Metric::Vus, row as f64)]));
        }
        // The last push found it full, and what rises all the time has its extremes at the ends.
        let old = (History::CAPACITY - History::CAPACITY / 4) as u64;
        let ends = (0..old).filter(|row| row % 5 == 0 || row % 5 == 4);
        let rows = ends.chain(old..=History::CAPACITY as u64).collect::<Vec<_>>();
        assert_eq!(history.at_ms, rows.iter().map(|row| at(*row)).collect::<Vec<_>>(), "{start} {step}");
        assert_eq!(column(&history, Metric::Vus), rows.iter().map(|row| Some(*row as f64)).collect::<Vec<_>>());
    }
}

#[test]
fn a_spike_and_a_dip_of_one_second_outlive_a_day_in_their_order() {
    let mut history = History::default();
    for second in 0..86_400 {
        let value = match second {
            3000 => 9.0,
            3001 => 0.0,
            40_000 => 7.0,
            _ => 1.0,
        };
        history.push(&frame(second * 1000, &[(Metric::P95, value), (Metric::FailedShare, 1.0 - value / 10.0)]));
    }
    let told = |metric| {
        let rows = history.at_ms.iter().zip(column(&history, metric));
        rows.filter_map(|(at, value)| Some((*at, value?))).collect::<Vec<_>>()
    };
    let p95 = told(Metric::P95);
    let odd = p95.iter().filter(|(_, value)| *value != 1.0).collect::<Vec<_>>();
    assert_eq!(odd.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [9.0, 0.0, 7.0]);
    let widest = history.at_ms.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    for (is, was) in odd.iter().zip([3_000_000, 3_001_000, 40_000_000]) {
        assert!(is.0.abs_diff(was) <= widest, "{} for {was}, rows are {widest} apart", is.0);
    }
    // What is low there is high elsewhere: each series keeps its own.
    let failed = told(Metric::FailedShare).into_iter().map(|(_, value)| (value * 10.0).round()).collect::<Vec<_>>();
    assert_eq!(failed.iter().filter(|value| **value != 9.0).collect::<Vec<_>>(), [&1.0, &10.0, &3.0]);
}

#[test]
fn a_gap_stays_a_gap_however_often_rows_are_thinned() {
    let mut history = History::default();
    for second in (0..2000).chain(6000..20_000) {
        let values: &[_] = if second == 1999 { &[] } else { &[(Metric::P95, 1.0)] };
        history.push(&frame(second * 1000, values));
    }
    let rows = history.at_ms.iter().zip(column(&history, Metric::P95)).collect::<Vec<_>>();
    let across = rows.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 3_000_000).collect::<Vec<_>>();
    assert_eq!(across.len(), 1, "{across:?}");
    assert_eq!((across[0][0].1, across[0][1].1), (None, Some(1.0)), "no line is drawn over what nobody measured");
}

#[test]
fn what_is_not_finite_is_no_data() {
    let mut frame = Frame::default();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        frame.set(SeriesKey::whole(Metric::P95), value);
    }
    assert_eq!(frame.get(Metric::P95), None);
    frame.set(SeriesKey::whole(Metric::P95), 0.0);
    assert_eq!(frame.get(Metric::P95), Some(0.0));
}

#[test]
fn a_day_stays_within_the_capacity_and_covers_all_of_the_day() {
    let mut history = History::default();
    for second in 0..86_400 {
        history.push(&frame(second * 1000, &[(Metric::Vus, second as f64)]));
        assert!(history.at_ms.len() <= History::CAPACITY);
    }
    assert_eq!((history.at_ms.first(), history.at_ms.last()), (Some(&0), Some(&86_399_000)));
    let widest = history.at_ms.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(widest.is_some_and(|widest| widest < 10 * 60 * 1000), "{widest:?}");
    let newest = &history.at_ms[history.at_ms.len() - History::CAPACITY / 4..];
    assert!(newest.windows(2).all(|pair| pair[1] - pair[0] == 1000), "the newest rows are all there");
    let column = column(&history, Metric::Vus);
    let off =
        history.at_ms.iter().zip(&column).map(|(at, value)| value.map(|value| (*at as f64 / 1000.0 - value).abs()));
    assert!(off.into_iter().all(|off| off.is_some_and(|off| off * 1000.0 <= widest.unwrap_or(0) as f64)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn columns_are_always_as_long_as_the_rows(
        frames in proptest::collection::vec((1_u64..5000, any::frame()), 0..40),
        ahead in 0_usize..1300,
        keep_from in any::<u64>(),
    ) {
        let mut history = History::default();
        for second in 0..ahead {
            history.push(&frame(second as u64, &[(Metric::Vus, 1.0)]));
        }
        let mut at_ms = ahead as u64;
        for (step, frame) in frames {
            at_ms += step;
            history.push(&Frame { at_ms, ..frame });
            prop_assert_eq!(history.at_ms.last(), Some(&at_ms));
            prop_assert!(history.at_ms.len() <= History::CAPACITY);
            prop_assert!(history.series.values().all(|values| values.len() == history.at_ms.len()));
        }
        prop_assert!(history.at_ms.is_sorted());
        history.keep_from(keep_from % (at_ms + 1));
        prop_assert!(history.series.values().all(|values| values.len() == history.at_ms.len()));
    }

    /// Whatever comes, and in whatever order: the lowest and the highest value of a series are among its rows.
    #[test]
    fn thinning_loses_no_extreme(
        values in proptest::collection::vec(proptest::option::weighted(0.9, -1e6..1e6_f64), 1..4000),
        step in 1_u64..5000,
    ) {
        let mut history = History::default();
        for (row, value) in values.iter().enumerate() {
            let values = value.map(|value| (Metric::P95, value));
            history.push(&frame(row as u64 * step, values.as_slice()));
        }
        prop_assert!(history.at_ms.len() <= History::CAPACITY);
        let known = history.series.get(&SeriesKey::whole(Metric::P95)).cloned().unwrap_or_default();
        for pick in [f64::min, f64::max] {
            let of = |values: &[Option<f64>]| values.iter().copied().flatten().reduce(pick);
            prop_assert_eq!(of(&known), of(&values));
        }
    }
}
