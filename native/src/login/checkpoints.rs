//! Where logins leave their snapshots, so that another process can go on.

use std::sync::atomic::{AtomicBool, Ordering};

use tokenway_core::action::Begin;
use tokenway_core::snapshot::Snapshot;

/// Keeps the snapshot of one login.
pub trait Checkpoints: Send + Sync + 'static {
    /// Keeps the snapshot, replacing the one before. `None`: the login has ended, remove it. Snapshots hold `state` and
    /// the PKCE verifier: keep them where tokens may be kept.
    fn store(&self, snapshot: Option<Snapshot>);

    /// Replaces the snapshot by `begin.stub` in one atomic step, unless that has happened before: then false.
    ///
    /// # Errors
    /// It could not be written; for people.
    fn begin(&self, begin: &Begin) -> Result<bool, String>;
}

/// Keeps nothing: the login ends with its process. The claim of the code holds within it.
#[derive(Debug, Default)]
pub struct ProcessCheckpoints {
    begun: AtomicBool,
}

impl Checkpoints for ProcessCheckpoints {
    fn store(&self, _snapshot: Option<Snapshot>) {}

    fn begin(&self, _begin: &Begin) -> Result<bool, String> {
        Ok(!self.begun.swap(true, Ordering::AcqRel))
    }
}
