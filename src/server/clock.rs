//! The clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use ha_dashboard::domain::Millis;

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Now, as RFC 3339 in UTC.
pub fn now_text() -> String {
    told(jiff::Timestamp::now())
}

/// A time as RFC 3339 in UTC; 1970 for what is beyond the year 9999.
pub fn text(at_ms: Millis) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    told(at.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

fn told(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
