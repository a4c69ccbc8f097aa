//! What people may do who log in with their team's OpenID provider.

use super::{access::Role, format::cut, labels::is_hidden, pass::PassDraft};

/// Who of a team may do what: groups and e-mail addresses, as the provider names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Team {
    /// Who may look; [`Team::EVERYBODY`]: whoever the provider lets in.
    pub viewers: Vec<String>,
    /// Who may start load, and break things.
    pub presenters: Vec<String>,
    /// Who may do everything.
    pub admins: Vec<String>,
}

impl Team {
    /// In place of a group: everybody.
    pub const EVERYBODY: &'static str = "*";

    /// What somebody may do with this verified address, if there is one, and in these groups. Addresses are compared without
    /// regard to case, groups exactly.
    pub fn role(&self, email: Option<&str>, groups: &[String]) -> Role {
        let is_named = |names: &[String]| {
            names.iter().any(|name| {
                groups.contains(name)
                    || email.is_some_and(|email| !email.is_empty() && name.eq_ignore_ascii_case(email))
            })
        };
        match () {
            () if is_named(&self.admins) => Role::Admin,
            () if is_named(&self.presenters) => Role::Presenter,
            () if is_named(&self.viewers) || self.viewers.iter().any(|name| name == Self::EVERYBODY) => Role::Viewer,
            () => Role::Nobody,
        }
    }

    /// Whether somebody could come in at all.
    pub fn is_empty(&self) -> bool {
        self.viewers.is_empty() && self.presenters.is_empty() && self.admins.is_empty()
    }
}

/// What a provider calls somebody, as it can stand on a page.
pub fn called(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !is_hidden(*c)).collect();
    cut(seen.trim(), PassDraft::NAME as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_elsewhere_is_short_and_can_be_seen() {
        assert_eq!(called(" anna\u{202e}@example.com\n"), "anna@example.com");
        assert_eq!(called(&"ä".repeat(100)).chars().count(), 60);
    }

    #[test]
    fn the_highest_role_counts_and_who_is_in_none_is_nobody() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let team = Team {
            viewers: names(&["audience"]),
            presenters: names(&["speakers", "bob@example.com"]),
            admins: names(&["anna@example.com", "platform"]),
        };
        for (email, groups, role) in [
            (Some("anna@example.com"), &[][..], Role::Admin),
            (Some("Anna@Example.COM"), &["audience"], Role::Admin),
            (Some("bob@example.com"), &["audience"], Role::Presenter),
            (Some("carl@example.com"), &["audience", "platform"], Role::Admin),
            (None, &["speakers"], Role::Presenter),
            (None, &["audience"], Role::Viewer),
            (None, &["Speakers"], Role::Nobody),
            (None, &["speaker"], Role::Nobody),
            (Some("anna@example.com.evil.example"), &[], Role::Nobody),
            (Some(""), &[""], Role::Nobody),
            (None, &["*"], Role::Nobody),
            (None, &[], Role::Nobody),
        ] {
            assert_eq!(team.role(email, &names(groups)), role, "{email:?} {groups:?}");
        }
        let open = Team { viewers: names(&["*"]), ..team };
        assert_eq!(open.role(None, &[]), Role::Viewer);
        assert_eq!(open.role(None, &names(&["speakers"])), Role::Presenter);
        assert_eq!(Team { admins: names(&["*"]), ..Team::default() }.role(Some("x"), &[]), Role::Nobody);
        assert!(Team::default().is_empty() && !open.is_empty());
    }
}
