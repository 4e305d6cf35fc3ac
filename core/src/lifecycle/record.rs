//! What is stored of a login.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::read::{FromJson, Reading};
use crate::json::{self, ToJson, Writer, words};
use crate::moment::UnixMillis;
use crate::named::Named;
use crate::secret::{self, Secret, TokenHash};
use crate::wire::json::{Members, Value};
use crate::wire::text::is_one_of;

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
    pub claims: Named<String>,
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

/// Members of a newer format, kept as they are: by name, each with its JSON.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Unknown(Vec<(String, String)>);

impl Unknown {
    /// Members by name.
    #[must_use]
    pub fn new(members: BTreeMap<String, serde_json::Value>) -> Self {
        Unknown(members.into_iter().map(|(name, value)| (name, value.to_string())).collect())
    }

    /// The members of other names than `known`, words between blanks.
    fn beside(known: &str, members: &Members<'_>) -> Self {
        let mut unknown = Vec::new();
        for (name, value) in members.by_name() {
            if !is_one_of(name, known) {
                unknown.push((name.to_owned(), json::rewritten(value)));
            }
        }
        Unknown(unknown)
    }
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap_or_default();
        serializer.collect_map(self.0.iter().map(|(name, json)| (name, read(json))))
    }
}

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Unknown::new)
    }
}

#[cfg(feature = "model")]
impl std::hash::Hash for Unknown {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

words!(Mark { LoggedIn = "logged_in", LoggedOut = "logged_out" });

/// The members that this version knows.
const MEMBERS: &str = "format login_id generation client_id issuer token_endpoint revocation_endpoint mark \
    access_token token_type refresh_token scopes resources claims expires_at due_at renewed_at renewed_from renewed_for_rejection";

impl FromJson for Record {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let members = reading.members(value);
        if members.get("refresh_token").is_none() {
            reading.wrong("the member `refresh_token` is missing".to_owned());
        }
        Record {
            format: reading.member(&members, "format"),
            login_id: reading.member(&members, "login_id"),
            generation: reading.member(&members, "generation"),
            client_id: reading.member(&members, "client_id"),
            issuer: reading.member(&members, "issuer"),
            token_endpoint: reading.member(&members, "token_endpoint"),
            revocation_endpoint: reading.member(&members, "revocation_endpoint"),
            mark: reading.member(&members, "mark"),
            access_token: reading.member(&members, "access_token"),
            token_type: reading.member(&members, "token_type"),
            refresh_token: reading.member(&members, "refresh_token"),
            scopes: reading.member(&members, "scopes"),
            resources: match members.get("resources") {
                Some(_) => reading.member(&members, "resources"),
                None => Vec::new(),
            },
            claims: match members.get("claims") {
                Some(_) => reading.member(&members, "claims"),
                None => Named::new(),
            },
            expires_at: reading.member(&members, "expires_at"),
            due_at: reading.member(&members, "due_at"),
            renewed_at: reading.member(&members, "renewed_at"),
            renewed_from: reading.member(&members, "renewed_from"),
            renewed_for_rejection: reading.member(&members, "renewed_for_rejection"),
            unknown: Unknown::beside(MEMBERS, &members),
        }
    }
}

impl ToJson for Record {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("format", &self.format);
        out.member("login_id", &self.login_id);
        out.member("generation", &self.generation);
        out.member("client_id", &self.client_id);
        out.member("issuer", &self.issuer);
        out.member("token_endpoint", &self.token_endpoint);
        out.member("revocation_endpoint", &self.revocation_endpoint);
        out.member("mark", &self.mark);
        out.member("access_token", &self.access_token);
        out.member("token_type", &self.token_type);
        out.member("refresh_token", &self.refresh_token);
        out.member("scopes", &self.scopes);
        if !self.resources.is_empty() {
            out.member("resources", &self.resources);
        }
        out.member("claims", &self.claims);
        out.member("expires_at", &self.expires_at);
        out.member("due_at", &self.due_at);
        out.member("renewed_at", &self.renewed_at);
        out.member("renewed_from", &self.renewed_from);
        out.member("renewed_for_rejection", &self.renewed_for_rejection);
        for (name, value) in &self.unknown.0 {
            out.name(name);
            out.raw(value);
        }
        out.close('}');
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
