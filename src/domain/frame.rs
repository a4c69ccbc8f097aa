//! The values of all live series at one tick, and the frames so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Millis;

/// What a series measures. One row of [`METRICS`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// VUs at work.
    Vus,
    /// VUs that exist.
    VusMax,
    /// Requests per second.
    RequestRate,
    /// Share of failed requests, 0–1.
    FailedShare,
    /// Median request duration.
    P50,
    /// 95th percentile of request durations.
    P95,
    /// 99th percentile of request durations.
    P99,
    /// Mean request duration.
    Mean,
    /// Iterations per second.
    IterationRate,
    /// Dropped iterations per second.
    DroppedRate,
    /// Bytes sent per second.
    DataSent,
    /// Bytes received per second.
    DataReceived,
    /// CPU in use; 1 = one core busy.
    Cpu,
    /// Resident memory.
    Memory,
    /// Iterations that have ended since the start.
    IterationCount,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Events per second.
    PerSecond,
    /// A share, 0–1, shown as percent.
    Share,
    /// Seconds, shown as ms or s.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// CPU cores.
    Cores,
}

/// Which time a value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A moment.
    Moment,
    /// A window in which the load was steady: a mean, so it was true in the middle.
    Rates,
    /// A window of its own, as far back as people forget: it tells of the worst in it, so it was true at the end.
    Percentiles,
}

/// A metric's fixed facts.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// The metric.
    pub metric: Metric,
    /// Its name on the wire.
    pub id: &'static str,
    /// Its unit.
    pub unit: Unit,
}

/// Every metric there is.
pub const METRICS: &[MetricSpec] = &[
    spec(Metric::Vus, "vus", Unit::Count),
    spec(Metric::VusMax, "vus_max", Unit::Count),
    spec(Metric::RequestRate, "rps", Unit::PerSecond),
    spec(Metric::FailedShare, "failed", Unit::Share),
    spec(Metric::P50, "p50", Unit::Seconds),
    spec(Metric::P95, "p95", Unit::Seconds),
    spec(Metric::P99, "p99", Unit::Seconds),
    spec(Metric::Mean, "mean", Unit::Seconds),
    spec(Metric::IterationRate, "iterations", Unit::PerSecond),
    spec(Metric::DroppedRate, "dropped", Unit::PerSecond),
    spec(Metric::DataSent, "data_sent", Unit::BytesPerSecond),
    spec(Metric::DataReceived, "data_received", Unit::BytesPerSecond),
    spec(Metric::Cpu, "cpu", Unit::Cores),
    spec(Metric::Memory, "memory", Unit::Bytes),
    spec(Metric::IterationCount, "iterations_done", Unit::Count),
];

const fn spec(metric: Metric, id: &'static str, unit: Unit) -> MetricSpec {
    MetricSpec { metric, id, unit }
}

/// What a series is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The service a request went to.
    Service,
    /// The HTTP status.
    Status,
    /// A process whose use of the machine is measured: a service's name, `k6`, or `host`.
    Process,
}

/// Names a live series. On the wire: `p95`, `rps{service=product-service}`, `cpu{process=k6}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeriesKey {
    /// What it measures.
    pub metric: Metric,
    /// The part it is narrowed to; `None`: the whole run.
    pub part: Option<(Dimension, String)>,
}

/// All values at one tick. A series without data is absent, never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The time of the newest sample by k6's clock: the end of the windows that rates, shares and percentiles are taken over.
    pub at_ms: Millis,
    /// When VUs were counted, where that was at another time: k6 counts them once a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_ms: Option<Millis>,
    /// The length of the window that rates and shares are taken over; none: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates_ms: Option<u32>,
    /// The length of the window that percentiles are taken over; none: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentiles_ms: Option<u32>,
    /// The values in the units of [`METRICS`].
    pub values: BTreeMap<SeriesKey, f64>,
}

/// The frames so far, by column, thinned so that it never holds more than [`History::CAPACITY`] rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The rows' times, ascending.
    pub at_ms: Vec<Millis>,
    /// The times at which each row's VUs were counted, as long as `at_ms`.
    pub counted_ms: Vec<Millis>,
    /// The lengths of the windows that each row's rates and shares are taken over, as long as `at_ms`; 0: there are none.
    #[serde(default)]
    pub rates_ms: Vec<u32>,
    /// Values by series, each as long as `at_ms`; `None`: no data.
    pub series: BTreeMap<SeriesKey, Vec<Option<f64>>>,
}

impl History {
    /// Most rows kept: a quarter of an hour at one row a second; longer runs are thinned from the oldest.
    pub const CAPACITY: usize = 1000;
}

impl Metric {
    /// The metric's row in [`METRICS`].
    pub fn spec(self) -> &'static MetricSpec {
        // The table lists the variants in their order; a test checks it.
        &METRICS[self as usize]
    }

    /// Which time its values are of.
    pub fn span(self) -> Span {
        match self {
            Self::RequestRate
            | Self::FailedShare
            | Self::IterationRate
            | Self::DroppedRate
            | Self::DataSent
            | Self::DataReceived => Span::Rates,
            Self::P50 | Self::P95 | Self::P99 | Self::Mean => Span::Percentiles,
            Self::Vus | Self::VusMax | Self::Cpu | Self::Memory | Self::IterationCount => Span::Moment,
        }
    }
}

impl Dimension {
    /// Every dimension with its name on the wire.
    pub const ALL: &[(Self, &str)] =
        &[(Self::Service, "service"), (Self::Status, "status"), (Self::Process, "process")];

    fn id(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl SeriesKey {
    /// A series of the whole run.
    pub fn whole(metric: Metric) -> Self {
        Self { metric, part: None }
    }

    /// A series narrowed to a part.
    pub fn part(metric: Metric, dimension: Dimension, value: impl Into<String>) -> Self {
        Self { metric, part: Some((dimension, value.into())) }
    }
}

/// Why a text does not name a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not name a series")]
pub struct NotASeries(pub String);

impl TryFrom<String> for SeriesKey {
    type Error = NotASeries;

    fn try_from(text: String) -> Result<Self, NotASeries> {
        let metric = |id: &str| METRICS.iter().find(|spec| spec.id == id).map(|spec| spec.metric);
        let parse = || match text.strip_suffix('}') {
            None => Some(Self::whole(metric(&text)?)),
            Some(rest) => {
                let (id, label) = rest.split_once('{')?;
                let (dimension, value) = label.split_once('=')?;
                let (dimension, _) = Dimension::ALL.iter().find(|(_, id)| *id == dimension)?;
                Some(Self::part(metric(id)?, *dimension, value))
            }
        };
        parse().ok_or_else(|| NotASeries(text.clone()))
    }
}

impl From<SeriesKey> for String {
    fn from(key: SeriesKey) -> Self {
        key.to_string()
    }
}

impl std::fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.metric.spec().id;
        match &self.part {
            None => f.write_str(id),
            Some((dimension, value)) => write!(f, "{id}{{{}={value}}}", dimension.id()),
        }
    }
}

impl Frame {
    /// Sets a value. One that is not a number, or not finite, is no data: the series stays absent.
    pub fn set(&mut self, key: SeriesKey, value: f64) {
        if value.is_finite() {
            self.values.insert(key, value);
        }
    }

    /// The length of the window that a metric's value is taken over, in ms; none for that of a moment, and without a value.
    pub fn window_ms(&self, metric: Metric) -> Option<u32> {
        match metric.span() {
            Span::Moment => None,
            Span::Rates => self.rates_ms,
            Span::Percentiles => self.percentiles_ms,
        }
    }

    /// A value of the whole run.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.values.get(&SeriesKey::whole(metric)).copied()
    }

    /// A value of a part.
    pub fn get_part(&self, metric: Metric, dimension: Dimension, value: &str) -> Option<f64> {
        self.values.get(&SeriesKey::part(metric, dimension, value)).copied()
    }
}

impl History {
    /// Adds a frame, unless it is not newer than the last row. When full, thins what is older than the newest quarter, evenly
    /// in time. What stays depends on the rows alone, so with every reader the same does.
    pub fn push(&mut self, frame: &Frame) {
        if self.at_ms.last().is_some_and(|last| *last >= frame.at_ms) {
            return;
        }
        if self.at_ms.len() >= Self::CAPACITY {
            self.thin();
        }
        let rows = self.at_ms.len();
        self.at_ms.push(frame.at_ms);
        self.counted_ms.push(frame.counted_ms.unwrap_or(frame.at_ms));
        // What was written before there were windows has none.
        self.rates_ms.resize(rows, 0);
        self.rates_ms.push(frame.rates_ms.unwrap_or_default());
        for key in frame.values.keys() {
            if !self.series.contains_key(key) {
                self.series.insert(key.clone(), vec![None; rows]);
            }
        }
        for (key, values) in &mut self.series {
            values.push(frame.values.get(key).copied());
        }
    }

    /// Keeps rows not older than `from_ms`, and the series that have values there.
    pub fn keep_from(&mut self, from_ms: Millis) {
        let keep = self.at_ms.iter().map(|at| *at >= from_ms).collect::<Vec<_>>();
        self.keep_rows(&keep);
    }

    /// Keeps rows not newer than `to_ms`, and the series that have values there.
    pub fn keep_to(&mut self, to_ms: Millis) {
        let keep = self.at_ms.iter().map(|at| *at <= to_ms).collect::<Vec<_>>();
        self.keep_rows(&keep);
    }

    /// From when to when each row's value of a metric is true: the window of a rate, a moment for anything else.
    pub fn spans(&self, metric: Metric) -> impl Iterator<Item = (Millis, Millis)> + use<'_> {
        let ends = match metric {
            Metric::Vus | Metric::VusMax => &self.counted_ms,
            _ => &self.at_ms,
        };
        let lengths = self.rates_ms.as_slice();
        ends.iter().enumerate().map(move |(row, end)| {
            let length = match metric.span() {
                Span::Rates => lengths.get(row).copied().unwrap_or_default(),
                Span::Moment | Span::Percentiles => 0,
            };
            (end.saturating_sub(Millis::from(length)), *end)
        })
    }

    /// The times at which each row's values of a metric were true.
    pub fn times(&self, metric: Metric) -> impl Iterator<Item = Millis> + use<'_> {
        self.spans(metric).map(|(from, to)| from + (to - from) / 2)
    }

    /// From the first row to the last, in ms; 0 without rows.
    pub fn length_ms(&self) -> Millis {
        self.at_ms.last().zip(self.at_ms.first()).map_or(0, |(last, first)| last - first)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.at_ms.is_empty()
    }

    /// Of each stretch of time that has more than two of the old rows, its first and its last row stay, and every series has
    /// there the lowest and the highest value of the stretch, in their order. So no extreme is lost, and none is further from
    /// its time than a stretch is long. A row without any value that ends a stretch stays: after it there was nothing.
    fn thin(&mut self) {
        let old = self.at_ms.len() - Self::CAPACITY / 4;
        // At most three rows a stretch leave three fifths.
        let length = (self.at_ms[old - 1] - self.at_ms[0]) / (old as u64 / 5) + 1;
        let mut keep = vec![true; self.at_ms.len()];
        let mut start = 0;
        while start < old {
            let stretch = |row: usize| (self.at_ms[row] - self.at_ms[0]) / length;
            let end = (start..old).find(|row| stretch(*row) != stretch(start)).unwrap_or(old);
            let silent = |row: usize| self.series.values().all(|values| values[row].is_none());
            let told = if silent(end - 1) { end - 1 } else { end };
            if told - start > 2 {
                keep[start + 1..told - 1].fill(false);
                for values in self.series.values_mut() {
                    [values[start], values[told - 1]] = extremes(&values[start..told]);
                }
            }
            start = end;
        }
        self.keep_rows(&keep);
    }

    /// Keeps the rows whose flag is set, and the series that have values there.
    fn keep_rows(&mut self, keep: &[bool]) {
        fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
            let mut flags = keep.iter();
            column.retain(|_| flags.next().copied().unwrap_or(false));
        }
        retain(&mut self.at_ms, keep);
        retain(&mut self.counted_ms, keep);
        retain(&mut self.rates_ms, keep);
        self.series.retain(|_, values| {
            retain(values, keep);
            values.iter().any(Option::is_some)
        });
    }

    /// The values of a dimension's parts of a metric, by the part's name.
    pub fn parts(&self, metric: Metric, dimension: Dimension) -> impl Iterator<Item = (&str, &[Option<f64>])> {
        self.series.iter().filter_map(move |(key, values)| match &key.part {
            Some((d, name)) if key.metric == metric && *d == dimension => Some((name.as_str(), values.as_slice())),
            _ => None,
        })
    }
}

/// The lowest and the highest of some values, in their order; of a single one, where in them it is.
fn extremes(values: &[Option<f64>]) -> [Option<f64>; 2] {
    let mut there = values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?)));
    let Some(first) = there.next() else { return [None; 2] };
    let (mut lowest, mut highest, mut alone) = (first, first, true);
    for next in there {
        alone = false;
        if next.1 < lowest.1 {
            lowest = next;
        }
        if next.1 >= highest.1 {
            highest = next;
        }
    }
    match (lowest, highest) {
        ((row, value), _) if alone => {
            if row < values.len() / 2 {
                [Some(value), None]
            } else {
                [None, Some(value)]
            }
        }
        ((low, lowest), (high, highest)) if low <= high => [Some(lowest), Some(highest)],
        ((_, lowest), (_, highest)) => [Some(highest), Some(lowest)],
    }
}
