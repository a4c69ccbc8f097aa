//! The big numbers.

use leptos::prelude::*;

use crate::{
    domain::frame::Metric,
    ui::{
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// Read from the back of the room.
const BIG: &[Metric] = &[Metric::Vus, Metric::RequestRate, Metric::FailedShare, Metric::P95];
/// Read from the front.
const SMALL: &[Metric] =
    &[Metric::P50, Metric::P99, Metric::IterationRate, Metric::DroppedRate, Metric::DataReceived, Metric::DataSent];

/// All tiles.
#[component]
pub fn Tiles() -> impl IntoView {
    view! {
        <dl class="tiles big">{BIG.iter().map(|metric| view! { <Tile metric=*metric /> }).collect_view()}</dl>
        <dl class="tiles small">{SMALL.iter().map(|metric| view! { <Tile metric=*metric /> }).collect_view()}</dl>
    }
}

/// One number with its name and unit.
#[component]
fn Tile(metric: Metric) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let spec = metric.spec();
    let words = (text.metric)(metric);
    let value = Memo::new(move |_| live.state.with(|state| state.snapshot.frame.get(metric)));
    let shown = Memo::new(move |_| show::parts(spec.unit, value.get(), lang));
    let alarming = move || {
        matches!(metric, Metric::FailedShare | Metric::DroppedRate) && value.get().is_some_and(|value| value > 0.0)
    };
    view! {
        <div
            class="tile"
            data-testid=format!("stat-{}", spec.id)
            data-value=move || show::raw(value.get())
            data-tone=move || alarming().then_some("warn")
            title=words.help
        >
            <dt>{words.name}</dt>
            <dd>
                <span class="number">{move || shown.get().0}</span>
                <span class="unit">{move || shown.get().1}</span>
                <span class="visually-hidden">
                    {move || value.get().is_none().then_some(text.no_data)}
                </span>
            </dd>
        </div>
    }
}
