//! The run at work, or how the last one ended.

use leptos::prelude::*;

use super::{ActionError, bursts::AddedLoad};
use crate::{
    api::functions,
    domain::{
        decimal::fixed,
        format,
        frame::{Metric, Unit},
        grafana,
        run::{Run, RunId, RunState, Source, Totals, Verdict},
    },
    ui::{
        browser,
        live::{Connection, Live},
        show,
        text::{use_lang, use_text},
    },
};

/// The heading's id: where the focus goes from what is no longer there.
const HEADING: &str = "run-heading";

/// What the panel shows: changes rarely, so that buttons and the focus on them stay.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Face {
    Idle,
    Active,
    Ended,
}

impl Face {
    fn id(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

/// State, progress and Stop while a run is at work; its verdict afterwards.
#[component]
pub fn RunPanel() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let state = Memo::new(move |_| live.run.with(|run| show::state(run.as_ref(), text)));
    let face = Memo::new(move |_| match state.get().0 {
        "idle" => Face::Idle,
        "finished" => Face::Ended,
        _ => Face::Active,
    });
    let badge = view! {
        <span class="badge" data-testid="run-state" data-state=move || state.get().0>
            {move || state.get().1}
        </span>
    };
    view! {
        <section class="card run" data-face=move || face.get().id()>
            <header class="run-head">
                <h2 id=HEADING tabindex="-1">
                    {move || match live.run.get() {
                        Some(run) => show::target(&run.plan.target, text),
                        None => text.form_name.into(),
                    }}
                </h2>
                {badge}
            </header>
            {move || match face.get() {
                Face::Idle => ().into_any(),
                Face::Active => view! { <Active /> }.into_any(),
                Face::Ended => view! { <Ended /> }.into_any(),
            }}
        </section>
    }
}

/// Progress and the Stop button.
#[component]
fn Active() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    // A button takes the focus along when it goes.
    browser::hand_on_focus("[data-face]", HEADING);
    let with_run =
        move |f: fn(&Run, u64) -> f64| live.run.with(|run| run.as_ref().map_or(0.0, |run| f(run, live.now_ms.get())));
    // A whole percent is as fine as a reader hears or sees it.
    let done = move || live.state.with(|state| state.snapshot.frame.get(Metric::IterationCount));
    let percent = Memo::new(move |_| {
        let share = live.run.with(|run| run.as_ref().map_or(0.0, |run| run.progress(live.now_ms.get(), done())));
        (share * 1000.0).round() / 10.0
    });
    // Where iterations decide, nobody knows how long they take.
    let iterations = Memo::new(move |_| live.run.with(|run| run.as_ref().and_then(|run| run.plan.shape.iterations())));
    let count = move |number: f64| format::value(Unit::Count, number, show::numbers(lang));
    let left = Memo::new(move |_| match iterations.get() {
        Some(all) => (text.iterations_of)(&done().map_or(format::NO_DATA.into(), count), &count(all as f64)),
        None => {
            let left = with_run(|run, now| run.remaining_s(now).unwrap_or_default());
            (text.time_left)(&format::clock(left.ceil()))
        }
    });
    let elapsed = Memo::new(move |_| {
        let elapsed = with_run(|run, now| run.elapsed_s(now));
        match iterations.get() {
            Some(_) => format::clock(elapsed),
            None => {
                let whole = with_run(|run, _| f64::from(run.duration_s()));
                (text.elapsed_of)(&format::clock(elapsed.min(whole)), &format::clock(whole))
            }
        }
    });
    let phase = Memo::new(move |_| {
        live.run.with(|run| {
            let Some(run) = run else { return "" };
            match (&run.state, run.started_ms) {
                (RunState::Stopping, _) => text.stopping,
                (_, None) => text.waiting_for_k6,
                _ => match &run.schedule {
                    None if run.remaining_s(live.now_ms.get()) == Some(0.0) => text.finishing,
                    None => text.state_running,
                    Some(schedule) => schedule
                        .phase_at(run.elapsed_s(live.now_ms.get()))
                        .map_or(text.finishing, |(phase, _)| (text.phase)(phase.name)),
                },
            }
        })
    });
    view! {
        <RunFacts />
        <div class="progress">
            <div class="progress-words">
                <strong data-testid="phase">{phase}</strong>
                <span class="big-time" data-testid="time-left">{left}</span>
            </div>
            <div
                class="bar"
                role="progressbar"
                aria-label=text.progress
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || (percent.get() as u32).to_string()
                aria-valuetext=elapsed
            >
                <div class="bar-fill" style:transform=move || format!("scaleX({})", fixed(percent.get() / 100.0, 3))></div>
                <PhaseMarks />
            </div>
            <p class="muted tabular">{elapsed}</p>
        </div>
        <p class="run-links">
            <GrafanaLink run=live.run />
        </p>
        <AddedLoad />
        <StopForm back="/load" />
    }
}

/// Stops the run at work, and tells what a stop runs into.
#[component]
pub fn StopForm(
    /// The page that it stands on.
    back: &'static str,
) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let stop = Action::new(move |_: &()| async move {
        let result = functions::stop_run().await;
        if let Ok(run) = &result {
            live.answer.set(Some(run.clone()));
        }
        result
    });
    let state = Memo::new(move |_| live.run.with(|run| run.as_ref().map(|run| run.state.clone())));
    let problem = Memo::new(move |_| live.run.with(|run| run.as_ref().and_then(|run| run.stop_problem.clone())));
    let stopping = Memo::new(move |_| {
        stop.pending().get() || (state.get() == Some(RunState::Stopping) && problem.with(Option::is_none))
    });
    // What a stop ran into is moot once the run went on by itself, or the dashboard answers again.
    Effect::new(move |before: Option<(Option<RunId>, Option<RunState>, bool)>| {
        let id = live.run.with(|run| run.as_ref().map(|run| run.id.clone()));
        let now = (id, state.get(), live.connection.get() != Connection::Lost);
        if before.is_some_and(|before| before != now && now.2) {
            stop.clear();
        }
        now
    });
    let error = Signal::derive(move || {
        // What a stop that is being tried runs into is the run's to tell: it knows when that is over.
        let tried = state.get() == Some(RunState::Stopping);
        stop.value().with(|value| match value {
            Some(Err(error)) if !tried => Some(show::api_error(error, text)),
            _ => None,
        })
    });
    view! {
        <form
            method="post"
            action=format!("/stop?back={back}")
            on:submit=move |event| {
                event.prevent_default();
                if !stopping.get_untracked() {
                    stop.dispatch(());
                }
            }
        >
            <ActionError error />
            {move || {
                problem
                    .get()
                    .map(|problem| {
                        view! {
                            <div class="notice bad" role="alert" data-testid="stop-notice">
                                <p><strong>{text.stop_tried}</strong></p>
                                <p>{problem}</p>
                            </div>
                        }
                    })
            }}
            // Not disabled: it would lose the focus.
            <button type="submit" class="button danger large" aria-disabled=move || stopping.get().then_some("true")>
                {move || if stopping.get() { text.stopping } else { text.stop }}
            </button>
        </form>
    }
}

/// Where phases meet on the progress bar.
#[component]
fn PhaseMarks() -> impl IntoView {
    let live: Live = expect_context();
    let marks = Memo::new(move |_| {
        live.run.with(|run| {
            let schedule = run.as_ref().and_then(|run| run.schedule.as_ref());
            let Some(schedule) = schedule else { return vec![] };
            let whole = f64::from(schedule.duration_s().max(1));
            let ends = schedule.phases.iter().scan(0, |at, phase| {
                *at += phase.duration_s;
                Some(f64::from(*at) / whole * 100.0)
            });
            ends.filter(|at| *at < 99.9).collect::<Vec<_>>()
        })
    });
    move || {
        let mark = |at: f64| view! { <i class="bar-mark" style:left=format!("{}%", fixed(at, 2))></i> }.into_any();
        marks.get().into_iter().map(mark).collect_view()
    }
}

/// What was asked for, in a line of facts.
#[component]
fn RunFacts() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let plan = Memo::new(move |_| {
        live.run.with(|run| {
            let scenario = |run: &Run| run.scenario.as_ref().map(|scenario| scenario.name.clone());
            run.as_ref().map(|run| (run.plan.clone(), run.duration_s(), scenario(run)))
        })
    });
    move || {
        plan.get().map(|(plan, seconds, scenario)| {
            let scenario = scenario.map(|name| {
                view! { <div data-testid="run-scenario"><dt>{text.scenario}</dt><dd class="break">{name}</dd></div> }.into_any()
            });
            view! {
                <dl class="facts">
                    <div><dt>{text.pattern}</dt><dd>{show::pattern(&plan, text)}</dd></div>
                    <div><dt>{text.peak}</dt><dd>{show::peak(&plan, lang)}</dd></div>
                    <div><dt>{text.duration}</dt><dd>{show::duration(seconds)}</dd></div>
                    <div><dt>{text.request_timeout}</dt><dd>{show::duration(plan.request_timeout_s)}</dd></div>
                    <div><dt>{text.script}</dt><dd class="break">{plan.script}</dd></div>
                    {scenario}
                </dl>
            }
            .into_any()
        })
    }
}

/// What was asked for, and where more is told of it.
#[component]
fn Ended() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    view! {
        <RunFacts />
        <p class="run-links">
            <a class="link" href=move || live.run.with(|run| run.as_ref().map(|run| format!("/runs/{}", run.id)))>
                {text.show_details}
            </a>
            {move || live.run.get().map(|run| view! { <ReportLink run=run.id /> })}
            <GrafanaLink run=live.run />
        </p>
    }
}

/// How the last run ended; nothing while one is at work, and before the first. Its figures are those on the tiles.
#[component]
pub fn LastVerdict() -> impl IntoView {
    let live: Live = expect_context();
    let run = Memo::new(move |_| live.run.with(|run| run.clone().filter(|run| !run.state.is_active())));
    move || {
        run.get().and_then(|run| match run.state.clone() {
            RunState::Finished(outcome) => Some(view! { <VerdictView run outcome brief=true /> }),
            _ => None,
        })
    }
}

/// Where Grafana shows a run; nothing where no Grafana is set.
#[component]
pub fn GrafanaLink(
    /// The run.
    #[prop(into)]
    run: Signal<Option<Run>>,
) -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let url = Memo::new(move |_| {
        let base = live.state.with(|state| state.snapshot.status.metrics.grafana.clone())?;
        run.with(|run| run.as_ref().map(|run| grafana::run_url(&base, run)))
    });
    move || {
        url.get().map(|url| {
            view! {
                <a class="link" href=url rel="external" data-testid="grafana">
                    {text.open_in_grafana}
                </a>
            }
            .into_any()
        })
    }
}

/// Downloads the report of the run at work, or of the last one.
#[component]
pub fn ReportLink(
    /// The run.
    run: RunId,
) -> impl IntoView {
    let text = use_text();
    view! {
        <a class="link" href=format!("/runs/{run}/report.html") download="" rel="external">
            {text.report_download}
        </a>
    }
}

/// How a run ended, and why.
#[component]
pub fn VerdictView(
    /// The run.
    run: Run,
    /// Its verdict.
    outcome: Verdict,
    /// Without its figures.
    #[prop(optional)]
    brief: bool,
) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let (id, word) = show::verdict(&outcome, text);
    let (sentence, points) = show::reason(&run, &outcome, lang);
    let totals = run.totals.filter(|totals| totals.requests.is_some());
    let crashed = matches!(outcome, Verdict::Crashed { .. });
    view! {
        <div class="verdict" data-testid="verdict" data-verdict=id>
            <p class="verdict-word">{word}</p>
            <p>{sentence}</p>
            {if crashed {
                points.into_iter().map(|point| view! { <pre>{point}</pre> }.into_any()).collect_view().into_any()
            } else {
                let items = points.into_iter().map(|point| view! { <li>{point}</li> }.into_any()).collect::<Vec<_>>();
                (!items.is_empty()).then(|| view! { <ul class="tabular">{items}</ul> }.into_any()).into_any()
            }}
            {match totals {
                Some(totals) if !brief => Some(view! { <WholeRun totals /> }.into_any()),
                Some(Totals { source: Source::Store, .. }) => {
                    Some(view! { <p class="muted">{text.whole_run_of_store}</p> }.into_any())
                }
                _ => None,
            }}
        </div>
    }
}

/// The figures of the whole run.
#[component]
fn WholeRun(totals: Totals) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let figures = [
        (text.requests, Unit::Count, totals.requests),
        ((text.metric)(Metric::RequestRate).name, Unit::PerSecond, totals.request_rate),
        ((text.metric)(Metric::FailedShare).name, Unit::Share, totals.failed_share),
        ((text.metric)(Metric::P50).name, Unit::Seconds, totals.p50_s),
        ((text.metric)(Metric::P95).name, Unit::Seconds, totals.p95_s),
        ((text.metric)(Metric::P99).name, Unit::Seconds, totals.p99_s),
        (text.iterations, Unit::Count, totals.iterations),
        (text.dropped_iterations, Unit::Count, totals.dropped_iterations),
    ];
    let figure = move |(name, unit, value): (&'static str, _, Option<f64>)| {
        let shown = format::value_or_none(unit, value, show::numbers(lang));
        view! { <div><dt>{name}</dt><dd class="tabular">{shown}</dd></div> }.into_any()
    };
    let title = match totals.source {
        Source::Summary => text.whole_run,
        Source::Store => text.whole_run_of_store,
    };
    view! {
        <div class="whole-run" data-testid="totals">
            <p>{title}</p>
            <dl class="facts">{figures.into_iter().map(figure).collect_view()}</dl>
        </div>
    }
}
