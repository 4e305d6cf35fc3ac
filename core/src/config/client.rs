//! The OAuth client and how it proves itself (RFC 6749 section 2.3).

use serde::{Deserialize, Serialize};

use crate::json::words;
use crate::secret::Secret;

/// The client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Its proof.
    pub authentication: ClientAuthentication,
}

/// How the client proves itself. One method, never probed: a second try would spend the code or the refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in the header, form-encoded first (RFC 6749 section 2.3.1).
    Basic(Secret),
    /// A public client: `client_id` in the body and nothing else.
    PublicClient,
    /// `client_secret_post`: in the body.
    Post(Secret),
}

words!(AuthenticationMethod { Basic = "client_secret_basic", PublicClient = "none", Post = "client_secret_post" });

impl ClientAuthentication {
    /// The client secret, when there is one.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            ClientAuthentication::Basic(secret) | ClientAuthentication::Post(secret) => Some(secret),
            ClientAuthentication::PublicClient => None,
        }
    }
}

/// Which method, as data. The names are those of RFC 7591 section 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// In the header.
    #[serde(rename = "client_secret_basic")]
    Basic,
    /// None.
    #[default]
    #[serde(rename = "none")]
    PublicClient,
    /// In the body.
    #[serde(rename = "client_secret_post")]
    Post,
}
