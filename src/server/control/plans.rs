//! Plans that are kept for another time.

use async_trait::async_trait;
use ha_dashboard::{
    api::{
        caller::Caller,
        error::ApiError,
        port::{Agenda, Plans, Runs, ShownAppointment, ShownHooks},
    },
    domain::{
        access::Call,
        agenda::{Appointment, AppointmentDraft},
        id::{PlanId, ScheduleId},
        prefs::Lang,
        run::Run,
        saved::{self, PlanRefusal, SavedPlan},
        validate::Draft,
    },
    planner::{self, Ask},
};

use super::Dashboard;
use crate::server::{agenda, clock::now_ms, database::Database, ids, told};

fn refused(refusal: PlanRefusal) -> ApiError {
    ApiError::PlanRefused { refusal }
}

fn there(found: Option<SavedPlan>, id: &PlanId) -> Result<SavedPlan, ApiError> {
    found.ok_or_else(|| ApiError::NotFound { what: format!("plan {id}") })
}

fn changed(found: Option<Result<SavedPlan, PlanRefusal>>, id: &PlanId) -> Result<SavedPlan, ApiError> {
    there(found.transpose().map_err(refused)?, id)
}

#[async_trait]
impl Plans for Dashboard {
    async fn plans(&self, _: &Caller) -> Result<Vec<SavedPlan>, ApiError> {
        self.database.ask(Database::plans).await
    }

    async fn plan(&self, _: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let asked = id.clone();
        there(self.database.ask(move |database| database.plan(&asked)).await?, id)
    }

    async fn save_plan(&self, caller: &Caller, name: &str, draft: Draft, replace: bool) -> Result<SavedPlan, ApiError> {
        let rules = self.rules_for(caller, &draft.script).await;
        draft.validate(&rules).map_err(|errors| ApiError::Invalid { errors })?;
        let name = saved::name(name).map_err(refused)?;
        let now_ms = now_ms();
        let plan = SavedPlan { id: ids::plan(now_ms), name, draft, changed_ms: now_ms };
        let saved = self.database.ask(move |database| database.save_plan(plan, replace)).await?.map_err(refused)?;
        tracing::info!(plan = %saved.id, correlation_id = %caller.correlation_id, door = %caller.door, "plan saved");
        Ok(saved)
    }

    async fn rename_plan(&self, _: &Caller, id: &PlanId, name: &str) -> Result<SavedPlan, ApiError> {
        let (asked, name) = (id.clone(), saved::name(name).map_err(refused)?);
        changed(self.database.ask(move |database| database.rename_plan(&asked, &name)).await?, id)
    }

    async fn delete_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let asked = id.clone();
        if self.database.ask(move |database| database.is_scheduled(&asked)).await? {
            return Err(refused(PlanRefusal::Scheduled));
        }
        let asked = id.clone();
        let deleted = there(self.database.ask(move |database| database.delete_plan(&asked, now_ms())).await?, id)?;
        tracing::info!(plan = %id, correlation_id = %caller.correlation_id, door = %caller.door, "plan deleted");
        Ok(deleted)
    }

    async fn restore_plan(&self, _: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let asked = id.clone();
        changed(self.database.ask(move |database| database.restore_plan(&asked)).await?, id)
    }

    async fn start_plan(&self, caller: &Caller, id: &PlanId) -> Result<Run, ApiError> {
        let plan = self.plan(caller, id).await?;
        self.start(caller, plan.draft).await
    }

    async fn plans_page(&self, caller: &Caller, query: &str, lang: Lang) -> String {
        let pairs = crate::server::http::pairs(query);
        let ask = Ask::of_query(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let kept = match (self.plans(caller).await, self.schedules(caller).await) {
            (Ok(plans), Ok(schedules)) => Ok((plans, schedules)),
            (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
        };
        let hooks = match caller.may(Call::ReadHooks) {
            true => self.hooks.shown().await.unwrap_or_default(),
            false => ShownHooks::default(),
        };
        planner::inner_html(planner::Shown { kept, hooks, rules: self.rules(caller).await, ask }, lang)
    }
}

/// Next times that are shown.
const NEXT: usize = 5;

fn shown(appointment: Appointment, plan: Option<String>) -> ShownAppointment {
    let next = agenda::shown(&appointment, now_ms(), NEXT);
    let last = appointment.last.as_ref().map(|last| agenda::on_clock(&appointment, last.due_ms));
    ShownAppointment { appointment, plan, next, last }
}

#[async_trait]
impl Agenda for Dashboard {
    async fn schedules(&self, caller: &Caller) -> Result<Vec<ShownAppointment>, ApiError> {
        let (all, plans) = (self.agenda.all().await?, self.plans(caller).await?);
        let name = |id: &PlanId| plans.iter().find(|plan| plan.id == *id).map(|plan| plan.name.clone());
        // A line of cron takes a moment.
        let named = all.into_iter().map(|appointment| (name(&appointment.plan), appointment)).collect::<Vec<_>>();
        let show = move || named.into_iter().map(|(plan, appointment)| shown(appointment, plan)).collect();
        tokio::task::spawn_blocking(show).await.map_err(told::broke_off)
    }

    async fn add_schedule(&self, caller: &Caller, draft: AppointmentDraft) -> Result<ShownAppointment, ApiError> {
        let missing = |_| ApiError::NotFound { what: format!("plan {:.64}", draft.plan) };
        let plan = self.plan(caller, &PlanId::try_from(draft.plan.trim().to_owned()).map_err(missing)?).await?;
        let added = self.agenda.add(plan.id, draft).await?;
        tracing::info!(schedule = %added.id, correlation_id = %caller.correlation_id, door = %caller.door, "plan scheduled");
        Ok(shown(added, Some(plan.name)))
    }

    async fn delete_schedule(&self, _: &Caller, id: &ScheduleId) -> Result<(), ApiError> {
        self.agenda.delete(id).await
    }
}
