//! Pages that show everybody the same: drawn once, and again when there is something else to show.

mod split;

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use leptos::nonce::Nonce;
use tokio::sync::Mutex;

use self::split::Split;
use crate::{
    api::{
        caller::{Caller, Door},
        functions::Shown,
        page::PageState,
    },
    domain::{
        Millis,
        access::Role,
        prefs::{Lang, Prefs, Theme},
    },
};

/// What shows no more than [`PageState`], for readers with the same [`Prefs`].
const PATHS: [&str; 3] = ["/", "/load", "/services"];

/// How long a page is shown although nothing changed but the clock.
const MAX_AGE_MS: Millis = 1_000;

/// Far more than a page has.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Tells a caller what there is to show.
type Ask = dyn Fn(Caller) -> BoxFuture<'static, PageState> + Send + Sync;

/// The pages, as they were drawn last.
pub struct SharedPages {
    ask: Box<Ask>,
    slots: Vec<Slot>,
}

/// A page for readers who prefer the same.
struct Slot {
    path: &'static str,
    prefs: Prefs,
    standing: (Role, bool),
    page: Mutex<Option<Arc<Page>>>,
}

/// A page that was drawn.
struct Page {
    state: Arc<PageState>,
    headers: HeaderMap,
    policy: Split,
    html: Split,
}

impl SharedPages {
    /// Pages of what `ask` tells.
    pub fn new(ask: impl Fn(Caller) -> BoxFuture<'static, PageState> + Send + Sync + 'static) -> Self {
        let themes = [None, Some(Theme::Light), Some(Theme::Dark)];
        let prefs = Lang::ALL.iter().flat_map(|lang| themes.map(|theme| Prefs { lang: *lang, theme }));
        // Whoever may the same, with or without a login, is shown the same.
        let standings = Role::ALL.iter().flat_map(|role| [false, true].map(|named| (*role, named)));
        let standings: Vec<_> = standings.collect();
        let slot = |path, prefs, standing| Slot { path, prefs, standing, page: Mutex::default() };
        let slots = prefs
            .flat_map(|prefs| PATHS.map(|path| (path, prefs)))
            .flat_map(|(path, prefs)| standings.iter().map(move |standing| slot(path, prefs, *standing)))
            .collect();
        Self { ask: Box::new(ask), slots }
    }

    /// The page that a request asks for; `None`: there is more to it, such as what was typed into a form.
    fn slot(&self, request: &Request<Body>) -> Option<&Slot> {
        if request.method() != Method::GET || request.uri().query().is_some() {
            return None;
        }
        let prefs = Prefs::of(request.headers());
        let standing = request
            .extensions()
            .get::<Caller>()
            .map_or((Role::Nobody, false), |caller| (caller.role, caller.pass.is_some()));
        let path = request.uri().path();
        self.slots.iter().find(|slot| slot.path == path && slot.prefs == prefs && slot.standing == standing)
    }
}

/// Answers with the page that was drawn for somebody else, where it shows what this one would; other requests go on.
///
/// Everybody is told the state anew: so nobody sees what was before they did something, or what only others may see.
pub async fn share(State(pages): State<Arc<SharedPages>>, request: Request<Body>, next: Next) -> Response {
    let Some(slot) = pages.slot(&request) else { return next.run(request).await };
    let caller = request.extensions().get::<Caller>().cloned().unwrap_or_default().through(Door::Page);
    let state = (pages.ask)(caller).await;
    let zipped = split::takes_gzip(request.headers());
    // Held while it is drawn: everybody else would draw the same.
    let mut held = slot.page.lock().await;
    let page = match held.as_ref().filter(|page| page.shows(&state)) {
        Some(page) => Arc::clone(page),
        None => match draw(Arc::new(state), request, next).await {
            Ok(page) => Arc::clone(held.insert(Arc::new(page))),
            Err(response) => return response,
        },
    };
    drop(held);
    page.answer(zipped)
}

/// Lets Leptos draw a page of a state; what can't be shared is sent as it is.
async fn draw(state: Arc<PageState>, mut request: Request<Body>, next: Next) -> Result<Page, Response> {
    // Found again by it, so it must be as hard to guess as any other.
    let nonce = Nonce::new();
    request.extensions_mut().insert(nonce.clone());
    request.extensions_mut().insert(Shown(Arc::clone(&state)));
    let (mut parts, body) = next.run(request).await.into_parts();
    if parts.status != StatusCode::OK || parts.headers.contains_key(header::SET_COOKIE) {
        return Err(Response::from_parts(parts, body));
    }
    let Ok(html) = to_bytes(body, MAX_BYTES).await else {
        return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let policy = parts.headers.get(header::CONTENT_SECURITY_POLICY);
    match (policy.and_then(|policy| Split::at(policy.as_bytes(), &nonce)), Split::at(&html, &nonce)) {
        (Some(policy), Some(html)) => {
            parts.headers.remove(header::CONTENT_SECURITY_POLICY);
            parts.headers.remove(header::CONTENT_LENGTH);
            Ok(Page { state, headers: parts.headers, policy, html })
        }
        _ => Err(Response::from_parts(parts, Body::from(html))),
    }
}

impl Page {
    /// Whether it shows a state, give or take a moment.
    fn shows(&self, state: &PageState) -> bool {
        let PageState { now_ms, status, frame, recent, rules } = state;
        let ours = &*self.state;
        let same = (&ours.frame, &ours.status, &ours.recent, &ours.rules) == (frame, status, recent, rules);
        ours.now_ms.abs_diff(*now_ms) < MAX_AGE_MS && same
    }

    /// The page with a nonce of this answer's own.
    fn answer(&self, zipped: bool) -> Response {
        let nonce = Nonce::new();
        let zipped = if zipped { self.html.join_zipped(&nonce) } else { None };
        let is_zipped = zipped.is_some();
        let mut response = Response::new(Body::from(zipped.unwrap_or_else(|| self.html.join(&nonce))));
        let headers = response.headers_mut();
        headers.clone_from(&self.headers);
        headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        if is_zipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Ok(policy) = HeaderValue::from_maybe_shared(self.policy.join(&nonce)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
