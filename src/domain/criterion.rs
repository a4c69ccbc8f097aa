//! Stop criteria: what ends a run by itself when it lasts.
//!
//! They look at the newest values, which recover, not at those of the whole run, which is what thresholds are for. Their
//! notation is that of a fault's guard: `failed > 20 % for 10 s`, `p95 > 2 s for 15 s`, `cpu > 90 % for 15 s`; `over` may stand
//! for `>`, and `failed share` and `generator CPU` for the short names. `unwatched for 60 s` looks at no value, but at who follows
//! the dashboard.

use serde::{Deserialize, Serialize};

use super::{
    Millis, decimal, duration,
    fault::{percent, share},
    frame::{Frame, Metric},
};

/// What a criterion looks at.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The share of failed requests, 0–1.
    Failed,
    /// The median of request durations, in seconds.
    P50,
    /// Their 95th percentile, in seconds.
    P95,
    /// Their 99th percentile, in seconds.
    P99,
    /// Their mean, in seconds.
    Mean,
    /// How much of the cores that it may use the load generator uses, 0–1: all k6 of a run together.
    Cpu,
    /// That nobody follows the dashboard who could stop the run. It has no value and no limit.
    Unwatched,
}

/// When a run is ended by itself: a value stayed over a limit for a time. On the wire it is its text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Criterion {
    /// What it looks at.
    pub of: Measure,
    /// The limit, in the unit of [`Measure`].
    pub over: f64,
    /// The time, in seconds.
    pub for_s: u32,
}

/// A criterion and what was seen of it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The criterion.
    #[cfg_attr(feature = "ssr", schema(value_type = String))]
    pub criterion: Criterion,
    /// The newest value: a share of 1, or seconds; none: there is none.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub value: Option<f64>,
    /// For how long it was over the limit until now, in ms.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub held_ms: Millis,
    /// When it was met, in ms since 1970; none: it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub met_ms: Option<Millis>,
}

/// That a text is not a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {}", Criterion::NOTATION)]
pub struct NotACriterion;

impl Measure {
    /// Every measure with its short name, which is its name on the wire, too.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Failed, "failed"),
        (Self::P50, "p50"),
        (Self::P95, "p95"),
        (Self::P99, "p99"),
        (Self::Mean, "mean"),
        (Self::Cpu, "cpu"),
        (Self::Unwatched, "unwatched"),
    ];

    /// The measure that people call so.
    fn named(name: &str) -> Option<Self> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let short = match name.as_str() {
            "failed share" => "failed",
            "generator cpu" | "k6 cpu" => "cpu",
            name => name,
        };
        Self::ALL.into_iter().find(|(_, known)| *known == short).map(|(measure, _)| measure)
    }

    fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether values are shares; else they are seconds.
    pub fn is_share(self) -> bool {
        self.metric().is_none_or(|metric| metric == Metric::FailedShare)
    }

    /// The live value that it looks at; none for what is not told of a run as a whole.
    pub fn metric(self) -> Option<Metric> {
        match self {
            Self::Failed => Some(Metric::FailedShare),
            Self::P50 => Some(Metric::P50),
            Self::P95 => Some(Metric::P95),
            Self::P99 => Some(Metric::P99),
            Self::Mean => Some(Metric::Mean),
            Self::Cpu | Self::Unwatched => None,
        }
    }
}

impl Criterion {
    /// What one may look like, and its bounds.
    pub const NOTATION: &'static str = "failed > 20 % for 10 s, p95 > 2 s for 15 s, cpu > 90 % for 15 s or unwatched for 60 s: failed and cpu with less than 100 %, p50, p95, \
         p99 and mean with up to 60 s, for 1 s to 10 min";

    /// Most that may be asked for.
    pub const MOST: usize = 10;

    /// The longest time, in seconds.
    const LONGEST_S: u32 = 600;

    /// The slowest that anything may be, in seconds: no request takes longer.
    const SLOWEST_S: f64 = 60.0;
}

impl std::str::FromStr for Criterion {
    type Err = NotACriterion;

    fn from_str(text: &str) -> Result<Self, NotACriterion> {
        let read = || {
            let (rule, time) = text.rsplit_once("for")?;
            let (name, limit) = match rule.split_once('>').or_else(|| rule.split_once("over")) {
                Some((name, limit)) => (name, Some(limit)),
                None => (rule, None),
            };
            let of = Measure::named(name)?;
            let over = match (limit, of) {
                (None, Measure::Unwatched) => 0.0,
                (None, _) | (_, Measure::Unwatched) => return None,
                (Some(limit), of) if of.is_share() => share(limit).filter(|share| *share < 1.0)?,
                (Some(limit), _) => seconds(limit).filter(|seconds| (0.001..=Self::SLOWEST_S).contains(seconds))?,
            };
            let for_s = duration::parse(time).filter(|seconds| (1..=Self::LONGEST_S).contains(seconds))?;
            Some(Self { of, over, for_s })
        };
        read().ok_or(NotACriterion)
    }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { of, over, for_s } = self;
        if *of == Measure::Unwatched {
            return write!(f, "{} for {}", of.name(), duration::text(*for_s));
        }
        let limit = match of.is_share() {
            true => percent(*over),
            false if *over < 1.0 => format!("{} ms", decimal::shortest((over * 1e6).round() / 1e3)),
            false => format!("{} s", decimal::shortest(*over)),
        };
        write!(f, "{} > {limit} for {}", of.name(), duration::text(*for_s))
    }
}

impl TryFrom<String> for Criterion {
    type Error = NotACriterion;

    fn try_from(text: String) -> Result<Self, NotACriterion> {
        text.parse()
    }
}

impl From<Criterion> for String {
    fn from(criterion: Criterion) -> Self {
        criterion.to_string()
    }
}

/// A length of time with its unit, `500 ms`, `2 s` or `1,5s`, in seconds, to a microsecond.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let (digits, scale) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1e3),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let digits = digits.trim_end().replace(',', ".");
    let is_plain = (1..=12).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = is_plain.then(|| decimal::parse(&digits))??;
    Some((number / scale * 1e6).round() / 1e6)
}

/// Splits a text at line ends and semicolons, and at commas that are in no number. What is empty is left out.
pub fn entries(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_end = |(at, c): &(usize, char)| match c {
            '\n' | ';' => true,
            ',' => !rest[at + 1..].starts_with(|next: char| next.is_ascii_digit()),
            _ => false,
        };
        let (entry, after) = match rest.char_indices().find(is_end) {
            Some((at, _)) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        rest = after;
        Some(entry.trim())
    })
    .filter(|entry| !entry.is_empty())
}

/// A run's criteria at work: they take its values look by look, and remember for how long which limit was passed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vigil {
    watched: Vec<Watched>,
    /// The time of the last look.
    looked_ms: Option<Millis>,
    /// When each had a value last.
    known_ms: Vec<Option<Millis>>,
}

impl Vigil {
    /// The most that a look counts for, in ms: of what nobody saw nothing counts.
    const STEP_MS: Millis = 2_000;

    /// The longest time without a value over which what was seen before still counts, in ms.
    const GAP_MS: Millis = 10_000;

    /// Goes on from what is known of a run's criteria.
    pub fn new(watched: &[Watched]) -> Self {
        Self { watched: watched.to_vec(), looked_ms: None, known_ms: vec![None; watched.len()] }
    }

    /// What was seen.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Takes the values at the newest sample and how much of its cores the generator uses, 0–1. A look that brings nothing newer, and
    /// any after one of the criteria was met, changes nothing.
    ///
    /// A value over the limit counts for the time since the look before; one within it begins anew. Where there is no value
    /// nothing counts, and after a while what was before no longer does.
    pub fn look(&mut self, frame: &Frame, cpu: Option<f64>) {
        let at_ms = frame.at_ms;
        if self.looked_ms.is_some_and(|looked| at_ms <= looked) || self.watched.iter().any(Watched::is_met) {
            return;
        }
        let step_ms = self.looked_ms.replace(at_ms).map_or(0, |looked| (at_ms - looked).min(Self::STEP_MS));
        for (watched, known_ms) in self.watched.iter_mut().zip(&mut self.known_ms) {
            let Criterion { of, over, for_s } = watched.criterion;
            watched.value = match (of, of.metric()) {
                (Measure::Unwatched, _) => continue,
                (_, Some(metric)) => frame.get(metric),
                (_, None) => cpu,
            };
            let lapsed = known_ms.is_some_and(|known| at_ms - known > Self::GAP_MS);
            watched.held_ms = match watched.value {
                Some(value) if value <= over => 0,
                Some(_) if lapsed => step_ms,
                Some(_) => watched.held_ms + step_ms,
                None if lapsed => 0,
                None => watched.held_ms,
            };
            *known_ms = if watched.value.is_some() { Some(at_ms) } else { *known_ms };
            if watched.held_ms >= Millis::from(for_s) * 1000 {
                watched.met_ms = Some(at_ms);
            }
        }
    }
}

impl Watched {
    /// A criterion of which nothing was seen yet.
    pub fn new(criterion: Criterion) -> Self {
        Self { criterion, value: None, held_ms: 0, met_ms: None }
    }

    /// Whether it was met.
    pub fn is_met(&self) -> bool {
        self.met_ms.is_some()
    }
}
