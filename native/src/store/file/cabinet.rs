//! What every store on this machine has in common: a folder with locks and ledgers, and a shelf for its records.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::Locked;
use tokenway_core::lifecycle::record::{CredentialKey, Record};

use super::lease::{Attempt, Lease};
use super::paths::Files;
use super::shelf::Shelf;
use super::{failure, lease, ledger, platform, record, turns};
use crate::store::expiry;
use crate::store::patience::{Patience, Pauses};
use crate::store::{Answer, BoxFuture, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer};

/// How long a waiter for a lease sleeps between its first two looks, and between its last ones.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(2), last: Duration::from_millis(16) };

/// A store in one folder. A lease is bound to this object.
pub(crate) struct Cabinet {
    pub(crate) folder: PathBuf,
    shelf: Arc<dyn Shelf>,
    held: Mutex<BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>>,
}

impl Cabinet {
    /// Nothing is read or made before the first use; missing folders are made then.
    pub(crate) fn new(folder: PathBuf, shelf: Arc<dyn Shelf>) -> Self {
        Cabinet { folder, shelf, held: Mutex::default() }
    }

    pub(super) fn files(&self, key: &CredentialKey) -> Files {
        Files::of(&self.folder, key)
    }

    fn shelf(&self) -> Arc<dyn Shelf> {
        Arc::clone(&self.shelf)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, key: &CredentialKey, number: LeaseNumber) -> Option<Arc<Lease>> {
        self.held().get(&(key.clone(), number)).cloned()
    }

    async fn take(&self, lock: &Lock) -> Answer<LockAnswer> {
        let (mut patience, span) = (Patience::new(lock.wait, PAUSES), expiry::span(lock.hold));
        let before = self.stamp(&lock.key).await;
        loop {
            let files = self.files(&lock.key);
            let holder = match off_thread(move || lease::attempt(&files, span)).await? {
                Attempt::Held(lease, ledger) => {
                    let number = lease.number();
                    self.held().insert((lock.key.clone(), number), Arc::new(lease));
                    return Ok(LockAnswer::Locked(Locked { lease: number, ledger }));
                }
                Attempt::Busy(holder) => holder,
            };
            // What the holder has saved by now may be all that is wanted, and a look at it needs no lease.
            if !patience.sleep().await || self.stamp(&lock.key).await != before {
                return Ok(LockAnswer::Busy(holder));
            }
        }
    }

    async fn write_ledger(&self, note: &Note) -> Answer<NoteAnswer> {
        let Some(lease) = self.lease(&note.key, note.lease) else { return Ok(NoteAnswer::Lost) };
        let (files, ledger) = (self.files(&note.key), note.ledger.clone());
        off_thread(move || {
            if !lease.renew() {
                return Ok(NoteAnswer::Lost);
            }
            ledger::write(&|| lease.still_holds(), &files, lease.number(), ledger, platform::now())
                .map(|()| NoteAnswer::Noted)
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

impl Store for Cabinet {
    fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>> {
        let (shelf, files) = (self.shelf(), self.files(&load.key));
        Box::pin(off_thread(move || record::load(&*shelf, &files)))
    }

    fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>> {
        let (shelf, files, save) = (self.shelf(), self.files(&save.key), save.clone());
        Box::pin(off_thread(move || record::save(&*shelf, &files, save)))
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>> {
        let (shelf, files, expected) = (self.shelf(), self.files(&delete.key), delete.expected.clone());
        Box::pin(off_thread(move || record::delete(&*shelf, &files, &expected)))
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
        let sign = self.files(key).with_suffix(self.shelf.suffix());
        Box::pin(async move { platform::stamp(&sign).map_or(Stamp::ABSENT, Stamp) })
    }

    fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>> {
        let (shelf, folder) = (self.shelf(), self.folder.clone());
        Box::pin(off_thread(move || record::list(&*shelf, &folder)))
    }

    fn probe(&self) -> BoxFuture<'_, Answer<()>> {
        let (shelf, folder) = (self.shelf(), self.folder.clone());
        Box::pin(off_thread(move || shelf.probe(&folder)))
    }

    fn describe(&self) -> String {
        let place = self.shelf.describe(&self.folder);
        if turns::are_taken_in(&self.folder) {
            return format!("{place}; programs take turns there, because that file system had no locks");
        }
        place
    }
}

/// Implements [`Store`] for a public type whose field `cabinet` does the work.
macro_rules! store_in_a_cabinet {
    ($store:ty) => {
        const _: () = {
            use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
            use tokenway_core::lifecycle::record::{CredentialKey, Record};
            use $crate::store::{
                Answer, BoxFuture, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer,
            };

            impl Store for $store {
                fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>> {
                    self.cabinet.load(load)
                }

                fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>> {
                    self.cabinet.save(save)
                }

                fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>> {
                    self.cabinet.delete(delete)
                }

                fn lock<'a>(&'a self, lock: &'a Lock) -> BoxFuture<'a, Answer<LockAnswer>> {
                    self.cabinet.lock(lock)
                }

                fn note<'a>(&'a self, note: &'a Note) -> BoxFuture<'a, Answer<NoteAnswer>> {
                    self.cabinet.note(note)
                }

                fn unlock<'a>(&'a self, unlock: &'a Unlock) -> BoxFuture<'a, Answer<UnlockAnswer>> {
                    self.cabinet.unlock(unlock)
                }

                fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool {
                    self.cabinet.holds(key, lease)
                }

                fn stamp<'a>(&'a self, key: &'a CredentialKey) -> BoxFuture<'a, Stamp> {
                    self.cabinet.stamp(key)
                }

                fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>> {
                    self.cabinet.list()
                }

                fn probe(&self) -> BoxFuture<'_, Answer<()>> {
                    self.cabinet.probe()
                }

                fn describe(&self) -> String {
                    self.cabinet.describe()
                }
            }

            impl std::fmt::Debug for $store {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct(stringify!($store)).field("folder", &self.cabinet.folder).finish_non_exhaustive()
                }
            }
        };
    };
}
pub(crate) use store_in_a_cabinet;

/// Runs work that may block on a thread for such work, to its end even if nobody waits for it any more.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    let Ok(answer) = tokio::task::spawn_blocking(work).await else {
        return Err(failure::unable("the store was stopped in the middle of its work".to_owned()));
    };
    answer
}
