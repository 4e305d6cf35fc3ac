//! What differs from system to system: modes, owners, inodes, syncing a folder.
//!
//! Elsewhere than on Unix a file in the user's profile is private by what it inherits from its folder, and an open file
//! cannot be removed under its holder.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tokenway_core::moment::UnixMillis;

#[cfg(not(unix))]
#[path = "platform/elsewhere.rs"]
mod system;
#[cfg(unix)]
#[path = "platform/unix.rs"]
mod system;

pub(crate) use system::{cannot_lock, changed, is_at, is_same, owned_by_us, stamp, sync_folder};

/// The wall clock of this machine.
pub(crate) fn now() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Makes the folder, and its parents, for nobody but us; makes one that is there so.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    tighten(path, &fs::metadata(path)?)
}

/// Makes the folder if it is missing, and those above it, so that it outlives a power cut like what will be in it.
fn make_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match make_in(parent, path) {
        // Not asked whether that is there: another process may have made it by now.
        Err(error) if error.kind() == ErrorKind::NotFound && parent != path => {
            make_folder(parent)?;
            make_in(parent, path)
        }
        made => made,
    }
}

fn make_in(parent: &Path, path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    system::private_folder(&mut builder);
    match builder.create(path) {
        Ok(()) => sync_if_allowed(parent),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A folder that one may write to but not list cannot be synced.
fn sync_if_allowed(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Opens a new file that nobody but us can read.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    private_options().write(true).create_new(true).open(path)
}

/// Opens a file to lock, making it if need be, and tells whether it was made.
pub(crate) fn open_lock(path: &Path) -> io::Result<(File, bool)> {
    let mut options = private_options();
    if let Ok(file) = options.read(true).write(true).open(path) {
        return Ok((file, false));
    }
    if let Ok(file) = options.create_new(true).open(path) {
        return Ok((file, true));
    }
    // Another has made it meanwhile. Or it is a link to nothing: then what it leads to is made.
    options.create_new(false).create(true).open(path).map(|file| (file, false))
}

/// Writes over the beginning of a file that nobody but us can read, making it if need be.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    private_options().write(true).create(true).truncate(false).open(path)?.write_all(bytes)
}

/// Opens a file of ours to read, closing it to others first; `None` if there is none.
pub(crate) fn open_private(path: &Path) -> io::Result<Option<File>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file; move it away"));
    }
    tighten(path, &metadata)?;
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses what belongs to another user, and takes away what others may do with ours.
fn tighten(path: &Path, metadata: &Metadata) -> io::Result<()> {
    owned_by_us(metadata)?;
    system::tighten(path, metadata)
        .map_err(|error| io::Error::other(format!("others can read it, and closing it to them failed: {error}")))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    system::private_file(&mut options);
    options
}
