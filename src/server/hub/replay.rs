//! Reads a run's history again: the stored samples in the order in which k6 pushed them, counted as if they came now.

use std::{collections::BTreeMap, time::Duration};

use ha_dashboard::domain::{
    Millis,
    frame::{Frame, History, Metric, SeriesKey},
    run::Run,
};

use super::{
    poll::{Count, PUSHES, selector},
    pushes::Push,
};
use crate::server::prometheus::{
    client::{Client, Labels, Series, StoreError},
    queries,
};

/// Stretch of stored samples read at once, if the store can.
const STRETCH_MS: Millis = 30_000;

/// A run is read push by push as long as that gives no more rows than this many times those that are kept.
const ROWS: u64 = 2;

/// What a history read again comes to.
pub struct Replay {
    /// Rows, oldest first.
    pub frames: Vec<Frame>,
    /// The count up to the end, to go on from.
    pub count: Count,
    /// What came with each push, oldest first.
    pub pushes: Vec<Push>,
}

impl Replay {
    fn observe(&mut self, series: Vec<Series>) {
        self.frames.extend(self.count.observe(series));
        self.pushes.extend(self.count.take_push());
    }
}

/// The history of a run that began at `from_ms`, until `to_ms`.
///
/// # Errors
/// When the store does not answer, or refuses.
pub async fn read(
    run: &Run,
    client: &Client,
    tick: Duration,
    native_histograms: bool,
    from_ms: Millis,
    to_ms: Millis,
) -> Result<Replay, StoreError> {
    let pushes = Pushes { interval_ms: (tick.as_millis() as Millis).max(1), phase_ms: None };
    let rows = to_ms.saturating_sub(from_ms) / pushes.interval_ms;
    let step = (rows > History::CAPACITY as u64 * ROWS)
        .then(|| Duration::from_millis((rows * pushes.interval_ms).div_ceil(History::CAPACITY as u64 * 3 / 4)));
    let window = (tick * PUSHES).max(step.unwrap_or_default());
    let (count, apart_ms) = (Count::new(run, window, native_histograms), pushes.interval_ms.max(millis(step)));
    let selector = selector(run, native_histograms);
    let mut reader =
        Reader { client, selector, pushes, replay: Replay { frames: Vec::new(), count, pushes: Vec::new() } };
    match step {
        None => reader.read_pushes(from_ms, to_ms).await?,
        Some(step) => reader.read_steps(from_ms, to_ms, step).await?,
    }
    let Replay { frames, count, pushes } = reader.replay;
    Ok(Replay { frames: with_gaps(frames, apart_ms), count, pushes })
}

/// The row at the end of a run that is over: k6 is gone, that is known, whatever the store says.
pub fn last_row(run: &Run) -> Option<Frame> {
    let values = [(SeriesKey::whole(Metric::Vus), 0.0)].into();
    run.ended_ms.map(|at_ms| Frame { at_ms, values, ..Frame::default() })
}

fn millis(duration: Option<Duration>) -> Millis {
    duration.unwrap_or_default().as_millis() as Millis
}

/// Rows with an empty one wherever samples are missing, so that no line is drawn over that.
fn with_gaps(frames: Vec<Frame>, apart_ms: Millis) -> Vec<Frame> {
    let mut rows: Vec<Frame> = Vec::with_capacity(frames.len());
    for frame in frames {
        if let Some(last) = rows.last()
            && last.at_ms + Millis::from(PUSHES) * apart_ms < frame.at_ms
        {
            rows.push(Frame { at_ms: last.at_ms + apart_ms, ..Frame::default() });
        }
        rows.push(frame);
    }
    rows
}

struct Reader<'a> {
    client: &'a Client,
    selector: String,
    pushes: Pushes,
    replay: Replay,
}

impl Reader<'_> {
    async fn read_pushes(&mut self, from_ms: Millis, to_ms: Millis) -> Result<(), StoreError> {
        let (mut from_ms, mut stretch) = (from_ms.saturating_sub(self.pushes.interval_ms), STRETCH_MS);
        // A stretch ends where a push does, so that none is cut in two.
        while from_ms < to_ms {
            let end_ms = self.pushes.end(from_ms + stretch).min(to_ms + self.pushes.interval_ms);
            let late_ms = end_ms + self.pushes.lateness_ms();
            let query = queries::stored(&self.selector, Duration::from_millis(late_ms - from_ms));
            match self.client.samples(&query, Some(late_ms)).await {
                Err(StoreError::TooLarge | StoreError::Timeout { .. }) if stretch > 2 * self.pushes.interval_ms => {
                    stretch /= 2;
                    continue;
                }
                answer => self.count(answer?, end_ms),
            }
            from_ms = end_ms;
        }
        Ok(())
    }

    async fn read_steps(&mut self, from_ms: Millis, to_ms: Millis, step: Duration) -> Result<(), StoreError> {
        let step_ms = step.as_millis() as Millis;
        let mut from_ms = from_ms + step_ms;
        while from_ms <= to_ms {
            let end_ms = (from_ms + 60 * step_ms).min(to_ms);
            let mut rows: BTreeMap<Millis, Vec<Series>> = BTreeMap::new();
            for series in self.client.range(&self.selector, from_ms, end_ms, step).await? {
                for (at_ms, series) in points(series) {
                    rows.entry(at_ms).or_default().push(series);
                }
            }
            rows.into_values().for_each(|row| self.replay.observe(row));
            from_ms = end_ms + step_ms;
        }
        Ok(())
    }

    fn count(&mut self, series: Vec<Series>, end_ms: Millis) {
        let pushes = self.pushes.split(series).into_iter().filter(|(pushed_ms, _)| *pushed_ms <= end_ms);
        pushes.for_each(|(_, push)| self.replay.observe(push));
    }
}

/// Every sample of a series as a series of its own.
fn points(series: Series) -> impl Iterator<Item = (Millis, Series)> {
    let Series { labels, points, histograms } = series;
    let one = |labels: &Labels| Series { labels: labels.clone(), points: Vec::new(), histograms: Vec::new() };
    let numbers = points.into_iter().map({
        let labels = labels.clone();
        move |point| (point.0, Series { points: vec![point], ..one(&labels) })
    });
    let histograms = histograms
        .into_iter()
        .map(move |(at_ms, histogram)| (at_ms, Series { histograms: vec![(at_ms, histogram)], ..one(&labels) }));
    numbers.chain(histograms)
}

/// When pushes ended.
///
/// A sample carries the time of the last thing it counts, which is up to an interval before its push. k6 pushes on a
/// regular beat and busy series have their last sample just before it, so the beat is where samples are youngest.
struct Pushes {
    interval_ms: Millis,
    /// The time of a push on the beat, less whole intervals.
    phase_ms: Option<Millis>,
}

impl Pushes {
    /// The end of the first push at or after a time.
    fn end(&self, at_ms: Millis) -> Millis {
        let phase_ms = self.phase_ms.unwrap_or_default();
        at_ms + (self.interval_ms + phase_ms - at_ms % self.interval_ms) % self.interval_ms
    }

    /// How late a push may be.
    fn lateness_ms(&self) -> Millis {
        self.interval_ms / 8
    }

    /// Sorts stored samples by the pushes that brought them, oldest first.
    fn split(&mut self, series: Vec<Series>) -> BTreeMap<Millis, Vec<Series>> {
        if self.phase_ms.is_none() {
            self.phase_ms = self.find_phase(&series);
        }
        let mut pushes: BTreeMap<Millis, Vec<Series>> = BTreeMap::new();
        for series in series {
            // A busy series has its last sample just before the push; one just behind the beat is of a push that was late.
            let late_ms = if is_gauge(&series) { 0 } else { self.lateness_ms() };
            for (at_ms, series) in points(series) {
                pushes.entry(self.end(at_ms.saturating_sub(late_ms))).or_default().push(series);
            }
        }
        pushes
    }

    /// The phase for which samples are youngest when they are pushed.
    fn find_phase(&self, series: &[Series]) -> Option<Millis> {
        let interval = self.interval_ms;
        let times = |series: &Series| {
            let numbers = series.points.iter().map(|(at_ms, _)| *at_ms);
            numbers.chain(series.histograms.iter().map(|(at_ms, _)| *at_ms)).collect::<Vec<_>>()
        };
        let counted = series.iter().filter(|series| !is_gauge(series));
        let mut phases: Vec<Millis> = counted.flat_map(times).map(|at_ms| at_ms % interval).collect();
        phases.sort_unstable();
        let (count, total) = (phases.len() as u64, phases.iter().sum::<Millis>());
        // With the push at `phase`, the samples up to there wait for `phase - own`, those behind for an interval more.
        let wait = |(index, phase): (usize, &Millis)| {
            let behind = count - 1 - index as u64;
            (phase * count + behind * interval - total, *phase)
        };
        phases.iter().enumerate().map(wait).min().map(|(_, youngest)| youngest)
    }
}

/// Gauges have a beat of their own, and tell nothing about that of the pushes.
fn is_gauge(series: &Series) -> bool {
    let name = series.labels.get("__name__").map(String::as_str);
    name.is_some_and(|name| name == queries::VUS || name == queries::VUS_MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn series(name: &str, times: &[Millis]) -> Series {
        let points = times.iter().map(|at_ms| (*at_ms, *at_ms as f64)).collect();
        Series { labels: Labels::from([("__name__".into(), name.into())]), points, histograms: Vec::new() }
    }

    #[test]
    fn no_line_is_drawn_over_what_is_missing() {
        let frames = [1000, 2000, 7000, 12_500].map(|at_ms| Frame { at_ms, ..Frame::default() });
        let times = |rows: Vec<Frame>| rows.iter().map(|row| row.at_ms).collect::<Vec<_>>();
        assert_eq!(times(with_gaps(frames.to_vec(), 1000)), [1000, 2000, 7000, 8000, 12_500]);
    }

    #[test]
    fn samples_are_sorted_by_the_push_that_brought_them() {
        // Pushed at …,400: the busy series just before, the gauge at …,500, a rare one anywhere.
        let busy: Vec<Millis> = (0..10).map(|i| 100_390 + i * 1000 + i % 3).collect();
        let gauge: Vec<Millis> = (0..10).map(|i| 99_500 + i * 1000).collect();
        let rare = [102_900, 105_410];
        let mut pushes = Pushes { interval_ms: 1000, phase_ms: None };
        let split = pushes.split(vec![series("busy", &busy), series("k6_vus", &gauge), series("rare", &rare)]);
        assert_eq!(split.len(), 10);
        for (index, push) in split.values().enumerate() {
            let of = |name: &str| push.iter().filter(|series| series.labels["__name__"] == name).collect::<Vec<_>>();
            assert_eq!(of("busy")[0].points[0].0, busy[index]);
            assert_eq!(of("k6_vus")[0].points[0].0, gauge[index]);
            assert_eq!(of("rare").len(), usize::from([3, 5].contains(&index)), "{index}");
        }
        // Where a stretch ends, no push is cut in two.
        assert_eq!(pushes.end(110_000) % 1000, pushes.phase_ms.unwrap());
        assert!((110_000..111_000).contains(&pushes.end(110_000)));
    }
}
