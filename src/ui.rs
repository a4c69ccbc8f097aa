//! What people see. Pages are put together from parts; parts read the live picture and the form from context.

mod app;
mod asking;
mod breakers;
mod browser;
mod build;
pub(crate) mod charts;
mod condition;
mod echarts;
mod emergency;
mod faults;
mod header;
pub mod live;
pub(crate) mod load;
mod map;
mod overview;
mod pages;
pub(crate) mod parts;
mod prefs;
mod present;
mod pulse;
mod replicas;
mod runs;
pub mod show;
mod tab;
#[cfg(all(test, feature = "ssr"))]
mod tests;
pub mod text;

pub use app::{App, shell};
pub use build::{BUILD_HEADER, ROLE_HEADER};
