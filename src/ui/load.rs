//! The parts of the load page: control on one side, the live picture on the other.

mod announcer;
mod bursts;
mod detail;
mod face;
mod fields;
mod form;
mod log;
mod notices;
mod rules;
mod run;
mod state;
mod strip;
mod tables;
mod thresholds;
mod tiles;
mod timeline;

pub use announcer::Announcer;
pub use detail::InDetail;
pub use form::LoadForm;
pub use log::LiveLog;
pub use notices::Notices;
#[cfg(feature = "ssr")]
pub use run::VerdictView;
pub use run::{GrafanaLink, LastVerdict, ReportLink, RunPanel, StopForm};
pub use state::{Brought, Form};
pub use strip::Strip;
pub use tables::{ByService, ByStatus};
pub use thresholds::Thresholds;
pub use tiles::{BigTiles, Tiles};
pub use timeline::Timeline;

use leptos::prelude::*;

/// Why Start or Stop did not work.
#[component]
pub fn ActionError(
    /// The sentence.
    error: Signal<Option<String>>,
) -> impl IntoView {
    move || {
        error.get().map(|message| {
            view! {
                <p class="notice bad" role="alert" data-testid="action-error">
                    {message}
                </p>
            }
            .into_any()
        })
    }
}
