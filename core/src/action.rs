//! What a machine asks of the world. Each action carries all that a process without any other memory needs to perform it.

use serde::{Deserialize, Serialize};

use crate::event::Outcome;
use crate::http::HttpRequest;
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::record::{CredentialKey, Record, Version};
use crate::moment::{Millis, UnixMillis};
use crate::snapshot::Snapshot;

/// One thing for the driver to do, now. The table of answers is [`Action::accepts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum Action {
    /// Wait for the redirect.
    AwaitCallback(AwaitCallback),
    /// Claim the one right to spend the code.
    Begin(Begin),
    /// Remove a record.
    Delete(Delete),
    /// Any HTTP exchange that is not a form.
    Fetch(HttpRequest),
    /// Bind the redirect receiver.
    Listen(Listen),
    /// Read a record.
    Load(Load),
    /// Take the lease on a credential.
    Lock(Lock),
    /// Write the ledger durably.
    Note(Note),
    /// Show a URL to the person, and open it in their browser.
    OpenUrl(OpenUrl),
    /// POST a form.
    PostForm(HttpRequest),
    /// Write a record durably.
    Save(Save),
    /// Give the lease back.
    Unlock(Unlock),
    /// Wait.
    WaitUntil(WaitUntil),
}

/// Bind the first of `candidates` that is free, on loopback only. Answers: `Listening`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listen {
    /// Redirect URIs in order of preference. Port 0 stands for any free port: the answer names the one taken.
    /// For the host `localhost` both `127.0.0.1` and `[::1]` are bound.
    pub candidates: Vec<String>,
}

/// Show `url` and open it. Answers: `Opened` (whether or not a browser came up, the URL was shown), `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenUrl {
    /// The authorization request. Holds `state` and the challenge, no secrets.
    pub url: String,
}

/// Wait for a redirect to `redirect_uri`, or for something pasted, until `deadline`. Answers: `Callback`, `TimedOut`,
/// `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AwaitCallback {
    /// The URL again, for drivers that open and wait in one step, and for resumed processes.
    pub url: String,
    /// The exact URI the server redirects to.
    pub redirect_uri: String,
    /// When the login is given up.
    pub deadline: UnixMillis,
}

/// Replace the stored snapshot of this login by `stub`, atomically, if nobody did so before. Answers: `Begun`,
/// `AlreadyBegun`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Begin {
    /// Names the login among others (not a secret).
    pub login: String,
    /// What a later process finds.
    pub stub: Snapshot,
}

/// Read the credential. Answers: `Loaded`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Load {
    /// Which credential.
    pub key: CredentialKey,
}

/// Write `record` in one atomic step, if what is stored has exactly the version `expected`. Answers: `Saved`,
/// `Conflict`, `Failed`. A conflict that shows `record` itself counts as saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Save {
    /// Which credential.
    pub key: CredentialKey,
    /// `None` matches only absence.
    pub expected: Option<Version>,
    /// What to write.
    pub record: Box<Record>,
}

/// Remove the credential and its ledger in one atomic step, if what is stored has exactly the version `expected`.
/// Answers: `Deleted`, `Conflict`, `Failed`. Absent counts as deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Delete {
    /// Which credential.
    pub key: CredentialKey,
    /// What must be stored for the deletion to happen.
    pub expected: Version,
}

/// Take the lease on the credential, waiting for it at most `wait`. Answers: `Locked`, `Busy`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lock {
    /// Which credential.
    pub key: CredentialKey,
    /// The longest that the driver blocks before it answers `Busy`.
    pub wait: Millis,
    /// How long the holder will need it, for leases that expire.
    pub hold: Millis,
}

/// Give the lease back. Answers: `Unlocked`, `Lost`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unlock {
    /// Which credential.
    pub key: CredentialKey,
    /// The lease to give back.
    pub lease: LeaseNumber,
}

/// Write the ledger, durably, if the lease is still current. Answers: `Noted`, `Lost`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Note {
    /// Which credential.
    pub key: CredentialKey,
    /// The lease under which it is written.
    pub lease: LeaseNumber,
    /// What to write, as spans counted from the moment of writing.
    pub ledger: Ledger,
}

/// Wait until `at` by the wall clock or until `span` has passed, whichever comes first: clocks jump. Answers:
/// `Elapsed`, `Failed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WaitUntil {
    /// The instant.
    pub at: UnixMillis,
    /// The span, from when the action is performed.
    pub span: Millis,
}

/// The fencing number of a lease: larger for each new holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseNumber(pub u64);

impl Action {
    /// The action's name, for logs and people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::AwaitCallback(_) => "await callback",
            Action::Begin(_) => "begin",
            Action::Delete(_) => "delete",
            Action::Fetch(_) => "fetch",
            Action::Listen(_) => "listen",
            Action::Load(_) => "load",
            Action::Lock(_) => "lock",
            Action::Note(_) => "note",
            Action::OpenUrl(_) => "open URL",
            Action::PostForm(_) => "post form",
            Action::Save(_) => "save",
            Action::Unlock(_) => "unlock",
            Action::WaitUntil(_) => "wait",
        }
    }

    /// The one table of what answers what. `Failed` answers everything.
    #[must_use]
    pub fn accepts(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::AlreadyBegun | Outcome::Begun => matches!(self, Action::Begin(_)),
            Outcome::Busy(_) | Outcome::Locked(_) => matches!(self, Action::Lock(_)),
            Outcome::Callback(_) | Outcome::TimedOut => matches!(self, Action::AwaitCallback(_)),
            Outcome::Conflict(_) => matches!(self, Action::Save(_) | Action::Delete(_)),
            Outcome::Deleted => matches!(self, Action::Delete(_)),
            Outcome::Elapsed => matches!(self, Action::WaitUntil(_)),
            Outcome::Failed(_) => true,
            Outcome::Http(_) => matches!(self, Action::Fetch(_) | Action::PostForm(_)),
            Outcome::Listening(_) => matches!(self, Action::Listen(_)),
            Outcome::Loaded(_) => matches!(self, Action::Load(_)),
            Outcome::Lost => matches!(self, Action::Note(_) | Action::Unlock(_)),
            Outcome::Noted => matches!(self, Action::Note(_)),
            Outcome::Opened(_) => matches!(self, Action::OpenUrl(_)),
            Outcome::Saved => matches!(self, Action::Save(_)),
            Outcome::Unlocked => matches!(self, Action::Unlock(_)),
        }
    }
}

#[cfg(test)]
#[path = "action_tests.rs"]
pub(crate) mod tests;
