//! Credentials in files that nobody can read without a key: [age](https://age-encryption.org/v1), by the crate of that
//! name, so that other tools can open them too.
//!
//! ```text
//! HOME/encrypted/key.age     the key, closed by a passphrase (scrypt) ...
//! HOME/encrypted/NAME.age    a record, closed by the key (X25519)
//! ```
//!
//! ... or the key lies in the keyring. Passphrases are slow to try on purpose: opening the key takes a good part of a
//! second, once in a process; opening a record does not. Locks, ledgers and atomic writes are the file store's.

mod form;
mod key;
mod seed;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tokenway_core::secret::Secret;

#[cfg(not(feature = "keyring"))]
use form::AgeForm;
#[cfg(feature = "keyring")]
pub(crate) use form::{AgeForm, identity_of, new_identity, text_of};
pub(crate) use key::KeySource;
#[cfg(feature = "keyring")]
pub(crate) use key::Opened;
use key::PassphraseKey;
pub use seed::seed_credentials;

use super::file::cabinet::{Cabinet, store_in_a_cabinet};
use super::file::file_shelf::FileShelf;

/// The cost of trying one passphrase: scrypt with N = 2^17 (128 MiB), what OWASP asks for at least.
pub const SCRYPT_WORK_FACTOR: u8 = 17;

/// A store in encrypted files of one home folder. All processes of one user that name the same folder share it.
///
/// As [`FileStore`](super::FileStore) in everything else.
pub struct EncryptedStore {
    cabinet: Cabinet,
}

impl EncryptedStore {
    /// The store under `home`, opened by a passphrase. Nothing is read or made before the first use: a wrong passphrase
    /// shows then.
    #[must_use]
    pub fn with_passphrase(home: impl Into<PathBuf>, passphrase: Secret) -> Self {
        EncryptedStore::with_work_factor(home, passphrase, SCRYPT_WORK_FACTOR)
    }

    /// The same with another cost than [`SCRYPT_WORK_FACTOR`] for a key that is made: 1 to 22, each step doubles it. A
    /// key that is there is opened whatever it cost.
    #[must_use]
    pub fn with_work_factor(home: impl Into<PathBuf>, passphrase: Secret, log_n: u8) -> Self {
        let folder = home.into().join("encrypted");
        let key = PassphraseKey::new(folder.clone(), passphrase, log_n);
        EncryptedStore::opened_by(folder, Arc::new(key))
    }

    /// The store under `home`, opened by a key that lies in the keyring.
    #[cfg(feature = "keyring")]
    #[must_use]
    pub fn with_keyring(home: impl Into<PathBuf>, keyring: super::Keyring) -> Self {
        let folder = home.into().join("encrypted");
        EncryptedStore::opened_by(folder.clone(), Arc::new(super::keyring::KeyringKey::new(folder, keyring)))
    }

    fn opened_by(folder: PathBuf, key: Arc<dyn KeySource>) -> Self {
        EncryptedStore { cabinet: Cabinet::new(folder, Arc::new(FileShelf::new(Arc::new(AgeForm::new(key))))) }
    }
}

store_in_a_cabinet!(EncryptedStore);
