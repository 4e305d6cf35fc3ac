//! A login that is renewed for a very long time, in virtual time: its memory stays as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]
#![allow(clippy::print_stderr, reason = "the figure is the result")]

use std::alloc::System;

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokenway_core::http::HttpRequest;
use tokenway_core::lifecycle::Wish;
use tokenway_core::moment::Millis;
use tokenway_tests::hand::{Hand, form, json as answer};
use tokenway_tests::world;

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Renewals before the first measurement: what is made once is there by then.
const WARM_UP: u64 = 100;

const LIFE: u64 = 3_600;

/// As many bytes as differ from one renewal to the next, and not as many as there are renewals.
const SLACK: i64 = 1_024;

#[test]
fn a_million_renewals_take_no_more_memory_than_a_hundred() {
    let renewals = if std::env::var_os("TOKENWAY_FAULTS").is_some() { 1_000_000 } else { 20_000 };
    let config = world::builder().build().unwrap();
    let mut hand = Hand::new(rotating());
    hand.login(&config).unwrap();
    let mut renew = |times: u64| {
        let mut most = 0;
        for _ in 0..times {
            hand.pass(Millis::seconds(LIFE));
            hand.log.clear();
            let token = hand.token(&config, Wish::default()).unwrap();
            assert_eq!(Some(token.record), hand.record);
            assert_eq!(hand.requests().len(), 1, "each is one request");
            most = most.max(live_bytes());
        }
        most
    };
    let first = renew(WARM_UP);
    let most = renew(renewals);
    eprintln!(
        "time: {renewals} renewals in {} years: {} live bytes at most, {first} after {WARM_UP}",
        renewals * LIFE / 86_400 / 365,
        most
    );
    assert!(most - first <= SLACK, "{first} bytes after {WARM_UP} renewals, {most} after {renewals}");
}

fn live_bytes() -> i64 {
    let stats = MEMORY.stats();
    let signed = |bytes: usize| i64::try_from(bytes).unwrap();
    signed(stats.bytes_allocated) - signed(stats.bytes_deallocated)
}

/// A server whose refresh tokens are good once, and whose answers are all of one length.
fn rotating() -> impl FnMut(&HttpRequest) -> tokenway_core::event::Outcome {
    let mut minted: u64 = 0;
    move |request| {
        if let Some((_, spent)) = form(request).into_iter().find(|(name, _)| name == "refresh_token") {
            assert_eq!(spent, format!("refresh-{minted:012}"), "only the newest is sent");
        }
        minted += 1;
        answer(
            200,
            &json!({
                "access_token": format!("access-{minted:012}"),
                "refresh_token": format!("refresh-{minted:012}"),
                "token_type": "Bearer",
                "expires_in": LIFE,
            }),
        )
    }
}
