//! Every flow dies before and after every one of its actions, and once more on the way back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::action::Action;
use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::lifecycle::Scope;
use tokenway_core::moment::Millis;
use tokenway_tests::world::flow::Flow;
use tokenway_tests::world::{Dies, World};

/// More actions than any flow has here.
const MOST_ACTIONS: usize = 16;

/// How long after its note a sending may land, in seconds: what two deaths in a row cost at most.
const LANDING: u64 = 40;

const WAYS: [Dies; 4] = [Dies::Before, Dies::After, Dies::BetweenServerAndAnswer, Dies::WithTheRequestOnItsWay];

/// How the runs went on.
#[derive(Debug, Default)]
struct Counts {
    crashes: u32,
    went_on: u32,
    log_in_again: u32,
}

impl Counts {
    fn of(name: &str, counts: Counts) {
        assert!(counts.crashes > 0);
        eprint_counts(name, &counts);
    }
}

#[allow(clippy::print_stderr, reason = "the counts are the result")]
fn eprint_counts(name: &str, counts: &Counts) {
    let Counts { crashes, went_on, log_in_again } = counts;
    eprintln!("{name}: {crashes} crashes, {went_on} went on, {log_in_again} had to log in again");
}

/// A world with a dead token, on a server with this grace window.
fn expired(seed: u64, grace: u64) -> World {
    let mut world = World::logged_in(seed);
    world.server.grace = Millis::seconds(grace);
    world.expire();
    world
}

/// The end is a token, or the honest sentence where the server's grace window was not long enough; and then the login goes on renewing, or a new one does.
fn afterwards(world: &mut World, saves_every_login: bool, counts: &mut Counts) {
    let end = world.ask_until_known();
    counts.crashes += 1;
    match end.failure() {
        None => counts.went_on += 1,
        Some(failure) => {
            assert!(!saves_every_login, "{failure:?}\n{}", world.trace.join("\n"));
            let honest = ["which no client can prevent", "the server has refused this login before"];
            assert!(honest.iter().any(|words| failure.detail.contains(words)), "{failure:?}");
            counts.log_in_again += 1;
            world.log_in();
        }
    }
    for _ in 0..2 {
        world.expire();
        assert!(world.ask().is_ok(), "{}", world.trace.join("\n"));
    }
    assert!(!world.store.is_leased());
    world.check();
}

#[test]
fn a_request_for_a_token_may_die_anywhere() {
    for grace in [0, 10, 60] {
        let mut counts = Counts::default();
        for steps in 0..MOST_ACTIONS {
            for dies in WAYS {
                let mut world = expired(1, grace);
                let flow = world.get_token();
                if world.run_and_die(flow, steps, dies).1.is_none() {
                    afterwards(&mut world, grace > 0, &mut counts);
                }
            }
        }
        Counts::of(&format!("get token, grace {grace} s"), counts);
    }
}

/// Which of two flows in a row ended before it could die.
enum Ended {
    First,
    Neither,
    Second,
}

/// Every pair of deaths that there is.
fn every_pair(mut die_twice: impl FnMut((usize, Dies), (usize, Dies)) -> Ended) {
    for (dies, dies_again) in WAYS.into_iter().flat_map(|first| WAYS.map(|second| (first, second))) {
        'first: for first in 0..MOST_ACTIONS {
            for second in 0..MOST_ACTIONS {
                match die_twice((first, dies), (second, dies_again)) {
                    Ended::First => break 'first,
                    Ended::Neither => {}
                    Ended::Second => break,
                }
            }
        }
    }
}

#[test]
fn a_request_for_a_token_may_die_anywhere_twice() {
    for grace in [0, 10, 60] {
        let mut counts = Counts::default();
        every_pair(|(first, dies), (second, dies_again)| {
            let mut world = expired(2, grace);
            let flow = world.get_token();
            if world.run_and_die(flow, first, dies).1.is_some() {
                return Ended::First;
            }
            let flow = world.get_token();
            if world.run_and_die(flow, second, dies_again).1.is_some() {
                return Ended::Second;
            }
            afterwards(&mut world, grace > LANDING, &mut counts);
            Ended::Neither
        });
        Counts::of(&format!("get token, twice, grace {grace} s"), counts);
    }
}

#[test]
fn a_renewal_for_a_rejected_token_may_die_anywhere() {
    let mut counts = Counts::default();
    for steps in 0..MOST_ACTIONS {
        for dies in WAYS {
            let mut world = World::logged_in(3);
            world.server.grace = Millis::seconds(60);
            let wish = world.rejecting_what_is_stored();
            let flow = world.get_token_for(wish.clone());
            if world.run_and_die(flow, steps, dies).1.is_some() {
                continue;
            }
            world.pass(Millis::seconds(2));
            let flow = world.get_token_for(wish.clone());
            let end = world.run(flow);
            assert!(end.token().record.access_token.hash() != wish.rejected.unwrap());
            afterwards(&mut world, true, &mut counts);
        }
    }
    Counts::of("get token after a rejection", counts);
}

#[test]
fn a_renewal_that_meets_a_full_disk_may_die_anywhere() {
    for grace in [0, 60] {
        let mut counts = Counts::default();
        for steps in 0..MOST_ACTIONS {
            for dies in WAYS {
                let mut world = expired(4, grace);
                world.store.failing_saves = 3;
                let flow = world.get_token();
                if world.run_and_die(flow, steps, dies).1.is_none() {
                    world.store.failing_saves = 0;
                    afterwards(&mut world, grace > 0, &mut counts);
                }
            }
        }
        Counts::of(&format!("get token on a full disk, grace {grace} s"), counts);
    }
}

#[test]
fn a_login_may_die_anywhere() {
    let mut counts = Counts::default();
    for steps in 0..MOST_ACTIONS {
        for dies in WAYS {
            let mut world = World::new(5);
            let flow = world.login();
            let (dead, end) = world.run_and_die(flow, steps, dies);
            if end.is_some() {
                continue;
            }
            counts.crashes += 1;
            come_back(&mut world, dead, &mut counts);
            world.check();
        }
    }
    Counts::of("login", counts);
}

#[test]
fn a_login_may_die_anywhere_twice() {
    let mut counts = Counts::default();
    every_pair(|(first, dies), (second, dies_again)| {
        let mut world = World::new(6);
        let flow = world.login();
        let (dead, end) = world.run_and_die(flow, first, dies);
        if end.is_some() {
            return Ended::First;
        }
        let resumed = world.resume(dead).expect("a snapshot at every step");
        if world.wants(resumed).is_none() || !world.run_on_and_die(resumed, second, dies_again) {
            return Ended::Second;
        }
        counts.crashes += 1;
        come_back(&mut world, resumed, &mut counts);
        world.check();
        Ended::Neither
    });
    Counts::of("login, twice", counts);
}

/// Before its code was claimed a login goes on to success; after, it says so, and a new one works.
fn come_back(world: &mut World, dead: usize, counts: &mut Counts) {
    let resumed = world.resume(dead).expect("a snapshot at every step");
    let end = match world.end_of(resumed) {
        Some(end) => end,
        None => world.finish(resumed),
    };
    match end.failure() {
        None => {
            counts.went_on += 1;
            assert!(world.ask().is_ok());
        }
        Some(failure) => {
            assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn), "{failure:?}");
            counts.log_in_again += 1;
            world.log_in();
            assert!(world.ask().is_ok());
        }
    }
}

#[test]
fn a_login_is_interrupted_from_its_claim_on_and_only_from_there() {
    for steps in 0.. {
        let mut world = World::new(7);
        let flow = world.login();
        let (dead, end) = world.run_and_die(flow, steps, Dies::Before);
        if end.is_some() {
            assert!(steps > 4);
            return;
        }
        let begun = world.trace.iter().any(|line| line.ends_with(": begun"));
        let resumed = world.resume(dead).unwrap();
        let end = world.end_of(resumed);
        assert_eq!(end.is_some(), begun, "after {steps} steps: {end:?}");
    }
}

#[test]
fn a_logout_may_die_anywhere_and_whoever_comes_next_finishes_it() {
    for next_is_a_logout in [true, false] {
        let mut counts = Counts::default();
        for steps in 0..MOST_ACTIONS {
            for dies in WAYS {
                let mut world = World::logged_in(8);
                let flow = world.logout(Scope::Everywhere);
                let (dead, end) = world.run_and_die(flow, steps, dies);
                if end.is_some() {
                    continue;
                }
                counts.crashes += 1;
                let marked = world.trace.iter().any(|line| line.ends_with(&format!("process {dead}: save")));
                let flow = if next_is_a_logout { world.logout(Scope::Everywhere) } else { world.get_token() };
                let end = world.run(flow);
                if next_is_a_logout || marked {
                    assert!(world.store.record().is_none(), "{end:?}\n{}", world.trace.join("\n"));
                    assert!(!world.server.is_alive(0) || world.store.record().is_none());
                    counts.log_in_again += 1;
                } else {
                    assert!(end.is_ok(), "nothing was done yet");
                    counts.went_on += 1;
                }
                world.log_in();
                assert!(world.ask().is_ok());
                world.check();
            }
        }
        Counts::of(if next_is_a_logout { "logout, then logout" } else { "logout, then get token" }, counts);
    }
}

#[test]
fn a_finished_logout_tells_the_server_even_when_the_first_one_died() {
    let mut world = World::logged_in(9);
    let flow = world.logout(Scope::Everywhere);
    world.run_and_die(flow, 2, Dies::Before);
    assert!(world.server.is_alive(0));
    assert_eq!(world.ask().expect_failure().kind, FailureKind::NoCredential);
    assert!(!world.server.is_alive(0));
    world.check();
}

#[test]
fn the_first_snapshot_is_taken_before_anything_is_done() {
    let mut world = World::new(10);
    let flow = world.login();
    assert!(matches!(flow.wants(), Some((_, Action::Listen(_)))));
    assert!(flow.checkpoint().is_some());
    let Flow::Login(_) = flow else { panic!() };
}
