//! The one validation of plans: form, REST API and command line all go through [`Draft::validate`].

use serde::{Deserialize, Serialize};

use super::{plan::Plan, script::Script};

/// A plan as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// A script's file name.
    pub script: String,
    /// A service's name or `all-services`.
    pub target: String,
    /// A pattern's name, as [`super::plan::Pattern`] serialises.
    pub pattern: String,
    /// `vus` or `arrival-rate`.
    pub model: String,
    /// Peak VUs, or iterations per second.
    pub peak: String,
    /// Seconds, or `90s`, `5m`, `1h30m`.
    pub duration: String,
    /// Like `duration`; empty: the pattern's own share.
    pub ramp: String,
    /// Open model only; empty: a share of the peak.
    pub pre_allocated_vus: String,
    /// Open model only; empty: the limit's share.
    pub max_vus: String,
    /// Thresholds in k6's words, one a line or separated by commas.
    pub thresholds: String,
}

/// The form's fields, named as in [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// [`Draft::script`]
    Script,
    /// [`Draft::target`]
    Target,
    /// [`Draft::pattern`]
    Pattern,
    /// [`Draft::model`]
    Model,
    /// [`Draft::peak`]
    Peak,
    /// [`Draft::duration`]
    Duration,
    /// [`Draft::ramp`]
    Ramp,
    /// [`Draft::pre_allocated_vus`]
    PreAllocatedVus,
    /// [`Draft::max_vus`]
    MaxVus,
    /// [`Draft::thresholds`]
    Thresholds,
}

/// What is allowed instead. The user interface puts it into the reader's language; `Display` is English.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// Nothing was given.
    Missing,
    /// Not a whole number within the bounds.
    NotInRange {
        /// Smallest allowed.
        min: u32,
        /// Largest allowed.
        max: u32,
    },
    /// Not a duration within the bounds.
    NotADuration {
        /// Shortest allowed, in seconds.
        min_s: u32,
        /// Longest allowed, in seconds.
        max_s: u32,
    },
    /// Not one of a list.
    NotOneOf {
        /// The list.
        allowed: Vec<String>,
    },
    /// The pattern does not go with the model.
    ModelNotForPattern {
        /// Patterns that do.
        allowed: Vec<String>,
    },
    /// Not a threshold.
    NotAThreshold {
        /// What is wrong and what is allowed, in English k6 terms.
        hint: String,
    },
    /// k6 refuses the script.
    BrokenScript {
        /// k6's message.
        message: String,
    },
    /// The script's own options go past a limit.
    OwnOptionsTooLarge {
        /// What they ask for and what is allowed.
        hint: String,
    },
}

/// One refused field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldError {
    /// Which.
    pub field: Field,
    /// What was given, at most 100 characters of it.
    pub value: String,
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
}

/// The bounds from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most VUs.
    pub max_vus: u32,
    /// Most iterations per second.
    pub max_rate: u32,
    /// Longest test, in seconds.
    pub max_duration_s: u32,
}

/// All that decides whether a draft is a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The bounds.
    pub limits: Limits,
    /// The services' names.
    pub services: Vec<String>,
    /// The scripts there are.
    pub scripts: Vec<Script>,
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

impl Draft {
    /// The plan that this draft asks for.
    ///
    /// # Errors
    /// Every refused field, in the form's order.
    pub fn validate(&self, _rules: &Rules) -> Result<Plan, Vec<FieldError>> {
        todo!()
    }

    /// A sensible first draft: load pattern, all services, the first scheduled script.
    pub fn suggested(_rules: &Rules) -> Self {
        todo!()
    }
}
