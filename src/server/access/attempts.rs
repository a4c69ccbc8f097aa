//! How often somebody may try to log in: a person who mistypes is never too fast, a program that guesses always.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use ha_dashboard::api::caller::Caller;

use crate::server::limiter::{Limiter, place};

/// What is counted.
pub struct Attempts {
    places: Limiter<IpAddr>,
    names: Limiter<String>,
    told: Limiter<Option<IpAddr>>,
}

impl Default for Attempts {
    /// From an address 10 at once, and one more every 6 s. For a name, wherever from, 20, and one more every 15 s.
    fn default() -> Self {
        let count = |burst: u32| NonZeroU32::MIN.saturating_add(burst - 1);
        Self {
            places: Limiter::new(count(10), Duration::from_secs(6)),
            names: Limiter::new(count(20), Duration::from_secs(15)),
            told: Limiter::new(count(20), Duration::from_secs(10)),
        }
    }
}

impl Attempts {
    /// Counts one attempt; an empty name is nobody's.
    ///
    /// # Errors
    /// It was one too many; `true`: that is to be written down.
    pub fn check(&self, caller: &Caller, name: &str) -> Result<(), bool> {
        let place = caller.from.map(place);
        let name: String = name.chars().take(100).flat_map(char::to_lowercase).collect();
        // Who is refused for the address has tried no name: else one address could keep a name's owner out.
        let is_fine = place.is_none_or(|place| self.places.check(&place).is_ok())
            && (name.is_empty() || self.names.check(&name).is_ok());
        if is_fine { Ok(()) } else { Err(self.is_told(caller)) }
    }

    /// Whether what is refused to somebody whom nobody knows is written down: of each address 20 in a row, and one more every
    /// 10 s. The log has all of it.
    pub fn is_told(&self, caller: &Caller) -> bool {
        self.told.check(&caller.from.map(place)).is_ok()
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
        assert!((10..=15).contains(&tried) && (20..=25).contains(&told), "{tried} {told}");
        assert!(attempts.check(&caller(2), "anna").is_ok(), "others can log in");
        // From many addresses at one name.
        let tried = (3..=250).filter(|last| attempts.check(&caller(*last), "Bob").is_ok()).count();
        assert!((20..=25).contains(&tried), "{tried}");
    }
}
