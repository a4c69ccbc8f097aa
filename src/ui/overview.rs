//! The parts of the overview: what is at work, and what a presenter does most.

mod actions;
mod banner;
mod guide;

pub use actions::{MorePlaces, QuickActions};
pub use banner::Banner;
pub use guide::{Guide, Own};
