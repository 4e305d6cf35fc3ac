//! The record file: read, atomic save and delete, and what is done with bytes that cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenway_core::action::Save;
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{CredentialKey, RECORD_FORMAT, Record, Version};
use tokenway_core::secret::Secret;

use super::failure::{failed, unable};
use super::lock_file::LockFile;
use super::paths::Files;
use super::seal::{MAX_FILE, seal, unseal};
use super::{platform, replace};
use crate::store::{Answer, DeleteAnswer, SaveAnswer};

/// The content of the file. The key is in it so that a folder can be listed; members of newer versions are kept.
#[derive(Serialize, Deserialize)]
struct Content<R> {
    key: CredentialKey,
    record: R,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What every format of a record has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// What an undamaged file holds.
enum Stored {
    Known(Content<Box<Record>>),
    /// Of a format that this version cannot read.
    Newer(CredentialKey),
}

/// What is wrong with a file, for people.
type Damage = &'static str;

/// Reads the record. A file that cannot be read is moved aside, and said to be; from then on there is none.
pub(super) fn load(files: &Files) -> Answer<Option<Box<Record>>> {
    match read_or_move_aside(files)? {
        Some(Stored::Known(content)) => Ok(Some(content.record)),
        Some(Stored::Newer(_)) => Err(newer(files)),
        None => Ok(None),
    }
}

/// Writes the record if the stored one has the expected version. A damaged file has no version to protect: it is moved
/// aside, and the record saved.
pub(super) fn save(files: &Files, save: Save) -> Answer<SaveAnswer> {
    let _writing = start_writing(files)?;
    let others = match read(files)? {
        None if save.expected.is_some() => return Ok(SaveAnswer::Conflict(None)),
        None => BTreeMap::new(),
        Some(Err(_)) => {
            move_aside(files)?;
            BTreeMap::new()
        }
        Some(Ok(Stored::Newer(_))) => return Err(newer(files)),
        Some(Ok(Stored::Known(stored))) => {
            let is_ours = stored.record == save.record;
            if !is_ours && save.expected != Some(stored.record.version()) {
                return Ok(SaveAnswer::Conflict(Some(stored.record)));
            }
            if stored.record.format > RECORD_FORMAT {
                return Err(newer(files));
            }
            stored.others
        }
    };
    // Our own record is written again as well: the try that put it there may have failed before it was durable.
    write(files, &Content { key: save.key, record: save.record, others })?;
    Ok(SaveAnswer::Saved)
}

/// Removes the record of the expected version and all that lies beside it but the locks.
pub(super) fn delete(files: &Files, expected: &Version) -> Answer<DeleteAnswer> {
    let _writing = start_writing(files)?;
    match read(files)? {
        Some(Err(damage)) => return Err(damaged(files, damage, &move_aside(files)?)),
        Some(Ok(Stored::Newer(_))) => return Err(newer(files)),
        Some(Ok(Stored::Known(stored))) if stored.record.version() != *expected => {
            return Ok(DeleteAnswer::Conflict(Some(stored.record)));
        }
        Some(Ok(Stored::Known(_))) | None => {}
    }
    let place = place(files)?;
    replace::sweep_temps(&place.file);
    replace::sweep_prefix(&place.folder, &files.corrupt_prefix());
    replace::remove(&place.file)?;
    sync(&place.folder)?;
    replace::remove(&files.record())?;
    replace::remove(&files.ledger())?;
    sync(&files.folder)?;
    Ok(DeleteAnswer::Deleted)
}

/// The keys of all records in the folder.
pub(super) fn list(folder: &Path) -> Answer<Vec<CredentialKey>> {
    let mut keys = Vec::new();
    for name in names(folder).map_err(|error| failed("listing", folder, &error))? {
        let Some(files) = Files::of_record(folder, &name) else { continue };
        match read_or_move_aside(&files)? {
            Some(Stored::Known(content)) => keys.push(content.key),
            Some(Stored::Newer(key)) => keys.push(key),
            None => {}
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Keeps other writers of this record out, for as long as what it returns lives.
fn start_writing(files: &Files) -> Answer<LockFile> {
    platform::private_folder(&files.folder).map_err(|error| failed("preparing", &files.folder, &error))?;
    LockFile::for_save(&files.save_lock())
}

/// Reads the file; if it is damaged, looks again where no writer can be in between, and moves it aside. Each reader that
/// met the damage says so, whichever of them moved the file.
fn read_or_move_aside(files: &Files) -> Answer<Option<Stored>> {
    let damage = match read(files)?.transpose() {
        Ok(stored) => return Ok(stored),
        Err(damage) => damage,
    };
    let _writing = start_writing(files)?;
    match read(files)? {
        Some(Ok(stored)) => Ok(Some(stored)),
        Some(Err(damage)) => Err(damaged(files, damage, &move_aside(files)?)),
        None => Err(damaged(files, damage, &files.folder)),
    }
}

fn read(files: &Files) -> Answer<Option<Result<Stored, Damage>>> {
    Ok(replace::read(&files.record())?.map(|bytes| parse(files, bytes)))
}

fn parse(files: &Files, bytes: Vec<u8>) -> Result<Stored, Damage> {
    let json = unseal(bytes)?;
    let stored = match serde_json::from_str::<Content<Box<Record>>>(json.expose()) {
        Ok(content) => Stored::Known(content),
        Err(_) => match serde_json::from_str::<Content<AnyFormat>>(json.expose()) {
            Ok(content) if content.record.format > RECORD_FORMAT => Stored::Newer(content.key),
            Ok(_) | Err(_) => return Err("it is not a credential"),
        },
    };
    let (Stored::Known(Content { key, .. }) | Stored::Newer(key)) = &stored;
    if files.is_of(key) { Ok(stored) } else { Err("it is the credential of another name") }
}

fn write(files: &Files, content: &Content<Box<Record>>) -> Answer<()> {
    let place = place(files)?;
    let json = serde_json::to_string(content).map_err(|error| failed("writing", &place.file, &error.into()))?;
    let sealed = seal(Secret::new(json).expose());
    if sealed.len() > MAX_FILE {
        return Err(unable(format!("the credential has {} bytes, more than a file store takes", sealed.len())));
    }
    replace::replace(&place.file, sealed.expose().as_bytes())
}

/// Where the bytes of a record are, or will be.
struct Place {
    folder: PathBuf,
    file: PathBuf,
}

/// Behind a symbolic link (as dotfile managers make them) the link's target, which must be in a folder of ours; a link to
/// nothing is replaced like a file.
fn place(files: &Files) -> Answer<Place> {
    let path = files.record();
    follow(&path)
        .map_err(|error| failed("following the link", &path, &error))
        .map(|target| target.unwrap_or_else(|| Place { folder: files.folder.clone(), file: path }))
}

fn follow(path: &Path) -> io::Result<Option<Place>> {
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
    Ok(Some(Place { folder, file }))
}

/// Moves the file out of the way, to a name that says when. The caller keeps writers out.
fn move_aside(files: &Files) -> Answer<PathBuf> {
    let place = place(files)?;
    let seconds = platform::now().0 / 1_000;
    let mut aside = place.folder.join(format!("{}{seconds}", files.corrupt_prefix()));
    let mut count = 1;
    while aside.symlink_metadata().is_ok() {
        aside = place.folder.join(format!("{}{seconds}-{count}", files.corrupt_prefix()));
        count += 1;
    }
    fs::rename(&place.file, &aside).map_err(|error| failed("moving aside the damaged", &place.file, &error))?;
    sync(&place.folder)?;
    Ok(aside)
}

fn sync(folder: &Path) -> Answer<()> {
    platform::sync_folder(folder).map_err(|error| failed("syncing", folder, &error))
}

fn damaged(files: &Files, damage: Damage, aside: &Path) -> IoFailure {
    let path = files.record();
    let (path, aside) = (path.display(), aside.display());
    unable(format!("{path} cannot be read: {damage}. It was moved aside to {aside}; log in again"))
}

fn newer(files: &Files) -> IoFailure {
    let path = files.record();
    unable(format!(
        "{} was written by a newer version of tokenway, and is left as it is; update tokenway",
        path.display()
    ))
}
