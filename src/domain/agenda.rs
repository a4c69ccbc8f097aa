//! When plans that are kept are to be started by themselves.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    id::{PlanId, ScheduleId},
    run::RunId,
};

/// A plan that starts by itself, as typed: nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppointmentDraft {
    /// The plan's id.
    pub plan: String,
    /// Once, on the clock of the time zone: `2026-11-27 09:00`; empty: by `cron`.
    pub at: String,
    /// Again and again: five fields of cron, or a word like `@daily`; empty: once.
    pub cron: String,
    /// A time zone, like `Europe/Berlin`; empty: UTC.
    pub zone: String,
}

/// When it is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = ScheduleTimes))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "kind"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@kind"))]
pub enum When {
    /// Once, on the clock of the time zone.
    Once {
        /// `2026-11-27 09:00`.
        at: String,
    },
    /// Whenever a line of cron says so, on the clock of the time zone.
    Cron {
        /// Five fields, or a word like `@daily`.
        line: String,
    },
}

/// A plan that starts by itself.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = PlanSchedule))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// Its id.
    pub id: ScheduleId,
    /// The plan.
    pub plan: PlanId,
    /// When.
    pub when: When,
    /// On which clock: a time zone's name.
    pub zone: String,
    /// When it comes next, in ms since 1970; none: never again.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub due_ms: Option<Millis>,
    /// What came of the last time; none: there was none yet.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub last: Option<Last>,
}

/// A time that has come.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = ScheduleLast))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When it was, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub due_ms: Millis,
    /// What came of it.
    #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
    #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
    pub outcome: Outcome,
}

/// What came of a time.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = ScheduleOutcome))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "outcome"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@outcome"))]
pub enum Outcome {
    /// A run was started.
    Started {
        /// The run.
        run: RunId,
    },
    /// Another run was at work.
    Skipped {
        /// That run.
        running: RunId,
    },
    /// No dashboard was at work then.
    Missed {
        /// How many times that was so in a row, the last of them told; as many as are counted.
        times: u32,
    },
    /// The plan could not be started.
    Failed {
        /// Why, in English.
        reason: String,
    },
}

/// Why a plan is not to start by itself as it was asked for. Its text is English.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "refusal"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@refusal"))]
pub enum AgendaRefusal {
    /// Neither once nor again and again, or both.
    #[error("give either at, for once, or cron, for again and again")]
    OneOfTwo,
    /// No such time zone.
    #[error("zone: there is no such time zone: give a name like Europe/Berlin or UTC")]
    NoZone,
    /// Not a date and time.
    #[error("at: give a date and a time, like 2026-11-27 09:00")]
    NotATime,
    /// It is over.
    #[error("at: this time is over: give one to come")]
    Past,
    /// Clocks skip it.
    #[error("at: clocks go forward over this time, so it does not exist there: give another one")]
    SkippedByClocks,
    /// Not a line of cron.
    #[error("cron: {message}; give five fields (minute, hour, day, month, day of the week), like 0 9 * * 1-5")]
    NotCron {
        /// What is wrong with it.
        message: String,
    },
    /// It has seconds.
    #[error("cron: a plan starts once a minute at most: give five fields, without one for seconds")]
    TooOften,
    /// It never comes.
    #[error("cron: no day fits this, so the plan would never start")]
    Never,
    /// No more are kept.
    #[error("{} schedules are kept at most: delete one first", Appointment::MOST)]
    TooMany,
}

impl Appointment {
    /// Most that are kept.
    pub const MOST: usize = 100;
}

impl AgendaRefusal {
    /// Its name on the wire, for example `no_zone`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OneOfTwo => "one_of_two",
            Self::NoZone => "no_zone",
            Self::NotATime => "not_a_time",
            Self::Past => "past",
            Self::SkippedByClocks => "skipped_by_clocks",
            Self::NotCron { .. } => "not_cron",
            Self::TooOften => "too_often",
            Self::Never => "never",
            Self::TooMany => "too_many_schedules",
        }
    }
}
