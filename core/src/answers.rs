//! Outcomes, narrowed to the action that they answer.
//!
//! [`crate::session::Session::handle`] has checked the outcome against `Action::accepts` before a machine sees it, so
//! the "unfit" branch here is never taken; it reads as trouble, the only thing that every action can meet.

use crate::event::{Callback, Holder, Listening, Locked, Outcome};
use crate::http::{HttpAnswer, IoFailure, IoFailureKind, Sent};
use crate::lifecycle::record::Record;

/// Answers to `AwaitCallback`.
pub(crate) enum Awaited {
    Callback(Callback),
    TimedOut,
}

/// Answers to `Begin`.
pub(crate) enum Claim {
    Ours,
    Theirs,
}

/// Answers to `Delete` and `Save`.
pub(crate) enum Written {
    Conflict(Option<Box<Record>>),
    Done,
}

/// Answers to `Lock`.
pub(crate) enum Lease {
    Busy(Holder),
    Ours(Locked),
}

/// Answers to `Note`.
pub(crate) enum Noted {
    Lost,
    Written,
}

impl Outcome {
    pub(crate) fn awaited(self) -> Result<Awaited, IoFailure> {
        if let Outcome::Callback(callback) = self {
            return Ok(Awaited::Callback(callback));
        }
        if let Outcome::TimedOut = self {
            return Ok(Awaited::TimedOut);
        }
        Err(self.failure())
    }

    pub(crate) fn claim(self) -> Result<Claim, IoFailure> {
        if let Outcome::Begun = self {
            return Ok(Claim::Ours);
        }
        if let Outcome::AlreadyBegun = self {
            return Ok(Claim::Theirs);
        }
        Err(self.failure())
    }

    pub(crate) fn http(self) -> Result<HttpAnswer, IoFailure> {
        if let Outcome::Http(answer) = self {
            return Ok(answer);
        }
        Err(self.failure())
    }

    pub(crate) fn lease(self) -> Result<Lease, IoFailure> {
        if let Outcome::Locked(locked) = self {
            return Ok(Lease::Ours(locked));
        }
        if let Outcome::Busy(holder) = self {
            return Ok(Lease::Busy(holder));
        }
        Err(self.failure())
    }

    pub(crate) fn listening(self) -> Result<Listening, IoFailure> {
        if let Outcome::Listening(listening) = self {
            return Ok(listening);
        }
        Err(self.failure())
    }

    pub(crate) fn loaded(self) -> Result<Option<Box<Record>>, IoFailure> {
        if let Outcome::Loaded(record) = self {
            return Ok(record);
        }
        Err(self.failure())
    }

    pub(crate) fn noted(self) -> Result<Noted, IoFailure> {
        if let Outcome::Noted = self {
            return Ok(Noted::Written);
        }
        if let Outcome::Lost = self {
            return Ok(Noted::Lost);
        }
        Err(self.failure())
    }

    pub(crate) fn opened(self) -> Result<(), IoFailure> {
        if let Outcome::Opened(_) = self {
            return Ok(());
        }
        Err(self.failure())
    }

    pub(crate) fn written(self) -> Result<Written, IoFailure> {
        if matches!(self, Outcome::Saved | Outcome::Deleted) {
            return Ok(Written::Done);
        }
        if let Outcome::Conflict(record) = self {
            return Ok(Written::Conflict(record));
        }
        Err(self.failure())
    }

    fn failure(self) -> IoFailure {
        if let Outcome::Failed(failure) = self {
            return failure;
        }
        unfit()
    }
}

fn unfit() -> IoFailure {
    let detail = "the outcome does not answer the action".to_owned();
    IoFailure { sent: Sent::MaybeSent, kind: IoFailureKind::Unable, detail }
}
