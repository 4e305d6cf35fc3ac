//! The network is gone for an hour of virtual time, tokens expire, and a hundred callers keep asking.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::moment::Millis;
use tokenway_tests::world::faults::{Fault, Line};
use tokenway_tests::world::{REQUEST_DEADLINE, World};

const HOUR: u64 = 3_600_000;
const CALLERS: u32 = 100;
/// A token that expires several times in an hour.
const LIFE: Millis = Millis::seconds(600);

/// An hour without network: every caller asks again and again, heeding nothing. Returns the instants of all sendings.
fn an_hour_without(line: Line, grace: u64) -> (World, Vec<u64>) {
    let mut world = World::new(1);
    world.server.token_life = LIFE;
    world.server.grace = Millis::seconds(grace);
    world.log_in();
    world.line = line;
    let started = world.clock.elapsed();
    let mut callers = 0;
    while world.clock.elapsed() < started + HOUR || callers < CALLERS {
        callers += 1;
        let end = world.ask();
        match end.failure().map(|failure| &failure.next) {
            None | Some(NextStep::RetryAt { .. } | NextStep::OutcomeUnknown { .. }) => {}
            Some(next) => panic!("no login ends for want of a network: {next:?}"),
        }
        world.pass(Millis::seconds(7));
    }
    assert!(callers >= CALLERS, "{callers}");
    let at = world.sendings.iter().map(|sending| sending.at).collect();
    (world, at)
}

fn works_again(mut world: World) {
    world.line = Line::Good;
    let mut asked = 0;
    while let Some(failure) = world.ask().failure() {
        let now = world.clock.now();
        asked += 1;
        assert!(asked < 5, "{failure:?}");
        match failure.next {
            NextStep::RetryAt { at } | NextStep::OutcomeUnknown { retry_at: at } => world.pass(at.since(now)),
            NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::LogIn | NextStep::ReportBug => {
                panic!("{failure:?}")
            }
        }
    }
    for _ in 0..3 {
        world.expire();
        assert!(world.ask().is_ok());
    }
    world.check();
}

#[test]
fn without_a_route_nothing_is_sent_and_it_works_again_when_the_network_does() {
    let (world, at) = an_hour_without(Line::NoRoute, 0);
    assert!(at.is_empty());
    works_again(world);
}

#[test]
fn in_a_hole_at_most_one_request_per_deadline_is_sent_and_it_works_again_when_the_network_does() {
    let (world, at) = an_hour_without(Line::Hole, 0);
    assert!(at.len() > 50, "it keeps trying: {}", at.len());
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= REQUEST_DEADLINE.0), "{at:?}");
    works_again(world);
}

/// A hundred callers in one instant, every five minutes: one run sends, the others hear what it found.
#[test]
fn a_hundred_callers_at_once_are_no_storm() {
    for line in [Line::NoRoute, Line::Hole] {
        let mut world = World::new(2);
        world.server.token_life = LIFE;
        world.log_in();
        world.expire();
        world.line = line;
        for _ in 0..12 {
            for _ in 0..CALLERS {
                assert!(!world.ask().is_ok());
            }
            world.pass(Millis::seconds(300));
        }
        let at: Vec<u64> = world.sendings.iter().map(|sending| sending.at).collect();
        assert!(at.windows(2).skip(1).all(|pair| pair[1] - pair[0] >= REQUEST_DEADLINE.0), "{at:?}");
        works_again(world);
    }
}

#[test]
fn a_token_that_is_due_serves_through_the_outage() {
    for line in [Line::NoRoute, Line::Hole] {
        let mut world = World::new(3);
        world.server.token_life = Millis::seconds(36_000);
        world.log_in();
        world.pass(Millis::seconds(36_000 - 250));
        world.line = line;
        for _ in 0..3 {
            let end = world.ask();
            assert_eq!(end.token().notes.len(), 1);
        }
        works_again(world);
    }
}

/// The same token is sent again after a second, and then once in forty: that is what a grace window has to cover.
#[test]
fn f26_lost_answers_cost_the_login_only_where_the_grace_window_is_over() {
    for (grace, lost, kept) in [
        (0, 1, false),
        (0, 3, false),
        (10, 1, true),
        (10, 2, false),
        (60, 1, true),
        (60, 2, true),
        (60, 3, false),
        (600, 3, true),
    ] {
        let mut world = World::logged_in(5);
        world.server.grace = Millis::seconds(grace);
        world.expire();
        world.faults.extend((0..lost).map(|_| Fault::AnswerLost(Millis(50))));
        let end = world.ask_until_known();
        assert_eq!(end.is_ok(), kept, "grace {grace} s, {lost} answers lost: {end:?}\n{}", world.trace.join("\n"));
        assert!(end.failure().is_none_or(|failure| failure.kind == FailureKind::Refused), "{end:?}");
        world.check();
    }
}
