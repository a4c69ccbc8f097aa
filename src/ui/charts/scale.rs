//! Axes that people read at a glance: round steps, and the same ones for every viewer.

use crate::domain::format::{self, Numbers};

/// A value axis from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueScale {
    /// Its upper end.
    pub max: f64,
    /// The distance of its labels.
    pub step: f64,
}

impl ValueScale {
    /// The scale for values up to `top`; `least` is its smallest upper end, `whole` keeps the steps whole numbers.
    pub fn reaching(top: f64, least: f64, whole: bool) -> Self {
        // A little air, so that the highest value does not stick to the frame.
        let top = (if top.is_finite() { top * 1.04 } else { 0.0 }).max(least).max(f64::MIN_POSITIVE);
        let step = round_step(top / 4.0);
        let step = if whole { step.max(1.0) } else { step };
        Self { max: (top / step - 1e-9).ceil().max(1.0) * step, step }
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50 … that is not below `least`.
fn round_step(least: f64) -> f64 {
    let magnitude = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|step| *step >= least - 1e-12).unwrap_or(magnitude)
}

/// Steps of a time axis, in seconds.
const TIME_STEPS: &[u32] =
    &[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/// The distance of a time axis' labels, in seconds: few enough for a phone.
pub fn time_step(length_s: f64) -> u32 {
    TIME_STEPS.iter().copied().find(|step| length_s / f64::from(*step) < 5.5).unwrap_or(86_400)
}

/// A number on an axis: no more decimals than its round step needs.
pub fn tick(value: f64, numbers: Numbers) -> String {
    let needs = |decimals: i32| (value * 10f64.powi(decimals)).fract().abs() < 1e-6;
    format::number(value, (0..3).find(|decimals| needs(*decimals)).unwrap_or(3) as usize, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_reach_past_the_highest_value_in_round_steps() {
        for (top, least, whole, max, step) in [
            (50.0, 1.0, true, 60.0, 20.0),
            (0.0, 1.0, true, 1.0, 1.0),
            (3.0, 1.0, true, 4.0, 1.0),
            (0.3, 1.0, false, 1.0, 0.5),
            (183.0, 1.0, false, 200.0, 50.0),
            (500.0, 1.0, false, 600.0, 200.0),
            (f64::NAN, 1.0, false, 1.0, 0.5),
            (1e9, 1.0, true, 1.5e9, 5e8),
        ] {
            assert_eq!(ValueScale::reaching(top, least, whole), ValueScale { max, step }, "{top}");
        }
    }

    #[test]
    fn time_labels_stay_few_and_round() {
        for (length, step) in [(1.0, 1), (30.0, 10), (63.0, 15), (93.0, 30), (303.0, 60), (3603.0, 900), (1e9, 86_400)]
        {
            assert_eq!(time_step(length), step, "{length}");
        }
    }

    #[test]
    fn ticks_have_no_more_decimals_than_they_need() {
        for (value, en, de) in
            [(0.0, "0", "0"), (0.5, "0.5", "0,5"), (0.05, "0.05", "0,05"), (1500.0, "1,500", "1.500")]
        {
            assert_eq!(tick(value, Numbers::En), en);
            assert_eq!(tick(value, Numbers::De), de);
        }
    }
}
