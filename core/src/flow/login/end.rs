//! How a login ends: the record, or the reason.

use crate::config::Config;
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::flow::id_token;
use crate::http::{IoFailure, Sent};
use crate::lifecycle::record::Record;
use crate::lifecycle::{identity, renewal};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::provider::Provider;
use crate::wire::callback::CallbackError;
use crate::wire::class::Advice;
use crate::wire::token::Tokens;
use crate::wire::token_error::AnswerError;
use crate::wire::{pieces, text};

use super::state::{Prepared, Target};

/// When to come back to a server in trouble that did not say when.
const RETRY_AFTER: Millis = Millis::seconds(10);

/// A login that stands: saved, and ready for [`crate::lifecycle::GetToken`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct LoggedIn {
    /// What was saved.
    pub record: Box<Record>,
    /// What stood there before, if anything: perhaps another person's login.
    pub replaced: Option<Box<Record>>,
    /// What the person may want to know.
    pub notes: Vec<LoginNote>,
}

/// Something about a login that works.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LoginNote {
    /// The server gave no refresh token: the login ends with its access token.
    NoRefreshToken,
    /// Scopes that were asked for and not granted.
    ScopesMissing(Vec<String>),
}

/// The record of an answer that passes every check.
pub(super) fn record(
    config: &Config,
    prepared: &Prepared,
    target: &Target,
    tokens: Tokens,
    received_at: UnixMillis,
    moment: &Moment,
) -> Result<(Record, Vec<LoginNote>), Box<Failure>> {
    let nonce = target.nonce(config, prepared);
    if let Err(unfit) = id_token::check_first(config, tokens.id_token.as_ref(), nonce, received_at) {
        return Err(Failure::boxed(FlowStep::CodeExchange, FailureKind::Misbehaved, unfit.detail, unfit.next));
    }
    let record = renewal::first(config, &target.endpoints, &target.scopes, tokens, received_at, moment);
    if let Some(claim) = identity::missing(&config.provider, &record.claims) {
        let detail = text::joined(&["the tokens do not say the ", claim, ", which ", &config.provider.name, " needs"]);
        let what = "Log in with an account that has access there.";
        let next = NextStep::ask(what);
        return Err(Failure::boxed(FlowStep::CodeExchange, FailureKind::Misbehaved, detail, next));
    }
    let notes = notes(&record, &target.scopes);
    Ok((record, notes))
}

fn notes(record: &Record, requested: &[String]) -> Vec<LoginNote> {
    let granted = record.scopes.as_deref().unwrap_or(requested);
    let mut missing = Vec::new();
    for scope in requested {
        if !granted.contains(scope) {
            missing.push(scope.clone());
        }
    }
    let mut notes = Vec::new();
    if record.refresh_token.is_none() {
        notes.push(LoginNote::NoRefreshToken);
    }
    if !missing.is_empty() {
        notes.push(LoginNote::ScopesMissing(missing));
    }
    notes
}

pub(super) fn nobody_came_back() -> Box<Failure> {
    let detail = "nobody came back from the browser in time";
    Failure::boxed(FlowStep::Callback, FailureKind::TimedOut, detail, NextStep::LogIn)
}

pub(super) fn interrupted() -> Box<Failure> {
    let detail = "this login was interrupted after its code was on its way; a code can be used only once";
    Failure::boxed(FlowStep::CodeExchange, FailureKind::Interrupted, detail, NextStep::LogIn)
}

/// A resumed login cannot listen where the server will send the person.
pub(super) fn receiver_lost(redirect_uri: &str) -> Box<Failure> {
    let detail = text::joined(&["this login was interrupted, and ", redirect_uri, " cannot be listened on again"]);
    Failure::boxed(FlowStep::Listening, FailureKind::Interrupted, detail, NextStep::LogIn)
}

/// The exchange did not come back.
pub(super) fn exchange_lost(failure: &IoFailure) -> Box<Failure> {
    let (kind, detail) = match failure.sent {
        Sent::MaybeSent => {
            let text = text::joined(&["the answer was lost, and the code can be used only once: ", &failure.detail]);
            (FailureKind::OutcomeUnknown, text)
        }
        Sent::NotSent => (FailureKind::Unreachable, failure.detail.clone()),
    };
    Failure::boxed(FlowStep::CodeExchange, kind, detail, NextStep::LogIn)
}

/// The server did not give tokens. The code is spent, or as good as: every way on starts with a new login.
pub(super) fn exchange_failure(error: AnswerError, now: UnixMillis) -> Box<Failure> {
    let (kind, next) = advised(error.advice, error.retry_after, now);
    Failure::boxed(FlowStep::CodeExchange, kind, error.detail, next).with_code(error.status, error.code)
}

/// The redirect brought an error, or cannot be trusted.
pub(super) fn callback_failure(error: CallbackError, provider: &Provider, now: UnixMillis) -> Box<Failure> {
    let said = |code: &String| error.code.as_ref() == Some(code) || pieces::has(&error.detail, code);
    let meaning = provider.error_codes.iter().find(|(code, _)| said(code)).map(|(_, meaning)| meaning);
    let (kind, next) = match meaning {
        Some(meaning) => (FailureKind::Refused, NextStep::ask(meaning.text.clone())),
        None if error.advice == Advice::TellUser => {
            let what = text::joined(&[&provider.name, " says that the login was declined. Log in again to allow it."]);
            (FailureKind::Refused, NextStep::ask(what))
        }
        None => advised(error.advice, None, now),
    };
    Failure::boxed(FlowStep::Callback, kind, error.detail, next).with_code(None, error.code)
}

fn advised(advice: Advice, retry_after: Option<u32>, now: UnixMillis) -> (FailureKind, NextStep) {
    match advice {
        Advice::FixConfig | Advice::StepUp | Advice::TryNext => {
            let what = "Check the configuration of this client.";
            (FailureKind::Misconfigured, NextStep::fix(what))
        }
        Advice::RetryLater | Advice::SlowDown | Advice::PollAgain | Advice::RetryWithNonce => {
            let span = retry_after.map_or(RETRY_AFTER, |seconds| Millis::seconds(u64::from(seconds)));
            (FailureKind::ServerTrouble, NextStep::RetryAt { at: now.plus(span) })
        }
        Advice::Uncertain => (FailureKind::OutcomeUnknown, NextStep::LogIn),
        Advice::Reauthenticate | Advice::RestartFlow => (FailureKind::Refused, NextStep::LogIn),
        Advice::AbortFlow | Advice::KeepWaiting | Advice::Surface | Advice::TellUser => {
            (FailureKind::Misbehaved, NextStep::LogIn)
        }
    }
}
