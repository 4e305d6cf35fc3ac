//! The file store against faults: cut and changed files, left-overs, holders that end, lock files removed under them.

mod leases;
#[cfg(unix)]
mod unix;

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokenway_core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway_core::event::Locked;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{CredentialKey, LoginId, Mark, RECORD_FORMAT, Record, Version};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;

use super::file_shelf::{Closed, Form};
use super::paths::Files;
use super::*;
use crate::store::conformance::{conformance, sample_key, sample_record};
use crate::store::{Answer, DeleteAnswer, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer};

/// A home folder with a store in it, and one key.
struct Home {
    folder: TempDir,
    key: CredentialKey,
    store: FileStore,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("home"));
        Home { folder, key: Home::key(), store }
    }

    fn key() -> CredentialKey {
        sample_key("https://issuer.example", "default")
    }

    /// A home with a record of generation 1 in it.
    async fn with_record() -> Self {
        let home = Home::new();
        assert_eq!(home.save(None, sample_record("login", 1, "one")).await.unwrap(), SaveAnswer::Saved);
        home
    }

    fn files(&self) -> Files {
        self.store.cabinet.files(&self.key)
    }

    fn record(&self) -> PathBuf {
        self.files().with_suffix("json")
    }

    /// The temporary file of a writer of the record.
    fn left(&self, random: &str) -> PathBuf {
        self.left_of("json", random)
    }

    fn left_of(&self, suffix: &str, random: &str) -> PathBuf {
        let name = self.files().with_suffix(suffix).file_name().unwrap().to_str().unwrap().to_owned();
        self.store.cabinet.folder.join(format!(".tokenway-{name}-{random}"))
    }

    async fn load(&self) -> Answer<Option<Box<Record>>> {
        self.store.load(&Load { key: self.key.clone() }).await
    }

    async fn loaded_generation(&self) -> Option<u64> {
        self.load().await.unwrap().map(|record| record.generation)
    }

    async fn save(&self, over: Option<u64>, record: Record) -> Answer<SaveAnswer> {
        let expected = over.map(generation);
        self.store.save(&Save { key: self.key.clone(), expected, record: Box::new(record) }).await
    }

    async fn save_next(&self) -> Answer<SaveAnswer> {
        self.save(Some(1), sample_record("login", 2, "two")).await
    }

    async fn delete(&self, expected: u64) -> Answer<DeleteAnswer> {
        self.store.delete(&Delete { key: self.key.clone(), expected: generation(expected) }).await
    }

    async fn lock(&self, wait: Millis) -> Answer<LockAnswer> {
        lock(&self.store, &self.key, wait).await
    }

    async fn locked(&self) -> Locked {
        let LockAnswer::Locked(locked) = self.lock(Millis::seconds(10)).await.unwrap() else { panic!("busy") };
        locked
    }

    async fn note(&self, lease: LeaseNumber) -> Answer<NoteAnswer> {
        self.store.note(&Note { key: self.key.clone(), lease, ledger: Ledger::default() }).await
    }

    async fn unlock(&self, lease: LeaseNumber) -> UnlockAnswer {
        self.store.unlock(&Unlock { key: self.key.clone(), lease }).await.unwrap()
    }

    /// The names in the folder, without the two lock files and the spare one.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.store.cabinet.folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.ends_with(".lock") && !name.ends_with(".save") && !name.ends_with(".spare"));
        names.sort_unstable();
        names
    }

    fn corrupt_copies(&self) -> Vec<PathBuf> {
        let names = self.names().into_iter().filter(|name| name.contains(".corrupt-"));
        names.map(|name| self.store.cabinet.folder.join(name)).collect()
    }
}

fn generation(generation: u64) -> Version {
    Version { login_id: LoginId("login".to_owned()), generation }
}

async fn lock(store: &FileStore, key: &CredentialKey, wait: Millis) -> Answer<LockAnswer> {
    store.lock(&Lock { key: key.clone(), wait, hold: Millis::seconds(60) }).await
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[tokio::test]
async fn the_file_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    conformance(|| Arc::new(FileStore::new(folder.path()))).await;
}

#[test]
fn the_file_store_says_where_its_secrets_lie_and_who_can_read_them() {
    let store = FileStore::new("/somewhere");
    let place = store.cabinet.folder.display();
    assert_eq!(store.describe(), format!("plain files in {place} that only you can read"));
}

/// Records as they are; the lock of their saves is removed while they are written, or while they are read.
struct LockRemoved {
    lock: PathBuf,
    by_writing: bool,
}

impl Form for LockRemoved {
    fn suffix(&self) -> &'static str {
        Plain.suffix()
    }

    fn wrap<'a>(&self, sealed: &'a Secret) -> Answer<Cow<'a, [u8]>> {
        if self.by_writing {
            fs::remove_file(&self.lock).unwrap();
        }
        Plain.wrap(sealed)
    }

    fn unwrap(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed> {
        if !self.by_writing {
            fs::remove_file(&self.lock).unwrap();
        }
        Plain.unwrap(bytes)
    }

    fn prepare(&self) -> Answer<()> {
        Plain.prepare()
    }

    fn describe(&self, folder: &Path) -> String {
        Plain.describe(folder)
    }
}

#[tokio::test]
async fn f19_what_loses_its_lock_halfway_changes_nothing() {
    for by_writing in [true, false] {
        let home = Home::with_record().await;
        let before = fs::read(home.record()).unwrap();
        let form = LockRemoved { lock: home.files().save_lock(), by_writing };
        let cabinet = Cabinet::new(home.store.cabinet.folder.clone(), Arc::new(FileShelf::new(Arc::new(form))));
        let home = Home { store: FileStore { cabinet }, ..home };
        let failure = home.save_next().await.unwrap_err();
        assert!(failure.detail.contains("its lock was lost"), "{}", failure.detail);
        if !by_writing {
            let failure = home.delete(1).await.unwrap_err();
            assert!(failure.detail.contains("its lock was lost"), "{}", failure.detail);
        }
        assert_eq!(fs::read(home.record()).unwrap(), before);
        assert_eq!(home.names().len(), 1, "nothing is left: {:?}", home.names());
    }
}

#[tokio::test]
async fn two_stores_on_one_folder_are_one_store() {
    let home = Home::with_record().await;
    let other = FileStore::new(home.folder.path().join("home"));
    let stamp = other.stamp(&home.key).await;
    home.save_next().await.unwrap();
    assert_ne!(other.stamp(&home.key).await, stamp);
    assert_eq!(other.load(&Load { key: home.key.clone() }).await.unwrap().unwrap().generation, 2);
    let lease = home.locked().await.lease;
    assert!(matches!(lock(&other, &home.key, Millis::ZERO).await, Ok(LockAnswer::Busy(_))));
    assert!(!other.holds(&home.key, lease));
    let foreign = Unlock { key: home.key.clone(), lease };
    assert_eq!(other.unlock(&foreign).await.unwrap(), UnlockAnswer::Lost);
    assert!(home.store.holds(&home.key, lease));
}

#[tokio::test]
async fn reading_makes_no_folder() {
    let home = Home::new();
    assert_eq!(home.load().await.unwrap(), None);
    assert_eq!(home.store.list().await.unwrap(), []);
    assert_eq!(home.store.stamp(&home.key).await, Stamp::ABSENT);
    assert!(!home.store.cabinet.folder.exists());
}

#[tokio::test]
async fn a_save_goes_on_when_nobody_waits_for_it_any_more() {
    let home = Home::with_record().await;
    let save = Save {
        key: home.key.clone(),
        expected: Some(generation(1)),
        record: Box::new(sample_record("login", 2, "two")),
    };
    let another = lock_file::LockFile::for_save(&home.files().save_lock()).unwrap();
    let mut saving = home.store.save(&save);
    tokio::select! { biased; _ = &mut saving => panic!("two save at once"), () = async {} => {} }
    drop((saving, another));
    while home.loaded_generation().await != Some(2) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn members_of_a_newer_version_survive_a_save() {
    let home = Home::with_record().await;
    rewrite(&home, |json| {
        json["added_beside"] = "kept".into();
        json["record"]["added_inside"] = "kept too".into();
    });
    let record = home.load().await.unwrap().unwrap();
    home.save(Some(1), Record { generation: 2, ..*record }).await.unwrap();
    let json = content(&home);
    assert_eq!(json["record"]["generation"], 2);
    assert_eq!(json["added_beside"], "kept");
    assert_eq!(json["record"]["added_inside"], "kept too");
}

#[tokio::test]
async fn a_newer_record_is_read_and_never_written_over() {
    let home = Home::with_record().await;
    rewrite(&home, |json| json["record"]["format"] = (RECORD_FORMAT + 1).into());
    assert_eq!(home.loaded_generation().await, Some(1));
    let before = fs::read(home.record()).unwrap();
    let failure = home.save_next().await.unwrap_err();
    assert!(failure.detail.contains("newer version"), "{}", failure.detail);
    assert_eq!(fs::read(home.record()).unwrap(), before);
}

#[tokio::test]
async fn a_newer_record_of_another_shape_is_an_error_and_stays_where_it_is() {
    let home = Home::with_record().await;
    rewrite(&home, |json| json["record"] = serde_json::json!({ "format": RECORD_FORMAT + 1 }));
    let before = fs::read(home.record()).unwrap();
    for failure in [
        home.load().await.unwrap_err(),
        home.save(None, sample_record("other", 1, "one")).await.unwrap_err(),
        home.delete(1).await.unwrap_err(),
    ] {
        let record = home.record();
        assert!(failure.detail.starts_with(record.to_str().unwrap()), "{}", failure.detail);
        assert!(failure.detail.contains("newer version"), "{}", failure.detail);
    }
    assert_eq!(home.store.list().await.unwrap(), vec![home.key.clone()]);
    assert_eq!(fs::read(home.record()).unwrap(), before);
}

fn content(home: &Home) -> serde_json::Value {
    let json = seal::unseal(fs::read(home.record()).unwrap()).unwrap();
    serde_json::from_str(json.expose()).unwrap()
}

fn rewrite(home: &Home, change: impl FnOnce(&mut serde_json::Value)) {
    let mut json = content(home);
    change(&mut json);
    fs::write(home.record(), seal::seal(&json.to_string()).expose()).unwrap();
}

#[tokio::test]
async fn a_record_too_large_to_be_read_is_not_written() {
    let home = Home::with_record().await;
    let long = |length| Record { access_token: Secret::new("x".repeat(length)), ..sample_record("login", 2, "two") };
    home.save(Some(1), long(0)).await.unwrap();
    let room = seal::MAX_FILE - fs::read(home.record()).unwrap().len();
    home.save(Some(2), Record { generation: 3, ..long(room) }).await.unwrap();
    assert_eq!(fs::read(home.record()).unwrap().len(), seal::MAX_FILE);
    assert_eq!(home.loaded_generation().await, Some(3), "the largest is read");
    let failure = home.save(Some(3), Record { generation: 4, ..long(room + 1) }).await.unwrap_err();
    assert!(failure.detail.contains(&format!("{} bytes", seal::MAX_FILE + 1)), "{}", failure.detail);
    assert_eq!(home.loaded_generation().await, Some(3));
}

#[tokio::test]
async fn of_a_file_that_no_honest_token_fills_no_more_is_read_than_shows_it() {
    let home = Home::with_record().await;
    fs::write(home.record(), vec![b' '; seal::MAX_FILE + 1]).unwrap();
    let failure = home.load().await.unwrap_err();
    assert!(failure.detail.contains("it is far too large"), "{}", failure.detail);
}

#[tokio::test]
async fn what_is_sealed_and_of_our_format_but_no_record_is_damaged() {
    let home = Home::with_record().await;
    rewrite(&home, |json| json["record"] = serde_json::json!({ "format": RECORD_FORMAT }));
    let failure = home.load().await.unwrap_err();
    assert!(failure.detail.contains("it is not a credential. It was moved aside"), "{}", failure.detail);
}

#[tokio::test]
async fn records_moved_aside_within_a_second_have_names_of_their_own_that_say_when() {
    let home = Home::with_record().await;
    let now = platform::now().0 / 1_000;
    for second in now..now + 20 {
        for taken in ["", "-1"] {
            let name = format!("{}{second}{taken}", home.files().corrupt_prefix());
            fs::write(home.store.cabinet.folder.join(name), "an older one").unwrap();
        }
    }
    fs::write(home.record(), "damaged").unwrap();
    home.load().await.unwrap_err();
    let aside = home.corrupt_copies().into_iter().find(|copy| fs::read(copy).unwrap() == b"damaged").unwrap();
    assert!(aside.to_str().unwrap().ends_with("-2"), "{}", aside.display());
}

#[tokio::test]
async fn f04_a_save_sweeps_what_a_killed_writer_left_and_nothing_younger() {
    let home = Home::with_record().await;
    let old = home.left("0011223344556677");
    let young = home.left("8899aabbccddeeff");
    let foreign = home.store.cabinet.folder.join("somebody.tmp");
    for path in [&old, &young, &foreign] {
        fs::write(path, "half a rec").unwrap();
    }
    for path in [&old, &foreign] {
        age(path, Duration::from_secs(601));
    }
    home.save_next().await.unwrap();
    assert_eq!(home.loaded_generation().await, Some(2));
    assert_eq!([old.exists(), young.exists(), foreign.exists()], [false, true, true]);
}

#[tokio::test]
async fn f13_a_delete_leaves_no_secret_behind_and_touches_nothing_of_others() {
    let home = Home::with_record().await;
    let lease = home.locked().await.lease;
    home.note(lease).await.unwrap();
    fs::write(home.left("0011223344556677"), "secret").unwrap();
    fs::write(home.store.cabinet.folder.join(format!("{}1", home.files().corrupt_prefix())), "secret").unwrap();
    fs::write(home.store.cabinet.folder.join("somebody's"), "kept").unwrap();
    assert_eq!(home.delete(1).await.unwrap(), DeleteAnswer::Deleted);
    assert_eq!(home.names(), ["somebody's"]);
    assert!(home.store.holds(&home.key, lease));
}

#[tokio::test]
async fn f04_a_probe_sweeps_what_killed_probes_left_and_nothing_younger() {
    let home = Home::with_record().await;
    let folder = &home.store.cabinet.folder;
    let names = [".probe-0011223344556677", ".tokenway-.probe-0011223344556677-8899aabbccddeeff"];
    for name in names {
        let [old, young] = ["", "a"].map(|more| folder.join(format!(".tokenway-{name}{more}")));
        for path in [&old, &young] {
            fs::write(path, "x").unwrap();
        }
        age(&old, Duration::from_secs(601));
        home.store.probe().await.unwrap();
        assert_eq!([old.exists(), young.exists()], [false, true], "{name}");
    }
}

/// What a writer leaves that is killed between its sync and its rename.
fn leave(home: &Home, record: &Record) -> PathBuf {
    let json = serde_json::json!({ "key": home.key, "record": record }).to_string();
    let left = home.left(&format!("{:016x}", record.generation));
    fs::write(&left, seal::seal(&json).expose()).unwrap();
    left
}

#[tokio::test]
async fn f05_a_complete_newer_record_of_a_killed_writer_is_put_in_its_place() {
    let home = Home::with_record().await;
    let older = leave(&home, &sample_record("login", 2, "two"));
    let newest = leave(&home, &sample_record("login", 3, "three"));
    let torn = home.store.cabinet.folder.join(older.file_name().unwrap().to_str().unwrap().replace("02", "04"));
    fs::write(&torn, "{\"key\":").unwrap();
    let stamp = home.store.stamp(&home.key).await;
    assert_eq!(home.load().await.unwrap().unwrap(), Box::new(sample_record("login", 3, "three")));
    assert_ne!(home.store.stamp(&home.key).await, stamp);
    assert!(!newest.exists());
    assert_eq!(home.loaded_generation().await, Some(3), "what is older or torn changes nothing");
    leave(&home, &sample_record("login", 3, "another three"));
    assert_eq!(*home.load().await.unwrap().unwrap(), sample_record("login", 3, "three"), "nor does what is no newer");
}

#[tokio::test]
async fn f05_a_newer_record_of_a_killed_writer_outlives_what_other_logins_write() {
    // What its writer leaves is named like what a probe leaves.
    let key = sample_key("https://probe.example", "default");
    let home = Home { key: key.clone(), ..Home::new() };
    home.save(None, sample_record("login", 1, "one")).await.unwrap();
    let newer = sample_record("login", 2, "two");
    age(&leave(&home, &newer), Duration::from_secs(3_600));
    let another = Home { key: Home::key(), ..home };
    another.save(None, sample_record("another login", 1, "one")).await.unwrap();
    let lease = another.locked().await.lease;
    another.note(lease).await.unwrap();
    another.store.probe().await.unwrap();
    let home = Home { key, ..another };
    assert_eq!(*home.load().await.unwrap().unwrap(), newer);
}

#[tokio::test]
async fn f05_over_a_damaged_record_nothing_is_put_but_the_copy_of_a_save_in_place() {
    let home = Home::with_record().await;
    fs::write(home.record(), "damaged").unwrap();
    leave(&home, &sample_record("login", 2, "two"));
    assert!(home.load().await.unwrap_err().detail.contains("moved aside"));
    assert_eq!(home.loaded_generation().await, None);
}

#[tokio::test]
async fn f05_a_save_compares_with_what_a_killed_writer_left() {
    let home = Home::with_record().await;
    leave(&home, &sample_record("login", 2, "another's two"));
    let SaveAnswer::Conflict(Some(stored)) = home.save_next().await.unwrap() else {
        panic!("a spent refresh token was saved over its successor")
    };
    assert_eq!(*stored, sample_record("login", 2, "another's two"));
    leave(&home, &sample_record("login", 3, "three"));
    assert!(matches!(home.delete(2).await.unwrap(), DeleteAnswer::Conflict(Some(stored)) if stored.generation == 3));
}

#[tokio::test]
async fn f05_the_record_of_a_writer_that_lives_is_its_own_to_put_in_place() {
    let home = Home::with_record().await;
    let left = leave(&home, &sample_record("login", 2, "two"));
    let writing = lock_file::LockFile::for_save(&home.files().save_lock()).unwrap();
    assert_eq!(home.loaded_generation().await, Some(1));
    assert!(left.exists());
    drop(writing);
    assert_eq!(home.loaded_generation().await, Some(2));
}

#[tokio::test]
async fn f05_who_reads_while_another_puts_the_newer_record_in_its_place_has_the_newer_one() {
    let home = Home::with_record().await;
    let (left, record) = (leave(&home, &sample_record("login", 2, "two")), home.record());
    let putting = lock_file::LockFile::for_save(&home.files().save_lock()).unwrap();
    let another = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        fs::rename(left, record).unwrap();
        drop(putting);
    });
    assert_eq!(home.loaded_generation().await, Some(2));
    another.join().unwrap();
}

#[tokio::test]
async fn f05_what_was_deleted_logged_out_or_replaced_by_another_login_does_not_come_back() {
    let home = Home::with_record().await;
    leave(&home, &sample_record("another login", 9, "nine"));
    assert_eq!(home.loaded_generation().await, Some(1));

    let out = Record { mark: Mark::LoggedOut, ..sample_record("login", 2, "two") };
    home.save(Some(1), out.clone()).await.unwrap();
    leave(&home, &sample_record("login", 3, "three"));
    assert_eq!(home.load().await.unwrap(), Some(Box::new(out)));

    assert_eq!(home.delete(2).await.unwrap(), DeleteAnswer::Deleted);
    assert!(home.names().is_empty(), "a delete sweeps what killed writers left: {:?}", home.names());
    leave(&home, &sample_record("login", 4, "four"));
    assert_eq!(home.load().await.unwrap(), None);
}

fn age(path: &Path, by: Duration) {
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - by).unwrap();
}

#[tokio::test]
async fn f12_a_file_cut_or_changed_anywhere_is_an_error_once_and_moved_aside() {
    let home = Home::with_record().await;
    let whole = fs::read(home.record()).unwrap();
    let cuts = (0..whole.len()).map(|at| whole[..at].to_vec());
    let flips = (0..whole.len()).map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        flipped
    });
    let with_bom = [b"\xef\xbb\xbf", &whole[..]].concat();
    let with_crlf = [&whole[..whole.len() - 1], b"\r\n"].concat();
    let strange = [with_bom, with_crlf, b"{}".to_vec(), b"null\n".to_vec(), vec![0; 4_096], vec![b' '; 2_000_000]];
    for damaged in cuts.chain(flips).chain(strange) {
        fs::write(home.record(), &damaged).unwrap();
        let failure = home.load().await.unwrap_err();
        let copies = home.corrupt_copies();
        assert_eq!(copies.len(), 1);
        assert!(failure.detail.contains(copies[0].to_str().unwrap()), "{}", failure.detail);
        assert_eq!(fs::read(&copies[0]).unwrap(), damaged, "moved aside as it was");
        assert_eq!(home.load().await.unwrap(), None);
        fs::remove_file(&copies[0]).unwrap();
    }
}

#[tokio::test]
async fn a_record_under_the_name_of_another_is_not_taken_for_it() {
    let home = Home::with_record().await;
    let other = sample_key("https://issuer.example", "work");
    fs::copy(home.record(), home.store.cabinet.files(&other).with_suffix("json")).unwrap();
    let failure = home.store.load(&Load { key: other }).await.unwrap_err();
    assert!(failure.detail.contains("another"), "{}", failure.detail);
    assert_eq!(home.loaded_generation().await, Some(1));
}

#[tokio::test]
async fn many_readers_of_a_damaged_file_all_say_so_and_one_moves_it() {
    let home = Arc::new(Home::with_record().await);
    fs::write(home.record(), "damaged").unwrap();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let home = Arc::clone(&home);
        readers.spawn(async move { home.load().await });
    }
    let answers = readers.join_all().await;
    assert!(answers.iter().any(Result::is_err));
    assert!(answers.iter().all(|answer| !matches!(answer, Ok(Some(_)))));
    assert_eq!(home.corrupt_copies().len(), 1);
}

#[tokio::test]
async fn a_listing_names_a_damaged_file_before_it_leaves_it_out() {
    let home = Home::with_record().await;
    fs::write(home.record(), "damaged").unwrap();
    assert!(home.store.list().await.unwrap_err().detail.contains(".corrupt-"));
    assert_eq!(home.store.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_when_a_login_or_a_refresh_is_saved_over_it() {
    let home = Home::with_record().await;
    fs::write(home.record(), "damaged").unwrap();
    assert_eq!(home.save_next().await.unwrap(), SaveAnswer::Saved);
    assert_eq!(home.loaded_generation().await, Some(2));
    assert_eq!(fs::read(&home.corrupt_copies()[0]).unwrap(), b"damaged");
}

#[tokio::test]
async fn what_cannot_be_a_folder_is_an_error_that_names_it() {
    let home = Home::new();
    fs::write(home.folder.path().join("home"), "a file").unwrap();
    for failure in [
        home.load().await.unwrap_err(),
        home.save_next().await.unwrap_err(),
        home.store.list().await.unwrap_err(),
        home.lock(Millis::ZERO).await.unwrap_err(),
        home.store.probe().await.unwrap_err(),
    ] {
        assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unable));
        assert!(failure.detail.contains("home"), "{}", failure.detail);
    }
}
