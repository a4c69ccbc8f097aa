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
fn thinning_keeps_the_newest_quarter_and_every_other_row_of_the_rest() {
    // Wherever the clock stands, and however close rows are.
    for (start, step) in [(0, 1000), (0, 1), (1_790_000_000_000, 1000), (1_790_000_000_000, 1)] {
        let at = |row: u64| start + row * step;
        let mut history = History::default();
        for row in 0..=History::CAPACITY as u64 {
            history.push(&frame(at(row), &[(Metric::Vus, row as f64)]));
        }
        // The last push found it full.
        let old = (History::CAPACITY - History::CAPACITY / 4) as u64;
        let even = (0..old).filter(|row| row % 2 == 0);
        let rows = even.chain(old..=History::CAPACITY as u64).collect::<Vec<_>>();
        assert_eq!(history.at_ms, rows.iter().map(|row| at(*row)).collect::<Vec<_>>(), "{start} {step}");
        assert_eq!(column(&history, Metric::Vus), rows.iter().map(|row| Some(*row as f64)).collect::<Vec<_>>());
    }
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
    assert!(history.at_ms.iter().zip(&column).all(|(at, value)| *value == Some((*at / 1000) as f64)));
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
}
