//! Plans that start by themselves.

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{
        Millis,
        agenda::{Appointment, AppointmentDraft},
        id::ScheduleId,
    },
};

/// An appointment with its times as its own clock shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAppointment {
    /// The appointment.
    pub appointment: Appointment,
    /// What people call its plan; none: it is gone.
    pub plan: Option<String>,
    /// Its next times, five at most: in ms since 1970, and as `Fri 2026-11-27 09:00 CET`.
    pub next: Vec<(Millis, String)>,
    /// When its last time was.
    pub last: Option<String>,
}

/// The part of the port that is about plans that start by themselves.
#[async_trait]
pub trait Agenda: Send + Sync + 'static {
    /// Every appointment, the next one first, those that are over last.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn schedules(&self, caller: &Caller) -> Result<Vec<ShownAppointment>, ApiError>;

    /// Lets a plan start by itself.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::AgendaRefused`], [`ApiError::Unavailable`].
    async fn add_schedule(&self, caller: &Caller, draft: AppointmentDraft) -> Result<ShownAppointment, ApiError>;

    /// No longer lets a plan start by itself.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn delete_schedule(&self, caller: &Caller, id: &ScheduleId) -> Result<(), ApiError>;
}
