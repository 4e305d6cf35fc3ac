//! A Redis that is stopped, or killed and started again, while many processes want a token of it (F16).

use std::thread;
use std::time::Duration;

use tokenway_core::action::Load;
use tokenway_core::moment::Millis;

use super::process::{Caller, config};
use super::shelf::{Kind, Shelf};
use crate::peer::{Home, Peer};
use crate::redis_server::Redis;

const PROCESSES: usize = 8;

/// Short, because a lease whose holder never heard of it lasts for longer than a request may take.
const DEADLINE: Millis = Millis::seconds(2);

/// How long it stands still: longer than a request may take.
const STOPPED: Duration = Duration::from_secs(3);

#[test]
fn f16_processes_on_one_redis_that_is_stopped_or_killed_under_them_lose_no_token_and_spend_none_twice() {
    let rounds = if crate::all_faults() { 24 } else { 4 };
    let Some(mut redis) = Redis::start() else { return };
    let (shelf, home) = (Shelf::new(Kind::Redis, redis.url()), Home::new());
    let (peer, mut token) = super::logged_in(&shelf, &home);
    let mut crowd: Vec<Caller> = (0..PROCESSES).map(|_| Caller::start(&shelf, peer.issuer(), DEADLINE)).collect();
    crowd.iter_mut().for_each(Caller::is_ready);
    let mut failures = 0;
    for round in 0..rounds {
        crowd.iter_mut().for_each(|caller| caller.asks(&token));
        thread::sleep(Duration::from_millis(round * 3));
        if round.is_multiple_of(2) {
            redis.signal("STOP");
            thread::sleep(STOPPED);
            redis.signal("CONT");
        } else {
            redis.kill();
            redis.rise();
        }
        failures += crowd.iter_mut().map(|caller| failures_before_another(caller, &token)).sum::<usize>();
        token = stored(&shelf, &peer);
        assert_eq!(peer.whose(&token), "alice", "round {round}");
        assert_eq!((peer.count("reuses"), peer.count("grants_revoked")), (0, 0), "round {round}");
    }
    assert!(failures > 0, "an outage meets a request");
    eprintln!(
        "storm: redis stopped {0} times and killed {0} times under {PROCESSES} processes: {1} refreshes, 0 reuses, \
         0 logins lost, {failures} typed errors",
        rounds / 2,
        peer.count("refreshes"),
    );
}

/// Asks until there is another token than the rejected one. How often it failed before.
fn failures_before_another(caller: &mut Caller, rejected: &str) -> usize {
    let mut failures = 0;
    loop {
        match caller.served() {
            Ok(served) => {
                assert_ne!(served.token, rejected);
                return failures;
            }
            Err(failure) => {
                let kind = failure.split(':').next().unwrap();
                let typed = ["Busy", "CoolDown", "OutcomeUnknown", "Store"].contains(&kind);
                // The store stood still for so long that nothing may be sent on what it said.
                let held_back = kind == "Unreachable" && failure.contains("the request was not sent");
                assert!(typed || held_back, "{failure}");
            }
        }
        failures += 1;
        thread::sleep(Duration::from_millis(100));
        caller.asks(rejected);
    }
}

fn stored(shelf: &Shelf, peer: &Peer) -> String {
    let load = Load { key: config(peer.issuer(), DEADLINE).key().clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let record = runtime.block_on(shelf.store().load(&load)).unwrap().unwrap();
    record.access_token.expose().to_owned()
}
