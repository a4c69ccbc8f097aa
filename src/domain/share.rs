//! Links to one run's report, for those who are to see no more than that.

use serde::{Deserialize, Serialize};

use super::{Millis, id::ShareId, run::RunId};

/// A link to a run's report. What it leads by is known only to those who have it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its id: it names the link without opening it.
    pub id: ShareId,
    /// The run.
    pub run: RunId,
    /// When it was made, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub created_ms: Millis,
    /// From when on it no longer leads anywhere, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub until_ms: Millis,
    /// When it was taken back before its time, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub revoked_ms: Option<Millis>,
}

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The run was thrown away.
    RunGone,
}

/// Why no link is made. Its text is English.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareRefusal {
    /// It is not to last so long.
    #[error("lasts: {given:?} is not allowed; allowed: {}", Share::LASTS.map(|(name, _)| name).join(", "))]
    Lasts {
        /// At most 100 characters of what was asked for.
        given: String,
    },
    /// There are enough.
    #[error("a test has {} links at most: take one back first", Share::MOST)]
    TooMany,
}

/// A day in ms.
const DAY_MS: Millis = 86_400_000;

impl Share {
    /// How long one may last, by name.
    pub const LASTS: [(&'static str, Millis); 3] = [("1d", DAY_MS), ("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS)];

    /// How long one lasts of which nothing is said.
    pub const USUAL: &'static str = "7d";

    /// Most open links of a run.
    pub const MOST: usize = 20;

    /// How long it is known of a closed one why it is closed, in ms.
    pub const REMEMBERED_MS: Millis = 90 * DAY_MS;

    /// A new link, from `now_ms` on for as long as `lasts` says; empty: [`Share::USUAL`].
    ///
    /// # Errors
    /// [`ShareRefusal::Lasts`].
    pub fn new(id: ShareId, run: RunId, lasts: &str, now_ms: Millis) -> Result<Self, ShareRefusal> {
        let name = Some(lasts.trim()).filter(|name| !name.is_empty()).unwrap_or(Self::USUAL);
        let known = Self::LASTS.into_iter().find(|(known, _)| *known == name);
        let (_, length_ms) = known.ok_or_else(|| ShareRefusal::Lasts { given: super::format::cut(name, 100) })?;
        Ok(Self { id, run, created_ms: now_ms, until_ms: now_ms + length_ms, revoked_ms: None })
    }

    /// Why it leads nowhere at `now_ms`; `None`: it does lead to its run.
    pub fn closed(&self, now_ms: Millis) -> Option<Closed> {
        match self.revoked_ms {
            Some(_) => Some(Closed::Revoked),
            None => (now_ms >= self.until_ms).then_some(Closed::Expired),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW_MS: Millis = 1_700_000_000_000;

    fn share(lasts: &str) -> Result<Share, ShareRefusal> {
        Share::new("s-1".to_owned().try_into().unwrap(), "r-1".parse().unwrap(), lasts, NOW_MS)
    }

    #[test]
    fn a_link_leads_on_up_to_its_end_and_not_at_it() {
        for (lasts, length_ms) in [("1d", 86_400_000), (" 7d ", 604_800_000), ("30d", 2_592_000_000), ("", 604_800_000)]
        {
            let share = share(lasts).unwrap();
            assert_eq!(share.until_ms, NOW_MS + length_ms, "{lasts:?}");
            for (now_ms, closed) in [
                (NOW_MS, None),
                (share.until_ms - 1, None),
                (share.until_ms, Some(Closed::Expired)),
                (Millis::MAX, Some(Closed::Expired)),
            ] {
                assert_eq!(share.closed(now_ms), closed, "{lasts:?} at {now_ms}");
            }
            let revoked = Share { revoked_ms: Some(NOW_MS + 1), ..share };
            assert_eq!(revoked.closed(NOW_MS + 1), Some(Closed::Revoked));
            assert_eq!(revoked.closed(Millis::MAX), Some(Closed::Revoked));
        }
    }

    #[test]
    fn no_other_length_is_allowed() {
        for lasts in ["never", "0d", "31d", "-1d", "7 d", &"9".repeat(10_000)] {
            let refused = share(lasts).unwrap_err();
            assert!(refused.to_string().ends_with("is not allowed; allowed: 1d, 7d, 30d"), "{refused}");
            assert!(refused.to_string().len() < 200);
        }
    }
}
