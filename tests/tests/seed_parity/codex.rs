//! Rows 60 to 66: the login with Codex.

use std::collections::BTreeMap;

use serde_json::json;
use tokenway_core::action::Action;
use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::event::{Listening, Outcome};
use tokenway_core::http::Method;
use tokenway_core::machine::Reason;
use tokenway_core::session::{Progress, Step};
use tokenway_tests::hand::{self, Hand};

use crate::{access_token, codex, expired, generous, stored, text, tokens};

fn authorize_url(hand: &Hand) -> String {
    for action in &hand.log {
        if let Action::OpenUrl(open) = action {
            return open.url.clone();
        }
    }
    panic!("no URL was opened");
}

fn whole_login() -> Hand {
    let mut hand = Hand::new(generous());
    hand.login(&codex()).unwrap();
    hand
}

#[test]
fn row_60_client_endpoints_redirect_and_scopes_are_those_of_codex() {
    let hand = whole_login();
    let url = authorize_url(&hand);
    assert!(url.starts_with("https://auth.openai.com/oauth/authorize?"), "{url}");
    assert_eq!(hand::parameter(&url, "client_id").as_deref(), Some("app_EMoamEEZ73f0CkXaXp7hrann"));
    assert_eq!(hand::parameter(&url, "redirect_uri").as_deref(), Some("http://localhost:1455/auth/callback"));
    assert_eq!(hand::parameter(&url, "scope").as_deref(), Some("openid profile email offline_access"));
    assert_eq!(hand.requests()[0].url, "https://auth.openai.com/oauth/token");
}

#[test]
fn row_61_the_authorize_url_has_exactly_these_parameters() {
    let url = authorize_url(&whole_login());
    let pairs = hand::query(&url);
    let by_name: BTreeMap<&str, &str> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(by_name.len(), pairs.len(), "no parameter stands twice");
    let names: Vec<&str> = by_name.keys().copied().collect();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "codex_cli_simplified_flow",
            "id_token_add_organizations",
            "originator",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
        ]
    );
    for (name, value) in [
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("id_token_add_organizations", "true"),
        ("codex_cli_simplified_flow", "true"),
        ("originator", "tokenway"),
    ] {
        assert_eq!(by_name[name], value);
    }
    assert_eq!((by_name["code_challenge"].len(), by_name["state"].len()), (43, 43));
}

#[test]
fn row_62_a_wrong_state_is_reported_and_the_login_goes_on() {
    let mut hand = Hand::new(generous());
    let mut wrong_first = true;
    hand = hand.with_person(move |wait| {
        if std::mem::take(&mut wrong_first) {
            return hand::callback(wait, "code=attackers&state=wrong");
        }
        hand::redirect(wait, "code=the-code")
    });
    let mut session = tokenway_core::flow::Login::start(&codex(), hand.moment());
    let mut reasons: Vec<Reason> = Vec::new();
    while let Some(progress) = hand.step(&mut session) {
        if let Progress::Ignored(reason) = progress {
            reasons.push(reason);
        }
    }
    let [reason] = reasons.as_slice() else { panic!("one is ignored: {reasons:?}") };
    assert!(reason.status == 400 && reason.sentence.contains("state"), "{reason:?}");
    assert!(session.into_end().unwrap().is_ok());
    assert!(hand::form(&hand.requests()[0]).contains(&("code".to_owned(), "the-code".to_owned())));
}

#[test]
fn row_62_two_logins_never_share_a_state() {
    let state = |hand: &Hand| hand::parameter(&authorize_url(hand), "state").unwrap();
    let mut hand = whole_login();
    let first = state(&hand);
    hand.log.clear();
    hand.login(&codex()).unwrap();
    assert_ne!(first, state(&hand));
}

#[test]
fn row_63_the_exchange_is_a_form_with_code_verifier_redirect_and_client() {
    let hand = whole_login();
    let requests = hand.requests();
    let [exchange] = requests.as_slice() else { panic!("one request") };
    assert_eq!((exchange.method, hand::header(exchange, "authorization")), (Method::Post, None));
    let pairs: BTreeMap<String, String> = hand::form(exchange).into_iter().collect();
    let verifier = pairs["code_verifier"].clone();
    assert_eq!(verifier.len(), 43);
    let expected = [
        ("client_id", "app_EMoamEEZ73f0CkXaXp7hrann"),
        ("code", "the-code"),
        ("code_verifier", &verifier),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "http://localhost:1455/auth/callback"),
    ];
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, expected);
    assert!(exchange.single_use);
}

#[test]
fn row_64_it_is_saved_under_codex_with_what_the_id_token_says() {
    let id_token = hand::jwt(&json!({
        "iss": "https://auth.openai.com",
        "aud": ["app_EMoamEEZ73f0CkXaXp7hrann"],
        "exp": hand::START.0 / 1_000 + 60,
        "sub": "user-1",
        "email": "ada@example.com",
        "https://api.openai.com/auth": {
            "chatgpt_account_id": "acc-1", "chatgpt_plan_type": "plus", "chatgpt_user_id": "u-1", "organization_id": "org-1"
        },
    }));
    let mut answer = tokens(1);
    answer["id_token"] = json!(id_token);
    let mut hand = Hand::new(move |_| hand::json(200, &answer));
    hand.login(&codex()).unwrap();
    assert_eq!(codex().key().provider, "codex");
    let claims: Vec<(&str, &str)> =
        stored(&hand).claims.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("account_id", "acc-1"),
        ("email", "ada@example.com"),
        ("organization_id", "org-1"),
        ("plan", "plus"),
        ("sub", "user-1"),
        ("user_id", "u-1"),
    ];
    assert_eq!(claims, expected);
}

#[test]
fn row_65_tokens_that_cannot_be_saved_are_handed_back_once() {
    let mut hand = Hand::new(generous());
    hand.failing_saves = 1;
    let mut failure = hand.login(&codex()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Store);
    let record = failure.take_unsaved().expect("the tokens");
    assert_eq!(record.refresh_token.as_ref().map(text), Some("refresh-token-1"));
    assert!(failure.take_unsaved().is_none());
}

#[test]
fn row_66_the_second_registered_port_is_used_when_the_first_is_taken() {
    let mut hand = Hand::new(generous());
    let mut session = tokenway_core::flow::Login::start(&codex(), hand.moment());
    let Step::Act { id, action: Action::Listen(listen) } = session.poll() else { panic!("it listens first") };
    let redirect_uri = listen.candidates[1].clone();
    let outcome = Outcome::Listening(Listening { redirect_uri });
    session.handle(hand.moment(), tokenway_core::event::Event { id, outcome }).unwrap();
    hand.run(session).unwrap();
    let second = "http://localhost:1457/auth/callback";
    assert_eq!(hand::parameter(&authorize_url(&hand), "redirect_uri").as_deref(), Some(second));
    assert!(hand::form(&hand.requests()[0]).contains(&("redirect_uri".to_owned(), second.to_owned())));
}

#[test]
fn a_logout_revokes_in_json_and_names_the_client_for_the_refresh_token_only() {
    let mut hand = whole_login();
    let access_token = text(&stored(&hand).access_token).to_owned();
    hand.log.clear();
    hand.logout(&codex()).unwrap();
    let requests = hand.requests();
    let [refresh, access] = requests.as_slice() else { panic!("two requests") };
    for request in [refresh, access] {
        assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://auth.openai.com/oauth/revoke"));
    }
    assert_eq!(
        hand::json_body(refresh),
        json!({
            "token": "refresh-token-1",
            "token_type_hint": "refresh_token",
            "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        })
    );
    assert_eq!(hand::json_body(access), json!({ "token": access_token, "token_type_hint": "access_token" }));
}

#[test]
fn each_code_of_a_dead_refresh_token_is_found_in_its_three_places_and_told_in_its_own_words() {
    for (code, words) in [
        ("refresh_token_expired", "your refresh token has expired"),
        ("refresh_token_reused", "your refresh token was already used"),
        ("refresh_token_invalidated", "your refresh token was revoked"),
    ] {
        for body in [json!({ "error": code }), json!({ "error": { "code": code } }), json!({ "code": code })] {
            for status in [400, 401] {
                let mut hand = expired();
                let body = body.clone();
                hand.serve(move |_| hand::json(status, &body));
                let failure = hand.token(&codex(), Default::default()).unwrap_err();
                assert_eq!((failure.kind, &failure.next), (FailureKind::Refused, &NextStep::LogIn), "{failure}");
                assert_eq!(failure.code.as_deref(), Some(code));
                assert!(failure.detail.contains(words) && failure.detail.contains("sign in again"), "{failure}");
            }
        }
    }
}

#[test]
fn the_account_is_read_from_the_access_token_then_from_the_id_token_and_a_login_without_it_fails() {
    let account = |access: &str, id_token: Option<&str>| {
        let mut answer = json!({ "access_token": access, "refresh_token": "r", "token_type": "Bearer" });
        if let Some(id_token) = id_token {
            answer["id_token"] = json!(id_token);
        }
        let login = Hand::new(move |_| hand::json(200, &answer)).login(&codex());
        login.map(|done| done.record.claims["account_id"].clone())
    };
    let id_token = hand::jwt(&json!({
        "iss": "https://auth.openai.com",
        "aud": "app_EMoamEEZ73f0CkXaXp7hrann",
        "exp": hand::START.0 / 1_000 + 60,
        "https://api.openai.com/auth": { "chatgpt_account_id": "of-the-id-token" },
    }));
    assert_eq!(account(&access_token("of-the-access-token"), Some(&id_token)).unwrap(), "of-the-access-token");
    assert_eq!(account("opaque", Some(&id_token)).unwrap(), "of-the-id-token");
    let failure = account("opaque", None).unwrap_err();
    assert!(failure.detail.contains("account_id") && failure.detail.contains("ChatGPT"), "{failure}");
}
