//! `/`: the whole at a glance, and what is done most.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::ui::{
    load::{Announcer, BigTiles, Notices},
    map::ServiceMap,
    overview::{Banner, Guide, MorePlaces, Own, QuickActions},
    text::use_text,
};

/// The overview.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let text = use_text();
    let own = Own::new(None);
    view! {
        <Title text=text.nav_overview />
        <WithState>
            <h1 class="visually-hidden">{text.nav_overview}</h1>
            <Announcer />
            <Notices />
            <Banner />
            <div class="live">
                <BigTiles />
            </div>
            <div class="overview">
                <Guide own />
                <section class="card overview-map" aria-labelledby="map-heading">
                    <h2 id="map-heading">{text.map_heading}</h2>
                    <ServiceMap />
                </section>
                <div class="overview-more">
                    <QuickActions own />
                    <MorePlaces />
                </div>
            </div>
        </WithState>
    }
}
