//! The parts of the faults page: what can be done, what is set, and what was.

mod form;
mod list;
mod scenarios;

pub use form::FaultForm;
pub use list::{ActiveFaults, EarlierFaults, FaultBadge, FaultCards};
pub use scenarios::Scenarios;

use super::{show, text::Text};
use crate::domain::fault::{Fault, FaultRequest};

/// What is done to whom, in words.
pub(super) fn title(fault: &Fault, text: &'static Text) -> String {
    let Fault { request, replicas, .. } = fault;
    format!("{} · {}", (text.fault_kind)(request.kind), show::hit(&request.service, replicas, text))
}

/// How long a fault lasts, in words; empty for what ends with itself.
fn how_long(request: &FaultRequest, text: &'static Text) -> String {
    match request.duration_s {
        _ if !request.kind.lasts() => String::new(),
        Some(seconds) => (text.fault_for)(&show::duration(seconds)),
        None => text.fault_until_restored.to_owned(),
    }
}
