//! k6's command line and environment, the same for every engine.

use std::{collections::BTreeMap, time::Duration};

use super::{EngineError, Launch, k6::Version};

/// Where the scripts' `handleSummary` writes.
const SUMMARY_VAR: &str = "HAD_SUMMARY";

/// The tags k6 adds by itself: enough for every chart, without one per URL or address.
const SYSTEM_TAGS: &str = "proto,method,status,name,group,check,error_code,scenario,expected_response";

/// What the summary tells of every trend. `count` tells a trend without samples from one whose samples were all 0.
const TREND_STATS: [&str; 8] = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"];

/// Where things are as k6 sees them; absolute paths.
pub struct Places<'a> {
    /// The script.
    pub script: &'a str,
    /// A folder of its own.
    pub home: &'a str,
    /// The file that takes the summary of the script's own `handleSummary`.
    pub summary: &'a str,
    /// The file that takes k6's own summary.
    pub export: &'a str,
}

/// Arguments of `k6` for a run.
pub fn run_args(launch: &Launch, places: &Places) -> Vec<String> {
    let mut args = [
        "run",
        // Verbose for the line that tells the start; the rest is dropped.
        "--verbose",
        "--quiet",
        "--no-color",
        "--log-format=json",
        // No REST API: it has no authentication, and two instances would want the same port.
        "--address=",
        "--out=experimental-prometheus-rw",
        &format!("--system-tags={SYSTEM_TAGS}"),
        &format!("--tag=testid={}", launch.run),
        &format!("--tag=instance={}", launch.part.number()),
        // Written whatever the script's own `handleSummary` does.
        &format!("--summary-export={}", places.export),
        // Wins over the script's options, so theirs are part of it.
        &format!("--summary-trend-stats={}", trend_stats(&launch.trend_stats).join(",")),
    ]
    .map(str::to_owned)
    .to_vec();
    args.extend(launch.part.arguments());
    args.push(places.script.to_owned());
    args
}

fn trend_stats(more: &[String]) -> Vec<&str> {
    let mut stats = TREND_STATS.to_vec();
    for stat in more.iter().map(String::as_str) {
        if !stats.contains(&stat) {
            stats.push(stat);
        }
    }
    stats
}

/// Arguments of `k6` that let it say what it makes of a script.
pub fn inspect_args(script: &str) -> Vec<String> {
    // Unlike `run`, `inspect` hides the environment from the script unless told so.
    ["inspect", "--no-color", "--log-format=json", "--execution-requirements", "--include-system-env-vars", script]
        .map(str::to_owned)
        .to_vec()
}

/// What k6 must be told whatever it does.
pub fn base_env() -> BTreeMap<String, String> {
    [("K6_NO_USAGE_REPORT", "true"), ("K6_AUTO_EXTENSION_RESOLUTION", "false")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The environment of a run with the k6 of this version, but for what the script is told. Scripts can read all of it.
pub fn run_env(
    launch: &Launch,
    places: &Places,
    push_interval: Duration,
    version: &Version,
) -> BTreeMap<String, String> {
    let mut env = base_env();
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    set("HOME", places.home.into());
    set(SUMMARY_VAR, places.summary.into());
    // Versions that know another form of the summary keep to the one that every version has.
    set("K6_NEW_MACHINE_READABLE_SUMMARY", "false".into());
    set("K6_PROMETHEUS_RW_SERVER_URL", format!("{}/api/v1/write", launch.store_url.trim_end_matches('/')));
    set("K6_PROMETHEUS_RW_PUSH_INTERVAL", format!("{}ms", push_interval.as_millis().max(1)));
    set("K6_PROMETHEUS_RW_STALE_MARKERS", "true".into());
    if launch.native_histograms {
        let (name, value) = version.native_histograms();
        set(name, value.into());
    } else {
        set("K6_PROMETHEUS_RW_TREND_STATS", "p(95),p(99),min,max".into());
    }
    env
}

/// What the script is told, as JSON.
pub fn input(launch: &Launch) -> Result<String, EngineError> {
    serde_json::to_string(&launch.input)
        .map_err(|error| EngineError::Start(format!("the script's input can't be written ({error})")))
}
