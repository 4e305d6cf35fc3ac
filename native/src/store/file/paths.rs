//! The names of the files of one credential.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokenway_core::lifecycle::record::CredentialKey;

/// The longest readable part of a name: with hash and suffix it stays far below the 255 bytes of file systems.
const READABLE: usize = 40;

/// The hex digits of the hash in a name.
const HASH: usize = 16;

/// The files of one credential.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
}

impl Files {
    pub(crate) fn of(folder: &Path, key: &CredentialKey) -> Self {
        Files { folder: folder.to_owned(), name: name(key) }
    }

    /// The files of the credential that the file `file_name` belongs to, if it ends in `suffix` and is named like one.
    pub(crate) fn of_record(folder: &Path, file_name: &str, suffix: &str) -> Option<Self> {
        let name = file_name.strip_suffix(suffix)?.strip_suffix('.')?;
        let (_, hash) = name.rsplit_once('-')?;
        let is_hash = hash.len() == HASH && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| Files { folder: folder.to_owned(), name: name.to_owned() })
    }

    pub(crate) fn is_of(&self, key: &CredentialKey) -> bool {
        self.name == name(key)
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.with_suffix("ledger.json")
    }

    pub(super) fn lease(&self) -> PathBuf {
        self.with_suffix("lock")
    }

    pub(super) fn save_lock(&self) -> PathBuf {
        self.with_suffix("save")
    }

    /// Holds a place on the disk for the next save.
    pub(super) fn spare(&self) -> PathBuf {
        self.with_suffix("spare")
    }

    /// How the names of records that were moved aside begin.
    pub(super) fn corrupt_prefix(&self) -> String {
        format!("{}.corrupt-", self.name)
    }

    pub(crate) fn with_suffix(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}.{suffix}", self.name))
    }
}

/// A part for people and a part that tells all keys apart, in characters that every file system keeps as they are.
fn name(key: &CredentialKey) -> String {
    let mut hasher = Sha256::new();
    for part in [&key.provider, &key.client_id, &key.account] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let hash = hex(&hasher.finalize());
    format!("{}-{}", readable(key), &hash[..HASH])
}

fn readable(key: &CredentialKey) -> String {
    let provider = key.provider.strip_prefix("https://").unwrap_or(&key.provider);
    let mut text = String::new();
    for character in provider.chars().chain(" ".chars()).chain(key.account.chars()).take(READABLE) {
        if character.is_ascii_alphanumeric() {
            text.push(character.to_ascii_lowercase());
        } else if !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
    }
    text.trim_end_matches('-').to_owned()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(provider: &str, client_id: &str, account: &str) -> CredentialKey {
        CredentialKey { provider: provider.into(), client_id: client_id.into(), account: account.into() }
    }

    #[test]
    fn a_name_can_be_read_and_is_frozen() {
        assert_eq!(
            name(&key("https://Login.example.com/realm", "app", "work")),
            "login-example-com-realm-work-c853e1836c8932b8"
        );
        assert_eq!(readable(&key("//Strange::one/", "app", "_work_")), "strange-one-work");
    }

    #[test]
    fn no_two_keys_share_a_name_on_any_file_system() {
        let keys = [
            key("a", "b", "c"),
            key("A", "b", "c"),
            key("ab", "", "c"),
            key("a", "bc", ""),
            key("", "", ""),
            key("a/b", "b", "c"),
            key("a:b", "b", "c"),
            key(&"x".repeat(5_000), "b", "c"),
            key(&"x".repeat(5_001), "b", "c"),
        ];
        let names: BTreeSet<_> = keys.iter().map(|key| name(key).to_lowercase()).collect();
        assert_eq!(names.len(), keys.len());
    }

    #[test]
    fn no_key_leads_out_of_the_folder() {
        for hostile in ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "c:\\x", "nul", ".", "a\0b", "\u{202e}x", "ü"]
        {
            let name = name(&key(hostile, hostile, hostile));
            assert!(name.len() <= READABLE + 1 + HASH, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
            assert!(Files::of_record(Path::new("x"), &format!("{name}.json"), "json").is_some(), "{name}");
        }
    }

    #[test]
    fn only_records_are_taken_for_records() {
        let files = Files::of(Path::new("x"), &key("a", "b", "c"));
        let is_record = |path: PathBuf| {
            Files::of_record(Path::new("x"), path.file_name().unwrap().to_str().unwrap(), "json").is_some()
        };
        assert!(is_record(files.with_suffix("json")));
        assert!(!is_record(files.ledger()));
        assert!(!is_record(files.lease()));
        for other in ["settings.json", "their-settings.json", "a-c853e183.json", "a-not-one-of-ours-at-all.json"] {
            assert!(!is_record(PathBuf::from(other)), "{other}");
        }
        assert!(!is_record(PathBuf::from("a-no_hexadecimal_.json")));
    }
}
