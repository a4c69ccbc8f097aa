//! What the presenter asks for.

use serde::{Deserialize, Serialize};

use super::{criterion::Criterion, regression::Regression, threshold::Threshold};

/// The name that stands for every configured service, the dashboard itself included.
pub const ALL_SERVICES: &str = "all-services";

/// The name that stands for every configured service but the dashboard itself.
pub const ALL_BUT_DASHBOARD: &str = "all-but-dashboard";

/// The name under which the dashboard is a service itself.
pub const DASHBOARD_SERVICE: &str = "analytics-service";

/// Seconds k6 gives iterations to end after the last phase, and VUs when the load falls.
pub const GRACE_S: u32 = 3;

/// How long a request may take, in seconds, unless a plan says otherwise: short, so that a service that hangs shows soon.
pub const REQUEST_TIMEOUT_S: u32 = 3;

/// k6's own time-out of requests, in seconds: that of plans from before they had one.
const K6S_TIMEOUT_S: u32 = 60;

/// The shape of the load over time.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// A few VUs, to see that everything works.
    Smoke,
    /// Up to the expected peak, hold, down.
    Load,
    /// In steps up to the peak.
    Stress,
    /// A sudden jump to the peak, and back.
    Spike,
    /// The peak for a long time.
    Soak,
    /// A steady climb to the peak, to find where the stack gives in.
    Breakpoint,
}

/// What a peak counts.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Closed: a number of VUs, each starting its next iteration when the last one ended.
    Vus,
    /// Open: iterations per second, started whether or not earlier ones have ended.
    ArrivalRate,
}

/// The load a plan asks for.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "model"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@model"))]
pub enum Peak {
    /// Closed model.
    Vus {
        /// Most VUs at the same time.
        vus: u32,
    },
    /// Open model.
    ArrivalRate {
        /// Most iterations started per second.
        rate: u32,
        /// VUs made before the start.
        pre_allocated_vus: u32,
        /// Most VUs that k6 may use to keep the rate.
        max_vus: u32,
    },
}

/// Where the load's course comes from.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "shape"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@shape"))]
pub enum Shape {
    /// A pattern of ours, handed to the script as a schedule.
    Pattern {
        /// Which one.
        pattern: Pattern,
        /// How high.
        #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
        #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
        peak: Peak,
        /// The whole test, ramps included, in seconds.
        duration_s: u32,
        /// First ramp up and last ramp down, in seconds each; none: the pattern's own share.
        ramp_s: Option<u32>,
    },
    /// The script's own options, as `k6 inspect` reports them.
    Own {
        /// The longest the script may run by its own options, the time for iterations to end included, in seconds.
        duration_s: u32,
        /// Most VUs by its own options.
        max_vus: u32,
        /// What ends it.
        #[serde(default)]
        end: OwnEnd,
    },
}

/// What ends a script with its own options.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "by"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@by"))]
pub enum OwnEnd {
    /// Not known, but for the longest it may run.
    #[default]
    Unknown,
    /// The clock: the last scenario ends after so many seconds, the time for iterations to end not included.
    Time {
        /// Seconds after the start.
        after_s: u32,
    },
    /// Every iteration is done.
    Iterations {
        /// All of them.
        iterations: u64,
    },
}

/// A checked plan. Of what people enter, only the validation of a draft makes one.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The script's file name, one of those in the scripts folder.
    pub script: String,
    /// A configured service's name, `all-services`, or `all-but-dashboard`.
    pub target: String,
    /// The load's course.
    pub shape: Shape,
    /// What decides between passed and failed.
    pub thresholds: Vec<Threshold>,
    /// How long a request of the script may take, in seconds; then it has failed.
    #[serde(default = "k6s_timeout")]
    pub request_timeout_s: u32,
    /// What ends it by itself when it lasts, for example `failed > 20 % for 10 s`; the first one that is met does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ssr", schema(value_type = Vec<String>))]
    pub stop_when: Vec<Criterion>,
    /// By how much it may be worse than the baseline of its target, for example `p95 not worse than baseline by more than 10 %`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ssr", schema(value_type = Vec<String>))]
    pub regression: Vec<Regression>,
}

fn k6s_timeout() -> u32 {
    K6S_TIMEOUT_S
}

/// Whether a service is the dashboard itself.
pub fn is_dashboard(service: &str) -> bool {
    service == DASHBOARD_SERVICE
}

/// Whether load that is sent to a target goes to a service.
pub fn aims_at(target: &str, service: &str) -> bool {
    match target {
        ALL_SERVICES => true,
        ALL_BUT_DASHBOARD => !is_dashboard(service),
        target => target == service,
    }
}

impl Pattern {
    /// Every pattern, in the form's order.
    pub const ALL: [Self; 6] = [Self::Smoke, Self::Load, Self::Stress, Self::Spike, Self::Soak, Self::Breakpoint];

    /// Its name on the wire, for example `spike`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Load => "load",
            Self::Stress => "stress",
            Self::Spike => "spike",
            Self::Soak => "soak",
            Self::Breakpoint => "breakpoint",
        }
    }

    /// The pattern with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.name() == name)
    }

    /// Whether the pattern goes with a model. Every pattern can be closed; a smoke or a soak test can't be open.
    pub fn allows(self, model: Model) -> bool {
        match model {
            Model::Vus => true,
            Model::ArrivalRate => matches!(self, Self::Load | Self::Stress | Self::Spike | Self::Breakpoint),
        }
    }
}

impl Model {
    /// Every model, in the form's order.
    pub const ALL: [Self; 2] = [Self::Vus, Self::ArrivalRate];

    /// Its name on the wire: `vus` or `arrival-rate`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vus => "vus",
            Self::ArrivalRate => "arrival-rate",
        }
    }

    /// The model with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }
}

impl Peak {
    /// What the peak counts.
    pub fn model(self) -> Model {
        match self {
            Self::Vus { .. } => Model::Vus,
            Self::ArrivalRate { .. } => Model::ArrivalRate,
        }
    }

    /// The peak itself: VUs, or iterations per second.
    pub fn value(self) -> u32 {
        match self {
            Self::Vus { vus } => vus,
            Self::ArrivalRate { rate, .. } => rate,
        }
    }

    /// An open model's; `most` is the limit of its VUs. Numbers of VUs that are not given fit iterations that take 0.2 s, and
    /// 2 s at most.
    pub fn open(rate: u32, pre_allocated_vus: Option<u32>, max_vus: Option<u32>, most: u32) -> Self {
        let least = pre_allocated_vus.unwrap_or(1);
        let max_vus = max_vus.unwrap_or_else(|| rate.saturating_mul(2).max(least).min(most));
        let pre_allocated_vus = pre_allocated_vus.unwrap_or_else(|| rate.div_ceil(5).min(max_vus));
        Self::ArrivalRate { rate, pre_allocated_vus, max_vus }
    }

    /// Most VUs at work at the same time.
    pub fn max_vus(self) -> u32 {
        match self {
            Self::Vus { vus } => vus,
            Self::ArrivalRate { max_vus, .. } => max_vus,
        }
    }
}

impl Shape {
    /// The length in seconds: the whole test, ramps included, but not the time for iterations to end; the longest it may
    /// take where iterations end it, or nobody knows what does.
    pub fn duration_s(self) -> u32 {
        match self {
            Self::Own { end: OwnEnd::Time { after_s }, .. } => after_s,
            Self::Pattern { duration_s, .. } | Self::Own { duration_s, .. } => duration_s,
        }
    }

    /// The longest that k6 may send load, in seconds.
    pub fn longest_s(self) -> u32 {
        match self {
            Self::Pattern { duration_s, .. } => duration_s.saturating_add(GRACE_S),
            Self::Own { duration_s, .. } => duration_s,
        }
    }

    /// The iterations that end it; `None` where the clock does.
    pub fn iterations(self) -> Option<u64> {
        match self {
            Self::Own { end: OwnEnd::Iterations { iterations }, .. } => Some(iterations),
            Self::Pattern { .. } | Self::Own { .. } => None,
        }
    }
}
