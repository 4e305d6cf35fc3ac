//! Rows 10 to 16: one refresh.

use serde_json::json;
use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::http::{IoFailureKind, Method, Sent};
use tokenway_core::lifecycle::Wish;
use tokenway_core::moment::Millis;
use tokenway_tests::hand::{self, Hand};

use crate::{access_token, codex, expired, stored, text};

#[test]
fn row_10_without_a_refresh_token_the_person_is_told_to_log_in_again() {
    let mut hand = Hand::new(|_| {
        hand::json(200, &json!({ "access_token": access_token("a"), "expires_in": 60, "token_type": "Bearer" }))
    });
    hand.login(&codex()).unwrap();
    hand.pass(Millis::seconds(60));
    let failure = hand.token(&codex(), Wish::default()).unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::NoCredential, &NextStep::LogIn));
    assert!(failure.to_string().contains("Re-run OAuth login"), "{failure}");
}

#[test]
fn row_11_a_refresh_is_a_form_of_a_public_client() {
    let mut hand = expired();
    hand.token(&codex(), Wish::default()).unwrap();
    let requests = hand.requests();
    let [request] = requests.as_slice() else { panic!("one request") };
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://auth.openai.com/oauth/token"));
    let mut pairs = hand::form(request);
    pairs.sort();
    let expected = [
        ("client_id", "app_EMoamEEZ73f0CkXaXp7hrann"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh-token-1"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(hand::header(request, "accept"), Some("application/json"));
    assert_eq!(hand::header(request, "authorization"), None);
}

#[test]
fn row_12_an_answer_without_a_refresh_token_keeps_the_old_one() {
    let mut hand = expired();
    hand.serve(|_| {
        hand::json(200, &json!({ "access_token": access_token("acc-1"), "expires_in": 60, "token_type": "Bearer" }))
    });
    hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(stored(&hand).refresh_token.as_ref().map(text), Some("refresh-token-1"));
}

#[test]
fn row_13_an_answer_with_a_refresh_token_replaces_the_old_one() {
    let mut hand = expired();
    hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(stored(&hand).refresh_token.as_ref().map(text), Some("refresh-token-2"));
}

#[test]
fn row_14_a_failure_leaves_the_stored_login_as_it_is() {
    for (status, body) in
        [(400, r#"{"error":"invalid_grant"}"#), (401, "{}"), (403, ""), (429, ""), (500, ""), (503, "x")]
    {
        let mut hand = expired();
        let before = hand.record.clone();
        hand.serve(move |_| hand::answer(status, body));
        assert!(hand.token(&codex(), Wish::default()).is_err(), "{status}");
        assert_eq!(hand.record, before, "{status}");
    }
}

#[test]
fn row_14_a_refusal_is_told_apart_from_trouble() {
    let failure = |status, body: &'static str| {
        let mut hand = expired();
        hand.serve(move |_| hand::answer(status, body));
        hand.token(&codex(), Wish::default()).unwrap_err()
    };
    let refused = failure(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!((refused.kind, &refused.next), (FailureKind::Refused, &NextStep::LogIn));
    for trouble in [failure(500, ""), failure(503, ""), failure(429, "")] {
        assert!(matches!(trouble.kind, FailureKind::ServerTrouble | FailureKind::CoolDown), "{trouble:?}");
        assert!(matches!(trouble.next, NextStep::RetryAt { .. }), "{trouble:?}");
    }
    let mut hand = expired();
    hand.serve(|_| hand::failed(Sent::NotSent, IoFailureKind::Unreachable, "no route"));
    assert_eq!(hand.token(&codex(), Wish::default()).unwrap_err().kind, FailureKind::Unreachable);
}

#[test]
fn row_15_a_redirect_is_reported_and_never_followed() {
    let mut hand = expired();
    hand.serve(|_| hand::answer(307, ""));
    let failure = hand.token(&codex(), Wish::default()).unwrap_err();
    assert_eq!((failure.kind, failure.status), (FailureKind::Misconfigured, Some(307)));
    assert!(failure.detail.contains("redirects are never followed"), "{failure}");
    assert_eq!(hand.requests().len(), 1);
}

#[test]
fn row_15_every_request_has_a_deadline() {
    let mut hand = expired();
    hand.token(&codex(), Wish::default()).unwrap();
    hand.logout(&codex()).unwrap();
    for request in hand.requests() {
        assert!(request.deadline > Millis::ZERO && request.deadline <= Millis::seconds(30), "{}", request.url);
    }
}

#[test]
fn row_16_an_answer_that_is_no_json_is_told_with_its_status_and_its_first_words() {
    let mut hand = expired();
    hand.serve(|_| hand::answer(400, "upstream says: token=abcdefghijklmnopqrstuvwxyz0123456789"));
    let failure = hand.token(&codex(), Wish::default()).unwrap_err();
    assert_eq!(failure.status, Some(400));
    assert!(failure.detail.contains("upstream says") && !failure.detail.contains("abcdefgh"), "{failure}");
}
