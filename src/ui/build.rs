//! How a page learns that the server is of another build than it is itself, or lets its reader do something else.

/// The header that names the server's build in what it sends; each page holds that of its own in a `meta` of [`BUILD_META`].
pub const BUILD_HEADER: &str = "x-dashboard-build";

/// The header that names what who asks may do now; each page holds in `html[data-role]` what they might when it was drawn.
pub const ROLE_HEADER: &str = "x-dashboard-role";

/// The name of the `meta` with the build that a page is of.
pub const BUILD_META: &str = "dashboard-build";
