//! One metric of several runs on one time axis, each from its own start.

use super::{Axis, Picture, Point, Trace, axis, points, units};
use crate::{
    domain::{
        format::NO_DATA,
        frame::{History, Metric, SeriesKey},
        run::Run,
    },
    ui::charts::{
        panels::Look,
        scale::{ValueScale, time_step},
        text::ChartText,
        theme::Tone,
    },
};

/// How the lines of runs are told apart, without colour, too.
const LOOKS: [Look; 4] = [Look::Line, Look::Dashed, Look::Thin, Look::Area];

impl Picture {
    /// A metric of several runs, with the rows of each; `names` stand for the runs.
    pub fn compared(
        metric: Metric,
        names: &[String],
        runs: &[(&Run, &History)],
        text: &ChartText,
    ) -> (Self, Vec<Vec<Point>>) {
        let units = units(metric, text);
        let key = SeriesKey::whole(metric);
        let rows = runs.iter().map(|(run, history)| {
            let (origin_ms, _) = axis(Some(run), history);
            let since = |at: u64| at.saturating_sub(origin_ms) as f64;
            let spans = history.spans(metric).map(|(from, to)| (since(from), since(to))).collect::<Vec<_>>();
            history.series.get(&key).map(|values| points(&spans, values, units.factor)).unwrap_or_default()
        });
        let rows = rows.collect::<Vec<_>>();
        let highest = runs.iter().filter_map(|(_, history)| history.series.get(&key)).flatten().flatten().copied();
        let top = highest.fold(0.0, f64::max) * units.factor;
        let length_s = runs.iter().map(|(run, history)| axis(Some(run), history).1).fold(1.0, f64::max);
        let trace = |(place, name): (usize, &String)| Trace {
            key: Some(key.clone()),
            metric,
            name: name.clone(),
            tone: Tone::Series(u8::try_from(place + 1).unwrap_or(1)),
            look: LOOKS[place % LOOKS.len()],
            right: false,
        };
        let picture = Self {
            origin_ms: 0,
            length_s,
            time_step_s: time_step(length_s),
            left: Axis {
                unit: units.label,
                suffix: units.suffix,
                scale: ValueScale::reaching(top, units.least, units.whole),
            },
            right: None,
            traces: names.iter().enumerate().map(trace).collect(),
            planned: Vec::new(),
            limits: Vec::new(),
            bands: Vec::new(),
            gaps: Vec::new(),
            marks: Vec::new(),
            spans: Vec::new(),
            gap_name: NO_DATA,
            over: true,
        };
        (picture, rows)
    }
}
