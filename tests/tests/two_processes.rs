//! Two to four processes share one login, in thousands of orders, with and without faults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::error::FailureKind;
use tokenway_core::moment::Millis;
use tokenway_tests::world::flow::End;
use tokenway_tests::world::scheduler::Storm;
use tokenway_tests::world::{Fate, World};

/// The predecessor of a token is taken until the next rotation, however long machines sleep in between.
const GRACE: u64 = 86_400;

/// What a seed decides about a world.
fn world(seed: u64, grace: u64) -> World {
    let mut world = World::logged_in(seed);
    world.server.grace = Millis::seconds(grace);
    world.expire();
    world
}

fn storm(seed: u64) -> Storm {
    let processes = 2 + usize::try_from(seed % 3).unwrap();
    Storm { processes, runs: processes * 2, pace: 400, expiries: 60, rejections: 20, ..Storm::default() }
}

/// A token, or the word that another one would not help.
fn is_served(end: &End) -> bool {
    end.failure().is_none_or(|failure| failure.kind == FailureKind::ApiRefusesNewToken)
}

fn check(world: &World, seed: u64, what: bool, why: &str) {
    assert!(what, "seed {seed}: {why}\n{}", world.trace.join("\n"));
    world.check();
}

#[test]
fn without_faults_nobody_is_logged_out_and_each_expiry_costs_one_refresh() {
    for seed in 0..3_000 {
        let mut world = world(seed, 0);
        let ends = world.weather(seed, Storm { pace: 100, ..storm(seed) });
        check(&world, seed, ends.iter().all(is_served), "everybody gets a token");
        check(&world, seed, world.server.reuses == 0, "no token is spent twice");
        let served = world.sendings.iter().all(|sending| sending.fate == Fate::Saved);
        check(&world, seed, served, "every renewal is saved");
        let spent: Vec<_> = world.sendings.iter().map(|sending| sending.grant.index).collect();
        let in_order: Vec<_> = (0..u32::try_from(spent.len()).unwrap()).collect();
        check(&world, seed, spent == in_order, "each token is sent once");
    }
}

#[test]
fn a_hundred_callers_of_a_dead_token_cost_one_refresh() {
    for seed in 0..3 {
        let mut world = World::logged_in(seed);
        world.expire();
        for _ in 0..100 {
            let flow = world.get_token();
            world.start(flow);
        }
        let ends = world.weather(seed, Storm::default());
        check(&world, seed, ends.len() == 100, "everybody hears");
        check(&world, seed, ends.iter().all(End::is_ok), "everybody gets a token");
        check(&world, seed, world.sendings.len() == 1, "one sending");
    }
}

/// Counts ends with faults; the invariants are checked inside.
fn with_faults(
    name: &str,
    seeds: std::ops::Range<u64>,
    grace: u64,
    faults: impl Fn(u64) -> Storm,
    expire_leases: bool,
) {
    let (mut sendings, mut logged_out) = (0, 0);
    let runs = seeds.end - seeds.start;
    for seed in seeds {
        let mut world = world(seed, grace);
        world.store.leases_expire = expire_leases;
        world.weather(seed, faults(seed));
        // What is still on its way lands while everybody sleeps.
        world.pass(Millis::seconds(100));
        world.store.failing_saves = 0;
        world.ask_until_known();
        world.expire();
        let end = world.ask_until_known();
        sendings += world.sendings.len();
        if let Some(failure) = end.failure() {
            logged_out += 1;
            check(&world, seed, failure.kind == FailureKind::Refused, "only a refusal ends a login");
            check(&world, seed, grace == 0, "a grace window saves every login");
            world.log_in();
            world.expire();
            let works = world.ask().is_ok();
            check(&world, seed, works, "it works again");
        }
        world.check();
    }
    report(&format!("{name}: {runs} storms, {sendings} sendings, {logged_out} refused by the server"));
}

#[allow(clippy::print_stderr, reason = "the counts are the result")]
fn report(line: &str) {
    eprintln!("{line}");
}

fn faults(seed: u64) -> Storm {
    let pick = |shift: u64| usize::try_from(seed >> shift & 3).unwrap() % 3;
    Storm { losses: pick(2), crashes: pick(4), unsent: pick(6), stalls: true, ..storm(seed) }
}

#[test]
fn losses_crashes_and_delays_break_nothing_on_a_server_with_a_grace_window() {
    with_faults("grace", 0..3_000, GRACE, faults, false);
}

#[test]
fn losses_crashes_and_delays_break_nothing_on_a_server_without_one() {
    with_faults("no grace", 10_000..13_000, 0, faults, false);
}

#[test]
fn leases_that_expire_break_nothing() {
    with_faults("expiring leases", 20_000..22_000, GRACE, faults, true);
}

#[test]
fn disks_that_are_full_for_a_while_break_nothing() {
    let full = |seed| Storm { failing_saves: 3, crashes: 0, ..faults(seed) };
    with_faults("full disks", 30_000..31_000, GRACE, full, false);
}

#[test]
fn people_who_log_in_and_out_meanwhile_win() {
    for seed in 40_000..42_000 {
        let mut world = world(seed, GRACE);
        let storm = Storm { people: true, runs: 10, ..faults(seed) };
        world.weather(seed, storm);
        world.pass(Millis::seconds(100));
        world.expire();
        if !world.ask_until_known().is_ok() {
            world.log_in();
            world.expire();
            let works = world.ask().is_ok();
            check(&world, seed, works, "it works again");
        }
        world.check();
    }
}
