//! What the dashboard counts of itself, for `/metrics`. There is one dashboard a process, so there is one [`FIGURES`]: who counts
//! need not be handed it, and nobody reads it but [`Figures::tell`].

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use super::exposition::Exposition;

/// The figures of this process.
pub static FIGURES: Figures = Figures::new();

/// The upper bounds of a tick's time, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5];

/// Everything that is counted.
#[derive(Debug)]
pub struct Figures {
    /// Who follows the live stream.
    pub viewers: Level,
    /// Open connections.
    pub connections: Level,
    /// Messages to webhooks that wait, as last looked at.
    pub outbox: Level,
    /// From a tick's begin to its values on their way to viewers.
    pub ticks: Times,
    /// Questions of ticks that the metrics store did not answer.
    pub store_errors: Count,
    /// Questions that the database did not answer.
    pub database_errors: Count,
}

impl Figures {
    const fn new() -> Self {
        Self {
            viewers: Level::new(),
            connections: Level::new(),
            outbox: Level::new(),
            ticks: Times::new(),
            store_errors: Count::new(),
            database_errors: Count::new(),
        }
    }

    /// Adds them to what Prometheus is told; `tasks`: how many are at work in the background.
    pub fn tell(&self, text: &mut Exposition, tasks: usize) {
        text.gauge("ha_dashboard_viewers", "Who follows the live stream.", &[], self.viewers.get());
        text.gauge("ha_dashboard_connections", "Open connections.", &[], self.connections.get());
        text.gauge("ha_dashboard_tasks", "Tasks at work in the background.", &[], tasks as f64);
        text.gauge("ha_dashboard_outbox_messages", "Messages to webhooks that wait.", &[], self.outbox.get());
        let help = "Questions of ticks that the metrics store did not answer.";
        text.counter("ha_dashboard_store_errors_total", help, &[], self.store_errors.get());
        let help = "Questions that the database did not answer.";
        text.counter("ha_dashboard_database_errors_total", help, &[], self.database_errors.get());
        let help = "From a tick's begin to its values on their way to viewers, in seconds.";
        let (counts, sum) = self.ticks.get();
        text.histogram("ha_dashboard_tick_seconds", help, &BOUNDS, &counts, sum);
    }
}

/// How many there are.
#[derive(Debug)]
pub struct Level(AtomicI64);

impl Level {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// One more, until what this gives is dropped.
    pub fn enter(&'static self) -> Present {
        self.0.fetch_add(1, Ordering::Relaxed);
        Present(self)
    }

    /// So many.
    pub fn set(&self, level: i64) {
        self.0.store(level, Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// One of those that a [`Level`] counts.
#[derive(Debug)]
pub struct Present(&'static Level);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often something happened.
#[derive(Debug)]
pub struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Once more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took, by [`BOUNDS`].
#[derive(Debug)]
pub struct Times {
    /// Up to each bound and above the one before; then those above all of them.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Times {
    const fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BOUNDS.len() + 1], sum_us: AtomicU64::new(0) }
    }

    /// It took so long once.
    pub fn add(&self, took: Duration) {
        let at = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How often up to each bound, how often at all, and the sum in seconds.
    fn get(&self) -> ([u64; BOUNDS.len() + 1], f64) {
        let mut so_far = 0;
        let counts = self.counts.each_ref().map(|count| {
            so_far += count.load(Ordering::Relaxed);
            so_far
        });
        (counts, self.sum_us.load(Ordering::Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_a_histogram() {
        let figures = Figures::new();
        for ms in [1, 2, 30, 4_000] {
            figures.ticks.add(Duration::from_millis(ms));
        }
        figures.store_errors.add();
        let mut text = Exposition::default();
        figures.tell(&mut text, 7);
        let text = text.finish();
        for line in [
            "# TYPE ha_dashboard_tick_seconds histogram",
            r#"ha_dashboard_tick_seconds_bucket{le="0.001"} 1"#,
            r#"ha_dashboard_tick_seconds_bucket{le="0.0025"} 2"#,
            r#"ha_dashboard_tick_seconds_bucket{le="0.025"} 2"#,
            r#"ha_dashboard_tick_seconds_bucket{le="0.05"} 3"#,
            r#"ha_dashboard_tick_seconds_bucket{le="+Inf"} 4"#,
            "ha_dashboard_tick_seconds_sum 4.033",
            "ha_dashboard_tick_seconds_count 4",
            "ha_dashboard_store_errors_total 1",
            "ha_dashboard_database_errors_total 0",
            "ha_dashboard_tasks 7",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn who_leaves_counts_no_more() {
        static LEVEL: Level = Level::new();
        let one = LEVEL.enter();
        let other = LEVEL.enter();
        drop(one);
        assert_eq!(LEVEL.get(), 1.0);
        drop(other);
        assert_eq!(LEVEL.get(), 0.0);
    }
}
