//! What is set at the door of a replica, and how the gateway's map writes it down.

use ha_dashboard::domain::Millis;

/// What happens to requests at the door of a replica, as long as the time has not come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Door {
    /// When it ends by itself; the gateway looks at its own clock. 0: nothing is set.
    pub until_ms: Millis,
    /// Wait before the request goes on, in ms.
    pub delay_ms: u32,
    /// Most by which that wait is longer or shorter, at random, in ms.
    pub jitter_ms: u32,
    /// Share of requests that are answered with 500 instead of going on, in %: 0 to 100.
    pub error_percent: u8,
    /// Whether requests get no answer at all.
    pub cut: bool,
}

impl Door {
    /// The value in the map. It needs no escape on the admin socket.
    pub fn value(&self) -> String {
        let Self { until_ms, delay_ms, jitter_ms, error_percent, cut } = self;
        format!("{until_ms}:{delay_ms}:{jitter_ms}:{}:{}", error_percent.min(&100), u8::from(*cut))
    }

    /// Reads a value of the map; `None`: it is none.
    pub fn read(value: &str) -> Option<Self> {
        let mut parts = value.split(':');
        let mut next = || parts.next();
        let door = Self {
            until_ms: next()?.parse().ok()?,
            delay_ms: next()?.parse().ok()?,
            jitter_ms: next()?.parse().ok()?,
            error_percent: next()?.parse().ok().filter(|percent| *percent <= 100)?,
            cut: match next()? {
                "0" => false,
                "1" => true,
                _ => return None,
            },
        };
        next().is_none().then_some(door)
    }

    /// Whether it still does something at `now_ms`.
    pub fn is_set(&self, now_ms: Millis) -> bool {
        self.until_ms > now_ms && (self.delay_ms > 0 || self.jitter_ms > 0 || self.error_percent > 0 || self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_written_and_nothing_else_is() {
        let slow = Door { until_ms: 1_795_680_744_505, delay_ms: 300, jitter_ms: 60, error_percent: 5, cut: false };
        let cut = Door { until_ms: u64::MAX, cut: true, ..Door::default() };
        assert_eq!(slow.value(), "1795680744505:300:60:5:0");
        for door in [slow, cut, Door::default()] {
            assert_eq!(Door::read(&door.value()), Some(door));
        }
        assert_eq!(Door { error_percent: 255, ..slow }.value(), "1795680744505:300:60:100:0");
        for other in ["", "1:2:3:4", "1:2:3:4:5", "1:2:3:4:0:0", "1:2:3:101:0", "1:-2:3:4:0", "x"] {
            assert_eq!(Door::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_door_does_something_until_its_time() {
        let slow = Door { until_ms: 100, delay_ms: 1, ..Door::default() };
        assert_eq!([99, 100].map(|now| slow.is_set(now)), [true, false]);
        assert!(!Door { until_ms: 100, ..Door::default() }.is_set(99), "nothing is asked for");
    }
}
