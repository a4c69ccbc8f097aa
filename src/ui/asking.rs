//! Asking the server again and again, as long as somebody looks.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

/// How often.
const PAUSE: Duration = Duration::from_secs(1);

/// Questions of which only the newest counts. Copies are the same.
#[derive(Clone, Copy)]
pub struct Asking(StoredValue<u32>);

impl Asking {
    /// Nothing is asked for.
    pub fn new() -> Self {
        Self(StoredValue::new(0))
    }

    /// Ends what was asked for up to now.
    pub fn stop(self) -> u32 {
        self.0.update_value(|turn| *turn += 1);
        self.0.get_value()
    }

    /// Asks in place of what was asked for up to now, and again in a while as long as there is more to come. `ask` gets what tells
    /// whether its answer is still waited for, and says whether more is to come.
    pub fn begin<Answer: Future<Output = bool> + 'static>(self, ask: impl Fn(Wanted) -> Answer + 'static) {
        let wanted = Wanted { turn: self.stop(), newest: self.0 };
        again(wanted, ask);
    }
}

/// Whether an answer is still waited for.
#[derive(Clone, Copy)]
pub struct Wanted {
    turn: u32,
    newest: StoredValue<u32>,
}

impl Wanted {
    /// Whether nothing else was asked for since, and somebody still looks.
    pub fn is_still(self) -> bool {
        self.newest.try_get_value() == Some(self.turn)
    }
}

fn again<Answer: Future<Output = bool> + 'static>(wanted: Wanted, ask: impl Fn(Wanted) -> Answer + 'static) {
    spawn_local(async move {
        if ask(wanted).await && wanted.is_still() {
            set_timeout(
                move || {
                    if wanted.is_still() {
                        again(wanted, ask);
                    }
                },
                PAUSE,
            );
        }
    });
}
