//! A valid access token for as long as the grant lives: the refresh transaction.
//!
//! ```text
//!  Loading --fresh--> done                                     (none: log in)
//!     | due, dead, rejected
//!  Locking --busy--> Loading again, until the deadline
//!     | lease and ledger
//!  Rereading --fresh, adopted--> Unlocking --> done
//!     | must be renewed and may be (decide.rs)
//!  Noting the intent --failed, lost--> Unlocking
//!     |
//!  Posting --answer (answer.rs)--> Saving (save.rs) --> Unlocking --> done
//!     |  ^---- once more, a second later, when nobody knows whether it arrived
//!     `--refused, asked to wait, in trouble--> Noting --> Unlocking
//! ```
//! Record and ledger are the only truth, so there is no snapshot: a new run finds everything there. Every end but
//! success first asks whether the token is still usable; if so, the trouble is a note.

mod answer;
mod decide;
mod save;
mod token;

use crate::action::{Action, LeaseNumber, Load, Lock, Note, Unlock, WaitUntil};
use crate::answers::{Lease, Noted};
use crate::config::Config;
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::{Holder, Outcome};
use crate::http::HttpRequest;
use crate::lifecycle::ledger::{Ledger, StoredLedger};
use crate::lifecycle::logout::Logout;
use crate::lifecycle::policy::Wish;
use crate::lifecycle::record::Record;
use crate::lifecycle::revoke::Revoke;
use crate::machine::{Machine, Next};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::secret::Secret;
use crate::session::Session;
use crate::wire::text;
use crate::wire::token_request;

use save::Saving;
use token::Ending;
pub use token::{Token, TokenNote};

/// How long one wait for the lease blocks before the record is looked at again: what a waiter waits for is the other
/// process's save, so it should see it soon.
const LOCK_STEP: Millis = Millis(250);

/// Time to save within a lease that expires, and so the longest that may pass between asking for it and the decision to
/// send: a later sending could still be under way when the lease has gone to another process.
const SAVE_TIME: Millis = Millis::seconds(10);

/// The machine of one request for a token.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct GetToken {
    task: Box<Task>,
    state: State,
}

/// What stays the same from state to state.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Task {
    config: Config,
    wish: Wish,
}

#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum State {
    FinishingLogout { logout: Box<Logout>, failure: Box<Failure> },
    Loading { waited: Millis, busy: Option<Busy> },
    Locking { record: Box<Record>, waited: Millis, asked_at: UnixMillis },
    Noting { held: Held, ledger: Box<Ledger>, then: AfterNote },
    Pausing { held: Held, until: UnixMillis, span: Millis, then: AfterPause },
    Posting(Box<Sending>),
    Rereading { held: Held, seen: Box<Record> },
    RereadingAfterRefusal { sending: Box<Sending>, failure: Box<Failure> },
    Revoking { held: Held, revoke: Box<Revoke>, end: Ending },
    Saving(Box<Saving>),
    Unlocking { lease: LeaseNumber, end: Ending },
}

/// Another process holds the lease: who, and what the record was when it was last seen.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Busy {
    holder: Holder,
    seen: Box<Record>,
}

/// A lease, and the notes as they stood when they were last read or written. Time that passes since makes them
/// stricter than they need be, never laxer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Held {
    lease: LeaseNumber,
    /// When the lease was asked for.
    asked_at: UnixMillis,
    ledger: Box<StoredLedger>,
}

/// One sending of a refresh token.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Sending {
    held: Held,
    record: Box<Record>,
    /// The record's refresh token.
    spent: Secret,
    /// The notes without this sending, and with it, as of `noted_at`.
    before: Box<Ledger>,
    noted: Box<Ledger>,
    noted_at: UnixMillis,
    /// Counted from the decision, so that the note, which is written later, promises no less.
    not_after: UnixMillis,
    /// How often the same token had been sent before.
    resends: u32,
    /// Tries of this sending that did not leave this machine.
    unsent: u8,
}

/// Where a note leads.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum AfterNote {
    /// It was the intent: send, or if it could not be written, do not.
    Post { record: Box<Record>, spent: Secret, before: Box<Ledger>, not_after: UnixMillis, resends: u32 },
    /// It was the last word of this run.
    Unlock(Ending),
    /// An account that changed: our new tokens are of no use to anybody.
    Revoke { revoke: Option<Box<Revoke>>, end: Ending },
    /// Nobody knows whether the first sending arrived: once more.
    SendAgain { age: Millis, seen: Box<Record> },
}

/// Where a pause leads.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum AfterPause {
    Post(Box<Sending>),
    Reread { seen: Box<Record> },
}

impl GetToken {
    /// Asks for a token that meets the wish.
    #[must_use]
    pub fn start(config: &Config, wish: Wish, _moment: Moment) -> Session<GetToken> {
        let state = State::Loading { waited: Millis::ZERO, busy: None };
        Session::new(GetToken { task: Box::new(Task { config: config.clone(), wish }), state })
    }
}

impl Held {
    /// After a wait of ours, which passed whatever the wall clock says.
    fn aged(self, by: Millis) -> Self {
        match *self.ledger {
            StoredLedger::Read(ledger) => Held { ledger: Box::new(StoredLedger::Read(ledger.aged(by))), ..self },
            StoredLedger::Absent | StoredLedger::Newer | StoredLedger::Unreadable => self,
        }
    }
}

impl Session<GetToken> {
    /// The new tokens, once a save of them has failed and while it is tried again: for the owner of the request alone.
    #[must_use]
    pub fn unsaved(&self) -> Option<Token> {
        match &self.machine()?.state {
            State::Saving(saving) => saving.unsaved(),
            State::FinishingLogout { .. }
            | State::Loading { .. }
            | State::Locking { .. }
            | State::Noting { .. }
            | State::Pausing { .. }
            | State::Posting(_)
            | State::Rereading { .. }
            | State::RereadingAfterRefusal { .. }
            | State::Revoking { .. }
            | State::Unlocking { .. } => None,
        }
    }
}

impl Task {
    fn with(self: Box<Self>, state: State) -> GetToken {
        GetToken { task: self, state }
    }

    fn to(self: Box<Self>, state: State) -> Next<GetToken, Token> {
        Next::Continue(self.with(state))
    }

    /// Gives the lease back, then ends.
    fn unlock(self: Box<Self>, held: &Held, end: Ending) -> Next<GetToken, Token> {
        self.to(State::Unlocking { lease: held.lease, end })
    }

    /// Ends without a lease to give back.
    fn end(self: Box<Self>, end: Ending, moment: &Moment) -> Next<GetToken, Token> {
        match end {
            Ending::Failure(failure) => Next::Fail(failure),
            Ending::FinishLogout { record, failure } => {
                let logout = Box::new(Logout::finish(&self.config, record, moment));
                self.to(State::FinishingLogout { logout, failure })
            }
            Ending::Token(token) => Next::Done(*token),
        }
    }

    fn lock_answered(
        self: Box<Self>,
        record: Box<Record>,
        waited: Millis,
        asked_at: UnixMillis,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        match outcome.lease() {
            Ok(Lease::Ours(locked)) => {
                let held = Held { lease: locked.lease, asked_at, ledger: Box::new(locked.ledger) };
                self.to(State::Rereading { held, seen: record })
            }
            Ok(Lease::Busy(holder)) => {
                let waited = waited.plus(LOCK_STEP);
                if waited < self.patience() {
                    return self.to(State::Loading { waited, busy: Some(Busy { holder, seen: record }) });
                }
                let end = Ending::missed(record, &self.wish, busy_failure(&holder, moment.now), moment.now);
                self.end(end, moment)
            }
            Err(failure) => {
                let failure = Failure::store(FlowStep::Locking, &failure);
                let end = Ending::missed(record, &self.wish, failure, moment.now);
                self.end(end, moment)
            }
        }
    }

    /// How long another process's renewal is waited for: as long as it can last.
    fn patience(&self) -> Millis {
        self.config.timing.landing_window()
    }

    fn noted(
        self: Box<Self>,
        held: Held,
        ledger: Box<Ledger>,
        then: AfterNote,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let written = outcome.noted();
        let held = Held { ledger: Box::new(StoredLedger::Read((*ledger).clone())), ..held };
        match then {
            AfterNote::Post { record, spent, before, not_after, resends } => {
                let failure = match written {
                    Ok(Noted::Written) => {
                        let (noted, noted_at) = (ledger, moment.now);
                        return self.to(State::Posting(Box::new(Sending {
                            held,
                            record,
                            spent,
                            before,
                            noted,
                            noted_at,
                            not_after,
                            resends,
                            unsent: 0,
                        })));
                    }
                    Ok(Noted::Lost) => lost_lease(moment.now),
                    Err(failure) => Failure::store(FlowStep::Locking, &failure),
                };
                let end = Ending::missed(record, &self.wish, failure, moment.now);
                self.unlock(&held, end)
            }
            AfterNote::Revoke { revoke: Some(revoke), end } => self.to(State::Revoking { held, revoke, end }),
            AfterNote::Revoke { revoke: None, end } | AfterNote::Unlock(end) => self.unlock(&held, end),
            AfterNote::SendAgain { age, seen } => {
                let span = answer::SEND_AGAIN_AFTER.minus(age);
                let until = moment.now.plus(span);
                self.to(State::Pausing { held, until, span, then: AfterPause::Reread { seen } })
            }
        }
    }

    fn request(&self, sending: &Sending) -> HttpRequest {
        let record = &sending.record;
        let mut request =
            token_request::refresh(&self.config, &record.token_endpoint, &record.resources, &sending.spent);
        request.not_after = Some(sending.not_after);
        request.lease = Some(sending.held.lease);
        request
    }
}

impl Machine for GetToken {
    type Output = Token;
    const NAME: &'static str = "get token";

    fn action(&self) -> Action {
        let config = &self.task.config;
        let key = config.key.clone();
        match &self.state {
            State::FinishingLogout { logout, .. } => logout.action(),
            State::Loading { .. } | State::Rereading { .. } | State::RereadingAfterRefusal { .. } => {
                Action::Load(Load { key })
            }
            State::Locking { .. } => {
                let hold = config.timing.landing_window().plus(SAVE_TIME);
                Action::Lock(Lock { key, wait: LOCK_STEP, hold })
            }
            State::Noting { held, ledger, .. } => {
                Action::Note(Note { key, lease: held.lease, ledger: (**ledger).clone() })
            }
            State::Pausing { until, span, .. } => Action::WaitUntil(WaitUntil { at: *until, span: *span }),
            State::Posting(sending) => Action::PostForm(self.task.request(sending)),
            State::Revoking { revoke, .. } => revoke.action(),
            State::Saving(saving) => saving.action(key),
            State::Unlocking { lease, .. } => Action::Unlock(Unlock { key, lease: *lease }),
        }
    }

    fn advance(self, outcome: Outcome, moment: Moment) -> Next<GetToken, Token> {
        let GetToken { task, state } = self;
        match state {
            State::FinishingLogout { logout, failure } => (*logout).advance(outcome, moment).nest(
                (task, failure),
                |(task, failure), logout| task.with(State::FinishingLogout { logout: Box::new(logout), failure }),
                |(_, failure), _| Next::Fail(failure),
            ),
            State::Loading { waited, busy } => task.loaded(waited, busy, outcome, &moment),
            State::Locking { record, waited, asked_at } => {
                task.lock_answered(record, waited, asked_at, outcome, &moment)
            }
            State::Noting { held, ledger, then } => task.noted(held, ledger, then, outcome, &moment),
            State::Pausing { held, span, then, .. } => match then {
                AfterPause::Post(sending) => task.to(State::Posting(sending)),
                AfterPause::Reread { seen } => task.to(State::Rereading { held: held.aged(span), seen }),
            },
            State::Posting(sending) => task.answered(sending, outcome, &moment),
            State::Rereading { held, seen } => task.reread(held, seen, outcome, &moment),
            State::RereadingAfterRefusal { sending, failure } => task.refused(sending, failure, outcome, &moment),
            State::Revoking { held, revoke, end } => revoke.advance(outcome, moment).nest(
                (task, held, end),
                |(task, held, end), revoke| task.with(State::Revoking { held, revoke: Box::new(revoke), end }),
                |(task, held, end), _| task.unlock(&held, end),
            ),
            State::Saving(saving) => task.save_answered(saving, outcome, &moment),
            // Whatever became of the lease: it is not ours any more, and the end stands.
            State::Unlocking { end, .. } => task.end(end, &moment),
        }
    }
}

fn busy_failure(holder: &Holder, now: UnixMillis) -> Box<Failure> {
    let detail = text::joined(&[
        "another process is renewing it: ",
        &holder.who,
        ", for ",
        &text::decimal(holder.since.0 / 1_000),
        " s",
    ]);
    let next = NextStep::RetryAt { at: now.plus(Millis::seconds(1)) };
    Failure::boxed(FlowStep::Locking, FailureKind::Busy, detail, next)
}

/// The lease would not outlast a sending any more.
fn old_lease(now: UnixMillis) -> Box<Failure> {
    let detail = "this process stood still for too long with the lock in hand, so nothing was sent";
    Failure::boxed(FlowStep::Locking, FailureKind::Busy, detail, NextStep::RetryAt { at: now })
}

fn lost_lease(now: UnixMillis) -> Box<Failure> {
    let detail = "the lock was lost before anything was sent";
    Failure::boxed(FlowStep::Locking, FailureKind::Busy, detail, NextStep::RetryAt { at: now })
}
