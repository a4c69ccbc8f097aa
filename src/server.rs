//! Everything that touches the world. [`App::build`] is the only place where the parts are put together.

pub mod config;
pub mod control;
pub mod engine;
pub mod feed;
pub mod health;
pub mod http;
pub mod hub;
pub mod prometheus;
pub mod scripts;
pub mod shutdown;
pub mod usage;
