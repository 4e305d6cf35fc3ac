//! Reads the claims of a JSON Web Token (RFC 7519). This is not validation: nothing is verified, the header is not even
//! looked at. Claims say who a token is for when the server that we asked over TLS just sent it, no more.

use std::fmt;

use crate::secret::Secret;
use crate::wire::json::{self, Members, Value};
use crate::wire::{base64, pieces, seconds};

/// The largest token that is read, in bytes: those with hundreds of groups stay below it.
pub const MAX_JWT: usize = 128 * 1024;

/// The claims of a token: who it is for may be private, so `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Claims(Secret);

/// Why claims could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableJwt {
    /// Not three parts between dots, or one of them is empty.
    Parts,
    /// The payload is not base64url, or not UTF-8.
    Encoding,
    /// The payload is not a JSON object.
    Json,
    /// Larger than [`MAX_JWT`].
    TooLarge,
}

impl fmt::Display for UnreadableJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnreadableJwt::Parts => "expected 3 dot-separated parts",
            UnreadableJwt::Encoding => "failed to decode payload: it is not base64url of UTF-8 text",
            UnreadableJwt::Json => "failed to parse payload: it is not a JSON object",
            UnreadableJwt::TooLarge => "token too large to read (over 128 KiB)",
        })
    }
}

impl std::error::Error for UnreadableJwt {}

/// The claims of a token in compact form (RFC 7519 section 3.1).
///
/// # Errors
/// When it is not a token of that form. Opaque tokens are not.
pub fn claims(token: &str) -> Result<Claims, UnreadableJwt> {
    if token.len() > MAX_JWT {
        return Err(UnreadableJwt::TooLarge);
    }
    let mut parts = pieces::split(token, ".");
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UnreadableJwt::Parts);
    };
    if header.is_empty() || payload.is_empty() || signature.is_empty() {
        return Err(UnreadableJwt::Parts);
    }
    let bytes = base64::from_url_safe(payload).ok_or(UnreadableJwt::Encoding)?;
    let text = String::from_utf8(bytes).map(Secret::new).map_err(|_| UnreadableJwt::Encoding)?;
    match json::object(text.expose()) {
        Ok(_) => Ok(Claims(text)),
        Err(_) => Err(UnreadableJwt::Json),
    }
}

impl Claims {
    /// A text claim: `["sub"]`, or a path into objects, `["https://api.openai.com/auth", "chatgpt_account_id"]`. `None`
    /// when it is absent, empty, repeated or no text.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<String> {
        self.at(path, |value| value.as_text().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A number claim as whole seconds or counts, the fraction cut; `None` when negative or no number. Instants
    /// (`exp`, `iat`) are seconds since 1970.
    #[must_use]
    pub fn number(&self, path: &[&str]) -> Option<u64> {
        self.at(path, |value| if let Value::Number(text) = value { seconds::count(text) } else { None })
    }

    /// The audience, which is one text or an array of texts (RFC 7519 section 4.1.3); empty when it is neither.
    #[must_use]
    pub fn audience(&self) -> Vec<String> {
        let texts = |value: &Value<'_>| match value {
            Value::Text(text) => Some(vec![text.clone().into_owned()]),
            Value::Array(_) => {
                let mut texts = Vec::new();
                for one in value.as_array()? {
                    texts.push(one.as_text()?.to_owned());
                }
                Some(texts)
            }
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => None,
        };
        self.at(&["aud"], texts).unwrap_or_default()
    }

    fn at<T>(&self, path: &[&str], read: impl FnOnce(&Value<'_>) -> Option<T>) -> Option<T> {
        let (last, objects) = path.split_last()?;
        let top = json::object(self.0.expose()).ok()?;
        let inner: Option<Members<'_>> = objects.iter().try_fold(top, |members, name| members.only(name)?.as_object());
        inner.and_then(|members| read(members.only(last)?))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::{URL_SAFE as PADDED, URL_SAFE_NO_PAD};

    fn token(payload: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.sig", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn claims_are_found_at_the_top_and_in_objects() {
        let payload = r#"{"sub":"u1","exp":1735689600,"iat":1.5e3,"ok":true,"n":-1,
            "https://api.openai.com/auth":{"chatgpt_account_id":"acc","n":null}}"#;
        let claims = claims(&token(payload)).unwrap();
        assert_eq!(claims.text(&["sub"]).as_deref(), Some("u1"));
        assert_eq!(claims.text(&["https://api.openai.com/auth", "chatgpt_account_id"]).as_deref(), Some("acc"));
        assert_eq!((claims.number(&["exp"]), claims.number(&["iat"])), (Some(1_735_689_600), Some(1_500)));
        for path in [&["n"][..], &["sub", "x"], &["https://api.openai.com/auth", "n"], &["none"], &[]] {
            assert_eq!((claims.text(path), claims.number(path)), (None, None), "{path:?}");
        }
        assert_eq!(format!("{claims:?}"), "Claims(..)");
    }

    #[test]
    fn an_audience_is_one_text_or_many() {
        let audience = |payload: &str| claims(&token(payload)).unwrap().audience();
        assert_eq!(audience(r#"{"aud":"a"}"#), ["a"]);
        assert_eq!(audience(r#"{"aud":["a","b"]}"#), ["a", "b"]);
        for payload in [r#"{"aud":7}"#, r#"{"aud":["a",7]}"#, r#"{"aud":"a","aud":"b"}"#, "{}"] {
            assert!(audience(payload).is_empty(), "{payload}");
        }
    }

    #[test]
    fn padding_is_accepted() {
        for payload in ["{}", "{ }", "{  }", "{   }"] {
            assert!(claims(&format!("h.{}.s", PADDED.encode(payload))).is_ok());
            assert!(claims(&format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload))).is_ok());
        }
    }

    #[test]
    fn what_is_no_token_is_said_to_be_none() {
        for text in ["", "opaque", "a.b", "a.b.c.d", "..", ".e30.x", "h..s", "h.e30.", "h.e30.s."] {
            assert_eq!(claims(text), Err(UnreadableJwt::Parts), "{text}");
        }
        for text in ["h.!.s", "h.e30+/w.s", "h.e.s", "h.e3 0.s", "h._w.s"] {
            assert_eq!(claims(text), Err(UnreadableJwt::Encoding), "{text}");
        }
        for payload in ["[]", "null", "", " ", "{}{}", "{\"a\":"] {
            let expected = if payload.is_empty() { UnreadableJwt::Parts } else { UnreadableJwt::Json };
            assert_eq!(claims(&token(payload)), Err(expected), "{payload}");
        }
        assert_eq!(claims(&format!("h.{}.s", "e".repeat(MAX_JWT))), Err(UnreadableJwt::TooLarge));
    }
}
