//! A run that is over as files for other programs: CSV for tables, JSON for everything, JUnit for pipelines.

pub mod document;
pub mod junit;
pub mod table;
