//! `/load`: set up, start, watch and stop a test.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::ui::{
    charts::LiveCharts,
    live::{Connection, Live},
    load::{
        ActionError, Announcer, ByService, ByStatus, Form, InDetail, LastVerdict, LiveLog, LoadForm, Notices, RunPanel,
        Strip, Thresholds, Tiles, Timeline,
    },
    parts::LocalTime,
    text::use_text,
};

/// Keeps the page up to date without JavaScript. As text: a browser with JavaScript makes no elements of it to hydrate.
const RELOAD: &str = r#"<meta http-equiv="refresh" content="5">"#;

/// The load page.
#[component]
pub fn LoadPage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.nav_load />
        <WithState>
            <h1 class="visually-hidden">{text.form_name}</h1>
            <Announcer />
            <Notices />
            <div class="load-page">
                <div class="control">
                    <Control />
                </div>
                <LiveArea />
            </div>
        </WithState>
    }
}

/// Loads the page again and again where no script keeps it up to date.
#[component]
pub fn ReloadWithoutScript() -> impl IntoView {
    view! { <noscript inner_html=RELOAD></noscript> }
}

/// The run, if there is one, and the form while none is at work.
#[component]
fn Control() -> impl IntoView {
    let live: Live = expect_context();
    let active = Memo::new(move |_| live.run.with(|run| run.as_ref().is_some_and(|run| run.state.is_active())));
    let again = Signal::derive(move || live.run.with(Option::is_some));
    let form: Form = expect_context();
    let problem = form.problem();
    // Next to its button while the form is there; a run that somebody else started first has taken the form's place.
    let refused = Signal::derive(move || if active.get() { problem.get() } else { None });
    Effect::new(move |was_active: Option<bool>| {
        let active = active.get();
        if was_active == Some(true) && !active {
            form.forget_problem();
        }
        active
    });
    view! {
        // Only while a run is at work: a reload would empty the form under the hands of who fills it in.
        {move || active.get().then(|| view! { <ReloadWithoutScript /> }.into_any())}
        <ActionError error=refused />
        <RunPanel />
        <Thresholds />
        {move || (!active.get()).then(|| view! { <NextTest again problem /> })}
    }
}

/// The form; folded where there is little room and numbers of a test to look at. What it asks for opens it.
#[component]
fn NextTest(again: Signal<bool>, problem: Signal<Option<String>>) -> impl IntoView {
    let text = use_text();
    let form: Form = expect_context();
    let open = RwSignal::new(form.is_brought());
    Effect::new(move |_| {
        if problem.with(Option::is_some) {
            open.set(true);
        }
    });
    let folded = move || again.get() && !open.get();
    view! {
        <button
            type="button"
            class="button large unfold"
            aria-expanded=move || (!folded()).to_string()
            aria-controls="next-test"
            hidden=move || !again.get()
            on:click=move |_| open.update(|open| *open = !*open)
        >
            {text.again_heading}
        </button>
        <div id="next-test" class="next-test" data-folded=move || folded().then_some("")>
            <LoadForm again />
        </div>
    }
}

/// The numbers, charts and events of the run at work, or of the last one.
#[component]
pub(super) fn LiveArea() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let never_ran = Memo::new(move |_| live.run.with(Option::is_none));
    let delayed = Memo::new(move |_| live.state.with(|state| state.snapshot.status.metrics.delayed_s));
    let lost = Memo::new(move |_| live.connection.get() == Connection::Lost);
    let over = Memo::new(move |_| live.run.with(|run| run.as_ref().is_some_and(|run| !run.state.is_active())));
    let shown = Memo::new(move |_| live.run.with(|run| run.as_ref().map(|run| run.id.clone())));
    let last_ms = move || live.state.with_untracked(|state| state.snapshot.frame.at_ms);
    view! {
        <div class="live" data-stale=move || lost.get().then_some("")>
            <div class="live-head">
                <h2>{move || if over.get() { text.result_heading } else { text.now_heading }}</h2>
                {move || {
                    lost.get()
                        .then(|| {
                            view! {
                                <span class="badge" data-state="stopping" data-testid="last-values">
                                    <span>{text.last_values} " " <LocalTime at_ms=last_ms() /> {text.trying_again}</span>
                                </span>
                            }.into_any()
                        })
                }}
                {move || {
                    delayed
                        .get()
                        .map(|seconds| {
                            view! {
                                <span class="badge" data-state="stopping" data-testid="metrics-delayed">
                                    {(text.metrics_delayed)(seconds)}
                                </span>
                            }.into_any()
                        })
                }}
            </div>
            {move || {
                never_ran
                    .get()
                    .then(|| {
                        view! {
                            <p class="empty-line" data-needs="presenter">{text.live_empty}</p>
                            <p class="empty-line for-viewers">{text.live_empty_viewer}</p>
                        }.into_any()
                    })
            }}
            <LastVerdict />
            <Tiles />
            <Strip />
            <LiveCharts />
            <div class="tables">
                <ByService />
                <ByStatus />
            </div>
            <InDetail run=shown />
            <Timeline />
            <LiveLog run=shown />
        </div>
    }
}
