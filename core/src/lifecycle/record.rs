//! What is stored of a login.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::moment::UnixMillis;
use crate::secret::{self, Secret, TokenHash};

/// The format of [`Record`] that this version writes.
pub const RECORD_FORMAT: u32 = 1;

/// Which credential: the provider (or issuer), the client and the account label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialKey {
    /// The preset's id, or the issuer, or the token endpoint of a server without either.
    pub provider: String,
    /// The OAuth client.
    pub client_id: String,
    /// The label that the person chose; `default` if none.
    pub account: String,
}

impl fmt::Display for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.provider, self.client_id, self.account)
    }
}

/// What atomic saves and deletes compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The login.
    pub login_id: LoginId,
    /// Counts the saves of that login.
    pub generation: u64,
}

/// Random name of one login: two logins of one person never share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginId(pub String);

/// One login, as stored. Members that this version does not know are kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Record {
    /// [`RECORD_FORMAT`] of the writer. A larger one is read, and never written over.
    pub format: u32,
    /// The login.
    pub login_id: LoginId,
    /// Counts the saves of that login, from 1.
    pub generation: u64,
    /// The OAuth client the tokens were issued to.
    pub client_id: String,
    /// The authorization server, when it has an issuer.
    pub issuer: Option<String>,
    /// Where tokens are renewed.
    pub token_endpoint: String,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<String>,
    /// Logged in, or logged out and waiting to be deleted.
    pub mark: Mark,
    /// The access token.
    #[serde(with = "secret::exposed")]
    pub access_token: Secret,
    /// `Bearer`, mostly.
    pub token_type: String,
    /// The refresh token, when the server gave one.
    #[serde(with = "secret::exposed_option")]
    pub refresh_token: Option<Secret>,
    /// The granted scopes; `None` when the server did not say.
    pub scopes: Option<Vec<String>>,
    /// The resources that the tokens are for (RFC 8707): a renewal names them again, whoever asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Claims kept for people and for the account check: `sub`, `email`, `account_id`, `plan`, ...
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// When the access token dies; `None` when unknown (use it until a 401).
    pub expires_at: Option<UnixMillis>,
    /// When it should be renewed, fixed when the record is made.
    pub due_at: Option<UnixMillis>,
    /// When these tokens were received.
    pub renewed_at: UnixMillis,
    /// The refresh token that was spent for these tokens; `None` after a login.
    pub renewed_from: Option<TokenHash>,
    /// Whether a rejection by the API brought this renewal.
    pub renewed_for_rejection: bool,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Whether a record still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The login stands.
    LoggedIn,
    /// A logout began: the record reads as none, and whoever meets it finishes.
    LoggedOut,
}

/// Members of a newer format, kept as they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown(pub BTreeMap<String, serde_json::Value>);

#[cfg(feature = "model")]
impl std::hash::Hash for Unknown {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

impl Record {
    /// What compares it with others.
    #[must_use]
    pub fn version(&self) -> Version {
        Version { login_id: self.login_id.clone(), generation: self.generation }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("login_id", &self.login_id)
            .field("generation", &self.generation)
            .field("mark", &self.mark)
            .field("expires_at", &self.expires_at)
            .field("due_at", &self.due_at)
            .finish_non_exhaustive()
    }
}
