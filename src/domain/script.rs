//! What is known of a script in the scripts folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    plan::{self, GRACE_S, OwnEnd, Plan},
    schedule::Schedule,
    service::Service,
};

/// A script as `k6 inspect` sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Its file name, for example `api-load-test.js`.
    pub name: String,
    /// How its load is decided.
    pub kind: ScriptKind,
}

/// How a script's load is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "kind"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@kind"))]
pub enum ScriptKind {
    /// It takes the dashboard's schedule.
    Scheduled,
    /// It has its own options.
    Own {
        /// Its executors, for example `constant-vus`.
        executors: Vec<String>,
        /// The longest it may run, in seconds; `None`: k6 did not say.
        duration_s: Option<u32>,
        /// What ends it.
        #[serde(default)]
        end: OwnEnd,
        /// Most VUs.
        max_vus: u32,
        /// Its own thresholds in k6's words, `metric:expression`.
        thresholds: Vec<String>,
    },
    /// k6 is still looking at it.
    Pending,
    /// k6 refuses it.
    Broken {
        /// k6's message.
        message: String,
    },
}

/// The environment variable that hands [`ScriptInput`] to a script.
pub const SCRIPT_INPUT_VAR: &str = "HAD_INPUT";

/// Everything a script is told, as one JSON value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScriptInput {
    /// The course; `None` for a script that keeps its own options.
    pub schedule: Option<Schedule>,
    /// k6's `thresholds` option: expressions by metric, with its tags.
    pub thresholds: BTreeMap<String, Vec<String>>,
    /// Every configured service.
    pub services: Vec<Service>,
    /// The services that load goes to.
    pub targets: Vec<String>,
    /// Seconds iterations get to end, [`GRACE_S`].
    pub grace_s: u32,
    /// Seconds a request may take.
    pub request_timeout_s: u32,
}

impl ScriptInput {
    /// What a plan hands to its script. A target that no service has gives no targets, which the scripts refuse.
    pub fn new(plan: &Plan, schedule: Option<&Schedule>, services: &[Service]) -> Self {
        let mut thresholds = BTreeMap::<String, Vec<String>>::new();
        for threshold in &plan.thresholds {
            thresholds.entry(threshold.selector().to_string()).or_default().push(threshold.expression());
        }
        let aimed_at = |service: &&Service| plan::aims_at(&plan.target, &service.name);
        Self {
            schedule: schedule.cloned(),
            thresholds,
            services: services.to_vec(),
            targets: services.iter().filter(aimed_at).map(|service| service.name.clone()).collect(),
            grace_s: GRACE_S,
            request_timeout_s: plan.request_timeout_s,
        }
    }
}
