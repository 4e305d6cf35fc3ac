//! The Redis store on real servers, started here on loopback in folders that go away: the contract, storms of processes,
//! servers that die, holders that stop, replicas that take over (F16, F18, F30).
//!
//! Without a `redis-server` on the `PATH` each test says so and passes.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]
#![allow(clippy::print_stderr, reason = "the counts are the result")]

mod connections;
mod contract;
mod leases;
mod process;
mod redis;
mod replicas;
#[allow(dead_code, reason = "shared with the tests of the client, which need all of it")]
#[path = "../client/server.rs"]
mod server;
mod storm;
mod suspended;
mod trouble;
