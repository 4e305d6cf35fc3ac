//! Rows 67 to 79: a valid token, again and again.

use serde_json::json;
use tokenway_core::config::Config;
use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::{GetToken, TokenNote, Wish};
use tokenway_core::moment::Millis;
use tokenway_core::provider::{Endpoints, Provider};
use tokenway_core::session::Step;
use tokenway_tests::hand::{self, Hand};

use crate::{access_token, codex, codex_provider, expired, generous, logged_in, stored, text};

fn rejecting(hand: &Hand) -> Wish {
    Wish { rejected: Some(stored(hand).access_token.hash()), ..Wish::default() }
}

#[test]
fn row_67_a_token_comes_with_the_account() {
    let mut hand = logged_in();
    let token = hand.token(&codex(), Wish::default()).unwrap();
    assert!(!token.record.access_token.is_empty());
    assert_eq!(token.record.claims["account_id"], "acc-1");
}

#[test]
fn row_68_who_comes_second_takes_what_the_first_brought() {
    let mut hand = expired();
    let wish = rejecting(&hand);
    let first = hand.token(&codex(), wish.clone()).unwrap();
    let second = hand.token(&codex(), wish).unwrap();
    assert_eq!(first.record, second.record);
    assert_eq!(hand.requests().len(), 1);
}

#[test]
fn row_69_a_login_or_logout_by_another_process_is_noticed() {
    let mut hand = logged_in();
    let before = stored(&hand).access_token.clone();
    hand.login(&codex()).unwrap();
    assert_ne!(hand.token(&codex(), Wish::default()).unwrap().record.access_token, before);
    hand.logout(&codex()).unwrap();
    assert_eq!(hand.token(&codex(), Wish::default()).unwrap_err().kind, FailureKind::NoCredential);
}

#[test]
fn row_70_a_fresh_token_is_used_without_network_and_without_a_lock() {
    let mut hand = logged_in();
    hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(hand.names(), ["load"]);
}

#[test]
fn row_71_and_77_a_dead_token_is_renewed_under_a_lock_read_again_and_saved_before_it_is_given_out() {
    let mut hand = expired();
    let token = hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(hand.names(), ["load", "lock", "load", "note", "post form", "save", "unlock"]);
    assert_eq!(stored(&hand), &*token.record);
}

#[test]
fn row_72_without_a_login_the_person_is_told_to_log_in() {
    let failure = Hand::new(generous()).token(&codex(), Wish::default()).unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::NoCredential, &NextStep::LogIn));
    assert_eq!(failure.to_string(), "reading the login: nobody is logged in");
    assert_eq!(failure.advice(), "Log in again.");
}

#[test]
fn row_73_a_rejected_token_is_not_given_out_again() {
    let mut hand = logged_in();
    let rejected = stored(&hand).access_token.clone();
    let token = hand.token(&codex(), rejecting(&hand)).unwrap();
    assert_ne!(token.record.access_token, rejected);
    assert_eq!(hand.requests().len(), 1);
}

#[test]
fn row_73_a_rejected_token_that_was_replaced_meanwhile_costs_no_request() {
    let mut hand = logged_in();
    let wish = rejecting(&hand);
    hand.login(&codex()).unwrap();
    hand.log.clear();
    hand.token(&codex(), wish).unwrap();
    assert_eq!(hand.names(), ["load"]);
}

#[test]
fn row_74_a_refusal_is_remembered_until_somebody_logs_in_again() {
    let mut hand = expired();
    hand.serve(|_| hand::answer(400, r#"{"error":"refresh_token_reused"}"#));
    for _ in 0..3 {
        let failure = hand.token(&codex(), Wish::default()).unwrap_err();
        assert_eq!((failure.kind, &failure.next), (FailureKind::Refused, &NextStep::LogIn));
    }
    assert_eq!(hand.requests().len(), 1, "the server is asked once");
    hand.serve(generous());
    hand.login(&codex()).unwrap();
    hand.pass(Millis::seconds(7_200));
    hand.token(&codex(), Wish::default()).unwrap();
}

#[test]
fn row_74_trouble_is_backed_off_and_then_tried_again() {
    let mut hand = expired();
    hand.serve(|_| hand::answer(429, ""));
    for _ in 0..3 {
        let failure = hand.token(&codex(), Wish::default()).unwrap_err();
        assert!(matches!(failure.next, NextStep::RetryAt { at } if at > hand.now), "{failure:?}");
    }
    assert_eq!(hand.requests().len(), 1, "the server is left alone");
    hand.serve(generous());
    hand.pass(Millis::seconds(60));
    hand.token(&codex(), Wish::default()).unwrap();
}

#[test]
fn row_75_a_refresh_that_was_cut_off_is_found_again_by_the_next_run() {
    let mut hand = expired();
    let mut session = GetToken::start(&codex(), Wish::default(), hand.moment());
    while !matches!(session.poll(), Step::Act { action, .. } if action.name() == "post form") {
        hand.step(&mut session);
    }
    drop(session);
    assert_eq!(hand.requests().len(), 0);
    hand.log.clear();
    hand.token(&codex(), Wish::default()).unwrap();
    assert!(hand.names().contains(&"wait"), "a second after the first sending: {:?}", hand.names());
    assert!(hand::form(&hand.requests()[0]).contains(&("refresh_token".to_owned(), "refresh-token-1".to_owned())));
}

#[test]
fn row_76_tokens_that_cannot_be_saved_are_kept_and_saved_later() {
    let mut hand = expired();
    hand.failing_saves = 3;
    let mut session = GetToken::start(&codex(), Wish::default(), hand.moment());
    while hand.failing_saves > 0 {
        hand.step(&mut session);
    }
    let unsaved = session.unsaved().expect("the owner of the request has them");
    assert!(matches!(unsaved.notes.as_slice(), [TokenNote::NotSaved(_)]));
    let token = hand.run(session).unwrap();
    assert_eq!(unsaved.record.access_token, token.record.access_token);
    assert_eq!(stored(&hand), &*token.record);
    assert_eq!(hand.requests().len(), 1);
}

#[test]
fn row_77_an_answer_that_was_lost_is_asked_for_once_more_a_second_later() {
    let mut hand = expired();
    let mut asked = 0;
    let mut server = generous();
    hand.serve(move |request| {
        asked += 1;
        if asked == 1 { hand::failed(Sent::MaybeSent, IoFailureKind::Deadline, "no answer") } else { server(request) }
    });
    hand.token(&codex(), Wish::default()).unwrap();
    let sent: Vec<String> = hand.requests().iter().map(|request| hand::form(request)[1].1.clone()).collect();
    assert_eq!(sent, ["refresh-token-1", "refresh-token-1"]);
}

#[test]
fn row_78_the_account_may_not_change_on_a_refresh() {
    let mut hand = expired();
    let before = hand.record.clone();
    hand.serve(|request| match request.url.as_str() {
        "https://auth.openai.com/oauth/token" => {
            let answer = json!({
                "access_token": access_token("somebody-else"), "refresh_token": "theirs",
                "expires_in": 60, "token_type": "Bearer",
            });
            hand::json(200, &answer)
        }
        _ => hand::answer(200, ""),
    });
    let failure = hand.token(&codex(), Wish::default()).unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::AccountChanged, &NextStep::LogIn));
    assert!(failure.detail.contains("account_id"), "{failure}");
    assert_eq!(hand.record, before, "nothing is saved");
    let revoked: Vec<_> = hand.requests().iter().map(hand::json_body).filter(|body| !body.is_null()).collect();
    assert_eq!(revoked[0]["token"], "theirs");
}

#[test]
fn row_78_an_answer_that_does_not_name_the_account_changes_nothing() {
    let mut hand = expired();
    hand.serve(|_| hand::json(200, &json!({ "access_token": "opaque", "expires_in": 60, "token_type": "Bearer" })));
    let token = hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(token.record.claims["account_id"], "acc-1");
}

#[test]
fn row_79_every_endpoint_can_be_replaced() {
    let at = |path: &str| format!("http://127.0.0.1:9400{path}");
    let endpoints = Endpoints {
        authorization: at("/authorize"),
        token: at("/token"),
        revocation: Some(at("/revoke")),
        iss_in_response: false,
    };
    let config = Config::builder(Provider { endpoints: Some(endpoints), ..codex_provider() }).build().unwrap();
    let mut hand = Hand::new(generous());
    hand.login(&config).unwrap();
    hand.pass(Millis::seconds(7_200));
    hand.token(&config, Wish::default()).unwrap();
    hand.logout(&config).unwrap();
    let urls: Vec<String> = hand.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls, [at("/token"), at("/token"), at("/revoke"), at("/revoke")]);
    assert_eq!(text(&codex_provider().id.into()), "codex", "the key stays");
}
