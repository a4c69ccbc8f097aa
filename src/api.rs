//! The only bridge between browser and server. Each server function is one call of the [`port`].

#[cfg(feature = "ssr")]
pub mod caller;
pub mod error;
pub mod functions;
pub mod page;
#[cfg(feature = "ssr")]
pub mod port;
