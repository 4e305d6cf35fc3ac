//! The encrypted store: the contract, wrong and missing keys, damage, and the file of the seed.

use std::fs;
use std::path::Path;

use age::secrecy::SecretString;
use tokenway_core::action::{Load, Save};
use tokenway_core::lifecycle::record::Record;

use super::*;
use crate::store::conformance::{conformance, sample_key, sample_record};
use crate::store::{SaveAnswer, Store};

/// Fast, for tests.
const FAST: u8 = 4;

fn store(home: &Path, passphrase: &str) -> EncryptedStore {
    EncryptedStore::with_work_factor(home, Secret::new(passphrase), FAST)
}

fn key() -> tokenway_core::lifecycle::record::CredentialKey {
    sample_key("https://issuer.example", "default")
}

async fn save(store: &EncryptedStore, record: &Record) -> SaveAnswer {
    store.save(&Save { key: key(), expected: None, record: Box::new(record.clone()) }).await.unwrap()
}

async fn saved(home: &Path) -> EncryptedStore {
    let store = store(home, "right");
    assert_eq!(save(&store, &sample_record("login", 1, "one")).await, SaveAnswer::Saved);
    store
}

fn files(home: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.join("encrypted")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

fn record_file(home: &Path) -> PathBuf {
    files(home, ".age").into_iter().find(|path| !path.ends_with("key.age")).unwrap()
}

#[tokio::test]
async fn the_encrypted_store_keeps_the_contract() {
    let home = tempfile::tempdir().unwrap();
    conformance(|| Arc::new(store(home.path(), "a passphrase"))).await;
}

#[tokio::test]
async fn another_process_opens_what_was_written_and_no_file_shows_a_secret() {
    let home = tempfile::tempdir().unwrap();
    saved(home.path()).await;
    let later = store(home.path(), "right");
    let record = later.load(&Load { key: key() }).await.unwrap().unwrap();
    assert_eq!(*record, sample_record("login", 1, "one"));
    for file in files(home.path(), "") {
        let bytes = fs::read(&file).unwrap();
        for secret in ["refresh-one", "access-one", "AGE-SECRET-KEY", "right"] {
            let shown = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!shown, "{secret} in {}", file.display());
        }
    }
    assert!(later.describe().contains("encrypted files") && later.describe().contains("your passphrase"));
}

#[cfg(feature = "keyring")]
#[test]
fn what_opens_the_files_of_a_key_in_the_keyring_is_said() {
    assert_eq!(form::new_identity().describe(), "a key in the keyring");
}

#[tokio::test]
async fn a_wrong_passphrase_is_an_error_and_destroys_nothing() {
    let home = tempfile::tempdir().unwrap();
    saved(home.path()).await;
    let before = fs::read(record_file(home.path())).unwrap();
    let wrong = store(home.path(), "wrong");
    for failure in [
        wrong.load(&Load { key: key() }).await.unwrap_err(),
        wrong.probe().await.unwrap_err(),
        wrong.list().await.unwrap_err(),
        wrong
            .save(&Save { key: key(), expected: None, record: Box::new(sample_record("other", 1, "x")) })
            .await
            .unwrap_err(),
    ] {
        assert!(failure.detail.contains("passphrase does not open"), "{}", failure.detail);
        assert!(!failure.detail.contains("wrong passphrase:"), "{}", failure.detail);
    }
    assert_eq!(fs::read(record_file(home.path())).unwrap(), before);
    let empty = store(home.path(), "").probe().await.unwrap_err();
    assert!(empty.detail.contains("empty"), "{}", empty.detail);
}

#[tokio::test]
async fn a_missing_or_another_key_is_an_error_and_the_record_stays_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    saved(home.path()).await;
    fs::remove_file(home.path().join("encrypted/key.age")).unwrap();
    let missing = store(home.path(), "right").load(&Load { key: key() }).await.unwrap_err();
    assert!(missing.detail.contains("key.age is missing"), "{}", missing.detail);
    store(home.path(), "right").probe().await.unwrap();
    let other = store(home.path(), "right").load(&Load { key: key() }).await.unwrap_err();
    assert!(other.detail.contains("opens other files"), "{}", other.detail);
    assert!(record_file(home.path()).exists());
}

#[tokio::test]
async fn f12_a_changed_file_is_an_error_once_and_moved_aside() {
    let home = tempfile::tempdir().unwrap();
    let store = saved(home.path()).await;
    let mut bytes = fs::read(record_file(home.path())).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(record_file(home.path()), bytes).unwrap();
    let failure = store.load(&Load { key: key() }).await.unwrap_err();
    assert!(failure.detail.contains(".corrupt-"), "{}", failure.detail);
    assert_eq!(store.load(&Load { key: key() }).await.unwrap(), None);
}

#[tokio::test]
async fn f05_a_complete_newer_record_of_a_killed_writer_is_put_in_its_place() {
    let home = tempfile::tempdir().unwrap();
    let store = saved(home.path()).await;
    let file = record_file(home.path());
    let first = fs::read(&file).unwrap();
    let next = Save {
        key: key(),
        expected: Some(sample_record("login", 1, "one").version()),
        record: Box::new(sample_record("login", 2, "two")),
    };
    store.save(&next).await.unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::rename(&file, file.with_file_name(format!(".tokenway-{name}-0011223344556677"))).unwrap();
    fs::write(&file, first).unwrap();
    assert_eq!(store.load(&Load { key: key() }).await.unwrap().unwrap().generation, 2);
}

#[test]
fn the_file_of_the_seed_is_read() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials.enc");
    let passphrase = Secret::new("pass");
    assert!(seed_credentials(&file, &passphrase).unwrap().is_empty());
    fs::write(&file, "").unwrap();
    assert!(seed_credentials(&file, &passphrase).unwrap().is_empty());
    let text = r#"{"credentials":{"codex":{"client_id":"c","access_token":"AT"},"mcp:x":{"any":1}}}"#;
    let mut closer = age::scrypt::Recipient::new(SecretString::from("pass"));
    closer.set_work_factor(FAST);
    fs::write(&file, age::encrypt(&closer, text.as_bytes()).unwrap()).unwrap();
    let found = seed_credentials(&file, &passphrase).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["codex", "mcp:x"]);
    assert_eq!(found["codex"].expose(), r#"{"access_token":"AT","client_id":"c"}"#);
    let wrong = seed_credentials(&file, &Secret::new("planted")).unwrap_err();
    assert!(wrong.detail.contains("does not open") && !wrong.detail.contains("planted"), "{}", wrong.detail);
}
