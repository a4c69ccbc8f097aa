//! How often somebody may try to log in: a person who mistypes is never too fast, a program that guesses always.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use ha_dashboard::api::caller::Caller;

use crate::server::limiter::{Limiter, place};

/// What is counted.
pub struct Attempts {
    places: Limiter<IpAddr>,
    names: Limiter<String>,
    told: Limiter<u8>,
}

impl Default for Attempts {
    /// From an address 10 at once, and one more every 6 s. For a name, wherever from, 20, and one more every 15 s.
    fn default() -> Self {
        let count = |burst: u32| NonZeroU32::MIN.saturating_add(burst - 1);
        Self {
            places: Limiter::new(count(10), Duration::from_secs(6)),
            names: Limiter::new(count(20), Duration::from_secs(15)),
            told: Limiter::new(count(5), Duration::from_secs(10)),
        }
    }
}

impl Attempts {
    /// Counts one attempt; an empty name is nobody's.
    ///
    /// # Errors
    /// It was one too many; `true`: that is to be written down.
    pub fn check(&self, caller: &Caller, name: &str) -> Result<(), bool> {
        let by_place = caller.from.map_or(Ok(()), |from| self.places.check(&place(from)));
        let name: String = name.chars().take(100).collect();
        let by_name = if name.is_empty() { Ok(()) } else { self.names.check(&name.to_lowercase()) };
        by_place.and(by_name).map_err(|_| self.told.check(&0).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_guesses_come_to_a_few() {
        let attempts = Attempts::default();
        let caller = |last| Caller { from: Some([192, 0, 2, last].into()), ..Caller::default() };
        let (mut tried, mut told) = (0, 0);
        for n in 0..1_000 {
            match attempts.check(&caller(1), &format!("name-{n}")) {
                Ok(()) => tried += 1,
                Err(tell) => told += u32::from(tell),
            }
        }
        assert!((10..=15).contains(&tried) && (1..=10).contains(&told), "{tried} {told}");
        assert!(attempts.check(&caller(2), "anna").is_ok(), "others can log in");
        // From many addresses at one name.
        let tried = (3..=250).filter(|last| attempts.check(&caller(*last), "Bob").is_ok()).count();
        assert!((20..=25).contains(&tried), "{tried}");
    }
}
