//! Plans that are kept under a name.

use serde::{Deserialize, Serialize};

use super::{Millis, id::PlanId, validate::Draft};

/// A plan that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// Its id.
    pub id: PlanId,
    /// What people call it: as [`name`] makes it.
    pub name: String,
    /// What it asks for, as it was typed. Services and scripts may have changed since.
    pub draft: Draft,
    /// When it was saved last.
    pub changed_ms: Millis,
}

/// Why a plan is not kept as it was asked for. Its text is English.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "refusal"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@refusal"))]
pub enum PlanRefusal {
    /// Not a name.
    #[error("name: give 1 to {} characters in one line, without control characters", SavedPlan::LONGEST_NAME)]
    NotAName,
    /// Another plan has the name.
    #[error("there is a plan of that name already: choose another name, or ask for it to be replaced")]
    NameTaken {
        /// That plan.
        by: PlanId,
    },
    /// It is to start by itself.
    #[error("the plan is to start by itself: delete its schedules first")]
    Scheduled,
    /// No more plans are kept.
    #[error("{} plans are kept at most: delete one first", SavedPlan::MOST)]
    TooMany,
}

impl PlanRefusal {
    /// Its name on the wire, for example `name_taken`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAName => "not_a_name",
            Self::NameTaken { .. } => "name_taken",
            Self::Scheduled => "scheduled",
            Self::TooMany => "too_many",
        }
    }
}

impl SavedPlan {
    /// Most characters of a name.
    pub const LONGEST_NAME: usize = 80;

    /// Most plans that are kept.
    pub const MOST: usize = 200;
}

/// A name as it is kept: without blanks around it.
///
/// # Errors
/// [`PlanRefusal::NotAName`]: nothing, too much, or what can't be seen.
pub fn name(text: &str) -> Result<String, PlanRefusal> {
    let name = text.trim();
    // Line and paragraph separators end a line, too.
    let is_hidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let is_name = (1..=SavedPlan::LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(is_hidden);
    if is_name { Ok(name.into()) } else { Err(PlanRefusal::NotAName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(name("  Evening peak "), Ok("Evening peak".into()));
        assert_eq!(name("<b>=cmd|x</b>"), Ok("<b>=cmd|x</b>".into()));
        assert_eq!(name(&"ä".repeat(80)), Ok("ä".repeat(80)));
        for wrong in ["", "  ", "a\nb", "a\u{2028}b", "a\0", &"ä".repeat(81), &"x".repeat(10_000)] {
            assert_eq!(name(wrong), Err(PlanRefusal::NotAName), "{wrong:?}");
        }
    }
}
