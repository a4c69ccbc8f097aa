//! What each service saw over a whole run, summed up from the history.

use crate::domain::{
    frame::{Dimension, History, Metric, SeriesKey},
    live::Snapshot,
};

/// A service, k6 or the host. What was not measured is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Requests per second, the mean over the run.
    pub rate: Option<f64>,
    /// Share of all its requests that failed, 0–1.
    pub failed: Option<f64>,
    /// The highest p95 at any moment, in seconds.
    pub p95: Option<f64>,
    /// The most CPU at any moment; 1 = one core busy.
    pub cpu: Option<f64>,
    /// The most memory at any moment, in bytes.
    pub memory: Option<f64>,
}

/// Services in the configured order, then k6 and the host; those without any value are left out.
pub fn parts(snapshot: &Snapshot) -> Vec<Part> {
    let services = snapshot.status.services.iter().map(|status| status.service.name.as_str());
    let history = &snapshot.history;
    let mut parts: Vec<Part> = services.chain(["k6", "host"]).map(|name| part(history, name)).collect();
    parts.retain(|part| *part != empty(&part.name));
    // Rows know the services' shares; k6's own figure, where it left one, knows the first and last moments too.
    let all: f64 = parts.iter().filter_map(|part| part.rate).sum();
    let totals = snapshot.status.run.as_ref().and_then(|run| run.totals.as_ref());
    if let Some(rate) = totals.and_then(|totals| totals.request_rate).filter(|_| all > 0.0) {
        parts.iter_mut().filter_map(|part| part.rate.as_mut()).for_each(|part| *part *= rate / all);
    }
    parts
}

fn empty(name: &str) -> Part {
    Part { name: name.into(), rate: None, failed: None, p95: None, cpu: None, memory: None }
}

fn part(history: &History, name: &str) -> Part {
    let series = |metric, dimension| {
        history.series.get(&SeriesKey::part(metric, dimension, name)).map(Vec::as_slice).unwrap_or_default()
    };
    let highest = |metric, dimension| series(metric, dimension).iter().flatten().copied().reduce(f64::max);
    let lengths = lengths(&history.at_ms);
    let rates = series(Metric::RequestRate, Dimension::Service);
    let shares = series(Metric::FailedShare, Dimension::Service);
    // A share counts as much as the requests it is of.
    let requests = rates.iter().zip(&lengths).map(|(rate, length)| rate.map(|rate| rate * length)).collect::<Vec<_>>();
    Part {
        rate: mean(rates, &lengths.iter().copied().map(Some).collect::<Vec<_>>()),
        failed: mean(shares, &requests),
        p95: highest(Metric::P95, Dimension::Service),
        cpu: highest(Metric::Cpu, Dimension::Process),
        memory: highest(Metric::Memory, Dimension::Process),
        ..empty(name)
    }
}

/// The time each row stands for, in ms: older rows of a long run lie further apart.
fn lengths(at_ms: &[u64]) -> Vec<f64> {
    let mut lengths: Vec<f64> = at_ms.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64).collect();
    // Nothing is known of the time before the first row: it counts like the next one.
    if let Some(first) = lengths.first().copied().or((!at_ms.is_empty()).then_some(1.0)) {
        lengths.insert(0, first);
    }
    lengths
}

/// The weighted mean of the values that are there.
fn mean(values: &[Option<f64>], weights: &[Option<f64>]) -> Option<f64> {
    let pairs = values.iter().zip(weights).filter_map(|(value, weight)| Some(((*value)?, (*weight)?)));
    let (sum, all) = pairs.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
    (all > 0.0).then(|| sum / all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Frame;

    #[test]
    fn a_mean_follows_time_and_a_share_follows_requests() {
        let mut history = History::default();
        let key = |metric| SeriesKey::part(metric, Dimension::Service, "shop");
        for (at_ms, rate, failed) in [(0, 10.0, 0.0), (1_000, 10.0, 0.0), (4_000, 30.0, 0.5)] {
            let values = [(key(Metric::RequestRate), rate), (key(Metric::FailedShare), failed)].into();
            history.push(&Frame { at_ms, values, ..Frame::default() });
        }
        let part = part(&history, "shop");
        // 1 s and 1 s of 10/s, 3 s of 30/s: 110 requests in 5 s, 45 of them failed.
        assert_eq!(part.rate, Some(22.0));
        assert_eq!(part.failed, Some(45.0 / 110.0));
        assert_eq!((part.p95, part.cpu), (None, None));
        assert_eq!(super::part(&history, "other"), empty("other"));
    }
}
