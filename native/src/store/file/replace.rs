//! Files that are replaced as a whole: temporary file, sync, rename, sync of the folder.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokenway_core::http::IoFailure;

use super::failure::{failed, unable};
use super::paths::hex;
use super::platform;
use super::seal::MAX_FILE;
use crate::store::Answer;

/// How the names of temporary files begin. Files of other programs are never touched.
const TEMP: &str = ".tokenway-";

/// A temporary file of this age has no writer any more, and the next writer removes it: a save takes milliseconds.
const ABANDONED: Duration = Duration::from_secs(600);

/// The bytes that a probe writes: a record with two large JWTs.
const PROBE: usize = 16 * 1024;

/// Puts `bytes` in the place of what `target` has. When this returns, they outlive a power cut; when it fails before the
/// rename, nothing has changed. A failed sync is never repeated on the same file: only a new one can be believed.
pub(super) fn replace(target: &Path, bytes: &[u8]) -> Answer<()> {
    let (folder, name) = split(target)?;
    remove_all(folder, TEMP, ABANDONED);
    let temp = folder.join(format!("{}{}", temp_prefix(name), random_name()?));
    let replaced = write_new(&temp, target, bytes)
        .and_then(|()| fs::rename(&temp, target).map_err(|error| failed("renaming a new file to", target, &error)));
    if replaced.is_err() {
        let _ = fs::remove_file(&temp);
    }
    replaced?;
    platform::sync_folder(folder).map_err(|error| failed("syncing the folder of", target, &error))
}

fn write_new(temp: &Path, target: &Path, bytes: &[u8]) -> Answer<()> {
    let mut file = platform::create_private(temp).map_err(|error| failed("making a file beside", target, &error))?;
    file.write_all(bytes).map_err(|error| failed("writing", target, &error))?;
    file.sync_all().map_err(|error| failed("writing (at its sync)", target, &error))
}

/// All bytes of a file of ours, at most one more than [`MAX_FILE`]; `None` if there is none.
pub(super) fn read(path: &Path) -> Answer<Option<Vec<u8>>> {
    read_bytes(path).map_err(|error| failed("reading", path, &error))
}

fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = platform::open_private(path)? else { return Ok(None) };
    let mut bytes = Vec::with_capacity(16 * 1024);
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Removes the temporary files of `target`, whatever their age: the caller keeps other writers out.
pub(super) fn sweep_temps(target: &Path) {
    if let Ok((folder, name)) = split(target) {
        remove_all(folder, &temp_prefix(name), Duration::ZERO);
    }
}

/// Removes the files of the folder whose names begin with `prefix`.
pub(super) fn sweep_prefix(folder: &Path, prefix: &str) {
    remove_all(folder, prefix, Duration::ZERO);
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove(path: &Path) -> Answer<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("removing", path, &error)),
    }
}

/// Does with a file of its own what a save does.
pub(super) fn probe(folder: &Path) -> Answer<()> {
    platform::private_folder(folder).map_err(|error| failed("preparing", folder, &error))?;
    let file = folder.join(format!("{TEMP}probe-{}", random_name()?));
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

fn temp_prefix(name: &str) -> String {
    format!("{TEMP}{name}-")
}

fn random_name() -> Answer<String> {
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
