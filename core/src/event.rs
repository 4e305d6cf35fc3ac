//! What the world answers.

use serde::{Deserialize, Serialize};

use crate::action::LeaseNumber;
use crate::http::{HttpAnswer, IoFailure};
use crate::lifecycle::ledger::StoredLedger;
use crate::lifecycle::record::Record;
use crate::moment::Millis;
use crate::secret::{self, Secret};

/// Names one action of one session: a life (bumped by each resume) and a step in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId {
    /// How often the session was resumed.
    pub life: u32,
    /// How many actions this life had before.
    pub step: u32,
}

/// The answer to one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Event {
    /// The action that it answers.
    pub id: ActionId,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened when an action was performed. [`crate::action::Action::accepts`] says which answers which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "with", rename_all = "snake_case")]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum Outcome {
    /// Somebody had begun before.
    AlreadyBegun,
    /// The claim is ours.
    Begun,
    /// Another holds the lease.
    Busy(Holder),
    /// A redirect or a paste, whole and unparsed.
    Callback(Callback),
    /// The store holds another version: this one, or nothing.
    Conflict(Option<Box<Record>>),
    /// The record is gone.
    Deleted,
    /// The wait is over.
    Elapsed,
    /// It could not be done.
    Failed(IoFailure),
    /// A whole answer, of any status.
    Http(HttpAnswer),
    /// The receiver is bound.
    Listening(Listening),
    /// The record, or nothing.
    Loaded(Option<Box<Record>>),
    /// The lease is ours.
    Locked(Locked),
    /// The lease is no longer ours.
    Lost,
    /// The ledger is durable.
    Noted,
    /// The URL was shown.
    Opened(Opened),
    /// The record is durable.
    Saved,
    /// The deadline passed.
    TimedOut,
    /// The lease is free again.
    Unlocked,
}

impl Outcome {
    /// The outcome's name, for logs and people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::AlreadyBegun => "already begun",
            Outcome::Begun => "begun",
            Outcome::Busy(_) => "busy",
            Outcome::Callback(_) => "callback",
            Outcome::Conflict(_) => "conflict",
            Outcome::Deleted => "deleted",
            Outcome::Elapsed => "elapsed",
            Outcome::Failed(_) => "failed",
            Outcome::Http(_) => "http",
            Outcome::Listening(_) => "listening",
            Outcome::Loaded(_) => "loaded",
            Outcome::Locked(_) => "locked",
            Outcome::Lost => "lost",
            Outcome::Noted => "noted",
            Outcome::Opened(_) => "opened",
            Outcome::Saved => "saved",
            Outcome::TimedOut => "timed out",
            Outcome::Unlocked => "unlocked",
        }
    }
}

/// Where the receiver listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listening {
    /// The redirect URI with the port that was bound.
    pub redirect_uri: String,
}

/// How the URL was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Opened {
    /// False when only a person reading the screen can go on.
    pub browser: bool,
}

/// A lease and the ledger that lies beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Locked {
    /// The fencing number.
    pub lease: LeaseNumber,
    /// What the last holders noted.
    pub ledger: StoredLedger,
}

/// Who holds a lease, as far as it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// A process id, a host, or both; for people.
    pub who: String,
    /// For how long it has been held.
    pub since: Millis,
}

/// A redirect as it arrived, or what a person pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Callback {
    /// How it came.
    pub source: CallbackSource,
    /// The HTTP method; `URL` when the whole URL was handed over (extension, paste).
    pub method: String,
    /// The request target of a listener (origin or absolute form), the whole URL, or the text that was pasted.
    #[serde(with = "secret::exposed")]
    pub target: Secret,
    /// Of the request headers: `host`, `content-type`, `purpose`, `sec-purpose`, `x-purpose`, `x-moz`; lower case.
    pub headers: Vec<(String, String)>,
    /// The body of a POST, else empty.
    #[serde(with = "secret::exposed")]
    pub body: Secret,
}

/// Who could have sent a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackSource {
    /// A socket anyone on the machine can reach: what does not match is ignored.
    Listening,
    /// A window that answers once (`launchWebAuthFlow`): what does not match ends the login.
    OneShot,
    /// Typed or pasted by the person at the local terminal.
    Pasted,
}

#[cfg(test)]
#[path = "event_tests.rs"]
pub(crate) mod tests;
