//! Runs beside each other: what differs from the first one, by how much, and whether that is better or worse.

use serde::{Deserialize, Serialize};

use super::{
    frame::Unit,
    run::{RunId, ServiceTotals, Totals},
};

/// A difference below this share of the first value is none, 0–1: two runs of the same load differ by as much.
const NOISE: f64 = 0.01;

/// A figure of a whole run.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// [`Totals::requests`]
    Requests,
    /// [`Totals::request_rate`]
    RequestRate,
    /// [`Totals::failed_share`]
    FailedShare,
    /// [`Totals::mean_s`]
    Mean,
    /// [`Totals::p50_s`]
    P50,
    /// [`Totals::p95_s`]
    P95,
    /// [`Totals::p99_s`]
    P99,
    /// [`Totals::max_s`]
    Max,
    /// [`Totals::iterations`]
    Iterations,
    /// [`Totals::dropped_iterations`]
    DroppedIterations,
    /// [`Totals::peak_vus`]
    PeakVus,
}

/// Which way a figure had better go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Up.
    Higher,
    /// Down.
    Lower,
    /// It depends on what was asked for.
    Neither,
}

/// What a difference means.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It got better.
    Better,
    /// It got worse.
    Worse,
    /// There is none to speak of: less than 1 %.
    Same,
    /// Neither: more or less was asked for.
    Other,
}

/// How a value differs from the first one.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The value less the first one, in the figure's unit.
    pub by: f64,
    /// The same as a share of the first one; none where that is 0.
    pub share: Option<f64>,
    /// What it means.
    pub turn: Turn,
}

/// Why runs can't be compared. Its text is English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Incomparable {
    /// There are too few of them, or too many.
    #[error("ids: {given} runs are not allowed; allowed: 2 to 4 ids, separated by commas")]
    Number {
        /// How many were named.
        given: u32,
    },
    /// One is named twice.
    #[error("ids: {id:?} is not allowed twice; allowed: 2 to 4 different ids")]
    Twice {
        /// It.
        id: String,
    },
    /// One is no id.
    #[error("ids: {id:?} is not allowed; allowed: run ids, 1 to 64 characters of a-z, 0-9 and -")]
    NoId {
        /// At most 100 characters of it.
        id: String,
    },
}

/// The runs that a text names, separated by commas.
///
/// # Errors
/// [`Incomparable`].
pub fn ids(text: &str) -> Result<Vec<RunId>, Incomparable> {
    let mut ids: Vec<RunId> = Vec::new();
    for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let parsed = id.parse().map_err(|_| Incomparable::NoId { id: super::format::cut(id, 100) })?;
        if ids.contains(&parsed) {
            return Err(Incomparable::Twice { id: id.to_owned() });
        }
        ids.push(parsed);
    }
    match ids.len() {
        2..=4 => Ok(ids),
        given => Err(Incomparable::Number { given: u32::try_from(given).unwrap_or(u32::MAX) }),
    }
}

impl Figure {
    /// Every figure, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::P95,
        Self::P99,
        Self::P50,
        Self::Mean,
        Self::Max,
        Self::FailedShare,
        Self::RequestRate,
        Self::Requests,
        Self::Iterations,
        Self::DroppedIterations,
        Self::PeakVus,
    ];

    /// What it counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Requests | Self::Iterations | Self::DroppedIterations | Self::PeakVus => Unit::Count,
            Self::RequestRate => Unit::PerSecond,
            Self::FailedShare => Unit::Share,
            Self::Mean | Self::P50 | Self::P95 | Self::P99 | Self::Max => Unit::Seconds,
        }
    }

    /// Which way it had better go.
    pub fn wish(self) -> Wish {
        match self {
            Self::FailedShare
            | Self::Mean
            | Self::P50
            | Self::P95
            | Self::P99
            | Self::Max
            | Self::DroppedIterations => Wish::Lower,
            Self::RequestRate => Wish::Higher,
            Self::Requests | Self::Iterations | Self::PeakVus => Wish::Neither,
        }
    }

    /// Its value in a run; `None`: it was not measured.
    pub fn of(self, totals: &Totals) -> Option<f64> {
        match self {
            Self::Requests => totals.requests,
            Self::RequestRate => totals.request_rate,
            Self::FailedShare => totals.failed_share,
            Self::Mean => totals.mean_s,
            Self::P50 => totals.p50_s,
            Self::P95 => totals.p95_s,
            Self::P99 => totals.p99_s,
            Self::Max => totals.max_s,
            Self::Iterations => totals.iterations,
            Self::DroppedIterations => totals.dropped_iterations,
            Self::PeakVus => totals.peak_vus,
        }
    }

    /// Its value for a service in a run; `None`: it was not measured, or is not known of services.
    pub fn of_service(self, service: &ServiceTotals) -> Option<f64> {
        match self {
            Self::Requests => Some(service.requests),
            Self::RequestRate => service.request_rate,
            Self::FailedShare => service.failed_share,
            Self::P95 => service.p95_s,
            _ => None,
        }
    }
}

impl Difference {
    /// How `value` differs from `first`.
    pub fn new(wish: Wish, first: f64, value: f64) -> Self {
        let by = value - first;
        let share = (first != 0.0).then(|| by / first.abs());
        let same = by == 0.0 || share.is_some_and(|share| share.abs() < NOISE);
        let turn = match (same, wish) {
            (true, _) => Turn::Same,
            (false, Wish::Neither) => Turn::Other,
            (false, Wish::Higher) if by > 0.0 => Turn::Better,
            (false, Wish::Lower) if by < 0.0 => Turn::Better,
            (false, _) => Turn::Worse,
        };
        Self { by, share, turn }
    }

    /// How each value but the first differs from that; `None`: one of both was not measured.
    pub fn of_all(wish: Wish, values: &[Option<f64>]) -> Vec<Option<Self>> {
        let Some((first, others)) = values.split_first() else { return Vec::new() };
        others.iter().map(|value| Some(Self::new(wish, (*first)?, (*value)?))).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_to_four_different_runs_can_be_compared() {
        assert_eq!(ids(" a-1, b ,").unwrap().len(), 2);
        assert_eq!(ids("a,b,c,d").unwrap().len(), 4);
        for (text, why) in [
            ("", "0 runs are not allowed"),
            ("a", "1 runs are not allowed"),
            ("a,b,c,d,e", "5 runs are not allowed"),
            ("a,b,a", "\"a\" is not allowed twice"),
            ("a,../b", "\"../b\" is not allowed"),
            ("a,B", "allowed: run ids"),
        ] {
            let error = ids(text).unwrap_err().to_string();
            assert!(error.starts_with("ids: ") && error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_difference_has_a_size_and_a_meaning() {
        use Turn::{Better, Other, Same, Worse};
        use Wish::{Higher, Lower, Neither};
        for (wish, first, value, share, turn) in [
            (Lower, 0.2, 0.3, Some(0.5), Worse),
            (Lower, 0.2, 0.1, Some(-0.5), Better),
            (Higher, 100.0, 90.0, Some(-0.1), Worse),
            (Higher, 100.0, 150.0, Some(0.5), Better),
            (Neither, 100.0, 150.0, Some(0.5), Other),
            (Lower, 0.2, 0.2015, Some(0.0075), Same),
            (Lower, 0.0, 0.01, None, Worse),
            (Lower, 0.0, 0.0, None, Same),
            (Higher, 0.0, 5.0, None, Better),
        ] {
            let told = Difference::new(wish, first, value);
            assert_eq!((told.turn, told.share.is_some()), (turn, share.is_some()), "{first} → {value}");
            assert!((told.share.unwrap_or_default() - share.unwrap_or_default()).abs() < 1e-9, "{first} → {value}");
        }
        let none = Difference::of_all(Lower, &[Some(1.0), None, Some(2.0)]);
        assert_eq!(none.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true], "no data is no difference");
        assert_eq!(Difference::of_all(Lower, &[None, Some(2.0)]), [None]);
    }

    proptest! {
        #[test]
        fn what_is_worse_one_way_is_better_the_other(first in 0.001..1e6_f64, value in 0.001..1e6_f64) {
            let (there, back) = (Difference::new(Wish::Lower, first, value), Difference::new(Wish::Lower, value, first));
            prop_assert!((there.by + back.by).abs() < 1e-9);
            match there.turn {
                Turn::Worse => prop_assert_ne!(back.turn, Turn::Worse),
                Turn::Better => prop_assert_ne!(back.turn, Turn::Better),
                _ => {}
            }
            let rebuilt = first + there.share.unwrap() * first;
            prop_assert!((rebuilt - value).abs() <= 1e-9 * value.max(first));
        }
    }
}
