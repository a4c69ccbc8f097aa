//! Names that the dashboard gives to what it keeps.

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 64 characters of a-z, 0-9 and -")]
pub struct NotAnId;

/// Whether a text has 1 to 64 characters of `a-z`, `0-9` and `-`.
fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                if is_id(&text) { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// A saved plan's id: 1–64 characters of `a-z`, `0-9` and `-`.
    PlanId
}

id! {
    /// The id of a link to a run's report: 1–64 characters of `a-z`, `0-9` and `-`.
    ShareId
}

id! {
    /// The id of what lets somebody in: 1–64 characters of `a-z`, `0-9` and `-`. It lets nobody in itself.
    PassId
}

id! {
    /// The id of a plan's schedule: 1–64 characters of `a-z`, `0-9` and `-`.
    ScheduleId
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_plain() {
        assert_eq!(PlanId::try_from("p-1".to_owned()).unwrap().as_str(), "p-1");
        for wrong in ["", "A", "a b", "../x", "é", &"a".repeat(65)] {
            assert_eq!(PlanId::try_from(wrong.to_owned()), Err(NotAnId), "{wrong}");
        }
    }
}
