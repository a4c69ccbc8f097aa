//! The metrics store: a typed client, the queries, and the supervised child.

pub mod child;
pub mod client;
mod external;
#[cfg(test)]
pub mod lab;
mod logfile;
pub mod queries;
mod version;
