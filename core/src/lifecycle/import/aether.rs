//! aether, the program that tokenway grew out of: one JSON object, the same in every place that kept it.

use serde::Deserialize;

use super::{ForeignLogin, NotImported, unless_empty};
use crate::moment::UnixMillis;
use crate::named::Named;
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

impl ForeignLogin {
    /// A credential of aether.
    ///
    /// # Errors
    /// [`NotImported::Invalid`].
    pub fn of_aether(json: &str) -> Result<Self, NotImported> {
        let stored: Stored = serde_json::from_str(json)?;
        Ok(ForeignLogin {
            client_id: Some(stored.client_id),
            client_secret: None,
            access_token: Some(stored.access_token),
            refresh_token: unless_empty(stored.refresh_token),
            id_token: None,
            expires_at: stored.expires_at,
            scopes: Some(stored.granted_scopes).filter(|scopes| !scopes.is_empty()),
            claims: Named::new(),
        })
    }
}
