//! The secrets of clients that are no secrets of a person.
//!
//! ```text
//! HOME/clients/NAME.secret   what Google's servers call the secret of a desktop client
//! ```
//!
//! Whoever has such a client's program has its secret, too (RFC 8252 section 8.5); but without it no token is renewed.
//! So it is kept where tokens may be, in a file that only this user can read.

use std::path::PathBuf;

use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::secret::Secret;

use super::Answer;
use super::file::failure::{failed, unable};
use super::file::paths::Files;
use super::file::{platform, replace};

/// How the names of its files end.
const SUFFIX: &str = "secret";

/// The client secrets that are kept under one home folder. Its methods read or write one small file, and block for that.
#[derive(Clone, Debug)]
pub struct ClientSecrets {
    folder: PathBuf,
}

impl ClientSecrets {
    /// Those under `home`. Nothing is read or made before the first use.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        ClientSecrets { folder: home.into().join("clients") }
    }

    /// The secret of that client at that provider, if one is kept.
    ///
    /// # Errors
    /// It is there, and cannot be read.
    pub fn secret_of(&self, provider: &str, client_id: &str) -> Answer<Option<Secret>> {
        let file = self.file(provider, client_id);
        let Some(bytes) = replace::read(&file)? else { return Ok(None) };
        let text =
            String::from_utf8(bytes).map_err(|_| unable(format!("{} was changed: remove it", file.display())))?;
        Ok(Some(Secret::new(text)))
    }

    /// Keeps the secret, durably; one that was kept before is replaced.
    ///
    /// # Errors
    /// It could not be written.
    pub fn keep(&self, provider: &str, client_id: &str, secret: &Secret) -> Answer<()> {
        platform::private_folder(&self.folder).map_err(|error| failed("preparing", &self.folder, &error))?;
        replace::replace(&self.file(provider, client_id), secret.expose().as_bytes())
    }

    fn file(&self, provider: &str, client_id: &str) -> PathBuf {
        let key =
            CredentialKey { provider: provider.to_owned(), client_id: client_id.to_owned(), account: String::new() };
        Files::of(&self.folder, &key).with_suffix(SUFFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_for_its_own_client_alone() {
        let home = tempfile::tempdir().unwrap();
        let secrets = ClientSecrets::new(home.path());
        assert_eq!(secrets.secret_of("google", "desk").unwrap(), None);
        secrets.keep("google", "desk", &Secret::new("one")).unwrap();
        secrets.keep("google", "desk", &Secret::new("two")).unwrap();
        assert_eq!(secrets.secret_of("google", "desk").unwrap(), Some(Secret::new("two")));
        assert_eq!(secrets.secret_of("google", "other").unwrap(), None);
        assert_eq!(secrets.secret_of("other", "desk").unwrap(), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(secrets.file("google", "desk")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
