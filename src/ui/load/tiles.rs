//! The numbers that say most, large.

use leptos::prelude::*;

use super::face::{Face, Shown, face, is_open};
use crate::{
    domain::frame::Metric,
    ui::{
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// Read from the back of the room: first the load itself, in the unit in which it is asked for.
const BIG: [&[Metric]; 2] = [
    &[Metric::Vus, Metric::RequestRate, Metric::FailedShare, Metric::P95],
    &[Metric::IterationRate, Metric::RequestRate, Metric::FailedShare, Metric::P95],
];
/// Read from the front.
const SMALL: [&[Metric]; 2] = [
    &[Metric::P50, Metric::P99, Metric::IterationRate, Metric::DroppedRate, Metric::DataReceived, Metric::DataSent],
    &[Metric::P50, Metric::P99, Metric::Vus, Metric::DroppedRate, Metric::DataReceived, Metric::DataSent],
];

/// All tiles.
#[component]
pub fn Tiles() -> impl IntoView {
    view! {
        <BigTiles />
        <dl class="tiles small">{of_model(SMALL)}</dl>
    }
}

/// The four that are read from the back of the room.
#[component]
pub fn BigTiles() -> impl IntoView {
    view! { <dl class="tiles big">{of_model(BIG)}</dl> }
}

/// The tiles that fit the load: first those for virtual users, then those for an arrival rate.
fn of_model(metrics: [&'static [Metric]; 2]) -> impl Fn() -> Vec<AnyView> {
    let live: Live = expect_context();
    let open = Memo::new(move |_| live.run.with(|run| usize::from(is_open(run.as_ref()))));
    move || metrics[open.get()].iter().map(|metric| view! { <Tile metric=*metric /> }.into_any()).collect()
}

/// One number with its name and unit, and below which time it is of and what it must not pass.
#[component]
fn Tile(metric: Metric) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let face = Memo::new(move |_| {
        live.run.with(|run| {
            live.state.with(|state| {
                let (frame, history) = (&state.snapshot.frame, &state.snapshot.history);
                // What is asked for changes with the clock, and is shown with the numbers.
                let shown = Shown { run: run.as_ref(), frame, history, now_ms: live.now_ms.get_untracked() };
                face(metric, shown, lang)
            })
        })
    });
    let part = move |part: fn(&Face) -> String| Memo::new(move |_| face.with(part));
    let notes = Memo::new(move |_| face.with(|face| face.notes.clone()));
    let tone = Memo::new(move |_| face.with(|face| face.tone));
    view! {
        <div
            class="tile"
            data-testid=format!("stat-{}", metric.spec().id)
            data-value=move || face.with(|face| show::raw(face.value))
            data-tone=move || Some(tone.get()).filter(|tone| !tone.is_empty())
            title=(text.metric)(metric).help
        >
            <dt>{part(|face| face.name.to_owned())}</dt>
            <dd>
                <span class="number">{part(|face| face.number.0.clone())}</span>
                <span class="unit">{part(|face| face.number.1.clone())}</span>
                <span class="visually-hidden">
                    {move || face.with(|face| face.value.is_none()).then_some(text.no_data)}
                </span>
            </dd>
            <dd class="tile-notes">
                {move || {
                    let note = |note: super::face::Note| {
                        view! { <span data-tone=Some(note.tone).filter(|tone| !tone.is_empty())>{note.words}</span> }
                            .into_any()
                    };
                    notes.get().into_iter().map(note).collect_view()
                }}
            </dd>
        </div>
    }
}
