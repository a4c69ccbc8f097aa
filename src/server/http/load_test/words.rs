//! What callers of the former analytics service call our patterns.

use ha_dashboard::domain::plan::Pattern;

/// The name that stands for a script, not for a pattern of its own.
pub const API: &str = "api";

/// What is meant where no name is given.
pub const DEFAULT: &str = "baseline";

/// Their names; all other patterns keep ours.
const TEST_TYPES: [(&str, Pattern); 4] =
    [(DEFAULT, Pattern::Load), ("spike", Pattern::Spike), ("stress", Pattern::Stress), (API, Pattern::Load)];

/// The pattern that a test type of theirs stands for.
pub fn pattern(test_type: &str) -> Option<Pattern> {
    TEST_TYPES.iter().find(|(name, _)| *name == test_type).map(|(_, pattern)| *pattern)
}

/// A pattern's test types.
pub fn test_types(pattern: Pattern) -> Vec<&'static str> {
    TEST_TYPES.iter().filter(|(_, p)| *p == pattern).map(|(name, _)| *name).collect()
}

/// The first of a pattern's test types, else its own name.
pub fn test_type(pattern: Pattern) -> &'static str {
    test_types(pattern).first().copied().unwrap_or(pattern.name())
}

/// Every test type that is understood.
pub fn all() -> Vec<String> {
    let ours = Pattern::ALL.iter().map(|pattern| pattern.name());
    let ours = ours.filter(|name| TEST_TYPES.iter().all(|(test_type, _)| test_type != name));
    TEST_TYPES.iter().map(|(name, _)| *name).chain(ours).map(str::to_owned).collect()
}
