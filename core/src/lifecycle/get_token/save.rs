//! From the answer to the disk: no wait, no way around, and tries until it worked.

#![allow(
    clippy::boxed_local,
    reason = "what is handed on from state to state stays in its box: taking it out costs code"
)]

use super::token::{Ending, TokenNote};
use super::{AfterNote, GetToken, Held, Sending, State, Task, Token};
use crate::action::{Action, Save, WaitUntil};
use crate::answers::Written;
use crate::error::{Failure, FlowStep};
use crate::event::Outcome;
use crate::http::IoFailure;
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::policy::Wish;
use crate::lifecycle::record::{CredentialKey, Mark, Record, Version};
use crate::lifecycle::revoke::Revoke;
use crate::machine::Next;
use crate::moment::{Millis, Moment, UnixMillis};
use crate::secret::TokenHash;

use super::decide::nobody;

/// The first pause after a failed save; each next one is twice as long, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Millis = Millis(100);

/// The longest pause between two tries to save.
const MAX_PAUSE: Millis = Millis::seconds(5);

/// How long a save is tried, by the pauses between the tries: a person may free a full disk in that time.
const PATIENCE: Millis = Millis::seconds(600);

/// How often a conflict is met with another save: the lease is ours, so more than one is odd already.
const MAX_CONFLICTS: u8 = 8;

/// New tokens on their way to the store.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Saving {
    held: Held,
    record: Box<Record>,
    expected: Version,
    spent: TokenHash,
    /// The notes to be written after the save, where the save alone does not say that the answer came.
    answered: Option<Box<Ledger>>,
    /// What else was wrong with the answer, to be said after the save.
    complaint: Option<Box<Failure>>,
    conflicts: u8,
    trouble: Option<Trouble>,
}

/// A save that failed, and the pause before the next.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Trouble {
    seen: IoFailure,
    paused: Millis,
    pause: Millis,
    /// When the pause ends; `None` while the save is tried again.
    until: Option<UnixMillis>,
}

impl Saving {
    pub(super) fn new(
        sending: Box<Sending>,
        record: Record,
        answered: Option<Box<Ledger>>,
        complaint: Option<Box<Failure>>,
    ) -> Box<Self> {
        Box::new(Saving {
            expected: sending.record.version(),
            spent: sending.spent.hash(),
            held: sending.held,
            record: Box::new(record),
            answered,
            complaint,
            conflicts: 0,
            trouble: None,
        })
    }

    pub(super) fn action(&self, key: CredentialKey) -> Action {
        match &self.trouble {
            Some(Trouble { until: Some(until), pause, .. }) => {
                Action::WaitUntil(WaitUntil { at: *until, span: *pause })
            }
            Some(Trouble { until: None, .. }) | None => {
                Action::Save(Save { key, expected: Some(self.expected.clone()), record: self.record.clone() })
            }
        }
    }

    /// The tokens, once a save of them has failed.
    pub(super) fn unsaved(&self) -> Option<Token> {
        let trouble = self.trouble.as_ref().filter(|_| self.complaint.is_none())?;
        Some(self.not_saved_token(&trouble.seen))
    }

    fn not_saved_token(&self, seen: &IoFailure) -> Token {
        let failure = Failure::store(FlowStep::Saving, seen);
        Token { record: self.record.clone(), notes: vec![TokenNote::NotSaved(failure)] }
    }

    /// The end of a save that worked.
    fn saved(self: Box<Self>, wish: &Wish, now: UnixMillis) -> Ending {
        match self.complaint {
            Some(failure) => Ending::missed(self.record, wish, failure, now),
            None => Ending::token(self.record, Vec::new()),
        }
    }

    /// The end of a save that was given up.
    fn not_saved(self: Box<Self>, seen: &IoFailure) -> Ending {
        match self.complaint {
            Some(failure) => Ending::Failure(failure.with_unsaved(self.record)),
            None => Ending::Token(Box::new(self.not_saved_token(seen))),
        }
    }
}

impl Task {
    pub(super) fn save(self: Box<Self>, saving: Box<Saving>) -> Next<GetToken, Token> {
        self.to(State::Saving(saving))
    }

    pub(super) fn save_answered(
        self: Box<Self>,
        mut saving: Box<Saving>,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        if let Some(trouble) = saving.trouble.as_mut().filter(|trouble| trouble.until.is_some()) {
            trouble.until = None;
            return self.save(saving);
        }
        match outcome.written() {
            Ok(Written::Done) => {
                let (held, answered) = (saving.held.clone(), saving.answered.take());
                let end = saving.saved(&self.wish, moment.now);
                match answered {
                    Some(ledger) => self.to(State::Noting { held, ledger, then: AfterNote::Unlock(end) }),
                    None => self.unlock(&held, end),
                }
            }
            Ok(Written::Conflict(theirs)) => self.save_conflict(saving, theirs, moment),
            Err(failure) => self.save_failed(saving, failure, moment),
        }
    }

    /// The lease stays held: nobody else can spend what these tokens replaced.
    fn save_failed(
        self: Box<Self>,
        mut saving: Box<Saving>,
        seen: IoFailure,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let (paused, pause) = match &saving.trouble {
            Some(trouble) => (trouble.paused.plus(trouble.pause), MAX_PAUSE.min(trouble.pause.plus(trouble.pause))),
            None => (Millis::ZERO, FIRST_PAUSE),
        };
        if paused >= PATIENCE {
            let held = saving.held.clone();
            return self.unlock(&held, saving.not_saved(&seen));
        }
        saving.trouble = Some(Trouble { seen, paused, pause, until: Some(moment.now.plus(pause)) });
        self.save(saving)
    }

    fn save_conflict(
        self: Box<Self>,
        mut saving: Box<Saving>,
        theirs: Option<Box<Record>>,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        saving.conflicts += 1;
        let Some(theirs) = theirs else {
            return self.revoke_ours(saving, Ending::Failure(nobody()), moment);
        };
        if theirs.mark == Mark::LoggedOut {
            let end = Ending::FinishLogout { record: theirs, failure: nobody() };
            return self.revoke_ours(saving, end, moment);
        }
        if theirs.login_id != saving.record.login_id {
            let end = self.adopted(theirs, moment.now);
            if self.config.provider.revocation.per_token {
                return self.revoke_ours(saving, end, moment);
            }
            return self.unlock(&saving.held, end);
        }
        let ours_to_replace = theirs.refresh_token.as_ref().is_some_and(|token| token.hash() == saving.spent);
        if ours_to_replace && saving.conflicts <= MAX_CONFLICTS {
            saving.expected = theirs.version();
            saving.record.generation = theirs.generation.saturating_add(1);
            return self.save(saving);
        }
        let end = self.adopted(theirs, moment.now);
        self.unlock(&saving.held, end)
    }

    /// The login is over, and these tokens with it.
    fn revoke_ours(self: Box<Self>, saving: Box<Saving>, end: Ending, moment: &Moment) -> Next<GetToken, Token> {
        match Revoke::new(&self.config, &saving.record, moment.now) {
            Some(revoke) => self.to(State::Revoking { held: saving.held, revoke: Box::new(revoke), end }),
            None => self.unlock(&saving.held, end),
        }
    }
}
