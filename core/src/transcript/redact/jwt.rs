//! Tokens. JWTs are minted anew with the claims that somebody checks; everything else in them is dropped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{Redactor, SecretKind};
use crate::provider::TokenName;
use crate::wire::jwt::{self, Claims};

/// What JWTs say of people beside the provider's own claims: looked for, never kept.
const PERSONAL: [&str; 8] =
    ["email", "family_name", "given_name", "name", "nickname", "phone_number", "preferred_username", "sub"];

/// The issuer that stands for any other than the configured one.
pub(super) const OTHER_ISSUER: &str = "https://other-issuer.example";

/// Marks a stand-in of what no header can carry.
const UNPRINTABLE: char = 'é';

impl Redactor<'_> {
    /// An access token; as unfit for a header as the real one.
    pub(super) fn access_token(&mut self, token: &str) -> String {
        self.token(SecretKind::AccessToken, Some(TokenName::AccessToken), token)
    }

    pub(super) fn refresh_token(&mut self, token: &str) -> String {
        self.token(SecretKind::RefreshToken, None, token)
    }

    pub(super) fn id_token(&mut self, token: &str) -> String {
        self.token(SecretKind::IdToken, Some(TokenName::IdToken), token)
    }

    fn token(&mut self, kind: SecretKind, name: Option<TokenName>, token: &str) -> String {
        if token.is_empty() {
            return String::new();
        }
        if let Some(stand_in) = self.stand_ins.found(token) {
            return stand_in;
        }
        self.private.add_secret(token);
        let number = self.stand_ins.numbered(kind.label());
        let readable = name.zip(jwt::claims(token).ok());
        let mut stand_in = match readable {
            Some((name, claims)) => {
                self.know_person(token, &claims);
                self.minted(name, token, &claims, &number)
            }
            None => number,
        };
        let printable = token.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        if token.contains(char::REPLACEMENT_CHARACTER) {
            stand_in.push(char::REPLACEMENT_CHARACTER);
        } else if !printable || token.trim_matches(' ').len() < token.len() {
            stand_in.push(UNPRINTABLE);
        }
        self.stand_ins.pair(kind, token, &stand_in);
        stand_in
    }

    fn know_person(&mut self, token: &str, claims: &Claims) {
        if let Some((_, signature)) = token.rsplit_once('.') {
            self.stand_ins.know(SecretKind::Signature, signature.as_bytes());
        }
        for claim in PERSONAL.iter().filter_map(|name| claims.text(&[name])) {
            self.private.add_name(&claim);
            self.stand_ins.know(SecretKind::Claim, claim.as_bytes());
        }
    }

    /// RFC 7519: header and payload by allow-list, no signature.
    fn minted(&mut self, name: TokenName, token: &str, claims: &Claims, id: &str) -> String {
        let mut payload = Map::new();
        if let Some(issuer) = claims.text(&["iss"]) {
            payload.insert("iss".to_owned(), self.issuer(&issuer).into());
        }
        let audience = claims.audience();
        if !audience.is_empty() {
            payload.insert("aud".to_owned(), audience.iter().map(|one| self.audience(one)).collect());
        }
        for instant in ["exp", "iat"] {
            if let Some(seconds) = claims.number(&[instant]) {
                payload.insert(instant.to_owned(), seconds.into());
            }
        }
        if let Some(nonce) = claims.text(&["nonce"]) {
            payload.insert("nonce".to_owned(), self.text(SecretKind::Nonce, &nonce).into());
        }
        for claim in &self.config.provider.identity {
            for place in claim.places.iter().filter(|place| place.token == name) {
                let path: Vec<&str> = place.path.iter().map(String::as_str).collect();
                if let Some(value) = claims.text(&path) {
                    self.private.add_name(&value);
                    insert(&mut payload, &path, self.stand_ins.of_claim(&claim.name, &value).into());
                }
            }
        }
        payload.insert("jti".to_owned(), id.into());
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header(token)), part(Value::Object(payload)), URL_SAFE_NO_PAD.encode(id))
    }

    /// The configured issuer stays; any other one stays another one.
    pub(super) fn issuer(&self, issuer: &str) -> String {
        let kept = issuer.is_empty() || self.config.issuer() == Some(issuer);
        if kept { issuer.to_owned() } else { OTHER_ISSUER.to_owned() }
    }

    fn audience(&self, audience: &str) -> Value {
        if audience == self.config.client.id { audience.into() } else { "other-audience".into() }
    }
}

fn insert(payload: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            payload.insert((*name).to_owned(), value);
        }
        [object, rest @ ..] => {
            let inner = payload.entry((*object).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// `alg` and `typ`, when they are short names.
fn header(token: &str) -> Value {
    let first = token.split('.').next().unwrap_or_default();
    let claims = jwt::claims(&format!("h.{first}.s")).ok();
    let mut header = Map::new();
    for name in ["alg", "typ"] {
        let value = claims.as_ref().and_then(|claims| claims.text(&[name]));
        let is_name =
            |value: &String| value.len() <= 12 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
        if let Some(value) = value.filter(is_name) {
            header.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(header)
}
