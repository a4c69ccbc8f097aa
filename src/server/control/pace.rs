//! How fast one address may start tests and set faults: what a person or a pipeline does is never too fast.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use ha_dashboard::api::{caller::Caller, error::ApiError};

use crate::server::limiter::{Limiter, place};

/// What is counted.
pub struct Pace {
    starts: Limiter<IpAddr>,
    faults: Limiter<IpAddr>,
}

impl Default for Pace {
    /// Tests and added load: 30 at once, and one more every 2 s. Faults: 60, and one more every second.
    fn default() -> Self {
        let limiter =
            |burst: u32, every_s| Limiter::new(NonZeroU32::MIN.saturating_add(burst - 1), Duration::from_secs(every_s));
        Self { starts: limiter(30, 2), faults: limiter(60, 1) }
    }
}

impl Pace {
    /// Counts a start.
    ///
    /// # Errors
    /// [`ApiError::TooOften`].
    pub fn start(&self, caller: &Caller) -> Result<(), ApiError> {
        of(&self.starts, caller)
    }

    /// Counts a fault.
    ///
    /// # Errors
    /// [`ApiError::TooOften`].
    pub fn fault(&self, caller: &Caller) -> Result<(), ApiError> {
        of(&self.faults, caller)
    }
}

/// What comes over no network, as a schedule does, is our own.
fn of(limiter: &Limiter<IpAddr>, caller: &Caller) -> Result<(), ApiError> {
    caller.from.map_or(Ok(()), |from| limiter.check(&place(from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_pace_and_the_program_none() {
        let pace = Pace::default();
        let caller = |last| Caller { from: Some([192, 0, 2, last].into()), ..Caller::default() };
        let started = |caller: &Caller| (0..50).filter(|_| pace.start(caller).is_ok()).count();
        // One more may come while this goes on.
        assert!((30..=35).contains(&started(&caller(1))));
        assert!(pace.start(&caller(2)).is_ok() && pace.fault(&caller(1)).is_ok());
        assert_eq!(started(&Caller::default()), 50);
    }
}
