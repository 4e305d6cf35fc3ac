//! Records in files, in one form or another.

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenway_core::http::IoFailure;
use tokenway_core::secret::Secret;

use super::failure::{failed, unable};
use super::paths::Files;
use super::seal::{MAX_FILE, unseal};
use super::shelf::{Damage, Found, LeftOver, Shelf, Writing};
use super::{in_place, platform, replace};
use crate::store::Answer;

/// How sealed text lies in a file.
pub(crate) trait Form: Send + Sync + 'static {
    /// How the names of its files end.
    fn suffix(&self) -> &'static str;

    /// The bytes of the file.
    fn wrap<'a>(&self, sealed: &'a Secret) -> Answer<Cow<'a, [u8]>>;

    /// The sealed text in the bytes of a file.
    fn unwrap(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed>;

    /// Gets ready to wrap, so that what is missing is known before a login.
    fn prepare(&self) -> Answer<()>;

    /// Where the secrets lie and who can read them there, for people.
    fn describe(&self, folder: &Path) -> String;
}

/// Why a file was not opened.
#[cfg_attr(not(feature = "encrypted"), expect(dead_code, reason = "what lies there in clear needs no opening"))]
pub(crate) enum Closed {
    /// Nobody can open it.
    Damaged(Damage),
    /// It may be good, but we cannot open it.
    Failed(IoFailure),
}

/// The text as it is.
pub(super) struct Plain;

impl Form for Plain {
    fn suffix(&self) -> &'static str {
        "json"
    }

    fn wrap<'a>(&self, sealed: &'a Secret) -> Answer<Cow<'a, [u8]>> {
        Ok(Cow::Borrowed(sealed.expose().as_bytes()))
    }

    fn unwrap(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed> {
        Ok(bytes)
    }

    fn prepare(&self) -> Answer<()> {
        Ok(())
    }

    fn describe(&self, folder: &Path) -> String {
        format!("plain files in {} that only you can read", folder.display())
    }
}

/// Keeps each record in a file of its own.
pub(crate) struct FileShelf {
    form: Arc<dyn Form>,
}

impl FileShelf {
    pub(crate) fn new(form: Arc<dyn Form>) -> Self {
        FileShelf { form }
    }

    fn path(&self, files: &Files) -> PathBuf {
        files.with_suffix(self.form.suffix())
    }

    fn open(&self, bytes: Vec<u8>) -> Answer<Found> {
        if bytes.is_empty() {
            return Ok(Err("it is empty"));
        }
        if bytes.len() > MAX_FILE {
            return Ok(Err("it is far too large"));
        }
        match self.form.unwrap(bytes) {
            Ok(sealed) => Ok(unseal(sealed)),
            Err(Closed::Damaged(damage)) => Ok(Err(damage)),
            Err(Closed::Failed(failure)) => Err(failure),
        }
    }

    /// Behind a symbolic link (as dotfile managers make them) the link's target, which must be in a folder of ours; a
    /// link to nothing is replaced like a file.
    fn target(&self, files: &Files) -> Answer<Target> {
        let path = self.path(files);
        follow(&path)
            .map_err(|error| failed("following the link", &path, &error))
            .map(|target| target.unwrap_or_else(|| Target { folder: files.folder.clone(), file: path, linked: false }))
    }
}

impl Shelf for FileShelf {
    fn suffix(&self) -> &'static str {
        self.form.suffix()
    }

    fn read(&self, files: &Files) -> Answer<Option<Found>> {
        let bytes = replace::read(&self.path(files))?.filter(|bytes| !in_place::is_removed(bytes));
        bytes.map(|bytes| self.open(bytes)).transpose()
    }

    fn write(&self, files: &Files, sealed: &Secret, writing: &Writing) -> Answer<()> {
        let bytes = self.form.wrap(sealed)?;
        if bytes.len() > MAX_FILE {
            return Err(unable(format!("the credential has {} bytes, more than a file store takes", bytes.len())));
        }
        let target = self.target(files)?;
        let spare = (!target.linked).then(|| files.spare());
        writing.disarm_former(&target.file);
        replace::replace_record(&|| writing.still_holds(), &target.file, &bytes, spare.as_deref())
    }

    fn remove(&self, files: &Files, _writing: &Writing) -> Answer<()> {
        let target = self.target(files)?;
        replace::sweep_temps(&target.file);
        replace::sweep_prefix(&target.folder, &files.corrupt_prefix());
        replace::remove(&in_place::copy_of(&target.file))?;
        match fs::remove_file(&target.file) {
            Err(error) if in_place::is_needed(&error) => in_place::remove(&target.file)?,
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("removing", &target.file, &error)),
            Ok(()) | Err(_) => {}
        }
        sync(&target.folder)?;
        if target.linked {
            replace::remove(&self.path(files))?;
        }
        replace::remove(&files.spare())
    }

    /// To a name that says when.
    fn move_aside(&self, files: &Files, writing: &Writing) -> Answer<String> {
        let target = self.target(files)?;
        let seconds = platform::now().0 / 1_000;
        let mut aside = target.folder.join(format!("{}{seconds}", files.corrupt_prefix()));
        let mut count = 1;
        while aside.symlink_metadata().is_ok() {
            aside = target.folder.join(format!("{}{seconds}-{count}", files.corrupt_prefix()));
            count += 1;
        }
        match writing.still_holds().and_then(|()| fs::rename(&target.file, &aside)) {
            Err(error) if in_place::is_needed(&error) => {
                in_place::move_aside(&target.file, &aside, |bytes| !matches!(self.open(bytes), Ok(Ok(_))))?;
            }
            moved => moved.map_err(|error| failed("moving aside the damaged", &target.file, &error))?,
        }
        sync(&target.folder)?;
        Ok(aside.display().to_string())
    }

    fn left_overs(&self, files: &Files) -> Answer<Vec<LeftOver>> {
        let target = self.target(files)?.file;
        let copy = in_place::copy_of(&target);
        let paths = replace::temps(&target).into_iter().chain([copy.clone()]);
        let read = paths.filter_map(|path| replace::read(&path).transpose().map(|bytes| (path, bytes)));
        read.map(|(path, bytes)| Ok(LeftOver { is_copy: path == copy, path, found: self.open(bytes?)? })).collect()
    }

    fn promote(&self, files: &Files, left_over: &LeftOver) -> Answer<()> {
        let target = self.target(files)?.file;
        if left_over.is_copy {
            return in_place::finish(&target);
        }
        replace::promote(&left_over.path, &target)
    }

    fn probe(&self, folder: &Path) -> Answer<()> {
        self.form.prepare()?;
        replace::probe(folder)
    }

    fn place(&self, files: &Files) -> String {
        self.path(files).display().to_string()
    }

    fn describe(&self, folder: &Path) -> String {
        self.form.describe(folder)
    }
}

/// Where the bytes of a record are, or will be.
struct Target {
    folder: PathBuf,
    file: PathBuf,
    linked: bool,
}

fn follow(path: &Path) -> io::Result<Option<Target>> {
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Ok(None);
    }
    let file = match fs::canonicalize(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(folder) = file.parent().map(Path::to_owned) else { return Ok(None) };
    platform::owned_by_us(&fs::metadata(&folder)?)?;
    Ok(Some(Target { folder, file, linked: true }))
}

fn sync(folder: &Path) -> Answer<()> {
    platform::sync_folder(folder).map_err(|error| failed("syncing", folder, &error))
}
