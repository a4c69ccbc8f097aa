//! A run with a scenario that explains itself, and the demo that is one.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    api::functions::start_run,
    domain::{
        Millis,
        cost::FaultCost,
        format,
        guide::{self, Turn},
        run::{Run, RunId},
        validate::Field,
    },
    ui::{
        browser,
        live::Live,
        load::{ActionError, Form},
        show::{self, guide::Line},
        text::{use_lang, use_text},
    },
};

/// The heading's id: where the focus goes when the demo begins.
const HEADING: &str = "guide";

/// The id of the line that says what the demo is, or what is in its way.
const ABOUT: &str = "guided-demo-about";

/// For how long what it came to is shown, in ms after its end.
const SHOWN_MS: Millis = 600_000;

/// How long who started the demo has to read that it is over, in ms.
const READ_MS: Millis = 5_000;

/// How long its last figures may take before its report opens without them, in ms after its end.
const LATEST_MS: Millis = 15_000;

/// The demo that was started on this page: its report opens here by itself.
pub type Own = RwSignal<Option<RunId>>;

/// The steps of the run at work, or of the last one, with what there is to see and what has come of it.
#[component]
pub fn Guide(
    /// The demo that was started here.
    own: Own,
) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let lines =
        Memo::new(move |_| told(live, |guide, costs| show::guide::lines(guide, costs, lang)).unwrap_or_default());
    let next = Memo::new(move |_| told(live, |guide, _| show::guide::next(guide, text)).flatten());
    let name = Memo::new(move |_| live.run.with(|run| run.as_ref()?.scenario.as_ref().map(|one| one.name.clone())));
    let over = Memo::new(move |_| {
        live.run.with(|run| run.as_ref().filter(|run| !run.state.is_active()).map(|run| run.id.clone()))
    });
    let is_own = Memo::new(move |_| over.get().is_some() && over.get() == own.get());
    let count = Memo::new(move |_| lines.with(Vec::len));
    let said = Memo::new(move |_| lines.with(|lines| announced(lines)));
    open_report(own, live, lines);
    view! {
        <p class="visually-hidden" aria-live="polite" data-testid="guide-said">{said}</p>
        {move || {
            let count = count.get();
            (count > 0).then(|| {
                let legs = (0..count).map(|at| view! { <Leg lines at /> }.into_any()).collect_view();
                view! {
                    <section class="card guide" aria-labelledby=HEADING data-testid="guide">
                        <h2 id=HEADING tabindex="-1">{text.guide}</h2>
                        <p class="muted">{name}</p>
                        {move || next.get().map(|(what, in_s)| {
                            view! {
                                <p class="guide-next" data-testid="guide-next">
                                    {(text.guide_next)(&what, &format::clock(in_s))}
                                </p>
                            }
                                .into_any()
                        })}
                        <ol class="guide-legs">{legs}</ol>
                        {move || over.get().map(|id| {
                            view! {
                                <p class="guide-over">
                                    <a class="button primary" href=format!("/runs/{id}")>{text.guide_report}</a>
                                    " "
                                    {move || is_own.get().then_some(text.guide_opens)}
                                </p>
                            }
                                .into_any()
                        })}
                    </section>
                }
                .into_any()
            })
        }}
    }
}

/// What there is to tell of the run whose steps are to be seen.
fn told<T>(live: Live, tell: impl FnOnce(&guide::Guide, &[FaultCost]) -> T) -> Option<T> {
    let now_ms = live.now_ms.get();
    live.run.with(|run| {
        let run = run.as_ref().filter(|run| is_shown(run, now_ms))?;
        live.state.with(|state| {
            let status = &state.snapshot.status;
            guide::Guide::of(run, &status.faults, now_ms).map(|guide| tell(&guide, &status.costs))
        })
    })
}

/// Whether a run's steps are to be seen: at work, or just over.
fn is_shown(run: &Run, now_ms: Millis) -> bool {
    run.state.is_active() || run.ended_ms.is_some_and(|ended_ms| now_ms < ended_ms.saturating_add(SHOWN_MS))
}

/// What those who listen are told: the newest leg at work, or, when all is over, what has come of each.
fn announced(lines: &[Line]) -> String {
    match lines.iter().rev().find(|line| line.turn == Turn::Now) {
        Some(now) => format!("{}. {}", now.title, now.watch),
        None => {
            let told = lines.iter().filter(|line| line.settled).flat_map(|line| line.told.iter().cloned());
            told.collect::<Vec<_>>().join(". ")
        }
    }
}

/// Opens the report of the demo that was started here, once it is over and its figures are known.
fn open_report(own: Own, live: Live, lines: Memo<Vec<Line>>) {
    Effect::new(move |_| {
        let navigate = use_navigate();
        let Some(own_id) = own.get() else { return };
        let ended_ms =
            live.run.with(|run| run.as_ref().filter(|run| run.id == own_id && !run.state.is_active())?.ended_ms);
        let Some(ended_ms) = ended_ms else { return };
        let since_ms = live.now_ms.get().saturating_sub(ended_ms);
        let settled = lines.with(|lines| lines.iter().all(|line| line.settled));
        if since_ms >= LATEST_MS || (settled && since_ms >= READ_MS) {
            own.set(None);
            navigate(&format!("/runs/{own_id}"), Default::default());
        }
    });
}

/// One leg.
#[component]
fn Leg(
    /// All of them.
    lines: Memo<Vec<Line>>,
    /// Which one.
    at: usize,
) -> impl IntoView {
    let text = use_text();
    let line = Memo::new(move |_| lines.with(|lines| lines.get(at).cloned()));
    let turn = Memo::new(move |_| line.with(|line| line.as_ref().map_or(Turn::Next, |line| line.turn)));
    // Of several faults at work at a time the newest is the step that this is at.
    let is_now =
        Memo::new(move |_| lines.with(|lines| lines.iter().rposition(|line| line.turn == Turn::Now) == Some(at)));
    let part = move |of: fn(&Line) -> String| move || line.with(|line| line.as_ref().map(of));
    let watch = move || line.with(|line| line.as_ref().filter(|line| line.turn == Turn::Now).map(|line| line.watch));
    // What it costs so far stands with the fault while that is at work.
    let told = Memo::new(move |_| {
        line.with(|line| line.as_ref().filter(|line| line.turn == Turn::Done).map(|line| line.told.clone()))
    });
    view! {
        <li data-testid="guide-leg" data-turn=move || turn.get().id() aria-current=move || is_now.get().then_some("step")>
            <span class="guide-at">{part(|line| line.at.clone())}</span>
            " "
            <strong>{part(|line| line.title.clone())}</strong>
            <span class="visually-hidden">" (" {move || (text.guide_turn)(turn.get())} ")"</span>
            {move || watch().map(|watch| view! { <p class="guide-watch">{watch}</p> }.into_any())}
            {move || {
                let one = |said: String| view! { <p class="guide-told">{said}</p> }.into_any();
                told.get().into_iter().flatten().map(one).collect_view()
            }}
        </li>
    }
}

/// Starts the guided demo; where something is in its way, says what.
#[component]
pub fn GuidedDemo(
    /// Where it is noted that it was started here.
    own: Own,
) -> impl IntoView {
    let live: Live = expect_context();
    let form: Form = expect_context();
    let text = use_text();
    let start = Action::new(move |_: &()| async move {
        let started = start_run(guide::demo()).await;
        if let Ok(run) = &started {
            own.set((!browser::prefers_rest()).then(|| run.id.clone()));
            live.answer.set(Some(run.clone()));
            browser::focus_from_top_soon(HEADING.into());
        }
        started
    });
    let busy = Memo::new(move |_| {
        let load = live.run.with(|run| run.as_ref().is_some_and(|run| run.state.is_active()));
        let fault = || live.state.with(|state| state.snapshot.status.faults.iter().any(|fault| fault.state.is_on()));
        if load { Some(text.guide_not_beside_load) } else { fault().then_some(text.guide_not_beside_fault) }
    });
    let elsewhere = Memo::new(move |_| {
        form.rules().with(|rules| {
            let obstacle = guide::obstacle(rules.as_ref()?)?;
            Some(show::guide::obstacle(&obstacle, text))
        })
    });
    // What can be done to the services may have become known since.
    let killable = Memo::new(move |_| {
        live.state.with(|state| {
            let replicas = state.snapshot.status.services.iter().flat_map(|status| &status.replicas);
            replicas.filter(|replica| replica.process.is_some()).count()
        })
    });
    Effect::new(move |_| {
        killable.track();
        if elsewhere.with_untracked(Option::is_some) {
            form.ask_for_rules();
        }
    });
    let why_not = move || elsewhere.get().or_else(|| busy.get().map(str::to_owned));
    let pending = start.pending();
    let error = Signal::derive(move || {
        start.value().with(|value| match value {
            Some(Err(error)) => Some(show::api_error(error, text)),
            _ => None,
        })
    });
    let draft = guide::demo();
    let field = move |field: Field| {
        view! { <input type="hidden" name=field.control() value=draft.clone().slot(field).clone() /> }.into_any()
    };
    view! {
        <form
            class="guided-demo"
            method="post"
            action="/start?back=/"
            on:submit=move |event| {
                event.prevent_default();
                if !pending.get_untracked() && untrack(why_not).is_none() {
                    start.dispatch(());
                }
            }
        >
            {Field::ALL.iter().map(|one| field(*one)).collect_view()}
            <button
                type="submit"
                class="button large"
                aria-describedby=ABOUT
                disabled=move || why_not().is_some()
                aria-disabled=move || pending.get().then_some("true")
            >
                {text.guide_demo}
            </button>
            <p class="field-message" id=ABOUT data-testid="guided-demo-about">
                {move || why_not().unwrap_or_else(|| text.guide_demo_hint.to_owned())}
            </p>
            <ActionError error />
        </form>
    }
}
