//! `/runs/:id`: one test, its thresholds and k6's log.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{NotThere, WithState, runs::Outcome};
use crate::{
    api::{error::ApiError, functions},
    domain::run::{Run, RunId, RunState},
    ui::{
        live::Live,
        load::{GrafanaLink, ReportLink, ThresholdList, VerdictView},
        parts::LocalTime,
        show,
        text::{use_lang, use_text},
    },
    wire::Wire,
};

/// A run and its log; `None`: there is no such run.
type Found = Result<Option<(Run, Vec<String>)>, ApiError>;

async fn find(id: String) -> Found {
    let Ok(id) = RunId::try_from(id) else { return Ok(None) };
    let Some(run) = functions::list_runs().await?.into_iter().find(|run| run.id == id) else { return Ok(None) };
    let log = match functions::run_log(id).await {
        Err(ApiError::NotFound { .. }) => vec![],
        other => other?,
    };
    Ok(Some((run, log)))
}

/// The page of one run.
#[component]
pub fn RunPage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.nav_runs />
        <WithState>
            <Detail />
        </WithState>
    }
}

#[component]
fn Detail() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let state = Memo::new(move |_| live.run.with(|run| show::state(run.as_ref(), text).0));
    let asked = move || (id.get(), state.get().to_owned());
    let found = Resource::<_, Wire>::new_with_options(asked, |(id, _)| find(id), true);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any(),
                    Ok(None) => {
                        view! { <NotThere heading=text.run_missing hint=text.run_missing_hint href="/runs" link=text.back_to_runs /> }
                            .into_any()
                    }
                    Ok(Some((run, log))) => view! { <RunView run log /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn RunView(run: Run, log: Vec<String>) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let id = run.id.clone();
    // Charts are kept of one run only.
    let has_charts = Memo::new(move |_| live.run.with(|shown| shown.as_ref().is_some_and(|shown| shown.id == id)));
    let report_of = run.id.clone();
    let outcome = match &run.state {
        RunState::Finished(outcome) => Some(view! { <VerdictView run=run.clone() outcome=outcome.clone() /> }),
        _ => None,
    };
    view! {
        <header class="page-head">
            <p><a class="link" href="/runs">"← " {text.back_to_runs}</a></p>
            <div class="run-head">
                <h1>{(text.run_heading)(&show::target(&run.plan.target, text))}</h1>
                <Outcome run=run.clone() />
            </div>
        </header>
        <div class="run-page">
            <section class="card">
                <h2>{text.test_details}</h2>
                {outcome}
                <dl class="facts wide">
                    <div><dt>{text.started_at}</dt><dd><LocalTime at_ms=run.created_ms date=true /></dd></div>
                    <div><dt>{text.pattern}</dt><dd>{show::pattern(&run.plan, text)}</dd></div>
                    <div><dt>{text.peak}</dt><dd>{show::peak(&run.plan, lang)}</dd></div>
                    <div><dt>{text.duration}</dt><dd>{show::duration(run.duration_s())}</dd></div>
                    <div><dt>{text.script}</dt><dd class="break">{run.plan.script.clone()}</dd></div>
                    <div><dt>{text.run_id}</dt><dd class="break code">{run.id.to_string()}</dd></div>
                </dl>
                <p class="run-links">
                    {move || has_charts.get().then(|| view! { <ReportLink run=report_of.clone() /> })}
                    <GrafanaLink run=Signal::stored(Some(run.clone())) />
                </p>
            </section>
            <section class="card thresholds">
                <h2>{text.threshold_heading}</h2>
                <ThresholdList run=run.clone() />
            </section>
        </div>
        <section class="card" id="log">
            <h2>{text.k6_log}</h2>
            {if log.is_empty() {
                view! { <p class="muted">{text.log_empty}</p> }.into_any()
            } else {
                view! {
                    <pre class="log" tabindex="0" role="group" aria-label=text.k6_log>
                        {log.join("\n")}
                    </pre>
                }
                    .into_any()
            }}
        </section>
    }
}
