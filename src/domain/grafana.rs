//! Links to the dashboards that `monitoring/grafana` provisions.

use super::run::Run;

/// The dashboard of one run: its uid and the name in its address.
const RUN_DASHBOARD: &str = "ha-dashboard-run/load-test-run";

/// Shown before the start and after the end of a run, in ms: the scrape that tells its end comes up to 5 s later.
const MARGINS_MS: [u64; 2] = [5_000, 30_000];

/// Where Grafana shows a run, over just its time; `base` is Grafana's address without a trailing slash.
pub fn run_url(base: &str, run: &Run) -> String {
    let from = run.started_ms.unwrap_or(run.created_ms).saturating_sub(MARGINS_MS[0]);
    let to = run.ended_ms.map_or("now".into(), |ended| ended.saturating_add(MARGINS_MS[1]).to_string());
    // A run id needs no escaping.
    format!("{base}/d/{RUN_DASHBOARD}?var-testid={}&from={from}&to={to}", run.id)
}
