//! This very program once more, with an eye on its system calls.

use std::env;
use std::process::{Command, Stdio};

use super::skipped::skipped;

/// The calls that put a file in the place of another.
pub(crate) const RENAMES: &str = "rename,renameat,renameat2";

/// `None`, said aloud, where nothing can be traced.
pub(crate) fn strace(options: &[&str]) -> Option<Command> {
    let may = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        skipped("needs strace, which may trace");
        return None;
    }
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq"]).args(options).arg(env::current_exe().unwrap()).stdout(Stdio::null());
    Some(traced)
}
