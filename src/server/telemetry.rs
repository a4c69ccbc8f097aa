//! Log lines: to standard error, as text or JSON. And traces, where somebody takes them.

mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::traces::{Traces, follow_up};
use super::config::LogFormat;

/// Starts logging, and tracing to the collector at `otlp`, if there is one. Later calls do nothing.
///
/// A filter that does not parse becomes `info`; the configuration has refused such a one before.
pub fn init(filter: &str, format: LogFormat, otlp: Option<&str>) -> Traces {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let (traces, layer) = Traces::start(otlp);
    // An error means that logging was started before, by a test for example.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(layer).try_init();
    traces
}
