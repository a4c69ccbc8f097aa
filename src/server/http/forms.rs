//! For browsers without JavaScript: Start and Stop as plain forms, language and theme as links.

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ha_dashboard::{
    api::{caller::Door, error::ApiError},
    domain::{
        prefs::{LANG_COOKIE, Lang, THEME_COOKIE, Theme},
        validate::{Draft, Field},
    },
};
use serde::Deserialize;

use super::{HttpState, edge::Asking};

/// In place of a theme's name: whichever the system has.
const SYSTEM: &str = "system";

/// A year in seconds.
const COOKIE_AGE_S: u32 = 31_536_000;

/// The routes.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route("/start", post(start))
        .route("/stop", post(stop))
        .route("/pull", post(pull))
        .route("/prefs", get(prefs))
}

/// Browsers name the draft's inputs `draft[peak]` and so on; later ones win, so that of two inputs with one name the
/// page decides by order.
async fn start(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut draft = Draft::default();
    for (name, value) in fields {
        if let Some(field) = Field::of_control(&name) {
            *draft.slot(field) = value;
        }
    }
    match state.control.start(&caller.through(Door::Form), draft.clone()).await {
        Ok(_) => see("/"),
        Err(error) => see(&with_draft(&mut draft, &error)),
    }
}

async fn stop(State(state): State<HttpState>, Asking(caller): Asking) -> Response {
    match state.control.stop(&caller.through(Door::Form)).await {
        Ok(_) => see("/"),
        Err(error) => see(&format!("/?error={}", error.code())),
    }
}

async fn pull(State(state): State<HttpState>, Asking(caller): Asking) -> Response {
    match state.control.pull_image(&caller.through(Door::Form)).await {
        Ok(()) => see("/"),
        Err(error) => see(&format!("/?error={}", error.code())),
    }
}

/// Back to the form with everything typed, which the page checks again and explains field by field.
fn with_draft(draft: &mut Draft, error: &ApiError) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://dashboard/") else { return "/".into() };
    for field in Field::ALL {
        // Browsers and proxies refuse endless addresses; nothing that is allowed is longer.
        let value: String = draft.slot(field).chars().take(1_000).collect();
        url.query_pairs_mut().append_pair(field.name(), &value);
    }
    url.query_pairs_mut().append_pair("error", error.code());
    format!("/?{}", url.query().unwrap_or_default())
}

/// What may be chosen.
#[derive(Debug, Deserialize)]
struct Prefs {
    lang: Option<String>,
    theme: Option<String>,
    back: Option<String>,
}

async fn prefs(Query(prefs): Query<Prefs>) -> Response {
    let mut response = see(&local(prefs.back.as_deref().unwrap_or("/")));
    let lang = prefs.lang.as_deref().and_then(Lang::from_tag).map(Lang::tag);
    let theme = prefs.theme.as_deref();
    let theme = theme.and_then(|theme| Theme::from_id(theme).map(Theme::id).or((theme == SYSTEM).then_some(SYSTEM)));
    for (cookie, choice) in [(LANG_COOKIE, lang), (THEME_COOKIE, theme)] {
        let Some(choice) = choice else { continue };
        let cookie = format!("{cookie}={choice}; Path=/; Max-Age={COOKIE_AGE_S}; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// A path on this site: browsers read `//x` and `/\x` as another one.
fn local(path: &str) -> String {
    let mut chars = path.chars();
    let ours = chars.next() == Some('/') && !matches!(chars.next(), Some('/' | '\\'));
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain { path.to_owned() } else { "/".into() }
}

fn see(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_site() {
        assert_eq!(local("/runs?x=1"), "/runs?x=1");
        for elsewhere in ["//evil.example", "/\\evil.example", "http://evil.example", "evil", "", "/a\r\nb", "/\u{e4}"]
        {
            assert_eq!(local(elsewhere), "/");
        }
    }

    #[test]
    fn nothing_typed_is_lost() {
        let mut draft = Draft { peak: "ten".into(), thresholds: "a&b=c{}\"<\n".into(), ..Draft::default() };
        let back = with_draft(&mut draft, &ApiError::Invalid { errors: Vec::new() });
        assert!(back.starts_with("/?script=&target=&"), "{back}");
        assert!(
            back.contains("peak=ten&")
                && back.ends_with("&thresholds=a%26b%3Dc%7B%7D%22%3C%0A&request_timeout=&error=invalid"),
            "{back}"
        );
    }
}
