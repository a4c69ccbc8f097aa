//! Who is it? The services in a strip, worst first.

use std::cmp::Reverse;

use leptos::prelude::*;

use crate::{
    domain::{
        Millis,
        condition::Condition,
        decimal::fixed,
        format,
        frame::{Dimension, History, Metric, SeriesKey, Unit},
        live::LiveState,
        run::Run,
    },
    ui::{
        charts::{service_label, service_tone},
        condition::{ConditionBadge, Of, Watched, experience, judged},
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// How far back the small curve reaches.
const SPARK_MS: Millis = 60_000;

/// The drawing of the small curve: a unit a second, and as high as it is drawn by default.
const SPARK_WIDTH: f64 = 60.0;
const SPARK_HEIGHT: f64 = 20.0;

/// Every service with its state, failed share, p95 and the course of that.
#[component]
pub fn Strip() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let names = Memo::new(move |_| live.state.with(|state| live.run.with(|run| worst_first(state, run.as_ref()))));
    view! {
        <ol class="strip" data-testid="strip" aria-label=text.by_service>
            {move || names.get().into_iter().map(|name| view! { <StripService name /> }).collect_view()}
        </ol>
    }
}

/// The services' names by how bad they are; equals in the configured order. Small changes of a share change no place.
fn worst_first(state: &LiveState, run: Option<&Run>) -> Vec<String> {
    let rank = |name: &str, condition: Condition| {
        let failed = experience(Of::Run, state, run, name).failed.filter(|_| condition == Condition::Failing);
        Reverse((condition, failed.map(|share| (share * 10.0).round() as u8)))
    };
    let services = state.snapshot.status.services.iter();
    let mut ranked: Vec<_> = services
        .map(|status| (rank(&status.service.name, judged(Of::Run, state, run, status)), status.service.name.clone()))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, name)| name).collect()
}

#[component]
fn StripService(name: String) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let watched = Watched::new(Of::Run, &name);
    let wanted = name.clone();
    let got = Memo::new(move |_| {
        live.state.with(|state| live.run.with(|run| experience(Of::Run, state, run.as_ref(), &wanted)))
    });
    let figure = move |unit, value| format::value_or_none(unit, value, show::numbers(lang));
    let wanted = name.clone();
    let curve = Memo::new(move |_| live.state.with(|state| spark(&state.snapshot.history, &wanted)));
    let wanted = name.clone();
    let tone = Memo::new(move |_| live.state.with(|state| service_tone(state, &wanted).id()));
    let wanted = name.clone();
    let label = Memo::new(move |_| live.state.with(|state| service_label(state, &wanted)));
    let line = |points: String| view! { <polyline points=points vector-effect="non-scaling-stroke" /> }.into_any();
    view! {
        <li
            data-testid=format!("strip-{name}")
            data-tone=tone
            data-condition=move || watched.condition.get().id()
        >
            <strong class="strip-name" title=name.clone()><span>{label}</span></strong>
            <ConditionBadge watched />
            <div class="strip-course">
            <dl class="strip-figures tabular">
                <div>
                    <dt>{text.failed_short}</dt>
                    <dd>{move || figure(Unit::Share, got.get().failed)}</dd>
                </div>
                <div>
                    <dt>"p95"</dt>
                    <dd>{move || figure(Unit::Seconds, got.get().p95_s)}</dd>
                </div>
            </dl>
            // The number beside it says the same.
            <svg class="spark" aria-hidden="true" viewBox="0 0 60 20" preserveAspectRatio="none">
                {move || curve.get().into_iter().map(line).collect_view()}
            </svg>
            </div>
        </li>
    }
}

/// The course of a service's p95 over the last minute as lines, broken where values are missing.
fn spark(history: &History, service: &str) -> Vec<String> {
    let key = SeriesKey::part(Metric::P95, Dimension::Service, service);
    let Some(values) = history.series.get(&key) else { return Vec::new() };
    let times = history.times(Metric::P95).collect::<Vec<_>>();
    let Some(from_ms) = times.last().map(|last| last.saturating_sub(SPARK_MS)) else { return Vec::new() };
    let first = times.partition_point(|at| *at < from_ms);
    let shown = || times[first..].iter().zip(&values[first..]);
    let top = shown().filter_map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let place = |at: Millis, value: f64| {
        let x = (at - from_ms) as f64 / SPARK_MS as f64 * SPARK_WIDTH;
        // A little air, so that the line's own width is seen.
        let y = SPARK_HEIGHT - 1.0 - value / top * (SPARK_HEIGHT - 2.0);
        format!("{},{}", fixed(x, 1), fixed(y, 1))
    };
    let mut lines = vec![Vec::new()];
    for (at, value) in shown() {
        match (value, lines.last_mut()) {
            (Some(value), Some(line)) => line.push(place(*at, *value)),
            _ => lines.push(Vec::new()),
        }
    }
    lines.into_iter().filter(|line| line.len() > 1).map(|line| line.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Frame;

    #[test]
    fn the_small_curve_shows_a_minute_and_leaves_gaps() {
        let mut history = History::default();
        let key = SeriesKey::part(Metric::P95, Dimension::Service, "shop");
        let rows = [
            (0, Some(9.0)),
            (40_000, Some(0.1)),
            (70_000, Some(0.2)),
            (80_000, None),
            (90_000, Some(0.1)),
            (100_000, Some(0.0)),
        ];
        for (at_ms, value) in rows {
            let values = value.map(|value| (key.clone(), value)).into_iter().collect();
            history.push(&Frame { at_ms, values, ..Frame::default() });
        }
        assert_eq!(spark(&history, "shop"), ["0.0,10.0 30.0,1.0", "50.0,10.0 60.0,19.0"]);
        assert!(spark(&history, "other").is_empty() && spark(&History::default(), "shop").is_empty());
    }
}
