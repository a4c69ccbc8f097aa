//! Files that are there as a whole, or not at all.

use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Writes a file so that a reader finds the old or the new one, whole, even after a power cut.
///
/// # Errors
/// When the folder takes no new file, or the disk not all of it; then nothing of it stays.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What the umask leaves of it, as with every other file.
    replace_with(path, bytes, 0o666)
}

/// The same for what only this user may read.
///
/// # Errors
/// Those of [`replace`].
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, 0o600)
}

fn replace_with(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().suffix(".tmp").permissions(mode).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_looks_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.json"), folder.path().join("other"));
        fs::write(&other, "").unwrap();
        for text in ["first", "2"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = |path| fs::metadata(path).unwrap().permissions();
        assert_eq!(mode(&path), mode(&other));
        replace_private(&path, b"secret").unwrap();
        assert_eq!(mode(&path).mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_put_in_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("folder");
        fs::create_dir(&taken).unwrap();
        replace(&taken, b"text").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
