//! `/faults`: setting a fault, what is set, and taking it back.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::ui::{
    faults::{ActiveFaults, EarlierFaults, FaultForm, Scenarios},
    text::use_text,
};

/// The faults page.
#[component]
pub fn FaultsPage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.nav_faults />
        <WithState>
            <header class="page-head">
                <h1>{text.nav_faults}</h1>
                <p class="muted">{text.faults_intro}</p>
            </header>
            <div class="fault-page">
                <FaultForm />
                <div class="fault-side">
                    <ActiveFaults />
                    <EarlierFaults />
                    <Scenarios />
                </div>
            </div>
        </WithState>
    }
}
