//! Logouts: mark, revoke, delete; offline, local, and against everybody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::action::Action;
use tokenway_core::error::FailureKind;
use tokenway_core::lifecycle::record::{Mark, Record};
use tokenway_core::lifecycle::{LoggedOut, Revoked, Scope};
use tokenway_core::moment::Millis;
use tokenway_tests::world::faults::{Fault, Line, Reply};
use tokenway_tests::world::flow::{End, Flow};
use tokenway_tests::world::{Dies, World};

fn names(world: &mut World, flow: Flow) -> (Vec<&'static str>, End) {
    let process = world.start(flow);
    let mut names = Vec::new();
    loop {
        names.extend(world.wants(process).as_ref().map(Action::name));
        if let Some(end) = world.step(process) {
            return (names, end);
        }
    }
}

fn logged_out(end: &End) -> &LoggedOut {
    match end {
        End::Logout(Ok(logged_out)) => logged_out,
        End::GetToken(_) | End::Login(_) | End::Logout(Err(_)) => panic!("{end:?}"),
    }
}

/// A logout that stands before its action of that name.
fn before(world: &mut World, name: &str) -> usize {
    let flow = world.logout(Scope::Everywhere);
    let process = world.start(flow);
    while world.wants(process).is_none_or(|action| action.name() != name) {
        assert!(world.step(process).is_none());
    }
    process
}

#[test]
fn a_logout_marks_revokes_and_deletes_without_a_lease() {
    let mut world = World::logged_in(1);
    let flow = world.logout(Scope::Everywhere);
    let (names, end) = names(&mut world, flow);
    assert_eq!(names, ["load", "save", "post form", "post form", "delete"]);
    assert_eq!(logged_out(&end).revoked, Revoked::Confirmed);
    assert_eq!(logged_out(&end).claims.as_ref().and_then(|claims| claims.get("sub")).unwrap(), "person-1");
    assert_eq!(world.server.revocations, ["virtual-refresh-token-0-0", "virtual-access-token-0"]);
    assert!(world.store.record().is_none());
    world.check();
}

#[test]
fn a_local_logout_tells_nobody() {
    let mut world = World::logged_in(2);
    let flow = world.logout(Scope::LocalOnly);
    let (names, end) = names(&mut world, flow);
    assert_eq!(names, ["load", "delete"]);
    assert_eq!(logged_out(&end).revoked, Revoked::NotTried);
    assert!(world.server.is_alive(0) && world.store.record().is_none());
    world.check();
}

#[test]
fn a_logout_of_nobody_is_done() {
    let mut world = World::new(3);
    let flow = world.logout(Scope::Everywhere);
    assert_eq!(logged_out(&world.run(flow)).claims, None);
}

#[test]
fn a_logout_offline_deletes_within_five_seconds_and_says_that_the_server_was_not_told() {
    for (line, most, asked) in [(Line::NoRoute, 1_000, 2), (Line::Hole, 6_000, 1)] {
        let mut world = World::logged_in(4);
        world.line = line;
        let started = world.clock.elapsed();
        let flow = world.logout(Scope::Everywhere);
        let (names, end) = names(&mut world, flow);
        assert_eq!(names.iter().filter(|name| **name == "post form").count(), asked, "none when no time is left");
        assert!(matches!(logged_out(&end).revoked, Revoked::NotConfirmed { .. }));
        assert!(world.clock.elapsed() - started < most);
        assert!(world.store.record().is_none());
        world.check();
    }
}

#[test]
fn a_server_that_will_not_revoke_keeps_nobody_logged_in() {
    for reply in [Reply::text(503, ""), Reply::error(400, "unsupported_token_type"), Reply::text(302, "")] {
        let mut world = World::logged_in(5);
        world.faults.push_back(Fault::Answer(reply));
        let flow = world.logout(Scope::Everywhere);
        let end = world.run(flow);
        assert!(matches!(logged_out(&end).revoked, Revoked::NotConfirmed { .. }));
        assert!(world.store.record().is_none());
        world.check();
    }
}

#[test]
fn an_access_token_that_no_server_can_revoke_is_over_with_its_grant() {
    for (second, revoked) in [(Reply::error(400, "unsupported_token_type"), true), (Reply::text(400, ""), false)] {
        let mut world = World::logged_in(51);
        world.faults.extend([Fault::ActedAndAnswer(Reply::text(200, "")), Fault::Answer(second)]);
        let flow = world.logout(Scope::Everywhere);
        let end = world.run(flow);
        assert_eq!(logged_out(&end).revoked == Revoked::Confirmed, revoked);
        world.check();
    }
}

#[test]
fn a_full_disk_keeps_nobody_logged_in() {
    let mut world = World::logged_in(6);
    world.marking_failed = true;
    world.store.failing_saves = 1;
    let flow = world.logout(Scope::Everywhere);
    assert!(world.run(flow).is_ok());
    assert!(world.store.record().is_none() && !world.server.is_alive(0));
    world.check();
}

#[test]
fn a_deletion_that_fails_is_said_and_the_login_reads_as_none_all_the_same() {
    let mut world = World::logged_in(7);
    let process = before(&mut world, "delete");
    world.store.failing_saves = 1;
    assert_eq!(world.finish(process).expect_failure().kind, FailureKind::Store);
    assert_eq!(world.store.record().unwrap().mark, Mark::LoggedOut);
    assert_eq!(world.ask().expect_failure().kind, FailureKind::NoCredential);
    assert!(world.store.record().is_none());
    world.check();
}

#[test]
fn a_renewal_that_comes_before_the_mark_is_logged_out_too() {
    let mut world = World::logged_in(8);
    let process = before(&mut world, "save");
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert!(world.finish(process).is_ok());
    assert!(world.store.record().is_none());
    assert!(world.server.revocations.contains(&"virtual-refresh-token-0-1".to_owned()), "the renewed one is revoked");
    world.check();
}

#[test]
fn a_renewal_that_comes_before_the_deletion_is_logged_out_too() {
    let mut world = World::logged_in(9);
    world.marking_failed = true;
    world.store.failing_saves = 1;
    let process = before(&mut world, "post form");
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert!(world.finish(process).is_ok());
    assert!(world.store.record().is_none());
    assert!(!world.server.is_alive(0));
    world.check();
}

#[test]
fn a_new_login_in_between_stays() {
    for name in ["save", "post form", "delete"] {
        let mut world = World::logged_in(10);
        let process = before(&mut world, name);
        world.log_in();
        let end = world.finish(process);
        assert_eq!(logged_out(&end).claims, None);
        assert!(world.store.record().is_some_and(|record| record.mark == Mark::LoggedIn), "before {name}");
        assert!(world.ask().is_ok());
        world.check();
    }
}

#[test]
fn a_logout_does_not_wait_for_a_stopped_holder() {
    let mut world = World::logged_in(11);
    world.expire();
    let flow = world.get_token();
    world.run_and_stop(flow, 3);
    assert!(world.store.is_leased());
    let started = world.clock.elapsed();
    let flow = world.logout(Scope::Everywhere);
    assert!(world.run(flow).is_ok());
    assert!(world.clock.elapsed() - started < 1_000);
    assert!(world.store.record().is_none());
    world.check();
}

#[test]
fn whoever_meets_a_marked_record_finishes() {
    for meets in ["get token", "logout", "local logout", "login"] {
        let mut world = World::logged_in(12);
        let flow = world.logout(Scope::Everywhere);
        world.run_and_die(flow, 2, Dies::Before);
        let flow = match meets {
            "get token" => world.get_token(),
            "logout" => world.logout(Scope::Everywhere),
            "local logout" => world.logout(Scope::LocalOnly),
            _ => world.login(),
        };
        let end = world.run(flow);
        let is_there = world.store.record().is_some_and(|record: &Record| record.mark == Mark::LoggedIn);
        assert_eq!(is_there, meets == "login", "{meets}: {end:?}");
        world.check();
    }
}

#[test]
fn two_logouts_at_once_are_both_done() {
    let mut world = World::logged_in(13);
    let first = before(&mut world, "post form");
    let second = before(&mut world, "post form");
    assert!(world.finish(first).is_ok());
    assert!(world.finish(second).is_ok());
    assert!(world.store.record().is_none());
    world.check();
}

#[test]
fn writers_that_never_stop_do_not_hold_a_logout_for_ever() {
    let mut world = World::logged_in(14);
    let flow = world.logout(Scope::Everywhere);
    let process = world.start(flow);
    let mut ended = None;
    for _ in 0..100 {
        let mut record = world.store.record().unwrap().clone();
        record.generation += 1;
        world.store.put(Some(record));
        ended = world.step(process);
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(ended.unwrap().expect_failure().kind, FailureKind::Busy);
}

#[test]
fn the_vendor_dialect_is_spoken_where_the_provider_has_one() {
    let provider = {
        let mut provider = World::new(0).config().provider().clone();
        provider.revocation.dialect = tokenway_core::provider::RevocationDialect::Json;
        provider
    };
    let mut world = World::with(15, |_| tokenway_core::config::Config::builder(provider));
    world.log_in();
    let flow = world.logout(Scope::Everywhere);
    let (names, _) = names(&mut world, flow);
    assert_eq!(names, ["load", "save", "fetch", "fetch", "delete"]);
    assert!(world.clock.elapsed() < Millis::seconds(5).0);
    world.check();
}

#[test]
fn edits_that_never_end_end_a_logout_with_a_reason() {
    let mut world = World::logged_in(91);
    let process = before(&mut world, "save");
    for saves in 1.. {
        let mut record = world.store.record().unwrap().clone();
        record.generation += 1;
        world.store.put(Some(record));
        if let Some(end) = world.step(process) {
            assert_eq!(saves, 17);
            let End::Logout(Err(failure)) = end else { panic!("{end:?}") };
            assert_eq!(failure.kind, FailureKind::Busy);
            assert!(failure.detail.contains("keep writing"), "{}", failure.detail);
            return;
        }
        assert!(saves < 20, "it does not end");
    }
}
