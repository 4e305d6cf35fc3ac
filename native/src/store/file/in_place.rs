//! A file that cannot be replaced, because it is a mount point of its own (a single file that a container was given):
//! it is written in place, with the whole of it in a copy beside until it is.
//!
//! ```text
//! write NAME.copy whole and synced ─ write NAME in place, sync ─ remove NAME.copy
//! ```
//!
//! Whoever is killed in between leaves the copy, and the next who looks finishes. Other containers that were given the
//! same file have other folders, and so other locks: the file itself is locked while it is written. Renewals have no such
//! lock; two containers are to be given one folder.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::failure::{failed, unable};
use super::lock_file::LockFile;
use super::{platform, replace};
use crate::store::Answer;

/// What stands in a file that cannot be removed, when it is.
const REMOVED: &[u8] = b"removed\n";

/// Whether a rename to, or a removal of, a file failed because it is a mount point.
pub(super) fn is_needed(error: &io::Error) -> bool {
    [ErrorKind::ResourceBusy, ErrorKind::CrossesDevices].contains(&error.kind())
}

/// The copy beside `target`. Its name is not one of a temporary file: those are swept.
pub(super) fn copy_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".copy");
    PathBuf::from(name)
}

/// Whether these bytes stand for no file.
pub(super) fn is_removed(bytes: &[u8]) -> bool {
    bytes == REMOVED
}

/// Puts `bytes` in the place of what `target` has, durably.
pub(super) fn write(target: &Path, bytes: &[u8]) -> Answer<()> {
    let copy = copy_of(target);
    replace::replace(&copy, bytes)?;
    overwrite(target, &[bytes])?;
    // A copy of what stands there does no harm.
    let _ = fs::remove_file(copy);
    Ok(())
}

/// Finishes the write of whom left a copy.
pub(super) fn finish(target: &Path) -> Answer<()> {
    let copy = copy_of(target);
    let Some(bytes) = replace::read(&copy)? else { return Ok(()) };
    overwrite(target, &[&bytes])?;
    replace::remove(&copy)
}

/// Removes what `target` has; the file stays. Nothing of it is left between the old bytes and the new.
pub(super) fn remove(target: &Path) -> Answer<()> {
    overwrite(target, &[b"", REMOVED])
}

/// Moves what `target` has to the new file `aside`, unless it is none of what `is_damaged` says: then somebody was just
/// writing it.
pub(super) fn move_aside(target: &Path, aside: &Path, is_damaged: impl Fn(Vec<u8>) -> bool) -> Answer<()> {
    let mut file = LockFile::for_save_in_place(target)?;
    let bytes = replace::read(target)?.unwrap_or_default();
    if !is_damaged(bytes.clone()) {
        return Err(unable(format!("{} was just being written by another process; try again", target.display())));
    }
    let kept = platform::create_private(aside).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    kept.map_err(|error| failed("moving aside the damaged", target, &error))?;
    put(&mut file, target, &[b"", REMOVED])
}

fn overwrite(target: &Path, contents: &[&[u8]]) -> Answer<()> {
    put(&mut LockFile::for_save_in_place(target)?, target, contents)
}

fn put(file: &mut LockFile, target: &Path, contents: &[&[u8]]) -> Answer<()> {
    let written = contents.iter().try_for_each(|bytes| file.write(bytes)).and_then(|()| file.sync());
    written.map_err(|error| failed("writing in place", target, &error))
}
