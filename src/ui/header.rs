//! The bar on top: name, navigation, connection, language, theme.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{
    browser,
    emergency::EmergencyStop,
    faults::FaultBadge,
    live::{Connection, Live},
    pages::NAV,
    prefs::set_theme,
    text::{use_lang, use_text},
};
use crate::domain::prefs::{Lang, Theme};

/// The bar on top.
#[component]
pub fn Header(
    /// The theme that was asked for; `None`: the system's.
    theme: Option<Theme>,
) -> impl IntoView {
    let text = use_text();
    let path = use_location().pathname;
    let item = move |item: &'static super::pages::NavItem| {
        let current = move || {
            let path = path.get();
            let here = if item.path == "/" { path == "/" } else { path.starts_with(item.path) };
            here.then_some("page")
        };
        view! {
            <li data-needs=item.needs>
                <a href=item.path aria-current=current>
                    {(item.name)(text)}
                </a>
            </li>
        }
        .into_any()
    };
    view! {
        <header class="top">
            <a class="brand" href="/">
                <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                    <rect width="32" height="32" rx="8" />
                    <path d="M5 19h5l3-9 5 14 3.5-9H27" />
                </svg>
                <span>{text.app_name}</span>
            </a>
            <nav aria-label=text.nav_label on:focusin=|event| browser::show_whole(&event)>
                <ul>{NAV.iter().map(item).collect_view()}</ul>
            </nav>
            <div class="tools">
                <EmergencyStop here=here() />
                <FaultBadge />
                <ConnectionBadge />
                <Login />
                <Languages />
                <ThemeSwitch theme />
            </div>
        </header>
    }
}

/// Whether live messages come.
#[component]
fn ConnectionBadge() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let words = move || match live.connection.get() {
        Connection::Connecting => text.connecting,
        Connection::Live => text.connected,
        Connection::Lost => text.connection_lost,
    };
    view! {
        <span class="connection" role="status" data-testid="connection" data-state=move || live.connection.get().id()>
            {words}
        </span>
    }
}

/// The way in, or out: the document says which of them there is, see [`shell`](super::app::shell).
#[component]
fn Login() -> impl IntoView {
    let text = use_text();
    let back = here();
    view! {
        <a class="link log-in" href=move || format!("/login?back={}", back.get()) rel="external">{text.log_in}</a>
        <form class="log-out" method="post" action="/logout">
            <button type="submit" class="link-button">{text.log_out}</button>
        </form>
    }
}

/// The address to come back to.
fn here() -> Signal<String> {
    let location = use_location();
    Signal::derive(move || location.pathname.get())
}

/// A link for each language; the server remembers the choice.
#[component]
fn Languages() -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let back = here();
    let link = move |to: Lang| {
        view! {
            <a
                href=move || format!("/prefs?lang={}&back={}", to.tag(), back.get())
                rel="external"
                hreflang=to.tag()
                lang=to.tag()
                aria-current=(to == lang).then_some("true")
            >
                {to.name()}
            </a>
        }
        .into_any()
    };
    view! {
        <div class="languages" role="group" aria-label=text.language>
            {Lang::ALL.iter().map(|to| link(*to)).collect_view()}
        </div>
    }
}

/// Offers the other theme.
#[component]
fn ThemeSwitch(theme: Option<Theme>) -> impl IntoView {
    let text = use_text();
    let back = here();
    let theme = RwSignal::new(theme);
    // The server can't know the system's theme.
    Effect::new(move |_| {
        if theme.get_untracked().is_none() && browser::prefers_dark() {
            theme.set(Some(Theme::Dark));
        }
    });
    let other = move || theme.get().unwrap_or(Theme::Light).other();
    let name = move || if other() == Theme::Dark { text.theme_dark } else { text.theme_light };
    view! {
        <form
            class="theme"
            action="/prefs"
            method="get"
            on:submit=move |event| {
                event.prevent_default();
                let other = other();
                set_theme(other);
                theme.set(Some(other));
            }
        >
            <input type="hidden" name="theme" value=move || other().id() />
            <input type="hidden" name="back" value=back />
            <button type="submit" class="icon-button" aria-label=name title=name>
                <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <circle cx="12" cy="12" r="8.5" />
                    <path d="M12 3.5a8.5 8.5 0 0 1 0 17z" />
                </svg>
            </button>
        </form>
    }
}
