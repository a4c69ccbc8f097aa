//! The replicas on the charts' time axis: who was there, and who was under a fault.

use leptos::prelude::*;

use super::{
    Shared,
    picture::axis,
    spans::{Span, spans},
    text::ChartText,
};
#[cfg(feature = "ssr")]
use crate::domain::zoom::Zoom;
use crate::{
    domain::{
        Millis,
        event::Event,
        format::clock,
        lanes::{self, Lane, Standing, Stretch},
        live::{LiveState, Snapshot},
        prefs::Lang,
        timeline,
    },
    ui::{live::Live, text::Text},
};

/// A replica's bar, or a service's.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
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

#[cfg(feature = "ssr")]
impl Bar {
    /// Its part of a stretch of a time axis of so many seconds.
    fn within(self, zoom: Zoom, length_s: f64) -> Self {
        let (from, to) = (f64::from(zoom.from_s), f64::from(zoom.to_s));
        let piece = |piece: Piece| {
            let begin = piece.from / 100.0 * length_s;
            let (a, b) = (begin.max(from), (begin + piece.width / 100.0 * length_s).min(to));
            let place = |seconds: f64| seconds / (to - from) * 100.0;
            (a < b).then(|| Piece { from: place(a - from), width: place(b - a), ..piece })
        };
        let pieces = |pieces: Vec<Piece>| pieces.into_iter().filter_map(piece).collect();
        Self { pieces: pieces(self.pieces), faults: pieces(self.faults), ..self }
    }
}

/// What bars are drawn on.
struct Ground<'a> {
    snapshot: &'a Snapshot,
    text: &'a ChartText,
    /// The axis: when it begins, and its length in seconds.
    origin_ms: Millis,
    length_s: f64,
    /// Until when something is known.
    end_ms: Millis,
    spans: Vec<Span>,
    /// Times in words are those before its end; else those since its beginning.
    ago: bool,
}

impl<'a> Ground<'a> {
    /// The charts' axis; `None` without a run that has begun.
    fn of_run(snapshot: &'a Snapshot, text: &'a ChartText) -> Option<Self> {
        let run = snapshot.status.run.as_ref().filter(|run| run.started_ms.is_some())?;
        let (origin_ms, length_s) = axis(Some(run), &snapshot.history);
        let last_ms = snapshot.history.at_ms.last().copied().unwrap_or(origin_ms);
        let end_ms = run.ended_ms.map_or(last_ms, |ended_ms| ended_ms.min(last_ms.max(origin_ms)));
        let spans = spans(snapshot, run.ended_ms, origin_ms, length_s, text.lang);
        Some(Self { snapshot, text, origin_ms, length_s, end_ms, spans, ago: false })
    }

    /// The last minutes.
    fn of_now(snapshot: &'a Snapshot, text: &'a ChartText) -> Self {
        let (origin_ms, to_ms) = snapshot.recent.span();
        let length_s = (to_ms - origin_ms) as f64 / 1e3;
        let end_ms = snapshot.now_ms.min(to_ms);
        // What is set goes on for nobody knows how long; here is what was.
        let spans = spans(snapshot, Some(end_ms), origin_ms, length_s, text.lang);
        Self { snapshot, text, origin_ms, length_s, end_ms, spans, ago: true }
    }

    /// What was noticed in the run, oldest first.
    fn events(&self) -> Vec<&'a Event> {
        let run = self.snapshot.status.run.as_ref();
        self.snapshot.events.iter().filter(|event| run.is_some_and(|run| timeline::belongs(event, run))).collect()
    }

    fn time(&self, from_s: f64, to_s: f64) -> String {
        if !self.ago {
            return format!("{}–{}", clock(from_s), clock(to_s));
        }
        let end_s = self.end_ms.saturating_sub(self.origin_ms) as f64 / 1e3;
        let before = |at_s: f64| clock((end_s - at_s).max(0.0).round());
        let text = self.text.lang.text();
        if to_s >= end_s { (text.state_since)(&before(from_s)) } else { (text.ago)(&before(from_s), &before(to_s)) }
    }

    fn bar(&self, lane: Lane) -> Bar {
        let words = self.text.lang.text();
        let seconds = |at_ms: Millis| at_ms.saturating_sub(self.origin_ms) as f64 / 1e3;
        let place =
            |from_s: f64, to_s: f64| (from_s / self.length_s * 100.0, (to_s - from_s).max(0.0) / self.length_s * 100.0);
        let piece = |own: &Stretch| {
            let (tone, word) = standing(own.standing, words);
            let (from_s, to_s) = (seconds(own.from_ms), seconds(own.to_ms).min(self.length_s));
            let (from, width) = place(from_s, to_s);
            Piece { tone, from, width, words: format!("{word} {}", self.time(from_s, to_s)) }
        };
        let pieces: Vec<Piece> = lane.stretches.iter().map(piece).collect();
        let wrong = lane.stretches.iter().zip(&pieces).filter(|(own, _)| own.standing > Standing::Unknown);
        let wrong = wrong.map(|(_, piece)| piece.words.clone()).collect::<Vec<_>>();
        let said = if wrong.is_empty() { self.text.lane_fine.to_owned() } else { wrong.join(", ") };
        let hit = self.snapshot.status.faults.iter().rev().filter(|fault| fault.hits(&lane.name));
        let hit = hit.filter_map(|fault| self.spans.iter().find(|span| span.fault == fault.id));
        let faults = hit.map(|span| {
            let (from, width) = place(span.from_s, span.to_s);
            Piece { tone: "bad", from, width, words: span.words.clone() }
        });
        let faults = faults.collect();
        Bar { said: format!("{}: {said}", lane.name), name: lane.name, faults, pieces }
    }
}

/// The bars of the run that `state` shows; none without a run that has begun.
fn bars(state: &LiveState, text: &ChartText) -> Vec<Bar> {
    let Some(ground) = Ground::of_run(&state.snapshot, text) else { return Vec::new() };
    let services = &state.snapshot.status.services;
    let lanes = lanes::lanes(services, &ground.events(), ground.origin_ms, ground.end_ms);
    lanes.into_iter().map(|lane| ground.bar(lane)).collect()
}

/// The bar of a service, or of one of its replicas: on the charts' axis while a run is at work, which is what the answer says
/// first, else of the last minutes. `None`: it is not known.
pub fn bar_of(state: &LiveState, service: &str, replica: Option<&str>, lang: Lang) -> Option<(bool, Bar)> {
    let (snapshot, text) = (&state.snapshot, ChartText::of(lang));
    let at_work = snapshot.status.run.as_ref().is_some_and(|run| run.state.is_active());
    let Some(ground) = Ground::of_run(snapshot, text).filter(|ground| at_work && ground.end_ms > ground.origin_ms)
    else {
        let (ground, track) = (Ground::of_now(snapshot, text), snapshot.recent.track(service, replica)?);
        let stretches = track.stretches(ground.origin_ms, ground.end_ms);
        return Some((false, ground.bar(Lane { name: replica.unwrap_or(service).to_owned(), stretches })));
    };
    let status = snapshot.status.services.iter().find(|status| status.service.name == service)?;
    let lane = match replica {
        None => lanes::service_lane(status, &ground.events(), ground.origin_ms, ground.end_ms),
        Some(replica) => {
            let one = status.replicas.iter().find(|one| one.replica.name == replica)?;
            lanes::replica_lane(one, &ground.events(), ground.origin_ms, ground.end_ms)
        }
    };
    Some((true, ground.bar(lane)))
}

fn standing(standing: Standing, text: &'static Text) -> (&'static str, &'static str) {
    match standing {
        Standing::Up => ("ok", text.health_up),
        Standing::Unknown => ("", text.health_unknown),
        Standing::Degraded => ("warn", text.health_degraded),
        Standing::Down => ("bad", text.health_down),
    }
}

/// A bar as it is drawn, without its name.
pub fn drawn_bar(bar: Bar) -> AnyView {
    let style = |piece: &Piece| format!("left:{:.2}%;width:{:.2}%", piece.from, piece.width);
    let piece = |piece: &Piece| view! { <i data-tone=piece.tone style=style(piece) title=piece.words.clone()></i> };
    let fault = |piece: &Piece| view! { <b style=style(piece) title=piece.words.clone()></b> };
    view! {
        <div class="lane" role="img" aria-label=bar.said>
            {bar.pieces.iter().map(piece).collect_view()}
            {bar.faults.iter().map(fault).collect_view()}
        </div>
    }
    .into_any()
}

/// The bars as they are drawn, on pages and in reports.
fn drawn(bars: Vec<Bar>) -> AnyView {
    let row = |bar: Bar| {
        let (id, name) = (format!("lane-{}", bar.name), bar.name.clone());
        view! {
            <li data-testid=id>
                <span aria-hidden="true">{name}</span>
                {drawn_bar(bar)}
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
pub(super) fn drawn_lanes(state: &LiveState, zoom: Option<Zoom>, text: &'static ChartText) -> Option<AnyView> {
    let mut bars = bars(state, text);
    if let Some(zoom) = zoom {
        let (_, length_s) = axis(state.snapshot.status.run.as_ref(), &state.snapshot.history);
        bars = bars.into_iter().map(|bar| bar.within(zoom, length_s)).collect();
    }
    let help = view! { <p class="chart-help">{text.lanes_help}</p> }.into_any();
    (!bars.is_empty()).then(|| framed(text, Some(help), drawn(bars)))
}

#[cfg(test)]
pub(super) fn told(state: &LiveState, text: &ChartText) -> Vec<String> {
    bars(state, text).into_iter().map(told_bar).collect()
}

#[cfg(test)]
pub(super) fn told_bar(bar: Bar) -> String {
    let place = |piece: &Piece| format!("{}@{:.0}+{:.0}", piece.tone, piece.from, piece.width);
    let places = |pieces: &[Piece]| pieces.iter().map(place).collect::<Vec<_>>().join(" ");
    format!("{} | {} | {}", bar.said, places(&bar.pieces), places(&bar.faults))
}
