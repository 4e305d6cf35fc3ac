//! Where credentials are kept.
//!
//! One contract, [`Store`], for memory, files and whatever else holds a secret. A store keeps three things for each
//! [`CredentialKey`]: the *record* (tokens), the *lease* (who may spend the refresh token) and, beside the lease, the
//! *ledger* (what may still be on its way to the server; no secrets). Whoever writes a store of their own proves it
//! with one line: [`conformance::conformance`].
//!
//! The rules that every store keeps:
//!
//! - `save` and `delete` compare and write in one atomic step of the store's own. They need no lease: a login and a
//!   logout take none.
//! - When `save`, `delete` or `note` has answered, the change is as durable as [`Store::describe`] says. Once its future
//!   was polled, a write runs to its end even if the future is dropped.
//! - What cannot be read is an error, never an absent record.
//! - A lease has one holder at a time, in all processes that share the store, and a number larger than all before.
//!   It is given back by `unlock`, by the end of its holder, or (in stores that can know of neither) by its age.

mod client_secrets;
pub mod conformance;
#[cfg(feature = "encrypted")]
mod encrypted;
mod expiry;
pub(crate) mod file;
mod foreign;
#[cfg(feature = "keyring")]
mod keyring;
mod memory;
mod migrate;
mod patience;
mod pins;
#[cfg(feature = "redis")]
pub mod redis;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokenway_core::action::{Action, Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::{Holder, Locked, Outcome};
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{CredentialKey, Record};
use tokenway_core::moment::Millis;

pub use client_secrets::ClientSecrets;
#[cfg(feature = "encrypted")]
pub use encrypted::{EncryptedStore, SCRYPT_WORK_FACTOR, seed_credentials};
pub use file::FileStore;
pub use foreign::read_foreign;
#[cfg(feature = "keyring")]
pub use keyring::{Keyring, KeyringStore, SEED_SERVICE};
pub use memory::MemoryStore;
pub use migrate::{Migrated, migrate};
pub use pins::Pins;
#[cfg(feature = "redis")]
pub use redis::{RedisOptions, RedisOptionsError, RedisStore};

/// A future in a box, so that stores can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a store was asked for, or why it could not be had. The failure's `sent` is always `NotSent`.
pub type Answer<T> = Result<T, IoFailure>;

/// A place for credentials. The module's documentation has the rules.
///
/// Each method takes the machine's action; [`perform`] is the way from any [`Action`] to its [`Outcome`].
pub trait Store: Send + Sync + 'static {
    /// Reads the record, or finds none.
    ///
    /// # Errors
    /// The place cannot be reached, or what is there cannot be read.
    fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>>;

    /// Writes the record if what is stored has exactly the version expected (`None`: nothing is stored). A conflict that
    /// would show the very record to write is a success: an earlier try went through.
    ///
    /// # Errors
    /// The record is not durable: the place is full, read-only or unreachable, or a newer format lies there.
    fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>>;

    /// Removes record and ledger if the record has exactly the version expected. Nothing there counts as deleted.
    ///
    /// # Errors
    /// The record may still be there.
    fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>>;

    /// Takes the lease, waiting for it at most `lock.wait` milliseconds. It may be answered as busy before that, once the
    /// record was changed: whoever waits may not need the lease any more.
    ///
    /// # Errors
    /// The place cannot lock. Never answered with a lease that others do not respect.
    fn lock<'a>(&'a self, lock: &'a Lock) -> BoxFuture<'a, Answer<LockAnswer>>;

    /// Writes the ledger if the lease is still current; a lease that ends by its age begins anew.
    ///
    /// # Errors
    /// The ledger is not durable: nothing may be sent.
    fn note<'a>(&'a self, note: &'a Note) -> BoxFuture<'a, Answer<NoteAnswer>>;

    /// Gives the lease back.
    ///
    /// # Errors
    /// The place cannot be reached; the lease ends with this process, or by its age.
    fn unlock<'a>(&'a self, unlock: &'a Unlock) -> BoxFuture<'a, Answer<UnlockAnswer>>;

    /// Whether this store object took that lease and still holds it. Asked just before the bytes of a request leave, so
    /// it answers at once, from what it knows here.
    fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool;

    /// Tells whether the stored record was changed since an earlier stamp, for less than a `load` costs. What cannot be
    /// looked at has the stamp of an absent record: the `load` that follows says why.
    fn stamp<'a>(&'a self, key: &'a CredentialKey) -> BoxFuture<'a, Stamp>;

    /// The keys of all records, in order. Those marked as logged out are among them.
    ///
    /// # Errors
    /// The place cannot be reached, or a record cannot be read.
    fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>>;

    /// Writes, reads back and removes a value of the size of a large record, so that a login fails before the browser
    /// opens and not after.
    ///
    /// # Errors
    /// What a `save` would meet.
    fn probe(&self) -> BoxFuture<'_, Answer<()>>;

    /// Where the secrets lie and who can read them there, for people.
    fn describe(&self) -> String;
}

/// The answer to [`Store::save`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveAnswer {
    /// Another version is stored: this one, or nothing. Nothing was written.
    Conflict(Option<Box<Record>>),
    /// The record is durable.
    Saved,
}

/// The answer to [`Store::delete`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteAnswer {
    /// Another version is stored. Nothing was removed.
    Conflict(Option<Box<Record>>),
    /// No record is stored.
    Deleted,
}

/// The answer to [`Store::lock`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockAnswer {
    /// Another held the lease all the time.
    Busy(Holder),
    /// The lease, and the ledger with its spans counted from this moment.
    Locked(Locked),
}

/// The answer to [`Store::note`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteAnswer {
    /// The lease is not current. Nothing was written.
    Lost,
    /// The ledger is durable.
    Noted,
}

/// The answer to [`Store::unlock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlockAnswer {
    /// The lease was not current any more.
    Lost,
    /// The lease is free.
    Unlocked,
}

/// Stands for the stored bytes of one record: two stamps differ if the bytes were changed in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub [u64; 4]);

impl Stamp {
    /// Nothing is stored.
    pub const ABSENT: Stamp = Stamp([0; 4]);
}

/// Performs an action of the store and answers as the machine wants it; `None` if the action is not for a store.
pub async fn perform(store: &dyn Store, action: &Action) -> Option<Outcome> {
    Some(match action {
        Action::Load(load) => store.load(load).await.map_or_else(Outcome::Failed, Outcome::Loaded),
        Action::Save(save) => outcome(store.save(save).await),
        Action::Delete(delete) => outcome(store.delete(delete).await),
        Action::Lock(lock) => outcome(store.lock(lock).await),
        Action::Note(note) => outcome(store.note(note).await),
        Action::Unlock(unlock) => outcome(store.unlock(unlock).await),
        Action::AwaitCallback(_)
        | Action::Begin(_)
        | Action::Fetch(_)
        | Action::Listen(_)
        | Action::OpenUrl(_)
        | Action::PostForm(_)
        | Action::WaitUntil(_) => return None,
    })
}

fn outcome<T: Into<Outcome>>(answer: Answer<T>) -> Outcome {
    answer.map_or_else(Outcome::Failed, Into::into)
}

impl From<SaveAnswer> for Outcome {
    fn from(answer: SaveAnswer) -> Self {
        match answer {
            SaveAnswer::Conflict(stored) => Outcome::Conflict(stored),
            SaveAnswer::Saved => Outcome::Saved,
        }
    }
}

impl From<DeleteAnswer> for Outcome {
    fn from(answer: DeleteAnswer) -> Self {
        match answer {
            DeleteAnswer::Conflict(stored) => Outcome::Conflict(stored),
            DeleteAnswer::Deleted => Outcome::Deleted,
        }
    }
}

impl From<LockAnswer> for Outcome {
    fn from(answer: LockAnswer) -> Self {
        match answer {
            LockAnswer::Busy(holder) => Outcome::Busy(holder),
            LockAnswer::Locked(locked) => Outcome::Locked(locked),
        }
    }
}

impl From<NoteAnswer> for Outcome {
    fn from(answer: NoteAnswer) -> Self {
        match answer {
            NoteAnswer::Lost => Outcome::Lost,
            NoteAnswer::Noted => Outcome::Noted,
        }
    }
}

impl From<UnlockAnswer> for Outcome {
    fn from(answer: UnlockAnswer) -> Self {
        match answer {
            UnlockAnswer::Lost => Outcome::Lost,
            UnlockAnswer::Unlocked => Outcome::Unlocked,
        }
    }
}

/// How long a `lock` waits: a day at most, so that adding it to an instant cannot overflow.
fn longest_wait(wait: Millis) -> Duration {
    Duration::from_millis(wait.0).min(Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use tokenway_core::action::WaitUntil;
    use tokenway_core::moment::UnixMillis;

    use super::*;
    use conformance::{sample_key, sample_record};

    #[tokio::test]
    async fn every_answer_is_one_that_its_action_accepts() {
        let store = MemoryStore::new();
        let (key, record) = (sample_key("any", "default"), Box::new(sample_record("login", 1, "one")));
        let (expected, lease, span) = (record.version(), LeaseNumber(1), Millis::ZERO);
        let save = Action::Save(Save { key: key.clone(), expected: None, record: record.clone() });
        let twin = Box::new(sample_record("login", 1, "two"));
        let lock = Action::Lock(Lock { key: key.clone(), wait: span, hold: span });
        let note = Action::Note(Note { key: key.clone(), lease, ledger: Default::default() });
        let unlock = Action::Unlock(Unlock { key: key.clone(), lease });
        for (action, outcome) in [
            (save.clone(), "saved"),
            (Action::Save(Save { key: key.clone(), expected: None, record: twin }), "conflict"),
            (Action::Load(Load { key: key.clone() }), "loaded"),
            (lock.clone(), "locked"),
            (lock, "busy"),
            (note.clone(), "noted"),
            (unlock.clone(), "unlocked"),
            (unlock, "lost"),
            (note, "lost"),
            (Action::Delete(Delete { key, expected }), "deleted"),
        ] {
            let answer = perform(&store, &action).await.unwrap();
            assert_eq!(answer.name(), outcome, "{}", action.name());
            assert!(action.accepts(&answer), "{}", action.name());
        }
        let wait = Action::WaitUntil(WaitUntil { at: UnixMillis(0), span });
        assert_eq!(perform(&store, &wait).await, None);
    }
}
