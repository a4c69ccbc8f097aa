//! Regression thresholds: by how much a run may be worse than the baseline of its target.
//!
//! Their notation is `p95 not worse than baseline by more than 10 %`, in short `p95 10 %`; for the failed share also in points of
//! a percent, `failed 0.5 points`, which a baseline without failures does not make meaningless.

use serde::{Deserialize, Serialize};

use super::{
    compare::{Figure, Wish},
    fault::{percent, share},
    run::{Run, RunState, Totals, Verdict},
};

/// How much worse a figure may be. On the wire it is its text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Regression {
    /// Which figure.
    pub of: Figure,
    /// By how much.
    pub by: Slack,
}

/// How much worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slack {
    /// By a share of the baseline's value, 0–1.
    Share(f64),
    /// By an absolute share, 0–1: so many points of a percent.
    Points(f64),
}

/// What became of a regression threshold.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// It is no worse than allowed.
    Held,
    /// It is worse than allowed.
    Broken,
    /// It could not be judged: the target has no baseline.
    NoBaseline,
    /// It could not be judged: the baseline has no such value.
    NotInBaseline,
    /// It could not be judged: the run has no such value.
    NotMeasured,
}

/// A regression threshold that was judged.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// It, for example `p95 not worse than baseline by more than 10 %`.
    #[cfg_attr(feature = "ssr", schema(value_type = String))]
    pub limit: Regression,
    /// The baseline's value; none: there is none.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub baseline: Option<f64>,
    /// The run's; none: it was not measured.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub value: Option<f64>,
    /// What became of it.
    pub outcome: Ruling,
}

/// That a text is no regression threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {}", Regression::NOTATION)]
pub struct NotARegression;

/// What stands between figure and amount where it is written out.
const LONG: &str = "not worse than baseline by more than";

/// The figures that may be named, by their short names.
const FIGURES: [(Figure, &str); 7] = [
    (Figure::P50, "p50"),
    (Figure::P95, "p95"),
    (Figure::P99, "p99"),
    (Figure::Mean, "mean"),
    (Figure::Max, "max"),
    (Figure::FailedShare, "failed"),
    (Figure::RequestRate, "rate"),
];

impl Regression {
    /// What one may look like, and its bounds.
    pub const NOTATION: &'static str = "p95 not worse than baseline by more than 10 %, in short p95 10 %: of p50, p95, p99, mean, max, failed and rate, by 0 to \
         100 %, of failed also by points, failed 0.5 points";

    /// Most that may be asked for.
    pub const MOST: usize = 10;

    /// Judges it; `totals` are those of the run, `baseline` those of what it is held against, where there is something.
    pub fn judge(self, totals: Option<&Totals>, baseline: Option<&Totals>) -> Judged {
        let value = totals.and_then(|totals| self.of.of(totals));
        let before = baseline.and_then(|totals| self.of.of(totals));
        let outcome = match (baseline.is_some(), before, value) {
            (false, ..) => Ruling::NoBaseline,
            (true, None, _) => Ruling::NotInBaseline,
            (true, Some(_), None) => Ruling::NotMeasured,
            (true, Some(before), Some(value)) => self.held(before, value),
        };
        Judged { limit: self, baseline: before, value, outcome }
    }

    /// Worse than a baseline of 0 by a share of it is whatever is worse at all.
    fn held(self, before: f64, value: f64) -> Ruling {
        let worse = match self.of.wish() {
            Wish::Higher => before - value,
            Wish::Lower | Wish::Neither => value - before,
        };
        let most = match self.by {
            Slack::Share(share) => before.abs() * share,
            Slack::Points(points) => points,
        };
        // What is exactly as much is not more, whatever binary fractions make of it.
        if worse > most + before.abs().max(value.abs()) * 1e-9 { Ruling::Broken } else { Ruling::Held }
    }
}

impl std::str::FromStr for Regression {
    type Err = NotARegression;

    fn from_str(text: &str) -> Result<Self, NotARegression> {
        let read = || {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
            let text = text.replace("than the baseline", "than baseline");
            let (name, amount) = match text.split_once(LONG) {
                Some((name, amount)) => (name.trim(), amount),
                None => text.split_once(' ')?,
            };
            let (of, _) = FIGURES.into_iter().find(|(_, known)| *known == name)?;
            let amount = amount.trim().trim_start_matches('+');
            let points = amount.strip_suffix("points").or_else(|| amount.strip_suffix("point"));
            let by = match points {
                Some(points) if of == Figure::FailedShare && !points.contains('%') => Slack::Points(share(points)?),
                Some(_) => return None,
                None => Slack::Share(share(amount.ends_with('%').then_some(amount)?)?),
            };
            Some(Self { of, by })
        };
        read().ok_or(NotARegression)
    }
}

impl std::fmt::Display for Regression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = FIGURES.into_iter().find(|(figure, _)| *figure == self.of).map_or("", |(_, name)| name);
        match self.by {
            Slack::Share(share) => write!(f, "{name} {LONG} {}", percent(share)),
            Slack::Points(share) => write!(f, "{name} {LONG} {} points", percent(share).trim_end_matches(" %")),
        }
    }
}

impl TryFrom<String> for Regression {
    type Error = NotARegression;

    fn try_from(text: String) -> Result<Self, NotARegression> {
        text.parse()
    }
}

impl From<Regression> for String {
    fn from(regression: Regression) -> Self {
        regression.to_string()
    }
}

impl Ruling {
    /// Its name on the wire, for example `no-baseline`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::NoBaseline => "no-baseline",
            Self::NotInBaseline => "not-in-baseline",
            Self::NotMeasured => "not-measured",
        }
    }
}

impl Run {
    /// Holds a run that is over against a baseline, where there is one. One that passed has failed where it is worse than
    /// allowed; that it could not be judged changes nothing, and is kept.
    pub fn hold_against(&mut self, baseline: Option<&Totals>) {
        let totals = self.totals.as_ref();
        self.regressions = self.plan.regression.iter().map(|limit| limit.judge(totals, baseline)).collect();
        self.fail_where_worse();
    }

    /// Judges what lacked a value of the run once more.
    pub fn hold_again(&mut self) {
        for judged in self.regressions.iter_mut().filter(|judged| judged.outcome == Ruling::NotMeasured) {
            let value = self.totals.as_ref().and_then(|totals| judged.limit.of.of(totals));
            if let (Some(before), Some(value)) = (judged.baseline, value) {
                (judged.value, judged.outcome) = (Some(value), judged.limit.held(before, value));
            }
        }
        self.fail_where_worse();
    }

    /// Whether it is worse than its baseline by more than allowed.
    pub fn is_worse(&self) -> bool {
        self.regressions.iter().any(|judged| judged.outcome == Ruling::Broken)
    }

    fn fail_where_worse(&mut self) {
        if self.is_worse() && self.state == RunState::Finished(Verdict::Passed) {
            self.state = RunState::Finished(Verdict::Failed);
        }
    }
}
