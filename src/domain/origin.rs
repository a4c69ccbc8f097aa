//! How a run came to be.

use serde::{Deserialize, Serialize};

/// Who asked for a run, and what ran it: what it takes to do it again elsewhere. What nobody noted is absent.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The way the start came in: `page`, `form`, `rest`, `terminal`, `scenario` or `schedule`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub door: String,
    /// What ran k6: `process` or `docker`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// The version of k6, for example `1.1.0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub k6: String,
    /// The revision of the scripts: the first 12 hexadecimal digits of the SHA-256 of the script and the library beside it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scripts: String,
    /// The cores of the machine that k6 shared with whatever else runs there, where that is the dashboard's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
}

impl Origin {
    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
