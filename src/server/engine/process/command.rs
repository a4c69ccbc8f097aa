//! k6's command line and environment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use ha_dashboard::domain::script::SCRIPT_INPUT_VAR;

use super::super::{EngineError, Launch, SUMMARY_FILE, files::LaunchFile};

/// Where the scripts' `handleSummary` writes.
const SUMMARY_VAR: &str = "HAD_SUMMARY";

/// The tags k6 adds by itself: enough for every chart, without one per URL or address.
const SYSTEM_TAGS: &str = "proto,method,status,name,group,check,error_code,scenario,expected_response";

/// The only variables of the dashboard that k6 may see: scripts read all of its environment.
const PASSED_ON: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The order for the keeper. `dir`, `program` and `script` are absolute.
pub fn order(
    launch: &Launch,
    dir: &Path,
    program: PathBuf,
    script: &Path,
    push_interval: Duration,
    stop_grace: Duration,
) -> Result<LaunchFile, EngineError> {
    let text = |path: &Path| {
        let utf8 = path.to_str().map(str::to_owned);
        utf8.ok_or_else(|| EngineError::Start(format!("the path {path:?} is not UTF-8: rename it")))
    };
    let input = serde_json::to_string(&launch.input)
        .map_err(|error| EngineError::Start(format!("the script's input can't be written ({error})")))?;

    let args = [
        "run",
        // Verbose for the line that tells the start; the keeper drops the rest.
        "--verbose",
        "--quiet",
        "--no-color",
        "--log-format=json",
        // No REST API: it has no authentication, and two instances would want the same port.
        "--address=",
        "--out=experimental-prometheus-rw",
        &format!("--system-tags={SYSTEM_TAGS}"),
        &format!("--tag=testid={}", launch.run),
        "--tag=instance=1",
        &text(script)?,
    ];

    let mut env: BTreeMap<String, String> =
        PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    set("HOME", text(dir)?);
    set(SCRIPT_INPUT_VAR, input);
    set(SUMMARY_VAR, text(&dir.join(SUMMARY_FILE))?);
    set("K6_NO_USAGE_REPORT", "true".into());
    set("K6_AUTO_EXTENSION_RESOLUTION", "false".into());
    set("K6_PROMETHEUS_RW_SERVER_URL", format!("{}/api/v1/write", launch.store_url.trim_end_matches('/')));
    set("K6_PROMETHEUS_RW_PUSH_INTERVAL", format!("{}ms", push_interval.as_millis().max(1)));
    set("K6_PROMETHEUS_RW_STALE_MARKERS", "true".into());
    if launch.native_histograms {
        set("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", "true".into());
    } else {
        set("K6_PROMETHEUS_RW_TREND_STATS", "p(95),p(99),min,max".into());
    }

    Ok(LaunchFile {
        program,
        args: args.map(str::to_owned).to_vec(),
        env,
        cwd: dir.to_owned(),
        deadline_ms: launch.deadline_ms,
        grace_ms: u64::try_from(stop_grace.as_millis()).unwrap_or(u64::MAX),
    })
}
