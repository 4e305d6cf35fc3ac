//! Credentials in Redis or Valkey, for programs that run on more than one machine.
//!
//! One hash holds a credential: the record, its version, the ledger; beside it lies the lease while it is held. Every
//! change that compares is one Lua script, run by the server in one step; all instants are of the server's clock. Needs
//! Redis 5 or any Valkey, and of an ACL user's rights `EVALSHA`, `EVAL`, `HGET`, `HMGET`, `HSET`, `HDEL`,
//! `GET`, `SET`, `DEL`, `PTTL`, `PEXPIRE`, `PERSIST`, `TIME`, `SCAN` and (where replicas are asked for) `WAIT` on the
//! keys `PREFIX:*`. `INFO` tells whether keys are thrown away.
//!
//! # What is as safe as the server makes it
//! - A save that returned survives a crash of the server only with `appendonly yes` and `appendfsync always`;
//!   `everysec` loses up to a second.
//! - Replication is asynchronous. With [`RedisOptions::replicas`] a save, a deletion and a note count only when so many
//!   replicas have them, too. Without, what the primary had not handed on is gone when a replica takes over, the lease
//!   among it: then two may renew at once, and a server without a grace window ends the login.
//! - The clocks of primary and replicas must agree to within seconds: ages and leases go on by the new primary's.
//! - Redis must keep its keys: with `maxmemory` its policy is to be `noeviction`. The `volatile-*` policies keep records
//!   and may end a lease early.
//!
//! # What logins cost
//! Measured with `examples/redis_memory` (its first lines have the commands) in Redis 7.0 with a million logins, whose
//! records have 1,716 bytes, with an access token of 1,100 bytes. Saving and renewing them all took three minutes.
//!
//! | logins | memory of Redis |
//! |---|---|
//! | 1, new | 2,472 bytes |
//! | 1, renewed | 2,864 bytes |
//! | 1,000,000, renewed | 2.7 GiB |
//!
//! [`Store::list`] looks at all keys of the database, and takes a round trip for each login.
//!
//! # A holder that stops
//! A lease ends by its age when its holder is stopped for longer. Then its `note` is `Lost`, its requests are refused just
//! before they leave, and its `save` meets the version that its successor wrote. What no lease can prevent: a holder that
//! is stopped between that last look and the bytes' leaving. `not_after` narrows the gap.

mod connect;
mod failure;
mod keys;
mod lease;
mod ledger;
mod link;
mod options;
mod probe;
mod record;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::Locked;
use tokenway_core::lifecycle::record::{CredentialKey, Record};
use tokenway_core::secret::Secret;

use super::expiry;
use super::patience::{Patience, Pauses};
use super::{Answer, BoxFuture, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer};
use failure::unable;
use keys::Keys;
use lease::{Attempt, Lease, Place, attempt};
use link::{Link, Reply};
pub use options::{RedisOptions, RedisOptionsError};
use worker::Worker;

/// How long a waiter for a lease sleeps between its first two looks, and between its last ones: a look costs the server
/// some ten microseconds.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(5), last: Duration::from_millis(50) };

/// The longest look at a stamp: callers with a living token wait for it.
const LOOK: Duration = Duration::from_secs(1);

/// For how many milliseconds the last number of a lease stays when its credential is gone: a day, longer than any lease.
const TOMBSTONE: &str = "86400000";

/// A store in Redis or Valkey. All programs that name the same server, database and prefix share it.
///
/// Nothing is connected before the first use; from then on one connection serves all, on a thread of the store's own. A
/// connection that broke is opened once more by the call that noticed it. A lease is bound to this object: it ends with
/// `unlock`, when the store is dropped, or by its age when the process is gone.
pub struct RedisStore {
    link: Arc<Link>,
    worker: Worker,
    held: Mutex<BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>>,
}

impl RedisStore {
    /// The store that these options describe. Nothing is connected yet.
    ///
    /// # Errors
    /// The URL is none of a Redis, the prefix has other characters than it may, or tokens would cross the network in
    /// clear.
    pub fn new(options: RedisOptions) -> Result<Self, RedisOptionsError> {
        let address = options.address()?;
        let link = Arc::new(Link::new(options, address));
        Ok(RedisStore { link, worker: Worker::default(), held: Mutex::default() })
    }

    fn keys(&self, key: &CredentialKey) -> Keys {
        Keys::of(&self.link.options.prefix, key)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(CredentialKey, LeaseNumber), Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, key: &CredentialKey, number: LeaseNumber) -> Option<Arc<Lease>> {
        self.held().get(&(key.clone(), number)).cloned()
    }

    /// Does `work` on the store's thread.
    async fn with<T, F>(&self, work: impl FnOnce(Arc<Link>) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        self.worker.run(work(Arc::clone(&self.link))).await
    }

    async fn take(&self, lock: &Lock) -> Answer<LockAnswer> {
        let mut patience = Patience::new(lock.wait, PAUSES);
        let (span, claim) = (expiry::span(lock.hold), nonce()?);
        let mut before = None;
        loop {
            let place = Place { link: Arc::clone(&self.link), worker: self.worker.clone(), keys: self.keys(&lock.key) };
            let (holder, changed) = match self.worker.run(attempt(place, span, claim.clone())).await? {
                Attempt::Held(lease, ledger) => {
                    let number = lease.number();
                    self.held().insert((lock.key.clone(), number), lease);
                    return Ok(LockAnswer::Locked(Locked { lease: number, ledger }));
                }
                Attempt::Busy(holder, changed) => (holder, changed),
            };
            // What the holder has saved by now may be all that is wanted, and a look at it needs no lease.
            let is_changed = *before.get_or_insert_with(|| changed.clone()) != changed;
            if is_changed || !patience.sleep().await {
                return Ok(LockAnswer::Busy(holder));
            }
        }
    }

    async fn write_ledger(&self, note: &Note) -> Answer<NoteAnswer> {
        let Some(lease) = self.lease(&note.key, note.lease) else { return Ok(NoteAnswer::Lost) };
        let ledger = note.ledger.clone();
        self.worker.run(async move { lease.note(&ledger).await }).await
    }

    async fn release(&self, unlock: &Unlock) -> Answer<UnlockAnswer> {
        let lease = self.held().remove(&(unlock.key.clone(), unlock.lease));
        let Some(lease) = lease else { return Ok(UnlockAnswer::Lost) };
        self.worker.run(async move { lease.give_back().await }).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("place", &self.link.place()).finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    fn load<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Answer<Option<Box<Record>>>> {
        let keys = self.keys(&load.key);
        Box::pin(self.with(|link| async move { record::load(&link, &keys).await }))
    }

    fn save<'a>(&'a self, save: &'a Save) -> BoxFuture<'a, Answer<SaveAnswer>> {
        let (keys, save) = (self.keys(&save.key), save.clone());
        Box::pin(self.with(|link| async move { record::save(&link, &keys, &save).await }))
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> BoxFuture<'a, Answer<DeleteAnswer>> {
        let (keys, delete) = (self.keys(&delete.key), delete.clone());
        Box::pin(self.with(|link| async move { record::delete(&link, &keys, &delete).await }))
    }

    fn lock<'a>(&'a self, lock: &'a Lock) -> BoxFuture<'a, Answer<LockAnswer>> {
        Box::pin(self.take(lock))
    }

    fn note<'a>(&'a self, note: &'a Note) -> BoxFuture<'a, Answer<NoteAnswer>> {
        Box::pin(self.write_ledger(note))
    }

    fn unlock<'a>(&'a self, unlock: &'a Unlock) -> BoxFuture<'a, Answer<UnlockAnswer>> {
        Box::pin(self.release(unlock))
    }

    fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool {
        self.lease(key, lease).is_some_and(|lease| lease.is_current())
    }

    fn stamp<'a>(&'a self, key: &'a CredentialKey) -> BoxFuture<'a, Stamp> {
        let keys = self.keys(key);
        let look = self.with(|link| async move { record::stamp(&link, &keys).await });
        Box::pin(async {
            let looked = tokio::time::timeout(LOOK, look).await;
            looked.ok().and_then(Result::ok).unwrap_or(Stamp::ABSENT)
        })
    }

    fn list(&self) -> BoxFuture<'_, Answer<Vec<CredentialKey>>> {
        Box::pin(self.with(|link| async move { record::list(&link).await }))
    }

    fn probe(&self) -> BoxFuture<'_, Answer<()>> {
        Box::pin(self.with(|link| async move { probe::probe(&link, &nonce()?).await }))
    }

    fn describe(&self) -> String {
        let (options, address) = (&self.link.options, &self.link.address);
        let way = if address.tls { "over TLS" } else { "without TLS" };
        let user = address.login.username().unwrap_or("default");
        let replicas = match options.replicas {
            0 => String::new(),
            1 => " and a replica of it".to_owned(),
            replicas => format!(" and {replicas} replicas of it"),
        };
        format!(
            "keys {}:* in database {} of the Redis at {}{replicas}, as user {user}, {way}; whoever may read that Redis, \
             its files or its replicas can read them",
            options.prefix,
            address.login.db(),
            self.link.place(),
        )
    }
}

/// One part of a script's answer.
fn text(reply: &Reply, part: usize) -> Option<&str> {
    reply.get(part)?.as_ref().map(Secret::expose)
}

/// 64 bits that nobody else has.
fn nonce() -> Answer<String> {
    let random = getrandom::u64().map_err(|error| unable(format!("the system gives no random numbers: {error}")))?;
    Ok(format!("{random:016x}"))
}
