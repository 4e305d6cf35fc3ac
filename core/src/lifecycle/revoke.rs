//! Tells the server that a login is over (RFC 7009). A child of logout and of renewals that came too late.
//!
//! Best effort: it ends within five seconds, and its end is never a failure.

use crate::action::Action;
use crate::config::Config;
use crate::event::Outcome;
use crate::http::{Body, HttpRequest, IoFailure, Method};
use crate::lifecycle::record::Record;
use crate::machine::{Machine, Next};
use crate::moment::{Millis, Moment, UnixMillis};
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
    current: HttpRequest,
    more: Vec<HttpRequest>,
    started_at: UnixMillis,
}

impl Revoke {
    /// `None` when the server has no place for it.
    pub(crate) fn new(config: &Config, record: &Record, now: UnixMillis) -> Option<Self> {
        let endpoint = record.revocation_endpoint.as_ref()?;
        let request = |kind, token| token_request::revocation(config, endpoint, kind, token);
        let mut requests: Vec<HttpRequest> =
            record.refresh_token.iter().map(|token| request(TokenKind::Refresh, token)).collect();
        requests.push(request(TokenKind::Access, &record.access_token));
        let current = requests.remove(0);
        Some(Revoke { current, more: requests, started_at: now })
    }
}

impl Machine for Revoke {
    type Output = Revoked;
    const NAME: &'static str = "revocation";

    fn action(&self) -> Action {
        match (&self.current.method, &self.current.body) {
            (Method::Post, Body::Form(_)) => Action::PostForm(self.current.clone()),
            (Method::Delete | Method::Get | Method::Post, _) => Action::Fetch(self.current.clone()),
        }
    }

    fn advance(mut self, outcome: Outcome, moment: Moment) -> Next<Self, Revoked> {
        let not_confirmed = |why: String| Next::Done(Revoked::NotConfirmed { why });
        match outcome.http() {
            Ok(answer) if (200..300).contains(&answer.status) => {}
            Ok(answer) => return not_confirmed(format!("the server answered {}", answer.status)),
            Err(IoFailure { detail, .. }) => return not_confirmed(text::for_people(&detail)),
        }
        let left = REVOCATION_DEADLINE.minus(moment.now.since(self.started_at));
        if self.more.is_empty() || left == Millis::ZERO {
            return Next::Done(Revoked::Confirmed);
        }
        self.current = self.more.remove(0);
        self.current.deadline = self.current.deadline.min(left);
        Next::Continue(self)
    }
}
