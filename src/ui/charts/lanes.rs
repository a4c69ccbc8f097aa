//! The replicas on the charts' time axis: who was there, and who was under a fault.

use leptos::prelude::*;

use super::{Shared, picture::axis, spans::spans, text::ChartText};
use crate::{
    domain::{
        format::clock,
        lanes::{self, Standing, Stretch},
        live::LiveState,
        timeline,
    },
    ui::{live::Live, text::Text},
};

/// A replica's bar.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    name: String,
    /// All that went wrong, for those who can't see it.
    said: String,
    pieces: Vec<Piece>,
    faults: Vec<Piece>,
}

/// A stretch of it.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    /// `ok`, `warn`, `bad` or empty.
    tone: &'static str,
    /// From where and how far, in % of the axis.
    from: f64,
    width: f64,
    /// What it stands for.
    words: String,
}

/// The bars of the run that `state` shows; none without a run that has begun.
fn bars(state: &LiveState, text: &ChartText) -> Vec<Bar> {
    let snapshot = &state.snapshot;
    let Some(run) = snapshot.status.run.as_ref().filter(|run| run.started_ms.is_some()) else { return Vec::new() };
    let (origin_ms, length_s) = axis(Some(run), &snapshot.history);
    let last_ms = snapshot.history.at_ms.last().copied().unwrap_or(origin_ms);
    let end_ms = run.ended_ms.map_or(last_ms, |ended_ms| ended_ms.min(last_ms.max(origin_ms)));
    let events: Vec<_> = snapshot.events.iter().filter(|event| timeline::belongs(event, run)).cloned().collect();
    let words = text.lang.text();
    let seconds = |at_ms: u64| at_ms.saturating_sub(origin_ms) as f64 / 1e3;
    let place = |from_s: f64, to_s: f64| (from_s / length_s * 100.0, (to_s - from_s).max(0.0) / length_s * 100.0);
    let piece = |own: &Stretch| {
        let (tone, word) = standing(own.standing, words);
        let (from_s, to_s) = (seconds(own.from_ms), seconds(own.to_ms).min(length_s));
        let (from, width) = place(from_s, to_s);
        Piece { tone, from, width, words: format!("{word} {}–{}", clock(from_s), clock(to_s)) }
    };
    let spans = spans(snapshot, Some(run), origin_ms, length_s, text.lang);
    let bar = |lane: lanes::Lane| {
        let pieces: Vec<Piece> = lane.stretches.iter().map(piece).collect();
        let wrong = lane.stretches.iter().zip(&pieces).filter(|(own, _)| own.standing > Standing::Unknown);
        let wrong = wrong.map(|(_, piece)| piece.words.clone()).collect::<Vec<_>>();
        let said = if wrong.is_empty() { text.lane_fine.to_owned() } else { wrong.join(", ") };
        let hit = snapshot.status.faults.iter().rev().filter(|fault| fault.hits(&lane.name));
        let hit = hit.filter_map(|fault| spans.iter().find(|span| span.fault == fault.id));
        let faults = hit.map(|span| {
            let (from, width) = place(span.from_s, span.to_s);
            Piece { tone: "bad", from, width, words: span.words.clone() }
        });
        let faults = faults.collect();
        Bar { said: format!("{}: {said}", lane.name), name: lane.name, faults, pieces }
    };
    lanes::lanes(&snapshot.status.services, &events, origin_ms, end_ms).into_iter().map(bar).collect()
}

fn standing(standing: Standing, text: &'static Text) -> (&'static str, &'static str) {
    match standing {
        Standing::Up => ("ok", text.health_up),
        Standing::Unknown => ("", text.health_unknown),
        Standing::Degraded => ("warn", text.health_degraded),
        Standing::Down => ("bad", text.health_down),
    }
}

/// The bars as they are drawn, on pages and in reports.
fn drawn(bars: Vec<Bar>) -> AnyView {
    let style = |piece: &Piece| format!("left:{:.2}%;width:{:.2}%", piece.from, piece.width);
    let row = |bar: Bar| {
        let piece = |piece: &Piece| view! { <i data-tone=piece.tone style=style(piece) title=piece.words.clone()></i> };
        let fault = |piece: &Piece| view! { <b style=style(piece) title=piece.words.clone()></b> };
        let id = format!("lane-{}", bar.name);
        view! {
            <li data-testid=id>
                <span aria-hidden="true">{bar.name}</span>
                <div role="img" aria-label=bar.said>
                    {bar.pieces.iter().map(piece).collect_view()}
                    {bar.faults.iter().map(fault).collect_view()}
                </div>
            </li>
        }
    };
    view! { <ul class="lanes">{bars.into_iter().map(row).collect_view()}</ul> }.into_any()
}

fn framed(text: &'static ChartText, help: Option<AnyView>, content: AnyView) -> AnyView {
    view! {
        <section class="chart" data-testid="chart-replicas" aria-labelledby="chart-replicas-title">
            <header class="chart-head" title=text.lanes_help>
                <h3 id="chart-replicas-title">{text.lang.text().replicas}</h3>
            </header>
            {help}
            {content}
        </section>
    }
    .into_any()
}

/// The bars of the live state.
#[component]
pub(super) fn Lanes(shared: Shared) -> impl IntoView {
    let text = shared.text;
    let state = expect_context::<Live>().state;
    let bars = Memo::new(move |_| state.with(|state| bars(state, text)));
    let content = move || match bars.get() {
        bars if bars.is_empty() => view! { <p class="lanes-empty">{text.no_data}</p> }.into_any(),
        bars => drawn(bars),
    };
    framed(text, None, content.into_any())
}

/// The bars of a run in a report; `None`: it has none.
#[cfg(feature = "ssr")]
pub(super) fn drawn_lanes(state: &LiveState, text: &'static ChartText) -> Option<AnyView> {
    let bars = bars(state, text);
    let help = view! { <p class="chart-help">{text.lanes_help}</p> }.into_any();
    (!bars.is_empty()).then(|| framed(text, Some(help), drawn(bars)))
}

#[cfg(test)]
pub(super) fn told(state: &LiveState, text: &ChartText) -> Vec<String> {
    let place = |piece: &Piece| format!("{}@{:.0}+{:.0}", piece.tone, piece.from, piece.width);
    let bar = |bar: Bar| {
        let places = |pieces: &[Piece]| pieces.iter().map(place).collect::<Vec<_>>().join(" ");
        format!("{} | {} | {}", bar.said, places(&bar.pieces), places(&bar.faults))
    };
    bars(state, text).into_iter().map(bar).collect()
}
