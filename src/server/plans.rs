//! Plans that are kept for another time.

pub mod file;
