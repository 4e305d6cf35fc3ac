//! base64 (RFC 4648): the two alphabets as this crate needs them, in a tenth of the code of a library for all of them.

use crate::wire::pieces;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// With padding (section 4).
pub(crate) fn standard(bytes: &[u8]) -> String {
    let mut text = encode(bytes, STANDARD);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The URL-safe alphabet without padding (section 5).
pub(crate) fn url_safe(bytes: &[u8]) -> String {
    encode(bytes, URL_SAFE)
}

/// Reads [`url_safe`], and forgives padding and bits that stand for nothing.
pub(crate) fn from_url_safe(text: &str) -> Option<Vec<u8>> {
    let digits = pieces::trim_end(text, "=");
    let padding = text.len() - digits.len();
    let last = digits.len() % 4;
    if last == 1 || (padding > 0 && last == 0) || padding + last > 4 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = URL_SAFE.iter().position(|known| *known == digit)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            text.push(char::from(alphabet[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::alphabet;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );

    #[test]
    fn bytes_are_written_as_the_base64_crate_writes_them() {
        let bytes: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            assert_eq!(super::standard(bytes), STANDARD.encode(bytes));
            assert_eq!(super::url_safe(bytes), URL_SAFE_NO_PAD.encode(bytes));
            assert_eq!(super::from_url_safe(&super::url_safe(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn texts_are_read_as_the_base64_crate_reads_them() {
        let mut texts = vec![String::new()];
        for _ in 0..7 {
            let longer = texts.iter().flat_map(|text| ["A", "_", "b", "+", "="].map(|more| format!("{text}{more}")));
            texts = longer.collect();
            for text in &texts {
                assert_eq!(super::from_url_safe(text), FORGIVING.decode(text).ok(), "{text}");
            }
        }
    }
}
