//! The services under test.

use async_trait::async_trait;

use crate::{
    api::caller::Caller,
    domain::{breaker::Breakers, service::ServiceStatus},
};

/// The part of the port that is about services.
#[async_trait]
pub trait Services: Send + Sync + 'static {
    /// Every configured service and how it is, in the configuration's order.
    async fn services(&self, caller: &Caller) -> Vec<ServiceStatus>;

    /// The circuit breakers that services tell of.
    async fn breakers(&self, caller: &Caller) -> Breakers;
}
