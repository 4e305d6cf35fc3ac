//! What of a credential lies in the keyring and what beside it, and what people are told of both.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokenway::core::action::{Load, Save};
use tokenway::store::conformance::sample_key;
use tokenway::store::{EncryptedStore, Keyring, KeyringStore, Store};

use crate::service::{Bus, Running, names, on_a_private_bus, until};
use crate::small_disk::SmallDisk;
use crate::strace::{RENAMES, strace};
use crate::{key, load, next, run, save, store};

/// The file that others look at to see whether the only record was changed.
fn sign(bus: &Bus) -> PathBuf {
    let folder = bus.home().join("keyring");
    let names = names(&folder, ".item");
    let [name] = &names[..] else { panic!("{names:?}") };
    folder.join(name)
}

/// The user of the only record's item: its name, and the random one of its folder.
fn user(bus: &Bus) -> String {
    let place = fs::read_to_string(bus.home().join("keyring/place.json")).unwrap();
    let id = serde_json::from_str::<serde_json::Value>(&place).unwrap()["id"].as_str().unwrap().to_owned();
    format!("{}.{id}", sign(bus).file_stem().unwrap().to_str().unwrap())
}

#[test]
fn a_record_with_large_tokens_lies_in_the_keyring_itself() {
    on_a_private_bus("places::a_record_with_large_tokens_lies_in_the_keyring_itself", |bus| {
        let _keyring = bus.keyring();
        run(async {
            save(&store(bus), &next(1, &"large".repeat(6_000))).await;
            assert_eq!(load(&store(bus)).await.unwrap().generation, 1);
        });
        assert_eq!(names(&bus.home().join("keyring"), ".age"), Vec::<String>::new());
    });
}

#[test]
fn people_are_told_which_keyring_it_is() {
    on_a_private_bus("places::people_are_told_which_keyring_it_is", |bus| {
        let keyring = Keyring::of_the_system();
        for shown in [
            format!("{keyring:?}"),
            store(bus).describe(),
            EncryptedStore::with_keyring(bus.home(), keyring).describe(),
        ] {
            assert!(shown.contains("the Secret Service"), "{shown}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_whose_credentials_lie_in_another_keyring_is_an_error_and_no_logout() {
    const TEST: &str = "places::a_folder_whose_credentials_lie_in_another_keyring_is_an_error_and_no_logout";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        run(async {
            save(&store(bus), &next(1, "one")).await;
            let other = KeyringStore::new(bus.home(), Keyring::of_the_kernel().unwrap());
            let failure = other.load(&Load { key: key() }).await.unwrap_err();
            assert!(failure.detail.contains("in another keyring (secret-service)"), "{}", failure.detail);
        });
    });
}

#[test]
fn an_old_sign_of_a_writer_that_was_killed_is_set_right_by_who_reads() {
    on_a_private_bus("places::an_old_sign_of_a_writer_that_was_killed_is_set_right_by_who_reads", |bus| {
        let _keyring = bus.keyring();
        run(async {
            let store = store(bus);
            save(&store, &next(1, "one")).await;
            let first = fs::read(sign(bus)).unwrap();
            save(&store, &next(2, "two")).await;
            let second = fs::read(sign(bus)).unwrap();
            assert_ne!(first, second);
            fs::write(sign(bus), &first).unwrap();
            let old = store.stamp(&key()).await;
            load(&store).await.unwrap();
            assert_eq!(fs::read(sign(bus)).unwrap(), second);
            let right = store.stamp(&key()).await;
            assert_ne!(old, right, "others see that it was changed");
            load(&store).await.unwrap();
            assert_eq!(store.stamp(&key()).await, right, "what is right is not written again");
        });
    });
}

/// A credential is found by its sign, so that stands before the item does.
#[test]
fn a_writer_killed_at_either_of_its_renames_leaves_no_item_unlisted_by_strace() {
    const TEST: &str = "places::a_writer_killed_at_either_of_its_renames_leaves_no_item_unlisted_by_strace";
    const WRITER: &str = "TOKENWAY_TEST_WRITER";
    on_a_private_bus(TEST, |bus| {
        if env::var_os(WRITER).is_some() {
            let key = sample_key("https://issuer.example", "second");
            return run(save(&store(bus), &Save { key, ..next(1, "two") }));
        }
        let _keyring = bus.keyring();
        run(save(&store(bus), &next(1, "one")));
        for rename in 1..=2 {
            // strace counts for each thread, and a save is done by one; it dies as what it traces does.
            let (trace, inject) =
                (format!("trace={RENAMES}"), format!("inject={RENAMES}:signal=SIGKILL:when={rename}"));
            let Some(mut traced) = strace(&["-o", "/dev/null", "-e", &trace, "-e", &inject]) else { return };
            traced.args(["--exact", TEST]).env(WRITER, "");
            assert_eq!(traced.status().unwrap().signal(), Some(9));
            let items = bus.items().unwrap().len();
            assert_eq!(run(store(bus).list()).unwrap().len(), items, "killed at rename {rename}");
        }
        assert_eq!(bus.items().unwrap().len(), 2, "it was killed after its item was written");
    });
}

#[test]
fn an_item_that_another_program_changed_is_named_and_moved_aside_in_the_keyring() {
    const TEST: &str = "places::an_item_that_another_program_changed_is_named_and_moved_aside_in_the_keyring";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        run(async {
            save(&store(bus), &next(1, "one")).await;
            let user = user(bus);
            bus.store("changed", &["service", "tokenway", "username", &user], "rubbish");
            let failure = store(bus).load(&Load { key: key() }).await.unwrap_err();
            let (name, id) = user.rsplit_once('.').unwrap();
            for item in [&user, &format!("{name}.corrupt.{id}")] {
                let named = format!("the item tokenway/{item} of the Secret Service");
                assert!(failure.detail.contains(&named), "{}", failure.detail);
            }
            let aside = Keyring::of_the_system().read("tokenway", &format!("{name}.corrupt.{id}")).unwrap();
            assert_eq!(aside.unwrap().expose(), "rubbish");
        });
    });
}

#[test]
fn a_probe_writes_as_much_as_a_large_record_has() {
    on_a_private_bus("places::a_probe_writes_as_much_as_a_large_record_has", |bus| {
        let _keyring = bus.keyring();
        let seen = bus.home().with_file_name("seen");
        let mut monitor = Command::new("dbus-monitor");
        monitor.args(["--session", "--binary"]).stdout(fs::File::create(&seen).unwrap()).stderr(Stdio::null());
        let _monitor = Running(monitor.spawn().unwrap());
        let size = || fs::metadata(&seen).unwrap().len();
        until("the monitor sees what is asked", || bus.items().is_some() && size() > 0);
        let before = size();
        run(store(bus).probe()).unwrap();
        until("a large value was written and read back", || size() - before > 2 * 16 * 1024);
    });
}

#[test]
fn a_probe_tries_the_disk_where_the_keyring_has_a_limit() {
    on_a_private_bus("places::a_probe_tries_the_disk_where_the_keyring_has_a_limit", |bus| {
        let _keyring = bus.keyring();
        fs::create_dir(bus.home()).unwrap();
        let Some(disk) = SmallDisk::mount(&bus.home().join("keyring")) else { return };
        run(async {
            store(bus).probe().await.unwrap();
            disk.fill();
            store(bus).probe().await.unwrap();
            let limited = KeyringStore::new(bus.home(), Keyring::of_the_system().with_limit(2_560));
            let failure = limited.probe().await.unwrap_err();
            assert!(failure.detail.contains("No space left"), "{}", failure.detail);
        });
    });
}
