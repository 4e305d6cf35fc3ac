//! A credential moves from one store to another.
//!
//! ```text
//! Lock(from) ─ Lock(to) ─ Load(from) ─ Note(to) ─ Save(to) ─ Load(to) ─ moved() ─ Load(from) ─ Delete(from) ─ Unlock both
//! ```
//!
//! From the save on it is in both, until it is only in the new one; while both leases are held nobody renews it in
//! either. Killed in between, it is in both with one version: the same call finishes. A login and a logout take no
//! lease: if one came in between, the old store has another version or none when it is looked at again, and the copy is taken back. A logout between
//! that look and the delete is not seen.

use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::Locked;
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::{CredentialKey, Mark, Record};
use tokenway_core::moment::Millis;
use tokio::time::Instant;

use super::file::failure::unable;
use super::{Answer, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Store};

/// How long a renewal in either store is waited for: longer than one request may take.
const WAIT: Millis = Millis::seconds(40);

/// How long the leases are held at most, in stores that count it.
const HOLD: Millis = Millis::seconds(120);

/// What became of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// It is in the new store, and in the old one no more.
    Moved,
    /// It is in the new store, and perhaps in the old one, too: that could not say that it has removed it. The same call
    /// finishes.
    Copied {
        /// What the old store said.
        trouble: IoFailure,
    },
    /// Nobody is logged in, in the old store.
    Nothing,
}

/// Moves the credential, under the leases of both stores. `moved` is called when it lies in both, before it is removed
/// from the old one: whoever remembers where it lies changes that there.
///
/// The two stores must not share their locks. A program that has the old store open finds nobody logged in afterwards.
///
/// Await it to its end: where it is dropped half-way, the leases that it took stay taken until the stores are dropped.
///
/// # Errors
/// One of the stores failed, is busy, or the new one holds another login. The credential is in the old one then, and
/// perhaps in both.
pub async fn migrate(
    from: &dyn Store,
    to: &dyn Store,
    key: &CredentialKey,
    moved: impl FnOnce() -> Answer<()>,
) -> Answer<Migrated> {
    let old = lock(from, key).await?;
    let new = match lock(to, key).await {
        Ok(new) => new,
        Err(failure) => {
            unlock(from, key, old.lease).await;
            return Err(failure);
        }
    };
    let done = move_locked(from, to, key, old.ledger, new.lease, moved).await;
    unlock(to, key, new.lease).await;
    unlock(from, key, old.lease).await;
    done
}

async fn move_locked(
    from: &dyn Store,
    to: &dyn Store,
    key: &CredentialKey,
    ledger: StoredLedger,
    lease: LeaseNumber,
    moved: impl FnOnce() -> Answer<()>,
) -> Answer<Migrated> {
    let load = Load { key: key.clone() };
    let Some(record) = from.load(&load).await?.filter(|record| record.mark == Mark::LoggedIn) else {
        return Ok(Migrated::Nothing);
    };
    let there = to.load(&load).await?;
    if !is_moved_already(&record, there.as_deref())? {
        carry(to, key, ledger, lease).await?;
        let expected = there.map(|there| there.version());
        let save = Save { key: key.clone(), expected, record: record.clone() };
        if to.save(&save).await? != SaveAnswer::Saved {
            return Err(unable(format!("{key}: somebody logged in meanwhile, in the new store; look there first")));
        }
        if to.load(&load).await? != Some(record.clone()) {
            return Err(unable(format!("{key}: the new store does not give back what was saved to it")));
        }
    }
    moved()?;
    let delete = Delete { key: key.clone(), expected: record.version() };
    match remove(from, &load, &delete).await {
        Ok(DeleteAnswer::Deleted) => Ok(Migrated::Moved),
        Err(trouble) => Ok(Migrated::Copied { trouble }),
        Ok(DeleteAnswer::Conflict(_)) => {
            to.delete(&delete).await?;
            Err(unable(format!(
                "{key}: somebody logged in or out meanwhile, in the old store; look there, and try again"
            )))
        }
    }
}

/// To a store, nothing there is as good as deleted; here it is a logout that came in between.
async fn remove(from: &dyn Store, load: &Load, delete: &Delete) -> Answer<DeleteAnswer> {
    match from.load(load).await? {
        None => Ok(DeleteAnswer::Conflict(None)),
        Some(_) => from.delete(delete).await,
    }
}

/// A move that was killed left the credential in both; a renewal, or a logout that was not finished, may have followed in
/// the new store, or in the old one.
fn is_moved_already(record: &Record, there: Option<&Record>) -> Result<bool, IoFailure> {
    match there {
        None => Ok(false),
        Some(there) if there.login_id != record.login_id && there.mark == Mark::LoggedOut => Ok(false),
        Some(there) if there.mark == Mark::LoggedOut => {
            Err(unable("in the new store this very login was ended: log out in the old one, too".to_owned()))
        }
        Some(there) if there.login_id == record.login_id => Ok(there.generation >= record.generation),
        Some(_) => Err(unable(
            "the new store holds another login of that name: log out of the one that is not used any more".to_owned(),
        )),
    }
}

/// What may still be on its way to the server counts in the new store, too.
async fn carry(to: &dyn Store, key: &CredentialKey, ledger: StoredLedger, lease: LeaseNumber) -> Answer<()> {
    let ledger = match ledger {
        StoredLedger::Absent => return Ok(()),
        StoredLedger::Read(ledger) => ledger,
        StoredLedger::Newer | StoredLedger::Unreadable => {
            return Err(unable(format!(
                "{key}: the notes beside the old record cannot be read; ask for a token there first, then try again"
            )));
        }
    };
    match to.note(&Note { key: key.clone(), lease, ledger }).await? {
        NoteAnswer::Noted => Ok(()),
        NoteAnswer::Lost => Err(unable(format!("{key}: the lease in the new store was lost; try again"))),
    }
}

async fn lock(store: &dyn Store, key: &CredentialKey) -> Answer<Locked> {
    let started = Instant::now();
    loop {
        let waited = Millis(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        match store.lock(&Lock { key: key.clone(), wait: WAIT.minus(waited), hold: HOLD }).await? {
            LockAnswer::Locked(locked) => return Ok(locked),
            LockAnswer::Busy(holder) if waited >= WAIT => {
                return Err(unable(format!("{key}: {} is renewing it; try again", holder.who)));
            }
            // Its holder has saved something, and is about to give it back.
            LockAnswer::Busy(_) => {}
        }
    }
}

/// A lease that cannot be given back ends with this process, or by its age.
async fn unlock(store: &dyn Store, key: &CredentialKey, lease: LeaseNumber) {
    let _ = store.unlock(&Unlock { key: key.clone(), lease }).await;
}

#[cfg(test)]
mod tests {
    use tokenway_core::lifecycle::ledger::Ledger;

    use super::*;
    use crate::store::conformance::{sample_key, sample_record};
    use crate::store::{FileStore, MemoryStore};

    fn key() -> CredentialKey {
        sample_key("https://issuer.example", "default")
    }

    async fn stored(store: &dyn Store) -> Option<Box<Record>> {
        store.load(&Load { key: key() }).await.unwrap()
    }

    async fn save(store: &dyn Store, expected: Option<&Record>, record: &Record) {
        let expected = expected.map(Record::version);
        let answer = store.save(&Save { key: key(), expected, record: Box::new(record.clone()) }).await.unwrap();
        assert_eq!(answer, SaveAnswer::Saved);
    }

    #[tokio::test]
    async fn a_credential_moves_with_its_ledger_and_is_in_both_before_it_is_in_one() {
        let home = tempfile::tempdir().unwrap();
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        let to = FileStore::new(home.path());
        let locked = lock(&from, &key()).await.unwrap();
        let ledger =
            Ledger { refused: Some(tokenway_core::secret::Secret::new("refused").hash()), ..Ledger::default() };
        from.note(&Note { key: key(), lease: locked.lease, ledger: ledger.clone() }).await.unwrap();
        unlock(&from, &key(), locked.lease).await;

        let file = home.path().join("credentials");
        let in_both = || {
            let names =
                std::fs::read_dir(&file).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            assert!(names.into_iter().any(|name| name.ends_with(".json") && !name.contains("ledger")));
            Ok(())
        };
        assert_eq!(migrate(&from, &to, &key(), in_both).await.unwrap(), Migrated::Moved);
        assert_eq!(stored(&from).await, None);
        assert_eq!(*stored(&to).await.unwrap(), sample_record("login", 3, "three"));
        let locked = lock(&to, &key()).await.unwrap();
        unlock(&to, &key(), locked.lease).await;
        let StoredLedger::Read(carried) = locked.ledger else { panic!("no ledger") };
        assert_eq!(carried.refused, ledger.refused);
        assert_eq!(migrate(&from, &to, &key(), || panic!("nothing to move")).await, Ok(Migrated::Nothing));
    }

    #[tokio::test]
    async fn a_move_that_was_killed_is_finished_and_never_goes_backwards() {
        let record = sample_record("login", 3, "three");
        for renewed in [record.clone(), sample_record("login", 4, "four")] {
            let from = MemoryStore::new().with_record(key(), record.clone());
            let to = MemoryStore::new().with_record(key(), renewed.clone());
            assert_eq!(migrate(&from, &to, &key(), || Ok(())).await.unwrap(), Migrated::Moved);
            assert_eq!((stored(&from).await, stored(&to).await), (None, Some(Box::new(renewed))));
        }
        let from = MemoryStore::new().with_record(key(), sample_record("login", 4, "four"));
        let to = MemoryStore::new().with_record(key(), record);
        migrate(&from, &to, &key(), || Ok(())).await.unwrap();
        assert_eq!(stored(&to).await.unwrap().generation, 4);
    }

    #[tokio::test]
    async fn another_login_in_the_new_store_is_not_written_over() {
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        let to = MemoryStore::new().with_record(key(), sample_record("another", 1, "one"));
        let failure = migrate(&from, &to, &key(), || panic!("not moved")).await.unwrap_err();
        assert!(failure.detail.contains("another login"), "{}", failure.detail);
        assert_eq!(stored(&from).await.unwrap().generation, 3);
        assert_eq!(stored(&to).await.unwrap().login_id.0, "another");
    }

    #[tokio::test]
    async fn f32_a_login_in_the_middle_of_a_move_is_kept_and_the_copy_taken_back() {
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        let to = MemoryStore::new();
        let next = sample_record("next", 1, "one");
        // A login takes no lease.
        let log_in = || {
            let before = sample_record("login", 3, "three");
            futures_now(save(&from, Some(&before), &next));
            Ok(())
        };
        let failure = migrate(&from, &to, &key(), log_in).await.unwrap_err();
        assert!(failure.detail.contains("meanwhile"), "{}", failure.detail);
        assert_eq!(stored(&from).await, Some(Box::new(sample_record("next", 1, "one"))));
        assert_eq!(stored(&to).await, None);
    }

    #[tokio::test]
    async fn f31_a_logout_in_the_middle_of_a_move_is_kept_and_the_copy_taken_back() {
        let record = sample_record("login", 3, "three");
        let (from, to) = (MemoryStore::new().with_record(key(), record.clone()), MemoryStore::new());
        // A logout takes no lease.
        let log_out = || {
            futures_now(async {
                let delete = Delete { key: key(), expected: record.version() };
                assert_eq!(from.delete(&delete).await.unwrap(), DeleteAnswer::Deleted);
            });
            Ok(())
        };
        let failure = migrate(&from, &to, &key(), log_out).await.unwrap_err();
        assert!(failure.detail.contains("meanwhile"), "{}", failure.detail);
        assert_eq!((stored(&from).await, stored(&to).await), (None, None));
    }

    #[tokio::test]
    async fn f31_a_logout_in_the_new_store_is_not_undone_by_what_a_killed_move_left_in_the_old_one() {
        let out = |login: &str, generation| Record { mark: Mark::LoggedOut, ..sample_record(login, generation, "out") };
        for ended in [out("login", 10), out("login", 2)] {
            let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
            let to = MemoryStore::new().with_record(key(), ended.clone());
            let failure = migrate(&from, &to, &key(), || panic!("not moved")).await.unwrap_err();
            assert!(failure.detail.contains("this very login was ended"), "{}", failure.detail);
            assert_eq!((stored(&from).await.is_some(), stored(&to).await), (true, Some(Box::new(ended))));
        }
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        let to = MemoryStore::new().with_record(key(), out("another", 10));
        assert_eq!(migrate(&from, &to, &key(), || Ok(())).await.unwrap(), Migrated::Moved);
        assert_eq!(*stored(&to).await.unwrap(), sample_record("login", 3, "three"));
    }

    #[tokio::test]
    async fn a_renewal_that_is_under_way_is_waited_for_to_its_end() {
        let home = tempfile::tempdir().unwrap();
        let holder = FileStore::new(home.path());
        let (old, new) = (sample_record("login", 3, "three"), sample_record("login", 4, "four"));
        save(&holder, None, &old).await;
        let locked = lock(&holder, &key()).await.unwrap();
        let (from, to) = (FileStore::new(home.path()), MemoryStore::new());
        let renewal = async {
            save(&holder, Some(&old), &new).await;
            // Its waiters have looked by now.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            unlock(&holder, &key(), locked.lease).await;
        };
        let key = key();
        let (moved, ()) = tokio::join!(migrate(&from, &to, &key, || Ok(())), renewal);
        assert_eq!(moved.unwrap(), Migrated::Moved);
        assert_eq!((stored(&from).await, stored(&to).await), (None, Some(Box::new(new))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_never_ends_is_named_after_the_longest_renewal() {
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        lock(&from, &key()).await.unwrap();
        let started = Instant::now();
        let failure = migrate(&from, &MemoryStore::new(), &key(), || panic!("not moved")).await.unwrap_err();
        assert!(failure.detail.contains("another task of this process"), "{}", failure.detail);
        assert_eq!(started.elapsed().as_secs(), WAIT.0 / 1_000);
    }

    /// The memory store answers at once.
    fn futures_now(future: impl Future<Output = ()>) {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
    }

    #[tokio::test]
    async fn an_old_store_that_cannot_say_that_it_removed_its_copy_does_not_undo_the_move() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (FileStore::new(home.path()), MemoryStore::new());
        let record = sample_record("login", 3, "three");
        save(&from, None, &record).await;
        // It is removed last, and a folder is not removed like a file.
        let names = std::fs::read_dir(home.path().join("credentials")).unwrap().map(|entry| entry.unwrap().path());
        let spare = names.into_iter().find(|path| path.extension().is_some_and(|suffix| suffix == "spare")).unwrap();
        std::fs::remove_file(&spare).unwrap();
        std::fs::create_dir(&spare).unwrap();
        let Migrated::Copied { trouble } = migrate(&from, &to, &key(), || Ok(())).await.unwrap() else {
            panic!("the trouble is not told")
        };
        assert!(trouble.detail.starts_with("removing"), "{}", trouble.detail);
        assert_eq!((stored(&from).await, stored(&to).await), (None, Some(Box::new(record))));
    }

    #[tokio::test]
    async fn a_failure_before_the_old_copy_is_removed_leaves_it_and_both_leases_are_free_again() {
        let from = MemoryStore::new().with_record(key(), sample_record("login", 3, "three"));
        let to = MemoryStore::new();
        let failure = migrate(&from, &to, &key(), || Err(unable("no place for a note".to_owned()))).await.unwrap_err();
        assert_eq!(failure.detail, "no place for a note");
        assert!(stored(&from).await.is_some());
        for store in [&from, &to] {
            let locked = store.lock(&Lock { key: key(), wait: Millis::ZERO, hold: HOLD }).await.unwrap();
            assert!(matches!(locked, LockAnswer::Locked(_)));
        }
    }
}
