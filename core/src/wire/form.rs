//! `application/x-www-form-urlencoded` (RFC 6749 appendix B): `+` is a space, `%XX` is decoded once.

use crate::wire::pieces;

/// The pairs as one text.
pub(crate) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        encode_text(name, &mut form);
        form.push('=');
        encode_text(value, &mut form);
    }
    form
}

/// Everything but letters, digits and `*-._` is escaped (URL Standard section 5.2).
pub(crate) fn encode_text(text: &str, form: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b' ' => form.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => form.push(char::from(byte)),
            _ => {
                form.push('%');
                form.push(char::from(DIGITS[usize::from(byte >> 4)]));
                form.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

/// The pairs in order, repeated names included. What is not valid (a broken escape, bytes that are not UTF-8) becomes
/// U+FFFD, which no access token, code or state contains: the checks that follow fail instead of guessing.
pub(crate) fn decode(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for pair in pieces::split(text, "&").filter(|pair| !pair.is_empty()) {
        pairs.push(decode_pair(pair));
    }
    pairs
}

fn decode_pair(pair: &str) -> (String, String) {
    let (name, value) = pieces::cut(pair, "=").unwrap_or((pair, ""));
    (decode_text(name), decode_text(value))
}

/// Whether [`decode`] replaces nothing.
pub(crate) fn is_sound(text: &str) -> bool {
    pieces::split(text, "&=").map(decode_bytes).all(|(bytes, is_whole)| is_whole && std::str::from_utf8(&bytes).is_ok())
}

fn decode_text(text: &str) -> String {
    String::from_utf8_lossy(&decode_bytes(text).0).into_owned()
}

/// The bytes, and whether every escape was one.
fn decode_bytes(text: &str) -> (Vec<u8>, bool) {
    let mut is_whole = true;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match escaped(after) {
                Some(decoded) => {
                    bytes.push(decoded);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => {
                    is_whole = false;
                    bytes.extend_from_slice("\u{fffd}".as_bytes());
                }
            },
            other => bytes.push(other),
        }
    }
    (bytes, is_whole)
}

fn escaped(after: &[u8]) -> Option<u8> {
    let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        decode(&format!("a={text}")).remove(0).1
    }

    #[test]
    fn pairs_are_written_as_the_url_standard_writes_them() {
        let odd: String = (0..0x100).filter_map(char::from_u32).collect();
        let pairs = [("a b", odd.as_str()), ("", ""), ("é", "😀")];
        let theirs = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        assert_eq!(encode(pairs), theirs);
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(one("a%2Bb%3d%3D"), "a+b==");
        assert_eq!(one("a+b%20c"), "a b c");
        assert_eq!(one("%2541"), "%41");
        assert_eq!(one("caf%C3%A9"), "café");
        assert_eq!(one("x=y;z"), "x=y;z");
        assert!(is_sound("a=%EF%BF%BD+\u{fffd}&caf%C3%A9=1&&b"));
    }

    #[test]
    fn invalid_escapes_and_bytes_stay_invalid() {
        for text in ["%", "%4", "%zz", "%+1", "%c0%ae", "%e2%28%a1", "%ff"] {
            assert!(one(text).contains('\u{fffd}') && !is_sound(&format!("a={text}")), "{text}");
        }
    }

    #[test]
    fn pairs_keep_their_order_and_their_repeats() {
        let pairs = decode("&a=1&&b&a=2&%63=3&");
        let expected = [("a", "1"), ("b", ""), ("a", "2"), ("c", "3")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(decode("").is_empty());
    }
}
