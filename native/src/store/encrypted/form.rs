//! Sealed text in an age file.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, EncryptError};
use tokenway_core::http::IoFailure;
use tokenway_core::secret::Secret;

use super::key::KeySource;
use crate::store::Answer;
use crate::store::file::failure::unable;
use crate::store::file::file_shelf::{Closed, Form};

/// Files that one key opens.
pub(crate) struct AgeForm {
    key: Arc<dyn KeySource>,
}

impl AgeForm {
    pub(crate) fn new(key: Arc<dyn KeySource>) -> Self {
        AgeForm { key }
    }
}

impl Form for AgeForm {
    fn suffix(&self) -> &'static str {
        "age"
    }

    fn wrap<'a>(&self, sealed: &'a Secret) -> Answer<Cow<'a, [u8]>> {
        let recipient: Recipient = self.key.identity_or_new()?.to_public();
        let bytes = age::encrypt(&recipient, sealed.expose().as_bytes()).map_err(|error| not_encrypted(&error))?;
        Ok(Cow::Owned(bytes))
    }

    fn unwrap(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed> {
        let identity = self.key.identity().map_err(Closed::Failed)?;
        age::decrypt(&identity, &bytes).map_err(|error| match error {
            DecryptError::NoMatchingKeys => {
                Closed::Failed(unable(format!("{} opens other files, and not this one", self.key.describe())))
            }
            DecryptError::UnknownFormat => Closed::Failed(unable(
                "an encrypted file was written by a newer version, and is left as it is; update tokenway".to_owned(),
            )),
            DecryptError::DecryptionFailed
            | DecryptError::ExcessiveWork { .. }
            | DecryptError::InvalidHeader
            | DecryptError::InvalidMac
            | DecryptError::Io(_)
            | DecryptError::KeyDecryptionFailed
            | _ => Closed::Damaged("it was changed, or its end is missing"),
        })
    }

    fn prepare(&self) -> Answer<()> {
        self.key.identity_or_new().map(drop)
    }

    fn describe(&self, folder: &Path) -> String {
        format!("encrypted files in {}, opened by {}", folder.display(), self.key.describe())
    }
}

/// A new key.
pub(crate) fn new_identity() -> Identity {
    Identity::generate()
}

/// The text of a key, as `age-keygen` writes it.
pub(crate) fn text_of(identity: &Identity) -> Secret {
    Secret::new(identity.to_string().expose_secret())
}

/// The key of a text that [`new_identity`] has, if it is one.
pub(crate) fn identity_of(text: &Secret) -> Option<Identity> {
    Identity::from_str(text.expose().trim()).ok()
}

pub(super) fn not_encrypted(error: &EncryptError) -> IoFailure {
    unable(format!("the credential could not be encrypted: {error}"))
}
