//! What a run did in detail: each endpoint, what failed, and what the script checked. Plain figures, to show and to export.
//!
//! Times are reckoned from k6's cumulative histograms, whose buckets are 9 % wide: they are known to within one.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    histogram::{Bin, Histogram},
    run::rounded,
};

/// What requests came to, over some stretch of time; none where nothing was measured.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Requests that ended.
    pub requests: f64,
    /// Those whose answer was not the expected one.
    pub failed: f64,
    /// Requests per second.
    pub rate: Option<f64>,
    /// Shortest request, in seconds, to within a bucket (9 %), as all times are.
    pub min_s: Option<f64>,
    /// Median, in seconds.
    pub p50_s: Option<f64>,
    /// 95th percentile, in seconds.
    pub p95_s: Option<f64>,
    /// 99th percentile, in seconds.
    pub p99_s: Option<f64>,
    /// Longest request, in seconds.
    pub max_s: Option<f64>,
}

/// Requests of one method and name that were answered with one status.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: String,
    /// The name that the script gives it.
    pub name: String,
    /// The HTTP status, `0` where there was no answer.
    pub status: String,
    /// Over the whole run so far.
    pub whole: Figures,
    /// Over the last seconds, as many as `recent_ms` says; none: the run is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent: Option<Figures>,
}

/// Requests that failed in one way.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The HTTP method.
    pub method: String,
    /// The name that the script gives the request.
    pub name: String,
    /// The HTTP status, `0` where there was no answer.
    pub status: String,
    /// k6's error code; empty where it tells none.
    pub code: String,
    /// How many.
    pub requests: f64,
    /// When the first ended, in ms since 1970, to within a push of k6.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub first_ms: Millis,
    /// When the last ended, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub last_ms: Millis,
}

/// Why requests failed, as far as k6's error code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The answer did not come in time.
    TimedOut,
    /// The name of the service was not found.
    Name,
    /// Nobody listens there.
    Refused,
    /// No connection came about.
    NotConnected,
    /// The connection broke.
    Broken,
    /// There was no agreement on encryption.
    Tls,
    /// The answer was not the expected one.
    Answer,
    /// Something else.
    Other,
}

/// A check of the script, counted.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// How often it held.
    pub passes: f64,
    /// How often it did not.
    pub fails: f64,
}

/// A run in detail.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The time of the newest sample, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub at_ms: Millis,
    /// The length of the stretch that `recent` figures are about, in ms; none: the run is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent_ms: Option<u32>,
    /// By method, name and status, in the order of their names.
    pub endpoints: Vec<Endpoint>,
    /// What failed, in the order of their names.
    pub failures: Vec<Failure>,
    /// The checks that the script counts.
    pub checks: Vec<Check>,
    /// How long all requests took, in ascending bins that touch each other.
    pub durations: Vec<Bin>,
    /// Whether there were more endpoints, failures or checks than are told apart.
    pub left_out: bool,
}

/// A column of the endpoints' table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The HTTP method.
    Method,
    /// The name.
    Name,
    /// The HTTP status.
    Status,
    /// How many requests.
    Requests,
    /// Requests per second.
    Rate,
    /// How many failed.
    Failed,
    /// The shortest.
    Min,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The longest.
    Max,
}

/// Which requests the endpoints' table counts, and in which order it stands. On the wire `p95-down-recent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    /// The column that it is sorted by.
    pub column: Column,
    /// Whether the largest comes first.
    pub down: bool,
    /// Whether only the last seconds count.
    pub recent: bool,
}

impl Figures {
    /// The figures of so many requests that ended within `seconds`.
    pub fn of(requests: f64, failed: f64, durations: &Histogram, seconds: f64) -> Self {
        let quantile = |q| durations.quantile(q).map(|quantile| rounded(quantile.value));
        Self {
            requests,
            failed,
            rate: (seconds > 0.0).then(|| rounded(requests / seconds)),
            min_s: quantile(0.0),
            p50_s: quantile(0.5),
            p95_s: quantile(0.95),
            p99_s: quantile(0.99),
            max_s: quantile(1.0),
        }
    }
}

impl Failure {
    /// Why, see lib/netext/httpext/error_codes.go in k6.
    pub fn cause(&self) -> Cause {
        match self.code.parse::<u32>() {
            Ok(1050 | 1211) => Cause::TimedOut,
            Ok(1100..1200) => Cause::Name,
            Ok(1212) => Cause::Refused,
            Ok(1201 | 1220) => Cause::Broken,
            Ok(1200..1300) => Cause::NotConnected,
            Ok(1300..1400) => Cause::Tls,
            Ok(1400..1600) => Cause::Answer,
            Ok(_) => Cause::Other,
            Err(_) if self.status == "0" => Cause::Other,
            Err(_) => Cause::Answer,
        }
    }
}

impl Check {
    /// The share of times that it held, 0–1; none: it was never made.
    pub fn share(&self) -> Option<f64> {
        let made = self.passes + self.fails;
        (made > 0.0).then(|| self.passes / made)
    }
}

impl Column {
    /// Every column with its name on the wire, from left to right.
    pub const ALL: [(Self, &str); 11] = [
        (Self::Method, "method"),
        (Self::Name, "name"),
        (Self::Status, "status"),
        (Self::Requests, "requests"),
        (Self::Rate, "rate"),
        (Self::Failed, "failed"),
        (Self::Min, "min"),
        (Self::P50, "p50"),
        (Self::P95, "p95"),
        (Self::P99, "p99"),
        (Self::Max, "max"),
    ];

    /// Its name on the wire.
    pub fn id(self) -> &'static str {
        // The table lists the variants in their order; a test checks it.
        Self::ALL[self as usize].1
    }

    /// Whether it holds text, which people read from A on.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Method | Self::Name | Self::Status)
    }
}

impl Default for Order {
    fn default() -> Self {
        Self { column: Column::Requests, down: true, recent: false }
    }
}

impl Order {
    /// The order after a press on a column: another one begins with what is looked for in it, the same turns round.
    pub fn pressed(self, column: Column) -> Self {
        let down = if self.column == column { !self.down } else { !column.is_text() };
        Self { column, down, ..self }
    }

    /// The order that a text names; the usual one where it names none.
    pub fn named(text: &str) -> Self {
        let mut words = text.split('-');
        let column = words.next().and_then(|id| Column::ALL.iter().find(|(_, own)| *own == id));
        let (Some((column, _)), Some(down @ ("down" | "up"))) = (column, words.next()) else { return Self::default() };
        Self { column: *column, down: down == "down", recent: words.next() == Some("recent") }
    }

    fn figure(self, figures: &Figures) -> Option<f64> {
        match self.column {
            Column::Method | Column::Name | Column::Status => None,
            Column::Requests => Some(figures.requests),
            Column::Rate => figures.rate,
            Column::Failed => Some(figures.failed),
            Column::Min => figures.min_s,
            Column::P50 => figures.p50_s,
            Column::P95 => figures.p95_s,
            Column::P99 => figures.p99_s,
            Column::Max => figures.max_s,
        }
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (way, span) = (if self.down { "down" } else { "up" }, if self.recent { "-recent" } else { "" });
        write!(f, "{}-{way}{span}", self.column.id())
    }
}

impl Detail {
    /// The endpoints in an order, each with the figures that it asks for. Over the last seconds those without requests are
    /// left out. What has no figure comes last, whichever way.
    pub fn sorted(&self, order: Order) -> Vec<(&Endpoint, &Figures)> {
        let figures = |endpoint| shown(endpoint, order.recent);
        let mut rows: Vec<_> = self.endpoints.iter().filter_map(|own| Some((own, figures(own)?))).collect();
        rows.sort_by(|(one, a), (other, b)| {
            let by_name = || name(one).cmp(&name(other));
            let turned = |ordering: Ordering| if order.down { ordering.reverse() } else { ordering };
            match order.column {
                Column::Method => turned(one.method.cmp(&other.method)).then_with(by_name),
                Column::Name => turned(by_name()),
                Column::Status => turned(one.status.cmp(&other.status)).then_with(by_name),
                _ => match (order.figure(a), order.figure(b)) {
                    (Some(a), Some(b)) => turned(a.total_cmp(&b)).then_with(by_name),
                    (a, b) => b.is_some().cmp(&a.is_some()).then_with(by_name),
                },
            }
        });
        rows
    }

    /// What is kept of a run that is over.
    pub fn whole(mut self) -> Self {
        self.recent_ms = None;
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.recent = None);
        self
    }
}

fn name(endpoint: &Endpoint) -> (&str, &str, &str) {
    (&endpoint.name, &endpoint.method, &endpoint.status)
}

/// What counts of an endpoint; `None`: nothing.
fn shown(endpoint: &Endpoint, recent: bool) -> Option<&Figures> {
    match recent {
        true => endpoint.recent.as_ref().filter(|figures| figures.requests > 0.0),
        false => Some(&endpoint.whole),
    }
}
