//! What callers are told of what went wrong inside: what they can do, and neither where files are nor what was asked of them. That
//! is in the log, under the same correlation id.

use std::fmt::Display;

use ha_dashboard::api::error::ApiError;

/// Something of ours broke off.
pub fn broke_off(error: impl Display) -> ApiError {
    tracing::error!(%error, "something broke off");
    ApiError::Internal { what: "it broke off; the dashboard's log says more".into() }
}

/// What is kept can't be used now.
pub fn unusable(error: impl Display) -> ApiError {
    tracing::error!(%error, "what is kept can't be used");
    ApiError::Unavailable {
        what:
            "what the dashboard keeps can't be read or written now: see that the state folder (HAD_STATE_DIR) can be \
               written and its disk has space; the dashboard's log says more"
                .into(),
    }
}
