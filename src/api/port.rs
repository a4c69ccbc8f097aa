//! How server functions, REST handlers and the command line reach the server: one trait a subject, implemented in the
//! binary. Every call says who asks.

mod faults;
mod runs;
mod services;
mod view;

use std::sync::Arc;

pub use self::{faults::Faults, runs::Runs, services::Services, view::View};

/// A handle on everything the dashboard can do.
pub type SharedControl = Arc<dyn Control>;

/// Everything the dashboard can do.
pub trait Control: Runs + Services + Faults + View {}

impl<T: Runs + Services + Faults + View> Control for T {}
