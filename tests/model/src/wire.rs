//! Requests and answers, as small as they can be: what leaves is read, what comes back is written out for core to read.

use tokenway_core::event::Outcome;
use tokenway_core::http::{AnswerBody, Body, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::moment::UnixMillis;
use tokenway_core::secret::Secret;

use crate::clock::TOKEN_LIFE;

/// A refresh token: its login, and its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Grant {
    /// The login.
    pub(crate) family: u8,
    /// How many came before it.
    pub(crate) index: u8,
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Wire {
    /// The code of a login is spent.
    Code(u8),
    /// A refresh token is spent.
    Refresh(Grant),
    /// A login is revoked.
    Revoke(u8),
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    /// 200 to a revocation.
    Done,
    /// 400 `invalid_grant`.
    Refused,
    /// 429: it was not looked at.
    TooMany,
    /// New tokens.
    Tokens(Grant),
    /// 503, whatever the server did.
    Trouble,
}

impl Grant {
    /// The refresh token as text.
    #[must_use]
    pub(crate) fn refresh_token(self) -> Secret {
        Secret::new(format!("r-{}-{}", self.family, self.index))
    }

    /// The access token that was given with it.
    #[must_use]
    pub(crate) fn access_token(self) -> Secret {
        Secret::new(format!("a-{}-{}", self.family, self.index))
    }

    /// What a record holds.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Self {
        record.refresh_token.as_ref().and_then(|token| Self::read(token.expose())).expect("a refresh token of ours")
    }

    fn read(token: &str) -> Option<Self> {
        let (family, index) = token.get(2..)?.split_once('-')?;
        Some(Grant { family: family.parse().ok()?, index: index.parse().ok()? })
    }
}

impl Wire {
    /// Reads a request.
    ///
    /// # Panics
    /// If it is none of the three.
    #[must_use]
    pub(crate) fn read(request: &HttpRequest) -> Self {
        let Body::Form(fields) = &request.body else { panic!("a form: {request:?}") };
        let get = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.value.expose());
        let grant = |name: &str| get(name).and_then(Grant::read);
        if let Some(grant) = grant("refresh_token") {
            return Wire::Refresh(grant);
        }
        if let Some(grant) = grant("token") {
            return Wire::Revoke(grant.family);
        }
        let code = get("code").and_then(|code| code.strip_prefix("c-")?.parse().ok());
        Wire::Code(code.expect("a code of ours"))
    }

    /// The login that it is about.
    #[must_use]
    pub(crate) fn family(self) -> u8 {
        match self {
            Wire::Code(family) | Wire::Revoke(family) => family,
            Wire::Refresh(grant) => grant.family,
        }
    }
}

impl Reply {
    /// As it arrives.
    #[must_use]
    pub(crate) fn outcome(self, received_at: UnixMillis) -> Outcome {
        let (status, body) = match self {
            Reply::Done => (200, String::new()),
            Reply::Refused => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
            Reply::TooMany => (429, r#"{"error":"slow_down"}"#.to_owned()),
            Reply::Tokens(grant) => (200, tokens(grant)),
            Reply::Trouble => (503, String::new()),
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Outcome::Http(HttpAnswer { status, headers, body: AnswerBody::Text(Secret::new(body)), received_at })
    }
}

fn tokens(grant: Grant) -> String {
    format!(
        r#"{{"access_token":"{}","refresh_token":"{}","token_type":"Bearer","expires_in":{}}}"#,
        grant.access_token().expose(),
        grant.refresh_token().expose(),
        TOKEN_LIFE.0 / 1_000,
    )
}

/// Trouble that keeps an action from its effect, or its effect from being known.
#[must_use]
pub(crate) fn failed(sent: Sent, kind: IoFailureKind) -> Outcome {
    Outcome::Failed(IoFailure { sent, kind, detail: String::new() })
}
