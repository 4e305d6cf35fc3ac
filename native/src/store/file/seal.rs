//! A checksum at the end of a JSON object: `{...,"checksum":"64 hex digits"}` and a newline.
//!
//! It is the SHA-256 of every byte before the comma, so that a file cut or changed anywhere is known for what it is.
//! This envelope is frozen: all formats of records and ledgers lie in it, and only behind a right checksum is a larger
//! format number a newer version's and not a flipped bit.

use sha2::{Digest, Sha256};
use tokenway_core::secret::Secret;

use super::paths::hex;

/// The most bytes that a file may have: records have a few KiB, and more cannot come from honest tokens.
pub(crate) const MAX_FILE: usize = 1024 * 1024;

const BEFORE: &str = ",\"checksum\":\"";
const AFTER: &str = "\"}\n";
const DIGEST: usize = 64;

/// Seals the text of a JSON object that has members.
pub(crate) fn seal(json: &str) -> Secret {
    let body = json.strip_suffix('}').unwrap_or(json);
    Secret::new(format!("{body}{BEFORE}{}{AFTER}", checksum(body)))
}

/// The JSON object without its seal, or what is wrong with the bytes.
pub(crate) fn unseal(bytes: Vec<u8>) -> Result<Secret, &'static str> {
    if bytes.is_empty() {
        return Err("it is empty");
    }
    if bytes.len() > MAX_FILE {
        return Err("it is far too large");
    }
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?);
    let (body, sum) = split(text.expose()).ok_or("its end is missing or was changed")?;
    if checksum(body) != sum {
        return Err("it was changed: its checksum does not match");
    }
    Ok(Secret::new(format!("{body}}}")))
}

fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(AFTER)?;
    let (rest, sum) = text.split_at_checked(text.len().checked_sub(DIGEST)?)?;
    Some((rest.strip_suffix(BEFORE)?, sum))
}

fn checksum(body: &str) -> String {
    hex(&Sha256::digest(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_back() {
        let sealed = seal("{\"a\":1}");
        assert_eq!(unseal(sealed.expose().as_bytes().to_vec()).unwrap().expose(), "{\"a\":1}");
        assert!(serde_json::from_str::<serde_json::Value>(sealed.expose()).is_ok());
    }

    #[test]
    fn a_cut_or_a_change_anywhere_is_seen() {
        let sealed = seal("{\"a\":\"ü\"}").expose().as_bytes().to_vec();
        for at in 0..sealed.len() {
            assert!(unseal(sealed[..at].to_vec()).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1 << bit;
                assert!(unseal(flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}
