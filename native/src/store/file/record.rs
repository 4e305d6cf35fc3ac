//! One record: read, compared and saved, deleted, and what is done with bytes that cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenway_core::action::Save;
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{CredentialKey, Mark, RECORD_FORMAT, Record, Version};
use tokenway_core::secret::Secret;

use super::failure::{failed, unable};
use super::lock_file::LockFile;
use super::paths::Files;
use super::seal::seal;
use super::shelf::{Damage, LeftOver, Shelf, Writing};
use super::{platform, replace};
use crate::store::patience::Pauses;
use crate::store::{Answer, DeleteAnswer, SaveAnswer};

/// How long a reader waits for whoever is putting a newer record in its place: longer than a save or a recovery takes. A
/// writer that was killed where the file system has no locks is believed to live for longer.
const PUTTING: Duration = Duration::from_secs(2);

/// Between the looks at what is being put in its place.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(1), last: Duration::from_millis(16) };

/// What is stored. The key is in it so that a folder can be listed; members of newer versions are kept.
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

/// What undamaged bytes hold.
enum Stored {
    Known(Content<Box<Record>>),
    /// Of a format that this version cannot read.
    Newer(CredentialKey),
}

/// Reads the record. What cannot be read is moved aside, and said to be; from then on there is none.
pub(super) fn load(shelf: &dyn Shelf, files: &Files) -> Answer<Option<Box<Record>>> {
    recover(shelf, files)?;
    match read_or_move_aside(shelf, files)? {
        Some(Stored::Known(content)) => Ok(Some(content.record)),
        Some(Stored::Newer(_)) => Err(newer(shelf, files)),
        None => Ok(None),
    }
}

/// Writes the record if the stored one has the expected version. Damaged bytes have no version to protect: they are
/// moved aside, and the record saved.
pub(super) fn save(shelf: &dyn Shelf, files: &Files, save: Save) -> Answer<SaveAnswer> {
    let writing = start_writing(files)?;
    recover_alone(shelf, files)?;
    let others = match read(shelf, files)? {
        None if save.expected.is_some() => return Ok(SaveAnswer::Conflict(None)),
        None => BTreeMap::new(),
        Some(Err(_)) => {
            shelf.move_aside(files, &writing)?;
            BTreeMap::new()
        }
        Some(Ok(Stored::Newer(_))) => return Err(newer(shelf, files)),
        Some(Ok(Stored::Known(stored))) => {
            let is_ours = stored.record == save.record;
            if !is_ours && save.expected != Some(stored.record.version()) {
                return Ok(SaveAnswer::Conflict(Some(stored.record)));
            }
            if stored.record.format > RECORD_FORMAT {
                return Err(newer(shelf, files));
            }
            stored.others
        }
    };
    // Our own record is written again as well: the try that put it there may have failed before it was durable.
    let content = Content { key: save.key, record: save.record, others };
    let json = serde_json::to_string(&content)
        .map_err(|error| unable(format!("writing {} failed: {error}", shelf.place(files))))?;
    check(&writing, files)?;
    shelf.write(files, &seal(Secret::new(json).expose()), &writing)?;
    Ok(SaveAnswer::Saved)
}

/// Removes the record of the expected version and all that lies beside it but the locks.
pub(super) fn delete(shelf: &dyn Shelf, files: &Files, expected: &Version) -> Answer<DeleteAnswer> {
    let writing = start_writing(files)?;
    recover_alone(shelf, files)?;
    match read(shelf, files)? {
        Some(Err(damage)) => return Err(damaged(shelf, files, damage, &shelf.move_aside(files, &writing)?)),
        Some(Ok(Stored::Newer(_))) => return Err(newer(shelf, files)),
        Some(Ok(Stored::Known(stored))) if stored.record.version() != *expected => {
            return Ok(DeleteAnswer::Conflict(Some(stored.record)));
        }
        Some(Ok(Stored::Known(_))) | None => {}
    }
    check(&writing, files)?;
    shelf.remove(files, &writing)?;
    replace::remove(&files.ledger())?;
    platform::sync_folder(&files.folder).map_err(|error| failed("syncing", &files.folder, &error))?;
    Ok(DeleteAnswer::Deleted)
}

/// The keys of all records in the folder.
pub(super) fn list(shelf: &dyn Shelf, folder: &Path) -> Answer<Vec<CredentialKey>> {
    let mut keys = Vec::new();
    for name in names(folder).map_err(|error| failed("listing", folder, &error))? {
        let Some(files) = Files::of_record(folder, &name, shelf.suffix()) else { continue };
        match read_or_move_aside(shelf, &files)? {
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

/// A writer that was killed after its bytes were complete and before they were in their place has brought a newer
/// record: the refresh token in the older one is spent. It is put in its place, by us or by another reader who has begun
/// to; or its writer lives and does it. A writer that stands still keeps nobody from reading what is there for longer.
fn recover(shelf: &dyn Shelf, files: &Files) -> Answer<()> {
    let (started, mut pause) = (Instant::now(), PAUSES.first);
    while promotable(shelf, files)?.is_some() {
        match LockFile::try_for_save(&files.save_lock()) {
            Ok(Some(_writing)) => return recover_alone(shelf, files),
            Ok(None) if started.elapsed() < PUTTING => thread::sleep(pause),
            Ok(None) => return Ok(()),
            Err(error) => return Err(failed("locking", &files.save_lock(), &error)),
        }
        pause = PAUSES.after(pause);
    }
    Ok(())
}

/// The same, where the caller keeps writers out.
fn recover_alone(shelf: &dyn Shelf, files: &Files) -> Answer<()> {
    promotable(shelf, files)?.map_or(Ok(()), |left_over| shelf.promote(files, &left_over))
}

/// Only over a record that stands, of the same login and older: what was deleted or logged out does not come back. Or over
/// one that was torn while it was written in place.
fn promotable(shelf: &dyn Shelf, files: &Files) -> Answer<Option<LeftOver>> {
    let left_overs = shelf.left_overs(files)?;
    if left_overs.is_empty() {
        return Ok(None);
    }
    let stored = match read(shelf, files)? {
        Some(Ok(Stored::Known(content))) => content.record,
        Some(Err(_)) => {
            let whole = |left_over: &LeftOver| left_over.is_copy && version(files, left_over).is_some();
            return Ok(left_overs.into_iter().find(whole));
        }
        Some(Ok(Stored::Newer(_))) | None => return Ok(None),
    };
    if stored.mark == Mark::LoggedOut {
        return Ok(None);
    }
    let versions = left_overs.into_iter().filter_map(|left_over| Some((version(files, &left_over)?, left_over)));
    let newer = versions.filter(|(found, _)| found.login_id == stored.login_id && found.generation > stored.generation);
    Ok(newer.max_by_key(|(found, _)| found.generation).map(|(_, left_over)| left_over))
}

fn version(files: &Files, left_over: &LeftOver) -> Option<Version> {
    match parse(files, left_over.found.as_ref().ok()?) {
        Ok(Stored::Known(content)) => Some(content.record.version()),
        Ok(Stored::Newer(_)) | Err(_) => None,
    }
}

/// Keeps other writers of this record out.
fn start_writing(files: &Files) -> Answer<Writing> {
    platform::private_folder(&files.folder).map_err(|error| failed("preparing", &files.folder, &error))?;
    LockFile::for_save(&files.save_lock()).map(Arc::new)
}

/// What was compared holds no longer once others may write.
fn check(writing: &Writing, files: &Files) -> Answer<()> {
    writing.still_holds().map_err(|error| failed("keeping locked", &files.save_lock(), &error))
}

/// Reads; if it is damaged, looks again where no writer can be in between, and moves it aside. Each reader that met the
/// damage says so, whichever of them moved it.
fn read_or_move_aside(shelf: &dyn Shelf, files: &Files) -> Answer<Option<Stored>> {
    let damage = match read(shelf, files)?.transpose() {
        Ok(stored) => return Ok(stored),
        Err(damage) => damage,
    };
    let writing = start_writing(files)?;
    recover_alone(shelf, files)?;
    match read(shelf, files)? {
        Some(Ok(stored)) => Ok(Some(stored)),
        Some(Err(damage)) => Err(damaged(shelf, files, damage, &shelf.move_aside(files, &writing)?)),
        None => Err(damaged(shelf, files, damage, &files.folder.display().to_string())),
    }
}

fn read(shelf: &dyn Shelf, files: &Files) -> Answer<Option<Result<Stored, Damage>>> {
    Ok(shelf.read(files)?.map(|found| found.and_then(|json| parse(files, &json))))
}

fn parse(files: &Files, json: &Secret) -> Result<Stored, Damage> {
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

fn damaged(shelf: &dyn Shelf, files: &Files, damage: Damage, aside: &str) -> IoFailure {
    let place = shelf.place(files);
    unable(format!("{place} cannot be read: {damage}. It was moved aside to {aside}; log in again"))
}

fn newer(shelf: &dyn Shelf, files: &Files) -> IoFailure {
    let place = shelf.place(files);
    unable(format!("{place} was written by a newer version of tokenway, and is left as it is; update tokenway"))
}
