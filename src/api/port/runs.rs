//! Runs: what may be asked for, starting and stopping them, and what is on record.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    api::{caller::Caller, error::ApiError},
    domain::{
        burst::{Burst, BurstDraft},
        labels::LabelDraft,
        past::{Choices, Found, Query},
        run::{Run, RunId},
        scenario::Scenario,
        trend,
        validate::{Draft, Rules},
    },
};

/// The part of the port that is about runs.
#[async_trait]
pub trait Runs: Send + Sync + 'static {
    /// The bounds, services and scripts that [`Draft::validate`] needs; scripts are read again where files changed. One that
    /// takes k6 long is [`ScriptKind::Pending`](crate::domain::script::ScriptKind::Pending): ask again.
    async fn rules(&self, caller: &Caller) -> Rules;

    /// The same once no script is pending, for a choice among them that is always the same.
    async fn settled_rules(&self, caller: &Caller) -> Rules {
        loop {
            let rules = self.rules(caller).await;
            if rules.is_settled() {
                return rules;
            }
        }
    }

    /// The same for a draft that names this script, which is never pending then: the others need not be looked at.
    async fn rules_for(&self, caller: &Caller, script: &str) -> Rules {
        let _ = script;
        self.rules(caller).await
    }

    /// Checks the scenario that a draft asks for beside a load of `load_s` seconds; `None`: it asks for none.
    ///
    /// # Errors
    /// [`ApiError::InvalidScenario`], [`ApiError::NotFound`].
    async fn scenario(&self, caller: &Caller, draft: &Draft, load_s: u32) -> Result<Option<Scenario>, ApiError>;

    /// Checks a draft and starts it. Resolves when the engine has k6 running or refused.
    ///
    /// # Errors
    /// [`ApiError::Invalid`], [`ApiError::InvalidScenario`], [`ApiError::AlreadyRunning`], [`ApiError::TooOften`],
    /// [`ApiError::EnoughForToday`], [`ApiError::Halted`], [`ApiError::Unavailable`].
    async fn start(&self, caller: &Caller, draft: Draft) -> Result<Run, ApiError>;

    /// Asks the run at work to end. Resolves as soon as the signal is out; the end itself comes through the live stream.
    ///
    /// # Errors
    /// [`ApiError::NotRunning`].
    async fn stop(&self, caller: &Caller) -> Result<Run, ApiError>;

    /// Adds load to a run at work. Resolves when the engine has its k6 running or refused.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::InvalidLoad`], [`ApiError::LoadRefused`], [`ApiError::TooOften`],
    /// [`ApiError::Unavailable`].
    async fn add_load(&self, caller: &Caller, run: &RunId, draft: BurstDraft) -> Result<Burst, ApiError>;

    /// Takes added load away before its time. Resolves as soon as the signal is out.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::LoadRefused`], [`ApiError::Unavailable`].
    async fn remove_load(&self, caller: &Caller, run: &RunId, instance: u32) -> Result<Burst, ApiError>;

    /// Begins to fetch the image that the engine lacks; the live stream tells how it goes. Asking again changes nothing.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn pull_image(&self, caller: &Caller) -> Result<(), ApiError>;

    /// The runs that are looked for, newest first, the one at work included.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn find_runs(&self, caller: &Caller, query: Query) -> Result<Found, ApiError>;

    /// How the last runs of a target came out, oldest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn trend(&self, caller: &Caller, target: &str) -> Result<Vec<trend::Point>, ApiError> {
        // Some of the last ones may have sent no load.
        let query = Query { target: Some(target.to_owned()), most: 2 * trend::RUNS, ..Query::default() };
        let found = self.find_runs(caller, query).await?;
        Ok(trend::points(found.runs.into_iter().map(|(run, _)| run)))
    }

    /// What may be looked for.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn run_choices(&self, caller: &Caller) -> Result<Choices, ApiError>;

    /// How many finished runs are on record, by the name of their verdict.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    async fn verdicts(&self, caller: &Caller) -> Result<BTreeMap<String, u32>, ApiError>;

    /// One run.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn run(&self, caller: &Caller, id: &RunId) -> Result<Run, ApiError>;

    /// Changes what people say of a run.
    ///
    /// # Errors
    /// [`ApiError::InvalidLabels`], [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn label_run(&self, caller: &Caller, id: &RunId, draft: LabelDraft) -> Result<Run, ApiError>;

    /// Makes a run the baseline of its target in place of any other, or no longer.
    ///
    /// # Errors
    /// [`ApiError::AlreadyRunning`] where it is at work, [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn set_baseline(&self, caller: &Caller, id: &RunId, baseline: bool) -> Result<Run, ApiError>;

    /// Throws a run away, or brings it back.
    ///
    /// # Errors
    /// [`ApiError::IsBaseline`], [`ApiError::AlreadyRunning`] where it is at work, [`ApiError::NotFound`], [`ApiError::Unavailable`].
    async fn trash_run(&self, caller: &Caller, id: &RunId, trashed: bool) -> Result<Run, ApiError>;

    /// The last lines of k6's log of a run, oldest first.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    async fn log(&self, caller: &Caller, id: &RunId) -> Result<Vec<String>, ApiError>;
}
