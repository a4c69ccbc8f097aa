//! How server functions, REST handlers and the command line reach the server: one trait a subject, implemented in the
//! binary. Every call says who asks.

mod accounts;
mod agenda;
mod emergency;
mod faults;
mod hooks;
mod plans;
mod runs;
mod services;
mod sharing;
mod uploads;
mod view;

use std::sync::Arc;

pub use self::{
    accounts::Accounts,
    agenda::{Agenda, ShownAppointment},
    emergency::{Emergency, EmergencyStop},
    faults::Faults,
    hooks::{Hooks, ShownHook, ShownHooks},
    plans::Plans,
    runs::Runs,
    services::Services,
    sharing::Sharing,
    uploads::Uploads,
    view::View,
};

/// A handle on everything the dashboard can do.
pub type SharedControl = Arc<dyn Control>;

/// Everything the dashboard can do.
pub trait Control:
    Emergency + Runs + Services + Faults + Plans + Agenda + Hooks + Sharing + Accounts + Uploads + View
{
}

impl<T: Emergency + Runs + Services + Faults + Plans + Agenda + Hooks + Sharing + Accounts + Uploads + View> Control
    for T
{
}
