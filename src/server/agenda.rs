//! Starts plans at their times. What is due while another run is at work is skipped, and what was due while no dashboard was
//! at work is told and not made up for.

mod times;

use std::{sync::Arc, time::Duration};

use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
        port::SharedControl,
    },
    domain::{
        Millis,
        agenda::{AgendaRefusal, Appointment, AppointmentDraft, Last, Outcome},
        event::{Event, EventKind},
        id::{PlanId, ScheduleId},
    },
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use self::times::Times;
use super::{clock::now_ms, database::Database, ids, journal::Journal, told};

/// What is later than this was missed.
const GRACE_MS: Millis = 60_000;

/// How often it is looked at the clock at least: it may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(10);

/// How long a metrics store or engine that is still starting is given before it is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Most missed times that are counted.
const COUNTED: u32 = 1_000;

/// What a start has come to as long as nobody knows better.
const UNKNOWN: &str = "the dashboard ended before it was known what came of it";

/// The appointments. Copies are handles on the same.
#[derive(Debug, Clone)]
pub struct Agenda {
    database: Database,
    journal: Journal,
    changed: Arc<Notify>,
}

impl Agenda {
    /// Those in a database; what comes of them goes into a journal.
    pub fn new(database: Database, journal: Journal) -> Self {
        Self { database, journal, changed: Arc::default() }
    }

    /// Every appointment, the next one first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn all(&self) -> Result<Vec<Appointment>, ApiError> {
        self.database.ask(|database| database.schedules()).await
    }

    /// Checks what was typed for a plan, and keeps it.
    ///
    /// # Errors
    /// [`ApiError::AgendaRefused`], [`ApiError::Unavailable`].
    pub async fn add(&self, plan: PlanId, draft: AppointmentDraft) -> Result<Appointment, ApiError> {
        let now_ms = now_ms();
        // A line of cron that never comes takes a while to find out.
        let checked =
            tokio::task::spawn_blocking(move || times::check(&draft, now_ms)).await.map_err(told::broke_off)?;
        let (when, zone, due_ms) = checked.map_err(refused)?;
        let new = Appointment { id: ids::schedule(now_ms), plan, when, zone, due_ms: Some(due_ms), last: None };
        let kept = new.clone();
        self.database.ask(move |database| database.add_schedule(&kept)).await?.map_err(refused)?;
        self.changed.notify_one();
        Ok(new)
    }

    /// Deletes an appointment.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn delete(&self, id: &ScheduleId) -> Result<(), ApiError> {
        let asked = id.clone();
        match self.database.ask(move |database| database.delete_schedule(&asked)).await? {
            true => Ok(()),
            false => Err(ApiError::NotFound { what: format!("schedule {id}") }),
        }
    }

    /// Starts what is due, until the end.
    pub async fn keep(self, control: SharedControl, end: CancellationToken) {
        loop {
            let wait = match self.all().await {
                Ok(appointments) => {
                    self.look(&control, appointments, &end).await;
                    self.until_next().await
                }
                Err(error) => {
                    tracing::warn!(%error, "the schedules can't be read");
                    LOOK
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.changed.notified() => {}
                () = end.cancelled() => return,
            }
        }
    }

    async fn until_next(&self) -> Duration {
        let next = self.all().await.unwrap_or_default().iter().filter_map(|appointment| appointment.due_ms).min();
        next.map_or(LOOK, |due_ms| Duration::from_millis(due_ms.saturating_sub(now_ms())).min(LOOK))
    }

    async fn look(&self, control: &SharedControl, appointments: Vec<Appointment>, end: &CancellationToken) {
        for appointment in appointments {
            if end.is_cancelled() {
                return;
            }
            if let Some(due_ms) = appointment.due_ms.filter(|due_ms| *due_ms <= now_ms()) {
                self.come(control, appointment, due_ms, end).await;
            }
        }
    }

    /// Does what is due, and notes what came of it. First of all it is no longer due: whatever happens next, nothing starts
    /// twice.
    async fn come(
        &self,
        control: &SharedControl,
        mut appointment: Appointment,
        due_ms: Millis,
        end: &CancellationToken,
    ) {
        let now_ms = now_ms();
        let (next, missed) = match Times::new(&appointment.when, &appointment.zone) {
            Ok(times) => (times.after(now_ms), 1 + times.count(due_ms, now_ms, COUNTED)),
            // It was checked, so the zone is gone from this machine.
            Err(refusal) => {
                appointment.due_ms = None;
                return self.note(control, appointment, due_ms, Outcome::Failed { reason: refusal.to_string() }).await;
            }
        };
        appointment.due_ms = next;
        if due_ms + GRACE_MS < now_ms {
            return self.note(control, appointment, due_ms, Outcome::Missed { times: missed }).await;
        }
        appointment.last = Some(Last { due_ms, outcome: Outcome::Failed { reason: UNKNOWN.into() } });
        let claimed = appointment.clone();
        match self.database.ask(move |database| database.change_schedule(&claimed)).await {
            Ok(true) => {}
            // Deleted in this very moment.
            Ok(false) => return,
            Err(error) => {
                tracing::error!(schedule = %appointment.id, %error, "a plan is not started: it would start again and again");
                return sleep(RETRY).await;
            }
        }
        let outcome = start(control, &appointment, due_ms, end).await;
        self.note(control, appointment, due_ms, outcome).await;
    }

    async fn note(&self, control: &SharedControl, appointment: Appointment, due_ms: Millis, outcome: Outcome) {
        let caller = caller(&appointment, due_ms);
        let plan = control.plan(&caller, &appointment.plan).await.map(|plan| plan.name);
        let plan = plan.unwrap_or_else(|_| appointment.plan.to_string());
        tracing::info!(schedule = %appointment.id, plan, ?outcome, "a plan's time has come");
        let changed = Appointment { last: Some(Last { due_ms, outcome: outcome.clone() }), ..appointment };
        if let Err(error) = self.database.ask(move |database| database.change_schedule(&changed)).await {
            tracing::warn!(%error, "what came of a plan's time can't be kept");
        }
        self.journal.append(Event { at_ms: now_ms(), kind: EventKind::PlanDue { plan, outcome } });
    }
}

/// The first times of an appointment after a moment, as its clock shows them.
pub fn shown(appointment: &Appointment, after_ms: Millis, most: usize) -> Vec<(Millis, String)> {
    let Ok(times) = Times::new(&appointment.when, &appointment.zone) else { return Vec::new() };
    let next = match appointment.due_ms {
        Some(due_ms) => times.next(due_ms.saturating_sub(1).max(after_ms), most),
        None => Vec::new(),
    };
    next.into_iter().map(|at| (at, times.shown(at))).collect()
}

/// A moment on the clock of an appointment.
pub fn on_clock(appointment: &Appointment, at_ms: Millis) -> String {
    Times::new(&appointment.when, &appointment.zone).map_or_else(|_| super::clock::text(at_ms), |it| it.shown(at_ms))
}

/// Starts a plan; one whose metrics store or engine is still starting is tried again as long as it is not late.
async fn start(control: &SharedControl, appointment: &Appointment, due_ms: Millis, end: &CancellationToken) -> Outcome {
    let caller = caller(appointment, due_ms);
    loop {
        match control.start_plan(&caller, &appointment.plan).await {
            Ok(run) => return Outcome::Started { run: run.id },
            Err(ApiError::AlreadyRunning { running }) => return Outcome::Skipped { running },
            Err(ApiError::Unavailable { .. }) if now_ms() < due_ms + GRACE_MS && !end.is_cancelled() => {}
            Err(error) => return Outcome::Failed { reason: error.to_string() },
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = end.cancelled() => {}
        }
    }
}

fn caller(appointment: &Appointment, due_ms: Millis) -> Caller {
    Caller::of_program(format!("schedule-{}-{due_ms}", appointment.id), Door::Schedule)
}

fn refused(refusal: AgendaRefusal) -> ApiError {
    ApiError::AgendaRefused { refusal }
}
