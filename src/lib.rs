//! What the server and the browser share.
//!
//! - [`domain`]: plans, schedules, runs, frames: plain data and arithmetic, compiled everywhere.
//! - [`api`]: the only bridge between browser and server: server functions and the [`api::port`] they call.
//! - [`ui`]: what people see.
//! - [`report`]: a run as a file, drawn with the parts of [`ui`].
//! - [`notice`]: what others are told of runs and faults.
//! - [`entry`]: the pages about who is let in, drawn by the server alone.
//! - [`planner`]: the page of plans, drawn by the server alone.
//! - [`web`]: the axum router that serves [`ui`] and [`api`].
//! - [`wire`]: how values travel between the server and the page.
//!
//! Everything that touches the world (k6, Prometheus, processes, files) lives in the binary, behind the port.
#![recursion_limit = "512"]

pub mod domain;

#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod api;
#[cfg(feature = "ssr")]
pub mod entry;
#[cfg(feature = "ssr")]
pub mod notice;
#[cfg(feature = "ssr")]
pub mod planner;
#[cfg(feature = "ssr")]
pub mod report;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod ui;
#[cfg(feature = "ssr")]
pub mod web;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod wire;

/// Takes over the server-rendered page in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(ui::App);
}
