//! The credential store, the lease and the ledger: one credential, compared and written in one atomic step.

use tokenway_core::action::{Delete, LeaseNumber, Note, Save};
use tokenway_core::event::{Holder, Locked, Outcome};
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::moment::{Millis, UnixMillis};

/// The store, and how often it will fail.
#[derive(Default)]
pub struct Store {
    /// This many saves and deletes fail before one works.
    pub failing_saves: u32,
    /// A failing save writes all the same: the folder could not be synced.
    pub fails_after_writing: bool,
    /// This many notes fail.
    pub failing_notes: u32,
    /// This many loads work before one fails.
    pub failing_load_in: Option<u32>,
    /// Locking fails.
    pub failing_locks: bool,
    /// Leases expire after the time for which they were asked, as they do where no operating system frees them.
    pub leases_expire: bool,
    record: Option<Box<Record>>,
    ledger: Kept,
    lease: Option<Lease>,
    last_number: u64,
}

#[derive(Default)]
enum Kept {
    #[default]
    Absent,
    Corrupt,
    Newer,
    Written {
        ledger: Ledger,
        at: UnixMillis,
    },
}

struct Lease {
    number: LeaseNumber,
    process: usize,
    since: u64,
    ends: Option<u64>,
}

impl Store {
    /// What is stored.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// Somebody else writes the store.
    pub fn put(&mut self, record: Option<Record>) {
        self.record = record.map(Box::new);
    }

    /// The ledger as it would be read now.
    #[must_use]
    pub fn ledger(&mut self, now: UnixMillis) -> StoredLedger {
        match &mut self.ledger {
            Kept::Absent => StoredLedger::Absent,
            Kept::Corrupt => StoredLedger::Unreadable,
            Kept::Newer => StoredLedger::Newer,
            Kept::Written { ledger, at } => {
                // A clock that went back behind the writing says nothing about the time in between: spans count anew.
                *at = (*at).min(now);
                StoredLedger::Read(ledger.clone().aged(now.since(*at)).clamped())
            }
        }
    }

    /// The ledger rots.
    pub fn corrupt_ledger(&mut self) {
        self.ledger = Kept::Corrupt;
    }

    /// A newer version writes the ledger.
    pub fn renew_ledger_format(&mut self) {
        self.ledger = Kept::Newer;
    }

    /// Whether anybody holds the lease.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        self.lease.is_some()
    }

    /// The lease is taken away: an administrator, a failover.
    pub fn break_lease(&mut self) {
        self.lease = None;
    }

    pub(super) fn load(&mut self) -> Outcome {
        match &mut self.failing_load_in {
            Some(0) => {
                self.failing_load_in = None;
                failed("the record cannot be read")
            }
            Some(more) => {
                *more -= 1;
                Outcome::Loaded(self.record.clone())
            }
            None => Outcome::Loaded(self.record.clone()),
        }
    }

    pub(super) fn save(&mut self, save: &Save) -> Outcome {
        let ours_already = self.record.as_ref() == Some(&save.record);
        let fits = self.record.as_ref().map(|record| record.version()) == save.expected;
        if self.failing_saves > 0 {
            self.failing_saves -= 1;
            if self.fails_after_writing && fits {
                self.record = Some(save.record.clone());
            }
            return failed("no space left on device");
        }
        if !ours_already && !fits {
            return Outcome::Conflict(self.record.clone());
        }
        self.record = Some(save.record.clone());
        Outcome::Saved
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Outcome {
        if self.failing_saves > 0 {
            self.failing_saves -= 1;
            return failed("read-only file system");
        }
        if self.record.as_ref().is_some_and(|record| record.version() != delete.expected) {
            return Outcome::Conflict(self.record.clone());
        }
        self.record = None;
        self.ledger = Kept::Absent;
        Outcome::Deleted
    }

    /// `None` while another holds the lease.
    pub(super) fn lock(&mut self, process: usize, hold: Millis, elapsed: u64, now: UnixMillis) -> Option<Outcome> {
        if self.failing_locks {
            return Some(failed("no locks available"));
        }
        self.expire(elapsed);
        if self.lease.is_some() {
            return None;
        }
        self.last_number += 1;
        let number = LeaseNumber(self.last_number);
        let ends = self.leases_expire.then(|| elapsed + hold.0);
        self.lease = Some(Lease { number, process, since: elapsed, ends });
        Some(Outcome::Locked(Locked { lease: number, ledger: self.ledger(now) }))
    }

    pub(super) fn holder(&self, elapsed: u64) -> Holder {
        let lease = self.lease.as_ref().expect("somebody holds the lease");
        Holder { who: format!("process {}", lease.process), since: Millis(elapsed - lease.since) }
    }

    pub(super) fn holds(&mut self, number: LeaseNumber, elapsed: u64) -> bool {
        self.expire(elapsed);
        self.lease.as_ref().is_some_and(|lease| lease.number == number)
    }

    pub(super) fn note(&mut self, note: &Note, elapsed: u64, now: UnixMillis) -> Outcome {
        if !self.holds(note.lease, elapsed) {
            return Outcome::Lost;
        }
        if self.failing_notes > 0 {
            self.failing_notes -= 1;
            return failed("no space left on device");
        }
        self.ledger = Kept::Written { ledger: note.ledger.clone(), at: now };
        Outcome::Noted
    }

    pub(super) fn unlock(&mut self, number: LeaseNumber, elapsed: u64) -> Outcome {
        if !self.holds(number, elapsed) {
            return Outcome::Lost;
        }
        self.lease = None;
        Outcome::Unlocked
    }

    /// The operating system gives back what a dead process held; an expiring lease is left to expire.
    pub(super) fn died(&mut self, process: usize) {
        if self.lease.as_ref().is_some_and(|lease| lease.process == process && lease.ends.is_none()) {
            self.lease = None;
        }
    }

    fn expire(&mut self, elapsed: u64) {
        if self.lease.as_ref().and_then(|lease| lease.ends).is_some_and(|ends| elapsed >= ends) {
            self.lease = None;
        }
    }
}

fn failed(detail: &str) -> Outcome {
    let detail = detail.to_owned();
    Outcome::Failed(IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail })
}
