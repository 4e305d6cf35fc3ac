//! How a command ends: its exit code, and what it says on stderr.

use std::fmt;

use tokenway_core::error::{Failure, FailureKind, NextStep};

use crate::text::{instant, seconds_from_now};

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Other = 1,
    Usage = 2,
    LogIn = 3,
    RetryLater = 4,
    Configuration = 5,
    OutcomeUnknown = 6,
    Interrupted = 130,
}

/// A command that did not reach its goal.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) code: Code,
    /// What was seen.
    pub(crate) seen: String,
    /// What to do next.
    pub(crate) next: Option<String>,
    /// The failure as data, for `--json`.
    pub(crate) failure: Option<Box<Failure>>,
}

impl Stopped {
    pub(crate) fn new(code: Code, seen: impl Into<String>) -> Self {
        Stopped { code, seen: seen.into(), next: None, failure: None }
    }

    pub(crate) fn usage(seen: impl Into<String>) -> Self {
        Stopped::new(Code::Usage, seen)
    }

    pub(crate) fn configuration(seen: impl Into<String>) -> Self {
        Stopped::new(Code::Configuration, seen)
    }

    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn interrupted() -> Self {
        Stopped::new(Code::Interrupted, "interrupted")
    }

    /// A flow's failure, with the command to type where a login is needed.
    pub(crate) fn failure(failure: Box<Failure>, login_command: &str) -> Self {
        let next = match &failure.next {
            // A server that does not know the client or the redirect URI shows a page, and sends nobody back.
            NextStep::LogIn if failure.kind == FailureKind::TimedOut => format!(
                "If the browser showed an error, check --client-id and --redirect-uri. Else log in again: {login_command}"
            ),
            NextStep::LogIn => format!("Log in: {login_command}"),
            NextStep::FixConfiguration { .. } if failure.code.as_deref() == Some("invalid_client") => {
                "Check --client-id, and whether this client has a secret to be given with --client-secret-file."
                    .to_owned()
            }
            NextStep::RetryAt { at } => match seconds_from_now(*at) {
                0 => "Try again.".to_owned(),
                seconds => format!("Try again in {seconds} s ({}).", instant(*at)),
            },
            NextStep::OutcomeUnknown { retry_at } => {
                format!("Ask again in {} s: the same token is sent once more then.", seconds_from_now(*retry_at))
            }
            NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::ReportBug => failure.advice(),
        };
        Stopped { code: code(&failure), seen: failure.to_string(), next: Some(next), failure: Some(failure) }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {
                "exit_code": self.code as u8,
                "seen": self.seen,
                "next": self.next,
                "failure": self.failure.as_deref(),
            }
        })
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tokenway: {}", self.seen)?;
        self.next.as_ref().map_or(Ok(()), |next| write!(f, "\n{next}"))
    }
}

fn code(failure: &Failure) -> Code {
    if failure.kind == FailureKind::Cancelled {
        return Code::Interrupted;
    }
    match failure.next {
        NextStep::AskUser { .. } | NextStep::ReportBug => Code::Other,
        NextStep::FixConfiguration { .. } => Code::Configuration,
        NextStep::LogIn => Code::LogIn,
        NextStep::OutcomeUnknown { .. } => Code::OutcomeUnknown,
        NextStep::RetryAt { .. } => Code::RetryLater,
    }
}
