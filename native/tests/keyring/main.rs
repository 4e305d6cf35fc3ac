//! The keyring store in a real Secret Service.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

mod places;
mod service;
#[path = "../../src/store/file/tests/unix/skipped.rs"]
mod skipped;
#[path = "../../src/store/file/tests/unix/small_disk.rs"]
mod small_disk;
#[path = "../../src/store/file/tests/unix/strace.rs"]
mod strace;

use std::env;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service::{Bus, all_bytes, names, on_a_private_bus};
use skipped::skipped;
use tokenway::core::action::{Load, Save};
use tokenway::core::http::IoFailureKind;
use tokenway::core::lifecycle::record::{CredentialKey, Record};
use tokenway::core::secret::Secret;
use tokenway::store::conformance::{conformance, sample_key, sample_record};
use tokenway::store::{EncryptedStore, Keyring, KeyringStore, SEED_SERVICE, SaveAnswer, Stamp, Store};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn key() -> CredentialKey {
    sample_key("https://issuer.example", "default")
}

fn store(bus: &Bus) -> KeyringStore {
    KeyringStore::new(bus.home(), Keyring::of_the_system())
}

async fn load(store: &KeyringStore) -> Option<Box<Record>> {
    store.load(&Load { key: key() }).await.unwrap()
}

/// Saves generation `generation` over the one before.
fn next(generation: u64, token: &str) -> Save {
    let before = (generation > 1).then(|| sample_record("login", generation - 1, "any").version());
    Save { key: key(), expected: before, record: Box::new(sample_record("login", generation, token)) }
}

async fn save(store: &KeyringStore, save: &Save) {
    assert_eq!(store.save(save).await.unwrap(), SaveAnswer::Saved);
}

#[test]
fn the_keyring_store_keeps_the_contract() {
    on_a_private_bus("the_keyring_store_keeps_the_contract", |bus| {
        let _keyring = bus.keyring();
        run(conformance(|| Arc::new(store(bus))));
    });
}

#[test]
fn f16_a_keyring_with_a_limit_keeps_the_contract_with_what_is_larger_in_encrypted_files() {
    on_a_private_bus("f16_a_keyring_with_a_limit_keeps_the_contract_with_what_is_larger_in_encrypted_files", |bus| {
        let _keyring = bus.keyring();
        for limit in [512, 1_280, 2_560] {
            let home = bus.home().join(limit.to_string());
            let small = || KeyringStore::new(&home, Keyring::of_the_system().with_limit(limit));
            run(conformance(|| Arc::new(small())));
        }
    });
}

#[test]
fn f16_a_record_that_grows_and_shrinks_around_the_limit_is_never_lost_nor_readable() {
    on_a_private_bus("f16_a_record_that_grows_and_shrinks_around_the_limit_is_never_lost_nor_readable", |bus| {
        let _keyring = bus.keyring();
        let small = || KeyringStore::new(bus.home(), Keyring::of_the_system().with_limit(2_560));
        run(async {
            let store = small();
            for (generation, token) in [(1, 1), (2, 2_000), (3, 2_000), (4, 1), (5, 3_000)] {
                save(&store, &next(generation, &"hidden".repeat(token))).await;
                assert_eq!(load(&small()).await.unwrap().generation, generation);
                let folder = bus.home().join("keyring");
                let bytes = all_bytes(&folder);
                assert!(!bytes.windows(6).any(|window| window == b"hidden"), "generation {generation}");
                assert_eq!(names(&folder, ".age").len(), usize::from(token > 1), "generation {generation}");
            }
            assert_eq!(bus.items().unwrap().len(), 1);
        });
    });
}

#[test]
fn f05_what_is_left_of_a_save_killed_before_its_key_was_kept_shuts_nobody_out() {
    on_a_private_bus("f05_what_is_left_of_a_save_killed_before_its_key_was_kept_shuts_nobody_out", |bus| {
        let _keyring = bus.keyring();
        let small = |home: &Path| KeyringStore::new(home, Keyring::of_the_system().with_limit(2_560));
        let large = "x".repeat(3_000);
        run(async {
            save(&small(&bus.home()), &next(1, "one")).await;
            let elsewhere = bus.home().join("elsewhere");
            save(&small(&elsewhere), &next(1, &large)).await;
            // Bytes for a key that is in no item of this home.
            let (here, elsewhere) = (bus.home().join("keyring"), elsewhere.join("keyring"));
            let [closed] = &names(&elsewhere, ".age")[..] else { panic!("one large record") };
            fs::copy(elsewhere.join(closed), here.join(format!(".tokenway-{closed}-0011223344556677"))).unwrap();
            save(&small(&bus.home()), &next(2, &large)).await;
            assert_eq!(load(&small(&bus.home())).await.unwrap().generation, 2);
        });
    });
}

#[test]
fn a_refresh_updates_the_item_in_place() {
    on_a_private_bus("a_refresh_updates_the_item_in_place", |bus| {
        let _keyring = bus.keyring();
        run(async {
            let store = store(bus);
            save(&store, &next(1, "one")).await;
            let items = bus.items().unwrap();
            assert_eq!(items.len(), 1);
            save(&store, &next(2, "two")).await;
            assert_eq!(bus.items().unwrap(), items);
            store.probe().await.unwrap();
            assert_eq!(bus.items().unwrap(), items, "a probe leaves nothing");
        });
    });
}

#[test]
fn two_folders_share_no_item() {
    on_a_private_bus("two_folders_share_no_item", |bus| {
        let _keyring = bus.keyring();
        run(async {
            save(&store(bus), &next(1, "one")).await;
            let other = KeyringStore::new(bus.home().join("other"), Keyring::of_the_system());
            assert_eq!(load(&other).await, None);
            save(&other, &next(1, "other")).await;
            assert_eq!(bus.items().unwrap().len(), 2);
            assert_eq!(*load(&store(bus)).await.unwrap(), sample_record("login", 1, "one"));
        });
    });
}

#[test]
fn f16_a_keyring_that_was_started_anew_is_connected_to_again() {
    on_a_private_bus("f16_a_keyring_that_was_started_anew_is_connected_to_again", |bus| {
        let keyring = bus.keyring();
        let store = store(bus);
        run(save(&store, &next(1, "one")));
        drop(keyring);
        let _keyring = bus.keyring();
        run(async {
            assert_eq!(load(&store).await.unwrap().generation, 1);
            save(&store, &next(2, "two")).await;
        });
    });
}

#[test]
fn f16_a_keyring_that_does_not_answer_holds_nobody_up_and_its_silence_is_no_logout() {
    on_a_private_bus("f16_a_keyring_that_does_not_answer_holds_nobody_up_and_its_silence_is_no_logout", |bus| {
        let keyring = bus.keyring();
        let patient = store(bus);
        let impatient = Keyring::of_the_system().with_wait(Duration::from_millis(300));
        let impatient = KeyringStore::new(bus.home(), impatient);
        run(async {
            save(&patient, &next(1, "one")).await;
            keyring.signal("STOP");
            let started = Instant::now();
            for failure in [
                impatient.load(&Load { key: key() }).await.unwrap_err(),
                impatient.save(&next(2, "two")).await.unwrap_err(),
            ] {
                assert_eq!(failure.kind, IoFailureKind::Deadline);
                let text = &failure.detail;
                assert!(text.contains("the Secret Service") && text.contains("unlock it"), "{text}");
            }
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
            keyring.signal("CONT");
            assert_eq!(load(&patient).await.unwrap().generation, 1);
            save(&patient, &next(2, "two")).await;
        });
    });
}

#[test]
fn f16_a_locked_keyring_is_an_error_and_no_logout() {
    on_a_private_bus("f16_a_locked_keyring_is_an_error_and_no_logout", |bus| {
        let _keyring = bus.keyring();
        let store = store(bus);
        run(async {
            save(&store, &next(1, "one")).await;
            bus.lock();
            for failure in [
                store.load(&Load { key: key() }).await.unwrap_err(),
                store.save(&next(2, "two")).await.unwrap_err(),
                store.probe().await.unwrap_err(),
            ] {
                let text = &failure.detail;
                assert!(text.contains("unlock it and try again") && !text.contains("()"), "{text}");
            }
            assert_ne!(store.stamp(&key()).await, Stamp::ABSENT);
        });
    });
}

#[test]
fn f16_without_a_keyring_the_probe_says_so_and_nothing_is_taken_for_logged_out() {
    const TEST: &str = "f16_without_a_keyring_the_probe_says_so_and_nothing_is_taken_for_logged_out";
    on_a_private_bus(TEST, |bus| {
        let keyring = bus.keyring();
        run(save(&store(bus), &next(1, "one")));
        keyring.signal("STOP");
        let nowhere = || Keyring::of_the_system().with_wait(Duration::from_millis(200));
        run(async {
            let elsewhere = KeyringStore::new(bus.home().join("other"), nowhere());
            assert_eq!(load(&elsewhere).await, None, "where nothing was ever kept no keyring is asked");
            assert!(elsewhere.probe().await.is_err());
            assert!(elsewhere.save(&next(1, "one")).await.is_err());
            let known = KeyringStore::new(bus.home(), nowhere());
            assert!(known.load(&Load { key: key() }).await.is_err());
        });
        keyring.signal("CONT");
    });
}

/// What the first save says where there are two keyrings to choose from, each with `wait` to answer.
fn trouble_of_two(home: &Path, wait: Duration) -> String {
    let keyring = || Keyring::of_the_system().with_wait(wait);
    let either = KeyringStore::with_first_of(home.join("either"), vec![keyring(), keyring()]);
    run(either.save(&next(1, "one"))).unwrap_err().detail
}

#[test]
fn f16_a_keyring_that_is_locked_or_silent_is_not_passed_over_for_the_next() {
    on_a_private_bus("f16_a_keyring_that_is_locked_or_silent_is_not_passed_over_for_the_next", |bus| {
        let keyring = bus.keyring();
        run(save(&store(bus), &next(1, "one")));
        bus.lock();
        // Before it says that it is locked it tries to show its window, which may take a while.
        let locked = trouble_of_two(&bus.home(), Duration::from_secs(10));
        assert_eq!(locked.matches("unlock it and try again").count(), 1, "{locked}");
        keyring.signal("STOP");
        let silent = trouble_of_two(&bus.home(), Duration::from_millis(500));
        assert_eq!(silent.matches("has not answered").count(), 1, "{silent}");
        keyring.signal("CONT");
    });
}

#[test]
fn f16_a_keyring_that_is_not_there_is_passed_over_for_the_next() {
    const NOWHERE: (&str, &str) = ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    if env::var(NOWHERE.0).is_ok_and(|address| address == NOWHERE.1) {
        let home = tempfile::tempdir().unwrap();
        let absent = trouble_of_two(home.path(), Duration::from_secs(10));
        assert_eq!(absent.matches("cannot be used").count(), 2, "{absent}");
        return;
    }
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", "f16_a_keyring_that_is_not_there_is_passed_over_for_the_next"]).env(NOWHERE.0, NOWHERE.1);
    assert!(again.status().unwrap().success());
}

#[test]
fn an_encrypted_store_whose_key_is_in_the_keyring_keeps_the_contract() {
    on_a_private_bus("an_encrypted_store_whose_key_is_in_the_keyring_keeps_the_contract", |bus| {
        let _keyring = bus.keyring();
        run(conformance(|| Arc::new(EncryptedStore::with_keyring(bus.home(), Keyring::of_the_system()))));
        assert_eq!(bus.items().unwrap().len(), 1, "the key alone");
    });
}

#[test]
fn the_items_of_the_seed_are_read() {
    on_a_private_bus("the_items_of_the_seed_are_read", |bus| {
        let _keyring = bus.keyring();
        let value = r#"{"client_id":"c","access_token":"AT"}"#;
        bus.store("Aether OAuth: codex", &["service", SEED_SERVICE, "username", "codex"], value);
        let keyring = Keyring::of_the_system();
        assert_eq!(keyring.read(SEED_SERVICE, "codex").unwrap(), Some(Secret::new(value)));
        assert_eq!(keyring.read(SEED_SERVICE, "mcp:x").unwrap(), None);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernels_key_ring_keeps_what_is_too_large_for_it_in_encrypted_files() {
    let home = tempfile::tempdir().unwrap();
    let store = KeyringStore::new(home.path(), Keyring::of_the_kernel().unwrap());
    run(async {
        if let Err(failure) = store.probe().await {
            assert!(!failure.detail.contains("unlock"), "nobody can: {}", failure.detail);
            skipped(&failure.detail);
            return;
        }
        save(&store, &next(1, "one")).await;
        save(&store, &next(2, &"two".repeat(5_000))).await;
        assert_eq!(load(&store).await.unwrap().generation, 2);
        let mut version = sample_record("login", 2, "any").version();
        version.generation = 2;
        let delete = tokenway::core::action::Delete { key: key(), expected: version };
        store.delete(&delete).await.unwrap();
        assert_eq!(load(&store).await, None);
    });
}
