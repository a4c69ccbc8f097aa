//! Logging in with the team's OpenID provider: there, and back again.

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ha_dashboard::{
    api::{caller::Door, error::ApiError},
    web::origin,
};
use serde::Deserialize;

use super::{
    HttpState,
    edge::Asking,
    entry::{Way, come_in, cookie, login_page, refused, shown_cookie, unseen},
    error::Failure,
    forms::{local, see},
};
use crate::server::{
    access::NoLogin,
    oidc::{Member, OidcError, Pending, Provider},
};

/// Where somebody is sent to the provider from.
pub const THERE: &str = "/login/oidc";

/// Where the provider sends them to: it has to know the address.
pub const BACK: &str = "/login/oidc/back";

/// Holds what was asked of the provider, as [`super::entry`] names cookies.
const COOKIE: &str = "had_oidc";

/// How long somebody may stay with the provider, in s.
const STAY_S: u64 = 600;

/// The routes; they are open to everybody.
pub fn router() -> Router<HttpState> {
    Router::new().route(THERE, get(there)).route(BACK, get(back))
}

fn provider(state: &HttpState) -> Result<&Provider, Failure> {
    let none = || ApiError::NotFound { what: "OpenID provider: none is set, see HAD_OIDC_ISSUER".into() };
    state.provider.as_deref().ok_or_else(|| none().into())
}

fn address_of_back(headers: &HeaderMap) -> String {
    format!("{}{BACK}", origin(headers))
}

async fn there(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = provider(&state)?;
    let to = local(&way.back);
    if provider.check(caller.from).is_err() {
        return Ok(refused(&state, &NoLogin::TooMany, "", &to, &headers));
    }
    Ok(match provider.begin(&address_of_back(&headers)).await {
        Ok((url, pending)) => {
            let kept = format!("{}.{}", URL_SAFE_NO_PAD.encode(to), pending.kept());
            let mut response = see(&url);
            if let Some(cookie) = cookie(&headers, COOKIE, &kept, STAY_S) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            unseen(&mut response);
            response
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can log in by the team's provider");
            login_page(&state, StatusCode::BAD_GATEWAY, "", &to, Some(error.code()), &headers)
        }
    })
}

/// What the provider brings back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    state: String,
    code: String,
    error: Option<String>,
}

async fn back(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = provider(&state)?;
    let (to, pending) = shown_cookie(&headers, COOKIE).and_then(read).unwrap_or_else(|| ("/".into(), None));
    if provider.check(caller.from).is_err() {
        return Ok(refused(&state, &NoLogin::TooMany, "", &to, &headers));
    }
    let member = member(provider, pending, answer, &headers).await;
    if let Err(error) = &member {
        tracing::warn!(%error, "somebody could not log in by the team's provider");
    }
    let caller = caller.through(Door::Form);
    let came = state.access.come_by_team(&caller, &provider.own_way(), member.map_err(NoLogin::NoTeam)).await;
    let mut response = match came {
        Ok(begun) => come_in(&headers, &begun, &to),
        Err(why) => refused(&state, &why, "", &to, &headers),
    };
    if let Some(gone) = cookie(&headers, COOKIE, "", 0) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

async fn member(
    provider: &Provider,
    pending: Option<Pending>,
    answer: Answer,
    headers: &HeaderMap,
) -> Result<Member, OidcError> {
    let pending = pending.filter(|pending| pending.state == answer.state).ok_or(OidcError::Stale)?;
    if let Some(error) = answer.error {
        return Err(OidcError::Denied(error.chars().filter(|c| c.is_ascii_graphic()).take(100).collect()));
    }
    provider.finish(&address_of_back(headers), pending, answer.code).await
}

/// Where to go on, and what was asked of the provider, from what a cookie holds.
pub fn read(kept: &str) -> Option<(String, Option<Pending>)> {
    let (to, pending) = kept.split_once('.')?;
    let to = String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok()?;
    Some((local(&to), Pending::of_kept(pending)))
}
