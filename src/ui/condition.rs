//! How services are, as signals: what their probes say, together with what their users get.

use leptos::prelude::*;

use super::{live::Live, show, text::use_lang};
use crate::domain::{
    condition::{Condition, Experience},
    live::LiveState,
    run::Run,
    service::{Health, ServiceStatus},
};

/// Whose experience counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Those who use a service at this moment; nobody once the run is over.
    Now,
    /// Those of the run that is shown: lately while it is at work, over all of it afterwards.
    Run,
}

/// What the users of a service got.
pub fn experience(of: Of, state: &LiveState, run: Option<&Run>, service: &str) -> Experience {
    let over = run.filter(|run| !run.state.is_active());
    match (over, of) {
        (None, _) => Experience::of(&state.snapshot.frame, service),
        (Some(_), Of::Now) => Experience::default(),
        (Some(run), Of::Run) => {
            run.totals.as_ref().map_or_else(Experience::default, |totals| Experience::of_run(totals, service))
        }
    }
}

/// How a service is.
pub fn judged(of: Of, state: &LiveState, run: Option<&Run>, status: &ServiceStatus) -> Condition {
    let experience = experience(of, state, run, &status.service.name);
    let thresholds = run.map(|run| run.thresholds.as_slice()).unwrap_or_default();
    Condition::of(&status.service.name, &status.health, experience, thresholds)
}

/// A service's name, health and condition, kept up to date.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// What its probe says.
    pub health: Memo<Health>,
    /// How it is for its users.
    pub condition: Memo<Condition>,
}

impl Watched {
    /// Watches a service.
    pub fn new(of: Of, name: &str) -> Self {
        let live: Live = expect_context();
        let found = |state: &LiveState, name: &str| {
            state.snapshot.status.services.iter().find(|status| status.service.name == name).cloned()
        };
        let (for_health, for_condition) = (name.to_owned(), name.to_owned());
        let health = Memo::new(move |_| {
            live.state.with(|state| found(state, &for_health).map_or(Health::Unknown, |status| status.health))
        });
        let condition = Memo::new(move |_| {
            live.state.with(|state| {
                let status = found(state, &for_condition);
                let judge = |status| live.run.with(|run| judged(of, state, run.as_ref(), &status));
                status.map_or(Condition::Unknown, judge)
            })
        });
        Self { health, condition }
    }
}

/// A service's condition in a word; its probe's words on hover.
#[component]
pub fn ConditionBadge(
    /// The service.
    watched: Watched,
) -> impl IntoView {
    let lang = use_lang();
    let Watched { health, condition } = watched;
    view! {
        <span
            class="health"
            data-tone=move || condition.get().tone()
            title=move || show::health(&health.get(), lang).2
        >
            {move || show::condition(condition.get(), lang.text())}
        </span>
    }
}
