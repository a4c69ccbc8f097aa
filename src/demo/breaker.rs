//! The circuit breaker before a dependency: when too many calls fail, the next ones are refused at once for a while; then a
//! few are tried, and decide whether calls go through again. What it does is told as metrics.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use ha_dashboard::domain::breaker::{self as names, BreakerState};
use reqwest::{Client, Request, StatusCode};
use tower::{Layer, Service, ServiceExt};
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerConfigError, CircuitBreakerError, CircuitBreakerHandle, CircuitBreakerLayer,
    CircuitState, FnClassifier, SlidingWindowType,
};

use crate::server::{clock::now_ms, exposition::Exposition};

/// Calls of this long ago and less count.
const WINDOW: Duration = Duration::from_secs(5);

/// Fewer calls than this decide nothing.
const FEWEST: usize = 10;

/// The breaker opens when as great a share of them failed.
const OPENS_AT: f64 = 0.5;

/// How long it stays open before it tries.
const OPEN_FOR: Duration = Duration::from_secs(2);

/// As many tries must succeed, and one that fails opens it again.
const TRIES: usize = 3;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The breaker is open: nobody was asked.
    Refused,
    /// It took too long.
    TooLate,
    /// Something else.
    Failed,
}

/// A breaker and what it has done so far. Copies are handles on the same one.
#[derive(Clone)]
pub struct Breaker {
    dependency: &'static str,
    guarded: CircuitBreaker<Caller, Judge>,
    handle: CircuitBreakerHandle<Judge>,
    tally: Arc<Tally>,
}

type Outcome = Result<Answer, reqwest::Error>;

type Judge = FnClassifier<fn(&Outcome) -> bool>;

impl Breaker {
    /// A closed one, for calls over `http`.
    ///
    /// # Errors
    /// When the breaker's library does not take the numbers above.
    pub fn new(dependency: &'static str, http: Client) -> Result<Self, CircuitBreakerConfigError> {
        let tally = Arc::new(Tally::default());
        let on = |what: fn(&Tally)| {
            let tally = Arc::clone(&tally);
            move || what(&tally)
        };
        let (succeeded, failed) = (on(|tally| tally.ended(false)), on(|tally| tally.ended(true)));
        let changed = Arc::clone(&tally);
        let (layer, handle) = CircuitBreakerLayer::builder()
            .name(dependency)
            .sliding_window_type(SlidingWindowType::TimeBased)
            .sliding_window_duration(WINDOW)
            .minimum_number_of_calls(FEWEST)
            .failure_rate_threshold(OPENS_AT)
            .wait_duration_in_open(OPEN_FOR)
            .permitted_calls_in_half_open(TRIES)
            .on_success(move |_| succeeded())
            .on_failure(move |_| failed())
            .on_call_rejected(on(|tally| tally.count(&tally.rejected)))
            .on_state_transition(move |_, to| {
                tracing::info!(dependency, state = state(to).name(), "breaker changed");
                changed.changed(state(to));
            })
            .failure_classifier(failure as fn(&Outcome) -> bool)
            .build_with_handle()?;
        Ok(Self { dependency, guarded: layer.layer(Caller(http)), handle, tally })
    }

    /// Makes a call, if the breaker lets it through.
    pub async fn call(&self, request: Request) -> Result<Answer, Unanswered> {
        // A call that was begun is brought to its end, and counts, also when whoever wanted it has gone: orders that give up
        // after their first refused call would take every try back, and the breaker would never close.
        match tokio::spawn(self.guarded.clone().oneshot(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(CircuitBreakerError::OpenCircuit)) => Err(Unanswered::Refused),
            Ok(Err(CircuitBreakerError::Inner(error))) if error.is_timeout() => Err(Unanswered::TooLate),
            Ok(Err(CircuitBreakerError::Inner(_))) | Err(_) => Err(Unanswered::Failed),
        }
    }

    /// Tells of it.
    pub fn tell(&self, text: &mut Exposition) {
        let dependency = ("dependency", self.dependency);
        let now = state(self.handle.state());
        for possible in BreakerState::ALL {
            let labels = [dependency, ("state", possible.name())];
            let value = f64::from(u8::from(possible == now));
            text.gauge(
                names::STATE,
                "1 for the state that the circuit breaker is in, 0 for the others.",
                &labels,
                value,
            );
        }
        let tally = &self.tally;
        for (outcome, count) in
            [("success", &tally.success), ("failure", &tally.failure), ("rejected", &tally.rejected)]
        {
            let help = "Calls by outcome; rejected: refused by the circuit breaker.";
            text.counter(names::CALLS, help, &[dependency, ("outcome", outcome)], count.load(Relaxed));
        }
        if let Some(share) = tally.failure_share() {
            let help = "Share of failures among the calls of the last seconds, 0-1.";
            text.gauge(names::FAILURE_SHARE, help, &[dependency], share);
        }
        for (state, count) in BreakerState::ALL.into_iter().zip(&tally.changes) {
            let help = "Changes of the circuit breaker by the state after them.";
            text.counter(names::CHANGES, help, &[dependency, ("state", state.name())], count.load(Relaxed));
        }
        let last_ms = tally.last_change_ms.load(Relaxed);
        if last_ms > 0 {
            let help = "When the circuit breaker changed last, in seconds since 1970.";
            text.gauge(names::LAST_CHANGE, help, &[dependency], last_ms as f64 / 1000.0);
        }
    }
}

/// Whether a call failed: what the caller got wrong is an answer, too.
fn failure(outcome: &Outcome) -> bool {
    outcome.as_ref().map_or(true, |answer| answer.status.is_server_error())
}

fn state(state: CircuitState) -> BreakerState {
    match state {
        CircuitState::Closed => BreakerState::Closed,
        CircuitState::HalfOpen => BreakerState::HalfOpen,
        CircuitState::Open => BreakerState::Open,
    }
}

/// What a breaker has done since it was made.
#[derive(Default)]
struct Tally {
    success: AtomicU64,
    failure: AtomicU64,
    rejected: AtomicU64,
    /// In the order of [`BreakerState::ALL`].
    changes: [AtomicU64; 3],
    /// 0: never.
    last_change_ms: AtomicU64,
    /// When the last calls ended, and whether they failed. The library forgets them when its breaker opens.
    window: Mutex<VecDeque<(Instant, bool)>>,
}

impl Tally {
    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    fn ended(&self, failed: bool) {
        self.count(if failed { &self.failure } else { &self.success });
        self.window().push_back((Instant::now(), failed));
    }

    /// The calls that ended within the window.
    fn window(&self) -> MutexGuard<'_, VecDeque<(Instant, bool)>> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        while window.pop_front_if(|(at, _)| at.elapsed() > WINDOW).is_some() {}
        window
    }

    fn failure_share(&self) -> Option<f64> {
        let window = self.window();
        let failed = window.iter().filter(|(_, failed)| *failed).count();
        (!window.is_empty()).then(|| failed as f64 / window.len() as f64)
    }

    fn changed(&self, to: BreakerState) {
        let counters = BreakerState::ALL.into_iter().zip(&self.changes);
        counters.filter(|(state, _)| *state == to).for_each(|(_, counter)| self.count(counter));
        self.last_change_ms.store(now_ms(), Relaxed);
    }
}

/// Makes calls, and reads answers to their end: one that breaks off has failed.
#[derive(Clone)]
struct Caller(Client);

impl Service<Request> for Caller {
    type Response = Answer;
    type Error = reqwest::Error;
    type Future = BoxFuture<'static, Outcome>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let http = self.0.clone();
        Box::pin(async move {
            let answer = http.execute(request).await?;
            Ok(Answer { status: answer.status(), body: answer.bytes().await? })
        })
    }
}
