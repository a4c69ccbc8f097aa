//! What the presentation shows beside its page: the code that leads others to the dashboard.

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use fast_qr::{
    QRBuilder,
    convert::{Builder, Shape, svg::SvgBuilder},
};
use ha_dashboard::web::origin;

use super::HttpState;

/// The route.
pub fn router() -> Router<HttpState> {
    Router::new().route("/present/qr.svg", get(code))
}

/// The address under which the code was asked for, to scan.
async fn code(headers: HeaderMap) -> Response {
    // Dark on light in every theme: not every phone reads it the other way round.
    match QRBuilder::new(origin(&headers)).build() {
        Ok(code) => {
            let drawn = SvgBuilder::default().shape(Shape::Square).margin(2).to_str(&code);
            ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-store")], drawn).into_response()
        }
        Err(_) => StatusCode::URI_TOO_LONG.into_response(),
    }
}
