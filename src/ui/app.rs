//! The document, and what every page shares: header, live picture, form.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use super::{
    build::BUILD_META,
    header::Header,
    live::Live,
    load::Form,
    pages::{
        AccessPage, ComparePage, FaultsPage, FirstState, LoadPage, NotFoundPage, OverviewPage, PlansPage, PresentPage,
        RunPage, RunsPage, ServicesPage,
    },
    tab,
    text::use_text,
};
use crate::{api::functions::get_page_state, domain::prefs::Prefs};

/// What the style goes by: it hides what would be refused.
struct Standing {
    role: &'static str,
    login: &'static str,
}

impl Standing {
    /// That of who asks for the page.
    #[cfg(feature = "ssr")]
    fn current() -> Self {
        let parts = use_context::<axum::http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<crate::api::caller::Caller>().cloned());
        let caller = caller.unwrap_or_default();
        let login = match &caller.pass {
            Some(_) => "in",
            None if caller.is_unnamed_admin() => "none",
            None => "out",
        };
        Self { role: caller.role.name(), login }
    }

    /// Only the server draws documents.
    #[cfg(not(feature = "ssr"))]
    fn current() -> Self {
        Self { role: "", login: "" }
    }
}

/// The HTML document around [`App`], of a build.
pub fn shell(options: LeptosOptions, build: String) -> impl IntoView {
    let prefs = Prefs::current();
    let text = prefs.lang.text();
    let standing = Standing::current();
    view! {
        <!DOCTYPE html>
        <html
            lang=prefs.lang.tag()
            data-theme=prefs.theme.map(|theme| theme.id())
            data-role=standing.role
            data-login=standing.login
        >
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="description" content=text.now_heading />
                <meta name=BUILD_META content=build />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <HashedStylesheet id="leptos" options=options.clone() />
                <script defer src="/vendor/echarts.min.js"></script>
                // What reloads the page while cargo-leptos watches the sources.
                <AutoReload options=options.clone() disable_watch=!cfg!(debug_assertions) />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
                <noscript>
                    <p class="no-script">{text.no_script}</p>
                </noscript>
            </body>
        </html>
    }
}

/// The whole page's content.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let prefs = Prefs::current();
    provide_context(prefs.lang);
    let live = Live::provide();
    Form::provide(live);
    provide_context(FirstState(Resource::new_with_options(|| (), |()| get_page_state(), true)));
    let text = use_text();

    view! {
        <Title formatter=tab::title(move |page| format!("{page} · {}", text.app_name)) />
        <Router>
            // The browser itself moves the focus; the router would only scroll.
            <a class="skip" href="#main" rel="external">{text.skip_to_content}</a>
            <Header theme=prefs.theme />
            <main id="main" tabindex="-1">
                // Asynchronous: everything is in the first HTML, for readers without JavaScript too.
                <Routes fallback=|| view! { <NotFoundPage /> }>
                    <Route path=path!("/") view=OverviewPage ssr=SsrMode::Async />
                    <Route path=path!("/load") view=LoadPage ssr=SsrMode::Async />
                    <Route path=path!("/plans") view=PlansPage ssr=SsrMode::Async />
                    <Route path=path!("/access") view=AccessPage ssr=SsrMode::Async />
                    <Route path=path!("/faults") view=FaultsPage ssr=SsrMode::Async />
                    <Route path=path!("/services") view=ServicesPage ssr=SsrMode::Async />
                    <Route path=path!("/present") view=PresentPage ssr=SsrMode::Async />
                    <Route path=path!("/runs") view=RunsPage ssr=SsrMode::Async />
                    <Route path=path!("/runs/compare") view=ComparePage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id") view=RunPage ssr=SsrMode::Async />
                </Routes>
            </main>
        </Router>
    }
}
