//! The emergency stop.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{fault::Fault, run::RunId},
};

/// What an emergency stop came to in the seconds that it took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmergencyStop {
    /// The run that is being ended.
    pub run: Option<RunId>,
    /// How many k6 were ended that belong to no run at work.
    pub leftovers: u32,
    /// What was set then, each as it is now.
    pub faults: Vec<Fault>,
    /// What did not get through yet and is tried again until it does, in a line each; empty: all did.
    pub problems: Vec<String>,
}

/// The part of the port that ends everything.
#[async_trait]
pub trait Emergency: Send + Sync + 'static {
    /// Ends all load and takes all faults back, also what is only just being started or set. Nothing starts by itself from now
    /// on until somebody starts a test. Takes some ten seconds at most, waits neither for the database nor for the metrics
    /// store, and may be asked again at any time.
    ///
    /// # Errors
    /// Where the caller may not.
    async fn emergency_stop(&self, caller: &Caller) -> Result<EmergencyStop, ApiError>;
}
