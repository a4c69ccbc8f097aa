//! What the charts need of the browser: ECharts itself, the theme's computed colours, and whether anybody can see them.
//!
//! On the server every part is there too, and does nothing. The script `/vendor/echarts.min.js` is the global `echarts`;
//! a page without it works all the same.

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(not(feature = "hydrate"))]
mod server;

/// Whether there is a browser: what only makes sense there is not even set up on the server.
pub const IN_BROWSER: bool = cfg!(feature = "hydrate");

#[cfg(feature = "hydrate")]
pub use browser::*;
#[cfg(not(feature = "hydrate"))]
pub use server::*;
