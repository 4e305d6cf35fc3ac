//! Files that are locked: advisory locks of the operating system, which end with their holder.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::failure::{failed, too_late};
use super::platform;
use crate::store::Answer;
use crate::store::patience::Pauses;

/// How often a lock is taken on a file that was removed in the meantime before it counts as busy.
const REOPENINGS: u32 = 100;

/// The longest that a save waits for other saves of the same record: slow disks sync in a second.
const SAVE_WAIT: Duration = Duration::from_secs(10);

/// Between the looks at a lock that is held for milliseconds. Many who wait would keep the holder from the processor.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(1), last: Duration::from_millis(16) };

/// The most bytes of a lock file that are read.
const MAX_NOTE: u64 = 1024;

/// A locked file. The lock ends when this is dropped, or with the process.
pub(crate) struct LockFile(File);

impl LockFile {
    /// Locks the file at `path`, made if need be; `None` while another has it locked. Tasks of one process keep each
    /// other out like processes do.
    pub(crate) fn try_lock(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..REOPENINGS {
            let file = platform::open_lock(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let lock = LockFile(file);
            if lock.is_at(path) {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    /// Locks the file at `path` for the short time of a save, waiting for others who do the same.
    pub(crate) fn for_save(path: &Path) -> Answer<Self> {
        Self::lock(path, SAVE_WAIT)
    }

    fn lock(path: &Path, wait: Duration) -> Answer<Self> {
        let started = Instant::now();
        let mut pause = PAUSES.first;
        loop {
            match Self::try_lock(path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if started.elapsed() < wait => thread::sleep(pause),
                Ok(None) => return Err(too_late(format!("another process keeps {} locked", path.display()))),
                Err(error) => return Err(failed("locking", path, &error)),
            }
            pause = PAUSES.after(pause);
        }
    }

    /// What the holder of the file at `path` wrote. Where locks are mandatory (Windows) nobody else can read it.
    pub(crate) fn peek(path: &Path) -> io::Result<Vec<u8>> {
        read_note(&File::open(path)?)
    }

    /// Whether `path` still names this file. A lock on a file that was removed or replaced keeps nobody out.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        platform::is_at(&self.0, path)
    }

    /// What its last holder wrote.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        self.0.seek(SeekFrom::Start(0))?;
        read_note(&self.0)
    }

    /// Replaces what it says, in place: the file must stay the one that is locked.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(bytes)?;
        self.0.set_len(bytes.len() as u64)
    }

    /// Makes what it says durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

impl Drop for LockFile {
    /// Closing would not be enough while a forked child still has the descriptor.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn read_note(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_NOTE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tokenway_core::http::IoFailureKind;

    use super::*;

    #[test]
    fn a_writer_gives_up_on_another_that_is_stuck_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.save");
        let stuck = LockFile::for_save(&path).unwrap();
        let Err(failure) = LockFile::lock(&path, Duration::from_millis(20)) else { panic!("locked twice") };
        assert_eq!(failure.kind, IoFailureKind::Deadline);
        assert!(failure.detail.contains(path.to_str().unwrap()), "{}", failure.detail);
        drop(stuck);
        assert!(LockFile::for_save(&path).is_ok());
    }

    #[test]
    fn a_lock_ends_though_a_forked_child_still_has_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let lock = LockFile::for_save(&path).unwrap();
        let of_the_child = lock.0.try_clone().unwrap();
        drop(lock);
        assert!(LockFile::try_lock(&path).unwrap().is_some());
        drop(of_the_child);
    }

    #[test]
    fn what_a_holder_writes_replaces_all_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let mut lock = LockFile::for_save(&path).unwrap();
        lock.write(b"a longer note").unwrap();
        lock.write(b"short").unwrap();
        assert_eq!(lock.read().unwrap(), b"short");
        #[cfg(unix)]
        assert_eq!(LockFile::peek(&path).unwrap(), b"short");
    }
}
