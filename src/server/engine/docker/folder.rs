//! What goes into a container and comes out of it, as tar archives.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use tar::{Archive, Builder, EntryType, Header};

use crate::server::scripts::Folders;

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

/// The archive for [`FOLDER`]: all of the catalogue, since scripts may import and open what is beside them, and what was
/// uploaded, the plan as JSON, and a folder that `user` may write to. Links are left out unless they lead to a file in the
/// catalogue. `new`: a script that goes in among those that were uploaded, in place of one of its name.
///
/// # Errors
/// When the folder can't be read or is too large.
pub fn pack(folders: &Folders, new: Option<&Path>, plan: &str, user: u32) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    directory(&mut archive, "scripts", 0, 0o755)?;
    directory(&mut archive, "home", user, 0o700)?;
    append(&mut archive, "plan.json", plan.as_bytes())?;
    let root = folders.catalogue().canonicalize()?;
    let (mut bytes, mut files) = (0, 0);
    let mut counted = |size| {
        bytes += size;
        files += 1;
        match bytes > MOST_BYTES || files > MOST_FILES {
            true => Err(io::Error::other(format!(
                "it holds more than {} MiB or {MOST_FILES} files: keep only what the scripts need in it",
                MOST_BYTES >> 20
            ))),
            false => Ok(()),
        }
    };
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
                counted(about.len())?;
                append(&mut archive, &name, &fs::read(&path)?)?;
            }
        }
    }
    let new_name = new.and_then(|path| path.file_name()?.to_str());
    let kept = folders.all_uploaded()?.into_iter().filter(|name| Some(name.as_str()) != new_name);
    let kept = kept.filter_map(|name| folders.uploaded(&name).map(|(path, _)| (name, path)));
    let new = new_name.filter(|name| !folders.is_of_catalogue(name)).zip(new);
    for (name, path) in kept.chain(new.map(|(name, path)| (name.to_owned(), path.to_owned()))) {
        let script = match fs::read(path) {
            // Somebody deleted it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            script => script?,
        };
        counted(script.len() as u64)?;
        append(&mut archive, Path::new("scripts").join(name), &script)?;
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
    use crate::server::{
        config::{Config, StoreChoice},
        prometheus::lab::config,
    };

    /// What is in an archive: path, owner and content.
    fn held(packed: &[u8], told: impl Fn(&str, u64, String) -> String) -> BTreeSet<String> {
        let mut archive = Archive::new(packed);
        let told = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let (owner, path) = (entry.header().uid().unwrap(), entry.path().unwrap().display().to_string());
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            told(path.trim_end_matches('/'), owner, content)
        });
        told.collect()
    }

    #[test]
    fn uploads_go_in_beside_the_catalogue_whose_names_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, text) in [
            ("k6-scripts/a.js", "catalogue"),
            ("k6-scripts/lib/b.js", "library"),
            ("state/scripts/a.js", "uploaded"),
            ("state/scripts/mine.js", "uploaded"),
            ("state/scripts/.new-1/x.js", "aside"),
            ("new/mine.js", "new"),
            ("new/a.js", "new"),
        ] {
            write(name, text);
        }
        let config = config(&dir.path().join("state"), StoreChoice::External { url: String::new() }, vec![]);
        let with = |script_uploads| {
            Folders::of(&Config {
                script_uploads,
                scripts_dir: dir.path().join("k6-scripts"),
                ..Config::clone(&config)
            })
        };
        let scripts = |on, new: Option<&str>| {
            let new = new.map(|name| dir.path().join("new").join(name));
            let packed = pack(&with(on), new.as_deref(), "{}", 1).unwrap();
            let told = held(&packed, |path, _, content| format!("{path} {content}"));
            told.into_iter().filter(|told| told.contains(".js ")).collect::<Vec<_>>()
        };
        let catalogue = ["scripts/a.js catalogue", "scripts/lib/b.js library"];
        assert_eq!(scripts(false, None), catalogue);
        assert_eq!(scripts(true, None), [&catalogue[..], &["scripts/mine.js uploaded"]].concat());
        assert_eq!(scripts(true, Some("mine.js")), [&catalogue[..], &["scripts/mine.js new"]].concat());
        assert_eq!(scripts(true, Some("a.js")), [&catalogue[..], &["scripts/mine.js uploaded"]].concat());
    }

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
        let packed = pack(&Folders::catalogue_alone(scripts), None, "{}", 12345).unwrap();
        let told = |path: &str, owner, _: String| format!("{path} {owner}");
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
        assert_eq!(held(&packed, told), expected.map(str::to_owned).into());
        assert_eq!(unpack(&packed).unwrap(), b"{}");
        assert!(unpack(b"").is_err());
    }
}
