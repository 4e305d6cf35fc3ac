//! Files that are replaced as a whole: temporary file, sync, rename, sync of the folder.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokenway_core::http::IoFailure;

use super::failure::{failed, unable};
use super::paths::hex;
use super::seal::MAX_FILE;
use super::{in_place, platform};
use crate::store::Answer;

/// How the names of temporary files begin. Files of other programs are never touched.
const TEMP: &str = ".tokenway-";

/// How the names of the files begin that a probe writes: no temporary file of a record has a dot there.
const PROBED: &str = ".tokenway-.probe-";

/// A temporary file of this age has no writer any more, and the next writer of the same file removes it: a save takes
/// milliseconds. Never that of another file: it may be the newest record of another login, which its next reader finds.
const ABANDONED: Duration = Duration::from_secs(600);

/// The bytes that a probe writes: a record with two large JWTs.
const PROBE: usize = 16 * 1024;

/// The least size of a spare file: one block of most file systems.
const SPARE: usize = 4 * 1024;

/// Asked last before a rename.
pub(crate) type MayStill<'a> = &'a dyn Fn() -> io::Result<()>;

/// Puts `bytes` in the place of what `target` has. When this returns, they outlive a power cut; when it fails before the
/// rename, nothing has changed. A failed sync is never repeated on the same file: only a new one can be believed.
pub(crate) fn replace(target: &Path, bytes: &[u8]) -> Answer<()> {
    replace_under(&|| Ok(()), target, bytes)
}

/// The same under a lock: `may_still` is an error if it may be another's by now.
pub(crate) fn replace_under(may_still: MayStill, target: &Path, bytes: &[u8]) -> Answer<()> {
    let temp = temp_of(target)?;
    put(&temp, target, bytes, may_still).map_err(|(doing, error)| failed(doing, target, &error))
}

/// The same for a record: a full disk gets one more save out of the place that `spare` holds, and a file that cannot be
/// replaced is written in place.
pub(crate) fn replace_record(may_still: MayStill, target: &Path, bytes: &[u8], spare: Option<&Path>) -> Answer<()> {
    let temp = temp_of(target)?;
    let put = match (put(&temp, target, bytes, may_still), spare) {
        (Err((_, error)), Some(spare)) if is_full(&error) && fs::remove_file(spare).is_ok() => {
            put(&temp, target, bytes, may_still)
        }
        (put, _) => put,
    };
    match put {
        Err((_, error)) if in_place::is_needed(&error) => in_place::write(target, bytes)?,
        put => put.map_err(|(doing, error)| failed(doing, target, &error))?,
    }
    if let Some(spare) = spare {
        keep_spare(spare, bytes.len());
    }
    Ok(())
}

fn put(temp: &Path, target: &Path, bytes: &[u8], may_still: MayStill) -> Result<(), (&'static str, io::Error)> {
    let put = write_new(temp, bytes)
        .and_then(|()| may_still().map_err(|error| ("writing", error)))
        .and_then(|()| fs::rename(temp, target).map_err(|error| ("renaming a new file to", error)));
    if put.is_err() {
        let _ = fs::remove_file(temp);
    }
    put?;
    let folder = target.parent().unwrap_or(Path::new("."));
    platform::sync_folder(folder).map_err(|error| ("syncing the folder of", error))
}

fn write_new(temp: &Path, bytes: &[u8]) -> Result<(), (&'static str, io::Error)> {
    let mut file = platform::create_private(temp).map_err(|error| ("making a file beside", error))?;
    file.write_all(bytes).map_err(|error| ("writing", error))?;
    file.sync_all().map_err(|error| ("writing (at its sync)", error))
}

fn is_full(error: &io::Error) -> bool {
    [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind())
}

/// Holds a place on the disk that the next save fits into. Noise, because file systems compress. Where there is no place
/// any more, there is no spare: nothing depends on it.
fn keep_spare(spare: &Path, bytes: usize) {
    let size = bytes.next_multiple_of(SPARE);
    if fs::metadata(spare).is_ok_and(|metadata| metadata.len() >= size as u64) {
        return;
    }
    let mut noise = vec![0; size];
    let _ = fs::remove_file(spare);
    let kept = getrandom::fill(&mut noise)
        .map_err(|error| io::Error::other(error.to_string()))
        .and_then(|()| platform::create_private(spare)?.write_all(&noise));
    if kept.is_err() {
        let _ = fs::remove_file(spare);
    }
}

/// The temporary files of `target`.
pub(crate) fn temps(target: &Path) -> Vec<PathBuf> {
    let Ok((folder, name)) = split(target) else { return Vec::new() };
    let prefix = temp_prefix(name);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.path());
    let is_temp =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&prefix));
    names.filter(is_temp).collect()
}

/// Puts a temporary file that is complete in the place of `target`. Its writer may have died before its sync.
pub(crate) fn promote(temp: &Path, target: &Path) -> Answer<()> {
    let folder = split(target)?.0;
    let synced = OpenOptions::new().write(true).open(temp).and_then(|file| file.sync_all());
    synced
        .and_then(|()| fs::rename(temp, target))
        .and_then(|()| platform::sync_folder(folder))
        .map_err(|error| failed("putting a newer record in the place of", target, &error))
}

/// All bytes of a file of ours, at most one more than [`MAX_FILE`]; `None` if there is none.
pub(crate) fn read(path: &Path) -> Answer<Option<Vec<u8>>> {
    read_bytes(path).map_err(|error| failed("reading", path, &error))
}

fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = platform::open_private(path)? else { return Ok(None) };
    let mut bytes = Vec::with_capacity(16 * 1024);
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Removes the temporary files of `target`, whatever their age: the caller keeps other writers out.
pub(crate) fn sweep_temps(target: &Path) {
    if let Ok((folder, name)) = split(target) {
        remove_all(folder, &temp_prefix(name), Duration::ZERO);
    }
}

/// Removes the files of the folder whose names begin with `prefix`.
pub(crate) fn sweep_prefix(folder: &Path, prefix: &str) {
    remove_all(folder, prefix, Duration::ZERO);
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove(path: &Path) -> Answer<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("removing", path, &error)),
    }
}

/// Does with a file of its own what a save does.
pub(crate) fn probe(folder: &Path) -> Answer<()> {
    platform::private_folder(folder).map_err(|error| failed("preparing", folder, &error))?;
    for prefix in [PROBED, &format!("{TEMP}{PROBED}")] {
        remove_all(folder, prefix, ABANDONED);
    }
    let file = folder.join(format!("{PROBED}{}", random_name()?));
    let probed = write_and_compare(&file);
    let removed = remove(&file);
    probed.and(removed)
}

fn write_and_compare(file: &Path) -> Answer<()> {
    let bytes = vec![b'x'; PROBE];
    replace(file, &bytes)?;
    if read(file)?.as_ref() == Some(&bytes) {
        return Ok(());
    }
    Err(unable(format!("{} does not keep what is written to it", file.display())))
}

/// A name for a new temporary file of `target`, after abandoned ones are removed.
fn temp_of(target: &Path) -> Answer<PathBuf> {
    let (folder, name) = split(target)?;
    let prefix = temp_prefix(name);
    remove_all(folder, &prefix, ABANDONED);
    Ok(folder.join(format!("{prefix}{}", random_name()?)))
}

fn temp_prefix(name: &str) -> String {
    format!("{TEMP}{name}-")
}

pub(crate) fn random_name() -> Answer<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| unable(format!("the system has no random bytes: {error}")))?;
    Ok(hex(&bytes))
}

fn split(target: &Path) -> Result<(&Path, &str), IoFailure> {
    let parts = target.parent().zip(target.file_name().and_then(|name| name.to_str()));
    parts.ok_or_else(|| unable(format!("{} is no name for a file", target.display())))
}

/// Tidying up: what cannot be removed is met again by the next one who tidies.
fn remove_all(folder: &Path, prefix: &str, age: Duration) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            continue;
        }
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|modified| now.duration_since(modified).unwrap_or_default() >= age) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_disk_costs_the_spare_file() {
        let folder = tempfile::tempdir().unwrap();
        let [target, spare] = ["record", "record.spare"].map(|name| folder.path().join(name));
        replace_record(&|| Ok(()), &target, b"one", Some(&spare)).unwrap();
        fs::remove_file(&target).unwrap();
        fs::create_dir(&target).unwrap();
        let failure = replace_record(&|| Ok(()), &target, b"two", Some(&spare)).unwrap_err();
        assert!(failure.detail.starts_with("renaming a new file to"), "{}", failure.detail);
        assert!(spare.exists());
        assert!(temps(&target).is_empty());
    }

    #[test]
    fn the_spare_file_grows_with_the_record_by_whole_blocks_and_is_written_no_more_than_that() {
        let folder = tempfile::tempdir().unwrap();
        let [target, spare] = ["record", "record.spare"].map(|name| folder.path().join(name));
        let spare_after = |bytes: usize| {
            replace_record(&|| Ok(()), &target, &vec![b'x'; bytes], Some(&spare)).unwrap();
            fs::read(&spare).unwrap()
        };
        let first = spare_after(10);
        assert_eq!(first.len(), 4_096);
        assert_eq!(spare_after(4_096), first, "what is large enough stays");
        assert_eq!(spare_after(4_097).len(), 8_192);
    }

    #[test]
    fn what_cannot_be_removed_is_an_error_and_what_is_not_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(remove(&folder.path().join("nothing")), Ok(()));
        assert!(remove(folder.path()).unwrap_err().detail.starts_with("removing"));
    }
}
