//! gcloud: the application default credentials (`application_default_credentials.json`) of a person. They hold a refresh
//! token and the client that it belongs to, and no access token.

use serde::Deserialize;

use super::{ForeignLogin, NotImported};
use crate::named::Named;
use crate::secret::{self, Secret};
use crate::wire::text;

/// The only kind that is the login of a person.
const PERSON: &str = "authorized_user";

/// Where Google's endpoints are, unless a customer has a cloud apart.
const UNIVERSE: &str = "googleapis.com";

#[derive(Deserialize)]
struct AnyKind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    #[serde(with = "secret::exposed")]
    client_secret: Secret,
    #[serde(with = "secret::exposed")]
    refresh_token: Secret,
    /// An address, or empty.
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    universe_domain: Option<String>,
}

impl ForeignLogin {
    /// The content of gcloud's application default credentials.
    ///
    /// # Errors
    /// [`NotImported::Invalid`]; [`NotImported::OtherKind`] where they are not those of a person, or of another cloud than
    /// Google's public one.
    pub fn of_gcloud(json: &str) -> Result<Self, NotImported> {
        let AnyKind { kind } = serde_json::from_str(json)?;
        if kind != PERSON {
            let kind = text::for_people(&kind);
            let what = format!("it is of the type {kind:?}, and only {PERSON:?} is the login of a person");
            return Err(NotImported::OtherKind { what });
        }
        let user: AuthorizedUser = serde_json::from_str(json)?;
        if let Some(universe) = user.universe_domain.filter(|universe| universe != UNIVERSE) {
            let what = format!("it belongs to the cloud {:?}, and not to {UNIVERSE}", text::for_people(&universe));
            return Err(NotImported::OtherKind { what });
        }
        let mut claims = Named::new();
        if let Some(account) = user.account.as_deref().map(text::for_people).filter(|account| !account.is_empty()) {
            claims.insert("email".to_owned(), account);
        }
        Ok(ForeignLogin {
            client_id: Some(user.client_id),
            client_secret: Some(user.client_secret),
            access_token: None,
            refresh_token: Some(user.refresh_token),
            id_token: None,
            expires_at: None,
            scopes: None,
            claims,
        })
    }
}
