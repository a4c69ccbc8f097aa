//! What lets people and programs in: accounts, sessions, tokens, links.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    access::Role,
    format::cut,
    id::PassId,
    validate::{FieldError, FieldName, Problem, Refused},
};

/// Somebody who can log in.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name to log in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When it was made, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub created_ms: Millis,
}

/// What a pass is.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassKind {
    /// A browser that logged in, or came by a link.
    Session,
    /// For programs: `Authorization: Bearer …`.
    Token,
    /// For people without an account: whoever opens it is let in.
    Link,
}

impl PassKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Session, Self::Token, Self::Link];

    /// Its name on the wire and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Link => "link",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What lets somebody in. What opens it is known only to those who have it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Its id: it names the pass without letting anybody in.
    pub id: PassId,
    /// What it is.
    pub kind: PassKind,
    /// What people call it; of a session the name of its account or link.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// Of a session: the link that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<PassId>,
    /// Of a session: the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Of a link: whether it is good for one session only.
    #[serde(default)]
    pub once: bool,
    /// When it was made, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub created_ms: Millis,
    /// From when on it lets nobody in, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub until_ms: Millis,
    /// When it was used last, to within a minute, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub used_ms: Option<Millis>,
}

/// An hour in ms.
const HOUR_MS: Millis = 3_600_000;

impl Pass {
    /// How long tokens and links may last, by name.
    pub const LASTS: [(&'static str, Millis); 7] = [
        ("1h", HOUR_MS),
        ("8h", 8 * HOUR_MS),
        ("1d", 24 * HOUR_MS),
        ("7d", 7 * 24 * HOUR_MS),
        ("30d", 30 * 24 * HOUR_MS),
        ("90d", 90 * 24 * HOUR_MS),
        ("365d", 365 * 24 * HOUR_MS),
    ];

    /// How long a session lasts, in ms.
    pub const SESSION_MS: Millis = 12 * HOUR_MS;

    /// Most sessions of an account: the oldest make room.
    pub const SESSIONS: u32 = 20;

    /// Most tokens and links together.
    pub const MOST: usize = 200;
}

/// A token or link as it is asked for: nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PassDraft {
    /// `token` or `link`.
    pub kind: String,
    /// What to call it.
    pub name: String,
    /// A role's name.
    pub role: String,
    /// How long it is to last, see [`Pass::LASTS`].
    pub lasts: String,
    /// Of a link: whether it is good for one session only. Those for more than looking always are.
    pub once: bool,
}

/// An account as it is asked for: nothing is trusted.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountDraft {
    /// The name to log in with.
    pub name: String,
    /// A role's name.
    pub role: String,
    /// The password; of an account that there is already empty: as before.
    pub password: String,
}

/// Not the password.
impl std::fmt::Debug for AccountDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountDraft").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Not the password.
impl std::fmt::Debug for AccountRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRequest").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// The fields that may be refused, named as in [`PassDraft`] and [`AccountDraft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessField {
    /// [`PassDraft::kind`]
    Kind,
    /// [`PassDraft::name`], [`AccountDraft::name`]
    Name,
    /// [`PassDraft::role`], [`AccountDraft::role`]
    Role,
    /// [`PassDraft::lasts`]
    Lasts,
    /// [`AccountDraft::password`]
    Password,
}

impl FieldName for AccessField {
    fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Role => "role",
            Self::Lasts => "lasts",
            Self::Password => "password",
        }
    }
}

/// Why there is no such account or pass. Its text is English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessRefusal {
    /// An account has that name.
    #[error("an account has that name already: choose another one, or change that account")]
    NameTaken,
    /// Nobody could say any more who may what.
    #[error("this is the last admin, and without one nobody could say who may what: make another admin first")]
    LastAdmin,
    /// The first account is somebody who may make others.
    #[error("the first account has to be an admin: from then on a login is needed, also to make others")]
    FirstAdmin,
    /// There are enough.
    #[error("there are {} tokens and links already: take one back first", Pass::MOST)]
    TooMany,
}

impl AccessRefusal {
    /// Its name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::NameTaken => "account_taken",
            Self::LastAdmin => "last_admin",
            Self::FirstAdmin => "first_admin",
            Self::TooMany => "too_many_passes",
        }
    }
}

/// A token or link that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRequest {
    /// What it is to be: no session.
    pub kind: PassKind,
    /// What to call it.
    pub name: String,
    /// What it is to allow.
    pub role: Role,
    /// How long it is to last, in ms.
    pub lasts_ms: Millis,
    /// Whether it is good for one session only.
    pub once: bool,
}

/// An account that may be made.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRequest {
    /// The name to log in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password; `None`: none was given.
    pub password: Option<String>,
}

impl PassDraft {
    /// Most characters of a name.
    pub const NAME: u32 = 60;

    /// The token or link that it asks for. Blanks around values are ignored.
    ///
    /// # Errors
    /// Every refused field.
    pub fn validate(&self) -> Result<PassRequest, Vec<FieldError<AccessField>>> {
        let mut refused = Refused::default();
        let kind = PassKind::from_name(self.kind.trim()).filter(|kind| *kind != PassKind::Session);
        let kinds = [PassKind::Token, PassKind::Link].map(PassKind::name);
        let kind = kind.or_else(|| refused.add(AccessField::Kind, &self.kind, one_of(&kinds)));
        let name = name(&self.name, &mut refused);
        let role = role(&self.role, &mut refused);
        let lasts = self.lasts.trim();
        let names = Pass::LASTS.map(|(name, _)| name);
        let lasts_ms = Pass::LASTS.into_iter().find(|(name, _)| *name == lasts).map(|(_, ms)| ms);
        let lasts_ms = lasts_ms.or_else(|| refused.add(AccessField::Lasts, lasts, one_of(&names)));
        match (kind, name, role, lasts_ms) {
            (Some(kind), Some(name), Some(role), Some(lasts_ms)) => {
                let once = kind == PassKind::Link && (self.once || role > Role::Viewer);
                Ok(PassRequest { kind, name, role, lasts_ms, once })
            }
            _ => Err(refused.into_errors()),
        }
    }
}

impl AccountDraft {
    /// Fewest characters of a password (NIST SP 800-63B-4 asks for 15 where it is all there is).
    pub const SHORTEST: u32 = 15;
    /// Most characters of a password.
    pub const LONGEST: u32 = 256;

    /// The account that it asks for; one that `is_new` needs a password. Blanks around name and role are ignored.
    ///
    /// # Errors
    /// Every refused field; the password is in none of them.
    pub fn validate(&self, is_new: bool) -> Result<AccountRequest, Vec<FieldError<AccessField>>> {
        let mut refused = Refused::default();
        let name = name(&self.name, &mut refused);
        let role = role(&self.role, &mut refused);
        let length = u32::try_from(self.password.chars().count()).unwrap_or(u32::MAX);
        let password = match length {
            0 if is_new => refused.add(AccessField::Password, "", Problem::Missing),
            0 => Some(None),
            _ if length < Self::SHORTEST => {
                refused.add(AccessField::Password, "", Problem::TooShort { least: Self::SHORTEST })
            }
            _ if length > Self::LONGEST => {
                refused.add(AccessField::Password, "", Problem::TooLong { most: Self::LONGEST })
            }
            _ => Some(Some(self.password.clone())),
        };
        match (name, role, password) {
            (Some(name), Some(role), Some(password)) => Ok(AccountRequest { name, role, password }),
            _ => Err(refused.into_errors()),
        }
    }
}

fn one_of(names: &[&str]) -> Problem {
    Problem::NotOneOf { allowed: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn name(text: &str, refused: &mut Refused<AccessField>) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return refused.add(AccessField::Name, text, Problem::Missing);
    }
    if text.chars().count() > PassDraft::NAME as usize {
        return refused.add(AccessField::Name, &cut(text, 100), Problem::TooLong { most: PassDraft::NAME });
    }
    if text.chars().any(super::labels::is_hidden) {
        return refused.add(AccessField::Name, text, Problem::Hidden);
    }
    Some(text.to_owned())
}

fn role(text: &str, refused: &mut Refused<AccessField>) -> Option<Role> {
    let role = Role::from_name(text.trim());
    role.or_else(|| refused.add(AccessField::Role, text, one_of(&Role::GIVEN.map(Role::name))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft(kind: &str, role: &str, lasts: &str) -> PassDraft {
        PassDraft { kind: kind.into(), name: " CI ".into(), role: role.into(), lasts: lasts.into(), once: false }
    }

    #[test]
    fn tokens_and_links_are_what_was_asked_for() {
        let token = draft("token", "presenter", "30d").validate().unwrap();
        assert_eq!((token.kind, token.name.as_str(), token.role), (PassKind::Token, "CI", Role::Presenter));
        assert_eq!((token.lasts_ms, token.once), (2_592_000_000, false));
        assert!(!draft("link", "viewer", "1h").validate().unwrap().once, "many may look");
        for role in ["presenter", "admin"] {
            assert!(draft("link", role, "1h").validate().unwrap().once, "one may do something: {role}");
        }
    }

    #[test]
    fn every_refused_field_is_named() {
        let fields = |errors: Vec<FieldError<AccessField>>| errors.iter().map(|it| it.field).collect::<Vec<_>>();
        let nothing = PassDraft::default().validate().unwrap_err();
        use AccessField as F;
        assert_eq!(fields(nothing), [F::Kind, F::Name, F::Role, F::Lasts]);
        for (draft, field) in [
            (draft("session", "viewer", "1h"), F::Kind),
            (draft("token", "nobody", "1h"), F::Role),
            (draft("token", "Admin", "1h"), F::Role),
            (draft("token", "viewer", "2h"), F::Lasts),
            (PassDraft { name: "a\u{202e}b".into(), ..draft("token", "viewer", "1h") }, F::Name),
            (PassDraft { name: "x".repeat(61), ..draft("token", "viewer", "1h") }, F::Name),
        ] {
            assert_eq!(fields(draft.validate().unwrap_err()), [field], "{draft:?}");
        }
    }

    #[test]
    fn a_password_is_long_enough_and_in_no_error() {
        let account =
            |password: &str| AccountDraft { name: "anna".into(), role: "admin".into(), password: password.into() };
        assert!(account(&"ä".repeat(15)).validate(true).is_ok());
        assert!(account(&"x".repeat(256)).validate(true).is_ok());
        assert_eq!(account("").validate(false).unwrap().password, None);
        for (password, is_new) in
            [("", true), ("fourteen chars", true), ("short-secret", false), (&"x".repeat(257), false)]
        {
            let errors = account(password).validate(is_new).unwrap_err();
            assert_eq!(errors.len(), 1);
            assert_eq!((errors[0].field, errors[0].value.as_str()), (AccessField::Password, ""));
        }
        assert!(!format!("{:?}", account("a-secret-password")).contains("secret"));
    }
}
