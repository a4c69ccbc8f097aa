//! What the load-test routes answer.

use ha_dashboard::domain::{
    frame::Metric,
    live::Snapshot,
    plan::{Model, Pattern, Peak, Shape},
    run::{Run, RunState, Verdict},
    script::{Script, ScriptKind},
    validate::Rules,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::words;

/// What is asked of k6.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Configuration {
    /// Seconds, ramps included.
    duration: u32,
    /// Most VUs.
    target_vus: u32,
    /// A service's name, `all-services` or `all-but-dashboard`.
    target_service: String,
    /// `baseline`, `spike`, `stress`, `api`, a pattern's own name, or `own` for a script with its own options.
    test_type: String,
    /// The script's file name.
    script_file: String,
    /// `vus` or `arrival-rate`; null for a script with its own options.
    model: Option<&'static str>,
    /// Most iterations started per second, open model only.
    target_rate: Option<u32>,
    /// What the scenario that goes with the load is called; not there where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
}

/// A started test.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedBody {
    /// Always true.
    success: bool,
    /// Always `started`.
    status: &'static str,
    /// The run's id.
    test_id: String,
    /// For people.
    message: String,
    /// What is asked of k6.
    configuration: Configuration,
    /// Seconds.
    expected_duration: u32,
    /// Fields of the request that mean nothing here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A stopped test.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoppedBody {
    /// Always true.
    success: bool,
    /// Always `stopped`.
    status: &'static str,
    /// The run's id.
    test_id: String,
    /// For people.
    message: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// How the test is.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusBody {
    /// Always true.
    success: bool,
    /// `idle`: none yet; `running`; `completed`: the last one is over.
    status: &'static str,
    /// Whether a test is at work.
    running: bool,
    /// VUs at work; 0 when no test is, null while none were measured.
    #[schema(required = true)]
    current_vus: Option<f64>,
    /// Whether there are measured values now.
    metrics_available: bool,
    /// The run's id; null when idle.
    #[schema(required = true)]
    test_id: Option<String>,
    /// Tests at work: 0 or 1.
    active_tests: u32,
    /// Percent, 0–100.
    progress: f64,
    /// Seconds since k6 began to send load.
    elapsed_time: f64,
    /// Seconds left; 0 when over.
    remaining_time: Option<f64>,
    /// What is asked of k6; null when idle.
    #[schema(required = true)]
    configuration: Option<Configuration>,
    /// Whether a k6 of ours is at work.
    is_k6_running: bool,
    /// `passed`, `failed`, `stopped`, `aborted` (by a stop criterion), `cancelled`, `crashed`, `timed-out`; null before the end.
    #[schema(required = true)]
    verdict: Option<&'static str>,
    /// For people.
    message: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// The patterns and scripts there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenariosBody {
    /// Always true.
    success: bool,
    /// The patterns.
    scenarios: Vec<Scenario>,
    /// The scripts.
    scripts: Vec<ScriptBody>,
    /// What `target` may be.
    targets: Vec<String>,
    /// The bounds.
    limits: LimitsBody,
    /// Names this request in the log.
    correlation_id: String,
}

/// A pattern.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scenario {
    /// Its name, which `test_type` takes.
    name: &'static str,
    /// Its other names.
    test_types: Vec<&'static str>,
    /// What it is for.
    description: &'static str,
    /// The models it goes with.
    models: Vec<&'static str>,
}

/// A script.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScriptBody {
    /// Its file name, which `script` takes.
    name: String,
    /// `scheduled`: takes our schedule; `own`: has its own options; `pending`: k6 is still looking at it; `broken`: k6 refuses
    /// it.
    kind: &'static str,
    /// k6's message where it refuses the script.
    #[schema(required = true)]
    message: Option<String>,
}

/// The bounds of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// Most VUs.
    max_vus: u32,
    /// Most iterations per second.
    max_rate: u32,
    /// Longest test in seconds.
    max_duration: u32,
}

impl StartedBody {
    /// `run` was started, by the name `test_type`; `ignored` are fields that mean nothing here.
    pub fn new(run: &Run, test_type: String, ignored: Vec<String>, correlation_id: String) -> Self {
        let mut configuration = Configuration::from(run);
        if configuration.model.is_some() {
            configuration.test_type = test_type;
        }
        Self {
            success: true,
            status: "started",
            test_id: run.id.to_string(),
            message: format!("Load test {} started against {}", run.id, run.plan.target),
            configuration,
            expected_duration: run.duration_s(),
            ignored,
            correlation_id,
        }
    }
}

impl StoppedBody {
    /// `run` is told to stop.
    pub fn new(run: &Run, correlation_id: String) -> Self {
        let message = format!("Load test {} is told to stop", run.id);
        Self { success: true, status: "stopped", test_id: run.id.to_string(), message, correlation_id }
    }
}

impl StatusBody {
    /// The picture in the contract's words.
    pub fn new(page: &Snapshot, correlation_id: String) -> Self {
        let run = page.status.run.as_ref();
        let active = run.is_some_and(|run| run.state.is_active());
        let vus = page.frame.get(Metric::Vus);
        let done = page.frame.get(Metric::IterationCount);
        Self {
            success: true,
            status: match run {
                None => "idle",
                Some(_) if active => "running",
                Some(_) => "completed",
            },
            running: active,
            current_vus: if active { vus } else { Some(0.0) },
            metrics_available: vus.is_some(),
            test_id: run.map(|run| run.id.to_string()),
            active_tests: u32::from(active),
            progress: run.map_or(0.0, |run| rounded(run.progress(page.now_ms, done) * 100.0)),
            elapsed_time: run.map_or(0.0, |run| rounded(run.elapsed_s(page.now_ms))),
            remaining_time: run.map_or(Some(0.0), |run| run.remaining_s(page.now_ms)).map(rounded),
            configuration: run.map(Configuration::from),
            is_k6_running: active,
            verdict: run.and_then(|run| match &run.state {
                RunState::Finished(verdict) => Some(verdict.name()),
                _ => None,
            }),
            message: run.map_or_else(|| "No load test has been started yet".into(), message),
            correlation_id,
        }
    }
}

impl ScenariosBody {
    /// What may be asked for.
    pub fn new(rules: &Rules, correlation_id: String) -> Self {
        Self {
            success: true,
            scenarios: Pattern::ALL.into_iter().map(scenario).collect(),
            scripts: script_bodies(rules),
            targets: rules.targets(),
            limits: LimitsBody {
                max_vus: rules.limits.max_vus,
                max_rate: rules.limits.max_rate,
                max_duration: rules.limits.max_duration_s,
            },
            correlation_id,
        }
    }
}

impl From<&Run> for Configuration {
    fn from(run: &Run) -> Self {
        let (target_vus, test_type, model, target_rate) = match run.plan.shape {
            Shape::Own { max_vus, .. } => (max_vus, "own", None, None),
            Shape::Pattern { pattern, peak, .. } => {
                let known = words::test_type(pattern);
                let rate = match peak {
                    Peak::ArrivalRate { rate, .. } => Some(rate),
                    Peak::Vus { .. } => None,
                };
                (peak.max_vus(), known, Some(peak.model().name()), rate)
            }
        };
        Self {
            duration: run.duration_s(),
            target_vus,
            target_service: run.plan.target.clone(),
            test_type: test_type.into(),
            script_file: run.plan.script.clone(),
            model,
            target_rate,
            scenario: run.scenario.as_ref().map(|scenario| scenario.name.clone()),
        }
    }
}

fn scenario(pattern: Pattern) -> Scenario {
    Scenario {
        name: pattern.name(),
        test_types: words::test_types(pattern),
        description: match pattern {
            Pattern::Smoke => "A few VUs, to see that everything works",
            Pattern::Load => "Up to the expected peak, hold, down",
            Pattern::Stress => "In steps up to the peak",
            Pattern::Spike => "A sudden jump to the peak, and back",
            Pattern::Soak => "The peak for a long time",
            Pattern::Breakpoint => "A steady climb to the peak, to find where the stack gives in",
        },
        models: Model::ALL.into_iter().filter(|model| pattern.allows(*model)).map(Model::name).collect(),
    }
}

fn script_bodies(rules: &Rules) -> Vec<ScriptBody> {
    let body = |script: &Script| {
        let (kind, message) = match &script.kind {
            ScriptKind::Scheduled => ("scheduled", None),
            ScriptKind::Own { .. } => ("own", None),
            ScriptKind::Pending => ("pending", None),
            ScriptKind::Broken { message } => ("broken", Some(message.clone())),
        };
        ScriptBody { name: script.name.clone(), kind, message }
    };
    rules.scripts.iter().map(body).collect()
}

fn message(run: &Run) -> String {
    let what = match &run.state {
        RunState::Starting => "is starting".into(),
        RunState::Running => "is running".into(),
        RunState::Stopping => "is stopping".into(),
        RunState::Finished(Verdict::Passed) => "passed: every threshold held".into(),
        RunState::Finished(Verdict::Failed) if run.is_worse() => {
            "failed: it is worse than its baseline by more than allowed".into()
        }
        RunState::Finished(Verdict::Failed) => "failed: a threshold was crossed".into(),
        RunState::Finished(Verdict::Stopped) => "was stopped".into(),
        RunState::Finished(Verdict::Aborted) => match run.met() {
            Some(met) => format!("was stopped by its stop criterion {}", met.criterion),
            None => "was stopped by one of its stop criteria".into(),
        },
        RunState::Finished(Verdict::Cancelled) => "was stopped before it sent any load".into(),
        RunState::Finished(Verdict::Crashed { message, .. }) => format!("crashed: {message}"),
        RunState::Finished(Verdict::TimedOut) => "was ended because it was past its deadline".into(),
    };
    format!("Load test {} {what}", run.id)
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
