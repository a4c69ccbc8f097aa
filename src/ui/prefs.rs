//! The preferences of the reader at hand.

use super::browser;
#[cfg(not(feature = "ssr"))]
use crate::domain::prefs::Lang;
use crate::domain::prefs::{Prefs, THEME_COOKIE, Theme};

impl Prefs {
    /// The preferences of the page at hand: of the request on the server, of `<html>` in the browser.
    #[cfg(feature = "ssr")]
    pub fn current() -> Self {
        let parts = leptos::prelude::use_context::<axum::http::request::Parts>();
        parts.map_or_else(Self::default, |parts| Self::of(&parts.headers))
    }

    /// The preferences of who sends these headers.
    #[cfg(feature = "ssr")]
    pub fn of(headers: &axum::http::HeaderMap) -> Self {
        use axum::http::header;
        let all = |name| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.collect::<Vec<_>>().join("; ")
        };
        Self::from_headers(&all(header::COOKIE), &all(header::ACCEPT_LANGUAGE))
    }

    /// The preferences of the page at hand: of the request on the server, of `<html>` in the browser.
    #[cfg(not(feature = "ssr"))]
    pub fn current() -> Self {
        Self {
            lang: browser::html_attribute("lang").as_deref().and_then(Lang::from_tag).unwrap_or_default(),
            theme: browser::html_attribute("data-theme").as_deref().and_then(Theme::from_id),
        }
    }
}

/// Switches the theme at once and remembers it.
pub(super) fn set_theme(theme: Theme) {
    browser::set_html_attribute("data-theme", theme.id());
    browser::set_cookie(THEME_COOKIE, theme.id());
}
