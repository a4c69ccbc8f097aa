//! Language and theme: kept in cookies, so that the first HTML is right already.

use super::{browser, text::Lang};

/// The cookie that holds the language's tag.
pub const LANG_COOKIE: &str = "had_lang";
/// The cookie that holds the theme's name.
pub const THEME_COOKIE: &str = "had_theme";

/// A colour theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Its name in `html[data-theme]` and in the cookie.
    pub fn id(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.id() == id)
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// What a reader prefers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefs {
    /// The language.
    pub lang: Lang,
    /// The theme; `None`: the system's.
    pub theme: Option<Theme>,
}

impl Prefs {
    /// The preferences in a request's `Cookie` and `Accept-Language` headers.
    pub fn from_headers(cookies: &str, accept_language: &str) -> Self {
        let cookie = |name: &str| {
            cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
        };
        Self {
            lang: cookie(LANG_COOKIE)
                .and_then(Lang::from_tag)
                .unwrap_or_else(|| Lang::from_accept_language(accept_language)),
            theme: cookie(THEME_COOKIE).and_then(Theme::from_id),
        }
    }

    /// The preferences of the page at hand: of the request on the server, of `<html>` in the browser.
    #[cfg(feature = "ssr")]
    pub fn current() -> Self {
        use axum::http::{header, request::Parts};
        let Some(parts) = leptos::prelude::use_context::<Parts>() else { return Self::default() };
        let all = |name| {
            let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
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

#[cfg(test)]
mod tests {
    use super::{Lang, Prefs, Theme};

    #[test]
    fn cookies_win_over_the_browsers_language() {
        let prefs = Prefs::from_headers("a=b; had_lang=de; had_theme=dark", "en");
        assert_eq!(prefs, Prefs { lang: Lang::De, theme: Some(Theme::Dark) });
        assert_eq!(Prefs::from_headers("", "de").lang, Lang::De);
    }

    #[test]
    fn unknown_values_fall_back() {
        let prefs = Prefs::from_headers("had_lang=xx; had_theme=\"><script>", "fr");
        assert_eq!(prefs, Prefs::default());
    }
}
