//! `/runs`: every test so far.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::{
    api::functions,
    domain::{
        format,
        frame::{Metric, Unit},
        past::{RunRow, Search},
        run::RunState,
    },
    ui::{
        live::Live,
        parts::LocalTime,
        show,
        text::{use_lang, use_text},
    },
    wire::Wire,
};

/// The runs page.
#[component]
pub fn RunsPage() -> impl IntoView {
    let text = use_text();
    view! {
        <Title text=text.nav_runs />
        <WithState>
            <header class="page-head">
                <h1>{text.nav_runs}</h1>
                <p class="muted">{text.runs_intro}</p>
            </header>
            <List />
        </WithState>
    }
}

#[component]
fn List() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    // A run that starts or ends changes the list.
    let changes = Memo::new(move |_| {
        live.run.with(|run| run.as_ref().map(|run| (run.id.clone(), show::state(Some(run), text).0)))
    });
    let runs = Resource::<_, Wire>::new_with_options(
        move || changes.get(),
        |_| functions::find_runs(Search::default()),
        false,
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match runs.await {
                    Err(error) => view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any(),
                    Ok(page) if page.rows.is_empty() => {
                        view! {
                            <div class="card empty">
                                <p>{text.runs_empty}</p>
                                <p><a class="button primary" href="/load">{text.runs_go}</a></p>
                            </div>
                        }
                            .into_any()
                    }
                    Ok(page) => view! { <Table runs=page.rows /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Table(runs: Vec<RunRow>) -> impl IntoView {
    let text = use_text();
    view! {
        <div class="card">
            <table class="run-list">
                <thead>
                    <tr>
                        <th scope="col">{text.target}</th>
                        <th scope="col">{text.verdict}</th>
                        <th scope="col" class="num">{(text.metric)(Metric::P95).name}</th>
                        <th scope="col" class="more">{text.pattern}</th>
                        <th scope="col" class="more num">{text.peak}</th>
                        <th scope="col" class="more num">{text.duration}</th>
                    </tr>
                </thead>
                <tbody>{runs.into_iter().map(|run| view! { <Row run /> }).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// A run. The whole row belongs to its link.
#[component]
fn Row(run: RunRow) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    view! {
        <tr data-testid="run-row">
            <th scope="row">
                <a href=format!("/runs/{}", run.id)>
                    <span class="run-target">{show::target(&run.plan.target, text)}</span>
                    " "
                    <LocalTime at_ms=run.created_ms date=true />
                </a>
            </th>
            <td><Outcome state=run.state.clone() /></td>
            <td class="num" data-label="p95">{format::value_or_none(Unit::Seconds, run.p95_s, show::numbers(lang))}</td>
            <td class="more">{show::pattern(&run.plan, text)}</td>
            <td class="more num">{show::peak(&run.plan, lang)}</td>
            <td class="more num">{show::duration(run.plan.shape.duration_s())}</td>
        </tr>
    }
}

/// A run's verdict, or its state while it has none.
#[component]
pub(super) fn Outcome(state: RunState) -> impl IntoView {
    let text = use_text();
    let (id, word) = match &state {
        RunState::Finished(outcome) => show::verdict(outcome, text),
        _ => show::state_name(Some(&state), text),
    };
    view! { <span class="badge" data-state=id>{word}</span> }
}
