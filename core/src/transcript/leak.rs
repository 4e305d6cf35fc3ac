//! The last look before a transcript is handed out: no secret of the run may stand in it, in any common notation.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::redact::{Known, SecretKind};
use crate::secret::Secret;

/// Shorter secrets are not looked for: they guard nothing, and stand in every text by chance.
const SHORTEST: usize = 6;

/// The shortest part of a base64 text that says whose it is.
const SHORTEST_BASE64: usize = 8;

/// Where a secret was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leak {
    pub(super) kind: SecretKind,
    /// From 1.
    pub(super) line: usize,
}

/// The first leak.
pub(super) fn find(text: &str, secrets: &[Known]) -> Option<Leak> {
    let mut places: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        places.push((at + 1, line.to_owned()));
        if let Ok(value) = serde_json::from_str(line) {
            texts_in(&value, &mut |text| places.push((at + 1, text.to_owned())));
        }
    }
    for secret in secrets.iter().filter(|secret| secret.bytes.len() >= SHORTEST) {
        let forms = forms(secret);
        let found = |(_, place): &&(usize, String)| forms.iter().any(|form| place.contains(form.as_str()));
        if let Some((line, _)) = places.iter().find(found) {
            return Some(Leak { kind: secret.kind, line: *line });
        }
    }
    None
}

fn texts_in(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| texts_in(element, found)),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found(name);
            texts_in(member, found);
        }),
        Value::String(text) => found(text),
    }
}

/// A secret in every notation in which it might have slipped through.
fn forms(secret: &Known) -> Vec<String> {
    let bytes: &[u8] = &secret.bytes;
    let mut forms = vec![hex(bytes), hex(bytes).to_uppercase()];
    forms.extend(base64_cores(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let percent: String = bytes.iter().map(|byte| percent(*byte)).collect();
        let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
        for encoded in [&percent, &form] {
            forms.extend(base64_cores(encoded.as_bytes()));
            forms.push(encoded.clone());
            forms.push(lower_escapes(encoded));
        }
        let once = json_escaped(text);
        forms.extend([json_escaped(&once), once.replace('/', "\\/"), ascii_json(text), once, text.to_owned()]);
        forms.push(Secret::new(text).hash().as_str().to_owned());
    }
    forms.sort();
    forms.dedup();
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The characters that stand for the secret alone, wherever it begins in what was encoded.
fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let mut cores = Vec::new();
    for (shift, first) in [(0, 0), (1, 2), (2, 3)] {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(bytes);
        let end = shifted.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            let core = encoded.get(first..end).unwrap_or_default();
            if core.len() >= SHORTEST_BASE64 {
                cores.push(core.to_owned());
            }
        }
    }
    cores
}

/// RFC 3986 section 2.3: everything but unreserved characters.
fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn lower_escapes(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut digits = 0;
    for character in encoded.chars() {
        lower.push(if digits > 0 { character.to_ascii_lowercase() } else { character });
        digits = if character == '%' { 2 } else { i32::max(digits - 1, 0) };
    }
    lower
}

fn json_escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

fn ascii_json(text: &str) -> String {
    let unit = |unit: u16| format!("\\u{unit:04x}");
    let character = |character: char| {
        if character.is_ascii() {
            json_escaped(&character.to_string())
        } else {
            character.encode_utf16(&mut [0; 2]).iter().map(|half| unit(*half)).collect()
        }
    };
    text.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a+b/c=d%e\"f\\gü";

    fn is_found(text: &str) -> bool {
        let known = Known::new(SecretKind::RefreshToken, ODD.as_bytes());
        find(text, &[known]) == Some(Leak { kind: SecretKind::RefreshToken, line: 2 })
    }

    #[test]
    fn a_secret_is_found_in_every_notation() {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let body = |text: &str| json(&format!("{{\"t\":{}}}", json(text)));
        let base64 = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{ODD}after"));
        let base64url = |before: &str| URL_SAFE_NO_PAD.encode(format!("{before}{ODD}after"));
        for form in [
            ODD.to_owned(),
            json(ODD),
            body(ODD),
            json(&percent_all(ODD)),
            json(&percent_all(ODD).to_lowercase()),
            json(&url::form_urlencoded::byte_serialize(ODD.as_bytes()).collect::<String>()),
            hex(ODD.as_bytes()),
            hex(ODD.as_bytes()).to_uppercase(),
            "a+b/c=d%e\\\"f\\\\g\\u00fc".to_owned(),
            base64(""),
            base64("x"),
            base64("xy"),
            base64url("x:"),
            STANDARD_NO_PAD.encode(format!("id:{}", percent_all(ODD))),
            Secret::new(ODD).hash().as_str().to_owned(),
        ] {
            assert!(is_found(&format!("{{}}\n{form}\n{{}}")), "{form}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(!is_found("{}\n{\"a\":\"b+c\"}\n"));
        let short = Known::new(SecretKind::Code, b"code");
        assert_eq!(find("code", &[short]), None);
    }

    fn percent_all(text: &str) -> String {
        text.bytes().map(percent).collect()
    }
}
