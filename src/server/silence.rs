//! Why something that is asked over HTTP does not answer.

use std::{error::Error, io::ErrorKind, iter};

use ha_dashboard::domain::service::Silence;

/// The kind of reason, and words for it. The numbers that systems give to errors tell people nothing.
pub fn of(error: &reqwest::Error) -> (Silence, String) {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        TimedOut, UnexpectedEof,
    };

    // The outer errors only repeat the address; the inner ones have the cause.
    let causes = || iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    let io = causes().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).last();
    let is_cut_short = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
    };
    let why = match io {
        _ if error.is_timeout() => Silence::TooLate,
        Some(TimedOut) => Silence::TooLate,
        Some(ConnectionRefused) => Silence::Refused,
        Some(HostUnreachable | NetworkUnreachable) => Silence::Unreachable,
        Some(ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof) => Silence::BrokenOff,
        _ if causes().any(is_cut_short) => Silence::BrokenOff,
        // There is no type for it.
        _ if causes().any(|cause| cause.to_string() == "dns error") => Silence::UnknownHost,
        _ => Silence::Other,
    };
    let words = match why {
        Silence::Refused => "connection refused".into(),
        Silence::TooLate => "no answer in time".into(),
        Silence::UnknownHost => "host name not found".into(),
        Silence::Unreachable => "host unreachable".into(),
        Silence::BrokenOff => "connection broken off".into(),
        Silence::Other => causes().last().map(ToString::to_string).unwrap_or_default(),
    };
    (why, words)
}
