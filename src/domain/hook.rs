//! Webhooks: who is told what, and what becomes of a message, by the rules of Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use serde::{Deserialize, Serialize};

use super::Millis;

/// What somebody may be told of.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookEvent {
    /// k6 began to send load.
    #[serde(rename = "run.started")]
    RunStarted,
    /// A run is over.
    #[serde(rename = "run.finished")]
    RunFinished,
    /// A threshold no longer holds.
    #[serde(rename = "threshold.crossed")]
    ThresholdCrossed,
    /// A threshold that was crossed holds again.
    #[serde(rename = "threshold.recovered")]
    ThresholdRecovered,
    /// A fault is taken back, and what it cost is known.
    #[serde(rename = "fault.over")]
    FaultOver,
    /// Somebody tries out whether messages arrive.
    #[serde(rename = "test")]
    Test,
}

/// How a message looks.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookForm {
    /// `type`, `timestamp` and `data`, for programs.
    Json,
    /// `text`, for Slack and what takes the same.
    Slack,
}

/// What came of a try to deliver a message.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Answer {
    /// There was an answer.
    Status {
        /// Its HTTP status.
        status: u16,
        /// What it asks to wait, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// None came in time.
    Timeout,
    /// Nobody could be asked.
    Unreachable {
        /// Why, in English.
        reason: String,
    },
}

/// What becomes of a message after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has arrived.
    Delivered,
    /// It is tried again.
    Again {
        /// After so many ms.
        after_ms: Millis,
    },
    /// It is not tried again.
    GivenUp,
    /// The receiver wants no message any more: 410.
    Unwanted,
}

/// Where a message is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It is still to be delivered.
    Waiting,
    /// It has arrived.
    Delivered,
    /// It did not arrive, and is not tried again.
    GivenUp,
}

/// A message to a target, without its text.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message's id, the same at every try and for every target.
    pub id: String,
    /// The target's name.
    pub hook: String,
    /// What it tells.
    pub event: HookEvent,
    /// When that happened, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub at_ms: Millis,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next, in ms since 1970; none: it is not.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub due_ms: Option<Millis>,
    /// When it was tried last, in ms since 1970; none: not yet.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>, required = true))]
    pub tried_ms: Option<Millis>,
    /// What came of the last try; none: there was none.
    #[cfg_attr(feature = "ssr", schema(required = true))]
    pub answer: Option<Answer>,
}

/// Waits before the second try, the third, and so on, in seconds: the schedule that the specification gives.
const DELAYS_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// The longest wait that a receiver may ask for, in seconds: a day.
const LONGEST_S: u64 = 86_400;

/// How much longer than planned a wait may be, as a share, so that messages that failed together do not come back together.
const JITTER: f64 = 0.2;

impl HookEvent {
    /// What a target may ask for, in the order of a run.
    pub const ALL: [Self; 5] =
        [Self::RunStarted, Self::RunFinished, Self::ThresholdCrossed, Self::ThresholdRecovered, Self::FaultOver];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunStarted => "run.started",
            Self::RunFinished => "run.finished",
            Self::ThresholdCrossed => "threshold.crossed",
            Self::ThresholdRecovered => "threshold.recovered",
            Self::FaultOver => "fault.over",
            Self::Test => "test",
        }
    }

    /// The one with this name; none for [`Self::Test`], which nobody asks for.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

impl HookForm {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Json, Self::Slack].into_iter().find(|form| form.name() == name)
    }
}

impl Answer {
    /// What becomes of a message of which the `tries`th try (from 1) ended like this; `chance`, 0–1, spreads the waits.
    pub fn fate(&self, tries: u32, chance: f64) -> Fate {
        let asked_s = match self {
            Self::Status { status: 200..=299, .. } => return Fate::Delivered,
            Self::Status { status: 410, .. } => return Fate::Unwanted,
            Self::Status { retry_after_s, .. } => retry_after_s.unwrap_or_default().min(LONGEST_S),
            Self::Timeout | Self::Unreachable { .. } => 0,
        };
        let tried = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(planned_s) = DELAYS_S.get(tried) else { return Fate::GivenUp };
        let seconds = asked_s.max(*planned_s) as f64 * (1.0 + JITTER * chance.clamp(0.0, 1.0));
        Fate::Again { after_ms: (seconds * 1e3) as Millis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after_s: Option<u64>) -> Answer {
        Answer::Status { status, retry_after_s }
    }

    #[test]
    fn waits_grow_to_a_day_and_end_after_ten_tries() {
        let seconds = |tries| match status(500, None).fate(tries, 0.0) {
            Fate::Again { after_ms } => Some(after_ms / 1000),
            _ => None,
        };
        let waits = (1..=10).map(seconds).collect::<Vec<_>>();
        let spec = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        assert_eq!(waits, spec.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
        assert_eq!(status(500, None).fate(1, 1.0), Fate::Again { after_ms: 6_000 });
        assert_eq!(status(500, None).fate(u32::MAX, 0.0), Fate::GivenUp);
    }

    #[test]
    fn an_answer_decides() {
        for (answer, fate) in [
            (status(200, None), Fate::Delivered),
            (status(204, Some(9)), Fate::Delivered),
            (status(301, None), Fate::Again { after_ms: 5_000 }),
            (status(404, None), Fate::Again { after_ms: 5_000 }),
            (status(410, None), Fate::Unwanted),
            (status(429, Some(60)), Fate::Again { after_ms: 60_000 }),
            (status(503, Some(1)), Fate::Again { after_ms: 5_000 }),
            (status(503, Some(u64::MAX)), Fate::Again { after_ms: 86_400_000 }),
            (Answer::Timeout, Fate::Again { after_ms: 5_000 }),
            (Answer::Unreachable { reason: "no route".into() }, Fate::Again { after_ms: 5_000 }),
        ] {
            assert_eq!(answer.fate(1, 0.0), fate, "{answer:?}");
        }
    }

    #[test]
    fn names_lead_back_and_nobody_asks_for_tests() {
        for event in HookEvent::ALL {
            assert_eq!(HookEvent::from_name(event.name()), Some(event));
            assert_eq!(serde_json::to_value(event).ok(), Some(event.name().into()));
        }
        assert_eq!(HookEvent::from_name("test"), None);
        assert_eq!(HookForm::from_name("slack"), Some(HookForm::Slack));
    }
}
