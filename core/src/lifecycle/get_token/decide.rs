//! May this token be renewed now? Every rule that speaks against a sending is here.

use super::token::{Ending, TokenNote};
use super::{AfterNote, AfterPause, Busy, GetToken, Held, SAVE_TIME, State, Task, Token, busy_failure, old_lease};
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::Outcome;
use crate::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use crate::lifecycle::policy::{self, Standing};
use crate::lifecycle::record::{Mark, RECORD_FORMAT, Record};
use crate::machine::Next;
use crate::moment::{Millis, Moment, UnixMillis};
use crate::secret::Secret;
use crate::wire::text;

use super::answer::SEND_AGAIN_AFTER;

/// A look at a record: the end, or a reason to renew it.
enum Look {
    End(Ending),
    Renew { record: Box<Record>, refresh_token: Secret },
}

impl Task {
    /// The first look, and each look while another process holds the lease.
    pub(super) fn loaded(
        self: Box<Self>,
        waited: Millis,
        busy: Option<Busy>,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        match outcome.loaded() {
            Ok(record) => match self.look(record, moment.now) {
                Look::End(end) => self.end(end, moment),
                Look::Renew { record, .. } => self.to(State::Locking { record, waited, asked_at: moment.now }),
            },
            Err(failure) => {
                let Some(Busy { holder, seen }) = busy else {
                    return Next::Fail(Failure::store(FlowStep::Loading, &failure));
                };
                let end = Ending::missed(seen, &self.wish, busy_failure(&holder, moment.now), moment.now);
                self.end(end, moment)
            }
        }
    }

    /// The look that counts: under the lease. What was seen before it counts only if there is no such look.
    pub(super) fn reread(
        self: Box<Self>,
        held: Held,
        seen: Box<Record>,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let record = match outcome.loaded() {
            Ok(record) => record,
            Err(failure) => {
                let failure = Failure::store(FlowStep::Loading, &failure);
                return self.nothing_sent(&held, seen, failure, moment);
            }
        };
        if let Some(record) = record.as_ref().filter(|record| self.adopts(record, moment.now)) {
            let end = Ending::token(record.clone(), Vec::new());
            return self.unlock(&held, end);
        }
        match self.look(record, moment.now) {
            Look::End(end) => self.unlock(&held, end),
            Look::Renew { record, refresh_token } => self.renew(held, record, refresh_token, moment),
        }
    }

    /// Whether another process brought what a rejected token's owner needs: any usable token but the rejected one.
    fn adopts(&self, record: &Record, now: UnixMillis) -> bool {
        self.wish.rejected.is_some() && policy::standing(record, &self.wish, now).is_usable()
    }

    fn look(&self, record: Option<Box<Record>>, now: UnixMillis) -> Look {
        let Some(record) = record else {
            return Look::End(Ending::Failure(nobody()));
        };
        if record.mark == Mark::LoggedOut {
            return Look::End(Ending::FinishLogout { record, failure: nobody() });
        }
        match policy::standing(&record, &self.wish, now) {
            Standing::Fresh => return Look::End(Ending::token(record, Vec::new())),
            Standing::FreshAsCanBe => return Look::End(Ending::token(record, vec![TokenNote::ShortLived])),
            Standing::Due | Standing::Unusable => {}
        }
        let missed = |record: Box<Record>, failure| Look::End(Ending::missed(record, &self.wish, failure, now));
        if policy::refused_when_new(&record, &self.wish, now, self.config.timing.reject_interval) {
            return missed(record, api_refuses());
        }
        if record.format > RECORD_FORMAT {
            return missed(record, newer("login"));
        }
        match record.refresh_token.clone() {
            Some(refresh_token) => Look::Renew { record, refresh_token },
            None => missed(record, no_refresh_token()),
        }
    }

    /// The notes decide whether the refresh token may be sent, and when.
    fn renew(
        self: Box<Self>,
        held: Held,
        record: Box<Record>,
        spent: Secret,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let window = self.config.timing.landing_window();
        let ledger = match &*held.ledger {
            StoredLedger::Absent => Ledger::default(),
            StoredLedger::Newer => return self.nothing_sent(&held, record, newer("renewal notes"), moment),
            StoredLedger::Read(ledger) => ledger.clone().clamped().of_login(&record.login_id),
            StoredLedger::Unreadable => {
                // One sending of unknown fate, now: written down, so that it is over one day.
                let ledger = Ledger { login_id: Some(record.login_id.clone()), lands_in: window, ..Ledger::default() };
                let failure = wait(moment.now.plus(window), "the notes of the last renewal cannot be read");
                let end = Ending::missed(record, &self.wish, failure, moment.now);
                return self.to(State::Noting { held, ledger: Box::new(ledger), then: AfterNote::Unlock(end) });
            }
        };
        let hash = spent.hash();
        if ledger.refused.as_ref() == Some(&hash) {
            return self.nothing_sent(&held, record, refused_before(), moment);
        }
        if ledger.cool_down > Millis::ZERO {
            let at = moment.now.plus(ledger.cool_down);
            return self.nothing_sent(&held, record, cool_down(at), moment);
        }
        let lands_in = match ledger.intent.as_ref() {
            Some(intent) if intent.token == hash => match may_send_again(intent) {
                SendAgain::Now => ledger.lands_in.max(intent.lands_in),
                SendAgain::After(span) => {
                    let until = moment.now.plus(span);
                    let then = AfterPause::Reread { seen: record };
                    return self.to(State::Pausing { held, until, span, then });
                }
                SendAgain::Later(span) => {
                    let failure = outcome_unknown(moment.now.plus(span));
                    return self.nothing_sent(&held, record, failure, moment);
                }
            },
            other => {
                // The answer to a sending that this record came from was received: nothing of it is on its way.
                let unknown = other.filter(|intent| record.renewed_from.as_ref() != Some(&intent.token));
                let lands_in = ledger.lands_in.max(unknown.map_or(Millis::ZERO, |intent| intent.lands_in));
                if lands_in > Millis::ZERO {
                    let failure = wait(moment.now.plus(lands_in), "an earlier renewal may still be on its way");
                    return self.nothing_sent(&held, record, failure, moment);
                }
                Millis::ZERO
            }
        };
        let sent_before = ledger.intent.as_ref().filter(|intent| intent.token == hash);
        let resends = sent_before.map_or(0, |intent| intent.resends.saturating_add(1));
        // After a second sending nobody sends before it has landed, whoever holds the lease by then.
        if resends == 0 && moment.now.since(held.asked_at) >= SAVE_TIME {
            return self.nothing_sent(&held, record, old_lease(moment.now), moment);
        }
        let intent = Intent { token: hash, age: Millis::ZERO, lands_in: window, resends };
        let noted = Ledger {
            login_id: Some(record.login_id.clone()),
            intent: Some(intent),
            lands_in,
            cool_down: Millis::ZERO,
            refused: ledger.refused.clone(),
        };
        let not_after = moment.now.plus(self.config.timing.send_window());
        let then = AfterNote::Post { record, spent, before: Box::new(ledger), not_after, resends };
        self.to(State::Noting { held, ledger: Box::new(noted), then })
    }

    fn nothing_sent(
        self: Box<Self>,
        held: &Held,
        record: Box<Record>,
        failure: Box<Failure>,
        moment: &Moment,
    ) -> Next<GetToken, Token> {
        let end = Ending::missed(record, &self.wish, failure, moment.now);
        self.unlock(held, end)
    }
}

enum SendAgain {
    Now,
    /// Within this run.
    After(Millis),
    /// In a later one.
    Later(Millis),
}

/// The same token once more: first a second after its sending, because grace windows of servers are short; then only
/// when the last sending cannot land any more.
fn may_send_again(intent: &Intent) -> SendAgain {
    match (intent.resends, intent.lands_in) {
        (0, _) if intent.age >= SEND_AGAIN_AFTER => SendAgain::Now,
        (0, _) => SendAgain::After(SEND_AGAIN_AFTER.minus(intent.age)),
        (_, Millis::ZERO) => SendAgain::Now,
        (_, lands_in) => SendAgain::Later(lands_in),
    }
}

pub(super) fn nobody() -> Box<Failure> {
    let detail = "nobody is logged in";
    Failure::boxed(FlowStep::Loading, FailureKind::NoCredential, detail, NextStep::LogIn)
}

pub(super) fn outcome_unknown(retry_at: UnixMillis) -> Box<Failure> {
    let detail = "the renewal was sent, and its answer never came: nobody knows yet whether the server acted";
    Failure::boxed(FlowStep::Refresh, FailureKind::OutcomeUnknown, detail, NextStep::OutcomeUnknown { retry_at })
}

fn no_refresh_token() -> Box<Failure> {
    let detail = "the OAuth credential has expired and no refresh token is available. Re-run OAuth login.";
    Failure::boxed(FlowStep::Refresh, FailureKind::NoCredential, detail, NextStep::LogIn)
}

fn api_refuses() -> Box<Failure> {
    let detail = "the API refuses a new token: it was renewed a moment ago because the one before was refused, too";
    let what = "Ask whether this account may use that API: another token would not change its answer.";
    let next = NextStep::ask(what);
    Failure::boxed(FlowStep::Refresh, FailureKind::ApiRefusesNewToken, detail, next)
}

fn newer(what: &str) -> Box<Failure> {
    let detail = text::joined(&["a newer version of tokenway wrote the ", what, "; this one sends nothing"]);
    let next = NextStep::fix("Update tokenway.");
    Failure::boxed(FlowStep::Refresh, FailureKind::Store, detail, next)
}

fn refused_before() -> Box<Failure> {
    let detail = "the server has refused this login before, and nothing has changed since";
    Failure::boxed(FlowStep::Refresh, FailureKind::Refused, detail, NextStep::LogIn)
}

fn cool_down(at: UnixMillis) -> Box<Failure> {
    let detail = "the server wants to be left alone for a while";
    Failure::boxed(FlowStep::Refresh, FailureKind::CoolDown, detail, NextStep::RetryAt { at })
}

fn wait(at: UnixMillis, detail: &str) -> Box<Failure> {
    Failure::boxed(FlowStep::Refresh, FailureKind::CoolDown, detail, NextStep::RetryAt { at })
}
