//! Routes and their description from one declaration each, so that they can't differ.

use utoipa::{
    OpenApi, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, schema::Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    HttpState, accounts, breakers, chaos, emergency, error::ErrorBody, exports, faults, health, live, load_test,
    metrics, plans, runs, scenarios, schedules, sharing, uploads, webhooks,
};

/// The description's head; paths and schemas come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "High Availability Dashboard",
        description = "Starts, watches and stops k6 load tests. Times are in seconds unless a name says otherwise; a value \
                       that was not measured is null, never 0. Every answer carries `correlation_id`, taken from the header \
                       X-Correlation-ID or made.",
    ),
    tags(
        (name = "load-test", description = "The load test at work"),
        (name = "metrics", description = "Measured values"),
        (name = "runs", description = "Runs and their logs"),
        (name = "plans", description = "Plans that are kept under a name, and their schedules"),
        (name = "webhooks", description = "Who is told what happens"),
        (name = "faults", description = "Faults set in the services under test"),
        (name = "chaos", description = "The same faults, in the words of the former analytics service"),
        (name = "access", description = "Who may do what, and who did"),
        (name = "scripts", description = "Scripts that are uploaded beside the catalogue"),
        (name = "live", description = "The live stream"),
        (name = "health", description = "How the dashboard is"),
    ),
)]
struct Description;

/// Every described route.
pub fn api() -> OpenApiRouter<HttpState> {
    let mut routes = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(load_test::start))
        .routes(routes!(load_test::stop))
        .routes(routes!(emergency::emergency_stop))
        .routes(routes!(load_test::status))
        .routes(routes!(load_test::scenarios))
        .routes(routes!(metrics::current))
        .routes(routes!(metrics::overview))
        .routes(routes!(metrics::exposition))
        .routes(routes!(breakers::breakers))
        .routes(routes!(runs::runs))
        .routes(routes!(runs::run, runs::label, runs::trash))
        .routes(routes!(runs::untrash))
        .routes(routes!(runs::add_load))
        .routes(routes!(runs::remove_load))
        .routes(routes!(runs::make_baseline, runs::drop_baseline))
        .routes(routes!(runs::compare_runs))
        .routes(routes!(runs::trend_of_runs))
        .routes(routes!(runs::log))
        .routes(routes!(runs::detail))
        .routes(routes!(runs::report))
        .routes(routes!(runs::run_plan))
        .routes(routes!(sharing::shares_of_run, sharing::share_run))
        .routes(routes!(sharing::unshare_run))
        .routes(routes!(exports::run_json))
        .routes(routes!(exports::junit_xml))
        .routes(routes!(exports::endpoints_csv))
        .routes(routes!(exports::series_csv))
        .routes(routes!(runs::prometheus_log))
        .routes(routes!(plans::plans, plans::save_plan))
        .routes(routes!(plans::plan, plans::rename_plan, plans::delete_plan))
        .routes(routes!(plans::plan_file))
        .routes(routes!(plans::restore_plan))
        .routes(routes!(plans::start_plan))
        .routes(routes!(schedules::schedules, schedules::add_schedule))
        .routes(routes!(schedules::delete_schedule))
        .routes(routes!(webhooks::webhooks))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(faults::faults, faults::set))
        .routes(routes!(faults::rules))
        .routes(routes!(faults::restore_all))
        .routes(routes!(faults::fault))
        .routes(routes!(faults::restore))
        .routes(routes!(chaos::start_experiment))
        .routes(routes!(chaos::experiment))
        .routes(routes!(chaos::stop_experiment))
        .routes(routes!(chaos::experiments))
        .routes(routes!(chaos::chaos_status))
        .routes(routes!(chaos::analytics_status))
        .routes(routes!(scenarios::fault_scenarios))
        .routes(routes!(accounts::me))
        .routes(routes!(accounts::accounts, accounts::add_account))
        .routes(routes!(accounts::change_account, accounts::delete_account))
        .routes(routes!(accounts::passes, accounts::add_pass))
        .routes(routes!(accounts::revoke_pass))
        .routes(routes!(accounts::audit))
        .routes(routes!(uploads::upload_script, uploads::delete_script))
        .routes(routes!(live::live))
        .routes(routes!(health::health))
        .routes(routes!(health::detailed))
        .routes(routes!(health::ready))
        .routes(routes!(health::alive));
    let schemas = routes.get_openapi_mut().components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(plan))) = schemas.and_then(|schemas| schemas.get_mut("PlanText")) {
        // Alone it has no other fields, but here it is always a part of something larger.
        plan.additional_properties = None;
    }
    refusals(routes.get_openapi_mut());
    routes
}

/// Every route may be refused to who is not let in, or may not do this.
fn refusals(description: &mut utoipa::openapi::OpenApi) {
    let refused = |what: &str| -> RefOr<Response> {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
        ResponseBuilder::new().description(what).content("application/json", body).build().into()
    };
    for item in description.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.entry("401".into()).or_insert_with(|| refused("A login is needed, or the token lets nobody in"));
            responses
                .entry("403".into())
                .or_insert_with(|| refused("The role does not allow it, or another site asks"));
        }
    }
}
