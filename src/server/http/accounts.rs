//! Who may do what, and who did: by REST, and by the plain forms of the page Access.

use axum::{
    Form, Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ha_dashboard::{
    api::{caller::Door, error::ApiError},
    domain::{
        access::Role,
        audit::{Entry, Search},
        id::PassId,
        pass::{Account, AccountDraft, Pass, PassDraft, PassKind},
        prefs::Prefs,
        validate::FieldName,
    },
    entry as page,
    web::origin,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    HttpState,
    edge::Asking,
    entry::{ENTER, private},
    error::{ErrorBody, Failure, shortened},
    exports::unwritten,
    forms::{see, with_query},
    json::JsonObject,
};
use crate::export::table;

/// The page.
const PAGE: &str = "/access";

/// For pages: without a description.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route("/access/accounts", post(add_by_form))
        .route("/access/accounts/change", post(change_by_form))
        .route("/access/accounts/delete", post(delete_by_form))
        .route("/access/passes", post(make_by_form))
        .route("/access/passes/revoke", post(revoke_by_form))
        .route("/access/audit.csv", get(audit_csv))
}

/// Who asks, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeBody {
    /// Always true.
    success: bool,
    /// What they may do.
    role: Role,
    /// What they are called: an account, a token or a link; empty: nobody knows.
    who: String,
    /// Whether no login is needed here.
    open: bool,
    /// Names this request in the log.
    correlation_id: String,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBody {
    /// Always true.
    success: bool,
    /// The account.
    account: Account,
    /// Names this request in the log.
    correlation_id: String,
}

/// Accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountsBody {
    /// Always true.
    success: bool,
    /// By name.
    accounts: Vec<Account>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A session, token or link.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassBody {
    /// Always true.
    success: bool,
    /// The pass.
    pass: Pass,
    /// Names this request in the log.
    correlation_id: String,
}

/// A new token or link.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewPassBody {
    /// Always true.
    success: bool,
    /// The pass.
    pass: Pass,
    /// The token, or the link's address under the name that the dashboard was asked by. It is told this once and kept nowhere.
    secret: String,
    /// Names this request in the log.
    correlation_id: String,
}

/// Sessions, tokens and links.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassesBody {
    /// Always true.
    success: bool,
    /// Those that let somebody in, newest first.
    passes: Vec<Pass>,
    /// Names this request in the log.
    correlation_id: String,
}

/// Who did what.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditBody {
    /// Always true.
    success: bool,
    /// Newest first.
    entries: Vec<Entry>,
    /// Names this request in the log.
    correlation_id: String,
}

/// An account to be made, or changed.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountFields {
    /// The name to log in with, of 1 to 60 characters; not to be changed.
    name: String,
    /// `viewer`, `presenter` or `admin`.
    role: String,
    /// Of 15 to 256 characters; of an account that there is already empty: as before.
    password: String,
}

/// A token or link to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PassFields {
    /// `token` or `link`.
    kind: String,
    /// What to call it, of 1 to 60 characters.
    name: String,
    /// `viewer`, `presenter` or `admin`.
    role: String,
    /// `1h`, `8h`, `1d`, `7d`, `30d`, `90d` or `365d`.
    lasts: String,
    /// Of a link: whether it is good for one session only. Those for more than looking always are.
    once: bool,
}

/// Which entries to look for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AuditQuery {
    /// Only those of this one.
    who: String,
    /// Only what was asked for by this name, for example `start`.
    act: String,
    /// `true`: only what was not done.
    refused: String,
    /// Only those before this number.
    before: String,
    /// How many at most, from 1 to 10000; 50 where it is not said.
    most: String,
}

impl AuditQuery {
    fn search(self, usual: u32) -> Result<Search, ApiError> {
        let number = |name: &str, text: &str, max: u64| match text.trim() {
            "" => Ok(None),
            text => match text.parse::<u64>() {
                Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
                _ => Err(ApiError::BadRequest {
                    what: format!("{name}: {:?} is not allowed; give a whole number from 1 to {max}", shortened(text)),
                }),
            },
        };
        let refused = match self.refused.trim() {
            "" | "false" => false,
            "true" => true,
            other => {
                let what = format!("refused: {:?} is not allowed; use one of true, false", shortened(other));
                return Err(ApiError::BadRequest { what });
            }
        };
        let most = number("most", &self.most, Search::MOST.into())?.and_then(|most| u32::try_from(most).ok());
        Ok(Search {
            who: self.who.trim().into(),
            act: self.act.trim().into(),
            refused,
            before: number("before", &self.before, i64::MAX as u64)?,
            most: most.unwrap_or(usual),
        })
    }
}

fn read<T: DeserializeOwned>(body: serde_json::Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::BadRequest {
        what: format!("the body can't be read: {}", shortened(&error.to_string())),
    })
}

/// What only these callers may see is for no cache.
fn unseen(body: impl Serialize, status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, "private, no-store")], Json(body)).into_response()
}

/// Tells who asks, and what they may do.
#[utoipa::path(get, path = "/api/v1/access/me", tag = "access", responses((status = 200, body = MeBody)))]
pub async fn me(State(state): State<HttpState>, Asking(caller): Asking) -> Response {
    let body = MeBody {
        success: true,
        role: caller.role,
        who: caller.who,
        open: state.access.is_open(),
        correlation_id: caller.correlation_id,
    };
    unseen(body, StatusCode::OK)
}

/// Every account.
#[utoipa::path(
    get,
    path = "/api/v1/access/accounts",
    tag = "access",
    responses((status = 200, body = AccountsBody), (status = 503, body = ErrorBody)),
)]
pub async fn accounts(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Response, Failure> {
    let accounts = state.control.accounts(&caller).await?;
    Ok(unseen(AccountsBody { success: true, accounts, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// Makes an account. The first one has to be an admin; from then on a login is needed, unless that is switched off.
#[utoipa::path(
    post,
    path = "/api/v1/access/accounts",
    tag = "access",
    request_body = AccountFields,
    responses(
        (status = 201, body = AccountBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 409, description = "The name is taken, or the first account is no admin", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn add_account(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    JsonObject(body): JsonObject,
) -> Result<Response, Failure> {
    let AccountFields { name, role, password } = read(body)?;
    let account = state.control.add_account(&caller, AccountDraft { name, role, password }).await?;
    Ok(unseen(AccountBody { success: true, account, correlation_id: caller.correlation_id }, StatusCode::CREATED))
}

/// Gives an account another role, and another password where one is given. Its sessions end.
#[utoipa::path(
    patch,
    path = "/api/v1/access/accounts/{name}",
    tag = "access",
    params(("name" = String, Path, description = "The account's name")),
    request_body = AccountFields,
    responses(
        (status = 200, body = AccountBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is the last admin", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn change_account(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(name): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Failure> {
    let AccountFields { role, password, .. } = read(body)?;
    let account = state.control.change_account(&caller, AccountDraft { name, role, password }).await?;
    Ok(unseen(AccountBody { success: true, account, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// Forgets an account. Its sessions end.
#[utoipa::path(
    delete,
    path = "/api/v1/access/accounts/{name}",
    tag = "access",
    params(("name" = String, Path, description = "The account's name")),
    responses(
        (status = 200, body = AccountBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is the last admin, and there are others", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn delete_account(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let account = state.control.delete_account(&caller, &name).await?;
    Ok(unseen(AccountBody { success: true, account, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// Every session, token and link that lets somebody in. What opens them is not told again.
#[utoipa::path(
    get,
    path = "/api/v1/access/passes",
    tag = "access",
    responses((status = 200, body = PassesBody), (status = 503, body = ErrorBody)),
)]
pub async fn passes(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Response, Failure> {
    let passes = state.control.passes(&caller).await?;
    Ok(unseen(PassesBody { success: true, passes, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// Makes a token for a program, or a link for people.
#[utoipa::path(
    post,
    path = "/api/v1/access/passes",
    tag = "access",
    request_body = PassFields,
    responses(
        (status = 201, body = NewPassBody),
        (status = 400, description = "Malformed JSON, or a field that is unknown or of the wrong kind", body = ErrorBody),
        (status = 409, description = "There are too many", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn add_pass(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Response, Failure> {
    let PassFields { kind, name, role, lasts, once } = read(body)?;
    let (pass, secret) = state.control.add_pass(&caller, PassDraft { kind, name, role, lasts, once }).await?;
    let secret = shown(&headers, &pass, secret);
    let body = NewPassBody { success: true, pass, secret, correlation_id: caller.correlation_id };
    Ok(unseen(body, StatusCode::CREATED))
}

/// Takes a session, token or link back. Sessions that came by it end, and so does what they follow live.
#[utoipa::path(
    delete,
    path = "/api/v1/access/passes/{id}",
    tag = "access",
    params(("id" = String, Path, description = "The pass's id")),
    responses((status = 200, body = PassBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)),
)]
pub async fn revoke_pass(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let pass = state.control.revoke_pass(&caller, &pass_id(id)?).await?;
    Ok(unseen(PassBody { success: true, pass, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// Who did what, when, from where, and what came of it.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "access",
    params(AuditQuery),
    responses(
        (status = 200, body = AuditBody),
        (status = 400, description = "A value that is not allowed", body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn audit(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Failure> {
    let entries = state.control.audit(&caller, query.search(Search::PAGE)?).await?;
    Ok(unseen(AuditBody { success: true, entries, correlation_id: caller.correlation_id }, StatusCode::OK))
}

/// The same as a table for spreadsheets.
async fn audit_csv(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Failure> {
    let entries = state.control.audit(&caller, query.search(Search::MOST)?).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, table::audit(&entries).map_err(unwritten)?).into_response())
}

fn pass_id(text: String) -> Result<PassId, ApiError> {
    let missing = |_| ApiError::NotFound { what: format!("pass {}", shortened(&text)) };
    PassId::try_from(text.clone()).map_err(missing)
}

/// A link's address, or the token itself.
fn shown(headers: &HeaderMap, pass: &Pass, secret: String) -> String {
    match pass.kind {
        PassKind::Link => format!("{}{ENTER}{secret}", origin(headers)),
        PassKind::Session | PassKind::Token => secret,
    }
}

/// The first thing that is wrong, by the name of its field where it has one.
fn code(error: &ApiError) -> &'static str {
    match error {
        ApiError::InvalidAccess { errors } => errors.first().map_or("invalid", |error| error.field.name()),
        error => error.code(),
    }
}

fn back<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Response {
    see(&with_query(PAGE, pairs))
}

async fn add_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(draft): Form<AccountDraft>,
) -> Response {
    let (name, role) = (draft.name.clone(), draft.role.clone());
    match state.control.add_account(&caller.through(Door::Form), draft).await {
        Ok(_) => back([("done", "account")]),
        Err(error) => back([("form", "account"), ("name", &name), ("role", &role), ("error", code(&error))]),
    }
}

async fn change_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(draft): Form<AccountDraft>,
) -> Response {
    match state.control.change_account(&caller.through(Door::Form), draft).await {
        Ok(_) => back([("done", "changed")]),
        Err(error) => back([("error", code(&error))]),
    }
}

/// Which account.
#[derive(Debug, Deserialize)]
struct WhichAccount {
    name: String,
}

async fn delete_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(which): Form<WhichAccount>,
) -> Response {
    match state.control.delete_account(&caller.through(Door::Form), &which.name).await {
        Ok(_) => back([("done", "deleted")]),
        Err(error) => back([("error", code(&error))]),
    }
}

/// Shows the secret at once: in an address to be led on to, it would stay in the browser's history.
async fn make_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(draft): Form<PassDraft>,
) -> Response {
    let asked = draft.clone();
    match state.control.add_pass(&caller.through(Door::Form), draft).await {
        Ok((pass, secret)) => {
            let shown = shown(&headers, &pass, secret);
            private(StatusCode::OK, page::made_html(&pass, &shown, Prefs::of(&headers)))
        }
        Err(error) => back([
            ("form", "pass"),
            ("name", &asked.name),
            ("role", &asked.role),
            ("kind", &asked.kind),
            ("lasts", &asked.lasts),
            ("error", code(&error)),
        ]),
    }
}

/// Which pass.
#[derive(Debug, Deserialize)]
struct WhichPass {
    id: String,
}

/// One that lets nobody in any more is as it was to be.
async fn revoke_by_form(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(which): Form<WhichPass>,
) -> Response {
    let revoked = match pass_id(which.id) {
        Ok(id) => state.control.revoke_pass(&caller.through(Door::Form), &id).await.map(drop),
        Err(error) => Err(error),
    };
    match revoked {
        Ok(()) | Err(ApiError::NotFound { .. }) => back([("done", "revoked")]),
        Err(error) => back([("error", code(&error))]),
    }
}
