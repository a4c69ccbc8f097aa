//! What goes into a container and comes out of it, as tar archives.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use tar::{Archive, Builder, EntryType, Header};

/// The folder in the container that all of this is in: a volume of its own, the root is read-only.
pub const FOLDER: &str = "/ha-dashboard";
/// The scripts in it.
pub const SCRIPTS: &str = "/ha-dashboard/scripts";
/// The plan in it.
pub const PLAN: &str = "/ha-dashboard/plan.json";
/// The folder in it that k6 may write to.
pub const HOME: &str = "/ha-dashboard/home";
/// The summary in it that the script writes.
pub const SUMMARY: &str = "/ha-dashboard/home/summary.json";
/// The summary in it that k6 writes.
pub const EXPORT: &str = "/ha-dashboard/home/summary-export.json";

/// Most bytes of a scripts folder, data files included.
const MOST_BYTES: u64 = 64 << 20;
/// Most files of it.
const MOST_FILES: usize = 2_000;

/// The archive for [`FOLDER`]: all of the scripts folder, since scripts may import and open what is beside them, the plan
/// as JSON, and a folder that `user` may write to. Links are left out unless they lead to a file in the folder.
///
/// # Errors
/// When the folder can't be read or is too large.
pub fn pack(scripts_dir: &Path, plan: &str, user: u32) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    directory(&mut archive, "scripts", 0, 0o755)?;
    directory(&mut archive, "home", user, 0o700)?;
    append(&mut archive, "plan.json", plan.as_bytes())?;
    let root = scripts_dir.canonicalize()?;
    let (mut bytes, mut files) = (0, 0);
    let mut open = vec![(root.clone(), PathBuf::from("scripts"))];
    while let Some((dir, name)) = open.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let name = name.join(entry.file_name());
            let Ok(path) = entry.path().canonicalize() else { continue };
            if !path.starts_with(&root) || entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let about = fs::metadata(&path)?;
            if about.is_dir() && entry.file_type()?.is_dir() {
                directory(&mut archive, &name, 0, 0o755)?;
                open.push((path, name));
            } else if about.is_file() {
                bytes += about.len();
                files += 1;
                if bytes > MOST_BYTES || files > MOST_FILES {
                    return Err(io::Error::other(format!(
                        "it holds more than {} MiB or {MOST_FILES} files: keep only what the scripts need in it",
                        MOST_BYTES >> 20
                    )));
                }
                append(&mut archive, &name, &fs::read(&path)?)?;
            }
        }
    }
    archive.into_inner()
}

/// The one file of an archive.
///
/// # Errors
/// When it is no archive with a file in it.
pub fn unpack(archive: &[u8]) -> io::Result<Vec<u8>> {
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() == EntryType::Regular {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn header(kind: EntryType, size: u64, owner: u32, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(owner.into());
    header.set_gid(owner.into());
    header
}

fn directory(archive: &mut Builder<Vec<u8>>, name: impl AsRef<Path>, owner: u32, mode: u32) -> io::Result<()> {
    let mut header = header(EntryType::Directory, 0, owner, mode);
    archive.append_data(&mut header, name, io::empty())
}

fn append(archive: &mut Builder<Vec<u8>>, name: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let mut header = header(EntryType::Regular, bytes.len() as u64, 0, 0o644);
    archive.append_data(&mut header, name, bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_of_the_folder_goes_in_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let scripts = dir.path().join("scripts");
        fs::create_dir_all(scripts.join("lib/deep")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        for name in ["a.js", "users.csv", "lib/b.js", "lib/deep/c.js", ".env"] {
            fs::write(scripts.join(name), name).unwrap();
        }
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, scripts.join(name)).unwrap();
        link(dir.path().join("secret"), "out.js");
        link(scripts.join("a.js"), "within.js");
        link(scripts.join("lib"), "loop");
        let packed = pack(&scripts, "{}", 12345).unwrap();
        let mut archive = Archive::new(packed.as_slice());
        let found: BTreeSet<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let (owner, path) = (entry.header().uid().unwrap(), entry.path().unwrap().display().to_string());
                format!("{} {owner}", path.trim_end_matches('/'))
            })
            .collect();
        let expected = [
            "home 12345",
            "plan.json 0",
            "scripts 0",
            "scripts/a.js 0",
            "scripts/lib 0",
            "scripts/lib/b.js 0",
            "scripts/lib/deep 0",
            "scripts/lib/deep/c.js 0",
            "scripts/users.csv 0",
            "scripts/within.js 0",
        ];
        assert_eq!(found, expected.map(str::to_owned).into());
        assert_eq!(unpack(&packed).unwrap(), b"{}");
        assert!(unpack(b"").is_err());
    }
}
