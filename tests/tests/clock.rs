//! Somebody sets the wall clock: no login ends, no storm breaks loose, nothing waits for a year.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::error::NextStep;
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_tests::world::World;
use tokenway_tests::world::faults::{Fault, Reply};

const DAY: u64 = 86_400_000;

/// Where clocks are set to, seen from where they stood.
fn jumps() -> Vec<fn(UnixMillis) -> UnixMillis> {
    vec![
        |now| UnixMillis(now.0 + DAY),
        |now| UnixMillis(now.0 - DAY),
        |now| UnixMillis(now.0 + 3_650 * DAY),
        |now| UnixMillis(now.0 - 3_650 * DAY),
        |_| UnixMillis(0),
        |_| UnixMillis(u64::MAX),
        |now| UnixMillis(now.0 - 1_000),
        |now| UnixMillis(now.0 + 1_000),
    ]
}

/// Asks for an hour, every ten seconds. How many tokens were sent, and how many asks brought none.
fn an_hour(world: &mut World) -> (usize, usize) {
    let before = world.sendings.len();
    let mut failed = 0;
    for _ in 0..360 {
        let end = world.ask();
        if let Some(failure) = end.failure() {
            failed += 1;
            assert!(failure.next != NextStep::LogIn, "{failure:?}\n{}", world.trace.join("\n"));
        }
        world.pass(Millis::seconds(10));
    }
    (world.sendings.len() - before, failed)
}

#[test]
fn a_jump_at_rest_ends_no_login_and_makes_no_storm() {
    for (at, jump) in jumps().into_iter().enumerate() {
        let mut world = World::logged_in(1);
        let now = world.clock.now();
        world.set_clock(jump(now));
        let (sent, failed) = an_hour(&mut world);
        // At the end of time everything is dead at once, for everybody.
        let most = if jump(now) == UnixMillis(u64::MAX) { 360 } else { 3 };
        assert!(sent <= most, "jump {at}: {sent} sendings in an hour");
        assert_eq!(failed, 0, "jump {at}");
        world.check();
    }
}

#[test]
fn a_jump_there_and_back_ends_no_login_and_makes_no_storm() {
    for (at, jump) in jumps().into_iter().enumerate() {
        let mut world = World::logged_in(2);
        let before = world.clock.now();
        world.set_clock(jump(before));
        world.ask();
        world.set_clock(before.plus(Millis::seconds(60)));
        let (sent, failed) = an_hour(&mut world);
        assert!(sent <= 3 && failed == 0, "jump {at}: {sent} sendings in an hour, {failed} failed");
        world.check();
    }
}

/// Between any two actions of a renewal, with and without a lost answer.
#[test]
fn a_jump_in_the_middle_of_a_renewal_hangs_nobody() {
    for fault in [Fault::None, Fault::RequestLost(Millis(50)), Fault::RequestLost(Millis::seconds(30)), Fault::NotSent]
    {
        for (at, jump) in jumps().into_iter().enumerate() {
            for steps in 0..16 {
                let mut world = World::logged_in(3);
                world.server.grace = Millis::seconds(DAY);
                world.expire();
                world.faults.push_back(fault.clone());
                let flow = world.get_token();
                let process = world.start(flow);
                let ended = (0..steps).any(|_| world.step(process).is_some());
                let (now, started) = (world.clock.now(), world.clock.elapsed());
                world.set_clock(jump(now));
                if !ended {
                    world.finish(process);
                }
                let took = world.clock.elapsed() - started;
                assert!(took < 90_000, "jump {at} after {steps} steps: {took} ms\n{}", world.trace.join("\n"));
                if jump(now) == UnixMillis(u64::MAX) {
                    continue;
                }
                world.pass(Millis::seconds(60));
                let end = world.ask();
                assert!(end.is_ok(), "jump {at} after {steps} steps, {fault:?}: {end:?}\n{}", world.trace.join("\n"));
                assert!(!world.store.is_leased());
                world.check();
            }
        }
    }
}

#[test]
fn a_clock_that_went_back_while_waiting_for_the_second_sending_does_not_wait_for_years() {
    let mut world = World::logged_in(4);
    world.expire();
    world.faults.push_back(Fault::RequestLost(Millis(50)));
    let flow = world.get_token();
    let process = world.start(flow);
    while world.wants(process).is_none_or(|action| action.name() != "wait") {
        assert!(world.step(process).is_none());
    }
    world.set_clock(UnixMillis(0));
    let started = world.clock.elapsed();
    assert!(world.finish(process).is_ok());
    assert!(world.clock.elapsed() - started < 3_000);
    world.check();
}

#[test]
fn a_cool_down_is_over_one_day_though_the_clock_went_back() {
    let mut world = World::logged_in(5);
    world.expire();
    world.faults.push_back(Fault::Answer(Reply::error(429, "slow_down").with_header("retry-after", "60")));
    assert!(!world.ask().is_ok());
    let now = world.clock.now();
    let wish = world.rejecting_what_is_stored();
    world.set_clock(UnixMillis(now.0 - 3_650 * DAY));
    let flow = world.get_token_for(wish.clone());
    assert!(!world.run(flow).is_ok(), "the span counts anew");
    world.pass(Millis::seconds(61));
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    world.check();
}

#[test]
fn a_token_whose_clock_went_back_behind_its_renewal_is_used_until_it_is_rejected() {
    let mut world = World::logged_in(6);
    let now = world.clock.now();
    world.set_clock(UnixMillis(now.0 - 10 * DAY));
    world.pass(world.server.token_life);
    assert!(world.ask().is_ok());
    assert!(world.sendings.is_empty());
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.sendings.len(), 1);
    world.check();
}
