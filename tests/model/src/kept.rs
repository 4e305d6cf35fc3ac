//! Values that are hashed once and shared by every state that holds them: a state is copied and compared a million times.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value that does not change any more. Equal when the hashes are, as states are to the checker.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    hash: u64,
    value: Arc<T>,
}

impl<T: Hash> Kept<T> {
    /// Hashes the value.
    pub(crate) fn new(value: T) -> Self {
        Kept { hash: hash_of(&value), value: Arc::new(value) }
    }
}

/// The same in every run.
pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl<T> Eq for Kept<T> {}
