//! What is set, on disk: written before a fault is, so that whoever starts next takes back what we could not.

use std::{
    io,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::fault::Fault;

use crate::server::disk;

/// The file in the state folder.
const FILE: &str = "faults.json";

/// The faults that are set, or may be.
#[derive(Debug)]
pub struct Book(PathBuf);

impl Book {
    /// The book in a state folder.
    pub fn new(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// What an earlier process left set.
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

    /// Writes down what is set now.
    ///
    /// # Errors
    /// When the state folder does not take it.
    pub fn write<'a>(&self, faults: impl Iterator<Item = &'a Fault>) -> io::Result<()> {
        let on = faults.filter(|fault| fault.state.is_on()).collect::<Vec<_>>();
        disk::replace(&self.0, &serde_json::to_vec(&on)?)
    }
}
