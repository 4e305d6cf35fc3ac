//! The three planes of trouble: [`Rejected`] is the caller's mistake, [`Failure`] is a flow's end, and trouble of the
//! world goes in as [`crate::event::Outcome::Failed`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::ActionId;
use crate::http::{IoFailure, IoFailureKind};
use crate::json::{ToJson, Writer, words};
use crate::lifecycle::record::Record;
use crate::moment::UnixMillis;
use crate::wire::text;

/// The caller gave an event that answers nothing. The session is unchanged. Never depends on what a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The session has ended.
    Ended,
    /// The id is not the outstanding one.
    Stale {
        /// The outstanding action.
        expected: ActionId,
        /// The action of the event.
        got: ActionId,
    },
    /// The outcome does not answer the action.
    WrongOutcome {
        /// The name of the outstanding action.
        action: &'static str,
        /// The name of the outcome.
        outcome: &'static str,
    },
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Rejected {
    /// What is wrong, in one line for people.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Rejected::Ended => "the session has ended".to_owned(),
            Rejected::Stale { expected, got } => {
                let id = |id: &ActionId| text::joined(&[&text::decimal(id.life), ".", &text::decimal(id.step)]);
                text::joined(&["the event answers action ", &id(got), ", but ", &id(expected), " is outstanding"])
            }
            Rejected::WrongOutcome { action, outcome } => {
                text::joined(&["\"", outcome, "\" does not answer \"", action, "\""])
            }
        }
    }
}

impl std::error::Error for Rejected {}

/// The end of a flow that did not reach its goal: the step, what was seen, what to do next.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Failure {
    /// Where it happened.
    pub step: FlowStep,
    /// What kind of trouble, for programs.
    pub kind: FailureKind,
    /// The HTTP status, when a server answered.
    pub status: Option<u16>,
    /// The OAuth error code, when there was one.
    pub code: Option<String>,
    /// What was seen, for people: cleaned, bounded, without secrets.
    pub detail: String,
    /// What to do.
    pub next: NextStep,
    #[serde(skip)]
    unsaved: Option<Box<Record>>,
}

/// The steps of all flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowStep {
    /// Waiting for the redirect, and reading it.
    Callback,
    /// Spending the code.
    CodeExchange,
    /// Removing the credential.
    Deletion,
    /// Reading the server's metadata.
    Discovery,
    /// Binding the redirect receiver.
    Listening,
    /// Reading the credential.
    Loading,
    /// Taking the lease, and reading or writing the ledger.
    Locking,
    /// Showing the URL.
    Opening,
    /// Renewing the token.
    Refresh,
    /// Telling the server that a login is over.
    Revocation,
    /// Writing the credential.
    Saving,
}

words!(FlowStep {
    Callback = "callback",
    CodeExchange = "code_exchange",
    Deletion = "deletion",
    Discovery = "discovery",
    Listening = "listening",
    Loading = "loading",
    Locking = "locking",
    Opening = "opening",
    Refresh = "refresh",
    Revocation = "revocation",
    Saving = "saving",
});

impl FlowStep {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FlowStep::Callback => "waiting for the browser",
            FlowStep::CodeExchange => "exchanging the code",
            FlowStep::Deletion => "removing the login",
            FlowStep::Discovery => "reading the server's metadata",
            FlowStep::Listening => "listening for the redirect",
            FlowStep::Loading => "reading the login",
            FlowStep::Locking => "taking the lock",
            FlowStep::Opening => "opening the browser",
            FlowStep::Refresh => "renewing the token",
            FlowStep::Revocation => "revoking the login",
            FlowStep::Saving => "saving the login",
        }
    }
}

/// What went wrong, as data. Variants carry nothing: details are in the [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The refreshed token speaks of another account.
    AccountChanged,
    /// The API refuses a token that was renewed for a rejection a moment ago.
    ApiRefusesNewToken,
    /// A mistake in this library.
    Bug,
    /// Another process holds the lease.
    Busy,
    /// The person or the program cancelled.
    Cancelled,
    /// The server wants to be asked later.
    CoolDown,
    /// The process that ran the login died after its code was on its way.
    Interrupted,
    /// The server's answer breaks a rule that we rely on.
    Misbehaved,
    /// The configuration and the server do not fit.
    Misconfigured,
    /// Nobody is logged in.
    NoCredential,
    /// Nobody knows whether the server acted.
    OutcomeUnknown,
    /// The server said no.
    Refused,
    /// The store cannot be read or written.
    Store,
    /// The server has trouble of its own.
    ServerTrouble,
    /// Nobody came back in time.
    TimedOut,
    /// This machine cannot do it: no port, no browser.
    Unable,
    /// The server cannot be reached.
    Unreachable,
}

words!(FailureKind {
    AccountChanged = "account_changed",
    ApiRefusesNewToken = "api_refuses_new_token",
    Bug = "bug",
    Busy = "busy",
    Cancelled = "cancelled",
    CoolDown = "cool_down",
    Interrupted = "interrupted",
    Misbehaved = "misbehaved",
    Misconfigured = "misconfigured",
    NoCredential = "no_credential",
    OutcomeUnknown = "outcome_unknown",
    Refused = "refused",
    Store = "store",
    ServerTrouble = "server_trouble",
    TimedOut = "timed_out",
    Unable = "unable",
    Unreachable = "unreachable",
});

/// What to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum NextStep {
    /// Something that only the person can do.
    AskUser {
        /// What.
        what: String,
    },
    /// Something in the configuration, of this program or of the machine.
    FixConfiguration {
        /// What.
        what: String,
    },
    /// Log in again.
    LogIn,
    /// Nobody knows what the server did: ask again then, and it will be found out.
    OutcomeUnknown {
        /// The earliest useful instant.
        retry_at: UnixMillis,
    },
    /// A mistake in this library.
    ReportBug,
    /// Try again.
    RetryAt {
        /// The earliest useful instant.
        at: UnixMillis,
    },
}

impl NextStep {
    #[inline(never)]
    pub(crate) fn ask(what: impl Into<String>) -> Self {
        NextStep::AskUser { what: what.into() }
    }

    #[inline(never)]
    pub(crate) fn fix(what: impl Into<String>) -> Self {
        NextStep::FixConfiguration { what: what.into() }
    }
}

impl Failure {
    /// A failure with nothing but its kind.
    #[must_use]
    pub fn new(step: FlowStep, kind: FailureKind, detail: impl Into<String>, next: NextStep) -> Self {
        Failure { step, kind, status: None, code: None, detail: detail.into(), next, unsaved: None }
    }

    /// A failure on its way out of a flow.
    #[inline(never)]
    pub(crate) fn boxed(step: FlowStep, kind: FailureKind, detail: impl Into<String>, next: NextStep) -> Box<Self> {
        Box::new(Failure::new(step, kind, detail, next))
    }

    pub(crate) fn bug(detail: &str) -> Box<Self> {
        Failure::boxed(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug)
    }

    /// Trouble of the world, as the end of a flow.
    pub(crate) fn io(step: FlowStep, failure: &IoFailure, retry_at: UnixMillis) -> Box<Self> {
        let (kind, next) = match failure.kind {
            IoFailureKind::Cancelled => (FailureKind::Cancelled, NextStep::RetryAt { at: retry_at }),
            IoFailureKind::Deadline
            | IoFailureKind::Incomplete
            | IoFailureKind::TooLarge
            | IoFailureKind::Unreachable => (FailureKind::Unreachable, NextStep::RetryAt { at: retry_at }),
            IoFailureKind::Unable => {
                (FailureKind::Unable, NextStep::fix("Correct that on this machine, then try again."))
            }
        };
        Failure::boxed(step, kind, failure.detail.clone(), next)
    }

    /// Trouble of the store.
    pub(crate) fn store(step: FlowStep, failure: &IoFailure) -> Box<Self> {
        let next = NextStep::fix("Make the place where logins are kept readable and writable, then try again.");
        Failure::boxed(step, FailureKind::Store, failure.detail.clone(), next)
    }

    pub(crate) fn with_code(mut self: Box<Self>, status: Option<u16>, code: Option<String>) -> Box<Self> {
        self.status = status;
        self.code = code;
        self
    }

    pub(crate) fn with_unsaved(mut self: Box<Self>, record: Box<Record>) -> Box<Self> {
        self.unsaved = Some(record);
        self
    }

    /// The tokens of a login that could not be saved, once: whoever takes them is the only one who has them.
    #[must_use]
    pub fn take_unsaved(&mut self) -> Option<Box<Record>> {
        self.unsaved.take()
    }

    /// The same failure for others to see: without tokens.
    #[must_use]
    pub fn shared(&self) -> Self {
        Failure { unsaved: None, ..self.clone() }
    }

    /// What happened, in one line for people: what `Display` shows.
    #[must_use]
    pub fn message(&self) -> String {
        let status = self.status.map(|status| text::joined(&["HTTP ", &text::decimal(status)]));
        let mut code = status.unwrap_or_default();
        if let Some(said) = &self.code {
            text::append(&mut code, ", ", said);
        }
        let message = text::joined(&[self.step.name(), ": ", &self.detail]);
        if code.is_empty() { message } else { text::joined(&[&message, " (", &code, ")"]) }
    }

    /// The one line that says what to do, for people.
    #[must_use]
    pub fn advice(&self) -> String {
        match &self.next {
            NextStep::AskUser { what } | NextStep::FixConfiguration { what } => what.clone(),
            NextStep::LogIn => "Log in again.".to_owned(),
            NextStep::OutcomeUnknown { .. } => {
                "Nobody knows yet whether the server acted: ask again in a while and it will be found out.".to_owned()
            }
            NextStep::ReportBug => "This is a mistake in tokenway: please report it.".to_owned(),
            NextStep::RetryAt { .. } => "Try again later.".to_owned(),
        }
    }
}

impl ToJson for Failure {
    /// Without the tokens that were not saved.
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("step", &self.step);
        out.member("kind", &self.kind);
        out.member("status", &self.status);
        out.member("code", &self.code);
        out.member("detail", &self.detail);
        out.member("next", &self.next);
        out.close('}');
    }
}

impl ToJson for NextStep {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.name("do");
        match self {
            NextStep::AskUser { what } => {
                out.text("ask_user");
                out.member("what", what);
            }
            NextStep::FixConfiguration { what } => {
                out.text("fix_configuration");
                out.member("what", what);
            }
            NextStep::LogIn => out.text("log_in"),
            NextStep::OutcomeUnknown { retry_at } => {
                out.text("outcome_unknown");
                out.member("retry_at", retry_at);
            }
            NextStep::ReportBug => out.text("report_bug"),
            NextStep::RetryAt { at } => {
                out.text("retry_at");
                out.member("at", at);
            }
        }
        out.close('}');
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("step", &self.step)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("detail", &self.detail)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Failure {}
