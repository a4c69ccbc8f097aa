//! Who is told what happens, and whether that arrives.

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    response::Response,
    routing::post,
};
use ha_dashboard::{
    api::{caller::Door, error::ApiError, port::ShownHook},
    domain::hook::{Delivery, HookEvent, HookForm},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    HttpState,
    edge::Asking,
    error::{ErrorBody, Failure},
    forms::{see, with_query},
};

/// Somebody who is told what happens. Where messages go is a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEntry {
    /// The name.
    name: String,
    /// As much of the address as may be shown, for example `https://hooks.slack.com/…`.
    address: String,
    /// How messages look.
    form: HookForm,
    /// Whether they are signed.
    signed: bool,
    /// What is told.
    events: Vec<HookEvent>,
    /// Whether it answered that it wants no more messages (410).
    unwanted: bool,
}

impl From<ShownHook> for WebhookEntry {
    fn from(ShownHook { name, address, form, is_signed, events, is_unwanted }: ShownHook) -> Self {
        Self { name, address, form, signed: is_signed, events, unwanted: is_unwanted }
    }
}

/// Everybody who is told, and the last messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhooksBody {
    /// Always true.
    success: bool,
    /// In the order of the configuration.
    webhooks: Vec<WebhookEntry>,
    /// The last messages, newest first.
    deliveries: Vec<Delivery>,
    /// Names this request in the log.
    correlation_id: String,
}

/// A message that was sent to try out whether it arrives.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookTestBody {
    /// Always true: whether it arrived stands in the delivery.
    success: bool,
    /// What became of it within some seconds.
    delivery: Delivery,
    /// Names this request in the log.
    correlation_id: String,
}

/// Everybody who is told what happens, and the last messages.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    responses((status = 200, body = WebhooksBody), (status = 503, body = ErrorBody)),
)]
pub async fn webhooks(State(state): State<HttpState>, Asking(caller): Asking) -> Result<Json<WebhooksBody>, Failure> {
    let shown = state.control.hooks(&caller).await?;
    let webhooks = shown.hooks.into_iter().map(WebhookEntry::from).collect();
    let (deliveries, correlation_id) = (shown.deliveries, caller.correlation_id);
    Ok(Json(WebhooksBody { success: true, webhooks, deliveries, correlation_id }))
}

/// Sends a message to try out whether it arrives.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{name}/test",
    tag = "webhooks",
    params(("name" = String, Path, description = "The webhook's name")),
    responses(
        (status = 200, body = WebhookTestBody),
        (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
pub async fn test_webhook(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(name): Path<String>,
) -> Result<Json<WebhookTestBody>, Failure> {
    let delivery = state.control.test_hook(&caller, &name).await?;
    Ok(Json(WebhookTestBody { success: true, delivery, correlation_id: caller.correlation_id }))
}

/// The plain form on the page of plans.
pub fn router() -> Router<HttpState> {
    Router::new().route("/plans/webhook-test", post(test))
}

/// Which webhook.
#[derive(Debug, Deserialize)]
struct Which {
    name: String,
}

async fn test(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let query = match state.control.test_hook(&caller.through(Door::Form), &which.name).await {
        Ok(tested) => with_query("/plans", [("tested", tested.hook.as_str())]),
        Err(ApiError::NotFound { .. }) => with_query("/plans", [("error", "no_webhook")]),
        Err(error) => with_query("/plans", [("error", error.code())]),
    };
    see(&format!("{query}#webhooks"))
}
