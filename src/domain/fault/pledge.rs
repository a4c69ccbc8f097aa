//! What a fault is set with beside itself: a hypothesis, which is judged afterwards, and a guard, which ends it early.
//!
//! Both have a notation for files, command lines and forms, `failed < 1 %`, `recovered < 5 s` and `failed > 50 % for 10 s`;
//! words may run together, and a fraction may begin with a point or a comma.

use serde::{Deserialize, Serialize};

use crate::domain::{decimal, duration};

/// What is expected of a service while a fault lasts and after it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "expects"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@expects"))]
pub enum Hypothesis {
    /// The failed share, from the fault to the recovery, stays below a limit.
    FailedBelow {
        /// 0–1.
        share: f64,
    },
    /// Customers stop noticing within a time after the fault was confirmed.
    RecoveredWithin {
        /// In seconds.
        seconds: u32,
    },
}

/// When a fault is ended before its time: the failed share stayed over a limit for a time.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The limit, 0–1.
    pub failed_over: f64,
    /// The time, in seconds.
    pub for_s: u32,
}

/// That a text is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {0}")]
pub struct NotAPledge(&'static str);

impl Hypothesis {
    /// What one may look like.
    pub const NOTATION: &'static str = "failed < 1 % or recovered < 5 s";
}

impl Guard {
    /// What one may look like.
    pub const NOTATION: &'static str = "failed > 50 % for 10 s";
}

impl std::str::FromStr for Hypothesis {
    type Err = NotAPledge;

    fn from_str(text: &str) -> Result<Self, NotAPledge> {
        let read = || {
            let (what, limit) = text.split_once('<')?;
            match what.trim() {
                "failed" => share(limit).filter(|share| *share > 0.0).map(|share| Self::FailedBelow { share }),
                "recovered" => seconds(limit).map(|seconds| Self::RecoveredWithin { seconds }),
                _ => None,
            }
        };
        read().ok_or(NotAPledge(Self::NOTATION))
    }
}

impl std::fmt::Display for Hypothesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FailedBelow { share } => write!(f, "failed < {}", percent(*share)),
            Self::RecoveredWithin { seconds } => write!(f, "recovered < {}", duration::text(*seconds)),
        }
    }
}

impl std::str::FromStr for Guard {
    type Err = NotAPledge;

    fn from_str(text: &str) -> Result<Self, NotAPledge> {
        let read = || {
            let (limit, time) =
                text.trim().strip_prefix("failed")?.trim_start().strip_prefix('>')?.split_once("for")?;
            Some(Self { failed_over: share(limit).filter(|share| *share < 1.0)?, for_s: seconds(time)? })
        };
        read().ok_or(NotAPledge(Self::NOTATION))
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed > {} for {}", percent(self.failed_over), duration::text(self.for_s))
    }
}

/// Most decimals of a percentage: five nines and one more.
const DECIMALS: usize = 4;

/// A percentage, `1`, `1 %` or `0,5%`, as a share.
pub(in crate::domain) fn share(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end().replace(',', ".");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "0"));
    let plain = |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let percent: f64 = (plain(whole, 3) && plain(fraction, DECIMALS)).then(|| decimal::parse(&digits))??;
    (percent <= 100.0).then_some(percent / 100.0)
}

/// A length of at least a second.
fn seconds(text: &str) -> Option<u32> {
    duration::parse(text).filter(|seconds| *seconds > 0)
}

/// A share as a percentage, as [`share`] reads it.
pub(in crate::domain) fn percent(share: f64) -> String {
    let digits = decimal::fixed(share * 100.0, DECIMALS);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}
