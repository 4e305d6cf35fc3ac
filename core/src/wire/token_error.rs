//! Why a token endpoint gave no tokens, and what that says about the grant that was sent.

use std::fmt;

use crate::http::{IoFailure, IoFailureKind, Sent};
use crate::secret::Secret;
use crate::wire::class::{Advice, Class};
use crate::wire::text;

/// An answer (or none) without usable tokens. No field holds a secret in clear: `Debug` may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct AnswerError {
    /// What is wrong.
    pub class: Class,
    /// The OAuth error code, or the token type that was refused; printable ASCII, at most 256 bytes.
    pub code: Option<String>,
    /// What to do.
    pub advice: Advice,
    /// The HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// How long the server asks to wait, in seconds, at most 3600.
    pub retry_after: Option<u32>,
    /// The nonce for the next DPoP proof (RFC 9449 section 8).
    pub dpop_nonce: Option<String>,
    /// For a person: one line, bounded, without control characters or tokens.
    pub detail: String,
    /// What the provider's data says to the person about this code.
    pub text: Option<String>,
    /// A new refresh token that came with the trouble, in a 2xx: save it, or the login is lost.
    pub kept_refresh_token: Option<Secret>,
    /// The server refused the refresh token: it is invalid, expired, revoked, unknown or used.
    pub refused: bool,
    pub(crate) fate: Fate,
}

/// What happened to the refresh token that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// The server answered without taking it: 429, other 4xx, 3xx, or a 2xx that says so. Also when the server did take
    /// it and the new one is in [`AnswerError::kept_refresh_token`].
    AnsweredOtherwise,
    /// It never left.
    NotSent,
    /// The server will not take it again.
    Refused,
    /// 500, 503 and other 5xx: probably not taken, nobody can be sure.
    ServerTrouble,
    /// Nobody knows: no answer, 502, 504, or a 2xx without a readable token.
    Unknown,
}

impl AnswerError {
    /// What happened to the token that was sent. Save [`AnswerError::kept_refresh_token`] first, if there is one.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.fate
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for AnswerError {}

/// What it means that no answer came. Nothing was sent: try again later. It may have arrived: nobody knows.
#[must_use]
pub fn read_failure(failure: &IoFailure) -> Box<AnswerError> {
    let class = match failure.kind {
        IoFailureKind::Cancelled | IoFailureKind::Deadline | IoFailureKind::Unreachable => Class::Timeout,
        IoFailureKind::Incomplete => Class::Incomplete,
        IoFailureKind::TooLarge => Class::TooLarge,
        IoFailureKind::Unable => Class::Http,
    };
    let (advice, fate, told) = match failure.sent {
        Sent::MaybeSent if class == Class::TooLarge => {
            (Advice::Surface, Fate::Unknown, "the token answer is too large")
        }
        Sent::MaybeSent => (Advice::Uncertain, Fate::Unknown, "no answer from the token endpoint came through"),
        Sent::NotSent => (Advice::RetryLater, Fate::NotSent, "the token endpoint could not be reached"),
    };
    Box::new(AnswerError {
        class,
        code: None,
        advice,
        status: None,
        retry_after: None,
        dpop_nonce: None,
        detail: text::joined(&[told, ": ", &text::for_people(&failure.detail)]),
        text: None,
        kept_refresh_token: None,
        refused: false,
        fate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: Sent, kind: IoFailureKind) -> Box<AnswerError> {
        read_failure(&IoFailure { sent, kind, detail: "connection reset\r\nby peer".to_owned() })
    }

    #[test]
    fn what_was_not_sent_can_be_sent_again() {
        let error = read(Sent::NotSent, IoFailureKind::Unreachable);
        assert_eq!((error.class, error.advice, error.fate()), (Class::Timeout, Advice::RetryLater, Fate::NotSent));
        assert_eq!(error.to_string(), "the token endpoint could not be reached: connection reset by peer");
    }

    #[test]
    fn what_may_have_arrived_is_of_unknown_fate() {
        for (kind, class) in [
            (IoFailureKind::Deadline, Class::Timeout),
            (IoFailureKind::Incomplete, Class::Incomplete),
            (IoFailureKind::Unreachable, Class::Timeout),
        ] {
            let error = read(Sent::MaybeSent, kind);
            assert_eq!((error.class, error.advice, error.fate()), (class, Advice::Uncertain, Fate::Unknown));
            assert!(!error.refused);
        }
    }
}
