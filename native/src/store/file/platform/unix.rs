//! Modes, owners, inodes, and a folder that can be synced.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

pub(super) fn private_folder(builder: &mut DirBuilder) {
    builder.mode(0o700);
}

pub(super) fn private_file(options: &mut OpenOptions) {
    options.mode(0o600);
}

pub(crate) fn owned_by_us(metadata: &Metadata) -> io::Result<()> {
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == us {
        return Ok(());
    }
    Err(io::Error::other(format!("it belongs to user {owner}, and you are user {us}")))
}

pub(super) fn tighten(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let mode = metadata.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
}

/// Whether `path` names the open file.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Whether both are openings of one file.
pub(crate) fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// When anything of the file was changed, its metadata included.
pub(crate) fn changed(metadata: &Metadata) -> io::Result<SystemTime> {
    let (seconds, nanos) = (u64::try_from(metadata.ctime()), u32::try_from(metadata.ctime_nsec()));
    Ok(UNIX_EPOCH + Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()))
}

/// Whether a lock failed because the file system has none.
pub(crate) fn cannot_lock(error: &io::Error) -> bool {
    Errno::from_io_error(error)
        .is_some_and(|errno| [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&errno))
}

/// Makes names that were made, changed or removed in the folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(crate) fn stamp(path: &Path) -> Option<[u64; 4]> {
    let metadata = fs::metadata(path).ok()?;
    let nanos = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos).cast_unsigned();
    Some([
        nanos(metadata.mtime(), metadata.mtime_nsec()),
        nanos(metadata.ctime(), metadata.ctime_nsec()),
        metadata.ino(),
        metadata.len(),
    ])
}
