//! Opening a URL in the person's own browser, without a shell.
//!
//! RFC 8252 section 8.12 wants the external browser; a shell would read `&`, `;` and `$()` in a URL that a server had a
//! part in. So the URL is checked first, and then always is (a part of) one argument of a program started directly. What
//! is started where is data: [`candidates`]. A browser is a convenience: whoever calls [`open`] shows the URL as well.

mod command;
mod environment;
mod launch;
mod ssh;

pub use environment::{Environment, System};
pub use launch::{CouldNotOpen, LAUNCH_TIME, Launch, candidates, open};
pub use ssh::ssh_hint;
