//! Credentials that end with the process: for tests, and for programs that log in each time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::{Holder, Locked};
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{CredentialKey, Record};
use tokenway_core::moment::Millis;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{
    Answer, BoxFuture, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer, longest_wait,
};

/// A store in this process. Tasks that share it (in an `Arc`) contend for real leases; the ages in its ledgers are
/// measured by the monotonic clock.
#[derive(Default)]
pub struct MemoryStore {
    slots: Mutex<BTreeMap<CredentialKey, Slot>>,
    freed: Notify,
}

/// What is kept for one key. It outlives its record, because the numbers of leases may not start again.
#[derive(Default)]
struct Slot {
    record: Option<Box<Record>>,
    ledger: Option<(Instant, Ledger)>,
    held_since: Option<Instant>,
    last_lease: u64,
    changes: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The store with one record more, or another in its place.
    #[must_use]
    pub fn with_record(self, key: CredentialKey, record: Record) -> Self {
        self.slots().entry(key).or_default().put(Some(Box::new(record)));
        self
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<CredentialKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_slot<T>(&self, key: &CredentialKey, work: impl FnOnce(&mut Slot) -> T) -> T {
        work(self.slots().entry(key.clone()).or_default())
    }

    async fn take(&self, lock: &Lock) -> LockAnswer {
        let deadline = Instant::now() + longest_wait(lock.wait);
        loop {
            let freed = self.freed.notified();
            let busy = match self.in_slot(&lock.key, Slot::try_lock) {
                Ok(locked) => return LockAnswer::Locked(locked),
                Err(holder) => LockAnswer::Busy(holder),
            };
            if tokio::time::timeout_at(deadline, freed).await.is_err() {
                return busy;
            }
        }
    }
}

impl Slot {
    fn put(&mut self, record: Option<Box<Record>>) {
        self.record = record;
        self.changes += 1;
    }

    fn save(&mut self, save: &Save) -> SaveAnswer {
        let stored = self.record.as_ref().map(|record| record.version());
        if stored != save.expected && self.record.as_ref() != Some(&save.record) {
            return SaveAnswer::Conflict(self.record.clone());
        }
        self.put(Some(save.record.clone()));
        SaveAnswer::Saved
    }

    fn delete(&mut self, delete: &Delete) -> DeleteAnswer {
        if self.record.as_ref().is_some_and(|record| record.version() != delete.expected) {
            return DeleteAnswer::Conflict(self.record.clone());
        }
        self.put(None);
        self.ledger = None;
        DeleteAnswer::Deleted
    }

    fn try_lock(&mut self) -> Result<Locked, Holder> {
        let now = Instant::now();
        if let Some(since) = self.held_since {
            let who = format!("another task of this process ({})", std::process::id());
            return Err(Holder { who, since: span(now.duration_since(since)) });
        }
        self.held_since = Some(now);
        self.last_lease += 1;
        let ledger = self.ledger.as_ref().map_or(StoredLedger::Absent, |(written, ledger)| {
            StoredLedger::Read(ledger.clone().aged(span(now.duration_since(*written))).clamped())
        });
        Ok(Locked { lease: LeaseNumber(self.last_lease), ledger })
    }

    fn holds(&self, lease: LeaseNumber) -> bool {
        self.held_since.is_some() && self.last_lease == lease.0
    }

    fn note(&mut self, note: &Note) -> NoteAnswer {
        if !self.holds(note.lease) {
            return NoteAnswer::Lost;
        }
        self.ledger = Some((Instant::now(), note.ledger.clone()));
        NoteAnswer::Noted
    }

    fn unlock(&mut self, lease: LeaseNumber) -> UnlockAnswer {
        if !self.holds(lease) {
            return UnlockAnswer::Lost;
        }
        self.held_since = None;
        UnlockAnswer::Unlocked
    }
}

fn span(duration: Duration) -> Millis {
    Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>> {
        Box::pin(async { Ok(self.in_slot(&load.key, |slot| slot.record.clone())) })
    }

    fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>> {
        Box::pin(async { Ok(self.in_slot(&save.key, |slot| slot.save(save))) })
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>> {
        Box::pin(async { Ok(self.in_slot(&delete.key, |slot| slot.delete(delete))) })
    }

    fn lock<'a>(&'a self, lock: &'a Lock) -> BoxFuture<'a, Answer<LockAnswer>> {
        Box::pin(async { Ok(self.take(lock).await) })
    }

    fn note<'a>(&'a self, note: &'a Note) -> BoxFuture<'a, Answer<NoteAnswer>> {
        Box::pin(async { Ok(self.in_slot(&note.key, |slot| slot.note(note))) })
    }

    fn unlock<'a>(&'a self, unlock: &'a Unlock) -> BoxFuture<'a, Answer<UnlockAnswer>> {
        Box::pin(async {
            let answer = self.in_slot(&unlock.key, |slot| slot.unlock(unlock.lease));
            self.freed.notify_waiters();
            Ok(answer)
        })
    }

    fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool {
        self.in_slot(key, |slot| slot.holds(lease))
    }

    fn stamp<'a>(&'a self, key: &'a CredentialKey) -> BoxFuture<'a, Stamp> {
        Box::pin(async {
            self.in_slot(key, |slot| match &slot.record {
                Some(_) => Stamp([slot.changes, 0, 0, 0]),
                None => Stamp::ABSENT,
            })
        })
    }

    fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>> {
        Box::pin(async {
            let slots = self.slots();
            Ok(slots.iter().filter(|(_, slot)| slot.record.is_some()).map(|(key, _)| key.clone()).collect())
        })
    }

    fn probe(&self) -> BoxFuture<'_, Answer<()>> {
        Box::pin(async { Ok(()) })
    }

    fn describe(&self) -> String {
        "the memory of this process, until it ends".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{conformance, sample_key, sample_record};

    #[tokio::test]
    async fn the_memory_store_keeps_the_contract() {
        conformance(|| Arc::new(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn a_store_can_be_made_with_a_record_in_it() {
        let key = sample_key("seeded", "default");
        let store = MemoryStore::new().with_record(key.clone(), sample_record("a login", 7, "token"));
        let stored = store.load(&Load { key }).await.unwrap().unwrap();
        assert_eq!(stored.generation, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_is_told_who_holds_the_lease_and_since_when() {
        let store = MemoryStore::new();
        let lock = Lock { key: sample_key("queue", "default"), wait: Millis::ZERO, hold: Millis::seconds(60) };
        assert!(matches!(store.lock(&lock).await.unwrap(), LockAnswer::Locked(_)));
        tokio::time::advance(Duration::from_millis(1_234)).await;
        let LockAnswer::Busy(holder) = store.lock(&lock).await.unwrap() else { panic!("two holders") };
        assert_eq!(holder.since, Millis(1_234));
        assert!(holder.who.starts_with("another task of this process"), "{}", holder.who);
        assert_eq!(store.describe(), "the memory of this process, until it ends");
    }

    #[tokio::test]
    async fn every_one_of_many_waiters_gets_the_lease_once() {
        let store = Arc::new(MemoryStore::new());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let key = sample_key("queue", "default");
                let lock = Lock { key: key.clone(), wait: Millis::seconds(30), hold: Millis::seconds(60) };
                let LockAnswer::Locked(locked) = store.lock(&lock).await.unwrap() else { panic!("busy") };
                tokio::task::yield_now().await;
                assert!(store.holds(&key, locked.lease));
                store.unlock(&Unlock { key, lease: locked.lease }).await.unwrap();
                locked.lease.0
            });
        }
        let mut numbers = tasks.join_all().await;
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    }
}
