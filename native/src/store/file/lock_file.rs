//! Files that are locked: advisory locks of the operating system, which end with their holder, or [`turns`] where the
//! file system has none.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::{failed, lost, too_late};
use super::turns::{self, Turn};
use super::{platform, replace};
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

/// How long the turn of a save counts without a sign of life: those who wait for a dead one wait no longer than for a
/// live one.
const SAVE_TURN: Duration = Duration::from_secs(5);

/// A locked file. The lock ends when this is dropped, or with the process; where the file system has no locks, by its age.
pub(crate) struct LockFile {
    path: PathBuf,
    file: File,
    /// Dropped after the file is closed: others are to see what was written there.
    turn: Option<Turn>,
}

/// What locks a file on a file system without locks.
#[derive(Clone, Copy)]
enum Fallback {
    /// A turn that counts for so long without a sign of life.
    Turn(Duration),
    Nothing,
}

impl LockFile {
    /// Locks the file at `path`, made if need be; `None` while another has it locked. Tasks of one process keep each
    /// other out like processes do. Where the file system has no locks, it is ours for `span` without a sign of life.
    pub(crate) fn try_lock(path: &Path, span: Duration) -> io::Result<Option<Self>> {
        Self::attempt(path, Fallback::Turn(span))
    }

    /// The same for the short time of a save.
    pub(crate) fn try_for_save(path: &Path) -> io::Result<Option<Self>> {
        Self::attempt(path, Fallback::Turn(SAVE_TURN))
    }

    /// Locks the file at `path` for the short time of a save, waiting for others who do the same.
    pub(crate) fn for_save(path: &Path) -> Answer<Self> {
        Self::lock(path, SAVE_WAIT, Fallback::Turn(SAVE_TURN))
    }

    /// The same for a file that others may know by another name, beside which they would look for no turn.
    pub(crate) fn for_save_in_place(path: &Path) -> Answer<Self> {
        Self::lock(path, SAVE_WAIT, Fallback::Nothing)
    }

    fn attempt(path: &Path, fallback: Fallback) -> io::Result<Option<Self>> {
        for _ in 0..REOPENINGS {
            let turns_precede = matches!(fallback, Fallback::Turn(_)) && turns::precede(path)?;
            let (file, is_made) = platform::open_lock(path)?;
            let mut lock = LockFile { path: path.to_owned(), file, turn: None };
            let has_locks = match lock.file.try_lock() {
                Ok(()) => keeps_others_out(&lock.file, path)?,
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if platform::cannot_lock(&error) => false,
                Err(TryLockError::Error(error)) => return Err(error),
            };
            match fallback {
                Fallback::Nothing if !has_locks => return Err(io::Error::other("this file system has no locks")),
                Fallback::Turn(span) if !has_locks || turns::are_taken(path)? => {
                    lock.turn = Turn::try_take(path, span, turns_precede && is_made)?;
                    if lock.turn.is_none() {
                        return Ok(None);
                    }
                }
                Fallback::Nothing | Fallback::Turn(_) => {}
            }
            if !has_locks {
                // What the former holder wrote may not be seen through what was opened before its turn was over.
                lock.file = platform::open_lock(path)?.0;
            }
            if lock.is_current() {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    fn lock(path: &Path, wait: Duration, fallback: Fallback) -> Answer<Self> {
        let started = Instant::now();
        let mut pause = PAUSES.first;
        loop {
            match Self::attempt(path, fallback) {
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

    /// Whether it keeps others out still. A lock on a file that was removed or replaced does not, nor one without a turn
    /// where others take turns by now.
    pub(crate) fn is_current(&self) -> bool {
        let keeps_others_out = match &self.turn {
            Some(turn) => turn.is_current(),
            None => matches!(turns::are_taken(&self.path), Ok(false)),
        };
        keeps_others_out && platform::is_at(&self.file, &self.path)
    }

    /// Begins its time anew, if it ends by its age. False: it is lost.
    pub(crate) fn renew(&self) -> bool {
        self.turn.as_ref().is_none_or(|turn| turn.renew().is_ok())
    }

    /// A former holder whose lock ended by its age may be about to rename a new file to `target`, and will find it gone.
    pub(crate) fn disarm_former(&self, target: &Path) {
        if self.turn.is_some() {
            replace::sweep_temps(target);
        }
    }

    /// Asked last before anything is changed under the lock, because it may have ended by its age.
    pub(crate) fn still_holds(&self) -> io::Result<()> {
        if self.is_current() { Ok(()) } else { Err(lost()) }
    }

    /// What its last holder wrote.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(0))?;
        read_note(&self.file)
    }

    /// Replaces what it says, in place: the file must stay the one that is locked.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        self.file.set_len(bytes.len() as u64)
    }

    /// Makes what it says durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Drop for LockFile {
    /// Closing would not be enough while a forked child still has the descriptor.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Whether the lock on the open file keeps others out: some file systems give it to everybody. Looked at once for each
/// folder.
fn keeps_others_out(file: &File, path: &Path) -> io::Result<bool> {
    static HONEST: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let folder = path.parent().unwrap_or(path);
    let honest = || HONEST.lock().unwrap_or_else(PoisonError::into_inner);
    if honest().contains(folder) {
        return Ok(true);
    }
    let (again, _) = platform::open_lock(path)?;
    if !platform::is_same(file, &again)? {
        // It was replaced meanwhile, which its holder will see.
        return Ok(true);
    }
    let keeps_out = again.try_lock().is_err();
    if keeps_out {
        honest().insert(folder.to_owned());
    }
    Ok(keeps_out)
}

fn read_note(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_NOTE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokenway_core::http::IoFailureKind;

    use super::*;

    #[test]
    fn a_writer_gives_up_on_another_that_is_stuck_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.save");
        let stuck = LockFile::for_save(&path).unwrap();
        let Err(failure) = LockFile::lock(&path, Duration::from_millis(20), Fallback::Nothing) else {
            panic!("locked twice")
        };
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
        let of_the_child = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(LockFile::try_for_save(&path).unwrap().is_some());
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

    #[test]
    fn a_lock_without_a_turn_is_lost_once_others_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.save");
        let lock = LockFile::for_save(&path).unwrap();
        assert!(lock.is_current() && lock.still_holds().is_ok());
        fs::create_dir(folder.path().join("x.save.turns")).unwrap();
        assert!(!lock.is_current() && lock.still_holds().is_err());
        drop(lock);
        assert!(LockFile::try_for_save(&path).unwrap().is_none(), "whoever had it may have it still");
    }

    #[test]
    fn where_others_take_turns_a_lock_alone_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        let (path, turns) = (folder.path().join("x.save"), folder.path().join("x.save.turns"));
        fs::create_dir(folder.path().join("other.save.turns")).unwrap();
        let lock = LockFile::try_for_save(&path).unwrap().unwrap();
        assert!(turns.join("1.held").exists());
        assert!(lock.is_current() && lock.renew());
        fs::remove_file(turns.join("1.held")).unwrap();
        assert!(!lock.is_current() && !lock.renew());
    }
}
