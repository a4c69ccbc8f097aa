//! The port, for those who may.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use ha_dashboard::{
    api::{
        caller::Caller,
        error::ApiError,
        page::{DetailPage, LogPage, PageState, RunReport},
        port::{
            Accounts, Agenda, Emergency, EmergencyStop, Faults, Hooks, Plans, Runs, Services, SharedControl, Sharing,
            ShownAppointment, ShownHooks, Uploads, View,
        },
    },
    domain::{
        access::Call,
        agenda::AppointmentDraft,
        audit::{Entry, Search},
        breaker::Breakers,
        burst::{Burst, BurstDraft},
        detail::{Detail, Order},
        event::Event,
        fault::{Fault, FaultDraft, FaultId, FaultKind, FaultRules},
        format::cut,
        hook::Delivery,
        id::{PassId, PlanId, ScheduleId, ShareId},
        labels::LabelDraft,
        live::{Cursor, Snapshot},
        pass::{Account, AccountDraft, Pass, PassDraft},
        past::{Choices, Found, Query},
        picture::RunPicture,
        prefs::Lang,
        run::{Run, RunId},
        saved::SavedPlan,
        scenario::Scenario,
        service::ServiceStatus,
        share::{Closed, Share},
        trend,
        upload::{Upload, UploadDraft},
        validate::{Draft, Rules},
        zoom::ZoomDraft,
    },
};

use super::{Access, fields};
use crate::server::scripts::uploads::sha256;

/// A port that asks of each call whether its caller may make it.
///
/// What has no way to say no shows nothing to those who may not look; before that they are turned away at the door.
pub struct Guarded {
    inner: SharedControl,
    access: Access,
}

impl Guarded {
    /// Stands before a port.
    pub fn new(inner: SharedControl, access: Access) -> Self {
        Self { inner, access }
    }

    /// Whether the caller may make a call that changes nothing.
    fn may(&self, caller: &Caller, call: Call) -> Result<(), ApiError> {
        super::may(caller, call).inspect_err(|refused| self.access.note(caller, call, &"", Err(refused)))
    }

    /// What the caller sees by a call that has no way to say no: nothing, where they may not make it.
    async fn see<T: Default>(&self, caller: &Caller, call: Call, seen: impl Future<Output = T>) -> T {
        match self.may(caller, call) {
            Ok(()) => seen.await,
            Err(_) => T::default(),
        }
    }

    /// Makes a call that changes something, where the caller may, and has it written down.
    async fn act<T>(
        &self,
        caller: &Caller,
        call: Call,
        about: impl Display,
        made: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let outcome = match super::may(caller, call) {
            Ok(()) => made.await,
            Err(refused) => Err(refused),
        };
        self.access.note(caller, call, &about, outcome.as_ref().map(drop));
        outcome
    }
}

#[async_trait]
impl Runs for Guarded {
    async fn rules(&self, caller: &Caller) -> Rules {
        self.see(caller, Call::Watch, self.inner.rules(caller)).await
    }

    async fn settled_rules(&self, caller: &Caller) -> Rules {
        self.see(caller, Call::Watch, self.inner.settled_rules(caller)).await
    }

    async fn rules_for(&self, caller: &Caller, script: &str) -> Rules {
        self.see(caller, Call::Watch, self.inner.rules_for(caller, script)).await
    }

    async fn scenario(&self, caller: &Caller, draft: &Draft, load_s: u32) -> Result<Option<Scenario>, ApiError> {
        self.may(caller, Call::Watch)?;
        self.inner.scenario(caller, draft, load_s).await
    }

    async fn start(&self, caller: &Caller, draft: Draft) -> Result<Run, ApiError> {
        let plan = fields(&draft);
        self.act(caller, Call::Start, plan, self.inner.start(caller, draft)).await
    }

    async fn stop(&self, caller: &Caller) -> Result<Run, ApiError> {
        self.act(caller, Call::Stop, "", self.inner.stop(caller)).await
    }

    async fn add_load(&self, caller: &Caller, run: &RunId, draft: BurstDraft) -> Result<Burst, ApiError> {
        let about = format!("{run} {}", fields(&draft));
        self.act(caller, Call::AddLoad, about, self.inner.add_load(caller, run, draft)).await
    }

    async fn remove_load(&self, caller: &Caller, run: &RunId, instance: u32) -> Result<Burst, ApiError> {
        let about = format!("{run} {instance}");
        self.act(caller, Call::RemoveLoad, about, self.inner.remove_load(caller, run, instance)).await
    }

    async fn pull_image(&self, caller: &Caller) -> Result<(), ApiError> {
        self.act(caller, Call::PullImage, "", self.inner.pull_image(caller)).await
    }

    async fn find_runs(&self, caller: &Caller, query: Query) -> Result<Found, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.find_runs(caller, query).await
    }

    async fn trend(&self, caller: &Caller, target: &str) -> Result<Vec<trend::Point>, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.trend(caller, target).await
    }

    async fn run_choices(&self, caller: &Caller) -> Result<Choices, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.run_choices(caller).await
    }

    async fn verdicts(&self, caller: &Caller) -> Result<BTreeMap<String, u32>, ApiError> {
        self.may(caller, Call::Watch)?;
        self.inner.verdicts(caller).await
    }

    async fn run(&self, caller: &Caller, id: &RunId) -> Result<Run, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.run(caller, id).await
    }

    async fn label_run(&self, caller: &Caller, id: &RunId, draft: LabelDraft) -> Result<Run, ApiError> {
        self.act(caller, Call::LabelRun, id, self.inner.label_run(caller, id, draft)).await
    }

    async fn set_baseline(&self, caller: &Caller, id: &RunId, baseline: bool) -> Result<Run, ApiError> {
        let about = if baseline { id.to_string() } else { format!("{id} no longer") };
        self.act(caller, Call::SetBaseline, about, self.inner.set_baseline(caller, id, baseline)).await
    }

    async fn trash_run(&self, caller: &Caller, id: &RunId, trashed: bool) -> Result<Run, ApiError> {
        let about = if trashed { id.to_string() } else { format!("{id} back") };
        self.act(caller, Call::TrashRun, about, self.inner.trash_run(caller, id, trashed)).await
    }

    async fn log(&self, caller: &Caller, id: &RunId) -> Result<Vec<String>, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.log(caller, id).await
    }
}

#[async_trait]
impl Services for Guarded {
    async fn services(&self, caller: &Caller) -> Vec<ServiceStatus> {
        self.see(caller, Call::Watch, self.inner.services(caller)).await
    }

    async fn breakers(&self, caller: &Caller) -> Breakers {
        self.see(caller, Call::Watch, self.inner.breakers(caller)).await
    }
}

#[async_trait]
impl Faults for Guarded {
    async fn fault_rules(&self, caller: &Caller) -> FaultRules {
        self.see(caller, Call::Watch, self.inner.fault_rules(caller)).await
    }

    async fn faults(&self, caller: &Caller) -> Vec<Fault> {
        self.see(caller, Call::Watch, self.inner.faults(caller)).await
    }

    async fn fault_counts(&self, caller: &Caller) -> BTreeMap<(FaultKind, String), u64> {
        self.see(caller, Call::Watch, self.inner.fault_counts(caller)).await
    }

    async fn fault(&self, caller: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        self.may(caller, Call::Watch)?;
        self.inner.fault(caller, id).await
    }

    async fn set_fault(&self, caller: &Caller, draft: FaultDraft) -> Result<Fault, ApiError> {
        let about = fields(&draft);
        self.act(caller, Call::SetFault, about, self.inner.set_fault(caller, draft)).await
    }

    async fn restore_fault(&self, caller: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        self.act(caller, Call::RestoreFault, id, self.inner.restore_fault(caller, id)).await
    }

    async fn restore_all(&self, caller: &Caller) -> Result<Vec<Fault>, ApiError> {
        self.act(caller, Call::RestoreAll, "", self.inner.restore_all(caller)).await
    }
}

#[async_trait]
impl Plans for Guarded {
    async fn plans(&self, caller: &Caller) -> Result<Vec<SavedPlan>, ApiError> {
        self.may(caller, Call::ReadPlans)?;
        self.inner.plans(caller).await
    }

    async fn plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        self.may(caller, Call::ReadPlans)?;
        self.inner.plan(caller, id).await
    }

    async fn save_plan(&self, caller: &Caller, name: &str, draft: Draft, replace: bool) -> Result<SavedPlan, ApiError> {
        self.act(caller, Call::SavePlan, name, self.inner.save_plan(caller, name, draft, replace)).await
    }

    async fn rename_plan(&self, caller: &Caller, id: &PlanId, name: &str) -> Result<SavedPlan, ApiError> {
        let about = format!("{id} {name}");
        self.act(caller, Call::RenamePlan, about, self.inner.rename_plan(caller, id, name)).await
    }

    async fn delete_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        self.act(caller, Call::DeletePlan, id, self.inner.delete_plan(caller, id)).await
    }

    async fn restore_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        self.act(caller, Call::RestorePlan, id, self.inner.restore_plan(caller, id)).await
    }

    async fn start_plan(&self, caller: &Caller, id: &PlanId) -> Result<Run, ApiError> {
        let about = format!("plan {id}");
        self.act(caller, Call::Start, about, self.inner.start_plan(caller, id)).await
    }

    async fn plans_page(&self, caller: &Caller, query: &str, lang: Lang) -> String {
        self.see(caller, Call::ReadPlans, self.inner.plans_page(caller, query, lang)).await
    }
}

#[async_trait]
impl Agenda for Guarded {
    async fn schedules(&self, caller: &Caller) -> Result<Vec<ShownAppointment>, ApiError> {
        self.may(caller, Call::ReadPlans)?;
        self.inner.schedules(caller).await
    }

    async fn add_schedule(&self, caller: &Caller, draft: AppointmentDraft) -> Result<ShownAppointment, ApiError> {
        let about = fields(&draft);
        self.act(caller, Call::AddSchedule, about, self.inner.add_schedule(caller, draft)).await
    }

    async fn delete_schedule(&self, caller: &Caller, id: &ScheduleId) -> Result<(), ApiError> {
        self.act(caller, Call::DeleteSchedule, id, self.inner.delete_schedule(caller, id)).await
    }
}

#[async_trait]
impl Hooks for Guarded {
    async fn hooks(&self, caller: &Caller) -> Result<ShownHooks, ApiError> {
        self.may(caller, Call::ReadHooks)?;
        self.inner.hooks(caller).await
    }

    async fn test_hook(&self, caller: &Caller, name: &str) -> Result<Delivery, ApiError> {
        self.act(caller, Call::TestHook, name, self.inner.test_hook(caller, name)).await
    }
}

#[async_trait]
impl Sharing for Guarded {
    async fn shares(&self, caller: &Caller, run: &RunId) -> Result<Vec<Share>, ApiError> {
        self.may(caller, Call::ReadShares)?;
        self.inner.shares(caller, run).await
    }

    async fn share(&self, caller: &Caller, run: &RunId, lasts: &str) -> Result<(Share, String), ApiError> {
        self.act(caller, Call::Share, run, self.inner.share(caller, run, lasts)).await
    }

    async fn revoke_share(&self, caller: &Caller, run: &RunId, share: &ShareId) -> Result<Share, ApiError> {
        let about = format!("{run} {share}");
        self.act(caller, Call::RevokeShare, about, self.inner.revoke_share(caller, run, share)).await
    }

    /// What a token opens is for whoever has it.
    async fn shared(&self, token: &str) -> Result<Result<RunId, Closed>, ApiError> {
        self.inner.shared(token).await
    }
}

#[async_trait]
impl Emergency for Guarded {
    async fn emergency_stop(&self, caller: &Caller) -> Result<EmergencyStop, ApiError> {
        self.act(caller, Call::EmergencyStop, "", self.inner.emergency_stop(caller)).await
    }
}

#[async_trait]
impl Accounts for Guarded {
    async fn accounts(&self, caller: &Caller) -> Result<Vec<Account>, ApiError> {
        self.may(caller, Call::ReadAccess)?;
        self.inner.accounts(caller).await
    }

    async fn add_account(&self, caller: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        let about = format!("{} {}", draft.name, draft.role);
        self.act(caller, Call::AddAccount, about, self.inner.add_account(caller, draft)).await
    }

    async fn change_account(&self, caller: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        let password = if draft.password.is_empty() { "" } else { " password" };
        let about = format!("{} {}{password}", draft.name, draft.role);
        self.act(caller, Call::ChangeAccount, about, self.inner.change_account(caller, draft)).await
    }

    async fn delete_account(&self, caller: &Caller, name: &str) -> Result<Account, ApiError> {
        self.act(caller, Call::DeleteAccount, name, self.inner.delete_account(caller, name)).await
    }

    async fn passes(&self, caller: &Caller) -> Result<Vec<Pass>, ApiError> {
        self.may(caller, Call::ReadAccess)?;
        self.inner.passes(caller).await
    }

    async fn add_pass(&self, caller: &Caller, draft: PassDraft) -> Result<(Pass, String), ApiError> {
        let about = fields(&draft);
        self.act(caller, Call::AddPass, about, self.inner.add_pass(caller, draft)).await
    }

    async fn revoke_pass(&self, caller: &Caller, id: &PassId) -> Result<Pass, ApiError> {
        self.act(caller, Call::RevokePass, id, self.inner.revoke_pass(caller, id)).await
    }

    async fn audit(&self, caller: &Caller, search: Search) -> Result<Vec<Entry>, ApiError> {
        self.may(caller, Call::ReadAudit)?;
        self.inner.audit(caller, search).await
    }

    async fn access_page(&self, caller: &Caller, query: &str, lang: Lang) -> Result<String, ApiError> {
        self.may(caller, Call::ReadAccess)?;
        self.inner.access_page(caller, query, lang).await
    }
}

#[async_trait]
impl Uploads for Guarded {
    async fn upload_script(&self, caller: &Caller, draft: UploadDraft) -> Result<Upload, ApiError> {
        let about = format!("{} {}", cut(&draft.name, 100), sha256(&draft.script));
        self.act(caller, Call::UploadScript, about, self.inner.upload_script(caller, draft)).await
    }

    async fn delete_script(&self, caller: &Caller, name: &str) -> Result<Upload, ApiError> {
        let deleted = super::may(caller, Call::DeleteScript).map(|()| self.inner.delete_script(caller, name));
        let outcome = match deleted {
            Ok(deleted) => deleted.await,
            Err(refused) => Err(refused),
        };
        // What it was is known afterwards alone.
        let about = match &outcome {
            Ok(Upload { sha256, .. }) => format!("{name} {sha256}"),
            Err(_) => name.to_owned(),
        };
        self.access.note(caller, Call::DeleteScript, &about, outcome.as_ref().map(drop));
        outcome
    }
}

#[async_trait]
impl View for Guarded {
    async fn page_state(&self, caller: &Caller) -> PageState {
        self.see(caller, Call::Watch, self.inner.page_state(caller)).await
    }

    async fn snapshot(&self, caller: &Caller) -> Arc<Snapshot> {
        self.see(caller, Call::Watch, self.inner.snapshot(caller)).await
    }

    async fn brief(&self, caller: &Caller) -> Arc<Snapshot> {
        self.see(caller, Call::Watch, self.inner.brief(caller)).await
    }

    async fn picture(&self, caller: &Caller, id: &RunId) -> Result<RunPicture, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.picture(caller, id).await
    }

    async fn detail(&self, caller: &Caller, id: &RunId) -> Result<Option<Arc<Detail>>, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.detail(caller, id).await
    }

    async fn detail_page(&self, caller: &Caller, id: &RunId, order: Order, lang: Lang) -> Result<DetailPage, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.detail_page(caller, id, order, lang).await
    }

    async fn log_page(&self, caller: &Caller, id: &RunId, filter: &str, lang: Lang) -> Result<LogPage, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.log_page(caller, id, filter, lang).await
    }

    async fn report(&self, caller: &Caller, id: &RunId, zoom: &ZoomDraft, lang: Lang) -> Result<RunReport, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.report(caller, id, zoom, lang).await
    }

    async fn comparison(&self, caller: &Caller, ids: &[RunId], lang: Lang) -> Result<String, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.comparison(caller, ids, lang).await
    }

    async fn trend_page(&self, caller: &Caller, target: &str, lang: Lang) -> Result<String, ApiError> {
        self.may(caller, Call::ReadRuns)?;
        self.inner.trend_page(caller, target, lang).await
    }

    async fn events(&self, caller: &Caller) -> Vec<Event> {
        self.see(caller, Call::Watch, self.inner.events(caller)).await
    }

    /// Ends when the caller may no longer look.
    async fn live(&self, caller: &Caller, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        match self.may(caller, Call::Watch) {
            Ok(()) => self.inner.live(caller, resume).await.take_until(self.access.ended(caller)).boxed(),
            Err(_) => stream::empty().boxed(),
        }
    }
}
