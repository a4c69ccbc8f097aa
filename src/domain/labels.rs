//! What people say of a run: a name, a note, tags, a star; and that they threw it away.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    validate::{FieldError, FieldName, Problem, Refused},
};

/// What people say of a run.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Its name; empty: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A note in Markdown; empty: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Tags, each once, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it is kept whatever its age.
    pub star: bool,
    /// Whether it is what later runs of its target are held against.
    pub baseline: bool,
    /// When it was thrown away, in ms since 1970; none: it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(value_type = Option<u64>))]
    pub trashed_ms: Option<Millis>,
}

/// What is to be said of a run, as typed; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelDraft {
    /// A name of at most [`LabelDraft::NAME`] characters in one line; empty: none.
    pub name: Option<String>,
    /// A note of at most [`LabelDraft::NOTE`] characters; empty: none.
    pub note: Option<String>,
    /// At most [`LabelDraft::TAGS`] tags, separated by commas or blanks, each of at most [`LabelDraft::TAG`] letters, digits,
    /// `-`, `_` and `.`; capital letters become small ones.
    pub tags: Option<String>,
    /// Whether it is starred.
    pub star: Option<bool>,
}

/// The fields that may be refused, named as in [`LabelDraft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelField {
    /// [`LabelDraft::name`]
    Name,
    /// [`LabelDraft::note`]
    Note,
    /// [`LabelDraft::tags`]
    Tags,
}

impl FieldName for LabelField {
    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Note => "note",
            Self::Tags => "tags",
        }
    }
}

impl Labels {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LabelDraft {
    /// Most characters of a name.
    pub const NAME: u32 = 80;
    /// Most characters of a note.
    pub const NOTE: u32 = 10_000;
    /// Most tags of a run.
    pub const TAGS: u32 = 10;
    /// Most characters of a tag.
    pub const TAG: u32 = 30;

    /// The labels that it leaves of `labels`. Blanks around values are ignored.
    ///
    /// # Errors
    /// Every refused field.
    pub fn apply(&self, labels: &Labels) -> Result<Labels, Vec<FieldError<LabelField>>> {
        let mut refused = Refused::default();
        let mut labels = labels.clone();
        if let Some(name) = &self.name {
            labels.name = text(LabelField::Name, name, Self::NAME, &mut refused, is_hidden).unwrap_or_default();
        }
        if let Some(note) = &self.note {
            let hidden = |c| is_hidden(c) && !matches!(c, '\n' | '\t');
            let note = note.replace("\r\n", "\n");
            labels.note = text(LabelField::Note, &note, Self::NOTE, &mut refused, hidden).unwrap_or_default();
        }
        if let Some(tags) = &self.tags {
            labels.tags = self::tags(tags, &mut refused);
        }
        labels.star = self.star.unwrap_or(labels.star);
        let errors = refused.into_errors();
        if errors.is_empty() { Ok(labels) } else { Err(errors) }
    }
}

fn text(
    field: LabelField,
    text: &str,
    most: u32,
    refused: &mut Refused<LabelField>,
    hidden: impl Fn(char) -> bool,
) -> Option<String> {
    let text = text.trim();
    if text.chars().count() > most as usize {
        return refused.add(field, text, Problem::TooLong { most });
    }
    if text.chars().any(hidden) {
        return refused.add(field, text, Problem::Hidden);
    }
    Some(text.to_owned())
}

fn tags(text: &str, refused: &mut Refused<LabelField>) -> Vec<String> {
    let mut tags = Vec::new();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    for tag in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|tag| !tag.is_empty()) {
        if tag.chars().count() > LabelDraft::TAG as usize || !tag.chars().all(allowed) {
            let _: Option<()> = refused.add(LabelField::Tags, tag, Problem::NotATag { most: LabelDraft::TAG });
            continue;
        }
        let tag = tag.to_lowercase();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > LabelDraft::TAGS as usize {
        let _: Option<()> = refused.add(LabelField::Tags, text, Problem::TooMany { most: LabelDraft::TAGS });
    }
    tags.sort();
    tags
}

/// Characters that can't be seen, and those that turn the writing direction of what comes after them.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft(name: Option<&str>, note: Option<&str>, tags: Option<&str>) -> LabelDraft {
        let own = |text: Option<&str>| text.map(str::to_owned);
        LabelDraft { name: own(name), note: own(note), tags: own(tags), star: None }
    }

    #[test]
    fn what_is_not_given_stays() {
        let labels = Labels { name: "before".into(), star: true, tags: vec!["a".into()], ..Labels::default() };
        assert_eq!(LabelDraft::default().apply(&labels).unwrap(), labels);
        let told = draft(Some("  Black Friday <b>€</b> שלום "), Some("# One\r\ntwo\t"), Some("v2, Nightly,, v2 größe"));
        let told = told.apply(&labels).unwrap();
        assert_eq!((told.name.as_str(), told.note.as_str()), ("Black Friday <b>€</b> שלום", "# One\ntwo"));
        assert_eq!((told.tags, told.star), (vec!["größe".to_owned(), "nightly".into(), "v2".into()], true));
        let none = draft(Some(" "), Some(""), Some(" , ")).apply(&labels).unwrap();
        assert_eq!(none, Labels { star: true, ..Labels::default() });
    }

    #[test]
    fn what_is_refused_is_named_with_what_is_allowed() {
        let long = "x".repeat(10_001);
        let tag = "t".repeat(31);
        let many = (0..11).map(|tag| tag.to_string()).collect::<Vec<_>>().join(" ");
        for (given, told) in [
            (draft(Some(&long), None, None), ["name: ", "at most 80 characters"]),
            (draft(Some("two\nlines"), None, None), ["name: ", "characters that can't be seen"]),
            (draft(Some("turned\u{202e}round"), None, None), ["name: ", "can't be seen"]),
            (draft(None, Some(&long), None), ["note: ", "at most 10000 characters"]),
            (draft(None, Some("bell\u{7}"), None), ["note: ", "can't be seen"]),
            (draft(None, None, Some("ok <b>")), ["tags: \"<b>\"", "at most 30 letters"]),
            (draft(None, None, Some(&tag)), ["tags: ", "at most 30 letters"]),
            (draft(None, None, Some(&many)), ["tags: ", "at most 10"]),
        ] {
            let errors = given.apply(&Labels::default()).unwrap_err();
            let text = errors[0].to_string();
            assert!(errors.len() == 1 && told.iter().all(|told| text.contains(told)), "{text}");
            assert!(errors[0].value.chars().count() <= 100);
        }
    }
}
