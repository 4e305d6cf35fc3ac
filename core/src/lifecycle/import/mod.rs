//! Credentials of the program that tokenway grew out of: one JSON object, the same in every place that kept it.

use std::fmt;

use serde::Deserialize;

use crate::config::{Config, Server};
use crate::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use crate::lifecycle::{identity, policy};
use crate::moment::{Moment, UnixMillis};
use crate::secret::{self, Secret};

/// The value as both of its generations wrote it. Members that are not named here are of no use to us.
#[derive(Deserialize)]
struct Stored {
    client_id: String,
    #[serde(with = "secret::exposed")]
    access_token: Secret,
    #[serde(default, with = "secret::exposed_option")]
    refresh_token: Option<Secret>,
    /// Milliseconds since 1970.
    #[serde(default)]
    expires_at: Option<UnixMillis>,
    /// Only the first generation; empty when unknown.
    #[serde(default)]
    granted_scopes: Vec<String>,
}

/// Why a value does not become a login.
#[derive(Debug)]
pub enum NotImported {
    /// It is not a credential of that form.
    Invalid(serde_json::Error),
    /// It belongs to another client than the configuration names.
    OtherClient {
        /// That client.
        found: String,
    },
    /// The configuration does not know the server's endpoints: a credential does not name them.
    NoEndpoints,
}

impl fmt::Display for NotImported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Line and column only: what serde_json quotes may be a token.
            NotImported::Invalid(error) => {
                write!(f, "invalid credential: line {}, column {}", error.line(), error.column())
            }
            NotImported::OtherClient { found } => write!(f, "the credential belongs to the client {found}"),
            NotImported::NoEndpoints => f.write_str("a provider with known endpoints is needed to import a credential"),
        }
    }
}

impl std::error::Error for NotImported {}

impl Record {
    /// A login from such a value. Two owners of one rotating refresh token end in a logout: the program that wrote the
    /// value must not use it any more.
    ///
    /// # Errors
    /// See [`NotImported`].
    pub fn import(json: &str, config: &Config, moment: &Moment) -> Result<Record, NotImported> {
        let stored: Stored = serde_json::from_str(json).map_err(NotImported::Invalid)?;
        let Server::Known(endpoints) = &config.server else { return Err(NotImported::NoEndpoints) };
        if stored.client_id != config.client.id {
            return Err(NotImported::OtherClient { found: stored.client_id });
        }
        let life = stored.expires_at.map(|end| end.since(moment.now));
        let (_, due_at) = life.map(|life| policy::lifetime(moment, moment.now, life)).unzip();
        Ok(Record {
            format: RECORD_FORMAT,
            login_id: LoginId(moment.draw_text("login id")),
            generation: 1,
            client_id: stored.client_id,
            issuer: config.provider.issuer.clone(),
            token_endpoint: endpoints.token.clone(),
            revocation_endpoint: endpoints.revocation.clone(),
            mark: Mark::LoggedIn,
            claims: identity::read(&config.provider, &stored.access_token, None),
            access_token: stored.access_token,
            token_type: "Bearer".to_owned(),
            refresh_token: stored.refresh_token,
            scopes: Some(stored.granted_scopes).filter(|scopes| !scopes.is_empty()),
            resources: config.resources.clone(),
            expires_at: stored.expires_at,
            due_at,
            renewed_at: moment.now,
            renewed_from: None,
            renewed_for_rejection: false,
            unknown: Unknown::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Provider;

    const CODEX_CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
    const MOMENT: Moment = Moment { now: UnixMillis(1_000_000), entropy: [3; 32] };

    fn codex() -> Config {
        Config::builder(Provider::built_in().unwrap().remove(0)).build().unwrap()
    }

    fn import(members: &str) -> Result<Record, NotImported> {
        Record::import(&format!(r#"{{"client_id":"{CODEX_CLIENT}",{members}}}"#), &codex(), &MOMENT)
    }

    #[test]
    fn both_generations_of_the_seeds_credential_become_a_login() {
        let first =
            r#""access_token":"AT","refresh_token":"RT","expires_at":1600000,"granted_scopes":["openid"],"x":1"#;
        let record = import(first).unwrap();
        assert_eq!((record.access_token.expose(), record.generation), ("AT", 1));
        assert_eq!(record.refresh_token, Some(Secret::new("RT")));
        assert_eq!(record.expires_at, Some(UnixMillis(1_600_000)));
        assert!(record.due_at.is_some_and(|due| due > MOMENT.now && due < UnixMillis(1_600_000)));
        assert_eq!(record.scopes.as_deref(), Some(&["openid".to_owned()][..]));

        let second = import(r#""access_token":"AT""#).unwrap();
        assert_eq!((second.refresh_token, second.expires_at, second.scopes), (None, None, None));
    }

    #[test]
    fn a_value_of_another_shape_is_named_without_its_content() {
        let error = import(r#""access_token":["planted"]"#).unwrap_err().to_string();
        assert!(error.starts_with("invalid credential:") && !error.contains("planted"), "{error}");
    }

    #[test]
    fn another_clients_credential_is_refused() {
        let other = Record::import(r#"{"client_id":"other","access_token":"AT"}"#, &codex(), &MOMENT);
        assert!(matches!(other, Err(NotImported::OtherClient { .. })));
        let generic = Config::builder(Provider::generic("https://as.example")).client_id("other").build().unwrap();
        let unknown = Record::import(r#"{"client_id":"other","access_token":"AT"}"#, &generic, &MOMENT);
        assert!(matches!(unknown, Err(NotImported::NoEndpoints)));
    }
}
