//! Tests that cannot run everywhere.

use std::io::{self, Write};
use std::thread;

/// Says aloud that this test cannot run here, and why: `tests/run` counts it as skipped.
pub(crate) fn skipped(why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
}
