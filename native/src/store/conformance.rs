//! The contract of [`Store`] as a test that anyone's store can call in one line.
//!
//! ```
//! use std::sync::Arc;
//! use tokenway::store::{MemoryStore, conformance::conformance};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! conformance(|| Arc::new(MemoryStore::new())).await;
//! # });
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::{Holder, Locked};
use tokenway_core::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{CredentialKey, LoginId, Mark, RECORD_FORMAT, Record, Unknown, Version};
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::named::Named;
use tokenway_core::secret::Secret;
use tokio::task::JoinSet;

use super::{Answer, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer};

/// How many tasks save at once.
const SAVERS: u64 = 32;

/// Checks the contract against the stores that `make` makes. They may be new and empty or all the same one: each row has
/// keys of its own. Nothing may be stored yet under a provider whose name begins with `conformance-`.
///
/// Runs inside a tokio runtime with time enabled, and takes some seconds.
///
/// # Panics
/// When a rule does not hold, with its name.
pub async fn conformance(make: impl Fn() -> Arc<dyn Store>) {
    missing_records_are_none(&Row::new(make(), "missing")).await;
    records_come_back_as_they_were(&Row::new(make(), "round-trip")).await;
    keys_are_apart(&Row::new(make(), "keys")).await;
    saves_compare(&Row::new(make(), "compare")).await;
    our_own_write_is_a_success(&Row::new(make(), "own-write")).await;
    deletes_compare_and_repeat(&Row::new(make(), "delete")).await;
    leases_exclude(&Row::new(make(), "exclusion")).await;
    waiters_get_the_lease(&Row::new(make(), "waiting")).await;
    lost_leases_write_nothing(&Row::new(make(), "lost")).await;
    leases_begin_anew_with_each_note(&Row::new(make(), "note")).await;
    ledgers_age(&Row::new(make(), "ledger")).await;
    ledgers_end_with_their_record(&Row::new(make(), "ledger-end")).await;
    stamps_change_with_the_record(&Row::new(make(), "stamp")).await;
    lists_are_complete(&Row::new(make(), "list")).await;
    probes_leave_nothing(&Row::new(make(), "probe")).await;
    one_of_many_saves_wins(&Row::new(make(), "storm")).await;
}

/// A key for tests.
#[must_use]
pub fn sample_key(provider: &str, account: &str) -> CredentialKey {
    CredentialKey { provider: provider.to_owned(), client_id: "client".to_owned(), account: account.to_owned() }
}

/// A record for tests: of that login and generation, with tokens that end in `token`.
#[must_use]
pub fn sample_record(login: &str, generation: u64, token: &str) -> Record {
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId(login.to_owned()),
        generation,
        client_id: "client".to_owned(),
        issuer: Some("https://issuer.example".to_owned()),
        token_endpoint: "https://issuer.example/token".to_owned(),
        revocation_endpoint: None,
        mark: Mark::LoggedIn,
        access_token: Secret::new(format!("access-{token}")),
        token_type: "Bearer".to_owned(),
        refresh_token: Some(Secret::new(format!("refresh-{token}"))),
        scopes: Some(vec!["openid".to_owned()]),
        claims: Named::from([("email".to_owned(), "zoë@example.com".to_owned())]),
        expires_at: Some(UnixMillis(1_700_000_000_000)),
        due_at: None,
        renewed_at: UnixMillis(1_600_000_000_000),
        renewed_from: Some(Secret::new("spent").hash()),
        resources: Vec::new(),
        renewed_for_rejection: false,
        unknown: Unknown::new(BTreeMap::from([("from_the_future".to_owned(), serde_json::json!({ "kept": [1, 2] }))])),
    }
}

async fn missing_records_are_none(row: &Row) {
    row.expect("no record", row.load().await, &None);
    row.expect("no stamp", row.stamp().await, &Stamp::ABSENT);
    row.expect("no list entry", row.listed().await, &Vec::new());
}

async fn records_come_back_as_they_were(row: &Row) {
    let record = sample_record("login", 1, "\"\\\u{0}\u{1f511}\n");
    row.saved(None, &record).await;
    row.expect("the same record", row.load().await, &Some(Box::new(record)));
    let large = Record { access_token: Secret::new("x".repeat(100_000)), ..sample_record("login", 2, "large") };
    row.saved(Some(1), &large).await;
    row.expect("the large record", row.load().await, &Some(Box::new(large)));
}

async fn keys_are_apart(row: &Row) {
    let provider = &row.key.provider;
    let keys = [
        sample_key(provider, "Default"),
        sample_key(provider, "../default"),
        sample_key(provider, ""),
        sample_key(&format!("{provider}/"), "default"),
        CredentialKey { client_id: "Client".to_owned(), ..row.key.clone() },
    ];
    let rows: Vec<_> = keys.iter().map(|key| Row { key: key.clone(), ..row.clone() }).collect();
    for (index, other) in rows.iter().enumerate() {
        other.saved(None, &sample_record(&index.to_string(), 1, "one")).await;
    }
    row.expect("nothing under the first key", row.load().await, &None);
    let Locked { lease, .. } = row.locked().await;
    for (index, other) in rows.iter().enumerate() {
        let own = sample_record(&index.to_string(), 1, "one");
        other.expect("its own record", other.load().await, &Some(Box::new(own)));
        let locked = other.locked().await;
        other.expect("a lease of its own", other.unlock(locked.lease).await, &UnlockAnswer::Unlocked);
    }
    row.expect("the lease is still held", row.unlock(lease).await, &UnlockAnswer::Unlocked);
}

async fn saves_compare(row: &Row) {
    let (first, second) = (sample_record("login", 1, "one"), sample_record("login", 2, "two"));
    let absent = row.save(Some(version("login", 1)), &second).await;
    row.expect("nothing stored conflicts with a version", absent, &SaveAnswer::Conflict(None));
    row.saved(None, &first).await;
    for expected in [None, Some(version("login", 0)), Some(version("login", 2)), Some(version("other", 1))] {
        let conflict = SaveAnswer::Conflict(Some(Box::new(first.clone())));
        row.expect("a conflict that shows what is stored", row.save(expected, &second).await, &conflict);
    }
    row.expect("nothing was written", row.load().await, &Some(Box::new(first)));
    row.saved(Some(1), &second).await;
    let other = sample_record("other login", 1, "three");
    row.saved(Some(2), &other).await;
    row.expect("the other login", row.load().await, &Some(Box::new(other)));
}

async fn our_own_write_is_a_success(row: &Row) {
    let (first, second) = (sample_record("login", 1, "one"), sample_record("login", 2, "two"));
    row.saved(None, &first).await;
    row.saved(None, &first).await;
    row.saved(Some(1), &second).await;
    row.saved(Some(1), &second).await;
    let twin = sample_record("login", 2, "another's two");
    let conflict = SaveAnswer::Conflict(Some(Box::new(second)));
    row.expect("another's write of that version", row.save(Some(version("login", 1)), &twin).await, &conflict);
}

async fn deletes_compare_and_repeat(row: &Row) {
    let record = sample_record("login", 3, "three");
    row.expect("nothing to delete", row.delete(version("login", 3)).await, &DeleteAnswer::Deleted);
    row.saved(None, &record).await;
    let conflict = DeleteAnswer::Conflict(Some(Box::new(record)));
    row.expect("another generation", row.delete(version("login", 2)).await, &conflict);
    row.expect("another login", row.delete(version("other", 3)).await, &conflict);
    row.expect("the version stored", row.delete(version("login", 3)).await, &DeleteAnswer::Deleted);
    row.expect("no record", row.load().await, &None);
    row.expect("a second time", row.delete(version("login", 3)).await, &DeleteAnswer::Deleted);
    row.saved(None, &sample_record("next login", 1, "one")).await;
}

async fn leases_exclude(row: &Row) {
    let mut last = LeaseNumber(0);
    for _ in 0..5 {
        let Locked { lease, ledger } = row.locked().await;
        row.expect("no ledger", Ok(ledger), &StoredLedger::Absent);
        assert!(lease > last, "{row}: the number of a lease grows, {lease:?} after {last:?}");
        assert!(row.store.holds(&row.key, lease), "{row}: the holder holds");
        assert!(!row.store.holds(&row.key, LeaseNumber(lease.0 + 1)), "{row}: nobody holds another number");
        let holder = row.busy(Millis::ZERO).await;
        assert!(!holder.who.is_empty(), "{row}: a waiter is told of somebody");
        row.busy(Millis(20)).await;
        row.expect("the lease given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
        assert!(!row.store.holds(&row.key, lease), "{row}: who gave it back does not hold");
        last = lease;
    }
}

async fn waiters_get_the_lease(row: &Row) {
    let Locked { lease, .. } = row.locked().await;
    let waiting = row.clone();
    let waiter = tokio::spawn(async move { (waiting.locked().await, Instant::now()) });
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(!waiter.is_finished(), "{row}: a waiter waits");
    row.expect("the lease given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
    let free = Instant::now();
    let Ok((next, got)) = waiter.await else { panic_with(row, "the waiter ended without a lease") };
    let late = got.saturating_duration_since(free);
    assert!(late < Duration::from_millis(500), "{row}: the waiter got it {late:?} after it was free");
    row.expect("the waiter's lease", row.unlock(next.lease).await, &UnlockAnswer::Unlocked);
}

async fn lost_leases_write_nothing(row: &Row) {
    let Locked { lease: first, .. } = row.locked().await;
    row.expect("noted under the lease", row.note(first, ledger(1)).await, &NoteAnswer::Noted);
    row.expect("given back", row.unlock(first).await, &UnlockAnswer::Unlocked);
    row.expect("given back twice", row.unlock(first).await, &UnlockAnswer::Lost);
    row.expect("noted without a lease", row.note(first, ledger(2)).await, &NoteAnswer::Lost);
    let Locked { lease: second, ledger: found } = row.locked().await;
    assert_eq!(resends(&found), Some(1), "{row}: only the note under the lease was written");
    row.expect("noted under an old lease", row.note(first, ledger(3)).await, &NoteAnswer::Lost);
    row.expect("an old lease given back", row.unlock(first).await, &UnlockAnswer::Lost);
    assert!(row.store.holds(&row.key, second), "{row}: an old number does not end the next lease");
    row.expect("never locked", row.unlock(LeaseNumber(second.0 + 99)).await, &UnlockAnswer::Lost);
    row.expect("given back", row.unlock(second).await, &UnlockAnswer::Unlocked);
}

async fn leases_begin_anew_with_each_note(row: &Row) {
    let lock = Lock { key: row.key.clone(), wait: Millis::ZERO, hold: Millis::seconds(1) };
    let Ok(LockAnswer::Locked(Locked { lease, .. })) = row.store.lock(&lock).await else {
        panic_with(row, "a free lease was not given")
    };
    for resends in 1..=2 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        row.expect(
            "noted within a second of the lock or of a note",
            row.note(lease, ledger(resends)).await,
            &NoteAnswer::Noted,
        );
    }
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
}

async fn ledgers_age(row: &Row) {
    let Locked { lease, .. } = row.locked().await;
    let before = Instant::now();
    row.expect("noted", row.note(lease, ledger(7)).await, &NoteAnswer::Noted);
    let noted = Instant::now();
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let at_least = Millis(40);
    let Locked { lease, ledger: found } = row.locked().await;
    let at_most = Millis(u64::try_from(before.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(50));
    assert!(noted.elapsed() >= Duration::from_millis(40), "{row}: the clock runs");
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
    let (young, old) = (ledger(7).aged(at_least), ledger(7).aged(at_most));
    let StoredLedger::Read(found) = found else { panic_with(row, "the ledger was not read") };
    let (Some(young_sent), Some(sent), Some(old_sent)) = (&young.intent, &found.intent, &old.intent) else {
        panic_with(row, "the intent was not read")
    };
    assert!(young_sent.age <= sent.age && sent.age <= old_sent.age, "{row}: the intent's age is {:?}", sent.age);
    let waits = [
        ("intent", young_sent.lands_in, sent.lands_in, old_sent.lands_in),
        ("ledger", young.lands_in, found.lands_in, old.lands_in),
        ("cool-down", young.cool_down, found.cool_down, old.cool_down),
    ];
    for (what, most, got, least) in waits {
        assert!(least <= got && got <= most, "{row}: the wait of the {what} is {got:?}");
    }
    assert_eq!((sent.resends, &sent.token), (7, &young_sent.token), "{row}: the intent comes back");
    assert_eq!((&found.login_id, &found.refused), (&young.login_id, &young.refused), "{row}: the rest comes back");
}

async fn ledgers_end_with_their_record(row: &Row) {
    row.saved(None, &sample_record("login", 1, "one")).await;
    let Locked { lease, .. } = row.locked().await;
    row.expect("noted", row.note(lease, ledger(1)).await, &NoteAnswer::Noted);
    row.saved(Some(1), &sample_record("login", 2, "two")).await;
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
    let Locked { lease, ledger: found } = row.locked().await;
    assert_eq!(resends(&found), Some(1), "{row}: a save leaves the ledger alone");
    row.expect("deleted under a lease", row.delete(version("login", 2)).await, &DeleteAnswer::Deleted);
    assert!(row.store.holds(&row.key, lease), "{row}: a deletion leaves the lease alone");
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
    let Locked { lease: next, ledger: found } = row.locked().await;
    row.expect("no ledger without a record", Ok(found), &StoredLedger::Absent);
    assert!(next > lease, "{row}: the numbers go on after a deletion");
    row.expect("given back", row.unlock(next).await, &UnlockAnswer::Unlocked);
}

async fn stamps_change_with_the_record(row: &Row) {
    row.saved(None, &sample_record("login", 1, "one")).await;
    let first = row.store.stamp(&row.key).await;
    assert_ne!(first, Stamp::ABSENT, "{row}: a record has a stamp");
    row.expect("the same stamp for the same bytes", row.stamp().await, &first);
    row.saved(Some(1), &sample_record("login", 2, "two")).await;
    let second = row.store.stamp(&row.key).await;
    assert_ne!(first, second, "{row}: a save changes the stamp");
    row.expect("deleted", row.delete(version("login", 2)).await, &DeleteAnswer::Deleted);
    row.expect("no stamp", row.stamp().await, &Stamp::ABSENT);
    row.saved(None, &sample_record("login", 3, "three")).await;
    assert_ne!(second, row.store.stamp(&row.key).await, "{row}: a new record has a new stamp");
}

async fn lists_are_complete(row: &Row) {
    let second = Row { key: sample_key(&row.key.provider, "second"), ..row.clone() };
    row.saved(None, &sample_record("login", 1, "one")).await;
    second.saved(None, &sample_record("login", 1, "one")).await;
    let Locked { lease, .. } = row.locked().await;
    row.expect("noted", row.note(lease, ledger(1)).await, &NoteAnswer::Noted);
    row.expect("both, in order", row.listed().await, &vec![row.key.clone(), second.key.clone()]);
    row.expect("deleted", row.delete(version("login", 1)).await, &DeleteAnswer::Deleted);
    row.expect("the other one", row.listed().await, &vec![second.key.clone()]);
    row.expect("given back", row.unlock(lease).await, &UnlockAnswer::Unlocked);
}

async fn probes_leave_nothing(row: &Row) {
    row.expect("a probe", row.store.probe().await, &());
    row.expect("a second probe", row.store.probe().await, &());
    row.expect("nothing listed", row.listed().await, &Vec::new());
    assert!(!row.store.describe().is_empty(), "{row}: the store says where secrets lie");
}

async fn one_of_many_saves_wins(row: &Row) {
    row.saved(None, &sample_record("login", 1, "one")).await;
    for generation in 2..5 {
        let mut savers = JoinSet::new();
        for saver in 0..SAVERS {
            let row = row.clone();
            savers.spawn(async move {
                let record = sample_record("login", generation, &saver.to_string());
                (row.save(Some(version("login", generation - 1)), &record).await, record)
            });
        }
        let stored = row.load_one(&mut savers).await;
        assert_eq!(stored.generation, generation, "{row}: one step forward");
    }
}

/// A store, and the key that one row of the suite has for itself.
#[derive(Clone)]
struct Row {
    store: Arc<dyn Store>,
    key: CredentialKey,
}

impl Row {
    fn new(store: Arc<dyn Store>, name: &str) -> Self {
        Row { store, key: sample_key(&format!("conformance-{name}"), "default") }
    }

    async fn load(&self) -> Answer<Option<Box<Record>>> {
        self.store.load(&Load { key: self.key.clone() }).await
    }

    async fn save(&self, expected: Option<Version>, record: &Record) -> Answer<SaveAnswer> {
        let record = Box::new(record.clone());
        self.store.save(&Save { key: self.key.clone(), expected, record }).await
    }

    /// A save over that generation of the login `login`, or over nothing, that must succeed.
    async fn saved(&self, over: Option<u64>, record: &Record) {
        let expected = over.map(|generation| version("login", generation));
        self.expect("saved", self.save(expected, record).await, &SaveAnswer::Saved);
    }

    async fn delete(&self, expected: Version) -> Answer<DeleteAnswer> {
        self.store.delete(&Delete { key: self.key.clone(), expected }).await
    }

    async fn lock(&self, wait: Millis) -> LockAnswer {
        let lock = Lock { key: self.key.clone(), wait, hold: Millis::seconds(60) };
        match self.store.lock(&lock).await {
            Ok(answer) => answer,
            Err(failure) => panic_with(self, &failure.detail),
        }
    }

    async fn locked(&self) -> Locked {
        match self.lock(Millis::seconds(10)).await {
            LockAnswer::Locked(locked) => locked,
            LockAnswer::Busy(holder) => panic_with(self, &format!("the lease is held by {}", holder.who)),
        }
    }

    async fn busy(&self, wait: Millis) -> Holder {
        match self.lock(wait).await {
            LockAnswer::Busy(holder) => holder,
            LockAnswer::Locked(_) => panic_with(self, "two hold the lease at once"),
        }
    }

    async fn note(&self, lease: LeaseNumber, ledger: Ledger) -> Answer<NoteAnswer> {
        self.store.note(&Note { key: self.key.clone(), lease, ledger }).await
    }

    async fn unlock(&self, lease: LeaseNumber) -> Answer<UnlockAnswer> {
        self.store.unlock(&Unlock { key: self.key.clone(), lease }).await
    }

    async fn stamp(&self) -> Answer<Stamp> {
        Ok(self.store.stamp(&self.key).await)
    }

    /// What the list says of this row's provider.
    async fn listed(&self) -> Answer<Vec<CredentialKey>> {
        let mut keys = self.store.list().await?;
        keys.retain(|key| key.provider == self.key.provider);
        Ok(keys)
    }

    /// The record that is stored after all savers are done, which must be the one winner's.
    async fn load_one(&self, savers: &mut JoinSet<(Answer<SaveAnswer>, Record)>) -> Box<Record> {
        let mut winners = Vec::new();
        let mut shown = Vec::new();
        while let Some(saver) = savers.join_next().await {
            match saver {
                Ok((Ok(SaveAnswer::Saved), record)) => winners.push(record),
                Ok((Ok(SaveAnswer::Conflict(stored)), _)) => shown.push(stored),
                Ok((Err(failure), _)) => panic_with(self, &failure.detail),
                Err(_) => panic_with(self, "a save panicked"),
            }
        }
        assert_eq!(winners.len(), 1, "{self}: one of {SAVERS} saves of a generation wins");
        let winner = winners.pop().map(Box::new);
        self.expect("the winner's record", self.load().await, &winner);
        assert!(shown.iter().all(|stored| *stored == winner), "{self}: the losers are shown the winner's record");
        match winner {
            Some(winner) => winner,
            None => panic_with(self, "no save won"),
        }
    }

    #[track_caller]
    fn expect<T: PartialEq + std::fmt::Debug>(&self, what: &str, got: Answer<T>, expected: &T) {
        match got {
            Ok(got) => assert!(got == *expected, "{self}: {what}: expected {expected:?}, got {got:?}"),
            Err(failure) => panic_with(self, &format!("{what}: {}", failure.detail)),
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key.provider)
    }
}

#[expect(clippy::panic, reason = "a suite of tests fails as assertions do")]
#[track_caller]
fn panic_with(row: &Row, what: &str) -> ! {
    panic!("{row}: {what}")
}

fn version(login: &str, generation: u64) -> Version {
    Version { login_id: LoginId(login.to_owned()), generation }
}

fn ledger(resends: u32) -> Ledger {
    Ledger {
        login_id: Some(LoginId("login".to_owned())),
        intent: Some(Intent {
            token: Secret::new("sent").hash(),
            age: Millis::seconds(2),
            lands_in: Millis::seconds(30),
            resends,
        }),
        lands_in: Millis::seconds(40),
        cool_down: Millis::seconds(50),
        refused: Some(Secret::new("refused").hash()),
    }
}

fn resends(ledger: &StoredLedger) -> Option<u32> {
    match ledger {
        StoredLedger::Read(ledger) => ledger.intent.as_ref().map(|intent| intent.resends),
        StoredLedger::Absent | StoredLedger::Newer | StoredLedger::Unreadable => None,
    }
}
