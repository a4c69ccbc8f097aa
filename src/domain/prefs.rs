//! Language and theme: kept in cookies, so that the first HTML is right already.

/// The languages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Lang {
    /// Every language, in the order of the switch.
    pub const ALL: &[Self] = &[Self::En, Self::De];

    /// Its BCP 47 tag, as in `html[lang]` and in the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// The language a tag such as `de-AT` stands for; `None` for one that we don't speak.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|lang| lang.tag().eq_ignore_ascii_case(primary))
    }

    /// The best language for an `Accept-Language` header; English where none fits.
    pub fn from_accept_language(header: &str) -> Self {
        let quality = |entry: &str| -> f32 {
            entry.split(';').skip(1).find_map(|p| p.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0)
        };
        let mut wanted: Vec<(f32, Self)> = header
            .split(',')
            .filter_map(|entry| {
                let tag = entry.split(';').next()?.trim();
                Some((quality(entry), Self::from_tag(tag)?))
            })
            .filter(|(q, _)| *q > 0.0)
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.first().map(|(_, lang)| *lang).unwrap_or_default()
    }
}

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

/// The first value of that name in a `Cookie` header.
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, it)| it)
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
        Self {
            lang: cookie(cookies, LANG_COOKIE)
                .and_then(Lang::from_tag)
                .unwrap_or_else(|| Lang::from_accept_language(accept_language)),
            theme: cookie(cookies, THEME_COOKIE).and_then(Theme::from_id),
        }
    }
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

    #[test]
    fn the_browsers_first_language_that_we_speak_wins() {
        for (header, lang) in [
            ("", Lang::En),
            ("de", Lang::De),
            ("de-AT,de;q=0.9,en;q=0.8", Lang::De),
            ("fr,en;q=0.5,de;q=0.7", Lang::De),
            ("de;q=0,en", Lang::En),
            ("en-GB,de", Lang::En),
            ("*;q=nonsense;;,", Lang::En),
        ] {
            assert_eq!(Lang::from_accept_language(header), lang, "{header}");
        }
    }
}
