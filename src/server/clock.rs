//! The clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use ha_dashboard::domain::Millis;

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Now, as RFC 3339 in UTC.
pub fn now_text() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
