//! Credentials in files of a private folder.
//!
//! ```text
//! HOME/credentials/NAME.json          the record, sealed with a checksum
//! HOME/credentials/NAME.save          locked for the time of one save, delete or move aside
//! HOME/credentials/NAME.lock          locked for as long as the lease is held; says by whom
//! HOME/credentials/NAME.ledger.json   the ledger
//! HOME/credentials/NAME.corrupt-TIME  a record that could not be read
//! ```
//!
//! Folders are 0700 and files 0600 from birth, whatever the umask. A file is never written in place: a new one is
//! written beside it, synced, renamed over it, and the folder is synced, so that at every instant the old bytes or the
//! new ones are there as a whole, also after a power cut. The two lock files are never removed: a lock on a file without
//! a name keeps nobody out.

mod checkpoints;
mod failure;
mod lease;
mod ledger;
mod lock_file;
mod paths;
mod platform;
mod record;
mod replace;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::Locked;
use tokenway_core::lifecycle::record::{CredentialKey, Record};
use tokio::time::Instant;

use super::{
    Answer, BoxFuture, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer, longest_wait,
};
pub use checkpoints::FileCheckpoints;
use lease::{Attempt, Lease};
use paths::Files;

/// How long a waiter for a lease sleeps between its first two looks, and between its last ones.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(16);

/// A store in the files of one home folder. All processes of one user that name the same folder share it.
///
/// Its methods need a tokio runtime with time enabled; what may block runs on the runtime's blocking threads. A lease is
/// bound to this object: it ends with `unlock`, when the store is dropped, or with the process.
pub struct FileStore {
    folder: PathBuf,
    held: Mutex<BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>>,
}

impl FileStore {
    /// The store under `home`. Nothing is read or made before the first use; missing folders are made then.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        FileStore { folder: home.into().join("credentials"), held: Mutex::default() }
    }

    fn files(&self, key: &CredentialKey) -> Files {
        Files::of(&self.folder, key)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, key: &CredentialKey, number: LeaseNumber) -> Option<Arc<Lease>> {
        self.held().get(&(key.clone(), number)).cloned()
    }

    async fn take(&self, lock: &Lock) -> Answer<LockAnswer> {
        let deadline = Instant::now() + longest_wait(lock.wait);
        let mut pause = FIRST_PAUSE;
        loop {
            let files = self.files(&lock.key);
            let holder = match off_thread(move || lease::attempt(&files)).await? {
                Attempt::Held(lease, ledger) => {
                    let number = lease.number();
                    self.held().insert((lock.key.clone(), number), Arc::new(lease));
                    return Ok(LockAnswer::Locked(Locked { lease: number, ledger }));
                }
                Attempt::Busy(holder) => holder,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(LockAnswer::Busy(holder));
            }
            tokio::time::sleep(jittered(pause).min(left)).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn write_ledger(&self, note: &Note) -> Answer<NoteAnswer> {
        let Some(lease) = self.lease(&note.key, note.lease) else { return Ok(NoteAnswer::Lost) };
        let (files, ledger) = (self.files(&note.key), note.ledger.clone());
        off_thread(move || {
            if !lease.is_current() {
                return Ok(NoteAnswer::Lost);
            }
            ledger::write(&files, lease.number(), ledger, platform::now()).map(|()| NoteAnswer::Noted)
        })
        .await
    }

    fn release(&self, unlock: &Unlock) -> UnlockAnswer {
        let lease = self.held().remove(&(unlock.key.clone(), unlock.lease));
        match lease {
            Some(lease) if lease.is_current() => UnlockAnswer::Unlocked,
            Some(_) | None => UnlockAnswer::Lost,
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Store for FileStore {
    fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>> {
        let files = self.files(&load.key);
        Box::pin(off_thread(move || record::load(&files)))
    }

    fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>> {
        let (files, save) = (self.files(&save.key), save.clone());
        Box::pin(off_thread(move || record::save(&files, save)))
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>> {
        let (files, expected) = (self.files(&delete.key), delete.expected.clone());
        Box::pin(off_thread(move || record::delete(&files, &expected)))
    }

    fn lock<'a>(&'a self, lock: &'a Lock) -> BoxFuture<'a, Answer<LockAnswer>> {
        Box::pin(self.take(lock))
    }

    fn note<'a>(&'a self, note: &'a Note) -> BoxFuture<'a, Answer<NoteAnswer>> {
        Box::pin(self.write_ledger(note))
    }

    fn unlock<'a>(&'a self, unlock: &'a Unlock) -> BoxFuture<'a, Answer<UnlockAnswer>> {
        Box::pin(async { Ok(self.release(unlock)) })
    }

    fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool {
        self.lease(key, lease).is_some_and(|lease| lease.is_current())
    }

    fn stamp<'a>(&'a self, key: &'a CredentialKey) -> BoxFuture<'a, Stamp> {
        Box::pin(async { platform::stamp(&self.files(key).record()).map_or(Stamp::ABSENT, Stamp) })
    }

    fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>> {
        let folder = self.folder.clone();
        Box::pin(off_thread(move || record::list(&folder)))
    }

    fn probe(&self) -> BoxFuture<'_, Answer<()>> {
        let folder = self.folder.clone();
        Box::pin(off_thread(move || replace::probe(&folder)))
    }

    fn describe(&self) -> String {
        format!("plain files in {} that only you can read", self.folder.display())
    }
}

/// Runs work that may block on a thread for such work, to its end even if nobody waits for it any more.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    let Ok(answer) = tokio::task::spawn_blocking(work).await else {
        return Err(failure::unable("the file store was stopped in the middle of its work".to_owned()));
    };
    answer
}

/// Between a half and the whole of `pause`, so that waiters do not look all at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) / 2.0 + 0.5)
}
