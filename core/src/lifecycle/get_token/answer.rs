//! What the answer to a sending means, and what is noted of it.

#![allow(
    clippy::boxed_local,
    reason = "what is handed on from state to state stays in its box: taking it out costs code"
)]

use super::decide::{nobody, outcome_unknown};
use super::save::Saving;
use super::token::Ending;
use super::{AfterNote, AfterPause, GetToken, Sending, State, Task, Token};
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::Outcome;
use crate::flow::id_token;
use crate::http::IoFailure;
use crate::lifecycle::ledger::{Ledger, MAX_COOL_DOWN};
use crate::lifecycle::record::{Mark, Record};
use crate::lifecycle::revoke::Revoke;
use crate::lifecycle::{identity, policy, renewal};
use crate::machine::Next;
use crate::moment::{Millis, Moment, UnixMillis};
use crate::wire::class::Advice;
use crate::wire::text;
use crate::wire::token::{self, Tokens};
use crate::wire::token_error::{self, AnswerError, Fate};

/// When the same token is sent again after a sending of unknown fate: grace windows of servers are short.
pub(super) const SEND_AGAIN_AFTER: Millis = Millis::seconds(1);

/// How often a sending that never left this machine is tried at once.
const UNSENT_TRIES: u8 = 3;

/// The pause between those tries.
const UNSENT_PAUSE: Millis = Millis(200);

/// How long a server is left alone that asked for it without saying for how long.
const COOL_DOWN: Millis = Millis::seconds(10);

/// The shortest cool-down, whatever a server says: "at once" is not an answer that a hundred callers may take.
const MIN_COOL_DOWN: Millis = Millis::seconds(1);

/// How long before a configuration that the server refused is tried again: long enough to stop a storm, short enough
/// for a person who has just corrected it.
const MISCONFIGURED_COOL_DOWN: Millis = Millis::seconds(2);

/// When to come back after a request that could not leave.
const UNSENT_RETRY_AFTER: Millis = Millis::seconds(2);

impl Task {
    /// The outcome of a sending.
    pub(super) fn answered(
        self: Box<Self>,
        sending: Box<Sending>,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        match outcome.http() {
            Ok(answer) => match token::read(&answer, &self.config.refresh_context(&sending.spent)) {
                Ok(tokens) => self.received(sending, tokens, answer.received_at, moment),
                Err(error) => self.not_renewed(sending, error, None, moment),
            },
            Err(failure) => self.not_renewed(sending, token_error::read_failure(&failure), Some(failure), moment),
        }
    }

    /// Tokens: saved before anything else is said about them.
    fn received(
        self: Box<Self>,
        sending: Box<Sending>,
        tokens: Tokens,
        received_at: UnixMillis,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let before = &sending.record;
        let provider = &self.config.provider;
        let claims = identity::read(provider, &tokens.access_token, tokens.id_token.as_ref());
        let changed = identity::changed(provider, &before.claims, &claims)
            .map(|claim| text::joined(&["the new tokens speak of another account: their ", claim, " differs"]))
            .or_else(|| id_token::check_renewed(&self.config, tokens.id_token.as_ref()).err());
        let for_rejection = policy::is_rejected(before, &self.wish);
        let record = renewal::next(&self.config, before, &sending.spent, tokens, received_at, for_rejection, moment);
        if let Some(why) = changed {
            return self.account_changed(sending, &record, why, moment);
        }
        // A server that does not rotate: the intent names the token that will be sent next, and its answer has come.
        let kept = record.refresh_token.as_ref() == Some(&sending.spent);
        let answered = kept.then(|| sending.restored(moment.now));
        self.save(Saving::new(sending, record, answered, None))
    }

    fn not_renewed(
        self: Box<Self>,
        sending: Box<Sending>,
        error: Box<AnswerError>,
        io: Option<IoFailure>,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        if let Some(refresh_token) = error.kept_refresh_token.clone() {
            let record = renewal::next_refresh_token_only(&sending.record, &sending.spent, refresh_token);
            let (_, next, cool_down) = otherwise(&error, moment.now);
            let mut answered = sending.restored(moment.now);
            answered.cool_down = cool_down.max(COOL_DOWN);
            let failure = failure(&error, FailureKind::Misbehaved, next);
            return self.save(Saving::new(sending, record, Some(answered), Some(failure)));
        }
        match error.fate() {
            Fate::Refused => {
                let mut failure = failure(&error, FailureKind::Refused, NextStep::LogIn);
                if sending.resends > 0 {
                    failure.detail = text::joined(&[INTERRUPTED, " The server said: ", &failure.detail]);
                }
                self.to(State::RereadingAfterRefusal { sending, failure })
            }
            Fate::AnsweredOtherwise => {
                let (kind, next, cool_down) = otherwise(&error, moment.now);
                let mut ledger = sending.restored(moment.now);
                ledger.cool_down = cool_down;
                self.close(sending, ledger, failure(&error, kind, next), moment)
            }
            Fate::ServerTrouble => {
                let cool_down = retry_after(&error).unwrap_or(COOL_DOWN);
                let next = NextStep::RetryAt { at: moment.now.plus(cool_down) };
                let mut ledger = sending.unknown(moment.now);
                ledger.cool_down = cool_down;
                self.close(sending, ledger, failure(&error, FailureKind::ServerTrouble, next), moment)
            }
            Fate::NotSent => self.not_sent(sending, &error, io, moment),
            Fate::Unknown if sending.resends == 0 => {
                let ledger = sending.unknown(moment.now);
                let age = moment.now.since(sending.noted_at);
                let then = AfterNote::SendAgain { age, seen: sending.record };
                self.to(State::Noting { held: sending.held, ledger, then })
            }
            Fate::Unknown => {
                let retry_at = sending.noted_at.plus(self.config.timing.landing_window());
                let mut failure = outcome_unknown(retry_at).with_code(error.status, error.code);
                failure.detail = text::joined(&[&failure.detail, ": ", &error.detail]);
                let end = Ending::missed(sending.record, &self.wish, failure, moment.now);
                self.unlock(&sending.held, end)
            }
        }
    }

    /// Nothing left this machine: a few quick tries under the same intent, then the notes as they were.
    fn not_sent(
        self: Box<Self>,
        mut sending: Box<Sending>,
        error: &AnswerError,
        io: Option<IoFailure>,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        sending.unsent += 1;
        let next_try = moment.now.plus(UNSENT_PAUSE);
        let in_time = next_try < sending.not_after;
        if sending.unsent < UNSENT_TRIES && in_time {
            let held = sending.held.clone();
            let then = AfterPause::Post(sending);
            return self.to(State::Pausing { held, until: next_try, span: UNSENT_PAUSE, then });
        }
        let retry_at = moment.now.plus(UNSENT_RETRY_AFTER);
        let failure = match io {
            Some(io) => Failure::io(FlowStep::Refresh, &io, retry_at),
            None => failure(error, FailureKind::Unreachable, NextStep::RetryAt { at: retry_at }),
        };
        let ledger = sending.restored(moment.now);
        self.close(sending, ledger, failure, moment)
    }

    /// The last note of a run, then the end.
    fn close(
        self: Box<Self>,
        sending: Box<Sending>,
        ledger: Box<Ledger>,
        failure: Box<Failure>,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let end = Ending::missed(sending.record, &self.wish, failure, moment.now);
        self.to(State::Noting { held: sending.held, ledger, then: AfterNote::Unlock(end) })
    }

    /// A refusal counts only if nobody changed the record meanwhile: a login, most likely.
    pub(super) fn refused(
        self: Box<Self>,
        sending: Box<Sending>,
        failure: Box<Failure>,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        if let Ok(stored) = outcome.loaded() {
            match stored {
                Some(stored) if stored.mark == Mark::LoggedOut => {
                    let end = Ending::FinishLogout { record: stored, failure: nobody() };
                    return self.unlock(&sending.held, end);
                }
                Some(stored) if stored.version() != sending.record.version() => {
                    let end = self.adopted(stored, moment.now);
                    return self.unlock(&sending.held, end);
                }
                Some(_) => {}
                None => return self.unlock(&sending.held, Ending::Failure(nobody())),
            }
        }
        let ledger = sending.refused(moment.now);
        self.close(sending, ledger, failure, moment)
    }

    /// What another process wrote: the token, if it will do.
    pub(super) fn adopted(&self, record: Box<Record>, now: UnixMillis) -> Ending {
        if policy::standing(&record, &self.wish, now).is_usable() {
            return Ending::token(record, Vec::new());
        }
        let detail = "another process changed the login meanwhile";
        let next = NextStep::RetryAt { at: now };
        Ending::Failure(Failure::boxed(FlowStep::Refresh, FailureKind::Busy, detail, next))
    }

    /// The tokens are somebody else's: nothing is saved, they are revoked, and this refresh token is over.
    fn account_changed(
        self: Box<Self>,
        sending: Box<Sending>,
        theirs: &Record,
        why: String,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let failure = Failure::boxed(FlowStep::Refresh, FailureKind::AccountChanged, why, NextStep::LogIn);
        let revoke = Revoke::new(&self.config, theirs, moment.now).map(Box::new);
        let ledger = sending.refused(moment.now);
        let end = Ending::missed(sending.record, &self.wish, failure, moment.now);
        self.to(State::Noting { held: sending.held, ledger, then: AfterNote::Revoke { revoke, end } })
    }
}

const INTERRUPTED: &str = "An earlier renewal was interrupted before its answer could be saved: if the server had acted \
                           on it, the new refresh token was lost on the way, which no client can prevent.";

impl Sending {
    /// The notes as they were before this sending.
    fn restored(&self, now: UnixMillis) -> Box<Ledger> {
        let mut ledger = self.before.clone();
        ledger.age(now.since(self.noted_at));
        ledger.login_id = Some(self.record.login_id.clone());
        ledger
    }

    /// The notes with this sending, as one of unknown fate.
    fn unknown(&self, now: UnixMillis) -> Box<Ledger> {
        let mut ledger = self.noted.clone();
        ledger.age(now.since(self.noted_at));
        ledger
    }

    /// The notes with this refresh token as refused.
    fn refused(&self, now: UnixMillis) -> Box<Ledger> {
        let mut ledger = self.restored(now);
        ledger.refused = Some(self.spent.hash());
        ledger
    }
}

fn otherwise(error: &AnswerError, now: UnixMillis) -> (FailureKind, NextStep, Millis) {
    let may_come_back = error.status == Some(429) || matches!(error.advice, Advice::RetryLater | Advice::SlowDown);
    if may_come_back {
        let cool_down = retry_after(error).unwrap_or(COOL_DOWN);
        return (FailureKind::CoolDown, NextStep::RetryAt { at: now.plus(cool_down) }, cool_down);
    }
    if matches!(error.advice, Advice::Surface | Advice::TellUser) {
        let what = "Ask whoever runs that server, or manages your account there: a retry will not change its answer.";
        return (FailureKind::Refused, NextStep::ask(what), MISCONFIGURED_COOL_DOWN);
    }
    let what = "Check the configuration of this client.";
    (FailureKind::Misconfigured, NextStep::fix(what), MISCONFIGURED_COOL_DOWN)
}

fn retry_after(error: &AnswerError) -> Option<Millis> {
    error.retry_after.map(|seconds| Millis::seconds(u64::from(seconds)).clamp(MIN_COOL_DOWN, MAX_COOL_DOWN))
}

fn failure(error: &AnswerError, kind: FailureKind, next: NextStep) -> Box<Failure> {
    let detail = error.text.clone().unwrap_or_else(|| error.detail.clone());
    Failure::boxed(FlowStep::Refresh, kind, detail, next).with_code(error.status, error.code.clone())
}
