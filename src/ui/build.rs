//! How a page learns that the server is of another build than it is itself.

/// The header that names the server's build in what it sends; each page holds that of its own in a `meta` of [`BUILD_META`].
pub const BUILD_HEADER: &str = "x-dashboard-build";

/// The name of the `meta` with the build that a page is of.
pub const BUILD_META: &str = "dashboard-build";
