//! The page of plans works by plain forms alone.

use axum::{Form, Router, extract::State, response::Response, routing::post};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        agenda::AppointmentDraft,
        id::{PlanId, ScheduleId},
        saved::SavedPlan,
        validate::Draft,
    },
};
use serde::Deserialize;

use super::super::{
    HttpState,
    edge::Asking,
    forms::{drafted, see, typed, with_draft, with_query},
};

/// The page.
const PAGE: &str = "/plans";

/// The routes.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route("/plans/draft", post(ask_for_name))
        .route("/plans/save", post(save))
        .route("/plans/rename", post(rename))
        .route("/plans/delete", post(delete))
        .route("/plans/restore", post(restore))
        .route("/plans/schedule", post(schedule))
        .route("/plans/unschedule", post(unschedule))
}

/// From the form of a load test: leads to where its plan gets a name, or back with what is wrong with it.
async fn ask_for_name(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut draft = drafted(&fields);
    let rules = state.control.rules(&caller.through(Door::Form)).await;
    match draft.validate(&rules) {
        Ok(_) => see(&to_save(&mut draft, &[])),
        Err(errors) => see(&with_draft(&mut draft, &ApiError::Invalid { errors })),
    }
}

async fn save(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut draft = drafted(&fields);
    let given = |key: &str| fields.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str());
    let (name, replace) = (given("name"), given("replace") == "true");
    match state.control.save_plan(&caller.through(Door::Form), name, draft.clone(), replace).await {
        Ok(plan) => see(&done(&plan)),
        Err(error @ ApiError::Invalid { .. }) => see(&with_draft(&mut draft, &error)),
        Err(error) => see(&to_save(&mut draft, &[("name", name), ("error", code(&error))])),
    }
}

/// Which plan.
#[derive(Debug, Deserialize)]
struct Which {
    id: String,
    #[serde(default)]
    name: String,
}

impl Which {
    fn id(&self) -> Result<PlanId, ApiError> {
        PlanId::try_from(self.id.clone()).map_err(|_| ApiError::NotFound { what: "plan".into() })
    }
}

async fn rename(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let caller = caller.through(Door::Form);
    let renamed = match which.id() {
        Ok(id) => state.control.rename_plan(&caller, &id, &which.name).await,
        Err(error) => Err(error),
    };
    match renamed {
        Ok(plan) => see(&done(&plan)),
        Err(error @ ApiError::NotFound { .. }) => see(&failed(&error)),
        Err(error) => {
            see(&with_query(PAGE, [("rename", which.id.as_str()), ("name", &which.name), ("error", code(&error))]))
        }
    }
}

async fn delete(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let caller = caller.through(Door::Form);
    match which.id() {
        Ok(id) => match state.control.delete_plan(&caller, &id).await {
            Ok(plan) => see(&with_query(PAGE, [("deleted", plan.id.as_str()), ("name", &plan.name)])),
            Err(error) => see(&failed(&error)),
        },
        Err(error) => see(&failed(&error)),
    }
}

async fn restore(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    see(&match restored(&state, caller.through(Door::Form), &which).await {
        Ok(plan) => done(&plan),
        Err(error) => failed(&error),
    })
}

async fn restored(state: &HttpState, caller: Caller, which: &Which) -> Result<SavedPlan, ApiError> {
    state.control.restore_plan(&caller, &which.id()?).await
}

async fn schedule(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(draft): Form<AppointmentDraft>,
) -> Response {
    match state.control.add_schedule(&caller.through(Door::Form), draft.clone()).await {
        Ok(added) => see(&with_query(PAGE, [("scheduled", added.appointment.id.as_str())])),
        Err(error) => see(&with_query(
            PAGE,
            [
                ("plan", draft.plan.as_str()),
                ("at", &draft.at),
                ("cron", &draft.cron),
                ("zone", &draft.zone),
                ("error", error.code()),
            ],
        )),
    }
}

async fn unschedule(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let deleted = match ScheduleId::try_from(which.id) {
        Ok(id) => state.control.delete_schedule(&caller.through(Door::Form), &id).await,
        Err(_) => Err(ApiError::NotFound { what: "schedule".into() }),
    };
    match deleted {
        Ok(()) => see(PAGE),
        Err(error) => see(&failed(&error)),
    }
}

fn done(plan: &SavedPlan) -> String {
    with_query(PAGE, [("done", plan.id.as_str())])
}

fn failed(error: &ApiError) -> String {
    with_query(PAGE, [("error", code(error))])
}

/// The page with a plan that waits for its name.
fn to_save(draft: &mut Draft, more: &[(&str, &str)]) -> String {
    let typed = typed(draft);
    let pairs = typed.iter().map(|(name, value)| (*name, value.as_str()));
    with_query(PAGE, pairs.chain(more.iter().copied()))
}

fn code(error: &ApiError) -> &'static str {
    error.code()
}
