//! `/present`: the whole for a room, with nothing to press.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{ReloadWithoutScript, WithState};
use crate::ui::{
    charts::LiveCharts,
    load::{Announcer, BigTiles},
    map::ServiceMap,
    present::{Head, Invitation, Keys, LastCost, Ticker, View, stay_awake},
    text::use_text,
};

/// The presentation.
#[component]
pub fn PresentPage() -> impl IntoView {
    let text = use_text();
    let shown = RwSignal::new(View::default());
    stay_awake();
    view! {
        <Title text=text.present />
        <WithState>
            <ReloadWithoutScript />
            <div class="present" data-testid="present" data-view=move || shown.get().id()>
                <h1 class="visually-hidden">{text.present}</h1>
                <Announcer />
                <Head />
                <div class="live">
                    <BigTiles />
                </div>
                <div class="present-charts">
                    <h2 class="visually-hidden">{text.report_over_time}</h2>
                    <LiveCharts only=&["throughput", "latency"] as &[_] />
                </div>
                <section class="present-map" aria-label=text.map_heading>
                    <ServiceMap />
                </section>
                <div class="present-told">
                    <LastCost />
                    <Ticker />
                </div>
                <Invitation />
                <Keys shown />
            </div>
        </WithState>
    }
}
