//! Where the bytes of a record lie: in a file, or wherever a file says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenway_core::secret::Secret;

use super::lock_file::LockFile;
use super::paths::Files;
use crate::store::Answer;

/// What is wrong with stored bytes, for people.
pub(crate) type Damage = &'static str;

/// Keeps other writers of one record out, until its last copy is dropped. Whoever writes in the background keeps one.
pub(crate) type Writing = Arc<LockFile>;

/// What was read: the JSON object without its seal, or why it is none.
pub(crate) type Found = Result<Secret, Damage>;

/// Keeps the bytes of records. Comparing, locking and the meaning of the bytes are not its concern.
pub(crate) trait Shelf: Send + Sync + 'static {
    /// How the name of the file ends that is there when a record is. It is listed, and its changes are the record's.
    fn suffix(&self) -> &'static str;

    /// What is stored. An error is trouble with the place, after which the bytes may still be good.
    fn read(&self, files: &Files) -> Answer<Option<Found>>;

    /// Puts sealed text in the place of what is stored, durably.
    fn write(&self, files: &Files, sealed: &Secret, writing: &Writing) -> Answer<()>;

    /// Removes what is stored and every copy of it.
    fn remove(&self, files: &Files, writing: &Writing) -> Answer<()>;

    /// Moves what is stored out of the way, and says where to.
    fn move_aside(&self, files: &Files, writing: &Writing) -> Answer<String>;

    /// What killed writers left: complete and not put in its place, or torn.
    fn left_overs(&self, files: &Files) -> Answer<Vec<LeftOver>>;

    /// Puts what a killed writer left in its place, durably.
    fn promote(&self, files: &Files, left_over: &LeftOver) -> Answer<()>;

    /// Does with a value of its own what a save does.
    fn probe(&self, folder: &Path) -> Answer<()>;

    /// Where the record is, in an error.
    fn place(&self, files: &Files) -> String;

    /// Where the secrets lie and who can read them there, for people.
    fn describe(&self, folder: &Path) -> String;
}

/// A temporary file whose writer may be dead.
pub(crate) struct LeftOver {
    pub(crate) path: PathBuf,
    /// Whether it was made before the stored bytes were written in place: then those may be torn, and it is not.
    pub(crate) is_copy: bool,
    pub(crate) found: Found,
}
