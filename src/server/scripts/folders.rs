//! Where scripts are: the catalogue, which belongs to whoever runs the dashboard, and beside it what admins uploaded.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::upload;

use crate::server::config::Config;

/// The folder of the state folder with what was uploaded.
const UPLOADS: &str = "scripts";

/// Longest file name of a script, in bytes.
const LONGEST_NAME: usize = 100;

/// Both folders. No name is in both: the catalogue's go first.
#[derive(Debug, Clone)]
pub struct Folders {
    catalogue: PathBuf,
    uploads: Option<PathBuf>,
}

impl Folders {
    /// Those of a configuration. What was uploaded is there only where uploads are switched on.
    pub fn of(config: &Config) -> Self {
        let uploads = config.script_uploads.then(|| config.state_dir.join(UPLOADS));
        Self { catalogue: config.scripts_dir.clone(), uploads }
    }

    /// The catalogue alone.
    pub fn catalogue_alone(catalogue: PathBuf) -> Self {
        Self { catalogue, uploads: None }
    }

    /// The catalogue's folder. The library that all scripts may import is in it.
    pub fn catalogue(&self) -> &Path {
        &self.catalogue
    }

    /// The folder of what was uploaded, which need not be there yet; `None`: uploads are switched off.
    pub fn uploads(&self) -> Option<&Path> {
        self.uploads.as_deref()
    }

    /// Whether the catalogue has something of that name, a script or not.
    pub fn is_of_catalogue(&self, name: &str) -> bool {
        self.catalogue.join(name).symlink_metadata().is_ok()
    }

    /// The file of a script, all links resolved; `None` where there is no such script.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        if !is_script_name(name) {
            return None;
        }
        let catalogue = || resolve(&self.catalogue.canonicalize().ok()?, name);
        catalogue().or_else(|| self.uploaded(name).map(|(path, _)| path))
    }

    /// The file of a script that was uploaded, and what is known of it.
    pub fn uploaded(&self, name: &str) -> Option<(PathBuf, Metadata)> {
        let path = self.uploads.as_ref()?.join(name);
        if !upload::is_name(name) || self.is_of_catalogue(name) {
            return None;
        }
        path.symlink_metadata().ok().filter(Metadata::is_file).map(|about| (path, about))
    }

    /// The names of all that were uploaded.
    ///
    /// # Errors
    /// When the folder is there and can't be read.
    pub fn all_uploaded(&self) -> io::Result<Vec<String>> {
        let Some(dir) = &self.uploads else { return Ok(Vec::new()) };
        let found = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let mut names = Vec::new();
        for entry in found {
            names.extend(entry?.file_name().into_string().ok().filter(|name| self.uploaded(name).is_some()));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Letters, digits, `.`, `_` and `-`, ending in `.js`; hidden files and what looks like an option are left out.
fn is_script_name(name: &str) -> bool {
    refused_name(name).is_none() && name.ends_with(".js")
}

/// Why a script can't have this name, and what to do.
pub fn refused_name(name: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.len() > LONGEST_NAME {
        Some("its name is longer than 100 bytes: give it a shorter one")
    } else if !name.bytes().all(allowed) {
        Some("its name has other characters than A to Z, a to z, 0 to 9, '.', '_' and '-': rename it")
    } else if name.starts_with(['.', '-']) {
        Some("its name begins with '.' or '-': rename it")
    } else {
        None
    }
}

/// A regular file of that name in a folder without links in its path; a link must not lead out of the folder.
pub fn resolve(dir: &Path, name: &str) -> Option<PathBuf> {
    let path = dir.join(name).canonicalize().ok()?;
    (path.starts_with(dir) && path.is_file()).then_some(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_uploaded_is_beside_the_catalogue_where_it_is_switched_on() {
        let dir = tempfile::tempdir().unwrap();
        let (catalogue, uploads) = (dir.path().join("catalogue"), dir.path().join("uploads"));
        for (folder, names) in [(&catalogue, ["a.js", "b.js"]), (&uploads, ["b.js", "c.js"])] {
            fs::create_dir(folder).unwrap();
            names.iter().for_each(|name| fs::write(folder.join(name), name).unwrap());
        }
        std::os::unix::fs::symlink(dir.path().join("gone"), catalogue.join("d.js")).unwrap();
        std::os::unix::fs::symlink(catalogue.join("a.js"), uploads.join("link.js")).unwrap();
        for name in ["d.js", "E.js", ".hidden.js", "notes.txt"] {
            fs::write(uploads.join(name), name).unwrap();
        }
        let alone = Folders::catalogue_alone(catalogue.clone());
        assert_eq!((alone.find("c.js"), alone.all_uploaded().unwrap()), (None, vec![]));
        let both = Folders { uploads: Some(uploads.clone()), ..alone };
        assert_eq!(both.find("a.js"), Some(catalogue.canonicalize().unwrap().join("a.js")));
        assert_eq!(both.find("b.js"), Some(catalogue.canonicalize().unwrap().join("b.js")), "the catalogue's go first");
        assert_eq!(both.find("c.js"), Some(uploads.join("c.js")));
        for name in ["d.js", "link.js", "E.js", ".hidden.js", "notes.txt", "../uploads/c.js", ""] {
            assert_eq!(both.find(name), None, "{name}");
        }
        assert_eq!(both.all_uploaded().unwrap(), ["c.js"]);
        fs::remove_dir_all(uploads).unwrap();
        assert!(both.all_uploaded().unwrap().is_empty());
    }
}
