//! `/runs/:id`: one test, live while it is at work, its report afterwards.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Deserialize, Serialize};

use super::{
    NotThere, WithState,
    load::{LiveArea, ReloadWithoutScript},
};
use crate::{
    api::{error::ApiError, functions, page::RunReport},
    domain::run::{Run, RunId},
    ui::{
        browser,
        live::Live,
        load::{Announcer, GrafanaLink, InDetail, ReportLink, RunPanel, Thresholds},
        parts::LocalTime,
        runs::{BaselineButton, Gone, LabelCard, Outcome, Unsaved},
        show,
        text::use_text,
    },
    wire::Wire,
};

/// The heading's id: where the focus goes when the run ends under it.
const HEADING: &str = "run-title";

/// A run and its report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Found {
    run: Run,
    /// Already in the first HTML: it need not be there a second time.
    #[serde(skip)]
    html: String,
    #[serde(skip)]
    note: String,
    reading: bool,
}

/// `None`: there is no such run.
async fn find(id: String, [from, to]: [String; 2]) -> Result<Option<Found>, ApiError> {
    let Ok(id) = RunId::try_from(id) else { return Ok(None) };
    match functions::get_report(id, from, to).await {
        Ok(RunReport { run, html, note, reading }) => Ok(Some(Found { run, html, note, reading })),
        Err(ApiError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
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
    // A run that begins or ends has another page; what other runs do changes nothing here.
    let shown = Memo::new(move |_| {
        let id = id.get();
        live.run.with(|run| run.as_ref().filter(|run| run.id.as_str() == id).map(|run| run.state.is_active()))
    });
    let active = Memo::new(move |_| shown.get() == Some(true));
    let is_shown = Memo::new(move |_| shown.get().is_some());
    let (again, unsaved) = (RwSignal::new(0_u32), Unsaved::new());
    let query = use_query_map();
    let zoom = Memo::new(move |_| query.with(|query| ["from", "to"].map(|name| query.get(name).unwrap_or_default())));
    let asked = move || (id.get(), zoom.get(), active.get(), again.get());
    let found = Resource::<_, Wire>::new_with_options(asked, |(id, zoom, ..)| find(id, zoom), true);
    view! {
        {move || is_shown.get().then(|| view! { <Announcer /> }.into_any())}
        <Transition>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any(),
                    Ok(None) => {
                        view! { <NotThere heading=text.run_missing hint=text.run_missing_hint href="/runs" link=text.back_to_runs /> }
                            .into_any()
                    }
                    Ok(Some(found)) => view! { <RunView found again unsaved /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn RunView(found: Found, again: RwSignal<u32>, unsaved: Unsaved) -> impl IntoView {
    let text = use_text();
    let Found { run, html, note, reading } = found;
    let active = run.state.is_active();
    if reading {
        ask_again(again);
    }
    let links = if active {
        view! { <a class="link" href="/load">{text.runs_go}</a> }.into_any()
    } else {
        view! {
            <a class="link" href=format!("/again?run={}", run.id) rel="external">{text.run_again}</a>
            <a class="link" href=format!("/runs/{}/plan.yaml", run.id) download="" rel="external">{text.run_plan_file}</a>
            <ReportLink run=run.id.clone() />
            <GrafanaLink run=Signal::stored(Some(run.clone())) />
        }
        .into_any()
    };
    let asked_again = move || again.update(|count| *count += 1);
    let target = (text.run_heading)(&show::target(&run.plan.target, text));
    let (name, below) = match run.labels.name.is_empty() {
        true => (target, None),
        false => (run.labels.name.clone(), Some(target)),
    };
    let trashed = run.labels.trashed_ms.is_some();
    view! {
        <header class="page-head">
            <p class="page-back"><a class="link" href="/runs">"← " {text.back_to_runs}</a></p>
            <div class="run-head">
                <h1 id=HEADING tabindex="-1"><bdi>{name.clone()}</bdi></h1>
                {(!active).then(|| view! { <Outcome state=run.state.clone() /> })}
            </div>
            <p class="muted">{below.map(|below| format!("{below} · "))}<LocalTime at_ms=run.created_ms date=true /></p>
            <p class="run-links">{links}</p>
            {(!active).then(|| view! { <BaselineButton run=run.clone() on_change=asked_again /> })}
        </header>
        {trashed.then(|| view! { <Gone id=run.id.clone() name on_back=asked_again /> })}
        <LabelCard run=run.clone() note_html=note unsaved on_change=asked_again />
        {if active {
            view! { <AtWork html /> }.into_any()
        } else {
            view! {
                <div class="report" inner_html=html></div>
                <InDetail run=Signal::stored(Some(run.id.clone())) open=true />
            }
            .into_any()
        }}
    }
}

/// The run while it is at work.
#[component]
fn AtWork(html: String) -> impl IntoView {
    browser::hand_on_focus(".load-page", HEADING);
    view! {
        <ReloadWithoutScript />
        <div class="load-page">
            <div class="control">
                <RunPanel />
                <Thresholds />
            </div>
            <LiveArea />
        </div>
        <div class="report no-script-only" inner_html=html></div>
    }
}

/// Asks again in a while, unless the page is gone by then.
fn ask_again(again: RwSignal<u32>) {
    #[cfg(feature = "hydrate")]
    set_timeout(
        move || {
            again.try_update(|count| *count += 1);
        },
        std::time::Duration::from_secs(1),
    );
    #[cfg(not(feature = "hydrate"))]
    let _ = again;
}
