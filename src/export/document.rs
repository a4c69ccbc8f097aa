//! Everything that is on record of a run, as one JSON document.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    cost::Cost,
    detail::Detail,
    event::Event,
    fault::Fault,
    frame::{History, SeriesKey},
    picture::RunPicture,
    run::Run,
    timeline,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Grows when something is changed that is not only added.
const FORMAT: u32 = 1;

/// A run with everything that is on record of it. Times are in ms since 1970, durations of requests in seconds; what was not
/// measured is null or not there, never 0.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDocument {
    /// The version of this format: 1. Fields may be added to it.
    format: u32,
    /// The version of the dashboard that wrote it.
    dashboard: &'static str,
    /// The run: what was asked for, how it ended, its figures and thresholds.
    run: Run,
    /// Endpoints, failures, checks and durations; null where nobody counted them.
    #[schema(required = true)]
    detail: Option<Detail>,
    /// Its values over time; null where the metrics store no longer has them.
    #[schema(required = true)]
    series: Option<SeriesTable>,
    /// What happened, oldest first.
    events: Vec<Event>,
    /// The faults that were set in it, oldest first.
    faults: Vec<CostedFault>,
    /// The last lines of k6's log, oldest first.
    log: Vec<String>,
}

/// Values over time, by column.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesTable {
    /// The time of each row, in ms since 1970.
    at_ms: Vec<u64>,
    /// The values of each series, as many as there are rows; null: no data. A series is named by what it measures, and by the
    /// part that it is of: `p95`, `rps{service=shop}`, `cpu{process=k6}`. Durations are in seconds, shares are 0 to 1, rates
    /// are a second's.
    values: BTreeMap<String, Vec<Option<f64>>>,
}

/// A fault and what it cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostedFault {
    /// The fault.
    fault: Fault,
    /// What it cost.
    cost: Cost,
}

impl RunDocument {
    /// What is on record of a run; `has_course`: whether its values over time are there.
    pub fn new(picture: &RunPicture, log: Vec<String>, has_course: bool) -> Self {
        let (RunPicture { run, detail, .. }, snapshot) = (picture, picture.own());
        let costed = snapshot.status.costed(&run.id).into_iter();
        Self {
            format: FORMAT,
            dashboard: env!("CARGO_PKG_VERSION"),
            run: run.clone(),
            detail: detail.as_deref().cloned(),
            series: has_course.then(|| SeriesTable::new(&snapshot.history)),
            events: snapshot.events.into_iter().filter(|event| timeline::belongs(event, run)).collect(),
            faults: costed.map(|(fault, told)| CostedFault { fault, cost: told.cost }).collect(),
            log,
        }
    }
}

impl SeriesTable {
    fn new(history: &History) -> Self {
        let named = |(key, values): (&SeriesKey, &Vec<Option<f64>>)| (key.to_string(), values.clone());
        Self { at_ms: history.at_ms.clone(), values: history.series.iter().map(named).collect() }
    }
}
