//! The axum side: REST, live stream, pages.
