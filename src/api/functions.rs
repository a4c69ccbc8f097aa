//! The server functions. No logic: each body is one call of the [port](super::port).

use leptos::{
    prelude::*,
    server_fn::codec::{ByteStream, GetUrl, Streaming},
};

#[cfg(feature = "ssr")]
use super::caller::{Caller, Door};
use super::{
    error::ApiError,
    page::{DetailPage, LogPage, PageState, RunReport},
};
#[cfg(feature = "ssr")]
use crate::domain::{compare, detail::Order, prefs::Prefs, zoom::ZoomDraft};
use crate::{
    domain::{
        Millis,
        burst::BurstDraft,
        fault::{Fault, FaultDraft, FaultId, FaultRules},
        labels::LabelDraft,
        live::Cursor,
        past::{Choices, Page, Search},
        run::{Run, RunId},
        validate::{Draft, Rules},
    },
    wire::Json,
};

#[cfg(feature = "ssr")]
fn control() -> Result<super::port::SharedControl, ApiError> {
    use_context().ok_or_else(|| ApiError::Internal { what: "no control in context".into() })
}

/// Who asks, as the HTTP layer put it into the request's extensions.
#[cfg(feature = "ssr")]
fn caller() -> Caller {
    let caller =
        use_context::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<Caller>().cloned());
    caller.unwrap_or_default().through(Door::Page)
}

/// Gives an error its HTTP status.
#[cfg(feature = "ssr")]
fn with_status<T>(result: Result<T, ApiError>) -> Result<T, ApiError> {
    if let Err(error) = &result
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(error.status())
    {
        response.set_status(status);
    }
    result
}

/// In a request's extensions: what its page is to show.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct Shown(pub std::sync::Arc<PageState>);

/// What the page shows before the stream starts.
#[server(prefix = "/fn", endpoint = "page_state", input = GetUrl, output = Json)]
pub async fn get_page_state() -> Result<PageState, ApiError> {
    let parts = use_context::<axum::http::request::Parts>();
    if let Some(Shown(state)) = parts.and_then(|parts| parts.extensions.get().cloned()) {
        return Ok(PageState::clone(&state));
    }
    Ok(control()?.page_state(&caller()).await)
}

/// What the form needs to validate: read again when somebody opens it.
#[server(prefix = "/fn", endpoint = "rules", input = GetUrl, output = Json)]
pub async fn get_rules() -> Result<Rules, ApiError> {
    Ok(control()?.rules(&caller()).await)
}

/// Starts a run. Also the target of the plain form, which a browser without JavaScript posts.
#[server(prefix = "/fn", endpoint = "start", output = Json)]
pub async fn start_run(draft: Draft) -> Result<Run, ApiError> {
    with_status(control()?.start(&caller(), draft).await)
}

/// Stops the run at work. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "stop", output = Json)]
pub async fn stop_run() -> Result<Run, ApiError> {
    with_status(control()?.stop(&caller()).await)
}

/// Ends all load and takes all faults back. `false`: not everything got through yet, and is tried again.
#[server(prefix = "/fn", endpoint = "emergency_stop", output = Json)]
pub async fn emergency_stop() -> Result<bool, ApiError> {
    with_status(control()?.emergency_stop(&caller()).await.map(|stop| stop.problems.is_empty()))
}

/// Adds load to a run at work. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "add_load", output = Json)]
pub async fn add_load(run: RunId, draft: BurstDraft) -> Result<(), ApiError> {
    with_status(control()?.add_load(&caller(), &run, draft).await.map(drop))
}

/// Takes added load away before its time. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "remove_load", output = Json)]
pub async fn remove_load(run: RunId, instance: u32) -> Result<(), ApiError> {
    with_status(control()?.remove_load(&caller(), &run, instance).await.map(drop))
}

/// Begins to fetch the image that the engine lacks. Also the target of the plain form.
#[server(prefix = "/fn", endpoint = "pull", output = Json)]
pub async fn pull_image() -> Result<(), ApiError> {
    with_status(control()?.pull_image(&caller()).await)
}

/// What can be done to which replica now.
#[server(prefix = "/fn", endpoint = "fault_rules", input = GetUrl, output = Json)]
pub async fn get_fault_rules() -> Result<FaultRules, ApiError> {
    Ok(control()?.fault_rules(&caller()).await)
}

/// Sets a fault.
#[server(prefix = "/fn", endpoint = "set_fault", output = Json)]
pub async fn set_fault(draft: FaultDraft) -> Result<Fault, ApiError> {
    with_status(control()?.set_fault(&caller(), draft).await)
}

/// Takes a fault back before its time.
#[server(prefix = "/fn", endpoint = "restore_fault", output = Json)]
pub async fn restore_fault(id: FaultId) -> Result<Fault, ApiError> {
    with_status(control()?.restore_fault(&caller(), &id).await)
}

/// Takes back everything that is set.
#[server(prefix = "/fn", endpoint = "restore_all", output = Json)]
pub async fn restore_all() -> Result<Vec<Fault>, ApiError> {
    with_status(control()?.restore_all(&caller()).await)
}

/// What the page of plans shows at an address with this query, drawn in the page's language.
#[server(prefix = "/fn", endpoint = "plans", input = GetUrl, output = Json)]
pub async fn get_plans_page(query: String) -> Result<String, ApiError> {
    Ok(control()?.plans_page(&caller(), &query, Prefs::current().lang).await)
}

/// What the page of who may do what shows at an address with this query, drawn in the page's language.
#[server(prefix = "/fn", endpoint = "access", input = GetUrl, output = Json)]
pub async fn get_access_page(query: String) -> Result<String, ApiError> {
    with_status(control()?.access_page(&caller(), &query, Prefs::current().lang).await)
}

/// A page of the runs that are looked for, newest first.
#[server(prefix = "/fn", endpoint = "runs", input = GetUrl, output = Json)]
pub async fn find_runs(search: Search) -> Result<Page, ApiError> {
    let find = async {
        let (control, caller) = (control()?, caller());
        let query = search.validate().map_err(|errors| ApiError::InvalidSearch { errors })?;
        let page = query.page;
        let found = control.find_runs(&caller, query).await?;
        Ok(found.page(page, control.run_choices(&caller).await?))
    };
    with_status(find.await)
}

/// What may be looked for among the runs.
#[server(prefix = "/fn", endpoint = "run_choices", input = GetUrl, output = Json)]
pub async fn get_run_choices() -> Result<Choices, ApiError> {
    with_status(control()?.run_choices(&caller()).await)
}

/// Changes what people say of a run.
#[server(prefix = "/fn", endpoint = "label_run", output = Json)]
pub async fn label_run(id: RunId, draft: LabelDraft) -> Result<Run, ApiError> {
    with_status(control()?.label_run(&caller(), &id, draft).await)
}

/// Makes a run the baseline of its target, or no longer.
#[server(prefix = "/fn", endpoint = "set_baseline", output = Json)]
pub async fn set_baseline(id: RunId, baseline: bool) -> Result<Run, ApiError> {
    with_status(control()?.set_baseline(&caller(), &id, baseline).await)
}

/// Runs beside each other as HTML, in the page's language; `ids` are separated by commas.
#[server(prefix = "/fn", endpoint = "compare", input = GetUrl, output = Json)]
pub async fn compare_runs(ids: String) -> Result<String, ApiError> {
    let compare = async {
        let ids = compare::ids(&ids).map_err(|why| ApiError::Incomparable { why })?;
        control()?.comparison(&caller(), &ids, Prefs::current().lang).await
    };
    with_status(compare.await)
}

/// How the last runs of a target came out, as HTML in the page's language; empty: there are too few to tell.
#[server(prefix = "/fn", endpoint = "trend", input = GetUrl, output = Json)]
pub async fn get_trend(target: String) -> Result<String, ApiError> {
    with_status(control()?.trend_page(&caller(), target.trim(), Prefs::current().lang).await)
}

/// Throws a run away, or brings it back.
#[server(prefix = "/fn", endpoint = "trash_run", output = Json)]
pub async fn trash_run(id: RunId, trashed: bool) -> Result<Run, ApiError> {
    with_status(control()?.trash_run(&caller(), &id, trashed).await)
}

/// One run and its report, in the page's language, with a stretch of the charts' time axis as it was typed.
#[server(prefix = "/fn", endpoint = "report", input = GetUrl, output = Json)]
pub async fn get_report(id: RunId, from: String, to: String) -> Result<RunReport, ApiError> {
    let zoom = ZoomDraft { from, to };
    with_status(control()?.report(&caller(), &id, &zoom, Prefs::current().lang).await)
}

/// A run in detail, in the page's language and in the order that a text names; `None`: nothing newer than what is `known`.
#[server(prefix = "/fn", endpoint = "detail", input = GetUrl, output = Json)]
pub async fn get_detail(id: RunId, order: String, known: Option<Millis>) -> Result<Option<DetailPage>, ApiError> {
    let (control, lang) = (control()?, Prefs::current().lang);
    let page = with_status(control.detail_page(&caller(), &id, Order::named(&order), lang).await)?;
    Ok(Some(page).filter(|page| page.over || known != Some(page.at_ms)))
}

/// The last lines of k6's log that have the text `filter`; `None`: nothing newer than the version that is `known`.
#[server(prefix = "/fn", endpoint = "log", input = GetUrl, output = Json)]
pub async fn get_log(id: RunId, filter: String, known: Option<u64>) -> Result<Option<LogPage>, ApiError> {
    let (control, lang) = (control()?, Prefs::current().lang);
    let page = with_status(control.log_page(&caller(), &id, &filter, lang).await)?;
    Ok(Some(page).filter(|page| page.over || known != Some(page.version)))
}

/// The live stream, the same bytes as `GET /api/v1/live`.
#[server(prefix = "/fn", endpoint = "live", input = GetUrl, output = Streaming)]
pub async fn live_stream(resume: Option<Cursor>) -> Result<ByteStream<ApiError>, ApiError> {
    use futures::StreamExt;
    Ok(ByteStream::new(control()?.live(&caller(), resume).await.map(Ok::<_, ApiError>)))
}
