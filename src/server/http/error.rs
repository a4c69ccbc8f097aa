//! How errors look on the wire: a proper status and `{"success":false,"error","code","correlation_id"}`.
//!
//! Handlers and layers put a [`Problem`] into the response's extensions; [`super::edge`], which knows the correlation id,
//! writes the body. So an error looks the same wherever it was made.

use axum::{
    http::{Extensions, StatusCode},
    response::{IntoResponse, Response},
};
use ha_dashboard::{
    api::error::ApiError,
    domain::{
        run::RunId,
        scenario::{ScenarioError, ScenarioProblem},
        validate::{self, FieldError, FieldName},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

/// An error before it has a body.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// Its name for programs.
    pub code: &'static str,
    /// Its text for people.
    pub error: String,
    /// Refused fields.
    pub errors: Vec<FieldBody>,
    /// What is wrong with a scenario.
    pub steps: Vec<ScenarioErrorBody>,
    /// The run that is at work already.
    pub running: Option<RunId>,
    /// After how many seconds it is worth another try.
    pub wait_s: Option<u32>,
}

/// An error's body.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always false.
    success: bool,
    /// What is wrong, what is allowed, and what to do.
    error: String,
    /// The error's name, for example `invalid` or `already_running`.
    code: &'static str,
    /// Names this request in the dashboard's log.
    correlation_id: String,
    /// With `invalid`: every refused field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldBody>,
    /// With `invalid_scenario`: all that is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<ScenarioErrorBody>,
    /// With `already_running`: the run at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<RunId>,
}

/// A refused field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldBody {
    /// What is wrong and what is allowed.
    message: String,
    /// Its name in the request.
    field: &'static str,
    /// What was given, at most 100 characters of it.
    value: String,
    /// What is wrong, for programs.
    #[serde(flatten)]
    problem: validate::Problem,
}

/// What is wrong with a scenario.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScenarioErrorBody {
    /// Where it is, what is wrong and what is allowed.
    message: String,
    /// The step, from 1 in the order of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// The step's field.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    /// What the field says, at most 100 characters of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl From<ScenarioError> for ScenarioErrorBody {
    fn from(error: ScenarioError) -> Self {
        let message = error.to_string();
        let ScenarioError { step, line, problem } = error;
        let (mut column, mut field, mut value) = (None, None, None);
        match problem {
            ScenarioProblem::Field(error) => (field, value) = (Some(error.field.name()), Some(error.value)),
            ScenarioProblem::Unreadable { column: at, .. } => column = at,
            _ => {}
        }
        Self { message, step, line, column, field, value }
    }
}

impl FieldBody {
    /// A field that the request calls `field`.
    pub fn new<F>(error: FieldError<F>, field: &'static str) -> Self {
        Self { message: error.told_of(field), field, value: error.value, problem: error.problem }
    }
}

impl Problem {
    /// A problem without particulars.
    pub fn new(status: StatusCode, code: &'static str, error: String) -> Self {
        Self { status, code, error, errors: Vec::new(), steps: Vec::new(), running: None, wait_s: None }
    }

    /// Refused fields.
    pub fn invalid(errors: Vec<FieldBody>) -> Self {
        let error = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error) }
    }

    /// A route that is asked with another method than it takes.
    pub fn wrong_method() -> Self {
        let error = "this route does not take this method".into();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", error)
    }

    /// The body that goes with it.
    pub fn body(self, correlation_id: String) -> ErrorBody {
        ErrorBody {
            success: false,
            error: self.error,
            code: self.code,
            correlation_id,
            errors: self.errors,
            steps: self.steps,
            running: self.running,
        }
    }
}

/// What handlers return instead of an answer.
#[derive(Debug)]
pub struct Failure(Box<Problem>);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Problem::from(error).into()
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, error.code(), error.to_string());
        match error {
            ApiError::Invalid { errors } => problem.errors = named(errors),
            ApiError::InvalidFault { errors } => problem.errors = named(errors),
            ApiError::InvalidLabels { errors } => problem.errors = named(errors),
            ApiError::InvalidSearch { errors } => problem.errors = named(errors),
            ApiError::InvalidLoad { errors } => problem.errors = named(errors),
            ApiError::InvalidAccess { errors } => problem.errors = named(errors),
            ApiError::InvalidUpload { errors } => problem.errors = named(errors),
            ApiError::InvalidScenario { errors } => problem.steps = errors.into_iter().map(Into::into).collect(),
            ApiError::AlreadyRunning { running } => problem.running = Some(running),
            ApiError::TooOften { wait_s } => problem.wait_s = Some(wait_s),
            _ => {}
        }
        problem
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut extensions = Extensions::new();
        let status = self.0.status;
        extensions.insert(*self.0);
        let mut response = status.into_response();
        *response.extensions_mut() = extensions;
        response
    }
}

/// The fields under their own names.
fn named<F: FieldName + Copy>(errors: Vec<FieldError<F>>) -> Vec<FieldBody> {
    let named = |error: FieldError<F>| {
        let name = error.field.name();
        FieldBody::new(error, name)
    };
    errors.into_iter().map(named).collect()
}

/// At most 100 characters of what somebody sent.
pub fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
