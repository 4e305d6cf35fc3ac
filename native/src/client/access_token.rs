//! A token on loan: shared, never copied, with its header ready.

use std::sync::Arc;

use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{Token, TokenNote};
use tokenway_core::moment::UnixMillis;
use tokenway_core::secret::{Secret, TokenHash};

/// An access token and what is known of it. Clones share one allocation; `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct AccessToken {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    record: Box<Record>,
    notes: Vec<TokenNote>,
    authorization: Secret,
    hash: TokenHash,
}

impl AccessToken {
    pub(crate) fn new(record: Box<Record>, notes: Vec<TokenNote>) -> Self {
        let authorization = Secret::new(format!("{} {}", record.token_type, record.access_token.expose()));
        let hash = record.access_token.hash();
        AccessToken { shared: Arc::new(Shared { record, notes, authorization, hash }) }
    }

    /// The token.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.shared.record.access_token
    }

    /// The value of the `Authorization` header (RFC 6750 section 2.1), made once.
    #[must_use]
    pub fn authorization(&self) -> &Secret {
        &self.shared.authorization
    }

    /// How it is presented: `Bearer`, mostly.
    #[must_use]
    pub fn token_type(&self) -> &str {
        &self.shared.record.token_type
    }

    /// The hash by which it is told from other tokens.
    #[must_use]
    pub fn hash(&self) -> &TokenHash {
        &self.shared.hash
    }

    /// When it dies, in milliseconds since 1970; `None` when the server did not say.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.shared.record.expires_at
    }

    /// A claim that was kept: `account_id`, `email`, `sub`, ... Read from tokens, never validated.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.shared.record.claims.get(name).map(String::as_str)
    }

    /// The granted scopes, when known.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        self.shared.record.scopes.as_deref()
    }

    /// Trouble that did not keep this token from being usable.
    #[must_use]
    pub fn notes(&self) -> &[TokenNote] {
        &self.shared.notes
    }

    /// The same token with one note more, for one caller.
    pub(super) fn with_note(&self, note: TokenNote) -> Self {
        let mut notes = self.shared.notes.clone();
        notes.push(note);
        AccessToken::new(self.shared.record.clone(), notes)
    }

    /// The same token for all callers: notes speak of one wish.
    pub(super) fn without_notes(&self) -> Self {
        if self.shared.notes.is_empty() {
            return self.clone();
        }
        AccessToken::new(self.shared.record.clone(), Vec::new())
    }

    pub(super) fn record(&self) -> &Record {
        &self.shared.record
    }
}

impl From<Token> for AccessToken {
    fn from(token: Token) -> Self {
        AccessToken::new(token.record, token.notes)
    }
}
