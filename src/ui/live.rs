//! The live picture as signals: seeded by the first HTML, then kept up to date by the stream.

pub mod parse;
#[cfg(feature = "hydrate")]
mod stream;

use leptos::prelude::*;

use super::browser;
use crate::{
    api::page::PageState,
    domain::{
        Millis,
        live::{LiveState, Snapshot},
        run::Run,
    },
};

/// How the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Not connected yet.
    Connecting,
    /// Messages come.
    Live,
    /// Broken off; tried again.
    Lost,
}

impl Connection {
    /// Its name in `data-state`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Lost => "lost",
        }
    }
}

/// A handle on the live picture. Context of the whole page.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The picture; updated once a message.
    pub state: RwSignal<LiveState>,
    /// How the stream is.
    pub connection: RwSignal<Connection>,
    /// The server's clock minus the browser's, in ms.
    pub clock_offset_ms: RwSignal<i64>,
    /// The server's clock, ticking.
    pub now_ms: RwSignal<Millis>,
    /// The run to show.
    pub run: Memo<Option<Run>>,
    /// What the server answered to our last Start or Stop: shown until the stream knows at least as much.
    pub answer: RwSignal<Option<Run>>,
    seeded: StoredValue<bool>,
}

impl Live {
    /// Puts a handle into context and keeps it up to date in the browser.
    pub fn provide() -> Self {
        let state = RwSignal::new(LiveState::default());
        let answer = RwSignal::new(None::<Run>);
        let live = Self {
            state,
            connection: RwSignal::new(Connection::Connecting),
            clock_offset_ms: RwSignal::new(0),
            now_ms: RwSignal::new(0),
            run: Memo::new(move |_| {
                state.with(|state| {
                    answer.with(|answer| match (&state.snapshot.status.run, answer) {
                        (Some(streamed), Some(answer)) => Some(Run::newer(streamed, answer).clone()),
                        (streamed, answer) => answer.as_ref().or(streamed.as_ref()).cloned(),
                    })
                })
            }),
            answer,
            seeded: StoredValue::new(false),
        };
        provide_context(live);
        Effect::new(move |_| live.connect());
        live
    }

    /// Takes what the first HTML shows, once: later pictures come from the stream.
    pub fn seed(self, page: &PageState) {
        if self.seeded.with_value(|seeded| *seeded) {
            return;
        }
        self.seeded.set_value(true);
        self.now_ms.set(page.now_ms);
        self.state.set(LiveState {
            snapshot: Snapshot {
                now_ms: page.now_ms,
                status: page.status.clone(),
                frame: page.frame.clone(),
                recent: page.recent.clone(),
                ..Snapshot::default()
            },
        });
    }

    /// Follows the server's clock.
    fn set_clock(self, server_ms: Millis) {
        let offset =
            i64::try_from(server_ms).unwrap_or_default() - i64::try_from(browser::now_ms()).unwrap_or_default();
        self.clock_offset_ms.set(offset);
        self.tick();
    }

    fn tick(self) {
        let now = browser::now_ms().saturating_add_signed(self.clock_offset_ms.get_untracked());
        self.now_ms.set(now);
    }

    #[cfg(feature = "hydrate")]
    fn connect(self) {
        let seeded = self.state.with_untracked(|state| state.snapshot.now_ms);
        if seeded > 0 {
            self.set_clock(seeded);
        }
        // Both live as long as the page.
        set_interval(move || self.tick(), std::time::Duration::from_millis(250));
        stream::open(self);
    }

    #[cfg(not(feature = "hydrate"))]
    fn connect(self) {
        let _ = Self::set_clock;
    }
}
