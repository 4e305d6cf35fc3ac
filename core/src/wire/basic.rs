//! HTTP Basic authentication of a client (RFC 6749 section 2.3.1, RFC 7617).

use crate::secret::Secret;
use crate::wire::{base64, form, text};

/// The value of the `Authorization` header. Id and secret are form-encoded first, as the RFC asks: without it a colon
/// in the id, or anything that is not ASCII, names another client.
#[must_use]
pub fn authorization(client_id: &str, client_secret: &Secret) -> Secret {
    let mut pair = String::new();
    form::encode_text(client_id, &mut pair);
    pair.push(':');
    form::encode_text(client_secret.expose(), &mut pair);
    let pair = Secret::new(pair);
    Secret::new(text::joined(&["Basic ", &base64::standard(pair.expose().as_bytes())]))
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    use super::*;

    fn decoded(id: &str, secret: &str) -> String {
        let header = authorization(id, &Secret::from(secret));
        let encoded = header.expose().strip_prefix("Basic ").unwrap();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_6749_holds() {
        let header = authorization("s6BhdRkqt3", &Secret::from("7Fjfp0ZBr1KtDRbnfVdmIw"));
        assert_eq!(header.expose(), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    }

    #[test]
    fn odd_characters_are_form_encoded_before_they_are_joined() {
        assert_eq!(
            decoded("odd id:1/~", "p%ss w+rd:/?&='\"!*()"),
            "odd+id%3A1%2F%7E:p%25ss+w%2Brd%3A%2F%3F%26%3D%27%22%21*%28%29"
        );
        assert_eq!(decoded("ünï", "£"), "%C3%BCn%C3%AF:%C2%A3");
        assert_eq!(decoded("id", ""), "id:");
    }
}
