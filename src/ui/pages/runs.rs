//! `/runs`: every test so far.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithState;
use crate::{
    api::functions,
    domain::run::{Run, RunState},
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
    let runs = Resource::<_, Wire>::new_with_options(move || changes.get(), |_| functions::list_runs(), false);
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match runs.await {
                    Err(error) => view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any(),
                    Ok(runs) if runs.is_empty() => {
                        view! {
                            <div class="card empty">
                                <p>{text.runs_empty}</p>
                                <p><a class="button primary" href="/">{text.runs_go}</a></p>
                            </div>
                        }
                            .into_any()
                    }
                    Ok(runs) => view! { <Table runs /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Table(runs: Vec<Run>) -> impl IntoView {
    let text = use_text();
    view! {
        <div class="card">
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.nav_runs>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.started_at}</th>
                            <th scope="col">{text.verdict}</th>
                            <th scope="col">{text.target}</th>
                            <th scope="col">{text.pattern}</th>
                            <th scope="col" class="num">{text.peak}</th>
                            <th scope="col" class="num">{text.duration}</th>
                            <th scope="col"><span class="visually-hidden">{text.details}</span></th>
                        </tr>
                    </thead>
                    <tbody>{runs.into_iter().map(|run| view! { <Row run /> }).collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
}

#[component]
fn Row(run: Run) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    view! {
        <tr data-testid="run-row">
            <th scope="row"><LocalTime at_ms=run.created_ms date=true /></th>
            <td><Outcome run=run.clone() /></td>
            <td>{show::target(&run.plan.target, text)}</td>
            <td>{show::pattern(&run.plan, text)}</td>
            <td class="num">{show::peak(&run.plan, lang)}</td>
            <td class="num">{show::duration(run.duration_s())}</td>
            <td class="num">
                <a class="link" href=format!("/runs/{}", run.id) aria-label=format!("{} {}", text.details, run.id)>
                    {text.details}
                </a>
            </td>
        </tr>
    }
}

/// A run's verdict, or its state while it has none.
#[component]
pub(super) fn Outcome(run: Run) -> impl IntoView {
    let text = use_text();
    let (id, word) = match &run.state {
        RunState::Finished(outcome) => show::verdict(outcome, text),
        _ => show::state(Some(&run), text),
    };
    view! { <span class="badge" data-state=id>{word}</span> }
}
