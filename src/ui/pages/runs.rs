//! `/runs`: every test so far.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::WithState;
use crate::{
    api::functions,
    domain::{past::Search, run::RunId},
    ui::{
        live::Live,
        runs::{Filter, LastGone, List},
        show,
        text::use_text,
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
            <Found />
        </WithState>
    }
}

/// What the address asks for.
fn use_search() -> Memo<Search> {
    let query = use_query_map();
    Memo::new(move |_| {
        query.with(|query| {
            let of = |name| query.get(name).unwrap_or_default();
            Search {
                search: of("search"),
                target: of("target"),
                pattern: of("pattern"),
                verdict: of("verdict"),
                tag: of("tag"),
                since: of("since"),
                starred: of("starred"),
                trash: of("trash"),
                page: of("page"),
            }
        })
    })
}

/// How the last runs of the target came out that is looked for.
#[component]
fn Trend(search: Memo<Search>, changes: Memo<Option<(RunId, &'static str)>>) -> impl IntoView {
    let target = Memo::new(move |_| search.with(|search| search.target.clone()));
    let asked = move || (target.get(), changes.get());
    let trend = Resource::<_, Wire>::new_with_options(
        asked,
        |(target, _)| async move { if target.is_empty() { Ok(String::new()) } else { functions::get_trend(target).await } },
        false,
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let html = trend.await.unwrap_or_default();
                (!html.is_empty()).then(|| view! { <div class="report above-list" inner_html=html></div> })
            })}
        </Transition>
    }
}

#[component]
fn Found() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let search = use_search();
    let (again, gone) = (RwSignal::new(0_u32), RwSignal::new(None));
    // A run that starts or ends changes the list.
    let changes = Memo::new(move |_| {
        live.run.with(|run| run.as_ref().map(|run| (run.id.clone(), show::state(Some(run), text).0)))
    });
    let asked = move || (search.get(), changes.get(), again.get());
    let found = Resource::<_, Wire>::new_with_options(asked, |(search, ..)| functions::find_runs(search), false);
    let choices = Resource::<_, Wire>::new_with_options(|| (), |()| functions::get_run_choices(), false);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let choices = choices.await.unwrap_or_default();
                // Nothing to look for among nothing.
                let any = choices.all + choices.trashed > 0 || search.with_untracked(|search| !search.is_open());
                any.then(|| view! { <Filter search choices /> })
            })}
        </Suspense>
        <LastGone gone again />
        <Trend search changes />
        <Transition>
            {move || Suspend::new(async move {
                let search = search.get_untracked();
                match found.await {
                    Err(error) => view! { <p class="notice bad" role="alert">{show::api_error(&error, text)}</p> }.into_any(),
                    Ok(page) => view! { <List search page again gone /> }.into_any(),
                }
            })}
        </Transition>
    }
}
