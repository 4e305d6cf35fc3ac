//! The credential store with its lease and its ledger, as every store has to be.

use tokenway_core::action::{Delete, LeaseNumber, Note, Save};
use tokenway_core::event::{Locked, Outcome};
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use tokenway_core::moment::Millis;

use crate::clock::{START, TICK, ticks};
use crate::kept::Kept;
use crate::setting::{Leases, Safeguard, Setting};
use crate::wire::Grant;

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// The record.
    pub(crate) record: Option<Kept<Box<Record>>>,
    /// The notes, aged with every tick of the wall clock.
    ledger: Option<Kept<Ledger>>,
    lease: Option<Lease>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lease {
    number: u8,
    /// Of one that ends by age: after how many ticks, and at which.
    age: Option<(u8, u8)>,
}

impl Store {
    /// A login that was renewed an hour ago, and died an instant ago.
    #[must_use]
    pub(crate) fn logged_in() -> Self {
        let grant = Grant { family: 0, index: 0 };
        let record = Record {
            format: RECORD_FORMAT,
            login_id: LoginId("login-0".to_owned()),
            generation: 1,
            client_id: "native".to_owned(),
            issuer: None,
            token_endpoint: "https://as.example/token".to_owned(),
            revocation_endpoint: Some("https://as.example/revoke".to_owned()),
            mark: Mark::LoggedIn,
            access_token: grant.access_token(),
            token_type: "Bearer".to_owned(),
            refresh_token: Some(grant.refresh_token()),
            scopes: None,
            resources: Vec::new(),
            claims: [].into(),
            expires_at: Some(START),
            due_at: Some(START),
            renewed_at: START.minus(Millis::seconds(3_600)),
            renewed_from: None,
            renewed_for_rejection: false,
            unknown: Unknown::default(),
        };
        Store { record: Some(Kept::new(Box::new(record))), ledger: None, lease: None }
    }

    pub(crate) fn load(&self) -> Outcome {
        Outcome::Loaded(self.loaded())
    }

    fn loaded(&self) -> Option<Box<Record>> {
        self.record.as_deref().cloned()
    }

    pub(crate) fn is_leased(&self) -> bool {
        self.lease.is_some()
    }

    pub(crate) fn holds(&self, number: LeaseNumber) -> bool {
        self.lease.is_some_and(|lease| u64::from(lease.number) == number.0)
    }

    /// Gives the lease, which is free, to a process as number `number`.
    pub(crate) fn lock(&mut self, number: u8, hold: Millis, elapsed: u8, setting: &Setting) -> Outcome {
        let age = (setting.leases == Leases::Expire).then(|| (ticks(hold), elapsed + ticks(hold)));
        self.lease = Some(Lease { number, age });
        let ledger = match self.ledger.as_deref() {
            Some(ledger) if setting.lacks(Safeguard::AgeOfASending) => StoredLedger::Read(forged(ledger.clone())),
            Some(ledger) => StoredLedger::Read(ledger.clone().clamped()),
            None => StoredLedger::Absent,
        };
        Outcome::Locked(Locked { lease: LeaseNumber(number.into()), ledger })
    }

    pub(crate) fn unlock(&mut self, number: LeaseNumber) -> Outcome {
        if !self.holds(number) {
            return Outcome::Lost;
        }
        self.lease = None;
        Outcome::Unlocked
    }

    /// Writes the ledger under the lease, which begins anew.
    pub(crate) fn note(&mut self, note: &Note, elapsed: u8, setting: &Setting) -> Outcome {
        let Some(lease) = self.lease.as_mut().filter(|lease| u64::from(lease.number) == note.lease.0) else {
            return Outcome::Lost;
        };
        lease.age = lease.age.map(|(span, _)| (span, elapsed + span));
        let mut ledger = note.ledger.clone();
        if setting.lacks(Safeguard::NotedIntent) {
            ledger.intent = None;
        }
        self.ledger = Some(Kept::new(ledger));
        Outcome::Noted
    }

    pub(crate) fn save(&mut self, save: &Save, setting: &Setting) -> Outcome {
        let is_ours = self.record.as_deref().is_some_and(|stored| *stored == save.record);
        let fits = self.record.as_deref().map(|record| record.version()) == save.expected;
        if !fits && !is_ours && !setting.lacks(Safeguard::ComparedGeneration) {
            return Outcome::Conflict(self.loaded());
        }
        self.record = Some(Kept::new(save.record.clone()));
        Outcome::Saved
    }

    pub(crate) fn delete(&mut self, delete: &Delete) -> Outcome {
        if self.record.as_deref().is_some_and(|record| record.version() != delete.expected) {
            return Outcome::Conflict(self.loaded());
        }
        self.record = None;
        self.ledger = None;
        Outcome::Deleted
    }

    /// The operating system gives back what a dead process held; an expiring lease is left to expire.
    pub(crate) fn died(&mut self, number: Option<u8>) {
        if self.lease.is_some_and(|lease| Some(lease.number) == number && lease.age.is_none()) {
            self.lease = None;
        }
    }

    /// The wall clock goes on, or forward: to the notes there is no difference.
    pub(crate) fn age(&mut self, by: u8) {
        let by = Millis(TICK.0 * u64::from(by));
        self.ledger = self.ledger.as_deref().map(|ledger| Kept::new(ledger.clone().aged(by)));
    }

    pub(crate) fn expire(&mut self, elapsed: u8) {
        self.lease = self.lease.filter(|lease| lease.age.is_none_or(|(_, ends)| elapsed < ends));
    }
}

/// Long ago, and landed.
fn forged(ledger: Ledger) -> Ledger {
    ledger.aged(Millis::seconds(3_600))
}
