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

mod backup;
mod codex_shape;
mod credential;
mod import;
mod kills;
mod lease;
mod library;
mod login;
mod login_trouble;
mod network;
mod peer;
mod receiver;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[allow(dead_code, reason = "what the tests of the library need besides")]
#[path = "../../../tests/redis/redis.rs"]
mod redis_server;
mod refresh;
mod refresh_trouble;
#[path = "../../../src/store/file/tests/unix/skipped.rs"]
mod skipped;
mod stores;
mod storm;
mod suspended;
#[cfg(target_os = "linux")]
mod syscalls;

/// `tests/run --faults` asks for the whole of what the default run does a part of.
fn all_faults() -> bool {
    std::env::var_os("TOKENWAY_FAULTS").is_some()
}
