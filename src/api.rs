//! The only bridge between browser and server. Each server function is one call of [`port::Control`].

pub mod error;
pub mod functions;
#[cfg(feature = "ssr")]
pub mod port;
