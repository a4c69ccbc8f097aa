//! The revision of a script, so that two runs can be told to have run the same.

use std::{io, path::Path};

use sha2::{Digest, Sha256};

/// The first 12 hexadecimal digits of the SHA-256 of the script and of each file of the library beside it, with their names
/// and lengths. The library's folders are not looked into: scripts don't use any.
///
/// # Errors
/// Where a file can't be read.
pub fn revision(script: &Path, library: &Path) -> io::Result<String> {
    let mut files = vec![script.to_owned()];
    match std::fs::read_dir(library) {
        Ok(found) => {
            for entry in found {
                let path = entry?.path();
                if path.is_file() {
                    files.push(path);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files[1..].sort();
    let mut hash = Sha256::new();
    for file in files {
        let (name, content) = (file.file_name().unwrap_or_default(), std::fs::read(&file)?);
        for part in [name.as_encoded_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_changes_with_the_script_and_its_library_only() {
        let dir = tempfile::tempdir().unwrap();
        let (script, library) = (dir.path().join("a.js"), dir.path().join("lib"));
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let told = || revision(&script, &library).unwrap();
        assert!(revision(&script, &library).is_err(), "there is no script");
        write("a.js", "one");
        let alone = told();
        assert_eq!(alone.len(), 12);
        std::fs::create_dir(&library).unwrap();
        assert_eq!(told(), alone, "an empty library is none");
        write("lib/x.js", "x");
        let with_library = told();
        assert_ne!(with_library, alone);
        write("b.js", "another script");
        assert_eq!(told(), with_library);
        write("lib/x.js", "y");
        assert_ne!(told(), with_library);
        write("lib/x.js", "x");
        assert_eq!(told(), with_library, "what was is again");
        write("a.js", "two");
        assert_ne!(told(), with_library);
    }
}
