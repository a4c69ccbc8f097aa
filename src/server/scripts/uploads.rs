//! Keeps what admins upload.

use std::{fs, io, os::unix::fs::DirBuilderExt, path::Path};

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        Millis,
        script::ScriptKind,
        upload::{Upload, UploadDraft, UploadField, UploadRefusal, UploadRequest},
        validate::Problem,
    },
};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use super::{InspectError, Inspector, MOST, Scripts, folders::Folders, kind_of, scan};
use crate::server::{disk, engine::CommandError, told};

/// Lets one after the other upload and delete.
#[derive(Debug, Default)]
pub struct Turns(Mutex<()>);

/// Somebody's turn.
pub type Turn<'a> = MutexGuard<'a, ()>;

/// A script that was tried out, and may be kept.
pub struct Checked<'a> {
    request: UploadRequest,
    folders: &'a Folders,
    dir: &'a Path,
    _turn: &'a Turn<'a>,
}

impl Scripts {
    /// What was uploaded, by name; `None`: uploads are switched off.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn uploads(&self) -> Result<Option<Vec<Upload>>, ApiError> {
        let folders = self.inspector.folders.clone();
        if folders.uploads().is_none() {
            return Ok(None);
        }
        let read = move || {
            let names = folders.all_uploaded()?;
            names.iter().map(|name| about(&folders, name)).collect::<io::Result<Vec<_>>>()
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(told::broke_off)?;
        read.map(|found| Some(found.into_iter().flatten().collect())).map_err(told::unusable)
    }

    /// Waits for a turn to change what was uploaded.
    ///
    /// # Errors
    /// [`ApiError::UploadRefused`]: it is switched off.
    pub async fn turn(&self) -> Result<Turn<'_>, ApiError> {
        match self.inspector.folders.uploads() {
            Some(_) => Ok(self.turns.0.lock().await),
            None => Err(refused(UploadRefusal::Off)),
        }
    }

    /// Has k6 look at a script that is to be kept.
    ///
    /// # Errors
    /// [`ApiError::InvalidUpload`], [`ApiError::UploadRefused`], [`ApiError::Unavailable`].
    pub async fn check<'a>(&'a self, draft: UploadDraft, turn: &'a Turn<'_>) -> Result<Checked<'a>, ApiError> {
        let Inspector { folders, .. } = &*self.inspector;
        let dir = folders.uploads().ok_or_else(|| refused(UploadRefusal::Off))?;
        let request = draft.validate().map_err(|errors| ApiError::InvalidUpload { errors })?;
        let checked = Checked { request, folders, dir, _turn: turn };
        checked.has_place()?;
        self.try_out(&checked).await?;
        Ok(checked)
    }

    async fn try_out(&self, checked: &Checked<'_>) -> Result<(), ApiError> {
        let Checked { request: UploadRequest { name, script, .. }, dir, .. } = checked;
        let set_down = || {
            private_folder(dir)?;
            let aside = tempfile::Builder::new().prefix(".new-").tempdir_in(dir)?;
            disk::replace_private(&aside.path().join(name), script.as_bytes())?;
            io::Result::Ok(aside)
        };
        let aside = set_down().map_err(told::unusable)?;
        let inspector = &self.inspector;
        let kind = match inspector.inspect_file(&aside.path().join(name), &inspector.probe).await {
            Ok(inspection) => kind_of(inspection, inspector.probe.schedule.as_ref()),
            Err(InspectError::NotAsked(error @ CommandError::NotRun(_))) => {
                let what = format!("the script is not kept, as k6 can't be asked about it: {error}");
                return Err(ApiError::Unavailable { what });
            }
            Err(error) => ScriptKind::Broken { message: error.to_string() },
        };
        match kind {
            ScriptKind::Broken { message } => {
                let error = Problem::BrokenScript { message }.of(UploadField::Script, name);
                Err(ApiError::InvalidUpload { errors: vec![error] })
            }
            _ => Ok(()),
        }
    }

    /// Deletes what was uploaded, where `may` allows it.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`], and what `may` says.
    pub fn delete(
        &self,
        name: &str,
        _: &Turn<'_>,
        may: impl FnOnce() -> Result<(), ApiError>,
    ) -> Result<Upload, ApiError> {
        let folders = &self.inspector.folders;
        let known = about(folders, name).map_err(told::unusable)?;
        let none =
            || ApiError::NotFound { what: format!("uploaded script {:?}", name.chars().take(100).collect::<String>()) };
        let (known, (path, _)) = known.zip(folders.uploaded(name)).ok_or_else(none)?;
        may()?;
        // At once, as who asks may hang up: what is done has to be written down.
        fs::remove_file(path).map_err(told::unusable)?;
        Ok(known)
    }
}

impl Checked<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.request.name
    }

    /// Whether it may be there under its name.
    fn has_place(&self) -> Result<(), ApiError> {
        let Self { request: UploadRequest { name, replace, .. }, folders, .. } = self;
        if folders.is_of_catalogue(name) {
            return Err(refused(UploadRefusal::OfCatalogue));
        }
        match folders.uploaded(name) {
            Some(_) if *replace => Ok(()),
            Some(_) => Err(refused(UploadRefusal::Exists)),
            // One more would take another's place in the list.
            None => match scan(folders).map_err(told::unusable)?.len() {
                MOST.. => Err(refused(UploadRefusal::TooMany { most: MOST as u32 })),
                _ => Ok(()),
            },
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`ApiError::UploadRefused`], [`ApiError::Unavailable`].
    pub fn keep(self) -> Result<Upload, ApiError> {
        // The catalogue may have changed since.
        self.has_place()?;
        let UploadRequest { name, script, .. } = &self.request;
        // At once, as who asks may hang up: what is done has to be written down.
        disk::replace_private(&self.dir.join(name), script.as_bytes()).map_err(told::unusable)?;
        let known = about(self.folders, name).map_err(told::unusable)?;
        known.ok_or_else(|| ApiError::NotFound { what: format!("uploaded script {name:?}") })
    }
}

/// What there is to say of a script that was uploaded.
fn about(folders: &Folders, name: &str) -> io::Result<Option<Upload>> {
    let Some((path, known)) = folders.uploaded(name) else { return Ok(None) };
    let script = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        script => script?,
    };
    let age = known.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Upload {
        name: name.to_owned(),
        bytes: u32::try_from(script.len()).unwrap_or(u32::MAX),
        sha256: sha256(&script),
        uploaded_ms: Millis::try_from(age.as_millis()).unwrap_or(Millis::MAX),
    }))
}

/// The SHA-256 of a script, in hexadecimal digits.
pub fn sha256(script: &[u8]) -> String {
    format!("{:x}", Sha256::digest(script))
}

/// Makes the folder, for this user alone. What an upload left aside that a crash cut short goes.
fn private_folder(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            let removed = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed?;
        }
    }
    Ok(())
}

fn refused(refusal: UploadRefusal) -> ApiError {
    ApiError::UploadRefused { refusal }
}
