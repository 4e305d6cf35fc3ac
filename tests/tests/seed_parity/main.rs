//! What users of this program's predecessor rely on, and what went wrong there: each row of the parity list that core
//! decides, under its number. A row that is kept is tested as it was, a fault in its corrected form.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

mod callback;
mod codex;
mod credential;
mod jwt;
mod refresh;
mod storage;
mod stores;
mod token_manager;

use serde_json::{Value, json};
use tokenway_core::config::Config;
use tokenway_core::http::HttpRequest;
use tokenway_core::lifecycle::record::Record;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokenway_tests::hand::{self, Hand};

fn codex_provider() -> Provider {
    let built_in = Provider::built_in().unwrap();
    built_in.into_iter().find(|provider| provider.id == "codex").unwrap()
}

fn codex() -> Config {
    Config::builder(codex_provider()).build().unwrap()
}

/// An access token that names the account.
fn access_token(account: &str) -> String {
    hand::jwt(&json!({ "https://api.openai.com/auth": { "chatgpt_account_id": account } }))
}

/// What the token endpoint answers when all is well. Each answer brings another access and refresh token.
fn tokens(number: u32) -> Value {
    json!({
        "access_token": access_token("acc-1").replace("c2ln", &format!("c2ln{number}")),
        "refresh_token": format!("refresh-token-{number}"),
        "expires_in": 3600,
        "token_type": "Bearer",
    })
}

/// A server that gives new tokens to everyone who asks.
fn generous() -> impl FnMut(&HttpRequest) -> tokenway_core::event::Outcome {
    let mut number = 0;
    move |_| {
        number += 1;
        hand::json(200, &tokens(number))
    }
}

/// A world in which somebody has just logged in with Codex.
fn logged_in() -> Hand {
    let mut hand = Hand::new(generous());
    hand.login(&codex()).unwrap();
    hand.log.clear();
    hand
}

/// The same when the access token is dead.
fn expired() -> Hand {
    let mut hand = logged_in();
    hand.pass(tokenway_core::moment::Millis::seconds(7_200));
    hand
}

fn stored(hand: &Hand) -> &Record {
    hand.record.as_ref().expect("a stored login")
}

fn text(secret: &Secret) -> &str {
    secret.expose()
}
