//! Text that may not be seen: tokens, codes, verifiers, client secrets.
//!
//! A [`Secret`] has no `Display`, a redacted `Debug`, a constant-time `==`, and is wiped when dropped. It is written
//! out only where a field says so with `#[serde(with = "tokenway_core::secret::exposed")]`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::json::transparent;
use crate::wire::text;

/// A string that never shows itself.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself. Every call is a place where a secret may leak: keep what it returns short-lived.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name under which a token may be written down where no secrets may lie (ledger, transcripts).
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let digest = Sha256::digest(self.0.as_bytes());
        TokenHash(text::hexadecimal(&digest))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

#[cfg(feature = "model")]
impl std::hash::Hash for Secret {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret::new(text)
    }
}

/// SHA-256 of a token, in lower-case hex: tells tokens apart without being one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash(String);

transparent!(TokenHash);

impl TokenHash {
    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes a secret out in clear. Naming it on a field is the statement that the place written to is fit for secrets.
pub mod exposed {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// [`exposed`] for a secret that may be absent.
pub mod exposed_option {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stored {
        #[serde(with = "exposed")]
        token: Secret,
        #[serde(with = "exposed_option")]
        maybe: Option<Secret>,
    }

    #[test]
    fn a_secret_does_not_show_itself_wherever_it_stands() {
        let stored = Stored { token: Secret::new("hunter2"), maybe: Some(Secret::new("hunter3")) };
        let shown = format!("{stored:?} {stored:#?} {:?}", vec![Some(Secret::new("hunter2"))]);
        assert!(!shown.contains("hunter"));
    }

    #[test]
    fn secrets_are_equal_when_their_texts_are() {
        assert_eq!(Secret::new("abc"), Secret::from("abc"));
        assert_eq!(Secret::new("abc"), Secret::from("abc".to_owned()));
        for other in ["", "ab", "abd", "abcd", "ABC"] {
            assert_ne!(Secret::new("abc"), Secret::from(other));
        }
        assert!(Secret::default().is_empty());
        assert_eq!(Secret::new("é").len(), 2);
    }

    #[test]
    fn a_hash_is_sha_256_in_lower_case_hex() {
        let hash = Secret::new("abc").hash();
        assert_eq!(hash.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_secret_is_written_out_only_where_a_field_says_so() {
        let stored = Stored { token: Secret::new("a\"b"), maybe: None };
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(json, r#"{"token":"a\"b","maybe":null}"#);
        assert_eq!(serde_json::from_str::<Stored>(&json).unwrap(), stored);
    }
}
