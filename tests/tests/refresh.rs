//! The refresh transaction, branch by branch, in the virtual world.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::action::{Action, Load};
use tokenway_core::error::{Failure, FailureKind, NextStep};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record};
use tokenway_core::lifecycle::{Scope, TokenNote, Wish};
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::provider::{ClaimPlace, IdentityClaim, TokenName};
use tokenway_core::secret::Secret;
use tokenway_tests::scripted::jwt;
use tokenway_tests::world::faults::{Fault, Line, Reply};
use tokenway_tests::world::flow::{End, Flow};
use tokenway_tests::world::server::Server;
use tokenway_tests::world::{Dies, Fate, World};

const SECOND: Millis = Millis::seconds(1);
const DEADLINE: Millis = Millis::seconds(30);
/// Ten seconds to send, thirty to arrive.
const LANDING: Millis = Millis::seconds(40);

/// Somebody is logged in, and the token has just died.
fn expired(seed: u64) -> World {
    let mut world = World::logged_in(seed);
    world.expire();
    world
}

/// Somebody is logged in, and the token is due and alive for another half a minute.
fn due(seed: u64) -> World {
    let mut world = World::logged_in(seed);
    world.pass(world.server.token_life.minus(DEADLINE));
    world
}

/// The names of all actions of a run, and its end.
fn actions(world: &mut World, flow: Flow) -> (Vec<&'static str>, End) {
    let process = world.start(flow);
    let mut names = Vec::new();
    loop {
        names.extend(world.wants(process).as_ref().map(Action::name));
        if let Some(end) = world.step(process) {
            return (names, end);
        }
    }
}

/// Runs a process until it is about to do the `nth` action of that name.
fn stop_before(world: &mut World, flow: Flow, name: &str, nth: usize) -> usize {
    let process = world.start(flow);
    let mut seen = 0;
    loop {
        if world.wants(process).is_some_and(|action| action.name() == name) {
            seen += 1;
            if seen == nth {
                return process;
            }
        }
        assert!(world.step(process).is_none(), "ended before the {nth}. {name}");
    }
}

fn stored(world: &World) -> &Record {
    world.store.record().unwrap()
}

fn edit(world: &mut World, change: impl FnOnce(&mut Record)) {
    let mut record = stored(world).clone();
    change(&mut record);
    world.store.put(Some(record));
}

/// The one trouble that came with a token.
fn not_renewed(end: &End) -> &Failure {
    match end.token().notes.as_slice() {
        [TokenNote::NotRenewed(failure)] => failure,
        other => panic!("{other:?}"),
    }
}

fn retry_at(failure: &Failure) -> UnixMillis {
    match failure.next {
        NextStep::RetryAt { at } | NextStep::OutcomeUnknown { retry_at: at } => at,
        NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::LogIn | NextStep::ReportBug => {
            panic!("{failure:?}")
        }
    }
}

fn lost() -> Fault {
    Fault::AnswerLost(Millis(100))
}

/// The span after which the request may be made again.
fn wait_of(world: &World, failure: &Failure) -> Millis {
    retry_at(failure).since(world.clock.now())
}

// Load.

#[test]
fn a_fresh_token_costs_no_lock() {
    let mut world = World::logged_in(1);
    let flow = world.get_token();
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names, ["load"]);
    assert!(end.token().notes.is_empty());
    world.check();
}

#[test]
fn an_ordinary_renewal_is_eight_actions_and_one_note() {
    let mut world = expired(2);
    let flow = world.get_token();
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names, ["load", "lock", "load", "note", "post form", "save", "unlock"]);
    assert_eq!(end.token().record.generation, 2);
    assert_eq!(end.token().record.as_ref(), stored(&world));
    assert!(!world.store.is_leased());
    world.check();
}

#[test]
fn without_a_login_nobody_is_asked_but_the_store() {
    let mut world = World::new(3);
    let flow = world.get_token();
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names, ["load"]);
    assert_eq!((end.expect_failure().kind, &end.expect_failure().next), (FailureKind::NoCredential, &NextStep::LogIn));
}

#[test]
fn without_a_refresh_token_a_dead_login_is_over_and_a_due_one_lives_on() {
    let mut world = due(4);
    edit(&mut world, |record| record.refresh_token = None);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::NoCredential);
    world.expire();
    assert_eq!(world.ask().expect_failure().next, NextStep::LogIn);
    assert!(world.sendings.is_empty());
    world.check();
}

#[test]
fn a_store_that_cannot_be_read_is_said_so() {
    let mut world = expired(5);
    world.store.failing_load_in = Some(0);
    let end = world.ask();
    assert_eq!(end.expect_failure().kind, FailureKind::Store);
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_token_of_unknown_life_is_used_until_it_is_rejected() {
    let mut world = World::logged_in(6);
    edit(&mut world, |record| (record.expires_at, record.due_at) = (None, None));
    world.pass(Millis::seconds(10_000_000));
    let flow = world.get_token();
    assert_eq!(actions(&mut world, flow).0, ["load"]);
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.server.rotations, 1);
}

#[test]
fn a_token_renewed_just_now_counts_as_fresh_for_every_wish_and_that_is_said() {
    let mut world = expired(7);
    assert!(world.ask().is_ok());
    let wish = Wish { min_ttl: Millis::seconds(86_400), rejected: None };
    let flow = world.get_token_for(wish.clone());
    assert_eq!(world.run(flow).token().notes, [TokenNote::ShortLived]);
    world.pass(Millis::seconds(11));
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.server.rotations, 2);
    world.check();
}

#[test]
fn a_longer_life_than_what_is_left_is_worth_a_renewal() {
    let mut world = World::logged_in(8);
    world.pass(Millis::seconds(600));
    let flow = world.get_token_for(Wish { min_ttl: Millis::seconds(3_300), rejected: None });
    assert!(world.run(flow).is_ok());
    assert_eq!(world.server.rotations, 1);
    world.check();
}

// Lock.

#[test]
fn while_another_renews_a_waiter_looks_and_takes_what_it_brought() {
    let mut world = expired(9);
    let flow = world.get_token();
    let renewing = stop_before(&mut world, flow, "post form", 1);
    let flow = world.get_token();
    let waiting = world.start(flow);
    for _ in 0..4 {
        assert!(world.step(waiting).is_none());
    }
    assert!(world.finish(renewing).is_ok());
    assert!(world.finish(waiting).is_ok());
    assert_eq!(world.sendings.len(), 1);
    world.check();
}

#[test]
fn a_stopped_holder_is_named_and_never_robbed() {
    let mut world = expired(10);
    let flow = world.get_token();
    let stopped = stop_before(&mut world, flow, "post form", 1);
    let started = world.clock.elapsed();
    let flow = world.get_token();
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names.iter().filter(|name| **name == "lock").count(), 160, "four looks a second");
    let failure = end.expect_failure();
    assert_eq!(failure.kind, FailureKind::Busy);
    assert!(failure.detail.contains(&format!("process {stopped}")), "{}", failure.detail);
    assert!(failure.detail.ends_with(", for 40 s"), "{}", failure.detail);
    let waited = world.clock.elapsed() - started;
    assert!((LANDING.0..LANDING.0 + 5_000).contains(&waited), "{waited}");
    assert!(world.store.is_leased());
    world.check();
}

#[test]
fn a_stopped_holder_costs_a_due_token_a_note_only() {
    let mut world = World::logged_in(11);
    world.pass(world.server.token_life.minus(Millis::seconds(100)));
    let flow = world.get_token();
    stop_before(&mut world, flow, "post form", 1);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Busy);
    world.check();
}

#[test]
fn a_store_that_rots_while_another_renews_costs_a_due_token_a_note_only() {
    let mut world = World::logged_in(12);
    world.pass(world.server.token_life.minus(Millis::seconds(100)));
    let flow = world.get_token();
    stop_before(&mut world, flow, "post form", 1);
    world.store.failing_load_in = Some(2);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Busy);
    world.check();
}

#[test]
fn a_holder_that_was_stopped_too_long_sends_nothing_when_it_goes_on() {
    let mut world = expired(13);
    let flow = world.get_token();
    let stopped = stop_before(&mut world, flow, "post form", 1);
    world.pass(Millis::seconds(11));
    let end = world.finish(stopped);
    assert_eq!(end.expect_failure().kind, FailureKind::Unreachable);
    assert!(world.sendings.is_empty());
    assert!(world.ask().is_ok());
    world.check();
}

/// Stopped between the writing of the note and the hearing of it: the note promises when the sending has landed.
#[test]
fn a_holder_that_was_stopped_while_it_noted_does_not_send_later_than_it_noted() {
    let mut world = expired(14);
    let flow = world.get_token();
    let (_, end) = world.run_and_die(flow, 3, Dies::Before);
    assert!(end.is_none());
    let flow = world.get_token();
    let stopped = stop_before(&mut world, flow, "note", 1);
    world.act_only(stopped);
    world.pass(Millis::seconds(60));
    world.faults.push_back(Fault::Late(Millis::seconds(29)));
    let end = world.finish(stopped);
    assert!(world.sendings.is_empty(), "{end:?}");
    world.check();
}

#[test]
fn a_lock_that_cannot_be_taken_costs_a_due_token_a_note_only() {
    let mut world = due(15);
    world.store.failing_locks = true;
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Store);
    world.expire();
    assert_eq!(world.ask().expect_failure().kind, FailureKind::Store);
    assert!(world.sendings.is_empty());
    world.check();
}

// Load, the one that counts.

#[test]
fn what_another_process_saved_is_adopted() {
    let mut world = expired(16);
    let flow = world.get_token();
    let late = stop_before(&mut world, flow, "lock", 1);
    assert!(world.ask().is_ok());
    assert!(world.finish(late).is_ok());
    assert_eq!(world.sendings.len(), 1);
    assert!(!world.store.is_leased());
    world.check();
}

#[test]
fn another_token_than_the_rejected_one_is_adopted_even_when_it_is_due() {
    let mut world = due(17);
    let wish = Wish { min_ttl: Millis::ZERO, rejected: Some(Secret::new("an older token").hash()) };
    let flow = world.get_token_for(wish);
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names, ["load", "lock", "load", "unlock"]);
    assert!(end.token().notes.is_empty());
    world.check();
}

#[test]
fn a_record_that_cannot_be_read_under_the_lock_costs_a_due_token_a_note_only() {
    let mut world = due(18);
    world.store.failing_load_in = Some(1);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Store);
    assert!(!world.store.is_leased());
    world.expire();
    world.store.failing_load_in = Some(1);
    assert_eq!(world.ask().expect_failure().kind, FailureKind::Store);
    assert!(!world.store.is_leased() && world.sendings.is_empty());
    world.check();
}

#[test]
fn a_logout_that_is_met_under_the_lock_is_finished() {
    let mut world = expired(19);
    let flow = world.get_token();
    let late = stop_before(&mut world, flow, "load", 2);
    let flow = world.logout(Scope::Everywhere);
    world.run_and_die(flow, 2, Dies::Before);
    assert_eq!(stored(&world).mark, Mark::LoggedOut);
    let end = world.finish(late);
    assert_eq!(end.expect_failure().kind, FailureKind::NoCredential);
    assert!(world.store.record().is_none() && !world.store.is_leased());
    assert!(!world.server.is_alive(0));
    world.check();
}

// Refused and rejected.

#[test]
fn a_refused_hash_is_not_sent_again() {
    let mut world = expired(20);
    world.server.revoke(0);
    let end = world.ask();
    assert_eq!((end.expect_failure().kind, &end.expect_failure().next), (FailureKind::Refused, &NextStep::LogIn));
    assert_eq!(end.expect_failure().code.as_deref(), Some("invalid_grant"));
    assert!(!end.expect_failure().detail.contains("interrupted"), "{}", end.expect_failure().detail);
    for _ in 0..5 {
        world.pass(Millis::seconds(600));
        let end = world.ask();
        assert_eq!(end.expect_failure().next, NextStep::LogIn);
    }
    assert_eq!(world.sendings.len(), 1);
    world.log_in();
    assert!(world.ask().is_ok());
    world.expire();
    assert!(world.ask().is_ok(), "another login's refusal does not count");
    world.check();
}

#[test]
fn a_logout_that_is_met_after_a_refusal_is_finished() {
    let mut world = expired(201);
    world.server.revoke(0);
    let flow = world.get_token();
    let refused = stop_before(&mut world, flow, "load", 3);
    edit(&mut world, |record| {
        record.mark = Mark::LoggedOut;
        record.generation += 1;
    });
    assert_eq!(world.finish(refused).expect_failure().next, NextStep::LogIn);
    assert!(world.store.record().is_none() && !world.store.is_leased());
    world.check();
}

#[test]
fn a_refused_login_whose_token_lives_is_used_until_its_end() {
    let mut world = due(21);
    world.faults.push_back(Fault::Answer(Reply::error(400, "invalid_grant")));
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Refused);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Refused);
    assert_eq!(world.sendings.len(), 1);
    world.check();
}

#[test]
fn a_refusal_of_what_another_process_has_changed_is_forgotten() {
    let mut world = expired(22);
    let flow = world.get_token();
    let slow = stop_before(&mut world, flow, "post form", 1);
    world.server.revoke(0);
    world.log_in();
    let end = world.finish(slow);
    assert_eq!(end.token().record.as_ref(), stored(&world));
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_rejected_token_is_renewed_once_for_all_who_saw_it_rejected() {
    let mut world = World::logged_in(23);
    let wish = world.rejecting_what_is_stored();
    for _ in 0..8 {
        let flow = world.get_token_for(wish.clone());
        assert!(world.run(flow).is_ok());
    }
    assert_eq!(world.sendings.len(), 1);
    world.check();
}

#[test]
fn a_rejected_token_that_a_rejection_brought_is_not_renewed() {
    let mut world = World::logged_in(24);
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish.clone());
    let (names, end) = actions(&mut world, flow);
    assert_eq!(names, ["load"]);
    assert_eq!(end.expect_failure().kind, FailureKind::ApiRefusesNewToken);
    assert!(matches!(end.expect_failure().next, NextStep::AskUser { .. }));
    world.pass(Millis::seconds(10));
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.sendings.len(), 2);
    world.check();
}

#[test]
fn a_rejected_token_that_age_brought_is_renewed_at_once() {
    let mut world = expired(25);
    assert!(world.ask().is_ok());
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.sendings.len(), 2);
    world.check();
}

// Note.

#[test]
fn a_note_that_cannot_be_written_sends_nothing() {
    for mut world in [due(26), expired(26)] {
        world.store.failing_notes = 1;
        let is_due = stored(&world).expires_at.is_some_and(|end| world.clock.now() < end);
        let end = world.ask();
        let failure = if is_due { not_renewed(&end) } else { end.expect_failure() };
        assert_eq!(failure.kind, FailureKind::Store);
        assert!(world.sendings.is_empty() && !world.store.is_leased());
        world.check();
    }
}

#[test]
fn a_lease_that_is_lost_before_the_note_sends_nothing() {
    let mut world = expired(27);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "note", 1);
    world.store.break_lease();
    let end = world.finish(process);
    assert_eq!(end.expect_failure().kind, FailureKind::Busy);
    assert!(world.sendings.is_empty());
    world.check();
}

#[test]
fn whoever_stood_still_with_the_lease_in_hand_sends_nothing_that_could_outlive_it() {
    for (stood_still, sends) in [(Millis::seconds(9), true), (Millis::seconds(10), false)] {
        let mut world = expired(1);
        world.store.leases_expire = true;
        let flow = world.get_token();
        let process = stop_before(&mut world, flow, "load", 2);
        world.pass(stood_still);
        let end = world.finish(process);
        assert_eq!((world.sendings.len(), end.is_ok()), (usize::from(sends), sends), "{end:?}");
        assert!(!world.store.is_leased());
        if !sends {
            assert_eq!(end.expect_failure().kind, FailureKind::Busy);
            assert!(world.ask().is_ok());
        }
        world.check();
    }
}

#[test]
fn a_lease_that_is_lost_after_the_note_sends_nothing() {
    let mut world = expired(28);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "post form", 1);
    world.store.break_lease();
    assert!(!world.finish(process).is_ok());
    assert!(world.sendings.is_empty());
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_newer_ledger_sends_nothing() {
    let mut world = due(29);
    world.store.renew_ledger_format();
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Store);
    world.expire();
    let end = world.ask();
    assert!(matches!(end.expect_failure().next, NextStep::FixConfiguration { .. }));
    let now = world.clock.now();
    assert_eq!(world.store.ledger(now), StoredLedger::Newer);
    assert!(world.sendings.is_empty());
    world.check();
}

#[test]
fn an_unreadable_ledger_counts_as_one_sending_and_is_over_one_day() {
    let mut world = expired(30);
    world.store.corrupt_ledger();
    let end = world.ask();
    let span = wait_of(&world, end.expect_failure());
    assert!(span.0 > 39_000 && span <= LANDING, "{span:?}");
    let now = world.clock.now();
    let StoredLedger::Read(ledger) = world.store.ledger(now) else { panic!() };
    assert_eq!(ledger.login_id.as_ref(), Some(&stored(&world).login_id), "the next login does not wait for it");
    world.pass(span.minus(Millis(500)));
    assert!(!world.ask().is_ok());
    assert!(world.sendings.is_empty());
    world.pass(Millis::seconds(1));
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn the_notes_of_another_login_are_void_but_for_what_may_still_land() {
    let mut world = expired(31);
    world.server.revoke(0);
    assert!(!world.ask().is_ok());
    world.log_in();
    world.expire();
    assert!(world.ask().is_ok());

    let mut world = expired(32);
    world.faults.extend([Fault::RequestLost(Millis(50)), Fault::RequestLost(Millis(50))]);
    assert!(!world.ask().is_ok());
    world.log_in();
    let flow = world.rejecting_what_is_stored();
    let flow = world.get_token_for(flow);
    let end = world.run(flow);
    assert_eq!(end.expect_failure().kind, FailureKind::CoolDown);
    world.pass(LANDING);
    let flow = world.rejecting_what_is_stored();
    let flow = world.get_token_for(flow);
    assert!(world.run(flow).is_ok());
    world.check();
}

// 2xx.

#[test]
fn what_a_reply_leaves_out_is_carried_forward() {
    let mut world = expired(33);
    let before = stored(&world).clone();
    let body = r#"{"access_token":"virtual-access-token-0","token_type":"Bearer","expires_in":60}"#;
    world.faults.push_back(Fault::Answer(Reply::json(200, body)));
    world.server.token_life = Millis::seconds(1_000_000);
    let end = world.ask();
    let after = &end.token().record;
    assert_eq!(
        (&after.refresh_token, &after.scopes, &after.claims),
        (&before.refresh_token, &before.scopes, &before.claims)
    );
    assert_eq!((after.generation, &after.login_id), (before.generation + 1, &before.login_id));
    assert_eq!(after.renewed_from, before.refresh_token.as_ref().map(Secret::hash));
}

#[test]
fn what_a_reply_says_takes_the_place_of_what_was() {
    let mut world = expired(331);
    edit(&mut world, |record| {
        record.format = 0;
        record.token_type = "another".to_owned();
        record.scopes = Some(vec!["old".to_owned()]);
        record.claims.insert("email".to_owned(), "old@example.com".to_owned());
    });
    let claims = serde_json::json!({ "sub": stored(&world).claims.get("sub").unwrap(), "email": "new@example.com" });
    let body = serde_json::json!({
        "access_token": "new", "token_type": "bearer", "expires_in": 600, "scope": "new newer", "id_token": jwt(&claims),
    });
    world.faults.push_back(Fault::Answer(Reply::json(200, &body.to_string())));
    let end = world.ask();
    let after = &end.token().record;
    assert_eq!((after.format, after.token_type.as_str()), (RECORD_FORMAT, "Bearer"));
    assert_eq!(after.scopes, Some(vec!["new".to_owned(), "newer".to_owned()]));
    assert_eq!(after.claims.get("email").map(String::as_str), Some("new@example.com"));
    assert!(!format!("{after:?}").is_empty() && !format!("{after:?}").contains("new@"), "{after:?}");
}

#[test]
fn a_server_that_does_not_rotate_is_asked_with_the_same_token_again() {
    let mut world = World::logged_in(34);
    world.server.rotates = false;
    for _ in 0..3 {
        world.expire();
        assert!(world.ask().is_ok());
    }
    assert_eq!(world.sendings.len(), 3);
    assert!(world.sendings.iter().all(|sending| sending.grant.index == 0 && sending.fate == Fate::Saved));
}

#[test]
fn the_answered_renewals_of_a_server_that_does_not_rotate_are_of_known_fate() {
    let mut world = World::logged_in(341);
    world.server.rotates = false;
    for round in 1..=4 {
        world.pass(Millis::seconds(12));
        let (wish, before) = (world.rejecting_what_is_stored(), world.clock.now());
        let flow = world.get_token_for(wish);
        assert!(world.run(flow).is_ok());
        assert_eq!(world.sendings.len(), round);
        assert!(world.clock.now().since(before) < Millis::seconds(1), "no second is waited for");
    }
}

#[test]
fn a_server_that_says_at_once_is_still_left_alone_for_a_second() {
    let mut world = expired(342);
    for _ in 0..2 {
        world.faults.push_back(Fault::Answer(Reply::error(429, "slow_down").with_header("retry-after", "0")));
    }
    for _ in 0..10 {
        world.ask();
    }
    assert_eq!(world.sendings.len(), 1);
}

#[test]
fn a_refresh_token_is_saved_whatever_else_is_wrong_with_the_answer() {
    for (mut world, is_due) in [(due(35), true), (expired(35), false)] {
        let spent = stored(&world).refresh_token.as_ref().map(Secret::hash);
        let body = r#"{"access_token":"","refresh_token":"virtual-refresh-token-0-1"}"#;
        world.faults.push_back(Fault::ActedAndAnswer(Reply::json(200, body)));
        let end = world.ask();
        let failure = if is_due { not_renewed(&end) } else { end.expect_failure() };
        assert_eq!(failure.kind, FailureKind::Misbehaved);
        assert!(stored(&world).refresh_token.as_ref().is_some_and(|token| token.expose().ends_with("-0-1")));
        assert_eq!(stored(&world).renewed_from, spent);
        let sent = world.sendings.len();
        world.ask();
        assert_eq!(world.sendings.len(), sent, "a server that answers like that is left alone for a while");
        world.pass(Millis::seconds(10));
        assert!(world.ask().is_ok());
        assert_eq!(world.server.reuses, 0);
        world.check();
    }
}

#[test]
fn a_save_that_fails_is_tried_again_with_the_lease_held() {
    let mut world = expired(36);
    world.store.failing_saves = 3;
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "save", 2);
    assert!(world.store.is_leased());
    assert_eq!(world.unsaved(process).unwrap().record.generation, 2, "for its owner, while that goes on");
    let end = world.finish(process);
    assert!(end.token().notes.is_empty());
    assert_eq!(stored(&world), end.token().record.as_ref());
    assert!(!world.store.is_leased());
    world.check();
}

#[test]
fn the_owner_of_a_renewal_gets_tokens_that_cannot_be_saved_and_hears_so() {
    let mut world = expired(37);
    world.store.failing_saves = u32::MAX;
    let Flow::GetToken(session) = world.get_token() else { unreachable!() };
    assert!(session.unsaved().is_none());
    let end = world.run(Flow::GetToken(session));
    let token = end.token();
    assert!(matches!(token.notes.as_slice(), [TokenNote::NotSaved(_)]), "{:?}", token.notes);
    assert_eq!(token.record.generation, 2);
    assert_eq!(stored(&world).generation, 1);
    assert!(world.clock.elapsed() > 600_000, "a person may free the disk meanwhile");
    assert!(!world.store.is_leased());
    world.check();
}

#[test]
fn a_refresh_token_that_cannot_be_saved_is_handed_back_with_what_was_wrong() {
    let mut world = expired(71);
    world.store.failing_saves = u32::MAX;
    let body = r#"{"access_token":"","refresh_token":"virtual-refresh-token-0-1"}"#;
    world.faults.push_back(Fault::ActedAndAnswer(Reply::json(200, body)));
    let End::GetToken(Err(mut failure)) = world.ask() else { panic!("a dead access token is no token") };
    assert_eq!(failure.kind, FailureKind::Misbehaved);
    assert!(failure.take_unsaved().unwrap().refresh_token.unwrap().expose().ends_with("-0-1"));
    world.check();
}

#[test]
fn a_save_that_failed_after_it_wrote_is_found_done() {
    let mut world = expired(38);
    world.store.failing_saves = 1;
    world.store.fails_after_writing = true;
    let end = world.ask();
    assert_eq!(end.token().record.as_ref(), stored(&world));
    assert_eq!(stored(&world).generation, 2);
    world.check();
}

// Conflicts, in their order.

fn conflict(seed: u64, meanwhile: impl FnOnce(&mut World)) -> (World, End) {
    let mut world = expired(seed);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "save", 1);
    meanwhile(&mut world);
    let end = world.finish(process);
    world.check();
    (world, end)
}

#[test]
fn logout_during_a_refresh_wins() {
    let (world, end) = conflict(39, |world| {
        let flow = world.logout(Scope::Everywhere);
        assert!(world.run(flow).is_ok());
    });
    assert_eq!(end.expect_failure().kind, FailureKind::NoCredential);
    assert!(world.store.record().is_none());
    assert!(world.server.revocations.contains(&"virtual-refresh-token-0-1".to_owned()), "ours are revoked, too");
}

#[test]
fn a_logout_that_has_only_marked_the_record_wins_and_is_finished() {
    let (world, end) = conflict(40, |world| {
        let flow = world.logout(Scope::Everywhere);
        world.run_and_die(flow, 2, Dies::Before);
    });
    assert_eq!(end.expect_failure().kind, FailureKind::NoCredential);
    assert!(world.store.record().is_none());
    assert!(world.server.revocations.contains(&"virtual-refresh-token-0-1".to_owned()));
}

#[test]
fn a_second_login_during_a_refresh_wins() {
    let (mut world, end) = conflict(41, World::log_in);
    assert_eq!(end.token().record.as_ref(), stored(&world));
    assert_eq!(stored(&world).generation, 1);
    assert!(world.server.revocations.is_empty(), "a revocation here could reach the new login");
    world.expire();
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn where_revocation_is_per_token_the_renewed_tokens_of_a_replaced_login_are_revoked() {
    let provider = {
        let mut provider = World::new(0).config().provider().clone();
        provider.revocation.per_token = true;
        provider
    };
    let mut world = World::with(42, |_| tokenway_core::config::Config::builder(provider));
    world.log_in();
    world.expire();
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "save", 1);
    world.log_in();
    assert!(world.finish(process).is_ok());
    assert_eq!(world.server.revocations.first().map(String::as_str), Some("virtual-refresh-token-0-1"));
    assert!(world.server.is_alive(1));
    world.check();
}

#[test]
fn an_edit_of_the_same_login_with_the_spent_token_is_written_over_at_its_generation() {
    let (world, end) = conflict(43, |world| edit(world, |record| record.generation = 7));
    assert_eq!(stored(&world).generation, 8);
    assert_eq!(end.token().record.as_ref(), stored(&world));
}

#[test]
fn edits_that_never_end_end_a_renewal_with_a_reason() {
    let mut world = expired(431);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "save", 1);
    for saves in 1.. {
        edit(&mut world, |record| record.generation += 1);
        assert!(world.step(process).is_none());
        if world.wants(process).unwrap().name() != "save" {
            assert_eq!(saves, 9);
            break;
        }
        assert!(saves < 20, "it does not end");
    }
    assert_eq!(world.finish(process).expect_failure().kind, FailureKind::Busy);
    assert!(!world.store.is_leased());
}

#[test]
fn a_renewal_of_the_same_login_with_another_token_is_adopted() {
    let (world, end) = conflict(44, |world| {
        edit(world, |record| {
            record.generation = 7;
            record.refresh_token = Some(Secret::new("virtual-refresh-token-0-9"));
            record.expires_at = None;
            record.due_at = None;
        });
    });
    assert_eq!(stored(&world).generation, 7);
    assert_eq!(end.token().record.as_ref(), stored(&world));
    assert!(world.server.revocations.is_empty());
}

#[test]
fn a_newer_record_format_is_never_written_over() {
    let mut world = due(45);
    edit(&mut world, |record| record.format = RECORD_FORMAT + 1);
    assert_eq!(not_renewed(&world.ask()).kind, FailureKind::Store);
    world.expire();
    assert!(matches!(world.ask().expect_failure().next, NextStep::FixConfiguration { .. }));
    assert!(world.sendings.is_empty());
    world.check();
}

// Another account.

#[test]
fn tokens_of_another_account_are_not_saved_but_revoked() {
    let mut world = expired(46);
    let before = stored(&world).clone();
    world.server.subject = "person-2".to_owned();
    let end = world.ask();
    let failure = end.expect_failure();
    assert_eq!((failure.kind, &failure.next), (FailureKind::AccountChanged, &NextStep::LogIn));
    assert!(failure.detail.contains("sub"), "{}", failure.detail);
    assert_eq!(*stored(&world), before);
    assert!(world.server.revocations.contains(&"virtual-refresh-token-0-1".to_owned()));
    assert!(!world.ask().is_ok());
    assert_eq!(world.sendings.len(), 1);
    world.check();
}

#[test]
fn an_account_that_the_new_tokens_do_not_name_has_not_changed() {
    let provider = {
        let mut provider = World::new(0).config().provider().clone();
        let places = vec![ClaimPlace { token: TokenName::IdToken, path: vec!["account".to_owned()] }];
        provider.identity = vec![IdentityClaim { name: "account".to_owned(), places, required: false, fixed: true }];
        provider
    };
    let mut world = World::with(47, |_| tokenway_core::config::Config::builder(provider));
    world.server.id_token = Some(|claims| claims["account"] = "a-1".into());
    world.log_in();
    world.server.id_token = None;
    world.expire();
    let end = world.ask();
    assert_eq!(end.token().record.claims.get("account").map(String::as_str), Some("a-1"));
    world.check();
}

// Answered otherwise, in trouble, not sent.

#[test]
fn a_server_that_wants_to_be_left_alone_is_by_everybody_and_nothing_stays_noted() {
    let mut world = expired(48);
    let busy = Reply::error(429, "slow_down").with_header("retry-after", "120");
    world.faults.push_back(Fault::Answer(busy));
    let end = world.ask();
    assert_eq!(end.expect_failure().kind, FailureKind::CoolDown);
    let span = wait_of(&world, end.expect_failure());
    assert!(span.0 > 119_000 && span.0 <= 120_000, "{span:?}");
    for _ in 0..100 {
        assert_eq!(world.ask().expect_failure().kind, FailureKind::CoolDown);
    }
    assert_eq!(world.sendings.len(), 1);
    let now = world.clock.now();
    let StoredLedger::Read(ledger) = world.store.ledger(now) else { panic!() };
    assert_eq!((ledger.intent, ledger.lands_in), (None, Millis::ZERO));
    world.pass(span);
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_server_that_says_later_in_any_way_is_asked_later() {
    for reply in [Reply::text(429, "too many"), Reply::error(400, "temporarily_unavailable")] {
        let mut world = expired(501);
        world.faults.push_back(Fault::Answer(reply));
        assert_eq!(world.ask().expect_failure().kind, FailureKind::CoolDown);
        world.check();
    }
}

#[test]
fn a_cool_down_lasts_an_hour_at_most() {
    let mut world = expired(49);
    let busy = Reply::error(429, "slow_down").with_header("retry-after", "99999999");
    world.faults.push_back(Fault::Answer(busy));
    let end = world.ask();
    assert!(wait_of(&world, end.expect_failure()) <= Millis::seconds(3_600));
    world.pass(Millis::seconds(3_600));
    assert!(world.ask().is_ok());
}

#[test]
fn a_wrong_client_is_a_matter_of_configuration_and_the_login_stays() {
    for status in [400, 401, 403] {
        let mut world = expired(50);
        world.faults.push_back(Fault::Answer(Reply::error(status, "invalid_client")));
        let end = world.ask();
        assert!(matches!(end.expect_failure().next, NextStep::FixConfiguration { .. }), "{end:?}");
        assert!(world.store.record().is_some());
        world.pass(Millis::seconds(3));
        assert!(world.ask().is_ok());
        world.check();
    }
}

#[test]
fn a_redirect_is_not_followed_and_ends_no_login() {
    let mut world = expired(51);
    world.faults.push_back(Fault::Answer(Reply::text(302, "").with_header("location", "https://evil.example/")));
    assert!(matches!(world.ask().expect_failure().next, NextStep::FixConfiguration { .. }));
    world.pass(Millis::seconds(10));
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_server_in_trouble_leaves_an_unknown_sending_and_a_cool_down() {
    for status in [500, 503, 599] {
        let mut world = expired(52);
        world.faults.push_back(Fault::Answer(Reply::text(status, "oops")));
        let end = world.ask();
        assert_eq!(end.expect_failure().kind, FailureKind::ServerTrouble, "{status}");
        assert_eq!(world.ask().expect_failure().kind, FailureKind::CoolDown);
        let now = world.clock.now();
        let StoredLedger::Read(ledger) = world.store.ledger(now) else { panic!() };
        assert!(ledger.intent.is_some() && ledger.cool_down > Millis::ZERO);
        world.pass(wait_of(&world, end.expect_failure()));
        assert!(world.ask().is_ok());
        world.check();
    }
}

#[test]
fn what_was_not_sent_is_tried_again_at_once_inside_the_same_intent() {
    let mut world = expired(53);
    world.faults.extend([Fault::NotSent, Fault::NotSent]);
    let flow = world.get_token();
    let (names, end) = actions(&mut world, flow);
    assert!(end.is_ok());
    assert_eq!(names.iter().filter(|name| **name == "note").count(), 1);
    assert_eq!(world.sendings.len(), 1);
    world.check();
}

#[test]
fn not_sent_restores_the_ledger() {
    let mut world = expired(54);
    world.line = Line::NoRoute;
    let end = world.ask();
    assert_eq!(end.expect_failure().kind, FailureKind::Unreachable);
    let now = world.clock.now();
    let StoredLedger::Read(ledger) = world.store.ledger(now) else { panic!() };
    assert_eq!((ledger.intent, ledger.lands_in, ledger.refused), (None, Millis::ZERO, None));

    let mut world = expired(55);
    world.faults.push_back(Fault::RequestLost(DEADLINE));
    world.faults.extend([Fault::NotSent, Fault::NotSent, Fault::NotSent]);
    assert!(!world.ask().is_ok());
    let now = world.clock.now();
    let StoredLedger::Read(ledger) = world.store.ledger(now) else { panic!() };
    let intent = ledger.intent.unwrap();
    assert_eq!(intent.resends, 0, "the sending of unknown fate stays, the one that never left does not");
    assert!(intent.age >= DEADLINE);
    world.check();
}

#[test]
fn due_is_not_dead() {
    let troubles = [
        Fault::Answer(Reply::error(429, "slow_down")),
        Fault::Answer(Reply::text(503, "")),
        Fault::Answer(Reply::error(401, "invalid_client")),
        Fault::Answer(Reply::error(400, "invalid_grant")),
        Fault::Answer(Reply::text(302, "")),
    ];
    for trouble in troubles {
        let mut world = due(56);
        let token = stored(&world).access_token.clone();
        world.faults.push_back(trouble);
        let end = world.ask();
        not_renewed(&end);
        assert_eq!(end.token().record.access_token, token);
        world.check();
    }
}

// Unknown fate.

#[test]
fn an_answer_that_never_came_is_sent_again_after_a_second_and_then_once_per_request_deadline() {
    let mut world = expired(57);
    world.line = Line::Hole;
    let flow = world.get_token();
    let (names, _) = actions(&mut world, flow);
    let end = ["post form", "note", "wait", "load", "note", "post form", "unlock"];
    assert!(names.ends_with(&end), "twice in a run, and no note after that: {names:?}");
    for _ in 0..400 {
        let end = world.ask();
        let failure = end.expect_failure();
        assert_eq!(failure.kind, FailureKind::OutcomeUnknown);
        assert!(matches!(failure.next, NextStep::OutcomeUnknown { .. }));
        world.pass(SECOND);
    }
    let at: Vec<u64> = world.sendings.iter().map(|sending| sending.at).collect();
    assert!(at[1] - at[0] < DEADLINE.0 + 1_500, "{at:?}");
    assert!(at.windows(2).skip(1).all(|pair| pair[1] - pair[0] >= DEADLINE.0), "{at:?}");
    assert!(at.len() >= 10, "{at:?}");
    world.line = Line::Good;
    world.pass(LANDING);
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_connection_that_broke_at_once_is_tried_again_one_second_after_the_sending() {
    let mut world = expired(58);
    world.faults.push_back(Fault::RequestLost(Millis(50)));
    assert!(world.ask().is_ok());
    let gap = world.sendings[1].at - world.sendings[0].at;
    assert!((1_000..1_200).contains(&gap), "{gap}");
    world.check();
}

#[test]
fn every_answer_that_says_nothing_is_of_unknown_fate() {
    let garbage = Reply::text(200, "<html>Sign in to the network</html>");
    let empty = Reply::json(200, "{}");
    for reply in [Reply::text(502, ""), Reply::text(504, ""), garbage, empty] {
        let mut world = expired(59);
        world.faults.push_back(Fault::Answer(reply));
        let flow = world.get_token();
        let (names, end) = actions(&mut world, flow);
        assert!(end.is_ok());
        let run = [
            "load",
            "lock",
            "load",
            "note",
            "post form",
            "note",
            "wait",
            "load",
            "note",
            "post form",
            "save",
            "unlock",
        ];
        assert_eq!(names, run);
        world.check();
    }
}

#[test]
fn a_lost_answer_costs_nothing_on_a_server_with_a_grace_window() {
    let mut world = expired(60);
    world.server.grace = Millis::seconds(10);
    world.faults.push_back(lost());
    assert!(world.ask().is_ok());
    assert_eq!((world.sendings.len(), world.server.reuses), (2, 0));
    world.expire();
    assert!(world.ask().is_ok());
    world.check();
}

#[test]
fn a_lost_answer_on_a_server_without_a_grace_window_ends_in_exactly_those_words() {
    let mut world = expired(61);
    world.faults.push_back(lost());
    let end = world.ask();
    let failure = end.expect_failure();
    assert_eq!((failure.kind, &failure.next), (FailureKind::Refused, &NextStep::LogIn));
    assert!(failure.detail.contains("which no client can prevent"), "{}", failure.detail);
    world.check();
}

#[test]
fn the_intent_of_a_dead_process_is_sent_again_by_whoever_holds_the_lease() {
    let mut world = expired(62);
    world.server.grace = Millis::seconds(10);
    let flow = world.get_token();
    world.run_and_die(flow, 4, Dies::BetweenServerAndAnswer);
    assert!(world.ask().is_ok());
    assert_eq!(world.sendings.len(), 2);
    assert!(world.sendings[1].at - world.sendings[0].at >= 1_000);
    world.check();
}

// The wait.

#[test]
fn a_late_arrival_is_waited_for_before_the_next_rotation() {
    let mut world = expired(63);
    world.server.grace = Millis::seconds(60);
    world.faults.push_back(Fault::Late(Millis::seconds(29)));
    world.faults.push_back(Fault::None);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "post form", 2);
    assert!(world.finish(process).is_ok());
    let sent = world.sendings[0].at;
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    let end = world.run(flow);
    assert_eq!(end.expect_failure().kind, FailureKind::CoolDown);
    let free_at = world.clock.elapsed() + wait_of(&world, end.expect_failure()).0;
    assert!((sent + LANDING.0..sent + LANDING.0 + 1_000).contains(&free_at), "{sent} {free_at}");
    world.pass(wait_of(&world, end.expect_failure()));
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(world.run(flow).is_ok());
    assert_eq!(world.server.reuses, 0);
    world.check();
}

#[test]
fn a_request_that_lands_while_the_next_rotation_waits_revokes_nothing() {
    let mut world = expired(64);
    world.server.grace = Millis::seconds(60);
    let flow = world.get_token();
    // Its request lands 300 ms later; the successor needs a second before it may send the token again.
    world.run_and_die(flow, 4, Dies::WithTheRequestOnItsWay);
    assert!(world.ask().is_ok());
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    assert!(!world.run(flow).is_ok());
    assert_eq!(world.server.reuses, 0);
    world.check();
}

#[test]
fn an_ordinary_refresh_leaves_nothing_to_wait_for() {
    let mut world = expired(65);
    for _ in 0..5 {
        assert!(world.ask().is_ok());
        let wish = world.rejecting_what_is_stored();
        world.pass(Millis::seconds(11));
        let flow = world.get_token_for(wish);
        assert!(world.run(flow).is_ok());
        world.expire();
    }
    assert_eq!(world.sendings.len(), 10);
    world.check();
}

#[test]
fn what_may_land_is_carried_through_every_note() {
    let mut world = expired(66);
    world.server.grace = Millis::seconds(60);
    let flow = world.get_token();
    world.run_and_die(flow, 4, Dies::BetweenServerAndAnswer);
    world.pass(Millis::seconds(5));
    world.faults.push_back(Fault::Answer(Reply::error(429, "slow_down").with_header("retry-after", "1")));
    assert_eq!(world.ask().expect_failure().kind, FailureKind::CoolDown);
    world.pass(Millis::seconds(2));
    assert!(world.ask().is_ok());
    let wish = world.rejecting_what_is_stored();
    let flow = world.get_token_for(wish);
    let end = world.run(flow);
    let span = wait_of(&world, end.expect_failure());
    assert!(span.0 > 25_000 && span.0 < 35_000, "{span:?}");
    world.check();
}

// Ends.

#[test]
fn a_lease_is_always_given_back() {
    let faults = [
        Fault::Answer(Reply::error(400, "invalid_grant")),
        Fault::Answer(Reply::error(401, "invalid_client")),
        Fault::Answer(Reply::error(429, "slow_down")),
        Fault::Answer(Reply::text(503, "")),
        Fault::RequestLost(DEADLINE),
        Fault::NotSent,
        Fault::None,
    ];
    for fault in faults {
        for subject in ["person-1", "person-2"] {
            let mut world = expired(67);
            world.server.subject = subject.to_owned();
            world.faults.extend([fault.clone(), fault.clone(), fault.clone()]);
            world.ask();
            assert!(!world.store.is_leased(), "{fault:?}");
            world.check();
        }
    }
}

#[test]
fn the_same_world_twice_is_the_same_run_twice() {
    let run = || {
        let mut world = expired(68);
        world.faults.extend([lost(), Fault::NotSent, Fault::Late(Millis::seconds(3))]);
        world.ask();
        world.expire();
        world.ask();
        world.trace
    };
    assert_eq!(run(), run());
}

#[test]
fn the_record_of_another_login_id_is_never_renewed_over() {
    let mut world = expired(69);
    let flow = world.get_token();
    let process = stop_before(&mut world, flow, "save", 1);
    edit(&mut world, |record| record.login_id = LoginId("another".to_owned()));
    world.finish(process);
    assert_eq!(stored(&world).login_id, LoginId("another".to_owned()));
    assert_eq!(Server::grant_of(stored(&world).refresh_token.as_ref().unwrap().expose()).unwrap().index, 0);
}

#[test]
fn a_wait_names_the_credential_and_nothing_else() {
    let mut world = World::logged_in(70);
    let flow = world.get_token();
    let process = world.start(flow);
    let Some(Action::Load(Load { key })) = world.wants(process) else { panic!() };
    assert_eq!(key, *world.config().key());
}
