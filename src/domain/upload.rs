//! Scripts that admins upload beside the catalogue.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    format::cut,
    run::RunId,
    validate::{FieldError, FieldName, Problem, Refused},
};

/// A script that was uploaded.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its file name.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u32,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// When it was uploaded, in ms since 1970.
    #[cfg_attr(feature = "ssr", schema(value_type = u64))]
    pub uploaded_ms: Millis,
}

impl Upload {
    /// Most bytes of one.
    pub const MOST_BYTES: u32 = 256 << 10;

    /// Most characters of a name, the ending included.
    pub const LONGEST_NAME: u32 = 60;
}

/// A script as it is to be uploaded: nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadDraft {
    /// What its file is to be called.
    pub name: String,
    /// What is to be in it.
    pub script: Vec<u8>,
    /// Whether it may take the place of one that was uploaded under that name.
    pub replace: bool,
}

/// A script that may be uploaded, as far as it itself tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// What its file is to be called.
    pub name: String,
    /// What is to be in it.
    pub script: String,
    /// Whether it may take the place of one that was uploaded under that name.
    pub replace: bool,
}

/// The fields that may be refused, named as in [`UploadDraft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadField {
    /// [`UploadDraft::name`]
    Name,
    /// [`UploadDraft::script`]
    Script,
}

impl FieldName for UploadField {
    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Script => "script",
        }
    }
}

impl UploadDraft {
    /// The script that may be uploaded. Blanks around the name are ignored.
    ///
    /// # Errors
    /// Every refused field.
    pub fn validate(self) -> Result<UploadRequest, Vec<FieldError<UploadField>>> {
        let mut refused = Refused::default();
        let name = refused.needed(UploadField::Name, &self.name).and_then(|name| match is_name(name) {
            true => Some(name.to_owned()),
            false => {
                let problem = Problem::NotAScriptName { most: Upload::LONGEST_NAME };
                refused.add(UploadField::Name, &cut(name, 100), problem)
            }
        });
        let script = if self.script.len() > Upload::MOST_BYTES as usize {
            refused.add(UploadField::Script, "", Problem::TooLarge { most_bytes: Upload::MOST_BYTES })
        } else {
            match String::from_utf8(self.script) {
                Ok(script) if script.trim().is_empty() => refused.add(UploadField::Script, "", Problem::Missing),
                Ok(script) => Some(script),
                Err(_) => refused.add(UploadField::Script, "", Problem::NotUtf8),
            }
        };
        match (name, script) {
            (Some(name), Some(script)) => Ok(UploadRequest { name, script, replace: self.replace }),
            _ => Err(refused.into_errors()),
        }
    }
}

/// Whether an uploaded script may have this name. It is part of paths, so it says little.
pub fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.len() <= Upload::LONGEST_NAME as usize
        && name
            .strip_suffix(".js")
            .is_some_and(|stem| !stem.is_empty() && !stem.starts_with('-') && stem.bytes().all(allowed))
}

/// Why a script is not uploaded, or not deleted. Its text is English.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "refusal"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@refusal"))]
pub enum UploadRefusal {
    /// It is switched off.
    #[error(
        "scripts can't be uploaded to this dashboard: whoever runs it switches that on with script_uploads = \"on\" \
         (HAD_SCRIPT_UPLOADS=on)"
    )]
    Off,
    /// The catalogue has a script of that name.
    #[error("the catalogue has a script of that name: choose another one")]
    OfCatalogue,
    /// One was uploaded under that name.
    #[error(
        "a script was uploaded under that name already: choose another one, or ask for it to be replaced (replace=true)"
    )]
    Exists,
    /// No more scripts are looked at.
    #[error("there are {most} scripts already: delete one first")]
    TooMany {
        /// Most of them, those of the catalogue included.
        most: u32,
    },
    /// A run is at work with it.
    #[error("the run {run} is at work with this script: stop it first, or wait for its end")]
    InUse {
        /// That run.
        run: RunId,
    },
}

impl UploadRefusal {
    /// Its name on the wire, for example `script_exists`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "script_uploads_off",
            Self::OfCatalogue => "script_of_catalogue",
            Self::Exists => "script_exists",
            Self::TooMany { .. } => "too_many_scripts",
            Self::InUse { .. } => "script_in_use",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, script: &[u8]) -> Vec<(UploadField, Problem)> {
        let draft = UploadDraft { name: name.into(), script: script.into(), replace: false };
        let errors = draft.validate().err().unwrap_or_default();
        errors.into_iter().map(|error| (error.field, error.problem)).collect()
    }

    #[test]
    fn names_say_little_and_lead_nowhere() {
        let longest = format!("{}.js", "a".repeat(Upload::LONGEST_NAME as usize - 3));
        for name in ["a.js", "0.js", "my-test-2.js", " padded.js ", "a-.js", &longest] {
            assert_eq!(refused(name, b"x"), [], "{name}");
        }
        let not_a_name = Problem::NotAScriptName { most: Upload::LONGEST_NAME };
        for name in [
            "A.js",
            "a.JS",
            "a",
            "a.ts",
            ".js",
            "-a.js",
            "a_b.js",
            "a.b.js",
            "a b.js",
            "../a.js",
            "lib/a.js",
            "a.js/",
            "/a.js",
            "a\\b.js",
            "a.js\0",
            "a\n.js",
            "ä.js",
            "%2e.js",
            "a.js.js",
            &format!("a{longest}"),
        ] {
            assert_eq!(refused(name, b"x"), [(UploadField::Name, not_a_name.clone())], "{name:?}");
        }
        assert_eq!(refused("  ", b"x"), [(UploadField::Name, Problem::Missing)]);
    }

    #[test]
    fn a_script_is_some_text_of_bounded_size() {
        let most = Upload::MOST_BYTES as usize;
        assert_eq!(refused("a.js", &vec![b'x'; most]), []);
        for (script, problem) in [
            (vec![b'x'; most + 1], Problem::TooLarge { most_bytes: Upload::MOST_BYTES }),
            (b" \n\t".to_vec(), Problem::Missing),
            (vec![], Problem::Missing),
            (vec![b'a', 0xff], Problem::NotUtf8),
        ] {
            assert_eq!(refused("a.js", &script), [(UploadField::Script, problem)]);
        }
        assert_eq!(refused("A", b"").len(), 2, "all that is wrong is told");
        let draft = UploadDraft { name: "../x".into(), script: b"x".into(), replace: false };
        let told = draft.validate().map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>());
        let allowed = "a to z, 0 to 9 and '-'";
        assert!(told.as_ref().is_err_and(|told| told.contains("name: \"../x\"") && told.contains(allowed)), "{told:?}");
    }
}
