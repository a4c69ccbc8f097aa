//! A stop that was asked for is tried until k6 has it.

use std::{sync::Arc, time::Duration};

use ha_dashboard::domain::run::RunId;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tracing::Instrument;

use super::Supervisor;
use crate::server::engine::{Instance, InstanceState};

/// How long who asks for a stop waits to hear that k6 has it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);

/// The tries to stop a run.
#[derive(Clone)]
pub struct Tries {
    at_once: Arc<Notify>,
    last: watch::Receiver<Tried>,
}

/// How the last try went.
#[derive(Clone, PartialEq)]
enum Tried {
    /// None has come to an end.
    NotYet,
    /// k6 has it.
    Done,
    /// It did not get there.
    Failed(String),
}

impl Tries {
    /// Tries again at once and waits a little for how it goes. `None`: k6 has it or is over.
    pub async fn problem(mut self) -> Option<String> {
        self.last.mark_unchanged();
        let before = self.last.borrow().clone();
        if before == Tried::Done {
            return None;
        }
        // For the first one nobody has to wait, so this wakes nobody.
        if before != Tried::NotYet {
            self.at_once.notify_one();
        }
        // A sender that is gone had a run that is over.
        match timeout(PATIENCE, self.last.changed()).await {
            Ok(Err(_)) => None,
            Ok(Ok(())) | Err(_) => match &*self.last.borrow() {
                Tried::Done => None,
                Tried::NotYet => Some(slow()),
                Tried::Failed(problem) => Some(problem.clone()),
            },
        }
    }
}

fn slow() -> String {
    format!("no answer for {} s", PATIENCE.as_secs())
}

impl Supervisor {
    /// Stops a run's instance, as often as it takes; the run tells what stands in the way.
    pub fn insist(self: &Arc<Self>, id: RunId, instance: Arc<dyn Instance>) -> Tries {
        let this = self.clone();
        self.insist_and(id.clone(), instance, move |problem| {
            let problem = problem.cloned();
            this.change(&id, |run| run.stop_problem = problem)
        })
    }

    /// Stops the k6 of a burst, as often as it takes.
    pub fn insist_on_burst(self: &Arc<Self>, id: &RunId, instance: u32, k6: Arc<dyn Instance>) -> Tries {
        let mut before = None;
        self.insist_and(id.clone(), k6, move |problem| {
            let news = before.as_ref() != problem;
            before = problem.cloned();
            if news && problem.is_some() {
                tracing::warn!(instance, "the added load can't be taken away yet");
            }
            news
        })
    }

    /// `tell` is told what stands in the way, and says whether that is news.
    fn insist_and(
        self: &Arc<Self>,
        id: RunId,
        instance: Arc<dyn Instance>,
        mut tell: impl FnMut(Option<&String>) -> bool + Send + 'static,
    ) -> Tries {
        let (tried, last) = watch::channel(Tried::NotYet);
        let at_once = Arc::new(Notify::new());
        let tries = Tries { at_once: at_once.clone(), last };
        let this = self.clone();
        let stop = async move {
            let mut states = instance.state();
            let over = states.wait_for(InstanceState::is_over);
            tokio::select! {
                // The last word is that of the end.
                biased;
                _ = over => {}
                () = this.shutdown.token.cancelled() => {}
                () = try_to_stop(&id, &*instance, &tried, &at_once, &mut tell) => {}
            }
        };
        self.shutdown.tasks.spawn(stop.in_current_span());
        tries
    }
}

async fn try_to_stop(
    id: &RunId,
    instance: &dyn Instance,
    tried: &watch::Sender<Tried>,
    at_once: &Notify,
    news: &mut (dyn FnMut(Option<&String>) -> bool + Send),
) {
    let mut tell = |now: Tried| {
        let problem = match &now {
            Tried::Failed(problem) => Some(problem),
            Tried::NotYet | Tried::Done => None,
        };
        if news(problem)
            && let Some(problem) = problem
        {
            tracing::warn!(run_id = %id, problem, "the stop has not reached k6 and is tried again");
        }
        tried.send_replace(now);
    };
    loop {
        let mut stop = std::pin::pin!(instance.stop());
        let result = match timeout(PATIENCE, &mut stop).await {
            Ok(result) => result,
            Err(_) => {
                tell(Tried::Failed(slow()));
                stop.await
            }
        };
        match result {
            Ok(()) => return tell(Tried::Done),
            Err(error) => tell(Tried::Failed(error.to_string())),
        }
        tokio::select! {
            () = sleep(AGAIN) => {}
            () = at_once.notified() => {}
        }
    }
}
