//! Snapshots of logins: versioned, secret, without client secret or token.

use serde::{Deserialize, Serialize};

use crate::json::transparent;
use crate::secret::{self, Secret};

/// The bytes of a login between two actions, or the stub that says "begun".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Snapshot(#[serde(with = "secret::exposed")] Secret);

transparent!(Snapshot);

impl Snapshot {
    pub(crate) fn from_secret(text: Secret) -> Self {
        Snapshot(text)
    }

    /// The bytes to store. They hold `state` and the PKCE verifier: store them where tokens may be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}
