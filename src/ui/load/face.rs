//! What a tile says: a value, which time it is of, and the limit that a threshold sets it.

use crate::{
    domain::{
        Millis, format,
        frame::{Frame, History, Metric, SeriesKey, Span, Unit},
        prefs::Lang,
        run::{Run, Totals},
        schedule::Schedule,
        threshold::Observed,
    },
    ui::show,
};

/// What the tiles show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// The run at work, or the last one.
    pub run: Option<&'a Run>,
    /// The newest values.
    pub frame: &'a Frame,
    /// The values so far.
    pub history: &'a History,
    /// The server's clock.
    pub now_ms: Millis,
}

/// A tile's face.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Face {
    /// What is measured.
    pub name: &'static str,
    /// The value in words, and its unit.
    pub number: (String, String),
    /// The value itself.
    pub value: Option<f64>,
    /// How good it is: `bad`, `warn`, or empty.
    pub tone: &'static str,
    /// Which time it is of, its limit, and what else belongs to it.
    pub notes: Vec<Note>,
}

/// A few words below a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    /// The words.
    pub words: String,
    /// `bad`, `warn`, or empty.
    pub tone: &'static str,
}

/// Whether iterations per second are the load that is asked for.
pub(super) fn is_open(run: Option<&Run>) -> bool {
    let schedule = run.and_then(|run| run.schedule.as_ref());
    schedule.is_some_and(Schedule::is_open)
}

/// The face of a metric's tile: the value now while there is a run at work, that of the whole test afterwards.
pub(super) fn face(metric: Metric, shown: Shown<'_>, lang: Lang) -> Face {
    let words = (lang.text().metric)(metric);
    match shown.run {
        Some(run) if !run.state.is_active() => over(metric, run, shown.history, lang),
        run => now(metric, run, shown, Face { name: words.name, ..Face::default() }, lang),
    }
}

fn now(metric: Metric, run: Option<&Run>, shown: Shown<'_>, face: Face, lang: Lang) -> Face {
    let text = lang.text();
    let value = shown.frame.get(metric);
    let mut notes = Vec::new();
    if value.is_some() {
        let window = shown.frame.window_ms(metric).map(|ms| format!("{} s", ((f64::from(ms)) / 1e3).round().max(1.0)));
        notes.extend(match (metric.span(), window) {
            (_, Some(window)) => Some(plain((text.span_last)(&window))),
            (Span::Moment, None) => Some(plain(text.span_now.into())),
            (Span::Rates | Span::Percentiles, None) => None,
        });
    }
    let open = is_open(run);
    let is_load = metric == if open { Metric::IterationRate } else { Metric::Vus };
    if let Some(asked) = run.and_then(|run| run.asked(shown.now_ms)).filter(|_| is_load) {
        notes.push(plain((text.tile_asked)(&in_words(metric, asked.round(), lang))));
    }
    let dropped = shown.frame.get(Metric::DroppedRate).filter(|rate| *rate > 0.0);
    if let Some(dropped) = dropped.filter(|_| is_load && open) {
        notes.push(Note { words: (text.tile_dropped)(&in_words(Metric::DroppedRate, dropped, lang)), tone: "bad" });
    }
    let watching =
        run.and_then(|run| watching(run, metric, |seen| value.map(|value| seen.threshold.holds_shown(value))));
    let broken = watching.is_some_and(|(_, holds)| holds == Some(false));
    notes.extend(watching.map(|(seen, _)| limit(seen, broken, lang)));
    let lost = metric == Metric::DroppedRate && open && dropped.is_some();
    let tone = if broken || lost { "bad" } else { "" };
    Face { number: show::parts(metric.spec().unit, value, lang), value, tone, notes, ..face }
}

/// The totals of a test that is over, and how far it went up.
fn over(metric: Metric, run: &Run, history: &History, lang: Lang) -> Face {
    let text = lang.text();
    let none = Totals::default();
    let totals = run.totals.as_ref().unwrap_or(&none);
    let elapsed_s = Some(run.elapsed_s(run.ended_ms.unwrap_or_default())).filter(|elapsed| *elapsed > 0.0);
    let open = is_open(Some(run));
    let (name, unit) = ((text.metric)(metric).name, metric.spec().unit);
    let (name, unit, value) = match metric {
        Metric::Vus => (name, unit, totals.peak_vus),
        Metric::RequestRate => (name, unit, totals.request_rate),
        Metric::FailedShare => (name, unit, totals.failed_share),
        Metric::P50 => (name, unit, totals.p50_s),
        Metric::P95 => (name, unit, totals.p95_s),
        Metric::P99 => (name, unit, totals.p99_s),
        Metric::Mean => (name, unit, totals.mean_s),
        Metric::IterationRate if open => {
            (name, unit, totals.iterations.zip(elapsed_s).map(|(count, seconds)| count / seconds))
        }
        Metric::IterationRate | Metric::IterationCount => (text.iterations, Unit::Count, totals.iterations),
        Metric::DroppedRate => (text.dropped_iterations, Unit::Count, totals.dropped_iterations),
        Metric::DataSent => (name, Unit::Bytes, totals.data_sent),
        Metric::DataReceived => (name, Unit::Bytes, totals.data_received),
        Metric::VusMax | Metric::Cpu | Metric::Memory => (name, unit, None),
    };
    let mut notes = Vec::new();
    if value.is_some() {
        notes.push(plain(if metric == Metric::Vus { text.span_peak } else { text.span_whole }.into()));
    }
    if matches!(metric, Metric::RequestRate | Metric::FailedShare | Metric::P95)
        || (metric, open) == (Metric::IterationRate, true)
    {
        let values = history.series.get(&SeriesKey::whole(metric)).map(Vec::as_slice).unwrap_or_default();
        let highest = values.iter().flatten().copied().reduce(f64::max).filter(|highest| *highest > 0.0);
        notes.extend(highest.map(|highest| plain((text.tile_highest)(&in_words(metric, highest, lang)))));
    }
    let watching = watching(run, metric, show::holds);
    let broken = watching.is_some_and(|(_, holds)| holds == Some(false));
    notes.extend(watching.map(|(seen, _)| limit(seen, broken, lang)));
    let lost = metric == Metric::DroppedRate && open && value.is_some_and(|dropped| dropped > 0.0);
    let tone = if broken || lost { "bad" } else { "" };
    Face { name, number: show::parts(unit, value, lang), value, tone, notes }
}

/// The threshold that watches a metric, and whether it holds: of several the first that does not.
fn watching(run: &Run, metric: Metric, holds: impl Fn(&Observed) -> Option<bool>) -> Option<(&Observed, Option<bool>)> {
    let own = run.thresholds.iter().filter(|seen| seen.threshold.shown_as() == Some(metric));
    own.map(|seen| (seen, holds(seen))).min_by_key(|(_, holds)| *holds != Some(false))
}

fn limit(seen: &Observed, broken: bool, lang: Lang) -> Note {
    let limit = show::limit(&seen.threshold, lang);
    let words = (lang.text().tile_limit)(show::sign(seen.threshold.comparison), &limit);
    Note { words, tone: if broken { "bad" } else { "" } }
}

fn plain(words: String) -> Note {
    Note { words, tone: "" }
}

fn in_words(metric: Metric, value: f64, lang: Lang) -> String {
    format::value(metric.spec().unit, value, show::numbers(lang))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{
        labels::Labels,
        plan::{Pattern, Peak, Plan, Shape},
        run::{RunState, Verdict},
    };

    const CLOSED: Peak = Peak::Vus { vus: 40 };
    const OPEN: Peak = Peak::ArrivalRate { rate: 40, pre_allocated_vus: 5, max_vus: 9 };

    fn run(peak: Peak, rules: &[&str]) -> Run {
        let shape = Shape::Pattern { pattern: Pattern::Load, peak, duration_s: 60, ramp_s: Some(10) };
        let plan = Plan {
            script: "a.js".into(),
            target: "shop".into(),
            shape,
            thresholds: vec![],
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        };
        Run {
            id: "r-1".parse().unwrap(),
            schedule: plan.schedule(),
            plan,
            state: RunState::Running,
            created_ms: 0,
            started_ms: Some(1_000),
            ended_ms: None,
            deadline_ms: 100_000,
            thresholds: rules.iter().map(|rule| Observed::new(rule.parse().unwrap())).collect(),
            totals: None,
            scenario: None,
            so_far: Vec::new(),
            stop_problem: None,
            labels: Labels::default(),
            bursts: Vec::new(),
            origin: Default::default(),
            criteria: Vec::new(),
            regressions: vec![],
            correlation_id: String::new(),
        }
    }

    fn said(metric: Metric, run: &Run, values: &[(Metric, f64)]) -> (String, &'static str, String) {
        let values = values.iter().map(|(metric, value)| (SeriesKey::whole(*metric), *value)).collect();
        let frame =
            Frame { at_ms: 31_000, rates_ms: Some(1_020), percentiles_ms: Some(5_000), values, ..Frame::default() };
        let mut history = History::default();
        history.push(&frame);
        let face = face(metric, Shown { run: Some(run), frame: &frame, history: &history, now_ms: 31_000 }, Lang::En);
        let notes = face.notes.into_iter().map(|note| note.words).collect::<Vec<_>>();
        (face.number.0, face.tone, notes.join(" · "))
    }

    #[test]
    fn a_number_names_its_window_and_takes_its_colour_from_its_threshold() {
        let rules = ["http_req_duration:p(95)<200", "http_req_duration:p(95)<900", "http_req_failed:rate<0.05"];
        let closed = run(CLOSED, &rules);
        for (metric, value, expected) in [
            (Metric::P95, 0.638, ("638", "bad", "last 5 s · limit < 200 ms")),
            (Metric::P95, 0.018, ("18.0", "", "last 5 s · limit < 200 ms")),
            (Metric::P95, 0.95, ("950", "bad", "last 5 s · limit < 200 ms")),
            (Metric::P99, 9.0, ("9.00", "", "last 5 s")),
            (Metric::FailedShare, 0.02, ("2.00", "", "last 1 s · limit < 5.00%")),
            (Metric::FailedShare, 0.2, ("20.0", "bad", "last 1 s · limit < 5.00%")),
            (Metric::RequestRate, 80.0, ("80.0", "", "last 1 s")),
            (Metric::Vus, 40.0, ("40", "", "now · 40 asked for")),
            (Metric::DroppedRate, 2.0, ("2.00", "", "last 1 s")),
        ] {
            let (number, tone, notes) = said(metric, &closed, &[(metric, value)]);
            assert_eq!((number.as_str(), tone, notes.as_str()), expected, "{metric:?}");
        }
        assert_eq!(
            said(Metric::FailedShare, &closed, &[]),
            ("–".into(), "", "limit < 5.00%".into()),
            "no data is no 0"
        );
    }

    #[test]
    fn in_an_open_model_the_rate_is_asked_for_and_what_it_drops_stands_out() {
        let open = run(OPEN, &[]);
        let values = [(Metric::IterationRate, 31.0), (Metric::DroppedRate, 9.0), (Metric::Vus, 9.0)];
        let (number, tone, notes) = said(Metric::IterationRate, &open, &values);
        assert_eq!(
            (number.as_str(), tone, notes.as_str()),
            ("31.0", "", "last 1 s · 40.0/s asked for · 9.00/s dropped")
        );
        assert_eq!(said(Metric::DroppedRate, &open, &values).1, "bad");
        assert_eq!(said(Metric::Vus, &open, &values).2, "now");
    }

    #[test]
    fn at_the_end_stand_the_figures_of_the_whole_test() {
        let totals = Totals {
            request_rate: Some(120.0),
            failed_share: Some(0.0),
            p95_s: Some(0.1),
            iterations: Some(3_000.0),
            dropped_iterations: Some(7.0),
            data_sent: Some(2e6),
            peak_vus: Some(40.0),
            ..Totals::default()
        };
        let mut ended = run(CLOSED, &["http_req_duration:p(95)<50"]);
        (ended.state, ended.ended_ms, ended.totals) = (RunState::Finished(Verdict::Failed), Some(61_000), Some(totals));
        ended.thresholds[0].k6_ok = Some(false);
        let values = [(Metric::RequestRate, 210.0), (Metric::Vus, 0.0), (Metric::P95, 0.64)];
        for (metric, expected) in [
            (Metric::Vus, ("40", "", "peak")),
            (Metric::RequestRate, ("120", "", "whole test · peak 210/s")),
            (Metric::FailedShare, ("0", "", "whole test")),
            (Metric::P95, ("100", "bad", "whole test · peak 640 ms · limit < 50.0 ms")),
            (Metric::P99, ("–", "", "")),
            (Metric::IterationRate, ("3,000", "", "whole test")),
            (Metric::DroppedRate, ("7", "", "whole test")),
            (Metric::DataSent, ("2.00", "", "whole test")),
        ] {
            let (number, tone, notes) = said(metric, &ended, &values);
            assert_eq!((number.as_str(), tone, notes.as_str()), expected, "{metric:?}");
        }
        let mut open = Run { plan: ended.plan.clone(), ..run(OPEN, &[]) };
        (open.state, open.ended_ms, open.totals) = (ended.state.clone(), ended.ended_ms, ended.totals.clone());
        assert_eq!(said(Metric::IterationRate, &open, &[]).0, "50.0");
        assert_eq!(said(Metric::DroppedRate, &open, &[]).1, "bad");
    }
}
