//! Logins, branch by branch, in the virtual world.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, whatever fails ends it")]

use tokenway_core::action::{Action, AwaitCallback};
use tokenway_core::error::{FailureKind, FlowStep, NextStep};
use tokenway_core::event::{Callback, CallbackSource, Outcome};
use tokenway_core::flow::{LoggedIn, Login};
use tokenway_core::lifecycle::record::{LoginId, Record};
use tokenway_core::moment::Millis;
use tokenway_core::provider::{ClaimPlace, IdentityClaim, Provider, TokenName};
use tokenway_core::secret::Secret;
use tokenway_core::session::Session;
use tokenway_tests::world::faults::{Fault, Reply};
use tokenway_tests::world::flow::{End, Flow};
use tokenway_tests::world::server::ISSUER;
use tokenway_tests::world::{Dies, Redirect, World};

const INSERTED: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// A world in which only the issuer is known.
fn by_issuer(seed: u64, issuer: &str) -> World {
    let mut provider = Provider::generic(issuer);
    provider.client_id = Some("native".to_owned());
    World::with(seed, |_| tokenway_core::config::Config::builder(provider))
}

fn metadata(issuer: &str, more: &str) -> Reply {
    let endpoints = format!(
        r#""authorization_endpoint":"{ISSUER}/authorize","token_endpoint":"{ISSUER}/token","revocation_endpoint":"{ISSUER}/revoke""#
    );
    Reply::json(200, &format!(r#"{{"issuer":"{issuer}",{endpoints}{more}}}"#))
}

fn log_in(world: &mut World) -> End {
    let flow = world.login();
    world.run(flow)
}

fn logged_in(end: End) -> LoggedIn {
    match end {
        End::Login(Ok(logged_in)) => logged_in,
        End::GetToken(_) | End::Login(Err(_)) | End::Logout(_) => panic!("{end:?}"),
    }
}

/// Every action's name, and the end.
fn names(world: &mut World) -> (Vec<&'static str>, End) {
    let flow = world.login();
    let process = world.start(flow);
    let mut names = Vec::new();
    loop {
        names.extend(world.wants(process).as_ref().map(Action::name));
        if let Some(end) = world.step(process) {
            return (names, end);
        }
    }
}

fn stop_before(world: &mut World, name: &str) -> usize {
    let flow = world.login();
    let process = world.start(flow);
    while world.wants(process).is_none_or(|action| action.name() != name) {
        assert!(world.step(process).is_none());
    }
    process
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.into())
}

/// A redirect with this query, in which STATE stands for the right one.
fn redirect(source: CallbackSource, query: &str) -> Redirect {
    let query = query.to_owned();
    Box::new(move |wait: &AwaitCallback| {
        let state = parameter(&wait.url, "state").unwrap();
        let query = query.replace("STATE", &state);
        let (target, method) = match source {
            CallbackSource::Listening => (format!("/callback?{query}"), "GET"),
            CallbackSource::OneShot | CallbackSource::Pasted => (format!("{}?{query}", wait.redirect_uri), "URL"),
        };
        let headers = vec![("host".to_owned(), "127.0.0.1:49152".to_owned())];
        let target = Secret::new(target);
        Outcome::Callback(Callback { source, method: method.to_owned(), target, headers, body: Secret::default() })
    })
}

fn listening(query: &str) -> Redirect {
    redirect(CallbackSource::Listening, query)
}

fn posts(world: &World) -> usize {
    world.trace.iter().filter(|line| line.contains("post to /token")).count()
}

// Discovery.

#[test]
fn a_whole_login_is_eight_actions() {
    let mut world = by_issuer(1, ISSUER);
    let scopes = r#","scopes_supported":["openid","offline_access"]"#;
    world.server.metadata.insert(INSERTED.to_owned(), metadata(ISSUER, scopes));
    let (names, end) = names(&mut world);
    assert_eq!(names, ["fetch", "listen", "open URL", "await callback", "begin", "post form", "save"]);
    let logged_in = logged_in(end);
    assert_eq!(world.store.record(), Some(logged_in.record.as_ref()));
    assert_eq!(logged_in.record.issuer.as_deref(), Some(ISSUER));
    assert_eq!(logged_in.replaced, None);
    world.check();
}

#[test]
fn metadata_is_looked_for_in_three_places_in_order() {
    let issuer = format!("{ISSUER}/tenant");
    let places = [format!("{INSERTED}/tenant"), format!("{OPENID}/tenant"), format!("/tenant{OPENID}")];
    for (at, place) in places.iter().enumerate() {
        let mut world = by_issuer(2, &issuer);
        world.server.metadata.insert(place.clone(), metadata(&issuer, ""));
        for later in &places[at + 1..] {
            world.server.metadata.insert(later.clone(), Reply::text(500, "must not be asked"));
        }
        let (names, end) = names(&mut world);
        assert_eq!(names.iter().filter(|name| **name == "fetch").count(), at + 1, "{place}");
        assert!(end.is_ok() || end.expect_failure().step == FlowStep::CodeExchange, "{end:?}");
    }
}

#[test]
fn without_metadata_the_issuer_is_said_to_be_wrong() {
    let mut world = by_issuer(3, ISSUER);
    let end = log_in(&mut world);
    assert!(matches!(end.expect_failure().next, NextStep::FixConfiguration { .. }));
    assert_eq!(end.expect_failure().step, FlowStep::Discovery);
}

#[test]
fn the_metadata_of_another_issuer_is_refused_to_the_letter() {
    for other in
        [format!("{ISSUER}/"), "https://AS.example".to_owned(), "https://evil.example".to_owned(), String::new()]
    {
        let mut world = by_issuer(4, ISSUER);
        world.server.metadata.insert(INSERTED.to_owned(), metadata(&other, ""));
        world.server.metadata.insert(OPENID.to_owned(), metadata(ISSUER, ""));
        let end = log_in(&mut world);
        assert_eq!(end.expect_failure().kind, FailureKind::Misbehaved, "{other}");
    }
}

#[test]
fn a_server_in_trouble_and_a_redirect_do_not_choose_the_document() {
    for reply in [Reply::text(500, ""), Reply::text(503, ""), Reply::text(429, ""), Reply::text(302, "")] {
        let mut world = by_issuer(5, ISSUER);
        world.server.metadata.insert(INSERTED.to_owned(), reply);
        world.server.metadata.insert(OPENID.to_owned(), metadata(ISSUER, ""));
        assert!(matches!(log_in(&mut world).expect_failure().next, NextStep::RetryAt { .. }));
    }
}

#[test]
fn a_server_without_s256_or_with_an_insecure_endpoint_is_refused() {
    let plain = r#","code_challenge_methods_supported":["plain"]"#;
    let insecure = Reply::json(
        200,
        &format!(
            r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"http://as.example/token"}}"#
        ),
    );
    for reply in [metadata(ISSUER, plain), insecure] {
        let mut world = by_issuer(6, ISSUER);
        world.server.metadata.insert(INSERTED.to_owned(), reply);
        assert_eq!(log_in(&mut world).expect_failure().kind, FailureKind::Misbehaved);
    }
}

// The redirect.

#[test]
fn forged_callbacks_are_ignored_and_then_the_right_one_counts() {
    let mut world = World::new(7);
    let forged = [
        "",
        "code=x",
        "code=x&state=",
        "code=x&state=wrong",
        "error=access_denied",
        "error=access_denied&state=wrong",
        "state=STATE&state=STATE&code=x",
    ];
    world.redirects.extend(forged.map(listening));
    let flow = world.login();
    let process = world.start(flow);
    let mut waits = 0;
    let end = loop {
        waits += usize::from(world.wants(process).is_some_and(|action| action.name() == "await callback"));
        if let Some(end) = world.step(process) {
            break end;
        }
    };
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(waits, forged.len() + 1);
    assert_eq!(posts(&world), 1);
    world.check();
}

#[test]
fn a_one_shot_window_that_brings_another_state_ends_the_login() {
    let mut world = World::new(8);
    world.redirects.push_back(redirect(CallbackSource::OneShot, "code=x&state=wrong"));
    assert!(!log_in(&mut world).is_ok());
    assert_eq!(posts(&world), 0);
}

#[test]
fn a_person_who_declines_is_told_so() {
    let mut world = World::new(9);
    world.redirects.push_back(listening("error=access_denied&state=STATE"));
    let end = log_in(&mut world);
    assert_eq!(end.expect_failure().code.as_deref(), Some("access_denied"));
    assert!(matches!(end.expect_failure().next, NextStep::AskUser { .. }));
    assert_eq!(posts(&world), 0);
}

#[test]
fn a_person_who_does_not_come_back_ends_the_login() {
    let mut world = World::new(10);
    world.redirects.push_back(Box::new(|_| Outcome::TimedOut));
    let end = log_in(&mut world);
    assert_eq!((end.expect_failure().kind, &end.expect_failure().next), (FailureKind::TimedOut, &NextStep::LogIn));
}

#[test]
fn the_wait_ends_ten_minutes_after_the_start() {
    let mut world = World::new(11);
    let started = world.clock.now();
    let process = stop_before(&mut world, "await callback");
    let Some(Action::AwaitCallback(wait)) = world.wants(process) else { panic!() };
    assert_eq!(wait.deadline, started.plus(Millis::seconds(600)));
}

#[test]
fn the_issuer_of_a_redirect_must_be_the_one_that_was_asked() {
    for (iss, promised, works) in [
        (Some(ISSUER), true, true),
        (Some(ISSUER), false, true),
        (None, false, true),
        (None, true, false),
        (Some("https://evil.example"), true, false),
        (Some("https://evil.example"), false, false),
    ] {
        let mut world = by_issuer(12, ISSUER);
        let more = format!(r#","authorization_response_iss_parameter_supported":{promised}"#);
        world.server.metadata.insert(INSERTED.to_owned(), metadata(ISSUER, &more));
        world.server.iss = iss.map(str::to_owned);
        let end = log_in(&mut world);
        assert_eq!(end.is_ok(), works, "{iss:?}, promised: {promised}: {end:?}");
        assert_eq!(posts(&world), usize::from(works));
    }
}

#[test]
fn an_error_without_the_promised_issuer_ends_the_login_without_the_servers_words() {
    let mut world = by_issuer(13, ISSUER);
    let more = r#","authorization_response_iss_parameter_supported":true"#;
    world.server.metadata.insert(INSERTED.to_owned(), metadata(ISSUER, more));
    world.redirects.push_back(listening("error=server_error&error_description=Call+555-0100&state=STATE"));
    let end = log_in(&mut world);
    assert!(!end.expect_failure().detail.contains("555"), "{}", end.expect_failure());
}

#[test]
fn a_pasted_code_is_taken_from_the_terminal_unless_the_server_promises_its_issuer() {
    for promised in [false, true] {
        let mut world = by_issuer(14, ISSUER);
        let more = format!(r#","authorization_response_iss_parameter_supported":{promised}"#);
        world.server.metadata.insert(INSERTED.to_owned(), metadata(ISSUER, &more));
        world.redirects.push_back(Box::new(|_| {
            let target = Secret::new("virtual-code-0");
            let (source, method) = (CallbackSource::Pasted, "URL".to_owned());
            Outcome::Callback(Callback { source, method, target, headers: Vec::new(), body: Secret::default() })
        }));
        world.redirects.push_back(Box::new(|_| Outcome::TimedOut));
        let end = log_in(&mut world);
        // The server never heard of this code: it is the posting that counts.
        assert_eq!(posts(&world), usize::from(!promised), "{end:?}");
    }
}

// The exchange.

#[test]
fn verifier_state_and_nonce_are_fresh_and_their_own_for_every_login() {
    let mut seen = Vec::new();
    for seed in 0..20 {
        let mut world = World::new(100 + seed);
        let process = stop_before(&mut world, "await callback");
        let Some(Action::AwaitCallback(wait)) = world.wants(process) else { panic!() };
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(&wait.url, name).unwrap();
            assert_eq!(value.len(), 43, "{name}");
            seen.push(value);
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 60);
}

#[test]
fn an_exchange_that_never_left_is_tried_again() {
    let mut world = World::new(15);
    world.faults.extend([Fault::NotSent, Fault::NotSent]);
    assert!(log_in(&mut world).is_ok());
    world.check();
    let mut world = World::new(16);
    world.faults.extend([Fault::NotSent, Fault::NotSent, Fault::NotSent, Fault::NotSent]);
    let end = log_in(&mut world);
    assert_eq!((end.expect_failure().kind, &end.expect_failure().next), (FailureKind::Unreachable, &NextStep::LogIn));
}

#[test]
fn a_code_whose_answer_was_lost_is_never_sent_again() {
    for fault in [Fault::AnswerLost(Millis(50)), Fault::RequestLost(Millis(50)), Fault::Answer(Reply::text(502, ""))] {
        let mut world = World::new(17);
        world.faults.push_back(fault);
        let end = log_in(&mut world);
        assert!(!end.is_ok());
        assert_eq!(posts(&world), 1);
        world.check();
        world.log_in();
    }
}

#[test]
fn a_login_whose_answer_was_lost_says_log_in_again() {
    let mut world = World::new(18);
    world.faults.push_back(Fault::AnswerLost(Millis(50)));
    let end = log_in(&mut world);
    assert_eq!(
        (end.expect_failure().kind, &end.expect_failure().next),
        (FailureKind::OutcomeUnknown, &NextStep::LogIn)
    );
}

#[test]
fn somebody_who_has_begun_before_has_the_code() {
    let mut world = World::new(19);
    let process = stop_before(&mut world, "begin");
    let twin = world.twin(process);
    assert!(world.finish(process).is_ok());
    let end = world.finish(twin);
    assert_eq!(end.expect_failure().kind, FailureKind::Interrupted);
    assert_eq!(posts(&world), 1);
    world.check();
}

#[test]
fn an_id_token_that_speaks_of_another_login_is_refused() {
    let wrong: [fn(&mut serde_json::Value); 6] = [
        |claims| claims["nonce"] = "another".into(),
        |claims| _ = claims.as_object_mut().unwrap().remove("nonce"),
        |claims| claims["iss"] = "https://evil.example".into(),
        |claims| claims["aud"] = "another".into(),
        |claims| claims["exp"] = 1.into(),
        |claims| _ = claims.as_object_mut().unwrap().remove("exp"),
    ];
    for change in wrong {
        let mut world = World::new(20);
        world.server.id_token = Some(change);
        let end = log_in(&mut world);
        assert_eq!(end.expect_failure().kind, FailureKind::Misbehaved);
        assert!(world.store.record().is_none());
    }
}

#[test]
fn an_id_token_that_cannot_be_read_loses_no_tokens() {
    let mut world = World::new(21);
    let body = r#"{"access_token":"virtual-access-token-0","refresh_token":"virtual-refresh-token-0-0","id_token":"a.b.c","token_type":"Bearer"}"#;
    world.faults.push_back(Fault::ActedAndAnswer(Reply::json(200, body)));
    assert!(log_in(&mut world).is_ok());
}

// The save.

#[test]
fn a_save_that_fails_hands_the_tokens_back_once() {
    let mut world = World::new(22);
    world.store.failing_saves = 1;
    let End::Login(Err(mut failure)) = log_in(&mut world) else { panic!() };
    assert_eq!(failure.kind, FailureKind::Store);
    let record = failure.take_unsaved().unwrap();
    assert!(record.refresh_token.is_some());
    assert!(failure.take_unsaved().is_none());
    assert!(!format!("{failure:?}{failure}").contains("virtual-"));
    assert!(world.server.is_alive(0));
}

#[test]
fn the_last_login_to_finish_wins_and_says_whom_it_replaced() {
    let mut world = World::new(23);
    let slow = stop_before(&mut world, "save");
    world.server.subject = "person-2".to_owned();
    world.log_in();
    let logged_in = logged_in(world.finish(slow));
    let replaced = logged_in.replaced.unwrap();
    assert_eq!(replaced.claims.get("sub").map(String::as_str), Some("person-2"));
    assert_eq!(world.store.record(), Some(logged_in.record.as_ref()));
    assert!(world.ask().is_ok());
}

#[test]
fn a_second_login_has_another_id() {
    let mut world = World::logged_in(24);
    let first = world.store.record().unwrap().login_id.clone();
    world.log_in();
    assert!(world.store.record().unwrap().login_id != first);
    world.check();
}

#[test]
fn a_login_conflicts_with_writers_for_a_while_and_then_gives_the_tokens_back() {
    let mut world = World::logged_in(25);
    let process = stop_before(&mut world, "save");
    let ended = (0u64..100).find_map(|at| {
        let login_id = LoginId(format!("another-{at}"));
        let record = Record { login_id, ..world.store.record().unwrap().clone() };
        world.store.put(Some(record));
        world.step(process)
    });
    let Some(End::Login(Err(mut failure))) = ended else { panic!() };
    assert!(failure.take_unsaved().is_some());
}

// Outliving its process.

#[test]
fn a_resumed_login_listens_where_the_server_will_redirect_to_or_ends() {
    for taken in [false, true] {
        let mut world = World::new(26);
        let flow = world.login();
        let (dead, _) = world.run_and_die(flow, 2, Dies::Before);
        world.ports_taken = taken;
        let resumed = world.resume(dead).unwrap();
        let Some(Action::Listen(listen)) = world.wants(resumed) else { panic!() };
        assert_eq!(listen.candidates, ["http://127.0.0.1:49152/callback"]);
        let end = world.finish(resumed);
        assert_eq!(end.is_ok(), !taken);
        if taken {
            assert_eq!(end.expect_failure().kind, FailureKind::Interrupted);
        }
        world.check();
    }
}

#[test]
fn a_redirect_that_came_in_before_the_process_died_is_used() {
    let mut world = World::new(27);
    let flow = world.login();
    let (dead, _) = world.run_and_die(flow, 2, Dies::After);
    world.redirects.push_back(Box::new(|_| Outcome::TimedOut));
    let resumed = world.resume(dead).unwrap();
    assert!(world.finish(resumed).is_ok());
    world.check();
}

#[test]
fn a_snapshot_holds_no_client_secret_and_never_a_token() {
    let mut world = World::with(28, |builder| builder.client_secret(Secret::new("the client's secret")));
    let flow = world.login();
    let process = world.start(flow);
    loop {
        let snapshot = world.snapshot_of(process).unwrap();
        let text = String::from_utf8(snapshot.as_bytes().to_vec()).unwrap();
        assert!(!text.contains("the client's secret") && !text.contains("token-0"), "{text}");
        let is_begun = text.contains("begun");
        assert!(!is_begun || !(text.contains("verifier") || text.contains("virtual-code")), "{text}");
        if world.step(process).is_some() {
            assert!(is_begun);
            return;
        }
    }
}

#[test]
fn a_snapshot_of_another_credential_or_version_is_not_resumed() {
    let mut world = World::new(29);
    let Flow::Login(login) = world.login() else { panic!() };
    let snapshot = login.checkpoint().unwrap();
    let other = World::with(30, |builder| builder.account("work"));
    let moment = world.moment();
    assert!(Session::<Login>::resume(snapshot.as_bytes(), other.config(), moment).is_err());
    let text = String::from_utf8(snapshot.as_bytes().to_vec()).unwrap();
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert!(newer != text);
    for bytes in [newer.as_bytes(), b"", b"{}", b"null", &snapshot.as_bytes()[..20]] {
        assert!(Session::<Login>::resume(bytes, world.config(), moment).is_err());
    }
}

#[test]
fn the_same_inputs_are_the_same_bytes_twice() {
    let run = |seed| {
        let mut world = World::new(seed);
        let flow = world.login();
        let process = world.start(flow);
        let mut bytes = Vec::new();
        loop {
            bytes.extend(serde_json::to_vec(&world.wants(process)).unwrap());
            bytes.extend_from_slice(world.snapshot_of(process).unwrap().as_bytes());
            if world.step(process).is_some() {
                return bytes;
            }
        }
    };
    assert_eq!(run(31), run(31));
    assert!(run(31) != run(32));
}

#[test]
fn a_login_whose_tokens_lack_what_the_provider_needs_is_none() {
    let mut provider = World::new(0).config().provider().clone();
    let places = vec![ClaimPlace { token: TokenName::IdToken, path: vec!["account".to_owned()] }];
    provider.identity = vec![IdentityClaim { name: "account".to_owned(), places, required: true, fixed: true }];
    let mut world = World::with(901, |_| tokenway_core::config::Config::builder(provider));
    let end = log_in(&mut world);
    let failure = end.expect_failure();
    assert_eq!((failure.kind, failure.step), (FailureKind::Misbehaved, FlowStep::CodeExchange));
    assert!(failure.detail.contains("the tokens do not say the account"), "{}", failure.detail);
    assert!(world.store.record().is_none());
    world.server.id_token = Some(|claims| claims["account"] = "a-1".into());
    assert!(log_in(&mut world).is_ok());
}
