//! Credentials in files of a private folder.
//!
//! ```text
//! HOME/credentials/NAME.json          the record, sealed with a checksum
//! HOME/credentials/NAME.save          locked for the time of one save, delete or move aside
//! HOME/credentials/NAME.lock          locked for as long as the lease is held; says by whom
//! HOME/credentials/NAME.ledger.json   the ledger
//! HOME/credentials/NAME.spare         noise of the record's size, given up when the disk is full
//! HOME/credentials/NAME.lock.turns/   who has that lock, where the file system has none (and NAME.save.turns/)
//! HOME/credentials/NAME.corrupt-TIME  a record that could not be read
//! ```
//!
//! Folders are 0700 and files 0600 from birth, whatever the umask. A file is never written in place, unless it is a mount
//! point of its own ([`in_place`]): a new one is written beside it, synced, renamed over it, and the folder is synced, so
//! that at every instant the old bytes or the new ones are there as a whole, also after a power cut. A reader that finds
//! the rename of a killed writer need not sync it: the note before its sending syncs the same folder. What a writer left that was killed between its sync and its
//! rename is put in its place by the next one who looks. The two lock files are never removed: a lock on a file without
//! a name keeps nobody out.
//!
//! The parts are shared: [`cabinet`] is a store in a folder, [`shelf`] says what it needs of the place where the bytes of
//! its records lie, and [`file_shelf`] is such a place, in one form or another.

pub(crate) mod cabinet;
mod checkpoints;
pub(crate) mod failure;
pub(crate) mod file_shelf;
mod in_place;
mod lease;
mod ledger;
pub(crate) mod lock_file;
pub(crate) mod paths;
pub(crate) mod platform;
mod record;
pub(crate) mod replace;
pub(crate) mod seal;
pub(crate) mod shelf;
#[cfg(test)]
mod tests;
mod turns;

use std::path::PathBuf;
use std::sync::Arc;

use cabinet::{Cabinet, store_in_a_cabinet};
pub use checkpoints::FileCheckpoints;
use file_shelf::{FileShelf, Plain};

/// A store in the files of one home folder. All processes of one user that name the same folder share it.
///
/// Its methods need a tokio runtime with time enabled; what may block runs on the runtime's blocking threads. A lease is
/// bound to this object: it ends with `unlock`, when the store is dropped, or with the process.
pub struct FileStore {
    cabinet: Cabinet,
}

impl FileStore {
    /// The store under `home`. Nothing is read or made before the first use; missing folders are made then.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let folder = home.into().join("credentials");
        FileStore { cabinet: Cabinet::new(folder, Arc::new(FileShelf::new(Arc::new(Plain)))) }
    }
}

store_in_a_cabinet!(FileStore);
