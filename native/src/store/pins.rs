//! Which store each credential lies in, where a program offers several.
//!
//! ```text
//! HOME/stores/NAME.pin   the key, and the name of its store; no secrets
//! ```
//!
//! Without it the choice would be made anew each time, by what happens to be reachable then: a login that lies in the
//! keyring would be missing over SSH, and made a second time elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokenway_core::lifecycle::record::CredentialKey;

use super::Answer;
use super::file::failure::{failed, unable};
use super::file::paths::Files;
use super::file::{platform, replace};

/// How the names of pins end.
const SUFFIX: &str = "pin";

/// The choices made under one home folder. The command `tokenway` calls its stores `encrypted`, `file`,
/// `keyring` and `redis`. Its methods read or write one small file, and block for that.
#[derive(Clone, Debug)]
pub struct Pins {
    folder: PathBuf,
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Pin {
    key: CredentialKey,
    store: String,
}

impl Pins {
    /// The choices under `home`. Nothing is read or made before the first use.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Pins { folder: home.into().join("stores") }
    }

    /// The store that was chosen for the credential, by the name that the program gave it.
    ///
    /// # Errors
    /// The choice is there, and cannot be read.
    pub fn store_of(&self, key: &CredentialKey) -> Answer<Option<String>> {
        Ok(self.read(&Files::of(&self.folder, key))?.map(|pin| pin.store))
    }

    /// Remembers the choice, durably.
    ///
    /// # Errors
    /// It could not be written.
    pub fn pin(&self, key: &CredentialKey, store: &str) -> Answer<()> {
        platform::private_folder(&self.folder).map_err(|error| failed("preparing", &self.folder, &error))?;
        let file = Files::of(&self.folder, key).with_suffix(SUFFIX);
        let pin = Pin { key: key.clone(), store: store.to_owned() };
        let text = serde_json::to_vec(&pin).map_err(|error| failed("writing", &file, &error.into()))?;
        replace::replace(&file, &text)
    }

    /// Forgets the choice.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn unpin(&self, key: &CredentialKey) -> Answer<()> {
        replace::remove(&Files::of(&self.folder, key).with_suffix(SUFFIX))
    }

    /// All choices, in the order of their keys.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn all(&self) -> Answer<Vec<(CredentialKey, String)>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("listing", &self.folder, &error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let files = names.filter_map(|name| Files::of_record(&self.folder, &name, SUFFIX));
        let pins: Answer<Vec<_>> = files.filter_map(|files| self.read(&files).transpose()).collect();
        let mut all: Vec<_> = pins?.into_iter().map(|pin| (pin.key, pin.store)).collect();
        all.sort_unstable();
        Ok(all)
    }

    fn read(&self, files: &Files) -> Answer<Option<Pin>> {
        let file = files.with_suffix(SUFFIX);
        let Some(bytes) = replace::read(&file)? else { return Ok(None) };
        match serde_json::from_slice::<Pin>(&bytes) {
            Ok(pin) if files.is_of(&pin.key) => Ok(Some(pin)),
            Ok(_) | Err(_) => {
                Err(unable(format!("{} was changed: remove it, and name the store with --store", file.display())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::sample_key;

    #[test]
    fn a_choice_is_remembered_changed_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let pins = Pins::new(home.path());
        let (one, other) = (sample_key("https://one.example", "default"), sample_key("https://one.example", "work"));
        assert_eq!((pins.store_of(&one).unwrap(), pins.all().unwrap().len()), (None, 0));
        pins.pin(&one, "keyring").unwrap();
        pins.pin(&other, "file").unwrap();
        pins.pin(&one, "encrypted").unwrap();
        let later = Pins::new(home.path());
        assert_eq!(later.store_of(&one).unwrap().as_deref(), Some("encrypted"));
        let all = [(one.clone(), "encrypted".to_owned()), (other.clone(), "file".to_owned())];
        assert_eq!(later.all().unwrap(), all);
        later.unpin(&one).unwrap();
        later.unpin(&one).unwrap();
        assert_eq!(pins.store_of(&one).unwrap(), None);
    }

    #[test]
    fn a_choice_that_was_changed_by_hand_is_an_error_that_names_its_file() {
        let home = tempfile::tempdir().unwrap();
        let pins = Pins::new(home.path());
        let key = sample_key("https://one.example", "default");
        pins.pin(&key, "keyring").unwrap();
        let file = Files::of(&pins.folder, &key).with_suffix(SUFFIX);
        std::fs::write(&file, "keyring").unwrap();
        let failure = pins.store_of(&key).unwrap_err();
        assert!(failure.detail.contains(file.to_str().unwrap()), "{}", failure.detail);
    }

    #[test]
    fn a_choice_for_another_or_in_no_folder_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let pins = Pins::new(home.path());
        let (one, other) = (sample_key("https://one.example", "default"), sample_key("https://one.example", "work"));
        pins.pin(&one, "keyring").unwrap();
        let file = |key| Files::of(&pins.folder, key).with_suffix(SUFFIX);
        std::fs::copy(file(&one), file(&other)).unwrap();
        assert!(pins.store_of(&other).unwrap_err().detail.contains("was changed"));
        std::fs::remove_dir_all(&pins.folder).unwrap();
        std::fs::write(&pins.folder, "in the way").unwrap();
        assert!(pins.all().unwrap_err().detail.starts_with("listing"));
    }
}
