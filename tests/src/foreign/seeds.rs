//! Inputs that were worth keeping: `fuzz/seeds/TARGET.jsonl`, one a line, as a JSON text of which each character stands for
//! one byte.

use std::fs;
use std::path::PathBuf;

/// The seeds of a target.
///
/// # Errors
/// The file cannot be read, or a line is no seed.
pub fn of(target: &str) -> Result<Vec<Vec<u8>>, String> {
    let path = folder().join(format!("{target}.jsonl"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let seed = |(at, line)| seed(line).ok_or_else(|| format!("{}: line {} is no seed", path.display(), at + 1));
    text.lines().enumerate().map(seed).collect()
}

fn seed(line: &str) -> Option<Vec<u8>> {
    let text: String = serde_json::from_str(line).ok()?;
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds"))
}
