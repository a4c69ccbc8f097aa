//! Every word the page shows, in each language. A language that misses one does not compile.

mod de;
mod en;

use leptos::prelude::*;

use crate::domain::{
    agenda::Outcome,
    burst::{BurstEnd, LoadRefusal},
    compare::{self, Incomparable},
    cost::{Figure, Lack},
    fault::{Effect, FaultEnd, FaultKind, Refusal},
    frame::Metric,
    guide::{Turn, Watch},
    live::EngineReason,
    plan::{Model, Pattern},
    prefs::Lang,
    regression::Ruling,
    rule::LimitUnit,
    schedule::PhaseName,
    service::{ProcessState, Silence},
    threshold::{Comparison, NotAThreshold},
    upload::UploadRefusal,
    validate::{Excess, Field},
};

impl Lang {
    /// The words of this language.
    pub fn text(self) -> &'static Text {
        match self {
            Self::En => &en::TEXT,
            Self::De => &de::TEXT,
        }
    }
}

/// The page's language.
pub fn use_lang() -> Lang {
    use_context().unwrap_or_default()
}

/// The words of the page's language.
pub fn use_text() -> &'static Text {
    use_lang().text()
}

/// Words that belong to a metric's tile.
#[derive(Debug, Clone, Copy)]
pub struct MetricText {
    /// Short name.
    pub name: &'static str,
    /// What it measures, in a sentence.
    pub help: &'static str,
}

/// Words that belong to a pattern.
#[derive(Debug, Clone, Copy)]
pub struct PatternText {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a line.
    pub help: &'static str,
}

/// All words. Templates take what they need as arguments.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it, and the English text documents each")]
pub struct Text {
    pub app_name: &'static str,
    pub skip_to_content: &'static str,
    pub nav_label: &'static str,
    pub nav_overview: &'static str,
    pub nav_load: &'static str,
    pub event_plan_due: fn(&str, &Outcome) -> String,
    pub nav_plans: &'static str,
    pub nav_access: &'static str,
    pub access_intro: &'static str,
    pub log_in: &'static str,
    pub log_out: &'static str,
    pub viewer_hint: &'static str,
    pub plans_intro: &'static str,
    pub plan_save: &'static str,
    pub nav_services: &'static str,
    pub nav_runs: &'static str,
    pub language: &'static str,
    pub theme_dark: &'static str,
    pub theme_light: &'static str,
    pub connecting: &'static str,
    pub connected: &'static str,
    pub connection_lost: &'static str,
    /// What is shown is so old.
    pub values_old: fn(&str) -> String,
    pub no_script: &'static str,

    pub form_name: &'static str,
    pub again_heading: &'static str,
    pub script: &'static str,
    pub script_own: &'static str,
    pub script_broken: &'static str,
    pub script_pending: &'static str,
    pub target: &'static str,
    pub all_services: &'static str,
    pub all_and_dashboard: &'static str,
    pub all_services_hint: &'static str,
    pub pattern: &'static str,
    pub model: &'static str,
    pub model_vus: &'static str,
    pub model_rate: &'static str,
    pub model_vus_hint: &'static str,
    pub model_rate_hint: &'static str,
    /// Why the open model can't be chosen with a pattern.
    pub model_rate_blocked: fn(&str) -> String,
    /// Why a pattern can't be chosen with the open model.
    pub pattern_blocked: &'static str,
    pub peak_vus: &'static str,
    pub peak_rate: &'static str,
    pub duration: &'static str,
    pub duration_hint: &'static str,
    pub durations_hint: &'static str,
    pub ramp: &'static str,
    pub ramp_hint: &'static str,
    pub pre_allocated_vus: &'static str,
    pub max_vus: &'static str,
    pub automatic: &'static str,
    pub request_timeout: &'static str,
    pub request_timeout_hint: &'static str,
    pub scenario: &'static str,
    pub stop_when: &'static str,
    pub stop_when_hint: &'static str,
    pub regression: &'static str,
    pub regression_hint: &'static str,
    pub regression_heading: &'static str,
    /// Of what, and by how much.
    pub regression_limit: fn(&str, &str) -> String,
    /// So many points of a percent.
    pub points: fn(&str) -> String,
    /// The value, and the baseline's.
    pub regression_values: fn(&str, &str) -> String,
    /// Why nobody can judge.
    pub regression_untold: fn(Ruling) -> &'static str,
    /// What is looked at, the limit, and for how long.
    pub criterion: fn(&str, &str, &str) -> String,
    pub criterion_unwatched: fn(&str) -> String,
    pub criterion_cpu: &'static str,
    /// A stop criterion, and the value.
    pub criterion_met: fn(&str, &str) -> String,
    /// For how long of what time.
    pub criterion_held: fn(&str, &str) -> String,
    pub criterion_calm: &'static str,
    pub criterion_fired: &'static str,
    pub thresholds_field: &'static str,
    pub thresholds_hint: &'static str,
    pub thresholds_text: &'static str,
    pub thresholds_text_hint: &'static str,
    pub thresholds_as_text: &'static str,
    pub thresholds_as_rules: &'static str,
    pub rule_add: &'static str,
    pub rule_remove: fn(usize) -> String,
    pub rule_number: fn(usize) -> String,
    pub rule_metric: &'static str,
    pub rule_statistic: &'static str,
    pub rule_comparison: &'static str,
    pub rule_limit: &'static str,
    pub rule_service: &'static str,
    pub rule_every_service: &'static str,
    /// What people call a metric of k6's.
    pub rule_metric_name: fn(&str) -> &str,
    /// A statistic's name; that of a percentile is `p95`.
    pub rule_statistic_name: fn(&str, LimitUnit) -> &str,
    pub rule_comparison_name: fn(Comparison) -> &'static str,
    pub rule_unit: fn(LimitUnit) -> &'static str,
    pub start: &'static str,
    pub starting: &'static str,
    pub stop: &'static str,
    pub stopping: &'static str,
    pub load_more: &'static str,
    pub load_adding: &'static str,
    pub load_amount: &'static str,
    pub load_unit: &'static str,
    pub load_to_the_end: &'static str,
    pub load_starting: &'static str,
    pub load_remove: &'static str,
    pub load_remove_what: fn(&str) -> String,
    pub load_removing: &'static str,
    pub load_refused: fn(LoadRefusal) -> &'static str,
    pub load_moot: &'static str,
    pub stop_tried: &'static str,
    pub own_options: &'static str,
    pub own_executors: &'static str,
    pub own_duration: &'static str,
    pub own_max_vus: &'static str,
    pub own_thresholds: &'static str,
    pub own_unknown: &'static str,
    pub none: &'static str,
    pub broken_heading: &'static str,
    pub summary_vus: fn(&str, usize, &str) -> String,
    pub summary_rate: fn(&str, usize, &str) -> String,
    pub summary_iterations: fn(&str) -> String,
    pub summary_own: fn(&str, &str) -> String,
    pub fix_fields: fn(usize) -> String,

    pub state_idle: &'static str,
    pub state_starting: &'static str,
    pub state_running: &'static str,
    pub state_stopping: &'static str,
    pub state_finished: &'static str,
    pub progress: &'static str,
    pub time_left: fn(&str) -> String,
    pub elapsed_of: fn(&str, &str) -> String,
    pub iterations_of: fn(&str, &str) -> String,
    pub finishing: &'static str,
    pub waiting_for_k6: &'static str,
    pub peak: &'static str,
    pub vus_unit: &'static str,
    pub rate_unit: &'static str,
    pub rate_short: &'static str,

    pub passed: &'static str,
    pub failed: &'static str,
    pub stopped: &'static str,
    pub aborted: &'static str,
    pub cancelled: &'static str,
    pub crashed: &'static str,
    pub timed_out: &'static str,
    pub passed_reason: &'static str,
    /// Heads the times at which thresholds did not hold that do in the end.
    pub passed_in_the_end: &'static str,
    pub passed_no_thresholds: &'static str,
    pub failed_reason: fn(usize, usize) -> String,
    pub failed_unknown: &'static str,
    pub failed_worse: &'static str,
    pub stopped_reason: fn(&str, &str) -> String,
    pub aborted_reason: fn(&str, &str) -> String,
    pub cancelled_reason: &'static str,
    pub crashed_reason: fn(Option<i32>) -> String,
    pub timed_out_reason: fn(&str) -> String,
    pub observed_vs_limit: fn(&str, &str, &str) -> String,
    pub k6_disagrees: fn(bool) -> String,
    /// From when to when, or from when on.
    pub spell: fn(&str, Option<&str>) -> String,
    pub spells_more: fn(usize) -> String,
    /// A rule, and when it did not hold.
    pub crossed: fn(&str, &str) -> String,
    /// After what was observed: when the rule did not hold.
    pub crossed_then: fn(&str) -> String,
    pub show_details: &'static str,
    /// Link to the run in Grafana.
    pub open_in_grafana: &'static str,

    pub now_heading: &'static str,
    pub result_heading: &'static str,
    pub span_now: &'static str,
    /// With a length of time.
    pub span_last: fn(&str) -> String,
    pub span_whole: &'static str,
    pub span_peak: &'static str,
    pub tile_highest: fn(&str) -> String,
    /// With the sign of the comparison.
    pub tile_limit: fn(&str, &str) -> String,
    pub tile_asked: fn(&str) -> String,
    pub tile_dropped: fn(&str) -> String,
    pub load_heading: &'static str,
    pub live_empty: &'static str,
    pub live_empty_viewer: &'static str,
    pub no_data: &'static str,
    pub threshold_heading: &'static str,
    pub thresholds_none: &'static str,
    pub threshold_ok: &'static str,
    pub threshold_bad: &'static str,
    pub threshold_unknown: &'static str,
    pub threshold_close: &'static str,
    /// Which time a threshold's value is of.
    pub threshold_so_far: &'static str,
    pub threshold_limit: &'static str,
    pub by_service: &'static str,
    pub by_status: &'static str,
    pub service: &'static str,
    pub status: &'static str,
    pub share: &'static str,
    pub health: &'static str,
    pub cpu: &'static str,
    pub memory: &'static str,
    pub host: &'static str,
    pub no_response: &'static str,
    pub no_requests: &'static str,
    pub timeline: &'static str,
    pub timeline_empty: &'static str,
    pub metrics_delayed: fn(u32) -> String,
    /// Followed by the time of day, then [`Self::trying_again`].
    pub last_values: &'static str,
    pub trying_again: &'static str,
    pub many_series: fn(u32) -> String,
    pub many_series_hint: &'static str,

    pub storage_unusable: &'static str,
    pub engine_reason: fn(EngineReason) -> &'static str,
    pub engine_not_ready: &'static str,
    pub engine_not_ready_hint: &'static str,
    pub image_missing: fn(&str) -> String,
    pub image_missing_hint: &'static str,
    pub image_pull: &'static str,
    pub image_pulling: fn(&str, &str) -> String,
    pub image_pull_again: &'static str,
    pub store_unreachable: &'static str,
    pub store_unreachable_hint: &'static str,
    pub no_scripts: &'static str,
    pub no_scripts_hint: &'static str,
    pub no_services: &'static str,
    pub no_services_hint: &'static str,
    pub page_unavailable: &'static str,
    pub reload: &'static str,

    pub health_up: &'static str,
    pub health_degraded: &'static str,
    pub health_down: &'static str,
    pub health_unknown: &'static str,
    /// The condition of a service whose requests fail, as few as a threshold allows.
    pub some_fail: &'static str,
    /// The failed share where there is little room.
    pub failed_short: &'static str,
    /// The condition of a service that lets its users wait too long.
    pub slow: &'static str,
    /// The condition of a service whose requests fail.
    pub failing: &'static str,
    /// Why a service does not answer; empty for what has no words of its own.
    pub silence: fn(Silence) -> &'static str,
    pub answered_in: fn(&str) -> String,
    pub answered_status: fn(u16) -> String,
    pub services_intro: &'static str,
    pub services_empty: &'static str,
    pub health_check: &'static str,
    pub address: &'static str,
    pub replicas: &'static str,
    /// Where the process of a replica is, and its exit code where it ended.
    pub process: &'static str,
    pub process_state: fn(ProcessState, Option<i32>) -> String,
    pub restarts: fn(u32) -> String,
    pub gateway: &'static str,
    pub gateway_up: &'static str,
    pub gateway_down: &'static str,
    /// With the replica's share of the traffic, in %.
    pub gateway_share: fn(u32) -> String,

    /// Heads what is at work: load and faults.
    pub at_work: &'static str,
    pub watch_load: &'static str,
    pub quick_actions: &'static str,
    pub quick_plan_change: &'static str,
    pub quick_plan_wrong: &'static str,
    pub quick_kill: &'static str,
    /// With a length of time.
    pub quick_kill_for: fn(&str) -> String,
    pub quick_kill_hint: &'static str,
    /// The load as a place on the map.
    pub load_short: &'static str,
    /// The page for a room.
    pub present: &'static str,
    pub qr_code: &'static str,
    pub emergency_stop: &'static str,
    pub emergency_what: &'static str,
    pub emergency_now: &'static str,
    pub emergency_not: &'static str,
    pub emergency_again: &'static str,
    pub keys: &'static str,
    pub key_emergency: &'static str,
    pub key_next: &'static str,
    pub key_help: &'static str,
    pub map_heading: &'static str,
    pub map_no_load: &'static str,
    pub map_gateway_there: &'static str,
    pub map_gateway_away: &'static str,
    /// A service that is its own only replica.
    pub map_only: &'static str,
    pub map_replica: fn(&str) -> String,
    /// A share in %.
    pub map_share: fn(&str) -> String,
    pub map_out: &'static str,

    pub breakers: &'static str,
    pub breakers_hint: &'static str,
    pub breakers_empty: &'static str,
    pub breaker_path: &'static str,
    /// Whom a replica calls.
    pub breaker_calls_whom: fn(&str) -> String,
    pub breaker_state: &'static str,
    pub breaker_closed: &'static str,
    pub breaker_half_open: &'static str,
    pub breaker_open: &'static str,
    pub breaker_share: &'static str,
    pub breaker_calls: &'static str,
    pub breaker_failed: &'static str,
    pub breaker_rejected: &'static str,
    pub breaker_changed: &'static str,
    pub breaker_never: &'static str,

    pub runs_intro: &'static str,
    pub runs_empty: &'static str,
    pub runs_empty_viewer: &'static str,
    pub runs_go: &'static str,
    pub compare: &'static str,
    pub compare_figures: &'static str,
    pub compare_hint: &'static str,
    pub compare_first: &'static str,
    pub compare_figure: &'static str,
    pub compare_waiting: &'static str,
    pub compare_choose: &'static str,
    pub compare_this: &'static str,
    pub compare_more: &'static str,
    pub against: &'static str,
    pub baseline: &'static str,
    pub turn_better: &'static str,
    pub turn_worse: &'static str,
    pub turn_same: &'static str,
    pub is_baseline: &'static str,
    pub login_needed: &'static str,
    pub forbidden: &'static str,
    pub badge_none: &'static str,
    pub compare_chosen: &'static str,
    pub baseline_set: &'static str,
    pub baseline_unset: &'static str,
    pub baseline_hint: &'static str,
    pub compare_choose_name: fn(&str) -> String,
    pub incomparable: fn(&Incomparable) -> String,
    pub figure_of_run: fn(compare::Figure) -> &'static str,
    pub runs_filter: &'static str,
    pub runs_search: &'static str,
    pub runs_search_hint: &'static str,
    pub runs_any: &'static str,
    pub runs_tag: &'static str,
    pub runs_since: &'static str,
    pub runs_starred: &'static str,
    pub runs_find: &'static str,
    pub runs_all: &'static str,
    pub runs_pages: &'static str,
    pub runs_newer: &'static str,
    pub runs_older: &'static str,
    pub runs_course: &'static str,
    pub runs_actions: &'static str,
    pub runs_none: &'static str,
    pub runs_page_empty: &'static str,
    pub runs_trash_empty: &'static str,
    pub runs_trash_hint: &'static str,
    pub run_restore: &'static str,
    pub run_trash: &'static str,
    pub run_said: &'static str,
    pub run_say: &'static str,
    pub run_say_more: &'static str,
    pub run_name: &'static str,
    pub run_name_hint: &'static str,
    pub run_tags: &'static str,
    pub run_tags_hint: &'static str,
    pub run_note: &'static str,
    pub run_note_hint: &'static str,
    pub run_save: &'static str,
    /// The last so many hours, as a choice.
    pub runs_last: fn(u32) -> String,
    /// From which run to which, of how many.
    pub runs_shown: fn(u32, u32, u32) -> String,
    /// How many are in the trash.
    pub runs_trash: fn(u32) -> String,
    /// How long a service was out.
    pub runs_out: fn(&str) -> String,
    /// The least and the most.
    pub runs_course_said: fn(&str, &str) -> String,
    pub run_restore_name: fn(&str) -> String,
    pub run_star_name: fn(&str) -> String,
    pub run_trash_name: fn(&str) -> String,
    pub run_gone: fn(&str) -> String,
    pub run_heading: fn(&str) -> String,
    pub started_at: &'static str,
    pub verdict: &'static str,
    pub run_id: &'static str,
    /// The run in detail.
    pub detail: &'static str,
    /// Shows it.
    pub detail_show: &'static str,
    /// Hides it.
    pub detail_hide: &'static str,
    pub k6_log: &'static str,
    /// Shows k6's log.
    pub log_show: &'static str,
    /// Hides it.
    pub log_hide: &'static str,
    /// Which lines are shown.
    pub log_filter: &'static str,
    /// The newest lines stay in view.
    pub log_follow: &'static str,
    /// Nothing changes.
    pub log_pause: &'static str,
    pub log_empty: &'static str,
    pub back_to_runs: &'static str,
    pub run_missing: &'static str,
    pub run_missing_hint: &'static str,
    pub not_found: &'static str,
    pub not_found_hint: &'static str,
    pub go_home: &'static str,

    pub report_of: fn(&str) -> String,
    pub run_again: &'static str,
    pub run_plan_file: &'static str,
    pub report_download: &'static str,
    pub report_plan: &'static str,
    pub report_rule: &'static str,
    pub report_measured: &'static str,
    pub report_result: &'static str,
    pub report_not_measured: &'static str,
    pub report_over_time: &'static str,
    pub report_no_rows: &'static str,
    pub course_reading: &'static str,
    pub course_gone: &'static str,
    pub course_unread: &'static str,
    pub report_faults: &'static str,
    pub report_service_hint: &'static str,
    pub report_rate: &'static str,
    pub report_p95: &'static str,
    pub report_cpu: &'static str,
    pub report_memory: &'static str,
    pub report_last_lines: &'static str,
    pub report_unfinished: &'static str,
    pub report_not_run: &'static str,
    pub report_not_run_reason: &'static str,
    pub report_footer: fn(&str, &str) -> String,

    pub event_run_started: &'static str,
    pub event_stop_requested: &'static str,
    pub event_emergency_stop: &'static str,
    /// What was met.
    pub event_criterion_met: fn(&str) -> String,
    pub event_run_ended: fn(&str) -> String,
    pub event_run_adopted: &'static str,
    /// How much, where it goes, and for how long.
    pub event_load_added: fn(&str, &str, &str) -> String,
    /// How much, why it ended, and what k6 said where it crashed.
    pub event_load_removed: fn(&str, BurstEnd, &str) -> String,
    pub event_threshold_ok: fn(&str) -> String,
    pub event_threshold_bad: fn(&str) -> String,
    /// Threshold, k6's value, whether it held.
    pub event_threshold_decided: fn(&str, &str, bool) -> String,
    pub event_health: fn(&str, &str) -> String,
    /// Who calls, whom, and the state of the breaker between them.
    pub event_breaker: fn(&str, &str, &str) -> String,
    /// A replica and its health, as our own probe noticed.
    pub event_replica: fn(&str, &str) -> String,
    /// A replica, and whether the gateway sends requests there.
    pub event_gateway: fn(&str, bool) -> String,
    /// A replica and where its process is.
    pub event_process: fn(&str, &str) -> String,
    /// Seconds, and whether the store is known to be at fault.
    pub event_delayed: fn(u32, bool) -> String,
    pub event_back: &'static str,
    /// What something changed to, how often, and since when.
    pub event_changes: fn(&str, usize, &str) -> String,
    /// Whom, what, and for how long.
    pub event_fault_set: fn(&str, &str, Option<&str>) -> String,
    /// Whom, what, and why it ended.
    pub event_fault_restored: fn(&str, &str, &str) -> String,
    /// Whom, what, and what went wrong.
    pub event_fault_failed: fn(&str, &str, &str) -> String,

    pub fault_kind: fn(FaultKind) -> &'static str,
    /// What a fault does to each replica that it hits.
    pub fault_effect: fn(&Effect) -> String,
    /// Why a fault ended.
    pub fault_end: fn(FaultEnd) -> &'static str,
    /// A service and how many of its replicas.
    pub fault_replicas: fn(&str, usize) -> String,
    /// Why a fault may not be set now.
    pub nav_faults: &'static str,
    pub faults_intro: &'static str,
    pub fault_heading: &'static str,
    pub faults_impossible: &'static str,
    pub fault_place: &'static str,
    pub fault_what: &'static str,
    pub fault_all_of: fn(&str, usize) -> String,
    pub fault_help: fn(FaultKind) -> &'static str,
    pub fault_intensity: &'static str,
    pub fault_duration_hint: fn(&str) -> String,
    pub fault_more: &'static str,
    pub fault_hypothesis: &'static str,
    pub fault_hypothesis_hint: &'static str,
    pub fault_guard: &'static str,
    pub fault_guard_hint: &'static str,
    pub fault_even_last: &'static str,
    pub fault_set: &'static str,
    pub fault_setting: &'static str,
    pub fault_hits: fn(usize, usize) -> String,
    pub fault_for: fn(&str) -> String,
    pub fault_until_restored: &'static str,
    pub fault_sentence: fn(&str, &str, &str, &str) -> String,
    pub faults_on: fn(usize) -> String,
    pub faults_active: &'static str,
    pub faults_none: &'static str,
    pub faults_earlier: &'static str,
    pub faults_none_earlier: &'static str,
    pub faults_none_earlier_viewer: &'static str,
    pub restore: &'static str,
    pub restore_all: &'static str,
    pub fault_state: fn(&str) -> &'static str,
    pub fault_ended: fn(&str) -> String,
    pub fault_failed: fn(&str) -> String,
    pub fault_well_after: fn(&str) -> String,
    pub fault_well_when_back: &'static str,
    pub fault_not_well_yet: &'static str,
    pub fault_last_replica: &'static str,
    pub fault_moot: &'static str,
    pub fault_over: &'static str,
    pub fault_refused: fn(&Refusal) -> String,

    pub cost_detected: fn(&str) -> String,
    pub cost_not_detected: &'static str,
    pub cost_detection_untold: fn(&str) -> String,
    pub cost_not_detected_yet: &'static str,
    /// How many requests failed, of how many.
    pub cost_failed: fn(&str, &str) -> String,
    pub cost_no_load: &'static str,
    pub cost_recovered: fn(&str) -> String,
    pub cost_unnoticed: &'static str,
    pub cost_not_recovered_yet: &'static str,
    pub cost_recovery_untold: fn(&str) -> String,
    /// A time that still grows.
    pub cost_so_far: fn(&str) -> String,
    /// On a stopwatch while a service is out.
    pub cost_out_for: fn(&str) -> String,
    /// For how long something is in its state.
    pub state_since: fn(&str) -> String,
    /// From so long ago to so long ago.
    pub ago: fn(&str, &str) -> String,
    /// From when to when a card's bar is, in short: with a test at work, and without.
    pub bar_of_test: &'static str,
    pub bar_of_now: fn(&str) -> String,
    /// What the probe measured: over what time, how, and for how long it got no good answer.
    pub probe_course: fn(&str, &str, Option<&str>) -> String,
    /// What a service promises.
    pub slo: &'static str,
    /// So much of the requests shall be good.
    pub slo_good: fn(&str) -> String,
    /// What an error budget is called.
    pub error_budget: &'static str,
    /// So much of it is left.
    pub budget_left: fn(&str) -> String,
    /// So many times of it are gone.
    pub budget_overspent: fn(&str) -> String,
    /// Heads the availability of services over a run.
    pub availability: &'static str,
    /// Says how the report's availability is reckoned.
    pub availability_hint: &'static str,
    /// Opens the table of all figures.
    pub cost_all_figures: &'static str,
    /// That there was no outage.
    pub cost_no_outage: &'static str,
    pub cost_nines: fn(&str) -> String,
    /// In how many requests nothing failed, and what the availability then is at least.
    pub cost_no_failure: fn(&str, &str) -> String,
    pub cost_latency: &'static str,
    /// How fast it was used up, and which share of the run's.
    pub cost_budget: fn(&str, &str) -> String,
    pub figure: fn(Figure) -> &'static str,
    /// Why a figure is not there.
    pub lack: fn(Lack) -> &'static str,
    pub cost_away: fn(&str, &str) -> String,
    pub hypothesis_failed: fn(&str) -> String,
    pub hypothesis_recovered: fn(&str) -> String,
    /// A share and a time.
    pub guard: fn(&str, &str) -> String,
    pub outcome_held: &'static str,
    pub outcome_broken: &'static str,
    pub outcome_open: &'static str,
    pub outcome_untold: fn(&str) -> String,

    pub scenario_none: &'static str,
    /// All replicas of a service.
    pub scenario_all_of: fn(&str) -> String,
    pub scenarios: &'static str,
    pub scenarios_intro: &'static str,
    pub scenario_start: &'static str,
    pub scenario_broken: &'static str,
    /// The step and the line that an error is about.
    pub scenario_place: fn(Option<u32>, Option<u32>) -> String,
    /// When a step comes, and how long the load takes.
    pub scenario_after_end: fn(&str, &str) -> String,
    /// The step in the way, and where.
    pub scenario_overlap: fn(u32, &str) -> String,
    pub scenario_empty: &'static str,
    pub scenario_too_many: fn(u32, u32) -> String,
    /// What the parser says, and the character in the line.
    pub scenario_unreadable: fn(&str, Option<u32>) -> String,

    pub guide: &'static str,
    pub guide_demo: &'static str,
    pub guide_demo_hint: &'static str,
    pub guide_not_beside_load: &'static str,
    pub guide_not_beside_fault: &'static str,
    pub guide_no_file: &'static str,
    /// What is wrong with the scenario.
    pub guide_elsewhere: fn(&str) -> String,
    /// What is wrong with the load.
    pub guide_no_load: fn(&str) -> String,
    pub guide_load: &'static str,
    pub guide_recovery: &'static str,
    pub guide_end: &'static str,
    pub guide_turn: fn(Turn) -> &'static str,
    pub guide_watch: fn(Watch) -> &'static str,
    /// What comes next, and in how long.
    pub guide_next: fn(&str, &str) -> String,
    /// A time after a fault.
    pub guide_redundant: fn(&str) -> String,
    /// A fault is not on record.
    pub guide_unknown: &'static str,
    pub guide_report: &'static str,
    pub guide_opens: &'static str,

    pub error_invalid: &'static str,
    pub error_scenario: &'static str,
    pub error_already_running: &'static str,
    pub share_too_many: &'static str,
    pub error_not_over: &'static str,
    pub error_not_running: &'static str,
    pub error_halted: &'static str,
    pub stop_incomplete: &'static str,
    pub enough_for_today: &'static str,
    pub too_often: &'static str,
    pub error_too_often: fn(u32) -> String,
    pub error_not_found: fn(&str) -> String,
    pub error_unavailable: fn(&str) -> String,
    pub error_bad_request: fn(&str) -> String,
    pub error_internal: fn(&str) -> String,
    pub error_transport: &'static str,

    pub problem_missing: &'static str,
    pub problem_range: fn(u32, u32) -> String,
    pub problem_duration: fn(&str, &str) -> String,
    pub problem_one_of: fn(&str) -> String,
    pub problem_model: fn(&str) -> String,
    pub problem_threshold: fn(&NotAThreshold) -> String,
    /// Line, what stands there, what is wrong with it.
    pub problem_in_line: fn(u32, &str, &str) -> String,
    pub problem_hypothesis: &'static str,
    pub problem_guard: &'static str,
    pub problem_criterion: &'static str,
    pub problem_regression: &'static str,
    pub problem_either_or: &'static str,
    /// What is limited, what there is already, and the most there may be.
    pub problem_past_sum: fn(Model, u32, u32) -> String,
    pub problem_whole_service: &'static str,
    pub problem_too_long: fn(u32) -> String,
    /// At least so many characters.
    pub problem_too_short: fn(u32) -> String,
    pub problem_too_many: fn(u32) -> String,
    pub problem_hidden: &'static str,
    /// Of a tag, and its most characters.
    pub problem_tag: fn(&str, u32) -> String,
    /// When the last step of a scenario comes, and how long the load takes.
    pub problem_after_load: fn(&str, &str) -> String,
    pub problem_broken: fn(&str) -> String,
    pub problem_script_name: fn(u32) -> String,
    pub problem_utf8: &'static str,
    pub problem_too_large: fn(u32) -> String,
    pub upload_refused: fn(&UploadRefusal) -> String,
    pub problem_own: fn(&Excess) -> String,

    pub whole_run: &'static str,
    pub whole_run_of_store: &'static str,
    pub requests: &'static str,
    pub iterations: &'static str,
    pub dropped_iterations: &'static str,
    pub metric: fn(Metric) -> MetricText,
    pub pattern_text: fn(Pattern) -> PatternText,
    pub phase: fn(PhaseName) -> &'static str,
}

impl Text {
    /// The label of a form field; a peak's depends on the model.
    pub fn field(&self, field: Field, model: Model) -> &'static str {
        match field {
            Field::Script => self.script,
            Field::Target => self.target,
            Field::Pattern => self.pattern,
            Field::Model => self.model,
            Field::Peak if model == Model::ArrivalRate => self.peak_rate,
            Field::Peak => self.peak_vus,
            Field::Duration => self.duration,
            Field::Ramp => self.ramp,
            Field::PreAllocatedVus => self.pre_allocated_vus,
            Field::MaxVus => self.max_vus,
            Field::Thresholds => self.thresholds_field,
            Field::RequestTimeout => self.request_timeout,
            Field::StopWhen => self.stop_when,
            Field::Regression => self.regression,
            Field::Scenario => self.scenario,
        }
    }
}
