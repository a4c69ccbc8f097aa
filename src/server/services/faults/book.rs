//! What is set and what was, on disk: written before a fault is set, so that whoever starts next takes back what we could not,
//! and still tells of what is over.

use std::{
    io,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::fault::Fault;

use crate::server::disk;

/// The file in the state folder.
const FILE: &str = "faults.json";

/// The faults that are set, or may be, and the last ones that were.
#[derive(Debug)]
pub struct Book(PathBuf);

impl Book {
    /// The book in a state folder.
    pub fn new(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// What an earlier process wrote down, newest first.
    pub fn read(&self) -> Vec<Fault> {
        let read = || match std::fs::read(&self.0) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        read().unwrap_or_else(|error: io::Error| {
            tracing::error!(path = %self.0.display(), %error, "it can't be read which faults are still set");
            Vec::new()
        })
    }

    /// Writes down how they are now, newest first.
    ///
    /// # Errors
    /// When the state folder does not take it.
    pub fn write<'a>(&self, faults: impl Iterator<Item = &'a Fault>) -> io::Result<()> {
        disk::replace(&self.0, &serde_json::to_vec(&faults.collect::<Vec<_>>())?)
    }
}
