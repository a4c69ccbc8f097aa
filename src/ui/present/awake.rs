//! Keeps the screen on while the presentation is shown.

use leptos::prelude::*;

use crate::ui::browser;

/// From now on until the component at hand goes. A screen lock or another tab takes it away, so it is asked for again each time
/// the page is seen again.
pub fn stay_awake() {
    Effect::new(move |_| {
        browser::keep_screen_on();
        let seen = window_event_listener_untyped("visibilitychange", |_| browser::keep_screen_on());
        on_cleanup(move || {
            seen.remove();
            browser::let_screen_off();
        });
    });
}
