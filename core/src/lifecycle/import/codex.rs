//! Codex: `auth.json`, or the same text in the keyring. It names no client: Codex has one for everybody.

use serde::Deserialize;

use super::{ForeignLogin, NotImported, unless_empty};
use crate::named::Named;
use crate::secret::{self, Secret};
use crate::wire::text;

#[derive(Deserialize)]
struct AuthJson {
    #[serde(default, rename = "OPENAI_API_KEY", with = "secret::exposed_option")]
    api_key: Option<Secret>,
    #[serde(default)]
    tokens: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, with = "secret::exposed_option")]
    id_token: Option<Secret>,
    #[serde(with = "secret::exposed")]
    access_token: Secret,
    #[serde(with = "secret::exposed")]
    refresh_token: Secret,
    #[serde(default)]
    account_id: Option<String>,
}

impl ForeignLogin {
    /// The content of Codex' `auth.json`.
    ///
    /// # Errors
    /// [`NotImported::Invalid`]; [`NotImported::OtherKind`] where Codex uses an API key, or nobody is logged in.
    pub fn of_codex(json: &str) -> Result<Self, NotImported> {
        let auth: AuthJson = serde_json::from_str(json)?;
        let Some(tokens) = auth.tokens else {
            let what = match auth.api_key {
                Some(_) => "Codex uses an API key there, and no login to ChatGPT",
                None => "nobody is logged in to Codex there",
            };
            return Err(NotImported::OtherKind { what: what.to_owned() });
        };
        let mut claims = Named::new();
        if let Some(account) = tokens.account_id.as_deref().map(text::name_for_people).filter(|id| !id.is_empty()) {
            claims.insert("account_id".to_owned(), account);
        }
        Ok(ForeignLogin {
            client_id: None,
            client_secret: None,
            access_token: Some(tokens.access_token),
            refresh_token: unless_empty(Some(tokens.refresh_token)),
            id_token: unless_empty(tokens.id_token),
            expires_at: None,
            scopes: None,
            claims,
        })
    }
}
