//! Links to one run's report: made and taken back by REST and plain forms, and opened by whoever has one.

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ha_dashboard::{
    api::{caller::Door, error::ApiError},
    domain::{
        id::ShareId,
        prefs::{Lang, Prefs},
        run::RunId,
        share::{Closed, Share},
    },
    report as page,
    ui::show,
    web::origin,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    HttpState,
    edge::Asking,
    entry::private_under,
    error::{ErrorBody, Failure, shortened},
    exports::patient_picture,
    forms::see,
    json::JsonObject,
    run_id,
};

/// Where links lead; behind it stands what opens them, which is for no log.
pub const SHARED: &str = "/shared/";

/// Nothing but its own style; nothing in it may be sent or opened.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// For pages: without a description.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route("/shared/{token}", get(shared))
        .route("/runs/share", post(share_by_form))
        .route("/runs/unshare", post(unshare_by_form))
}

/// A link to a run's report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShareBody {
    /// Always true.
    success: bool,
    /// The link.
    share: Share,
    /// Names this request in the log.
    correlation_id: String,
}

/// Links to a run's report.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharesBody {
    /// Always true.
    success: bool,
    /// Those that lead on, newest first.
    shares: Vec<Share>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A new link to a run's report.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewShareBody {
    /// Always true.
    success: bool,
    /// The link.
    share: Share,
    /// Its address, under the name that the dashboard was asked by. It is told this once and kept nowhere.
    address: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// How long a link is to last.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShareFields {
    /// `1d`, `7d` or `30d`; `7d` where it is not said.
    lasts: String,
}

/// Makes a link to the report of a run that is over. Whoever has it sees that report and nothing else, until its time is over
/// or it is taken back.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/shares",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    request_body = ShareFields,
    responses(
        (status = 201, body = NewShareBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "The run is at work, or has too many links", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "Not a length that is allowed", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn share_run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Response, Failure> {
    let fields: ShareFields = serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
        what: format!("the body can't be read: {}", shortened(&error.to_string())),
    })?;
    let (share, token) = state.control.share(&caller, &run_id(id)?, &fields.lasts).await?;
    let body = NewShareBody {
        success: true,
        share,
        address: address(&headers, &token),
        correlation_id: caller.correlation_id,
    };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "private, no-store")], Json(body)).into_response())
}

/// The links to a run's report that lead on. What opens them is not told again.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/shares",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = SharesBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)),
)]
pub async fn shares_of_run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Json<SharesBody>, Failure> {
    let shares = state.control.shares(&caller, &run_id(id)?).await?;
    Ok(Json(SharesBody { success: true, shares, correlation_id: caller.correlation_id }))
}

/// Takes a link to a run's report back before its time.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}/shares/{share}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id"), ("share" = String, Path, description = "The link's id")),
    responses(
        (status = 200, body = ShareBody),
        (status = 404, description = "There is no such link that leads on", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn unshare_run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path((id, share)): Path<(String, String)>,
) -> Result<Json<ShareBody>, Failure> {
    let share = state.control.revoke_share(&caller, &run_id(id)?, &share_id(share)?).await?;
    Ok(Json(ShareBody { success: true, share, correlation_id: caller.correlation_id }))
}

fn share_id(text: String) -> Result<ShareId, ApiError> {
    let missing = |_| ApiError::NotFound { what: format!("link {}", shortened(&text)) };
    ShareId::try_from(text.clone()).map_err(missing)
}

fn address(headers: &HeaderMap, token: &str) -> String {
    format!("{}{SHARED}{token}", origin(headers))
}

/// Which run is to be shared, and for how long.
#[derive(Debug, Deserialize)]
struct Asked {
    id: String,
    #[serde(default)]
    lasts: String,
}

/// Shows the link at once: in an address to be led on to, it would stay in the browser's history.
async fn share_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let Ok(id) = RunId::try_from(asked.id) else { return see("/runs?error=not_found") };
    let lang = lang(&headers);
    match state.control.share(&caller.through(Door::Form), &id, &asked.lasts).await {
        Ok((share, token)) => private(StatusCode::OK, page::share_made_html(&share, &address(&headers, &token), lang)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            private(status, page::share_refused_html(&id, &show::api_error(&error, lang.text()), lang))
        }
    }
}

/// Which link.
#[derive(Debug, Deserialize)]
struct Which {
    id: String,
    share: String,
}

/// One that leads nowhere any more is as it was to be.
async fn unshare_by_form(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let Ok(id) = RunId::try_from(which.id) else { return see("/runs?error=not_found") };
    let revoked = match share_id(which.share) {
        Ok(share) => state.control.revoke_share(&caller.through(Door::Form), &id, &share).await.map(drop),
        Err(error) => Err(error),
    };
    match revoked {
        Ok(()) | Err(ApiError::NotFound { .. }) => see(&format!("/runs/{id}")),
        Err(error) => see(&format!("/runs/{id}?error={}", error.code())),
    }
}

/// One run's report, without anything that leads on from it.
async fn shared(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let lang = lang(&headers);
    let closed = |status, why| Ok(private(status, page::share_closed_html(why, lang)));
    let run = match state.control.shared(&token).await {
        Ok(Ok(run)) => run,
        Ok(Err(why)) => return closed(StatusCode::GONE, Some(why)),
        Err(ApiError::NotFound { .. }) => return closed(StatusCode::NOT_FOUND, None),
        Err(error) => return Err(error.into()),
    };
    // The link lets its reader see this run, whatever else they may.
    let caller = caller.as_program();
    match state.control.run(&caller, &run).await {
        Ok(run) if run.labels.trashed_ms.is_none() => {}
        Ok(_) | Err(ApiError::NotFound { .. }) => return closed(StatusCode::GONE, Some(Closed::RunGone)),
        Err(error) => return Err(error.into()),
    }
    let picture = patient_picture(&state, &caller, run.into()).await?;
    let log = state.control.log(&caller, &picture.run.id).await.unwrap_or_default();
    Ok(private(StatusCode::OK, page::html(&picture, &log, lang)))
}

fn lang(headers: &HeaderMap) -> Lang {
    let sent = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Prefs::from_headers(sent(header::COOKIE), sent(header::ACCEPT_LANGUAGE)).lang
}

/// A page that is nobody else's: in no cache and no index, and its address goes nowhere.
fn private(status: StatusCode, html: String) -> Response {
    private_under(POLICY, status, html)
}
