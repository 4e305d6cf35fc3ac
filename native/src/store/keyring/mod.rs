//! Credentials in the keyring of the system: the Secret Service on Linux and FreeBSD, the Keychain on macOS, the
//! Credential Manager on Windows, and where nobody runs a Secret Service the kernel's keyring.
//!
//! ```text
//! the keyring, tokenway/NAME.ID       the record; or, if it is larger than the keyring takes, the key of its file
//! HOME/keyring/place.json             the random ID of this folder, and which keyring it belongs to
//! HOME/keyring/NAME.item              there is such an item; rewritten after each change of it, holds no secret
//! HOME/keyring/NAME.age               a record that was too large, encrypted
//! HOME/keyring/NAME.lock, .save, .ledger.json   as in the file store
//! ```
//!
//! A refresh writes the item once, in place: a new item would lose the "always allow" of the person. Comparing and
//! writing are one step under a file lock of this machine; because the folder's ID is in the name of each item, nobody
//! shares the item without sharing the lock.
//!
//! The keyring may ask the person to unlock it, and answers only then. Nobody waits for that longer than
//! [`Keyring::with_wait`] says; a write that was begun keeps its lock until it is through.

mod backend;
mod handle;
mod key;
mod place;
mod shelf;

use std::path::PathBuf;
use std::sync::Arc;

use super::file::cabinet::{Cabinet, store_in_a_cabinet};
pub use handle::Keyring;
pub(crate) use key::KeyringKey;
use place::Place;
use shelf::KeyringShelf;

/// The service under which the program that tokenway grew out of keeps its credentials; the user is `codex` and the
/// like, and [`ForeignLogin::of_aether`](tokenway_core::lifecycle::ForeignLogin::of_aether) takes the value.
pub const SEED_SERVICE: &str = "aether-oauth-v1";

/// A store in the keyring. All processes of one user that name the same folder share it.
///
/// As [`FileStore`](super::FileStore) in everything else.
pub struct KeyringStore {
    cabinet: Cabinet,
}

impl KeyringStore {
    /// The store whose locks and notes lie under `home`. Nothing is read, made or connected before the first use.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>, keyring: Keyring) -> Self {
        KeyringStore::with_first_of(home, vec![keyring])
    }

    /// The store in the system's keyring; where there is none when the first credential comes, in the kernel's. One that is
    /// there and locked or silent is an error.
    #[must_use]
    pub fn of_this_machine(home: impl Into<PathBuf>) -> Self {
        let keyrings = [Some(Keyring::of_the_system()), Keyring::of_the_kernel()];
        KeyringStore::with_first_of(home, keyrings.into_iter().flatten().collect())
    }

    /// The same with the first keyring that is there when the first credential comes; from then on it is that one.
    #[must_use]
    pub fn with_first_of(home: impl Into<PathBuf>, keyrings: Vec<Keyring>) -> Self {
        let folder = home.into().join("keyring");
        let shelf = KeyringShelf::new(Place::new(folder.clone(), keyrings));
        KeyringStore { cabinet: Cabinet::new(folder, Arc::new(shelf)) }
    }
}

store_in_a_cabinet!(KeyringStore);
