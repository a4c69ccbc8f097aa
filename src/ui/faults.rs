//! The parts of the faults page: what can be done, what is set, and what was.

mod form;
mod list;

pub use form::FaultForm;
pub use list::{ActiveFaults, EarlierFaults, FaultBadge};

use leptos::prelude::Get;

use super::{live::Live, show, text::Text};
use crate::domain::fault::{Fault, FaultRequest};

/// Which replicas a fault hits, in words: their names, or the whole service.
fn whom(fault: &Fault, text: &'static Text) -> String {
    let all = fault.replicas.len() > 1 && fault.replicas.len() == fault.of_replicas as usize;
    if all { (text.fault_replicas)(&fault.request.service, fault.replicas.len()) } else { fault.replicas.join(", ") }
}

/// How many of how many replicas a fault hits, in words.
fn how_many(hit: usize, of: usize, text: &'static Text) -> String {
    (text.fault_hits)(hit, of)
}

/// How long a fault lasts, in words; empty for what ends with itself.
fn how_long(request: &FaultRequest, text: &'static Text) -> String {
    match request.duration_s {
        _ if !request.kind.lasts() => String::new(),
        Some(seconds) => (text.fault_for)(&show::duration(seconds)),
        None => text.fault_until_restored.to_owned(),
    }
}

/// Seconds until a fault ends by itself, by the server's clock.
fn left_s(fault: &Fault, live: Live) -> Option<f64> {
    fault.left_s(live.now_ms.get())
}
