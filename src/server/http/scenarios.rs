//! Scenarios: the files there are.

use axum::{Json, extract::State};
use ha_dashboard::domain::scenario::{Offer, Step};
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, edge::Asking, error::ScenarioErrorBody};

/// The scenarios there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultScenariosBody {
    /// Always true.
    success: bool,
    /// By file name.
    scenarios: Vec<ScenarioBody>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A scenario file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenarioBody {
    /// Its file name, which `scenario` takes when a test is started.
    file: String,
    /// What people call it.
    name: String,
    /// What it shows.
    description: String,
    /// Its steps, in the order in which they come.
    steps: Vec<Step>,
    /// What is wrong with it here and now; then there is nothing else of it, and it can't be run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ScenarioErrorBody>,
}

impl From<Offer> for ScenarioBody {
    fn from(Offer { file, scenario }: Offer) -> Self {
        match scenario {
            Ok(it) => Self { file, name: it.name, description: it.description, steps: it.steps, errors: Vec::new() },
            Err(errors) => Self {
                name: file.clone(),
                file,
                description: String::new(),
                steps: Vec::new(),
                errors: errors.into_iter().map(ScenarioErrorBody::from).collect(),
            },
        }
    }
}

/// The scenarios there are: faults in time beside a load. A start of a load test takes one of them.
#[utoipa::path(get, path = "/api/v1/scenarios", tag = "faults", responses((status = 200, body = FaultScenariosBody)))]
pub async fn fault_scenarios(State(state): State<HttpState>, Asking(caller): Asking) -> Json<FaultScenariosBody> {
    let offers = state.control.rules(&caller).await.scenarios;
    let scenarios = offers.into_iter().map(ScenarioBody::from).collect();
    Json(FaultScenariosBody { success: true, scenarios, correlation_id: caller.correlation_id })
}
