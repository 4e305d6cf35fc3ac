//! The encrypted file of the program that tokenway grew out of: one age file with a passphrase, all credentials in it.

use std::collections::BTreeMap;
use std::path::Path;

use age::scrypt;
use age::secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokenway_core::secret::Secret;

use crate::store::file::failure::{failed, unable};
use crate::store::{Answer, foreign};

/// The plaintext.
#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    credentials: BTreeMap<String, Value>,
}

/// The credentials in such a file, by name (`codex`): each is what
/// [`ForeignLogin::of_aether`](tokenway_core::lifecycle::ForeignLogin::of_aether) takes. A file that is absent or empty
/// holds none. It is read as [`read_foreign`](crate::store::read_foreign) reads.
/// Takes as long as the file's writer chose that trying a passphrase takes: call it where blocking is allowed.
///
/// # Errors
/// The passphrase is wrong, or the file is damaged or another's.
pub fn seed_credentials(file: &Path, passphrase: &Secret) -> Answer<BTreeMap<String, Secret>> {
    let bytes = foreign::read_bytes(file).map_err(|error| failed("reading", file, &error))?.unwrap_or_default();
    if bytes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let opener = scrypt::Identity::new(SecretString::from(passphrase.expose()));
    let text = age::decrypt(&opener, &bytes)
        .map_err(|error| unable(format!("the passphrase does not open {}: {error}", file.display())))?;
    let text = Secret::new(String::from_utf8(text).unwrap_or_default());
    let read: Credentials = serde_json::from_str(text.expose()).map_err(|error| {
        // Line and column only: what serde_json quotes may be a token.
        let (line, column) = (error.line(), error.column());
        unable(format!("invalid credential data in {}: line {line}, column {column}", file.display()))
    })?;
    Ok(read.credentials.into_iter().map(|(name, value)| (name, Secret::new(value.to_string()))).collect())
}
