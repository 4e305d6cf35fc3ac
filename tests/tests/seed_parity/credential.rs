//! Rows 1 to 9: the value that is stored.

use serde_json::json;
use tokenway_core::config::Config;
use tokenway_core::flow::Login;
use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{TokenNote, Wish};
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_tests::hand::{self, Hand, START};

use crate::{access_token, codex, codex_provider, logged_in, stored, text, tokens};

/// Logs in at a server that answers with these tokens.
fn login_with(tokens: serde_json::Value) -> Record {
    let mut hand = Hand::new(move |_| hand::json(200, &tokens));
    *hand.login(&codex()).unwrap().record
}

#[test]
fn row_01_and_04_a_record_holds_client_tokens_and_its_end_in_milliseconds() {
    let hand = logged_in();
    let record = stored(&hand);
    assert_eq!(record.client_id, "app_EMoamEEZ73f0CkXaXp7hrann");
    assert!(!record.access_token.is_empty());
    assert_eq!(record.refresh_token.as_ref().map(text), Some("refresh-token-1"));
    assert_eq!(record.expires_at, Some(UnixMillis(START.0 + 3_600_000)));
    let json = serde_json::to_value(record).unwrap();
    assert_eq!(json["expires_at"], START.0 + 3_600_000);
}

#[test]
fn row_02_granted_scopes_are_kept_and_a_record_without_them_is_read() {
    let mut answer = tokens(1);
    answer["scope"] = json!("openid email");
    let record = login_with(answer);
    assert_eq!(record.scopes.as_deref(), Some(["openid".to_owned(), "email".to_owned()].as_slice()));
    let mut json = serde_json::to_value(&record).unwrap();
    json["scopes"] = serde_json::Value::Null;
    json.as_object_mut().unwrap().remove("claims");
    assert_eq!(serde_json::from_value::<Record>(json).unwrap().scopes, None);
}

#[test]
fn row_03_the_names_of_the_members_stay_and_unknown_ones_are_kept() {
    let mut json = serde_json::to_value(login_with(tokens(1))).unwrap();
    for name in ["client_id", "access_token", "refresh_token", "expires_at"] {
        assert!(json.get(name).is_some(), "{name}");
    }
    json["of_a_newer_version"] = json!({ "a": 1 });
    let record: Record = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(record).unwrap(), json);
}

#[test]
fn row_05_the_end_is_counted_from_the_answer_and_unknown_without_expires_in() {
    let mut answer = tokens(1);
    answer.as_object_mut().unwrap().remove("expires_in");
    assert_eq!(login_with(answer.clone()).expires_at, None);
    answer["expires_in"] = json!(4_294_967_295_u64);
    assert!(login_with(answer).expires_at > Some(START));
}

#[test]
fn row_06_a_token_is_renewed_a_little_before_its_end() {
    let needs_refresh = |seconds| {
        let mut hand = logged_in();
        hand.pass(Millis::seconds(seconds));
        hand.token(&codex(), Wish::default()).unwrap();
        !hand.requests().is_empty()
    };
    assert!(!needs_refresh(0) && !needs_refresh(3_299), "far from its end");
    assert!(needs_refresh(3_376) && needs_refresh(3_600) && needs_refresh(86_400), "near its end, and after it");
}

#[test]
fn row_06_without_expires_in_the_jwt_tells_its_life_where_the_provider_says_so() {
    let claims = json!({
        "https://api.openai.com/auth": { "chatgpt_account_id": "acc-1" },
        "iat": START.0 / 1_000, "exp": START.0 / 1_000 + 864_000,
    });
    let answer = json!({ "access_token": hand::jwt(&claims), "refresh_token": "r", "token_type": "Bearer" });
    assert_eq!(login_with(answer.clone()).expires_at, Some(UnixMillis(START.0 + 864_000_000)));

    let provider = tokenway_core::provider::Provider { expiry_from_jwt: false, ..codex_provider() };
    let config = Config::builder(provider).build().unwrap();
    let mut hand = Hand::new(move |_| hand::json(200, &answer));
    assert_eq!(hand.login(&config).unwrap().record.expires_at, None);
}

#[test]
fn row_06_a_token_of_unknown_life_is_used_until_it_is_rejected() {
    let mut hand = Hand::new(|_| {
        hand::json(200, &json!({ "access_token": access_token("a"), "refresh_token": "r", "token_type": "Bearer" }))
    });
    hand.login(&codex()).unwrap();
    hand.log.clear();
    hand.pass(Millis::seconds(1_000_000));
    hand.token(&codex(), Wish::default()).unwrap();
    assert_eq!(hand.names(), ["load"]);
}

#[test]
fn row_07_the_rest_of_a_life_can_be_asked_for() {
    let mut hand = logged_in();
    hand.pass(Millis::seconds(600));
    let now = hand.now;
    let token = hand.token(&codex(), Wish { min_ttl: Millis::seconds(3_000), rejected: None }).unwrap();
    assert_eq!(token.record.expires_at.unwrap().since(now), Millis::seconds(3_000));
    assert!(hand.requests().is_empty());
    hand.token(&codex(), Wish { min_ttl: Millis::seconds(3_001), rejected: None }).unwrap();
    assert_eq!(hand.requests().len(), 1, "a longer rest was wanted");
}

#[test]
fn row_07_a_life_shorter_than_wished_is_said_not_refused() {
    let mut hand = logged_in();
    let token = hand.token(&codex(), Wish { min_ttl: Millis::seconds(86_400), rejected: None }).unwrap();
    assert_eq!(token.notes, [TokenNote::ShortLived]);
}

#[test]
fn row_08_no_token_is_printed() {
    let hand = logged_in();
    let record = stored(&hand);
    let shown = format!("{record:?} {record:#?}");
    assert!(!shown.contains(text(&record.access_token)) && !shown.contains("refresh-token-1"));
}

#[test]
fn row_09_the_clock_is_the_callers() {
    let url = |now| {
        let moment = tokenway_core::moment::Moment { now, entropy: [3; 32] };
        let session = Login::start(&codex(), moment);
        session.checkpoint().unwrap().as_bytes().to_vec()
    };
    assert_eq!(url(START), url(START));
    assert_ne!(url(START), url(UnixMillis(0)), "the deadline of the login follows the clock that was given");
}
