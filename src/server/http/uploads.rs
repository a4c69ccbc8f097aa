//! Scripts that admins upload: by REST, and by the plain forms of the page Access.

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
    routing::post,
};
use ha_dashboard::{
    api::{caller::Door, error::ApiError},
    domain::{
        prefs::Prefs,
        upload::{Upload, UploadDraft},
    },
    entry as page,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    HttpState,
    edge::Asking,
    entry::private,
    error::{ErrorBody, Failure, Problem, shortened},
    forms::{see, with_query},
};

/// Where the page's form leads.
const FORM: &str = "/access/scripts";

/// Most bytes of a form with a script: in it most signs are three.
const FORM_BYTES: usize = 4 * Upload::MOST_BYTES as usize;

/// For pages: without a description.
pub fn router() -> Router<HttpState> {
    Router::new().route(FORM, post(upload_by_form)).route("/access/scripts/delete", post(delete_by_form))
}

/// Most bytes of a body, where a script may come in it.
pub fn most_bytes(method: &Method, path: &str) -> Option<usize> {
    if *method == Method::PUT && path.starts_with("/api/v1/scripts/") {
        return Some(Upload::MOST_BYTES as usize);
    }
    (*method == Method::POST && path == FORM).then_some(FORM_BYTES)
}

/// How a script is to be uploaded.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct UploadQuery {
    /// `true`: in place of the script that was uploaded under that name, if there is one.
    replace: String,
}

/// A script that was uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadBody {
    /// Always true.
    success: bool,
    /// The script.
    script: Upload,
    /// Names this request in the log.
    correlation_id: String,
}

/// Uploads a script beside those of the catalogue, once k6 has looked at it. It may import what the catalogue's may. This has
/// to be switched on, see the setting `script_uploads`.
#[utoipa::path(
    put,
    path = "/api/v1/scripts/{name}",
    tag = "scripts",
    params(
        ("name" = String, Path, description = "The script's file name: at most 60 of a to z, 0 to 9 and -, .js at the end"),
        UploadQuery,
    ),
    request_body(content = String, content_type = "text/javascript", description = "The script, of at most 256 KiB"),
    responses(
        (status = 200, body = UploadBody),
        (status = 400, description = "A value that is not allowed", body = ErrorBody),
        (
            status = 409,
            description = "It is switched off, the name is taken, there are too many, or a run is at work with it",
            body = ErrorBody,
        ),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "No name for a script, or k6 refuses it", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn upload_script(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(name): Path<String>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    script: Bytes,
) -> Result<Json<UploadBody>, Failure> {
    let replace = match query.replace.trim() {
        "" | "false" => false,
        "true" => true,
        other => {
            let what = format!("replace: {:?} is not allowed; use one of true, false", shortened(other));
            return Err(ApiError::BadRequest { what }.into());
        }
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(essence.as_str(), "text/javascript" | "application/javascript") {
        let what = format!("content-type: {:?} is not allowed; allowed: text/javascript", shortened(kind));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", what).into());
    }
    let draft = UploadDraft { name, script: script.into(), replace };
    let script = state.control.upload_script(&caller, draft).await?;
    Ok(Json(UploadBody { success: true, script, correlation_id: caller.correlation_id }))
}

/// Deletes a script that was uploaded. Those of the catalogue can't be deleted.
#[utoipa::path(
    delete,
    path = "/api/v1/scripts/{name}",
    tag = "scripts",
    params(("name" = String, Path, description = "The script's file name")),
    responses(
        (status = 200, body = UploadBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is switched off, or a run is at work with it", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn delete_script(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(name): Path<String>,
) -> Result<Json<UploadBody>, Failure> {
    let script = state.control.delete_script(&caller, &name).await?;
    Ok(Json(UploadBody { success: true, script, correlation_id: caller.correlation_id }))
}

/// The form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UploadForm {
    name: String,
    script: String,
    replace: String,
}

fn back(name: &str, value: &str) -> Response {
    see(&with_query("/access", [(name, value)]))
}

/// What can't be kept is shown again, with what is wrong: no address could hold it.
async fn upload_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(form): Form<UploadForm>,
) -> Response {
    // Browsers send lines as letters do.
    let script = form.script.replace("\r\n", "\n");
    let replace = !form.replace.is_empty();
    let draft = UploadDraft { name: form.name, script: script.into_bytes(), replace };
    match state.control.upload_script(&caller.through(Door::Form), draft.clone()).await {
        Ok(_) => back("done", "script"),
        Err(error @ (ApiError::LoginNeeded { .. } | ApiError::Forbidden { .. })) => back("error", error.code()),
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            private(status, page::refused_script_html(&draft, &error, Prefs::of(&headers)))
        }
    }
}

/// Which script.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WhichScript {
    name: String,
}

async fn delete_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(which): Form<WhichScript>,
) -> Response {
    match state.control.delete_script(&caller.through(Door::Form), &which.name).await {
        Ok(_) => back("done", "script_deleted"),
        Err(error) => back("error", error.code()),
    }
}
