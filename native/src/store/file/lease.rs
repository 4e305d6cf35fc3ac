//! The lease on a credential: a locked file that says who holds it, under which number.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokenway_core::action::LeaseNumber;
use tokenway_core::event::Holder;
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::moment::{Millis, UnixMillis};

use super::failure::{failed, lost};
use super::lock_file::LockFile;
use super::paths::Files;
use super::{ledger, platform};
use crate::store::Answer;

/// Numbers from here on are not exact in JSON readers that use floating point; ours never get there.
const NO_NUMBER: u64 = 1 << 53;

/// The longest process name that is shown.
const MAX_NAME: usize = 40;

/// A lease that this process holds. It ends when this is dropped, or with the process.
pub(super) struct Lease {
    number: LeaseNumber,
    lock: Mutex<LockFile>,
}

/// One look at the lease.
pub(super) enum Attempt {
    Busy(Holder),
    Held(Lease, StoredLedger),
}

/// What a holder writes into the locked file.
#[derive(Serialize, Deserialize)]
struct Note {
    number: LeaseNumber,
    pid: u32,
    process: String,
    since: UnixMillis,
}

/// Takes the lease if it is free, and reads the ledger under it. `span`: how long it lasts if it ends by its age.
pub(super) fn attempt(files: &Files, span: Duration) -> Answer<Attempt> {
    platform::private_folder(&files.folder).map_err(|error| failed("preparing", &files.folder, &error))?;
    let path = files.lease();
    let now = platform::now();
    let lock = LockFile::try_lock(&path, span).map_err(|error| failed("locking", &path, &error))?;
    let Some(mut lock) = lock else { return Ok(Attempt::Busy(holder(&path, now))) };
    let number = sign(&mut lock, &path, now)?;
    lock.disarm_former(&files.ledger());
    let lease = Lease { number, lock: Mutex::new(lock) };
    let ledger = ledger::read(&|| lease.still_holds(), files, number, now)?;
    Ok(Attempt::Held(lease, ledger))
}

impl Lease {
    pub(super) fn number(&self) -> LeaseNumber {
        self.number
    }

    /// Whether everybody who looks for the lease still finds it taken by us.
    pub(super) fn is_current(&self) -> bool {
        let mut lock = self.lock();
        lock.is_current() && lock.read().ok().and_then(|bytes| parse(&bytes)).is_some_and(|note| note.is(self.number))
    }

    /// Asked last before anything is changed under it.
    pub(super) fn still_holds(&self) -> io::Result<()> {
        if self.is_current() { Ok(()) } else { Err(lost()) }
    }

    /// Begins its time anew, if it ends by its age. False: it is lost.
    pub(super) fn renew(&self) -> bool {
        self.is_current() && self.lock().renew()
    }

    fn lock(&self) -> MutexGuard<'_, LockFile> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    fn is(&self, number: LeaseNumber) -> bool {
        self.number == number && self.pid == process::id()
    }
}

/// Writes our name and a number larger than all before.
fn sign(lock: &mut LockFile, path: &Path, now: UnixMillis) -> Answer<LeaseNumber> {
    let bytes = lock.read().map_err(|error| failed("reading", path, &error))?;
    let before = parse(&bytes).map_or(0, |note| note.number.0);
    let number = next_number(before, now);
    let note = Note { number, pid: process::id(), process: process_name(), since: now };
    let text = serde_json::to_vec(&note).map_err(|error| failed("writing", path, &error.into()))?;
    lock.still_holds().and_then(|()| lock.write(&text)).map_err(|error| failed("writing", path, &error))?;
    Ok(number)
}

/// Never less than the wall clock's milliseconds, so that the numbers go on from where they were when the file was lost
/// or torn; and in this process never the same twice.
fn next_number(before: u64, now: UnixMillis) -> LeaseNumber {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let after = |last: u64| (last.max(before) + 1).max(now.0 % NO_NUMBER);
    let (Ok(last) | Err(last)) = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
    LeaseNumber(after(last))
}

fn parse(bytes: &[u8]) -> Option<Note> {
    serde_json::from_slice::<Note>(bytes).ok().filter(|note| note.number.0 < NO_NUMBER)
}

/// Who holds the lease, by what the file says; it may be about to say so.
fn holder(path: &Path, now: UnixMillis) -> Holder {
    let Some(note) = LockFile::peek(path).ok().and_then(|bytes| parse(&bytes)) else {
        return Holder { who: "another process".to_owned(), since: Millis::ZERO };
    };
    Holder { who: format!("process {} ({})", note.pid, printable(&note.process)), since: now.since(note.since) }
}

fn process_name() -> String {
    let path = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    printable(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// The name without what could fool a terminal, and not too long.
fn printable(name: &str) -> String {
    name.chars().filter(|character| character.is_ascii_graphic()).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::conformance::sample_key;

    #[test]
    fn numbers_grow_though_the_file_is_lost_or_the_clock_goes_back() {
        let first = next_number(0, UnixMillis(1_000_000));
        assert!(first.0 >= 1_000_000, "{first:?}");
        let lost = next_number(0, UnixMillis(1_000_001));
        let back = next_number(lost.0, UnixMillis(5));
        assert!(first < lost && lost < back);
    }

    #[test]
    fn nothing_is_changed_under_a_lease_whose_file_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path(), &sample_key("lease", "default"));
        let Attempt::Held(lease, _) = attempt(&files, Duration::from_secs(60)).unwrap() else { panic!("busy") };
        assert!(lease.still_holds().is_ok());
        fs::remove_file(files.lease()).unwrap();
        assert!(lease.still_holds().is_err());
    }

    #[test]
    fn a_torn_or_absurd_file_names_no_holder_and_no_number() {
        let text = format!("{{\"number\":{NO_NUMBER},\"pid\":1,\"process\":\"x\",\"since\":0}}");
        for bytes in ["", "{\"number\":1", &text, "null"] {
            assert!(parse(bytes.as_bytes()).is_none(), "{bytes}");
        }
    }

    #[test]
    fn the_name_of_a_holder_cannot_fool_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}"), "a[31mbc");
    }
}
