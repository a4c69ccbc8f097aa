//! The routes over a scripted port, answer by answer.

#![allow(clippy::unwrap_used)]

mod chaos;
mod description;
mod exports;
pub mod fuzz;
mod hostile;
mod matrix;
mod oidc;
mod plans;
mod proxy;
mod schedules;
mod sharing;
mod uploads;
mod webhooks;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request},
};
use futures::stream::{BoxStream, StreamExt};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        page::{DetailPage, LogPage, PageState, RunReport},
        port::{
            Accounts, Agenda, Emergency, EmergencyStop, Faults, Hooks, Plans, Runs, Services, Sharing,
            ShownAppointment, ShownHooks, Uploads, View,
        },
    },
    domain::{
        access::Role,
        agenda::{Appointment, AppointmentDraft},
        audit,
        breaker::{Breaker, BreakerCalls, BreakerState, Breakers},
        burst::{Burst, BurstDraft, LoadRefusal, NoBurst},
        cost::FaultCost,
        detail::{Detail, Order},
        event::{Event, EventKind},
        fault::{
            Fault, FaultDraft, FaultEnd, FaultId, FaultKind, FaultLimits, FaultPlace, FaultRequest, FaultRules,
            FaultState, FaultTarget, admit,
        },
        frame::{Dimension, Frame, Metric, SeriesKey},
        hook::{self, Delivery, DeliveryState, HookEvent},
        id::{PassId, PlanId, ScheduleId, ShareId},
        labels::LabelDraft,
        labels::Labels,
        live::{Cursor, EngineStatus, MetricsStatus, MissingImage, Pull, Snapshot, Status},
        pass::{Account, AccountDraft, Pass, PassDraft},
        past::{Choices, Found, Gist, Query},
        picture::{Course, RunPicture},
        prefs::Lang,
        recent::Recent,
        run::{Run, RunState, Verdict},
        saved::{self, PlanRefusal, SavedPlan},
        scenario::{Offer, Scenario, ScenarioError, Step},
        script::{Script, ScriptKind},
        service::{Health, Service, ServiceStatus, Silence},
        share::{Closed, Share},
        upload::{Upload, UploadDraft, UploadField, UploadRefusal},
        validate::{self, Draft, Field, Limits, Rules},
        zoom::ZoomDraft,
    },
    planner::{self, Ask},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::server::{
    access::{Access, Guarded, Policy},
    agenda,
    config::{Flags, Login, Surroundings, Viewers},
    database::Database,
    journal::Journal,
    scripts::uploads::sha256,
    shares::Shares,
};

const NOW_MS: u64 = 1_700_000_000_000;

/// Remembers what it was asked for; answers as it is told.
#[derive(Default)]
struct Scripted {
    run: Mutex<Option<Run>>,
    drafts: Mutex<Vec<Draft>>,
    /// Who wanted a run started or stopped, or an image pulled.
    callers: Mutex<Vec<Caller>>,
    resumed: Mutex<Option<Cursor>>,
    without_values: AtomicBool,
    /// Whether the emergency stop does not get through.
    unreached: AtomicBool,
    /// Whether starts come too often.
    too_often: AtomicBool,
    /// The costly things that were asked for.
    asked: Mutex<Vec<&'static str>>,
    /// How often the run is on record when somebody looks at the runs.
    copies: Mutex<u32>,
    /// What every name and message says instead.
    said: Mutex<Option<String>>,
    /// What is wrong with the state folder.
    storage_problem: Mutex<String>,
    faults: Mutex<Vec<Fault>>,
    /// The run in detail.
    detail: Mutex<Option<Arc<Detail>>>,
    /// What faults cost.
    costs: Mutex<Vec<FaultCost>>,
    /// The services, where they are others than usual.
    services: Mutex<Vec<ServiceStatus>>,
    plans: Mutex<Vec<SavedPlan>>,
    /// What needs a database, once it is asked for.
    kept: OnceLock<(tempfile::TempDir, Database, agenda::Agenda, Journal)>,
    /// How long after the beginning it is.
    passed_ms: AtomicU64,
    /// Plans that were deleted.
    trash: Mutex<Vec<SavedPlan>>,
    /// Who is told what happens.
    hooks: Mutex<ShownHooks>,
    /// Who is let in.
    access: OnceLock<Access>,
    /// The scripts that were uploaded; `None`: that is switched off.
    uploads: Mutex<Option<Vec<Upload>>>,
}

/// Accounts and passes as they are in a real dashboard.
#[async_trait]
impl Accounts for Scripted {
    async fn accounts(&self, _: &Caller) -> Result<Vec<Account>, ApiError> {
        self.access().accounts().await
    }

    async fn add_account(&self, _: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        self.access().add_account(draft).await
    }

    async fn change_account(&self, _: &Caller, draft: AccountDraft) -> Result<Account, ApiError> {
        self.access().change_account(draft).await
    }

    async fn delete_account(&self, _: &Caller, name: &str) -> Result<Account, ApiError> {
        self.access().delete_account(name).await
    }

    async fn passes(&self, _: &Caller) -> Result<Vec<Pass>, ApiError> {
        self.access().passes().await
    }

    async fn add_pass(&self, _: &Caller, draft: PassDraft) -> Result<(Pass, String), ApiError> {
        self.access().add_pass(draft).await
    }

    async fn revoke_pass(&self, _: &Caller, id: &PassId) -> Result<Pass, ApiError> {
        self.access().revoke_pass(id).await
    }

    async fn audit(&self, _: &Caller, search: audit::Search) -> Result<Vec<audit::Entry>, ApiError> {
        self.access().audit(search).await
    }

    async fn access_page(&self, _: &Caller, query: &str, lang: Lang) -> Result<String, ApiError> {
        let uploads = self.uploads.lock().unwrap().clone();
        self.access().page(query, lang, uploads).await
    }
}

/// Scripts as they are where k6 refuses those that call themselves broken.
#[async_trait]
impl Uploads for Scripted {
    async fn upload_script(&self, _: &Caller, draft: UploadDraft) -> Result<Upload, ApiError> {
        let refused = |refusal| ApiError::UploadRefused { refusal };
        let mut uploads = self.uploads.lock().unwrap();
        let uploads = uploads.as_mut().ok_or(refused(UploadRefusal::Off))?;
        let asked = draft.validate().map_err(|errors| ApiError::InvalidUpload { errors })?;
        if asked.script.contains("broken") {
            let problem = validate::Problem::BrokenScript { message: "Line 1:1 <b>".into() };
            return Err(ApiError::InvalidUpload { errors: vec![problem.of(UploadField::Script, &asked.name)] });
        }
        if uploads.iter().any(|upload| upload.name == asked.name) && !asked.replace {
            return Err(refused(UploadRefusal::Exists));
        }
        uploads.retain(|upload| upload.name != asked.name);
        let (bytes, sha256) = (asked.script.len() as u32, sha256(asked.script.as_bytes()));
        let upload = Upload { name: asked.name, bytes, sha256, uploaded_ms: NOW_MS };
        uploads.push(upload.clone());
        Ok(upload)
    }

    async fn delete_script(&self, _: &Caller, name: &str) -> Result<Upload, ApiError> {
        let mut uploads = self.uploads.lock().unwrap();
        let uploads = uploads.as_mut().ok_or(ApiError::UploadRefused { refusal: UploadRefusal::Off })?;
        let found = uploads.iter().position(|upload| upload.name == name);
        let run = || self.run.lock().unwrap().clone().filter(|run| run.state.is_active() && run.plan.script == name);
        match (found, run()) {
            (None, _) => Err(ApiError::NotFound { what: format!("uploaded script {name:?}") }),
            (_, Some(run)) => Err(ApiError::UploadRefused { refusal: UploadRefusal::InUse { run: run.id } }),
            (Some(at), None) => Ok(uploads.remove(at)),
        }
    }
}

/// A scenario that kills a replica when the load is 20 s old.
fn failover(name: &str) -> Scenario {
    let fault = FaultRequest {
        kind: FaultKind::Kill,
        service: "product-service".into(),
        replica: Some("product-service-1".into()),
        intensity: None,
        duration_s: Some(15),
        even_last: false,
        hypothesis: None,
        guard: None,
    };
    Scenario { name: name.into(), description: name.into(), steps: vec![Step { at_s: 20, fault }] }
}

/// A breaker between checkout-service and `dependency`.
fn breaker(dependency: &str, state: Option<BreakerState>) -> Breaker {
    Breaker {
        service: "checkout-service".into(),
        replica: "checkout-service-1".into(),
        dependency: dependency.into(),
        state,
        failure_share: None,
        calls: BreakerCalls { success: 3, failure: 5, rejected: 7 },
        opened: 1,
        last_change_ms: Some(1_500),
    }
}

impl Scripted {
    fn status(&self) -> Status {
        let service = |name: &str, health| {
            let service = Service::new(name, "http://127.0.0.1:1");
            ServiceStatus { health, ..ServiceStatus::unknown(service, &[]) }
        };
        if let Some(said) = self.said.lock().unwrap().clone() {
            let down = Health::Down { reason: said.clone(), why: Silence::Other };
            return Status {
                run: self.run.lock().unwrap().clone(),
                faults: self.faults.lock().unwrap().clone(),
                costs: Vec::new(),
                services: vec![ServiceStatus {
                    health: down,
                    ..ServiceStatus::unknown(Service::new(said.clone(), format!("http://x/{said}")), &[])
                }],
                engine: EngineStatus {
                    name: said.clone(),
                    k6_version: Some(said.clone()),
                    note: said.clone(),
                    place: said.clone(),
                    why: None,
                    ready: false,
                    image: Some(MissingImage { name: said.clone(), pull: Pull::Failed { message: said.clone() } }),
                },
                metrics: MetricsStatus {
                    url: Some(format!("http://x/{said}")),
                    problem: said.clone(),
                    grafana: Some(format!("http://x/{said}")),
                    ..MetricsStatus::default()
                },
                storage_problem: said.clone(),
                breakers: Breakers { all: vec![breaker(&said, None)], triggered: 1 },
            };
        }
        Status {
            run: self.run.lock().unwrap().clone(),
            faults: self.faults.lock().unwrap().clone(),
            costs: self.costs.lock().unwrap().clone(),
            services: vec![
                service("product-service", Health::Up { latency_ms: 12.0 }),
                service("user-service", Health::Down { reason: "connection refused".into(), why: Silence::Refused }),
            ],
            engine: EngineStatus {
                name: "process".into(),
                k6_version: Some("v1.1.0".into()),
                note: "chosen".into(),
                ready: true,
                ..EngineStatus::default()
            },
            metrics: MetricsStatus { reachable: true, ..MetricsStatus::default() },
            storage_problem: self.storage_problem.lock().unwrap().clone(),
            breakers: Breakers { all: vec![breaker("user-service", Some(BreakerState::Open))], triggered: 1 },
        }
    }

    fn frame(&self) -> Frame {
        if self.without_values.load(Ordering::Relaxed) {
            return Frame { at_ms: NOW_MS, ..Frame::default() };
        }
        let values = [
            (SeriesKey::whole(Metric::Vus), 7.0),
            (SeriesKey::whole(Metric::RequestRate), 42.5),
            (SeriesKey::whole(Metric::P95), 0.2),
            (SeriesKey::part(Metric::Mean, Dimension::Service, "product-service"), 0.05),
            (SeriesKey::part(Metric::RequestRate, Dimension::Service, "product-service"), 42.5),
            (SeriesKey::part(Metric::Memory, Dimension::Process, "host"), 1e9),
        ];
        Frame { at_ms: NOW_MS, values: values.into(), ..Frame::default() }
    }

    fn events(&self) -> Vec<Event> {
        let event = |said: String| {
            let health = Health::Down { reason: said.clone(), why: Silence::Other };
            Event { at_ms: NOW_MS, kind: EventKind::Health { service: said, health } }
        };
        self.said.lock().unwrap().clone().into_iter().map(event).collect()
    }

    /// Lets every name and message say this.
    fn turn_hostile(&self, said: &str) {
        *self.said.lock().unwrap() = Some(said.into());
    }

    /// Puts the run at work into another state.
    fn turn(&self, state: RunState) {
        let mut run = self.run.lock().unwrap();
        let run = run.as_mut().unwrap();
        if matches!(state, RunState::Finished(_)) {
            run.ended_ms = Some(NOW_MS);
        }
        run.state = state;
    }
}

/// Plans as they are in a dashboard without a disk.
#[async_trait]
impl Plans for Scripted {
    async fn plans(&self, _: &Caller) -> Result<Vec<SavedPlan>, ApiError> {
        Ok(self.plans.lock().unwrap().clone())
    }

    async fn plan(&self, _: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let plans = self.plans.lock().unwrap();
        let found = plans.iter().find(|plan| plan.id == *id).cloned();
        found.ok_or(ApiError::NotFound { what: format!("plan {id}") })
    }

    async fn save_plan(&self, caller: &Caller, name: &str, draft: Draft, replace: bool) -> Result<SavedPlan, ApiError> {
        draft.validate(&self.rules(caller).await).map_err(|errors| ApiError::Invalid { errors })?;
        let name = saved::name(name).map_err(|refusal| ApiError::PlanRefused { refusal })?;
        let mut plans = self.plans.lock().unwrap();
        let known = plans.iter().position(|plan| plan.name == name);
        let id = PlanId::try_from(format!("plan-{}", known.unwrap_or(plans.len()) + 1)).unwrap();
        let plan = SavedPlan { id: id.clone(), name, draft, changed_ms: NOW_MS };
        match known {
            Some(_) if !replace => Err(ApiError::PlanRefused { refusal: PlanRefusal::NameTaken { by: id } }),
            Some(known) => {
                plans[known] = plan.clone();
                Ok(plan)
            }
            None => {
                plans.push(plan.clone());
                Ok(plan)
            }
        }
    }

    async fn rename_plan(&self, caller: &Caller, id: &PlanId, name: &str) -> Result<SavedPlan, ApiError> {
        let name = saved::name(name).map_err(|refusal| ApiError::PlanRefused { refusal })?;
        let renamed = SavedPlan { name, ..self.plan(caller, id).await? };
        self.plans.lock().unwrap().iter_mut().filter(|plan| plan.id == *id).for_each(|plan| *plan = renamed.clone());
        Ok(renamed)
    }

    async fn delete_plan(&self, caller: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let deleted = self.plan(caller, id).await?;
        self.plans.lock().unwrap().retain(|plan| plan.id != *id);
        self.trash.lock().unwrap().push(deleted.clone());
        Ok(deleted)
    }

    async fn restore_plan(&self, _: &Caller, id: &PlanId) -> Result<SavedPlan, ApiError> {
        let mut trash = self.trash.lock().unwrap();
        let Some(at) = trash.iter().position(|plan| plan.id == *id) else {
            return Err(ApiError::NotFound { what: format!("plan {id}") });
        };
        let plan = trash.remove(at);
        self.plans.lock().unwrap().push(plan.clone());
        Ok(plan)
    }

    async fn start_plan(&self, caller: &Caller, id: &PlanId) -> Result<Run, ApiError> {
        let plan = self.plan(caller, id).await?;
        self.start(caller, plan.draft).await
    }

    async fn plans_page(&self, caller: &Caller, query: &str, lang: Lang) -> String {
        let pairs = pairs(query);
        let ask = Ask::of_query(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let plans = self.plans.lock().unwrap().clone();
        let kept = Ok((plans, self.schedules(caller).await.unwrap()));
        let hooks = self.hooks(caller).await.unwrap();
        planner::inner_html(planner::Shown { kept, hooks, rules: self.rules(caller).await, ask }, lang)
    }
}

impl Scripted {
    /// A database, and the agenda in it.
    fn kept(&self) -> &(tempfile::TempDir, Database, agenda::Agenda, Journal) {
        self.kept.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let (database, journal) = (Database::open(folder.path()).unwrap(), Journal::default());
            let agenda = agenda::Agenda::new(database.clone(), journal.clone());
            (folder, database, agenda, journal)
        })
    }

    /// Nobody needs a login, unless it was set otherwise.
    fn access(&self) -> Access {
        let policy = Policy { login: Login::Auto, viewers: Viewers::Open, is_loopback: true };
        self.access_with(policy)
    }

    fn access_with(&self, policy: Policy) -> Access {
        self.access.get_or_init(|| Access::open(self.kept().1.clone(), policy).unwrap()).clone()
    }

    fn links(&self) -> Shares {
        Shares::new(self.kept().1.clone())
    }

    fn now_ms(&self) -> u64 {
        NOW_MS + self.passed_ms.load(Ordering::Relaxed)
    }

    async fn shown(&self, caller: &Caller, appointment: Appointment) -> ShownAppointment {
        let plan = self.plan(caller, &appointment.plan).await.ok().map(|plan| plan.name);
        let next = agenda::shown(&appointment, NOW_MS, 5);
        let last = appointment.last.as_ref().map(|last| agenda::on_clock(&appointment, last.due_ms));
        ShownAppointment { appointment, plan, next, last }
    }
}

#[async_trait]
impl Agenda for Scripted {
    async fn schedules(&self, caller: &Caller) -> Result<Vec<ShownAppointment>, ApiError> {
        let mut shown = Vec::new();
        for appointment in self.kept().2.all().await? {
            shown.push(self.shown(caller, appointment).await);
        }
        Ok(shown)
    }

    async fn add_schedule(&self, caller: &Caller, draft: AppointmentDraft) -> Result<ShownAppointment, ApiError> {
        let missing = |_| ApiError::NotFound { what: "plan".into() };
        let plan = self.plan(caller, &PlanId::try_from(draft.plan.clone()).map_err(missing)?).await?;
        let added = self.kept().2.add(plan.id, draft).await?;
        Ok(self.shown(caller, added).await)
    }

    async fn delete_schedule(&self, _: &Caller, id: &ScheduleId) -> Result<(), ApiError> {
        self.kept().2.delete(id).await
    }
}

#[async_trait]
impl Hooks for Scripted {
    async fn hooks(&self, _: &Caller) -> Result<ShownHooks, ApiError> {
        Ok(self.hooks.lock().unwrap().clone())
    }

    async fn test_hook(&self, _: &Caller, name: &str) -> Result<Delivery, ApiError> {
        let mut hooks = self.hooks.lock().unwrap();
        if !hooks.hooks.iter().any(|hook| hook.name == name) {
            return Err(ApiError::NotFound { what: format!("webhook {name}") });
        }
        let tested = Delivery {
            id: "msg_1".into(),
            hook: name.into(),
            event: HookEvent::Test,
            at_ms: NOW_MS,
            state: DeliveryState::Delivered,
            tries: 1,
            due_ms: None,
            tried_ms: Some(NOW_MS),
            answer: Some(hook::Answer::Status { status: 204, retry_after_s: None }),
        };
        hooks.deliveries.insert(0, tested.clone());
        Ok(tested)
    }
}

#[async_trait]
impl Sharing for Scripted {
    async fn shares(&self, caller: &Caller, run: &RunId) -> Result<Vec<Share>, ApiError> {
        self.run(caller, run).await?;
        self.links().of(run, self.now_ms()).await
    }

    async fn share(&self, caller: &Caller, run: &RunId, lasts: &str) -> Result<(Share, String), ApiError> {
        self.links().add(&self.run(caller, run).await?, lasts, self.now_ms()).await
    }

    async fn revoke_share(&self, _: &Caller, run: &RunId, share: &ShareId) -> Result<Share, ApiError> {
        self.links().revoke(run, share, self.now_ms()).await
    }

    async fn shared(&self, token: &str) -> Result<Result<RunId, Closed>, ApiError> {
        self.links().find(token, self.now_ms()).await
    }
}

#[async_trait]
impl View for Scripted {
    async fn page_state(&self, caller: &Caller) -> PageState {
        let (recent, rules) = (Recent::default(), self.rules(caller).await);
        PageState { now_ms: NOW_MS, status: self.status(), frame: self.frame(), recent, rules }
    }

    async fn snapshot(&self, _: &Caller) -> Arc<Snapshot> {
        self.asked.lock().unwrap().push("snapshot");
        let (status, frame) = (self.status(), self.frame());
        let events = self.events();
        Arc::new(Snapshot { now_ms: NOW_MS, status, frame, events, ..Snapshot::default() })
    }

    async fn brief(&self, _: &Caller) -> Arc<Snapshot> {
        let (status, frame) = (self.status(), self.frame());
        Arc::new(Snapshot { now_ms: NOW_MS, status, frame, ..Snapshot::default() })
    }

    async fn picture(&self, caller: &Caller, id: &RunId) -> Result<RunPicture, ApiError> {
        let run = self.run(caller, id).await?;
        let detail = self.detail.lock().unwrap().clone();
        Ok(RunPicture { run, snapshot: self.snapshot(caller).await, course: Course::Known, detail })
    }

    async fn detail(&self, caller: &Caller, id: &RunId) -> Result<Option<Arc<Detail>>, ApiError> {
        self.run(caller, id).await.map(|_| self.detail.lock().unwrap().clone())
    }

    async fn detail_page(&self, caller: &Caller, id: &RunId, order: Order, lang: Lang) -> Result<DetailPage, ApiError> {
        let run = self.run(caller, id).await?;
        let detail = self.detail.lock().unwrap().clone();
        Ok(ha_dashboard::report::detail_page(&run, detail.as_deref(), order, lang))
    }

    async fn log_page(&self, caller: &Caller, id: &RunId, filter: &str, lang: Lang) -> Result<LogPage, ApiError> {
        let lines = self.log(caller, id).await?;
        Ok(ha_dashboard::report::log_page(1, &lines, filter, false, lang))
    }

    async fn report(&self, caller: &Caller, id: &RunId, zoom: &ZoomDraft, lang: Lang) -> Result<RunReport, ApiError> {
        let (picture, log) = (self.picture(caller, id).await?, self.log(caller, id).await?);
        let html = match picture.run.state.is_active() {
            true => ha_dashboard::report::log_html(&log, lang),
            false => {
                let shares = self.links().of(id, self.now_ms()).await?;
                let files = ha_dashboard::report::files_html(id, lang);
                files
                    + &ha_dashboard::report::shares_html(id, &shares, lang)
                    + &ha_dashboard::report::inner_html(&picture, &log, zoom, lang)
            }
        };
        let note = ha_dashboard::report::note_html(&picture.run.labels.note);
        Ok(RunReport { run: picture.run, html, note, reading: false })
    }

    async fn comparison(&self, caller: &Caller, ids: &[RunId], lang: Lang) -> Result<String, ApiError> {
        let mut columns = Vec::new();
        for id in ids {
            let picture = self.picture(caller, id).await?;
            let (history, detail) = (picture.snapshot.history.clone(), picture.detail);
            columns.push(ha_dashboard::report::Column { run: picture.run, history, detail });
        }
        Ok(ha_dashboard::report::comparison_html(&columns, lang))
    }

    async fn trend_page(&self, caller: &Caller, target: &str, lang: Lang) -> Result<String, ApiError> {
        Ok(ha_dashboard::report::trend_html(&self.trend(caller, target).await?, &[], lang))
    }

    async fn events(&self, _: &Caller) -> Vec<Event> {
        self.events()
    }

    async fn live(&self, _: &Caller, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
        *self.resumed.lock().unwrap() = resume;
        futures::stream::iter([Bytes::from_static(b"id: 1-1\ndata: {}\n\n")]).boxed()
    }
}

#[async_trait]
impl Services for Scripted {
    async fn services(&self, _: &Caller) -> Vec<ServiceStatus> {
        match self.services.lock().unwrap().clone() {
            others if !others.is_empty() => others,
            _ => self.status().services,
        }
    }

    async fn breakers(&self, _: &Caller) -> Breakers {
        self.status().breakers
    }
}

#[async_trait]
impl Emergency for Scripted {
    async fn emergency_stop(&self, caller: &Caller) -> Result<EmergencyStop, ApiError> {
        let run = self.stop(caller).await.ok().map(|run| run.id);
        let faults = self.restore_all(caller).await?;
        let problems = self.unreached.load(Ordering::Relaxed).then(|| "no answer".to_owned());
        Ok(EmergencyStop { run, leftovers: 1, faults, problems: problems.into_iter().collect() })
    }
}

#[async_trait]
impl Faults for Scripted {
    async fn fault_rules(&self, _: &Caller) -> FaultRules {
        let kinds = vec![FaultKind::Kill, FaultKind::Restart, FaultKind::Cut, FaultKind::Latency, FaultKind::Cpu];
        let place = |name: &str| FaultPlace { name: name.into(), kinds: kinds.clone() };
        let replicas = vec![place("product-service-1"), place("product-service-2")];
        let targets = vec![FaultTarget { service: "product-service".into(), replicas }];
        FaultRules { targets, limits: FaultLimits::default() }
    }

    async fn faults(&self, _: &Caller) -> Vec<Fault> {
        self.faults.lock().unwrap().clone()
    }

    async fn fault_counts(&self, caller: &Caller) -> BTreeMap<(FaultKind, String), u64> {
        let mut counts = BTreeMap::new();
        for Fault { request, .. } in self.faults(caller).await {
            *counts.entry((request.kind, request.service)).or_default() += 1;
        }
        counts
    }

    async fn fault(&self, caller: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        let found = self.faults(caller).await.into_iter().find(|fault| fault.id == *id);
        found.ok_or_else(|| ApiError::NotFound { what: format!("fault {id}") })
    }

    async fn set_fault(&self, caller: &Caller, draft: FaultDraft) -> Result<Fault, ApiError> {
        let rules = self.fault_rules(caller).await;
        let request = draft.validate(&rules).map_err(|errors| ApiError::InvalidFault { errors })?;
        let mut faults = self.faults.lock().unwrap();
        let replicas =
            admit(&request, &rules, &faults, &|_| false).map_err(|refusal| ApiError::FaultRefused { refusal })?;
        let fault = Fault {
            id: format!("fault-{}", faults.len() + 1).parse().unwrap(),
            replicas,
            of_replicas: 2,
            state: FaultState::Active,
            asked_ms: NOW_MS,
            set_at_ms: Some(NOW_MS),
            until_ms: u64::MAX,
            restored_at_ms: None,
            healthy_again_ms: None,
            by: caller.correlation_id.clone(),
            request,
        };
        faults.insert(0, fault.clone());
        Ok(fault)
    }

    async fn restore_fault(&self, _: &Caller, id: &FaultId) -> Result<Fault, ApiError> {
        let mut faults = self.faults.lock().unwrap();
        let found = faults.iter_mut().find(|fault| fault.id == *id);
        let fault = found.ok_or_else(|| ApiError::NotFound { what: format!("fault {id}") })?;
        if !fault.state.is_on() {
            return Err(ApiError::FaultOver { fault: id.clone() });
        }
        fault.state = FaultState::Restored { why: FaultEnd::Asked };
        Ok(fault.clone())
    }

    async fn restore_all(&self, caller: &Caller) -> Result<Vec<Fault>, ApiError> {
        let on = self.faults(caller).await.into_iter().filter(|fault| fault.state.is_on());
        let mut restored = Vec::new();
        for fault in on.collect::<Vec<_>>() {
            restored.extend(self.restore_fault(caller, &fault.id).await);
        }
        Ok(restored)
    }
}

#[async_trait]
impl Runs for Scripted {
    async fn rules(&self, _: &Caller) -> Rules {
        self.asked.lock().unwrap().push("rules");
        let script = |name: &str| Script { name: name.into(), kind: ScriptKind::Scheduled };
        let own = |name: &str| Script {
            name: name.into(),
            kind: ScriptKind::Own {
                executors: vec![],
                duration_s: Some(60),
                end: Default::default(),
                max_vus: 3,
                thresholds: vec![],
            },
        };
        if let Some(said) = self.said.lock().unwrap().clone() {
            let own = ScriptKind::Own {
                executors: vec![said.clone()],
                duration_s: Some(60),
                end: Default::default(),
                max_vus: 3,
                thresholds: vec![said.clone()],
            };
            let broken = ScriptKind::Broken { message: said.clone() };
            return Rules {
                limits: Limits { max_vus: 200, max_rate: 1000, max_duration_s: 3600 },
                services: vec![said.clone()],
                scripts: vec![
                    Script { name: said.clone(), kind: broken },
                    Script { name: format!("{said}.js"), kind: own },
                ],
                scenarios: vec![
                    Offer { file: said.clone(), scenario: Ok(failover(&said)) },
                    Offer {
                        file: format!("{said}.yaml"),
                        scenario: Err(vec![ScenarioError::unreadable(&said, Some((2, 3)))]),
                    },
                ],
            };
        }
        Rules {
            limits: Limits { max_vus: 200, max_rate: 1000, max_duration_s: 3600 },
            services: vec!["product-service".into(), "user-service".into()],
            scripts: vec![script("api-load-test.js"), own("own-options.js"), script("shop-journey.js")],
            scenarios: vec![Offer { file: "failover.yaml".into(), scenario: Ok(failover("Failover")) }],
        }
    }

    async fn scenario(&self, _: &Caller, draft: &Draft, _: u32) -> Result<Option<Scenario>, ApiError> {
        match (draft.scenario.as_str(), draft.scenario_text.as_str()) {
            ("", "") => Ok(None),
            (_, "") => Ok(Some(failover("Failover"))),
            (_, text) => Err(ApiError::InvalidScenario { errors: vec![ScenarioError::unreadable(text, Some((2, 3)))] }),
        }
    }

    async fn add_load(&self, caller: &Caller, run: &RunId, draft: BurstDraft) -> Result<Burst, ApiError> {
        let rules = self.rules(caller).await;
        let mut slot = self.run.lock().unwrap();
        let at_work = slot.as_mut().filter(|at_work| at_work.id == *run);
        let at_work = at_work.ok_or_else(|| ApiError::NotFound { what: format!("run {run}") })?;
        let admitted = draft.admit(at_work, &rules, NOW_MS).map_err(|no| match no {
            NoBurst::Invalid(errors) => ApiError::InvalidLoad { errors },
            NoBurst::Refused(refusal) => ApiError::LoadRefused { refusal },
        })?;
        let burst = Burst::new(admitted, at_work.bursts.len() as u32 + 2, NOW_MS);
        at_work.bursts.push(burst.clone());
        Ok(burst)
    }

    async fn remove_load(&self, _: &Caller, run: &RunId, instance: u32) -> Result<Burst, ApiError> {
        let mut slot = self.run.lock().unwrap();
        let burst = slot
            .as_mut()
            .filter(|at_work| at_work.id == *run)
            .and_then(|at_work| at_work.bursts.iter_mut().find(|burst| burst.instance == instance));
        let burst = burst.ok_or_else(|| ApiError::NotFound { what: format!("added load {instance} of run {run}") })?;
        if burst.removing {
            return Err(ApiError::LoadRefused { refusal: LoadRefusal::BurstOver });
        }
        burst.removing = true;
        Ok(burst.clone())
    }

    async fn start(&self, caller: &Caller, draft: Draft) -> Result<Run, ApiError> {
        self.callers.lock().unwrap().push(caller.clone());
        self.drafts.lock().unwrap().push(draft.clone());
        if self.too_often.load(Ordering::Relaxed) {
            return Err(ApiError::TooOften { wait_s: 7 });
        }
        let plan = draft.validate(&self.rules(caller).await).map_err(|errors| ApiError::Invalid { errors })?;
        let scenario = self.scenario(caller, &draft, plan.shape.duration_s()).await?;
        let mut slot = self.run.lock().unwrap();
        if let Some(run) = slot.as_ref().filter(|run| run.state.is_active()) {
            return Err(ApiError::AlreadyRunning { running: run.id.clone() });
        }
        let run = Run {
            id: "run-1".parse().unwrap(),
            schedule: plan.schedule(),
            plan,
            state: RunState::Running,
            created_ms: NOW_MS - 31_000,
            started_ms: Some(NOW_MS - 30_000),
            ended_ms: None,
            deadline_ms: NOW_MS + 90_000,
            totals: None,
            scenario,
            so_far: Vec::new(),
            stop_problem: None,
            labels: Labels::default(),
            bursts: Vec::new(),
            origin: Default::default(),
            criteria: Vec::new(),
            regressions: vec![],
            thresholds: Vec::new(),
            correlation_id: caller.correlation_id.clone(),
        };
        *slot = Some(run.clone());
        Ok(run)
    }

    async fn stop(&self, caller: &Caller) -> Result<Run, ApiError> {
        self.callers.lock().unwrap().push(caller.clone());
        let mut slot = self.run.lock().unwrap();
        let run = slot.as_mut().filter(|run| run.state.is_active()).ok_or(ApiError::NotRunning)?;
        run.state = RunState::Stopping;
        Ok(run.clone())
    }

    async fn pull_image(&self, caller: &Caller) -> Result<(), ApiError> {
        self.callers.lock().unwrap().push(caller.clone());
        Err(ApiError::Unavailable { what: "there is nothing to pull".into() })
    }

    async fn find_runs(&self, _: &Caller, query: Query) -> Result<Found, ApiError> {
        let run = self.run.lock().unwrap().clone();
        let copies = (*self.copies.lock().unwrap()).max(1);
        let copy = |run: &Run, number| Run { id: format!("run-{}", copies - number).parse().unwrap(), ..run.clone() };
        let runs = run.iter().flat_map(|run| (0..copies).map(|number| (copy(run, number), Gist::default())));
        Ok(Found { runs: runs.take(query.most as usize).collect(), found: copies })
    }

    async fn run_choices(&self, _: &Caller) -> Result<Choices, ApiError> {
        self.asked.lock().unwrap().push("choices");
        Ok(Choices::default())
    }

    async fn verdicts(&self, _: &Caller) -> Result<BTreeMap<String, u32>, ApiError> {
        let run = self.run.lock().unwrap().clone();
        let over = run.and_then(|run| match run.state {
            RunState::Finished(verdict) => Some((verdict.name().to_owned(), *self.copies.lock().unwrap())),
            _ => None,
        });
        Ok(over.into_iter().collect())
    }

    async fn label_run(&self, caller: &Caller, id: &RunId, draft: LabelDraft) -> Result<Run, ApiError> {
        let run = self.run(caller, id).await?;
        let labels = draft.apply(&run.labels).map_err(|errors| ApiError::InvalidLabels { errors })?;
        Ok(Run { labels, ..run })
    }

    async fn set_baseline(&self, caller: &Caller, id: &RunId, baseline: bool) -> Result<Run, ApiError> {
        let run = self.run(caller, id).await?;
        Ok(Run { labels: Labels { baseline, ..run.labels }, ..run })
    }

    async fn trash_run(&self, caller: &Caller, id: &RunId, trashed: bool) -> Result<Run, ApiError> {
        let run = self.run(caller, id).await?;
        match run.state.is_active() {
            true => Err(ApiError::AlreadyRunning { running: id.clone() }),
            false => Ok(Run { labels: Labels { trashed_ms: trashed.then_some(NOW_MS), ..run.labels }, ..run }),
        }
    }

    async fn run(&self, _: &Caller, id: &RunId) -> Result<Run, ApiError> {
        let run = self.run.lock().unwrap().clone().filter(|run| run.id == *id);
        run.ok_or_else(|| ApiError::NotFound { what: format!("run {id}") })
    }

    async fn log(&self, caller: &Caller, id: &RunId) -> Result<Vec<String>, ApiError> {
        // A file is read here, and whoever asked goes on meanwhile.
        tokio::fs::metadata(".").await.unwrap();
        let said = self.said.lock().unwrap().clone();
        self.run(caller, id).await.map(|_| vec![said.unwrap_or_else(|| "a line".into())])
    }
}

/// The whole router over a scripted control.
struct Server {
    router: Router,
    control: Arc<Scripted>,
    settings: Arc<Settings>,
    dir: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

const START: &str = "/api/v1/analytics/load-test/start";
const FAULTS: &str = "/api/v1/faults";
const STOP: &str = "/api/v1/analytics/load-test/stop";
const STATUS: &str = "/api/v1/analytics/load-test/status";

impl Server {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(variables: &[(&str, &str)]) -> Self {
        Self::with_policy(variables, Policy { login: Login::Auto, viewers: Viewers::Open, is_loopback: true })
    }

    fn with_policy(variables: &[(&str, &str)], policy: Policy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let surroundings = Surroundings { variables, dir: dir.path().into(), ..Surroundings::default() };
        let settings = Arc::new(Settings::load(&Flags::default(), &surroundings).unwrap());
        let control = Arc::new(Scripted::default());
        let access = control.access_with(policy);
        let shared: SharedControl = Arc::new(Guarded::new(Arc::<Scripted>::clone(&control), access.clone()));
        let pages = ha_dashboard::web::router(crate::server::leptos_options(&settings), Arc::clone(&shared));
        let state = HttpState {
            control: shared,
            access,
            provider: settings.oidc.clone().map(|oidc| Arc::new(Provider::new(oidc))),
            settings: Arc::clone(&settings),
            shutdown: Shutdown::default(),
            experiments: Default::default(),
            viewers: listen::Room::of(100, 2),
        };
        Self { router: router(state, pages), control, settings, dir }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        parts.headers.entry("host").or_insert("127.0.0.1:3000".parse().unwrap());
        let response = self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn patch(&self, path: &str, body: String) -> Answer {
        let request = Request::patch(path).header("content-type", "application/json").body(Body::from(body));
        self.send(request.unwrap()).await
    }

    async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).header("content-type", kind).body(body.into()).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    async fn start(&self, body: Value) -> Answer {
        self.post(START, "application/json", body.to_string()).await
    }

    fn last_draft(&self) -> Draft {
        self.control.drafts.lock().unwrap().last().cloned().unwrap()
    }
}

#[tokio::test]
async fn start_answers_as_its_callers_expect() {
    let server = Server::new();
    let body = json!({ "duration": 60, "rps": 20, "target": "product-service", "test_type": "spike", "colour": "red" });
    let request = Request::post(START).header("content-type", "application/json").header("x-correlation-id", "abc");
    let answer = server.send(request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-correlation-id"), "abc");
    let expected = json!({
        "success": true,
        "status": "started",
        "test_id": "run-1",
        "message": "Load test run-1 started against product-service",
        "configuration": {
            "duration": 60,
            "target_vus": 20,
            "target_service": "product-service",
            "test_type": "spike",
            "script_file": "api-load-test.js",
            "model": "vus",
            "target_rate": null,
        },
        "expected_duration": 60,
        "ignored": ["colour"],
        "correlation_id": "abc",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn start_reads_every_way_to_ask() {
    let draft = |peak: &str, pattern: &str| Draft {
        script: "api-load-test.js".into(),
        target: "all-services".into(),
        pattern: pattern.into(),
        model: "vus".into(),
        peak: peak.into(),
        duration: "60".into(),
        ..Draft::default()
    };
    let cases = [
        (json!({ "duration": 60, "rps": 5 }), draft("5", "load")),
        (json!({ "duration": 60.0, "rps": 5, "target_vus": 6, "test_type": "baseline" }), draft("6", "load")),
        (json!({ "duration": "60", "target_vus": "5", "test_type": "stress" }), draft("5", "stress")),
        (json!({ "duration": 60, "rps": 5, "test_type": "api" }), draft("5", "load")),
        (json!({ "duration": 60, "rps": 5, "test_type": "breakpoint" }), draft("5", "breakpoint")),
        (
            json!({ "duration": 60, "rps": 5, "model": "arrival-rate", "pre_allocated_vus": 2, "max_vus": 9, "ramp": "10s",
                    "script": "shop-journey.js", "thresholds": ["checks:rate>0.9", "http_reqs:count>1"],
                    "stop_when": ["p95 over 2 s for 15 s", "cpu > 90 % for 15 s"], "regression": ["p95 10 %"] }),
            Draft {
                script: "shop-journey.js".into(),
                model: "arrival-rate".into(),
                pre_allocated_vus: "2".into(),
                max_vus: "9".into(),
                ramp: "10s".into(),
                thresholds: "checks:rate>0.9\nhttp_reqs:count>1".into(),
                stop_when: "p95 over 2 s for 15 s\ncpu > 90 % for 15 s".into(),
                regression: "p95 10 %".into(),
                ..draft("5", "load")
            },
        ),
    ];
    for (body, expected) in cases {
        let server = Server::new();
        let answer = server.start(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.json());
        assert_eq!(server.last_draft(), expected, "{body}");
    }
}

#[tokio::test]
async fn scenarios_are_listed_started_by_name_or_whole_and_refused_step_by_step() {
    let server = Server::new();
    let listed = server.get("/api/v1/scenarios").await.json();
    let expected = json!([{
        "file": "failover.yaml", "name": "Failover", "description": "Failover",
        "steps": [{ "at_s": 20, "fault": {
            "kind": "kill", "service": "product-service", "replica": "product-service-1", "duration_s": 15, "even_last": false,
        } }],
    }]);
    assert_eq!(listed["scenarios"], expected);

    let start = async |scenario: Value| server.start(json!({ "duration": 60, "rps": 5, "scenario": scenario })).await;
    let told = start(json!("failover.yaml")).await.json();
    assert_eq!(told["configuration"]["scenario"], "Failover");
    assert_eq!(server.get(STATUS).await.json()["configuration"]["scenario"], "Failover");
    assert_eq!(server.get("/api/v1/runs/run-1").await.json()["run"]["scenario"]["steps"], expected[0]["steps"]);

    let refused = start(json!("none.yaml")).await;
    assert_eq!(refused.status, 422);
    let field = refused.json()["errors"][0].clone();
    assert_eq!((&field["field"], &field["allowed"]), (&json!("scenario"), &json!(["failover.yaml"])));
    for (whole, text) in [(json!({ "steps": [] }), r#"{"steps":[]}"#), (json!("steps:\n- at: 5"), "steps:\n- at: 5")] {
        let refused = start(whole).await;
        assert_eq!(server.last_draft().scenario_text, text);
        let told = refused.json();
        assert_eq!((refused.status, &told["code"]), (422, &json!("invalid_scenario")));
        let place = ["line", "column"].map(|key| told["steps"][0][key].clone());
        assert_eq!(place, [json!(2), json!(3)], "{told}");
    }
    for wrong in [json!(5), json!(["failover.yaml"]), json!(true)] {
        assert_eq!(start(wrong).await.status, 400);
    }
}

#[tokio::test]
async fn refused_fields_are_named_one_by_one() {
    let server = Server::new();
    for (field, value) in [
        ("rps", json!(0)),
        ("rps", json!(-1)),
        ("rps", json!(1e9)),
        ("rps", json!(2.5)),
        ("rps", json!("ten")),
        ("target_vus", json!(0)),
        ("duration", json!(0)),
        ("duration", json!(2_592_000)),
        ("target", json!("nobody")),
        ("target", json!("http://evil.example")),
        ("script", json!("../../etc/passwd")),
        ("test_type", json!("\"}{<b>")),
        ("model", json!("open")),
        ("thresholds", json!(["up{job=\"x\"}"])),
        ("stop_when", json!(["p95 < 2 s for 15 s"])),
        ("regression", json!(["p95 10"])),
    ] {
        let mut body = json!({ "duration": 60, "rps": 5, "target": "product-service" });
        body[field] = value.clone();
        let answer = server.start(body).await;
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (422, Some("invalid")), "{field} {value}: {told}");
        assert_eq!(told["success"], false);
        assert_eq!(told["correlation_id"], answer.header("x-correlation-id"));
        let errors = told["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{told}");
        assert_eq!(errors[0]["field"], field);
        assert!(errors[0]["problem"].is_string() && errors[0]["value"].is_string(), "{told}");
        let message = errors[0]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{field}: ")), "{told}");
        assert_eq!(told["error"], message);
    }
    for (body, field) in [
        (json!({ "duration": 60 }), "target_vus"),
        (json!({ "duration": 60, "target_vus": 0 }), "target_vus"),
        (json!({ "duration": 60, "target_vus": 0, "rps": 3 }), "target_vus"),
        (json!({ "duration": 60, "model": "arrival-rate" }), "rps"),
        (json!({ "duration": 60, "model": "arrival-rate", "target_vus": 0 }), "target_vus"),
    ] {
        let told = server.start(body.clone()).await.json();
        assert_eq!(told["errors"][0]["field"], field, "{body}: {told}");
        assert_eq!(told["errors"].as_array().unwrap().len(), 1, "{told}");
    }
    let told = server.start(json!({ "duration": 60, "target_vus": 5, "test_type": "nonsense" })).await.json();
    let allowed = json!(["baseline", "spike", "stress", "api", "smoke", "load", "soak", "breakpoint"]);
    assert_eq!(told["errors"][0]["allowed"], allowed);
    for test_type in allowed.as_array().unwrap() {
        let server = Server::new();
        let answer = server.start(json!({ "duration": 60, "target_vus": 5, "test_type": test_type })).await;
        assert_eq!(answer.status, 200, "{test_type}");
    }
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_allowed() {
    let server = Server::new();
    let json = "application/json";
    let cases = [
        (json, "{", 400, "bad_request", "not JSON"),
        (json, "", 400, "bad_request", "not JSON"),
        (json, "[1]", 400, "bad_request", "a JSON object"),
        (json, r#"{"duration": {}, "rps": 5}"#, 400, "bad_request", "duration: {} is not allowed"),
        (json, r#"{"duration": 60, "rps": true}"#, 400, "bad_request", "rps: true is not allowed"),
        (json, r#"{"duration": 60, "rps": 1, "thresholds": [1]}"#, 400, "bad_request", "thresholds: 1 is not allowed"),
        (json, r#"{"duration": 60, "rps": 1, "stop_when": 5}"#, 400, "bad_request", "stop_when: 5 is not allowed"),
        ("text/plain", "{}", 415, "unsupported_media_type", "application/json"),
        ("", "{}", 415, "unsupported_media_type", "application/json"),
    ];
    for (kind, body, status, code, part) in cases {
        let answer = server.post(START, kind, body).await;
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (status, Some(code)), "{body}");
        assert!(told["error"].as_str().unwrap().contains(part), "{told}");
        assert!(told["correlation_id"].is_string() && told["success"] == false);
    }
    assert!(server.control.drafts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn large_bodies_are_refused_everywhere() {
    let server = Server::new();
    let large = vec![b' '; 10_000_000];
    for path in [START, STOP, "/start", "/fn/start"] {
        let request =
            Request::post(path).header("content-type", "application/json").header("content-length", large.len());
        let answer = server.send(request.body(Body::from(large.clone())).unwrap()).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")), "{path}");
    }
    // Without a length the bytes are counted.
    let chunks = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]))));
    let answer = server.post(START, "application/json", Body::from_stream(chunks)).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")));
}

#[tokio::test]
async fn a_second_start_names_the_run_at_work() {
    let server = Server::new();
    let body = json!({ "duration": 60, "rps": 5 });
    assert_eq!(server.start(body.clone()).await.status, 200);
    let answer = server.start(body).await;
    let told = answer.json();
    assert_eq!((answer.status, &told["code"], &told["running"]), (409, &json!("already_running"), &json!("run-1")));
}

#[tokio::test]
async fn stop_answers_and_refuses() {
    let server = Server::new();
    let answer = server.post(STOP, "application/json", "").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("not_running")));
    server.start(json!({ "duration": 60, "rps": 5 })).await;
    let answer = server.send(Request::post(STOP).body(Body::empty()).unwrap()).await;
    let told = answer.json();
    assert_eq!(answer.status, 200);
    let expected = json!({
        "success": true,
        "status": "stopped",
        "test_id": "run-1",
        "message": "Load test run-1 is told to stop",
        "correlation_id": answer.header("x-correlation-id"),
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_emergency_stop_says_what_it_came_to_at_every_door() {
    let server = Server::new();
    let stop = async || server.post("/api/v1/emergency-stop", "application/json", "").await;
    let nothing = stop().await.json();
    assert_eq!(
        (&nothing["success"], &nothing["complete"], &nothing["run"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    server.start(json!({ "duration": 60, "rps": 5 })).await;
    let stopped = stop().await.json();
    assert_eq!((stopped["run"].as_str(), stopped["leftovers"].as_u64()), (Some("run-1"), Some(1)));

    let form = async || {
        let answer = server.post("/emergency-stop?back=/faults", "application/x-www-form-urlencoded", "").await;
        (answer.status, answer.header("location").to_owned())
    };
    assert_eq!(form().await, (303, "/faults".into()));
    let function = async || {
        let answer = server.post("/fn/emergency_stop", "application/x-www-form-urlencoded", "").await;
        (answer.status, answer.json())
    };
    assert_eq!(function().await, (200, json!(true)));
    server.control.unreached.store(true, Ordering::Relaxed);
    assert_eq!(form().await, (303, "/load?error=stop_incomplete".into()));
    assert_eq!(function().await, (200, json!(false)));
    let stopped = stop().await.json();
    assert_eq!((&stopped["complete"], &stopped["problems"]), (&json!(false), &json!(["no answer"])));
    let page = String::from_utf8(server.get("/load?error=stop_incomplete").await.body.to_vec()).unwrap();
    assert!(page.contains("The emergency stop is under way") && page.contains("action=\"/emergency-stop?back=/load\""));
}

#[tokio::test]
async fn faults_are_set_named_refused_and_restored() {
    let server = Server::new();
    let set = async |body: Value| server.post(FAULTS, "application/json", body.to_string()).await;
    let told =
        set(json!({ "kind": "latency", "replica": "product-service-1", "intensity": 7, "duration": "1m30s" })).await;
    assert_eq!(told.status, 200, "{:?}", told.json());
    let told = told.json();
    assert_eq!(
        told["fault"]["request"],
        json!({
            "kind": "latency", "service": "product-service", "replica": "product-service-1", "intensity": 7, "duration_s": 90,
            "even_last": false,
        })
    );
    assert_eq!(told["effect"], json!({ "effect": "latency", "delay_ms": 700, "jitter_ms": 140 }));
    assert_eq!((told["impact"].as_str(), told["fault"]["state"].as_str()), (Some("medium"), Some("active")));

    let refused = [
        (json!({ "kind": "latency", "replica": "product-service-1" }), 409, "fault-1"),
        (json!({ "kind": "kill", "service": "product-service" }), 409, "even_last"),
        (json!({ "kind": "kill", "service": "shop" }), 422, "service: \"shop\" is not allowed"),
        (json!({ "kind": "melt", "replica": "product-service-2" }), 422, "kind: \"melt\" is not allowed"),
        (json!({ "kind": "kill", "replica": "product-service-2", "intensity": 11 }), 422, "intensity: \"11\""),
        (json!({ "kind": "kill", "replica": "product-service-2", "intensity": 0 }), 422, "from 1 to 10"),
        (json!({ "kind": "kill", "replica": "product-service-2", "duration": 0 }), 422, "duration: \"0\""),
        (json!({ "kind": "kill", "replica": "product-service-2", "duration": "720h" }), 422, "duration: \"720h\""),
        (json!({ "kind": "kill", "replica": "product-service-2", "duration": 2_592_000 }), 422, "from 1 s to"),
        (json!({ "kind": "kill", "replica": "x\"\n; shutdown" }), 422, "replica: "),
        (json!({ "kind": "kill", "replica": "product-service-2", "speed": 1 }), 400, "speed"),
        (json!({ "kind": "kill", "replica": ["product-service-2"] }), 400, "replica"),
        (json!({ "kind": "kill", "replica": "product-service-2", "even_last": "yes" }), 400, "even_last"),
    ];
    for (body, status, says) in refused {
        let answer = set(body.clone()).await;
        let told = answer.json();
        assert_eq!(answer.status, status, "{body}: {told}");
        assert!(told["error"].as_str().unwrap().contains(says), "{body}: {told}");
    }
    let all = server.get(FAULTS).await.json();
    assert_eq!(all["faults"].as_array().map(Vec::len), Some(1), "nothing half-set stays");

    let restored = server.post(&format!("{FAULTS}/fault-1/restore"), "application/json", "").await;
    assert_eq!((restored.status, restored.json()["fault"]["state"].as_str()), (200, Some("restored")));
    let again = server.post(&format!("{FAULTS}/fault-1/restore"), "application/json", "").await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("fault_over")));
    assert_eq!(server.get(&format!("{FAULTS}/none")).await.status, 404);
    assert_eq!(server.get(&format!("{FAULTS}/N%22one")).await.status, 404);
    let rules = server.get(&format!("{FAULTS}/rules")).await.json();
    assert_eq!(rules["services"][0]["replicas"][1]["replica"], json!("product-service-2"));
    set(json!({ "kind": "kill", "replica": "product-service-2" })).await;
    let all = server.post(&format!("{FAULTS}/restore-all"), "application/json", "").await.json();
    assert_eq!(all["faults"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn status_follows_the_run() {
    let server = Server::new();
    let mut told = server.get(STATUS).await.json();
    told.as_object_mut().unwrap().remove("correlation_id").unwrap();
    let idle = json!({
        "success": true,
        "status": "idle",
        "running": false,
        "current_vus": 0.0,
        "metrics_available": true,
        "test_id": null,
        "active_tests": 0,
        "progress": 0.0,
        "elapsed_time": 0.0,
        "remaining_time": 0.0,
        "configuration": null,
        "is_k6_running": false,
        "verdict": null,
        "message": "No load test has been started yet",
    });
    assert_eq!(told, idle);

    server.start(json!({ "duration": 60, "rps": 5 })).await;
    let mut told = server.get(STATUS).await.json();
    told.as_object_mut().unwrap().remove("correlation_id").unwrap();
    let running = json!({
        "success": true,
        "status": "running",
        "running": true,
        "current_vus": 7.0,
        "metrics_available": true,
        "test_id": "run-1",
        "active_tests": 1,
        "progress": 50.0,
        "elapsed_time": 30.0,
        "remaining_time": 30.0,
        "configuration": {
            "duration": 60,
            "target_vus": 5,
            "target_service": "all-services",
            "test_type": "baseline",
            "script_file": "api-load-test.js",
            "model": "vus",
            "target_rate": null,
        },
        "is_k6_running": true,
        "verdict": null,
        "message": "Load test run-1 is running",
    });
    assert_eq!(told, running);

    server.control.without_values.store(true, Ordering::Relaxed);
    let told = server.get(STATUS).await.json();
    assert_eq!((&told["current_vus"], &told["metrics_available"]), (&Value::Null, &json!(false)));

    server.control.turn(RunState::Finished(Verdict::Failed));
    let told = server.get(STATUS).await.json();
    assert_eq!(told["status"], "completed");
    assert_eq!(told["running"], false);
    assert_eq!(told["progress"], 50.0, "it was ended early");
    assert_eq!(told["remaining_time"], 0.0);
    assert_eq!(told["verdict"], "failed");
}

#[tokio::test]
async fn values_that_were_not_measured_are_null() {
    let server = Server::new();
    let told = server.get("/api/v1/analytics/load-test/metrics").await.json();
    let at = NOW_MS as f64 / 1000.0;
    assert_eq!(told["metrics"]["request_rate"], json!({ "value": 42.5, "timestamp": at }));
    assert_eq!(told["metrics"]["response_time_p95"], json!({ "value": 0.2, "timestamp": at }));
    assert_eq!(told["metrics"]["error_rate"], json!({ "value": null, "timestamp": at }));
    assert_eq!(told["prometheus_available"], true);

    let told = server.get("/api/v1/analytics/metrics/load-test").await.json();
    assert_eq!(told["metrics"]["requests_per_second"], 42.5);
    assert_eq!(told["metrics"]["cpu_usage"], Value::Null);
    let expected = json!({
        "product-service": { "status": "healthy", "response_time": 0.05, "requests": 42.5 },
        "user-service": { "status": "unhealthy", "response_time": null, "requests": null },
    });
    assert_eq!(told["services"], expected);

    let text = server.get("/metrics").await.body;
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("service_health_score{service=\"product-service\"} 1\n"), "{text}");
    assert!(text.contains("\ncircuit_breaker_triggered_total 1\n"), "{text}");

    let told = server.get("/api/v1/circuit-breakers").await.json();
    let breaker = json!({
        "service": "checkout-service", "replica": "checkout-service-1", "dependency": "user-service", "state": "open",
        "failure_share": null, "calls": { "success": 3, "failure": 5, "rejected": 7 }, "opened": 1, "last_change_ms": 1500,
    });
    assert_eq!(told["breakers"], json!({ "all": [breaker], "triggered": 1 }));
}

#[tokio::test]
async fn health_tells_each_dependency() {
    let server = Server::new();
    let told = server.get("/health").await.json();
    let mut dependencies = json!({
        "k6": "healthy", "prometheus": "healthy", "storage": "healthy", "product-service": "healthy",
        "user-service": "unhealthy",
    });
    assert_eq!(told["dependencies"], dependencies);
    assert_eq!((&told["status"], &told["service"]), (&json!("degraded"), &json!("analytics-service")));
    assert_eq!(server.get("/ready").await.status, 200);
    assert_eq!(server.get("/live").await.json()["alive"], true);
    let told = server.get("/health/detailed").await.json();
    assert_eq!(told["dependencies"]["product-service"]["response_time"], 0.012);

    "the disk is full".clone_into(&mut server.control.storage_problem.lock().unwrap());
    dependencies["storage"] = json!("unhealthy");
    assert_eq!(server.get("/health").await.json()["dependencies"], dependencies);
    let answer = server.get("/ready").await;
    assert_eq!((answer.status, answer.json()["dependencies"]["storage"].clone()), (503, json!("unhealthy")));
    let told = server.get("/health/detailed").await.json();
    assert_eq!(told["dependencies"]["storage"]["message"], "the disk is full");
}

#[tokio::test]
async fn who_asks_every_few_seconds_costs_little() {
    let server = Server::new();
    server.start(json!({ "duration": 60, "rps": 5 })).await;
    server.control.turn(RunState::Finished(Verdict::Passed));
    *server.control.copies.lock().unwrap() = 200;
    server.control.asked.lock().unwrap().clear();
    for path in ["/health", "/health/detailed", "/ready", "/live", "/metrics", STATUS] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
        assert_eq!(*server.control.asked.lock().unwrap(), Vec::<&str>::new(), "{path}");
    }
    let text = String::from_utf8(server.get("/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains("ha_dashboard_runs{verdict=\"passed\"} 200\n"), "{text}");
    assert_eq!(text.matches("\nha_dashboard_run_info{").count(), 20, "the newest only");
    assert!(text.contains("testid=\"run-200\"") && text.contains("testid=\"run-181\""), "{text}");
}

#[tokio::test]
async fn the_live_stream_resumes() {
    let server = Server::new();
    let answer = server.get("/api/v1/live?resume=4-2").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let again = body.strip_prefix("retry: ").and_then(|body| body.strip_suffix("\nid: 1-1\ndata: {}\n\n"));
    assert!(again.and_then(|ms| ms.parse::<u32>().ok()).is_some_and(|ms| (1_000..6_000).contains(&ms)), "{body}");
    assert_eq!(*server.control.resumed.lock().unwrap(), Some(Cursor { epoch: 4, seq: 2 }));
    let request =
        Request::get("/api/v1/live?resume=4-2").header("last-event-id", "4-3").header("accept-encoding", "br, gzip");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(*server.control.resumed.lock().unwrap(), Some(Cursor { epoch: 4, seq: 3 }));
    assert_eq!(server.get("/api/v1/live?resume=x").await.status, 400);
    let answer =
        server.send(Request::get("/fn/live").header("accept-encoding", "br").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, ""));
}

#[tokio::test]
async fn plain_forms_lose_nothing() {
    let server = Server::new();
    let form = "application/x-www-form-urlencoded";
    let good = "draft%5Bscript%5D=api-load-test.js&draft%5Btarget%5D=all-services&draft%5Bpattern%5D=load\
                &draft%5Bmodel%5D=vus&draft%5Bpeak%5D=5&draft%5Bduration%5D=1m&draft%5Bthresholds%5D=";
    let answer = server.post("/start", form, good).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/load"));
    assert_eq!(server.last_draft().duration, "1m");
    let answer = server.post("/start", form, good).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").ends_with("&error=already_running"));
    let answer = server.post("/stop", form, "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/load"));

    let answer = server.post("/start", form, "draft[peak]=ten%22%7B&draft[script]=a.js").await;
    let back = answer.header("location").to_owned();
    assert!(back.starts_with("/load?script=a.js&target=&pattern=&model=&peak=ten%22%7B&"), "{back}");
    assert!(back.ends_with("&error=invalid"), "{back}");
    assert_eq!(server.post("/start", "application/json", "{}").await.status, 415);
    // A form stands on the page that its address names; nothing that isn't ours is led to.
    server.control.turn(RunState::Finished(Verdict::Stopped));
    for (path, page) in
        [("/start?back=/", "/"), ("/stop?back=/", "/"), ("/faults/restore-all?back=//evil.example", "/")]
    {
        let answer = server.post(path, form, good).await;
        assert_eq!((answer.status, answer.header("location")), (303, page), "{path}");
    }
    // What was there before the overview.
    let answer = server.get("/?peak=77777&error=invalid").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/load?peak=77777&error=invalid"));
}

#[tokio::test]
async fn an_earlier_run_fills_the_form_with_all_it_was_asked_for() {
    let server = Server::new();
    let asked = json!({
        "duration": 90, "rps": 20, "model": "arrival-rate", "test_type": "spike", "target": "product-service",
        "pre_allocated_vus": 5, "max_vus": 20, "ramp": 5, "request_timeout": 7, "scenario": "failover.yaml",
        "thresholds": ["http_req_duration{service:a&b}:p(95)<500", "http_req_failed:rate<0.01"],
        "stop_when": ["failed > 20 % for 10 s", "p95 > 500 ms for 15 s"],
        "regression": ["p95 not worse than baseline by more than 10 %", "failed 0.5 points"],
    });
    assert_eq!(server.start(asked).await.status, 200);
    let answer = server.get("/again?run=run-1").await;
    assert_eq!(answer.status, 303);
    let form = answer.header("location").to_owned();
    let html = String::from_utf8(server.get(&form).await.body.to_vec()).unwrap();
    assert!(form.starts_with("/load?script=") && !html.is_empty(), "{form}");
    let url = reqwest::Url::parse(&format!("http://dashboard{form}")).unwrap();
    let mut draft = Draft::default();
    for (name, value) in url.query_pairs() {
        *draft.slot(Field::ALL.into_iter().find(|field| field.name() == name).unwrap()) = value.into_owned();
    }
    let run = server.control.run.lock().unwrap().clone().unwrap();
    let rules = server.control.rules(&Caller::default()).await;
    assert_eq!(draft.validate(&rules).unwrap(), run.plan);
    assert_eq!((draft.ramp.as_str(), draft.scenario.as_str()), ("5 s", "failover.yaml"));

    let file = server.get("/runs/run-1/plan.yaml").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"plan-run-1.yaml\"");
    let (name, written) = crate::server::plans::file::read(std::str::from_utf8(&file.body).unwrap()).unwrap();
    assert_eq!((name.as_str(), written), ("run-1", draft));
    assert_eq!(server.get("/runs/other/plan.yaml").await.status, 404);

    for unknown in ["/again?run=other", "/again?run=../etc", "/again?run=%00"] {
        assert_eq!(server.get(unknown).await.status, 404, "{unknown}");
    }
    for unclear in ["/again", "/again?run=run-1&plan=plan-1"] {
        assert_eq!(server.get(unclear).await.status, 400, "{unclear}");
    }
}

#[tokio::test]
async fn every_door_says_which_it_is_and_whose_request_came_in() {
    let server = Server::new();
    let form = "application/x-www-form-urlencoded";
    for (path, kind, body, door) in [
        (START, "application/json", r#"{"duration": 60, "rps": 5}"#, Door::Rest),
        (STOP, "application/json", "", Door::Rest),
        ("/start", form, "draft[peak]=5", Door::Form),
        ("/stop", form, "", Door::Form),
        ("/pull", form, "", Door::Form),
        ("/fn/start", form, "draft[peak]=5", Door::Page),
        ("/fn/stop", form, "", Door::Page),
        ("/fn/pull", form, "", Door::Page),
    ] {
        let request = Request::post(path).header("content-type", kind).header("x-correlation-id", "from-outside");
        server.send(request.body(body.into()).unwrap()).await;
        let caller = Caller { correlation_id: "from-outside".into(), door, role: Role::Admin, ..Caller::default() };
        assert_eq!(std::mem::take(&mut *server.control.callers.lock().unwrap()), [caller], "{path}");
    }
}

#[tokio::test]
async fn the_report_of_a_run_is_a_file_and_its_page_in_the_readers_language() {
    let server = Server::new();
    assert_eq!(server.get("/runs/run-1/report.html").await.status, 404);
    server.start(json!({ "duration": 60, "target_vus": 10 })).await;
    server.control.turn(RunState::Finished(Verdict::Passed));
    let request = Request::get("/runs/run-1/report.html").header("accept-language", "de").header("host", "localhost");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"load-test-run-1.html\"");
    let page = String::from_utf8_lossy(&answer.body);
    assert!(page.contains("Bestanden") && page.contains("run-1"), "{page}");
    // Its page shows the same, in the first HTML, once.
    let request = Request::get("/runs/run-1").header("accept-language", "de").header("host", "localhost");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    let page = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, page.matches("data-testid=\"verdict\"").count()), (200, 1), "{page}");
    assert!(page.contains("Bestanden") && page.contains("a line"), "{page}");
    assert_eq!(server.get("/runs/run-2").await.status, 404);
}

#[tokio::test]
async fn preferences_are_kept_in_cookies() {
    let server = Server::new();
    let answer = server.get("/prefs?lang=de&theme=dark&back=/runs").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/runs"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(
        cookies,
        [
            "had_lang=de; Path=/; Max-Age=31536000; SameSite=Lax",
            "had_theme=dark; Path=/; Max-Age=31536000; SameSite=Lax",
        ]
    );
    let answer = server.get("/prefs?lang=%0d%0a&theme=x&back=//evil.example").await;
    assert_eq!((answer.header("location"), answer.headers.contains_key("set-cookie")), ("/", false));
}

#[tokio::test]
async fn server_functions_share_the_control_and_its_errors() {
    let server = Server::new();
    let form = "application/x-www-form-urlencoded";
    let answer = server.post("/fn/stop", form, "").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("not_running")));
    let answer = server.post("/fn/start", form, "draft[peak]=5").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (422, Some("invalid")));
    let answer = server.post("/fn/start", form, "nonsense").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")));
    let answer = server.get("/fn/rules").await;
    assert_eq!(answer.json()["limits"]["max_vus"], 200);
}

#[tokio::test]
async fn other_sites_may_do_nothing() {
    let server = Server::new();
    for (name, value) in
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example"), ("host", "")]
    {
        for path in [START, STOP, "/start", "/stop", "/fn/start"] {
            let request = Request::post(path).header(name, value).header("content-type", "application/json");
            let answer = server.send(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(answer.status, 403, "{name} {value} {path}");
            assert_eq!(answer.json()["success"], false);
        }
    }
    for hosts in [["127.0.0.1:3000", "evil.example"], ["evil.example", "127.0.0.1:3000"]] {
        let request = Request::get("/health").header("host", hosts[0]).header("host", hosts[1]);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")));
    }
    assert_eq!(
        server.send(Request::get("/").header("host", "evil.example").body(Body::empty()).unwrap()).await.status,
        403
    );
}

#[tokio::test]
async fn files_come_as_the_reader_takes_them_and_once() {
    let server = Server::new();
    let site = server.dir.path().join("target/site");
    std::fs::create_dir_all(&site).unwrap();
    for (name, text) in [("a.js", "plain"), ("a.js.br", "brotli"), ("a.js.gz", "gzip")] {
        std::fs::write(site.join(name), text).unwrap();
    }
    for (accepted, body) in [("br, gzip", "brotli"), ("gzip", "gzip"), ("", "plain")] {
        let get = |tag: &str| Request::get("/a.js").header("accept-encoding", accepted).header("if-none-match", tag);
        let answer = server.send(get("").body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, &*answer.body), (200, body.as_bytes()), "{accepted}");
        // Else a cache would hand one reader's encoding to the next.
        assert_eq!(answer.header("vary"), "accept-encoding", "{accepted}");
        let again = server.send(get(answer.header("etag")).body(Body::empty()).unwrap()).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{accepted}");
    }
}

#[tokio::test]
async fn pages_forbid_foreign_scripts() {
    let server = Server::new();
    let answer = server.get("/").await;
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains(&format!("nonce=\"{nonce}\"")), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(server.get("/no-such-page").await.status, 404);
    assert_eq!(server.get("/../../etc/passwd").await.status, 404);
    let answer = server.get("/health").await;
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

/// Asks for each of `pages`, a path with the status and the text that is in its answer, `times` in all and all at once.
async fn ask_for_many(server: &Arc<Server>, pages: &[(&'static str, u16, &'static str)], times: usize) {
    let asked = pages.iter().copied().cycle().take(times).map(|(path, status, text)| {
        let server = Arc::clone(server);
        tokio::spawn(async move {
            let answer = server.get(path).await;
            let page = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!((answer.status, page.contains(text)), (status, true), "{path}: {page}");
        })
    });
    let answers = tokio::time::timeout(Duration::from_secs(120), futures::future::join_all(asked)).await;
    answers.expect("a page never came").into_iter().for_each(|answer| answer.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_that_many_ask_for_at_once_come_to_all_of_them() {
    let server = Arc::new(Server::new());
    server.start(json!({ "duration": 60, "target_vus": 10 })).await;
    let pages = [("/nothing", 404, "<title>"), ("/runs/none", 404, "<title>▶ "), ("/services", 200, "<title>▶ ")];
    ask_for_many(&server, &pages, 2_400).await;
    server.control.run.lock().unwrap().as_mut().unwrap().state = RunState::Finished(Verdict::Passed);
    ask_for_many(&server, &[("/runs/run-1", 200, "<div class=\"report\">")], 600).await;
}

#[tokio::test]
async fn a_page_that_readers_share_is_right_for_each() {
    let server = Server::new();
    /// A page without its nonce, and the nonce.
    async fn page(server: &Server, path: &str, header: (&str, &str)) -> (String, String) {
        let request = Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!(answer.status, 200);
        let nonce = answer.header("content-security-policy").split('\'').find_map(|word| word.strip_prefix("nonce-"));
        let nonce = nonce.unwrap().to_owned();
        let mut html = String::new();
        if answer.header("content-encoding") == "gzip" {
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*answer.body), &mut html).unwrap();
        } else {
            html = String::from_utf8(answer.body.to_vec()).unwrap();
        }
        assert!(html.contains(&format!("nonce=\"{nonce}\"")), "{nonce}");
        (html.replace(&nonce, ""), nonce)
    }
    let plain = ("x-other", "1");
    let (first, nonce) = page(&server, "/", plain).await;
    for header in [plain, ("accept-encoding", "gzip")] {
        let (again, other) = page(&server, "/", header).await;
        assert!(first == again, "{header:?}");
        assert_ne!(nonce, other);
    }
    let (german, _) = page(&server, "/", ("cookie", "had_lang=de; had_theme=dark")).await;
    assert!(
        german.contains("<html lang=\"de\" data-theme=\"dark\"")
            && first.contains("<html lang=\"en\" data-role=\"admin\" data-login=\"none\">")
    );
    // What somebody typed is theirs.
    assert!(page(&server, "/load?peak=77777&error=invalid", plain).await.0.contains("77777"));
    assert!(page(&server, "/", plain).await.0 == first);

    let stop = "action=\"/stop?back=/\"";
    assert!(!first.contains(stop));
    let form = "draft[script]=api-load-test.js&draft[target]=all-services&draft[pattern]=load&draft[model]=vus\
                &draft[peak]=5&draft[duration]=1m&draft[thresholds]=";
    let answer = server.post("/start", "application/x-www-form-urlencoded", form).await;
    assert_eq!(answer.header("location"), "/load");
    assert!(page(&server, "/", plain).await.0.contains(stop), "who pressed Start sees it");
}

#[tokio::test]
async fn a_page_that_readers_share_hides_from_each_what_they_may_not() {
    let server = Server::with_policy(&[], Policy { login: Login::Required, viewers: Viewers::Open, is_loopback: true });
    let mut tokens = vec![(Role::Viewer, "out", None)];
    for role in [Role::Presenter, Role::Admin] {
        let draft = PassDraft {
            kind: "token".into(),
            name: "x".into(),
            role: role.name().into(),
            lasts: "1h".into(),
            once: false,
        };
        tokens.push((role, "in", Some(server.control.access().add_pass(draft).await.unwrap().1)));
    }
    for _ in 0..2 {
        for (role, login, token) in &tokens {
            let request = Request::get("/load");
            let request = match token {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request,
            };
            let answer = server.send(request.body(Body::empty()).unwrap()).await;
            let page = String::from_utf8_lossy(&answer.body);
            assert!(page.contains(&format!("data-role=\"{role}\" data-login=\"{login}\"")), "{role}");
        }
    }
}

#[tokio::test]
async fn the_presentation_leads_to_the_address_under_which_it_was_asked_for() {
    let server = Server::with(&[("HAD_TRUSTED_PROXIES", "127.0.0.1")]);
    let get = async |path: &str, host: &str, proto: &str| {
        let request = Request::get(path).header("host", host).header("x-forwarded-proto", proto);
        let answer = server.send(from("127.0.0.1", request)).await;
        assert_eq!(answer.status, 200, "{host}");
        (String::from_utf8(answer.body.to_vec()).unwrap(), answer.headers["content-type"].clone())
    };
    let (page, _) = get("/present", "127.0.0.1:3007", "").await;
    assert!(page.contains(">http://127.0.0.1:3007") && page.contains("src=\"/present/qr.svg\""), "{page}");
    assert!(get("/present", "localhost", "https").await.0.contains(">https://localhost"));
    let (code, kind) = get("/present/qr.svg", "127.0.0.1:3007", "").await;
    assert!(code.starts_with("<svg") && kind == "image/svg+xml", "{code}");
    assert_ne!(code, get("/present/qr.svg", "127.0.0.1:3008", "").await.0);
    assert_ne!(code, get("/present/qr.svg", "127.0.0.1:3007", "https").await.0);
}

/// A request that came from there.
fn from(address: &str, request: axum::http::request::Builder) -> Request<Body> {
    request.extension(listen::Peer { address: address.parse().unwrap(), secure: false }).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_where_a_request_came_from() {
    let server = Server::with(&[("HAD_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")]);
    let ask = async |peer: &str| {
        let request =
            Request::post("/pull").header("x-forwarded-for", "203.0.113.7").header("x-forwarded-proto", "https");
        let answer = server.send(from(peer, request)).await;
        let caller = server.control.callers.lock().unwrap().pop().unwrap();
        (caller.from.unwrap().to_string(), answer.header("strict-transport-security") == "max-age=31536000")
    };
    assert_eq!(ask("10.1.2.3").await, ("203.0.113.7".into(), true));
    assert_eq!(ask("198.51.100.1").await, ("198.51.100.1".into(), false));

    let named = async |peer: &str, name: &str| {
        server.send(from(peer, Request::get("/live").header("x-forwarded-host", name))).await.status
    };
    assert_eq!(named("127.0.0.1", "localhost").await, 200);
    assert_eq!(named("127.0.0.1", "evil.example").await, 403, "its name must be ours, too");
    assert_eq!(named("198.51.100.1", "evil.example").await, 200, "nobody reads it");
}

#[tokio::test]
async fn who_has_to_wait_is_told_for_how_long() {
    let server = Server::new();
    let live = || from("192.0.2.1", Request::get("/api/v1/live").header("host", "localhost"));
    let open = async || server.router.clone().oneshot(live()).await.unwrap();
    let held = (open().await, open().await);
    let refused = server.send(live()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    assert_eq!(refused.json()["code"], "unavailable");
    assert_eq!(server.send(from("192.0.2.2", Request::get("/api/v1/live"))).await.status, 200, "others have their own");
    drop(held);
    assert_eq!(server.send(live()).await.status, 200);

    server.control.too_often.store(true, Ordering::Relaxed);
    let refused = server.start(json!({ "duration": 60, "rps": 5 })).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "7"));
    assert_eq!(refused.json()["code"], "too_often");
    let back = server.post("/start", "application/x-www-form-urlencoded", "draft[peak]=5").await;
    assert!(back.header("location").ends_with("&error=too_often"), "{}", back.header("location"));
}

#[tokio::test]
async fn pages_and_the_stream_name_the_same_build() {
    let server = Server::new();
    let stream = server.get("/fn/live").await;
    let build = stream.header("x-dashboard-build");
    assert!(!build.is_empty());
    let page = String::from_utf8(server.get("/").await.body.to_vec()).unwrap();
    assert!(page.contains(&format!("<meta name=\"dashboard-build\" content=\"{build}\">")), "{page}");
    // A cursor of another version is refused, and the tab must still learn why.
    let refused = server.get("/fn/live?resume=x").await;
    assert_eq!((refused.status, refused.header("x-dashboard-build")), (400, build));
}

#[tokio::test]
async fn unknown_routes_and_methods_are_told_in_json() {
    let server = Server::new();
    for path in ["/api/v1/nothing", "/api", "/api/"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    let answer = server.get(START).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (405, Some("method_not_allowed")));
    for (method, path, status, code) in [
        ("GET", "/api/v1/runs/%ff%fe", 400, "bad_request"),
        ("GET", "/api/v1/runs/%ff%fe/log", 400, "bad_request"),
        ("GET", "/runs/%ff%fe/report.html", 400, "bad_request"),
        ("GET", "/prefs?lang=de&lang=en", 400, "bad_request"),
        ("GET", "/fn/start", 405, "method_not_allowed"),
        ("PUT", "/fn/start", 405, "method_not_allowed"),
        ("POST", "/nothing", 404, "not_found"),
        ("DELETE", "/", 405, "method_not_allowed"),
    ] {
        let answer = server.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        let told = (answer.status, answer.header("content-type"));
        assert_eq!(told, (status, "application/json"), "{method} {path}");
        assert_eq!((answer.json()["code"].as_str(), &answer.json()["success"]), (Some(code), &json!(false)), "{path}");
        assert_eq!(answer.json()["correlation_id"], answer.header("x-correlation-id"));
    }
    for id in ["nothing", "A%22%7D", "..%2F..%2Fetc"] {
        let answer = server.get(&format!("/api/v1/runs/{id}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{id}");
    }
}

#[tokio::test]
async fn an_error_is_written_as_its_head_says() {
    let server = Server::new();
    let request = Request::get("/api/v1/runs?page=1&page=2").header("accept-encoding", "gzip");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (400, ""));
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("duplicate field `page`"), "{error}");
}
