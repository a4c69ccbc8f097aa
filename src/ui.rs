//! What people see. Pages are put together from parts; parts read the live picture and the form from context.

mod app;
mod browser;
mod charts;
mod echarts;
mod header;
pub mod live;
mod load;
mod pages;
mod parts;
mod prefs;
#[cfg(feature = "ssr")]
pub mod report;
pub mod show;
#[cfg(all(test, feature = "ssr"))]
mod tests;
pub mod text;

pub use app::{App, BUILD_HEADER, shell};
pub use prefs::{LANG_COOKIE, Prefs, THEME_COOKIE, Theme};
