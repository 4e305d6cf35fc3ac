//! What it costs to lend a cached token, beside the usual way: a `String` that is cloned under a `Mutex`.
//!
//! `cargo bench -p tokenway --bench lend`. One run measures both, alone and with several threads at once.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and what fails ends it")]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokenway::Client;
use tokenway::core::config::Config;
use tokenway::core::provider::{Endpoints, Provider};
use tokenway::core::secret::Secret;
use tokenway::driver::now;
use tokenway::store::MemoryStore;
use tokenway::store::conformance::sample_record;

/// As long as the access tokens of large providers.
const TOKEN_LENGTH: usize = 2_000;
const ROUNDS: u32 = 1_000_000;
/// The best of so many runs counts: the others were disturbed.
const RUNS: usize = 7;

fn main() {
    let client = client();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(client.token()).expect("a token");
    let cloned = Arc::new(Mutex::new(format!("Bearer {}", "t".repeat(TOKEN_LENGTH))));
    for threads in [1, 2, 4] {
        let lent = measured(threads, || {
            black_box(ready(client.token()).expect("cached").authorization().expose().len());
        });
        let copied = measured(threads, || {
            black_box(cloned.lock().expect("no panic").clone().len());
        });
        println!("{threads} threads: lend {lent:?}, clone under a mutex {copied:?} a token");
    }
}

/// Nanoseconds a call, seen by each thread.
fn measured(threads: usize, call: impl Fn() + Sync) -> Duration {
    let run = || {
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..ROUNDS).for_each(|_| call()));
            }
        });
        started.elapsed() / ROUNDS
    };
    (0..RUNS).map(|_| run()).min().unwrap_or_default()
}

/// A loan is ready at once, but once a second one caller looks at the store: that one is polled until it is.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        thread::yield_now();
    }
}

fn client() -> Client {
    let endpoints = Endpoints {
        authorization: "https://as.example/authorize".to_owned(),
        token: "https://as.example/token".to_owned(),
        revocation: None,
        iss_in_response: false,
    };
    let config = Config::builder(Provider::with_endpoints(endpoints)).client_id("bench").build().expect("it is plain");
    let mut record = sample_record("login", 1, "bench");
    record.access_token = Secret::new("t".repeat(TOKEN_LENGTH));
    record.expires_at = Some(now().plus(tokenway::core::moment::Millis::seconds(3_600)));
    let store = MemoryStore::new().with_record(config.key().clone(), record);
    Client::builder(config).store(Arc::new(store)).build().expect("a store was chosen")
}
