//! The one error that crosses the wire.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        access::Role,
        agenda::AgendaRefusal,
        burst::{BurstField, LoadRefusal},
        compare::Incomparable,
        fault::{FaultField, FaultId, Refusal},
        labels::LabelField,
        pass::{AccessField, AccessRefusal},
        past::SearchField,
        run::RunId,
        saved::PlanRefusal,
        scenario::ScenarioError,
        share::ShareRefusal,
        upload::{UploadField, UploadRefusal},
        validate::FieldError,
    },
    wire::Wire,
};

/// Why a call was refused or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "code"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@code"))]
pub enum ApiError {
    /// The plan is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// Every refused field.
        errors: Vec<FieldError>,
    },
    /// The fault is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidFault {
        /// Every refused field.
        errors: Vec<FieldError<FaultField>>,
    },
    /// What is to be said of a run is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidLabels {
        /// Every refused field.
        errors: Vec<FieldError<LabelField>>,
    },
    /// What is looked for is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidSearch {
        /// Every refused field.
        errors: Vec<FieldError<SearchField>>,
    },
    /// The load to add is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidLoad {
        /// Every refused field.
        errors: Vec<FieldError<BurstField>>,
    },
    /// The run's load can't be changed now: 409.
    #[error("{refusal}")]
    LoadRefused {
        /// Why.
        refusal: LoadRefusal,
    },
    /// The runs that are named can't be compared: 422.
    #[error("{why}")]
    Incomparable {
        /// Why.
        why: Incomparable,
    },
    /// A baseline can't be thrown away: 409.
    #[error("the run {run} is the baseline of its target: make another run the baseline first, or none")]
    IsBaseline {
        /// That run.
        run: RunId,
    },
    /// The scenario is not valid: 422.
    #[error("scenario: {}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidScenario {
        /// All that is wrong with it.
        errors: Vec<ScenarioError>,
    },
    /// The fault can't be set now: 409.
    #[error("{refusal}")]
    FaultRefused {
        /// Why.
        refusal: Refusal,
    },
    /// The fault is over, or ends with itself: 409.
    #[error("there is nothing to restore of fault {fault}: it is over, or ends with itself")]
    FaultOver {
        /// That fault.
        fault: FaultId,
    },
    /// The plan is not kept as it was asked for: 409, and 422 for what is no name.
    #[error("{refusal}")]
    PlanRefused {
        /// Why.
        refusal: PlanRefusal,
    },
    /// The plan is not to start by itself as it was asked for: 422, and 409 for one too many.
    #[error("{refusal}")]
    AgendaRefused {
        /// Why.
        refusal: AgendaRefusal,
    },
    /// No link is made to a run's report: 409, and 422 for a length that is not allowed.
    #[error("{refusal}")]
    ShareRefused {
        /// Why.
        refusal: ShareRefusal,
    },
    /// What is asked for of an account, a token or a link is not valid: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidAccess {
        /// Every refused field.
        errors: Vec<FieldError<AccessField>>,
    },
    /// There is no such account or pass: 409.
    #[error("{refusal}")]
    AccessRefused {
        /// Why.
        refusal: AccessRefusal,
    },
    /// The script to upload is not valid, or k6 refuses it: 422.
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidUpload {
        /// Every refused field.
        errors: Vec<FieldError<UploadField>>,
    },
    /// The script is not uploaded, or not deleted: 409.
    #[error("{refusal}")]
    UploadRefused {
        /// Why.
        refusal: UploadRefusal,
    },
    /// Nobody knows who asks: 401.
    #[error("this needs the role {needs}: log in at /login, or send a token as \"Authorization: Bearer …\"")]
    LoginNeeded {
        /// The least role that may.
        needs: Role,
    },
    /// Who asks may not: 403.
    #[error("this needs the role {needs}: ask an admin of this dashboard for it")]
    Forbidden {
        /// The least role that may.
        needs: Role,
    },
    /// A run is at work already: 409.
    #[error("the run {running} is at work already: stop it first, or wait for its end")]
    AlreadyRunning {
        /// That run.
        running: RunId,
    },
    /// The run is not over yet: 409.
    #[error("the run {run} is at work: this is there once it is over; stop it, or wait for its end")]
    NotOver {
        /// That run.
        run: RunId,
    },
    /// There is nothing to stop: 409.
    #[error("no run is at work, so there is nothing to stop")]
    NotRunning,
    /// An emergency stop came first: 409.
    #[error(
        "an emergency stop was pressed, so this was not done: ask again; plans start by themselves again once somebody has \
         started a test"
    )]
    Halted,
    /// Too many of these from one place in a short time: 429.
    #[error("too many of these from your address: try again in {wait_s} s")]
    TooOften {
        /// How long to wait, in seconds.
        wait_s: u32,
    },
    /// There were as many tests within 24 hours as may be: 429.
    #[error("{most} tests within 24 hours are allowed, and there were as many: try again later")]
    EnoughForToday {
        /// How many are allowed.
        most: u32,
    },
    /// There is no such thing: 404.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// A part we need does not answer: 503.
    #[error("{what}")]
    Unavailable {
        /// What is missing and what to do.
        what: String,
    },
    /// The request is malformed: 400.
    #[error("{what}")]
    BadRequest {
        /// What is wrong and what is allowed.
        what: String,
    },
    /// A defect of ours: 500.
    #[error("internal error: {what}")]
    Internal {
        /// What is known of it.
        what: String,
    },
    /// The server could not be reached.
    #[error("the dashboard could not be reached: {what}")]
    Transport {
        /// The cause.
        what: String,
    },
}

impl ApiError {
    /// The HTTP status that goes with it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. }
            | Self::InvalidFault { .. }
            | Self::InvalidLabels { .. }
            | Self::InvalidSearch { .. }
            | Self::InvalidLoad { .. }
            | Self::Incomparable { .. }
            | Self::InvalidAccess { .. }
            | Self::InvalidUpload { .. }
            | Self::InvalidScenario { .. } => 422,
            Self::LoginNeeded { .. } => 401,
            Self::Forbidden { .. } => 403,
            Self::PlanRefused { refusal: PlanRefusal::NotAName } => 422,
            Self::PlanRefused { .. } | Self::AgendaRefused { refusal: AgendaRefusal::TooMany } => 409,
            Self::AgendaRefused { .. } | Self::ShareRefused { refusal: ShareRefusal::Lasts { .. } } => 422,
            Self::IsBaseline { .. }
            | Self::AccessRefused { .. }
            | Self::UploadRefused { .. }
            | Self::ShareRefused { .. }
            | Self::AlreadyRunning { .. }
            | Self::NotOver { .. }
            | Self::NotRunning
            | Self::Halted
            | Self::LoadRefused { .. }
            | Self::FaultRefused { .. }
            | Self::FaultOver { .. } => 409,
            Self::NotFound { .. } => 404,
            Self::TooOften { .. } | Self::EnoughForToday { .. } => 429,
            Self::Unavailable { .. } => 503,
            Self::BadRequest { .. } => 400,
            Self::Internal { .. } | Self::Transport { .. } => 500,
        }
    }

    /// The error's name on the wire, for example `already_running`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. }
            | Self::InvalidFault { .. }
            | Self::InvalidLabels { .. }
            | Self::InvalidSearch { .. }
            | Self::InvalidAccess { .. }
            | Self::InvalidUpload { .. }
            | Self::InvalidLoad { .. } => "invalid",
            Self::AccessRefused { refusal } => refusal.code(),
            Self::UploadRefused { refusal } => refusal.code(),
            Self::LoginNeeded { .. } => "login_needed",
            Self::Forbidden { .. } => "forbidden",
            Self::LoadRefused { .. } => "load_refused",
            Self::Incomparable { .. } => "incomparable",
            Self::IsBaseline { .. } => "is_baseline",
            Self::InvalidScenario { .. } => "invalid_scenario",
            Self::FaultRefused { .. } => "fault_refused",
            Self::FaultOver { .. } => "fault_over",
            Self::PlanRefused { refusal } => refusal.code(),
            Self::AgendaRefused { refusal } => refusal.code(),
            Self::ShareRefused { .. } => "share_refused",
            Self::AlreadyRunning { .. } => "already_running",
            Self::NotOver { .. } => "not_over",
            Self::NotRunning => "not_running",
            Self::Halted => "halted",
            Self::TooOften { .. } => "too_often",
            Self::EnoughForToday { .. } => "enough_for_today",
            Self::NotFound { .. } => "not_found",
            Self::Unavailable { .. } => "unavailable",
            Self::BadRequest { .. } => "bad_request",
            Self::Internal { .. } => "internal",
            Self::Transport { .. } => "transport",
        }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = Wire;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(what)
            | ServerFnErrorErr::MissingArg(what)
            | ServerFnErrorErr::Deserialization(what) => Self::BadRequest { what },
            other => Self::Transport { what: other.to_string() },
        }
    }
}
