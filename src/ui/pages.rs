//! The pages, and the table of those that the navigation shows.

mod access;
mod compare;
mod drawn;
mod faults;
mod load;
mod not_found;
mod overview;
mod plans;
mod present;
mod run;
mod runs;
mod services;

pub use access::AccessPage;
pub use compare::ComparePage;
pub use faults::FaultsPage;
pub use load::LoadPage;
pub use not_found::{NotFoundPage, NotThere};
pub use overview::OverviewPage;
pub use plans::PlansPage;
pub use present::PresentPage;
pub use run::RunPage;
pub use runs::RunsPage;
pub use services::ServicesPage;

use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

pub(super) use load::ReloadWithoutScript;

use super::{
    live::Live,
    load::{Brought, Form},
    parts::mark_hydrated,
    tab,
    text::{Text, use_text},
};
use crate::{
    api::{error::ApiError, page::PageState},
    wire::Wire,
};

/// A page in the navigation.
pub struct NavItem {
    /// Its path.
    pub path: &'static str,
    /// Its name.
    pub name: fn(&Text) -> &'static str,
    /// Who it is for, where it is not for all.
    pub needs: Option<&'static str>,
}

/// The navigation, in order.
pub const NAV: &[NavItem] = &[
    NavItem { path: "/", name: |text| text.nav_overview, needs: None },
    NavItem { path: "/load", name: |text| text.nav_load, needs: None },
    NavItem { path: "/plans", name: |text| text.nav_plans, needs: None },
    NavItem { path: "/faults", name: |text| text.nav_faults, needs: None },
    NavItem { path: "/services", name: |text| text.nav_services, needs: None },
    NavItem { path: "/runs", name: |text| text.nav_runs, needs: None },
    NavItem { path: "/access", name: |text| text.nav_access, needs: Some("admin") },
];

/// What the first HTML shows, loaded once for the whole visit.
#[derive(Clone, Copy)]
pub struct FirstState(pub Resource<Result<PageState, ApiError>, Wire>);

/// The scenario that a link names; a whole form has its own.
fn link_to_scenario(query: &ParamsMap) -> Option<String> {
    if query.get("error").is_some() || query.get("script").is_some() { None } else { query.get("scenario") }
}

/// Shows `children` once the state is there, which on the server is before anything is sent.
#[component]
pub fn WithState(children: ChildrenFn) -> impl IntoView {
    let FirstState(first) = expect_context();
    let live: Live = expect_context();
    let form: Form = expect_context();
    let text = use_text();
    let query = use_query_map();
    let children = StoredValue::new(children);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(page) => {
                        live.seed(&page);
                        tab::tell(live);
                        form.seed(&page.rules, query.with_untracked(|query| Brought::of_query(|name| query.get(name))));
                        mark_hydrated();
                        if let Some(file) = query.with_untracked(link_to_scenario) {
                            form.take_scenario(file);
                        }
                        children.with_value(|children| children()).into_any()
                    }
                    Err(error) => {
                        mark_hydrated();
                        view! {
                            <div class="card empty" role="alert">
                                <h1>{text.page_unavailable}</h1>
                                <p>{super::show::api_error(&error, text)}</p>
                                <p><a class="button" href="" rel="external">{text.reload}</a></p>
                            </div>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
}
