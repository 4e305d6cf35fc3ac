//! What differs from system to system: modes, owners, inodes, syncing a folder.
//!
//! Elsewhere than on Unix a file in the user's profile is private by what it inherits from its folder, and an open file
//! cannot be removed under its holder.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tokenway_core::moment::UnixMillis;

pub(crate) use system::{is_at, owned_by_us, stamp, sync_folder};

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

/// Makes the folder if it is missing, so that it outlives a power cut like what will be in it.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    system::private_folder(&mut builder);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match builder.create(path) {
        Ok(()) => sync_if_allowed(parent),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound && !parent.exists() => {
            make_folder(parent)?;
            make_folder(path)
        }
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

/// Opens a file to lock, making it if need be.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    private_options().read(true).write(true).create(true).truncate(false).open(path)
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

#[cfg(unix)]
mod system {
    use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

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
}

#[cfg(not(unix))]
mod system {
    use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
    use std::io;
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
}
