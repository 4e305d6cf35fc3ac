//! What there is of it elsewhere than on Unix.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn private_folder(_builder: &mut DirBuilder) {}

pub(super) fn private_file(_options: &mut OpenOptions) {}

pub(crate) fn owned_by_us(_metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn tighten(_path: &Path, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(crate) fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

pub(crate) fn is_same(_one: &File, _other: &File) -> io::Result<bool> {
    Ok(true)
}

pub(crate) fn changed(metadata: &Metadata) -> io::Result<SystemTime> {
    metadata.modified()
}

/// Windows says of a share without locks that there is no such function, or that it is not supported.
pub(crate) fn cannot_lock(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(1 | 50))
}

pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn stamp(path: &Path) -> Option<[u64; 4]> {
    let metadata = fs::metadata(path).ok()?;
    let nanos = |time: io::Result<SystemTime>| {
        let since_1970 = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
    };
    Some([nanos(metadata.modified()), nanos(metadata.created()), 0, metadata.len()])
}
