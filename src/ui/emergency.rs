//! The emergency stop: a button in the bar on top that asks once, in a form that needs no script.

use leptos::prelude::*;

use super::text::use_text;

/// Names what the button opens.
const ASKS: &str = "emergency-stop";

/// The button, and what it asks before anything happens.
#[component]
pub fn EmergencyStop(
    /// The page that it stands on.
    here: Signal<String>,
) -> impl IntoView {
    let text = use_text();
    let path = move || format!("/emergency-stop?back={}", here.get());
    view! {
        <button type="button" class="emergency" data-needs="presenter" popovertarget=ASKS title=text.emergency_stop>
            <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path d="M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8z" />
            </svg>
            <span>{text.emergency_stop}</span>
        </button>
        <form id=ASKS popover="auto" class="card emergency-asks" method="post" action=path aria-labelledby="emergency-title">
            <h2 id="emergency-title">{text.emergency_stop}</h2>
            <p>{text.emergency_what}</p>
            <p class="emergency-choice">
                <button type="button" class="button" popovertarget=ASKS popovertargetaction="hide">
                    {text.emergency_not}
                </button>
                <button type="submit" class="button danger">{text.emergency_now}</button>
            </p>
        </form>
    }
}
