//! The emergency stop.

use axum::{Json, extract::State};
use ha_dashboard::domain::{fault::Fault, run::RunId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, edge::Asking, error::Failure};

/// What an emergency stop came to in the seconds that it took.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmergencyStopBody {
    /// Always true.
    success: bool,
    /// Whether all of it got through. What did not is tried again until it does.
    complete: bool,
    /// The run that is being ended; null: none was at work.
    run: Option<RunId>,
    /// How many k6 were ended that belong to no run at work.
    leftovers: u32,
    /// The faults that were set, each as it is now.
    faults: Vec<Fault>,
    /// What did not get through yet, in a line each.
    problems: Vec<String>,
    /// Names this request in the log.
    correlation_id: String,
}

/// Ends all load and takes all faults back. No plan starts by itself until somebody starts a test. Answers within some
/// ten seconds; asking again does no harm.
#[utoipa::path(
    post,
    path = "/api/v1/emergency-stop",
    tag = "load-test",
    responses((status = 200, body = EmergencyStopBody)),
)]
pub async fn emergency_stop(
    State(state): State<HttpState>,
    Asking(caller): Asking,
) -> Result<Json<EmergencyStopBody>, Failure> {
    let stop = state.control.emergency_stop(&caller).await?;
    Ok(Json(EmergencyStopBody {
        success: true,
        complete: stop.problems.is_empty(),
        run: stop.run,
        leftovers: stop.leftovers,
        faults: stop.faults,
        problems: stop.problems,
        correlation_id: caller.correlation_id,
    }))
}
