//! How the last runs of one target came out, one after the other.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    compare::Figure,
    run::{Run, RunId, RunState, Verdict},
};

/// What a run came to.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = TrendPoint))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The run.
    pub run: RunId,
    /// What people call it; empty: nothing.
    pub name: String,
    /// When Start was pressed, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub created_ms: Millis,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether it is the baseline of its target.
    pub baseline: bool,
    /// 95th percentile of request durations, in seconds; null where it was not measured.
    pub p95_s: Option<f64>,
    /// Share of failed requests, 0–1.
    pub failed_share: Option<f64>,
    /// Requests per second.
    pub request_rate: Option<f64>,
}

/// What a trend shows, in this order.
pub const FIGURES: [Figure; 3] = [Figure::P95, Figure::FailedShare, Figure::RequestRate];

/// Most runs of a trend.
pub const RUNS: u32 = 20;

impl Point {
    /// The value of one of [`FIGURES`]; `None`: it was not measured, or is another figure.
    pub fn of(&self, figure: Figure) -> Option<f64> {
        let value = match figure {
            Figure::P95 => self.p95_s,
            Figure::FailedShare => self.failed_share,
            Figure::RequestRate => self.request_rate,
            _ => None,
        };
        value.filter(|value| value.is_finite())
    }
}

/// The runs that sent load and are over, at most [`RUNS`] of them, oldest first; `runs` are newest first.
pub fn points(runs: impl IntoIterator<Item = Run>) -> Vec<Point> {
    let point = |run: Run| {
        let RunState::Finished(verdict) = run.state else { return None };
        run.started_ms?;
        let totals = run.totals.unwrap_or_default();
        Some(Point {
            run: run.id,
            name: run.labels.name,
            created_ms: run.created_ms,
            verdict,
            baseline: run.labels.baseline,
            p95_s: totals.p95_s,
            failed_share: totals.failed_share,
            request_rate: totals.request_rate,
        })
    };
    let mut points = runs.into_iter().filter_map(point).take(RUNS as usize).collect::<Vec<_>>();
    points.reverse();
    points
}

/// Where values lie in a drawing, from left to right and from 0 at the bottom to the largest at the top, 0–1 each; `None`: there
/// is no value. Without any above 0, all lie at the bottom.
pub fn places(values: &[Option<f64>]) -> Vec<Option<(f64, f64)>> {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let last = (values.len().max(2) - 1) as f64;
    let place = |(at, value): (usize, &Option<f64>)| {
        value.map(|value| (at as f64 / last, if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 }))
    };
    values.iter().enumerate().map(place).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{
        labels::Labels,
        plan::{OwnEnd, Shape},
        run::Totals,
    };

    fn run(id: &str, started_ms: Option<Millis>, state: RunState, p95_s: Option<f64>) -> Run {
        let shape = Shape::Own { duration_s: 10, max_vus: 1, end: OwnEnd::Unknown };
        let plan = serde_json::json!({ "script": "a.js", "target": "shop", "shape": shape, "thresholds": [] });
        let text = serde_json::json!({
            "id": id, "plan": plan, "schedule": null, "state": RunState::Running, "created_ms": 5, "started_ms": started_ms,
            "ended_ms": null, "deadline_ms": 9, "thresholds": [], "correlation_id": "",
        });
        let run: Run = serde_json::from_value(text).unwrap();
        let totals = Some(Totals { p95_s, ..Totals::default() });
        Run { state, totals, labels: Labels { name: id.to_uppercase(), ..Labels::default() }, ..run }
    }

    #[test]
    fn a_trend_has_the_runs_that_sent_load_oldest_first() {
        let passed = || RunState::Finished(Verdict::Passed);
        let runs = [
            run("at-work", Some(9), RunState::Running, Some(9.0)),
            run("newest", Some(8), RunState::Finished(Verdict::Failed), Some(0.3)),
            run("never", None, RunState::Finished(Verdict::Cancelled), None),
            run("silent", Some(6), passed(), None),
            run("oldest", Some(5), passed(), Some(0.1)),
        ];
        let points = points(runs);
        let told = points.iter().map(|point| (point.name.as_str(), point.of(Figure::P95))).collect::<Vec<_>>();
        assert_eq!(told, [("OLDEST", Some(0.1)), ("SILENT", None), ("NEWEST", Some(0.3))]);
        assert_eq!(points[2].of(Figure::Iterations), None);
        let many = (0..30).map(|n| run(&format!("r-{n}"), Some(1), passed(), Some(1.0)));
        let points = super::points(many);
        let ends = [points.first(), points.last()].map(|point| point.unwrap().run.to_string());
        assert_eq!((points.len(), ends), (20, ["r-19".to_owned(), "r-0".to_owned()]));
    }

    #[test]
    fn places_begin_at_zero_and_end_at_the_largest() {
        let cases = [
            (vec![], vec![]),
            (vec![Some(3.0)], vec![Some((0.0, 1.0))]),
            (vec![Some(1.0), None, Some(4.0)], vec![Some((0.0, 0.25)), None, Some((1.0, 1.0))]),
            (vec![Some(0.0), Some(0.0)], vec![Some((0.0, 0.0)), Some((1.0, 0.0))]),
        ];
        for (values, expected) in cases {
            assert_eq!(places(&values), expected, "{values:?}");
        }
    }
}
