//! Who comes in: what a request shows of who sends it, who is turned away at the door, and the pages to log in on.

use axum::{
    Form, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        access::Role,
        pass::Pass,
        prefs::{self, Prefs},
    },
    entry as page,
    ui::ROLE_HEADER,
    web::{FUNCTIONS, origin},
};
use serde::Deserialize;

use super::{
    HttpState,
    edge::Asking,
    error::{Failure, Problem},
    forms::{local, see, with_query},
    oidc,
    sharing::SHARED,
};
use crate::server::{
    access::{Access, BadToken, Begun, NoLogin, Shown},
    oidc::OidcError,
};

/// Where links lead; behind it stands what opens them, which is for no log.
pub const ENTER: &str = "/enter/";

/// The page to log in on.
const LOGIN: &str = "/login";

/// What names of cookies begin with over HTTPS: a browser takes them only over that, from this host and for all of it.
const SECURE: &str = "__Host-";

/// Holds a session's secret.
const COOKIE: &str = "had_session";

/// The routes; they are open to everybody.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route(LOGIN, get(login).post(log_in))
        .route("/logout", post(log_out))
        .route("/enter", post(enter))
        .route("/enter/{secret}", get(invitation))
}

/// Whether a path is for everybody: what it takes to come in, to see the page at all, and to ask whether the dashboard works.
fn is_public(path: &str) -> bool {
    const PATHS: [&str; 11] = [
        LOGIN,
        oidc::THERE,
        oidc::BACK,
        "/logout",
        "/enter",
        "/prefs",
        "/health",
        "/ready",
        "/live",
        "/api/openapi.json",
        "/favicon.svg",
    ];
    const FOLDERS: [&str; 4] = [ENTER, SHARED, "/pkg/", "/vendor/"];
    PATHS.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Says of a caller who they are.
///
/// # Errors
/// A token that lets nobody in.
pub fn identify(access: &Access, caller: Caller, headers: &HeaderMap) -> Result<Caller, BadToken> {
    let word = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(given) = word(header::AUTHORIZATION) {
        let (scheme, token) = given.split_once(' ').unwrap_or((given, ""));
        let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
        return access.admit(caller, Shown::Token(token));
    }
    access.admit(caller, shown_cookie(headers, COOKIE).map_or(Shown::Nothing, Shown::Cookie))
}

/// Turns those away who may not even look, unless what they ask for is for everybody.
pub async fn gate(State(access): State<Access>, request: Request, next: Next) -> Response {
    let role = request.extensions().get::<Caller>().map_or(Role::Nobody, |caller| caller.role);
    let is_of_page = request.uri().path().starts_with(FUNCTIONS);
    let mut response = match role > Role::Nobody || is_public(request.uri().path()) {
        true => next.run(request).await,
        false => turned_away(&access, &request),
    };
    if is_of_page {
        response.headers_mut().insert(HeaderName::from_static(ROLE_HEADER), HeaderValue::from_static(role.name()));
    }
    response
}

fn turned_away(access: &Access, request: &Request) -> Response {
    if !request.method().is_safe()
        && let Some(caller) = request.extensions().get::<Caller>()
    {
        access.note_turned_away(caller, format!("{} {}", request.method(), request.uri().path()));
    }
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.method() == Method::GET && accepts.contains("text/html") {
        let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return see(&with_query(LOGIN, [("back", back)]));
    }
    Failure::from(ApiError::LoginNeeded { needs: Role::Viewer }).into_response()
}

/// The answer to a token that lets nobody in.
pub fn bad_token() -> Response {
    let error =
        "the token is unknown, was taken back, or its time is over; an admin can make another one on the page Access";
    let mut response = Failure::from(Problem::new(StatusCode::UNAUTHORIZED, "bad_token", error.into())).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
    response
}

fn is_https(headers: &HeaderMap) -> bool {
    origin(headers).starts_with("https://")
}

/// What a request shows of a cookie that [`cookie`] made.
pub(super) fn shown_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let name = cookie_name(headers, name);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.filter_map(|cookies| prefs::cookie(cookies, &name)).next()
}

/// A cookie's name: over HTTPS with [`SECURE`] before it.
fn cookie_name(headers: &HeaderMap, name: &str) -> String {
    if is_https(headers) { format!("{SECURE}{name}") } else { name.to_owned() }
}

/// A cookie that no script sees, and that comes along when somebody is led here from elsewhere.
pub(super) fn cookie(headers: &HeaderMap, name: &str, secret: &str, age_s: u64) -> Option<HeaderValue> {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let name = cookie_name(headers, name);
    HeaderValue::from_str(&format!("{name}={secret}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}")).ok()
}

/// Where to go on, and what went wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Way {
    pub back: String,
    name: String,
    error: Option<String>,
}

async fn login(State(state): State<HttpState>, Query(way): Query<Way>, headers: HeaderMap) -> Response {
    login_page(&state, StatusCode::OK, &way.name, &local(&way.back), way.error.as_deref(), &headers)
}

/// The page to log in on, with the code of what went wrong.
pub(super) fn login_page(
    state: &HttpState,
    status: StatusCode,
    name: &str,
    back: &str,
    error: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let team = state.provider.as_ref().map(|provider| {
        let way = with_query(oidc::THERE, [("back", back)]);
        (provider.host(), way)
    });
    private(status, page::login_html(name, back, error, team, Prefs::of(headers)))
}

/// The same after nobody was logged in.
pub(super) fn refused(state: &HttpState, why: &NoLogin, name: &str, back: &str, headers: &HeaderMap) -> Response {
    let (status, code) = told(why);
    login_page(state, status, name, back, Some(code), headers)
}

/// What the form holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    name: String,
    password: String,
    back: String,
}

/// Shows the form again where it was refused: nothing of it gets into an address.
async fn log_in(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(given): Form<Credentials>,
) -> Response {
    let back = local(&given.back);
    let caller = caller.through(Door::Form);
    match state.access.log_in(&caller, given.name.trim(), &given.password).await {
        Ok(begun) => come_in(&headers, &begun, &back),
        Err(why) => refused(&state, &why, &given.name, &back, &headers),
    }
}

fn told(why: &NoLogin) -> (StatusCode, &'static str) {
    match why {
        NoLogin::Wrong => (StatusCode::UNAUTHORIZED, "wrong_login"),
        NoLogin::NoLink => (StatusCode::GONE, "no_link"),
        NoLogin::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
        NoLogin::NotInTeam => (StatusCode::FORBIDDEN, "not_in_team"),
        NoLogin::NoTeam(why) => {
            let status = match why {
                OidcError::Unreachable(_) | OidcError::Untrue(_) => StatusCode::BAD_GATEWAY,
                OidcError::Denied(_) => StatusCode::UNAUTHORIZED,
                OidcError::Stale => StatusCode::BAD_REQUEST,
            };
            (status, why.code())
        }
        NoLogin::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    }
}

/// Looks at an invitation.
async fn invitation(State(state): State<HttpState>, Path(secret): Path<String>, headers: HeaderMap) -> Response {
    let link = state.access.link(&secret);
    let status = if link.is_some() { StatusCode::OK } else { StatusCode::GONE };
    let shown = link.as_ref().map(|link| (link, secret.as_str()));
    private(status, page::enter_html(shown, Prefs::of(&headers)))
}

/// What an invitation's form holds.
#[derive(Deserialize)]
struct Invitation {
    secret: String,
}

/// Comes in by an invitation.
async fn enter(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(given): Form<Invitation>,
) -> Response {
    match state.access.enter(&caller.through(Door::Form), &given.secret).await {
        Ok(begun) => come_in(&headers, &begun, "/"),
        Err(why) => private(told(&why).0, page::enter_html(None, Prefs::of(&headers))),
    }
}

pub(super) fn come_in(headers: &HeaderMap, begun: &Begun, to: &str) -> Response {
    let mut response = see(to);
    let Pass { created_ms, until_ms, .. } = begun.session;
    let age_s = until_ms.saturating_sub(created_ms) / 1_000;
    if let Some(cookie) = cookie(headers, COOKIE, &begun.secret, age_s) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    unseen(&mut response);
    response
}

/// Ends the session that the browser showed.
async fn log_out(State(state): State<HttpState>, Asking(caller): Asking, headers: HeaderMap) -> Response {
    if let Err(error) = state.access.log_out(&caller.through(Door::Form)).await {
        return Failure::from(error).into_response();
    }
    let mut response = see("/");
    if let Some(cookie) = cookie(&headers, COOKIE, "", 0) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    unseen(&mut response);
    response
}

/// A page that is nobody else's: in no cache and no index, and its address goes nowhere.
pub(super) fn private(status: StatusCode, html: String) -> Response {
    private_under(HeaderValue::from_static(page::POLICY), status, html)
}

/// The same under another policy of what a browser may do on it.
pub(super) fn private_under(policy: HeaderValue, status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    let mut response = (status, headers, html).into_response();
    unseen(&mut response);
    response
}

/// In no cache and no index, and its address goes nowhere.
pub(super) fn unseen(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
}
