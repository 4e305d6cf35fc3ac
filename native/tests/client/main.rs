//! The client on real stores and a real authorization server, on loopback: shared flights, rivals, and all the ways in
//! which a caller can go away.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]
#![allow(clippy::print_stderr, reason = "the counts are the result")]

mod cancelling;
mod closing;
mod dropped;
mod lending;
mod login;
#[cfg(feature = "middleware")]
mod middleware;
mod panics;
mod parts;
mod resuming;
mod rivals;
mod saving;
mod server;
mod sharing;
