//! Who did what, when, from where, and what came of it.

use serde::{Deserialize, Serialize};

use super::Millis;

/// One thing that somebody did or tried to do.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = AuditEntry))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1; they are given in order and without gaps.
    pub n: u64,
    /// When, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub at_ms: Millis,
    /// An account, a token or a link; empty: nobody knows.
    pub who: String,
    /// What they may do: the name of a role.
    pub role: String,
    /// The IP address that it came from; empty: from the program itself.
    pub address: String,
    /// The way in: `rest`, `page`, `form`, `terminal`, `scenario` or `schedule`.
    pub door: String,
    /// What was asked for, for example `start`.
    pub act: String,
    /// Of what or with which plan, at most 2,000 characters of it.
    pub about: String,
    /// `done`, or the code of the error.
    pub outcome: String,
    /// Names the request in the log.
    pub correlation_id: String,
}

/// Which entries to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Only those of this one; empty: of all.
    pub who: String,
    /// Only what was asked for by this name; empty: everything.
    pub act: String,
    /// Only what was not done.
    pub refused: bool,
    /// Only those before this number.
    pub before: Option<u64>,
    /// How many at most.
    pub most: u32,
}

impl Default for Search {
    fn default() -> Self {
        Self { who: String::new(), act: String::new(), refused: false, before: None, most: Self::PAGE }
    }
}

impl Search {
    /// How many are on a page.
    pub const PAGE: u32 = 50;

    /// Most that can be had at once.
    pub const MOST: u32 = 10_000;
}

impl Entry {
    /// Most characters of what it was about.
    pub const ABOUT: usize = 2_000;

    /// Its outcome where nothing went wrong.
    pub const DONE: &'static str = "done";
}
