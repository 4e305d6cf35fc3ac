//! Proof Key for Code Exchange (RFC 7636), with S256 only.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json::transparent;
use crate::secret::{self, Secret};
use crate::wire::base64;

/// The `code_challenge_method` that is used, always.
pub const METHOD: &str = "S256";

/// The code verifier: 43 characters from 32 random bytes (RFC 7636 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Verifier(#[serde(with = "secret::exposed")] Secret);

transparent!(Verifier);

impl Verifier {
    /// The verifier of 32 fresh random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Verifier(Secret::new(base64::url_safe(&bytes)))
    }

    /// `code_challenge` = BASE64URL(SHA256(verifier)), RFC 7636 section 4.2.
    #[must_use]
    pub fn challenge(&self) -> String {
        base64::url_safe(&Sha256::digest(self.0.expose().as_bytes()))
    }

    /// The verifier itself, for the token request.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_appendix_b_holds() {
        let bytes = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = Verifier::new(bytes);
        assert_eq!(verifier.secret().expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_unreserved_characters_and_hides_itself() {
        let verifier = Verifier::new([0xff; 32]);
        assert_eq!(verifier.secret().len(), 43);
        assert!(verifier.secret().expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
        assert!(!format!("{verifier:?}").contains(verifier.secret().expose()));
    }
}
