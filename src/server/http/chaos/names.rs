//! Ids that callers gave their experiments.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::StatusCode;
use ha_dashboard::{
    api::error::ApiError,
    domain::fault::{Fault, FaultId},
};

use super::super::error::{Failure, Problem, shortened};

/// So many are known, the newest: as many faults as are told of when they are over, and some that are not.
const MOST: usize = 100;

/// The ids that callers gave, newest first. Copies are handles on the same ones.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<VecDeque<(String, FaultId)>>>);

impl Names {
    /// The fault that is known by this id, whoever gave it.
    ///
    /// # Errors
    /// When none can be.
    pub fn id(&self, name: &str) -> Result<FaultId, Failure> {
        let given = self.find(|(given, _)| given == name).map(|(_, id)| id);
        let missing = |_| ApiError::NotFound { what: format!("experiment {}", shortened(name)) }.into();
        given.map_or_else(|| name.parse().map_err(missing), Ok)
    }

    /// What callers know a fault by.
    pub fn of(&self, id: &FaultId) -> String {
        self.find(|(_, of)| of == id).map_or_else(|| id.to_string(), |(name, _)| name)
    }

    /// Refuses an id by which one of `faults` that is on is known, or that is another one's own.
    ///
    /// # Errors
    /// When it is taken.
    pub fn check_free(&self, name: &str, faults: &[Fault]) -> Result<(), Failure> {
        let id = self.id(name).ok();
        let taken =
            |fault: &&Fault| Some(&fault.id) == id.as_ref() && (fault.state.is_on() || fault.id.as_str() == name);
        match faults.iter().find(taken) {
            None => Ok(()),
            Some(_) => {
                let error =
                    format!("experimentId: {name:?} is taken by an experiment that is at work or was: use another");
                Err(Problem::new(StatusCode::CONFLICT, "experiment_exists", error).into())
            }
        }
    }

    /// Lets a fault be known by an id that its caller gave.
    pub fn give(&self, name: String, id: FaultId) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.push_front((name, id));
        names.truncate(MOST);
    }

    fn find(&self, found: impl Fn(&(String, FaultId)) -> bool) -> Option<(String, FaultId)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|pair| found(pair)).cloned()
    }
}
