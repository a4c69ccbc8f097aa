//! How often somebody may ask for something.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};
use ha_dashboard::api::error::ApiError;

/// From so many on, those who have long not asked are forgotten.
const KNOWN: usize = 10_000;

/// Counts how often who asked: so many at once, and then one more each time that a while is over. Who was refused is none the
/// worse for it. Copies are not handles: share one.
pub struct Limiter<K: Hash + Eq + Clone, C: Clock = MonotonicClock> {
    rates: RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Allows `burst` at once, and one more after each `every`, which is longer than nothing.
    pub fn new(burst: NonZeroU32, every: Duration) -> Self {
        Self::with_clock(burst, every, MonotonicClock)
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Limiter<K, C> {
    fn with_clock(burst: NonZeroU32, every: Duration, clock: C) -> Self {
        let quota = Quota::with_period(every).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        Self { rates: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock }
    }

    /// Counts one.
    ///
    /// # Errors
    /// [`ApiError::TooOften`]: it was one too many.
    pub fn check(&self, who: &K) -> Result<(), ApiError> {
        if self.rates.len() > KNOWN {
            self.rates.retain_recent();
            self.rates.shrink_to_fit();
        }
        self.rates.check_key(who).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            let wait_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            ApiError::TooOften { wait_s: u32::try_from(wait_s).unwrap_or(u32::MAX).max(1) }
        })
    }
}

/// What counts as one place: with IPv6 everybody has a network of addresses.
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(burst: u32, every_s: u64) -> (Limiter<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let every = Duration::from_secs(every_s);
        (Limiter::with_clock(NonZeroU32::new(burst).unwrap(), every, clock.clone()), clock)
    }

    #[test]
    fn so_many_at_once_and_then_one_after_each_while() {
        let (limiter, clock) = limiter(3, 10);
        let refused = |wait_s| Err(ApiError::TooOften { wait_s });
        for _ in 0..3 {
            assert_eq!(limiter.check(&1), Ok(()));
        }
        assert_eq!(limiter.check(&1), refused(10));
        assert_eq!(limiter.check(&2), Ok(()), "others have their own");
        clock.advance(Duration::from_millis(9_900));
        assert_eq!(limiter.check(&1), refused(1), "asking again does not make it longer");
        clock.advance(Duration::from_millis(100));
        assert_eq!((limiter.check(&1), limiter.check(&1)), (Ok(()), refused(10)));
        clock.advance(Duration::from_secs(1_000));
        assert_eq!((0..4).map(|_| limiter.check(&1).is_ok()).collect::<Vec<_>>(), [true, true, true, false]);
    }

    #[test]
    fn those_who_have_long_not_asked_are_forgotten() {
        let (limiter, clock) = limiter(1, 1);
        for who in 0..=u32::try_from(KNOWN).unwrap() {
            limiter.check(&who).unwrap();
        }
        clock.advance(Duration::from_secs(60));
        limiter.check(&0).unwrap();
        assert_eq!(limiter.rates.len(), 1);
    }

    #[test]
    fn a_network_of_addresses_is_one_place() {
        let place = |text: &str| super::place(text.parse().unwrap()).to_string();
        assert_eq!(place("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((place("203.0.113.7"), place("::ffff:203.0.113.7")), ("203.0.113.7".into(), "203.0.113.7".into()));
    }
}
