//! Where logins leave their snapshots, so that another process can go on.

use std::sync::atomic::{AtomicBool, Ordering};

use tokenway_core::action::Begin;
use tokenway_core::event::Callback;
use tokenway_core::snapshot::Snapshot;

/// Keeps the snapshot of one login. Its methods are called on the client's own thread: they should be quick.
pub trait Checkpoints: Send + Sync + 'static {
    /// Keeps the snapshot, replacing the one before. `None`: the login has ended, remove whatever was kept. Snapshots
    /// hold `state` and the PKCE verifier: keep them where tokens may be kept.
    fn store(&self, snapshot: Option<Snapshot>);

    /// Replaces the snapshot by `begin.stub` in one atomic step, and removes a redirect that was kept. False: another
    /// did so before, or nothing is kept any more.
    ///
    /// # Errors
    /// It could not be written; for people.
    fn begin(&self, begin: &Begin) -> Result<bool, String>;

    /// Keeps a redirect as it arrived, before anything looks at it. It holds the code. `None`: it was a stray, remove
    /// it. By default nothing is kept: whoever loses the process then has to reload the page in the browser.
    fn keep_redirect(&self, redirect: Option<&Callback>) {
        let _ = redirect;
    }

    /// The redirect that is kept.
    fn kept_redirect(&self) -> Option<Callback> {
        None
    }
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
