//! Load that is added to the run at work: each burst has a k6 of its own beside that of the plan, and ends with it at the
//! latest.

use std::{sync::Arc, time::Duration};

use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        burst::{Admitted, Burst, BurstDraft, BurstEnd, LoadRefusal, NoBurst},
        plan::GRACE_S,
        run::{Run, RunId, RunState, Verdict},
        validate::Rules,
    },
};

use super::{END_ALLOWANCE_S, INSTANCES, LOG_LINES, START_ALLOWANCE_S, State, Supervisor};
use crate::server::{
    clock::now_ms,
    control::verdict,
    engine::{Instance, InstanceState, Part},
    told,
};

impl State {
    /// The k6 of every burst of the current run that may still be at work.
    pub fn extras(&self) -> Vec<(u32, Arc<dyn Instance>)> {
        self.extras.iter().map(|(number, instance)| (*number, instance.clone())).collect()
    }

    /// The number for the next k6 of a run.
    fn next_instance(&self, run: &Run) -> u32 {
        run.bursts.iter().map(|burst| burst.instance).chain([self.last_instance, INSTANCES]).max().unwrap_or_default()
            + 1
    }
}

impl Supervisor {
    /// Adds load to the run at work; `trend_stats` are what its script wants its summary to tell of trends.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::InvalidLoad`], [`ApiError::LoadRefused`], [`ApiError::Unavailable`]; then
    /// everything is as before.
    pub async fn add_load(
        self: &Arc<Self>,
        id: RunId,
        draft: BurstDraft,
        rules: Rules,
        trend_stats: Vec<String>,
        caller: Caller,
    ) -> Result<Burst, ApiError> {
        let this = self.clone();
        // A task of its own, as a start is.
        let add = async move { this.add_whole(id, draft, rules, trend_stats, caller).await };
        let add = self.shutdown.tasks.spawn(add);
        add.await.unwrap_or_else(|error| Err(told::broke_off(error)))
    }

    async fn add_whole(
        self: Arc<Self>,
        id: RunId,
        draft: BurstDraft,
        rules: Rules,
        trend_stats: Vec<String>,
        caller: Caller,
    ) -> Result<Burst, ApiError> {
        let Caller { correlation_id, door, .. } = caller;
        let (run, burst) = self.reserve_burst(&id, &draft, &rules)?;
        // Whatever becomes of this process, the next one knows what to look for.
        self.record(&id).await;
        let instance = burst.instance;
        match self.launch_burst(&run, &burst, trend_stats).await {
            Ok(k6) => {
                tracing::info!(run_id = %id, correlation_id, %door, instance, "load added");
                self.keep_burst(&id, instance, k6);
                Ok(burst)
            }
            Err(error) => {
                tracing::warn!(run_id = %id, correlation_id, %door, instance, %error, "load not added");
                self.change(&id, |run| run.bursts.retain(|burst| burst.instance != instance));
                self.bursts_changed.notify_waiters();
                self.record(&id).await;
                Err(error)
            }
        }
    }

    /// Takes a place among what is at work: two at the same instant must not go past a limit together.
    fn reserve_burst(&self, id: &RunId, draft: &BurstDraft, rules: &Rules) -> Result<(Run, Burst), ApiError> {
        let mut state = self.state();
        let now_ms = now_ms();
        let run = state.run(id).ok_or_else(|| unknown(id))?;
        if state.closing && run.state == RunState::Running {
            return Err(ApiError::LoadRefused { refusal: LoadRefusal::Ending });
        }
        let admitted: Admitted = draft.admit(run, rules, now_ms).map_err(|no| match no {
            NoBurst::Invalid(errors) => ApiError::InvalidLoad { errors },
            NoBurst::Refused(refusal) => ApiError::LoadRefused { refusal },
        })?;
        let burst = Burst::new(admitted, state.next_instance(run), now_ms);
        state.last_instance = burst.instance;
        let run = state.run_mut(id).ok_or_else(|| unknown(id))?;
        run.bursts.push(burst.clone());
        let run = run.clone();
        self.publish(&state);
        Ok((run, burst))
    }

    async fn launch_burst(
        &self,
        run: &Run,
        burst: &Burst,
        trend_stats: Vec<String>,
    ) -> Result<Arc<dyn Instance>, ApiError> {
        let store = self.store()?;
        let part = Part::burst(burst.instance);
        let id = run.id.clone();
        let dir = self.in_archive(move |archive| archive.add(&id, part)).await?;
        let allowed_s = [START_ALLOWANCE_S, burst.duration_s, GRACE_S, END_ALLOWANCE_S].iter().sum::<u32>();
        let left = Duration::from_millis(run.deadline_ms.saturating_sub(now_ms()));
        let allowed = Duration::from_secs(allowed_s.into()).min(left);
        let input = burst.input(run, &self.services.services());
        let launch = self.launch_of(run, (part, dir.clone()), input, trend_stats, allowed, &store);
        match self.engine.start(launch).await {
            Ok(started) => Ok(started.instance),
            Err(error) => {
                // Nothing of it is part of the run.
                let _ = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
                Err(ApiError::Unavailable { what: error.told() })
            }
        }
    }

    /// Makes the start of a burst good, and passes on a stop that was asked for meanwhile.
    fn keep_burst(self: &Arc<Self>, id: &RunId, instance: u32, k6: Arc<dyn Instance>) {
        let mut state = self.state();
        state.extras.insert(instance, k6.clone());
        let wanted = !state.closing
            && state.run(id).is_some_and(|run| {
                run.state == RunState::Running
                    && run.bursts.iter().any(|burst| burst.instance == instance && !burst.removing)
            });
        self.publish(&state);
        drop(state);
        if !wanted {
            self.insist_on_burst(id, instance, k6.clone());
        }
        self.follow_burst(id.clone(), instance, k6);
    }

    /// Takes a burst of the run at work away before its time. Asking again tries at once what is being tried.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::LoadRefused`]; [`ApiError::Unavailable`] where its k6 can't be reached: it is then
    /// tried until it can.
    pub async fn remove_load(self: &Arc<Self>, id: RunId, instance: u32, caller: Caller) -> Result<Burst, ApiError> {
        let (burst, k6) = {
            let mut state = self.state();
            let refused = |refusal| Err(ApiError::LoadRefused { refusal });
            let run = state.run_mut(&id).ok_or_else(|| unknown(&id))?;
            let over = !run.state.is_active();
            let burst = run.bursts.iter_mut().find(|burst| burst.instance == instance);
            let burst =
                burst.ok_or_else(|| ApiError::NotFound { what: format!("added load {instance} of run {id}") })?;
            if over || !burst.is_at_work() {
                return refused(LoadRefusal::BurstOver);
            }
            burst.removing = true;
            let burst = burst.clone();
            self.publish(&state);
            // Where its k6 is not there yet, its start passes this on.
            (burst, state.extras.get(&instance).cloned())
        };
        tracing::info!(run_id = %id, caller.correlation_id, door = %caller.door, instance, "load is taken away");
        let Some(k6) = k6 else { return Ok(burst) };
        let tries = self.insist_on_burst(&id, instance, k6);
        let (problem, ()) = tokio::join!(tries.problem(), self.record_soon(&id));
        match problem {
            None => Ok(burst),
            Some(problem) => {
                let what = format!("the stop has not reached k6 yet and is tried again until it has: {problem}");
                Err(ApiError::Unavailable { what })
            }
        }
    }

    /// Brings a burst forward with its k6 until that is over.
    pub fn follow_burst(self: &Arc<Self>, id: RunId, instance: u32, k6: Arc<dyn Instance>) {
        let this = self.clone();
        self.shutdown.tasks.spawn(async move {
            let mut states = k6.state();
            loop {
                let now = states.borrow_and_update().clone();
                this.note_burst(&id, instance, &now).await;
                if now.is_over() {
                    return;
                }
                tokio::select! {
                    changed = states.changed() => if changed.is_err() { return },
                    () = this.shutdown.token.cancelled() => return,
                }
            }
        });
    }

    /// Takes in what is known of a burst's k6.
    pub async fn note_burst(&self, id: &RunId, instance: u32, now: &InstanceState) {
        let (ended_ms, started_ms, how) = match now {
            InstanceState::Preparing => return,
            InstanceState::Running { started_ms } => {
                let begun = self.change_burst(id, instance, |burst| burst.started_ms = Some(*started_ms));
                if begun {
                    tracing::info!(run_id = %id, instance, started_ms, "added load is sent");
                    self.record(id).await;
                }
                return;
            }
            InstanceState::Ended(exit) => {
                let (archive, run) = (self.archive.clone(), id.clone());
                let read = move || archive.log_of_part(&run, Part::burst(instance), LOG_LINES);
                let log = tokio::task::spawn_blocking(read).await.unwrap_or_default();
                (exit.ended_ms, exit.started_ms, verdict::verdict(exit, &log))
            }
            InstanceState::Lost { started_ms, why } => (now_ms(), *started_ms, verdict::lost(why)),
        };
        let ended = self.change_burst(id, instance, |burst| {
            burst.started_ms = started_ms.or(burst.started_ms);
            burst.ended_ms = Some(ended_ms);
            (burst.end, burst.message) = end(how, burst.removing);
        });
        self.state().extras.remove(&instance);
        self.bursts_changed.notify_waiters();
        if ended {
            tracing::info!(run_id = %id, instance, "added load is over");
            self.record(id).await;
        }
    }

    /// Changes a burst that is not over.
    fn change_burst(&self, id: &RunId, instance: u32, change: impl FnOnce(&mut Burst)) -> bool {
        self.change(id, |run| {
            let burst = run.bursts.iter_mut().find(|burst| burst.instance == instance && burst.is_at_work());
            if let Some(burst) = burst {
                change(burst);
            }
        })
    }

    /// Ends every burst of a run whose plan's k6 is over, and waits until none is left; their deadline ends those that don't
    /// obey.
    pub async fn end_bursts(self: &Arc<Self>, id: &RunId) {
        let extras = {
            let mut state = self.state();
            if state.current.as_ref() != Some(id) {
                return;
            }
            state.closing = true;
            state.extras()
        };
        for (instance, k6) in extras {
            self.insist_on_burst(id, instance, k6);
        }
        loop {
            let mut changed = std::pin::pin!(self.bursts_changed.notified());
            changed.as_mut().enable();
            if self.state().run(id).is_none_or(|run| run.bursts_at_work().next().is_none()) {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = self.shutdown.token.cancelled() => return,
            }
        }
    }

    /// What an earlier process left of a run's bursts: those that are over are noted, those at work are handed back.
    pub async fn recover_bursts(&self, id: &RunId) -> Vec<(u32, Arc<dyn Instance>)> {
        let dir = self.archive.dir(id);
        let folder = dir.clone();
        let found = tokio::task::spawn_blocking(move || Part::bursts(&folder)).await.unwrap_or_default();
        let (open, over) = {
            let state = self.state();
            let bursts = state.run(id).map(|run| run.bursts.clone()).unwrap_or_default();
            let (open, over): (Vec<_>, Vec<_>) = bursts.into_iter().partition(Burst::is_at_work);
            let number = |burst: &Burst| burst.instance;
            (open.iter().map(number).collect::<Vec<_>>(), over.iter().map(number).collect::<Vec<_>>())
        };
        // Also those that the record could not be told of.
        let unknown = found.iter().map(|part| part.number()).filter(|number| !open.contains(number));
        let numbers = open.iter().copied().chain(unknown).filter(|number| !over.contains(number)).collect::<Vec<_>>();
        let mut at_work = Vec::new();
        for number in numbers {
            let part = Part::burst(number);
            let k6 = self.engine.recover(id, part, &part.folder(&dir)).await;
            let now = k6.state().borrow().clone();
            self.note_burst(id, number, &now).await;
            if !now.is_over() {
                at_work.push((number, k6));
            }
        }
        at_work
    }
}

fn unknown(id: &RunId) -> ApiError {
    ApiError::NotFound { what: format!("run {id}") }
}

/// Why a burst ended, and what k6 said of it, whose k6 ended so. Nobody but us stops it: because somebody asked, or with the run.
fn end(how: Verdict, removing: bool) -> (Option<BurstEnd>, String) {
    let (end, message) = match how {
        Verdict::Passed | Verdict::Failed => (BurstEnd::Done, String::new()),
        Verdict::Stopped | Verdict::Aborted | Verdict::Cancelled if removing => (BurstEnd::Removed, String::new()),
        Verdict::Stopped | Verdict::Aborted | Verdict::Cancelled => (BurstEnd::WithRun, String::new()),
        Verdict::TimedOut => (BurstEnd::Crashed, "it was past its deadline".into()),
        Verdict::Crashed { message, .. } => (BurstEnd::Crashed, message),
    };
    (Some(end), message)
}
