//! Tells the server that a login is over (RFC 7009). A child of logout and of renewals that came too late.
//!
//! Best effort: it ends within five seconds, and its end is never a failure.

use crate::action::Action;
use crate::config::Config;
use crate::event::Outcome;
use crate::http::{AnswerBody, Body, HttpAnswer, HttpRequest, Method};
use crate::lifecycle::record::Record;
use crate::machine::{Machine, Next};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::wire::json;
use crate::wire::text;
use crate::wire::token_request::{self, REVOCATION_DEADLINE, TokenKind};

/// What became of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "revoked", rename_all = "snake_case")]
pub enum Revoked {
    /// The server said so.
    Confirmed,
    /// The tokens may still live.
    NotConfirmed {
        /// What was seen, for people.
        why: String,
    },
    /// The server offers no revocation, or the caller wanted none.
    NotTried,
}

/// Revokes the refresh token, then the access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Revoke {
    current: Box<HttpRequest>,
    next: Option<Box<HttpRequest>>,
    /// What became of the refresh token.
    first: Option<Revoked>,
    started_at: UnixMillis,
}

impl Revoke {
    /// `None` when the server has no place for it.
    pub(crate) fn new(config: &Config, record: &Record, now: UnixMillis) -> Option<Self> {
        let endpoint = record.revocation_endpoint.as_ref()?;
        let request = |kind, token| Box::new(token_request::revocation(config, endpoint, kind, token));
        let access = request(TokenKind::Access, &record.access_token);
        let (current, next) = match &record.refresh_token {
            Some(token) => {
                (request(TokenKind::Refresh, token), Some(access).filter(|_| !record.access_token.is_empty()))
            }
            None => (access, None),
        };
        Some(Revoke { current, next, first: None, started_at: now })
    }
}

impl Machine for Revoke {
    type Output = Revoked;
    const NAME: &'static str = "revocation";

    fn action(&self) -> Action {
        match (&self.current.method, &self.current.body) {
            (Method::Post, Body::Form(_)) => Action::PostForm((*self.current).clone()),
            (Method::Delete | Method::Get | Method::Post, _) => Action::Fetch((*self.current).clone()),
        }
    }

    fn advance(self, outcome: Outcome, moment: Moment) -> Next<Self, Revoked> {
        let told = match outcome.http() {
            Ok(answer) if (200..300).contains(&answer.status) => Revoked::Confirmed,
            // Servers whose access tokens are JWTs cannot revoke those (RFC 7009 section 2.2.1): the grant is gone.
            Ok(answer) if self.first == Some(Revoked::Confirmed) && is_unsupported_type(&answer) => Revoked::Confirmed,
            Ok(answer) => {
                Revoked::NotConfirmed { why: text::joined(&["the server answered ", &text::decimal(answer.status)]) }
            }
            Err(failure) => Revoked::NotConfirmed { why: text::for_people(&failure.detail) },
        };
        let left = REVOCATION_DEADLINE.minus(moment.now.since(self.started_at));
        match self.next {
            Some(mut request) if left > Millis::ZERO => {
                request.deadline = request.deadline.min(left);
                Next::Continue(Revoke { current: request, next: None, first: Some(told), started_at: self.started_at })
            }
            Some(_) | None => Next::Done(match self.first {
                Some(first @ Revoked::NotConfirmed { .. }) => first,
                Some(Revoked::Confirmed | Revoked::NotTried) | None => told,
            }),
        }
    }
}

fn is_unsupported_type(answer: &HttpAnswer) -> bool {
    let AnswerBody::Text(body) = &answer.body else { return false };
    json::object(body.expose()).is_ok_and(|object| object.text("error") == Some("unsupported_token_type"))
}
