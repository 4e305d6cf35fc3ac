//! The command against a real authorization server: npm oidc-provider 9 (`tests/peers`), on loopback.
//!
//! Each test has a server of its own, a home of its own, and the real binary; `open_url.py` is the person.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "in a test, whatever fails ends it, and figures are results"
)]

mod codex_shape;
mod kills;
mod login;
mod login_trouble;
mod peer;
mod receiver;
mod record;
mod refresh;
mod refresh_trouble;
mod storm;
